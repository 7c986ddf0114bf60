"""How long PyTorch's threads wait for work before they sleep, set before PyTorch is loaded.

Two threads that wait by turning in a loop keep both cores busy, so beside any other program a
training crawls. OpenMP reads its settings once, when PyTorch is loaded, so they come first: `make`
sets this one for everything it starts, and the package for a program that imports it before torch.

Seconds of a short VAE and a short GAN training on two cores (AMD Zen 3), alone and beside one busy
process, by the turns of the loop in which a thread of GNU OpenMP waits before it sleeps:

    turns              alone       beside
    GNU's own          5.6  2.1    15.2   7.4
    30,000             5.2  1.8    22.7  12.4
    10,000             5.3  1.6    12.9   6.8
    3,000              6.7  3.8     9.7   5.0
    1,000              7.3  3.5     8.2   4.0
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

#: Turns of the loop for runs that have the computer to themselves: nothing is lost alone.
SPIN_COUNT = 10000
#: Turns of the loop for `make lab`, where a browser and other kernels want the cores too.
LAB_SPIN_COUNT = 1000


def waiting(environment: Mapping[str, str], turns: int = SPIN_COUNT) -> dict[str, str]:
    """Returns what to add to an environment so that threads wait so many turns of the loop.

    That is nothing where the reader has said how they wait.
    """
    own = environment.get("GOMP_SPINCOUNT", str(SPIN_COUNT)) != str(SPIN_COUNT)
    return {} if own or "OMP_WAIT_POLICY" in environment else {"GOMP_SPINCOUNT": str(turns)}


def settle() -> bool:
    """Sets how long threads wait, unless the reader has; returns whether PyTorch will heed it."""
    early = "torch" not in sys.modules
    if early:
        os.environ.update(waiting(os.environ))
    return early
