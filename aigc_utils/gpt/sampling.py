"""Chapter 4: how the next token is chosen from a model's logits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen from the logits; the default draws from the model as it is.

    Raises:
        ValueError: a temperature below 0, a penalty of 0 or less, a `top_k` below 1, or a `top_p`
            that is not above 0 and at most 1.
    """

    temperature: float = 1.0  # 0 is greedy: always the likeliest
    top_k: int | None = None  # only the k likeliest
    top_p: float | None = None  # only the nucleus: the likeliest that together reach p
    repetition_penalty: float = 1.0  # above 1: tokens that were there before become less likely

    def __post_init__(self) -> None:
        if self.temperature < 0 or self.repetition_penalty <= 0:
            raise ValueError("temperature must be at least 0, and repetition_penalty above 0.")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k must be None or at least 1, not {self.top_k}.")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be None or above 0 and at most 1, not {self.top_p}.")


#: Always the likeliest token, so nothing is drawn.
GREEDY = Sampling(temperature=0)


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """Returns logits, (B, vocab_size), with all but each row's k highest at minus infinity.

    Source: Fan, Lewis and Dauphin, Hierarchical Neural Story Generation, 2018.
    """
    values, tokens = logits.topk(min(k, logits.size(-1)), dim=-1)
    return torch.full_like(logits, float("-inf")).scatter(-1, tokens, values)


def keep_nucleus(logits: Tensor, p: float) -> Tensor:
    """Returns logits, (B, vocab_size), with all outside the nucleus at minus infinity.

    The nucleus is the smallest set of tokens whose probabilities sum to at least p.

    Source: Holtzman et al., The Curious Case of Neural Text Degeneration, 2020.
    """
    ordered, tokens = logits.sort(dim=-1, descending=True, stable=True)
    together = ordered.float().softmax(dim=-1).cumsum(dim=-1)
    before = F.pad(together[..., :-1], (1, 0))  # what the likelier ones have together
    outside = before >= (p if p < 1 else 2)  # by rounding a sum may reach 1 too early
    return logits.masked_fill(outside.scatter(-1, tokens, outside), float("-inf"))


def penalize_repetition(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Returns logits, (B, vocab_size), with those of the tokens seen, (B, S), made smaller.

    Positive logits are divided by the penalty, negative ones multiplied, since a division would
    raise them.

    Source: Keskar et al., CTRL, 2019, who divide all.
    """
    old = logits.gather(-1, seen)
    return logits.scatter(-1, seen, torch.where(old > 0, old / penalty, old * penalty))


def probabilities(logits: Tensor, sampling: Sampling, seen: Tensor | None = None) -> Tensor:
    """Returns the probabilities, (B, vocab_size), from which `sampling` draws the next token.

    Args:
        logits: of the next token, (B, vocab_size).
        sampling: how to choose; at temperature 0 all is on the likeliest token.
        seen: tokens so far, int64, (B, S), for the repetition penalty.
    """
    if seen is not None and sampling.repetition_penalty != 1:
        logits = penalize_repetition(logits, seen, sampling.repetition_penalty)
    if sampling.temperature == 0:
        likeliest = logits.argmax(dim=-1, keepdim=True)
        return torch.zeros_like(logits).scatter(-1, likeliest, 1.0)
    logits = logits.float() / sampling.temperature
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

    Args:
        logits: of the next token, (B, vocab_size).
        sampling: how to choose.
        rng: draws the tokens; on the logits' device.
        seen: tokens so far, int64, (B, S), for the repetition penalty.
    """
    if sampling.temperature == 0 and sampling.repetition_penalty == 1:
        if logits.is_cpu and logits.dtype == torch.float32:  # NumPy's is faster by 0.1 ms
            return torch.from_numpy(logits.detach().numpy().argmax(-1, keepdims=True))
        return logits.argmax(dim=-1, keepdim=True)
    shares = probabilities(logits, sampling, seen)
    if sampling.temperature == 0:
        return shares.argmax(dim=-1, keepdim=True)
    return torch.multinomial(shares, 1, generator=rng)
