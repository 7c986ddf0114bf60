"""Answers to `better` and `obeyed`, exercises of chapter 6."""

from __future__ import annotations

from statistics import mean

import torch

from aigc_utils import evaluation

from .. import Cases

CASES = Cases("06_digits")


# --- better ---------------------------------------------------------------------------------


@CASES.right("better")
def by_the_worst(g):
    def verdict(first, second):
        if max(first) < min(second):
            return "first"
        return "second" if max(second) < min(first) else "undecided"

    return verdict


@CASES.right("better")
def by_all_pairs(g):
    def verdict(first, second):
        if all(a < b for a in first for b in second):
            return "first"
        if all(b < a for a in first for b in second):
            return "second"
        return "undecided"

    return verdict


@CASES.wrong("better", says="better the smaller it is")
def larger_is_better(g):
    def verdict(first, second):
        if min(first) > max(second):
            return "first"
        return "second" if min(second) > max(first) else "undecided"

    return verdict


@CASES.wrong("better", says="Here seeds overlap")
def by_the_mean(g):
    return lambda first, second: "first" if mean(first) < mean(second) else "second"


@CASES.wrong("better", says="Here seeds overlap")
def by_the_best(g):
    return lambda first, second: "first" if min(first) < min(second) else "second"


@CASES.wrong("better", says="must be strict")
def equal_wins(g):
    def verdict(first, second):
        if max(first) <= min(second):
            return "first"
        return "second" if max(second) <= min(first) else "undecided"

    return verdict


@CASES.wrong("better", says="more than three of one")
def three_alone(g):
    return lambda first, second: by_the_worst(g)(first[:3], second[:3])


@CASES.wrong("better", says='Return "first"')
def a_number(g):
    return lambda first, second: mean(first) - mean(second)


# --- obeyed ---------------------------------------------------------------------------------


@CASES.right("obeyed")
def by_hand(g):
    def told(read, asked):
        p = (read == asked).float().mean().item()
        return {"share": p, "margin": 1.96 * (p * (1 - p) / len(read)) ** 0.5}

    return told


@CASES.right("obeyed")
def by_the_course(g):
    def told(read, asked):
        share = torch.eq(read, asked).double().mean()
        margin = evaluation.margin(100 * share.item(), len(asked)) / 100
        return {"share": share, "margin": margin}

    return told


@CASES.wrong("obeyed", says="this is in percent")
def in_percent(g):
    def told(read, asked):
        found = by_hand(g)(read, asked)
        return {name: 100 * value for name, value in found.items()}

    return told


@CASES.wrong("obeyed", says="does not show")
def disobeyed(g):
    return lambda read, asked: (
        by_hand(g)(read, asked) | {"share": (read != asked).float().mean().item()}
    )


@CASES.wrong("obeyed", says="one standard error")
def one_error(g):
    def told(read, asked):
        found = by_hand(g)(read, asked)
        return found | {"margin": found["margin"] / 1.96}

    return told


@CASES.wrong("obeyed", says="The root is missing")
def without_a_root(g):
    def told(read, asked):
        p = by_hand(g)(read, asked)["share"]
        return {"share": p, "margin": 1.96 * p * (1 - p) / len(read)}

    return told


@CASES.wrong("obeyed", says="root of the number of drawings")
def without_the_number(g):
    def told(read, asked):
        p = by_hand(g)(read, asked)["share"]
        return {"share": p, "margin": 1.96 * (p * (1 - p)) ** 0.5}

    return told
