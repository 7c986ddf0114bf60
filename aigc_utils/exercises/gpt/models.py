"""The exercises of chapter 4 whose answer is a model: it is measured on text it was not given."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ... import gpt
from ..answers import a_tensor
from ..chapter import Draw, exercise
from ..checking import NotYet, expect
from .texts import sonnets

Model = Callable[[Tensor], Tensor]


@torch.no_grad()
def _logits(model: Model, tokens: Tensor, vocab_size: int) -> Tensor:
    """Returns a model's logits, (B, T, vocab_size); raises NotYet if it sees later tokens."""
    expect(callable(model), "The model must be something that can be called with tokens.")
    shape = (*tokens.shape, vocab_size)
    logits = a_tensor(model(tokens.clone()), "What the model returns", shape).float()
    middle = tokens.size(1) // 2
    changed = tokens.clone()
    changed[:, middle:] = (changed[:, middle:] + 1) % vocab_size
    others = a_tensor(model(changed), "What the model returns", shape).float()
    expect(
        torch.allclose(logits[:, :middle], others[:, :middle], atol=1e-3),
        "Its logits change with tokens that come later, so it sees what it is to predict: each "
        "token may look at itself and at those before.",
    )
    return logits


# --- echo -----------------------------------------------------------------------------------

#: What an echo may cost, in nats: a model that has found it comes far below.
HEARD = 0.3


def _echoes(draw: Draw) -> SimpleNamespace:
    """Returns rows of random tokens, each row said twice."""
    vocab_size, length = draw.integer(6, 9), draw.integer(5, 8)
    said = draw.integers(0, vocab_size, 2000, length)
    return SimpleNamespace(rows=said.repeat(1, 2), vocab_size=vocab_size, length=length)


@exercise(
    "A Transformer from an empty cell",
    kind="write",
    objective="embeddings and position; query, key, value; causal mask; next-token loss",
    points=5,
    hints=(
        "In the second half of a row the next token stood `length` places before itself. So a "
        "token has to see those before it, and has to know where they stand.",
        "Add to each token's vector one for its place. One head is enough: queries, keys, values, "
        "scores divided by the root, later tokens hidden, softmax; then a layer that makes logits "
        "of the vector and what it gathered.",
        "Train with `torch.optim.Adam(model.parameters(), 0.01)`: in each of 400 steps take 128 "
        "rows, and go down `F.cross_entropy(model(rows[:, :-1]).mT, rows[:, 1:])`.",
    ),
    given=_echoes,
    optimizes=True,
)
def echo(given: SimpleNamespace, draw: Draw, model: Any) -> None:
    """`model(tokens)` gives logits of each next token, int64 (B, T) to (B, T, vocab_size)."""
    length = given.length
    rows = draw.integers(0, given.vocab_size, 100, length).repeat(1, 2)
    logits = _logits(model, rows[:, :-1], given.vocab_size)
    nats = F.cross_entropy(logits.mT, rows[:, 1:], reduction="none")[:, length - 1 :].mean().item()
    chance = math.log(given.vocab_size)
    expect(
        nats < 0.95 * chance,
        f"In the second half a token costs {nats:.2f} nats, and a guess costs {chance:.2f}: does a "
        "token see those before it, and was the model trained?",
    )
    expect(
        nats < 0.4 * chance,
        f"In the second half a token costs {nats:.2f} nats: it knows which tokens there were, and "
        "not which is the next. Does it know where they stand?",
    )
    expect(nats < HEARD, f"It is on its way: {nats:.2f} nats, {HEARD} are wanted. Train longer.")


# --- beat -----------------------------------------------------------------------------------

#: By how many bits a character the rung is to be beaten.
MARGIN = 0.2
#: Where the sonnets end that are given to train on and to watch; what follows is for the check.
TRAIN, WATCH = 70_000, 80_000
ROW = 64


@cache
def _sonnet_ids() -> tuple[Tensor, int, list[str]]:
    """Returns the sonnets as ids, the number of different ones, and the characters."""
    characters = gpt.CharTokenizer(sonnets())
    ids = gpt.encode_tensor(characters, sonnets())
    return ids, characters.vocab_size, characters.characters


def _race(draw: Draw) -> SimpleNamespace:
    """Returns sonnets to train on and to watch, and what the rung costs on the latter."""
    ids, vocab_size, characters = _sonnet_ids()
    train, watch = ids[draw.integer(0, 5000) : TRAIN], ids[TRAIN:WATCH]
    rung = gpt.bigram_nats(train, watch, vocab_size) / math.log(2)
    return SimpleNamespace(
        train=train, watch=watch, vocab_size=vocab_size, characters=characters, rung=rung
    )


@exercise(
    "Beat this rung",
    kind="write",
    objective="n-grams and back-off; bits per character; what each part of a model brings",
    points=5,
    hints=(
        "Anything that predicts text may climb: a longer table, a rung of chapter 4's ladder, a "
        "mean of both. Measure on `race.watch` before you hand in.",
        "The shortest way is to count: how often does each character follow each pair, and how "
        "much does the bigram count where a pair is rare?",
        "Fill `three = torch.zeros(V, V, V)` with `index_put_(..., accumulate=True)`, mix it with "
        "the bigram's shares as chapter 4's back-off does, and return the logarithm of "
        "`shares[before, tokens]`.",
    ),
    given=_race,
)
def beat(given: SimpleNamespace, draw: Draw, model: Any) -> str:
    """`model(tokens)` gives logits of each next token, int64 (B, T) to (B, T, vocab_size)."""
    ids, vocab_size, _ = _sonnet_ids()
    start = draw.integer(WATCH, len(ids) - 60 * ROW - 1)
    excerpt = ids[start : start + 60 * ROW + 1]
    inputs, targets = excerpt[:-1].view(60, ROW), excerpt[1:].view(60, ROW)
    logits = _logits(model, inputs, vocab_size)
    nats = F.cross_entropy(logits.mT, targets, reduction="none").flatten()
    bits = nats.mean().item() / math.log(2)
    rung = gpt.bigram_nats(given.train, excerpt, vocab_size) / math.log(2)
    told = f"{bits:.2f} bits a character on sonnets that you were not given"
    expect(
        bits < 0.9 * math.log2(vocab_size),
        f"{told}: about what a uniform guess costs. Are these logits, and not probabilities?",
    )
    expect(bits < rung, f"{told}, behind the rung's {rung:.2f}.")
    if bits > rung - MARGIN:
        raise NotYet(f"{told}: ahead of the rung's {rung:.2f}, but by less than {MARGIN}.")
    _, error = gpt.mean_bits(nats)
    return f"{told} (± {2 * error:.2f}): {rung - bits:.2f} below the rung's {rung:.2f}."
