"""Ways through latent space, for every model that has one."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def interpolate(start: Tensor, end: Tensor, num: int, *, spherical: bool = True) -> Tensor:
    """Returns `num` points from `start` to `end`, shape (D,) each, as shape (num, D).

    The straight line cuts through the inside of the shell on which noise lies; the spherical way
    keeps to it, with the angle growing evenly.

    Source: White, Sampling Generative Networks, 2016.
    """
    t = torch.linspace(0, 1, num, dtype=start.dtype)[:, None]
    a, b = F.normalize(start, dim=0), F.normalize(end, dim=0)
    angle = 2 * torch.atan2((a - b).norm(), (a + b).norm())
    if not spherical or angle.sin() < 1e-4:  # parallel: there is no arc, or no single one
        return torch.lerp(start, end, t)
    shares = torch.sin(torch.cat([1 - t, t], 1) * angle) / torch.sin(angle)  # (num, 2)
    return shares[:, :1] * start + shares[:, 1:] * end
