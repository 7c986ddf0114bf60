"""A running mean of a network's weights, for every chapter whose training circles."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from .data import check_number


class EMA:
    """An exponential moving average of a network's weights: `network` is one with the mean.

    The two players circle around each other; the mean of many of a player's positions is steadier
    than the last one. Early weights are forgotten quickly, later ones with `decay`.

    Raises:
        ValueError: `decay` is not from 0 to 1.

    Source: Yazıcı et al., The Unusual Effectiveness of Averaging in GAN Training, 2019.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        check_number("decay", decay, most=1)
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay, self.updates = decay, 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Moves the mean towards `network`'s weights; running statistics are taken over.

        Raises:
            ValueError: the network has other weights than the one that the mean began with.
        """
        if _shapes(network) != _shapes(self.network):
            raise ValueError("An EMA takes the network it was made of, not one of other weights.")
        self.updates += 1
        keep = min(self.decay, self.updates / (self.updates + 10))
        for mean, new in zip(self.network.parameters(), network.parameters(), strict=True):
            mean.lerp_(new, 1 - keep)
        for kept, newest in zip(self.network.buffers(), network.buffers(), strict=True):
            kept.copy_(newest)

    def state_dict(self) -> dict[str, Any]:
        """Returns the mean and how many updates it had, by name."""
        return {"network": self.network.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a mean that `state_dict` gave.

        Raises:
            RuntimeError: it is of a network with other weights.
        """
        self.network.load_state_dict(state["network"])
        self.updates = state["updates"]


def _shapes(network: nn.Module) -> list[torch.Size]:
    """Returns the shapes of all weights and statistics: a size of 1 would silently be repeated."""
    return [value.shape for value in (*network.parameters(), *network.buffers())]
