"""Answers to `own_vae` and `learned_prior`, exercises of chapter 3."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.distributions import MultivariateNormal
from torch.nn import functional as F

from aigc_utils import vae

from .. import Cases

CASES = Cases("03_vae")


# --- own_vae --------------------------------------------------------------------------------


def trained(images, beta=1.0, noise=1.0, steps=200, scale=0.5):
    encoder = nn.Sequential(nn.Linear(196, 64), nn.SiLU(), nn.Linear(64, 8))
    decoder = nn.Sequential(nn.Linear(4, 64), nn.SiLU(), nn.Linear(64, 196))

    def encode(x):
        return encoder(x).chunk(2, 1)

    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 0.01)
    for _ in range(steps):
        x = images[torch.randint(len(images), (100,))]
        mean, log_variance = encode(x)
        z = mean + noise * (scale * log_variance).exp() * torch.randn_like(mean)
        pixels = F.binary_cross_entropy_with_logits(decoder(z), x, reduction="sum")
        loss = (pixels + beta * vae.gaussian_kl(mean, log_variance).sum()) / len(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return encode, decoder


@CASES.right("own_vae")
def from_an_empty_cell(g):
    return trained


@CASES.right("own_vae")
def with_the_chapters_terms(g):
    def own_vae(images):
        reader = nn.Sequential(nn.Linear(196, 50), nn.ReLU(), nn.Linear(50, 10))
        drawer = nn.Sequential(nn.Linear(5, 50), nn.ReLU(), nn.Linear(50, 196))

        def encode(x):
            both = reader(x - images.mean(0))
            return both[:, :5], both[:, 5:]

        optimizer = torch.optim.Adam([*reader.parameters(), *drawer.parameters()], 0.01)
        for _ in range(200):
            x = images[torch.randperm(len(images))[:100]]
            mean, log_variance = encode(x)
            logits = drawer(vae.reparameterize(mean, log_variance))
            loss = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1).mean()
            optimizer.zero_grad()
            (loss + vae.gaussian_kl(mean, log_variance).sum(1).mean()).backward()
            optimizer.step()
        return encode, drawer

    return own_vae


@CASES.wrong("own_vae", says="averaged over the pixels. Sum it")
def pixels_averaged(g):
    return lambda images: trained(images, beta=196.0, steps=200)


@CASES.wrong("own_vae", says="KL divergence must be in the loss")
def no_kl_term(g):
    return lambda images: trained(images, beta=0.0, steps=200)


@CASES.wrong("own_vae", says="in training, draw the codes")
def no_noise(g):
    return lambda images: trained(images, beta=0.1, noise=0.0, steps=200)


@CASES.wrong("own_vae", says="these look like probabilities")
def probabilities(g):
    def own_vae(images):
        encode, decode = trained(images, steps=60)
        return encode, lambda z: decode(z).sigmoid()

    return own_vae


@CASES.wrong("own_vae", says="coins that know no image need")
def too_few_steps(g):
    return lambda images: trained(images, beta=0.3, steps=20)


@CASES.wrong("own_vae", says="Return two things: the functions")
def nothing_returned(g):
    return lambda images: None


@CASES.wrong("own_vae", says="Return two functions")
def networks_outputs(g):
    return lambda images: (images, images)


# --- learned_prior --------------------------------------------------------------------------


def normal(mean, covariance):
    return MultivariateNormal(mean, covariance, validate_args=False)


@CASES.right("learned_prior")
def eight_bells(g):
    return lambda codes: vae.fit_mixture(codes, 8, torch.Generator().manual_seed(0)).log_prob


@CASES.right("learned_prior")
def a_bell_on_each_code(g):
    def learned_prior(codes):
        def log_density(z):
            squares = torch.cdist(z, codes).square() / (2 * 0.2**2)
            return (-squares).logsumexp(1) - math.log(len(codes) * 2 * math.pi * 0.2**2)

        return log_density

    return learned_prior


@CASES.wrong("learned_prior", says=r"Beat it by 0\.5")
def one_bell(g):
    return lambda codes: vae.fit_mixture(codes, 1, torch.Generator(), rounds=1).log_prob


@CASES.wrong("learned_prior", says="learned them by heart")
def needles(g):
    def learned_prior(codes):
        def log_density(z):
            squares = torch.cdist(z, codes).square() / (2 * 0.03**2)
            return (-squares).logsumexp(1) - math.log(len(codes) * 2 * math.pi * 0.03**2)

        return log_density

    return learned_prior


@CASES.wrong("learned_prior", says="their logarithms are asked for")
def densities(g):
    def learned_prior(codes):
        fitted = vae.fit_mixture(codes, 8, torch.Generator().manual_seed(0))
        return lambda z: fitted.log_prob(z).exp()

    return learned_prior


@CASES.wrong("learned_prior", says="must be 1: what divides it")
def not_divided(g):
    def learned_prior(codes):
        return lambda z: (-torch.cdist(z, codes).square() / 0.08).logsumexp(1)

    return learned_prior


@CASES.wrong("learned_prior", says="Return a function, which")
def numbers(g):
    return lambda codes: codes.mean(1)


@CASES.wrong("learned_prior", says="must have the shape")
def for_each_coordinate(g):
    return lambda codes: lambda z: -z.square() / 2
