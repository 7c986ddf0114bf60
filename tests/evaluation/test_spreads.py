"""How far scores may be off by chance."""

from __future__ import annotations

import pytest
import torch

from aigc_utils.evaluation import frechet_distance, frechet_error, share_error


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_bootstrap_agrees_with_fresh_sets() -> None:
    rng = seeded()

    def drawn() -> tuple[torch.Tensor, torch.Tensor]:
        return torch.randn(400, 3, generator=rng), 1 + torch.randn(500, 3, generator=rng)

    distances = torch.tensor([frechet_distance(*drawn()) for _ in range(300)])
    found = frechet_error(*drawn(), seeded(1), resamples=300)
    assert found == pytest.approx(distances.std().item(), rel=0.25)


def test_larger_sets_have_smaller_errors_and_runs_repeat() -> None:
    rng = seeded()
    a, b = torch.randn(4000, 3, generator=rng), 1 + torch.randn(4000, 3, generator=rng)
    whole, part = (frechet_error(a[:n], b[:n], seeded(1)) for n in (4000, 250))
    assert whole < part / 2
    assert frechet_error(a, b, seeded(1)) == whole


def test_share_error_is_the_binomials() -> None:
    assert share_error(0.5, 10_000) == pytest.approx(0.005)
    assert share_error(1.0, 10) == 0


def test_errors_of_nothing_are_refused() -> None:
    features = torch.zeros(4, 3)
    for refused in (
        lambda: frechet_error(features, features, seeded(), resamples=1),
        lambda: share_error(1.5, 10),
        lambda: share_error(0.5, 0),
    ):
        with pytest.raises(ValueError, match="must be"):
            refused()
