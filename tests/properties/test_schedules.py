"""Schedules: rates between zero and the peak, and one peak however often a run is cut."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from aigc_utils.schedules import hold_then_fall, one_cycle

SHARES = st.floats(0, 1)
PEAKS = st.floats(1e-6, 10)


def sgd(peak: float) -> torch.optim.SGD:
    return torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=peak)


def rate(optimizer: torch.optim.Optimizer) -> float:
    return float(optimizer.param_groups[0]["lr"])


@st.composite
def schedules(draw: Any) -> Any:
    """Returns a function that makes a schedule of one optimizer."""
    if draw(st.booleans()):
        warmup = draw(st.floats(0, 0.99))
        return lambda optimizer: one_cycle(optimizer, warmup=warmup)
    warmup, fall = draw(st.floats(0, 0.5)), draw(st.floats(1e-3, 0.5))
    return lambda optimizer: hold_then_fall(optimizer, warmup=warmup, fall=fall)


@given(schedules(), PEAKS, SHARES)
def test_a_rate_lies_between_zero_and_the_peak(make: Any, peak: float, share: float) -> None:
    optimizer = sgd(peak)
    make(optimizer)(share)
    assert 0 < rate(optimizer) <= peak


@given(schedules(), PEAKS, st.lists(SHARES, max_size=6), SHARES)
def test_a_run_that_is_cut_has_the_rates_of_one_that_is_not(
    make: Any, peak: float, cuts: list[float], share: float
) -> None:
    unbroken, optimizer = sgd(peak), sgd(peak)
    make(unbroken)(share)
    for cut in cuts:
        make(optimizer)(cut)
        fresh = sgd(1.0)  # as in another process
        fresh.load_state_dict(optimizer.state_dict())
        optimizer = fresh
    make(optimizer)(share)
    assert rate(optimizer) == rate(unbroken)


@given(schedules(), PEAKS, PEAKS, SHARES)
def test_a_rate_set_by_hand_is_the_new_peak(
    make: Any, peak: float, other: float, share: float
) -> None:
    optimizer, expected = sgd(peak), sgd(other)
    make(optimizer)(share)
    if rate(optimizer) == other:
        return
    optimizer.param_groups[0]["lr"] = other
    make(optimizer)(share)
    make(expected)(share)
    assert rate(optimizer) == rate(expected)
