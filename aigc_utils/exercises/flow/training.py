"""The exercises of chapter 5 in which the student trains: a flow, and one for two steps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ...flow import ring_of_islands, solve
from ..answers import a_tensor
from ..chapter import Draw, exercise
from ..checking import expect

#: A draw that is no farther from an island's centre than this, in the islands' deviations, landed.
NEAR = 4


def _islands(draw: Draw) -> SimpleNamespace:
    count, deviation = draw.integer(5, 7), 0.12
    plane = ring_of_islands(count, 2.0, deviation)
    rng = torch.Generator().manual_seed(draw.integer(0, 10_000))
    return SimpleNamespace(
        centres=plane.means, deviation=deviation, points=plane.sample(10_000, rng)
    )


def landed(velocity: Any, given: SimpleNamespace, draw: Draw, num_steps: int) -> tuple[float, int]:
    """Returns the percentage of draws that land on an island, and how many islands are reached.

    An island is reached if it gets half of its share.
    """
    noise = draw.normal(2000, 2)

    def asked(x: Tensor, t: Tensor) -> Tensor:
        return a_tensor(velocity(x, t), "The velocity", x.shape).detach()

    with torch.no_grad():
        ends = solve(asked, noise, num_steps, "euler")
    distance, which = torch.cdist(ends, given.centres).min(1)
    near = distance < NEAR * given.deviation
    counts = which[near].bincount(minlength=len(given.centres))
    reached = int((counts > len(noise) / len(given.centres) / 2).sum())
    return 100 * float(near.float().mean()), reached


@exercise(
    "A flow of your own",
    kind="write",
    objective="noise to image as a path; sampling as solving an ODE",
    points=5,
    hints=(
        "A network of three numbers, place and time, to two numbers, with two hidden layers of 64 "
        "and ReLU is enough. Its input is `torch.cat([x, t[:, None]], 1)`.",
        "In each step draw 256 data points, as much noise, and uniform times; mix them; and take "
        "the squared difference from data minus noise as the loss. 2,000 steps of Adam at 3e-3.",
        "`x1 = points[torch.randint(len(points), (256,))]`, `x0 = torch.randn_like(x1)`, "
        "`t = torch.rand(256)`, `x = torch.lerp(x0, x1, t[:, None])`, and "
        "`loss = (net(torch.cat([x, t[:, None]], 1)) - (x1 - x0)).square().mean()`.",
    ),
    given=_islands,
    optimizes=True,
)
def own_flow(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(x, t)` is a trained flow's velocity, (B, 2), at points (B, 2) and times (B,)."""
    share, reached = landed(answer, given, draw, 50)
    back, _ = landed(lambda x, t: -answer(x, t), given, draw, 50)
    count = len(given.centres)
    expect(
        share >= 20 or back < 60,
        "Your flow leads away from the data: the velocity is data minus noise.",
    )
    expect(
        share >= 85,
        f"With 50 steps {share:.0f} % of the draws land on an island; 85 % are asked for. Train "
        "longer, or look at your mixture and your target.",
    )
    expect(reached == count, f"Your flow reaches {reached} of {count} islands: all are asked for.")


@exercise(
    "Beat two steps",
    kind="write",
    objective="few steps and one step",
    misconceptions=("it needs a thousand steps",),
    points=4,
    hints=(
        "With two of Euler's steps only straight ways arrive. Which pairs of noise and data have "
        "ways that do not cross?",
        "Follow your flow from fresh noise, with many steps, and train a second one on the pairs "
        "of that noise and the points where it ends. This is reflow.",
        "`noise = torch.randn(10_000, 2)`, `ends = flow.solve(own_flow, noise, 50)`, and then the "
        "training of `own_flow` again, with `ends[i]` and `noise[i]` as pairs in place of chance.",
    ),
    given=_islands,
    optimizes=True,
)
def few_steps(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(x, t)` is the velocity of a flow that needs two of Euler's steps alone."""
    share, reached = landed(answer, given, draw, 2)
    long, _ = landed(answer, given, draw, 50)
    expect(
        share >= 60 or long < 85,
        f"With 50 steps {long:.0f} % land, with two {share:.0f} %: your ways are bent. Straighten "
        "them.",
    )
    expect(
        share >= 80,
        f"With two steps {share:.0f} % of the draws land on an island; 80 % are asked for.",
    )
    count = len(given.centres)
    expect(reached == count, f"Your flow reaches {reached} of {count} islands in two steps.")
