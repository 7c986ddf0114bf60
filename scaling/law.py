"""How the loss falls with a model's size: L(N) = floor + scale * N^-power, fitted and tried.

With as much data a weight for each size, one number, N, says how large a run is (Kaplan et al.,
2020; Hoffmann et al., 2022).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: How finely the floor is looked for, in shares of the lowest loss.
FLOORS = np.linspace(0.0, 0.99, 397)


@dataclass(frozen=True)
class Law:
    """A power law with a floor, in nats a token."""

    floor: float
    scale: float
    power: float

    def __call__(self, weights: float) -> float:
        """Returns the loss that it foretells for a model of so many weights."""
        return float(self.floor + self.scale * weights**-self.power)


def fit(weights: Sequence[float], losses: Sequence[float], *, floor: bool = True) -> Law:
    """Returns the law that comes nearest to measured losses, by least squares of the logarithm.

    For each floor the rest is a line in logarithms; the floor whose line fits best is taken.

    Args:
        weights: of each model.
        losses: their losses, nats a token, as many.
        floor: whether the law may have one; else it falls to zero.

    Raises:
        ValueError: there are fewer models than numbers to fit, or the losses are not above 0.
    """
    if len(weights) != len(losses) or len(losses) < 2 + floor or min(losses) <= 0:
        raise ValueError(
            f"A law of {2 + floor} numbers needs as many models, each with a loss above 0."
        )
    sizes, heights = np.log(np.asarray(weights, float)), np.asarray(losses, float)
    best = Law(0.0, 0.0, 0.0), np.inf
    for lowest in FLOORS * heights.min() if floor else [0.0]:
        slope, start = np.polyfit(sizes, np.log(heights - lowest), 1)
        law = Law(float(lowest), float(np.exp(start)), -float(slope))
        off = sum(np.log(law(n) / loss) ** 2 for n, loss in zip(weights, losses, strict=True))
        if off < best[1]:
            best = law, off
    return best[0]


def of_runs(runs: Sequence[Mapping[str, Any]], *, floor: bool = True) -> Law:
    """Returns the law of runs, each with its "weights" and its "loss", the mean of its seeds.

    Raises:
        ValueError: what `fit` raises.
    """
    return fit([run["weights"] for run in runs], [run["loss"] for run in runs], floor=floor)
