"""Chapter 3: a prior that fits, as a mixture of Gaussians: fitted to codes, or trained along."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..data import check_finite, check_tensor
from ..devices import exact, normal
from ..limits import whole

#: The share of the codes' whole covariance that each bell keeps: none may become a needle.
LEAST = 1e-3
#: Numbers of `_products` that are made at a time.
TOGETHER = 1 << 21
#: The standard deviation with which the means of a `LearnedMixture` are drawn.
BEGIN = 0.5


class Mixture:
    """A mixture of K Gaussians over codes, each with a weight and a covariance of its own.

    Weights have the shape (K,) and add up to 1; means are (K, D) and covariances (K, D, D).

    Raises:
        ValueError: a shape is another, a number is not finite, a weight is below 0 or they add up
            to another number, or a covariance is not symmetric or not positive definite.
    """

    def __init__(self, weights: Tensor, means: Tensor, covariances: Tensor) -> None:
        _check_bells(weights, means, covariances)
        self.weights, self.means = weights, means
        self.roots = torch.linalg.cholesky(covariances)  # (K, D, D), root @ root.T each

    def log_parts(self, z: Tensor) -> Tensor:
        """Returns the log of each Gaussian's weight times its density at codes, (N, K).

        Raises:
            ValueError: the codes do not have shape (N, D), or are not finite.
        """
        width = self.means.size(1)
        if z.ndim != 2 or z.size(1) != width:
            raise ValueError(f"codes must have shape (N, {width}), not {tuple(z.shape)}.")
        check_finite("codes", z)
        constant = z.size(1) * math.log(2 * math.pi)
        parts = []
        for weight, mean, root in zip(self.weights, self.means, self.roots, strict=True):
            white = torch.linalg.solve_triangular(root, (z - mean).T, upper=False)  # (D, N)
            log_density = -(white.square().sum(0) + constant) / 2 - root.diagonal().log().sum()
            parts.append(weight.log() + log_density)
        return torch.stack(parts, 1)

    def log_prob(self, z: Tensor) -> Tensor:
        """Returns the log-density of codes, (N, D), in nats, (N,).

        Raises:
            ValueError: as `log_parts`.
        """
        return self.log_parts(z).logsumexp(1)

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Returns `count` codes, (count, D): a Gaussian is drawn by weight, then a code of it.

        Raises:
            ValueError: `count` is below 1.
        """
        whole("count", count)
        weights, place = self.weights.to(rng.device), self.means.device
        which = torch.multinomial(weights, count, replacement=True, generator=rng).to(place)
        noise = normal((count, self.means.size(1), 1), rng, place)
        codes: Tensor = self.means[which] + (self.roots[which] @ noise).squeeze(2)
        return codes


class LearnedMixture(nn.Module):
    """A mixture of K Gaussians over codes that a VAE's training moves along with its networks.

    Each Gaussian has a weight, a mean and a width for each dimension, but no covariance. At the
    beginning all weights and widths are alike, and a code's mean square is 1 in each dimension, on
    average over the means' draw, as the standard normal distribution's is.

    Args:
        size: how many Gaussians.
        latent_dim: numbers of a code.
        rng: draws the means.

    Raises:
        ValueError: `size` or `latent_dim` is below 1.

    Source: Tomczak and Welling, VAE with a VampPrior, 2018, who compare such a mixture with theirs.
    """

    def __init__(self, size: int, latent_dim: int, rng: torch.Generator) -> None:
        super().__init__()
        shape = whole("size", size), whole("latent_dim", latent_dim)
        self.logits = nn.Parameter(torch.zeros(size))
        self.means = nn.Parameter(BEGIN * normal(shape, rng, self.logits.device))
        self.log_widths = nn.Parameter(torch.full(shape, math.log(1 - BEGIN**2) / 2))

    def log_prob(self, z: Tensor) -> Tensor:
        """Returns the log-density of codes, (N, D), in nats, (N,).

        In 32 bits it is right to 0.01 nats for widths from 0.1 on, in 20 dimensions and with codes
        whose numbers seldom exceed 5.

        Raises:
            ValueError: the codes do not have shape (N, D).
        """
        width = self.means.size(1)
        if z.ndim != 2 or z.size(1) != width:
            raise ValueError(f"codes must have shape (N, {width}), not {tuple(z.shape)}.")
        precisions = (-2 * self.log_widths).exp()  # (K, D)
        towards = self.means * precisions
        squares = z.square() @ precisions.T - 2 * z @ towards.T + (self.means * towards).sum(1)
        constants = self.logits.log_softmax(0) - self.log_widths.sum(1)
        log_parts = constants - (squares + width * math.log(2 * math.pi)) / 2  # (N, K)
        return log_parts.logsumexp(1)

    @torch.no_grad()
    def as_mixture(self) -> Mixture:
        """Returns the mixture as it is now, to draw from: it no longer learns."""
        covariances = (2 * self.log_widths).exp().diag_embed()
        return Mixture(self.logits.softmax(0), self.means.clone(), covariances)


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
        ValueError: fewer codes than Gaussians, no Gaussian or no round, or codes of another type
            or shape, that are not finite, or that are all the same.

    Source: Dempster, Laird and Rubin, Maximum Likelihood from Incomplete Data via the EM
    Algorithm, 1977.
    """
    _check_fit(codes, size, rounds)
    middle = codes.mean(0)
    centred = (codes - middle).to(exact(codes.device)).double()
    spread = torch.cov(centred.T).view(codes.size(1), -1)
    even = torch.eye(len(spread), dtype=torch.double, device=centred.device)
    least = LEAST * spread + 1e-6 * spread.trace() / len(spread) * even
    order = torch.randperm(len(codes), generator=rng, device=rng.device)
    starts = centred[order[:size].to(centred.device)]
    covariances = (spread + least).expand(size, -1, -1)
    mixture = Mixture(starts.new_full((size,), 1 / size), starts, covariances)
    for _ in range(rounds):
        factors, sums = _factors(mixture), starts.new_zeros(())
        for part in centred.split(max(1, TOGETHER // factors.size(1))):
            products = _products(part)
            shares = (products @ factors.T).softmax(1)  # (n, K): whose code is it?
            sums = shares.T @ products + sums  # of its codes, by these shares
        mixture = _refitted(sums, least)
    return _moved(mixture, middle)


def _products(codes: Tensor) -> Tensor:
    """Returns 1, each code's numbers, and the products of any two of them: (N, 1 + D + D * D)."""
    pairs = codes[:, :, None] * codes[:, None, :]
    return torch.cat([torch.ones_like(codes[:, :1]), codes, pairs.flatten(1)], 1)


def _factors(mixture: Mixture) -> Tensor:
    """Returns what makes of a code's `_products` its `log_parts`: (K, 1 + D + D * D).

    A Gaussian's log-density is a weighted sum of them. So those of all codes under all Gaussians
    are one product of matrices, which is faster than one Gaussian after another, but subtracts
    large numbers: it needs 64 bits, and codes around zero.
    """
    means, roots = mixture.means, mixture.roots
    inverse = torch.cholesky_inverse(roots)  # (K, D, D)
    towards = (inverse @ means[:, :, None]).squeeze(2)
    square = (means * towards).sum(1) + means.size(1) * math.log(2 * math.pi)
    constant = mixture.weights.log() - square / 2 - roots.diagonal(dim1=1, dim2=2).log().sum(1)
    return torch.cat([constant[:, None], towards, -inverse.flatten(1) / 2], 1)


def _refitted(sums: Tensor, least: Tensor) -> Mixture:
    """Returns the mixture whose codes' `_products` have these sums, (K, 1 + D + D * D)."""
    width = len(least)
    counts = sums[:, 0].clamp(min=1e-3)
    means = sums[:, 1 : 1 + width] / counts[:, None]
    pairs = sums[:, 1 + width :].view(-1, width, width) / counts[:, None, None]
    covariances = pairs - means[:, :, None] * means[:, None, :]
    return Mixture(counts / counts.sum(), means, covariances + least)


def _moved(mixture: Mixture, middle: Tensor) -> Mixture:
    """Returns a mixture around zero at the middle of the codes, with their type and device."""
    parts = mixture.weights, mixture.means, mixture.roots
    mixture.weights, mixture.means, mixture.roots = (
        part.to(middle.dtype).to(middle.device) for part in parts
    )
    mixture.means = mixture.means + middle
    return mixture


def _check_bells(weights: Tensor, means: Tensor, covariances: Tensor) -> None:
    """Raises ValueError unless these are the parts of a mixture."""
    bells, width = len(weights), means.size(-1)
    shapes = weights.shape, means.shape, covariances.shape
    if shapes != ((bells,), (bells, width), (bells, width, width)) or 0 in shapes[2]:
        raise ValueError(
            "a mixture has weights (K,), means (K, D) and covariances (K, D, D), not "
            f"{', '.join(str(tuple(shape)) for shape in shapes)}."
        )
    for name, values in (("weights", weights), ("means", means), ("covariances", covariances)):
        check_finite(name, values)
    if weights.min() < 0 or abs(weights.sum().item() - 1) > 1e-4:
        raise ValueError(f"weights must be 0 or more and add up to 1, not to {weights.sum():g}.")
    uneven = (covariances - covariances.mT).abs().max() > 1e-4 * covariances.abs().max()
    if uneven or torch.linalg.cholesky_ex(covariances).info.any():
        raise ValueError("covariances must be symmetric and positive definite.")


def _check_fit(codes: Tensor, size: int, rounds: int) -> None:
    """Raises ValueError unless so many Gaussians can be fitted to these codes."""
    check_tensor("codes", codes)
    if codes.ndim != 2 or len(codes) < 2 or codes.size(1) < 1 or not codes.is_floating_point():
        raise ValueError(
            "codes must have shape (N, D), N at least 2, and be floats, not "
            f"{tuple(codes.shape)} of {codes.dtype}."
        )
    check_finite("codes", codes)
    whole("size", size, highest=len(codes))
    whole("rounds", rounds)
    if (codes == codes[0]).all():
        raise ValueError("codes must differ: all are the same point, and no bell fits one point.")
