"""Chapter 2: figures of what was measured on generated images."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, NullFormatter
from torch import Tensor

from .picture import (
    COLORS,
    INK,
    Picture,
    Values,
    axes_grid,
    check_few,
    check_shares,
    new_figure,
    styled,
)


@styled
def discriminator_histograms(stages: Mapping[str, tuple[Tensor, Tensor]]) -> Picture:
    """Returns how the discriminator's answers are spread, one panel for each stage.

    Args:
        stages: name to its probabilities of real, shape (N,), for real and for generated images.

    Raises:
        ValueError: some are no probabilities, as logits aren't: bars would leave them out.
    """
    figure = new_figure(2.7)
    panels = axes_grid(figure, 1, len(stages), sharey=True)
    parts = []
    for axes, (name, (real, fake)) in zip(panels, stages.items(), strict=True):
        for values, color, hatch, label in (
            (real, "blue", None, "real images"), (fake, "orange", "////", "generated images"),
        ):  # fmt: skip
            check_shares(name, values, values.numel())
            weights = np.full(len(values), 100 / len(values))
            look: Any = {"facecolor": COLORS[color] + "40", "edgecolor": COLORS[color]}
            axes.hist(
                values.numpy(), bins=20, range=(0, 1), weights=weights, label=label, hatch=hatch,
                histtype="stepfilled", linewidth=1.4, **look,
            )  # fmt: skip
        axes.axvline(0.5, color=COLORS["grey"], linewidth=1, linestyle=":")
        right = 50 * ((real > 0.5).double().mean() + (fake <= 0.5).double().mean()).item()
        axes.set(title=f"{name}\n{right:.0f} % right", xlim=(0, 1), xlabel="probability of real")
        axes.set(xticks=(0, 0.5, 1), xticklabels=("0", "0.5", "1"))
        parts.append(
            f"{name}, on average {real.mean():.2f} for real images and {fake.mean():.2f} for "
            f"generated ones, {right:.0f} percent right"
        )
    panels[0].set_ylabel("share of images (%)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return Picture(
        figure,
        "Histograms of the discriminator's probability of real, for real images and for "
        f"generated ones: {'; '.join(parts)}.",
    )


def _capital(name: str) -> str:
    """Returns a name as it stands at the beginning of a title."""
    return name[:1].upper() + name[1:]


#: A digit with a smaller share of the images is as good as missing.
RARE = 0.02


def _classes_found(shares: Mapping[str, Tensor]) -> str:
    """Returns the message of `class_bars`: the set of images that lacks most digits."""
    missing = {name: int((share < RARE).sum()) for name, share in shares.items()}
    name = max(missing, key=missing.__getitem__)
    if missing[name] == 0:
        least = 100 * min(share.min().item() for share in shares.values())
        return f"No digit is missing: each has at least {least:.1f} % of the images"
    lacks = f"{missing[name]} of 10 digits have less than {100 * RARE:.0f} % of the images"
    return f"{_capital(name)}: {lacks}"


@styled
def class_bars(shares: Mapping[str, Tensor]) -> Picture:
    """Returns how often each digit stands among images, as bars side by side.

    The title says which set of images lacks most digits.

    Args:
        shares: name of a set of images to the share of each digit in [0, 1], shape (10,).

    Raises:
        ValueError: there are not 1 to 4 sets, or other numbers than that.
    """
    check_few(shares, 4, "sets of images")
    for name, share in shares.items():
        check_shares(name, share, 10)
    figure = new_figure(2.9)
    (axes,) = axes_grid(figure, 1, 1)
    width = 0.8 / len(shares)
    looks = zip(("grey", "orange", "blue", "green"), (None, "////", "....", "xx"), strict=True)
    parts = []
    for i, ((name, share), (color, hatch)) in enumerate(zip(shares.items(), looks, strict=False)):
        places = np.arange(10) + width * (i - (len(shares) - 1) / 2)
        axes.bar(
            places, 100 * share.numpy(), 0.86 * width, hatch=hatch, label=name,
            facecolor=COLORS[color] + "66", edgecolor=COLORS[color],
        )  # fmt: skip
        low, high = int(share.argmin()), int(share.argmax())
        parts.append(
            f"{name}, from {100 * share[low]:.1f} percent for digit {low} to "
            f"{100 * share[high]:.1f} for digit {high}"
        )
    axes.axhline(10, color=INK, linewidth=1.2, linestyle="--")
    place: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
    axes.annotate("even", (1, 10), xytext=(3, 0), va="center", fontsize=9, **place)
    axes.set(xlabel="digit", ylabel="share of the images (%)", xticks=range(10))
    axes.set_title(_classes_found(shares))
    axes.grid(axis="x", visible=False)
    figure.legend(loc="outside lower center", ncols=len(shares))
    return Picture(
        figure,
        f"Bars of the share of each digit, with a line at ten percent: {'; '.join(parts)}.",
    )


def _plain_log(axis: Axis) -> None:
    """Writes 1, 2, 5, 10, ... at a logarithmic axis, so that a short one has numbers too."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def _seed_dots(axes: Axes, values: Sequence[Values], form: str) -> None:
    """Draws one row for each sequence: a dot for each seed, a bar at the median, its number."""
    for height, row in enumerate(values):
        axes.plot(row, [height] * len(row), "o", color=COLORS["blue"], markersize=5, alpha=0.65)
        middle = median(row)
        axes.plot([middle], [height], "|", color=COLORS["orange"], markersize=19, markeredgewidth=3)
        axes.annotate(
            form.format(middle), (1.02, height), xycoords=("axes fraction", "data"), va="center",
        )  # fmt: skip
    axes.set_ylim(len(values) - 0.5, -0.5)


def _largest_step(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns the message of `ablation`; empty where no row is a change of the one above."""
    steps = [
        (median(above["frechet"]) / median(row["frechet"]), row["name"])
        for above, row in itertools.pairwise(rows)
        if row["name"].startswith("+")
    ]
    if not steps:
        return ""
    factor, name = max(steps)
    return f"“{name}” brings most: the distance falls to 1 / {factor:.1f}"


def _check_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        raise ValueError("give at least one row to draw.")
    for row in rows:
        distances, shares = row["frechet"], row["coverage"]
        whole = len(distances) == len(shares) > 0 and all(0 < d < math.inf for d in distances)
        if not whole or not all(0 <= share <= 1 for share in shares):
            raise ValueError(
                f"{row['name']!r} must have, for each seed, a distance above 0 and a coverage "
                "from 0 to 1."
            )


@styled
def ablation(rows: Sequence[Mapping[str, Any]]) -> Picture:
    """Returns what each change of a recipe brings: a dot for each seed and a bar at the median.

    The title names the change that brings the distance down most, as a factor.

    Args:
        rows: each with "name", and with "frechet" (above 0, in squared units of the features) and
            "coverage" (in [0, 1]), a value for each seed; from the listing to the full recipe.
            What begins with "+" changes the row above it.

    Raises:
        ValueError: there is no row, one has no seed or not a coverage for each, or a number lies
            out of its range.
    """
    _check_rows(rows)
    figure = new_figure(0.38 * len(rows) + 1.3)
    figure.suptitle(_largest_step(rows))
    distance, coverage = axes_grid(figure, 1, 2, sharey=True)
    distances = [row["frechet"] for row in rows]
    shares = [[100 * share for share in row["coverage"]] for row in rows]
    _seed_dots(distance, distances, "{:.1f}")
    _seed_dots(coverage, shares, "{:.0f}")
    distance.set(yticks=range(len(rows)), yticklabels=[row["name"] for row in rows])
    distance.set(xscale="log", xlabel="Fréchet distance (logarithmic)", title="lower is better")
    _plain_log(distance.xaxis)
    coverage.tick_params(axis="y", length=0)
    coverage.set(xlabel="coverage (%)", xlim=(-2, 100), title="higher is better")
    listed = (
        f"{row['name']} {median(d):.1f} and {median(s):.0f} percent"
        for row, d, s in zip(rows, distances, shares, strict=True)
    )
    return Picture(
        figure,
        "A row for each recipe, with a dot for each seed. Medians of Fréchet distance and "
        f"coverage, from the first row down: {'; '.join(listed)}.",
    )


@styled
def sample_size_bias(sizes: Sequence[int], distances: Mapping[str, Values]) -> Picture:
    """Returns the Fréchet distance over 1 / N, with the straight line to infinitely many images.

    The title says where the lines end.

    Args:
        sizes: numbers of images, at least two.
        distances: name of what is compared with real images to the distance at each size.

    Raises:
        ValueError: there are not 1 to 4 sets or not two sizes, a set has not a distance for each
            size, or a distance is below 0 or not finite.

    Source: Chong and Forsyth, Effectively Unbiased FID and Inception Score, 2020.
    """
    check_few(distances, 4, "sets of images")
    if len({*sizes}) < 2 or not min(sizes) > 0:
        raise ValueError("a straight line needs the distance at two sizes at least, each above 0.")
    if any(len(values) != len(sizes) for values in distances.values()):
        raise ValueError(f"each set must have a distance for each of {len(sizes)} sizes.")
    if not all(0 <= value < math.inf for values in distances.values() for value in values):
        raise ValueError("distances must be finite numbers of 0 or more.")
    figure = new_figure(3.1)
    (axes,) = axes_grid(figure, 1, 1)
    inverse = 1 / np.asarray(sizes, dtype=float)
    ends, told = [], []
    looks = zip(COLORS.values(), "osD^", strict=False)
    for (name, values), (color, mark) in zip(distances.items(), looks, strict=False):
        slope, end = np.polyfit(inverse, values, 1)
        axes.plot(inverse, values, mark, color=color, markersize=6, label=name)
        axes.plot([0, inverse.max()], [end, end + slope * inverse.max()], "--", color=color)
        ends.append(f"{end:z.1f} ({name})")
        few, many = (f"{values[i]:.1f} from {sizes[i]:,} images" for i in (0, -1))
        told.append(f"{name}: {few}, {many}; the line ends at {end:z.1f}")
    axes.set(xlabel="number of images (on a scale of 1 / N)", ylabel="Fréchet distance")
    ticks = _spread_ticks(sizes)
    axes.set(xticks=[*ticks.values()], xticklabels=[*ticks], xlim=(0, None))
    axes.set(ylim=(min(0, axes.get_ylim()[0]), None))
    axes.set_title(f"The lines end at {' and '.join(ends)}")
    axes.legend(loc="best")
    return Picture(
        figure,
        "The Fréchet distance over one divided by the number of images, with straight lines to "
        f"infinitely many. {'. '.join(told)}.",
    )


def _spread_ticks(sizes: Sequence[int]) -> dict[str, float]:
    """Returns where on a scale of 1 / N a size is written: where no other one stands too near."""
    ticks = {"∞": 0.0}
    for size in sorted(sizes, reverse=True):
        if 1 / size - max(ticks.values()) >= 1 / min(sizes) / 14:
            ticks[f"{size:,}"] = 1 / size
    return ticks
