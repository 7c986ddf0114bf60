"""The exercise of chapter 1 that learns a filter from what it does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..answers import a_tensor, close
from ..chapter import Draw, exercise
from ..checking import NotYet, expect


def _filtered(draw: Draw) -> SimpleNamespace:
    """Gives images and what an unknown filter of one decimal makes of them."""
    images = draw.normal(64, 1, 12, 12)
    kernel = draw.normal(1, 1, 3, 3).round(decimals=1)
    return SimpleNamespace(images=images, maps=F.conv2d(images, kernel))


@exercise(
    "Nobody designs this filter",
    kind="write",
    objective="gradient descent; the gradient of a convolution",
    misconceptions=("filters are designed by hand",),
    points=4,
    hints=(
        "Begin with any kernel. How far are its maps from the maps that you are given, and how "
        "does each weight change that?",
        "Weight (i, j) multiplies the pixel i rows below and j columns right of each place. So its "
        "gradient is 2 times the mean over all places of the difference times that pixel. Then a "
        "step against the gradient, and again.",
        "`kernel = torch.zeros(1, 1, 3, 3)`, and 30 times `off = F.conv2d(images, kernel) - maps`, "
        "`gradient = 2 / maps.numel() * F.conv2d(images.transpose(0, 1), off.transpose(0, 1))`, "
        "`kernel -= 0.2 * gradient`; return `kernel[0, 0]`.",
    ),
    given=_filtered,
    optimizes=True,
)
def learn_filter(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(images, maps)` is the kernel (3, 3), found without autograd."""
    images = draw.normal(draw.integer(24, 40), 1, draw.integer(8, 10), draw.integer(11, 13))
    kernels = draw.normal(2, 3, 3)
    learned = [_by_hand(answer, images, F.conv2d(images, k[None, None])) for k in kernels]
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


def _by_hand(answer: Any, images: Tensor, maps: Tensor) -> Any:
    """Returns what an answer makes of the examples while nothing records gradients.

    Raises:
        NotYet: the answer asks PyTorch for them.
    """
    try:
        with torch.no_grad():
            return answer(images.clone(), maps.clone())
    except RuntimeError as error:
        if "does not require grad" not in str(error):
            raise
    raise NotYet("Here `backward` is switched off: compute the gradient yourself.")


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
        "gradient, and is the gradient computed anew?",
    )
    raise NotYet(
        f"The kernel is on its way: {100 * left:.2g} % of the maps are unexplained. Take more "
        "steps, or larger ones."
    )
