"""The exercises of chapter 4, in the order of its notebook."""

from __future__ import annotations

from ..chapter import Chapter
from . import attention, bits, copying, loss, models, sampling, tokens
from .loss import broken_next_token_loss

__all__ = ["CHAPTER", "broken_next_token_loss"]

CHAPTER = Chapter(
    "04_gpt",
    tokens.counts,
    attention.heads,
    attention.sight,
    loss.next_token_loss,
    copying.seen,
    attention.look,
    sampling.temperature,
    bits.bits,
    models.echo,
    models.beat,
    misconceptions=(
        "attention = explanation",
        "tokens = words",
        "temperature adds knowledge",
        "the model looks text up",
        "the mask matters only at inference",
        "more heads = more parameters",
        "comparing perplexity across tokenisers",
        "GPT has an encoder",
    ),
)
