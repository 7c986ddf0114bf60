"""The exercises of chapter 5 that are answered with a picture: variety, and guidance."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ...flow import STRAIGHT, Mixture, solve
from ..answers import close, curve_heights, expect_true_ones
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close

# What a reader may choose; a true statement has no objection.
VARIETY = {
    "From many beginnings the sampler without fresh noise draws as widely as the data are "
    "spread.": "",
    "From one beginning the sampler without fresh noise draws one and the same number.": "",
    "With fresh noise even one beginning leads to the data's whole spread.": "",
    "Without fresh noise the sampler lacks variety, whatever it begins with.": (
        "The noise of the sampler is not what makes variety: look at your curve of many "
        "beginnings where nothing is fresh."
    ),
    "Fresh noise makes the draws wider than the data.": (
        "Each step takes away as much old noise as it adds: compare the right end of your curve "
        "with the data's deviation."
    ),
}
PUSH = {
    "At the strength 1 the draws have the mean and the deviation of the class that was asked "
    "for.": "",
    "A stronger push makes the draws of a class less spread than the class is.": "",
    "A stronger push moves the draws away from the other class, beyond the mean of their own.": "",
    "At the strength 0 the label is left out, and both classes are drawn.": "",
    "A stronger push brings the draws nearer to the distribution of the class.": (
        "Guidance does not simply make images better: it buys agreement with the label by "
        "variety. Compare mean and deviation with the class's own."
    ),
    "The spread shrinks because the solver's steps get longer.": (
        "The number of steps is the same for all strengths."
    ),
}


# --- variety --------------------------------------------------------------------------------


#: Shares of fresh noise between none and all.
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def _line(draw: Draw) -> SimpleNamespace:
    left, right, deviation = -draw.number(1, 2), draw.number(1, 2), draw.number(0.2, 0.4)
    mixture = Mixture(torch.tensor([[left], [right]]), deviation)
    return SimpleNamespace(
        mixture=mixture,
        deviation=((right - left) ** 2 / 4 + deviation**2) ** 0.5,
        velocity=lambda x, t: mixture.say(STRAIGHT, x, t).velocity,
        beginnings=draw.normal(1500, 1),
        fresh=[0.0, *sorted(draw.sample(SHARES, 3)), 1.0],
        num_steps=25,
        statements=draw.lettered(VARIETY),
    )


@exercise(
    "Where does variety come from?",
    kind="explain",
    objective="the diffusion view",
    misconceptions=("the noise of the sampler is what makes variety",),
    points=4,
    hints=(
        "`flow.ancestral(velocity, x, num_steps, rng, fresh=...)` draws from the beginnings `x`. "
        "What is `x` for one beginning?",
        "For one beginning repeat the first of the given ones as often: "
        "`beginnings[:1].expand(1500, 1)`. The spread is the standard deviation of the ends.",
        "For each of `fresh`: `flow.ancestral(g.velocity, x, g.num_steps, rng, fresh=f).std()`, "
        "once with all beginnings and once with the one.",
    ),
    given=_line,
)
def variety(given: SimpleNamespace, draw: Draw, picture: Any, choice: Any) -> None:
    """`picture` shows the spread of draws over the fresh noise; `choice` holds true statements."""
    names = "many beginnings", "one beginning"
    many, one = curve_heights(picture, "variety_picture", names, given.fresh)
    data = given.deviation
    expect(
        not close(many, many.new_full((5,), data**2), 0.06),
        "This is the variance; the standard deviation is asked for.",
    )
    expect(
        not (many[0] < 0.05 and one[0] > 0.5),
        "The two curves are exchanged.",
    )
    expect(
        one[0] < 1e-3,
        "'one beginning' must be 0 where nothing is fresh: are all beginnings the same number?",
    )
    expect(
        close(many, many.new_full((5,), data), 0.08),
        "'many beginnings' is not the deviation of what is drawn from the given beginnings.",
    )
    expect(
        close(one[-1], torch.tensor(data), 0.08),
        "'one beginning' must reach the data's deviation where the noise is fresh in each step.",
    )
    expect((one.diff() > -0.05 * data).all(), "'one beginning' grows with the fresh noise.")
    expect_true_ones(choice, "variety_choice", given.statements, VARIETY)


# --- push -----------------------------------------------------------------------------------


def _classes(draw: Draw) -> SimpleNamespace:
    mean, other = draw.number(0.7, 1.3), -draw.number(0.7, 1.3)
    deviation = draw.number(0.5, 0.7)
    both = Mixture(torch.tensor([[other], [mean]]), deviation)
    right = Mixture(torch.tensor([[mean]]), deviation)

    def velocity(x: Tensor, t: Tensor, labels: Tensor | None) -> Tensor:
        t = t.clamp(1e-3, 1 - 1e-3)
        return (both if labels is None else right).say(STRAIGHT, x, t).velocity

    return SimpleNamespace(
        velocity=velocity,
        class_mean=mean,
        class_deviation=deviation,
        beginnings=draw.normal(400, 1),
        labels=torch.ones(400, dtype=torch.int64),
        strengths=[0.0, 1.0, 2.0, 3.0, 4.0],
        num_steps=8,
        statements=draw.lettered(PUSH),
    )


def pushed(given: SimpleNamespace, strengths: list[float]) -> Tensor:
    """Returns where the beginnings end with each strength, (N, strengths), all in one go."""
    count = len(given.beginnings)
    labels = given.labels.repeat(len(strengths))
    weight = torch.tensor(strengths).repeat_interleave(count)[:, None]

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        return torch.lerp(given.velocity(x, t, None), given.velocity(x, t, labels), weight)

    ends = solve(velocity, given.beginnings.repeat(len(strengths), 1), given.num_steps)
    return ends.view(len(strengths), count).T


@exercise(
    "What the push costs",
    kind="explain",
    objective="classifier-free guidance, paid for in variety",
    misconceptions=("guidance simply makes images better",),
    points=4,
    hints=(
        "`flow.guide(velocity, labels, strength)` is a velocity like any other: follow it with "
        "`flow.solve` from the given beginnings.",
        "For each strength take the mean and the standard deviation of the ends, and draw both "
        "over the strengths.",
        "`ends = flow.solve(flow.guide(g.velocity, g.labels, s), g.beginnings, g.num_steps)`, and "
        "then `ends.mean()` and `ends.std()`.",
    ),
    given=_classes,
)
def push(given: SimpleNamespace, draw: Draw, picture: Any, choice: Any) -> None:
    """`picture` shows mean and deviation over the strengths; `choice` holds true statements."""
    names = "mean", "deviation"
    mean, deviation = curve_heights(picture, "push_picture", names, given.strengths)
    found = pushed(given, [*given.strengths, given.strengths[-1] + 1])
    ends, one_more = found[:, :-1], found[:, 1:]
    mistakes = {
        "The strength 1 takes the label as it is: your strengths are one too large.": (
            one_more.mean(0)
        ),
        "The curves are exchanged.": ends.std(0),
    }
    otherwise = "'mean' is not the mean of what the guided velocity draws."
    expect_close(mean, ends.mean(0), mistakes, otherwise, 0.03)
    mistakes = {"This is the variance; the deviation is asked for.": ends.var(0)}
    otherwise = "'deviation' is not the standard deviation of what the guided velocity draws."
    expect_close(deviation, ends.std(0), mistakes, otherwise, 0.03)
    expect_true_ones(choice, "push_choice", given.statements, PUSH)
