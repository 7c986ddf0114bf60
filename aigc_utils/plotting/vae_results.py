"""Chapter 3: figures of what was measured on autoencoders."""

from __future__ import annotations

import math
from collections.abc import Mapping

import matplotlib as mpl
import matplotlib.patheffects as effects
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MultipleLocator
from torch import Tensor

from ..data import check_labels
from .common import LINES
from .film import GREYS
from .picture import (
    COLORS,
    DIGIT_COLORS,
    INK,
    INK_SCALE,
    WIDTH,
    Picture,
    axes_grid,
    new_figure,
    picture_axes,
    show_image,
    styled,
    unit_range,
)

#: Points of a map at most: more would hide each other.
SHOWN = 2000
#: In nats; a latent dimension below it says next to nothing about the image.
UNUSED = 0.01


def _mosaic(axes: Axes, decoded: Tensor, reach: float) -> None:
    """Draws images, shape (R, R, H, W), as one over the square from -reach to reach."""
    images = unit_range(decoded)
    if images.ndim != 4 or images.size(0) != images.size(1):
        raise ValueError(
            f"decoded must be a square grid of images, (R, R, H, W), not {tuple(images.shape)}."
        )
    whole = images.flip(0).permute(0, 2, 1, 3).flatten(2).flatten(0, 1)  # (R * H, R * W)
    square, greys = (-reach, reach, -reach, reach), mpl.colormaps[INK_SCALE].resampled(GREYS)
    show_image(axes, whole, extent=square, cmap=greys, vmin=0, vmax=1)
    axes.set(xticks=(-reach, 0, reach), yticks=(-reach, 0, reach))


def _code_map(axes: Axes, codes: Tensor, labels: Tensor, limit: float, *, named: bool) -> None:
    """Draws codes, shape (N, 2), in the colours of their digits, and writes the digits there."""
    check_labels(labels, len(codes))
    size = 9 if named else 4
    colors = [DIGIT_COLORS[label] for label in labels[:SHOWN].tolist()]
    x, y = codes[:SHOWN].T
    axes.scatter(x, y, size, colors, alpha=0.6, linewidths=0)
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    if not named:
        return
    for digit, place in _label_places(codes, labels, limit).items():
        left, bottom = place.tolist()
        text = axes.text(
            left, bottom, str(digit), ha="center", va="center", fontsize=12, fontweight="bold",
            clip_on=True,
        )  # fmt: skip
        text.set_path_effects(
            [
                effects.Stroke(linewidth=5.5, foreground=DIGIT_COLORS[digit]),
                effects.withStroke(linewidth=3, foreground="white"),
            ]
        )


def _label_places(codes: Tensor, labels: Tensor, limit: float) -> dict[int, Tensor]:
    """Returns where to write each digit, (2,): among its codes, and apart from the others.

    A digit whose codes are all out of view has no place.
    """
    places: dict[int, Tensor] = {}
    for digit in labels.unique().tolist():
        own = codes[labels == digit][:500]
        own = own[own.abs().amax(1) < 0.95 * limit]
        if not len(own):
            continue
        near = torch.cdist(own, own).topk(min(25, len(own)), largest=False).values[:, -1]
        dense = own[near.argsort()]
        gaps = [(dense - other).norm(dim=1) for other in places.values()]
        apart = torch.stack(gaps).amin(0) if gaps else torch.full((len(own),), limit)
        free = (apart > limit / 6).nonzero()
        places[digit] = dense[int(free[0])] if len(free) else dense[int(apart.argmax())]
    return places


def _in_square(codes: Tensor, reach: float) -> float:
    """Returns the percentage of codes in the square from -reach to reach."""
    return 100 * (codes.abs().amax(1) <= reach).double().mean().item()


@styled
def autoencoder_holes(
    codes: Mapping[str, Tensor], labels: Tensor, decoded: Mapping[str, Tensor], reach: float
) -> Picture:
    """Returns where models put real images, and below it what they decode from one square.

    Args:
        codes: name of a model to the codes of the same images, shape (N, 2).
        labels: shape (N,), int64, their digits.
        decoded: name of a model to shape (R, R, 28, 28), in [0, 1]; image [i, j] is decoded from
            the centre of its cell, rows from the lowest y to the highest.
        reach: half the side of the square that `decoded` covers.

    Raises:
        ValueError: `decoded` is no square grid of images, or has values out of range; or the
            labels are not as many as the codes, or no digits.
    """
    widths = {name: c.abs().amax(1).quantile(0.98).item() for name, c in codes.items()}
    limit = max(1.1 * reach, *widths.values())
    columns = len(codes)
    side = min(2.6, 6.6 / columns - 0.35)
    figure = new_figure(2 * side + 1.1, min(WIDTH, (side + 0.35) * columns + 0.6))
    axes = axes_grid(figure, 2, columns)
    parts = []
    for i, (name, points) in enumerate(codes.items()):
        crowded = widths[name] < limit / 4
        _code_map(axes[i], points, labels, limit, named=not crowded)
        square = Rectangle((-reach, -reach), 2 * reach, 2 * reach, fill=False, edgecolor=INK)
        axes[i].add_patch(square).set(zorder=4)  # above the codes and the digits
        if crowded:
            part = 0.46 - 0.5 * reach / limit  # of the panel; it ends where the square begins
            zoom = picture_axes(axes[i].inset_axes((0.02, 0.98 - part, part, part)))
            _code_map(zoom, points, labels, reach, named=False)
            axes[i].indicate_inset_zoom(zoom, edgecolor=INK, alpha=1)
        _mosaic(axes[columns + i], decoded[name], reach)
        share = _in_square(points, reach)
        axes[i].set_title(f"{name}\n{share:.0f} % in the square")
        axes[columns + i].set_xlabel("$z_1$")
        parts.append(
            f"{name}, {share:.0f} percent of the codes in the square, and 98 percent within "
            f"{widths[name]:.1f} of zero"
        )
    axes[0].set_ylabel("codes of real digits, $z_2$")
    axes[columns].set_ylabel("decoded square, $z_2$")
    return Picture(
        figure,
        f"Above, maps of the codes of real digits on shared axes, with the square from {-reach:g} "
        f"to {reach:g} outlined; below, {next(iter(decoded.values())).size(0)} images a side "
        f"decoded from that square. {'; '.join(parts)}.",
    )


@styled
def latent_map(codes: Tensor, labels: Tensor, decoded: Tensor, reach: float) -> Picture:
    """Returns where the encoder puts real digits, beside what the decoder makes of each place.

    Args:
        codes: shape (N, 2).
        labels: shape (N,), int64, the digits of the images.
        decoded: shape (R, R, 28, 28), in [0, 1]; image [i, j] is decoded from the centre of its
            cell, rows from the lowest y to the highest.
        reach: half the side of the square that both maps show.

    Raises:
        ValueError: `decoded` is no square grid of images, or has values out of range; or the
            labels are not as many as the codes, or no digits.
    """
    figure = new_figure(3.9)
    left, right = axes_grid(figure, 1, 2, sharey=True)
    _code_map(left, codes, labels, reach, named=True)
    _mosaic(right, decoded, reach)
    left.set_xticks(right.get_xticks())
    left.set(xlabel="$z_1$", ylabel="$z_2$", title="encoder: where real digits lie")
    right.set(xlabel="$z_1$", title="decoder: what each place becomes")
    share = _in_square(codes, reach)
    written = ", ".join(
        "{} at ({:.1f}, {:.1f})".format(digit, *place.tolist())
        for digit, place in _label_places(codes, labels, reach).items()
    )
    return Picture(
        figure,
        f"Two maps of the square from {-reach:g} to {reach:g}. Left, the codes of real digits, "
        f"{share:.0f} percent of them in the square; the digits stand where their codes are "
        f"dense: {written}. Right, {decoded.size(0)} by {decoded.size(1)} images decoded from the "
        "same places.",
    )


@styled
def kl_per_dimension(kl: Mapping[str, Tensor]) -> Picture:
    """Returns what each latent dimension costs, from the largest to the smallest.

    Args:
        kl: name of a model to the mean KL of each dimension, shape (D,), in nats.

    Source: Burda, Grosse and Salakhutdinov, Importance Weighted Autoencoders, 2016, section 5.2,
    count active units by another measure: how far the mean moves.
    """
    floor = UNUSED / 20
    figure = new_figure(2.9)
    panels = axes_grid(figure, 1, len(kl), sharey=True)
    counts: list[int] = []
    parts = []
    for axes, (name, values) in zip(panels, kl.items(), strict=True):
        ordered = values.sort(descending=True).values.numpy()
        places, active = np.arange(1, len(values) + 1), ordered > UNUSED
        shown = ordered.clip(min=floor)
        axes.plot(places[active], shown[active], "o", color=COLORS["blue"])
        axes.plot(places[~active], shown[~active], "o", color=COLORS["grey"], mfc="white")
        axes.axhline(UNUSED, color=INK, linewidth=1.4, linestyle=":")
        counts.append(int(active.sum()))
        axes.set_title(
            f"{name}\n{counts[-1]} of {len(values)} used, {values.sum():.1f} nats in all"
        )
        axes.set(yscale="log", xlabel="dimension, sorted")
        axes.grid(axis="x", visible=False)
        parts.append(f"{name}, {counts[-1]} of {len(values)} above, {values.sum():.1f} nats in all")
    panels[0].set(ylabel="mean KL (nats, logarithmic)", ylim=(0.8 * floor, None))
    panels[0].yaxis.set_major_formatter("{x:g}")
    # Below the line on the left no dot stands: the dimensions are sorted.
    panels[counts.index(min(counts))].annotate(
        "unused", (0.01, UNUSED), xycoords=("axes fraction", "data"), xytext=(0, -3),
        textcoords="offset points", ha="left", va="top",
        path_effects=[effects.withStroke(linewidth=3, foreground="white")],
    )  # fmt: skip
    return Picture(
        figure,
        "Dots of the mean KL of each latent dimension, sorted, with a dotted line at "
        f"{UNUSED} nats: {'; '.join(parts)}.",
    )


@styled
def aggregate_posterior(codes: Mapping[str, Tensor]) -> Picture:
    """Returns sampled codes of many images against the prior's circles, one panel for each model.

    Args:
        codes: name of a model to codes sampled from q(z | x), shape (N, 2). The shares in the
            titles are of all of them; those farther than 6 from zero are not in sight.
    """
    figure = new_figure(1.3 + min(3.3, 6.6 / len(codes)))
    panels = axes_grid(figure, 1, len(codes), sharex=True, sharey=True)
    widest = max(c.abs().amax(1).quantile(0.98).item() for c in codes.values())
    limit = min(max(3.0, widest), 6.0)  # farther out, the circles would be dots
    angle = torch.linspace(0, 2 * math.pi, 181)
    parts = []
    for axes, (name, points) in zip(panels, codes.items(), strict=True):
        x, y = points[:SHOWN].T
        axes.scatter(x, y, 6, COLORS["blue"], alpha=0.25, linewidths=0)
        inside = []
        for share, line in ((50, LINES[0]), (95, LINES[1])):
            radius = math.sqrt(-2 * math.log(1 - share / 100))
            x, y = radius * angle.cos(), radius * angle.sin()
            axes.plot(x, y, line, color=COLORS["orange"], label=f"holds {share} % of the prior")
            inside.append(100 * (points.norm(dim=1) <= radius).double().mean().item())
        axes.set_title("{}\ninside: {:.0f} % and {:.0f} %".format(name, *inside))
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xlabel="$z_1$")
        axes.xaxis.set_major_locator(MultipleLocator(2))
        parts.append("{}, {:.0f} and {:.0f} percent".format(name, *inside))
    panels[0].set_ylabel("$z_2$")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return Picture(
        figure,
        "Codes as dots with the two circles that hold 50 and 95 percent of the prior. "
        f"They hold of the codes: {'; '.join(parts)}.",
    )
