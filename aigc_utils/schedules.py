"""Schedules: how the learning rate moves over a run, for every chapter."""

from __future__ import annotations

from collections.abc import Callable

import torch

Schedule = Callable[[float], None]


def one_cycle(*optimizers: torch.optim.Optimizer, warmup: float = 0.2) -> Schedule:
    """Returns a schedule that lets the learning rate rise to its peak and fall to zero.

    The rates that the optimizers have now are the peaks. The rate rises linearly over the first
    `warmup` of the run and falls linearly over the rest.

    Raises:
        ValueError: `warmup` is below 0, or 1 and above.

    Source: Smith and Topin, Super-Convergence, 2019.
    """
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup is a share of the run from 0 up to 1, not {warmup}")
    groups = [(group, group["lr"]) for opt in optimizers for group in opt.param_groups]

    def set_rate(progress: float) -> None:
        rising = progress < warmup
        factor = progress / warmup if rising else (1 - progress) / (1 - warmup)
        for group, peak in groups:
            # The first step would otherwise be lost to a rate of exactly zero.
            group["lr"] = peak * max(factor, 1e-3)

    return set_rate


def hold_then_fall(
    *optimizers: torch.optim.Optimizer, warmup: float = 0.01, fall: float = 0.3
) -> Schedule:
    """Returns a schedule in which the learning rate rises, stays, and falls to a twentieth.

    Over the first `warmup` of the run the rate rises linearly to the one that each optimizer has
    now, and stays there. Over the last `fall` of the run it falls linearly towards zero, but not
    below a twentieth.

    Raises:
        ValueError: `warmup` is below 0, `fall` is not above 0, or their sum is above 1.
    """
    if not (warmup >= 0 and fall > 0 and warmup + fall <= 1):
        raise ValueError(f"warmup and fall are shares of the run, not {warmup} and {fall}")
    groups = [(group, group["lr"]) for opt in optimizers for group in opt.param_groups]

    def set_rate(progress: float) -> None:
        rising = progress / warmup if progress < warmup else 1.0
        falling = max((1 - progress) / fall, 0.05)
        for group, held in groups:
            group["lr"] = held * min(max(rising, 1e-3), falling, 1.0)

    return set_rate
