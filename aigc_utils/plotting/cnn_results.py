"""Chapter 1: figures of what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from ..history import History
from .common import LINES
from .picture import (
    COLORS,
    INK,
    Picture,
    axes_grid,
    check_few,
    new_figure,
    show_image,
    styled,
)
from .words import counted

if TYPE_CHECKING:
    from ..evaluation import Calibration

Values = Sequence[float]
#: The accuracy, in percent, down to which a shifted image counts as mastered.
MASTERED = 90
#: The steps over which the losses of several seeds are averaged, so that they can be told apart.
WINDOW = 20


@styled
def shift_curves(shifts: Sequence[int], accuracies: Mapping[str, Values], trained: int) -> Picture:
    """Returns accuracy against the shift of the images.

    Args:
        shifts: pixels to the right.
        accuracies: name to percentages, one for each shift.
        trained: largest shift that the augmented network was trained on.

    Raises:
        ValueError: there are more networks than colours, or not as many numbers as shifts.
    """
    check_few(accuracies, len(COLORS), "networks")
    if any(len(values) != len(shifts) for values in accuracies.values()):
        raise ValueError(f"accuracies must have a number for each of {len(shifts)} shifts.")
    figure = new_figure(3.3)
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
    mastered = {name: _mastered(shifts, values) for name, values in accuracies.items()}
    ordered = sorted(mastered, key=lambda name: mastered[name])
    told = [f"{name} {_up_to(mastered[name])}" for name in (ordered[0], ordered[-1])]
    axes.set_title(f"{MASTERED} % right: " + ",\n".join(dict.fromkeys(told)))
    parts = [
        f"{name}, at least {MASTERED} percent {_up_to(mastered[name])}, {values[0]:.0f} percent "
        f"at {shifts[0]} and {values[-1]:.0f} at {shifts[-1]}"
        for name, values in accuracies.items()
    ]
    return Picture(figure, f"Accuracy over the shift of the images in pixels. {'; '.join(parts)}.")


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
    frequent = [f"{row} read as {column}" for row, column in (errors == most).nonzero().tolist()]
    return Picture(
        figure,
        f"A ten by ten table of errors, {int(errors.sum())} in all; the most frequent, with "
        f"{int(most)}: {', '.join(frequent) or 'none'}. Beside it the {len(images)} errors "
        f"of which the network is most certain: {told}.",
    )


@styled
def reliability(measured: Mapping[str, Calibration]) -> Picture:
    """Returns accuracy against confidence, one panel for each classifier.

    Args:
        measured: name of a classifier to its calibration.
    """
    figure = new_figure(3.4)
    panels = axes_grid(figure, 1, len(measured), sharey=True)
    parts = []
    for axes, (name, bins) in zip(panels, measured.items(), strict=True):
        confidence, accuracy, count = bins.confidence, bins.accuracy, bins.count
        axes.plot([0, 1], [0, 1], ":", color=COLORS["grey"], label="confidence = accuracy")
        gap: Any = {"color": COLORS["orange"], "linewidth": 3, "label": "gap between the two"}
        axes.vlines(confidence, confidence, accuracy, **gap)
        # A bin of three images says little, so it is drawn small.
        size = 12 + 60 * count / count.max()
        label = "bin of images (larger: more)"
        axes.scatter(
            confidence, accuracy, size, COLORS["blue"], zorder=3, label=label, clip_on=False
        )
        mean_gap = f"mean gap {100 * bins.error:.1f}"
        axes.set(title=f"{name}\n{mean_gap} points", xlim=(0, 1.02), ylim=(0, 1.02))
        # Short labels at the ends: those of two panels would touch.
        axes.set(xlabel="confidence", aspect="equal", xticks=(0, 0.5, 1))
        axes.set_xticklabels(("0", "0.5", "1"))
        side = "over" if (count * (confidence - accuracy)).sum() > 0 else "under"
        parts.append(f"{name}, {mean_gap} percentage points, on the whole {side}confident")
    panels[0].set_ylabel("accuracy in the bin")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, fontsize=9)
    return Picture(
        figure,
        "Accuracy against confidence in bins of images; on the dotted diagonal the two would "
        f"be equal. {'; '.join(parts)}.",
    )


@styled
def seed_curves(histories: Sequence[History]) -> Picture:
    """Returns loss and accuracy of the same recipe under several seeds.

    Args:
        histories: for each seed, the "loss" in nats, and as a metric the "accuracy" on images held
            back, in percent.

    Raises:
        KeyError: a history lacks one of the two.
    """
    figure = new_figure(3.3)
    left, right = axes_grid(figure, 1, 2)
    losses = [history.curve("loss", WINDOW) for history in histories]
    accuracies = [history.curve("accuracy") for history in histories]
    for i, (steps, values) in enumerate(losses):
        left.plot(steps, values, linewidth=1.3, label=f"seed {i}")
    for i, (steps, values) in enumerate(accuracies):
        right.plot(steps, values, "osD^v"[i % 5] + "-", linewidth=1.3, markersize=4)
    left.set(xlabel="step", ylabel=f"loss (nats, mean of {WINDOW} steps)", ylim=(0, None))
    right.set(xlabel="step", ylabel="accuracy on held-back images (%)")
    left.legend(fontsize=8)
    accuracy = _range([values[-1] for _, values in accuracies])
    figure.suptitle(f"{len(histories)} seeds end at {accuracy} %")
    return Picture(
        figure,
        f"Left, the training losses of {len(histories)} seeds fall to "
        f"{_range([values[-1] for _, values in losses])} nats. Right, their accuracies on "
        f"held-back images end at {accuracy} percent.",
    )


def _range(values: Values) -> str:
    """Returns the smallest and the largest value, with two decimals."""
    return f"{min(values):.2f} to {max(values):.2f}"


@styled
def augmentation_gap(runs: Mapping[str, History], images: int) -> Picture:
    """Returns accuracy on training images and on others, with the gap between them shaded.

    Args:
        runs: name to a history with the metrics "train" and "held": accuracies in percent on the
            training images and on images held back.
        images: number of training images.

    Raises:
        KeyError: a history lacks one of the two.
    """
    ends = []
    figure = new_figure(2.9)
    panels = axes_grid(figure, 1, len(runs), sharey=True)
    for axes, (name, run) in zip(panels, runs.items(), strict=True):
        steps, train, held = run.evaluated_at, run["train"], run["held"]
        axes.plot(steps, train, LINES[1], color=COLORS["orange"], label="training images")
        axes.plot(steps, held, LINES[0], color=COLORS["blue"], label="held-back images")
        axes.fill_between(steps, held, train, color=COLORS["orange"], alpha=0.12)
        axes.set(title=f"{name}: gap {train[-1] - held[-1]:.1f} points", xlabel="step")
        ends.append(f"{name}, {train[-1]:.1f} against {held[-1]:.1f} percent")
    panels[0].set(ylabel="accuracy (%)", ylim=(80, 100.5))
    panels[0].legend(loc="lower right")
    return Picture(
        figure,
        f"Accuracy on {images} training images and on held-back images over the steps, with the "
        f"gap between them shaded. At the end: {'; '.join(ends)}.",
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
    times = seconds[0] / seconds[-1]
    figure.suptitle(f"The last rung is {times:.0f} times as fast as the first")
    axes.xaxis.set_major_formatter("{x:g}")
    return Picture(
        figure,
        f"Dots of training time on a logarithmic axis; the last rung is {times:.0f} times as fast "
        "as the first. From the top: "
        + "; ".join(f"{r['name']} {r['seconds']:.3g} s, {r['accuracy']:.2f} percent" for r in rungs)
        + ".",
    )
