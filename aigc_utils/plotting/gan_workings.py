"""Chapter 2: drawings of its networks, the best discriminator, latent space, neighbourhoods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from torch import Tensor

from ..limits import whole
from .common import LINES
from .drawing import arrow, box, canvas, inset
from .picture import (
    COLORS,
    DIVERGING,
    INK,
    Picture,
    axes_grid,
    check_points,
    check_shares,
    new_figure,
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
    figure, axes = canvas(2.95, (0, 7.2), (0.36, 3.3))
    column = noise[:16].reshape(-1, 2)
    inset(axes, 0.45, 1.55, column, "noise", cmap=DIVERGING, vmin=-2.5, vmax=2.5)
    inset(axes, 3.4, 1.55, fake, "generated image", vmin=0, vmax=1)
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
    back: Any = {"color": COLORS["orange"], "linewidth": 2.2}
    for corners in ([(5.15, 1.7), (5.15, 1.3), (3.97, 1.3)], [(2.83, 1.3), (2.6, 1.3)]):
        axes.plot(*zip(*corners, strict=True), linestyle="--", **back)
        arrow(axes, corners[-1], (corners[-1][0] - 0.06, 1.3), **back)
    axes.text(
        3.5, 0.62, "gradient: what would look more real?", ha="center", va="top",
        color=COLORS["orange"], fontweight="bold",
    )  # fmt: skip
    return Picture(
        figure,
        "Noise goes into the generator, which makes an image. The generated image and a real image "
        "go into the discriminator, which answers with the probability that its image is real. "
        "Dashed arrows lead back from the discriminator to the generated image, and from there to "
        "the generator: the gradient. No arrow leads from the real image to the generator.",
    )


@styled
def conditional_drawing(noise: Tensor, image: Tensor, digit: int) -> Picture:
    """Returns how a label enters both players, and how cells become pixels.

    Args:
        noise: shape (latent_dim,), the first 16 numbers are drawn.
        image: shape (28, 28), in [0, 1], what the generator makes of both.
        digit: the label, 0 to 9.

    Raises:
        ValueError: the image or the label is something else.

    Sources: Miyato and Koyama, cGANs with Projection Discriminator, 2018; Shi et al., Real-Time
    Single Image and Video Super-Resolution, 2016.
    """
    check_shares("image", image, 28, 28)
    whole("digit", digit, 0, 9)
    figure, axes = canvas(3.2, (0, 7.2), (0.0, 3.2))
    column = noise[:16].reshape(-1, 2)
    inset(axes, 0.4, 2.4, column, "noise", cmap=DIVERGING, vmin=-2.5, vmax=2.5)
    box(axes, 1.9, 2.4, "generator", COLORS["blue"])
    inset(axes, 3.5, 2.4, image, "image", vmin=0, vmax=1)
    box(axes, 5.05, 2.4, "features", COLORS["purple"])
    label = f"label {digit}:\nits numbers"
    for x, sign in ((1.9, "+"), (5.05, "inner product")):
        axes.text(x, 1.42, label, ha="center", va="top", fontweight="bold")
        arrow(axes, (x, 1.46), (x, 2.02))
        axes.text(x + 0.1, 1.74, sign, va="center")
    axes.text(6.68, 2.4, "logit:\na real\n" + f"{digit}?", ha="center", va="center")
    for start, end in ((0.6, 1.2), (2.6, 2.97), (4.03, 4.35), (5.75, 6.3)):
        arrow(axes, (start, 2.4), (end, 2.4))
    shade: Any = {"vmin": -6, "vmax": 15}
    inset(axes, 1.55, 0.46, torch.arange(16.0).view(16, 1), "", **shade)
    arrow(axes, (1.75, 0.46), (2.95, 0.46))
    axes.text(2.35, 0.53, "pixel shuffle", ha="center", va="bottom")
    inset(axes, 3.5, 0.46, torch.arange(16.0).view(4, 4), "", **shade)
    axes.text(1.4, 0.46, "the 16 numbers\nof one cell", ha="right", va="center")
    axes.text(4.1, 0.46, "its 4 by 4 pixels", va="center")
    return Picture(
        figure,
        f"Noise and the numbers of label {digit} are added and go into the generator, which makes "
        "an image. The image's features go into an inner product with other numbers of the label, "
        f"which gives the logit of a real {digit}. Below, the pixel shuffle lays out a column of "
        "16 numbers as 4 rows of 4 pixels.",
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


def _discriminators(axes: Axes, x: Tensor, best: Tensor, trained: Tensor) -> None:
    """Draws the probabilities that the best discriminator and a trained one give."""
    axes.axhline(0.5, color=COLORS["grey"], linewidth=1, linestyle=":")
    axes.plot(x, best, color=INK, label="best: $p/(p + q)$")
    axes.plot(x, trained, LINES[1], color=COLORS["green"], label="trained")
    axes.set(xlabel="$x$", ylim=(-0.04, 1.04), yticks=(0, 0.5, 1))


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
    figure = new_figure(4.3)
    axes = axes_grid(figure, 2, len(p_generator), sharex=True, sharey="row")
    told, errors = [], []
    for i, (name, density) in enumerate(p_generator.items()):
        above, below = axes[i], axes[len(p_generator) + i]
        _densities(above, x, p_data, density)
        best = p_data / (p_data + density)
        _discriminators(below, x, best, trained[name])
        above.set(title=name, ylim=(0, None))
        weight = (p_data + density) / (p_data + density).sum()
        errors.append((weight * (trained[name] - best).abs()).sum().item())
        told.append(
            f"{name}, from {best.min():.2f} to {best.max():.2f}, and a trained one is "
            f"{errors[-1]:.3f} from it on average over the samples"
        )
    figure.suptitle(
        f"Trained discriminators lie at most {max(errors):.3f} from the best on average"
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


def _reach(points: Tensor, k: int) -> Tensor:
    """Returns each point's distance to its k-th nearest neighbour among the others, (N,)."""
    return torch.cdist(points, points).kthvalue(k + 1, dim=1).values


@styled
def neighbourhoods(real: Tensor, fake: Tensor, k: int) -> Picture:
    """Returns precision and recall in the plane: whose neighbourhoods hold whose points.

    The titles count those within.

    Args:
        real: real points, shape (N, 2), N above k.
        fake: generated points, shape (M, 2), M above k.
        k: a neighbourhood reaches to the k-th nearest neighbour in the point's own set, at least 1.

    Raises:
        ValueError: there are too few points, or what is no points of the plane.

    Source: Kynkäänniemi et al., Improved Precision and Recall Metric, 2019.
    """
    for name, points in (("real", real), ("fake", fake)):
        check_points(name, points)
    whole("k", k, 1, min(len(real), len(fake)) - 1)
    figure = new_figure(3.4)
    panels = axes_grid(figure, 1, 2, sharex=True, sharey=True)
    sets = {"real": (real, "o", "blue"), "generated": (fake, "X", "orange")}
    told = []
    for axes, own, other, measure in (
        (panels[0], "real", "generated", "precision"),
        (panels[1], "generated", "real", "recall"),
    ):
        centres, tried = sets[own][0], sets[other][0]
        reach = _reach(centres, k)
        for centre, radius in zip(centres.tolist(), reach.tolist(), strict=True):
            color = COLORS[sets[own][2]]
            axes.add_patch(Circle(centre, radius, facecolor=color + "18", edgecolor=color + "80"))
        for name, (points, mark, color) in sets.items():
            axes.plot(*points.T, mark, color=COLORS[color], markersize=6, label=name)
        within = int((torch.cdist(tried, centres) < reach).any(1).sum())
        found = f"{within} of {len(tried)} {other} points"
        axes.set(aspect="equal", title=f"{measure}: {found}\nin {own} neighbourhoods")
        axes.set(xticks=[], yticks=[], xlabel="feature 1", ylabel="feature 2")
        told.append(f"{measure}: {found} lie in {own} neighbourhoods")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return Picture(
        figure,
        f"{len(real)} real and {len(fake)} generated points in the plane, twice, with a circle "
        f"around each real point, and then around each generated one. {'; '.join(told)}.",
    )
