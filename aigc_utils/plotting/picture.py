"""A figure with its text: the one style of the course, set here and nowhere else."""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Callable, Sequence, Sized
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
import torch
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from ..data import check_tensor, is_unit_range, to_float, write_whole

#: Five of Okabe and Ito's colours, with a purple and a grey: told apart with every common form of
#: colour vision, and never alone: lines differ in dashes and markers too.
COLORS = {
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "purple": "#AA4499",
    "sky": "#56B4E9",
    "yellow": "#E69F00",
    "grey": "#5F6B7A",
}
#: Ten digits need ten colours: wherever these stand, the digit itself is written beside them.
DIGIT_COLORS = (*COLORS.values(), "#7A1F3D", "#A6CE39", "#F2A0C4")
#: The colour of text and axes.
INK = "#1F2933"
#: The colour map of values with a sign: purple below zero, white at zero, orange above.
DIVERGING = "PuOr_r"
#: The colour map of grey images: digits as ink on paper.
INK_SCALE = "gray_r"

#: The width of a figure in inches; it is shown 720 pixels wide.
WIDTH = 7.2
#: Shown pixels per inch of a figure.
PIXELS_PER_INCH = 100
#: Image pixels per shown pixel, for dense screens.
DENSITY = 2

#: The style of every figure, as matplotlib's settings.
STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.prop_cycle": cycler(color=list(COLORS.values())),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "font.family": "DejaVu Sans",  # comes with matplotlib, so it is the same everywhere
    "font.size": 10,
    "grid.color": "#E3E8EE",
    "image.cmap": INK_SCALE,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}

P = ParamSpec("P")
#: Numbers in a row: along an axis, or one for each seed.
Values = Sequence[float]


def checked_alt(alt: str) -> str:
    """Returns the alternative text on one line.

    Raises:
        ValueError: it has fewer than five words.
    """
    if len(alt.split()) < 5:
        raise ValueError(f"the alternative text must say what is to be seen, not {alt!r}.")
    return " ".join(alt.split())


class Picture:
    """A figure and its alternative text; a notebook cell that ends in one shows it.

    Raises:
        ValueError: the alternative text has fewer than five words.
    """

    def __init__(self, figure: Figure, alt: str) -> None:
        self.figure = figure
        self.alt = checked_alt(alt)

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"

    def png(self) -> bytes:
        """Returns the figure as a PNG file, twice as dense as it is shown."""
        buffer = io.BytesIO()
        with mpl.rc_context(STYLE):
            self.figure.savefig(
                buffer,
                format="png",
                dpi=DENSITY * PIXELS_PER_INCH,
                pil_kwargs={"compress_level": 0},  # it is read again at once
            )
        # Another layout of the same figure would move it by a pixel: the first one stays.
        self.figure.set_layout_engine("none")
        # 256 colours look the same here and take a third of the bytes.
        image = Image.open(buffer).convert("RGB").quantize(256, dither=Image.Dither.NONE)
        packed = io.BytesIO()
        image.save(packed, format="PNG", optimize=True)
        return packed.getvalue()

    @property
    def title(self) -> str:
        """The figure's title, or that of its first axes; empty where it has none."""
        titles = [self.figure.get_suptitle(), *(axes.get_title() for axes in self.figure.axes)]
        return " ".join(next(filter(None, titles), "").split())

    def svg(self) -> bytes:
        """Returns the figure as an SVG file with its title and its alternative text."""
        buffer = io.BytesIO()
        about = {"Description": self.alt, "Date": None}
        if self.title:
            about["Title"] = self.title
        with mpl.rc_context({**STYLE, "svg.hashsalt": "aigc"}):  # the same file in each run
            self.figure.savefig(buffer, format="svg", metadata=about)
        self.figure.set_layout_engine("none")
        return buffer.getvalue()

    def save(self, path: str | Path) -> Path:
        """Writes the figure, all of it or nothing; returns its path, "~" resolved.

        Args:
            path: the file; one that ends in ".svg" gets the SVG, any other the PNG.

        Raises:
            OSError: the file can't be written.
        """
        path = Path(path).expanduser()
        write_whole(path, self.svg() if path.suffix.lower() == ".svg" else self.png())
        return path

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, str], dict[str, Any]]:
        width, height = self.figure.get_size_inches() * PIXELS_PER_INCH
        size = {"width": round(width), "height": round(height)}
        size |= {"alt": self.alt, "title": self.title}
        data = base64.b64encode(self.png()).decode()
        return {"image/png": data, "text/plain": repr(self)}, {"image/png": size}


def styled(draw: Callable[P, Picture]) -> Callable[P, Picture]:
    """Returns a drawing function that draws in the course's style, whatever the reader's own is.

    It takes the same parameters, `P`.
    """

    @functools.wraps(draw)
    def in_style(*args: P.args, **kwargs: P.kwargs) -> Picture:
        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return in_style


def new_figure(height: float = 3.0, width: float = WIDTH) -> Figure:
    """Returns an empty figure of whole pixels; sizes in inches."""
    # A hair more than whole: matplotlib cuts, and 1.15 inches of 200 pixels are 229.99.
    size = (round(width, 2) + 1e-6, round(height, 2) + 1e-6)
    return Figure(figsize=size, layout="constrained")


def axes_grid(figure: Figure, rows: int, columns: int, **kwargs: Any) -> list[Axes]:
    """Returns the axes of a regular grid, row by row, as one list."""
    return list(np.asarray(figure.subplots(rows, columns, squeeze=False, **kwargs)).ravel())


def unit_range(images: Tensor) -> Tensor:
    """Returns images as floats in [0, 1] on the CPU, in their shape.

    Args:
        images: at least one, uint8 (0 to 255) or floats in [0, 1]; zero is the ground.

    Raises:
        ValueError: there is no image, there are fewer than three dimensions, or a value is out of
            range or not a number.
    """
    values = images.detach().cpu()
    values = to_float(values) if values.dtype == torch.uint8 else values.float()
    if values.ndim < 3 or values.numel() == 0 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(
            "images must be uint8 or floats in [0, 1], with at least three dimensions, "
            f"not {images.dtype} of the shape {tuple(images.shape)} and other values."
        )
    return values


def check_few(things: Sized, most: int, name: str) -> None:
    """Checks that there are 1 to `most` things of this name: more have no look of their own.

    Raises:
        ValueError: there are none, or more.
    """
    if not 1 <= len(things) <= most:
        raise ValueError(f"give 1 to {most} {name} to draw, not {len(things)}.")


def check_shares(name: str, shares: Tensor, *shape: int) -> None:
    """Checks that numbers lie in [0, 1], and have the shape, where one is given.

    Raises:
        ValueError: they have another shape or range.
    """
    check_tensor(name, shares)
    if (shape and shares.shape != shape) or shares.numel() == 0 or not is_unit_range(shares):
        raise ValueError(
            f"{name} must be numbers from 0 to 1{f' of shape {shape}' if shape else ''}, not of "
            f"shape {tuple(shares.shape)} or of other values."
        )


def check_points(name: str, points: Tensor) -> None:
    """Checks that points of the plane are finite and of shape (N, 2), N at least 1.

    Raises:
        ValueError: they are something else.
    """
    check_tensor(name, points)
    if points.ndim != 2 or points.size(1) != 2 or len(points) == 0 or not points.isfinite().all():
        raise ValueError(
            f"{name} must be finite points of shape (N, 2), at least one, not of shape "
            f"{tuple(points.shape)} or of other values."
        )


def picture_axes(axes: Axes) -> Axes:
    """Returns `axes` made ready for an image: no ticks, no grid, a thin frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color("#C9D1DA")
    return axes


def show_image(axes: Axes, image: Tensor, **kwargs: Any) -> None:
    """Draws an image, shape (H, W), into axes made ready for it."""
    picture_axes(axes).imshow(image.detach().cpu().numpy(), **kwargs)
