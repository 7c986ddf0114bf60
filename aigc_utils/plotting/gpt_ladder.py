"""Chapter 4: figures of the ladder from counting to a GPT, in bits a character."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from matplotlib.axes import Axes

from ..limits import positive, real
from .picture import COLORS, INK, Picture, axes_grid, new_figure, styled
from .words import counted

Row = Mapping[str, Any]


def _seeds(row: Row) -> list[float]:
    """Returns a row's bits, one for each seed; what is not drawn by chance has one.

    Raises:
        ValueError: the row has no bits, or they are no finite numbers.
    """
    bits = row.get("bits")
    values = [real(each) for each in (bits if isinstance(bits, list | tuple) else [bits])]
    if not values or not all(map(math.isfinite, values)):
        raise ValueError(f"A row needs finite bits, one for each seed, not {bits!r}.")
    return values


def _check_names(rows: Sequence[Row]) -> None:
    names = [row.get("name") for row in rows]
    if not all(names) or len({*names}) != len(names):
        raise ValueError(f"Each row needs a name of its own, and these have {names}.")


def _rising_seconds(rows: Sequence[Row]) -> list[float]:
    seconds = [positive("seconds", row.get("seconds", math.nan)) for row in rows]
    if sorted(set(seconds)) != seconds:
        raise ValueError(f"The rows' seconds must rise, not be {seconds}.")
    return seconds


def _dots(axes: Axes, rows: Sequence[Sequence[float]], first: int, color: str, mark: str) -> None:
    """Draws each row's values as marks with their mean beside them, from the row `first` down."""
    for row, values in enumerate(rows, start=first):
        axes.plot([min(values), max(values)], [row, row], color=color, linewidth=3, alpha=0.4)
        axes.plot(values, [row] * len(values), mark, color=color, markersize=5)
        axes.annotate(
            f"{mean(values):.2f}".replace("-", "−"), (max(values), row), xytext=(7, 0),
            textcoords="offset points", va="center", fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip


def _named_rows(axes: Axes, names: Sequence[str]) -> None:
    """Names the rows at the left, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


@styled
def bits_ladder(
    counting: Sequence[Row], compressors: Sequence[Row], rungs: Sequence[Row], seconds: float
) -> Picture:
    """Returns what a character costs by counting, by compressors, and by each rung of a model.

    Args:
        counting: rows with "name" and "bits", from order 1 up.
        compressors: rows with "name" and "bits".
        rungs: rows with "name" and "bits", a list with a number for each seed.
        seconds: what each rung had to train.

    Raises:
        ValueError: one of the three has no row, a row no name of its own or no finite bits, or the
            seconds are no time.
    """
    positive("seconds", seconds)
    if not (counting and compressors and rungs):
        raise ValueError("bits_ladder needs rows of counting, of compressors and of rungs.")
    _check_names([*counting, *compressors, *rungs])
    groups = (("counting", counting, "grey", "s"), ("compressor", compressors, "orange", "D"))
    figure = new_figure(0.27 * (len(counting) + len(compressors) + len(rungs)) + 1.0)
    (axes,) = axes_grid(figure, 1, 1)
    names: list[str] = []
    for kind, rows, color, mark in (*groups, ("network", rungs, "blue", "o")):
        _dots(axes, [_seeds(row) for row in rows], len(names), COLORS[color], mark)
        plus = "+ " if kind == "network" else f"{kind}, "
        names += [f"{plus if row is not rungs[0] else ''}{row['name']}" for row in rows]
    _named_rows(axes, names)
    best = min(counting, key=lambda row: _seeds(row)[0])
    level, last = _seeds(best)[0], mean(_seeds(rungs[-1]))
    axes.axvline(level, color=COLORS["grey"], linewidth=1, linestyle=":")
    axes.set_xlabel("bits a character on held-back text (lower is better)")
    side = "behind" if last > level else "ahead of"
    axes.set_title(
        f"After {seconds:g} s the full network is {abs(last - level):.2f} bits {side} counting"
    )
    told = [f"{row['name']} {mean(_seeds(row)):.2f}" for row in (*counting, *compressors, *rungs)]
    return Picture(
        figure,
        f"Bits a character in {counted(len(told), 'row')}: {', '.join(told)}. A thin line marks "
        f"the best of counting, {best['name']} with {level:.2f}; the last row stands "
        f"{'to its right' if last > level else 'to its left'}.",
    )


@styled
def overtaking(rows: Sequence[Row], levels: Mapping[str, float]) -> Picture:
    """Returns a model's bits a character over its seconds of training, with levels to pass.

    Args:
        rows: rows with "seconds" and "bits", a list with a number for each seed.
        levels: name to bits; the first is the one that the title speaks of.

    Raises:
        ValueError: there is no row or no level, one is not finite, or the seconds do not rise.
    """
    if not rows or not levels or not all(math.isfinite(real(each)) for each in levels.values()):
        raise ValueError("overtaking needs at least one row and one level, a finite number.")
    seconds = _rising_seconds(rows)
    means = [mean(_seeds(row)) for row in rows]
    figure = new_figure(3.1)
    (axes,) = axes_grid(figure, 1, 1)
    axes.plot(seconds, means, "o-", color=COLORS["blue"])
    for row in rows:
        axes.plot([row["seconds"]] * len(_seeds(row)), _seeds(row), "_", color=INK, markersize=9)
    for name, level in levels.items():
        axes.axhline(level, color=COLORS["grey"], linewidth=1, linestyle=":")
        axes.annotate(
            name, (0.99, level), xycoords=("axes fraction", "data"), xytext=(0, 3),
            textcoords="offset points", ha="right", va="bottom", fontsize=9,
        )  # fmt: skip
    axes.set(xscale="log", xlabel="seconds of training (logarithmic)", ylabel="bits a character")
    axes.set_xticks(seconds, [f"{each:g}" for each in seconds])
    axes.minorticks_off()
    goal, level = next(iter(levels.items()))
    passed = [each for each, bits in zip(seconds, means, strict=True) if bits < level]
    found = f"is past {goal} at {passed[0]:g} s" if passed else f"never passes {goal}"
    axes.set_title(f"The network {found}")
    told = [f"{bits:.2f} at {each:g} seconds" for each, bits in zip(seconds, means, strict=True)]
    across = [f"{name} at {bits:.2f}" for name, bits in levels.items()]
    return Picture(
        figure,
        f"A curve of bits a character over seconds of training: {', '.join(told)}. Lines across: "
        f"{', '.join(across)}. The curve {found.replace(' s', ' seconds')}.",
    )


@styled
def recipe_controls(rows: Sequence[Row]) -> Picture:
    """Returns how many bits each change to a recipe costs, seed by seed.

    Args:
        rows: rows with "name" and "bits", a list with a number for each seed; the first is the
            recipe without a change.

    Raises:
        ValueError: there are fewer than two rows, they differ in their number of seeds, two share
            a name, or one has no finite bits.
    """
    if len(rows) < 2 or len({len(_seeds(row)) for row in rows}) != 1:
        raise ValueError("recipe_controls needs two rows or more, with the same number of seeds.")
    _check_names(rows)
    full, *changed = rows
    costs = {
        row["name"]: [b - a for a, b in zip(_seeds(full), _seeds(row), strict=True)]
        for row in changed
    }
    ordered = sorted(costs, key=lambda name: -mean(costs[name]))
    figure = new_figure(0.3 * len(ordered) + 1.0)
    (axes,) = axes_grid(figure, 1, 1)
    axes.axvline(0, color=COLORS["grey"], linewidth=1, linestyle=":")
    _dots(axes, [costs[name] for name in ordered], 0, COLORS["blue"], "o")
    _named_rows(axes, ordered)
    axes.set_xlabel(f"bits a character more than the {full['name']}")
    axes.set_title(f"What costs most: {ordered[0]}")
    told = [f"{name} {mean(costs[name]):+.2f}" for name in ordered]
    return Picture(
        figure,
        f"What each change costs in bits a character, mean of {len(_seeds(full))} seeds, from the "
        f"most to the least: {', '.join(told)}.",
    )
