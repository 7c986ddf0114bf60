"""Chapter 4: figures of tokens and of what a language model says comes next."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from .gpt_attention import HIDDEN
from .picture import COLORS, INK, WIDTH, Picture, axes_grid, new_figure, picture_axes, styled
from .tokens import MONOSPACED, quoted_token, visible

#: The colours of a text's tokens, in turn: pale blue, orange, green, purple.
TINTS = ("#CFE5F3", "#F9DCC8", "#CBEBDF", "#EFD3EC")
#: The width of a letter of DejaVu Sans Mono, in sizes of the font.
LETTER = 0.602


def _percent(share: float) -> str:
    """Returns a share in percent as the bars and their text say it: what is not 0 is not "0"."""
    return "<1" if 0 < share < 0.5 else f"{share:.0f}"


def _checked_next(tokens: Sequence[str], shares: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns shares of next tokens, float64; raises ValueError where they are no such."""
    if not shares or not tokens:
        raise ValueError("next_token_bars needs at least one setting and one token.")
    values = {name: share.detach().cpu().double() for name, share in shares.items()}
    for name, share in values.items():
        if share.shape != (len(tokens),) or not ((share >= 0).all() and share.sum() < 1.001):
            raise ValueError(
                f"{name!r} must give each of {len(tokens)} tokens a probability, and together at "
                f"most one, not {tuple(share.shape)} that sum to {share.sum():.3g}."
            )
    return values


def _next_bars(axes: Axes, name: str, bars: Sequence[float], end: float) -> None:
    """Draws shares in percent from the top down, the last one that of all others."""
    colors = [COLORS["blue"]] * (len(bars) - 1) + [COLORS["grey"]]
    axes.barh(range(len(bars)), bars, 0.74, color=colors)
    for row, value in enumerate(bars):
        gone = value == 0
        if gone:
            axes.barh(row, end, 0.74, **HIDDEN)
        axes.annotate(
            "cut" if gone else _percent(value), (value, row), xytext=(4, 0),
            textcoords="offset points", va="center",
            color=COLORS["grey"] if gone else INK, fontsize=9,
        )  # fmt: skip
    axes.set(xlim=(0, end), xlabel="share (%)")
    axes.set_title(name, fontsize=10)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def _told_next(name: str, tokens: Sequence[str], bars: Sequence[float]) -> str:
    """Says which token gets most, how many are cut off, and what is left to all others."""
    shares = bars[:-1]
    gone = sum(share == 0 for share in shares)
    cut = f"{gone} of {len(tokens)} cut off, " if gone else ""
    best = max(range(len(shares)), key=shares.__getitem__)
    return (
        f"{name}, {quoted_token(tokens[best])} with {_percent(shares[best])} percent, {cut}"
        f"{_percent(bars[-1])} percent to all others"
    ).replace("<", "under ")


@styled
def next_token_bars(tokens: Sequence[str], shares: Mapping[str, Tensor]) -> Picture:
    """Returns how likely the same next tokens are under several settings, one panel for each.

    Args:
        tokens: N of them, from the likeliest down.
        shares: name of a setting to the tokens' probabilities in [0, 1], shape (N,); zero is
            drawn as cut off, and the rest up to one stands in a last row.

    Raises:
        ValueError: there is nothing to draw, a shape is not (N,), or they are no probabilities.
    """
    rows = {}
    for name, share in _checked_next(tokens, shares).items():
        rest = 1 - min(1.0, round(share.sum().item(), 5))
        rows[name] = [*(100 * share).tolist(), 100 * rest]
    figure = new_figure(0.27 * len(tokens) + 1.55)
    panels = axes_grid(figure, 1, len(rows), sharex=True, sharey=True)
    best = sorted(max(bars[:-1]) for bars in rows.values())
    told = map(_percent, (best[0], best[-1]))
    figure.suptitle(f"The likeliest of these gets {' to '.join(dict.fromkeys(told))} %")
    for axes, (name, bars) in zip(panels, rows.items(), strict=True):
        _next_bars(axes, name, bars, 1.26 * max(map(max, rows.values())))
    names = [*(visible(token) for token in tokens), "all others"]
    panels[0].set_yticks(range(len(names)), names, parse_math=False)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    panels[0].set_ylabel("next token")
    return Picture(
        figure,
        f"Bars of the shares of {len(tokens)} next tokens, from {quoted_token(tokens[0])} to "
        f"{quoted_token(tokens[-1])}, and of all others: "
        f"{'; '.join(_told_next(name, tokens, bars) for name, bars in rows.items())}.",
    )


@styled
def token_lengths(rates: Mapping[str, Mapping[str, float]]) -> Picture:
    """Returns how many tokens a character costs, as bars of each tokenizer for each text.

    Args:
        rates: name of a tokenizer to name of a text to tokens per character, positive.

    Raises:
        ValueError: there are not 1 to 4 tokenizers, or they do not all have the same texts.
    """
    if not 1 <= len(rates) <= 4:
        raise ValueError(f"token_lengths takes 1 to 4 tokenizers, not {len(rates)}.")
    texts = list(next(iter(rates.values())))
    if any(list(rate) != texts for rate in rates.values()):
        raise ValueError("each tokenizer must have a rate for the same texts, in one order.")
    figure = new_figure(2.9, 5.6)
    (axes,) = axes_grid(figure, 1, 1)
    width = 0.84 / len(rates)
    looks = zip(("grey", "blue", "orange", "green"), (None, "....", "////", "xx"), strict=True)
    for i, ((name, rate), (color, hatch)) in enumerate(zip(rates.items(), looks, strict=False)):
        places = np.arange(len(texts)) + width * (i - (len(rates) - 1) / 2)
        bars = axes.bar(
            places, list(rate.values()), 0.88 * width, hatch=hatch, label=name,
            facecolor=COLORS[color] + "66", edgecolor=COLORS[color],
        )  # fmt: skip
        axes.bar_label(bars, fmt="{:.2f}", padding=2, fontsize=10)
    axes.set(ylabel="tokens per character", xticks=range(len(texts)))
    axes.set_xticklabels([f"{text} text" for text in texts], fontsize=11)
    costs = [cost for rate in rates.values() for cost in rate.values()]
    axes.set_title(f"A character costs {min(costs):.2f} to {max(costs):.2f} tokens")
    axes.grid(axis="x", visible=False)
    axes.margins(y=0.12)
    figure.legend(loc="outside lower center", ncols=len(rates))
    parts = (
        f"{name}, {', '.join(f'{value:.2f} for {text}' for text, value in rate.items())}"
        for name, rate in rates.items()
    )
    return Picture(figure, f"Bars of tokens per character: {'; '.join(parts)}.")


def _places(widths: Sequence[float], room: float) -> list[tuple[float, int]]:
    """Returns where each box begins and on which line, where boxes of these widths fill lines."""
    places, left, line = [], 0.0, 0
    for width in widths:
        if left > 0 and left + width > room:
            left, line = 0.0, line + 1
        places.append((left, line))
        left += width
    return places


@styled
def token_strip(pieces: Sequence[str]) -> Picture:
    """Returns a text cut into its tokens, each in a box of its own.

    Args:
        pieces: the tokens in their order; together they are the text.

    Raises:
        ValueError: there is no token, or an empty one.
    """
    if not pieces or not all(pieces):
        raise ValueError("pieces must hold at least one token, and no empty one.")
    size, line, pad, gap = 13, 0.4, 0.06, 0.045
    texts = [visible(piece, limit=48) for piece in pieces]
    widths = [LETTER * size / 72 * len(text) + 2 * pad + gap for text in texts]
    room = WIDTH - 0.12
    lines = _places(widths, room)[-1][1] + 1
    figure = new_figure(line * lines + 0.35)
    (axes,) = axes_grid(figure, 1, 1)
    picture_axes(axes).spines[:].set_visible(False)
    axes.set(xlim=(-0.02, room), ylim=(line * lines, 0), aspect="equal")
    look: Any = {"boxstyle": "round,pad=0,rounding_size=0.06", "edgecolor": "#8A97A6"}
    boxes = zip(texts, widths, _places(widths, room), itertools.cycle(TINTS), strict=False)
    for text, width, (left, row), tint in boxes:
        corner, wide = (left, line * row + 0.035), width - gap
        axes.add_patch(FancyBboxPatch(corner, wide, line - 0.07, facecolor=tint, **look))
        axes.text(
            left + wide / 2, line * (row + 0.5), text, ha="center", va="center",
            fontsize=size, family=MONOSPACED, parse_math=False,
        )  # fmt: skip
    characters = sum(map(len, pieces))
    axes.set_xlabel(f"{characters} characters in {len(pieces)} tokens;  ␣ is a space")
    return Picture(
        figure,
        f"A text of {characters} characters in {len(pieces)} tokens, each in a box of its own: "
        f"{' '.join(map(quoted_token, pieces))}.",
    )
