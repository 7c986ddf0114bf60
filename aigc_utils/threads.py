"""How long PyTorch's threads wait for work before they sleep, set before PyTorch is loaded.

Two threads that wait by turning in a loop keep both cores busy, so beside any other program a
training crawls. OpenMP reads its settings once, when PyTorch is loaded, so they come first: `make`
sets this one for everything it starts, and the package for a program that imports it before torch.
"""

from __future__ import annotations

import os
import sys

#: Turns of the loop in which a thread of GNU OpenMP waits before it sleeps.
SPIN_COUNT = 1000


def settle() -> bool:
    """Sets how long threads wait, unless the reader has; returns whether PyTorch will heed it."""
    early = "torch" not in sys.modules
    if early and "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_COUNT))
    return early
