"""Chapter 1: figures of what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
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
    named = zip(means.items(), COLORS.values(), strict=False)
    for i, ((name, values), color) in enumerate(named):
        axes.plot(shifts, np.transpose(accuracies[name]), color=color, linewidth=0.8, alpha=0.5)
        axes.plot(shifts, values, "osD^"[i % 4] + LINES[i % 4], color=color, markersize=5)
        axes.annotate(name, (shifts[-1] + 0.2, values[-1]), va="center", color=color, fontsize=9)
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
def seed_curves(runs: Mapping[str, Sequence[History]], floor: float) -> Picture:
    """Returns loss and accuracy of recipes under several seeds, a line for each seed.

    Args:
        runs: name of a recipe to its histories, each with the "loss" in nats, and as a metric the
            "accuracy" on images held back, in percent.
        floor: the smallest loss that there can be.

    Raises:
        KeyError: a history lacks one of the two.
    """
    ends = []
    figure = new_figure(3.3)
    left, right = axes_grid(figure, 1, 2)
    for (name, histories), color, dash in zip(runs.items(), COLORS.values(), LINES, strict=False):
        for i, history in enumerate(histories):
            style: Any = {"color": color, "linestyle": dash, "linewidth": 1.3}
            steps, losses = history.curve("loss", WINDOW)
            whole = min(WINDOW, len(steps)) - 1  # before that the mean has fewer steps
            left.plot(steps[whole:], losses[whole:], label="" if i else name, **style)
            right.plot(*history.curve("accuracy"), marker="o", markersize=3, **style)
        last = _range([history["accuracy"][-1] for history in histories])
        ends.append(f"{name}, {counted(len(histories), 'seed')}: {last} % at the end")
    left.annotate(f"floor {floor:.2f}", (steps[-1], floor), ha="right", va="top", fontsize=9)
    left.set(xlabel="step", ylabel=f"loss (nats, mean of {WINDOW} steps)", ylim=(0, None))
    right.set(xlabel="step", ylabel="accuracy on held-back images (%)")
    left.legend(fontsize=9)
    left.axhline(floor, color=COLORS["grey"], linewidth=1, linestyle=":")
    figure.suptitle("\n".join(ends))
    return Picture(
        figure,
        "Left, training losses over the steps, which stay above a dotted line at "
        f"{floor:.2f} nats. Right, accuracies on held-back images: "
        f"{'; '.join(ends).replace(' %', ' percent')}.",
    )


def _range(values: Values) -> str:
    """Returns the smallest and the largest value, with two decimals."""
    return f"{min(values):.2f} to {max(values):.2f}"


@styled
def generalisation(runs: Mapping[str, Sequence[History]], images: int) -> Picture:
    """Returns the loss on training images and on others, each seed pale and their mean strong.

    Args:
        runs: name to histories, one for each seed, with the metrics "train" and "held": losses in
            nats on the training images and on images held back.
        images: number of training images.

    Raises:
        KeyError: a history lacks one of the two.
    """
    told = []
    figure = new_figure(3.0)
    panels = axes_grid(figure, 1, len(runs), sharey=True)
    for axes, (name, histories) in zip(panels, runs.items(), strict=True):
        steps = histories[0].evaluated_at
        means = {}
        for metric, color, dash in (("train", "orange", "--"), ("held", "blue", "-")):
            values = np.array([history[metric] for history in histories])
            means[metric] = values.mean(0)
            axes.plot(steps, values.T, dash, color=COLORS[color], linewidth=0.8, alpha=0.5)
            axes.plot(steps, means[metric], dash, color=COLORS[color], label=metric)
        held = means["held"]
        axes.set(title=f"{name}:\n{held[-1]:.2f} held back at the end", xlabel="step")
        told.append(
            f"{name}, held back {held.min():.2f} at the lowest and {held[-1]:.2f} at the end, "
            f"training {means['train'][-1]:.3f} at the end"
        )
    panels[0].set(ylabel="loss (nats)", ylim=(0, None))
    panels[0].legend()
    return Picture(
        figure,
        f"The loss on {images} training images and on held-back images over the steps, in nats. "
        f"{'; '.join(told)}.",
    )


@styled
def ladder(rungs: Sequence[Mapping[str, Any]], margin: float) -> Picture:
    """Returns the way from the article's listing to the course's recipe: times and accuracies.

    Args:
        rungs: each with "name", "seconds" (the median), and for each seed its run with "seconds"
            and "accuracy" (percent), the slowest first.
        margin: how far an accuracy may lie from that on new images, in points.
    """
    figure = new_figure(0.27 * len(rungs) + 1.1)
    left, right = axes_grid(figure, 1, 2, sharey=True, width_ratios=[1.25, 1])
    seconds = [rung["seconds"] for rung in rungs]
    heights = range(len(rungs))
    left.plot(seconds, heights, "o", color=COLORS["blue"], markersize=6)
    for height, value in zip(heights, seconds, strict=True):
        left.annotate(
            f"{value:.3g}", (value, height), xytext=(7, 0), textcoords="offset points",
            va="center", fontsize=9, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
    found = [[run["accuracy"] for run in rung["runs"]] for rung in rungs]
    right.errorbar(
        [np.mean(values) for values in found], heights, xerr=margin, fmt="none", capsize=2,
        ecolor=COLORS["grey"], linewidth=1,
    )  # fmt: skip
    for height, values in zip(heights, found, strict=True):
        right.plot(values, [height] * len(values), "o", color=COLORS["orange"], markersize=4)
    left.set(yticks=heights, yticklabels=[rung["name"] for rung in rungs], xscale="log")
    left.set(xlabel="training time (s, logarithmic)", xlim=(min(seconds) / 1.5, max(seconds) * 2.5))
    left.set_ylim(len(rungs) - 0.4, -0.6)
    left.xaxis.set_major_formatter("{x:g}")
    right.set(xlabel=f"held-back accuracy (%), ± {margin:.2f}")
    return Picture(figure, _ladder_told(figure, rungs, found, margin))


def _ladder_told(
    figure: Figure, rungs: Sequence[Mapping[str, Any]], found: Sequence[Values], margin: float
) -> str:
    """Gives the ladder its title, and returns its alternative text."""
    times = f"{rungs[0]['seconds'] / rungs[-1]['seconds']:.0f} times as fast as the first"
    means = [float(np.mean(values)) for values in found]
    span = f"{min(means):.2f} to {max(means):.2f}"
    figure.suptitle(f"The last rung is {times}; mean accuracies are {span} %")
    listed = [
        f"{rung['name']} {rung['seconds']:.3g} s, {mean:.2f}"
        for rung, mean in zip(rungs, means, strict=True)
    ]
    return (
        "Left, dots of training time on a logarithmic axis; right, the accuracies of each seed on "
        f"held-back images, with a bar of {margin:.2f} points to both sides of their mean. The "
        f"last rung is {times}. From the top, with the mean accuracy in percent: "
        f"{'; '.join(listed)}."
    )
