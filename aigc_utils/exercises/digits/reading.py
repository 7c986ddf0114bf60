"""The exercise of chapter 6 about a writer that reads, by Bayes' rule."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from ..answers import a_tensor
from ..chapter import Draw, exercise
from ..mistakes import expect_close


@exercise(
    "Read by surprise",
    kind="write",
    objective="Bayes' rule: a writer that reads",
    points=4,
    hints=(
        "Bayes' rule: p(y | x) is proportional to p(x | y) p(y). What is p(x | y), if its nats are "
        "minus its logarithm?",
        "Add logarithms in place of multiplying probabilities: hundreds of nats are too much for "
        "`exp`. A softmax divides by the sum, and does not care for a constant.",
        "`(prior.log() - nats).softmax(1)`: logarithms add, and each row sums to one.",
    ),
)
def by_surprise(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(nats, prior)` holds p(y | x), (N, 10), of images' nats under each name, (N, 10)."""
    count = draw.integer(5, 9)
    prior = draw.uniform(10) + 0.2
    prior = prior / prior.sum()
    nats = 200 + 1.5 * draw.normal(count, 10)
    found = a_tensor(answer(nats.clone(), prior.clone()), "What it returns", (count, 10))
    wanted = (prior.log() - nats).softmax(1)
    scores = prior.log() - nats
    mistakes: dict[str, Any] = {
        "This leaves out how probable each name is before one looks.": (-nats).softmax(1),
        "Few nats mean little surprise: the sign is turned.": [
            nats.softmax(1),
            (prior.log() + nats).softmax(1),
        ],
        "The logarithm of the prior is added, not the prior itself.": (prior - nats).softmax(1),
        "The names of one image compete: normalise over the names, not over the images.": (
            scores.softmax(0)
        ),
        "These are logarithms; probabilities are asked for.": [scores, scores.log_softmax(1)],
        "Multiply with the prior before you normalise: each row must sum to one.": (
            (-nats).softmax(1) * prior
        ),
        "This names the likeliest digit; its probability and the others' are asked for.": (
            torch.nn.functional.one_hot(scores.argmax(1), 10).float()
        ),
    }
    expect_close(found, wanted, mistakes, "These are not the probabilities of the ten names.")
