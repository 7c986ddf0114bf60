"""The exercise of chapter 4 about drawing the next token."""

from __future__ import annotations

import math
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from ... import gpt
from ..answers import a_number, a_pair, close, numbers
from ..chapter import Draw, exercise
from ..checking import NotYet, expect

CAPITALS = {
    "Australia": ("Canberra", "Sydney", "Melbourne", "Perth", "Brisbane", "Adelaide"),
    "Turkey": ("Ankara", "Istanbul", "Izmir", "Bursa", "Adana", "Konya"),
    "Canada": ("Ottawa", "Toronto", "Montreal", "Vancouver", "Calgary", "Quebec"),
    "Brazil": ("Brasilia", "Rio", "Salvador", "Recife", "Fortaleza", "Manaus"),
    "Morocco": ("Rabat", "Casablanca", "Marrakesh", "Fez", "Tangier", "Agadir"),
}


def _question(draw: Draw) -> SimpleNamespace:
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


@exercise(
    "Temperature and top-p",
    kind="write",
    objective="greedy, temperature, top-k, top-p",
    misconceptions=("temperature adds knowledge",),
    points=4,
    hints=(
        "Divide the logits by the temperature first; softmax; sort; then cut the tail.",
        "A token stays if those that are likelier have less than `p` together. What stays is "
        "divided by its sum before the entropy $-\\sum_i q_i \\log_2 q_i$.",
        "`q, order = (logits / temperature).softmax(0).sort(descending=True)`, then "
        "`keep = q.cumsum(0) - q < p`. Dividing all logits by one number changes no place.",
    ),
    given=_question,
)
def temperature(given: SimpleNamespace, draw: Draw, answer: Any, places: Any) -> None:
    """`answer(logits, temperature, p)` is a list of tokens and an entropy; `places` are two."""
    logits = 2 * draw.normal(draw.integer(9, 14))
    for heat, p in ((0.5, 0.8), (2.0, 0.8), (draw.number(1.2, 3), 1.0), (1.0, 0.05)):
        tokens, bits = a_pair(answer(logits.clone(), heat, p), "the tokens and the entropy")
        _expect_nucleus(tokens, bits, logits, heat, p)
    places = numbers(places, "places", ("cold", "hot"))
    place = 1 + sum(other > given.logits[given.truth] for other in given.logits.values())
    expect(
        not (places["cold"] == place != places["hot"] or places["hot"] == place != places["cold"]),
        "One of the two places is right, and so is the other: temperature adds no knowledge and "
        "changes no order.",
    )
    expect(
        places["cold"] == places["hot"],
        "Temperature adds no knowledge: it changes how far apart the answers are, not their order.",
    )
    expect(places["cold"] != place - 1, "Count places from 1: the likeliest stands at place 1.")
    expect(places["cold"] == place, f"{given.truth} does not stand at place {places['cold']:g}.")


def _nucleus(logits: Tensor, temperature: float, p: float) -> tuple[list[int], float]:
    """Returns the tokens that can be drawn, likeliest first, and the entropy in bits."""
    sampling = gpt.Sampling(temperature, top_p=p)
    shares = gpt.probabilities(logits[None].double(), sampling)[0]
    tokens = shares.argsort(descending=True)[: int((shares > 0).sum())]
    return tokens.tolist(), _entropy(shares[tokens])


def _entropy(shares: Tensor) -> float:
    return -(shares * shares.clamp_min(1e-30).log2()).sum().item()


def _expect_nucleus(tokens: Any, bits: Any, logits: Tensor, heat: float, p: float) -> None:
    """Raises NotYet unless these tokens can be drawn, with this entropy."""
    expect(isinstance(tokens, Iterable), "The tokens must be a list of numbers.")
    tokens, bits = [int(token) for token in tokens], a_number(bits, "the entropy")
    wanted, entropy = _nucleus(logits, heat, p)
    if tokens != wanted:
        _name_mistake(tokens, wanted, logits, heat, p)
    where = f"at temperature {heat:g} and top-p {p:g}"
    shares = (logits / heat).softmax(0)[wanted]
    expect(not close(bits, -entropy) or entropy == 0, "The sign is wrong: no entropy is negative.")
    expect(
        not close(bits, entropy * math.log(2)) or entropy == 0,
        "This entropy is in nats; bits are asked for.",
    )
    renormalised = close(shares.sum(), 1.0)
    expect(
        renormalised or not close(bits, _entropy(shares)),
        "After the cut the probabilities no longer sum to one: divide them by their sum.",
    )
    expect(
        renormalised or not close(bits, _entropy((logits / heat).softmax(0))),
        "This is the entropy before the cut: only the tokens that remain can be drawn.",
    )
    expect(close(bits, entropy, 1e-3), f"The entropy {where} is not {bits:.4g} bits.")


def _name_mistake(
    tokens: list[int], wanted: list[int], logits: Tensor, heat: float, p: float
) -> None:
    if set(tokens) == set(wanted):
        raise NotYet("The right tokens, but not in order: the likeliest comes first.")
    expect(tokens != _nucleus(logits, 1.0, p)[0], "Temperature comes first, and then the cut.")
    expect(tokens != _nucleus(logits, 1 / heat, p)[0], "Divide by the temperature; don't multiply.")
    expect(tokens != wanted[:-1], "The token with which the sum reaches `p` stays too.")
    shown = f"at temperature {heat:g} and top-p {p:g}"
    raise NotYet(f"{len(wanted)} tokens remain {shown}, not these {len(tokens)}: {tokens}.")
