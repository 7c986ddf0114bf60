"""Chapter 3: figures of codes and of the priors that they are drawn from."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from .common import LINES, image_rows
from .picture import COLORS, INK, Picture, Values, axes_grid, check_few, new_figure, styled
from .vae_results import SHOWN
from .words import number

#: Colour and marker of each source of codes, so that they differ without colour too.
LOOKS = (("orange", "s"), ("purple", "^"), ("blue", "o"), ("green", "D"), ("grey", "v"))


@styled
def bayes_bells(z: Tensor, prior: Tensor, likelihood: Tensor, posterior: Tensor) -> Picture:
    """Returns the three functions of Bayes' rule over the latent: two factors and their product.

    Args:
        z: shape (N,), rising.
        prior: shape (N,), the density p(z).
        likelihood: shape (N,), the density p(x | z) of one x.
        posterior: shape (N,), the density p(z | x).
    """
    figure = new_figure(2.8)
    (axes,) = axes_grid(figure, 1, 1)
    bells = {"prior p(z)": prior, "likelihood p(x | z)": likelihood}
    bells["posterior p(z | x)"] = posterior
    told = []
    for (name, height), (color, _), line in zip(bells.items(), LOOKS, LINES, strict=False):
        axes.plot(z, height, line, color=COLORS[color], label=name)
        peak = int(height.argmax())
        told.append(f"the {name} is highest at {z[peak]:z.2f}, with {height[peak]:.2f}")
    axes.fill_between(z, posterior, color=COLORS["blue"], alpha=0.12, linewidth=0)
    axes.set(xlabel="z", ylabel="density", ylim=(0, None))
    peaks = [float(z[int(height.argmax())]) for height in bells.values()]
    between = min(peaks[:2]) < peaks[2] < max(peaks[:2])
    axes.set_title(
        "The posterior lies between prior and likelihood" if between else "Bayes' rule at one x"
    )
    axes.legend()
    return Picture(figure, f"Three bells over the latent z: {'; '.join(told)}.")


@styled
def decoded_codes(
    images: Mapping[str, Tensor], distances: Mapping[str, tuple[float, float]]
) -> Picture:
    """Returns images decoded from codes of several sources, with each set's Fréchet distance.

    Args:
        images: name of a source to some of its images, shape (N, 1, 28, 28), uint8.
        distances: name of a source to the Fréchet distance of its whole set and its standard
            error.

    Raises:
        ValueError: there are not at least two sources, or one has no distance.
    """
    if len(images) < 2 or not images.keys() <= distances.keys():
        raise ValueError("give at least two sources of images, each with its distance.")
    ordered = sorted(images, key=lambda name: distances[name][0])
    rows = {"{}\n{:.1f} ± {:.1f}".format(name, *distances[name]): name for name in ordered}
    last, before = ordered[-1], ordered[-2]
    ratio = distances[last][0] / distances[before][0]
    told = "; ".join(f"{name}, {distances[name][0]:.1f}" for name in ordered)
    return image_rows(
        {label: images[name] for label, name in rows.items()},
        title=f"{last}: {_rounded(ratio)} times as far from real images as {before}",
        alt="Digits in rows, ordered by the Fréchet distance of the set that they come from: "
        f"{told}.",
    )


@styled
def prior_maps(
    codes: Tensor, densities: Mapping[str, Tensor], nats: Mapping[str, float], reach: float
) -> Picture:
    """Returns the densities of several priors over a plane, with codes of real images on them.

    Args:
        codes: shape (N, 2).
        densities: name of a prior to its density, shape (R, R), over the square from -reach to
            reach, rows from the lowest y to the highest.
        nats: name of a prior to the mean log-density that it gives to the codes.
        reach: half the side of the square.
    """
    figure = new_figure(1.0 + 6.6 / len(densities))
    panels = axes_grid(figure, 1, len(densities), sharey=True)
    for axes, (name, density) in zip(panels, densities.items(), strict=True):
        side = torch.linspace(-reach, reach, density.size(0))
        axes.contourf(side, side, density, levels=8, cmap="Blues", alpha=0.9)
        x, y = codes[:SHOWN].T
        axes.scatter(x, y, 3, COLORS["orange"], alpha=0.35, linewidths=0)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="$z_1$")
        axes.set_title(f"{name}: {nats[name]:.2f} nats a code".replace("-", "−"))
    panels[0].set_ylabel("$z_2$")
    best, worst = max(nats, key=lambda n: nats[n]), min(nats, key=lambda n: nats[n])
    saved = nats[best] - nats[worst]
    figure.suptitle(f"The {best} fits the codes better by {saved:.2f} nats")
    told = "; ".join(f"{name}, {value:.2f} nats" for name, value in nats.items())
    return Picture(
        figure,
        "Maps of the densities from which codes are drawn, darker where denser, with codes of "
        f"real images as dots. Mean log-density of the codes: {told}.",
    )


@styled
def fitted_priors(arms: Mapping[str, Mapping[str, Values]], floor: float) -> Picture:
    """Returns how near to real images the samples of several models come, by source of the codes.

    Args:
        arms: name of a model to the name of a source to its Fréchet distances, one a seed.
        floor: the distance of other real images.

    Raises:
        ValueError: there are no models, or not 2 to 5 sources.
    """
    check_few(arms, 9, "models")
    sources = list(next(iter(arms.values())))
    check_few(sources[1:], len(LOOKS) - 1, "sources beside the first")
    figure = new_figure(3.6)
    (axes,) = axes_grid(figure, 1, 1)
    for place, (source, (color, mark)) in enumerate(zip(sources, LOOKS, strict=False)):
        shift = 0.13 * (place - (len(sources) - 1) / 2)
        look: Any = {"color": COLORS[color], "alpha": 0.75, "linestyle": "none"}
        for at, arm in enumerate(arms.values()):
            label = source if at == 0 else None
            axes.plot([at + shift] * len(arm[source]), arm[source], mark, label=label, **look)
    axes.axhline(floor, color=INK, linewidth=1.2, linestyle="--", label="other real images")
    axes.set(yscale="log", xlabel="trained with", ylabel="Fréchet distance (logarithmic)")
    axes.set_xticks(range(len(arms)), list(arms))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(axis="x", visible=False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    means = {a: {s: statistics.mean(v) for s, v in arm.items()} for a, arm in arms.items()}
    axes.set_title(_verdict(means, sources[0], sources[-2]))
    told = "; ".join(
        f"{a}: " + ", ".join(f"{s} {number(v)}" for s, v in arm.items()) for a, arm in means.items()
    )
    return Picture(
        figure,
        f"Marks of the Fréchet distance for each seed, above a line at {number(floor)} for other "
        f"real images. Means over the seeds, {told}.",
    )


def _verdict(means: Mapping[str, Mapping[str, float]], first: str, fitted: str) -> str:
    """Returns what the distances say about a fitted source beside the first one."""
    ratios = [row[first] / row[fitted] for row in means.values()]
    if min(ratios) > 1:
        low, high = _rounded(min(ratios)), _rounded(max(ratios))
        return f"The {first}'s samples are {low} to {high} times as far as the {fitted}'s"
    nearer = sum(ratio > 1 for ratio in ratios)
    return f"The {fitted} is nearer than the {first} for {nearer} of {len(means)} models"


def _rounded(ratio: float) -> str:
    """Returns a ratio without the digits that a standard error of some percent makes void."""
    return f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:.0f}"


@styled
def rate_distortion(
    betas: Sequence[float], rates: Sequence[Values], distortions: Sequence[Values]
) -> Picture:
    """Returns what models pay in rate for less distortion, a mark for each beta and seed.

    Args:
        betas: weights of the KL, 1 among them.
        rates: mean KL in nats, for each beta one a seed.
        distortions: mean reconstruction loss in nats, likewise.

    Raises:
        ValueError: 1 is not among the betas.

    Source: Alemi et al., Fixing a Broken ELBO, 2018, figure 1.
    """
    if 1 not in betas:
        raise ValueError("betas must contain 1: the line of the same ELBO goes through its point.")
    figure = new_figure(3.8)
    (axes,) = axes_grid(figure, 1, 1)
    across, up = ([statistics.mean(v) for v in values] for values in (rates, distortions))
    at = list(betas).index(1)
    _same_sum(axes, across[at] + up[at], min(across), 0.02 * (max(up) - min(up)))
    axes.plot(across, up, "-", color=COLORS["blue"])
    told = []
    for i, beta in enumerate(betas):
        color, mark = (COLORS["orange"], "D") if i == at else (COLORS["blue"], "o")
        axes.plot(rates[i], distortions[i], mark, color=color, markersize=6, clip_on=False)
        total = across[i] + up[i]
        axes.annotate(
            f"β = {beta:g}: {total:.1f} in all", (across[i], up[i]), xytext=(8, 6),
            textcoords="offset points", color=color if i == at else INK,
        )  # fmt: skip
        told.append(f"beta {beta:g}, {across[i]:.1f} and {up[i]:.1f}, in all {total:.1f}")
    axes.margins(0.12)
    axes.set_xlim(0, 1.3 * max(across))  # room for the last label
    axes.set(xlabel="rate: KL (nats)", ylabel="distortion: reconstruction loss (nats)")
    sums = [rate + distortion for rate, distortion in zip(across, up, strict=True)]
    least = betas[sums.index(min(sums))]
    axes.set_title(f"The sum of rate and distortion is least at β = {least:g}")
    return Picture(
        figure,
        "Distortion over rate, a mark for each beta and seed, with a dashed line of the slope "
        f"minus one through beta 1. Means of rate and distortion: {'; '.join(told)}.",
    )


def _same_sum(axes: Axes, total: float, left: float, drop: float) -> None:
    """Draws the line on which rate and distortion have one sum, with its name at the left end."""
    axes.axline((0, total), slope=-1, color=COLORS["grey"], linewidth=1, linestyle="--")
    axes.text(
        left, total - left - drop, "same ELBO", color=COLORS["grey"], rotation=-45, va="top",
        rotation_mode="anchor", transform_rotates_text=True,
    )  # fmt: skip


@styled
def means_and_draws(
    images: Tensor, means: Tensor, draws: Tensor, grey: Mapping[str, float]
) -> Picture:
    """Returns images, the decoder's means for them, and pixels drawn with those as chances.

    Args:
        images: shape (N, 1, 28, 28), in [0, 1].
        means: the decoder's mean images, likewise.
        draws: zeros and ones drawn from them, likewise.
        grey: name of each of the three to its share of grey pixels, in percent, over a whole set.
    """
    rows = dict(zip(grey, (images, means, draws), strict=True))
    told = ", ".join(f"{name} {share:.1f} percent" for name, share in grey.items())
    most = max(grey, key=lambda name: grey[name])
    return image_rows(
        {f"{name}\n{grey[name]:.1f} % grey": row for name, row in rows.items()},
        title=f"The most grey stands in the {most}",
        alt="Digits; soft copies of them; speckled copies in pure black and white. Grey pixels: "
        f"{told}.",
    )
