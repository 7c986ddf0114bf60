"""One training loop for every chapter, with nothing in it that knows a model.

A chapter hands over a *step*: a function that takes one batch, updates its model and returns
its losses by name. The loop adds what every training run wants: a progress bar, a history,
evaluation at intervals, a schedule, a time budget and a clean stop.
"""

from __future__ import annotations

import math
import os
import random
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import TqdmExperimentalWarning, TqdmWarning

with warnings.catch_warnings():
    # Without ipywidgets tqdm falls back to a text bar and says so; the text bar is enough.
    warnings.simplefilter("ignore", TqdmWarning)
    warnings.simplefilter("ignore", TqdmExperimentalWarning)
    from tqdm.auto import tqdm

from .history import History, TrainingError
from .schedules import Schedule

# What a step takes is the chapter's to say; most take images and their labels.
AnyBatch = TypeVar("AnyBatch")
Batch = tuple[Tensor, ...]
Losses = Mapping[str, Tensor | float]
Step = Callable[[Batch], dict[str, Tensor]]
Evaluate = Callable[[Any], Mapping[str, float]]

#: Losses are read back from the device in groups: one read a step would make a GPU wait.
FLUSH_EVERY = 20


def device(prefer: str | None = None) -> torch.device:
    """Returns the device to train on: CUDA, else Apple's MPS, else the CPU.

    Args:
        prefer: a device by name, such as "cpu"; it is taken as it is. Without it,
            AIGC_DEVICE in the environment may name one.

    Raises:
        RuntimeError: torch knows no device of that name.
    """
    prefer = prefer or os.environ.get("AIGC_DEVICE")
    if prefer:
        return torch.device(prefer)
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def seed_everything(seed: int) -> torch.Generator:
    """Returns a CPU generator seeded with `seed`, and seeds Python, NumPy and torch with it too.

    Two runs on the same CPU with the same number of threads and the same seed give the same
    numbers.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (libraries draw from the global generator)
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Puts a model into evaluation mode, and at the end back into the mode that it came in."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def fit(
    step: Callable[[AnyBatch], Losses],
    batches: Iterable[AnyBatch],
    *,
    num_steps: int | None = None,
    max_seconds: float | None = None,
    schedule: Schedule | None = None,
    evaluate: Callable[[], Mapping[str, float]] | None = None,
    evaluate_every: int | None = None,
    history: History | None = None,
    label: str = "training",
) -> History:
    """Returns the history of calling `step` on batch after batch.

    The run ends after `num_steps`, after `max_seconds` of training (evaluation not counted), when
    the batches run out, or when it is interrupted (Ctrl-C, or Jupyter's stop button). An interrupt
    waits for the step in hand, so model and history stay whole; calling `fit` again with the
    same `history` adds to it, while steps, time and schedule begin anew. A second interrupt stops
    at once.

    Args:
        step: trains on one batch and returns its losses by name, each a scalar.
        batches: batches, as `step` takes them; may be endless.
        num_steps: steps to take; with the same seed on a CPU, a rerun gives the same numbers.
        max_seconds: time budget in seconds; how many steps fit depends on the machine.
        schedule: called before each step with the share of the run that is done, in [0, 1).
        evaluate: returns metrics by name; called every `evaluate_every` steps and at the end.
        evaluate_every: steps between evaluations; None for one at the end alone.
        history: an earlier history to add to.
        label: the progress bar's label.

    Raises:
        ValueError: neither `num_steps` nor `max_seconds` is given, or one of them or
            `evaluate_every` is not positive.
        TrainingError: a loss is no longer finite; the history so far is its `history`.
    """
    _check_limits(num_steps, max_seconds, evaluate_every)
    run = _Run(history if history is not None else History(), num_steps, max_seconds)
    with _Interrupt() as interrupt, tqdm(total=num_steps, desc=label, unit="step") as bar:
        try:
            for batch in run.limited(batches):
                if schedule is not None:
                    schedule(run.progress())
                with run.clock():
                    losses = step(batch)
                run.record(losses)
                bar.update()
                if run.steps % FLUSH_EVERY == 0:
                    bar.set_postfix(run.flush(), refresh=False)
                if evaluate and evaluate_every and run.steps % evaluate_every == 0:
                    run.evaluate(evaluate)
                if interrupt.requested:
                    run.history.interrupted = True
                    break
        finally:
            run.flush()  # whatever stopped the run, the losses up to here are kept
    if evaluate is not None and not run.history.interrupted:
        run.evaluate(evaluate)
    if run.history.interrupted:
        print(
            f"Interrupted after step {run.history.num_steps}: model and history are whole. "
            "To go on, call fit again with history=history."
        )
    return run.history


class _Run:
    """The bookkeeping of one call of `fit`."""

    def __init__(self, history: History, num_steps: int | None, max_seconds: float | None) -> None:
        history.interrupted = False
        self.history = history
        self.num_steps = num_steps
        self.max_seconds = max_seconds
        self.steps = 0
        self.seconds = 0.0
        self._pending: list[Losses] = []

    def progress(self) -> float:
        """Returns the share of the run that is done: of the steps or of the time, the larger."""
        by_steps = self.steps / self.num_steps if self.num_steps else 0.0
        by_time = self.seconds / self.max_seconds if self.max_seconds else 0.0
        return min(max(by_steps, by_time), 1.0)

    def limited(self, batches: Iterable[AnyBatch]) -> Iterator[AnyBatch]:
        """Yields batches until a limit is reached; drawing them counts as training time."""
        iterator = iter(batches)
        while self.progress() < 1.0:
            with self.clock():
                try:
                    batch = next(iterator)
                except StopIteration:
                    return
            yield batch

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Adds the time spent inside to the training time."""
        start = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            self.seconds += elapsed
            self.history.seconds += elapsed

    def record(self, losses: Losses) -> None:
        """Keeps one step's losses, detached, until the next `flush`."""
        self.steps += 1
        self._pending.append(
            {k: v.detach() if isinstance(v, Tensor) else v for k, v in losses.items()}
        )

    def flush(self) -> dict[str, str]:
        """Moves the kept losses into the history; returns the newest ones for the bar."""
        newest: dict[str, str] = {}
        pending, self._pending = self._pending, []
        for losses in pending:
            values = {name: float(loss) for name, loss in losses.items()}
            self.history.num_steps += 1
            for name, value in values.items():
                self.history.losses.setdefault(name, []).append(value)
                if not math.isfinite(value):
                    raise TrainingError(
                        f"{name} is {value} at step {self.history.num_steps}, so training stops: "
                        "lower the learning rate, or check the inputs for values out of range.",
                        self.history,
                    )
            newest = {name: f"{value:.4f}" for name, value in values.items()}
        return newest

    def evaluate(self, evaluate: Callable[[], Mapping[str, float]]) -> None:
        """Adds one evaluation to the history, unless this step has one."""
        self.flush()
        if self.history.evaluated_at[-1:] == [self.history.num_steps]:
            return
        metrics = evaluate()
        self.history.evaluated_at.append(self.history.num_steps)
        self.history.seconds_at.append(self.history.seconds)
        for name, value in metrics.items():
            self.history.metrics.setdefault(name, []).append(float(value))


class _Interrupt:
    """Turns the first Ctrl-C into a request that the loop reads between two steps."""

    def __init__(self) -> None:
        self.requested = False
        self._previous: Any = None

    def __enter__(self) -> _Interrupt:
        # Signals reach the main thread alone; elsewhere Python's own behaviour stays.
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


def _check_limits(
    num_steps: int | None, max_seconds: float | None, evaluate_every: int | None
) -> None:
    limits: Sequence[tuple[str, float | None]] = (
        ("num_steps", num_steps),
        ("max_seconds", max_seconds),
        ("evaluate_every", evaluate_every),
    )
    for name, value in limits:
        if value is not None and value <= 0:
            raise ValueError(f"{name} must be positive, not {value}")
    if num_steps is None and max_seconds is None:
        raise ValueError("fit needs an end: give num_steps, max_seconds or both")
