"""Measures of latent-variable models: the ELBO, the importance-weighted bound, units in use."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..data import check_finite, check_number, check_same_shape, check_tensor, is_unit_range
from ..devices import exact, normal, place_of
from ..latent import gaussian_kl, reparameterize
from ..limits import whole
from ..losses import reconstruction_loss

#: Images decoded at a time: 2,000 of 784 pixels are 6 MB and stay in a processor's cache.
DECODED_AT_ONCE = 2000


class LatentModel(Protocol):
    """What is measured here: an encoder to a diagonal Gaussian, and a decoder to pixels' logits."""

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns means and log-variances, (B, D), for images in [0, 1], (B, 1, 28, 28)."""

    def decode(self, z: Tensor) -> Tensor:
        """Returns logits, (B, 1, 28, 28), for latents, (B, D)."""


class Prior(Protocol):
    """A distribution of latents."""

    def log_prob(self, z: Tensor) -> Tensor:
        """Returns the log-density of latents, (N, D), in nats, (N,)."""


@dataclass(frozen=True)
class ELBO:
    """The two parts of the negative ELBO for each image, in nats.

    `reconstruction` has the shape (N,); `kl` has a column for each latent dimension, (N, D).

    Raises:
        ValueError: the two have other shapes, or differ in N.
    """

    reconstruction: Tensor
    kl: Tensor

    def __post_init__(self) -> None:
        sizes = tuple(self.reconstruction.shape), tuple(self.kl.shape)
        if len(sizes[1]) != 2 or sizes[0] != sizes[1][:1]:
            raise ValueError(f"The parts must have shapes (N,) and (N, D), not {sizes}.")

    @property
    def nats(self) -> float:
        """Returns the mean over the images of reconstruction plus KL divergence."""
        return (self.reconstruction + self.kl.sum(1)).mean().item()


@torch.no_grad()
def elbo(model: LatentModel, images: Tensor, rng: torch.Generator) -> ELBO:
    """Returns the negative ELBO of each image, with one sample of its latents.

    For images of zeros and ones this bounds -log p(x) from above, on average over samples. For
    grey images it bounds, more loosely, the mean -log p of images made binary with the grey values
    as chances (by Jensen's inequality); a density of grey values it is not.

    Args:
        model: anything with `encode` and `decode`.
        images: float32 in [0, 1], shape (N, 1, 28, 28), N at least 1.
        rng: draws the latents.

    Raises:
        ValueError: the images have another type or shape, or values outside [0, 1].

    Source: Kingma and Welling, Auto-Encoding Variational Bayes, 2014.
    """
    _check_images(images)
    place = images.device
    reconstructions, divergences = [], []
    for part in images.to(place_of(model, place)).split(DECODED_AT_ONCE):
        mean, log_variance = model.encode(part)
        logits = model.decode(reparameterize(mean, log_variance, rng))
        reconstructions.append(reconstruction_loss(logits, part))
        divergences.append(gaussian_kl(mean, log_variance))
    return ELBO(torch.cat(reconstructions).to(place), torch.cat(divergences).to(place))


@torch.no_grad()
def importance_bound(
    model: LatentModel, images: Tensor, k: int, rng: torch.Generator, prior: Prior | None = None
) -> Tensor:
    """Returns the importance-weighted bound on -log p(x) of each image, in nats, shape (N,).

    That is -log of the mean of k weights p(x, z) / q(z | x), with z drawn from q. With k = 1 it
    estimates the negative ELBO; with growing k it falls, on average, toward -log p(x).

    Args:
        model: anything with `encode` and `decode`.
        images: float32, zeros and ones, shape (N, 1, 28, 28): grey pixels have no likelihood here.
        k: samples for each image; 5000 is usual.
        rng: draws the latents.
        prior: p(z), its numbers where the model's weights lie; by default the standard Gaussian.

    Raises:
        ValueError: k is below 1, or the images have another type or shape, or are not binary.

    Source: Burda et al., Importance Weighted Autoencoders, 2016, equation 8.
    """
    _check_images(images)
    if not ((images == 0) | (images == 1)).all():
        raise ValueError("images must hold zeros and ones: use data.binarize on grey ones first.")
    whole("k", k)
    at_once = max(1, DECODED_AT_ONCE // k)
    here = images.to(place_of(model, images.device))
    bounds = [_bounds(model, part, k, rng, prior) for part in here.split(at_once)]
    return torch.cat(bounds).to(images.device)


def active_units(means: Tensor, threshold: float = 0.01) -> Tensor:
    """Returns which latent dimensions are in use: those whose mean varies between the images.

    Args:
        means: an encoder's means, floats of shape (N, D), N at least 2.
        threshold: the least variance of a dimension in use.

    Raises:
        ValueError: the means have another type or shape, are not finite or too few to vary, or
            the threshold is below 0.

    Source: Burda et al., Importance Weighted Autoencoders, 2016, section 5.2.
    """
    check_tensor("means", means)
    if means.ndim != 2 or len(means) < 2 or not means.is_floating_point():
        raise ValueError(
            "means must be floats of shape (N, D), with N at least 2, "
            f"not {means.dtype} of shape {tuple(means.shape)}."
        )
    check_finite("means", means)
    check_number("threshold", threshold)
    return means.var(0) > threshold


def _bounds(
    model: LatentModel, images: Tensor, k: int, rng: torch.Generator, prior: Prior | None
) -> Tensor:
    mean, log_variance = model.encode(images)
    check_same_shape(mean=mean, log_variance=log_variance)
    mean, log_variance = mean[:, None], log_variance[:, None]  # (B, 1, D)
    place = exact(images.device)
    total = torch.full((len(images),), -math.inf, dtype=torch.float64, device=place)
    for start in range(0, k, DECODED_AT_ONCE):
        now = min(k - start, DECODED_AT_ONCE)
        noise = normal((len(images), now, mean.size(2)), rng, mean.device)
        z = (mean + (log_variance / 2).exp() * noise).flatten(0, 1)
        logits = model.decode(z).view(len(images), now, *images.shape[1:])
        cost = _prior_nats(z, prior).view(len(images), now)
        posterior = (noise.square() + log_variance).sum(2) / 2
        nats = reconstruction_loss(logits, images[:, None].expand_as(logits))
        log_weights = posterior - cost - nats
        total = torch.logaddexp(total, log_weights.to(place).double().logsumexp(1))
    return (math.log(k) - total).float()


def _prior_nats(z: Tensor, prior: Prior | None) -> Tensor:
    """Returns -log p(z), (N,), for latents, (N, D), less the constant that p shares with q."""
    if prior is None:
        return z.square().sum(1) / 2
    return -prior.log_prob(z) - z.size(1) * math.log(2 * math.pi) / 2


def _check_images(images: Tensor) -> None:
    check_tensor("images", images)
    if images.dtype != torch.float32 or images.ndim != 4 or images.numel() == 0:
        raise ValueError(
            "images must be float32 of shape (N, 1, 28, 28), with N at least 1, "
            f"not {images.dtype} of shape {tuple(images.shape)}: data.to_float makes them."
        )
    if not is_unit_range(images):
        raise ValueError("images must lie in [0, 1]: data.to_float makes them so.")
