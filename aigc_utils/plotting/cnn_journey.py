"""Chapter 1: figures of one digit's way through the network, and of what its channels look for."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from matplotlib.axes import Axes
from torch import Tensor
from torch.nn import functional as F

from .picture import (
    COLORS,
    DIVERGING,
    Picture,
    axes_grid,
    check_shares,
    new_figure,
    show_image,
    styled,
)

#: The ground between the tiles of a mosaic.
GROUND = "#D5DEE7"


def _mosaic(tiles: Tensor, columns: int) -> Tensor:
    """Returns tiles, shape (N, h, w), as one image; gaps of one pixel are no numbers."""
    count, high, wide = tiles.shape
    rows = math.ceil(count / columns)
    room = torch.full((rows * columns, high + 1, wide + 1), torch.nan)
    room[:count, :high, :wide] = tiles
    image = room.view(rows, columns, high + 1, wide + 1).transpose(1, 2)
    return image.reshape(rows * (high + 1), columns * (wide + 1))[:-1, :-1]


def _show_mosaic(axes: Axes, tiles: Tensor, columns: int) -> None:
    """Draws tiles, shape (N, h, w), on one scale, white at zero and below."""
    show_image(axes, _mosaic(tiles.float().clamp(min=0), columns), vmin=0)
    axes.set_facecolor(GROUND)


@styled
def journey(image: Tensor, stages: Mapping[str, Tensor], probabilities: Tensor) -> Picture:
    """Returns a digit's way through a network: the image, all maps of each stage, ten bars.

    Args:
        image: shape (H, W).
        stages: name to the maps that the stage makes of the image, shape (C, h, w).
        probabilities: shape (classes,), what the network answers.

    Raises:
        ValueError: the probabilities are no probabilities.
    """
    check_shares("probabilities", probabilities, probabilities.numel())
    figure = new_figure(2.6)
    widths = [0.9, *[1.2] * len(stages), 1.05]
    picture, *panels, output = axes_grid(figure, 1, len(widths), width_ratios=widths)
    show_image(picture, image)
    picture.set_title(f"1 image\n{image.size(0)} × {image.size(1)}")
    told = []
    for axes, (name, maps) in zip(panels, stages.items(), strict=True):
        count, high, wide = maps.shape
        _show_mosaic(axes, maps, columns=math.ceil(math.sqrt(count)))
        axes.set_title(f"{count} maps\n{high} × {wide}")
        axes.set_xlabel(name)
        share = 100 * float((maps > 0).float().mean())
        told.append(f"{name}, {count} maps of {high} by {wide}, {share:.0f} percent above zero")
    classes = range(len(probabilities))
    output.barh(classes, probabilities.tolist(), color=COLORS["orange"])
    output.set(yticks=classes, xlim=(0, 1), xlabel="probability")
    output.set_title(f"{len(classes)} scores\nas probabilities")
    best = int(probabilities.argmax())
    sure = float(probabilities[best])
    channels = ", ".join(str(len(maps)) for maps in stages.values())
    figure.suptitle(
        f"One image becomes {channels} maps, and the answer {best}: {100 * sure:.0f} % sure"
    )
    return Picture(
        figure,
        f"From left to right: a digit of {image.size(0)} by {image.size(1)} pixels; then all maps "
        f"of each stage as small tiles, dark where they are large: {'; '.join(told)}; and a bar "
        f"for each of {len(classes)} classes, the longest that of {best}, at {sure:.2f}.",
    )


@styled
def exciting_patches(
    layers: Mapping[str, Tensor], digits: Mapping[str, Tensor], channels: int
) -> Picture:
    """Returns the patches that excite some channels of each layer most, a channel to a row.

    Args:
        layers: name to patches, shape (C, count, k, k).
        digits: name to the digit that each patch comes from, shape (C, count).
        channels: how many of each layer to show, the first ones.
    """
    figure = new_figure(3.3)
    told = []
    panels = axes_grid(figure, 1, len(layers))
    for axes, (name, patches) in zip(panels, layers.items(), strict=True):
        count, side = patches.shape[1:3]
        _show_mosaic(axes, patches[:channels].flatten(0, 1), columns=count)
        share = f"{100 * _of_one_digit(digits[name][:channels]):.0f}"
        axes.set_title(f"{name}\n{side} × {side} pixels")
        axes.set_xlabel(f"{share} % of a row from one digit")
        told.append((name, side, share))
    shares = ", ".join(f"{share} %" for *_, share in told)
    figure.suptitle(f"Of a channel's strongest patches one digit gives {shares}")
    listed = [f"{name}, {side} by {side} pixels, {share} percent" for name, side, share in told]
    return Picture(
        figure,
        "Pieces of training images, one channel of the network to a row, those that excite it "
        "most. The size of the pieces, and how much of a row comes from its most frequent digit "
        f"on average: {'; '.join(listed)}.",
    )


def _of_one_digit(digits: Tensor) -> float:
    """Returns the share of each row's most frequent digit, averaged over rows, shape (C, count)."""
    return float((digits == digits.mode(1, keepdim=True).values).float().mean())


@styled
def feature_maps(before: Tensor, after: Tensor, image: Tensor, maps: Tensor) -> Picture:
    """Returns filters of the first layer before and after training, and what they make of a digit.

    Args:
        before: shape (C, k, k), the random start.
        after: shape (C, k, k), the same filters once trained.
        image: shape (H, W).
        maps: shape (C, h, w); zero and below is drawn white.

    Raises:
        ValueError: there are not as many filters before as after, or as maps.
    """
    if not len(before) == len(after) == len(maps):
        raise ValueError(f"{len(after)} filters need as many before, and as many maps.")
    count = len(after)
    figure = new_figure(2.9)
    axes = axes_grid(figure, 3, count + 1, width_ratios=[1.6] + [1] * count)
    for row in range(3):
        axes[row * (count + 1)].set_visible(row == 1)
    show_image(axes[count + 1], image)
    axes[count + 1].set_title("input", fontsize=9)
    for first, filters, name in ((1, before, "start"), (count + 2, after, "trained")):
        reach = float(filters.abs().max())
        for panel, values in zip(axes[first:], filters, strict=False):
            show_image(panel, values, cmap=DIVERGING, vmin=-reach, vmax=reach)
        axes[first].set_ylabel(name, fontsize=9)
    for panel, values in zip(axes[2 * count + 3 :], maps.clamp(min=0), strict=True):
        show_image(panel, values, vmin=0)
    axes[2 * count + 3].set_ylabel("answer", fontsize=9)
    low, high = _turned(before, after)
    figure.suptitle(f"Training has turned these filters by {low:.0f}° to {high:.0f}°")
    figure.supxlabel("weights: orange adds, purple subtracts; answers: dark is strong", fontsize=9)
    return Picture(
        figure,
        f"Above, {count} filters of {after.size(1)} by {after.size(2)} weights before training "
        f"and, below each, after it, orange where positive and purple where negative; training has "
        f"turned them by {low:.0f} to {high:.0f} degrees. In the last row what each makes of the "
        f"digit, each on a scale of its own, dark where it is large: {_answers(image, maps)}.",
    )


def _turned(before: Tensor, after: Tensor) -> tuple[float, float]:
    """Returns the smallest and the largest angle between a filter before and after, in degrees."""
    cosine = F.cosine_similarity(before.flatten(1), after.flatten(1)).clamp(-1, 1)
    angles = cosine.arccos().rad2deg()
    return float(angles.min()), float(angles.max())


def _answers(image: Tensor, maps: Tensor) -> str:
    """Returns how many feature maps answer to ink, and how many to the empty paper too."""
    maps = maps.clamp(min=0)
    # Widened by one pixel of the map: a filter answers beside a stroke too.
    shrunk = F.adaptive_max_pool2d(image[None].float(), maps.shape[1:])
    ink = F.max_pool2d(shrunk, 3, stride=1, padding=1)[0] > 0.1 * shrunk.max()
    on_ink, on_paper = maps[:, ink].mean(1), maps[:, ~ink].mean(1)
    to_ink = int((on_ink > on_paper).sum())
    to_paper = int((on_paper > 0.1 * maps.amax((1, 2))).sum())
    return (
        f"{to_ink} of {len(maps)} answer more strongly around the digit's ink than on the empty "
        f"paper, and {to_paper} answer on the empty paper too"
    )
