"""Chapter 4: how the next token is chosen from a model's logits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..limits import positive, whole
from .checks import check_ids


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen from the logits; the default draws from the model as it is.

    Raises:
        ValueError: a temperature below 0, a penalty of 0 or less, one of them not finite, a
            `top_k` that is no whole number or below 1, or a `top_p` that is not above 0 and at
            most 1.
    """

    temperature: float = 1.0  # 0 is greedy: always the likeliest
    top_k: int | None = None  # only the k likeliest
    top_p: float | None = None  # only the nucleus: the likeliest that together reach p
    repetition_penalty: float = 1.0  # above 1: tokens that were there before become less likely

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf or not 0 < self.repetition_penalty < math.inf:
            raise ValueError(
                "temperature must be at least 0, and repetition_penalty above 0, both finite."
            )
        if self.top_k is not None:
            whole("top_k", self.top_k, 1)
        if self.top_p is not None:
            _check_share("top_p", self.top_p)


#: Always the likeliest token, so nothing is drawn.
GREEDY = Sampling(temperature=0)


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """Returns logits, (B, vocab_size), with all but each row's k highest at minus infinity.

    Of equal ones as many are kept as make k.

    Raises:
        ValueError: k is no whole number, or below 1.

    Source: Fan, Lewis and Dauphin, Hierarchical Neural Story Generation, 2018.
    """
    whole("k", k, 1)
    values, tokens = logits.topk(min(k, logits.size(-1)), dim=-1)
    return torch.full_like(logits, float("-inf")).scatter(-1, tokens, values)


def keep_nucleus(logits: Tensor, p: float) -> Tensor:
    """Returns logits, (B, vocab_size), with all outside the nucleus at minus infinity.

    The nucleus is the smallest set of tokens whose probabilities sum to at least p.

    Raises:
        ValueError: p is not above 0 and at most 1.

    Source: Holtzman et al., The Curious Case of Neural Text Degeneration, 2020.
    """
    _check_share("p", p)
    ordered, tokens = logits.sort(dim=-1, descending=True, stable=True)
    together = ordered.float().softmax(dim=-1).cumsum(dim=-1)
    reached = together >= (p if p < 1 else 2)  # by rounding a sum may reach 1 too early
    outside = F.pad(reached[..., :-1], (1, 0))  # the token that reaches p still belongs to it
    return logits.masked_fill(outside.scatter(-1, tokens, outside), float("-inf"))


def penalize_repetition(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Returns logits, (B, vocab_size), with those of the tokens seen, (B, S), made smaller.

    Positive logits are divided by the penalty, negative ones multiplied, since a division would
    raise them.

    Raises:
        ValueError: the penalty is no finite number above 0, or `seen` has other rows than the
            logits, or ids outside the vocabulary.

    Source: Keskar et al., CTRL, 2019, who divide all.
    """
    positive("penalty", penalty)
    check_ids("seen", seen, logits.size(-1), ndim=2, least=0)
    if len(seen) != len(logits):
        raise ValueError(f"seen must have the logits' {len(logits)} rows, not {len(seen)}.")
    old = logits.gather(-1, seen)
    return logits.scatter(-1, seen, torch.where(old > 0, old / penalty, old * penalty))


def probabilities(logits: Tensor, sampling: Sampling, seen: Tensor | None = None) -> Tensor:
    """Returns the probabilities, (B, vocab_size), from which `sampling` draws the next token.

    Args:
        logits: of the next token, (B, vocab_size).
        sampling: how to choose; at temperature 0 all is on the likeliest token.
        seen: tokens so far, int64, (B, S), for the repetition penalty; without it none was seen.

    Raises:
        ValueError: a row of logits has no finite highest number, or `seen` doesn't fit.
    """
    if seen is not None and sampling.repetition_penalty != 1:
        logits = penalize_repetition(logits, seen, sampling.repetition_penalty)
    if sampling.temperature == 0:
        return torch.zeros_like(logits).scatter(-1, _likeliest(logits), 1.0)
    logits = _divide(logits.float(), sampling.temperature)
    if sampling.top_k is not None:
        logits = keep_top_k(logits, sampling.top_k)
    if sampling.top_p is not None:
        logits = keep_nucleus(logits, sampling.top_p)
    shares: Tensor = logits.softmax(dim=-1)
    return shares


def choose(
    logits: Tensor,
    sampling: Sampling = GREEDY,
    rng: torch.Generator | None = None,
    seen: Tensor | None = None,
) -> Tensor:
    """Returns the next tokens, int64, (B, 1), of logits, (B, vocab_size).

    One generator draws for all rows, so what a row gets depends on how many there are; greedy
    choices depend on nothing but their row.

    Args:
        logits: of the next token, (B, vocab_size).
        sampling: how to choose.
        rng: draws the tokens, where it lies; without it the logits' device does.
        seen: tokens so far, int64, (B, S), for the repetition penalty.

    Raises:
        ValueError: a row of logits has no finite highest number, or `seen` doesn't fit.
    """
    if sampling.temperature == 0 and sampling.repetition_penalty == 1:
        return _likeliest(logits)
    shares = probabilities(logits, sampling, seen)
    if sampling.temperature == 0:
        return shares.argmax(dim=-1, keepdim=True)
    here = shares if rng is None else shares.to(rng.device)
    return torch.multinomial(here, 1, generator=rng).to(shares.device)


def _likeliest(logits: Tensor) -> Tensor:
    """Returns the likeliest tokens, int64, (B, 1)."""
    if logits.is_cpu and logits.dtype == torch.float32:  # NumPy's is faster by 0.1 ms
        tokens = torch.from_numpy(logits.detach().numpy().argmax(-1, keepdims=True))
    else:
        tokens = logits.argmax(dim=-1, keepdim=True)
    _check_highest(logits.gather(-1, tokens))
    return tokens


def _divide(logits: Tensor, temperature: float) -> Tensor:
    """Returns logits, (B, vocab_size), divided by a temperature above 0, however near to 0."""
    divided = logits / temperature
    if divided.amax(dim=-1).isfinite().all():
        return divided
    highest = logits.amax(dim=-1, keepdim=True)
    _check_highest(highest)
    # The quotients are too large for their type; those below the highest may be, as they get 0.
    return (logits - highest) / min(max(temperature, 1e-30), 1e30)


def _check_highest(logits: Tensor) -> None:
    # The highest of a row is "not a number" where any is, and minus infinity where all are.
    if not logits.isfinite().all():
        raise ValueError(
            "Each row of logits needs a finite highest number, so a model whose weights or inputs "
            "are not finite can't choose."
        )


def _check_share(name: str, share: float) -> None:
    if not 0 < share <= 1:
        raise ValueError(f"{name} must be above 0 and at most 1, not {share}.")
