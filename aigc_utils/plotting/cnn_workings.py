"""Chapter 1: figures of how a convolutional network works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from .picture import (
    COLORS,
    DIVERGING,
    INK,
    Picture,
    axes_grid,
    check_few,
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
    size, (row, column) = kernel.size(0), at
    patch = image[row : row + size, column : column + size]
    figure = new_figure(2.7)
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
    figure.suptitle(f"{patch.numel()} products, one sum, one pixel of the result: {total:.2f}")
    panels[3].set_xlabel(f"sum: {total:.2f}", fontweight="bold")
    panels[4].set_xlabel(f"marked pixel: {float(output[row, column]):.2f}")
    return Picture(
        figure,
        f"A {size} by {size} patch of a digit is multiplied number by number with a kernel; the "
        f"products sum to {total:.2f}, which is one pixel of the result. In the result, edges of "
        "strokes are orange where the sum is positive, and purple where it is negative.",
    )


@styled
def channel_sum(maps: Tensor, kernel: Tensor, parts: Tensor, shown: int) -> Picture:
    """Returns how one kernel takes several channels: a slice for each, and the sum of all parts.

    Args:
        maps: shape (C, H, W), the channels.
        kernel: shape (C, k, k), a slice of weights for each.
        parts: shape (C, H - k + 1, W - k + 1), what each slice makes of its channel.
        shown: how many channels to draw, the first ones; the sum is that of all.

    Raises:
        ValueError: the three differ in their number of channels, or fewer are to be drawn than 1.
    """
    count = len(maps)
    if not len(kernel) == len(parts) == count or not 1 <= shown <= count:
        raise ValueError(f"draw 1 to {count} channels, each with its slice and its part.")
    figure = new_figure(3.4)
    columns = shown + 1
    panels = axes_grid(figure, 3, columns, width_ratios=[1] * shown + [1.3])
    total = parts.sum(0)
    reach, weight = float(parts.abs().max()), float(kernel.abs().max())
    for i in range(shown):
        show_image(panels[i], maps[i].clamp(min=0), vmin=0)
        show_image(panels[columns + i], kernel[i], cmap=DIVERGING, vmin=-weight, vmax=weight)
        show_image(panels[2 * columns + i], parts[i], cmap=DIVERGING, vmin=-reach, vmax=reach)
        panels[i].set_title(f"channel {i + 1}", fontsize=10)
    for row, name in enumerate(("map", "× slice", "= part")):
        panels[row * columns].set_ylabel(name)
    for row in (0, 1):
        panels[row * columns + shown].set_visible(False)
    high = float(total.abs().max())
    show_image(panels[-1], total, cmap=DIVERGING, vmin=-high, vmax=high)
    panels[-1].set_xlabel(f"sum of all {count}", fontweight="bold")
    figure.suptitle(f"One kernel has {count} slices, and one map comes out")
    return Picture(
        figure,
        f"The first {shown} of {count} channels of a digit, below each its slice of "
        f"{kernel.size(1)} by {kernel.size(2)} weights, and below that the part that the slice "
        "makes of it, orange above zero and purple below. At the right the sum of all "
        f"{count} parts: one map.",
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
    finals = {}
    for axes, (name, path), color in zip(panels, paths.items(), COLORS.values(), strict=False):
        axes.contour(x, y, loss, levels=np.geomspace(0.02, loss.max(), 9), colors="#C9D1DA")
        axes.plot(path[:, 0], path[:, 1], ".-", color=color, linewidth=1.2, markersize=4)
        axes.plot(0, 0, "*", color=INK, markersize=11)
        axes.plot(*path[-1].tolist(), "o", color=color, markersize=9, fillstyle="none")
        axes.set(title=name, xlabel="weight 1", xlim=(-2.2, 0.8), ylim=(-1.1, 1.1))
        end = f"ends {path[-1].norm():.2f} from the minimum"
        axes.annotate(end, (0.5, 0.02), xycoords="axes fraction", ha="center", fontsize=9)
        axes.grid(False)
        finals[name] = float(path[-1].norm())
    panels[0].set_ylabel("weight 2")
    farthest = max(finals, key=finals.__getitem__)
    figure.suptitle(f"{farthest[:1].upper()}{farthest[1:]} ends farthest from the minimum")
    ends = "; ".join(f"{name} ends {left:.2f} from the minimum" for name, left in finals.items())
    return Picture(
        figure,
        "Contours of a long narrow valley, once for each optimizer, with its path to the star at "
        f"the minimum and a ring at its end: {ends}.",
    )
