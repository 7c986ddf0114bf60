"""Many processes on this machine that share one import of torch, which takes longer than a run.

`torchrun` starts each process by itself; tests start many, and fork them here.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

Work = Callable[..., object]

_METHODS = multiprocessing.get_all_start_methods()
_CONTEXT: Any = multiprocessing.get_context("forkserver" if "forkserver" in _METHODS else "spawn")


def start(number: int, work: Work, *given: object) -> list[Any]:
    """Returns processes that do the work on what is given, as `torchrun` would have started them.

    Args:
        number: of processes, each with one thread.
        work: a function of a module; it gets `given`.
        given: what can be pickled.
    """
    if hasattr(_CONTEXT, "set_forkserver_preload"):
        _CONTEXT.set_forkserver_preload(["scaling.train_gpt", "accelerate", "torch._dynamo"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    members = [
        _CONTEXT.Process(target=_member, args=(rank, number, port, work, *given), daemon=True)
        for rank in range(number)
    ]
    for each in members:
        each.start()
    return members


def finish(members: Sequence[Any], seconds: float) -> None:
    """Waits until all are done.

    Raises:
        RuntimeError: one failed, or was not done in so many seconds.
    """
    for each in members:
        each.join(seconds)
        if each.exitcode != 0:
            raise RuntimeError(f"A process ended with {each.exitcode}, and not with 0.")


def _member(rank: int, number: int, port: int, work: Work, *given: object) -> None:
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(number),
        "LOCAL_WORLD_SIZE": str(number), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    import torch  # the parent may do without

    torch.set_num_threads(1)
    work(*given)
