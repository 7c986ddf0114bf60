"""Chapter 3: images from a trained VAE."""

from __future__ import annotations

import torch
from torch import Tensor

from ..data import check_finite, to_uint8
from ..devices import place_of
from ..limits import whole
from ..training import evaluation_mode
from .model import VAE


@torch.no_grad()
def sample(model: VAE, z: Tensor, batch_size: int = 1000) -> Tensor:
    """Returns what a VAE decodes latents to, uint8, shape (N, 1, 28, 28).

    Each pixel gets its mean: the grey value that the decoder expects there. The model works where
    its weights lie, and the images lie where the latents lie.

    Args:
        model: the VAE.
        z: shape (N, latent_dim), N at least 1; standard normal for samples from the prior.
        batch_size: images at a time; it does not change the result.

    Raises:
        ValueError: the latents have another shape or are not finite, or `batch_size` is below 1.
    """
    if z.ndim != 2 or z.size(1) != model.latent_dim or len(z) == 0:
        raise ValueError(f"latents must have shape (N, {model.latent_dim}), not {tuple(z.shape)}.")
    check_finite("latents", z)
    whole("batch_size", batch_size)
    here = z.to(place_of(model, z.device))
    with evaluation_mode(model):
        pixels = [model.decode(part).sigmoid() for part in here.split(batch_size)]
    return to_uint8(torch.cat(pixels)).to(z.device)
