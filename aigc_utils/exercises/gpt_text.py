"""How the answers about text and the next token in chapter 4 are judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from .. import generation, tokenizers
from .answers import a_number, close
from .checking import NotYet, expect


def judge_counts(answer: dict[str, float], given: SimpleNamespace) -> None:
    """Raises NotYet unless words, characters and tokens of the lines are right."""
    line, merges = given.english, given.english_merges
    words, characters = len(line.split()), len(line)
    tokens = len(tokenizers.BPETokenizer(merges).encode(line))
    apart = len(tokenizers.BPETokenizer(merges).encode(line.replace(" ", "")))
    expect(answer["words"] == words, "The English line has another number of words.")
    expect(answer["characters"] != characters - words + 1, "A space is a character too.")
    expect(answer["characters"] == characters, "The English line has other `characters`.")
    expect(
        answer["tokens"] != words,
        "These are the words, but tokens are not words: a token is what these merges leave.",
    )
    expect(answer["tokens"] != characters, "These are the characters: now apply the merges.")
    expect(
        tokens == apart or answer["tokens"] != apart,
        "The space before a word counts too: it is a byte of it.",
    )
    expect(
        answer["tokens"] == tokens,
        f"The merges don't leave {answer['tokens']:g} tokens. Earlier merges go first.",
    )
    poem = given.chinese
    expect(
        answer["chinese"] != len(poem),
        "A token is not a character either: a Chinese character is three bytes, and only merges "
        "make them one token.",
    )
    expect(
        answer["chinese"] != 3 * len(poem),
        "These are the bytes. The merges of the Chinese line make some characters one token.",
    )
    wanted = len(tokenizers.BPETokenizer(given.chinese_merges).encode(poem))
    expect(
        answer["chinese"] == wanted,
        f"The Chinese line does not have {answer['chinese']:g} tokens.",
    )


def _nucleus(logits: Tensor, temperature: float, p: float) -> tuple[list[int], float]:
    """Returns the tokens that can be drawn, likeliest first, and the entropy in bits."""
    sampling = generation.Sampling(temperature, top_p=p)
    shares = generation.probabilities(logits[None].double(), sampling)[0]
    tokens = shares.argsort(descending=True)[: int((shares > 0).sum())]
    return tokens.tolist(), _entropy(shares[tokens])


def _entropy(shares: Tensor) -> float:
    return -(shares * shares.clamp_min(1e-30).log2()).sum().item()


def judge_nucleus(tokens: Any, bits: Any, logits: Tensor, heat: float, p: float) -> None:
    """Raises NotYet unless these tokens can be drawn, with this entropy."""
    expect(isinstance(tokens, Iterable), "The tokens must be a list of numbers.")
    tokens, bits = [int(token) for token in tokens], a_number(bits, "the entropy")
    wanted, entropy = _nucleus(logits, heat, p)
    if tokens != wanted:
        _name_mistake(tokens, wanted, logits, heat, p)
    where = f"at temperature {heat:g} and top-p {p:g}"
    shares = (logits / heat).softmax(0)[wanted]
    expect(not close(bits, -entropy) or entropy == 0, "The sign is wrong: no entropy is negative.")
    expect(
        not close(bits, entropy * math.log(2)) or entropy == 0,
        "This entropy is in nats; bits are asked for.",
    )
    renormalised = close(shares.sum(), 1.0)
    expect(
        renormalised or not close(bits, _entropy(shares)),
        "After the cut the probabilities no longer sum to one: divide them by their sum.",
    )
    expect(
        renormalised or not close(bits, _entropy((logits / heat).softmax(0))),
        "This is the entropy before the cut: only the tokens that remain can be drawn.",
    )
    expect(close(bits, entropy, 1e-3), f"The entropy {where} is not {bits:.4g} bits.")


def _name_mistake(
    tokens: list[int], wanted: list[int], logits: Tensor, heat: float, p: float
) -> None:
    if set(tokens) == set(wanted):
        raise NotYet("The right tokens, but not in order: the likeliest comes first.")
    expect(tokens != _nucleus(logits, 1.0, p)[0], "Temperature comes first, and then the cut.")
    expect(tokens != _nucleus(logits, 1 / heat, p)[0], "Divide by the temperature; don't multiply.")
    expect(tokens != wanted[:-1], "The token with which the sum reaches `p` stays too.")
    shown = f"at temperature {heat:g} and top-p {p:g}"
    raise NotYet(f"{len(wanted)} tokens remain {shown}, not these {len(tokens)}: {tokens}.")


def runs_of(text: str, n: int) -> list[str]:
    """Returns all runs of n characters of a text, in order."""
    return [text[i : i + n] for i in range(len(text) - n + 1)]


def share_found(pieces: Iterable[str], corpus: str) -> float:
    """Returns the share of pieces that stand in the corpus; 0.0 if there are none."""
    found = [piece in corpus for piece in pieces]
    return sum(found) / len(found) if found else 0.0


def longest_piece(text: str, corpus: str) -> int:
    """Returns the length of the longest piece of a text that stands in the corpus."""
    longest = 0
    for i in range(len(text)):
        while i + longest < len(text) and text[i : i + longest + 1] in corpus:
            longest += 1
    return longest


def judge_shares(answers: Sequence[Any], texts: Sequence[str], corpus: str, n: int) -> None:
    """Raises NotYet unless these are the shares of each text's runs that stand in the corpus."""
    shares = [a_number(answer, "the share") for answer in answers]

    def are(pieces: Callable[[str], Iterable[str]]) -> bool:
        wanted = [share_found(pieces(text), corpus) for text in texts]
        return close(torch.tensor(shares), torch.tensor(wanted), 1e-6)

    if are(lambda text: runs_of(text, n)):
        return
    expect(max(shares) <= 1, "This is a number of runs; the share is asked for, from 0 to 1.")
    expect(not are(str.split), "These are words; runs of `n` characters are asked for.")
    expect(
        not are(lambda text: set(runs_of(text, n))),
        "Each run counts, also one that was there before: don't make a set of them.",
    )
    expect(
        not are(lambda text: runs_of(text, n)[::n]),
        "These runs stand side by side, but runs overlap: one begins at each character.",
    )
    expect(
        not are(lambda text: runs_of(text, n)[:-1]),
        "The last run is missing: there are `len(text) - n + 1`.",
    )
    expect(
        not are(lambda text: [text]),
        "This looks the text up as a whole: look up each run of `n` characters.",
    )
    wanted = share_found(runs_of(texts[-1], n), corpus)
    raise NotYet(
        f"The share of runs of {n} characters is {wanted:.3f} for a text, not {shares[-1]:.3f}."
    )


def judge_line(name: str, y: list[float], run: SimpleNamespace, characters: int) -> None:
    """Raises NotYet unless a line is at the height of a run's bits a character."""
    expect(len(y) == len(run.nats), f"The line of {name} needs one point for each length.")
    line, nats = torch.tensor(y), torch.tensor(run.nats)
    rate = run.tokens / characters
    apart = (
        "tokens of different tokenisers are worth different numbers of characters, so this "
        "compares what has no common scale"
    )
    expect(not close(line, nats.exp()), f"These are perplexities: {apart}.")
    if rate != 1:
        expect(not close(line, nats), f"These are nats a token: {apart}.")
        expect(not close(line, nats / math.log(2)), f"These are bits a token: {apart}.")
    expect(not close(line, nats * rate), "These are nats a character: one bit is log 2 nats.")
    expect(
        not close(line, nats * rate * math.log(2)), "Divide by log 2: bits are smaller than nats."
    )
    if rate != 1:
        upside = nats / rate / math.log(2)
        expect(not close(line, upside), "The rate is upside down: tokens for each character.")
    expect(
        close(line, nats * rate / math.log(2), 1e-3), f"The line of {name} is at another height."
    )
