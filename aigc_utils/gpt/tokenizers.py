"""Two tokenizers, whole: one token for each character, and byte-pair encoding as GPT-2 has it.

Both turn text into a list of ids and ids into text. A token of the second is a string of bytes,
so any text can be encoded, and what the merges learned can be read.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import Protocol, cast

import torch
from torch import Tensor

from ..limits import whole
from .checks import Ids, check_text, utf8, whole_ids

Pair = tuple[bytes, bytes]

#: What a word is for byte-pair encoding, as in GPT-2: an English ending; letters, digits or signs,
#: each with the space before; spaces.
WORD = re.compile(r"'(?:s|t|re|ve|m|ll|d)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


class Tokenizer(Protocol):
    """What a chapter needs of a tokenizer."""

    @property
    def vocab_size(self) -> int:
        """Returns the number of different ids."""

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text."""

    def decode(self, ids: Ids) -> str:
        """Returns the text of ids."""


class CharTokenizer:
    """One token for each character of `text`, numbered in the order of their code points.

    Raises:
        ValueError: the text is no string.
    """

    def __init__(self, text: str) -> None:
        check_text(text)
        self.characters = sorted(set(text))
        self._ids = {character: i for i, character in enumerate(self.characters)}

    @property
    def vocab_size(self) -> int:
        """Returns the number of different characters."""
        return len(self.characters)

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text's characters.

        Raises:
            ValueError: a character was not in the tokenizer's text, or the text is no string.
        """
        check_text(text)
        try:
            return [self._ids[character] for character in text]
        except KeyError as error:
            character = error.args[0]
            raise ValueError(
                f"The tokenizer's text had no {character!r} (U+{ord(character):04X}): leave it "
                "out, or make the tokenizer from a text that has it."
            ) from None

    def decode(self, ids: Ids) -> str:
        """Returns the text of ids.

        Raises:
            ValueError: an id is not one of the tokenizer's.
        """
        return "".join(self.characters[i] for i in whole_ids(ids, self.vocab_size))


class BPETokenizer:
    """Byte-pair encoding: 256 tokens of one byte, and one more for each result of `merges`.

    A merge makes one token of two that stand side by side. Earlier merges go first, and none
    reaches from one word (`WORD`) into the next.

    Raises:
        ValueError: a merge stands twice, or joins what is neither a byte nor an earlier merge's.

    Source: Sennrich et al. 2016, algorithm 1; on bytes: Radford et al. 2019 (GPT-2), section 2.2.
    """

    def __init__(self, merges: Iterable[Pair] = ()) -> None:
        self.merges = [cast("Pair", tuple(pair)) for pair in merges]
        self._ids = {bytes([byte]): byte for byte in range(256)}
        self._ranks: dict[Pair, int] = {}
        for rank, pair in enumerate(self.merges):
            known = all(isinstance(part, bytes) and part in self._ids for part in pair)
            if len(pair) != 2 or not known or pair in self._ranks:
                raise ValueError(
                    f"The merge of {pair} stands twice, or before what it joins: give pairs of "
                    "bytes in the order in which they were learned."
                )
            self._ranks[pair] = rank
            # Two merges may give the same bytes, (a, bc) and (ab, c): that is one token.
            self._ids.setdefault(b"".join(pair), len(self._ids))
        self.tokens = list(self._ids)
        self._known: dict[str, list[int]] = {}  # words encoded before: texts repeat themselves

    @classmethod
    def train(cls, text: str, vocab_size: int) -> BPETokenizer:
        """Returns a tokenizer of `vocab_size` tokens, its merges learned from `text`.

        Raises:
            ValueError: `vocab_size` is below 256, or the text has too few pairs that occur twice.
        """
        return cls(learn_merges(text, vocab_size))

    @property
    def vocab_size(self) -> int:
        """Returns the number of tokens."""
        return len(self.tokens)

    def encode(self, text: str) -> list[int]:
        """Returns the ids of any text.

        Raises:
            ValueError: the text has half of a surrogate pair, which is not a character, or is no
                string.
        """
        check_text(text)
        ids: list[int] = []
        for word in WORD.findall(text):
            if word not in self._known:
                self._known[word] = [self._ids[token] for token in self._merge(word)]
            ids += self._known[word]
        return ids

    def decode(self, ids: Ids) -> str:
        """Returns the text of ids; bytes that are not UTF-8, as of half a character, give U+FFFD.

        Raises:
            ValueError: an id is not one of the tokenizer's.
        """
        tokens = [self.tokens[i] for i in whole_ids(ids, self.vocab_size)]
        return b"".join(tokens).decode("utf-8", errors="replace")

    def _merge(self, word: str) -> list[bytes]:
        tokens = _single_bytes(word)
        while len(tokens) > 1:
            first = min(pairwise(tokens), key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if first not in self._ranks:
                break
            tokens = merge(tokens, first)
        return tokens


class _Pairs:
    """How often each pair of tokens stands side by side in a text, merge after merge."""

    def __init__(self, text: str) -> None:
        counts = Counter(WORD.findall(text))
        self._words = [_single_bytes(word) for word in counts]
        self._times = list(counts.values())
        self._frequency: Counter[Pair] = Counter()
        self._where: defaultdict[Pair, set[int]] = defaultdict(set)  # words that may hold a pair
        for i in range(len(self._words)):
            self._count(i, 1)
        self._heap = [(-n, pair) for pair, n in self._frequency.items()]
        heapify(self._heap)

    def _count(self, i: int, sign: int) -> None:
        for pair in pairwise(self._words[i]):
            self._frequency[pair] += sign * self._times[i]
            self._where[pair].add(i)

    def most_frequent(self) -> tuple[Pair, int]:
        """Returns the pair that occurs most often, and how often; (b"", b"") and 0 without one."""
        while self._heap:
            most, pair = heappop(self._heap)
            if most == -self._frequency[pair]:
                return pair, -most
            heappush(self._heap, (-self._frequency[pair], pair))  # it has become rarer since
        return (b"", b""), 0

    def merge(self, pair: Pair) -> None:
        """Makes a pair one token; only the words with it change, so only their pairs do."""
        token = pair[0] + pair[1]
        new: set[Pair] = set()
        for i in self._where.pop(pair):
            self._count(i, -1)
            self._words[i] = merge(self._words[i], pair)
            self._count(i, 1)
            new.update(pair for pair in pairwise(self._words[i]) if token in pair)
        for neighbours in new:
            heappush(self._heap, (-self._frequency[neighbours], neighbours))


def learn_merges(text: str, vocab_size: int) -> list[Pair]:
    """Returns the merges that make a vocabulary of `vocab_size` tokens, in order.

    Each is the pair of tokens that stands side by side most often at that point; of equally
    frequent ones, the first in the order of bytes.

    Raises:
        ValueError: `vocab_size` is below 256, one for each byte, or no whole number, the text is no
            string, or it has too few pairs that occur twice.
    """
    check_text(text)
    whole("vocab_size", vocab_size, 256)
    pairs = _Pairs(text)
    merges: list[Pair] = []
    tokens = {bytes([byte]) for byte in range(256)}
    while len(tokens) < vocab_size:
        pair, most = pairs.most_frequent()
        if most < 2:
            raise ValueError(
                "No pair is left that occurs twice: the text is enough for a vocab_size of "
                f"{len(tokens)}, not of {vocab_size}."
            )
        pairs.merge(pair)
        merges.append(pair)
        tokens.add(pair[0] + pair[1])
    return merges


def merge(tokens: list[bytes], pair: Pair) -> list[bytes]:
    """Returns the tokens with each occurrence of `pair`, from the left, made one token."""
    merged: list[bytes] = []
    i = 0
    while i < len(tokens):
        if tokens[i] == pair[0] and i + 1 < len(tokens) and tokens[i + 1] == pair[1]:
            merged.append(pair[0] + pair[1])
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged


def encode_tensor(tokenizer: Tokenizer, text: str) -> Tensor:
    """Returns the ids of a text, int64, (N,).

    Raises:
        ValueError: the tokenizer can't encode the text.
    """
    return torch.tensor(tokenizer.encode(text), dtype=torch.int64, device="cpu")


def tokens_per_character(tokenizer: Tokenizer, text: str) -> float:
    """Returns how many tokens a text has for each of its characters: the fewer, the better it fits.

    Raises:
        ValueError: there are no characters, or the tokenizer can't encode them.
    """
    check_text(text)
    if not text:
        raise ValueError("An empty text has no tokens per character.")
    return len(tokenizer.encode(text)) / len(text)


def _single_bytes(word: str) -> list[bytes]:
    return [bytes([byte]) for byte in utf8(word)]
