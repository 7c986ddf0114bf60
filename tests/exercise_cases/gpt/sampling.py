"""Answers to `temperature`, an exercise of chapter 4."""

from __future__ import annotations

import math

import torch

from .. import Cases

CASES = Cases("04_gpt")


def _place(g):
    return 1 + sum(value > g.logits[g.truth] for value in g.logits.values())


def _places(g, **changed):
    return {"cold": _place(g), "hot": _place(g)} | changed


def _choices(logits, temperature, p, cut=lambda q, p: q.cumsum(0) - q < p):
    q, order = (logits / temperature).softmax(0).sort(descending=True)
    keep = cut(q, p)
    q = q[keep] / q[keep].sum()
    return order[keep].tolist(), -(q * q.log2()).sum()


@CASES.right("temperature")
def sorted_and_summed(g):
    return _choices, _places(g)


@CASES.right("temperature")
def in_a_loop(g):
    def choices(logits, temperature, p):
        shares = (logits / temperature).softmax(0).tolist()
        left = sorted(range(len(shares)), key=lambda i: -shares[i])
        kept = []
        while left and (p == 1 or math.fsum(shares[i] for i in kept) < p):
            kept.append(left.pop(0))
        total = math.fsum(shares[i] for i in kept)
        entropy = -sum(shares[i] / total * math.log2(shares[i] / total) for i in kept)
        return torch.tensor(kept), entropy

    return choices, _places(g)


@CASES.wrong("temperature", says="stays too")
def without_the_last(g):
    return lambda z, t, p: _choices(z, t, p, lambda q, p: q.cumsum(0) <= p), _places(g)


@CASES.wrong("temperature", says="Temperature comes first")
def cut_first(g):
    def choices(logits, temperature, p):
        kept, _ = _choices(logits, 1, p)
        return kept, _choices(logits[kept], temperature, 1.0)[1]

    return choices, _places(g)


@CASES.wrong("temperature", says="don't multiply")
def multiplied(g):
    return lambda z, t, p: _choices(z, 1 / t, p), _places(g)


@CASES.wrong("temperature", says="likeliest comes first")
def in_the_vocabularys_order(g):
    def choices(logits, temperature, p):
        kept, bits = _choices(logits, temperature, p)
        return sorted(kept), bits

    return choices, _places(g)


@CASES.wrong("temperature", says="divide them by their sum")
def not_divided_by_the_sum(g):
    def choices(logits, temperature, p):
        kept, _ = _choices(logits, temperature, p)
        q = (logits / temperature).softmax(0)[kept]
        return kept, -(q * q.log2()).sum().item()

    return choices, _places(g)


@CASES.wrong("temperature", says="before the cut")
def entropy_of_all(g):
    return lambda z, t, p: (_choices(z, t, p)[0], _choices(z, t, 1.0)[1]), _places(g)


@CASES.wrong("temperature", says="entropy is in nats")
def in_nats(g):
    def choices(logits, temperature, p):
        kept, bits = _choices(logits, temperature, p)
        return kept, bits * math.log(2)

    return choices, _places(g)


@CASES.wrong("temperature", says="sign is wrong")
def minus_forgotten(g):
    def choices(logits, temperature, p):
        kept, bits = _choices(logits, temperature, p)
        return kept, -bits

    return choices, _places(g)


@CASES.wrong("temperature", says="Return two things")
def tokens_only(g):
    return lambda z, t, p: _choices(z, t, p)[0][:1], _places(g)


@CASES.wrong("temperature", says="temperature adds no knowledge")
def hot_finds_the_truth(g):
    return _choices, _places(g, hot=1)


@CASES.wrong("temperature", says="Temperature adds no knowledge")
def cold_is_surer_hot_is_wilder(g):
    return _choices, {"cold": 1, "hot": 6}


@CASES.wrong("temperature", says="Count places from 1")
def counted_from_zero(g):
    return _choices, {"cold": _place(g) - 1, "hot": _place(g) - 1}


@CASES.wrong("temperature", says="does not stand at place")
def always_first_or_last(g):
    return _choices, {"cold": 6, "hot": 6}
