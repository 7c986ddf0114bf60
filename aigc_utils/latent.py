"""Latent space, for every model that has one: Gaussians in it, and ways through it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def reparameterize(
    mean: Tensor, log_variance: Tensor, rng: torch.Generator | None = None
) -> Tensor:
    """Returns one sample of each Gaussian, in a way that gradients pass through.

    The noise is drawn apart from the parameters and then scaled and moved by them.

    Source: Kingma and Welling, Auto-Encoding Variational Bayes, 2014, section 2.4.
    """
    noise = torch.randn(mean.shape, generator=rng)
    return mean + (log_variance / 2).exp() * noise


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Returns KL(N(mean, variance) || N(0, 1)) of each latent dimension, in nats, (B, D).

    Source: Kingma and Welling, Auto-Encoding Variational Bayes, 2014, appendix B.
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance) / 2


def interpolate(start: Tensor, end: Tensor, num: int, *, spherical: bool = True) -> Tensor:
    """Returns `num` points from `start` to `end`, shape (D,) each, as shape (num, D).

    The straight line cuts through the inside of the shell on which noise lies; the spherical way
    keeps to it, with the angle growing evenly.

    Source: White, Sampling Generative Networks, 2016.
    """
    t = torch.linspace(0, 1, num, dtype=start.dtype)[:, None]
    a, b = F.normalize(start, dim=0), F.normalize(end, dim=0)
    angle = 2 * torch.atan2((a - b).norm(), (a + b).norm())
    if not spherical or angle.sin() < 1e-4:  # parallel: there is no arc, or no single one
        return torch.lerp(start, end, t)
    shares = torch.sin(torch.cat([1 - t, t], 1) * angle) / torch.sin(angle)  # (num, 2)
    return shares[:, :1] * start + shares[:, 1:] * end
