"""The same numbers again: one seed for every generator that a run may draw from."""

from __future__ import annotations

import random

import numpy as np
import torch

from .limits import whole


def seed_everything(seed: int) -> torch.Generator:
    """Returns a CPU generator seeded with `seed`, and seeds Python, NumPy and torch with it too.

    Two runs on the same CPU with the same number of threads and the same seed give the same
    numbers. On a card they begin with the same weights, order and noise (see `devices`).

    Raises:
        ValueError: the seed is no whole number from 0 to 4294967295, the largest that NumPy takes.
    """
    seed = whole("seed", seed, 0, 2**32 - 1)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (libraries draw from the global generator)
    torch.manual_seed(seed)
    return torch.Generator("cpu").manual_seed(seed)
