"""What a training run recorded: losses, metrics and times, step by step."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .limits import whole


class TrainingError(RuntimeError):
    """A run that cannot go on; `history` holds what was recorded before."""

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


@dataclass
class History:
    """What a training run recorded.

    `losses[name][i]` is the loss of step `i + 1`. `evaluated_at[j]` is the number of steps done
    at the `j`-th evaluation and `metrics[name][j]` its results. `seconds` counts training alone,
    without evaluation; `seconds_at[j]` is that clock at the `j`-th evaluation. `history[name]` is
    a copy of `losses[name]` or `metrics[name]`, whichever there is.
    """

    losses: dict[str, list[float]] = field(default_factory=dict)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    evaluated_at: list[int] = field(default_factory=list)
    seconds_at: list[float] = field(default_factory=list)
    seconds: float = 0.0
    num_steps: int = 0
    interrupted: bool = False

    def __getitem__(self, name: str) -> list[float]:
        """Returns a copy of the losses or the metrics called `name`, which later runs don't change.

        Raises:
            KeyError: there are none, or both; the message has the names there are, and whether a
                stop came before the first evaluation.
        """
        found = [table[name] for table in (self.losses, self.metrics) if name in table]
        if len(found) == 1:
            return list(found[0])
        if found:
            raise KeyError(
                f"{name!r} is both a loss and a metric: take history.losses[{name!r}] or "
                f"history.metrics[{name!r}]."
            )
        early = self.interrupted and not self.evaluated_at
        why = ": the run was stopped before its first evaluation" if early else ""
        raise KeyError(f"no {name!r} here, only {[*self.losses, *self.metrics]}{why}")

    def smooth(self, name: str, window: int = 50) -> list[float]:
        """Returns the mean of each step's loss and of up to `window - 1` losses before it.

        A loss that is no number spoils the means that it belongs to, and no others.

        Raises:
            KeyError: there is no loss or metric called `name`, or both.
            ValueError: `window` is no whole number above 0.
        """
        window = whole("window", window)
        values = np.asarray(self[name], dtype=np.float64)
        count, size = len(values), min(window, max(len(values), 1))
        # Cut into blocks of the window's size, each window is one block, or the end of one and the
        # beginning of the next: no sum is taken out of another again, so nothing cancels.
        blocks = np.pad(values, (0, -count % size)).reshape(-1, size)
        with np.errstate(over="ignore", invalid="ignore"):
            upto = blocks.cumsum(1).ravel()[:count]
            onward = blocks[:, ::-1].cumsum(1)[:, ::-1].ravel()
            starts = np.arange(count) - size + 1
            parted = (starts > 0) & (starts % size != 0)
            sums = upto + np.where(parted, onward[starts], 0.0)
        return [float(v) for v in sums / np.minimum(np.arange(count) + 1, size)]

    def curve(self, name: str, window: int = 1) -> tuple[list[int], list[float]]:
        """Returns steps and values of a loss or metric, as `plotting.curves` takes them.

        A loss has a value at each step, the mean of up to `window` of the last; a metric has one
        at each evaluation. Both are copies.

        Raises:
            KeyError: there is no loss or metric called `name`, or both.
            ValueError: `window` is no whole number above 0.
        """
        values = self.smooth(name, window) if name in self.losses else self[name]
        steps = range(1, len(values) + 1) if name in self.losses else self.evaluated_at
        return list(steps), values

    def add_losses(self, losses: Mapping[str, float]) -> None:
        """Adds one step, with all its losses or none.

        Raises:
            ValueError: the names are not those of the steps before.
        """
        if self.num_steps or self.losses:
            same_names("a step's losses", losses, self.losses)
        self.num_steps += 1
        for name, value in losses.items():
            self.losses.setdefault(name, []).append(value)

    def add_metrics(self, metrics: Mapping[str, float]) -> None:
        """Adds one evaluation after the last step, with all its metrics or none.

        Raises:
            ValueError: the names are not those of the evaluations before.
        """
        if self.evaluated_at or self.metrics:
            same_names("an evaluation's metrics", metrics, self.metrics)
        self.evaluated_at.append(self.num_steps)
        self.seconds_at.append(self.seconds)
        for name, value in metrics.items():
            self.metrics.setdefault(name, []).append(value)

    def state_dict(self) -> dict[str, Any]:
        """Returns a copy of all that is recorded, by name."""
        return {each.name: copy.deepcopy(getattr(self, each.name)) for each in fields(self)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Puts in place of what is recorded what `state_dict` gave, as a copy.

        Raises:
            ValueError: it is no history's.
        """
        names = {each.name for each in fields(self)}
        if set(state) != names:
            raise ValueError(f"A history has {sorted(names)}, not {sorted(state)}.")
        for name in names:
            setattr(self, name, copy.deepcopy(state[name]))


def scalars(giver: str, values: object) -> dict[str, Tensor | float]:
    """Returns what a step or an evaluation gave, by name: tensors as copies, all else as floats.

    The tensors stay where they are, as reading one would make a card wait.

    Raises:
        ValueError: it gave no dictionary, or something that is no real number; `giver` names it.
    """
    if not isinstance(values, Mapping):
        what = "nothing" if values is None else f"a {type(values).__name__}"
        raise ValueError(f"{giver} must return numbers by name, as in {{'loss': 0.5}}, not {what}.")
    return {name: _scalar(giver, name, value) for name, value in values.items()}


def _scalar(giver: str, name: str, value: object) -> Tensor | float:
    if isinstance(value, Tensor):
        if value.numel() == 1 and not value.is_complex():
            return value.detach().clone()  # the giver may fill the same tensor anew
        what = f"{value.dtype} of shape {tuple(value.shape)}"
    else:
        try:
            # Whatever is a number to Python is one here; what is a text is none.
            return float("" if isinstance(value, str) else value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            what = f"a {type(value).__name__}"
    raise ValueError(f"{giver} must return one real number as {name!r}, not {what}.")


def numbers(steps: Sequence[Mapping[str, Tensor | float]]) -> list[dict[str, float]]:
    """Returns what `scalars` kept of several steps, of the same names each, as Python's numbers.

    The tensors of one name are read together: a card is waited for once a name, not once a number.
    """
    names = list(steps[0]) if steps else []
    columns = {name: _column([step[name] for step in steps]) for name in names}
    return [{name: columns[name][i] for name in names} for i in range(len(steps))]


def _column(values: Sequence[Tensor | float]) -> list[float]:
    tensors = [value.reshape(()) for value in values if isinstance(value, Tensor)]
    alike = len({(each.dtype, each.device) for each in tensors}) == 1
    if alike and len(tensors) == len(values):
        return [float(value) for value in torch.stack(tensors).tolist()]
    return [float(value) for value in values]


def same_names(what: str, new: Collection[str], old: Collection[str]) -> None:
    """Checks that lists which have one value for each step stay of one length.

    Raises:
        ValueError: the names differ; `what` says of what they are.
    """
    if set(new) != set(old):
        raise ValueError(
            f"The names of {what} must stay the same, {sorted(old)}, and not become {sorted(new)}."
        )
