"""Chapter 3: figures of how a variational autoencoder works."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from .common import LINES
from .drawing import arrow, box, canvas, inset
from .picture import COLORS, INK, Picture, Values, axes_grid, check_few, new_figure, styled
from .words import course

#: The look of a note on a loss.
NOTE: Any = {"color": COLORS["orange"], "fontweight": "bold", "ha": "center"}
#: The place of a text below what it names.
BELOW: Any = {"ha": "center", "va": "top"}
#: The look of the line that leads from an image to what it is compared with.
DASHED: Any = {"color": COLORS["orange"], "linestyle": "--", "linewidth": 2.2}


def _bell(x: Tensor, mean: float, std: float) -> Tensor:
    """Returns the density of a Gaussian at `x`, in its shape."""
    return (-(((x - mean) / std) ** 2) / 2).exp() / (std * math.sqrt(2 * math.pi))


def _bells(axes: Axes, left: float, bottom: float, mean: float, std: float) -> None:
    """Draws N(mean, std²) and the prior N(0, 1) in a frame of 1.4 by 1, and the pull between."""
    reach = max(3.0, abs(mean) + 3 * std)
    x = torch.linspace(-reach, reach, 481)
    q, prior = _bell(x, mean, std), _bell(x, 0.0, 1.0)
    raised = max(1.0, 0.4 * (q.max() / prior.max()).item())  # beside a needle it would be flat
    prior *= raised
    frame = axes.inset_axes((left, bottom, 1.4, 1.0), transform=axes.transData)
    frame.set_axis_off()
    frame.fill_between(x, q, facecolor=COLORS["blue"] + "40", edgecolor=COLORS["blue"])
    frame.plot(x, prior, ":", color=INK)
    frame.set(xlim=(-reach, reach), ylim=(0, 1.06 * max(q.max().item(), prior.max().item())))
    start, end = (left + 0.7 * (1 + place / reach) for place in (mean, 0.0))
    over = bottom + 1.14
    arrow(axes, (start, over), (end, over), color=COLORS["orange"], linewidth=2.2)
    label = f"mean {mean:.1f}, std {std:.2g}".replace("-", "−")
    text = axes.text(left + 0.7, bottom - 0.08, label, BELOW)
    text.set(color=COLORS["blue"], fontweight="bold")
    drawn = "dotted: prior N(0, 1)" + (f",\ndrawn {raised:.1f} times as high" if raised > 1 else "")
    axes.text(left + 0.7, bottom - 0.34, drawn, BELOW, fontsize=9)


@styled
def vae_drawing(image: Tensor, mean: float, std: float, reconstruction: Tensor) -> Picture:
    """Returns the model as a drawing: what goes where, and what the two losses pull at.

    Args:
        image: shape (28, 28), in [0, 1].
        mean: of one latent dimension, as the encoder gives it for the image.
        std: its standard deviation, positive.
        reconstruction: shape (28, 28), in [0, 1].

    Source: Kingma and Welling, Auto-Encoding Variational Bayes, 2014, figure 1 and section 2.4.
    """
    figure, axes = canvas(3.2, (0, 8.5), (0.05, 3.55))
    inset(axes, 0.52, 1.9, image, "image", vmin=0, vmax=1)
    box(axes, 1.97, 1.9, "encoder", COLORS["blue"], wide=1.1)
    _bells(axes, 2.94, 1.5, mean, std)
    axes.text(5.18, 1.9, "z = mean +\nstd × noise", ha="center", va="center", fontweight="bold")
    axes.text(5.18, 3.1, "noise\nfrom N(0, 1)", ha="center", va="center", linespacing=1.1)
    box(axes, 6.62, 1.9, "decoder", COLORS["purple"], wide=1.1)
    inset(axes, 7.9, 1.9, reconstruction, "reconstruction", vmin=0, vmax=1)
    for start, end in (
        ((1.06, 1.9), (1.4, 1.9)), ((2.54, 1.9), (2.9, 1.9)), ((4.3, 1.9), (4.6, 1.9)),
        ((5.18, 2.82), (5.18, 2.2)), ((5.76, 1.9), (6.05, 1.9)), ((7.17, 1.9), (7.38, 1.9)),
    ):  # fmt: skip
        arrow(axes, start, end)
    axes.text(3.64, 2.82, "KL: moves and\nwidens the bell", va="bottom", **NOTE)
    axes.plot([0.52, 0.52, 7.9, 7.9], [0.9, 0.45, 0.45, 0.9], **DASHED)
    axes.text(4.2, 0.37, "reconstruction loss: compares the two images", va="top", **NOTE)
    return Picture(
        figure,
        "An image goes into the encoder, which gives a mean and a standard deviation: a bell "
        f"around {mean:.1f} of the width {std:.2g}, drawn beside the dotted bell of the prior, "
        "around 0 of the width 1. From above comes noise: z is the mean plus the standard "
        "deviation times the noise, and goes into the decoder, which gives the reconstruction. "
        "Two notes: a dashed line between the images, the reconstruction loss, which compares "
        "them; and an arrow from the bell to the prior, the KL, which moves and widens the bell.",
    )


@styled
def bound_gap(spread: Tensor, elbo: Tensor, log_likelihood: float, best: float) -> Picture:
    """Returns the ELBO of one image over the spread of q, below what it bounds.

    Args:
        spread: shape (N,), standard deviations of q, rising.
        elbo: shape (N,), the ELBO in nats with this q.
        log_likelihood: exact, in nats.
        best: standard deviation of the true posterior.

    Raises:
        ValueError: the ELBO is somewhere above the log-likelihood.
    """
    if (elbo > log_likelihood + 1e-4).any():
        raise ValueError("the ELBO is a lower bound: it must not be above the log-likelihood.")
    figure = new_figure(3.2)
    (axes,) = axes_grid(figure, 1, 1)
    axes.axhline(log_likelihood, color=INK, linestyle="--", label="exact log-likelihood")
    axes.plot(spread, elbo, color=COLORS["blue"], label="ELBO")
    near, wide = int((spread - best).abs().argmin()), int(0.6 * len(spread))
    least, gap = log_likelihood - elbo[near].item(), log_likelihood - elbo[wide].item()
    bottom, x = elbo.min().item(), spread[wide].item()
    axes.vlines(best, bottom, elbo[near].item(), color=COLORS["grey"], linewidth=1, linestyle=":")
    axes.plot([best], [elbo[near].item()], "o", color=COLORS["blue"], markersize=8)
    axes.annotate(
        f"the true posterior's\nstandard deviation, {best:.2f}:\ngap {least:.2f} nats",
        (best, bottom), xytext=(6, 2), textcoords="offset points", ha="left", va="bottom",
    )  # fmt: skip
    ends = (x, elbo[wide].item()), (x, log_likelihood)
    arrow(axes, *ends, arrowstyle="<|-|>", color=COLORS["orange"])
    axes.annotate(
        "gap = KL(q ‖ true posterior)", (x, log_likelihood - gap / 2), xytext=(8, 0), ha="left",
        textcoords="offset points", va="center", color=COLORS["orange"], fontweight="bold",
    )  # fmt: skip
    axes.set(xlabel="standard deviation of q", ylabel="nats")
    axes.set_title("The ELBO stays below what it bounds")
    figure.legend(loc="outside lower center", ncols=2)
    return Picture(
        figure,
        f"The ELBO over the standard deviation of q stays below a line at the log-likelihood, "
        f"{log_likelihood:.2f} nats. It is highest at {spread[elbo.argmax()]:.2f}; at the true "
        f"posterior's {best:.2f} the gap is {least:.2f} nats, and at {x:.2f} {gap:.2f} nats.",
    )


@styled
def gradient_spread(estimates: Mapping[str, Tensor], exact: float) -> Picture:
    """Returns how one-sample estimates of a gradient are spread, one row for each method.

    Args:
        estimates: name of a method to its estimates, shape (N,).
        exact: the gradient that all of them estimate.

    Raises:
        ValueError: there are not 1 to 3 methods.
    """
    check_few(estimates, 3, "methods")
    widest = max(estimates.values(), key=lambda values: values.var().item())
    low, high = widest.quantile(0.005).item(), widest.quantile(0.995).item()
    figure = new_figure(0.6 + 1.35 * len(estimates))
    rows = axes_grid(figure, len(estimates), 1, sharex=True)
    looks = zip(("blue", "orange", "green"), (None, "////", "...."), strict=True)
    parts = []
    for axes, (name, values), (color, hatch) in zip(rows, estimates.items(), looks, strict=False):
        weights = np.full(len(values), 100 / len(values))
        axes.hist(
            values.numpy(), bins=100, range=(low, high), weights=weights, histtype="stepfilled",
            facecolor=COLORS[color] + "40", edgecolor=COLORS[color], hatch=hatch, linewidth=1.4,
        )  # fmt: skip
        axes.axvline(exact, color=INK, linewidth=1.6, linestyle="--", label="exact gradient")
        variance = values.var().item()
        axes.set(title=f"{name}: variance {variance:.3g}", ylabel="share (%)")
        axes.set(xlim=(low, high), xlabel="gradient of one sample (outermost 1 % left out)")
        axes.xaxis.label.set_visible(axes is rows[-1])
        parts.append(f"{name}, mean {values.mean():.3g} and variance {variance:.3g}")
    rows[0].legend(loc="upper right")
    return Picture(
        figure,
        "Histograms of one-sample estimates of a gradient, each on a scale of its own, with a line "
        f"at the exact {exact:.3g}: {'; '.join(parts)}.",
    )


def _sample_axes(axes: Axes, ks: Sequence[int]) -> None:
    """Sets up a bound over numbers of samples."""
    axes.set(xscale="log", xticks=ks, xticklabels=[f"{k:,}" for k in ks])
    axes.minorticks_off()
    axes.margins(x=0.15, y=0.1)
    axes.set(xlabel="samples for each image, k (logarithmic)", ylabel="bound (nats per image)")


@styled
def importance_bound(
    ks: Sequence[int],
    bounds: Mapping[str, Values],
    spreads: Mapping[str, Values] | None = None,
) -> Picture:
    """Returns the importance-weighted bound over the number of samples it is computed from.

    Args:
        ks: numbers of samples for each image, rising from 1.
        bounds: name of a model to the bound on its negative log-likelihood at each of `ks`, in
            nats for an image.
        spreads: name of a model to the standard error of each bound, drawn as a bar.

    Source: Burda, Grosse and Salakhutdinov, Importance Weighted Autoencoders, 2016, equation 8.
    """
    figure = new_figure(3.2)
    (axes,) = axes_grid(figure, 1, 1)
    looks = zip(COLORS.values(), "osD^", LINES, strict=False)
    parts, heights = [], np.concatenate(list(bounds.values()))
    span = float(np.ptp(heights))
    for (name, values), (color, mark, line) in zip(bounds.items(), looks, strict=False):
        error = (spreads or {}).get(name)
        axes.errorbar(ks, values, error, fmt=mark + line, color=color, capsize=3, label=name)
        beside: Any = {"textcoords": "offset points", "va": "center", "color": color}
        for text, at, shift, side in (
            (f"−ELBO\n{values[0]:.1f}", 0, -9, "right"), (f"{values[-1]:.1f}", -1, 9, "left"),
        ):  # fmt: skip
            axes.annotate(
                text, (ks[at], values[at]), xytext=(shift, 0), ha=side, fontweight="bold", **beside
            )
        parts.append(f"{name}: {course(ks, values, span)}")
    _sample_axes(axes, ks)
    tighter = all(values[-1] < values[0] for values in bounds.values())
    axes.set_title(
        "More samples: a tighter bound on −log p(x)" if tighter else "The bound on −log p(x)"
    )
    if len(bounds) > 1:
        axes.legend()
    return Picture(
        figure,
        "The bound on the negative log-likelihood in nats, over the number of samples from "
        f"{ks[0]:,}, where it is the negative ELBO, to {ks[-1]:,}. {'; '.join(parts)}.",
    )
