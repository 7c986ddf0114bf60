"""The exercise of chapter 1 about how sure a network is, and how often it is right."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ...evaluation import calibration, judge_images
from ..answers import a_number, close
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close


@cache
def _judged(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns probabilities of 200 threes, fours and sevens, the same upside down, and labels.

    Other digits stay what they are on their heads, or become another one.
    """
    images, labels = Draw(str(seed)).digits(1200, test=True)
    kept = torch.isin(labels, torch.tensor([3, 4, 7])).nonzero()[:200, 0]
    images, labels = images[kept], labels[kept]
    upright, turned = (judge_images(x).logits.softmax(1) for x in (images, images.flip(2, 3)))
    return upright, turned, labels


def _confidences(draw: Draw) -> SimpleNamespace:
    upright, turned, labels = (values.clone() for values in _judged(draw.seed))
    return SimpleNamespace(upright=upright, upside_down=turned, labels=labels)


def _uncalibrated(draw: Draw, groups: int) -> tuple[Tensor, Tensor]:
    """Returns probabilities (N, classes) and labels: too modest if low, too sure if high."""
    classes, count = draw.integer(3, 8), 25 * groups
    confidence = (0.52 + 0.48 * draw.uniform(count)).sort().values
    right = torch.arange(count) % 4 != draw.integer(0, 3)  # three of four, however sure
    # The first images are read best, so that groups in their order have gaps of both signs.
    order = (draw.uniform(count) + 0.6 * ~right).argsort()
    confidence, right = confidence[order], right[order]
    guess, offset = draw.integers(0, classes, count), draw.integers(1, classes, count)
    others = draw.uniform(count, classes).scatter(1, guess[:, None], 0)
    probabilities = others / others.sum(1, keepdim=True) * (1 - confidence)[:, None]
    probabilities = probabilities.scatter(1, guess[:, None], confidence[:, None])
    return probabilities, torch.where(right, guess, (guess + offset) % classes)


def _gaps(confidence: Tensor, right: Tensor, groups: int) -> Tensor:
    """Returns each group's mean confidence less its accuracy, in the order given."""
    return (confidence - right.to(confidence.dtype)).view(groups, -1).mean(1)


def _calibration_mistakes(p: Tensor, labels: Tensor, groups: int) -> dict[str, Tensor]:
    """Returns what is said of an answer, with the value of each typical mistake."""
    confidence, guess = p.max(1)
    right, order = guess == labels, confidence.argsort()
    gaps = _gaps(confidence[order], right[order], groups)
    true_class = p[torch.arange(len(p)), labels]
    return {
        "Gaps of opposite signs cancel: take the absolute value in each group.": gaps.mean().abs(),
        "The gaps keep their signs: take the absolute value in each group.": gaps.mean(),
        "This is in percent; a share is asked for.": 100 * gaps.abs().mean(),
        "This is the largest gap; the mean of the gaps is asked for.": gaps.abs().max(),
        "This is the sum of the gaps; the mean is asked for.": gaps.abs().sum(),
        "These groups are equally wide; groups with equally many images are asked for.": (
            torch.tensor(calibration(p.log(), labels, groups).error)
        ),
        "The images are not sorted by confidence before they are grouped.": (
            _gaps(confidence, right, groups).abs().mean()
        ),
        "The confidences are sorted, but the right answers stay where they were.": (
            _gaps(confidence[order], right, groups).abs().mean()
        ),
        "Confidence is the largest probability of a row, not that of the true class.": (
            _gaps(true_class.sort().values, right[true_class.argsort()], groups).abs().mean()
        ),
    }


@exercise(
    "Is it as good as it is sure?",
    kind="write",
    objective="evaluating on data held back",
    misconceptions=("softmax output = confidence",),
    points=4,
    hints=(
        "The confidence of an image is its largest probability, and the answer is the class where "
        "it stands: `max(1)` gives both.",
        "Sort by confidence, and bring the right and wrong answers into the same order. "
        "`.view(groups, -1).mean(1)` gives the mean of each group.",
        "`sure, guess = probabilities.max(1)`, `order = sure.argsort()`, `gap = (sure - (guess == "
        "labels).float())[order]`, and then `gap.view(groups, -1).mean(1).abs().mean()`.",
    ),
    given=_confidences,
)
def calibration_error(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(probabilities, labels, groups)` is the mean gap of confidence and accuracy."""
    groups = draw.integer(4, 7)
    p, labels = _uncalibrated(draw, groups)
    value = a_number(answer(p.clone(), labels.clone(), groups), "the error")
    confidence, guess = p.max(1)
    order = confidence.argsort()
    wanted = _gaps(confidence[order], (guess == labels)[order], groups).abs().mean()
    if not close(value, wanted):
        _expect_labels_read(answer, p, labels, groups, value)
    mistakes = _calibration_mistakes(p, labels, groups)
    expect_close(value, wanted, mistakes, "The error of random probabilities is not right yet.")
    certain = F.one_hot(guess, p.size(1)).float()
    zero = a_number(answer(certain, guess.clone(), groups), "the error of a perfect classifier")
    expect(close(zero, 0.0), "A classifier that is certain and always right has no error.")


def _expect_labels_read(answer: Any, p: Tensor, labels: Tensor, groups: int, value: float) -> None:
    """Raises NotYet if other labels do not change the answer's value."""
    others = answer(p.clone(), (labels + 1) % p.size(1), groups)
    expect(
        not close(value, a_number(others, "the error")),
        "The labels change nothing: you take the softmax output for confidence that has been "
        "earned. Compare it with how often the answers are right.",
    )
