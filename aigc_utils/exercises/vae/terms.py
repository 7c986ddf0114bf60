"""The first exercises of chapter 3: the terms of a VAE's loss, and its codes."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from ..answers import a_tensor, close, numbers
from ..chapter import Draw, exercise
from ..checking import NotYet, expect
from ..mistakes import expect_close


def _pixels(draw: Draw) -> SimpleNamespace:
    greys = [draw.number(0.1, 0.9) for _ in range(draw.integer(4, 5))]
    inked = [0.0, 1.0, *greys]
    patch = draw.sample([*inked, *[draw.choice((0.0, 1.0)) for _ in range(8 - len(inked))]], 8)
    p = draw.number(0.05, 0.4)
    return SimpleNamespace(
        grey=draw.choice((draw.number(0.12, 0.4), draw.number(0.6, 0.88))),
        patch=patch,
        p=draw.choice((p, round(1 - p, 2))),
    )


def _entropy(values: list[float]) -> list[float]:
    """Returns the cross-entropy of each value with itself, in nats."""
    t = torch.tensor(values, dtype=torch.float64)
    return [float(value) for value in -(torch.xlogy(t, t) + torch.xlogy(1 - t, 1 - t))]


@exercise(
    "How low can the cross-entropy go?",
    kind="predict",
    objective="choice of likelihood",
    misconceptions=("BCE on grey pixels is a Bernoulli likelihood",),
    points=2,
    hints=(
        "The cross-entropy of a pixel t is $-t \\log p - (1 - t) \\log (1 - p)$. "
        "Which p makes it smallest?",
        "It is smallest where the decoder says p = t, and there it is zero only for pixels 0 and "
        "1. The total is an integral over t; chapter 3 takes it with `torch.trapezoid`.",
        "`grey`: $-t \\log t - (1 - t) \\log (1 - t)$. `patch`: the sum of this over the pixels. "
        "`total`: $\\int_0^1 p^t (1 - p)^{1 - t} dt = (2 p - 1) / (\\log p - \\log (1 - p))$.",
    ),
    given=_pixels,
)
def floor(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer` holds two smallest cross-entropies and the total of exp(-cross-entropy)."""
    answer = numbers(answer, "floor", ("grey", "patch", "total"))
    t, p = given.grey, given.p
    (grey,), patch = _entropy([t]), _entropy(given.patch)
    total = (2 * p - 1) / math.log(p / (1 - p))
    mistakes: dict[str, Any] = {
        "Zero is reached by pixels that are 0 or 1 alone: no p makes the cross-entropy of a grey "
        "pixel zero. It is no Bernoulli likelihood of grey pixels.": 0.0,
        "These are bits, not nats.": grey / math.log(2),
        "The cross-entropy has two terms, one for ink and one for paper.": [
            -t * math.log(t),
            -(1 - t) * math.log(1 - t),
        ],
    }
    otherwise = "`grey` is not the smallest: try many p, and see where the cross-entropy is lowest."
    expect_close(answer["grey"], grey, mistakes, otherwise, 2e-3)
    mistakes = {
        "`patch` is the mean over the pixels; the sum is asked for.": sum(patch) / len(patch),
        "The grey pixels of the patch keep a cross-entropy above zero.": 0.0,
    }
    otherwise = "`patch` is not the smallest possible sum."
    expect_close(answer["patch"], sum(patch), mistakes, otherwise, 2e-3)
    mistakes = {
        "A total of 1 would make it a likelihood. Over the values 0 and 1 alone it is; the "
        "cross-entropy on grey pixels is no Bernoulli likelihood.": 1.0
    }
    otherwise = "`total` is not the integral over all t."
    expect_close(answer["total"], total, mistakes, otherwise, 2e-3)


@exercise(
    "The price under another prior",
    kind="write",
    objective="closed-form KL",
    misconceptions=("log-variance against sigma",),
    points=3,
    hints=(
        "Chapter 3 has the formula for a prior with the standard deviation 1, for each latent "
        "dimension. The encoder gives $\\log \\sigma^2$, so $\\sigma^2$ is its exponential.",
        "Measure the codes in units of `prior_std`: the mean is divided by it, the variance by "
        "its square. A KL divergence does not change with the unit.",
        "With `r = log_variance - 2 * math.log(prior_std)` it is "
        "`((mean / prior_std) ** 2 + r.exp() - 1 - r) / 2`, summed over dimension 1.",
    ),
)
def kl(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(mean, log_variance, prior_std)` is each image's KL divergence, shape (N,)."""
    size = draw.integer(3, 6), draw.integer(7, 12)
    mean, positive = draw.normal(*size), 0.3 + 1.5 * draw.uniform(*size)
    # Positive at first, so that those who take it for sigma get a number to be recognised by.
    found = _per_image(answer(mean.clone(), positive.clone(), 1.0), size)
    _expect_reading(found, mean, positive)
    log_variance, prior_std = draw.normal(*size) - 1, draw.choice((0.4, 0.5, 2.0, 3.0))
    inputs = mean.clone(), log_variance.clone()
    found = _per_image(answer(*inputs, prior_std), size)
    unchanged = torch.equal(inputs[0], mean) and torch.equal(inputs[1], log_variance)
    expect(unchanged, "Your function changes its inputs: leave them as they are.")
    wanted = _kl(mean, (log_variance / 2).exp(), prior_std).sum(1)
    plain = _kl(mean, (log_variance / 2).exp(), 1.0).sum(1)
    expect(not close(found, plain), "`prior_std` has no effect.")
    expect(close(found, wanted, 1e-3), f"With `prior_std` = {prior_std} it is not right.")
    one = answer(mean[:1, :1], log_variance[:1, :1], prior_std)
    a_tensor(one, "The KL divergence of one image with one latent dimension", (1,))


def _kl(mean: Tensor, std: Tensor, prior_std: float) -> Tensor:
    prior = Normal(torch.zeros_like(mean), prior_std * torch.ones_like(mean))
    return kl_divergence(Normal(mean, std), prior)


def _per_image(found: Any, size: tuple[int, int]) -> Tensor:
    """Returns the answer's divergences if they have the shape (N,)."""
    found = a_tensor(found, "The KL divergence")
    shape = tuple(found.shape)
    expect(shape != (), "One number for each image is asked for, not one for the whole batch.")
    expect(shape != size, "Sum over the latent dimensions: an image has one KL divergence.")
    expect(shape != size[1:], "The sum goes over the latent dimensions, not over the images.")
    return a_tensor(found, "The KL divergence", size[:1])


def _expect_reading(found: Tensor, mean: Tensor, log_variance: Tensor) -> None:
    """Names the usual misreadings of the log-variance and the usual slips in the formula."""
    readings = {
        "the standard deviation itself": log_variance,
        "the variance itself": log_variance.sqrt(),
        "the logarithm of the standard deviation": log_variance.exp(),
    }
    std = (log_variance / 2).exp()
    wanted = _kl(mean, std, 1.0).sum(1)
    turned = kl_divergence(Normal(torch.zeros_like(mean), torch.ones_like(mean)), Normal(mean, std))
    mistakes = {
        f"You take the log-variance for {name}: the log-variance is the logarithm of sigma "
        "squared.": _kl(mean, taken, 1.0).sum(1)
        for name, taken in readings.items()
    } | {
        "The exponential of the log-variance is the variance already: it is not squared again.": (
            wanted + ((2 * log_variance).exp() - log_variance.exp()).sum(1) / 2
        ),
        "This is the mean over the dimensions; sum.": wanted / mean.shape[1],
        "It is twice as large as it should be: where is the 1/2?": 2 * wanted,
        "The sign is wrong: a KL divergence is never negative.": -wanted,
        "This is the KL divergence the other way round.": turned.sum(1),
    }
    otherwise = "With `prior_std` = 1 it is not the formula of chapter 3."
    expect_close(found, wanted, mistakes, otherwise)


@exercise(
    "Chance with a gradient",
    kind="complete",
    objective="reparameterisation",
    misconceptions=("the noise is a trick", "log-variance against sigma"),
    points=3,
    hints=(
        "Draw the noise apart from mean and log-variance, then scale it and move it.",
        "Every number of every code needs its own noise: the noise has the shape of the result. "
        "The scale is the standard deviation, the exponential of half the log-variance.",
        "`noise = torch.randn(shape)`, and then `z = mean + (log_variance / 2).exp() * noise`.",
    ),
)
def draw_codes(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(mean, log_variance, k)` is k codes for each image, with gradients, (k, N, D)."""
    n, d, k = draw.integer(3, 5), draw.integer(2, 4), 1000
    mean = (3 * draw.normal(n, d)).requires_grad_()
    # Far from zero, so that variance, standard deviation and their logarithm differ.
    signs = 2 * draw.integers(0, 2, n, d) - 1
    log_variance = (signs * (1 + draw.uniform(n, d))).requires_grad_()
    z = a_tensor(answer(mean, log_variance, k), "The codes", (k, n, d))
    small = answer(mean[:1], log_variance[:1], 3)
    a_tensor(small, "The codes for k = 3 and one image", (3, 1, d))
    _expect_spread(z.detach(), mean.detach(), log_variance.detach())
    _expect_own_noise(((z - mean) / (log_variance / 2).exp()).detach())
    _expect_gradients(z, mean, log_variance, draw.normal(k, n, d))


def _expect_spread(z: Tensor, mean: Tensor, log_variance: Tensor) -> None:
    spread, std = z.std(0), (log_variance / 2).exp()
    expect(
        not close(z, mean.expand_as(z)),
        "Every code is its mean. The noise is no trick: it is the cloud that the KL term is about, "
        "and without it this is a plain autoencoder.",
    )
    expect(
        (spread > 1e-3 * std).all(), "All k codes of an image are the same: draw noise for each."
    )
    others = {
        "by the variance; the standard deviation is asked for": log_variance.exp(),
        "by the log-variance itself; the standard deviation is its half's exponential": (
            log_variance.abs()
        ),
        "by 1 for every image: the standard deviation is missing": torch.ones_like(std),
    }
    for words, scale in others.items():
        expect(
            not close(spread / scale, torch.ones_like(std), 0.12), f"The noise is scaled {words}."
        )
    off = ((z.mean(0) - mean) / std).abs().max()
    expect(off < 0.2, "The codes of an image do not lie around its mean: is the noise normal?")
    expect(close(spread / std, torch.ones_like(std), 0.12), "The codes have another spread.")
    within = (((z - mean) / std).abs() < 1).float().mean()
    expect(0.65 < within < 0.715, "The noise is not normal: `torch.randn` draws such noise.")


def _expect_own_noise(noise: Tensor) -> None:
    """Refuses noise (k, N, D) that images or dimensions share."""
    images, dimensions = noise[:, :1] * noise[:, 1:], noise[..., :1] * noise[..., 1:]
    expect(images.mean(0).abs().max() < 0.3, "All images share one noise: draw it for each image.")
    expect(
        dimensions.mean(0).abs().max() < 0.3,
        "All dimensions of a code share one noise: draw it for each dimension.",
    )


def _expect_gradients(z: Tensor, mean: Tensor, log_variance: Tensor, weight: Tensor) -> None:
    expect(z.requires_grad, "No gradient passes: draw the noise apart from mean and log-variance.")
    inputs = {"mean": mean, "log-variance": log_variance}
    grads = torch.autograd.grad((z * weight).sum(), list(inputs.values()), allow_unused=True)
    wanted = weight.sum(0), (weight * (z - mean) / 2).sum(0).detach()
    for name, grad, right in zip(inputs, grads, wanted, strict=True):
        if grad is None or not grad.any():
            raise NotYet(
                f"No gradient reaches the {name}: draw the noise apart, and detach nothing."
            )
        expect(
            close(grad / weight.norm(), right / weight.norm()), f"The {name}'s gradient is wrong."
        )
