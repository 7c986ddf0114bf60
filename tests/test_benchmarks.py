"""The benchmarks' bookkeeping; their long runs are made by `make bench`."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from aigc_utils.cnn import SPRINT, Recipe
from aigc_utils.data import DataError
from aigc_utils.evaluation import SampleScores, load_results
from aigc_utils.gan import COURSE
from benchmarks import __main__ as command
from benchmarks import cnn, gan, report
from benchmarks.cnn import Result

KEYS = {
    "listing_seconds",
    "listing_accuracy",
    "course_seconds",
    "course_accuracy",
    "speedup",
    "accuracy_60s",
}


def fake_runs(monkeypatch: pytest.MonkeyPatch, needed_epochs: float) -> list[tuple[Any, ...]]:
    calls: list[tuple[Any, ...]] = []

    def run_recipe(recipe: Recipe, seed: int, max_seconds: float | None = None) -> Result:
        calls.append((recipe, seed, max_seconds))
        enough = recipe.epochs >= needed_epochs
        return Result(recipe.epochs + seed, 99.5 if enough else 98.0)

    monkeypatch.setattr(cnn, "run_listing", lambda seed, epochs: Result(100.0, 99.0))
    monkeypatch.setattr(cnn, "run_recipe", run_recipe)
    return calls


def test_json_has_the_promised_numbers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = fake_runs(monkeypatch, needed_epochs=0)
    path = tmp_path / "folder" / "out.json"
    monkeypatch.setattr(sys, "argv", ["benchmarks", "cnn", "--json", str(path)])
    command.main()
    results = json.loads(path.read_text())
    assert set(results) >= KEYS
    assert results["course_seconds"] == SPRINT.epochs + 1  # the median of three seeds
    assert results["speedup"] == pytest.approx(100 / (SPRINT.epochs + 1))
    assert results["reached"]
    assert [c[2] for c in calls] == [None] * 3 + [cnn.MINUTE_SECONDS] * 3


def test_a_sprint_that_falls_short_runs_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_runs(monkeypatch, needed_epochs=SPRINT.epochs * 2)
    results = cnn.benchmark(minute=False)
    assert results["reached"]
    assert results["course_epochs"] == SPRINT.epochs * 2.5


def test_a_target_out_of_reach_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_runs(monkeypatch, needed_epochs=1e9)
    assert not cnn.benchmark(minute=False)["reached"]


def test_fewer_than_three_seeds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "cnn", "--seeds", "2"])
    with pytest.raises(SystemExit):
        command.main()


def test_listing_and_rungs_really_train() -> None:
    listing = cnn.run_listing(seed=0, epochs=0)
    assert listing.accuracy < 40
    rung = cnn._train_rung(cnn.CourseCNN, 0, epochs=0.05, batch_size=128, lr=0.01, cycle=True)
    assert rung.accuracy > 60
    assert 0 < rung.seconds < 30


def test_table_is_aligned() -> None:
    lines = report.table(("a", "bb"), [(1, 2), (333, 4)]).splitlines()
    assert [line.rstrip() for line in lines] == ["a    bb", "---  --", "1    2", "333  4"]


def test_stored_ladder_is_a_real_measurement() -> None:
    stored = load_results("cnn_ladder")
    first, *_, last = stored["rungs"]
    assert stored["seeds"] >= 3
    assert all(len(rung["runs"]) == stored["seeds"] for rung in stored["rungs"])
    assert first["seconds"] > 20 * last["seconds"]
    assert last["accuracy"] > 98.9


def test_missing_or_damaged_results_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("aigc_utils.evaluation.ASSETS", tmp_path)
    with pytest.raises(DataError, match=r"cnn_ladder.json can't be read: restore"):
        load_results("cnn_ladder")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "cnn_ladder.json").write_text("{half")
    with pytest.raises(DataError, match="restore"):
        load_results("cnn_ladder")


SCORES = SampleScores(2.0, 0.1, 0.8, 0.8, 0.8, 0.8, 0.001)
TINY = dataclasses.replace(COURSE, num_steps=2, batch_size=8, width=4, widths=(2, 4, 4))


def gan_run(frechet: float, seconds: float, brightness: int) -> gan.Run:
    samples = torch.full((gan.NUM_SAMPLES, 1, 28, 28), brightness, dtype=torch.uint8)
    return gan.Run(seconds, 10, samples, dataclasses.replace(SCORES, frechet=frechet), 0.09)


def test_gan_json_and_samples_are_as_promised(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limits = []

    def run_listing(seed: int, max_seconds: float) -> gan.Run:
        limits.append(max_seconds)
        return gan_run(100.0 + seed, max_seconds, 100 + seed)

    monkeypatch.setattr(gan, "run_listing", run_listing)
    monkeypatch.setattr(
        gan, "run_course", lambda seed, recipe: gan_run((3.0, 9.0, 5.0)[seed], 90.0 + seed, seed)
    )
    path, folder = tmp_path / "gan.json", tmp_path / "new" / "samples"
    arguments = ["benchmarks", "gan", "--json", str(path), "--save", str(folder)]
    monkeypatch.setattr(sys, "argv", arguments)
    command.main()
    results = json.loads(path.read_text())
    assert results["train_seconds"] == 91.0
    assert limits == [91.0] * 3, "the listing must train for as long as the course's GAN"
    for name, frechet, brightness in (("listing", 101.0, 101), ("course", 5.0, 2)):
        assert set(results[name]) >= {
            "frechet", "frechet_floor", "precision", "recall", "density", "coverage", "class_kl",
        }  # fmt: skip
        assert results[name]["frechet"] == frechet
        stored = load_file(folder / f"gan_{name}.safetensors")
        assert list(stored) == ["samples"]
        assert stored["samples"].shape == (10_000, 1, 28, 28)
        assert stored["samples"].dtype == torch.uint8
        assert stored["samples"].unique().tolist() == [brightness], "not the run in the middle"


def test_a_real_run_of_the_course_is_scored() -> None:
    run = gan.run_course(0, TINY)
    assert run.num_steps == 2
    assert run.samples.shape == (10_000, 1, 28, 28)
    assert run.scores.frechet > 50 * (run.scores.frechet_floor or 0) > 0
    assert run.numbers()["smallest_class"] <= 0.1


@pytest.mark.parametrize("row", gan.ablation_rows(), ids=lambda row: row.name)
def test_every_row_of_the_ablation_trains(row: gan.Row, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gan, "scored", lambda *_: (torch.zeros(1), SCORES, 0.1))
    tiny = dataclasses.replace(row.recipe, num_steps=2, batch_size=8, width=4, widths=(2, 4, 4))
    threads = torch.get_num_threads()
    try:
        numbers = gan.run_row(dataclasses.replace(row, recipe=tiny), seed=0)
    finally:
        torch.set_num_threads(threads)
    assert numbers["num_steps"] == 2


def test_the_ablation_changes_one_thing_at_a_time() -> None:
    rows = gan.ablation_rows()
    final = next(row for row in rows if "course" in row.name)
    assert dataclasses.replace(final.recipe, num_steps=COURSE.num_steps) == COURSE
    assert final.labels
    assert final.averaged
    assert final.game is gan.CourseGAN
    assert not final.spectral


def test_the_stored_ablation_has_every_row_with_its_seeds() -> None:
    stored = load_results("gan_ablation")
    names = ["article's GAN", *(row.name for row in gan.ablation_rows())]
    assert [row["name"] for row in stored["rows"] + stored["dropped"]] == names
    assert stored["seeds"] >= 3
    assert stored["num_steps"] == gan.ABLATION_STEPS
    for row in stored["rows"]:
        assert len(row["frechet"]) == len(row["coverage"]) == stored["seeds"]
    assert max(stored["rows"][-1]["frechet"]) < min(stored["rows"][0]["frechet"])
