"""Chapter 2: figures of how a generator and a discriminator play."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from torch import Tensor

from .common import LINES
from .drawing import arrow, box, canvas, inset
from .picture import (
    COLORS,
    DIVERGING,
    INK,
    Picture,
    axes_grid,
    check_shares,
    new_figure,
    show_image,
    styled,
)


@styled
def gan_drawing(noise: Tensor, fake: Tensor, real: Tensor) -> Picture:
    """Returns the game as a drawing: who sees what, and which way the gradient takes.

    Args:
        noise: shape (latent_dim,), the first 16 numbers are drawn.
        fake: shape (28, 28), in [0, 1], what the generator makes of it.
        real: shape (28, 28), in [0, 1].
    """
    figure, axes = canvas(3.2, (0, 7.2), (0.14, 3.3))
    column = noise[:16].reshape(-1, 2)
    inset(axes, 0.45, 1.55, column, "noise", cmap=DIVERGING, vmin=-2.5, vmax=2.5)
    inset(axes, 3.4, 1.55, fake, "made image", vmin=0, vmax=1)
    inset(axes, 3.4, 2.78, real, "", vmin=0, vmax=1)
    axes.text(2.82, 2.78, "real image:\nonly the discriminator\nsees it", ha="right", va="center")
    box(axes, 1.85, 1.55, "generator", COLORS["blue"])
    box(axes, 5.15, 2.1, "discriminator", COLORS["purple"])
    axes.text(6.55, 2.1, "real?\nprobability\n0 to 1", ha="center", va="center")
    for start, end in (
        ((0.65, 1.55), (1.15, 1.55)), ((2.55, 1.55), (2.87, 1.55)),
        ((3.93, 1.6), (4.45, 1.95)), ((3.93, 2.73), (4.45, 2.28)), ((5.85, 2.1), (6.1, 2.1)),
    ):  # fmt: skip
        arrow(axes, start, end)
    back: Any = {"color": COLORS["orange"], "linestyle": "--", "linewidth": 2.2}
    axes.plot([5.15, 5.15, 1.85, 1.85], [1.7, 0.5, 0.5, 0.95], **back)
    arrow(axes, (1.85, 0.9), (1.85, 1.17), **{**back, "linestyle": "-"})
    axes.text(
        3.5, 0.42, "gradient: what would look more real?", ha="center", va="top",
        color=COLORS["orange"], fontweight="bold",
    )  # fmt: skip
    return Picture(
        figure,
        "Noise goes into the generator, which makes an image. The made image and a real image go "
        "into the discriminator, which answers with the probability that its image is real. A "
        "dashed arrow leads back from the discriminator to the generator: the gradient. No arrow "
        "leads from the real image to the generator.",
    )


@styled
def number_game(paths: Mapping[str, Tensor]) -> Picture:
    """Returns the ways of a game of two numbers, each in a panel that says where it leads.

    Args:
        paths: name to positions, shape (steps, 2): the generator's point and the discriminator's
            slope. The game would be over at (0, 0).

    Source: Mescheder et al., Which Training Methods for GANs do actually Converge?, 2018.
    """
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


def _densities(axes: Axes, x: Tensor, p_data: Tensor, p_generator: Tensor) -> None:
    """Draws the density of the data and that of the generator, each as a filled curve."""
    for values, color, hatch, label in (
        (p_data, "blue", None, "data"), (p_generator, "orange", "///", "generator"),
    ):  # fmt: skip
        axes.fill_between(
            x, values, hatch=hatch, linewidth=1.4, label=label,
            facecolor=COLORS[color] + "40", edgecolor=COLORS[color],
        )  # fmt: skip


@styled
def optimal_discriminator(
    x: Tensor,
    p_data: Tensor,
    p_generator: Mapping[str, Tensor],
    trained: Mapping[str, Tensor],
) -> Picture:
    """Returns two densities on a line, and below them the best discriminator between them.

    Args:
        x: shape (N,), where the densities are known.
        p_data: shape (N,), density of the data.
        p_generator: name of a stage to the generator's density there, shape (N,).
        trained: name of a stage to the probabilities of a trained discriminator there, shape (N,).

    Raises:
        ValueError: a density is below 0, or both are 0 at one place, where nothing is best.

    Source: Goodfellow et al., Generative Adversarial Nets, 2014, proposition 1.
    """
    for density in (p_data, *p_generator.values()):
        if not ((density >= 0) & (p_data + density > 0)).all():
            raise ValueError("densities must be 0 or more, and at no place both 0.")
    figure = new_figure(4.0)
    axes = axes_grid(figure, 2, len(p_generator), sharex=True, sharey="row")
    told = []
    for i, (name, density) in enumerate(p_generator.items()):
        above, below = axes[i], axes[len(p_generator) + i]
        _densities(above, x, p_data, density)
        best = p_data / (p_data + density)
        below.axhline(0.5, color=COLORS["grey"], linewidth=1, linestyle=":")
        below.plot(x, best, color=INK, label="best: $p/(p + q)$")
        below.plot(x, trained[name], LINES[1], color=COLORS["green"], label="trained")
        above.set(title=name, ylim=(0, None))
        below.set(xlabel="$x$", ylim=(-0.04, 1.04), yticks=(0, 0.5, 1))
        weight = (p_data + density) / (p_data + density).sum()
        error = (weight * (trained[name] - best).abs()).sum()
        told.append(
            f"{name}, from {best.min():.2f} to {best.max():.2f}, and a trained one is "
            f"{error:.3f} from it on average over the samples"
        )
    axes[0].set_ylabel("density")
    axes[len(p_generator)].set_ylabel("discriminator:\nprobability of real")
    axes[0].legend(loc="upper left", fontsize=9)
    axes[len(p_generator)].legend(loc="upper right", fontsize=9)
    return Picture(
        figure,
        "Above, the density of the data and of the generator; below, the best discriminator, "
        f"whose output is: {'; '.join(told)}. Where both densities are equal, it is one half.",
    )


class GameState(NamedTuple):
    """One moment of a game in the plane.

    `real` and `fake` have shape (N, 2); `probability`, shape (n, n), is the discriminator's
    output over a square grid, rows from the lowest y to the highest; `modes` counts the modes
    that the generator covers.
    """

    step: int
    real: Tensor
    fake: Tensor
    probability: Tensor
    modes: int


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
    axes.set(xlim=square[:2], ylim=square[2:])
    axes.set_xlabel(f"{state.modes} of {num_modes} modes", fontweight="bold", labelpad=3)


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
        ValueError: the output of a discriminator isn't probabilities.
    """
    for state in itertools.chain(*runs.values()):
        check_shares("probability", state.probability)
    columns = max(map(len, runs.values()))
    figure = new_figure(0.75 + (6.6 / columns + 0.48) * len(runs))
    axes = axes_grid(figure, len(runs), columns)
    covered, decided = [], []
    for row, (name, states) in enumerate(runs.items()):
        for panel, state in zip(axes[row * columns :], states, strict=False):
            _game_panel(panel, state, reach, num_modes)
            panel.set_title(f"step {state.step:,}", fontsize=10, fontweight="normal", pad=3)
        axes[row * columns].set_ylabel(name, fontweight="bold")
        listed = ", ".join(f"{s.modes} at step {s.step:,}" for s in states)
        sure = 100 * ((states[-1].probability - 0.5).abs() > 0.4).double().mean().item()
        covered.append(f"{name}, {listed}")
        decided.append(f"{name}, {sure:.0f} percent")
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="lower left", markerscale=2, handletextpad=0.1
    )
    scale = ScalarMappable(Normalize(0, 1), PALE)
    bar = figure.colorbar(scale, ax=axes, location="bottom", shrink=0.7, aspect=40, anchor=(1, 0))
    bar.set_ticks([0, 0.5, 1])
    bar.set_label("discriminator: probability of real")
    bar.outline.set_visible(False)
    return Picture(
        figure,
        f"Maps of the discriminator's output with real points in {num_modes} clusters and "
        f"generated points, over the steps. Clusters covered: {'; '.join(covered)}. Share of the "
        f"last map where the output is below 0.1 or above 0.9: {'; '.join(decided)}.",
    )


@styled
def latent_norms(random: Tensor, straight: Tensor, arc: Tensor) -> Picture:
    """Returns the length of latent vectors along two ways between two points, and of random ones.

    The title says whether the straight way leaves the shell on which most random vectors lie.

    Args:
        random: shape (N, latent_dim), random latent vectors.
        straight: shape (T, latent_dim), the vectors along the straight way.
        arc: shape (T, latent_dim), the vectors along the arc.
    """
    norms, linear, spherical = (vectors.norm(dim=1) for vectors in (random, straight, arc))
    figure = new_figure(3.0)
    ways, shell = axes_grid(figure, 1, 2, sharey=True, width_ratios=[2.1, 1])
    low, high = norms.quantile(0.025).item(), norms.quantile(0.975).item()
    ways.axhspan(low, high, color="#EEF2F6", zorder=0)
    ways.annotate("95 % of random vectors", (0.5, high), ha="center", va="bottom", fontsize=9)
    share = np.linspace(0, 1, len(linear))
    for values, line, mark, color, name in (
        (spherical, LINES[0], "o", "blue", "along the arc"),
        (linear, LINES[1], "s", "orange", "along the straight line"),
    ):
        every = max(1, len(linear) // 8)
        ways.plot(share, values, line + mark, color=COLORS[color], markevery=every, label=name)
    ways.set(xlabel="share of the way from one vector to the other", ylabel="length of the vector")
    inside = linear.min() < low
    ways.set_title("The straight way cuts inside" if inside else "The straight way stays outside")
    ways.set_ylim(0, max(high, norms.max().item()) * 1.08)
    ways.legend(loc="lower left")
    shell.hist(norms.numpy(), 40, orientation="horizontal", color=COLORS["grey"])
    shell.set(xlabel="number of vectors", title=f"random, {random.size(1)} dimensions")
    return Picture(
        figure,
        f"95 percent of random vectors of {random.size(1)} dimensions are {low:.1f} to {high:.1f} "
        f"long. On the straight way between two of them the shortest is {linear.min():.1f} long; "
        f"along the arc the length stays between {spherical.min():.1f} and {spherical.max():.1f}.",
    )
