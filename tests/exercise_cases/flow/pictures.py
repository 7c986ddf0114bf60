"""Answers to `variety` and `push`, exercises of chapter 5."""

from __future__ import annotations

import torch

from aigc_utils import flow, plotting
from aigc_utils.exercises.flow.pictures import PUSH, VARIETY

from .. import Cases

CASES = Cases("05_flow")


def true_ones(given, objections):
    return {letter for letter, text in given.statements.items() if not objections[text]}


def picture(x, lines, x_label):
    return plotting.curves(
        {name: (x, y) for name, y in lines.items()}, x_label=x_label, y_label="units of x",
        title="What the draws do", alt="Two curves over the values that were given.",
    )  # fmt: skip


# --- variety --------------------------------------------------------------------------------


def spreads(g, measure=torch.std):
    def ends(x, fresh):
        rng = torch.Generator().manual_seed(1)
        return flow.ancestral(g.velocity, x, g.num_steps, rng, fresh=fresh)

    starts = {"many beginnings": g.beginnings, "one beginning": g.beginnings[:1].expand(1500, 1)}
    return {
        name: [measure(ends(x, fresh)).item() for fresh in g.fresh] for name, x in starts.items()
    }


def answered(g, lines, choice=None):
    drawn = picture(g.fresh, lines, "share of fresh noise")
    return drawn, true_ones(g, VARIETY) if choice is None else choice


@CASES.right("variety")
def by_ancestral(g):
    return answered(g, spreads(g))


@CASES.right("variety")
def by_population(g):
    return answered(g, spreads(g, lambda x: x.std(correction=0)))


@CASES.wrong("variety", says="variance; the standard deviation is asked for")
def variances(g):
    lines = spreads(g, torch.var)
    return answered(g, {**lines, "many beginnings": [g.deviation**2] * 5})


@CASES.wrong("variety", says="curves are exchanged")
def exchanged(g):
    lines = spreads(g)
    return answered(g, dict(zip(lines, reversed(lines.values()), strict=True)))


@CASES.wrong("variety", says="beginnings the same number")
def many_twice(g):
    lines = spreads(g)
    return answered(g, dict.fromkeys(lines, lines["many beginnings"]))


@CASES.wrong("variety", says="not what makes variety")
def noise_makes_variety(g):
    wrong = next(letter for letter, text in g.statements.items() if "lacks variety" in text)
    return answered(g, spreads(g), true_ones(g, VARIETY) | {wrong})


@CASES.wrong("variety", says="a true statement is missing")
def one_statement(g):
    return answered(g, spreads(g), set(sorted(true_ones(g, VARIETY))[:1]))


# --- push -----------------------------------------------------------------------------------


def pushed(g, shift=0.0):
    ends = [
        flow.solve(flow.guide(g.velocity, g.labels, s + shift), g.beginnings, g.num_steps)
        for s in g.strengths
    ]
    return {"mean": [e.mean().item() for e in ends], "deviation": [e.std().item() for e in ends]}


def shown(g, lines, choice=None):
    drawn = picture(g.strengths, lines, "strength of the guidance")
    return drawn, true_ones(g, PUSH) if choice is None else choice


@CASES.right("push")
def by_guide(g):
    return shown(g, pushed(g))


@CASES.right("push")
def by_hand(g):
    def guided(strength):
        def velocity(x, t):
            free, told = g.velocity(x, t, None), g.velocity(x, t, g.labels)
            return free + strength * (told - free)

        return flow.solve(velocity, g.beginnings, g.num_steps)

    ends = [guided(s) for s in g.strengths]
    return shown(
        g, {"mean": [e.mean() for e in ends], "deviation": [e.std(correction=0) for e in ends]}
    )


@CASES.wrong("push", says="strengths are one too large")
def one_more(g):
    return shown(g, pushed(g, 1.0))


@CASES.wrong("push", says="curves are exchanged")
def the_other_name(g):
    lines = pushed(g)
    return shown(g, {"mean": lines["deviation"], "deviation": lines["mean"]})


@CASES.wrong("push", says="variance; the deviation is asked for")
def squared(g):
    lines = pushed(g)
    return shown(g, {**lines, "deviation": [d**2 for d in lines["deviation"]]})


@CASES.wrong("push", says="does not simply make images better")
def always_better(g):
    wrong = next(letter for letter, text in g.statements.items() if "nearer to the" in text)
    return shown(g, pushed(g), true_ones(g, PUSH) | {wrong})


@CASES.wrong("push", says="no curve with the name")
def unnamed(g):
    return shown(g, {"mean": pushed(g)["mean"]})
