"""Chapter 2: figures of a game that one can watch: with two numbers, and in the plane."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from ..data import check_number, check_same_shape
from ..limits import whole
from .picture import (
    COLORS,
    DIVERGING,
    INK,
    Picture,
    axes_grid,
    check_few,
    check_points,
    check_shares,
    new_figure,
    show_image,
    styled,
)


@styled
def number_game(paths: Mapping[str, Tensor]) -> Picture:
    """Returns the ways of a game of two numbers, each in a panel that says where it leads.

    Args:
        paths: name to positions, shape (steps, 2): the generator's point and the discriminator's
            slope. The game would be over at (0, 0).

    Raises:
        ValueError: there are not 1 to 4 paths, or one has positions of another shape or not finite.

    Source: Mescheder et al., Which Training Methods for GANs do actually Converge?, 2018.
    """
    check_few(paths, 4, "paths")
    for name, path in paths.items():
        check_points(name, path)
    figure = new_figure(2.5)
    panels = axes_grid(figure, 1, len(paths), sharex=True, sharey=True)
    told = []
    for axes, (name, path) in zip(panels, paths.items(), strict=True):
        first, last = (path[i].norm().item() for i in (0, -1))
        way = "leads in" if last < 0.9 * first else "leads out" if last > 1.1 * first else "circles"
        axes.plot(*path.T, color=COLORS["blue"], linewidth=1.4)
        axes.plot(*path[0], "o", color=INK, markersize=6, label="start")
        axes.plot(*path[-1], "s", color=COLORS["orange"], markersize=6, label="end")
        axes.plot(0, 0, "+", color=INK, markersize=10, markeredgewidth=2, label="game over")
        axes.set(aspect="equal", title=f"{name}:\n{way}", xlabel=r"point $\theta$")
        told.append(f"{name}, it {way}, from {first:.2f} to {last:.2f}")
    panels[0].set_ylabel(r"slope $\psi$")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9
    )
    return Picture(
        figure,
        "Ways of the generator's point and the discriminator's slope around the centre, where the "
        f"game is over, with the distance from it at start and end: {'; '.join(told)}.",
    )


class GameState(NamedTuple):
    """One moment of a game in the plane.

    `real` and `fake` have shape (N, 2); `probability`, shape (n, n), is the discriminator's
    output over a square grid, rows from the lowest y to the highest; `modes` counts the modes
    that the generator covers, and `share`, in [0, 1], is the share of its points that lie on one;
    `pull`, shape (N, 2), says where and how strongly its loss pulls each of its points.
    """

    step: int
    real: Tensor
    fake: Tensor
    probability: Tensor
    modes: int
    share: float
    pull: Tensor


#: Generated points whose pull is drawn, and the length of an arrow in halves of the square's side:
#: the directions tell the story, and the lengths differ by orders of magnitude.
NUM_ARROWS, ARROW = 25, 0.3
#: Without the darkest ends, so that marks stand out; in 21 steps, which show like contours.
PALE = LinearSegmentedColormap.from_list(
    "pale", mpl.colormaps[DIVERGING](np.linspace(0.2, 0.8, 15)), N=21
)


def _game_panel(axes: Axes, state: GameState, reach: float, num_modes: int) -> None:
    """Draws the discriminator's map with real and generated points, and counts the modes."""
    square = (-reach, reach, -reach, reach)
    show_image(
        axes, state.probability, origin="lower", extent=square, cmap=PALE, vmin=0, vmax=1,
        interpolation="bilinear",
    )  # fmt: skip
    style: Any = {"color": COLORS["blue"], "markersize": 3.5, "markeredgewidth": 0.8}
    axes.plot(*state.fake.T, "x", label="generated", **style)
    axes.plot(*state.real.T, ".", color=INK, markersize=2, label="real")
    chosen = slice(0, None, max(1, len(state.fake) // NUM_ARROWS))
    arrows = ARROW * reach * F.normalize(state.pull[chosen], dim=1)
    axes.quiver(
        *state.fake[chosen].T, *arrows.T, angles="xy", scale_units="xy", scale=1,
        color=COLORS["orange"], width=0.014, headwidth=4, label="pull",
    )  # fmt: skip
    axes.set(xlim=square[:2], ylim=square[2:])
    found = f"{state.modes} of {num_modes} modes,\n{100 * state.share:.0f} % of points"
    axes.set_xlabel(found, fontsize=9, labelpad=3)


def one_way(pull: Tensor) -> float:
    """Returns how far pulls, shape (N, 2), point the same way: 1 if all do, 0 if they cancel.

    It is the length of the mean of their directions; lengths play no part.

    Raises:
        ValueError: there is no pull, or one is not finite.
    """
    check_points("pull", pull)
    length: float = F.normalize(pull, dim=1).mean(0).norm().item()
    return length


def _told(name: str, state: GameState) -> str:
    """Returns what the map of one moment shows, in words."""
    sure = 100 * ((state.probability - 0.5).abs() > 0.4).double().mean().item()
    return (
        f"{name}, {100 * state.share:.0f} percent of the points on clusters, the output below 0.1 "
        f"or above 0.9 on {sure:.0f} percent of the map, and directions of the pulls with a mean "
        f"of length {one_way(state.pull):.2f}"
    )


def _check_state(state: GameState, num_modes: int) -> None:
    check_shares("probability", state.probability)
    if state.probability.ndim != 2 or state.probability.size(0) != state.probability.size(1):
        raise ValueError(f"probability must be square, not {tuple(state.probability.shape)}.")
    check_number("share", state.share, most=1)
    whole("modes", state.modes, 0, num_modes)
    for name in ("real", "fake", "pull"):
        check_points(name, getattr(state, name))
    check_same_shape(fake=state.fake, pull=state.pull)


def _game_keys(figure: Figure, axes: Sequence[Axes]) -> None:
    """Says below the maps what points and colours mean."""
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="lower left", markerscale=2, handletextpad=0.1
    )
    scale = ScalarMappable(Normalize(0, 1), PALE)
    bar = figure.colorbar(scale, ax=axes, location="bottom", shrink=0.7, aspect=40, anchor=(1, 0))
    bar.set_ticks([0, 0.5, 1])
    bar.set_label("discriminator: probability of real")
    bar.outline.set_visible(False)


@styled
def game_maps(
    runs: Mapping[str, Sequence[GameState]], *, reach: float = 3.0, num_modes: int = 8
) -> Picture:
    """Returns a game in the plane over time, one row of maps for each run.

    Args:
        runs: name to moments; all runs have the same number of them.
        reach: half the side of the square that is shown, and that `probability` covers.
        num_modes: number of modes of the data.

    Raises:
        ValueError: the runs have no moment or differ in how many, the output of a discriminator
            isn't probabilities over a square grid, points or pulls are something else, a pull
            stands not with each point, or a count or share lies out of its range.
    """
    columns = max(map(len, runs.values()), default=0)
    if columns == 0 or any(len(states) != columns for states in runs.values()):
        raise ValueError("give at least one run, all with equally many moments, at least one.")
    for state in itertools.chain(*runs.values()):
        _check_state(state, num_modes)
    figure = new_figure(1.05 + (6.6 / columns + 0.62) * len(runs))
    axes = axes_grid(figure, len(runs), columns)
    last = ", ".join(f"{name} covers {states[-1].modes}" for name, states in runs.items())
    figure.suptitle(f"Of {num_modes} clusters, in the end {last}")
    covered, ends = [], []
    for row, (name, states) in enumerate(runs.items()):
        for panel, state in zip(axes[row * columns :], states, strict=False):
            _game_panel(panel, state, reach, num_modes)
            panel.set_title(f"step {state.step:,}", fontsize=10, fontweight="normal", pad=3)
        axes[row * columns].set_ylabel(name, fontweight="bold")
        listed = ", ".join(f"{s.modes} at step {s.step:,}" for s in states)
        covered.append(f"{name}, {listed}")
        ends.append(_told(name, states[-1]))
    _game_keys(figure, axes)
    return Picture(
        figure,
        f"Maps of the discriminator's output with real points in {num_modes} clusters and "
        f"generated points, and arrows of the pull on these, over the steps. Clusters covered: "
        f"{'; '.join(covered)}. In the last maps: {'; '.join(ends)}.",
    )
