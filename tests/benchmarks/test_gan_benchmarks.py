"""Chapter 2's long benchmarks: parts are joined to what one run gives, and refused where unfit."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from aigc_utils.data import DataError
from aigc_utils.evaluation import SampleScores, load_results
from benchmarks import __main__ as command
from benchmarks import gan_ablation, gan_article, gan_islands, parts

Moments = dict[str, Any]


def fake_row(row: gan_ablation.Row | None, seed: int) -> dict[str, float]:
    place = len(gan_ablation.name_of(row))
    return dict.fromkeys(gan_ablation.SCORES, place + seed / 10)


def fake_article(seed: int) -> Moments:
    moments = [
        {"epoch": e, "frechet": e + [5, 1, 3][seed], "coverage": 0.1, "images": "00"}
        for e in (1, 2)
    ]
    return {"moments": moments, "seconds": 60.0}


def written(folder: Path, name: str, *options: str) -> dict[str, Any]:
    """Returns what a command writes into a file of the folder."""
    path = folder / f"{name}.json"
    sys.argv = ["benchmarks", *options, "--json", str(path)]
    command.main()
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", ["gan-ablation", "gan-article"])
def test_parts_are_joined_to_what_one_run_gives(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(gan_ablation, "run_row", fake_row)
    monkeypatch.setattr(gan_article, "run_article", fake_article)
    monkeypatch.setattr(sys, "argv", [])
    whole = written(tmp_path, "whole", name, "--workers", "1")
    last = written(tmp_path, "b", name, "--only", "2", "--workers", "1")
    assert last["seeds"] == [2]
    written(tmp_path, "a", name, "--only", "0", "1", "--workers", "1")
    files = [str(tmp_path / f"{part}.json") for part in "ba"]
    assert written(tmp_path, "all", name, "--parts", *files) == whole
    assert whole["seeds"] == [0, 1, 2]
    assert whole["machine"].startswith("1 thread,")


def test_only_the_middle_run_keeps_its_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gan_article, "run_article", fake_article)
    found = gan_article.article_epochs(workers=1)
    assert found["middle"] == 2
    kept = ["images" in moment for run in found["runs"] for moment in run["moments"]]
    assert kept == [False] * 4 + [True] * 2
    part = gan_article.article_epochs(workers=1, only=[1])
    assert "images" in part["runs"][0]["moments"][0]


PART = {"seeds": [0], "num_steps": 5, "machine": "m", "torch": "t", "python": "p"}


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"seeds": [1, 0]}, r"The same seeds stand in two parts: they have \[0, 0, 1\]\."),
        ({"seeds": [1], "num_steps": 6}, "The parts differ in num_steps: 5 and 6."),
        ({"seeds": [1], "torch": "u"}, "The parts differ in torch: t and u."),
        ([], "is no part of this benchmark"),
        ({"seeds": None}, "is no part of this benchmark"),
    ],
)
def test_parts_that_do_not_fit_are_refused(other: Any, sentence: str, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.json", "b.json")]
    paths[0].write_text(json.dumps(PART), encoding="utf-8")
    paths[1].write_text(json.dumps({**PART, **other} if other else other), encoding="utf-8")
    with pytest.raises(DataError, match=sentence):
        parts.read_parts(paths, alike=["num_steps"])


def test_a_part_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no part of this benchmark: write it with --json"):
        parts.read_parts([tmp_path / "none.json"])


def test_a_part_of_another_benchmark_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(PART), encoding="utf-8")
    assert parts.read_parts([path])[0]["seeds"] == [0]
    with pytest.raises(DataError, match="is no part of this benchmark"):
        parts.read_parts([path], holds=["runs"])


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_their_tasks(workers: int) -> None:
    found = parts.each(math.factorial, [(n,) for n in range(5)], workers)  # no torch in the workers
    assert found == [1, 1, 2, 6, 24]


def test_less_than_one_worker_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "gan-ablation", "--workers", "0"])
    with pytest.raises(SystemExit):
        command.main()
    assert "at least 1 worker has to work." in capsys.readouterr().err


def test_the_articles_gan_is_measured_after_the_epochs_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    samples = torch.arange(20 * 784, dtype=torch.int64).remainder(256).to(torch.uint8)
    score = SampleScores(9.0, 1.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    seen = (samples.view(20, 1, 28, 28), score, 0.05)
    monkeypatch.setattr(gan_article, "scored", lambda *_: seen)
    digits = SimpleNamespace(train_images=torch.zeros(128, 1, 28, 28, dtype=torch.uint8))
    monkeypatch.setattr(gan_article, "real_images", lambda: (digits,))
    threads = torch.get_num_threads()
    try:
        run = gan_article.run_article(0, epochs=(1, 3), steps=2)
    finally:
        torch.set_num_threads(threads)
    assert [moment["epoch"] for moment in run["moments"]] == [1, 3]
    assert run["moments"][1]["frechet"] == 9.0
    kept = torch.tensor(list(bytes.fromhex(run["moments"][0]["images"])), dtype=torch.uint8)
    assert torch.equal(kept.view(-1, 1, 28, 28), seen[0][: gan_article.KEPT])
    assert run["seconds"] > 0


def test_the_islands_are_those_of_the_chapter() -> None:
    play = gan_islands.chapter_game()
    inside = play.__globals__
    rng = torch.Generator().manual_seed(0)
    assert inside["covered"](inside["islands"](4000, rng)) == inside["MODES"] == 8
    assert {"r1", "D_rate", "seed"} < {*play.__code__.co_varnames[: play.__code__.co_argcount]}


def test_each_game_on_the_islands_is_played_with_each_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    games: list[tuple[Any, ...]] = []

    def play(label: str, r1: float, rate: float, seed: int) -> list[SimpleNamespace]:
        games.append((r1, rate, seed))
        return [SimpleNamespace(modes=0, share=0.0), SimpleNamespace(modes=8, share=0.5)]

    monkeypatch.setattr(gan_islands, "chapter_game", lambda: play)
    threads = torch.get_num_threads()
    try:
        found = gan_islands.islands()
    finally:
        torch.set_num_threads(threads)
    assert len({*games}) == 12
    assert found["rows"][0] == {
        "name": gan_islands.ROWS[0][0],
        "modes": [8] * 3,
        "share": [0.5] * 3,
    }
    assert found["seeds"] == [0, 1, 2]


def test_the_stored_games_are_those_of_the_benchmark() -> None:
    stored = load_results("gan_islands")
    assert [row["name"] for row in stored["rows"]] == [name for name, *_ in gan_islands.ROWS]
    assert len(stored["seeds"]) >= 3
    for row in stored["rows"]:
        assert len(row["modes"]) == len(row["share"]) == len(stored["seeds"])
