"""Chapter 5: from noise to data, by solving an equation step by step, or by drawing noise anew."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from ..data import check_finite, check_number
from ..devices import normal
from ..limits import whole
from .paths import EDGE, STRAIGHT, Path, Said, mix, say

#: A network, or a function: of points (B, ...), times (B,) and labels (B,) or None.
Model = Callable[[Tensor, Tensor, Tensor | None], Tensor]
#: What a sampler asks: velocities, in the points' shape, at points (B, ...) and times (B,).
Velocity = Callable[[Tensor, Tensor], Tensor]
Method = Literal["euler", "heun"]


def solve(
    velocity: Velocity,
    x: Tensor,
    num_steps: int,
    method: Method = "heun",
    *,
    start: float = 0.0,
    end: float = 1.0,
    final: Method | None = None,
    keep: bool = False,
) -> Tensor:
    """Returns where points arrive that follow a velocity from time `start` to `end`.

    Euler's step goes straight on with the velocity at its beginning. Heun's looks at the end of
    that step too, and goes on with the mean of both velocities: it asks twice as often, and its
    error falls with the square of the number of steps.

    Args:
        velocity: in the points' shape, at points (B, ...) and times (B,).
        x: points, floats, (B, ...).
        num_steps: steps of equal length.
        method: "euler" or "heun".
        start: the time at which the points stand, from 0 to 1.
        end: the time at which to stop; below `start` to go backwards.
        final: the last step's method, if it is another one. A network that guesses the clean image
            has no velocity to say at the end of the way: "euler" does not ask it there, and goes
            to its last guess.
        keep: True for the points at all times, (num_steps + 1, B, ...).

    Raises:
        ValueError: no such method, a number of steps below 1, times out of range, or points that
            are not finite.
    """
    final = final or method
    for each in (method, final):
        if each not in ("euler", "heun"):
            raise ValueError(f'method must be "euler" or "heun", not {each!r}.')
    whole("num_steps", num_steps)
    check_number("start", start, most=1)
    check_number("end", end, most=1)
    check_finite("points", x)
    times = torch.linspace(start, end, num_steps + 1, dtype=torch.float64, device="cpu")
    seen = [x]
    for now, then in itertools.pairwise(times.tolist()):
        speed = velocity(x, x.new_full((len(x),), now))
        if (final if len(seen) == num_steps else method) == "heun":
            ahead = velocity(x + (then - now) * speed, x.new_full((len(x),), then))
            speed = (speed + ahead) / 2
        x = x + (then - now) * speed
        seen.append(x)
    return torch.stack(seen) if keep else x


def ancestral(
    velocity: Velocity,
    x: Tensor,
    num_steps: int,
    rng: torch.Generator,
    *,
    path: Path = STRAIGHT,
    fresh: float = 1.0,
    start: float = 0.0,
    keep: bool = False,
) -> Tensor:
    """Returns data from noise as DDPM draws it: in each step a part of the noise is drawn anew.

    From a point the model says the two ends that it is a mixture of. The next point is a mixture of
    the same ends, nearer to the data, in which a part of the noise is fresh: as much as the true
    posterior has where `fresh` is 1, none where it is 0 (DDIM), as `fresh` in between.

    Args:
        velocity: in the points' shape, at points (B, ...) and times (B,).
        x: points at time `start`, floats, (B, ...).
        num_steps: steps of equal length in time.
        rng: draws the fresh noise.
        path: the way on which the model was trained.
        fresh: the share of the posterior's deviation, from 0 to 1.
        start: the time at which the points stand, from 0 to 1.
        keep: True for the points at all times, (num_steps + 1, B, ...).

    Raises:
        ValueError: a number is out of range, or points are not finite.

    Source: Ho et al., 2020, algorithm 2; Song et al., Denoising Diffusion Implicit Models, 2021,
    equation 12.
    """
    whole("num_steps", num_steps)
    check_number("fresh", fresh, most=1)
    check_number("start", start, most=1)
    check_finite("points", x)
    times = torch.linspace(start, 1, num_steps + 1, device="cpu").clamp(EDGE, 1 - EDGE)
    seen = [x]
    for step, (now, then) in enumerate(itertools.pairwise(times), start=1):
        t = x.new_full((len(x),), float(now))
        said = say(path, x, t, velocity=velocity(x, t), wait=False)
        x = said.clean if step == num_steps else _next(path, said, now, then, fresh, rng)
        seen.append(x)
    return torch.stack(seen) if keep else x


def _next(
    path: Path, said: Said, now: Tensor, then: Tensor, fresh: float, rng: torch.Generator
) -> Tensor:
    """Returns points at a later time: the predicted ends, with a part of the noise drawn anew."""
    next_clean, next_noise = path.shares(then)
    kept = _left(path, now, then) * next_noise / path.shares(now)[1]
    drawn = fresh * next_noise * (1 - kept.square()).clamp(min=0).sqrt()
    old = (next_noise.square() - drawn.square()).clamp(min=0).sqrt()
    return next_clean * said.clean + old * said.noise + drawn * _noise_like(said.noise, rng)


def _back(path: Path, x: Tensor, now: Tensor, then: Tensor, rng: torch.Generator) -> Tensor:
    """Returns points of the time `then` at the earlier time `now`, with as much noise more."""
    left = _left(path, now, then)
    of_noise, next_noise = path.shares(now)[1], path.shares(then)[1]
    more = (of_noise.square() - (left * next_noise).square()).clamp(min=0).sqrt()
    return left * x + more * _noise_like(x, rng)


def _left(path: Path, now: Tensor, then: Tensor) -> Tensor:
    """Returns the share of the later point that the earlier one has."""
    return path.shares(now)[0] / path.shares(then)[0]


def _noise_like(x: Tensor, rng: torch.Generator) -> Tensor:
    return normal(x.shape, rng, x.device).to(x.dtype)


def guide(
    velocity: Model,
    labels: Tensor,
    strength: float,
    interval: tuple[float, float] = (0.0, 1.0),
) -> Velocity:
    """Returns a velocity that is pushed towards what a label asks for.

    It is the velocity without a label, and from there `strength` times the way to the one with it:
    0 leaves the label out, 1 takes it as it is, and more goes beyond. Outside of `interval` the
    label is taken as it is, which costs half.

    Args:
        velocity: of points (B, ...), times (B,), and labels (B,) or None.
        labels: int64, (B,).
        strength: 0 or more.
        interval: from which time to which, both from 0 to 1.

    Raises:
        ValueError: `strength` is below 0, or the interval ends before it begins or lies outside.

    Source: Ho and Salimans, Classifier-Free Diffusion Guidance, 2022; the interval: Kynkäänniemi
    et al., Applying Guidance in a Limited Interval, 2024.
    """
    check_number("strength", strength)
    first, last = interval
    check_number("the end of the interval", last, most=1)
    check_number("the beginning of the interval", first, most=last)

    def guided(x: Tensor, t: Tensor) -> Tensor:
        with_label = velocity(x, t, labels)
        inside = (t >= first) & (t <= last)
        if strength == 1 or not inside.any():
            return with_label
        weight = torch.where(inside, strength, 1.0).to(x).view(-1, *[1] * (x.ndim - 1))
        return torch.lerp(velocity(x, t, None), with_label, weight)

    return guided


def fill_in(
    velocity: Velocity,
    known: Tensor,
    mask: Tensor,
    num_steps: int,
    rng: torch.Generator,
    *,
    path: Path = STRAIGHT,
    rounds: int = 4,
) -> Tensor:
    """Returns images of which a part is given and the rest is drawn, in the shape of `known`.

    In each step the given part is set to what it would be at that time, the image with fresh noise,
    and the rest is drawn as `ancestral` draws it. Each step is taken `rounds` times, with the noise
    of a step put back in between, so that the two parts come to agree.

    Args:
        velocity: in the points' shape, at points (B, ...) and times (B,).
        known: the images, as the model was trained on them, floats, (B, ...).
        mask: bool, of the same shape: True where the image is given.
        num_steps: steps of equal length.
        rng: draws the noise.
        path: the way on which the model was trained.
        rounds: how often each step is taken.

    Raises:
        ValueError: the mask has another type or shape, or a number is out of range.

    Source: Lugmayr et al., RePaint, 2022, algorithm 1.
    """
    if mask.dtype != torch.bool or mask.shape != known.shape:
        raise ValueError(f"mask must be bool and of shape {tuple(known.shape)}.")
    whole("num_steps", num_steps)
    whole("rounds", rounds)
    check_finite("images", known)
    times = torch.linspace(0, 1, num_steps + 1, device="cpu").clamp(EDGE, 1 - EDGE)
    x = _noise_like(known, rng)
    for now, then in itertools.pairwise(times):
        t = known.new_full((len(known),), float(now))
        for left in reversed(range(rounds)):
            given = mix(path, known, _noise_like(known, rng), t, wait=False)
            x = torch.where(mask, given, x)
            said = say(path, x, t, velocity=velocity(x, t), wait=False)
            x = _next(path, said, now, then, 1.0, rng)
            if left:
                x = _back(path, x, now, then, rng)
    return torch.where(mask, known, said.clean)
