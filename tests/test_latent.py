"""Ways through latent space: where they begin and end, and what stays the same on them."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_utils.latent import gaussian_kl, interpolate, reparameterize


def normal(size: int, seed: int) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


A, B = normal(64, seed=0), normal(64, seed=1)


@pytest.mark.parametrize("spherical", [True, False])
def test_way_has_its_number_of_points_and_its_ends(spherical: bool) -> None:
    for num in (2, 5, 30):
        way = interpolate(A, B, num, spherical=spherical)
        assert way.shape == (num, 64)
        torch.testing.assert_close(way[0], A, rtol=1e-6, atol=0)
        torch.testing.assert_close(way[-1], B, rtol=1e-6, atol=0)
    assert interpolate(A, B, 1, spherical=spherical).shape == (1, 64)


def test_ends_are_exact() -> None:
    for seed in range(20):
        start, end = normal(64, seed), normal(64, seed + 20)
        for num in (2, 5, 8, 30):
            assert torch.equal(interpolate(start, end, num)[[0, -1]], torch.stack([start, end]))


def test_spherical_way_keeps_the_norm() -> None:
    way = interpolate(8 * F.normalize(A, dim=0), 8 * F.normalize(B, dim=0), 50)
    torch.testing.assert_close(way.norm(dim=1), torch.full((50,), 8.0))


def test_angles_are_even() -> None:
    start, end = F.normalize(A, dim=0), F.normalize(B, dim=0)
    way = interpolate(start, end, 9).double()
    angles = F.cosine_similarity(way[:-1], way[1:]).acos()
    whole = math.acos(start @ end)
    assert angles.tolist() == pytest.approx([whole / 8] * 8, rel=1e-4)


def test_quarter_circle() -> None:
    way = interpolate(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 4)
    turns = torch.tensor([0, 30, 60, 90]) * math.pi / 180
    torch.testing.assert_close(way, torch.stack([turns.cos(), turns.sin()], 1))


def test_straight_way_has_even_steps_and_cuts_through_the_shell() -> None:
    way = interpolate(A, B, 5, spherical=False)
    expected = torch.stack([A + t * (B - A) for t in (0, 0.25, 0.5, 0.75, 1)])
    torch.testing.assert_close(way, expected)
    assert way[2].norm() < 0.8 * min(A.norm(), B.norm())
    assert interpolate(A, B, 5)[2].norm() > 0.95 * min(A.norm(), B.norm())


@pytest.mark.parametrize(
    "end", [A, 3 * A, -A, -0.5 * A, torch.zeros(64), A + 1e-6 * B, -A + 1e-6 * B]
)
def test_no_arc_is_no_trouble(end: Tensor) -> None:
    for start, other in ((A, end), (end, A)):
        way = interpolate(start, other, 7)
        assert way.isfinite().all()
        torch.testing.assert_close(way[[0, -1]], torch.stack([start, other]))


@pytest.mark.parametrize("factor", [3.0, 0.5, 1.0])
def test_parallel_vectors_take_the_straight_way(factor: float) -> None:
    for start in (normal(64, seed) for seed in range(20)):
        straight = interpolate(start, factor * start, 7, spherical=False)
        torch.testing.assert_close(interpolate(start, factor * start, 7), straight)


def test_opposite_vectors_take_the_straight_way() -> None:
    for start in (normal(64, seed) for seed in range(20)):
        for factor in (-3.0, -0.5, -1.0):
            straight = interpolate(start, factor * start, 7, spherical=False)
            torch.testing.assert_close(interpolate(start, factor * start, 7), straight)


def test_double_precision_stays() -> None:
    for spherical in (True, False):
        assert interpolate(A.double(), B.double(), 3, spherical=spherical).dtype == torch.float64


def test_a_vector_of_no_length_takes_the_straight_way() -> None:
    zero = torch.zeros(64)
    for start, end in ((A, zero), (zero, A), (zero, zero), (A, 1e-20 * B)):
        straight = interpolate(start, end, 7, spherical=False)
        assert torch.equal(interpolate(start, end, 7), straight)


@pytest.mark.parametrize("spherical", [True, False])
@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (A, B[:1], r"must have one shape, not \(64,\) and \(1,\)"),
        (A, torch.tensor(1.0), "must have one shape"),
        (A[None], B[None], r"shape \(D,\), not torch.float32"),
        (A, B.double(), "of one type"),
        (A.long(), B.long(), "must be floats"),
        (A, B * math.nan, "end must be finite"),
        (A * math.inf, B, "start must be finite"),
    ],
)
def test_ends_of_no_way_are_refused(
    start: Tensor, end: Tensor, message: str, spherical: bool
) -> None:
    with pytest.raises(ValueError, match=message):
        interpolate(start, end, 5, spherical=spherical)


@pytest.mark.parametrize("num", [0, -1, 2.5])
def test_a_way_has_a_point(num: Any) -> None:
    with pytest.raises(ValueError, match=r"^num must be"):
        interpolate(A, B, num)


@pytest.mark.parametrize("shapes", [((4, 2), (1, 2)), ((4, 2), (2,)), ((4, 1), (4, 3)), ((3,), ())])
def test_means_are_not_silently_repeated(shapes: tuple[tuple[int, ...], ...]) -> None:
    for mean, log_variance in (shapes, shapes[::-1]):
        for function in (gaussian_kl, reparameterize):
            with pytest.raises(ValueError, match=r"^mean and log_variance must have one shape"):
                function(torch.zeros(mean), torch.zeros(log_variance))
