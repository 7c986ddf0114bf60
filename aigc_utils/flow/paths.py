"""Chapter 5: ways from noise to data, and one model said in four ways.

Time `t` runs from 0, where all is noise, to 1, where all is data. In between stands a mixture,
x_t = clean_share(t) * data + noise_share(t) * noise, and a *path* says which.

To look at times on a card is to wait for it; a step, which has drawn them itself, says `wait=False`
and looks at none there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ..data import check_finite, check_same_shape, may_look
from ..limits import real


class Path(Protocol):
    """How much of a point is data and how much is noise at each time, and how fast both change."""

    def shares(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the shares of data and of noise at times `t`, in its shape."""

    def speeds(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the derivatives of both shares with respect to `t`, in its shape."""


@dataclass(frozen=True)
class Straight:
    """The straight way of flow matching: t of the data, and 1 - t of the noise.

    Source: Lipman et al., Flow Matching for Generative Modeling, 2023; Liu et al., Flow Straight
    and Fast, 2023.
    """

    def shares(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the shares of data and of noise at times `t`, in its shape."""
        return t, 1 - t

    def speeds(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Returns 1 and -1 in the shape of `t`: the shares change evenly."""
        return torch.ones_like(t), -torch.ones_like(t)


@dataclass(frozen=True)
class Diffusion:
    """The way of DDPM, in continuous time: the squares of both shares sum to one.

    Noise is added at a rate that grows linearly from `slowest` to `fastest`, counted from the data.
    At t = 0 a little of the data is left, about exp(-5) with the defaults.

    Source: Ho et al., Denoising Diffusion Probabilistic Models, 2020; Song et al., Score-Based
    Generative Modeling through Stochastic Differential Equations, 2021, appendix B.
    """

    slowest: float = 0.1
    fastest: float = 20.0

    def shares(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the shares of data and of noise at times `t`, in its shape."""
        log_clean = self._log_clean(t)
        return log_clean.exp(), (-torch.expm1(2 * log_clean)).sqrt()

    def speeds(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the derivatives of both shares; that of the noise is infinite at t = 1."""
        rate = (self.slowest + (1 - t) * (self.fastest - self.slowest)) / 2
        clean, noise = self.shares(t)
        return rate * clean, -rate * clean.square() / noise

    def _log_clean(self, t: Tensor) -> Tensor:
        left = 1 - t
        return -left.square() * (self.fastest - self.slowest) / 4 - left * self.slowest / 2


#: Times this near to an end of a path are left out where an end says nothing of the way.
EDGE = 1e-3

#: The path of flow matching.
STRAIGHT = Straight()
#: The path of DDPM.
DIFFUSION = Diffusion()


class Said(NamedTuple):
    """One prediction in four ways, each of the points' shape.

    `velocity` is where the point moves, in its units per unit of time; `noise` and `clean` are the
    two ends that it is taken for a mixture of; `score` is the gradient of the log-density.
    """

    velocity: Tensor
    noise: Tensor
    clean: Tensor
    score: Tensor


def mix(path: Path, clean: Tensor, noise: Tensor, t: Tensor, *, wait: bool = True) -> Tensor:
    """Returns the points at times `t` on the ways from `noise` to `clean`, in their shape.

    Args:
        path: which way.
        clean: data, floats, (B, ...).
        noise: of the same shape.
        t: (B,), from 0 to 1.
        wait: False to leave out the look at times on a card.

    Raises:
        ValueError: data and noise differ in shape, or there is not one time for each of them, from
            0 to 1.
    """
    check_same_shape(clean=clean, noise=noise)
    of_clean, of_noise = path.shares(check_times(t, clean, wait=wait))
    return of_clean * clean + of_noise * noise


def velocity_target(
    path: Path, clean: Tensor, noise: Tensor, t: Tensor, *, wait: bool = True
) -> Tensor:
    """Returns how fast the points of `mix` move at times `t`: what a flow is trained to predict.

    Raises:
        ValueError: as `mix`, or a share of the path changes infinitely fast at one of the times.
    """
    check_same_shape(clean=clean, noise=noise)
    of_clean, of_noise = path.speeds(check_times(t, clean, wait=wait))
    if may_look(t, wait):
        check_finite("speeds of the path at these times", torch.cat([of_clean, of_noise]))
    return of_clean * clean + of_noise * noise


def say(path: Path, x: Tensor, t: Tensor, *, wait: bool = True, **known: Tensor) -> Said:
    """Returns a prediction at points `x` in four ways, from the one that is given by name.

    The two ends follow from two linear equations: the point is a mixture of them, and the given
    one says the rest.

    Args:
        path: the way that the points are on.
        x: points, floats, (B, ...).
        t: their times, (B,), above 0 and below 1: at either end one of the four says nothing of
            the others.
        wait: False to leave out the look at times on a card.
        known: one of `velocity`, `noise`, `clean` and `score`, of the points' shape.

    Raises:
        ValueError: not exactly one of the four is given, shapes differ, or a time is out of range.
    """
    if len(known) != 1 or not known.keys() <= set(Said._fields):
        raise ValueError(
            f"say takes one prediction, by name, of {', '.join(Said._fields)}, not "
            f"{', '.join(known) or 'none'}."
        )
    ((name, value),) = known.items()
    check_same_shape(x=x, **known)
    t = check_times(t, x, wait=wait)
    if may_look(t, wait) and (t.min() <= 0 or t.max() >= 1):
        raise ValueError("say takes times above 0 and below 1: at the ends one way says nothing.")
    of_clean, of_noise = path.shares(t)
    clean_speed, noise_speed = path.speeds(t)
    if name == "velocity":
        turn = of_clean * noise_speed - of_noise * clean_speed  # below 0 inside a path
        clean = (noise_speed * x - of_noise * value) / turn
        noise = (of_clean * value - clean_speed * x) / turn
    elif name == "clean":
        clean, noise = value, (x - of_clean * value) / of_noise
    else:
        noise = value if name == "noise" else -of_noise * value
        clean = (x - of_noise * noise) / of_clean
    velocity = clean_speed * clean + noise_speed * noise
    return Said(velocity, noise, clean, -noise / of_noise)


def signal_to_noise(path: Path, t: Tensor) -> Tensor:
    """Returns the squared ratio of the data's share to the noise's, in the shape of `t`."""
    of_clean, of_noise = path.shares(t)
    return (of_clean / of_noise).square()


def noise_weight(path: Path, t: Tensor) -> Tensor:
    """Returns how much a squared error of the velocity counts, (B,), as one of the noise.

    A model that predicts the velocity predicts the noise too, by `say`: DDPM's loss, the squared
    error of the noise, is the velocity's times this weight.
    """
    of_clean, of_noise = path.shares(t)
    clean_speed, noise_speed = path.speeds(t)
    return (of_clean / (of_clean * noise_speed - of_noise * clean_speed)).square()


def check_times(t: Tensor, x: Tensor, *, wait: bool = True) -> Tensor:
    """Returns times, (B,), in a shape that multiplies points, (B, ...).

    Raises:
        ValueError: there is not one time for each point, or one is not from 0 to 1.
    """
    if t.shape != x.shape[:1] or not t.is_floating_point():
        raise ValueError(
            f"t must be one time a point, floats of shape ({len(x)},), not {t.dtype} of shape "
            f"{tuple(t.shape)}."
        )
    if may_look(t, wait) and not (t.min() >= 0 and t.max() <= 1):
        raise ValueError("times must be from 0, where all is noise, to 1, where all is data.")
    return t.view(-1, *[1] * (x.ndim - 1))


def draw_times(
    count: int, rng: torch.Generator, *, spread: float | None = None, shift: float = 0.0
) -> Tensor:
    """Returns random times, (count,), between the edges of a path, to train at; where `rng` lies.

    Without `spread` they are uniform. With it they are logit-normal: the sigmoid of a Gaussian with
    that standard deviation around `shift`, so that the middle of the way, where most is to be
    decided, is seen more often.

    Raises:
        ValueError: `spread` or `shift` is not finite.

    Source: Esser et al., Scaling Rectified Flow Transformers, 2024, section 3.1.
    """
    if spread is None:
        return torch.rand(count, generator=rng, device=rng.device).clamp(EDGE, 1 - EDGE)
    if not (math.isfinite(real(spread)) and math.isfinite(real(shift))):
        raise ValueError(f"spread and shift must be finite numbers, not {spread!r} and {shift!r}.")
    logits = shift + spread * torch.randn(count, generator=rng, device=rng.device)
    return logits.sigmoid().clamp(EDGE, 1 - EDGE)
