"""The exercise of chapter 4 about what a tokeniser makes of a text."""

from __future__ import annotations

import re
from functools import cache
from types import SimpleNamespace
from typing import Any

from ... import gpt
from ..answers import numbers
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_count
from .texts import poems, sonnets


@cache
def _all_lines() -> tuple[list[str], list[str]]:
    """Returns lines of the sonnets, words and spaces alone, and lines of the poems."""
    english = re.findall(r"^([A-Z][a-z]+(?: [a-z]+){4,6})[,.;:]?$", sonnets(), re.M)
    chinese = re.findall(r"^([\u4e00-\u9fff]+，[\u4e00-\u9fff]+)。$", poems(), re.M)
    return english, chinese


@cache
def _merges(start: int) -> list[gpt.tokenizers.Pair]:
    sample = " ".join(sonnets()[start : start + 3000].split())
    return gpt.learn_merges(sample, 256 + 8)


def _whole_character(character: str) -> list[gpt.tokenizers.Pair]:
    """Returns the merges that make one token of a Chinese character's three bytes."""
    a, b, c = (bytes([byte]) for byte in character.encode())
    return [(a, b), (a + b, c)]


def _lines(draw: Draw) -> SimpleNamespace:
    """Returns an English and a Chinese line, each with the merges of a tokeniser."""
    english, chinese = _all_lines()
    merges = _merges(draw.integer(0, 80_000))
    tokenizer, line = gpt.BPETokenizer(merges), ""
    while len(tokenizer.encode(line)) > len(line) - 5:
        line = draw.choice(english)
    poem = draw.choice(chinese)
    starts = [character.encode()[:2] for character in poem]  # merged alike if they are the same
    alone = [c for c, start in zip(poem, starts, strict=True) if starts.count(start) == 1]
    if len(alone) < 4:
        return _lines(draw)
    whole = draw.sample(alone, draw.integer(1, 4))
    return SimpleNamespace(
        english=line,
        english_merges=list(merges),
        chinese=poem,
        chinese_merges=[pair for character in whole for pair in _whole_character(character)],
    )


@exercise(
    "Words, characters, tokens",
    kind="predict",
    objective="tokenisation (characters, BPE, Chinese too)",
    misconceptions=("tokens = words",),
    points=2,
    hints=(
        "A token is what the merges leave, not a word. Write the line as single bytes and join.",
        "Go through the merges in their order; each joins all its pairs in all words. Every "
        "Chinese character begins as three bytes.",
        "`tokens` is the number of characters less one for each time a merge joins a pair; "
        "`chinese` is three times the characters less two for each that has its merges.",
    ),
    given=_lines,
)
def counts(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer` holds the English line's words, characters and tokens, and the Chinese tokens."""
    answer = numbers(answer, "counts", ("words", "characters", "tokens", "chinese"))
    _expect_counts(answer, given)


def _expect_counts(answer: dict[str, float], given: SimpleNamespace) -> None:
    """Raises NotYet unless words, characters and tokens of the lines are right."""
    line, tokenizer = given.english, gpt.BPETokenizer(given.english_merges)
    words, characters = len(line.split()), len(line)
    expect(answer["words"] == words, "The English line has another number of words.")
    mistakes = {"A space is a character too.": characters - words + 1}
    otherwise = "The English line has other `characters`."
    expect_count(answer["characters"], characters, mistakes, otherwise)
    mistakes = {
        "These are the words, but tokens are not words: a token is what these merges leave.": words,
        "These are the characters: now apply the merges.": characters,
        "The space before a word counts too: it is a byte of it.": (
            len(tokenizer.encode(line.replace(" ", "")))
        ),
    }
    otherwise = f"The merges don't leave {answer['tokens']:g} tokens. Earlier merges go first."
    expect_count(answer["tokens"], len(tokenizer.encode(line)), mistakes, otherwise)
    mistakes = {
        "A token is not a character either: a Chinese character is three bytes, and only merges "
        "make them one token.": len(given.chinese),
        "These are the bytes. The merges of the Chinese line make some characters one token.": (
            3 * len(given.chinese)
        ),
    }
    otherwise = f"The Chinese line does not have {answer['chinese']:g} tokens."
    wanted = len(gpt.BPETokenizer(given.chinese_merges).encode(given.chinese))
    expect_count(answer["chinese"], wanted, mistakes, otherwise)
