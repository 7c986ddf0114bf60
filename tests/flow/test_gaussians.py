"""Mixtures of Gaussians, whose velocity is known, and samplers on them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from aigc_utils.flow import (
    DIFFUSION,
    STRAIGHT,
    Mixture,
    Path,
    ancestral,
    fill_in,
    mix,
    ring_of_islands,
    solve,
)

LINE = Mixture(torch.tensor([[-1.5], [1.0]], dtype=torch.float64), 0.3, [1.0, 2.0])
PATHS = pytest.mark.parametrize("path", [STRAIGHT, DIFFUSION], ids=["straight", "diffusion"])


def velocity(x: Tensor, t: Tensor) -> Tensor:
    return LINE.say(STRAIGHT, x, t.clamp(1e-9, 1 - 1e-9)).velocity


@PATHS
def test_the_score_is_the_gradient_of_the_log_density(path: Path) -> None:
    plane = ring_of_islands()
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(100, 2, generator=rng, dtype=torch.float64).requires_grad_()
    plane.means, plane.weights = plane.means.double(), plane.weights.double()
    t = torch.rand(100, generator=rng, dtype=torch.float64) * 0.9 + 0.05
    (gradient,) = torch.autograd.grad(plane.log_density(path, x, t).sum(), x)
    torch.testing.assert_close(plane.say(path, x, t).score, gradient)


@PATHS
def test_the_density_sums_to_one(path: Path) -> None:
    x = torch.linspace(-8, 8, 4001, dtype=torch.float64)[:, None]
    for time in (0.05, 0.5, 0.95):
        t = torch.full((len(x),), time, dtype=torch.float64)
        mass = torch.trapezoid(LINE.log_density(path, x, t).exp(), x[:, 0])
        assert mass.item() == pytest.approx(1, abs=1e-6)


@PATHS
def test_the_density_moves_with_the_velocity(path: Path) -> None:
    """The continuity equation: what flows out of a place is missing there afterwards."""
    x = torch.linspace(-4, 4, 2001, dtype=torch.float64)[:, None]
    step = 1e-5
    t = torch.full((len(x),), 0.6, dtype=torch.float64)
    change = LINE.log_density(path, x, t + step).exp() - LINE.log_density(path, x, t - step).exp()
    flux = LINE.log_density(path, x, t).exp() * LINE.say(path, x, t).velocity[:, 0]
    (outflow,) = torch.gradient(flux, spacing=(x[:, 0],), edge_order=2)
    torch.testing.assert_close(change / (2 * step), -outflow, rtol=0, atol=1e-4)


def test_the_velocity_is_the_mean_over_pairs() -> None:
    """What regression would find: the mean of the pairs' velocities near a point."""
    rng = torch.Generator().manual_seed(0)
    clean = LINE.sample(2_000_000, rng)
    noise = torch.randn(clean.shape, generator=rng, dtype=torch.float64)
    t = torch.full((len(clean),), 0.5, dtype=torch.float64)
    x = mix(STRAIGHT, clean, noise, t)[:, 0]
    for place in (-1.0, 0.0, 0.7):
        near = (x - place).abs() < 0.02
        mean = (clean - noise)[near, 0].mean().item()
        exact = velocity(torch.tensor([[place]], dtype=torch.float64), t[:1]).item()
        assert mean == pytest.approx(exact, abs=0.03)


@pytest.mark.parametrize(("method", "order"), [("euler", 1.0), ("heun", 2.0)])
def test_errors_fall_with_the_order_of_the_method(method: str, order: float) -> None:
    start = torch.linspace(-2, 2, 41, dtype=torch.float64)[:, None]
    exact = solve(velocity, start, 1000, "heun", end=0.9)
    errors = [
        (solve(velocity, start, steps, method, end=0.9) - exact).abs().mean()  # type: ignore[arg-type]
        for steps in (20, 40)
    ]
    assert (errors[0] / errors[1]).log2().item() == pytest.approx(order, abs=0.15)


def test_the_last_step_may_be_of_another_method() -> None:
    start = torch.linspace(-2, 2, 41, dtype=torch.float64)[:, None]
    by_hand = solve(velocity, start, 9, end=0.9)
    by_hand = solve(velocity, by_hand, 1, "euler", start=0.9)
    torch.testing.assert_close(solve(velocity, start, 10, final="euler"), by_hand)
    assert not torch.allclose(solve(velocity, start, 10), by_hand)
    with pytest.raises(ValueError, match="method"):
        solve(velocity, start, 10, final="jump")  # type: ignore[arg-type]


def test_the_way_back_undoes_the_way() -> None:
    start = torch.linspace(-2, 2, 41, dtype=torch.float64)[:, None]
    there = solve(velocity, start, 400, end=0.95)
    back = solve(velocity, there, 400, start=0.95, end=0.0)
    torch.testing.assert_close(back, start, atol=1e-3, rtol=0)


@PATHS
@pytest.mark.parametrize("fresh", [0.0, 1.0])
def test_both_samplers_draw_the_data(path: Path, fresh: float) -> None:
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(20_000, 1, generator=rng, dtype=torch.float64)
    drawn = ancestral(
        lambda x, t: LINE.say(path, x, t).velocity, noise, 200, rng, path=path, fresh=fresh
    )
    assert (drawn > 0).double().mean().item() == pytest.approx(2 / 3, abs=0.02)
    right = drawn[drawn > 0]
    assert right.mean().item() == pytest.approx(1.0, abs=0.02)
    assert right.std().item() == pytest.approx(0.3, abs=0.02)


@PATHS
def test_steps_taken_anew_draw_the_data_where_nothing_is_given(path: Path) -> None:
    """A step forward and its noise put back leave the distribution at a time as it is."""
    rng = torch.Generator().manual_seed(0)
    nothing = torch.zeros(5000, 1, dtype=torch.float64)
    drawn = fill_in(
        lambda x, t: LINE.say(path, x, t).velocity, nothing, nothing.bool(), 100, rng,
        path=path, rounds=2,
    )  # fmt: skip
    assert (drawn > 0).double().mean().item() == pytest.approx(2 / 3, abs=0.03)
    right = drawn[drawn > 0]
    assert right.mean().item() == pytest.approx(1.0, abs=0.03)
    assert right.std().item() == pytest.approx(0.3, abs=0.05)


def test_islands_lie_on_a_circle() -> None:
    plane = ring_of_islands(8, 2.0, 0.1)
    torch.testing.assert_close(plane.means.norm(dim=1), torch.full((8,), 2.0))
    drawn = plane.sample(8000, torch.Generator().manual_seed(0))
    near = torch.cdist(drawn, plane.means).argmin(1).bincount(minlength=8)
    assert near.min() > 850


@pytest.mark.parametrize(
    ("means", "deviation", "weights"),
    [
        (torch.zeros(3), 0.1, None),
        (torch.zeros(3, 1, dtype=torch.int64), 0.1, None),
        (torch.zeros(3, 1), 0.0, None),
        (torch.zeros(3, 1), 0.1, [1.0, 2.0]),
        (torch.zeros(2, 1), 0.1, [1.0, -2.0]),
    ],
)
def test_a_mixture_that_is_none_is_refused(
    means: Tensor, deviation: float, weights: list[float] | None
) -> None:
    with pytest.raises(ValueError, match="must be"):
        Mixture(means, deviation, weights)
