"""What the exercises of chapter 4 give: texts, models and numbers that the variant decides."""

from __future__ import annotations

import math
import re
from functools import cache
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from .. import attention, text, tokenizers
from ..gpt import Block, GPTConfig
from .chapter import Draw

# --- tokens -----------------------------------------------------------------------------------


@cache
def _sonnets() -> str:
    return text.load_sonnets()


@cache
def _poems() -> str:
    return text.load_poems()[:40_000]


@cache
def _lines() -> tuple[list[str], list[str]]:
    """Returns lines of the sonnets, words and spaces alone, and lines of the poems."""
    english = re.findall(r"^([A-Z][a-z]+(?: [a-z]+){4,6})[,.;:]?$", _sonnets(), re.M)
    chinese = re.findall(r"^([\u4e00-\u9fff]+，[\u4e00-\u9fff]+)。$", _poems(), re.M)
    return english, chinese


@cache
def _merges(start: int) -> list[tokenizers.Pair]:
    sample = " ".join(_sonnets()[start : start + 3000].split())
    return tokenizers.learn_merges(sample, 256 + 8)


def whole_character(character: str) -> list[tokenizers.Pair]:
    """Returns the merges that make one token of a Chinese character's three bytes."""
    a, b, c = (bytes([byte]) for byte in character.encode())
    return [(a, b), (a + b, c)]


def lines(draw: Draw) -> SimpleNamespace:
    """Returns an English and a Chinese line, each with the merges of a tokeniser."""
    english, chinese = _lines()
    merges = _merges(draw.integer(0, 80_000))
    tokenizer, line = tokenizers.BPETokenizer(merges), ""
    while len(tokenizer.encode(line)) > len(line) - 5:
        line = draw.choice(english)
    poem = draw.choice(chinese)
    starts = [character.encode()[:2] for character in poem]  # merged alike if they are the same
    alone = [c for c, start in zip(poem, starts, strict=True) if starts.count(start) == 1]
    if len(alone) < 4:
        return lines(draw)
    whole = draw.sample(alone, draw.integer(1, 4))
    return SimpleNamespace(
        english=line,
        english_merges=list(merges),
        chinese=poem,
        chinese_merges=[pair for character in whole for pair in whole_character(character)],
    )


# --- attention --------------------------------------------------------------------------------


def attention_layer(draw: Draw) -> SimpleNamespace:
    """Returns the sizes of an attention layer, cut into few heads and into many."""
    heads, shared = draw.choice(((2, (1, 4)), (3, (2, 4, 6)), (4, (2, 8))))
    return SimpleNamespace(
        width=heads * 4 * draw.choice((4, 6, 8, 10, 12, 14, 16)),
        heads=heads,
        more_heads=4 * heads,
        kv_heads=draw.choice(shared),
        tokens=draw.integer(50, 999),
    )


class Reader(nn.Module):
    """A language model of one block that takes its mask from outside."""

    angles: Tensor

    def __init__(self, vocab_size: int = 12, width: int = 16) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, width)
        config = GPTConfig(vocab_size, context=32, num_heads=2, width=width)
        self.block = Block(config)
        self.head = nn.Linear(width, vocab_size, bias=False)
        self.register_buffer("angles", attention.rotary_angles(32, config.head_dim))

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Returns logits of each next token, (B, T, vocab_size), of tokens, (B, T).

        The mask, bool, (T, T), has True where a row's token may see a column's.
        """
        x = self.block(self.embedding(tokens), self.angles[:, : tokens.size(1)], mask)
        logits: Tensor = self.head(x)
        return logits


def reader(draw: Draw) -> SimpleNamespace:
    """Returns a language model in training mode and two rows of tokens."""
    model = Reader()
    for weight in model.parameters():
        if weight.ndim == 2:
            weight.data = draw.normal(*weight.shape) / weight.size(1) ** 0.5
    return SimpleNamespace(model=model.train(), tokens=draw.integers(0, 12, 2, 9))


def scene(draw: Draw) -> SimpleNamespace:
    """Returns five words of which the most looked at hands over what the others do anyway."""
    words = ["the", "cat", "chased", "its", draw.choice(("tail", "shadow", "ball"))]
    query, keys, values = draw.normal(8), 0.3 * draw.normal(5, 8), draw.normal(5, 4)
    keys[0] += 2.5 * query / query.square().mean() / 8**0.5
    values[draw.integer(1, 4)] *= 6
    values[0] = attention.attend(query[None], keys[1:], values[1:])[0]
    return SimpleNamespace(words=words, query=query, keys=keys, values=values)


# --- the next token ---------------------------------------------------------------------------

CAPITALS = {
    "Australia": ("Canberra", "Sydney", "Melbourne", "Perth", "Brisbane", "Adelaide"),
    "Turkey": ("Ankara", "Istanbul", "Izmir", "Bursa", "Adana", "Konya"),
    "Canada": ("Ottawa", "Toronto", "Montreal", "Vancouver", "Calgary", "Quebec"),
    "Brazil": ("Brasilia", "Rio", "Salvador", "Recife", "Fortaleza", "Manaus"),
    "Morocco": ("Rabat", "Casablanca", "Marrakesh", "Fez", "Tangier", "Agadir"),
}


def question(draw: Draw) -> SimpleNamespace:
    """Returns a question that a model answers wrongly: its answers' logits, and the true one."""
    country = draw.choice(list(CAPITALS))
    capital, *others = CAPITALS[country]
    cities = draw.sample(others, 5)
    logits = sorted((number / 100 for number in draw.sample(range(-200, 300), 6)), reverse=True)
    place = draw.integer(2, 4)
    cities.insert(place - 1, capital)
    return SimpleNamespace(
        prompt=f"The capital of {country} is",
        logits={cities[i]: logits[i] for i in draw.sample(range(6), 6)},
        truth=capital,
        cold=draw.number(0.2, 0.6, 1),
        hot=draw.number(1.5, 4, 1),
    )


# --- text that a model wrote ------------------------------------------------------------------

# By `gpt_training.train_course(Recipe(150, 24, num_layers=2), ...)` on the sonnets, seed 0, from
# a line break on, with temperature 0.8 and top-p 0.95; each cut after a whole line.
WRITTEN = (
    (
        "O! leave the lack well I grace and the shall eart:\n"
        "The change such such in their heart the call;\n"
    ),
    (
        "Thy faire was thou this doth my sould beauty'st,\n"
        "That heaven of affence should see being thy poeting once,\n"
    ),
    ("Of maken's praise, my shall be our grace,\nWith the shall beauty say more well my see:\n"),
    ("But which the plac'd, or cheek of benew\nI am thee and charm'd love and doth thee,\n"),
    (
        "And then they makense world be and make mine on my heart,\n"
        "Shall thy strays in you art so some doth nothing,\n"
    ),
    ("O! when that is to the prose, to when,\nAnd thou should doth the canner prove\n"),
    ("So this true can and and my brings former call\nThat every in all best all he worth ands\n"),
    (
        "For thee that which have doth things that I fing,\n"
        "To ming sweet song in many stage sweet,\n"
    ),
    (
        "For the worth from the desion my fraise;\n"
        "Who love's crising crown thy some that when the stander's shad.\n"
        "\n"
        "LXX\n"
    ),
    "That on thee and that love doth my bare a many minter what thou hast my dare be do so break,",
)


def sample(draw: Draw) -> SimpleNamespace:
    """Returns lines that a GPT wrote, and the text that it was trained on."""
    return SimpleNamespace(written=draw.choice(WRITTEN), corpus=_sonnets())


# --- bits per character -----------------------------------------------------------------------

LENGTHS = (2000, 6000, 20_000, 80_000)
EXCERPT = 8000


def runs(draw: Draw) -> SimpleNamespace:
    """Returns the losses of bigram models on one excerpt of the sonnets, with three tokenisers."""
    measured = _measured(draw.integer(0, 8), 10 * draw.integer(2, 10), 10 * draw.integer(35, 50))
    found = {
        name: SimpleNamespace(tokens=tokens, nats=list(nats))
        for name, (tokens, nats) in measured.items()
    }
    given = SimpleNamespace(characters=EXCERPT, lengths=list(LENGTHS), runs=found)
    claims = [draw.choice(list(group)) for group in statements(given)]
    given.statements = draw.lettered(claims)
    return given


def bits(given: SimpleNamespace) -> dict[str, list[float]]:
    """Returns each run's bits for each character of the excerpt, one for each length of text."""
    return {
        name: [n * run.tokens / given.characters / math.log(2) for n in run.nats]
        for name, run in given.runs.items()
    }


# Who takes one of these for true compares perplexities across tokenisers.
COMPARES = (
    "The model on characters is the best of all: its perplexity is the lowest.",
    "Perplexities of different tokenisers can be compared if the excerpt is the same.",
)


def statements(given: SimpleNamespace) -> list[dict[str, bool]]:
    """Returns groups of what might be said of the runs, and whether it is true."""
    letters, one, two = given.runs
    rates = bits(given)
    gain = {name: rate[0] - rate[-1] for name, rate in rates.items()}
    last = {name: rate[-1] for name, rate in rates.items()}
    best = min(last, key=last.__getitem__)
    most = f"With {given.lengths[-1]:,} characters of training text,"
    costs = given.runs[two].nats[-1] > given.runs[one].nats[-1]
    return [
        *({said: False} for said in COMPARES),
        {f"{most} {name} predict the excerpt best.": name == best for name in (one, two)},
        {
            f"More training text helps {a} more than {b}, in bits a character.": gain[a] > gain[b]
            for a, b in ((letters, two), (two, letters))
        },
        {f"{most} one of the {two} carries more nats than one of the {one}.": costs},
        {"With one tokeniser, a model of lower perplexity also has fewer bits a character.": True},
    ]


@cache
def _measured(part: int, few: int, many: int) -> dict[str, tuple[int, list[float]]]:
    """Returns for each tokeniser how many tokens it predicts, and the loss after each length.

    Two tokenisers have few and many merges.
    """
    text_ = _sonnets()
    cut = text_.index(",\n", 10_000 * part) + 1
    excerpt = text_[cut : cut + EXCERPT + 1]  # its first token, a line break, is not predicted
    rest = text_[cut + EXCERPT + 1 :] + text_[:cut]
    merges = tokenizers.learn_merges(rest[:8000], 256 + many)
    small, large = (tokenizers.BPETokenizer(merges[:count]) for count in (few, many))
    tools: dict[str, tokenizers.Tokenizer] = {
        "characters": tokenizers.CharTokenizer(text_),
        f"{small.vocab_size} tokens": small,
        f"{large.vocab_size} tokens": large,
    }
    found = {}
    for name, tool in tools.items():
        held, train = (tokenizers.encode_tensor(tool, t) for t in (excerpt, rest[: LENGTHS[-1]]))
        size = torch.tensor([len(tool.decode([i])) for i in range(tool.vocab_size)])
        ends = size[train].cumsum(0)  # the sonnets are ASCII: a byte is a character
        nats = [
            text.bigram_nats(train[: int((ends <= length).sum())], held, tool.vocab_size)
            for length in LENGTHS
        ]
        found[name] = len(held) - 1, nats
    return found
