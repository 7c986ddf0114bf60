"""Chapter 2: images from a trained generator, and the generator kept in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..data import check_finite, check_labels, from_signed
from ..devices import place_of
from ..limits import whole
from ..model_files import load_model, save_model
from ..training import evaluation_mode
from .networks import Generator, check_noise


@torch.no_grad()
def sample(
    generator: nn.Module, z: Tensor, labels: Tensor | None = None, batch_size: int = 500
) -> Tensor:
    """Returns the images, uint8, shape (N, 1, 28, 28), that a generator makes of noise.

    The generator works where its weights lie, in evaluation mode, and is left in the mode that it
    came in. The images lie where the noise lies.

    Args:
        generator: the article's, the course's, or any that gives images in [-1, 1].
        z: noise, shape (N, latent_dim), N at least 1.
        labels: which digits the images are to show, as the course's `Generator` takes them; a
            generator that was trained with labels needs them.
        batch_size: images at a time; it does not change the result.

    Raises:
        ValueError: the noise has another shape or is not finite, the labels are not as many as it
            or none of the ten, or `batch_size` is below 1.
    """
    latent_dim: Any = generator.latent_dim
    check_noise(z, latent_dim, labels)
    if len(z) == 0:
        raise ValueError(f"noise must have shape (N, {latent_dim}), not {tuple(z.shape)}.")
    check_finite("noise", z)
    if labels is not None and labels.is_floating_point():
        check_finite("labels", labels)
    elif labels is not None:
        check_labels(labels, len(z))
    whole("batch_size", batch_size)
    place = place_of(generator, z.device)
    given = [each.to(place).split(batch_size) for each in (z, labels) if each is not None]
    with evaluation_mode(generator):
        parts = [generator(*part) for part in zip(*given, strict=True)]
    return from_signed(torch.cat(parts)).to(z.device)


def save_generator(generator: Generator, path: str | Path) -> Path:
    """Writes the course's generator as safetensors, all of it or nothing, and returns its path.

    It is `save_model` for one class.

    Raises:
        ValueError: the generator is another one than the course's, or no longer that.
        DataError: the file can't be written; one that was there before stays whole.
    """
    if not isinstance(generator, Generator):
        kind = type(generator).__name__
        raise ValueError(
            f"save_generator keeps the course's Generator: use save_model for a {kind}."
        )
    return save_model(generator, path)


def load_generator(path: str | Path) -> Generator:
    """Returns a generator that `save_generator` wrote, ready to sample from.

    Files of the first edition, which have no checksum, load too.

    Raises:
        DataError: there is no such file, or it is damaged, or holds something else.
    """
    return load_model(path, Generator, how="gan.save_generator(generator, path)")
