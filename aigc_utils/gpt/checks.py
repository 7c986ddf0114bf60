"""Chapter 4: what its functions accept, each kind of input checked in one place and one sentence.

A check looks at an input once a call. What a network does in every step has none but shapes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from operator import index
from typing import SupportsIndex

import torch
from torch import Tensor

Ids = Iterable[SupportsIndex] | Tensor


def check_text(text: object) -> None:
    """Checks a text.

    Raises:
        ValueError: it is no string.
    """
    if not isinstance(text, str):
        raise ValueError(f"A text must be a string, not {type(text).__name__}.")


def utf8(text: str) -> bytes:
    """Returns a text's bytes.

    Raises:
        ValueError: it has half of a surrogate pair, which is not a character.
    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        half = ord(text[error.start])
        raise ValueError(
            f"The text has surrogates, halves of characters such as U+{half:04X}: leave them out."
        ) from None


def check_mask(mask: Tensor | None, scores: Tensor | None = None) -> None:
    """Checks what hides keys from queries: numbers could stand for shares or for scores.

    Raises:
        ValueError: it is not bool, or does not fit the scores that it is for.
    """
    if mask is None:
        return
    if mask.dtype != torch.bool:
        raise ValueError(f"A mask must be bool, True where a key may be seen, not {mask.dtype}.")
    if scores is not None and not _spreads(mask.shape, scores.shape):
        raise ValueError(
            f"A mask must fit scores of shape {tuple(scores.shape)}, not have {tuple(mask.shape)}."
        )


def _spreads(shape: torch.Size, over: torch.Size) -> bool:
    """Returns whether a tensor of one shape can be repeated to fill another."""
    sizes = zip(reversed(shape), reversed(over), strict=False)
    return len(shape) <= len(over) and all(size in (1, wanted) for size, wanted in sizes)


def check_padding(padding: Tensor, batch_size: int, size: int) -> None:
    """Checks how many of the `size` slots of each row are empty.

    Raises:
        ValueError: another shape or type than int64, (B,), or a number that is not from 0 to
            `size` - 1.
    """
    fits = padding.dtype == torch.int64 and padding.shape == (batch_size,)
    if not fits or padding.min() < 0 or padding.max() >= size:
        raise ValueError(
            f"padding must be {batch_size} int64 numbers from 0 to {size - 1}, "
            f"not {padding.tolist()}."
        )


def check_room(tokens: int, room: int) -> None:
    """Checks how many tokens a context or a cache is to hold.

    Raises:
        ValueError: more than there is room for.
    """
    if tokens > room:
        raise ValueError(f"There is room for {room} tokens, not {tokens}: give the last {room}.")


def check_tokens(tokens: Tensor) -> None:
    """Checks the shape alone of what a network reads, so that it costs nothing.

    Raises:
        ValueError: it is not int64, (B, T), with at least one token.
    """
    fits = isinstance(tokens, Tensor) and tokens.dtype == torch.int64 and tokens.ndim == 2
    if not fits or not tokens.numel():
        raise ValueError(f"Tokens must be int64 ids of shape (B, T), not {what(tokens)}.")


def check_targets(tokens: Tensor, targets: Tensor) -> None:
    """Checks the shape alone of what is to be predicted.

    Raises:
        ValueError: it is not int64, or has another shape than what is read.
    """
    fits = isinstance(targets, Tensor) and targets.dtype == torch.int64
    if not fits or targets.shape != tokens.shape:
        raise ValueError(f"Targets must be int64 and of tokens' shape, {tuple(tokens.shape)}.")


@contextmanager
def below(name: str, vocab_size: int) -> Iterator[None]:
    """Turns torch's "index out of range" within into a sentence, so that no step looks at its ids.

    Raises:
        ValueError: an id was not from 0 to `vocab_size` - 1.
    """
    try:
        yield
    except IndexError as error:
        raise ValueError(f"{name} must be ids from 0 to {vocab_size - 1}.") from error


@contextmanager
def reading(tokens: Tensor, context: int, vocab_size: int) -> Iterator[None]:
    """Checks what a network reads, and where its ids lie while they are looked up within.

    Raises:
        ValueError: another shape or type, more than the context has room for, or ids that are not
            below `vocab_size`.
    """
    check_tokens(tokens)
    check_room(tokens.size(1), context)
    with below("Tokens", vocab_size):
        yield


def check_range(name: str, ids: Tensor, vocab_size: float = math.inf) -> None:
    """Checks where ids, int64, of any shape, lie.

    Raises:
        ValueError: one is below 0, or not below `vocab_size`.
    """
    low, high = (int(end) for end in ids.aminmax())
    if low < 0 or high >= vocab_size:
        known = "at least 0" if vocab_size == math.inf else f"from 0 to {vocab_size - 1}"
        raise ValueError(f"{name} must be {known}, so not {low if low < 0 else high}.")


def check_ids(
    name: str, ids: object, vocab_size: float = math.inf, ndim: int = 1, least: int = 1
) -> None:
    """Checks ids in one row, (N,), or, where `ndim` is 2, in several, (B, T).

    Raises:
        ValueError: another shape or type, fewer ids a row than `least`, or one that is below 0 or
            not below `vocab_size`.
    """
    fits = isinstance(ids, Tensor) and ids.dtype == torch.int64 and ids.ndim == ndim
    if not isinstance(ids, Tensor) or not fits or ids.size(-1) < least:
        shape, row = ("(B, T)", "T") if ndim == 2 else ("(N,)", "N")
        raise ValueError(
            f"{name} must be int64 ids of shape {shape}, {row} at least {least}, not {what(ids)}."
        )
    if ids.numel():
        check_range(name, ids, vocab_size)


def whole_ids(ids: Ids, vocab_size: int) -> list[int]:
    """Returns ids as a list of Python's own numbers.

    Args:
        ids: numbers, in any order and as often as one likes; a tensor has shape (N,).
        vocab_size: ids are below it.

    Raises:
        ValueError: one is no whole number from 0 to `vocab_size` - 1.
    """
    if isinstance(ids, str | Mapping) or not isinstance(ids, Iterable):
        raise ValueError(f"Ids stand in a list or a tensor of shape (N,), and {ids!r} is none.")
    if isinstance(ids, Tensor) and ids.ndim != 1:
        raise ValueError(f"Ids stand in a list or a tensor of shape (N,), and {what(ids)} is none.")
    numbers = []
    for each in ids.tolist() if isinstance(ids, Tensor) else ids:
        try:
            number = -1 if isinstance(each, bool) else index(each)
        except TypeError:
            number = -1
        if not 0 <= number < vocab_size:
            known = f"from 0 to {vocab_size - 1}" if vocab_size else "of nothing"
            raise ValueError(f"Ids are whole numbers {known} here, and {each!r} is none.")
        numbers.append(number)
    return numbers


def what(value: object) -> str:
    """Returns what an input is, for the sentence that refuses it."""
    if isinstance(value, Tensor):
        return f"{value.dtype} of shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"
