"""Answers to `best_guess` and `generator_loss`, exercises of chapter 2."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from .. import Cases

CASES = Cases("02_gan")


# --- best_guess -----------------------------------------------------------------------------


@CASES.right("best_guess")
def by_formula(g):
    p, q = g.real[g.image], g.made[g.image]
    return {
        "probability": p / (p + q),
        "accuracy": sum(max(g.real[i], g.made[i]) for i in g.real) / 2,
        "accuracy_at_the_end": 50,
    }


@CASES.right("best_guess")
def by_total_variation(g):
    """Rounded to three decimals, as the task allows."""
    p, q = g.real[g.image] / 100, g.made[g.image] / 100
    apart = sum(abs(g.real[i] - g.made[i]) for i in g.real) / 2
    return {
        "probability": torch.tensor(round(p / (p + q), 3)),
        "accuracy": 50 + apart / 2,
        "accuracy_at_the_end": 50.0,
    }


@CASES.wrong("best_guess", says="should not win")
def the_discriminator_wins_at_the_end(g):
    return by_formula(g) | {"accuracy_at_the_end": 100}


@CASES.wrong("best_guess", says="discriminator should win is a misconception")
def the_discriminator_is_always_right(g):
    return by_formula(g) | {"accuracy": 100}


@CASES.wrong("best_guess", says="Only half of the images are real")
def not_halved(g):
    right = by_formula(g)
    return right | {"accuracy": 2 * right["accuracy"]}


@CASES.wrong("best_guess", says="draws no lots")
def guesses_by_lot(g):
    pairs = [(g.real[i], g.made[i]) for i in g.real]
    return by_formula(g) | {"accuracy": sum((p * p + q * q) / (p + q) for p, q in pairs) / 2}


@CASES.wrong("best_guess", says="in percent, such as")
def accuracy_as_a_share(g):
    right = by_formula(g)
    return right | {"accuracy": right["accuracy"] / 100}


@CASES.wrong("best_guess", says="share of wrong answers")
def errors_counted(g):
    return by_formula(g) | {"accuracy": 100 - by_formula(g)["accuracy"]}


@CASES.wrong("best_guess", says="How often does the generator make it")
def share_of_the_data(g):
    return by_formula(g) | {"probability": g.real[g.image] / 100}


@CASES.wrong("best_guess", says="probability of a generated image")
def probability_of_made(g):
    return by_formula(g) | {"probability": 1 - by_formula(g)["probability"]}


@CASES.wrong("best_guess", says="How many of these are real")
def ratio_of_densities(g):
    return by_formula(g) | {"probability": g.real[g.image] / g.made[g.image]}


@CASES.wrong("best_guess", says="right half of the time")
def end_as_a_share(g):
    return by_formula(g) | {"accuracy_at_the_end": 0.5}


# --- generator_loss -------------------------------------------------------------------------


@CASES.right("generator_loss")
def by_softplus(g):
    return lambda s, saturating: -F.softplus(s).mean() if saturating else F.softplus(-s).mean()


@CASES.right("generator_loss")
def by_cross_entropy(g):
    def loss(logits, saturating):
        target = torch.zeros_like(logits) if saturating else torch.ones_like(logits)
        value = F.binary_cross_entropy_with_logits(logits, target)
        return -value if saturating else value

    return loss


@CASES.wrong("generator_loss", says="logits, not probabilities")
def logits_as_probabilities(g):
    return lambda s, saturating: (1 - s).log().mean() if saturating else -s.log().mean()


@CASES.wrong("generator_loss", says="mean is asked for")
def loss_summed(g):
    return lambda s, saturating: F.logsigmoid(-s).sum() if saturating else -F.logsigmoid(s).sum()


@CASES.wrong("generator_loss", says="sign is wrong")
def log_d_minimised(g):
    return lambda s, saturating: F.logsigmoid(-s if saturating else s).mean()


@CASES.wrong("generator_loss", says="discriminator's loss on generated images")
def loss_of_the_opponent(g):
    return lambda s, saturating: F.softplus(s).mean()


@CASES.wrong("generator_loss", says="This is the saturating loss")
def exchanged(g):
    return lambda s, saturating: by_softplus(g)(s, not saturating)


@CASES.wrong("generator_loss", says="sigmoid too many")
def sigmoid_twice(g):
    return lambda s, saturating: by_softplus(g)(s.sigmoid(), saturating)


@CASES.wrong("generator_loss", says="same for both values")
def saturating_ignored(g):
    return lambda s, saturating: F.softplus(-s).mean()


@CASES.wrong("generator_loss", says="sign of the saturating loss")
def saturating_turned_around(g):
    return lambda s, saturating: F.softplus(s if saturating else -s).mean()


@CASES.wrong("generator_loss", says="not finite")
def log_of_sigmoid(g):
    return lambda s, saturating: (
        (1 - s.sigmoid()).log().mean() if saturating else -s.sigmoid().log().mean()
    )


@CASES.wrong("generator_loss", says="At a logit of -200 the gradient")
def log_clamped(g):
    def loss(logits, saturating):
        D = logits.sigmoid().clamp(1e-6, 1 - 1e-6)
        return (1 - D).log().mean() if saturating else -D.log().mean()

    return loss


@CASES.wrong("generator_loss", says="No gradient comes back")
def loss_detached(g):
    return lambda s, saturating: by_softplus(g)(s, saturating).detach()


@CASES.wrong("generator_loss", says=r"is there a `return`")
def loss_not_returned(g):
    return lambda s, saturating: None
