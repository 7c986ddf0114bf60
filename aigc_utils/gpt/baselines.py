"""What a model has to beat: losses of models that count, and the unit that compares tokenizers.

Nothing here knows a tokenizer: it takes ids, int64, (N,).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..limits import whole
from .checks import check_ids, check_text


def unigram_nats(train: Tensor, validation: Tensor, vocab_size: int) -> float:
    """Returns the mean loss in nats of a model that knows only how often each token occurs.

    The counts are the training ids' plus one for each token (Laplace), so no token is impossible.
    As for a model, all validation ids but the first are predicted.

    Raises:
        ValueError: another shape or type, fewer than two ids, or ids outside of 0 to
            `vocab_size` - 1.
    """
    _check_ids(train, validation, vocab_size)
    probabilities = _unigram(train, vocab_size)
    return float(-probabilities[validation[1:]].log().mean())


def bigram_nats(train: Tensor, validation: Tensor, vocab_size: int) -> float:
    """Returns the mean loss in nats of a model that knows only the token before.

    After a token a that T different ones followed, the probability of b is
    (count(a, b) + T · unigram(b)) / (count(a) + T): the more often a was seen, the less the
    unigram counts. There is nothing to tune, and it needs memory only for the pairs that occur.

    Raises:
        ValueError: another shape or type, fewer than two ids, or ids outside of 0 to
            `vocab_size` - 1.

    Source: Witten and Bell, The zero-frequency problem, 1991; Chen and Goodman 1998, section 2.6.
    """
    _check_ids(train, validation, vocab_size)
    pairs, pair_counts = (train[:-1] * vocab_size + train[1:]).unique(return_counts=True)
    counts = train[:-1].bincount(minlength=vocab_size)
    followers = (pairs // vocab_size).bincount(minlength=vocab_size).clamp_min(1)
    before, token = validation[:-1], validation[1:]
    wanted = before * vocab_size + token
    place = torch.searchsorted(pairs, wanted).clamp_max(len(pairs) - 1)
    seen = pair_counts[place].where(pairs[place] == wanted, 0)
    weight = followers[before].double()
    probabilities = seen + weight * _unigram(train, vocab_size)[token]
    return float(-(probabilities / (counts[before] + weight)).log().mean())


def bits_per_character(nats_per_token: float, tokens: int, text: str) -> float:
    """Returns a text's loss in bits for each of its characters, whatever its tokens are.

    Perplexities of two tokenizers can't be compared, as their tokens differ; this can be.

    Args:
        nats_per_token: the mean loss, at least 0.
        tokens: how many tokens the text has, at least one.
        text: what was predicted, at least one character.

    Raises:
        ValueError: there are no characters or no tokens, or the loss is below 0 or not a number.
    """
    check_text(text)
    if not text:
        raise ValueError("An empty text has no bits per character.")
    whole("tokens", tokens, 1)
    if not nats_per_token >= 0:
        raise ValueError(f"nats_per_token must be a loss of at least 0, not {nats_per_token}.")
    return nats_per_token * tokens / len(text) / math.log(2)


def _unigram(train: Tensor, vocab_size: int) -> Tensor:
    counts = train.bincount(minlength=vocab_size).double() + 1
    return counts / counts.sum()


def _check_ids(train: Tensor, validation: Tensor, vocab_size: int) -> None:
    whole("vocab_size", vocab_size, 1)
    for name, ids in (("train", train), ("validation", validation)):
        check_ids(name, ids, vocab_size, least=2)
