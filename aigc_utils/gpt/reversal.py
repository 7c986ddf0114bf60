"""Chapter 4: words and the same words backwards, the task of the encoder-decoder."""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_lowercase

import torch
from torch import Tensor

from ..limits import whole
from ..training import Batch
from .tokenizers import CharTokenizer

#: A token for each letter, one that starts a target and one that ends it; letters come last.
SIGNS = CharTokenizer(f"<>{ascii_lowercase}")
#: The tokens that start a target and end it, and the one of the letter a.
START, END, FIRST_LETTER = SIGNS.encode("<>a")


def encode_words(*words: str) -> Tensor:
    """Returns words of lower-case letters as tokens, int64, (number of words, length).

    Raises:
        ValueError: the words differ in length, are empty, or are not of the letters a to z alone.
    """
    alike = all(isinstance(word, str) for word in words) and len({len(word) for word in words}) == 1
    if not alike or not words[0] or set("".join(words)) - set(ascii_lowercase):
        raise ValueError(f"Words need equal lengths and the letters a to z alone: not {words}.")
    return torch.tensor([SIGNS.encode(word) for word in words], device="cpu")


def decode_words(tokens: Tensor) -> list[str]:
    """Returns the word in each row of tokens, (B, T): what stands before the first end token.

    Raises:
        ValueError: a token is none of `SIGNS`.
    """
    return [SIGNS.decode(row).split(SIGNS.characters[END])[0] for row in tokens]


def reverse_batches(
    rng: torch.Generator, batch_size: int, shortest: int = 8, longest: int = 12
) -> Iterator[Batch]:
    """Returns an endless iterator of random words, what the decoder is given and should write.

    All are int64: source, (B, S); target, (B, S + 1), the start token and the letters backwards;
    following, (B, S + 1), the letters backwards and the end token. A batch has words of one length,
    so it needs no padding. They lie where `rng` lies.

    Raises:
        ValueError: a size is not positive, or `longest` below `shortest`.
    """
    whole("batch_size", batch_size, 1)
    check_lengths(shortest, longest)
    place = rng.device
    start, end = (torch.full((batch_size, 1), sign, device=place) for sign in (START, END))

    def drawn() -> Iterator[Batch]:
        while True:
            length = int(torch.randint(shortest, longest + 1, (), generator=rng, device=place))
            size = (batch_size, length)
            source = torch.randint(
                FIRST_LETTER, SIGNS.vocab_size, size, generator=rng, device=place
            )
            backwards = source.flip(1)
            yield source, torch.cat((start, backwards), 1), torch.cat((backwards, end), 1)

    return drawn()


def check_lengths(shortest: int, longest: int) -> None:
    """Checks how many letters words may have.

    Raises:
        ValueError: `shortest` is not positive, or `longest` below it.
    """
    whole("shortest", shortest, 1)
    whole("longest", longest, shortest)
