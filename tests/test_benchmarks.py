"""The benchmarks' bookkeeping; their long runs are made by `make bench`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from aigc_utils.cnn import SPRINT, Recipe
from aigc_utils.data import DataError
from aigc_utils.evaluation import load_results
from benchmarks import __main__ as command
from benchmarks import cnn, report
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
