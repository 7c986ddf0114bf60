"""Chapter 4: figures of attention: its steps in numbers, and its weights on texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from torch import Tensor

from .drawing import arrow
from .picture import (
    DIVERGING,
    INK,
    WIDTH,
    Picture,
    axes_grid,
    new_figure,
    picture_axes,
    styled,
)
from .tokens import quoted_token, visible

#: Shares of red, green and blue in a colour's brightness.
LUMINANCE = np.array((0.3, 0.59, 0.11))
#: The colour map of values from zero up.
SHARES = "Blues"
#: The look of what the mask hides, or of what is cut off.
HIDDEN: Any = {"facecolor": "#F4F6F8", "edgecolor": "#C9D1DA", "hatch": "////", "linewidth": 0}


def _checked_shares(weights: Tensor, rows: int, columns: int, name: str) -> Tensor:
    """Returns `weights` in percent; raises ValueError unless (..., rows, columns) sum to one."""
    values = weights.detach().cpu().float()
    if values.numel() == 0:
        raise ValueError(f"{name} must be of at least one token.")
    if values.shape[-2:] != (rows, columns):
        raise ValueError(
            f"{name} must have a row for each of {rows} tokens and a column for each of "
            f"{columns}, not the shape {tuple(values.shape)}."
        )
    if not ((values >= 0).all() and torch.allclose(values.sum(-1), torch.ones(()), atol=1e-3)):
        raise ValueError(f"{name} must be shares: each row must sum to one, and none be negative.")
    return 100 * values


def _table(axes: Axes, values: Tensor, cmap: str, low: float, high: float) -> AxesImage:
    """Draws numbers, shape (T, S), as colours; hatches the ones that are not a number."""
    image = picture_axes(axes).imshow(values.numpy(), cmap=cmap, vmin=low, vmax=high)
    for row, column in values.isnan().nonzero().tolist():
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **HIDDEN))
    return image


def _numbers(
    axes: Axes, image: AxesImage, values: Tensor, form: str, size: float, hidden: str = ""
) -> None:
    """Writes into each cell of a table its number, white where the cell is dark."""
    colors = image.to_rgba(values.numpy())  # (T, S, 4)
    for (row, column), value in np.ndenumerate(values.numpy()):
        dark = not np.isnan(value) and colors[row, column, :3] @ LUMINANCE < 0.55
        text = hidden if np.isnan(value) else form.format(value).replace("-", "−")
        axes.text(
            column, row, text, ha="center", va="center", fontsize=size,
            color="white" if dark else INK,
        )  # fmt: skip


def _token_ticks(
    axes: Axes, rows: Sequence[str] = (), columns: Sequence[str] = (), size: float = 10
) -> None:
    """Writes tokens at the left of a table and below it."""
    plain: Any = {"parse_math": False, "fontsize": size}  # a dollar is a dollar
    axes.set_yticks(range(len(rows)), [visible(token) for token in rows], **plain)
    names = [visible(token) for token in columns]
    turned = 90 if max(map(len, names), default=0) > 3 else 0
    axes.set_xticks(range(len(names)), names, rotation=turned, **plain)
    axes.tick_params(length=0)


def _checked_steps(size: int, scores: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
    """Returns the shares in percent of `size` tokens; raises ValueError where a step is no such."""
    shares = _checked_shares(weights, size, size, "weights")
    if scores.shape != shares.shape or mask.shape != shares.shape or mask.dtype != torch.bool:
        raise ValueError(
            f"scores and mask must have the shape {tuple(shares.shape)} of the weights, and the "
            f"mask must be bool, not {tuple(scores.shape)} and {tuple(mask.shape)}, {mask.dtype}."
        )
    if (shares[~mask.cpu()] > 0).any():
        raise ValueError("weights must be zero where the mask hides a key.")
    return shares


def _draw_steps(panels: Sequence[Axes], tokens: Sequence[str], steps: Sequence[Tensor]) -> None:
    """Draws scores, masked scores and shares as tables of numbers, each (T, T)."""
    reach = steps[0].abs().max().item()
    for axes, values, scale, form, hides, title in zip(
        panels,
        steps,
        ((DIVERGING, -1.3 * reach, 1.3 * reach),) * 2 + ((SHARES, 0.0, 115.0),),
        ("{:.1f}", "{:.1f}", "{:.0f}"),
        ("", "−∞", "0"),
        ("scores", "masked", "softmax: shares (%)"),
        strict=True,
    ):
        image = _table(axes, values, *scale)
        _numbers(axes, image, values, form, min(10, 50 / len(tokens)), hides)
        _token_ticks(axes, tokens if axes is panels[0] else (), tokens)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("key: what is looked at")
    panels[0].set_ylabel("query: who looks")


@styled
def attention_steps(
    tokens: Sequence[str], scores: Tensor, mask: Tensor, weights: Tensor
) -> Picture:
    """Returns the three steps of attention as tables of numbers: scores, mask, softmax.

    The title says what the last token looks at most.

    Args:
        tokens: T of them; rows are queries, columns keys.
        scores: shape (T, T), scaled dot products.
        mask: shape (T, T), bool; False hides a key from a query.
        weights: shape (T, T), what softmax makes of the scores; each row sums to one.

    Raises:
        ValueError: the shapes don't fit each other, or the weights are no shares.

    Source: Vaswani et al., Attention Is All You Need, 2017, equation 1.
    """
    shares = _checked_steps(len(tokens), scores, mask, weights)
    scores, hidden = scores.detach().cpu().float(), ~mask.cpu()
    figure = new_figure(3.25)
    first, *arrows, last = axes_grid(figure, 1, 5, width_ratios=[1, 0.1, 1, 0.1, 1])
    steps = [scores, *(values.masked_fill(hidden, torch.nan) for values in (scores, shares))]
    _draw_steps((first, arrows.pop(1), last), tokens, steps)
    for axes in arrows:
        axes.set_axis_off()
        arrow(axes, (0, 0.5), (1, 0.5))
    best = f"“{visible(tokens[int(shares[-1].argmax())])}”: {shares[-1].max():.0f} %"
    figure.suptitle(f"“{visible(tokens[-1])}” looks most at {best}", parse_math=False)
    return Picture(
        figure,
        f"Three tables of {len(tokens)} by {len(tokens)} numbers, rows queries and columns keys, "
        f"for the tokens {', '.join(map(quoted_token, tokens))}. Scores from {scores.min():.1f} to "
        f"{scores.max():.1f}; the same with {int(hidden.sum())} of {hidden.numel()} set to minus "
        f"infinity; and the shares that softmax makes of them, where each row sums to 100 percent "
        "and what is hidden gets 0. The largest share of each row: "
        f"{_largest(tokens, tokens, shares)}.",
    )


def _largest(rows: Sequence[str], columns: Sequence[str], shares: Tensor) -> str:
    """Returns what gets most in each row of shares in percent, (T, S), and how much."""
    return ", ".join(
        f"for {quoted_token(row)} {share.max():.0f} percent to "
        f"{quoted_token(columns[int(share.argmax())])}"
        for row, share in zip(rows, shares, strict=True)
    )


def _habits(share: Tensor) -> str:
    """Returns where the rows of a causal map, shape (T, T) in percent, look on average."""
    late = share[2:]  # the first two rows have no choice between the first token and the last
    places = {"itself": 0, "the token before": -1}
    parts = [f"{late.diagonal(2 + at).mean():.0f} to {name}" for name, at in places.items()]
    return f"{', '.join(parts)}, {late[:, 0].mean():.0f} to the first token"


def _checked_maps(maps: Tensor, length: int, count: int) -> Tensor:
    """Returns causal maps in percent, (count, length, length); raises ValueError otherwise."""
    if maps.ndim != 3 or maps.size(0) != count or not 1 <= count <= 6 or length < 3:
        raise ValueError(
            f"maps must be 1 to 6, of the shape (P, T, T), with P titles and T tokens, T at least "
            f"3; not {tuple(maps.shape)} with {count} titles and {length} tokens."
        )
    shares = _checked_shares(maps, length, length, "maps")
    if (shares.triu(1) > 0.1).any():
        raise ValueError("maps must be causal: a token can't look at a later one.")
    return shares


def _map_panels(tokens: Sequence[str], count: int) -> tuple[Figure, list[Axes], int, float]:
    """Returns a figure, its panels, how many stand in a row, and the size of the tokens."""
    columns = count if count < 4 else -(-count // 2)
    rows = -(-count // columns)
    names = 0.35 + 0.085 * max(len(visible(token)) for token in tokens)
    side = min(3.2, (WIDTH - names - 0.1) / columns - 0.1)
    figure = new_figure(
        rows * (side + 0.32) + names + 1.1, min(WIDTH, columns * side + names + 0.4)
    )
    figure.set_layout_engine("compressed")  # squares leave gaps in the other one
    panels = axes_grid(figure, rows, columns)
    for axes in panels[count:]:
        axes.set_visible(False)
    return figure, panels, columns, max(5.5, min(10, 72 * side / len(tokens) * 0.85))


def _far_back(shares: Tensor) -> str:
    """Says how many tokens back the maps look on average: shape (P, T, T), in percent."""
    places = torch.arange(shares.size(-1))
    back = (shares / 100 * (places[:, None] - places)).sum(-1).mean(-1)
    ends = dict.fromkeys(f"{far:.1f}" for far in (back.min(), back.max()))
    return f"On average these look {' to '.join(ends)} tokens back"


@styled
def attention_maps(tokens: Sequence[str], maps: Tensor, titles: Sequence[str]) -> Picture:
    """Returns causal attention weights on one sentence, a small map for each head.

    The title says how far back they look.

    Args:
        tokens: T of them, at least 3; rows are queries, columns keys.
        maps: shape (P, T, T), P from 1 to 6; each row sums to one, with nothing on later tokens.
        titles: P of them.

    Raises:
        ValueError: the shapes don't fit each other, or a map is no causal attention.
    """
    count, length = len(titles), len(tokens)
    shares = _checked_maps(maps, length, count)
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    figure, panels, columns, size = _map_panels(tokens, count)
    for i, axes in enumerate(panels[:count]):
        image = _table(axes, shares[i].masked_fill(future, torch.nan), SHARES, 0, 100)
        left, lowest = i % columns == 0, i >= len(panels) - columns
        _token_ticks(axes, tokens if left else (), tokens if lowest else (), size)
        axes.set_title(titles[i], fontsize=10)
        axes.set_xlabel("key: looked at" if lowest else "")
        axes.set_ylabel("query: who looks" if left else "")
    figure.suptitle(_far_back(shares))
    figure.colorbar(image, ax=panels, label="share (%)", location="top", shrink=0.6, aspect=34)
    habits = (f"{title}, {_habits(share)}" for title, share in zip(titles, shares, strict=True))
    return Picture(
        figure,
        f"Maps of attention weights on {''.join(tokens)!r}, rows queries and columns keys, with "
        "the later tokens hatched. Mean share in percent that the third token and those after it "
        f"give: {'; '.join(habits)}.",
    )


@styled
def cross_attention(source: Sequence[str], target: Sequence[str], weights: Tensor) -> Picture:
    """Returns what a decoder reads of the source text while it writes each token.

    Args:
        source: S tokens that are read.
        target: T tokens that are written.
        weights: shape (T, S), or (heads, T, S), of which the mean is drawn; each row sums to one.

    Raises:
        ValueError: the shapes don't fit each other, or the weights are no shares.
    """
    shares = _checked_shares(weights, len(target), len(source), "weights")
    if shares.ndim not in (2, 3):
        raise ValueError(
            f"weights must have two dimensions, (T, S), or three, not {tuple(shares.shape)}."
        )
    over = f", mean of {len(shares)} heads" if shares.ndim == 3 else ""
    shares = shares.mean(dim=0) if shares.ndim == 3 else shares
    largest = shares.amax(dim=1)
    cell = min(0.42, 4.0 / max(shares.shape))
    figure = new_figure(cell * len(target) + 1.0, min(WIDTH, cell * len(source) + 2.4))
    (axes,) = axes_grid(figure, 1, 1)
    image = _table(axes, shares, SHARES, 0, 100)
    size = min(11.0, 72 * cell * 0.42)
    if size > 7:
        _numbers(axes, image, shares.where(shares >= 0.5, torch.nan), "{:.0f}", size)
    _token_ticks(axes, target, source, max(7.0, size))
    axes.set(xlabel="token that is read", ylabel="token that is written")
    axes.set_title(f"One token gets {largest.min():.0f} to {largest.max():.0f} % of each look")
    figure.colorbar(image, label=f"share of attention (%){over}", fraction=0.05, aspect=30)
    return Picture(
        figure,
        f"A map of attention weights{over}: rows are the tokens that are written, columns the "
        f"tokens that are read, {' '.join(source)}. The largest share of each row: "
        f"{_largest(target, source, shares)}.",
    )
