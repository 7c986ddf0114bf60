"""The exercise of chapter 1 about what pooling forgets of a digit's place."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..answers import a_picture, close, drawn_lines, expect_true_ones
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close

CURVES = {"before pooling": 1, "pooled by 2": 2, "pooled by 4": 4}  # name to side of the window
NO_INVARIANCE = (
    "Pooling gives no full invariance: its curve would have to lie at zero for these shifts."
)
STATEMENTS = {  # each with what is said to those who hold a false one; nothing of a true one
    "A shift of 1 pixel changes the pooled maps less than the maps before pooling.": "",
    "A shift of 1 pixel still changes the maps pooled by 2 by more than a fifth.": "",
    "A shift of 2 pixels moves the maps pooled by 2 by one place, and does nothing else.": "",
    "A shift of 1 pixel leaves the maps pooled by 2 as they were.": NO_INVARIANCE,
    "Shifts of up to 3 pixels leave the maps pooled by 4 as they were.": NO_INVARIANCE,
    "A convolution without pooling gives the same maps wherever a digit stands.": (
        "A moved digit gives moved maps, which are not the same maps."
    ),
}
KERNELS = (
    ((1, 1, 1), (0, 0, 0), (-1, -1, -1)),
    ((1, 0, -1), (1, 0, -1), (1, 0, -1)),
    ((0, 1, 1), (-1, 0, 1), (-1, -1, 0)),
    ((1, 1, 0), (1, 0, -1), (0, -1, -1)),
)


def _moving(draw: Draw) -> SimpleNamespace:
    digits, _ = draw.digits(8)
    return SimpleNamespace(
        images=F.pad(digits / 255, (6,) * 4),  # room, so that no ink leaves the image
        kernel=torch.tensor(draw.choice(KERNELS))[None, None].float(),
        shifts=list(range(7)),
        statements=draw.lettered(STATEMENTS),
    )


def _changes(given: SimpleNamespace, window: int, axis: int = 3, average: bool = False) -> Tensor:
    """Returns by how much each shift along an axis changes the maps, as a share of them."""
    pool = F.avg_pool2d if average else F.max_pool2d
    maps = [
        pool(F.conv2d(given.images.roll(shift, axis), given.kernel, padding=1), window)
        for shift in given.shifts
    ]
    return torch.stack([(maps[0] - moved).abs().sum() for moved in maps]) / maps[0].abs().sum()


def _expect_changes(given: SimpleNamespace, name: str, y: list[float]) -> None:
    """Raises NotYet unless these are the heights of the curve of this name."""
    drawn, wanted = torch.tensor(y), _changes(given, CURVES[name])
    if close(drawn, wanted):
        return
    expect(not (drawn == 0).all(), f"The curve {name!r} lies at zero: are the images moved?")
    mistakes = {
        "The changes are in percent: draw them as shares.": 100 * wanted,
        "These images move down; they are to move to the right.": (
            _changes(given, CURVES[name], axis=2)
        ),
        "This is mean pooling; take the largest of each window.": (
            _changes(given, CURVES[name], average=True)
        ),
    }
    expect_close(drawn, wanted, mistakes, f"The curve {name!r} has the wrong heights.")


@exercise(
    "Does pooling forget where a digit stands?",
    kind="explain",
    objective="pooling",
    misconceptions=("pooling gives full invariance",),
    points=4,
    hints=(
        "The section *Pooling* of chapter 1 does this for one digit and one shift.",
        "`images.roll(shift, 3)` moves the images to the right. Pool the maps of the moved "
        "images, and compare with the pooled maps of the images as they are. Whether they only "
        "move by one place you see when you compare them with `.roll(1, 3)` of those.",
        "With `maps = lambda s, w: F.max_pool2d(F.conv2d(images.roll(s, 3), kernel, padding=1), "
        "w)` the change is `(maps(0, w) - maps(s, w)).abs().sum() / maps(0, w).abs().sum()`. "
        "Three statements are true.",
    ),
    given=_moving,
)
def shifts(given: SimpleNamespace, draw: Draw, picture: Any, true: Any) -> None:
    """`picture` has three curves of the change over the shift; `true` is a set of letters."""
    axes = a_picture(picture, "picture").figure.axes[0]
    expect("pixel" in axes.get_xlabel().lower(), "Say in `x_label` that shifts are in pixels.")
    lines = drawn_lines(picture)
    names = ", ".join(map(repr, CURVES))
    expect(set(lines) == set(CURVES), f"The picture must have the curves {names}.")
    for name, (x, y) in lines.items():
        expect(x == given.shifts, f"The curve {name!r} must have a point for each of `shifts`.")
        _expect_changes(given, name, y)
    expect_true_ones(true, "true", given.statements, STATEMENTS)
