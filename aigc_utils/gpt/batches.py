"""A text's tokens, ids int64 (N,), as batches of rows: what a model reads and what follows."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .checks import check_range, check_whole, what


def token_batches(
    ids: Tensor, context: int, batch_size: int, rng: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Returns an endless iterator of inputs and targets, both int64, (B, T), T = `context`.

    An epoch cuts the ids into rows, beginning anywhere in the first T, and shuffles them: each
    id is a target once, but for T at most at either end. Rows drawn each for itself would, in a
    run as long as one epoch, leave out a third of the text. The targets are the inputs, one
    token later.

    Raises:
        ValueError: there are too few ids for one row, one is below 0, or the sizes aren't positive.
    """
    _check_rows(ids, context, batch_size)
    windows = ids.unfold(0, context + 1, 1)  # (N - T, T + 1), a view of all rows there are

    def starts() -> Iterator[Tensor]:
        while True:
            first = torch.randint(min(context, len(windows)), (), generator=rng, device=rng.device)
            places = torch.arange(int(first), len(windows), context)
            order = torch.randperm(len(places), generator=rng, device=rng.device)
            yield places[order.to(places.device)]

    def drawn() -> Iterator[tuple[Tensor, Tensor]]:
        waiting = torch.empty(0, dtype=torch.int64)
        for epoch in starts():
            *full, waiting = torch.cat((waiting, epoch)).split(batch_size)
            for some in full:
                rows = windows[some.to(ids.device)]
                yield rows[:, :-1], rows[:, 1:]

    return drawn()


def consecutive_batches(
    ids: Tensor, context: int, batch_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Returns an iterator of inputs and targets in which each id but the first is a target once.

    Both are int64, (B, T). The rows follow one another without overlap; the last batch may have
    fewer rows, and after it comes what is left over as one shorter row. So weigh each batch's mean
    loss by `targets.numel()`.

    Raises:
        ValueError: there are too few ids for one row, one is below 0, or the sizes aren't positive.
    """
    _check_rows(ids, context, batch_size)
    count = (len(ids) - 1) // context
    inputs = ids[: count * context].view(count, context)
    targets = ids[1 : count * context + 1].view(count, context)

    def drawn() -> Iterator[tuple[Tensor, Tensor]]:
        yield from zip(inputs.split(batch_size), targets.split(batch_size), strict=True)
        rest = ids[count * context :]
        if len(rest) > 1:
            yield rest[None, :-1], rest[None, 1:]

    return drawn()


def _check_rows(ids: Tensor, context: int, batch_size: int) -> None:
    check_whole("context", context, 1)
    check_whole("batch_size", batch_size, 1)
    fits = isinstance(ids, Tensor) and ids.dtype == torch.int64 and ids.ndim == 1
    if not fits or len(ids) <= context:
        raise ValueError(
            f"A context of {context} needs at least {context + 1} int64 ids in one row, "
            f"not {what(ids)}."
        )
    check_range("ids", ids)
