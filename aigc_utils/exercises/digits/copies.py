"""The exercise of chapter 6 about copies: a comparison that is fair to soft images."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ..answers import a_number
from ..chapter import Draw, exercise
from ..mistakes import expect_close


def _apart(images: Tensor, train: Tensor) -> Tensor:
    """Returns the distance of each image to each training image, (N, M)."""
    return torch.cdist(images.flatten(1).double(), train.flatten(1).double())


@exercise(
    "A fair suspicion",
    kind="write",
    objective="one judge, one floor, one number of images",
    points=4,
    hints=(
        "For each image look for the nearest training image, over all pixels. Which images have "
        "taken the same way through the codes, and were never trained on?",
        "The pixels are whole numbers from 0 to 255 of 8 bits: turn them into floats before you "
        "subtract. Take the smallest distance for each image, and then the median.",
        "`near = lambda x: torch.cdist(x.flatten(1).double(), train.flatten(1).double())"
        ".min(1).values.median()`, and then `near(drawn) / near(passed)`.",
    ),
)
def suspicion(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(drawn, passed, train)` is a ratio of median distances to the nearest image."""
    train = draw.integers(0, 256, 40, 1, 4, 4).to(torch.uint8)
    passed = draw.integers(0, 256, 15, 1, 4, 4).to(torch.uint8)
    near = train[draw.integers(0, 40, 17)].int() + draw.integers(-90, 91, 17, 1, 4, 4)
    drawn = near.clamp(0, 255).to(torch.uint8)
    given_images = drawn.clone(), passed.clone(), train.clone()
    found = a_number(answer(*given_images), "What it returns")
    ours, theirs = _apart(drawn, train), _apart(passed, train)
    one, other = (each.min(1).values for each in (ours, theirs))
    wrapped = [
        (images[:, None] - train).flatten(2).double().square().sum(2).sqrt().min(1).values.median()
        for images in (drawn, passed)
    ]
    mistakes: dict[str, Any] = {
        "The ratio stands upside down: a small one is suspicious.": other.median() / one.median(),
        "Differences of 8-bit numbers wrap around: 3 - 5 becomes 254. Make them floats first.": (
            wrapped[0] / wrapped[1]
        ),
        "This is the mean distance to all training images; a copy is near to one of them.": [
            ours.mean(1).median() / theirs.mean(1).median(),
            ours.mean() / theirs.mean(),
        ],
        "These are means over the images; the median is asked for.": one.mean() / other.mean(),
        "These are squared distances: take the root.": (one.median() / other.median()).square(),
        "This is the distance of what was drawn alone: soft images lie nearer to all others, so "
        "compare with those that took the same way.": [one.median(), one.median() / 255],
    }
    otherwise = "It is not the median distance of the drawn images over that of the passed ones."
    expect_close(found, one.median() / other.median(), mistakes, otherwise, 1e-3)
