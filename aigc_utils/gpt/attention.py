"""Chapter 4: attention as functions, with its mask, and rotary positions."""

from __future__ import annotations

import torch
from torch import Tensor


def attention_weights(q: Tensor, k: Tensor, mask: Tensor | None = None) -> Tensor:
    """Returns how much each query looks at each key: shares that sum to one, (..., T, S).

    Dot products of random vectors grow with the root of their number of entries, so they are
    divided by it: else softmax would give nearly everything to one key.

    Args:
        q: queries, (..., T, head_dim).
        k: keys, (..., S, head_dim).
        mask: bool, (T, S) or broadcastable; False hides a key from a query.
    """
    scores = q @ k.transpose(-2, -1) / q.size(-1) ** 0.5  # (..., T, S)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights: Tensor = scores.softmax(dim=-1)
    return weights


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Returns for each query the mean of the values, (..., T, head_dim), weighted by attention.

    Source: Vaswani et al., Attention Is All You Need, 2017, equation 1.
    """
    return attention_weights(q, k, mask) @ v


def causal_mask(queries: int, keys: int | None = None) -> Tensor:
    """Returns which keys each of the last `queries` positions may see, bool, (queries, keys).

    A token sees itself and all before it; without `keys` there are as many as queries.
    """
    keys = keys or queries
    return torch.ones(queries, keys, dtype=torch.bool).tril(diagonal=keys - queries)


def rotary_angles(context: int, head_dim: int, base: float = 10_000.0) -> Tensor:
    """Returns cosines and signed sines of each position's angles, (2, context, head_dim).

    The first pair of dimensions turns by one radian a position, the later ones ever slower.
    They are on the CPU, also where a model is laid out on "meta".
    """
    places, pairs = (torch.arange(*each, device="cpu") for each in ((context,), (0, head_dim, 2)))
    speed = 1 / base ** (pairs.float() / head_dim)  # (head_dim / 2,)
    angle = places.float()[:, None] * speed  # (context, head_dim / 2)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack((torch.cat((cos, cos), -1), torch.cat((-sin, sin), -1)))


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Returns x, (..., T, head_dim), with each pair (x[i], x[i + head_dim / 2]) turned.

    Two vectors' dot product then depends on how far apart they stand, and not on where.

    Source: Su et al., RoFormer, 2021.
    """
    cos, sin = angles.to(x.dtype)
    turned: Tensor = x * cos + x.roll(x.size(-1) // 2, dims=-1) * sin
    return turned
