"""Answers to `mended_objective`, an exercise of chapter 3."""

from __future__ import annotations

import torch
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from aigc_utils.exercises.vae import broken_objective

from .. import Cases

CASES = Cases("03_vae")


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
