"""A running mean of weights refuses what would be no mean."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from aigc_utils.ema import EMA


@pytest.mark.parametrize("decay", [-0.1, 1.1, math.nan, math.inf, "0.9"])
def test_a_decay_is_a_share(decay: Any) -> None:
    with pytest.raises(ValueError, match=r"^decay must be from 0 to 1"):
        EMA(nn.Linear(2, 2), decay)


@pytest.mark.parametrize("decay", [0, 0.0, 1, 1.0])
def test_the_ends_of_the_range_are_shares(decay: float) -> None:
    ema = EMA(nn.Linear(2, 2), decay)
    ema.update(ema.network)


@pytest.mark.parametrize(
    "other",
    [
        nn.Linear(1, 3),  # a weight of one column would silently be repeated
        nn.Linear(2, 3, bias=False),
        nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)),
        nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, affine=False)),
    ],
)
def test_another_network_is_refused_and_leaves_no_trace(other: nn.Module) -> None:
    ema = EMA(nn.Linear(2, 3), 0.5)
    before = [p.clone() for p in ema.network.parameters()]
    with pytest.raises(ValueError, match="the network it was made of"):
        ema.update(other)
    assert ema.updates == 0
    assert all(torch.equal(a, b) for a, b in zip(before, ema.network.parameters(), strict=True))
