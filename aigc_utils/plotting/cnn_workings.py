"""Chapter 1: figures of how a convolutional network works."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
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
    show_image,
    styled,
)


def _frame(axes: Axes, row: float, column: float, size: float, **kwargs: Any) -> None:
    """Draws a square around `size` pixels whose upper left pixel is (row, column)."""
    style = {"fill": False, "linewidth": 2, "edgecolor": COLORS["orange"], **kwargs}
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), size, size, **style))


def _numbers(axes: Axes, values: Tensor, form: str) -> None:
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
    show_image(picture, image)
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
    for axes, values, scale, title, form in zip(
        panels,
        (image, patch, kernel, patch * kernel, output),
        (("gray_r", 0, 1), ("gray_r", 0, 1), *[(DIVERGING, -2, 2)] * 2, (DIVERGING, -reach, reach)),
        ("image", "patch", "× kernel", "= products", "all the sums"),
        ("", "{:.2f}", "{:g}", "{:.2f}", ""),
        strict=True,
    ):
        show_image(axes, values, cmap=scale[0], vmin=scale[1], vmax=scale[2])
        axes.set_title(title, fontsize=10)
        if form and values.numel() <= 49:
            _numbers(axes, values + 0.0, form)  # minus zero becomes zero
    _frame(panels[0], row, column, size)
    _frame(panels[4], row, column, 1)
    total = float((patch * kernel).sum())
    panels[3].set_xlabel(f"sum: {total:.2f}", fontweight="bold")
    panels[4].set_xlabel(f"marked pixel: {float(output[row, column]):.2f}")
    return Picture(
        figure,
        f"A {size} by {size} patch of a digit is multiplied number by number with a kernel; the "
        f"products sum to {total:.2f}, which is one pixel of the result. In the result, edges of "
        "strokes are orange where the sum is positive, and purple where it is negative.",
    )


@styled
def descent_paths(paths: Mapping[str, Tensor], curvature: tuple[float, float]) -> Picture:
    """Returns the paths of several optimizers down one narrow valley.

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
        maps: shape (C, h, w), 0 or more; 0 where the layer is off.
    """
    count = len(filters)
    figure = new_figure(2.1)
    axes = axes_grid(figure, 2, count + 1, width_ratios=[1.6] + [1] * count)
    show_image(axes[0], image)
    axes[0].set_title("input", fontsize=9)
    axes[count + 1].set_visible(False)
    reach = float(filters.abs().max())
    for i in range(count):
        show_image(axes[1 + i], filters[i], cmap=DIVERGING, vmin=-reach, vmax=reach)
        show_image(axes[count + 2 + i], maps[i], cmap="gray_r", vmin=0)
    axes[1].set_ylabel("filter", fontsize=9)
    axes[count + 2].set_ylabel("answer", fontsize=9)
    meaning = "weights: orange adds, purple subtracts; answers: dark is strong"
    figure.suptitle(meaning, fontsize=10, fontweight="normal")
    return Picture(
        figure,
        f"Above, {count} learned filters of {filters.size(1)} by {filters.size(2)} weights, with "
        "patches of orange (positive) and purple (negative). Below each, what it makes of the "
        "digit: dark where it answers. Most answer to parts of the strokes, and each to others.",
    )


@styled
def receptive_fields(image: Tensor, sizes: Mapping[str, int], influence: Tensor) -> Picture:
    """Returns how many input pixels one neuron sees, layer by layer, and how much each counts.

    Args:
        image: shape (H, W).
        sizes: layer to the side of its receptive field, in pixels.
        influence: shape (H, W), mean absolute gradient of deep neurons at one place.
    """
    figure = new_figure(3.1)
    left, names, right = axes_grid(figure, 1, 3, width_ratios=[1, 0.75, 1])
    names.set_axis_off()
    show_image(left, image, alpha=0.6)
    centre = image.size(0) / 2
    for i, ((name, size), color) in enumerate(zip(sizes.items(), COLORS.values(), strict=False)):
        corner = int(centre - size / 2)  # pixels are whole
        _frame(left, corner, corner, size, edgecolor=color, linestyle=LINES[i % 4])
        label = f"{name}\n{size} × {size} pixels"
        names.text(0, 0.75 - 0.25 * i, label, color=color, fontweight="bold", fontsize=9)
    left.set_title("what one neuron can see")
    show_image(right, influence, cmap="viridis")
    right.set_title("what moves it (bright: more)")
    listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
    return Picture(
        figure,
        f"Left, nested squares on a digit: the receptive fields in pixels are {listed}. Right, "
        "the measured influence of each pixel on the deepest neurons at one place: bright, for "
        "strong, in the middle of their receptive field and fading towards the rim.",
    )
