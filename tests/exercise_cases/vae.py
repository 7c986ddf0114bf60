"""Answers to the exercises of chapter 3."""

from __future__ import annotations

import math

import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence
from torch.nn import functional as F

from aigc_utils import plotting
from aigc_utils.exercises.vae import broken_objective
from aigc_utils.exercises.vae.pictures import BLUR, TURNS

from . import Cases

CASES = Cases("03_vae")


# --- floor ------------------------------------------------------------------------------------


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


# --- kl -----------------------------------------------------------------------------------------


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


# --- draw_codes ---------------------------------------------------------------------------------


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


# --- collapse -----------------------------------------------------------------------------------


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


# --- mended_objective -----------------------------------------------------------------------------


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


# --- blur -----------------------------------------------------------------------------------------


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


# --- turned ---------------------------------------------------------------------------------------


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


# --- iw_bound -------------------------------------------------------------------------------------


@CASES.right("iw_bound")
def by_logsumexp(g):
    return lambda joint, q: ((joint - q).logsumexp(0) - math.log(len(q))).mean()


@CASES.right("iw_bound")
def by_the_largest(g):
    def bound(joint, q):
        weights = joint - q
        largest = weights.max(0).values
        return (largest + (weights - largest).exp().mean(0).log()).mean()

    return bound


@CASES.wrong("iw_bound", says="ELBO is not the log-likelihood: here it lies [0-9.]+ nats below")
def elbo(g):
    return lambda joint, q: (joint - q).mean()


@CASES.wrong("iw_bound", says="subtract log k")
def log_k_forgotten(g):
    return lambda joint, q: (joint - q).logsumexp(0).mean()


@CASES.wrong("iw_bound", says="outside the logarithm")
def all_in_one(g):
    return lambda joint, q: (joint - q).flatten().logsumexp(0) - math.log(q.numel())


@CASES.wrong("iw_bound", says="along dimension 0")
def wrong_dimension(g):
    return lambda joint, q: ((joint - q).logsumexp(1) - math.log(q.shape[1])).mean()


@CASES.wrong("iw_bound", says="sign is wrong")
def minus_bound(g):
    return lambda joint, q: -((joint - q).logsumexp(0) - math.log(len(q))).mean()


@CASES.wrong("iw_bound", says="logarithm of q is subtracted")
def q_added(g):
    return lambda joint, q: ((joint + q).logsumexp(0) - math.log(len(q))).mean()


@CASES.wrong("iw_bound", says="q is missing")
def q_forgotten(g):
    return lambda joint, q: (joint.logsumexp(0) - math.log(len(q))).mean()


@CASES.wrong("iw_bound", says="largest weight alone")
def the_best_sample(g):
    return lambda joint, q: (joint - q).max(0).values.mean()


@CASES.wrong("iw_bound", says="bound for each image")
def for_each_image(g):
    return lambda joint, q: (joint - q).logsumexp(0) - math.log(len(q))


@CASES.wrong("iw_bound", says="`logsumexp` stays finite")
def log_of_mean_of_exp(g):
    return lambda joint, q: (joint - q).exp().mean(0).log().mean()
