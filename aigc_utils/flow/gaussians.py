"""Chapter 5: data of which everything is known, to see what a flow should find.

Mixtures of round Gaussians, on a line or in the plane. Noise that moves along a path towards such
data stays a mixture of Gaussians, so density, clean point and velocity have closed forms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..limits import positive, whole
from .paths import Path, Said, check_times, say


class Mixture:
    """Round Gaussians of one width, (K, D) their means, which all weigh the same or as said.

    Raises:
        ValueError: the means are no floats of shape (K, D), the width is not above 0, or there is
            not one weight above 0 for each Gaussian.
    """

    def __init__(
        self, means: Tensor, deviation: float, weights: Sequence[float] | None = None
    ) -> None:
        if means.ndim != 2 or means.numel() == 0 or not means.is_floating_point():
            raise ValueError(f"means must be floats of shape (K, D), not {tuple(means.shape)}.")
        positive("deviation", deviation)
        self.means, self.deviation = means, float(deviation)
        given = torch.tensor(weights if weights is not None else [1.0] * len(means), device="cpu")
        if given.shape != (len(means),) or not (given > 0).all():
            raise ValueError(f"weights must be {len(means)} numbers above 0, one for each mean.")
        self.weights = (given / given.sum()).to(means.device, means.dtype)

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Returns points of the mixture, (count, D), where its means lie.

        Raises:
            ValueError: `count` is below 1.
        """
        weights = self.weights.to(rng.device)
        which = torch.multinomial(weights, whole("count", count), True, generator=rng)
        shape = count, self.means.size(1)
        noise = torch.randn(shape, generator=rng, dtype=weights.dtype, device=rng.device)
        place = self.means.device
        return self.means[which.to(place)] + self.deviation * noise.to(place)

    def log_density(self, path: Path, x: Tensor, t: Tensor) -> Tensor:
        """Returns the log-density, (B,), in nats, at points (B, D) and times (B,) on a path."""
        return self._log_parts(path, x, t).logsumexp(1)

    def say(self, path: Path, x: Tensor, t: Tensor) -> Said:
        """Returns what a perfect model predicts at points (B, D) and times (B,), said four ways.

        Each is a mean over all ways that lead through the point: the marginal velocity, the mean
        of the noise, the mean of the data, and the score.

        Raises:
            ValueError: points or times don't fit, or a time is not above 0 and below 1.
        """
        of_clean, of_noise = path.shares(check_times(t, x))
        chance = self._log_parts(path, x, t).softmax(1)  # (B, K): which Gaussian it comes from
        variance = (of_clean * self.deviation).square() + of_noise.square()  # (B, 1)
        gain = of_clean * self.deviation**2 / variance
        off = x[:, None] - of_clean[..., None] * self.means  # (B, K, D)
        clean = (chance[..., None] * (self.means + gain[..., None] * off)).sum(1)
        return say(path, x, t, clean=clean)

    def _log_parts(self, path: Path, x: Tensor, t: Tensor) -> Tensor:
        """Returns the logarithm of each Gaussian's share of the density, (B, K)."""
        if x.ndim != 2 or x.size(1) != self.means.size(1):
            width = self.means.size(1)
            raise ValueError(f"points must have shape (B, {width}), not {tuple(x.shape)}.")
        of_clean, of_noise = path.shares(check_times(t, x))
        variance = (of_clean * self.deviation).square() + of_noise.square()
        off = x[:, None] - of_clean[..., None] * self.means
        size = off.square().sum(2) / variance + x.size(1) * (2 * math.pi * variance).log()
        return self.weights.log() - size / 2


def ring_of_islands(count: int = 8, radius: float = 2.0, deviation: float = 0.1) -> Mixture:
    """Returns Gaussians on a circle in the plane, evenly spaced.

    Raises:
        ValueError: `count` is below 1, or `radius` or `deviation` is not above 0.
    """
    angles = torch.arange(whole("count", count), device="cpu") * (2 * math.pi / count)
    ring = torch.stack([angles.cos(), angles.sin()], dim=1)
    return Mixture(positive("radius", radius) * ring, deviation)
