"""Chapter 1's networks: the article's, fully connected layers alone, and the course's."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data import check_finite, check_image_shape
from ..limits import whole


class ArticleCNN(nn.Module):
    """The article's network: two convolutions, two fully connected layers, 421,642 parameters."""

    #: The constructor's arguments, as `save_model` keeps them: there are none.
    configuration: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(64 * 7 * 7, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Returns logits, shape (B, 10), of images, shape (B, 1, 28, 28)."""
        x = self.pool(F.relu(self.conv1(x)))  # (B, 32, 14, 14)
        x = self.pool(F.relu(self.conv2(x)))  # (B, 64, 7, 7)
        x = F.relu(self.fc1(x.flatten(1)))  # (B, 128)
        logits: Tensor = self.fc2(x)
        return logits


class MLP(nn.Module):
    """Fully connected layers alone: every pixel has its own weights, neighbours mean nothing."""

    def __init__(self, hidden: int = 512) -> None:
        super().__init__()
        self.hidden = hidden
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(28 * 28, hidden), nn.ReLU(), nn.Linear(hidden, 10)
        )

    @property
    def configuration(self) -> dict[str, Any]:
        """The constructor's arguments, as `save_model` keeps them."""
        return {"hidden": self.hidden}

    def forward(self, x: Tensor) -> Tensor:
        """Returns logits, shape (B, 10), of images, shape (B, 1, 28, 28)."""
        logits: Tensor = self.layers(x)
        return logits


def block(
    inputs: int,
    outputs: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    pool: bool = False,
) -> nn.Sequential:
    """Returns a convolution and what follows it: pooling if asked for, batch norm, activation."""
    return nn.Sequential(
        # The norm subtracts any bias again, so the convolution has none.
        nn.Conv2d(inputs, outputs, kernel_size, stride, padding, bias=False),
        nn.MaxPool2d(2) if pool else nn.Identity(),
        # Runs of a few hundred steps need averages that forget faster than the default 0.1.
        nn.BatchNorm2d(outputs, momentum=0.2),
        nn.GELU(),
    )


class CourseCNN(nn.Module):
    """The course's network: three or more blocks, and one fully connected layer.

    The first convolution has stride 2: it makes a quarter of the pixels, and everything after it
    a quarter of the work. Pooling comes before the norm and the activation, for the same reason.
    The first two convolutions and the last pad nothing: MNIST's digits leave the rim of the image
    empty. With `average`, the last layer takes each channel's mean in place of its 3 by 3 places.

    Raises:
        ValueError: there are fewer than three widths.
    """

    def __init__(
        self, widths: Sequence[int] = (16, 32, 96), dropout: float = 0.0, average: bool = False
    ) -> None:
        super().__init__()
        if len(widths) < 3:
            raise ValueError(f"widths must be of three convolutions or more, not {widths}.")
        first, second, last = widths[0], widths[1], widths[-1]
        between = itertools.pairwise(widths[1:-1])
        self.features = nn.Sequential(
            block(1, first, kernel_size=5, stride=2),  # (B, first, 12, 12)
            block(first, second, kernel_size=3, pool=True),  # (B, second, 5, 5)
            *(block(a, b, kernel_size=3, padding=1) for a, b in between),  # (B, b, 5, 5)
            block(widths[-2], last, kernel_size=3),  # (B, last, 3, 3)
        )
        self.widths, self.average = tuple(widths), average
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(last if average else last * 3 * 3, 10)
        self.to(memory_format=torch.channels_last)

    @property
    def configuration(self) -> dict[str, Any]:
        """The constructor's arguments, as `save_model` keeps them."""
        return {"widths": self.widths, "dropout": self.dropout.p, "average": self.average}

    def forward(self, x: Tensor) -> Tensor:
        """Returns logits, shape (B, 10), of images, shape (B, 1, 28, 28)."""
        check_image_shape(x)
        x = self.features(x)  # (B, last, 3, 3)
        if self.average:
            x = x.mean((2, 3), keepdim=True)  # (B, last, 1, 1)
        # Flattened in the order in which the numbers lie in memory: no copy, and a faster way back.
        x = self.dropout(x.permute(0, 2, 3, 1).flatten(1))  # (B, 9 * last)
        logits: Tensor = self.classifier(x)
        return logits


def exciting_patches(
    maps: Tensor, images: Tensor, size: int, step: int, count: int
) -> tuple[Tensor, Tensor]:
    """Returns the patches of images that excite each channel most, and the images' numbers.

    A channel's patches come from different images; the strongest stands first. The shapes are
    (C, count, size, size) and (C, count).

    Args:
        maps: what layers without padding make of the images, shape (N, C, H', W').
        images: shape (N, 1, H, W).
        size: the side of the layers' receptive field, in pixels.
        step: pixels from one place of the maps to the next.
        count: patches of a channel.

    Raises:
        ValueError: maps or images have another shape, or are not equally many, maps are not finite,
            there are fewer images than `count`, or layers with this field and step make maps of
            another size.
    """
    _check_maps(maps, images, size, step, count)
    best, place = maps.flatten(2).max(2)  # (N, C)
    strongest = best.topk(count, dim=0).indices  # (count, C)
    place, which = place.gather(0, strongest).T, strongest.T  # (C, count)
    rows, columns = place // maps.size(3) * step, place % maps.size(3) * step
    windows = images[:, 0].unfold(1, size, 1).unfold(2, size, 1)
    return windows[which, rows, columns], which


def _check_maps(maps: Tensor, images: Tensor, size: int, step: int, count: int) -> None:
    """Raises ValueError unless layers with this field and step make such maps of the images."""
    if maps.ndim != 4 or images.ndim != 4 or images.size(1) != 1 or len(maps) != len(images):
        raise ValueError(
            "maps must have shape (N, C, H', W') and images (N, 1, H, W), with one N, not "
            f"{tuple(maps.shape)} and {tuple(images.shape)}."
        )
    check_finite("maps", maps)
    whole("count", count, highest=len(images))
    sides = [(side - whole("size", size)) // whole("step", step) + 1 for side in images.shape[2:]]
    if sides != list(maps.shape[2:]):
        raise ValueError(
            f"A field of {size} pixels every {step} pixels makes maps of {sides[0]} by {sides[1]}, "
            f"not of {maps.size(2)} by {maps.size(3)}."
        )
