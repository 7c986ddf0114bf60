"""Questions of chapter 4 about tokens, and what a model's loss on them means."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw
from aigc_utils.gpt import BPETokenizer

from ..kinds import Question, choose, compute, decimals, kind, listed, whole


@kind(
    "The probability of a row",
    objective="autoregressive factorisation",
)
def chain_of_tokens(draw: Draw) -> Question:
    """Multiplies conditional probabilities."""
    steps = draw.sample((0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9), 3)
    alone = [draw.number(0.05, 0.25) for _ in range(3)]
    words = draw.choice(
        (("the", "cat", "sleeps"), ("a", "ship", "sails"), ("my", "lord", "speaks"))
    )
    whole_row = " ".join(words)
    text = (
        f"After some beginning a language model gives “{words[0]}” the probability {steps[0]}; "
        f"after that, “{words[1]}” the probability {steps[1]}; and after both, “{words[2]}” the "
        f"probability {steps[2]}. In its training text the three have the shares {listed(alone)}. "
        f"How probable is it that the model goes on with “{whole_row}”?"
    )
    because = (
        "The probability of a row is the product of each token's probability given all before it. "
        "How frequent a token is by itself is already in these."
    )
    mistakes = {
        "This is the mean; probabilities of one after another are multiplied.": sum(steps) / 3,
        "This is only the last token's; the two before have to come as well.": steps[2],
        "These are the shares of single words, which do not know what stands before.": (
            math.prod(alone)
        ),
        "The shares are counted twice: each step's probability holds them already.": (
            math.prod(steps) * math.prod(alone)
        ),
        "This is the mean for each token, a root; the row has the product.": (
            math.prod(steps) ** (1 / 3)
        ),
    }
    return compute(draw, text, math.prod(steps), because, mistakes, decimals(3))


def _tokens(text: str, merges: list[tuple[str, str]]) -> list[str]:
    tokenizer = BPETokenizer([(a.encode(), b.encode()) for a, b in merges])
    return [tokenizer.decode([token]) for token in tokenizer.encode(text)]


@kind(
    "How many tokens?",
    objective="tokenisation (characters, BPE, Chinese too)",
    misconceptions=("tokens = words",),
)
def count_tokens(draw: Draw) -> Question:
    """Applies merges of byte-pair encoding by hand."""
    merges = [("t", "h"), ("i", "n"), ("e", "r"), ("th", "e"), ("th", "in"), ("o", "n")]
    pool = ("other", "thinner", "theory", "winter", "thermal", "interest", "father", "tin", "lathe",
            "onion", "mother", "anthem", "inner", "tenth")  # fmt: skip
    words = draw.sample(pool, 2)
    row = " ".join(words)
    shown = ", ".join(f"`{a}` + `{b}`" for a, b in merges)
    text = (
        f"A tokeniser begins with single characters and applies these merges, in this order: "
        f"{shown}. A space stays a token of its own. How many tokens does `{row}` become?"
    )
    tokens = _tokens(row, merges)
    because = "The tokens are " + ", ".join(
        "the space" if token == " " else f"`{token}`" for token in tokens
    )
    early = _tokens(row, merges[:3])
    mistakes = {
        "These are the words; tokens are what the merges leave, and the space counts too.": 2,
        "These are the characters; some of them have been joined.": len(row),
        "Merges may join what earlier merges made, as `th` and `e`; here only the first three are "
        "applied.": len(early),
        "The space is a token too.": len(tokens) - 1,
        "Here each merge joins one pair only; it joins the pair wherever it stands.": (
            len(row) - len([pair for pair in merges if "".join(pair) in row])
        ),
        "These are the words and the space; a word may fall into several tokens.": 3,
    }
    return compute(draw, text, len(tokens), f"{because}.", mistakes, whole)


@kind(
    "Before any training",
    objective="next-token loss, perplexity, bits per character",
)
def untrained_loss(draw: Draw) -> Question:
    """Asks for the loss of a model that knows nothing."""
    size = draw.choice((65, 100, 256, 1000, 4096, 32_000, 50_257))
    text = (
        f"A GPT has a vocabulary of {size:,} tokens. It was just set up, has not learned anything, "
        "and gives all tokens about the same probability. What is its loss, in nats a token?"
    )
    because = f"Every token has the probability 1 / {size:,}, and the loss is minus its logarithm."
    mistakes = {
        "This is in bits; nats take the natural logarithm.": math.log2(size),
        "A loss of zero would be that of a model that is certain and right.": 0.0,
        "This is the logarithm to base ten.": math.log10(size),
        "This is the perplexity, the exponential of the loss.": float(size),
        "This is the logarithm of the root; the whole vocabulary counts.": math.log(size) / 2,
    }
    return compute(draw, text, math.log(size), because, mistakes, decimals(2))


@kind(
    "Bits for each character",
    objective="next-token loss, perplexity, bits per character",
    misconceptions=("comparing perplexity across tokenisers",),
)
def bits_a_character(draw: Draw) -> Question:
    """Turns a loss in nats a token into bits a character."""
    loss, length = draw.number(2.6, 3.9), draw.number(2.4, 4.6, 1)
    text = (
        f"A model has a loss of {loss:.2f} nats a token on a text in which a token is {length} "
        "characters long on average. How many bits does it need for a character?"
    )
    because = (
        "One nat is 1.443 bits, as the natural logarithm of 2 is 0.693. The bits of a token are "
        f"shared by its {length} characters."
    )
    bits = loss / math.log(2)
    mistakes = {
        "These are bits for a token, which holds several characters.": bits,
        "These are nats for a character; a nat is more than a bit.": loss / length,
        "A token holds several characters, so one of them costs less, not more.": bits * length,
        "A nat is 1.443 bits: this divides by it in place of multiplying.": (
            loss * math.log(2) / length
        ),
        "This is the perplexity for each character, and no number of bits.": (
            math.exp(loss / length)
        ),
    }
    return compute(draw, text, bits / length, because, mistakes, decimals(2))


@kind(
    "Two perplexities",
    objective="next-token loss, perplexity, bits per character",
    misconceptions=("comparing perplexity across tokenisers",),
    public=True,
)
def two_perplexities(draw: Draw) -> Question:
    """Compares two models whose tokens differ in length."""
    short, long = draw.number(1.5, 2.0, 1), draw.number(4.0, 4.8, 1)
    low, high = draw.integer(8, 12), draw.integer(28, 40)
    poor, good = draw.sample(("A", "B"), 2)
    bits = {poor: math.log2(low) / short, good: math.log2(high) / long}
    text = (
        f"On the same text model {poor} has a perplexity of {low} a token, with tokens of {short} "
        f"characters on average. Model {good} has a perplexity of {high} a token, with tokens of "
        f"{long} characters. Which of the two predicts this text better?"
    )
    right = f"Model {good}, with {bits[good]:.2f} bits a character; {poor} needs {bits[poor]:.2f}."
    because = (
        "Perplexity counts choices for each token, so longer tokens make it larger. Bits a "
        "character can be compared: the logarithm to base 2, shared by the characters of a token."
    )
    wrong = {
        f"Model {poor}, as it hesitates between {low} tokens, and {good} between {high}.": (
            f"The tokens differ: one of {good}'s has to guess several characters at once."
        ),
        f"Model {poor}, as shorter tokens make each single guess easier and safer.": (
            "Easier guesses, but more of them: what counts is the cost of the same text."
        ),
        "Neither, as models with different tokenisers cannot be compared at all.": (
            "Their perplexities a token cannot; their bits a character can."
        ),
        f"Model {poor}, with {math.log2(low):.2f} bits a token; {good} needs "
        f"{math.log2(high):.2f}.": "The longer token holds more of the text, so it may cost more.",
    }
    return choose(draw, text, right, because, wrong)
