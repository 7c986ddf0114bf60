"""Pixels in the units that the models take, and back to the 256 grey values of an image file."""

from __future__ import annotations

import torch
from torch import Tensor

from ..devices import send
from .checks import check_tensor, may_look

#: Mean of the training set's pixels, in units of white = 1.
MNIST_MEAN = 0.1307
#: Standard deviation of the training set's pixels, in units of white = 1.
MNIST_STD = 0.3081


def to_float(images: Tensor) -> Tensor:
    """Returns float32 images of the same shape, 0 = black to 1 = white, from uint8 ones.

    Raises:
        ValueError: the images aren't uint8, so they may have been scaled before.
    """
    check_tensor("images", images)
    if images.dtype != torch.uint8:
        raise ValueError(f"to_float expects uint8 images of 0 to 255, not {images.dtype}.")
    return images.float() / 255


def to_signed(images: Tensor) -> Tensor:
    """Returns float32 images of the same shape, -1 = black to 1 = white, from uint8 ones.

    Raises:
        ValueError: the images aren't uint8.
    """
    return to_float(images) * 2 - 1


def to_uint8(images: Tensor) -> Tensor:
    """Returns uint8 images of the same shape, each pixel the nearest of 256 grey values.

    Takes floats of 0 = black to 1 = white, the way back from `to_float`.

    Raises:
        ValueError: the images aren't floats in [0, 1], or a pixel is not a number.
    """
    _check_floats(images, "to_uint8 expects floats of 0 to 1: scale or clamp the images first.")
    # A half-precision float has no room for 255 greys and a half: it would round twice.
    precise = images.to(torch.promote_types(images.dtype, torch.float32))
    return (precise * 255).round().to(torch.uint8)


def from_signed(images: Tensor) -> Tensor:
    """Returns uint8 images of the same shape from floats, -1 = black to 1 = white.

    The way back from `to_signed`. What lies beyond, as a sampler's pixels may, becomes black or
    white.

    Raises:
        ValueError: the images aren't floats, or a pixel is not a number.
    """
    return to_uint8((images.clamp(-1, 1) + 1) / 2)


def is_unit_range(images: Tensor) -> bool:
    """Returns whether all pixels lie in [0, 1]; one that is not a number does not."""
    if images.numel() == 0:
        return True
    low, high = images.detach().aminmax()
    return bool(low >= 0) and bool(high <= 1)


def binarize(images: Tensor, rng: torch.Generator, *, wait: bool = True) -> Tensor:
    """Returns images of zeros and ones, drawn anew at each call.

    The grey value of a pixel is the probability that it becomes 1.

    Args:
        images: floats in [0, 1], of any shape.
        rng: draws the pixels.
        wait: False to leave out the check of the values on a card.

    Raises:
        ValueError: the images aren't floats in [0, 1], so they are no probabilities.

    Source: Salakhutdinov and Murray, On the quantitative analysis of deep belief networks, 2008.
    """
    _check_floats(images, "binarize expects floats of 0 to 1: use data.to_float first.", wait)
    chances = torch.rand(images.shape, generator=rng, device=rng.device)
    return (send(chances, images.device) < images).to(images.dtype)


def standardize(images: Tensor, *, wait: bool = True) -> Tensor:
    """Returns float32 images in standard deviations from the training set's mean pixel.

    Takes uint8 images of 0 to 255 or floating ones of 0 to 1, of any shape; gradients pass. With
    `wait` False, the values of floats on a card are not looked at.

    Raises:
        ValueError: the images are of another integer type, or floats outside [0, 1].
    """
    check_tensor("images", images)
    if images.is_floating_point():
        wanted = "standardize expects uint8 images of 0 to 255 or floats of 0 to 1."
        _check_floats(images, wanted, wait)
    scaled = images.float() if images.is_floating_point() else to_float(images)
    return (scaled - MNIST_MEAN) / MNIST_STD


def _check_floats(images: Tensor, wanted: str, wait: bool = True) -> None:
    """Raises ValueError, which says what is wanted, unless images are floats in [0, 1]."""
    check_tensor("images", images)
    looks = may_look(images, wait)
    if not images.is_floating_point() or (looks and not is_unit_range(images)):
        raise ValueError(wanted)
