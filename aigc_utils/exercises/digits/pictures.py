"""The exercise of chapter 6 that is answered with a picture: a race over the seconds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from ..answers import a_picture, close, drawn_lines, expect_true_ones
from ..chapter import Draw, exercise
from ..checking import expect

# What a reader may choose; a true statement has no objection.
RACE = {
    "With 60 seconds each of the walker's seeds ends below each of the player's.": "",
    "The walker's curve begins late, since its autoencoder is trained before.": "",
    "With 15 seconds the walker has drawn nothing yet.": "",
    "The writer's middle seed ends within a tenth of what its codebook allows.": "",
    "The walker is the better choice at each budget up to 60 seconds.": (
        "A comparison holds for its budget: look at the left end of the curves."
    ),
    "One seed of each would have been enough to set writer and player in order.": (
        "Their seeds overlap at the end: look at the distances of all three."
    ),
    "The writer would gain most by more training of its network.": (
        "Its distance lies close above its own floor: the codebook is what to change."
    ),
}
NAMES = ("player", "writer", "walker")
BUDGET = 60.0


def _curve(draw: Draw, begin: float, first: float, last: float) -> tuple[list[float], list[float]]:
    """Returns five times and falling distances, with a little chance in both."""
    times = torch.linspace(begin + (BUDGET - begin) / 5, BUDGET, 5)
    falling = torch.logspace(0, 1, 5, first / last).flip(0) * last
    values = falling * (1 + 0.03 * draw.uniform(5))
    return [round(t, 1) for t in times.tolist()], [round(v, 2) for v in values.tolist()]


def _race(draw: Draw) -> SimpleNamespace:
    floor = draw.number(2.0, 2.4)
    ends = {
        "player": [floor * draw.number(*span) for span in ((0.97, 0.99), (1.1, 1.2), (1.3, 1.4))],
        "writer": [
            floor * draw.number(*span) for span in ((1.01, 1.02), (1.03, 1.05), (1.2, 1.25))
        ],
        "walker": [draw.number(*span) for span in ((0.6, 0.7), (0.8, 0.9), (1.0, 1.1))],
    }
    begins = {"player": 0.0, "writer": 2.0, "walker": 25.0}
    curves = {
        name: [_curve(draw, begins[name], draw.number(20, 40), end) for end in several]
        for name, several in ends.items()
    }
    return SimpleNamespace(
        curves={name: draw.sample(several, 3) for name, several in curves.items()},
        codebook_floor=floor,
        statements=draw.lettered(RACE),
    )


@exercise(
    "Who wins, and when?",
    kind="explain",
    objective="the same budget for all",
    points=5,
    hints=(
        "Each technique has three seeds. Which one stands for all: the best, the first, or the one "
        "in the middle at the end?",
        "Sort the seeds of a technique by their last distance and take the second. Its seconds "
        "and its distances are what `plotting.curves` takes.",
        "`middle = sorted(g.curves[name], key=lambda curve: curve[1][-1])[1]` for each name, and "
        "`plotting.curves({name: middle, ...}, x_label=..., y_label=..., log_y=True, ...)`.",
    ),
    given=_race,
)
def race(given: SimpleNamespace, draw: Draw, picture: Any, choice: Any) -> None:
    """`picture` has the middle seed's curve of each technique; `choice` holds true statements."""
    lines = drawn_lines(a_picture(picture, "race_picture"))
    for name in NAMES:
        expect(name in lines, f"`race_picture` has no curve with the name {name!r}.")
        seeds = sorted(given.curves[name], key=lambda curve: curve[1][-1])
        _check_line(name, lines[name], seeds)
    expect_true_ones(choice, "race_choice", given.statements, RACE)


def _check_line(name: str, line: Any, seeds: list[Any]) -> None:
    """Expects the middle one of a technique's curves, by its last distance."""
    seconds, distances = (torch.tensor(part) for part in line)

    def shows(curve: Any) -> bool:
        return close(distances, torch.tensor(curve[1]), 1e-3)

    means = [sum(values) / 3 for values in zip(*(curve[1] for curve in seeds), strict=True)]
    expect(
        not close(seconds, torch.tensor(seeds[1][1]), 1e-3),
        f"The curve {name!r} has seconds and distances exchanged.",
    )
    expect(
        not shows(seeds[0]),
        f"The curve {name!r} is that of its best seed, which flatters: take the one in the middle.",
    )
    expect(not shows(seeds[2]), f"The curve {name!r} is that of its worst seed.")
    expect(
        not shows((None, means)),
        f"The curve {name!r} is a mean of the seeds; take the seed in the middle at the end.",
    )
    expect(shows(seeds[1]), f"The curve {name!r} is not that of the seed in the middle at the end.")
    expect(
        close(seconds, torch.tensor(seeds[1][0]), 1e-3),
        f"The curve {name!r} must be drawn over the seconds of its own seed.",
    )
