"""The figures of chapter 1."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from .common import LINES
from .picture import (
    COLORS,
    DIVERGING,
    INK,
    Picture,
    axes_grid,
    new_figure,
    picture_axes,
    styled,
)

Values = Sequence[float]


def _frame(axes: Axes, row: float, column: float, size: float, **kwargs: Any) -> None:
    """Draws a square around `size` pixels whose upper left pixel is (row, column)."""
    style = {"fill": False, "linewidth": 2, "edgecolor": COLORS["orange"], **kwargs}
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), size, size, **style))


def _numbers(axes: Axes, values: Tensor, form: str = "{:.1f}") -> None:
    """Writes each value into its pixel, light on dark pixels and dark on light ones."""
    image = axes.images[0]
    for (row, column), value in np.ndenumerate(values.numpy()):
        red, green, blue, _ = image.to_rgba(np.array([[value]]))[0, 0]
        ink = "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.5 else INK
        axes.text(column, row, form.format(value), ha="center", va="center", color=ink, fontsize=8)


@styled
def layers_drawing(image: Tensor, probabilities: Tensor) -> Picture:
    """Returns a network as layers: pixels in, neurons between, ten probabilities out.

    Args:
        image: shape (28, 28), the input.
        probabilities: shape (10,), the output.
    """
    figure = new_figure(2.9)
    picture, net, output = axes_grid(figure, 1, 3, width_ratios=[1.1, 2.4, 1.1])
    picture_axes(picture).imshow(image)
    picture.set_title("input layer\n784 pixels")
    net.set_axis_off()
    net.set(xlim=(-0.4, 3.4), ylim=(-0.8, 6.8))
    counts = (5, 7, 7, 5)
    points = [[(x, 3 + (i - (n - 1) / 2)) for i in range(n)] for x, n in enumerate(counts)]
    for left, right in itertools.pairwise(points):
        for a in left:
            for b in right:
                net.plot(*zip(a, b, strict=True), color="#B8C4D0", linewidth=0.4, zorder=1)
    for layer, color in zip(points, ("grey", "blue", "blue", "orange"), strict=True):
        x, y = zip(*layer, strict=True)
        net.scatter(x, y, s=90, color=COLORS[color], zorder=2)
    net.set_title("hidden layers\nsimple features, then parts")
    output.barh(range(10), probabilities.tolist(), color=COLORS["orange"])
    output.set(yticks=range(10), xlim=(0, 1), xlabel="probability", ylabel="digit")
    output.set_title("output layer\n10 classes")
    best = int(probabilities.argmax())
    return Picture(
        figure,
        f"A handwritten {best} on the left, four columns of connected neurons in the middle, "
        f"and ten bars on the right: the bar of digit {best} is the longest, with probability "
        f"{probabilities[best]:.2f}.",
    )


@styled
def convolution_steps(
    image: Tensor, kernel: Tensor, output: Tensor, at: tuple[int, int]
) -> Picture:
    """Returns one step of a sliding dot product, number by number, and the whole result.

    Args:
        image: shape (H, W), in [0, 1].
        kernel: shape (k, k).
        output: shape (H - k + 1, W - k + 1), the cross-correlation of image and kernel.
        at: row and column of the output to be shown.
    """
    size = kernel.size(0)
    row, column = at
    patch = image[row : row + size, column : column + size]
    figure = new_figure(2.4)
    panels = axes_grid(figure, 1, 5, width_ratios=[1.5, 1, 1, 1, 1.5])
    reach = float(output.abs().max())
    for axes, values, scale, title in zip(
        panels,
        (image, patch, kernel, patch * kernel, output),
        (("gray_r", 0, 1), ("gray_r", 0, 1), *[(DIVERGING, -2, 2)] * 2, (DIVERGING, -reach, reach)),
        ("image", "patch", "× kernel", "= products", "all the sums"),
        strict=True,
    ):
        picture_axes(axes).imshow(values, cmap=scale[0], vmin=scale[1], vmax=scale[2])
        axes.set_title(title, fontsize=10)
        if values.numel() <= 49:
            _numbers(axes, values)
    _frame(panels[0], row, column, size)
    _frame(panels[4], row, column, 1)
    total = float((patch * kernel).sum())
    panels[3].set_xlabel(f"sum: {total:.2f}", fontweight="bold")
    panels[4].set_xlabel(f"marked pixel: {float(output[row, column]):.2f}")
    return Picture(
        figure,
        f"A {size} by {size} patch of a digit is multiplied number by number with a kernel; the "
        f"products sum to {total:.2f}, which is one pixel of the result. In the result, strokes "
        "with ink below them are of one colour and strokes with ink above them of the other.",
    )


@styled
def descent_paths(paths: Mapping[str, Tensor], curvature: tuple[float, float]) -> Picture:
    """Returns the ways of several optimizers down one narrow valley.

    Args:
        paths: name to positions, shape (steps + 1, 2).
        curvature: (a, b) of the loss a x^2 / 2 + b y^2 / 2.
    """
    figure = new_figure(2.6)
    panels = axes_grid(figure, 1, len(paths), sharex=True, sharey=True)
    x, y = np.meshgrid(np.linspace(-2.2, 0.8, 120), np.linspace(-1.1, 1.1, 120))
    loss = curvature[0] * x**2 / 2 + curvature[1] * y**2 / 2
    finals = []
    for axes, (name, path), color in zip(panels, paths.items(), COLORS.values(), strict=False):
        axes.contour(x, y, loss, levels=np.geomspace(0.02, loss.max(), 9), colors="#C9D1DA")
        axes.plot(path[:, 0], path[:, 1], ".-", color=color, linewidth=1.2, markersize=4)
        axes.plot(0, 0, "*", color=INK, markersize=11)
        axes.set(title=name, xlabel="weight 1", xlim=(-2.2, 0.8), ylim=(-1.1, 1.1))
        axes.grid(False)
        finals.append(f"{name} ends {path[-1].norm():.2f} from the minimum")
    panels[0].set_ylabel("weight 2")
    return Picture(
        figure,
        "Contours of a long narrow valley, once for each optimizer, with its path to the star at "
        f"the minimum: {'; '.join(finals)}.",
    )


@styled
def feature_maps(filters: Tensor, image: Tensor, maps: Tensor) -> Picture:
    """Returns learned filters of the first layer, and below each what it makes of one digit.

    Args:
        filters: shape (C, k, k).
        image: shape (H, W).
        maps: shape (C, h, w), not negative where the layer is off.
    """
    count = len(filters)
    figure = new_figure(2.1)
    axes = axes_grid(figure, 2, count + 1, width_ratios=[1.6] + [1] * count)
    picture_axes(axes[0]).imshow(image)
    axes[0].set_title("input", fontsize=9)
    axes[count + 1].set_visible(False)
    reach = float(filters.abs().max())
    for i in range(count):
        picture_axes(axes[1 + i]).imshow(filters[i], cmap=DIVERGING, vmin=-reach, vmax=reach)
        picture_axes(axes[count + 2 + i]).imshow(maps[i], cmap="gray_r", vmin=0)
    axes[1].set_ylabel("filter", fontsize=9)
    axes[count + 2].set_ylabel("answer", fontsize=9)
    return Picture(
        figure,
        f"Above, {count} learned filters of {filters.size(1)} by {filters.size(2)} weights, with "
        "patches of orange (positive) and purple (negative). Below each, what it makes of the "
        "digit: dark where it answers. Each answers to other parts of the strokes.",
    )


@styled
def receptive_fields(image: Tensor, sizes: Mapping[str, int], influence: Tensor) -> Picture:
    """Returns how many input pixels one neuron sees, layer by layer, and how much each counts.

    Args:
        image: shape (H, W).
        sizes: layer to the side of its receptive field, in pixels.
        influence: shape (H, W), mean absolute gradient of one deep neuron.
    """
    figure = new_figure(3.1)
    left, names, right = axes_grid(figure, 1, 3, width_ratios=[1, 0.75, 1])
    names.set_axis_off()
    picture_axes(left).imshow(image, alpha=0.6)
    centre = image.size(0) / 2
    for i, ((name, size), color) in enumerate(zip(sizes.items(), COLORS.values(), strict=False)):
        corner = centre - size / 2
        _frame(left, corner, corner, size, edgecolor=color, linestyle=LINES[i % 4])
        label = f"{name}\n{size} × {size} pixels"
        names.text(0, 0.75 - 0.25 * i, label, color=color, fontweight="bold", fontsize=9)
    left.set_title("what one neuron can see")
    picture_axes(right).imshow(influence, cmap="viridis")
    right.set_title("what moves it, measured")
    listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
    return Picture(
        figure,
        f"Left, nested squares on a digit: the receptive fields in pixels are {listed}. Right, "
        "the measured influence of each pixel on one neuron of the last layer: strong in the "
        "middle of its receptive field and fading towards the rim.",
    )


@styled
def shift_curves(shifts: Sequence[int], accuracies: Mapping[str, Values], trained: int) -> Picture:
    """Returns accuracy against the shift of the test images.

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
    axes.set(xlabel="shift of the test images to the right (pixels)", ylabel="accuracy (%)")
    axes.set(ylim=(0, 103), xticks=shifts, xlim=(shifts[0] - 0.5, shifts[-1] + 4.5))
    axes.set_title("Convolution helps with shifts; it is not immune")
    far = ", ".join(f"{name} {values[-1]:.0f} %" for name, values in accuracies.items())
    return Picture(
        figure,
        "Accuracy over the shift of the test images: all curves are highest at zero and fall to "
        f"both sides, the fully connected network's first. At {shifts[-1]} pixels: {far}.",
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
    picture_axes(axes).imshow(errors, cmap="Oranges", vmin=0)
    for (row, column), count in np.ndenumerate(matrix.numpy()):
        if count and row != column:
            dark = count > 0.6 * int(errors.max())
            axes.text(
                column, row, int(count), ha="center", va="center", fontsize=8,
                color="white" if dark else INK,
            )  # fmt: skip
    axes.set(xticks=range(10), yticks=range(10), xlabel="predicted", ylabel="true digit")
    axes.set_title(f"{int(errors.sum())} errors in {int(matrix.sum()):,} images")
    columns = 3
    grid = np.ravel(worst.subplots(-(-len(images) // columns), columns, squeeze=False))
    for panel, image, caption in zip(grid, images, captions, strict=False):
        picture_axes(panel).imshow(image)
        panel.set_title(caption, fontsize=8, fontweight="normal", pad=3)
    worst.suptitle("the most certain errors", fontsize=11, fontweight="bold")
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
    figure = new_figure(3.3)
    panels = axes_grid(figure, 1, len(bins), sharey=True)
    parts = []
    for axes, (name, (confidence, accuracy, count, error)) in zip(
        panels, bins.items(), strict=True
    ):
        axes.plot([0, 1], [0, 1], ":", color=COLORS["grey"], label="confidence = accuracy")
        axes.vlines(confidence, confidence, accuracy, color=COLORS["orange"], linewidth=3)
        # A bin of three images says little, so it is drawn small.
        size = 12 + 60 * count / count.max()
        label = "bin of images (area: how many)"
        axes.scatter(confidence, accuracy, size, COLORS["blue"], zorder=3, label=label)
        axes.set(title=f"{name}\nmean gap {100 * error:.1f} points", xlim=(0, 1.02), ylim=(0, 1.02))
        axes.set(xlabel="confidence", aspect="equal")
        parts.append(f"{name}, mean gap {100 * error:.1f} percentage points")
    panels[0].set_ylabel("accuracy in the bin")
    panels[-1].legend(loc="lower right", fontsize=7.5, borderpad=0)
    return Picture(
        figure,
        "Accuracy against confidence in bins of test images; on the dotted diagonal the two would "
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
    """Returns the way from the article's listing to the course's recipe, as bars of time.

    Args:
        rungs: each with "name", "seconds" and "accuracy" (percent), the slowest first.
    """
    figure = new_figure(0.42 * len(rungs) + 0.9)
    (axes,) = axes_grid(figure, 1, 1)
    seconds = [rung["seconds"] for rung in rungs]
    heights = range(len(rungs))
    axes.barh(heights, seconds, color=COLORS["blue"], height=0.6)
    for height, rung in zip(heights, rungs, strict=True):
        text = f" {rung['seconds']:.3g} s, {rung['accuracy']:.2f} %"
        axes.text(rung["seconds"], height, text, va="center", fontsize=9)
    axes.set(yticks=heights, yticklabels=[rung["name"] for rung in rungs], xscale="log")
    axes.set(xlabel="training time (seconds, logarithmic)", xlim=(1, max(seconds) * 6))
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(axis="y", visible=False)
    return Picture(
        figure,
        "Bars of training time on a logarithmic axis, from the article's listing down: "
        + "; ".join(f"{r['name']} {r['seconds']:.3g} s, {r['accuracy']:.2f} percent" for r in rungs)
        + ".",
    )
