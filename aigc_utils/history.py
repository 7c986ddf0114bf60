"""What a training run recorded: losses, metrics and times, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


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
    `losses[name]` or `metrics[name]`, whichever there is.
    """

    losses: dict[str, list[float]] = field(default_factory=dict)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    evaluated_at: list[int] = field(default_factory=list)
    seconds_at: list[float] = field(default_factory=list)
    seconds: float = 0.0
    num_steps: int = 0
    interrupted: bool = False

    def __getitem__(self, name: str) -> list[float]:
        """Returns the loss or metric called `name`; raises KeyError with the names there are."""
        for table in (self.losses, self.metrics):
            if name in table:
                return table[name]
        raise KeyError(f"no {name!r} here, only {[*self.losses, *self.metrics]}")

    def smooth(self, name: str, window: int = 50) -> list[float]:
        """Returns the mean of each step's loss and of up to `window - 1` losses before it.

        Raises:
            KeyError: there is no loss or metric called `name`.
        """
        values = np.asarray(self[name], dtype=np.float64)
        sums = np.concatenate([[0.0], values.cumsum()])
        ends = np.arange(1, len(values) + 1)
        starts = np.maximum(ends - window, 0)
        return [float(v) for v in (sums[ends] - sums[starts]) / (ends - starts)]

    def curve(self, name: str, window: int = 1) -> tuple[list[int], list[float]]:
        """Returns steps and values of a loss or metric, as `plotting.curves` takes them.

        A loss has a value at each step, the mean of up to `window` of the last; a metric has one
        at each evaluation.

        Raises:
            KeyError: there is no loss or metric called `name`.
        """
        if name in self.losses:
            return list(range(1, len(self[name]) + 1)), self.smooth(name, window)
        return self.evaluated_at, self[name]
