"""Chapter 1: figures of what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from .common import LINES
from .picture import (
    COLORS,
    INK,
    Picture,
    axes_grid,
    new_figure,
    show_image,
    styled,
)

Values = Sequence[float]


@styled
def shift_curves(shifts: Sequence[int], accuracies: Mapping[str, Values], trained: int) -> Picture:
    """Returns accuracy against the shift of the images.

    Args:
        shifts: pixels to the right.
        accuracies: name to percentages, one for each shift.
        trained: largest shift that the augmented network was trained on.
    """
    figure = new_figure(3.1)
    (axes,) = axes_grid(figure, 1, 1)
    axes.axvspan(-trained, trained, color="#EEF2F6", zorder=0)
    axes.annotate("shifts seen in\naugmented training", (0, 20), ha="center", fontsize=8)
    named = zip(accuracies.items(), COLORS.values(), strict=False)
    for i, ((name, values), color) in enumerate(named):
        axes.plot(shifts, values, "osD^"[i % 4] + LINES[i % 4], markersize=5)
        axes.annotate(name, (shifts[-1] + 0.3, values[-1]), va="center", color=color, fontsize=9)
    axes.axhline(10, color=COLORS["grey"], linewidth=1, linestyle=":")
    axes.annotate("guessing", (shifts[0], 3), fontsize=8)
    axes.set(xlabel="shift of the images to the right (pixels)", ylabel="accuracy (%)")
    axes.set(ylim=(0, 103), xticks=shifts, xlim=(shifts[0] - 0.5, shifts[-1] + 4.5))
    axes.set_title("Convolution helps with shifts; it is not immune")
    far = ", ".join(
        f"{name} {values[0]:.0f} and {values[-1]:.0f} %" for name, values in accuracies.items()
    )
    return Picture(
        figure,
        "Accuracy over the shift of the images: all curves are high in the middle and fall to "
        f"both sides, the fully connected network's first. At {shifts[0]} and {shifts[-1]} "
        f"pixels: {far}.",
    )


@styled
def confusion(matrix: Tensor, images: Tensor, captions: Sequence[str]) -> Picture:
    """Returns the errors of a classifier as a table, and the most certain ones as images.

    Args:
        matrix: counts, shape (10, 10), rows the labels, columns the predictions.
        images: shape (N, H, W), the worst errors.
        captions: a short text for each image.
    """
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
    row, column = divmod(int(errors.argmax()), 10)
    return Picture(
        figure,
        f"A ten by ten table of errors, {int(errors.sum())} in all; the most frequent is {row} "
        f"read as {column}, {int(errors.max())} times. Beside it the {len(images)} errors of which "
        f"the network is most certain: {'; '.join(c.replace(chr(10), ', ') for c in captions)}.",
    )


@styled
def reliability(bins: Mapping[str, tuple[Tensor, Tensor, Tensor, float]]) -> Picture:
    """Returns accuracy against confidence, one panel for each classifier.

    Args:
        bins: name to mean confidence and accuracy of each bin, in [0, 1], its number of images,
            and the calibration error.
    """
    figure = new_figure(3.4)
    panels = axes_grid(figure, 1, len(bins), sharey=True)
    parts = []
    for axes, (name, (confidence, accuracy, count, error)) in zip(
        panels, bins.items(), strict=True
    ):
        axes.plot([0, 1], [0, 1], ":", color=COLORS["grey"], label="confidence = accuracy")
        gap: Any = {"color": COLORS["orange"], "linewidth": 3, "label": "gap between the two"}
        axes.vlines(confidence, confidence, accuracy, **gap)
        # A bin of three images says little, so it is drawn small.
        size = 12 + 60 * count / count.max()
        label = "bin of images (area: how many)"
        axes.scatter(
            confidence, accuracy, size, COLORS["blue"], zorder=3, label=label, clip_on=False
        )
        axes.set(title=f"{name}\nmean gap {100 * error:.1f} points", xlim=(0, 1.02), ylim=(0, 1.02))
        # Short labels at the ends: those of two panels would touch.
        axes.set(xlabel="confidence", aspect="equal", xticks=(0, 0.5, 1))
        axes.set_xticklabels(("0", "0.5", "1"))
        parts.append(f"{name}, mean gap {100 * error:.1f} percentage points")
    panels[0].set_ylabel("accuracy in the bin")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, fontsize=9)
    return Picture(
        figure,
        "Accuracy against confidence in bins of images; on the dotted diagonal the two would "
        f"be equal. {'; '.join(parts)}.",
    )


@styled
def seed_curves(
    losses: Sequence[tuple[Values, Values]], accuracies: Sequence[tuple[Values, Values]]
) -> Picture:
    """Returns loss and accuracy of the same recipe under several seeds.

    Args:
        losses: for each seed, steps and smoothed training losses in nats.
        accuracies: for each seed, steps and test accuracies in percent.
    """
    figure = new_figure(3.1)
    left, right = axes_grid(figure, 1, 2)
    for i, (steps, values) in enumerate(losses):
        left.plot(steps, values, linewidth=1.3, label=f"seed {i}")
    for i, (steps, values) in enumerate(accuracies):
        right.plot(steps, values, "osD^v"[i % 5] + "-", linewidth=1.3, markersize=4)
    left.set(xlabel="step", ylabel="training loss (nats)", ylim=(0, None), title="loss")
    right.set(xlabel="step", ylabel="accuracy (%)", title="on held-back images")
    left.legend(fontsize=8)
    final = [values[-1] for _, values in accuracies]
    right.set_ylim(min(95.0, min(final) - 0.5), 100)
    return Picture(
        figure,
        f"Left, the training losses of {len(losses)} seeds fall almost as one curve. Right, their "
        f"accuracies on held-back images end at {min(final):.2f} to {max(final):.2f} percent.",
    )


@styled
def augmentation_gap(runs: Mapping[str, tuple[Values, Values, Values]], images: int) -> Picture:
    """Returns training and test accuracy side by side: the gap between them is overfitting.

    Args:
        runs: name to steps, training accuracies and test accuracies, in percent.
        images: number of training images.
    """
    figure = new_figure(2.9)
    panels = axes_grid(figure, 1, len(runs), sharey=True)
    ends = []
    for axes, (name, (steps, train, test)) in zip(panels, runs.items(), strict=True):
        axes.plot(steps, train, LINES[1], color=COLORS["orange"], label="training images")
        axes.plot(steps, test, LINES[0], color=COLORS["blue"], label="held-back images")
        axes.fill_between(steps, test, train, color=COLORS["orange"], alpha=0.12)
        axes.set(title=f"{name}: gap {train[-1] - test[-1]:.1f} points", xlabel="step")
        ends.append(f"{name}, {train[-1]:.1f} against {test[-1]:.1f} percent")
    panels[0].set(ylabel="accuracy (%)", ylim=(80, 100.5))
    panels[0].legend(loc="lower right")
    return Picture(
        figure,
        f"Accuracy on {images} training images and on held-back images over the steps; the shaded "
        f"gap is overfitting. At the end: {'; '.join(ends)}.",
    )


@styled
def ladder(rungs: Sequence[Mapping[str, Any]]) -> Picture:
    """Returns the way from the article's listing to the course's recipe, as dots of time.

    Args:
        rungs: each with "name", "seconds" and "accuracy" (percent), the slowest first.
    """
    figure = new_figure(0.42 * len(rungs) + 1.2)
    (axes,) = axes_grid(figure, 1, 1)
    seconds = [rung["seconds"] for rung in rungs]
    heights = range(len(rungs))
    axes.plot(seconds, heights, "o", color=COLORS["blue"], markersize=8)
    for height, rung in zip(heights, rungs, strict=True):
        axes.annotate(
            f"{rung['seconds']:.3g} s, {rung['accuracy']:.2f} %", (rung["seconds"], height),
            xytext=(9, 0), textcoords="offset points", va="center", fontsize=9,
        )  # fmt: skip
    axes.set(yticks=heights, yticklabels=[rung["name"] for rung in rungs], xscale="log")
    axes.set(xlabel="training time (seconds, logarithmic)", xlim=(1, max(seconds) * 6))
    axes.set_ylim(len(rungs) - 0.4, -0.6)
    figure.suptitle("From the article's listing to the course's recipe")
    axes.xaxis.set_major_formatter("{x:g}")
    return Picture(
        figure,
        "Dots of training time on a logarithmic axis, from the article's listing down: "
        + "; ".join(f"{r['name']} {r['seconds']:.3g} s, {r['accuracy']:.2f} percent" for r in rungs)
        + ".",
    )
