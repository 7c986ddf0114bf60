"""Answers to `two_runs`, an exercise of chapter 2."""

from __future__ import annotations

import torch

from aigc_utils import plotting

from .. import Cases

CASES = Cases("02_gan")


LABELS = {
    "x_label": "step",
    "y_label": "distance (floors)",
    "title": "Two runs",
    "alt": "Two curves over the steps of training.",
    "log_y": True,
}


def in_floors(g, **labels):
    lines = {n: (g.steps, [d / g.floor for d in values]) for n, values in g.distance.items()}
    return plotting.curves(lines, **{**LABELS, **labels})


def true_letters(g):
    bad = max(g.distance, key=lambda name: g.distance[name][-1])
    best = g.steps[torch.tensor(g.distance[bad]).argmin()]
    parts = ("the worse points", "loss rises", f"{bad} are best at step {best}.")
    return {k for k, text in g.statements.items() if any(part in text for part in parts)}


def letter_of(g, part):
    return {k for k, text in g.statements.items() if part in text}


@CASES.right("two_runs")
def figure_and_choice(g):
    return in_floors(g), true_letters(g)


@CASES.right("two_runs")
def other_labels_and_a_list(g):
    tensors = {n: torch.tensor(d, dtype=torch.float64) / g.floor for n, d in g.distance.items()}
    lines = {f"run {x}": (torch.tensor(g.steps), tensors[f"run {x}"]) for x in "BA"}
    marks = {"floor": 1.0}
    return plotting.curves(lines, **LABELS, marks=marks), sorted(true_letters(g))


@CASES.wrong("two_runs", says="falling generator loss = better images.*another discriminator")
def lower_loss_is_better(g):
    return in_floors(g), true_letters(g) | letter_of(g, "makes the better points")


@CASES.wrong("two_runs", says="falling generator loss = better images.*after step")
def falling_loss_is_better(g):
    return in_floors(g), true_letters(g) | letter_of(g, "In both runs")


@CASES.wrong("two_runs", says="falls to its floor")
def still_loss_learns_nothing(g):
    return in_floors(g), true_letters(g) | letter_of(g, "get no better")


@CASES.wrong("two_runs", says="a true statement is missing")
def one_left_out(g):
    return in_floors(g), true_letters(g) - letter_of(g, "loss rises")


@CASES.wrong("two_runs", says="These are the losses")
def losses_drawn(g):
    lines = {name: (g.steps, values) for name, values in g.generator_loss.items()}
    return plotting.curves(lines, **LABELS), true_letters(g)


@CASES.wrong("two_runs", says="means little without its floor")
def bare_distances_drawn(g):
    lines = {name: (g.steps, values) for name, values in g.distance.items()}
    return plotting.curves(lines, **LABELS), true_letters(g)


@CASES.wrong("two_runs", says="must show `runs.steps`")
def counted_from_zero(g):
    lines = {n: (range(13), [d / g.floor for d in ds]) for n, ds in g.distance.items()}
    return plotting.curves(lines, **LABELS), true_letters(g)


@CASES.wrong("two_runs", says="is upside down")
def floors_over_distances(g):
    lines = {n: (g.steps, [g.floor / d for d in ds]) for n, ds in g.distance.items()}
    return plotting.curves(lines, **LABELS), true_letters(g)


@CASES.wrong("two_runs", says="with the names run A and run B")
def one_curve(g):
    lines = {"run A": (g.steps, [d / g.floor for d in g.distance["run A"]])}
    return plotting.curves(lines, **LABELS), true_letters(g)


@CASES.wrong("two_runs", says="Label both axes")
def no_labels(g):
    return in_floors(g, x_label=""), true_letters(g)


@CASES.wrong("two_runs", says="title that says what it shows")
def no_title(g):
    return in_floors(g, title=""), true_letters(g)


@CASES.wrong("two_runs", says="Set `log_y=True`")
def linear_axis(g):
    return in_floors(g, log_y=False), true_letters(g)
