"""Figures that every chapter draws: curves and grids of images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from .picture import WIDTH, Picture, axes_grid, new_figure, picture_axes, styled

LINES = ("-", "--", "-.", ":")  # so that curves differ without colour too


@styled
def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    x_label: str,
    y_label: str,
    title: str = "",
    alt: str,
    log_y: bool = False,
    marks: Mapping[str, float] | None = None,
    height: float = 3.0,
) -> Picture:
    """Returns named curves over one axis.

    Args:
        lines: name to (x values, y values).
        x_label: what is on the horizontal axis, with its unit.
        y_label: what is on the vertical axis, with its unit.
        title: the figure's message.
        alt: what is to be seen.
        log_y: whether the vertical axis is logarithmic.
        marks: name to a height at which a thin line is drawn across.
        height: of the figure, in inches.
    """
    figure = new_figure(height)
    (axes,) = axes_grid(figure, 1, 1)
    for i, (name, (x, y)) in enumerate(lines.items()):
        axes.plot(x, y, LINES[i % len(LINES)], label=name)
    for name, level in (marks or {}).items():
        axes.axhline(level, color="#5F6B7A", linewidth=1, linestyle=":")
        axes.annotate(
            name, (0.99, level), xycoords=("axes fraction", "data"), xytext=(0, -3),
            textcoords="offset points", ha="right", va="top", fontsize=9,
        )  # fmt: skip
    axes.set(xlabel=x_label, ylabel=y_label, title=title, yscale="log" if log_y else "linear")
    if len(lines) > 1:
        axes.legend()
    return Picture(figure, alt)


@styled
def image_grid(
    images: Tensor,
    *,
    alt: str,
    titles: Sequence[str] | None = None,
    columns: int = 10,
    title: str = "",
    cell: float = 0.72,
) -> Picture:
    """Returns images in rows, dark ink on a light ground.

    Args:
        images: shape (N, H, W) or (N, 1, H, W), any number type; zero is the ground.
        alt: what is to be seen.
        titles: a short text above each image.
        columns: images in a row.
        title: the figure's message.
        cell: largest size of one image, in inches.
    """
    array = images.detach().cpu().float().numpy()
    array = array.reshape(len(array), *array.shape[-2:])
    columns = min(columns, len(array))
    rows = math.ceil(len(array) / columns)
    cell = min(cell, (WIDTH - 0.2) / columns)
    extra = 0.2 if titles else 0.0
    height = rows * (cell + extra) + (0.35 if title else 0.1)
    figure = new_figure(height, min(WIDTH, columns * cell + 0.2))
    for i, axes in enumerate(axes_grid(figure, rows, columns)):
        picture_axes(axes)
        if i >= len(array):
            axes.set_visible(False)
            continue
        axes.imshow(array[i], vmin=0, vmax=max(float(np.max(array[i])), 1e-9))
        if titles:
            axes.set_title(titles[i], fontsize=8, fontweight="normal", pad=2)
    if title:
        figure.suptitle(title, fontsize=11, fontweight="bold")
    return Picture(figure, alt)
