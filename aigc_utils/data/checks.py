"""Inputs, checked once where they come in: one function, and one sentence, for each kind.

Each raises ValueError for what does not fit, and returns nothing. None draws random numbers, and
none looks at a single number in Python. To look at values on a card is to wait for it; so what is
checked in each step of a training takes `wait=False`, and then looks at values on the CPU alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

import torch
from torch import Tensor

from ..limits import whole


def check_tensor(name: str, value: object) -> None:
    """Checks that `value` is a tensor: a NumPy array has other types and methods.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, Tensor):
        kind = type(value).__name__
        raise ValueError(f"{name} must be a tensor, not {kind}: torch.as_tensor makes one.")


def check_images(images: Tensor, *, name: str = "images", any_size: bool = False) -> None:
    """Checks that images are uint8, (N, 1, 28, 28), N at least 1.

    With `any_size` they may have other sides than 28.

    Raises:
        ValueError: they have another type or shape.
    """
    check_tensor(name, images)
    fits = images.ndim == 4 and images.size(1) == 1 and images.numel() > 0
    fits = fits and (any_size or images.shape[2:] == (28, 28))
    if images.dtype != torch.uint8 or not fits:
        sides = "H, W" if any_size else "28, 28"
        raise ValueError(
            f"{name} must be uint8 of shape (N, 1, {sides}), 0 to 255 as data.to_uint8 makes them, "
            f"with N at least 1, not {images.dtype} of shape {tuple(images.shape)}."
        )


def check_image_shape(images: Tensor) -> None:
    """Checks that images have the shape (B, 1, 28, 28).

    Other sizes come through a network's convolutions too, and give numbers that mean nothing.

    Raises:
        ValueError: they have another shape.
    """
    if images.ndim != 4 or images.shape[1:] != (1, 28, 28):
        raise ValueError(f"images must have shape (B, 1, 28, 28), not {tuple(images.shape)}.")


def may_look(values: Tensor, wait: bool) -> bool:
    """Returns whether to look at values: always, or where nothing waits for them."""
    return wait or values.device.type == "cpu"


def check_labels(
    labels: Tensor, count: int | None = None, *, classes: int = 10, wait: bool = True
) -> None:
    """Checks that labels are int64, (N,), from 0 to `classes` - 1, N at least 1.

    With `count`, N must be that. With `wait` False, the range of labels on a card is left out.

    Raises:
        ValueError: they have another type, shape or range.
    """
    check_tensor("labels", labels)
    right = labels.dtype == torch.int64 and labels.ndim == 1 and len(labels) > 0
    if not right or count not in (None, len(labels)):
        shape = "(N,), with N at least 1," if count is None else f"({count},), one for each image,"
        raise ValueError(
            f"labels must be int64 of shape {shape} not {labels.dtype} of shape "
            f"{tuple(labels.shape)}."
        )
    if not may_look(labels, wait):
        return
    low, high = labels.aminmax()
    if low < 0 or high >= classes:
        raise ValueError(
            f"labels must be from 0 to {classes - 1}, and some aren't: they reach from {int(low)} "
            f"to {int(high)}."
        )


def check_logits(logits: Tensor) -> None:
    """Checks that logits have the shape (N, classes), each at least 1, and none is NaN.

    The largest of a row with a NaN is said to be the NaN, at whatever class it stands.

    Raises:
        ValueError: they have another shape, or one is NaN.
    """
    check_tensor("logits", logits)
    if logits.ndim != 2 or logits.numel() == 0:
        raise ValueError(
            f"logits must have shape (N, classes), each at least 1, not {tuple(logits.shape)}."
        )
    if logits.isnan().any():
        raise ValueError("logits must be numbers, but some are NaN: look for it in the model.")


def check_finite(name: str, values: Tensor) -> None:
    """Checks that all numbers are finite.

    Raises:
        ValueError: one is NaN or infinite.
    """
    if not values.isfinite().all():
        raise ValueError(f"{name} must be finite, but some are NaN or infinite.")


def check_same_shape(**tensors: Tensor) -> None:
    """Checks that two tensors, given by name, have one shape.

    Otherwise the smaller would silently be repeated.

    Raises:
        ValueError: their shapes differ.
    """
    (first, a), (second, b) = tensors.items()
    if a.shape != b.shape:
        raise ValueError(
            f"{first} and {second} must have one shape, not {tuple(a.shape)} and {tuple(b.shape)}."
        )


def check_number(name: str, value: float, most: float = math.inf) -> None:
    """Checks that `value` is a finite number from 0 to `most`.

    Raises:
        ValueError: it is none, or lies outside.
    """
    if not isinstance(value, Real) or not (0 <= value <= most and math.isfinite(value)):
        end = "0 or more" if math.isinf(most) else f"from 0 to {most:g}"
        raise ValueError(f"{name} must be {end}, not {value!r}.")


def check_fields(
    record: object,
    *,
    counts: Sequence[str] = (),
    numbers: Sequence[str] = (),
    shares: Sequence[str] = (),
) -> None:
    """Checks that a recipe's fields lie in their ranges.

    Args:
        record: the recipe.
        counts: names of whole numbers of at least 1.
        numbers: names of finite numbers of 0 or more.
        shares: names of numbers from 0 to 1.

    Raises:
        ValueError: a field is out of its range, or of another type.
    """
    for name in counts:
        whole(name, getattr(record, name))
    for name in numbers:
        check_number(name, getattr(record, name))
    for name in shares:
        check_number(name, getattr(record, name), most=1)
