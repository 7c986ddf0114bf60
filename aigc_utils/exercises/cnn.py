"""The exercises of chapter 1; those that stand here ask for the most."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..evaluation import calibration
from ..judge import judge_images
from .answers import a_number, a_tensor, close
from .chapter import Draw
from .checking import NotYet, expect
from .cnn_mending import CHAPTER, broken_accuracy, broken_pick
from .mistakes import expect_close

__all__ = ["CHAPTER", "broken_accuracy", "broken_pick"]


def _filtered(draw: Draw) -> SimpleNamespace:
    """Gives images and what an unknown filter of one decimal makes of them."""
    images = draw.normal(64, 1, 12, 12)
    kernel = draw.normal(1, 1, 3, 3).round(decimals=1)
    return SimpleNamespace(images=images, maps=F.conv2d(images, kernel))


@CHAPTER.exercise(
    "Nobody designs this filter",
    kind="write",
    objective="gradient descent, Adam",
    misconceptions=("filters are designed by hand",),
    points=4,
    hints=(
        "Begin with any kernel. How far are its maps from the maps that you are given, and how "
        "does each weight change that?",
        "The loss is the mean of the squared differences. Repeat: forget the old gradients, "
        "compute the loss, `loss.backward()`, and one step of an optimizer.",
        "`kernel = torch.zeros(1, 1, 3, 3, requires_grad=True)`, `torch.optim.SGD([kernel], "
        "lr=0.2)`, and 30 steps on `F.mse_loss(F.conv2d(images, kernel), maps)`; return "
        "`kernel.detach()[0, 0]`.",
    ),
    given=_filtered,
    optimizes=True,
)
def learn_filter(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(images, maps)` is the kernel (3, 3) that makes the maps of the images."""
    images = draw.normal(draw.integer(24, 40), 1, draw.integer(8, 10), draw.integer(11, 13))
    kernels = draw.normal(2, 3, 3)
    learned = [answer(images.clone(), F.conv2d(images, kernel[None, None])) for kernel in kernels]
    for found in learned:
        finite = not isinstance(found, Tensor) or bool(torch.isfinite(found).all())
        expect(finite, "The kernel has grown without end: try a smaller learning rate.")
        a_tensor(found, "The kernel", (3, 3))
    expect(
        not close(*learned),
        "Two different filters give you the same kernel: yours is designed by hand. Filters are "
        "learned from examples, so let the maps decide.",
    )
    for kernel, found in zip(kernels, learned, strict=True):
        _expect_kernel(kernel, found.detach().float())


def _expect_kernel(kernel: Tensor, found: Tensor) -> None:
    """Raises NotYet unless the found kernel is the true one."""
    if close(found, kernel, 0.02):
        return
    expect(not close(found, kernel.flip(0, 1), 0.02), "The kernel is turned by 180 degrees.")
    expect(not close(found, kernel.T, 0.02), "Rows and columns of the kernel are exchanged.")
    expect(not close(found, -kernel, 0.02), "All signs are wrong: what is the difference from?")
    # For random images this is the share of the maps that the kernel does not explain.
    left = ((found - kernel).square().sum() / kernel.square().sum()).item()
    expect(
        left < 0.99,
        "The kernel explains the maps no better than zeros do: does each step go against the "
        "gradient, and are the old gradients forgotten first?",
    )
    raise NotYet(
        f"The kernel is on its way: {100 * left:.2g} % of the maps are unexplained. Take more "
        "steps, or larger ones."
    )


@cache
def _judged(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns probabilities of 200 test digits upright, the same upside down, and labels."""
    images, labels = Draw(str(seed)).digits(200, test=True)
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


@CHAPTER.exercise(
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
