"""What a model has to beat: losses of models that count, and the unit that compares tokenizers.

Nothing here knows a tokenizer: it takes ids, int64, (N,), of any device, and counts on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..devices import exact
from ..limits import functions, whole
from .checks import check_ids, check_text, utf8


def unigram_nats(train: Tensor, validation: Tensor, vocab_size: int) -> float:
    """Returns the mean loss in nats of a model that knows only how often each token occurs.

    The counts are the training ids' plus one for each token (Laplace), so no token is impossible.
    As for a model, all validation ids but the first are predicted.

    Raises:
        ValueError: another shape or type, fewer than two ids, or ids outside of 0 to
            `vocab_size` - 1.
    """
    train, validation = _ids(train, validation, vocab_size)
    probabilities = _unigram(train, vocab_size)
    return float(-probabilities[validation[1:]].log().mean())


def bigram_nats(train: Tensor, validation: Tensor, vocab_size: int) -> float:
    """Returns the mean loss in nats of a model that knows only the token before.

    It is order 2 of `backoff_surprise`: after a token a that T different ones followed, the
    probability of b is (count(a, b) + T · unigram(b)) / (count(a) + T). There is nothing to tune,
    and it needs memory only for the pairs that occur.

    Raises:
        ValueError: another shape or type, fewer than two ids, or ids outside of 0 to
            `vocab_size` - 1.

    Source: Witten and Bell, The zero-frequency problem, 1991; Chen and Goodman 1998, section 2.6.
    """
    return float(backoff_surprise(train, validation, 2, vocab_size)[1].mean())


def backoff_surprise(train: Tensor, validation: Tensor, order: int, vocab_size: int) -> Tensor:
    """Returns the surprise in nats of counting models of order 1 to `order`, (order, N - 1).

    A model of order n looks at the n - 1 tokens before. After a context that N tokens followed, T
    of them different, the probability of b is (count(context, b) + T · p(b)) / (N + T), where p is
    that of the model one order below: a context that was never seen leaves it to the shorter one.
    Order 1 is `unigram_nats`. A row has a value for each validation id but the first, and lies
    where these lie.

    Raises:
        ValueError: as `unigram_nats`, or `order` is below 1 or so high that an int64 can't number
            the n-grams.

    Source: Witten and Bell, The zero-frequency problem, 1991; Chen and Goodman 1998, section 2.6.
    """
    at = validation.device
    train, validation = _ids(train, validation, vocab_size)
    if vocab_size ** whole("order", order) >= 2**63:
        raise ValueError(f"order must be low enough to number all n-grams, not {order}.")
    orders = [_unigram(train, vocab_size)[validation[1:]]]
    for length in range(2, order + 1):
        grams, counts = _counted(_runs(train, length, vocab_size))
        contexts, place, followers = (grams // vocab_size).unique_consecutive(
            return_inverse=True, return_counts=True
        )
        totals = torch.zeros_like(contexts).index_add_(0, place, counts)
        wanted = _runs(validation, length, vocab_size)
        seen, total, different = (
            _found(*each)
            for each in (
                (grams, counts, wanted),
                (contexts, totals, wanted // vocab_size),
                (contexts, followers, wanted // vocab_size),
            )
        )
        skipped, below = orders[-1][: length - 2], orders[-1][length - 2 :]
        shares = (seen + different * below) / (total + different).clamp_min(1)
        orders.append(torch.cat((skipped, shares.where(total > 0, below))))
    return -torch.stack(orders).log().to(exact(at))


def _runs(ids: Tensor, length: int, vocab_size: int) -> Tensor:
    """Returns a number for each run of so many ids, the same for the same run."""
    count = max(0, len(ids) - length + 1)
    numbers = ids[:count]
    for i in range(1, length):
        numbers = numbers * vocab_size + ids[i : i + count]
    return numbers


def _counted(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the different numbers, sorted, and how often each occurs."""
    # NumPy sorts millions of numbers in under half of torch's time.
    found, counts = np.unique(numbers.numpy(), return_counts=True)
    return torch.from_numpy(found), torch.from_numpy(counts)


def _found(keys: Tensor, values: Tensor, wanted: Tensor) -> Tensor:
    """Returns the value that stands beside each wanted key, 0 where there is no such key."""
    if len(keys) == 0:
        return torch.zeros_like(wanted)
    place = torch.searchsorted(keys, wanted).clamp_max(len(keys) - 1)
    return values[place].where(keys[place] == wanted, 0)


def compressed_bits(compress: Callable[[bytes], bytes], given: str, text: str) -> float:
    """Returns how many bits a character of a text costs a compressor that has read another before.

    It is the growth of the compressed file when the text is added. So the compressor learns from
    what it was given, as far as its window reaches, and from the text itself as it goes on.

    Args:
        compress: such as `lzma.compress`.
        given: what it may read first.
        text: what is to be told, at least one character.

    Raises:
        ValueError: there are no characters, what is given is no text or no function, or that
            function gives no bytes.
    """
    functions(compress=compress)
    check_text(given)
    check_text(text)
    if not text:
        raise ValueError("An empty text has no bits per character.")
    both, alone = (compress(utf8(each)) for each in (given + text, given))
    if not isinstance(both, bytes) or not isinstance(alone, bytes):
        raise ValueError(f"compress must give bytes, not a {type(both).__name__}.")
    return 8 * (len(both) - len(alone)) / len(text)


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


def _ids(train: Tensor, validation: Tensor, vocab_size: int) -> tuple[Tensor, Tensor]:
    """Returns two texts' ids on the CPU; raises ValueError for what are none."""
    whole("vocab_size", vocab_size, 1)
    for name, ids in (("train", train), ("validation", validation)):
        check_ids(name, ids, vocab_size, least=2)
    return train.cpu(), validation.cpu()
