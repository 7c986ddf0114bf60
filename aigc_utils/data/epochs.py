"""Batches that are drawn epoch after epoch, which can stop within an epoch and go on there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from ..devices import send

AnyBatch = TypeVar("AnyBatch")


class Batches(Iterator[AnyBatch], Generic[AnyBatch]):
    """An iterator of batches, as `data.batches` and `gpt.token_batches` return it.

    `state_dict` says where it stands: what is left of the epoch, how many epochs were begun, and
    where `rng` stands, which draws them. `load_state_dict` lets an equal iterator go on from
    there, with the batches that this one would give.

    Args:
        new_epoch: draws the order of an epoch's examples from `rng`, int64, (N,).
        gather: returns the batch of some examples, int64, (B,).
        batch_size: B.
        rng: what `new_epoch` draws from.
        size: the number of examples that there are, by which a state of other data is known.
        place: where the examples lie; each epoch's order is sent there at once.
        epochs: after how many to end; None for never.
        keep_rest: True to put what is left at an epoch's end before the next epoch; it is then
            drawn as soon as no more than a batch is left. False to leave it out.
    """

    def __init__(
        self,
        new_epoch: Callable[[], Tensor],
        gather: Callable[[Tensor], AnyBatch],
        batch_size: int,
        rng: torch.Generator,
        *,
        size: int,
        place: torch.device,
        epochs: int | None = None,
        keep_rest: bool = False,
    ) -> None:
        self._new_epoch, self._gather, self._rng = new_epoch, gather, rng
        self._batch_size, self._size = batch_size, size
        self._epochs, self._keep_rest = epochs, keep_rest
        self._begun = 0
        self._place = place
        self._waiting = torch.empty(0, dtype=torch.int64, device=place)

    def __next__(self) -> AnyBatch:
        """Returns the next batch; raises StopIteration after the last epoch's."""
        while len(self._waiting) < self._batch_size + self._keep_rest:
            if self._epochs is not None and self._begun >= self._epochs:
                self._waiting = self._waiting[:0]
                raise StopIteration
            order = send(self._new_epoch(), self._place)
            self._waiting = torch.cat((self._waiting, order)) if self._keep_rest else order
            self._begun += 1
        some, self._waiting = self._waiting[: self._batch_size], self._waiting[self._batch_size :]
        return self._gather(some)

    def state_dict(self) -> dict[str, Any]:
        """Returns where the iterator stands, as a copy."""
        return {
            "size": self._size,
            "batch_size": self._batch_size,
            "begun": self._begun,
            "waiting": self._waiting.clone(),
            "rng": self._rng.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from where another iterator stood, its generator too.

        Raises:
            ValueError: the other one had other sizes.
        """
        own = (self._size, self._batch_size)
        if (state["size"], state["batch_size"]) != own:
            raise ValueError(
                f"Batches of {own[1]} of {own[0]} examples can't go on where batches of "
                f"{state['batch_size']} of {state['size']} stood."
            )
        self._rng.set_state(state["rng"])
        self._begun, self._waiting = state["begun"], state["waiting"].clone().to(self._place)
