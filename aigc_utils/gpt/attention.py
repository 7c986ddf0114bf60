"""Chapter 4: attention as functions, with its mask, and rotary positions."""

from __future__ import annotations

import torch
from torch import Tensor

from ..limits import positive, whole
from .checks import check_mask


def attention_weights(q: Tensor, k: Tensor, mask: Tensor | None = None) -> Tensor:
    """Returns how much each query looks at each key: shares that sum to one, (..., T, S).

    Dot products of random vectors grow with the root of their number of entries, so they are
    divided by it: else softmax would give nearly everything to one key.

    Args:
        q: queries, (..., T, head_dim).
        k: keys, (..., S, head_dim).
        mask: as `masked_softmax` takes it.

    Raises:
        ValueError: the mask is not bool, or its shape does not fit.
    """
    scores = q @ k.transpose(-2, -1) / q.size(-1) ** 0.5  # (..., T, S)
    return torch.softmax(scores, dim=-1) if mask is None else masked_softmax(scores, mask)


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Returns shares of the keys that the mask leaves to each query, (..., T, S).

    They sum to one, but for a query that may see no key at all: it has only zeros.

    Args:
        scores: (..., T, S).
        mask: bool, (T, S) or broadcastable; False hides a key from a query.

    Raises:
        ValueError: the mask is not bool, or its shape does not fit.
    """
    check_mask(mask, scores)
    blind = ~mask.any(dim=-1, keepdim=True)  # softmax of nothing would be "not a number"
    weights = torch.softmax(scores.masked_fill(~(mask | blind), float("-inf")), dim=-1)
    fills = blind.device.type != "cpu" or blind.any()  # a card isn't asked: that would wait for it
    return weights.masked_fill(blind, 0) if fills else weights


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Returns for each query the mean of the values, (..., T, head_dim), weighted by attention.

    Raises:
        ValueError: the mask is not bool, or its shape does not fit.

    Source: Vaswani et al., Attention Is All You Need, 2017, equation 1.
    """
    return attention_weights(q, k, mask) @ v


def causal_mask(queries: int, keys: int | None = None) -> Tensor:
    """Returns which keys each of the last `queries` positions may see, bool, (queries, keys).

    A token sees itself and all before it; without `keys` there are as many as queries. The mask is
    on the CPU.

    Raises:
        ValueError: there is no query, or there are fewer keys than queries.
    """
    keys = queries if keys is None else keys
    if not 1 <= queries <= keys:
        raise ValueError(f"A causal mask needs 1 to {keys} queries for {keys} keys, not {queries}.")
    every = torch.ones(queries, keys, dtype=torch.bool, device="cpu")
    return every.tril(diagonal=keys - queries)


def rotary_angles(context: int, head_dim: int, base: float = 10_000.0) -> Tensor:
    """Returns cosines and signed sines of each position's angles, (2, context, head_dim).

    The first pair of dimensions turns by one radian a position, the later ones ever slower.
    They are on the CPU, also where a model is laid out on "meta".

    Raises:
        ValueError: `context` or `base` is not positive, or `head_dim` not even and positive.
    """
    whole("context", context, 1)
    whole("head_dim", head_dim, 2)
    positive("base", base)
    if head_dim % 2:
        raise ValueError(f"Rotary positions need an even head_dim, not {head_dim}.")
    places, pairs = (torch.arange(*each, device="cpu") for each in ((context,), (0, head_dim, 2)))
    speed = 1 / base ** (pairs.float() / head_dim)  # (head_dim / 2,)
    angle = places.float()[:, None] * speed  # (context, head_dim / 2)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack((torch.cat((cos, cos), -1), torch.cat((-sin, sin), -1)))


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Returns x, (..., T, head_dim), with each pair (x[i], x[i + head_dim / 2]) turned.

    Two vectors' dot product then depends on how far apart they stand, and not on where.

    Raises:
        ValueError: the angles, (2, ..., head_dim), are not those of x, x is not float, or head_dim
            is odd.

    Source: Su et al., RoFormer, 2021.
    """
    size = x.size(-1)
    if size % 2 or not x.is_floating_point() or len(angles) != 2 or angles.size(-1) != size:
        raise ValueError(
            f"Angles of shape {tuple(angles.shape)} can't turn {x.dtype} vectors of {size}: "
            "make them with rotary_angles for an even head_dim."
        )
    cos, sin = angles.to(x.dtype)
    turned: Tensor = x * cos + x.roll(size // 2, dims=-1) * sin
    return turned
