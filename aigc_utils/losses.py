"""The loss of pixels that are taken for probabilities."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from .data import check_same_shape, is_unit_range, may_look


def reconstruction_loss(logits: Tensor, images: Tensor, *, wait: bool = True) -> Tensor:
    """Returns each image's binary cross-entropy, summed over its pixels, in nats, shape (B,).

    Logits and images have one shape, (B, 1, 28, 28); more dimensions may stand before. With `wait`
    False, the values of images on a card are not looked at.

    Raises:
        ValueError: the shapes differ or have fewer than four dimensions, or pixels lie outside
            [0, 1].
    """
    check_same_shape(logits=logits, images=images)
    if images.ndim < 4:
        raise ValueError(f"images must have shape (B, 1, 28, 28), not {tuple(images.shape)}.")
    if may_look(images, wait) and not is_unit_range(images):
        raise ValueError("pixels must lie in [0, 1] to be probabilities: use data.to_float.")
    losses = F.binary_cross_entropy_with_logits(logits, images, reduction="none")
    return losses.flatten(-3).sum(-1)
