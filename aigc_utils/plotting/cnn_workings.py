"""Chapter 1: figures of how a convolutional network works."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor
from torch.nn import functional as F

from .common import LINES
from .picture import (
    COLORS,
    DIVERGING,
    INK,
    Picture,
    axes_grid,
    check_few,
    check_shares,
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
        image: shape (H, W), the input.
        probabilities: shape (classes,), the output.

    Raises:
        ValueError: the output isn't probabilities.
    """
    check_shares("probabilities", probabilities, probabilities.numel())
    figure = new_figure(2.9)
    picture, net, output = axes_grid(figure, 1, 3, width_ratios=[1.1, 2.4, 1.1])
    show_image(picture, image)
    picture.set_title(f"input layer\n{image.numel()} pixels")
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
    classes = range(len(probabilities))
    output.barh(classes, probabilities.tolist(), color=COLORS["orange"])
    output.set(yticks=classes, xlim=(0, 1), xlabel="probability", ylabel="digit")
    output.set_title(f"output layer\n{len(classes)} classes")
    best = int(probabilities.argmax())
    return Picture(
        figure,
        f"A handwritten {best} on the left, columns of connected neurons in the middle, and a "
        f"bar for each of {len(classes)} classes on the right: the bar of digit {best} is the "
        f"longest, with probability {probabilities[best]:.2f}.",
    )


def _check_step(image: Tensor, kernel: Tensor, output: Tensor, at: tuple[int, int]) -> None:
    """Raises ValueError unless the shapes are those of a convolution, and a place is in its output.

    A patch at the rim would be smaller, and the products silently repeated.
    """
    size = kernel.size(0)
    fits = kernel.shape == (size, size) and output.shape == tuple(n - size + 1 for n in image.shape)
    if not fits or not all(0 <= place < end for place, end in zip(at, output.shape, strict=True)):
        raise ValueError(
            f"output must be (H - k + 1, W - k + 1) and `at` within it, not {tuple(output.shape)} "
            f"and {at}."
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

    Raises:
        ValueError: the shapes don't fit, or the place lies outside of the output.
    """
    _check_step(image, kernel, output, at)
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

    Raises:
        ValueError: there is no path, or more than there are colours.
    """
    check_few(paths, len(COLORS), "paths")
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
        end = f"ends {path[-1].norm():.2f} from the minimum"
        axes.annotate(end, (0.5, 0.02), xycoords="axes fraction", ha="center", fontsize=9)
        axes.grid(False)
        finals.append(f"{name} {end}")
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

    Raises:
        ValueError: there are not as many maps as filters, or some of their numbers are below 0.
    """
    if len(filters) != len(maps) or not (maps >= 0).all():
        raise ValueError(f"{len(filters)} filters need as many maps, of 0 or more: {len(maps)}.")
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
        f"Above, {count} learned filters of {filters.size(1)} by {filters.size(2)} weights, orange "
        "where positive and purple where negative. Below each, what it makes of the digit, dark "
        f"where it answers: {_answers(image, maps)}.",
    )


def _answers(image: Tensor, maps: Tensor) -> str:
    """Returns how many feature maps answer to ink, and how many to the empty paper too."""
    size = maps.shape[1:]
    # Widened by one pixel of the map: a filter answers beside a stroke too.
    shrunk = F.adaptive_max_pool2d(image[None].float(), size)
    ink = F.max_pool2d(shrunk, 3, stride=1, padding=1)[0] > 0.1 * shrunk.max()
    on_ink, on_paper = maps[:, ink].mean(1), maps[:, ~ink].mean(1)
    to_ink = int((on_ink > on_paper).sum())
    to_paper = int((on_paper > 0.1 * maps.amax((1, 2))).sum())
    return (
        f"{to_ink} of {len(maps)} answer more strongly around the digit's ink than on the empty "
        f"paper, and {to_paper} answer on the empty paper too"
    )


@styled
def receptive_fields(image: Tensor, sizes: Mapping[str, int], influence: Tensor) -> Picture:
    """Returns how many input pixels one neuron sees, layer by layer, and how much each counts.

    Args:
        image: shape (H, W).
        sizes: layer to the side of its receptive field, in pixels.
        influence: shape (H, W), mean absolute gradient of deep neurons at one place; it is above
            zero in a square.

    Raises:
        ValueError: there is no layer, or more than there are colours, or no influence above zero.
    """
    check_few(sizes, len(COLORS), "layers")
    if not ((influence >= 0).all() and influence.any()):
        raise ValueError("influence must be 0 or more, and above 0 in a square.")
    figure = new_figure(3.3)
    left, names, right = axes_grid(figure, 1, 3, width_ratios=[1, 0.75, 1])
    names.set_axis_off()
    show_image(left, image, alpha=0.6)
    centre = image.size(0) / 2
    for i, ((name, size), color) in enumerate(zip(sizes.items(), COLORS.values(), strict=False)):
        corner = int(centre - size / 2)  # pixels are whole
        _frame(left, corner, corner, size, edgecolor=color, linestyle=LINES[i % 4])
        label = f"{name}\n{size} × {size} pixels"
        names.text(0, 0.75 - 0.25 * i, label, color=color, fontweight="bold", fontsize=9)
    left.set_title("what one neuron\ncan see")
    show_image(right, influence, cmap="viridis")
    middle, side, share = _middle(influence)
    right.set_title(f"what moves it: the middle\n{middle} × {middle} pixels have {share:.0f} %")
    listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
    return Picture(
        figure,
        f"Left, nested squares on a digit: the receptive fields in pixels are {listed}. Right, the "
        "measured influence of each pixel on the deepest neurons at one place, brighter where it "
        f"is stronger: the middle {middle} by {middle} of {side} by {side} pixels have "
        f"{share:.0f} percent of it.",
    )


def _middle(influence: Tensor) -> tuple[int, int, float]:
    """Returns the sides of the middle and of the whole of a square field, and the middle's share.

    The field is the square of pixels with an influence, its middle a square of half the side; the
    share of the influence is in percent.
    """
    rows, columns = influence.nonzero(as_tuple=True)
    field = influence[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    side, rim = len(field), (len(field) + 1) // 4
    inner = field[rim : side - rim, rim : side - rim]
    return len(inner), side, 100 * float(inner.sum() / field.sum())
