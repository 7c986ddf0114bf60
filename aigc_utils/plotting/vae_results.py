"""Chapter 3: figures of what was measured on autoencoders."""

from __future__ import annotations

import math
from collections.abc import Mapping

import matplotlib as mpl
import matplotlib.patheffects as effects
import numpy as np
import torch
from matplotlib.axes import Axes
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
    Picture,
    axes_grid,
    new_figure,
    show_image,
    styled,
    unit_range,
)

#: Points of a map at most: more would hide each other.
SHOWN = 2000
#: In nats; a latent dimension below it says next to nothing about the image.
UNUSED = 0.01
#: In nats; what costs less is drawn at this height, as a triangle.
LOWEST = UNUSED / 20


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


def _code_map(axes: Axes, codes: Tensor, labels: Tensor, limit: float) -> None:
    """Draws codes, shape (N, 2), in the colours of their digits, and writes the digits there."""
    check_labels(labels, len(codes))
    colors = [DIGIT_COLORS[label] for label in labels[:SHOWN].tolist()]
    x, y = codes[:SHOWN].T
    axes.scatter(x, y, 9, colors, alpha=0.6, linewidths=0)
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
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
    """Returns where to write each digit, (2,): where others are few, and apart from their names.

    A digit whose codes are all out of view has no place.
    """
    codes, labels = codes[:SHOWN], labels[:SHOWN]
    company = _company(codes, labels, min(20, len(codes) - 1))
    places: dict[int, Tensor] = {}
    for digit in labels.unique().tolist():
        seen = (labels == digit) & (codes.abs().amax(1) < 0.95 * limit)
        own = codes[seen]
        if not len(own):
            continue
        near = torch.cdist(own, own).topk(min(25, len(own)), largest=False).values[:, -1]
        dense = own[(near * (1.2 - company[seen])).argsort()]
        gaps = [(dense - other).norm(dim=1) for other in places.values()]
        apart = torch.stack(gaps).amin(0) if gaps else torch.full((len(own),), limit)
        free = (apart > limit / 6).nonzero()
        places[digit] = dense[int(free[0])] if len(free) else dense[int(apart.argmax())]
    return places


def _in_square(codes: Tensor, reach: float) -> float:
    """Returns the percentage of codes in the square from -reach to reach."""
    return 100 * (codes.abs().amax(1) <= reach).double().mean().item()


def _company(codes: Tensor, labels: Tensor, near: int = 20) -> Tensor:
    """Returns which share of each code's nearest codes shows the same digit, (N,)."""
    others = torch.cdist(codes, codes).topk(near + 1, largest=False).indices[:, 1:]
    return (labels[others] == labels[:, None]).double().mean(1)


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
    _code_map(left, codes, labels, reach)
    _mosaic(right, decoded, reach)
    left.set_xticks(right.get_xticks())
    left.set(xlabel="$z_1$", ylabel="$z_2$", title="encoder: where real digits lie")
    right.set(xlabel="$z_1$", title="decoder: what each place becomes")
    share = _in_square(codes, reach)
    company = _company(codes[:SHOWN], labels[:SHOWN], min(20, len(codes[:SHOWN]) - 1))
    alone = ", ".join(
        f"{digit} {100 * company[labels[:SHOWN] == digit].mean():.0f}"
        for digit in labels[:SHOWN].unique().tolist()
    )
    return Picture(
        figure,
        f"Two maps of the square from {-reach:g} to {reach:g}. Left, the codes of real digits in "
        f"colours, {share:.0f} percent of them in the square. How many of a code's nearest codes "
        f"show the same digit, in percent, tells who has a country of its own: {alone}. Right, "
        f"{decoded.size(0)} by {decoded.size(1)} images decoded from the same places.",
    )


@styled
def kl_per_dimension(kl: Mapping[str, Tensor]) -> Picture:
    """Returns what each latent dimension costs, from the largest to the smallest.

    Args:
        kl: name of a model to the mean KL of each dimension, shape (D,), in nats.

    Source: Burda, Grosse and Salakhutdinov, Importance Weighted Autoencoders, 2016, section 5.2,
    count active units by another measure: how far the mean moves.
    """
    figure = new_figure(2.9)
    panels = axes_grid(figure, 1, len(kl), sharey=True)
    told = []
    for axes, (name, values) in zip(panels, kl.items(), strict=True):
        used, costly = int((values > UNUSED).sum()), int((values > 1).sum())
        _costs(axes, values.sort(descending=True).values.numpy())
        axes.set_title(f"{name}: {values.sum():.1f} nats\n{used} of {len(values)} used")
        told.append(
            f"{name}, {values.sum():.1f} nats in all, {costly} of {len(values)} dimensions above "
            f"one nat and {used} above the line"
        )
    panels[0].set(ylabel="mean KL (nats, logarithmic)", ylim=(0.8 * LOWEST, None))
    panels[0].yaxis.set_major_formatter("{x:g}")
    return Picture(
        figure,
        "Dots of the mean KL of each latent dimension, sorted, with a dotted line at "
        f"{UNUSED} nats; triangles at the lower end lie below it. {'; '.join(told)}.",
    )


def _costs(axes: Axes, ordered: np.ndarray) -> None:
    """Draws sorted costs: dots, open ones where unused, triangles where they lie out of view."""
    places, used, out = np.arange(1, len(ordered) + 1), ordered > UNUSED, ordered < LOWEST
    for chosen, mark, color, face in (
        (used, "o", "blue", COLORS["blue"]), (~used & ~out, "o", "grey", "white"),
        (out, "v", "grey", "white"),
    ):  # fmt: skip
        heights = ordered[chosen].clip(min=LOWEST)
        axes.plot(places[chosen], heights, mark, color=COLORS[color], mfc=face)
    axes.axhline(UNUSED, color=INK, linewidth=1.4, linestyle=":")
    axes.annotate(
        "unused", (0.99, UNUSED), xycoords=("axes fraction", "data"), xytext=(0, -3),
        textcoords="offset points", ha="right", va="top",
        path_effects=[effects.withStroke(linewidth=3, foreground="white")],
    )  # fmt: skip
    axes.set(yscale="log", xlabel="dimension, sorted")
    axes.grid(axis="x", visible=False)


@styled
def aggregate_posterior(codes: Mapping[str, Tensor], title: str = "") -> Picture:
    """Returns codes of many images against the prior's circles, one panel for each model.

    Args:
        codes: name of a model to codes of images, shape (N, 2), drawn from q(z | x) where the
            model has noise. The shares in the titles are of all of them; those farther than 6
            from zero are not in sight.
        title: the figure's message; by default which of them is nearest to the prior.
    """
    rows, columns = (2, 2) if len(codes) == 4 else (1, len(codes))
    figure = new_figure(0.9 + rows * (0.4 + min(2.9, 6.6 / columns)))
    panels = axes_grid(figure, rows, columns, sharex=True, sharey=True)
    widest = max(c.abs().amax(1).quantile(0.98).item() for c in codes.values())
    limit = min(max(3.0, widest), 6.0)  # farther out, the circles would be dots
    shares = {
        name: _against_prior(axes, points, limit)
        for axes, (name, points) in zip(panels, codes.items(), strict=True)
    }
    for axes, (name, inside) in zip(panels, shares.items(), strict=True):
        axes.set_title("{}\ninside: {:.0f} % and {:.0f} %".format(name, *inside))
    for axes in panels[::columns]:
        axes.set_ylabel("$z_2$")
    for place, axes in enumerate(panels):
        axes.set_xlabel("$z_1$")
        axes.xaxis.label.set_visible(place >= len(panels) - columns)
    off = {name: abs(half - 50) + abs(most - 95) for name, (half, most) in shares.items()}
    nearest = min(off, key=lambda name: off[name])
    figure.suptitle(title or f"Nearest to the prior: {nearest}")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    told = "; ".join("{}, {:.0f} and {:.0f} percent".format(n, *s) for n, s in shares.items())
    return Picture(
        figure,
        "Codes as dots with the two circles that hold 50 and 95 percent of the prior. "
        f"They hold of the codes: {told}.",
    )


def _against_prior(axes: Axes, points: Tensor, limit: float) -> tuple[float, float]:
    """Draws codes and the prior's two circles; returns the percentages that the circles hold."""
    angle = torch.linspace(0, 2 * math.pi, 181)
    x, y = points[:SHOWN].T
    axes.scatter(x, y, 6, COLORS["blue"], alpha=0.25, linewidths=0)
    inside = []
    for share, line in ((50, LINES[0]), (95, LINES[1])):
        radius = math.sqrt(-2 * math.log(1 - share / 100))
        x, y = radius * angle.cos(), radius * angle.sin()
        axes.plot(x, y, line, color=COLORS["orange"], label=f"holds {share} % of the prior")
        inside.append(100 * (points.norm(dim=1) <= radius).double().mean().item())
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    axes.xaxis.set_major_locator(MultipleLocator(2))
    return inside[0], inside[1]
