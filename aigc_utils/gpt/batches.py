"""A text's tokens, ids int64 (N,), as batches of rows: what a model reads and what follows."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..data import Batches
from ..limits import whole
from .checks import check_range, what


def token_batches(
    ids: Tensor, context: int, batch_size: int, rng: torch.Generator
) -> Batches[tuple[Tensor, Tensor]]:
    """Returns an endless iterator of inputs and targets, both int64, (B, T), T = `context`.

    An epoch cuts the ids into rows, beginning anywhere in the first T, and shuffles them: each
    id is a target once, but for T at most at either end. Rows drawn each for itself would, in a
    run as long as one epoch, leave out a third of the text. The targets are the inputs, one
    token later. Its `state_dict` says where it stands, also within an epoch, and `load_state_dict`
    lets an equal one go on from there.

    Raises:
        ValueError: there are too few ids for one row, one is below 0, or the sizes aren't positive.
    """
    _check_rows(ids, context, batch_size)
    windows = ids.unfold(0, context + 1, 1)  # (N - T, T + 1), a view of all rows there are

    def starts() -> Tensor:
        first = torch.randint(min(context, len(windows)), (), generator=rng, device=rng.device)
        places = torch.arange(int(first), len(windows), context, device=rng.device)
        order = torch.randperm(len(places), generator=rng, device=rng.device)
        return places[order]

    def rows(some: Tensor) -> tuple[Tensor, Tensor]:
        both = windows[some]
        # Copies each, so that a step may hide inputs from the model and keep the targets.
        return both[:, :-1].clone(), both[:, 1:].clone()

    size, place = len(windows), ids.device
    return Batches(starts, rows, batch_size, rng, size=size, place=place, keep_rest=True)


def consecutive_batches(
    ids: Tensor, context: int, batch_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Returns an iterator of inputs and targets in which each id but the first is a target once.

    Both are copies, int64, (B, T). The rows follow one another without overlap; the last batch may
    have fewer rows, and after it comes what is left over as one shorter row. So weigh each batch's
    mean loss by `targets.numel()`.

    Raises:
        ValueError: there are too few ids for one row, one is below 0, or the sizes aren't positive.
    """
    _check_rows(ids, context, batch_size)
    count = (len(ids) - 1) // context
    inputs = ids[: count * context].view(count, context)
    targets = ids[1 : count * context + 1].view(count, context)

    def drawn() -> Iterator[tuple[Tensor, Tensor]]:
        for some, following in zip(
            inputs.split(batch_size), targets.split(batch_size), strict=True
        ):
            yield some.clone(), following.clone()
        rest = ids[count * context :]
        if len(rest) > 1:
            yield rest[None, :-1].clone(), rest[None, 1:].clone()

    return drawn()


def _check_rows(ids: Tensor, context: int, batch_size: int) -> None:
    whole("context", context, 1)
    whole("batch_size", batch_size, 1)
    fits = isinstance(ids, Tensor) and ids.dtype == torch.int64 and ids.ndim == 1
    if not fits or len(ids) <= context:
        raise ValueError(
            f"A context of {context} needs at least {context + 1} int64 ids in one row, "
            f"not {what(ids)}."
        )
    check_range("ids", ids)
