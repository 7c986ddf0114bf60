"""Answers to `counts`, an exercise of chapter 4."""

from __future__ import annotations

import torch

from aigc_utils import gpt

from .. import Cases

CASES = Cases("04_gpt")


@CASES.right("counts")
def by_tokeniser(g):
    english, chinese = map(gpt.BPETokenizer, (g.english_merges, g.chinese_merges))
    return {
        "words": len(g.english.split()),
        "characters": len(g.english),
        "tokens": len(english.encode(g.english)),
        "chinese": len(chinese.encode(g.chinese)),
    }


@CASES.right("counts")
def by_subtraction(g):
    tokens = [bytes([b]) for b in g.english.replace(" ", "| ").encode()]
    for pair in g.english_merges:
        tokens = gpt.tokenizers.merge(tokens, pair)
    return {
        "words": 1 + g.english.count(" "),
        "characters": sum(map(len, g.english.split(" "))) + g.english.count(" "),
        "tokens": len(tokens) - tokens.count(b"|"),
        "chinese": torch.tensor(3 * len(g.chinese) - len(g.chinese_merges)),
    }


@CASES.wrong("counts", says="tokens are not words")
def a_token_a_word(g):
    return by_tokeniser(g) | {"tokens": len(g.english.split())}


@CASES.wrong("counts", says="now apply the merges")
def no_merge(g):
    return by_tokeniser(g) | {"tokens": len(g.english)}


@CASES.wrong("counts", says="space is a character")
def no_spaces(g):
    return by_tokeniser(g) | {"characters": len(g.english.replace(" ", ""))}


@CASES.wrong("counts", says="don't leave [0-9]+ tokens")
def last_merge_forgotten(g):
    used = [count for count in range(8) if _tokens(g, count) != _tokens(g, 8)]
    return by_tokeniser(g) | {"tokens": _tokens(g, used[-1])}


def _tokens(g, merges):
    return len(gpt.BPETokenizer(g.english_merges[:merges]).encode(g.english))


@CASES.wrong("counts", says="Chinese character is three bytes")
def a_token_a_character(g):
    return by_tokeniser(g) | {"chinese": len(g.chinese)}


@CASES.wrong("counts", says="These are the bytes")
def all_bytes(g):
    return by_tokeniser(g) | {"chinese": len(g.chinese.encode())}


@CASES.wrong("counts", says="does not have [0-9]+ tokens")
def one_less_a_character(g):
    return by_tokeniser(g) | {"chinese": 3 * len(g.chinese) - len(g.chinese_merges) // 2}


@CASES.wrong("counts", says="another number of words")
def gaps_counted(g):
    return by_tokeniser(g) | {"words": g.english.count(" ")}
