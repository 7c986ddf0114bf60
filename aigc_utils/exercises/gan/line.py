"""The exercise of chapter 2 about the losses: two games on a line, played as they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from statistics import NormalDist
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..answers import a_picture, close, drawn_lines, expect_true_ones
from ..chapter import Draw, exercise
from ..checking import expect

STEPS, EVERY = 240, 20
NAMES = ("run A", "run B")
# The middle points of 64 equal shares of a normal distribution stand for samples of noise.
NOISE = np.array([NormalDist().inv_cdf((i + 0.5) / 64) for i in range(64)])


def _probability(logits: Any) -> Any:
    return 1 / (1 + np.exp(-logits))


def _seen(x: Any) -> Any:
    """Returns what the discriminator reads of points: enough to tell any two Gaussians apart."""
    return np.stack([np.ones_like(x), x, x * x / 2])


@cache
def play(mean: float, spread: float, learns_until: int) -> tuple[tuple[float, ...], ...]:
    """Returns mean and spread of the made points and the generator's loss, at every 20th step.

    The data are normal, with mean 0 and spread 1. The generator gives `mean + spread * z`, and
    the discriminator's logit is a parabola. Both follow their gradients.

    Args:
        mean: of the made points at the start.
        spread: of the made points at the start.
        learns_until: the step after which the discriminator learns no more.
    """
    weights, states = np.zeros(3), []
    real = _seen(NOISE)
    for step in range(STEPS + 1):
        made = mean + spread * NOISE
        seen = _seen(made)
        if step < learns_until:
            on_real, on_made = _probability(weights @ real), _probability(weights @ seen)
            ascent = (real @ (1 - on_real) - seen @ on_made) / len(NOISE)
            weights = weights + 0.3 * (ascent - 0.05 * weights)
        logits = weights @ seen
        if step % EVERY == 0:
            states.append((mean, spread, float(np.logaddexp(0, -logits).mean())))
        pull = (1 - _probability(logits)) * (weights[1] + weights[2] * made) / len(NOISE)
        mean, spread = mean + 0.05 * float(pull.sum()), spread + 0.05 * float(pull @ NOISE)
    return tuple(states)


def _distances(draw: Draw, states: Sequence[tuple[float, ...]]) -> list[float]:
    """Returns the mean Fréchet distance of 1,000 made points from 1,000 real ones, per state."""
    made, real = draw.normal(20, 1000), draw.normal(20, 1000)
    (made_mean, made_std), (real_mean, real_std) = ((x.mean(1), x.std(1)) for x in (made, real))
    found = []
    for mean, spread, *_ in states:
        shift = mean + spread * made_mean - real_mean
        width = spread * made_std - real_std
        found.append(round(float((shift.square() + width.square()).mean()), 4))
    return found


def _two_games(draw: Draw) -> SimpleNamespace:
    start = draw.choice((-1, 1)) * draw.number(2.0, 3.0), draw.number(0.4, 0.6)
    untils = [STEPS + 1, draw.integer(22, 42)]
    played = {
        name: play(*start, until) for name, until in zip(NAMES, draw.sample(untils, 2), strict=True)
    }
    states = [state for name in NAMES for state in played[name]]
    *distances, floor = _distances(draw, [*states, (0.0, 1.0)])  # real points, in the end
    half = len(distances) // 2
    given = SimpleNamespace(
        steps=list(range(0, STEPS + 1, EVERY)),
        generator_loss={name: [round(x[2], 3) for x in played[name]] for name in NAMES},
        distance={NAMES[0]: distances[:half], NAMES[1]: distances[half:]},
        floor=floor,
    )
    stale = max(NAMES, key=lambda name: given.distance[name][-1])
    best = given.steps[int(np.argmin(given.distance[stale]))]
    step = draw.choice((best, best + EVERY * draw.integer(2, 4), STEPS))
    texts = [text for text, at in _verdicts(given) if at in (None, step)]
    given.statements = draw.lettered(texts)
    return given


def _verdicts(given: SimpleNamespace) -> dict[tuple[str, int | None], str]:
    """Returns why a statement is false, empty for a true one, by text and step it speaks of."""
    calm, stale = sorted(given.distance, key=lambda name: given.distance[name][-1])
    losses, distances = given.generator_loss[calm], given.distance[calm]
    rises = [
        i
        for i in range(1, len(losses) - 1)
        if losses[i + 1] > losses[i] and distances[i + 1] < distances[i]
    ]
    first, last = given.steps[rises[0]], given.steps[rises[0] + 1]
    worse = given.steps[int(np.argmin(given.distance[stale]))]
    little = f"Since {calm}'s loss only goes from {losses[4]:.2f} to {losses[-1]:.2f}"
    falling = 'This is the misconception "falling generator loss = better images": '
    found: dict[tuple[str, int | None], str] = {
        (f"At the end {stale} has the lower generator loss, and the worse points.", None): "",
        (f"From step {first} to {last} {calm}'s loss rises, and its points get better.", None): "",
        (f"The run with the lower loss at the end, {stale}, makes the better points.", None): (
            falling + "the loss of each run comes from another discriminator."
        ),
        ("In both runs the points get better as long as the generator's loss falls.", None): (
            falling + f"look at {stale} after step {worse}."
        ),
        (f"{little} after step 80, its points get no better in that time.", None): (
            f"From step 80 on the distance of {calm} falls to its floor: look at your figure."
        ),
    }
    for step in given.steps:
        why = "" if step == worse else f"Read from your figure where {stale} is lowest."
        found[f"The points of {stale} are best at step {step}.", step] = why
    return found


@exercise(
    "Two runs, one of them good",
    kind="explain",
    objective="non-saturating loss; Fréchet distance",
    misconceptions=("falling generator loss = better images",),
    points=3,
    hints=(
        "Draw the two distances first, each divided by `runs.floor`, and put the statements "
        "beside your figure.",
        "Compare `runs.generator_loss` with your curves, step by step: do they always fall "
        "together? Each statement can be read from these numbers.",
        "`plotting.curves({name: (runs.steps, [d / runs.floor for d in values]) for name, values "
        'in runs.distance.items()}, x_label="step", y_label="distance (floors)", ..., '
        "log_y=True)`; choose the statements that the numbers bear out.",
    ),
    given=_two_games,
)
def two_runs(given: SimpleNamespace, draw: Draw, figure: Any, true_ones: Any) -> None:
    """`figure` shows both distances in floors; `true_ones` holds the letters of statements."""
    picture = a_picture(figure, "runs_figure")
    _right_curves(drawn_lines(picture), given)
    expect(picture.figure.axes[0].get_yscale() == "log", "Set `log_y=True`: the values differ.")
    why = {text: reason for (text, _), reason in _verdicts(given).items()}
    expect_true_ones(true_ones, "runs_true", given.statements, why)


def _right_curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], given: SimpleNamespace
) -> None:
    names = list(NAMES)
    expect(sorted(lines) == names, f"Draw two curves, with the names {' and '.join(names)}.")
    for name in names:
        x, y = lines[name]
        distance = given.distance[name]
        expect(y != given.generator_loss[name], "These are the losses; draw the distances.")
        expect(
            y != distance,
            "A distance means little without its floor: divide each by `runs.floor`.",
        )
        expect(x == given.steps, "The horizontal axis must show `runs.steps`.")
        turned = [given.floor / value for value in distance]
        expect(not close(y, turned), "The fraction is upside down: the floor goes below.")
        wanted = [value / given.floor for value in distance]
        expect(close(y, wanted), f"The curve of {name} is not right.")
