"""Answers to `blur` and `turned`, exercises of chapter 3."""

from __future__ import annotations

import math

import torch
from torch.distributions import MultivariateNormal

from aigc_utils import plotting
from aigc_utils.exercises.vae.pictures import BLUR, TURNS

from .. import Cases

CASES = Cases("03_vae")


# --- blur -----------------------------------------------------------------------------------


def true_letters(statements, objections):
    return {letter for letter, text in statements.items() if not objections[text]}


def blur_picture(g, p=None, scale=1.0, kl=None, **labels):
    p, kl = g.probability_of_a if p is None else p, g.kl if kl is None else kl
    errors = []
    for t in g.t:
        m = t * g.a + (1 - t) * g.b
        error = p * (m - g.a).square().sum() + (1 - p) * (m - g.b).square().sum()
        errors.append(scale * error.item())
    settings = {"x_label": "weight t of image a", "y_label": "loss (nats)", "title": "Blur"}
    lines = {"without KL": (g.t, errors), "with KL": (g.t, [e + kl for e in errors])}
    alt = "Two parabolas over the weight, one above the other."
    return plotting.curves(lines, **(settings | labels), alt=alt)


def blur_choice(g):
    return true_letters(g.statements, BLUR)


@CASES.right("blur")
def drawn_by_decoding(g):
    return blur_picture(g), blur_choice(g)


@CASES.right("blur")
def drawn_by_formula(g):
    t, p = torch.tensor(g.t), g.probability_of_a
    errors = (p * (1 - t) ** 2 + (1 - p) * t**2) * (g.a - g.b).norm() ** 2
    picture = plotting.curves(
        {"with KL": (g.t, (errors + g.kl).tolist()), "without KL": (t, errors)},
        x_label="t", y_label="nats", title="The same place", alt="Two curves, lowest at one place.",
    )  # fmt: skip
    return picture, sorted(blur_choice(g))


def one_more(g, words):
    more = {letter for letter, text in g.statements.items() if words in text}
    return blur_picture(g), blur_choice(g) | more


@CASES.wrong("blur", says="does not come from the KL term alone: find")
def sharp_without_kl(g):
    return one_more(g, "one of the two sharp images")


@CASES.wrong("blur", says="code's price does not depend .* KL term alone")
def kl_pulls_to_blur(g):
    return one_more(g, "moves the lowest point")


@CASES.wrong("blur", says="only for equal probabilities")
def halfway(g):
    return one_more(g, "halfway")


@CASES.wrong("blur", says="a true statement is missing")
def nothing_chosen(g):
    return blur_picture(g), set()


@CASES.wrong("blur", says="averaged over the pixels")
def mean_error(g):
    return blur_picture(g, scale=1 / 784), blur_choice(g)


@CASES.wrong("blur", says="not equally probable")
def equal_shares(g):
    return blur_picture(g, p=0.5), blur_choice(g)


@CASES.wrong("blur", says="images are swapped")
def shares_swapped(g):
    return blur_picture(g, p=1 - g.probability_of_a), blur_choice(g)


@CASES.wrong("blur", says="KL term is missing in")
def kl_left_out(g):
    return blur_picture(g, kl=0.0), blur_choice(g)


@CASES.wrong("blur", says="Label both axes")
def no_labels(g):
    return blur_picture(g, x_label=""), blur_choice(g)


@CASES.wrong("blur", says="title that says what it shows")
def no_title(g):
    return blur_picture(g, title=""), blur_choice(g)


# --- turned ---------------------------------------------------------------------------------


def log_likelihood(g, weight, mean=True):
    covariance = weight @ weight.T + g.noise_std**2 * torch.eye(6)
    values = MultivariateNormal(torch.zeros(6), covariance).log_prob(g.images)
    return (values.mean() if mean else values.sum()).item()


def turned_picture(g, turn=None, stretch=None, mean=True):
    turn = turn or (lambda c, s: [[c, -s], [s, c]])
    stretch = stretch or (lambda factor: [factor, 1.0])
    turned, stretched = [], []
    for angle in g.angles:
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        turned.append(log_likelihood(g, g.weight @ torch.tensor(turn(c, s)), mean))
        factors = torch.tensor(stretch(1 + angle / 90))
        stretched.append(log_likelihood(g, g.weight * factors, mean))
    return plotting.curves(
        {"turned": (g.angles, turned), "stretched": (g.angles, stretched)},
        x_label="angle (degrees)", y_label="log-likelihood (nats)", title="A turn changes nothing",
        alt="One flat curve and one that falls with the angle.",
    )  # fmt: skip


def turned_choice(g):
    return true_letters(g.statements, TURNS)


@CASES.right("turned")
def computed(g):
    return turned_picture(g), turned_choice(g)


@CASES.right("turned")
def turned_the_other_way(g):
    return turned_picture(g, turn=lambda c, s: [[c, s], [-s, c]]), list(turned_choice(g))


def with_more(g, words):
    more = {letter for letter, text in g.statements.items() if words in text}
    return turned_picture(g), turned_choice(g) | more


@CASES.wrong("turned", says="do not disentangle by themselves")
def training_prefers_axes(g):
    return with_more(g, "training finds")


@CASES.wrong("turned", says="keeps the length of every code")
def prior_turned_too(g):
    return with_more(g, "needs a turned prior")


@CASES.wrong("turned", says="nothing undoes the stretch")
def stretch_harmless(g):
    return with_more(g, "leaves p")


@CASES.wrong("turned", says="a true statement is missing")
def one_too_few_chosen(g):
    return turned_picture(g), sorted(turned_choice(g))[:2]


@CASES.wrong("turned", says="'turned' is not flat")
def no_rotation(g):
    return turned_picture(g, turn=lambda c, s: [[c, s], [s, c]]), turned_choice(g)


@CASES.wrong("turned", says="sum over the images")
def likelihood_summed(g):
    return turned_picture(g, mean=False), turned_choice(g)


@CASES.wrong("turned", says="second latent")
def second_stretched(g):
    return turned_picture(g, stretch=lambda factor: [1.0, factor]), turned_choice(g)


@CASES.wrong("turned", says="first column times")
def both_stretched(g):
    return turned_picture(g, stretch=lambda factor: [factor, factor]), turned_choice(g)


@CASES.wrong("turned", says="must be what `plotting.curves")
def no_picture(g):
    return None, turned_choice(g)
