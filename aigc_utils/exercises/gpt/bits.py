"""The exercise of chapter 4 about comparing tokenisers on one scale."""

from __future__ import annotations

import math
from functools import cache
from types import SimpleNamespace
from typing import Any

import torch

from ... import gpt
from ..answers import a_choice, a_picture, drawn_lines
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close
from .texts import sonnets

LENGTHS = (2000, 6000, 20_000, 80_000)
EXCERPT = 8000


def _runs(draw: Draw) -> SimpleNamespace:
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


def _bits_per_character(given: SimpleNamespace) -> dict[str, list[float]]:
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
    rates = _bits_per_character(given)
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
    text_ = sonnets()
    cut = text_.index(",\n", 10_000 * part) + 1
    excerpt = text_[cut : cut + EXCERPT + 1]  # its first token, a line break, is not predicted
    rest = text_[cut + EXCERPT + 1 :] + text_[:cut]
    merges = gpt.learn_merges(rest[:8000], 256 + many)
    small, large = (gpt.BPETokenizer(merges[:count]) for count in (few, many))
    tools: dict[str, gpt.Tokenizer] = {
        "characters": gpt.CharTokenizer(text_),
        f"{small.vocab_size} tokens": small,
        f"{large.vocab_size} tokens": large,
    }
    found = {}
    for name, tool in tools.items():
        held, train = (gpt.encode_tensor(tool, t) for t in (excerpt, rest[: LENGTHS[-1]]))
        size = torch.tensor([len(tool.decode([i])) for i in range(tool.vocab_size)])
        ends = size[train].cumsum(0)  # the sonnets are ASCII: a byte is a character
        nats = [
            gpt.bigram_nats(train[: int((ends <= length).sum())], held, tool.vocab_size)
            for length in LENGTHS
        ]
        found[name] = len(held) - 1, nats
    return found


@exercise(
    "Three tokenisers, one scale",
    kind="explain",
    objective="next-token loss, perplexity, bits per character",
    misconceptions=("comparing perplexity across tokenisers",),
    points=4,
    hints=(
        "The whole excerpt's loss is the mean loss times the number of tokens; spread it over the "
        "characters.",
        "One bit is $\\log 2$ nats, so divide by `math.log(2)`. Then read each statement off the "
        "figure or off `runs`.",
        "`nats * run.tokens / measured.characters / math.log(2)` for each of `run.nats`. What "
        "compares perplexities of different tokenisers is false.",
    ),
    given=_runs,
)
def bits(given: SimpleNamespace, draw: Draw, answer: Any, choice: Any) -> None:
    """`answer` is a picture of bits a character, `choice` the letters of true statements."""
    picture = a_picture(answer, "figure")
    lines, wanted = drawn_lines(picture), _bits_per_character(given)
    expect(set(lines) == set(wanted), f"Draw three lines with the names {', '.join(wanted)}.")
    unit = picture.figure.axes[0].get_ylabel().lower()
    # Of a single character's token, nats a token are nats a character: ask there last.
    for name in sorted(lines, key=lambda name: given.runs[name].tokens):
        x, y = lines[name]
        expect(x == given.lengths, f"The line of {name} must stand over `measured.lengths`.")
        _expect_line(name, y, given.runs[name], given.characters)
    expect("bit" in unit, "Name the unit at the vertical axis: bits a character.")
    choice = a_choice(choice, "true_ones", list(given.statements))
    all_said = {k: true for group in statements(given) for k, true in group.items()}
    truth = {said: all_said[said] for said in given.statements.values()}
    chosen = {given.statements[letter] for letter in choice}
    expect(
        not chosen & set(COMPARES),
        "One of these compares perplexities across tokenisers. A token of each is worth another "
        "number of characters, so they have no common scale.",
    )
    wrong = sum((said in chosen) != true for said, true in truth.items())
    expect(not wrong, f"{wrong} of the {len(truth)} statements are not where they belong.")


def _expect_line(name: str, y: list[float], run: SimpleNamespace, characters: int) -> None:
    """Raises NotYet unless a line is at the height of a run's bits a character."""
    expect(len(y) == len(run.nats), f"The line of {name} needs one point for each length.")
    line, nats = torch.tensor(y), torch.tensor(run.nats)
    rate = run.tokens / characters
    apart = (
        "tokens of different tokenisers are worth different numbers of characters, so this "
        "compares what has no common scale"
    )
    mistakes = {f"These are perplexities: {apart}.": nats.exp()}
    if rate != 1:
        mistakes[f"These are nats a token: {apart}."] = nats
        mistakes[f"These are bits a token: {apart}."] = nats / math.log(2)
    mistakes |= {
        "These are nats a character: one bit is log 2 nats.": nats * rate,
        "Divide by log 2: bits are smaller than nats.": nats * rate * math.log(2),
        "The rate is upside down: tokens for each character.": nats / rate / math.log(2),
    }
    otherwise = f"The line of {name} is at another height."
    expect_close(line, nats * rate / math.log(2), mistakes, otherwise, 1e-3)
