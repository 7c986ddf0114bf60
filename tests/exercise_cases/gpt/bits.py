"""Answers to `bits`, an exercise of chapter 4."""

from __future__ import annotations

import math

import torch

from aigc_utils import plotting
from aigc_utils.exercises.gpt.bits import statements

from .. import Cases

CASES = Cases("04_gpt")


def _drawn(g, height, y_label="loss (bits a character)", title="One scale", lengths=None):
    return plotting.curves(
        {name: (lengths or g.lengths, height(run)) for name, run in g.runs.items()},
        x_label="training text (characters)",
        y_label=y_label,
        title=title,
        alt="Three lines that fall with the length of the text.",
    )


def _per_character(g):
    return lambda run: [n * run.tokens / g.characters / math.log(2) for n in run.nats]


def _true_ones(g):
    truth = {said: true for group in statements(g) for said, true in group.items()}
    return {letter for letter, said in g.statements.items() if truth[said]}


def _letter(g, words):
    return next(letter for letter, said in g.statements.items() if words in said)


@CASES.right("bits")
def by_rate(g):
    return _drawn(g, _per_character(g)), _true_ones(g)


@CASES.right("bits")
def by_total_bits(g):
    def height(run):
        return torch.tensor(run.nats).exp().log2() * run.tokens / g.characters

    return _drawn(g, height, y_label="Bits per character"), sorted(_true_ones(g))


@CASES.wrong("bits", says="These are nats a token: tokens of different tokenisers")
def nats_a_token(g):
    return _drawn(g, lambda run: run.nats), _true_ones(g)


@CASES.wrong("bits", says="These are perplexities: tokens of different tokenisers")
def perplexities(g):
    return _drawn(g, lambda run: [math.exp(n) for n in run.nats]), _true_ones(g)


@CASES.wrong("bits", says="bits a token: tokens of different tokenisers")
def bits_a_token(g):
    return _drawn(g, lambda run: [n / math.log(2) for n in run.nats]), _true_ones(g)


@CASES.wrong("bits", says="one bit is log 2 nats")
def nats_a_character(g):
    return _drawn(g, lambda run: [n * run.tokens / g.characters for n in run.nats]), _true_ones(g)


@CASES.wrong("bits", says="Divide by log 2")
def multiplied_by_log_2(g):
    def height(run):
        return [n * run.tokens / g.characters * math.log(2) for n in run.nats]

    return _drawn(g, height), _true_ones(g)


@CASES.wrong("bits", says="upside down")
def upside_down(g):
    def height(run):
        return [n * g.characters / run.tokens / math.log(2) for n in run.nats]

    return _drawn(g, height), _true_ones(g)


@CASES.wrong("bits", says="Name the unit")
def no_unit(g):
    return _drawn(g, _per_character(g), y_label="loss"), _true_ones(g)


@CASES.wrong("bits", says="must stand over")
def over_steps(g):
    return _drawn(g, _per_character(g), lengths=[0, 1, 2, 3]), _true_ones(g)


@CASES.wrong("bits", says="title that says what it shows")
def no_title(g):
    return _drawn(g, _per_character(g), title=""), _true_ones(g)


@CASES.wrong("bits", says="no common scale")
def lowest_perplexity_is_best(g):
    return by_rate(g)[0], _true_ones(g) | {_letter(g, "its perplexity is the lowest")}


@CASES.wrong("bits", says="no common scale")
def same_excerpt_is_enough(g):
    return by_rate(g)[0], _true_ones(g) | {_letter(g, "if the excerpt is the same")}


@CASES.wrong("bits", says="1 of the 6 statements")
def one_forgotten(g):
    return by_rate(g)[0], _true_ones(g) - {_letter(g, "With one tokeniser")}


@CASES.wrong("bits", says="none of the options")
def numbers_for_letters(g):
    return by_rate(g)[0], {1, 2}


@CASES.wrong("bits", says="what `plotting.curves")
def no_figure(g):
    return _per_character(g), _true_ones(g)
