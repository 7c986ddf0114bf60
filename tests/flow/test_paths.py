"""Paths from noise to data, and one model said in four ways."""

from __future__ import annotations

import pytest
import torch
from sentences import assert_one_sentence
from torch import Tensor

from aigc_utils.flow import (
    DIFFUSION,
    STRAIGHT,
    Path,
    draw_times,
    mix,
    noise_weight,
    say,
    signal_to_noise,
    velocity_target,
)

PATHS = pytest.mark.parametrize("path", [STRAIGHT, DIFFUSION], ids=["straight", "diffusion"])


def points(count: int = 200, *shape: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns clean points, noise and times, in float64."""
    rng = torch.Generator().manual_seed(0)
    shape = shape or (3,)
    clean, noise = torch.randn(2, count, *shape, generator=rng, dtype=torch.float64)
    return clean, noise, torch.rand(count, generator=rng, dtype=torch.float64) * 0.9 + 0.05


@PATHS
def test_a_path_leads_from_noise_to_data(path: Path) -> None:
    clean, noise, t = points()
    torch.testing.assert_close(mix(path, clean, noise, torch.ones_like(t)), clean)
    start = mix(path, clean, noise, torch.zeros_like(t))
    torch.testing.assert_close(start, noise, atol=0.03, rtol=0)  # exp(-5) of the data is left


@PATHS
def test_the_velocity_is_the_derivative_of_the_way(path: Path) -> None:
    clean, noise, t = points(50, 1, 4, 4)
    step = 1e-6
    later, earlier = (mix(path, clean, noise, t + sign * step) for sign in (1, -1))
    measured = (later - earlier) / (2 * step)
    torch.testing.assert_close(
        velocity_target(path, clean, noise, t), measured, rtol=1e-6, atol=1e-6
    )


def test_squares_of_the_diffusions_shares_sum_to_one() -> None:
    t = torch.linspace(0, 1, 101, dtype=torch.float64)
    of_clean, of_noise = DIFFUSION.shares(t)
    torch.testing.assert_close(of_clean.square() + of_noise.square(), torch.ones_like(t))
    assert of_clean[0] == pytest.approx(0.0066, abs=1e-4)  # exp(-5.025)


def test_a_speed_without_end_is_refused() -> None:
    clean, noise, _ = points(3)
    with pytest.raises(ValueError, match="speeds of the path") as caught:
        velocity_target(DIFFUSION, clean, noise, torch.ones(3, dtype=torch.float64))
    assert_one_sentence(caught)


def test_signal_to_noise_grows_on_both_paths() -> None:
    t = torch.linspace(0.01, 0.99, 99)
    for path in (STRAIGHT, DIFFUSION):
        assert signal_to_noise(path, t).diff().min() > 0
    assert signal_to_noise(STRAIGHT, torch.tensor([0.75])).item() == pytest.approx(9)


@PATHS
@pytest.mark.parametrize("name", ["velocity", "noise", "clean", "score"])
def test_one_prediction_is_said_four_ways(path: Path, name: str) -> None:
    clean, noise, t = points()
    x = mix(path, clean, noise, t)
    truth = say(path, x, t, clean=clean)
    torch.testing.assert_close(truth.noise, noise)
    torch.testing.assert_close(truth.velocity, velocity_target(path, clean, noise, t))
    again = say(path, x, t, **{name: getattr(truth, name)})
    for field, value in again._asdict().items():
        torch.testing.assert_close(value, getattr(truth, field), rtol=1e-5, atol=1e-5)


@PATHS
def test_the_noises_error_is_the_velocitys_with_a_weight(path: Path) -> None:
    clean, noise, t = points()
    x = mix(path, clean, noise, t)
    velocity = velocity_target(path, clean, noise, t)
    off = torch.randn(velocity.shape, dtype=torch.float64)
    found = say(path, x, t, velocity=velocity + off).noise
    weighted = noise_weight(path, t)[:, None] * off.square()
    torch.testing.assert_close((found - noise).square(), weighted)
    if path is STRAIGHT:
        torch.testing.assert_close(noise_weight(path, t), t.square())


def test_say_refuses_what_says_nothing() -> None:
    clean, noise, t = points(4)
    x = mix(STRAIGHT, clean, noise, t)
    for known in ({}, {"velocity": x, "noise": x}, {"speed": x}):
        with pytest.raises(ValueError, match="one prediction") as caught:
            say(STRAIGHT, x, t, **known)
        assert_one_sentence(caught)
    for bad in (torch.zeros(4), torch.ones(4)):
        with pytest.raises(ValueError, match="above 0 and below 1"):
            say(STRAIGHT, x, bad.double(), velocity=x)


@pytest.mark.parametrize("t", [torch.tensor([0.5]), torch.tensor([1, 0]), torch.tensor([0.5, 1.5])])
def test_times_are_checked(t: Tensor) -> None:
    with pytest.raises(ValueError, match="time") as caught:
        mix(STRAIGHT, torch.zeros(2, 3), torch.zeros(2, 3), t)
    assert_one_sentence(caught)


def test_drawn_times_stay_inside_and_crowd_in_the_middle() -> None:
    rng = torch.Generator().manual_seed(0)
    uniform, crowded = draw_times(20_000, rng), draw_times(20_000, rng, spread=1.0)
    for times in (uniform, crowded):
        assert 0 < times.min() < times.max() < 1
        assert times.mean().item() == pytest.approx(0.5, abs=0.01)
    assert uniform.std().item() == pytest.approx(12**-0.5, abs=0.01)
    assert crowded.std().item() == pytest.approx(0.208, abs=0.01)  # of a logit-normal
    assert draw_times(20_000, rng, spread=1.0, shift=1.0).mean() > 0.65
    with pytest.raises(ValueError, match=r"finite numbers, not 1\.0 and nan") as caught:
        draw_times(2, rng, spread=1.0, shift=float("nan"))
    assert_one_sentence(caught)
