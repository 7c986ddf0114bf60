"""The exercise of chapter 3 about the bound between the ELBO and the log-likelihood."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal

from ..answers import a_tensor, close
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close


def _toy(draw: Draw, k: int = 1000, n: int = 20) -> SimpleNamespace:
    """Gives chapter 3's model of one number, with a guess of the posterior that is off."""
    s = draw.number(0.4, 0.8)
    x = math.sqrt(1 + s**2) * draw.normal(n)
    best_mean, best_std = x / (1 + s**2), s / math.sqrt(1 + s**2)
    q = Normal(best_mean + best_std, 1.3 * best_std)
    z = q.mean + q.stddev * draw.normal(k, n)
    return SimpleNamespace(
        log_joint=Normal(0.0, 1.0).log_prob(z) + Normal(z, s).log_prob(x),
        log_q=q.log_prob(z),
        log_likelihood=float(Normal(0.0, math.sqrt(1 + s**2)).log_prob(x).mean()),
    )


@exercise(
    "Between the ELBO and the truth",
    kind="write",
    objective="importance-weighted bound",
    misconceptions=("ELBO = log-likelihood",),
    points=4,
    hints=(
        "Each sample has the weight p(x, z) / q(z | x): its logarithm is a difference. The bound "
        "of an image is the logarithm of the mean of its k weights.",
        "The logarithm of a sum of exponentials is `logsumexp`, which neither overflows nor "
        "underflows. A mean of k numbers is their sum divided by k.",
        "`log_weights = log_joint - log_q`, then "
        "`(log_weights.logsumexp(0) - math.log(len(log_weights))).mean()`.",
    ),
    given=_toy,
)
def iw_bound(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(log_joint, log_q)`, (k, N) each, is the bound, a mean over N images, in nats."""
    toy = _toy(draw, k=draw.integer(30, 60), n=draw.integer(5, 12))
    weights = toy.log_joint - toy.log_q
    k, n = weights.shape
    found = a_tensor(answer(toy.log_joint.clone(), toy.log_q.clone()), "The bound")
    expect(found.shape != (n,), "This is a bound for each image; their mean is asked for.")
    found = a_tensor(found, "The bound", ())
    wanted = (weights.logsumexp(0) - math.log(k)).mean()
    otherwise = "It is not the logarithm of the mean weight of each image."
    expect_close(found, wanted, _mistakes(toy, weights, wanted), otherwise)
    single = a_tensor(answer(toy.log_joint[:1], toy.log_q[:1]), "The bound with k = 1", ())
    expect(
        close(single, weights[0].mean()), "With one sample the bound must be the ELBO's estimate."
    )
    # Images of 784 pixels have log-weights in the hundreds; their exponentials are 0 in float32.
    tiny = answer(toy.log_joint - 500, toy.log_q)
    finite = bool(torch.isfinite(torch.as_tensor(tiny)).all())
    expect(finite, "With log-weights near -500 the exponential is 0: `logsumexp` stays finite.")
    expect(close(tiny, wanted - 500), "Log-weights near -500 give a wrong bound.")


def _mistakes(toy: SimpleNamespace, weights: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """Returns what is said of a wrong bound, with the value of each mistake."""
    k, n = weights.shape
    gap = toy.log_likelihood - float(weights.mean())
    return {
        "The mean of the log-weights is the ELBO, and the ELBO is not the log-likelihood: here it "
        f"lies {gap:.2f} nats below. Take the logarithm of the mean.": weights.mean(),
        "Divide the sum of the weights by k: subtract log k.": wanted + math.log(k),
        "The sign is wrong: the bound lies below log p(x).": -wanted,
        "A weight is p(x, z) / q(z | x), so the logarithm of q is subtracted.": (
            (toy.log_joint + toy.log_q).logsumexp(0) - math.log(k)
        ).mean(),
        "A weight is p(x, z) divided by q(z | x): q is missing.": (
            toy.log_joint.logsumexp(0) - math.log(k)
        ).mean(),
        "The mean over the images belongs outside the logarithm.": (
            weights.logsumexp((0, 1)) - math.log(k * n)
        ),
        "The k samples of an image lie along dimension 0; you averaged the weights over images.": (
            weights.logsumexp(1) - math.log(n)
        ).mean(),
        "This is the largest weight alone; the mean of the weights is asked for.": (
            weights.max(0).values.mean()
        ),
    }
