"""Chapter 1: figures of what trained classifiers do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from .common import LINES
from .picture import (
    COLORS,
    INK,
    Picture,
    Values,
    axes_grid,
    check_few,
    new_figure,
    show_image,
    styled,
)
from .words import counted

if TYPE_CHECKING:
    from ..evaluation import Calibration

#: The accuracy, in percent, down to which a shifted image counts as mastered.
MASTERED = 90
#: A bin of fewer images says little.
FEW = 20


@styled
def shift_curves(
    shifts: Sequence[int], accuracies: Mapping[str, Sequence[Values]], trained: int
) -> Picture:
    """Returns accuracy against the shift of the images: the mean over seeds, and each seed pale.

    Args:
        shifts: pixels to the right.
        accuracies: name to percentages, for each seed one for each shift.
        trained: largest shift that the augmented network was trained on.

    Raises:
        ValueError: there are more networks than colours, or not as many numbers as shifts.
    """
    check_few(accuracies, len(COLORS), "networks")
    if any(len(values) != len(shifts) for runs in accuracies.values() for values in runs):
        raise ValueError(f"accuracies must have a number for each of {len(shifts)} shifts.")
    figure = new_figure(3.3)
    (axes,) = axes_grid(figure, 1, 1)
    axes.axvspan(-trained, trained, color="#EEF2F6", zorder=0)
    axes.annotate("shifts seen in\naugmented training", (0, 20), ha="center", fontsize=8)
    means = {name: np.mean(runs, 0).tolist() for name, runs in accuracies.items()}
    beside = _apart([values[-1] for values in means.values()], 6)
    named = zip(means.items(), COLORS.values(), strict=False)
    for i, ((name, values), color) in enumerate(named):
        axes.plot(shifts, np.transpose(accuracies[name]), color=color, linewidth=0.8, alpha=0.5)
        axes.plot(shifts, values, "osD^"[i % 4] + LINES[i % 4], color=color, markersize=5)
        axes.annotate(name, (shifts[-1] + 0.2, beside[i]), va="center", color=color, fontsize=9)
    axes.axhline(10, color=COLORS["grey"], linewidth=1, linestyle=":")
    axes.annotate("guessing", (shifts[0], 3), fontsize=8)
    axes.set(xlabel="shift of the images to the right (pixels)", ylabel="accuracy (%)")
    axes.set(ylim=(0, 103), xticks=shifts, xlim=(shifts[0] - 0.3, shifts[-1] + 3.4))
    mastered = {name: _mastered(shifts, values) for name, values in means.items()}
    ordered = sorted(mastered, key=lambda name: mastered[name])
    told = [f"{name} {_up_to(mastered[name])}" for name in (ordered[0], ordered[-1])]
    axes.set_title(f"{MASTERED} % right: " + ",\n".join(dict.fromkeys(told)))
    parts = [
        f"{name}, at least {MASTERED} percent {_up_to(mastered[name])}, {values[0]:.0f} percent "
        f"at {shifts[0]} and {values[-1]:.0f} at {shifts[-1]}"
        for name, values in means.items()
    ]
    return Picture(figure, f"Accuracy over the shift of the images in pixels. {'; '.join(parts)}.")


def _apart(heights: Values, gap: float) -> list[float]:
    """Returns heights at least `gap` from each other, as near to those given, the highest kept."""
    found = list(heights)
    above = float("inf")
    for i in sorted(range(len(found)), key=lambda i: -found[i]):
        above = found[i] = min(found[i], above - gap)
    return found


def _mastered(shifts: Sequence[int], accuracies: Values) -> int:
    """Returns the largest shift, to both sides, up to which images are mastered; -1 for none."""
    pairs = zip(shifts, accuracies, strict=True)
    low = [abs(shift) for shift, value in pairs if not value >= MASTERED]  # NaN is no mastery
    return min(low, default=max(map(abs, shifts)) + 1) - 1


def _up_to(shift: int) -> str:
    """Returns how far a network masters shifts, in words."""
    return f"up to {counted(shift, 'pixel')}" if shift >= 0 else "at no shift"


@styled
def confusion(matrix: Tensor, images: Tensor, captions: Sequence[str]) -> Picture:
    """Returns the errors of a classifier as a table, and the most certain ones as images.

    Args:
        matrix: counts, shape (10, 10), rows the labels, columns the predictions.
        images: shape (N, H, W), the worst errors.
        captions: a short text for each image.

    Raises:
        ValueError: the table has another shape or a number below 0, there is no image, or there
            are not as many texts.
    """
    if matrix.shape != (10, 10) or not (matrix >= 0).all():
        raise ValueError(f"matrix must hold counts, (10, 10), not {tuple(matrix.shape)}.")
    if len(images) == 0 or len(images) != len(captions):
        raise ValueError(f"{len(images)} images need as many captions, not {len(captions)}.")
    figure = new_figure(3.9)
    table, worst = np.ravel(figure.subfigures(1, 2, width_ratios=[1.15, 1]))  # type: ignore[arg-type]
    (axes,) = np.ravel(table.subplots(1, 1))
    errors = matrix.clone()
    errors.fill_diagonal_(0)
    show_image(axes, errors, cmap="Oranges", vmin=0, vmax=1.6 * float(errors.max()))
    for (row, column), count in np.ndenumerate(matrix.numpy()):
        if count and row != column:
            axes.text(column, row, int(count), ha="center", va="center", fontsize=8, color=INK)
    axes.set(xticks=range(10), yticks=range(10), xlabel="predicted", ylabel="true digit")
    axes.set_title(f"{int(errors.sum())} errors in {int(matrix.sum()):,} images")
    columns = 3
    grid = np.ravel(worst.subplots(-(-len(images) // columns), columns, squeeze=False))
    for panel, image, caption in zip(grid, images, captions, strict=False):
        show_image(panel, image)
        panel.set_title(caption, fontsize=8, fontweight="normal", pad=3)
    worst.suptitle("the most certain errors")
    most = errors.max().clamp(min=1)  # without an error nothing is frequent
    told = "; ".join(caption.replace("\n", ", ") for caption in captions)
    frequent = [f"{row} taken for {column}" for row, column in (errors == most).nonzero().tolist()]
    return Picture(
        figure,
        f"A ten by ten table of errors, {int(errors.sum())} in all; the most frequent, with "
        f"{int(most)}: {', '.join(frequent) or 'none'}. Beside it the {len(images)} errors "
        f"of which the network is most certain: {told}.",
    )


@styled
def reliability(measured: Mapping[str, Sequence[Calibration]]) -> Picture:
    """Returns accuracy against confidence, one panel for each kind of classifier.

    Args:
        measured: name of a kind to the calibration of its networks, one for each seed.
    """
    figure = new_figure(3.4)
    panels = axes_grid(figure, 1, len(measured), sharey=True)
    parts = []
    for axes, (name, networks) in zip(panels, measured.items(), strict=True):
        axes.plot([0, 1], [0, 1], ":", color=COLORS["grey"], label="confidence = accuracy")
        for i, bins in enumerate(networks):
            _draw_bins(axes, bins, labelled=i == 0)
        errors = [100 * bins.error for bins in networks]
        ends = dict.fromkeys(f"{error:.1f}" for error in (min(errors), max(errors)))
        mean_gap = f"mean gap {' to '.join(ends)}"
        axes.set_title(f"{name}\n{mean_gap} points", fontsize=9)  # those of two panels would touch
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
        # Short labels at the ends: those of two panels would touch, too.
        axes.set(xlabel="confidence", aspect="equal", xticks=(0, 0.5, 1))
        axes.set_xticklabels(("0", "0.5", "1"))
        over = sum(float((b.count * (b.confidence - b.accuracy)).sum()) for b in networks)
        side = "over" if over > 0 else "under"
        parts.append(f"{name}, {mean_gap} percentage points, on the whole {side}confident")
    panels[0].set_ylabel("accuracy in the bin")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, fontsize=9)
    return Picture(
        figure,
        "Accuracy against confidence in bins of images, pale where they hold fewer than "
        f"{FEW}; on the dotted diagonal the two would be equal. {'; '.join(parts)}.",
    )


def _draw_bins(axes: Axes, bins: Calibration, labelled: bool) -> None:
    """Draws a network's bins and their gaps; those of few images, which say little, are pale."""
    for few, alpha in ((True, 0.25), (False, 1.0)):
        kept = (bins.count < FEW) == few
        confidence, accuracy = bins.confidence[kept], bins.accuracy[kept]
        names = ("gap between the two", f"bin of images (pale: below {FEW})")
        gap, dot = names if labelled and not few else ("", "")
        axes.vlines(
            confidence, confidence, accuracy,
            color=COLORS["orange"], linewidth=2, label=gap, alpha=alpha,
        )  # fmt: skip
        axes.scatter(
            confidence, accuracy, 20, COLORS["blue"], zorder=3, label=dot, clip_on=False,
            alpha=alpha, linewidths=0,
        )  # fmt: skip
