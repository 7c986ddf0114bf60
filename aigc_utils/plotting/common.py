"""Figures that every chapter draws: curves and grids of images."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox
from torch import Tensor

from ..data import check_finite
from ..limits import whole
from .picture import (
    WIDTH,
    Picture,
    axes_grid,
    checked_alt,
    new_figure,
    picture_axes,
    styled,
    unit_range,
)
from .words import counted, course, labels, number, quoted

#: The dashes of curves, one after the other, so that curves differ without colour too.
LINES = ("-", "--", "-.", ":")
#: Where the name of a line across may stand: at which end of it, and on which side; the first is
#: the usual one.
PLACES = (("right", "below"), ("right", "above"), ("left", "below"), ("left", "above"))


@styled
def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    x_label: str,
    y_label: str,
    title: str = "",
    alt: str | None = None,
    log_y: bool = False,
    bottom: float | None = None,
    marks: Mapping[str, float] | None = None,
    height: float = 3.0,
    timed: bool = False,
    points: bool = False,
) -> Picture:
    """Returns named curves over one axis; its alternative text says what each of them does.

    Args:
        lines: name to (x values, y values), as `History.curve` gives them.
        x_label: what is on the horizontal axis, with its unit.
        y_label: what is on the vertical axis, with its unit.
        title: the figure's message.
        alt: what is to be seen, in your own words; by default computed from the curves.
        log_y: whether the vertical axis is logarithmic.
        bottom: where the vertical axis begins; by default a little below the curves.
        marks: name to a height at which a thin line is drawn across.
        height: of the figure, in inches.
        timed: whether the values are times, which differ from run to run: then the computed text
            has no numbers.
        points: whether each value is marked, as where only a few were measured.

    Raises:
        ValueError: there is no line, a line's x and y differ in number, or `alt` has fewer than
            five words.
    """
    figure = new_figure(height)
    (axes,) = axes_grid(figure, 1, 1)
    for i, (name, (x, y)) in enumerate(lines.items()):
        axes.plot(x, y, LINES[i % len(LINES)], marker="o" if points else "", label=name)
    for level in (marks or {}).values():
        axes.axhline(level, color="#5F6B7A", linewidth=1, linestyle=":")
    axes.set(xlabel=x_label, ylabel=y_label, title=title, yscale="log" if log_y else "linear")
    axes.set_ylim(bottom=bottom)
    if marks:
        figure.draw_without_rendering()  # only then does a name know what it would touch
        _name_marks(axes, marks)
    if len(lines) > 1:
        axes.legend()  # after the names, which it leaves room for
    if alt is None:
        alt = _told(lines, marks or {}, x_label, y_label, log=log_y, timed=timed)
    return Picture(figure, alt)


def _name_marks(axes: Axes, marks: Mapping[str, float]) -> None:
    """Writes each mark's name beside its line, at the first of `PLACES` where it touches nothing.

    Where it would touch something everywhere, it stands at the first.
    """
    taken: list[Bbox] = []
    for name, level in marks.items():
        label = axes.annotate(
            name, (0, level), xycoords=("axes fraction", "data"), xytext=(0, 0),
            textcoords="offset points", fontsize=9,
        )  # fmt: skip
        for end, side in (*PLACES, PLACES[0]):
            label.xy = (0.99 if end == "right" else 0.01, level)
            label.set(ha=end, va="top" if side == "below" else "bottom")
            label.set_position((0, -3 if side == "below" else 3))
            space = label.get_window_extent()
            if _is_free(axes, space, taken):
                break
        taken.append(space)


def _is_free(axes: Axes, space: Bbox, taken: Sequence[Bbox]) -> bool:
    """Returns whether a space lies within the axes, and touches no line and nothing taken."""
    if not (axes.bbox.y0 <= space.y0 and space.y1 <= axes.bbox.y1):
        return False
    paths = [line.get_path().transformed(line.get_transform()) for line in axes.lines]
    lines = any(path.intersects_bbox(space.padded(1), filled=False) for path in paths)
    return not lines and not any(space.overlaps(other) for other in taken)


def _told(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    marks: Mapping[str, float],
    x_label: str,
    y_label: str,
    *,
    log: bool,
    timed: bool,
) -> str:
    """Returns an alternative text of curves: what each does, and where the thin lines lie."""
    if not lines:
        raise ValueError("There is no line to draw: give at least one.")
    heights = np.concatenate([np.asarray(y, dtype=float) for _, y in lines.values()])
    heights = np.log(heights) if log else heights
    span = float(np.ptp(heights))
    told = [
        f"{name}: {course(x, y, span, values=not timed, log=log)}" for name, (x, y) in lines.items()
    ]
    across = [
        f"a line across, {name}" + ("" if timed else f", at {number(level)}")
        for name, level in marks.items()
    ]
    return f"{y_label}, over {x_label}. {'; '.join([*told, *across])}."


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
    """Returns images in rows, dark ink on a light ground; the text begins with their number.

    Args:
        images: shape (N, H, W) or (N, 1, H, W), any number type; zero is the ground.
        alt: what is to be seen, without what the function adds: the images' number and titles.
        titles: a short text above each image.
        columns: images in a row.
        title: the figure's message.
        cell: largest size of one image, in inches.

    Raises:
        ValueError: there is no image, a pixel isn't finite, the titles are not as many as the
            images, `columns` is below 1, or `alt` has fewer than five words.
    """
    whole("columns", columns)
    check_finite("pixels", images)
    if images.numel() == 0 or len(titles or images) != len(images):
        raise ValueError("image_grid needs at least one image, and a title for each or for none.")
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
        figure.suptitle(title)
    told = f"{counted(len(array), 'image')} in {counted(rows, 'row')}"
    told += f"; above them stands: {labels(titles)}" if titles else ""
    return Picture(figure, f"{told}. {checked_alt(alt)}")


#: From one image of a row to the next, in widths of an image.
PITCH = 1.08


def _framed_row(axes: Axes, images: Tensor, top: float, captions: Sequence[str]) -> None:
    """Draws images of the width 1 side by side, from the height `top` down."""
    high = images.size(1) / images.size(2)
    for column, image in enumerate(images.numpy()):
        left = PITCH * column
        axes.imshow(image, extent=(left, left + 1, top + high, top), vmin=0, vmax=1)
        axes.add_patch(Rectangle((left, top), 1, high, fill=False, edgecolor="#C9D1DA"))
    for column, text in enumerate(captions):
        axes.text(PITCH * column + 0.5, top + high + 0.05, text, ha="center", va="top", fontsize=9)


@styled
def image_rows(
    rows: Mapping[str, Tensor],
    *,
    alt: str,
    titles: Sequence[str] = (),
    captions: Mapping[str, Sequence[str]] | None = None,
    title: str = "",
) -> Picture:
    """Returns rows of images with their names at the left, dark ink on a light ground.

    All images share one scale, so that a pale one looks pale. The alternative text begins with
    the number of rows and images, the rows' names, titles and captions.

    Args:
        rows: name to images, shape (N, H, W) or (N, 1, H, W), uint8 or floats in [0, 1].
        alt: what is to be seen, without what the function adds.
        titles: a short text above each column.
        captions: name of a row to a short text below each of its images.
        title: the figure's message.

    Raises:
        ValueError: there is no row, the rows differ in number or size of images, values are out of
            range, or `alt` has fewer than five words.
    """
    images = {name: unit_range(row).flatten(0, -3) for name, row in rows.items()}
    if len({row.shape for row in images.values()}) != 1:
        raise ValueError("rows must all have the same number of images of one size.")
    count, *size = next(iter(images.values())).shape
    captions = captions or {}
    names = 0.1 + 0.085 * max(len(line) for name in rows for line in name.split("\n"))
    cell = min(0.72, (WIDTH - names - 0.1) / (PITCH * count))  # width of an image in inches
    high = size[0] / size[1]
    heights = [high + PITCH - 1 + 0.24 / cell * (name in captions) for name in rows]
    tops = list(itertools.accumulate(heights, initial=0.0))
    above = 0.1 + 0.22 * bool(titles) + 0.3 * bool(title)
    figure = new_figure(tops[-1] * cell + above, names + 0.1 + PITCH * count * cell)
    (axes,) = axes_grid(figure, 1, 1)
    picture_axes(axes).spines[:].set_visible(False)
    for top, (name, row) in zip(tops, images.items(), strict=False):
        _framed_row(axes, row, top, captions.get(name, ()))
    axes.set(xlim=(-0.02, PITCH * count - 0.06), ylim=(tops[-1], -0.02), aspect="equal")
    axes.set_yticks([top + high / 2 for top in tops[:-1]], list(rows))
    axes.set_xticks([PITCH * i + 0.5 for i in range(len(titles))], titles, fontsize=9)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    if title:
        figure.suptitle(title)
    told = [f"{counted(len(rows), 'row')} of {counted(count, 'image')}, {quoted(rows)}"]
    told += [f"Above the columns stands: {labels(titles)}"] if titles else []
    told += [f"Below {quoted([name])} stands: {labels(captions[name])}" for name in captions]
    return Picture(figure, f"{'. '.join(told)}. {checked_alt(alt)}")
