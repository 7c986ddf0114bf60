"""Chapter 4: figures of how a Transformer works: its two kinds, one block, the root of d."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch
from matplotlib.ticker import LogLocator

from .common import LINES
from .drawing import Point, arrow, box, canvas
from .picture import COLORS, INK, Picture, axes_grid, new_figure, styled

#: From one token to the next, in inches, as all lengths here.
PITCH = 0.68
#: Width of a stack of blocks.
WIDE = 2.06
#: The look of a text around its place.
MIDDLE: Any = {"ha": "center", "va": "center", "fontsize": 11}
#: The same, in bold.
BOLD: Any = {**MIDDLE, "fontweight": "bold"}


def _panel(axes: Axes, corner: Point, wide: float, high: float, **look: Any) -> None:
    """Draws a rectangle with round corners; `corner` is the lower left one."""
    style = "round,pad=0,rounding_size=0.12"
    axes.add_patch(FancyBboxPatch(corner, wide, high, boxstyle=style, **look))


def _token(axes: Axes, x: float, y: float, text: str, color: str, *, new: bool = False) -> None:
    """Draws a token around (x, y): a light one that is read, a full one that is new."""
    face = color if new else "white"
    _panel(axes, (x - 0.31, y - 0.17), 0.62, 0.34, facecolor=face, edgecolor=color, linewidth=1.4)
    axes.text(x, y, text, color="white" if new else INK, **(BOLD if new else MIDDLE))


def _stack(axes: Axes, x: float, top: float, color: str, name: str, *, causal: bool) -> None:
    """Draws a stack of blocks around x, from 1.12 up to `top`: who looks at whom, in white."""
    left, bottom = x - WIDE / 2, 1.12
    for shift, light in ((0.14, "40"), (0.07, "80"), (0.0, "")):
        look = {"facecolor": "white", "edgecolor": "white", "linewidth": 0}
        _panel(axes, (left + shift, bottom + shift), WIDE, top - bottom, **look)
        look = {"facecolor": color + light, "edgecolor": "white", "linewidth": 1}
        _panel(axes, (left + shift, bottom + shift), WIDE, top - bottom, **look)
    places = [x + PITCH * (i - 1) for i in range(3)]
    low, high = bottom + 0.52, bottom + 1.14
    for i, above in enumerate(places):
        for below in places[: i + 1 if causal else 3]:
            axes.plot([below, above], [low, high], color="white", linewidth=1.6)
        for y in (low, high):
            axes.add_patch(Circle((above, y), 0.075, facecolor="white", edgecolor=color))
    sees = "sees itself and before" if causal else "sees all tokens"
    axes.text(x, bottom + 0.22, sees, color="white", **MIDDLE)
    axes.text(x, top - 0.2, name, color="white", **BOLD)


def _column(axes: Axes, x: float, tokens: Sequence[str], below: str, color: str) -> None:
    """Draws the tokens that go into a stack of blocks around x."""
    for i, token in enumerate(tokens):
        place = x + PITCH * (i - 1)
        _token(axes, place, 0.6, token, color)
        arrow(axes, (place, 0.8), (place, 1.1))
    axes.text(x, 0.22, below, **MIDDLE)


def _next(axes: Axes, x: float, top: float, token: str, color: str) -> None:
    """Draws what comes out of a stack of blocks around x: the next token."""
    arrow(axes, (x + PITCH, top + 0.15), (x + PITCH, top + 0.46))
    _token(axes, x + PITCH, top + 0.65, token, color, new=True)
    axes.text(x + PITCH - 0.42, top + 0.65, "next token", **{**MIDDLE, "ha": "right"})


def _crossing(axes: Axes) -> None:
    """Draws cross-attention, from the encoder of `transformer_drawing` into its decoder."""
    orange = COLORS["orange"]
    for shift in (-PITCH, 0, PITCH):
        axes.plot([3.5 + shift] * 2, [2.26, 2.95], color="white", linewidth=1.6)
    look: Any = {"facecolor": "white", "edgecolor": orange, "linewidth": 2.4, "zorder": 3}
    _panel(axes, (2.63, 2.92), 1.74, 0.4, **look)
    axes.text(3.5, 3.12, "cross-attention", zorder=4, **BOLD)
    axes.plot([1.26, 1.26], [2.92, 3.12], color=orange, linewidth=2.4)
    arrow(axes, (1.26, 3.12), (2.61, 3.12), color=orange, linewidth=2.4)


@styled
def transformer_drawing() -> Picture:
    """Returns the two kinds of Transformer side by side: encoder-decoder and decoder-only.

    Source: Vaswani et al., Attention Is All You Need, 2017, figure 1; Radford et al., Improving
    Language Understanding by Generative Pre-Training, 2018, figure 1.
    """
    figure, axes = canvas(5.28, (0, 7.2), (0, 5.28))
    blue, purple = COLORS["blue"], COLORS["purple"]
    for x, name, use in (
        (2.33, "encoder-decoder (2017)", "reads one text, writes another"),
        (6.0, "decoder-only (GPT)", "goes on with one text"),
    ):
        axes.text(x, 5.08, name, **{**BOLD, "fontsize": 12.5})
        axes.text(x, 4.81, use, **MIDDLE)
    axes.plot([4.76, 4.76], [0.1, 5.18], color="#C9D1DA", linewidth=1.4)
    _column(axes, 1.12, ("ein", "roter", "Apfel"), "text that is read", blue)
    _stack(axes, 1.12, 2.78, blue, "encoder blocks", causal=False)
    _column(axes, 3.5, ("start", "a", "red"), "written so far", purple)
    _stack(axes, 3.5, 3.74, purple, "decoder blocks", causal=True)
    _crossing(axes)
    _next(axes, 3.5, 3.74, "apple", purple)
    _column(axes, 6.0, ("an", "apple", "a"), "text so far", purple)
    _stack(axes, 6.0, 2.78, purple, "decoder blocks", causal=True)
    _next(axes, 6.0, 2.78, "day", purple)
    return Picture(
        figure,
        "Two drawings. Left, the encoder-decoder of 2017, which reads one text and writes "
        "another: the tokens ein, roter, Apfel go into encoder blocks, where each token sees all. "
        "An arrow named cross-attention leads from there into the decoder blocks, which get what "
        "is written so far, start, a, red; there each token sees only itself and earlier ones. "
        "Out comes the next token, apple. Right, the decoder-only GPT, which goes on with one "
        "text: the tokens an, apple, a go into decoder blocks, where each sees only itself and "
        "earlier ones, and out comes the next token, day. It has no encoder and no "
        "cross-attention.",
    )


def _detour(axes: Axes, stream: float, y: float, name: str, color: str, note: str) -> None:
    """Draws what leaves the stream at y, goes through a norm and a layer, and is added above."""
    start, norm, layer, back = stream, stream + 1.22, stream + 2.9, y + 0.8
    arrow(axes, (start + 0.05, y), (norm - 0.43, y))
    box(axes, norm, y, "norm", COLORS["grey"], wide=0.86)
    arrow(axes, (norm + 0.43, y), (layer - 0.65, y))
    box(axes, layer, y, name, color, wide=1.3)
    axes.plot([layer, layer], [y + 0.36, back], color=INK, linewidth=1.6)
    arrow(axes, (layer, back), (stream + 0.2, back))
    axes.text(
        stream + 0.35, back - 0.1, note, va="top", color=color, fontsize=11, fontweight="bold"
    )
    axes.add_patch(Circle((stream, back), 0.19, facecolor="white", edgecolor=INK, zorder=4))
    axes.text(stream, back - 0.01, "+", zorder=5, **{**BOLD, "fontsize": 15})


@styled
def block_drawing() -> Picture:
    """Returns one block of a GPT as a residual stream, from the tokens to the logits.

    Source: Radford et al., Language Models are Unsupervised Multitask Learners, 2019, section
    2.3; Elhage et al., A Mathematical Framework for Transformer Circuits, 2021.
    """
    figure, axes = canvas(5.1, (0, 5.1), (0, 5.1), width=5.1)
    stream = 0.95
    look: Any = {"color": COLORS["blue"], "linewidth": 7, "zorder": 0.5}
    _panel(axes, (0.38, 1.0), 4.6, 3.1, facecolor="#F1F4F8", edgecolor="#C9D1DA", zorder=0)
    axes.text(4.84, 3.96, "one block of many", ha="right", va="top", fontsize=11)
    axes.plot([stream, stream], [0.5, 4.7], **look)
    axes.text(stream - 0.33, 2.55, "residual stream", rotation=90, color=COLORS["blue"], **BOLD)
    box(axes, stream, 0.46, "embedding", COLORS["blue"])
    arrow(axes, (2.3, 0.46), (1.65, 0.46))
    axes.text(2.4, 0.46, "tokens", va="center", fontsize=11)
    _detour(axes, stream, 1.5, "attention", COLORS["orange"], "looks at earlier tokens")
    _detour(axes, stream, 2.8, "MLP", COLORS["purple"], "works on each token alone")
    box(axes, stream, 4.64, "norm", COLORS["grey"], wide=0.86)
    arrow(axes, (1.38, 4.64), (1.85, 4.64))
    box(axes, 2.32, 4.64, "head", COLORS["blue"], wide=0.94)
    arrow(axes, (2.79, 4.64), (3.26, 4.64))
    axes.text(3.36, 4.64, "logits: a score for\neach next token", va="center", fontsize=11)
    return Picture(
        figure,
        "A thick line rises through one block of many: the residual stream. It begins at the "
        "embedding of the tokens. Twice something leaves it and is added again higher up: first "
        "through a norm and attention, which looks at earlier tokens, then through a norm and "
        "the MLP, which works on each token alone. At the end stand a norm and the head, which "
        "gives logits: a score for each next token.",
    )


def _spread_axes(left: Axes, right: Axes, dims: Sequence[int]) -> None:
    """Says what stands along the axes of `score_spread`."""
    for axes in (left, right):
        axes.set(xscale="log", xticks=dims, xticklabels=dims, xlabel="head dimension (logarithmic)")
        axes.minorticks_off()
    left.set(yscale="log", ylabel="standard deviation (logarithmic)", title="spread of the scores")
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.yaxis.set_major_formatter("{x:g}")
    right.set(ylim=(0, 100), ylabel="mean largest share (%)", title="what softmax makes of them")


@styled
def score_spread(
    dims: Sequence[int],
    spread: Mapping[str, Sequence[float]],
    largest: Mapping[str, Sequence[float]],
) -> Picture:
    """Returns how dot products grow with the head dimension, and what that does to softmax.

    Args:
        dims: head dimensions, rising.
        spread: name of a kind of score to its standard deviation at each dimension.
        largest: the same names to the mean largest share that softmax gives, in [0, 1].

    Raises:
        ValueError: the names differ or are not 1 to 3, or a curve doesn't fit the dimensions.

    Source: Vaswani et al., Attention Is All You Need, 2017, footnote 4.
    """
    curves = [*spread.values(), *largest.values()]
    fit = spread.keys() == largest.keys() and all(len(curve) == len(dims) for curve in curves)
    if not fit or not 1 <= len(spread) <= 3:
        raise ValueError(
            f"spread and largest must have the same names, 1 to 3, and {len(dims)} values for each."
        )
    figure = new_figure(3.6)
    left, right = axes_grid(figure, 1, 2)
    ends = ", ".join(f"{name} {100 * shares[-1]:.0f} %" for name, shares in largest.items())
    figure.suptitle(f"In {dims[-1]} dimensions the likeliest key gets: {ends}")
    parts = []
    looks = zip(("orange", "blue", "green"), "osD", LINES, strict=False)
    for name, (color, mark, line) in zip(spread, looks, strict=False):
        look: Any = {"color": COLORS[color], "markersize": 6, "clip_on": False}
        stds, shares = spread[name], [100 * share for share in largest[name]]
        left.plot(dims, stds, mark + line, label=name, **look)
        right.plot(dims, shares, mark + line, **look)
        parts.append(
            f"{name}, standard deviation from {stds[0]:.3g} to {stds[-1]:.3g} and largest share "
            f"from {shares[0]:.0f} to {shares[-1]:.0f} percent"
        )
    _spread_axes(left, right, dims)
    figure.legend(loc="outside lower center", ncols=len(spread))
    return Picture(
        figure,
        f"Two panels over the head dimension, from {dims[0]} to {dims[-1]}: the standard "
        "deviation of the scores, and the largest share that softmax gives to one key. "
        f"{'; '.join(parts)}.",
    )
