"""Answers to `floor`, `kl` and `draw_codes`, exercises of chapter 3."""

from __future__ import annotations

import math

import torch
from torch.distributions import Normal, kl_divergence

from .. import Cases

CASES = Cases("03_vae")


# --- floor ----------------------------------------------------------------------------------


def entropy(t):
    return -sum(v * math.log(v) for v in (t, 1 - t) if v > 0)


@CASES.right("floor")
def by_entropy(g):
    return {
        "grey": entropy(g.grey),
        "patch": sum(map(entropy, g.patch)),
        "total": (2 * g.p - 1) / math.log(g.p / (1 - g.p)),
    }


@CASES.right("floor")
def by_search_and_integral(g):
    p = torch.linspace(1e-6, 1 - 1e-6, 5001).double()
    t = torch.linspace(0, 1, 2001).double()

    def lowest(v):
        return (-v * p.log() - (1 - v) * (1 - p).log()).min()

    total = torch.trapezoid(g.p**t * (1 - g.p) ** (1 - t), t)
    patch = torch.stack([lowest(v) for v in g.patch]).sum()
    return {"grey": lowest(g.grey), "patch": patch, "total": round(total.item(), 3)}


@CASES.wrong("floor", says="no p makes .* no Bernoulli likelihood")
def zero_for_grey(g):
    return by_entropy(g) | {"grey": 0.0, "patch": 0.0}


@CASES.wrong("floor", says="keep a cross-entropy above zero")
def zero_for_the_patch(g):
    return by_entropy(g) | {"patch": 0}


@CASES.wrong("floor", says="total of 1 would make it a likelihood")
def total_of_one(g):
    return by_entropy(g) | {"total": 1.0}


@CASES.wrong("floor", says="bits, not nats")
def in_bits(g):
    return {key: value / math.log(2) for key, value in by_entropy(g).items()}


@CASES.wrong("floor", says="two terms")
def white_term_only(g):
    return by_entropy(g) | {"grey": -g.grey * math.log(g.grey)}


@CASES.wrong("floor", says="the sum is asked for")
def mean_of_the_patch(g):
    right = by_entropy(g)
    return right | {"patch": right["patch"] / 8}


@CASES.wrong("floor", says="not the integral")
def total_of_two_values(g):
    return by_entropy(g) | {"total": 0.25}


@CASES.wrong("floor", says="`grey` is not the smallest")
def at_one_half(g):
    return by_entropy(g) | {"grey": math.log(2)}


@CASES.wrong("floor", says="dictionary with the keys")
def numbers_without_names(g):
    return list(by_entropy(g).values())


# --- kl -------------------------------------------------------------------------------------


def price(mean, log_variance, s):
    return ((mean**2 + log_variance.exp()) / s**2 - 1 - log_variance + 2 * math.log(s)) / 2


@CASES.right("kl")
def closed_form(g):
    return lambda m, v, s: price(m, v, s).sum(1)


@CASES.right("kl")
def in_units_of_the_prior(g):
    def kl(m, v, s):
        r = v - 2 * math.log(s)
        return 0.5 * ((m / s).square() + r.exp() - 1 - r).sum(-1)

    return kl


@CASES.right("kl")
def by_distributions(g):
    def kl(m, v, s):
        prior = Normal(torch.zeros_like(m), s * torch.ones_like(m))
        return kl_divergence(Normal(m, (v / 2).exp()), prior).sum(1)

    return kl


@CASES.wrong("kl", says="for the logarithm of the standard deviation")
def as_log_sigma(g):
    return lambda m, v, s: price(m, 2 * v, s).sum(1)


@CASES.wrong("kl", says="for the standard deviation itself")
def as_sigma(g):
    return lambda m, v, s: price(m, 2 * v.log(), s).sum(1)


@CASES.wrong("kl", says="for the variance itself")
def as_variance(g):
    return lambda m, v, s: price(m, v.log(), s).sum(1)


@CASES.wrong("kl", says="not squared again")
def squared_again(g):
    return lambda m, v, s: ((m**2 + v.exp() ** 2) / s**2 - 1 - v + 2 * math.log(s)).sum(1) / 2


@CASES.wrong("kl", says="not one for the whole batch")
def one_number(g):
    return lambda m, v, s: price(m, v, s).sum(1).mean()


@CASES.wrong("kl", says="Sum over the latent dimensions")
def no_sum(g):
    return price


@CASES.wrong("kl", says="not over the images")
def sum_over_images(g):
    return lambda m, v, s: price(m, v, s).sum(0)


@CASES.wrong("kl", says="mean over the dimensions")
def mean_over_dimensions(g):
    return lambda m, v, s: price(m, v, s).mean(1)


@CASES.wrong("kl", says="where is the 1/2")
def no_half(g):
    return lambda m, v, s: 2 * price(m, v, s).sum(1)


@CASES.wrong("kl", says="sign is wrong")
def negative(g):
    return lambda m, v, s: -price(m, v, s).sum(1)


@CASES.wrong("kl", says="the other way round")
def turned_round(g):
    def kl(m, v, s):
        prior = Normal(torch.zeros_like(m), s * torch.ones_like(m))
        return kl_divergence(prior, Normal(m, (v / 2).exp())).sum(1)

    return kl


@CASES.wrong("kl", says="`prior_std` has no effect")
def standard_prior(g):
    return lambda m, v, s: price(m, v, 1.0).sum(1)


@CASES.wrong("kl", says="With `prior_std` = .* not right")
def only_the_mean_scaled(g):
    return lambda m, v, s: price(m / s, v, 1.0).sum(1)


@CASES.wrong("kl", says="one image with one latent dimension must have the shape")
def squeezed(g):
    return lambda m, v, s: price(m, v, s).sum(1).squeeze()


@CASES.wrong("kl", says="changes its inputs")
def in_place(g):
    return lambda m, v, s: (
        (m.div_(s).square() + v.exp() / s**2 - 1 - v + 2 * math.log(s)).sum(1) / 2
    )


@CASES.wrong("kl", says=r"is there a `return`")
def no_return(g):
    return lambda m, v, s: None


# --- draw_codes -----------------------------------------------------------------------------


@CASES.right("draw_codes")
def scaled_and_moved(g):
    return lambda m, v, k: m + (v / 2).exp() * torch.randn(k, *m.shape)


@CASES.right("draw_codes")
def rsample(g):
    return lambda m, v, k: Normal(m, v.mul(0.5).exp()).rsample((k,))


@CASES.right("draw_codes")
def one_by_one(g):
    return lambda m, v, k: torch.stack([m + v.exp().sqrt() * torch.randn_like(m) for _ in range(k)])


@CASES.wrong("draw_codes", says="noise is no trick")
def no_noise(g):
    return lambda m, v, k: m.expand(k, *m.shape) + 0 * v


@CASES.wrong("draw_codes", says="by the variance")
def variance_for_std(g):
    return lambda m, v, k: m + v.exp() * torch.randn(k, *m.shape)


@CASES.wrong("draw_codes", says="by the log-variance itself")
def log_variance_for_std(g):
    return lambda m, v, k: m + v * torch.randn(k, *m.shape)


@CASES.wrong("draw_codes", says="standard deviation is missing")
def unscaled(g):
    return lambda m, v, k: m + torch.randn(k, *m.shape)


@CASES.wrong("draw_codes", says="All images share")
def shared_by_images(g):
    return lambda m, v, k: m + (v / 2).exp() * torch.randn(k, 1, m.shape[1])


@CASES.wrong("draw_codes", says="All dimensions of a code share")
def shared_by_dimensions(g):
    return lambda m, v, k: m + (v / 2).exp() * torch.randn(k, m.shape[0], 1)


@CASES.wrong("draw_codes", says="codes of an image are the same")
def shared_by_codes(g):
    return lambda m, v, k: (m + (v / 2).exp() * torch.randn(m.shape)).expand(k, -1, -1)


@CASES.wrong("draw_codes", says="is the noise normal")
def uniform_noise(g):
    return lambda m, v, k: m + (v / 2).exp() * torch.rand(k, *m.shape)


@CASES.wrong("draw_codes", says=r"noise is not normal")
def centred_uniform_noise(g):
    return lambda m, v, k: m + (v / 2).exp() * (torch.rand(k, *m.shape) - 0.5) * 12**0.5


@CASES.wrong("draw_codes", says="No gradient passes")
def plain_sample(g):
    return lambda m, v, k: Normal(m, (v / 2).exp()).sample((k,))


@CASES.wrong("draw_codes", says="No gradient reaches the mean")
def torch_normal(g):
    return lambda m, v, k: torch.normal(m.expand(k, *m.shape), (v / 2).exp().expand(k, *m.shape))


@CASES.wrong("draw_codes", says="No gradient reaches the log-variance")
def detached_std(g):
    return lambda m, v, k: m + (v / 2).exp().detach() * torch.randn(k, *m.shape)


@CASES.wrong("draw_codes", says="must have the shape")
def samples_last(g):
    return lambda m, v, k: (m + (v / 2).exp() * torch.randn(k, *m.shape)).movedim(0, 1)
