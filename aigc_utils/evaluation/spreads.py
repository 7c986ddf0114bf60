"""How far a measured score may be off by the chance of which images were drawn."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..data import check_number
from ..limits import whole
from .samples import frechet_distance


def frechet_error(a: Tensor, b: Tensor, rng: torch.Generator, resamples: int = 20) -> float:
    """Returns the standard error of a Fréchet distance between two sets of features.

    By the bootstrap: both sets are drawn again from themselves, with repetition, and the spread
    of the distances between such sets tells how much the distance owes to chance.

    Args:
        a: features, shape (N, D).
        b: features, shape (M, D).
        rng: draws the sets.
        resamples: pairs of sets, at least 2.

    Raises:
        ValueError: features that have no distance, or fewer than 2 pairs.

    Source: Efron, Bootstrap Methods: Another Look at the Jackknife, 1979.
    """
    whole("resamples", resamples, lowest=2)

    def again(features: Tensor) -> Tensor:
        count = len(features)
        drawn = torch.randint(count, (count,), generator=rng, device=rng.device)
        return features[drawn.to(features.device)]

    distances = [frechet_distance(again(a), again(b)) for _ in range(resamples)]
    return torch.tensor(distances, device="cpu").std().item()


def share_error(share: float, count: int) -> float:
    """Returns the standard error of a share in [0, 1] of `count` examples: the binomial one.

    Raises:
        ValueError: the share lies outside, or there is no example.
    """
    check_number("share", share, most=1)
    whole("count", count)
    return math.sqrt(share * (1 - share) / count)
