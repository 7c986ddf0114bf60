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
    t = torch.linspace(0, 1, num)[:, None]
    cosine = F.cosine_similarity(start, end, dim=0).clamp(-1, 1)
    angle = torch.acos(cosine)
    if not spherical or angle.sin() < 1e-4:  # parallel: there is no arc, or no single one
        return torch.lerp(start, end, t)
    return (torch.sin((1 - t) * angle) * start + torch.sin(t * angle) * end) / torch.sin(angle)
