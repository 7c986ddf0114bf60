"""Answers to `race`, an exercise of chapter 6."""

from __future__ import annotations

from aigc_utils import plotting
from aigc_utils.exercises.digits.pictures import RACE

from .. import Cases

CASES = Cases("06_digits")


def true_ones(g):
    return {letter for letter, text in g.statements.items() if not RACE[text]}


def seed(g, name, rank):
    return sorted(g.curves[name], key=lambda curve: curve[1][-1])[rank]


def drawn(g, pick, choice=None):
    picture = plotting.curves(
        {name: pick(name) for name in g.curves}, x_label="seconds of training",
        y_label="distance", log_y=True, title="Three techniques over a minute",
        alt="Three falling curves, one of which begins late and ends lowest.",
    )  # fmt: skip
    return picture, true_ones(g) if choice is None else choice


@CASES.right("race")
def by_sorting(g):
    return drawn(g, lambda name: seed(g, name, 1))


@CASES.right("race")
def by_the_median(g):
    def middle(name):
        ends = [curve[1][-1] for curve in g.curves[name]]
        return g.curves[name][ends.index(sorted(ends)[1])]

    return drawn(g, middle)


@CASES.wrong("race", says="best seed, which flatters")
def the_best(g):
    return drawn(g, lambda name: seed(g, name, 0))


@CASES.wrong("race", says="worst seed")
def the_worst(g):
    return drawn(g, lambda name: seed(g, name, 2))


@CASES.wrong("race", says="a mean of the seeds")
def a_mean(g):
    def mean(name):
        curves = g.curves[name]
        columns = zip(*(values for _, values in curves), strict=True)
        return curves[0][0], [sum(column) / 3 for column in columns]

    return drawn(g, mean)


@CASES.wrong("race", says="exchanged")
def lying(g):
    return drawn(g, lambda name: seed(g, name, 1)[::-1])


@CASES.wrong("race", says="holds for its budget")
def at_each_budget(g):
    wrong = next(letter for letter, text in g.statements.items() if "each budget" in text)
    return drawn(g, lambda name: seed(g, name, 1), true_ones(g) | {wrong})


@CASES.wrong("race", says="seeds overlap at the end")
def one_seed_is_enough(g):
    wrong = next(letter for letter, text in g.statements.items() if "One seed" in text)
    return drawn(g, lambda name: seed(g, name, 1), true_ones(g) | {wrong})


@CASES.wrong("race", says="a true statement is missing")
def one_statement(g):
    return drawn(g, lambda name: seed(g, name, 1), set(sorted(true_ones(g))[:1]))
