"""Answers to `collapse` and `mended_objective`, exercises of chapter 3."""

from __future__ import annotations

import math

import torch
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from aigc_utils.exercises.vae import broken_objective

from .. import Cases

CASES = Cases("03_vae")


# --- collapse -------------------------------------------------------------------------------


@CASES.right("collapse")
def by_the_rule(g):
    beta, noise = g.side**2, g.noise_variance
    kept = [v for v in g.variances if v > beta * noise]
    return {
        "beta": beta,
        "active_summed": sum(v > noise for v in g.variances),
        "active_averaged": len(kept),
        "nats_averaged": sum(math.log(v / (beta * noise)) / 2 for v in kept),
    }


@CASES.right("collapse")
def by_tensors(g):
    v, limit = torch.tensor(g.variances), g.side**2 * g.noise_variance
    return {
        "beta": torch.tensor(g.side).square(),
        "active_summed": (v > g.noise_variance).sum(),
        "active_averaged": (v > limit).sum(),
        "nats_averaged": (v / limit).log().clamp(min=0).sum() / 2,
    }


@CASES.wrong("collapse", says="weighs more beside it, not less")
def inverse_beta(g):
    return by_the_rule(g) | {"beta": 1 / g.side**2}


@CASES.wrong("collapse", says="balance of the two")
def beta_of_one(g):
    return by_the_rule(g) | {"beta": 1}


@CASES.wrong("collapse", says="side times side")
def beta_of_a_side(g):
    return by_the_rule(g) | {"beta": g.side}


@CASES.wrong("collapse", says="does change which units")
def averaging_harmless(g):
    right = by_the_rule(g)
    return right | {"active_averaged": right["active_summed"]}


@CASES.wrong("collapse", says="count the variances above the noise variance")
def all_active(g):
    return by_the_rule(g) | {"active_summed": len(g.variances)}


@CASES.wrong("collapse", says="above beta times the noise")
def one_too_few(g):
    right = by_the_rule(g)
    return right | {"active_averaged": right["active_averaged"] - 1}


@CASES.wrong("collapse", says="where is the 1/2")
def nats_without_half(g):
    right = by_the_rule(g)
    return right | {"nats_averaged": 2 * right["nats_averaged"]}


@CASES.wrong("collapse", says="bits, not nats")
def nats_in_bits(g):
    right = by_the_rule(g)
    return right | {"nats_averaged": right["nats_averaged"] / math.log(2)}


@CASES.wrong("collapse", says="not active carries no nats")
def negative_nats_too(g):
    limit = g.side**2 * g.noise_variance
    return by_the_rule(g) | {"nats_averaged": sum(math.log(v / limit) / 2 for v in g.variances)}


@CASES.wrong("collapse", says="nats of the summed loss")
def nats_when_summed(g):
    kept = [v for v in g.variances if v > g.noise_variance]
    nats = sum(math.log(v / g.noise_variance) / 2 for v in kept)
    return by_the_rule(g) | {"nats_averaged": nats}


# --- mended_objective -----------------------------------------------------------------------


def parts(encode, decode, images, scale=0.5, noise=1.0):
    """Returns the cross-entropy of each pixel, (N, pixels), and the KL divergences, (N, D)."""
    mean, log_variance = encode(images)
    z = mean + (scale * log_variance).exp() * noise * torch.randn_like(mean)
    pixels = F.binary_cross_entropy_with_logits(decode(z), images, reduction="none").flatten(1)
    return pixels, (mean**2 + log_variance.exp() - 1 - log_variance) / 2


def objective(combine, **settings):
    return lambda e, d, x: combine(*parts(e, d, x, **settings))


def total(pixels, kl):
    return pixels.sum(1).mean() + kl.sum(1).mean()


@CASES.right("mended_objective")
def three_mended(g):
    return objective(total)


@CASES.right("mended_objective")
def with_distributions(g):
    def mended(encode, decode, images):
        mean, log_variance = encode(images)
        q = Normal(mean, log_variance.exp().sqrt())
        p = torch.distributions.Bernoulli(logits=decode(q.rsample()))
        prior = Normal(torch.zeros_like(mean), torch.ones_like(mean))
        log_p = p.log_prob(images).sum((1, 2, 3))
        return (kl_divergence(q, prior).sum(1) - log_p).mean()

    return mended


@CASES.wrong("mended_objective", says="sigma squared")
def untouched(g):
    return broken_objective


@CASES.wrong("mended_objective", says="sigma squared")
def variance_left(g):
    return objective(total, scale=1.0)


@CASES.wrong("mended_objective", says="noise is no trick")
def means_decoded(g):
    return objective(total, noise=0.0)


@CASES.wrong("mended_objective", says="KL term is missing, and it is not optional: .* [0-9] %")
def no_kl(g):
    return objective(lambda pixels, kl: pixels.sum(1).mean())


@CASES.wrong("mended_objective", says="KL term is missing, and it is not optional")
def only_the_noise_mended(g):
    return objective(lambda pixels, kl: pixels.mean())


@CASES.wrong("mended_objective", says="averaged over the pixels")
def pixels_averaged(g):
    return objective(lambda pixels, kl: pixels.mean() + kl.sum(1).mean())


@CASES.wrong("mended_objective", says="averaged over the latent dimensions")
def kl_averaged(g):
    return objective(lambda pixels, kl: pixels.sum(1).mean() + kl.mean())


@CASES.wrong("mended_objective", says="subtracted; add it")
def kl_subtracted(g):
    return objective(lambda pixels, kl: pixels.sum(1).mean() - kl.sum(1).mean())


@CASES.wrong("mended_objective", says="its negative is asked for")
def the_elbo_itself(g):
    return objective(lambda pixels, kl: -total(pixels, kl))


@CASES.wrong("mended_objective", says="sum over the images; their mean")
def summed_over_images(g):
    return objective(lambda pixels, kl: pixels.sum() + kl.sum())


@CASES.wrong("mended_objective", says="both must be means")
def kl_summed_over_images(g):
    return objective(lambda pixels, kl: pixels.sum(1).mean() + kl.sum())


@CASES.wrong("mended_objective", says="reaches the means is wrong")
def kl_detached(g):
    return objective(
        lambda pixels, kl: pixels.sum(1).mean() + kl.sum(1).mean().detach() + 0 * kl.sum()
    )


@CASES.wrong("mended_objective", says="must have the shape")
def a_loss_for_each_image(g):
    return objective(lambda pixels, kl: pixels.sum(1) + kl.sum(1))
