"""Schedules: how the learning rate moves over a run, for every chapter.

The peak stands in each of an optimizer's parameter groups, as "initial_lr", beside the last rate
that a schedule set. Both are part of `optimizer.state_dict()`, so a schedule that is made in the
middle of a run, or after a run was loaded from a file, has the same peak as the one before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .limits import real

Schedule = Callable[[float], None]

#: Where a parameter group keeps its peak, as with PyTorch's own schedulers.
PEAK = "initial_lr"
#: Where a parameter group keeps the last rate that a schedule set.
LAST = "scheduled_lr"


def one_cycle(*optimizers: torch.optim.Optimizer, warmup: float = 0.2) -> Schedule:
    """Returns a schedule that lets the learning rate rise to its peak and fall to zero.

    The rates that the optimizers have now are the peaks, but where a schedule set them last: then
    its peaks stay. The rate rises linearly over the first `warmup` of the run and falls linearly
    over the rest. The schedule takes the share of the run that is done, from 0 to 1; it raises
    ValueError for another.

    Raises:
        ValueError: `warmup` is below 0, or 1 and above; there are no optimizers, one is none, or
            its rate is no finite number of 0 and more.

    Source: Smith and Topin, Super-Convergence, 2019.
    """
    if not 0 <= real(warmup) < 1:
        raise ValueError(f"warmup is a share of the run from 0 up to 1, not {warmup}.")

    def factor(progress: float) -> float:
        rising = progress < warmup
        share = progress / warmup if rising else (1 - progress) / (1 - warmup)
        # The first step would otherwise be lost to a rate of exactly zero.
        return max(share, 1e-3)

    return _schedule(optimizers, factor)


def hold_then_fall(
    *optimizers: torch.optim.Optimizer, warmup: float = 0.01, fall: float = 0.3
) -> Schedule:
    """Returns a schedule in which the learning rate rises, stays, and falls to a twentieth.

    Over the first `warmup` of the run the rate rises linearly to the one that each optimizer has
    now, and stays there; where a schedule set the rate last, its peak stays. Over the last `fall`
    of the run it falls linearly towards zero, but not below a twentieth. The schedule takes the
    share of the run that is done, from 0 to 1; it raises ValueError for another.

    Raises:
        ValueError: `warmup` is below 0, `fall` is not above 0, or their sum is above 1; there are
            no optimizers, one is none, or its rate is no finite number of 0 and more.
    """
    if not (real(warmup) >= 0 and real(fall) > 0 and warmup + fall <= 1):
        raise ValueError(f"warmup and fall are shares of the run, not {warmup} and {fall}.")

    def factor(progress: float) -> float:
        rising = progress / warmup if progress < warmup else 1.0
        falling = max((1 - progress) / fall, 0.05)
        return min(max(rising, 1e-3), falling, 1.0)

    return _schedule(optimizers, factor)


def _schedule(
    optimizers: tuple[torch.optim.Optimizer, ...], factor: Callable[[float], float]
) -> Schedule:
    """Returns the schedule that sets each group's rate to its peak times `factor`."""
    _keep_peaks(optimizers)

    def set_rate(progress: float) -> None:
        if not 0 <= progress <= 1:
            raise ValueError(f"A schedule takes a share of the run from 0 to 1, not {progress}.")
        now = factor(progress)
        # Looked up anew in each step, as optimizer.load_state_dict replaces the groups.
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            rate = group.setdefault(PEAK, float(group["lr"])) * now
            if isinstance(group["lr"], Tensor):  # whoever holds it must see the change
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
            group[LAST] = float(group["lr"])

    return set_rate


def _keep_peaks(optimizers: tuple[torch.optim.Optimizer, ...]) -> None:
    """Keeps as a group's peak the rate that it has, unless a schedule has set that."""
    for optimizer in optimizers:
        if not hasattr(optimizer, "param_groups"):
            raise ValueError(
                "A schedule takes optimizers one by one, as in one_cycle(first, second), "
                f"not a {type(optimizer).__name__}."
            )
    groups: list[dict[str, Any]] = [g for each in optimizers for g in each.param_groups]
    if not groups:
        raise ValueError("A schedule needs an optimizer, as in one_cycle(optimizer).")
    for group in groups:
        rate = float(group["lr"])
        if not 0 <= rate < math.inf:
            raise ValueError(f"A learning rate must be finite and not below 0, not {rate}.")
        if PEAK not in group or group.get(LAST) != rate:
            group[PEAK], group[LAST] = rate, rate
