"""Parts of a model drawn by hand: boxes for networks, arrows, and images among them."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from .picture import INK, WIDTH, axes_grid, new_figure, show_image

Point = tuple[float, float]


def canvas(height: float, x: Point, y: Point, width: float = WIDTH) -> tuple[Figure, Axes]:
    """Returns an empty figure, in inches, and axes without ticks that reach over `x` and `y`."""
    figure = new_figure(height, width)
    (axes,) = axes_grid(figure, 1, 1)
    axes.set_axis_off()
    axes.set(xlim=x, ylim=y, aspect="equal")
    return figure, axes


def box(axes: Axes, x: float, y: float, text: str, color: str, wide: float = 1.36) -> None:
    """Draws a network as a coloured box around (x, y)."""
    style = "round,pad=0,rounding_size=0.16"
    shape = FancyBboxPatch((x - wide / 2, y - 0.36), wide, 0.72, boxstyle=style, color=color)
    axes.add_patch(shape)
    axes.text(x, y, text, ha="center", va="center", color="white", fontweight="bold")


def arrow(axes: Axes, start: Point, end: Point, **kwargs: Any) -> None:
    """Draws an arrow between two points."""
    style = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.6, "mutation_scale": 14, **kwargs}
    axes.annotate("", end, start, arrowprops={**style, "shrinkA": 0, "shrinkB": 0})


def inset(axes: Axes, x: float, y: float, image: Tensor, label: str, **kwargs: Any) -> None:
    """Draws an image of height 1 around (x, y), with a label below."""
    wide = image.shape[1] / image.shape[0]
    frame = axes.inset_axes((x - wide / 2, y - 0.5, wide, 1.0), transform=axes.transData)
    show_image(frame, image, **kwargs)
    axes.text(x, y - 0.58, label, ha="center", va="top", linespacing=1.1)
