"""Chapter 4: a model's surprise at each token of a text, and how sure the mean of it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..devices import place_of
from ..limits import whole
from ..training import evaluation_mode
from .checks import below, check_ids, what


@torch.no_grad()
def surprise(
    model: nn.Module, ids: Tensor, context: int, *, stride: int | None = None, batch_size: int = 64
) -> Tensor:
    """Returns the surprise in nats at each id but the first, (N - 1,), the model in evaluation.

    A row of `context` tokens begins every `stride` tokens, and only what the row before it has not
    predicted counts. So, but for the first row's, each token is predicted from more than
    `context` - `stride` tokens: a model that counts has those before at every place, too. The
    model works where its weights lie, and the result lies where the ids lie.

    Args:
        model: takes tokens, int64, (B, T), and gives logits, (B, T, vocab_size).
        ids: int64, (N,), N above `context`.
        context: tokens a row.
        stride: at most `context`, which gives rows that do not overlap, as in `mean_nats`; by
            default half of it.
        batch_size: rows at a time; it does not change the result.

    Raises:
        ValueError: there are too few ids for one row, one is out of range, a size is out of range,
            or `model` is no module, or gives something else, or logits that are no numbers.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be a module that gives logits, not a {type(model).__name__}.")
    whole("context", context, 1)
    stride = whole("stride", -(-context // 2) if stride is None else stride, 1, context)
    whole("batch_size", batch_size, 1)
    check_ids("ids", ids, least=context + 1)
    here = ids.to(place_of(model, ids.device))
    rows, rest = here.unfold(0, context + 1, stride), (len(ids) - 1 - context) % stride
    count = len(rows)
    if rest:  # one more row stands at the end, and counts for what the others leave over
        rows = torch.cat((rows, here[None, -context - 1 :]))
    with evaluation_mode(model):
        nats = torch.cat([_row_nats(model, some) for some in rows.split(batch_size)])
    first, later, last = nats[0, :-stride], nats[:count, -stride:], nats[-1, context - rest :]
    return torch.cat((first, later.flatten(), last)).to(ids.device)


def _row_nats(model: nn.Module, rows: Tensor) -> Tensor:
    """Returns the surprise at all tokens but the first of each row, (B, T), rows (B, T + 1)."""
    tokens, targets = rows[:, :-1], rows[:, 1:]
    logits = model(tokens)
    if not isinstance(logits, Tensor) or logits.ndim != 3 or logits.shape[:2] != tokens.shape:
        wanted = f"({len(tokens)}, {tokens.size(1)}, vocab_size)"
        raise ValueError(f"A model must give logits of shape {wanted}, not {what(logits)}.")
    with below("ids", logits.size(2)):
        nats = F.cross_entropy(logits.float().mT, targets, reduction="none")
    if nats.isnan().any():
        raise ValueError("The model's logits are no numbers (NaN): train it at a lower rate.")
    return nats


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
        ValueError: there are fewer values than pieces, fewer than 2 pieces, or what is given is no
            row of finite numbers.
    """
    fits = isinstance(nats, Tensor) and nats.ndim == 1 and nats.is_floating_point()
    if not fits or not nats.isfinite().all():
        raise ValueError(f"nats must be finite numbers of shape (N,), not {what(nats)}.")
    if not 2 <= whole("pieces", pieces) <= len(nats):
        raise ValueError(f"{len(nats)} values can't be cut into {pieces} pieces, at least 2.")
    bits = nats.cpu().double() / math.log(2)
    length = len(bits) // pieces
    means = bits[: length * pieces].view(pieces, length).mean(dim=1)
    return bits.mean().item(), (means.std() / pieces**0.5).item()
