"""The last exercises of chapter 3: a VAE from an empty cell, and a prior better than one bell."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..answers import a_pair, a_tensor
from ..chapter import Draw, exercise
from ..checking import expect

#: Nats by which a VAE must beat coins that know no image, and a prior must beat one bell.
VAE_RUNG = 6.0
PRIOR_RUNG = 0.5


def _tiny(digits: Tensor) -> Tensor:
    """Returns digits as rows of 196 pixels, zeros and ones, float32, (N, 196)."""
    return (F.avg_pool2d(digits / 255, 2) > 0.4).float().flatten(1)


def _tiny_digits(draw: Draw) -> SimpleNamespace:
    return SimpleNamespace(images=_tiny(draw.digits(2000)[0]))


@exercise(
    "A VAE from an empty cell",
    kind="write",
    objective="ELBO derived; reparameterisation; sum against mean",
    misconceptions=("the noise is a trick", "the KL term is optional"),
    points=6,
    hints=(
        "Four layers are enough: `nn.Linear(196, 64)` and `nn.Linear(64, 8)` for the encoder, "
        "and back for the decoder, with `F.silu` between. The encoder's 8 numbers are 4 means and "
        "4 log-variances.",
        "In each of some 200 steps take 100 images at random, encode, draw codes, decode, and "
        "go down the gradient of cross-entropy plus KL divergence, both summed over an image, "
        "with `torch.optim.Adam` and a learning rate of 0.01.",
        "The loss is `F.binary_cross_entropy_with_logits(decode(z), x, reduction='sum') + "
        "vae.gaussian_kl(mean, log_variance).sum()`, divided by the number of images, with "
        "`z = vae.reparameterize(mean, log_variance)`. At the end `return encode, decode`.",
    ),
    given=_tiny_digits,
    optimizes=True,
)
def own_vae(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(images)` trains a VAE on rows of 196 zeros and ones; it returns two functions."""
    images, held = _tiny(draw.digits(2000)[0]), _tiny(draw.digits(500, test=True)[0])
    encode, decode = a_pair(answer(images.clone()), "the functions encode and decode")
    expect(callable(encode) and callable(decode), "Return two functions: encode and decode.")
    with torch.no_grad():
        mean, log_variance = a_pair(encode(held), "means and log-variances")
        mean = a_tensor(mean, "The means")
        log_variance = a_tensor(log_variance, "The log-variances", mean.shape)
        expect(mean.ndim == 2 and len(mean) == len(held), "Means must have the shape (N, latents).")
        z = mean + (log_variance / 2).exp() * draw.normal(*mean.shape)
        logits = [a_tensor(decode(code), "The logits", held.shape) for code in (z, mean)]
    _expect_a_good_bound(held, images.mean(0), mean, log_variance, logits)


def _expect_a_good_bound(
    held: Tensor, coins: Tensor, mean: Tensor, log_variance: Tensor, logits: list[Tensor]
) -> None:
    """Raises NotYet unless the bound beats coins of the pixels' means; says what may be wrong."""
    inside = all(((part >= 0) & (part <= 1)).all() for part in logits)
    expect(not inside, "`decode` must return logits; these look like probabilities.")
    noisy, exact = (_nats(part, held) for part in logits)
    kl = float(((mean**2 + log_variance.exp() - 1 - log_variance) / 2).sum(1).mean())
    rung = _nats(coins.clamp(1e-3, 1 - 1e-3).logit().expand_as(held), held)
    said = f"On other digits: reconstruction {noisy:.1f} nats and KL {kl:.1f}."
    expect(
        kl > 0.3,
        f"{said} The codes say nothing: is the reconstruction averaged over the pixels? Sum it.",
    )
    expect(
        noisy < exact + 5,
        f"{said} Without noise the reconstruction would be {exact:.1f}: in training, draw the "
        "codes, with the exponential of half the log-variance as their spread.",
    )
    expect(
        kl < rung / 2,
        f"{said} Such codes cost more than they can save: the KL divergence must be in the loss.",
    )
    expect(
        noisy + kl < rung - VAE_RUNG,
        f"{said} Together {noisy + kl:.1f}, and coins that know no image need {rung:.1f}: come "
        f"below {rung - VAE_RUNG:.1f}. More steps, or a larger learning rate?",
    )


def _nats(logits: Tensor, images: Tensor) -> float:
    losses = F.binary_cross_entropy_with_logits(logits, images, reduction="none")
    return float(losses.sum(1).mean())


# --- a prior better than one bell -----------------------------------------------------------


def _codes(draw: Draw, count: int) -> tuple[Tensor, Tensor]:
    """Returns codes of digits of three kinds in the plane, for fitting and for scoring, (N, 2)."""
    digits, labels = draw.digits(2 * count)
    kinds = torch.tensor([0, 1, draw.choice((4, 7, 9))])
    rows = _tiny(digits[torch.isin(labels, kinds)])
    rows = rows - rows.mean(0)
    directions = torch.linalg.eigh(rows.T @ rows).eigenvectors[:, -2:]
    codes = rows @ directions + 0.15 * draw.normal(len(rows), 2)
    codes = (codes - codes.mean(0)) / codes.std(0)
    half = len(codes) // 2
    return codes[:half], codes[half:]


def _fitting_codes(draw: Draw) -> SimpleNamespace:
    return SimpleNamespace(codes=_codes(draw, 2000)[0])


def _one_bell(codes: Tensor, others: Tensor) -> float:
    """Returns the mean log-density that one Gaussian, fitted to codes, gives to others."""
    away, covariance = others - codes.mean(0), torch.cov(codes.T)
    squares = ((away @ covariance.inverse()) * away).sum(1).mean()
    return float(-(squares + covariance.logdet() + 2 * math.log(2 * math.pi)) / 2)


def _total(log_density: Callable[[Tensor], Any]) -> tuple[float, float]:
    """Returns the integrals over the plane of the density, and of what should be its logarithm."""
    side = torch.linspace(-6, 6, 161)
    z = torch.cartesian_prod(side, side)
    heights = a_tensor(log_density(z), "The log-density of N codes", (len(z),)).double()
    cell = float(side[1] - side[0]) ** 2
    return float(heights.exp().sum()) * cell, float(heights.sum()) * cell


def prior_gain(learned_prior: Callable[[Tensor], Any], seed: int = 0) -> float:
    """Returns by how many nats a code, on average, a learned prior beats one Gaussian.

    Both are fitted to codes of some digits and scored on codes of others.
    """
    codes, others = _codes(Draw(f"prior/{seed}"), 2000)
    found = learned_prior(codes.clone())(others)
    return float(found.mean()) - _one_bell(codes, others)


@exercise(
    "Beat the bell",
    kind="write",
    objective="prior samples against reconstructions; link to latent diffusion",
    points=5,
    hints=(
        "One Gaussian puts much of its density where no code lies. A mixture of several follows "
        "the codes.",
        "`vae.fit_mixture` of chapter 3 fits one, and its `log_prob` is the function asked for. Or "
        "put a small bell on every code; its width decides.",
        "`return vae.fit_mixture(codes, 8, torch.Generator().manual_seed(0)).log_prob`. With 8 "
        "bells it beats one; how many are best?",
    ),
    given=_fitting_codes,
)
def learned_prior(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(codes)` returns a function from codes, (N, 2), to their log-densities, (N,)."""
    codes, others = _codes(draw, 2000)
    log_density = answer(codes.clone())
    expect(callable(log_density), "Return a function, which takes codes to their log-densities.")
    total, raw = _total(log_density)
    expect(abs(raw - 1) > 0.05, "These are densities; their logarithms are asked for.")
    expect(
        0.9 < total < 1.02,
        f"The density's total over the plane is {total:.3g}, and it must be 1: what divides it?",
    )
    seen, held = (float(log_density(part).mean()) for part in (codes, others))
    bell = _one_bell(codes, others)
    said = f"It gives other codes {held:.2f} nats, and one bell gives them {bell:.2f}."
    expect(
        held > bell + PRIOR_RUNG or seen < bell + 2 * PRIOR_RUNG,
        f"{said} The codes that it was fitted to get {seen:.2f}: it has learned them by heart.",
    )
    expect(held > bell + PRIOR_RUNG, f"{said} Beat it by {PRIOR_RUNG}.")
