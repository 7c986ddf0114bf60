"""The bookkeeping of chapter 3's minute and five minutes, and what was stored of them."""

from __future__ import annotations

import dataclasses
import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributions import Normal

from aigc_utils import vae
from aigc_utils.data import MNIST, DataError, load_mnist, to_float
from aigc_utils.evaluation import elbo, importance_bound, load_results
from benchmarks import vae_long

TINY = vae_long.Arm(
    vae.VAERecipe(epochs=4.0, latent_dim=3, hidden=(16,), patches=False, batch_size=16),
    along=True,
    seconds=60.0,
)
ALONE = dataclasses.replace(TINY, along=False)
ROWS = ["minute", "along", "fitted", "likelihood"]


def run_of(seed: int, nats: float) -> dict[str, float]:
    return {"seconds": 50.0 + seed, "steps": 900, "nats": nats, "saved": 3.0, "own": 0.5}


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces a seed's runs: of seeds 0, 1, 2 the first row ends at 93.7, 93.2, 93.3 nats."""

    def measured(seed: int) -> dict[str, dict[str, float]]:
        ends = [nats + (0.7, 0.2, 0.3)[seed] for nats in (93.0, 94.0, 95.0, 82.0)]
        return {name: run_of(seed, nats) for name, nats in zip(ROWS, ends, strict=True)}

    monkeypatch.setattr(vae_long, "measured", measured)


@pytest.fixture
def small_mnist(monkeypatch: pytest.MonkeyPatch) -> MNIST:
    """Returns the first digits, which the benchmark then takes for all of MNIST."""
    small = MNIST(*(part[:200].clone() for part in load_mnist()))
    monkeypatch.setattr(vae_long, "load_mnist", lambda: small)
    monkeypatch.setattr(vae_long, "BELLS", 3)
    return small


@pytest.mark.usefixtures("made_up")
def test_the_medians_of_all_seeds_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    found = vae_long.longer()
    assert found["seeds"] == [0, 1, 2]
    assert (found["nats_60s"], found["iw_nats"]) == pytest.approx((93.3, 82.3))
    assert [run["nats"] for run in found["runs"]["along"]] == pytest.approx([94.7, 94.2, 94.3])
    assert list(found["runs"]) == list(found["arms"]) == ROWS
    told = capsys.readouterr().out
    assert "minute, negative ELBO, grey" in told
    assert "five minutes, binary, k = 5000" in told


@pytest.mark.usefixtures("made_up")
def test_seeds_that_ran_apart_are_joined(tmp_path: Path) -> None:
    paths = [tmp_path / f"{seed}.json" for seed in range(3)]
    for seed, path in enumerate(paths):
        path.write_text(json.dumps(vae_long.longer(only=[seed])))
    found = vae_long.longer(parts=paths)
    whole = json.loads(json.dumps(vae_long.longer()))
    assert json.loads(json.dumps(found)) == whole
    with pytest.raises(DataError, match="The same seeds stand in two parts"):
        vae_long.longer(parts=[paths[0], paths[0]])
    old = json.loads(paths[0].read_text())
    old["arms"]["minute"]["seconds"] = 99.0
    paths[0].write_text(json.dumps(old))
    with pytest.raises(DataError, match="The parts differ in arms"):
        vae_long.longer(parts=paths)


def test_the_controls_change_one_thing_each() -> None:
    rows = [dataclasses.asdict(arm) for arm in vae_long.ARMS.values()]
    for row in rows:
        row.update(row.pop("recipe"))
    changes = [
        {name for name in one if one[name] != other[name]}
        for one, other in itertools.pairwise(rows)
    ]
    assert changes == [{"encoder_patches"}, {"along"}]
    assert vae_long.ARMS["minute"].recipe == vae.LEAN
    assert vae_long.Arm(vae.LIKELIHOOD, True, vae_long.LIKELIHOOD_SECONDS) == vae_long.FIVE


def test_the_limits_are_the_promised_ones() -> None:
    assert vae_long.MINUTE_SECONDS < 60
    assert vae_long.LIKELIHOOD_SECONDS < 300
    assert vae_long.IMPORTANCE_SAMPLES == 5000
    assert vae_long.IMPORTANCE_IMAGES >= 1000
    assert vae.LEAN.latent_dim == vae.ArticleVAE.latent_dim == 20
    assert vae.LEAN.beta == vae.LIKELIHOOD.beta == 1
    assert (vae.LEAN.binary, vae.LIKELIHOOD.binary) == (False, True)


def test_each_row_of_a_seed_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def run(arm: vae_long.Arm, seed: int) -> vae_long.Long:
        calls.append((arm, seed))
        return vae_long.Long(1.0, 2, 3.0, 4.0, 5.0)

    monkeypatch.setattr(vae_long, "run_minute", run)
    monkeypatch.setattr(vae_long, "run_likelihood", run)
    found = vae_long.measured(7)
    assert calls == [(arm, 7) for arm in (*vae_long.ARMS.values(), vae_long.FIVE)]
    assert list(found) == ROWS
    assert found["likelihood"] == {"seconds": 1, "steps": 2, "nats": 3, "saved": 4, "own": 5}


def test_the_likelihood_is_of_binary_test_images(
    small_mnist: MNIST, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[tuple[torch.Tensor, int]] = []

    def spy(model: Any, images: torch.Tensor, k: int, rng: torch.Generator, prior: Any) -> Any:
        measured.append((images, k))
        assert isinstance(prior, vae.Mixture), "the prior is the fitted one"
        assert prior.means.shape == (3, 3)
        return importance_bound(model, images, 7, rng, prior)

    monkeypatch.setattr(vae_long, "importance_bound", spy)
    monkeypatch.setattr(vae_long, "IMPORTANCE_IMAGES", 50)
    recipe = dataclasses.replace(TINY.recipe, binary=True)
    result = vae_long.run_likelihood(dataclasses.replace(TINY, recipe=recipe), 0)
    ((images, k),) = measured
    assert k == 5000
    assert images.shape == (50, 1, 28, 28)
    assert images.unique().tolist() == [0, 1]
    grey = to_float(small_mnist.test_images[:50])
    assert torch.equal(images[grey == 1], grey[grey == 1])
    assert torch.equal(images[grey == 0], grey[grey == 0])
    assert 100 < result.nats < 400


def test_limits_and_priors_reach_the_training(
    small_mnist: MNIST, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float | None] = []
    priors: list[int] = []
    train_course = vae_long.train_course

    def spy(recipe: vae.VAERecipe, images: torch.Tensor, **options: Any) -> Any:
        limits.append(options["max_seconds"])
        priors.append(0 if options["prior"] is None else len(options["prior"].means))
        assert images is small_mnist.train_images, "test images must stay out of the training"
        return train_course(recipe, images, **options)

    monkeypatch.setattr(vae_long, "train_course", spy)
    steps = [vae_long.run_minute(arm, 0).steps for arm in (TINY, ALONE)]
    vae_long.run_likelihood(dataclasses.replace(TINY, seconds=298.0), 0, k=2)
    assert limits == [60.0, 60.0, 298.0]
    assert priors == [3, 0, 3]
    assert steps == [50, 50]


@pytest.mark.parametrize("arm", [TINY, ALONE])
def test_what_a_prior_saves_adds_up(small_mnist: MNIST, arm: vae_long.Arm) -> None:
    result, run = vae_long.run_minute(arm, 0), vae_long.trained(arm, 0)
    grey = to_float(small_mnist.test_images)
    rng = torch.Generator().manual_seed(1000)
    codes = vae_long.codes_of(run.model, grey, rng)
    assert result.nats + result.saved == pytest.approx(elbo(run.model, grey, rng).nats)
    with torch.no_grad():
        best, normal = run.fitted.log_prob(codes), Normal(0, 1).log_prob(codes).sum(1)
        assert result.saved == pytest.approx((best - normal).mean().item(), abs=1e-4)
        own = normal if arm is ALONE else run.own.log_prob(codes)
        assert result.own == pytest.approx((best - own).mean().item(), abs=1e-4)
    assert isinstance(run.own, vae.LearnedMixture if arm.along else Normal)
    assert vae_long.run_minute(arm, 0).nats == result.nats


@pytest.mark.usefixtures("small_mnist")
def test_a_fitted_prior_is_paid_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = vae_long.trained(TINY, 0).seconds
    monkeypatch.setattr(vae_long, "fitted_prior", lambda *_: time.sleep(0.5 + alone))
    assert vae_long.trained(TINY, 0).seconds > 0.5 + alone


def test_the_stored_runs_keep_their_times_and_reach_their_marks() -> None:
    found = load_results("vae_long")
    assert list(found["runs"]) == ROWS
    assert len(found["seeds"]) >= 3
    arms = {**vae_long.ARMS, "likelihood": vae_long.FIVE}
    assert found["arms"] == json.loads(
        json.dumps({name: dataclasses.asdict(arm) for name, arm in arms.items()})
    )
    for name, runs in found["runs"].items():
        assert len(runs) == len(found["seeds"])
        limit = 300 if name == "likelihood" else 60
        assert all(run["seconds"] <= limit for run in runs), name
        assert all(run["own"] > 0.2 for run in runs), "a fitted prior is worth its seconds"
    nats, steps = (
        {name: [run[key] for run in runs] for name, runs in found["runs"].items()}
        for key in ("nats", "steps")
    )
    assert max(nats["along"]) < min(nats["fitted"])
    for seed in range(len(found["seeds"])):  # one after the other, at about the same pace
        assert steps["minute"][seed] > steps["along"][seed]
        assert nats["minute"][seed] < nats["along"][seed]
    assert found["nats_60s"] <= 94.5
    assert found["iw_nats"] <= 83.5
