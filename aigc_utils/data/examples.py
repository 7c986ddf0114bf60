"""Examples in memory: split into training and validation, and drawn in batches."""

from __future__ import annotations

import torch
from torch import Tensor

from ..limits import whole
from .checks import check_tensor
from .epochs import Batches


def split(
    images: Tensor, labels: Tensor, validation: int, seed: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Returns training images and labels, then validation images and labels, drawn by `seed`.

    `validation` is the number of examples held out of N; the other N - `validation` are for
    training. All four are copies.

    Raises:
        ValueError: images and labels differ in number, or one of the parts would be empty.
    """
    size = _common_length((images, labels))
    whole("validation", validation)
    if validation >= size:
        raise ValueError(f"validation must be from 1 to {size - 1}, not {validation}.")
    order = torch.randperm(size, generator=torch.Generator("cpu").manual_seed(seed), device="cpu")
    train_images, train_labels = _gather((images, labels), order[validation:])
    held_images, held_labels = _gather((images, labels), order[:validation])
    return train_images, train_labels, held_images, held_labels


def batches(
    tensors: tuple[Tensor, ...],
    batch_size: int,
    *,
    rng: torch.Generator,
    epochs: int | None = None,
) -> Batches[tuple[Tensor, ...]]:
    """Returns an iterator of batches, one (B, ...) copy for each of `tensors`, (N, ...).

    They lie where the tensors lie. Each epoch is a new order drawn from `rng`; without `epochs` it
    never ends. The N mod B examples at an epoch's end are left out, so every batch has B. Its
    `state_dict` says where it stands, also within an epoch, and `load_state_dict` lets an equal one
    go on from there.

    Raises:
        ValueError: no tuple, no examples, differing lengths, or sizes that give no batch.
    """
    if isinstance(tensors, Tensor):
        raise ValueError(
            "batches takes a tuple of tensors, as in batches((images,), 64, rng=rng), and not one "
            "alone."
        )
    size = _common_length(tensors)
    whole("batch_size", batch_size)
    if batch_size > size:
        raise ValueError(f"batch_size must be from 1 to {size}, not {batch_size}.")
    if epochs is not None:
        whole("epochs", epochs, lowest=0)

    return Batches(
        lambda: torch.randperm(size, generator=rng, device=rng.device),
        lambda index: _gather(tensors, index),
        batch_size,
        rng,
        size=size,
        place=tensors[0].device,
        epochs=epochs,
    )


def _gather(tensors: tuple[Tensor, ...], index: Tensor) -> tuple[Tensor, ...]:
    # index_select copies whole rows: 60,000 uint8 digits in 4 ms, where tensor[index] takes 50.
    return tuple(tensor.index_select(0, index.to(tensor.device)) for tensor in tensors)


def _common_length(tensors: tuple[Tensor, ...]) -> int:
    for tensor in tensors:
        check_tensor("what is drawn or split", tensor)
    lengths = [len(tensor) if tensor.ndim else 0 for tensor in tensors]
    if not lengths or min(lengths) < 1 or len(set(lengths)) > 1:
        raise ValueError(f"The tensors must hold equally many examples, not {lengths}.")
    return lengths[0]
