"""Chapter 5: how far apart two images are to the eyes of another network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..data import check_same_shape, standardize

#: What a network sees: features, (B, ...), of standardized images, (B, 1, 28, 28).
Features = Callable[[Tensor], Tensor]


def perceptual_loss(
    features: Features, logits: Tensor, images: Tensor, *, wait: bool = True
) -> Tensor:
    """Returns the squared distance of reconstructions from images in a network's features, (B,).

    A soft stroke costs few nats of pixels, though it looks wrong; a network that has learned to
    tell images apart sees the difference.

    Args:
        features: of a frozen network, in evaluation mode, such as a classifier without its last
            layer; gradients pass through it.
        logits: of the reconstructions' pixels, (B, 1, 28, 28).
        images: floats in [0, 1], of the same shape.
        wait: False to leave out the look at values on a card.

    Raises:
        ValueError: the shapes differ, or pixels lie outside [0, 1].

    Source: Johnson et al., Perceptual Losses for Real-Time Style Transfer and Super-Resolution,
    2016, equation 2.
    """
    check_same_shape(logits=logits, images=images)
    with torch.no_grad():
        wanted = features(standardize(images, wait=wait))
    drawn = features(standardize(logits.sigmoid(), wait=wait))
    return (drawn - wanted).flatten(1).square().sum(1)
