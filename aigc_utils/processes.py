"""One model, many processes: each has its share of every batch, and all take the same step.

A program is started once a process, by `torchrun` or `accelerate launch`. Each process makes the
same objects from the same seed; what they must do together stands here, and `training.fit` asks
for it. The book's page "When one machine is not enough" shows a whole program.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from .devices import device
from .history import scalars
from .limits import whole
from .runs import save_run

AnyBatch = TypeVar("AnyBatch")

#: Steps between two looks at whether somebody asked to stop: each makes all processes wait.
AGREE_EVERY = 20
#: What to do where Accelerate is not installed.
MISSING = (
    "Many processes need Accelerate, which comes with the course's extra `scale`: "
    '`pip install -e ".[scale]"`.'
)


def accelerator(cpu: bool | None = None) -> Any:
    """Returns Hugging Face's `Accelerator`, by which this process finds the others.

    They speak over NCCL where each has a CUDA card, and over gloo on CPUs. A program that was
    started as usual is one process, and all below then does nothing.

    Args:
        cpu: whether to stay on the CPU; by default where `devices.device` is no CUDA card.

    Raises:
        ImportError: the package is missing.

    Source: Gugger et al., Accelerate, 2022.
    """
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise ImportError(MISSING) from error
    return Accelerator(cpu=device().type != "cuda" if cpu is None else cpu)


class Processes:
    """What the processes of one run do together; without an accelerator, or alone, nothing.

    Raises:
        ValueError: the accelerator is none.
    """

    def __init__(self, accelerator: Any = None) -> None:
        if accelerator is not None and not hasattr(accelerator, "num_processes"):
            raise ValueError(
                "accelerator must be what processes.accelerator() returns, "
                f"not a {type(accelerator).__name__}."
            )
        self._accelerator = accelerator
        self.number = 1 if accelerator is None else int(accelerator.num_processes)
        # The first process alone prints and writes.
        self.first = accelerator is None or bool(accelerator.is_main_process)

    def check_limit(self, max_seconds: float | None) -> None:
        """Checks that a run's end is the same in all processes.

        Raises:
            ValueError: many processes have a time budget, and each a clock of its own.
        """
        if self.number > 1 and max_seconds is not None:
            raise ValueError(
                "Many processes have no one clock: give num_steps in place of max_seconds."
            )

    def share(self, batch: AnyBatch) -> AnyBatch:
        """Returns this process's rows of a batch, which is tensors in tuples or dictionaries.

        All processes draw the same batch, so batches have one state, whatever the number of
        processes. The shares are of one size: then the mean of their means is the batch's mean.

        Raises:
            ValueError: the rows can't be shared evenly.
        """
        if self._accelerator is None:
            return batch
        from accelerate.utils import find_batch_size, send_to_device, slice_tensors

        rows = find_batch_size(batch)
        if rows % self.number:
            raise ValueError(
                f"A batch of {rows} can't be shared evenly by {self.number} processes: take a "
                "batch_size that is a multiple of their number."
            )
        size = rows // self.number
        first = self._accelerator.process_index * size
        mine = slice_tensors(batch, slice(first, first + size))
        return cast(AnyBatch, send_to_device(mine, self._accelerator.device))

    def mean(self, losses: object) -> object:
        """Returns the losses of the whole batch by name: the mean of those of the shares.

        Raises:
            ValueError: they are no numbers by name.
        """
        if self.number == 1:
            return losses
        own, place = scalars("A step", losses), self._accelerator.device
        values = [torch.as_tensor(each, device=place).float().reshape(()) for each in own.values()]
        means = self._accelerator.reduce(torch.stack(values), "mean")
        return dict(zip(own, means.unbind(), strict=True))

    def any(self, wish: bool, step: int = 0) -> bool:
        """Returns whether any process has a wish; many look only after each `AGREE_EVERY` steps."""
        if self.number == 1 or step % AGREE_EVERY:
            return wish and self.number == 1
        wishes = torch.tensor(float(wish), device=self._accelerator.device)
        return bool(self._accelerator.reduce(wishes, "sum") > 0)


class Replica(nn.Module):
    """A model of which each process has a copy; after each backward pass all have one gradient.

    It takes the model's place in a step, as both have `loss`. Evaluate and save the model itself.
    What PyTorch does in it is called distributed data parallelism, DDP.

    Args:
        model: has `loss`, which takes a batch and returns a mean.
        accelerator: what `accelerator` returns.

    Source: Li et al., PyTorch Distributed, 2020.
    """

    def __init__(self, model: nn.Module, accelerator: Any) -> None:
        super().__init__()
        self._copies = accelerator.prepare(_Loss(model))

    def loss(self, *batch: Tensor) -> Tensor:
        """Returns the model's loss of this process's share of a batch, a scalar."""
        loss: Tensor = self._copies(*batch)
        return loss

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Keeps gradients in their process: those of all parts of a batch but the last."""
        if hasattr(self._copies, "no_sync"):
            with self._copies.no_sync():
                yield
        else:
            yield


class _Loss(nn.Module):
    """A model whose `forward` is its loss: DDP looks at nothing else."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, *batch: Tensor) -> Tensor:
        loss: Tensor = self.model.loss(*batch)
        return loss


def shard(model: nn.Module, accelerator: Any, parts: Iterable[nn.Module] = ()) -> None:
    """Cuts a model's weights, in place: each process keeps one piece of each, for models too large.

    A part's weights are whole only while it computes; gradients and an optimizer's moments are
    never. Make the optimizers afterwards, and of a kind that updates each number by itself, such
    as AdamW: Muon needs whole matrices. One process alone keeps all.

    Args:
        model: the same in each process; its `loss` calls the model.
        accelerator: what `accelerator` returns.
        parts: modules of it that compute one after the other, such as its blocks.

    Source: Rajbhandari et al., ZeRO, 2020, stage 3; Zhao et al., PyTorch FSDP, 2023.
    """
    model.to(accelerator.device)
    if accelerator.num_processes == 1:
        return
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    for part in (*parts, model):
        fully_shard(part, mesh=mesh)


def save_together(accelerator: Any, path: str | Path, **parts: Any) -> None:
    """Writes a run's parts once, in the first process, as `runs.save_run`; all others wait.

    The parts are the same in all processes, a sharded model's apart, so each may go on from the
    file, and their number may be another one.

    Raises:
        ValueError: what `runs.save_run` raises.
        DataError: the file can't be written; one that was there before stays whole.
    """
    if accelerator.is_main_process:
        save_run(path, **parts)
    accelerator.wait_for_everyone()


def in_parts(model: Any, batch: tuple[Tensor, ...], number: int) -> Iterator[tuple[Tensor, ...]]:
    """Yields a batch in equal parts, whose gradients are to be added up before a step.

    So a batch needs the memory of a part alone. A `Replica` exchanges gradients after the last.

    Args:
        model: the model or its `Replica`.
        batch: tensors with as many rows each.
        number: of parts.

    Raises:
        ValueError: `number` does not divide the rows.
    """
    rows = len(batch[0])
    if rows % whole("The number of parts", number):
        raise ValueError(
            f"A batch of {rows} can't be cut into {number} equal parts: take a number of parts "
            "that divides it."
        )
    for i, part in enumerate(zip(*(each.chunk(number) for each in batch), strict=True)):
        if i < number - 1 and isinstance(model, Replica):
            with model.no_sync():
                yield part
        else:
            yield part
