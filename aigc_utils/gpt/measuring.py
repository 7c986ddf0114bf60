"""Chapter 4: a model's surprise at each token of a text, and how sure the mean of it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..training import evaluation_mode
from .batches import consecutive_batches


@torch.no_grad()
def surprise(model: nn.Module, ids: Tensor, context: int, batch_size: int = 64) -> Tensor:
    """Returns the surprise in nats at each id but the first, (N - 1,), the model in evaluation.

    The ids are cut into rows of `context` that do not overlap, as in `mean_nats`: a row's first
    token is predicted from one token, its last from `context`.

    Args:
        model: takes tokens, int64, (B, T), and gives logits, (B, T, vocab_size).
        ids: int64, (N,), N above `context`.
        context: tokens a row.
        batch_size: rows at a time; it does not change the result.

    Raises:
        ValueError: there are too few ids for one row, or the sizes aren't positive.
    """
    parts = []
    with evaluation_mode(model):
        for inputs, targets in consecutive_batches(ids, context, batch_size):
            logits = model(inputs).float().mT  # (B, vocab_size, T)
            parts.append(F.cross_entropy(logits, targets, reduction="none").flatten())
    return torch.cat(parts)


def mean_bits(nats: Tensor, pieces: int = 50) -> tuple[float, float]:
    """Returns the mean of a text's surprise in bits, and the standard error of that mean.

    Neighbouring tokens are of one scene and not independent, so the text is cut into equal pieces:
    the error is the standard deviation of their means, divided by the root of their number. Of two
    models on one text, pass the difference of their surprises: the text's own ups and downs fall
    out.

    Args:
        nats: (N,), in the order of the text.
        pieces: at least 2; what is left over at the end counts in the mean alone.

    Raises:
        ValueError: there are fewer values than pieces, or fewer than 2 pieces.
    """
    if not 2 <= pieces <= len(nats):
        raise ValueError(f"{len(nats)} values can't be cut into {pieces} pieces, at least 2.")
    bits = nats.double() / math.log(2)
    length = len(bits) // pieces
    means = bits[: length * pieces].view(pieces, length).mean(dim=1)
    return bits.mean().item(), (means.std() / pieces**0.5).item()
