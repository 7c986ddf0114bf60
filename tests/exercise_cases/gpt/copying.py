"""Answers to `seen`, an exercise of chapter 4."""

from __future__ import annotations

import torch

from .. import Cases

CASES = Cases("04_gpt")


def _runs(text, n):
    return [text[i : i + n] for i in range(len(text) - n + 1)]


def _seen(text, corpus, n, runs=_runs):
    found = [run in corpus for run in runs(text, n)]
    return sum(found) / len(found) if found else 0.0


def _longest(g):
    return max(n for n in range(1, 50) if _seen(g.written, g.corpus, n))


@CASES.right("seen")
def counted(g):
    return _seen, _longest(g)


@CASES.right("seen")
def with_a_set_of_the_corpus(g):
    def seen(text, corpus, n):
        known = set(_runs(corpus, n))
        hits = torch.tensor([run in known for run in _runs(text, n)])
        return hits.float().mean() if len(hits) else 0

    best, w = 0, g.written
    for i in range(len(w)):
        while i + best < len(w) and w[i : i + best + 1] in g.corpus:
            best += 1
    return seen, best


@CASES.wrong("seen", says="These are words")
def words(g):
    return lambda t, c, n: _seen(t, c, n, lambda t, n: t.split()), _longest(g)


@CASES.wrong("seen", says="don't make a set")
def each_run_once(g):
    return lambda t, c, n: _seen(t, c, n, lambda t, n: set(_runs(t, n))), _longest(g)


@CASES.wrong("seen", says="runs overlap")
def side_by_side(g):
    return lambda t, c, n: _seen(t, c, n, lambda t, n: _runs(t, n)[::n]), _longest(g)


@CASES.wrong("seen", says="last run is missing")
def off_by_one(g):
    return lambda t, c, n: _seen(t, c, n, lambda t, n: _runs(t, n)[:-1]), _longest(g)


@CASES.wrong("seen", says="as a whole")
def whole_text(g):
    return lambda t, c, n: float(t in c), _longest(g)


@CASES.wrong("seen", says="number of runs; the share")
def number_of_runs(g):
    return lambda t, c, n: sum(run in c for run in _runs(t, n)), _longest(g)


@CASES.wrong("seen", says="must be a number, not bool")
def yes_or_no(g):
    return lambda t, c, n: all(run in c for run in _runs(t, n)), _longest(g)


@CASES.wrong("seen", says="has no run")
def short_is_seen(g):
    return lambda t, c, n: _seen(t, c, n) if len(t) >= n else 1.0, _longest(g)


@CASES.wrong("seen", says="looks no text up")
def all_of_it_looked_up(g):
    return _seen, len(g.written)


@CASES.wrong("seen", says="not [0-9]+ long")
def one_too_long(g):
    return _seen, _longest(g) + 1
