"""Chapter 5: samples of a trained flow, and pairs of noise and what it leads to."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..data import check_finite, check_labels
from ..devices import place_of
from ..limits import whole
from ..training import evaluation_mode
from .paths import STRAIGHT, Path
from .sampling import Method, Model, Velocity, guide, solve
from .training import Kind, velocity_of


@torch.no_grad()
def sample(
    model: nn.Module,
    noise: Tensor,
    labels: Tensor | None = None,
    *,
    num_steps: int = 10,
    method: Method = "heun",
    final: Method | None = None,
    strength: float = 1.0,
    interval: tuple[float, float] = (0.0, 1.0),
    path: Path = STRAIGHT,
    predicts: Kind = "velocity",
    batch_size: int = 500,
) -> Tensor:
    """Returns the data, in the shape of `noise` and where it lies, that a flow leads noise to.

    Args:
        model: `PointFlow`, `ImageFlow` or `DiT`; it works where its weights lie, in evaluation
            mode, and is left as it was.
        noise: standard normal, (N, ...), N at least 1.
        labels: what is asked for, int64, (N,); None to leave it open.
        num_steps: steps of equal length.
        method: "heun" asks the network twice a step, "euler" once.
        final: the last step's method, if it is another one, as `solve` takes it.
        strength: of the guidance, as `guide` takes it; 1 for none.
        interval: the times between which guidance pushes.
        path: the way on which the model was trained.
        predicts: what its network gives, as its recipe says.
        batch_size: points at a time; it does not change the result.

    Raises:
        ValueError: noise or labels don't fit the network, or a number is out of range.
    """
    shape: Any = model.shape
    if noise.shape[1:] != torch.Size(shape) or len(noise) == 0:
        raise ValueError(f"noise must have shape (N, {str(shape)[1:-1].rstrip(',')}).")
    check_finite("noise", noise)
    whole("batch_size", batch_size)
    if labels is not None:
        classes: Any = model.classes
        check_labels(labels, len(noise), classes=classes)
    place = place_of(model, noise.device)
    z, asked = noise.to(place), None if labels is None else labels.to(place)
    moves, parts = velocity_of(model, path, predicts), []
    with evaluation_mode(model):
        for first in range(0, len(noise), batch_size):
            here = slice(first, first + batch_size)
            velocity: Velocity = partial(_unlabelled, moves)
            if asked is not None:
                velocity = guide(moves, asked[here], strength, interval)
            parts.append(solve(velocity, z[here], num_steps, method, final=final))
    return torch.cat(parts).to(noise.device)


def _unlabelled(moves: Model, x: Tensor, t: Tensor) -> Tensor:
    return moves(x, t, None)


def draw_pairs(
    model: nn.Module,
    count: int,
    rng: torch.Generator,
    **how: Any,
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns points that a flow draws, the noise that they come from, and their labels.

    They are what a `paired` recipe trains on: to straighten the way, or to leap it. They lie where
    `rng` lies.

    Args:
        model: a flow with labels, as `sample` takes it.
        count: how many, (count, ...) each; the labels go round.
        rng: draws the noise.
        how: what `sample` takes by name, such as `num_steps` and `strength`.

    Raises:
        ValueError: `count` is below 1, the model knows no labels, or as `sample`.

    Source: Liu et al., Flow Straight and Fast, 2023, algorithm 1.
    """
    shape: Any = model.shape
    classes: Any = model.classes
    labels = torch.arange(whole("count", count), device=rng.device)
    labels %= whole("the model's classes", classes)
    noise = torch.randn(count, *shape, generator=rng, device=rng.device)
    return sample(model, noise, labels, **how), noise, labels


@torch.no_grad()
def bend(velocity: Velocity, noise: Tensor, num_steps: int = 20) -> float:
    """Returns how far ways are from straight: 0 where each keeps its first direction and speed.

    It is the mean square of what the velocity on the way differs from the whole way's, as a share
    of the mean square of the latter.

    Args:
        velocity: in the points' shape, at points (B, ...) and times (B,).
        noise: where the ways begin, (B, ...).
        num_steps: Euler's steps.

    Raises:
        ValueError: as `solve`.

    Source: Liu et al., Flow Straight and Fast, 2023, equation 4.
    """
    ways = solve(velocity, noise, num_steps, "euler", keep=True)
    whole_way = ways[-1] - ways[0]
    on_the_way = ways.diff(dim=0) * num_steps
    off = (on_the_way - whole_way).square().mean() / whole_way.square().mean()
    return off.item()
