"""The exercise of chapter 5 about what a perfect flow of few images draws."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ...flow import solve
from ..answers import a_tensor
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close


def perfect_velocity(x: Tensor, t: Tensor, data: Tensor) -> Tensor:
    """Returns the marginal velocity, (B, D), where the data are just these points, (N, D)."""
    time = t[:, None]
    off = (x[:, None] - time[..., None] * data).square().sum(2)  # (B, N)
    chance = (-off / (2 * (1 - time).square())).softmax(1)
    return (chance @ data - x) / (1 - time)


@exercise(
    "A perfect copy",
    kind="write",
    objective="memorisation looked for",
    misconceptions=("no game, so no copying",),
    points=4,
    hints=(
        "Which noise leads from data point i through x at time t? The more probable that noise, "
        "the larger the data point's chance.",
        "The chances are a softmax over the data points of minus the squared distance between x "
        "and t times the data point, divided by 2 (1 - t)².",
        "`off = (x[:, None] - t[:, None, None] * data).square().sum(2)`, "
        "`chance = (-off / (2 * (1 - t[:, None]) ** 2)).softmax(1)`, and "
        "`(chance @ data - x) / (1 - t[:, None])`.",
    ),
)
def perfect(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(x, t, data)` is the marginal velocity, (B, D), of a data set of N points."""
    data, count = draw.normal(draw.integer(5, 8), 3), draw.integer(9, 12)
    x, t = draw.normal(count, 3), 0.2 + 0.6 * draw.uniform(count)
    found = a_tensor(answer(x.clone(), t.clone(), data.clone()), "The velocity", x.shape)
    time = t[:, None]
    wanted = perfect_velocity(x, t, data)
    off = (x[:, None] - time[..., None] * data).square().sum(2)
    unscaled = (x[:, None] - data).square().sum(2)
    width = 2 * (1 - time).square()

    def with_chances(logits: Tensor) -> Tensor:
        return (logits.softmax(1) @ data - x) / (1 - time)

    mistakes = {
        "At time t the data points stand at t times their place.": with_chances(-unscaled / width),
        "The noise has the deviation 1 - t at time t: the distances count in its square.": [
            with_chances(-off / 2),
            with_chances(-off),
            with_chances(-off / (2 * (1 - time))),
        ],
        "Without the 2 it is no normal density.": with_chances(-off / (1 - time).square()),
        "All data points count alike in your mean: those that x can lead to count more.": (
            (data.mean(0) - x) / (1 - time)
        ),
        "This is the mean of the data points that x can lead to; the velocity brings x there in "
        "the time that is left.": [wanted * (1 - time) + x, wanted * (1 - time)],
    }
    expect_close(found, wanted, mistakes, "It is not the mean velocity of all pairs through x.")
    ends = solve(lambda x, t: answer(x, t, data), draw.normal(50, 3), 60, "euler", end=0.999)
    apart = torch.cdist(a_tensor(ends, "The ends", (50, 3)), data).min(1).values
    expect(apart.max() < 0.05, "Followed from noise, your velocity does not end at data points.")
