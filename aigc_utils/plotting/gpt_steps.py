"""Chapter 4: figures of single steps: tokens as vectors, positions as angles, looks and effects."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Circle
from torch import Tensor

from ..limits import real, whole
from .drawing import arrow
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
from .tokens import MONOSPACED, quoted_token, visible
from .words import counted


@styled
def embedding_rows(tokens: Sequence[str], ids: Sequence[int], vectors: Tensor) -> Picture:
    """Returns how a text becomes vectors: each token, its number, and its row of the table.

    Args:
        tokens: T of them.
        ids: their numbers.
        vectors: (T, width), as the embedding gives them.

    Raises:
        ValueError: the three differ in number, there is no token, or the vectors are not finite
            numbers of shape (T, width).
    """
    values = vectors.detach().cpu().float()
    if values.ndim != 2 or not values.isfinite().all():
        raise ValueError(
            f"vectors must be finite numbers of shape (T, width), not {tuple(values.shape)}."
        )
    if not tokens or not len(tokens) == len(ids) == len(values):
        raise ValueError(
            f"Each token needs a number and a row: {len(tokens)}, {len(ids)}, {len(values)}."
        )
    figure = new_figure(0.34 * len(tokens) + 0.9)
    (axes,) = axes_grid(figure, 1, 1)
    reach = values.abs().max().item() or 1.0
    image = picture_axes(axes).imshow(
        values.numpy(), cmap=DIVERGING, vmin=-reach, vmax=reach, aspect="auto"
    )
    names = [f"{visible(token)} → {i:2d}" for token, i in zip(tokens, ids, strict=True)]
    axes.set_yticks(range(len(names)), names, family=MONOSPACED, parse_math=False)
    axes.tick_params(length=0)
    axes.set_xlabel(f"each row: the {values.size(1)} learned numbers of one token")
    axes.set_ylabel("token → its number")
    axes.set_title(f"{len(tokens)} tokens become a table of {len(tokens)} by {values.size(1)}")
    figure.colorbar(image, fraction=0.04, aspect=20)
    same = sum(tokens[i] in tokens[:i] for i in range(len(tokens)))
    told = [f"{quoted_token(token)} is {i}" for token, i in zip(tokens, ids, strict=True)]
    return Picture(
        figure,
        f"{counted(len(tokens), 'token')}, each with its number: {', '.join(told)}. Beside each "
        f"stands its row of {values.size(1)} numbers as colours; {counted(same, 'row')} repeat an "
        "earlier one, as their token does.",
    )


def _clock(axes: Axes, places: tuple[int, int], angles: tuple[float, float]) -> None:
    """Draws a query and a key as the hands of a clock, turned by their positions."""
    picture_axes(axes).spines[:].set_visible(False)
    axes.add_patch(Circle((0, 0), 1, facecolor="#F6F8FA", edgecolor="#8A97A6"))
    looks = zip(("query", "key"), places, angles, ("orange", "blue"), strict=True)
    for name, place, angle, color in looks:
        tip = (math.cos(angle), math.sin(angle))
        arrow(axes, (0, 0), tip, color=COLORS[color], linewidth=2.4)
        axes.text(
            1.55 * tip[0], 1.35 * tip[1], f"{name}\nat {place}", ha="center", va="center",
            fontsize=9, color=INK,
        )  # fmt: skip
    axes.set(xlim=(-2.0, 2.0), ylim=(-1.7, 1.7), aspect="equal")


@styled
def rotary_hands(
    places: Sequence[tuple[int, int]], start: tuple[float, float], speed: float = 1.0
) -> Picture:
    """Returns one pair of dimensions of a query and a key, turned by their positions, as clocks.

    Args:
        places: for each clock the positions of the query and of the key.
        start: angles of query and key before they are turned, in radians.
        speed: radians for each position.

    Raises:
        ValueError: there is no clock, there are more than four, a position is no whole number of at
            least 0, or an angle or the speed is not finite.
    """
    if not 1 <= len(places) <= 4:
        raise ValueError(f"rotary_hands draws 1 to 4 clocks, not {len(places)}.")
    for position in itertools.chain(*places):
        whole("A position", position, 0)
    if not all(math.isfinite(real(each)) for each in (*start, speed)):
        raise ValueError(f"Angles and the speed must be finite numbers, not {(*start, speed)}.")
    figure = new_figure(2.5)
    told = []
    for axes, (query, key) in zip(axes_grid(figure, 1, len(places)), places, strict=True):
        angles = (start[0] + speed * query, start[1] + speed * key)
        _clock(axes, (query, key), angles)
        between = math.degrees(angles[0] - angles[1]) % 360
        between = min(between, 360 - between)
        axes.set_title(f"{query - key} apart: {between:.0f}° between", fontsize=10)
        told.append(f"query at {query} and key at {key}, {between:.0f} degrees")
    return Picture(
        figure,
        f"{counted(len(places), 'clock')} with two hands, a query and a key, each turned by its "
        f"position. Between the hands: {'; '.join(told)}.",
    )


def _bars(axes: Axes, values: Sequence[float], color: str, form: str, label: str) -> None:
    """Draws a bar for each value, from the top down, with its number beside it."""
    bars = axes.barh(range(len(values)), values, 0.7, color=COLORS[color])
    axes.bar_label(bars, fmt=form, padding=3, fontsize=9)
    axes.set(xlabel=label, xlim=(0, 1.2 * max(*values, 1e-9)))
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


@styled
def attention_effect(
    tokens: Sequence[str], shares: Sequence[float], effects: Sequence[float]
) -> Picture:
    """Returns how much each token is looked at, beside how much it matters, as bars.

    Args:
        tokens: T of them.
        shares: of attention, each from 0 to 1.
        effects: how far the prediction moves when the token is replaced, in nats.

    Raises:
        ValueError: the three differ in number, there is no token, a share lies outside of 0 to 1,
            or an effect is below 0 or not finite.
    """
    if not tokens or not len(tokens) == len(shares) == len(effects):
        raise ValueError(
            f"Each token needs a share and an effect: {len(tokens)}, {len(shares)}, {len(effects)}."
        )
    if not all(0 <= real(share) <= 1 for share in shares):
        raise ValueError(f"Shares of attention must be numbers from 0 to 1, not {[*shares]}.")
    if not all(0 <= real(each) < math.inf for each in effects):
        raise ValueError(f"Effects must be finite numbers of at least 0, not {[*effects]}.")
    figure = new_figure(0.32 * len(tokens) + 1.0)
    panels = axes_grid(figure, 1, 2, sharey=True)
    percent = [100 * share for share in shares]
    _bars(panels[0], percent, "blue", "{:.0f}", "attention from the last token (%)")
    _bars(panels[1], effects, "orange", "{:.2f}", "change of the prediction (nats)")
    panels[0].set_yticks(range(len(tokens)), map(visible, tokens), parse_math=False)
    panels[0].set_ylim(len(tokens) - 0.5, -0.5)
    seen, moving = (max(range(len(tokens)), key=each.__getitem__) for each in (shares, effects))
    figure.suptitle(
        f"Most looked at: {visible(tokens[seen])}. Moves most: {visible(tokens[moving])}",
        parse_math=False,
    )
    told = [
        f"{quoted_token(token)}, {share:.0f} percent and {effect:.2f} nats"
        for token, share, effect in zip(tokens, percent, effects, strict=True)
    ]
    return Picture(
        figure,
        f"Two bars for each of {len(tokens)} tokens, its share of the attention and how far the "
        f"prediction moves when it is replaced: {'; '.join(told)}.",
    )
