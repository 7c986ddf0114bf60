"""Latent space, for every model that has one: Gaussians in it, and ways through it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .data import check_finite, check_same_shape
from .devices import normal
from .limits import whole

#: The sine of the angle below which two vectors count as parallel.
PARALLEL = 1e-4
#: The length below which a vector has no direction.
NO_LENGTH = 1e-12


def reparameterize(
    mean: Tensor, log_variance: Tensor, rng: torch.Generator | None = None
) -> Tensor:
    """Returns one sample of each Gaussian, in a way that gradients pass through.

    The noise is drawn apart from the parameters and then scaled and moved by them.

    Raises:
        ValueError: means and log-variances differ in shape.

    Source: Kingma and Welling, Auto-Encoding Variational Bayes, 2014, section 2.4.
    """
    check_same_shape(mean=mean, log_variance=log_variance)
    noise = normal(mean.shape, rng, mean.device)
    return mean + (log_variance / 2).exp() * noise


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Returns KL(N(mean, variance) || N(0, 1)) of each latent dimension, in nats, (B, D).

    Raises:
        ValueError: means and log-variances differ in shape.

    Source: Kingma and Welling, Auto-Encoding Variational Bayes, 2014, appendix B.
    """
    check_same_shape(mean=mean, log_variance=log_variance)
    return (mean.square() + log_variance.exp() - 1 - log_variance) / 2


def interpolate(start: Tensor, end: Tensor, num: int, *, spherical: bool = True) -> Tensor:
    """Returns `num` points from `start` to `end`, floats of shape (D,) each, as shape (num, D).

    The straight line cuts through the inside of the shell on which noise lies; the spherical way
    keeps to it, with the angle growing evenly. Where there is no arc, or no single one, it is
    straight: between parallel vectors, and from or to one of no length.

    Raises:
        ValueError: `num` is below 1, or the vectors differ in shape or type, are not of shape (D,)
            or not finite.

    Source: White, Sampling Generative Networks, 2016.
    """
    _check_ends(start, end)
    whole("num", num)
    t = torch.linspace(0, 1, num, dtype=start.dtype, device=start.device)[:, None]
    a, b = F.normalize(start, dim=0), F.normalize(end, dim=0)
    angle = 2 * torch.atan2((a - b).norm(), (a + b).norm())
    pointless = min(start.norm(), end.norm()) < NO_LENGTH
    if not spherical or angle.sin() < PARALLEL or pointless:
        return torch.lerp(start, end, t)
    shares = torch.sin(torch.cat([1 - t, t], 1) * angle) / torch.sin(angle)  # (num, 2)
    return shares[:, :1] * start + shares[:, 1:] * end


def _check_ends(start: Tensor, end: Tensor) -> None:
    """Raises ValueError unless two vectors can be the ends of a way."""
    check_same_shape(start=start, end=end)
    if start.ndim != 1 or not start.is_floating_point() or start.dtype != end.dtype:
        raise ValueError(
            "start and end must be floats of one type and shape (D,), not "
            f"{start.dtype} and {end.dtype} of shape {tuple(start.shape)}."
        )
    for name, vector in (("start", start), ("end", end)):
        check_finite(name, vector)
