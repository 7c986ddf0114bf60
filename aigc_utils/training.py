"""One training loop for every chapter, with nothing in it that knows a model.

A chapter hands over a *step*: a function that takes one batch, updates its model and returns
its losses by name. The loop adds what every training run wants: a progress bar, a history,
evaluation at intervals, a schedule, a time budget and a clean stop.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from torch import Tensor, nn
from tqdm import TqdmExperimentalWarning, TqdmWarning

with warnings.catch_warnings():
    # Without ipywidgets tqdm falls back to a text bar and says so; the text bar is enough.
    warnings.simplefilter("ignore", TqdmWarning)
    warnings.simplefilter("ignore", TqdmExperimentalWarning)
    from tqdm.auto import tqdm

from .devices import device as device
from .history import History, TrainingError, numbers, same_names, scalars
from .interrupts import Interrupt
from .limits import functions, iterate, positive, whole
from .processes import Processes
from .runs import load_run as load_run
from .runs import save_run as save_run
from .schedules import Schedule
from .seeds import seed_everything as seed_everything

# What a step takes is the chapter's to say; most take images and their labels.
AnyBatch = TypeVar("AnyBatch")
Batch = tuple[Tensor, ...]
Losses = Mapping[str, Tensor | float]
Step = Callable[[Batch], dict[str, Tensor]]
Evaluate = Callable[[Any], Mapping[str, float]]

#: Losses are read back from the device in groups: one read a step would make a card wait.
FLUSH_EVERY = 20


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Puts a model into evaluation mode, and at the end each part into the mode that it came in.

    A part may have a mode of its own, such as a batch norm that is frozen while the rest learns.
    """
    was_training = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in was_training:
            module.training = mode


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
    resume: bool = False,
    label: str = "training",
    accelerator: Any = None,
) -> History:
    """Returns the history of calling `step` on batch after batch.

    The run ends after `num_steps`, after `max_seconds` of training (evaluation not counted), when
    the batches run out, or when it is interrupted (Ctrl-C, or Jupyter's stop button). An interrupt
    waits for the step or the evaluation in hand, so model and history stay whole. A second
    interrupt stops at once.

    To go on where a run stopped, call `fit` again as before, with its `history` and `resume=True`:
    steps, time and schedule continue, and the losses are those of a run that was never stopped.
    `save_run` and `load_run` keep everything in a file between the two. Without `resume` a call
    adds to the history, while steps, time and schedule begin anew.

    Args:
        step: trains on one batch and returns its losses by name, each one number, the same names in
            each step.
        batches: batches, as `step` takes them; may be endless. With `resume` an iterator, such as
            `data.batches`, goes on where it stands, and a list from where the run stopped.
        num_steps: steps to take; with the same seed on a CPU, a rerun gives the same numbers.
        max_seconds: time budget in seconds; how many steps fit depends on the machine.
        schedule: called before each step with the share of the run that is done, in [0, 1).
        evaluate: returns metrics by name; called every `evaluate_every` steps and at the end.
        evaluate_every: steps between evaluations; None for one at the end alone.
        history: an earlier history to add to.
        resume: whether `history` belongs to the run that goes on now, so that `num_steps`,
            `max_seconds` and `evaluate_every` count what it has.
        label: the progress bar's label.
        accelerator: what `processes.accelerator` returns, where many processes train one model:
            each takes its share of every batch, and the losses are the whole batch's.

    Raises:
        ValueError: neither `num_steps` nor `max_seconds` is given, one of them or `evaluate_every`
            is not positive, or the history has more steps than `num_steps`; a step or an
            evaluation gives no numbers by name, or other names than before. The history has what
            was recorded up to there.
        TrainingError: a loss is no longer finite; the history so far is its `history`.
    """
    functions(step=step, schedule=schedule or step, evaluate=evaluate or step)
    group = Processes(accelerator)
    run = _Run(history, resume, num_steps, max_seconds, evaluate, evaluate_every, group)
    with Interrupt() as interrupt:
        with run.bar(label) as bar:
            try:
                run.evaluate_when_due()  # where the run stopped in an evaluation
                stopped = group.any(interrupt.requested)
                for batch in () if stopped else run.limited(batches, resume):
                    if schedule is not None:
                        schedule(run.progress())
                    with run.clock():
                        losses = group.mean(step(group.share(batch)))
                    run.record(losses)
                    bar.update()
                    if run.steps % FLUSH_EVERY == 0:
                        bar.set_postfix(run.flush(), refresh=False)
                    run.evaluate_when_due()
                    if group.any(interrupt.requested, run.steps):
                        break
            finally:
                run.flush()  # whatever stopped the run, the losses up to here are kept
        stopped = group.any(interrupt.requested)
        if not stopped:
            run.evaluate()
    run.end(stopped or interrupt.requested, stopped)
    return run.history


class _Run:
    """The bookkeeping of one call of `fit`."""

    def __init__(
        self,
        history: History | None,
        resume: bool,
        num_steps: int | None,
        max_seconds: float | None,
        evaluate: Callable[[], Mapping[str, float]] | None,
        evaluate_every: int | None,
        group: Processes,
    ) -> None:
        if num_steps is None and max_seconds is None:
            raise ValueError("fit needs an end: give num_steps, max_seconds or both.")
        group.check_limit(max_seconds)
        self._first = group.first
        self.num_steps = None if num_steps is None else whole("num_steps", num_steps)
        self.max_seconds = None if max_seconds is None else positive("max_seconds", max_seconds)
        self._every = None if evaluate_every is None else whole("evaluate_every", evaluate_every)
        self._evaluate = evaluate
        if not isinstance(history, History) and (history is not None or resume):
            raise ValueError(f"history must be a History, as fit returns it, not {history!r:.40}.")
        self.history = history if history is not None else History()
        self.steps = self.history.num_steps if resume else 0
        self.seconds = self.history.seconds if resume else 0.0
        if self.num_steps is not None and self.steps > self.num_steps:
            raise ValueError(
                f"The history has {self.steps} steps, and with resume=True num_steps counts them: "
                f"give more than {self.num_steps}."
            )
        self.history.interrupted = False
        self._pending: list[Losses] = []

    def bar(self, label: str) -> Any:
        """Returns the progress bar; of many processes the first alone shows it."""
        told: dict[str, Any] = {"total": self.num_steps, "desc": label, "unit": "step"}
        return tqdm(**told, initial=self.steps, disable=not self._first)

    def progress(self) -> float:
        """Returns the share of the run that is done: of the steps or of the time, the larger."""
        by_steps = self.steps / self.num_steps if self.num_steps else 0.0
        by_time = self.seconds / self.max_seconds if self.max_seconds else 0.0
        return min(max(by_steps, by_time), 1.0)

    def limited(self, batches: Iterable[AnyBatch], resume: bool) -> Iterator[AnyBatch]:
        """Yields batches until a limit is reached; drawing them counts as training time."""
        iterator = iterate("batches", batches)
        if resume and iterator is not batches:  # a list begins anew with each call
            iterator = islice(iterator, self.steps, None)
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

    def record(self, losses: object) -> None:
        """Keeps copies of one step's losses until the next `flush`."""
        kept = scalars("A step", losses)
        if self._pending or self.history.num_steps:
            before = self._pending[-1] if self._pending else self.history.losses
            same_names("a step's losses", kept, before)
        self._pending.append(kept)
        self.steps += 1

    def flush(self) -> dict[str, str]:
        """Moves the kept losses into the history; returns the newest ones for the bar.

        Until then a card may still be at work on them, so the wait counts as training.
        """
        newest: dict[str, float] = {}
        pending, self._pending = self._pending, []
        if not pending:
            return {}
        with self.clock():
            read = numbers(pending)
        for newest in read:
            self.history.add_losses(newest)
            for name, value in newest.items():
                if not math.isfinite(value):
                    raise TrainingError(
                        f"{name} is {value} at step {self.history.num_steps}, so training stops: "
                        "lower the learning rate, or check the inputs for values out of range.",
                        self.history,
                    )
        return {name: f"{value:.4f}" for name, value in newest.items()}

    def evaluate_when_due(self) -> None:
        """Adds one evaluation to the history if this step is to have one."""
        if self._every is not None and self.steps and self.steps % self._every == 0:
            self.evaluate()

    def evaluate(self) -> None:
        """Adds one evaluation to the history, unless this step has one."""
        self.flush()
        if self._evaluate is None or self.history.evaluated_at[-1:] == [self.history.num_steps]:
            return
        metrics = scalars("An evaluation", self._evaluate())
        self.history.add_metrics({name: float(value) for name, value in metrics.items()})

    def end(self, interrupted: bool, early: bool) -> None:
        """Keeps whether the run was interrupted; if that was before its end, says how to go on."""
        self.history.interrupted = interrupted
        if interrupted and self._first:
            how = " To go on, call fit again as before, with history=history and resume=True."
            print(
                f"Interrupted after step {self.history.num_steps}: model and history are whole."
                f"{how if early else ' All steps are done.'}"
            )
