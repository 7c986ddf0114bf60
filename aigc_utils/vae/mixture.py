"""Chapter 3: a prior that fits, as a mixture of Gaussians fitted to the codes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..data import check_finite, check_tensor
from ..limits import whole

#: The share of the codes' whole covariance that each bell keeps: none may become a needle.
LEAST = 1e-3


class Mixture:
    """A mixture of K Gaussians over codes, each with a weight and a covariance of its own.

    Weights have the shape (K,) and add up to 1; means are (K, D) and covariances (K, D, D).
    """

    def __init__(self, weights: Tensor, means: Tensor, covariances: Tensor) -> None:
        self.weights, self.means = weights, means
        self.roots = torch.linalg.cholesky(covariances)  # (K, D, D), root @ root.T each

    def log_parts(self, z: Tensor) -> Tensor:
        """Returns the log of each Gaussian's weight times its density at codes, (N, K)."""
        constant = z.size(1) * math.log(2 * math.pi)
        parts = []
        for weight, mean, root in zip(self.weights, self.means, self.roots, strict=True):
            white = torch.linalg.solve_triangular(root, (z - mean).T, upper=False)  # (D, N)
            log_density = -(white.square().sum(0) + constant) / 2 - root.diagonal().log().sum()
            parts.append(weight.log() + log_density)
        return torch.stack(parts, 1)

    def log_prob(self, z: Tensor) -> Tensor:
        """Returns the log-density of codes, (N, D), in nats, (N,)."""
        return self.log_parts(z).logsumexp(1)

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Returns `count` codes, (count, D): a Gaussian is drawn by weight, then a code of it."""
        which = torch.multinomial(self.weights, count, replacement=True, generator=rng)
        noise = torch.randn(count, self.means.size(1), 1, generator=rng)
        codes: Tensor = self.means[which] + (self.roots[which] @ noise).squeeze(2)
        return codes


def fit_mixture(codes: Tensor, size: int, rng: torch.Generator, rounds: int = 20) -> Mixture:
    """Returns a mixture of `size` Gaussians fitted to codes by expectation-maximisation.

    Each round first asks how much each Gaussian has to do with each code, and then gives each
    the mean and the covariance of its codes. The log-likelihood of the codes rises from round to
    round, up to what `LEAST` costs.

    Args:
        codes: shape (N, D), N at least `size`.
        size: how many Gaussians; with one, a single round finds the best.
        rng: draws the codes that the Gaussians begin at.
        rounds: of the two steps.

    Raises:
        ValueError: fewer codes than Gaussians, no Gaussian or no round, or codes of another shape
            or that are not finite.

    Source: Dempster, Laird and Rubin, Maximum Likelihood from Incomplete Data via the EM
    Algorithm, 1977.
    """
    check_tensor("codes", codes)
    if codes.ndim != 2 or len(codes) < 2 or codes.size(1) < 1:
        raise ValueError(f"codes must have shape (N, D), N at least 2, not {tuple(codes.shape)}.")
    check_finite("codes", codes)
    whole("size", size, highest=len(codes))
    whole("rounds", rounds)
    spread = torch.cov(codes.T).view(codes.size(1), -1)
    least = LEAST * spread + 1e-6 * spread.trace() / len(spread) * torch.eye(len(spread))
    starts = codes[torch.randperm(len(codes), generator=rng)[:size]]
    covariances = (spread + least).expand(size, -1, -1)
    mixture = Mixture(torch.full((size,), 1 / size), starts, covariances)
    for _ in range(rounds):
        shares = mixture.log_parts(codes).softmax(1)  # (N, K): whose code is it?
        mixture = _refitted(codes, shares, least)
    return mixture


def _refitted(codes: Tensor, shares: Tensor, least: Tensor) -> Mixture:
    """Returns the mixture whose Gaussians own the codes by these shares, (N, K)."""
    counts = shares.sum(0).clamp(min=1e-3)  # (K,)
    means = (shares.T @ codes) / counts[:, None]  # (K, D)
    covariances = []
    for share, mean, count in zip(shares.T, means, counts, strict=True):
        away = codes - mean
        covariances.append((share[:, None] * away).T @ away / count + least)
    return Mixture(counts / counts.sum(), means, torch.stack(covariances))
