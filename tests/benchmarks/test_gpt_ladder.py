"""Chapter 4's ladder: its rows, how a rate is chosen, and the numbers that are stored of it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from aigc_utils import gpt
from aigc_utils.data import load_plays
from aigc_utils.evaluation import load_results
from aigc_utils.history import History, TrainingError
from benchmarks import gpt_ladder, gpt_sonnets


def test_gpt_ladder_has_all_rows_on_one_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "question.txt"
    path.write_text("To be, or not to be: that is the question.\n" * 90, encoding="utf-8")
    names = ("last character", "tables")
    rungs = {name: gpt.RUNGS[name] for name in names}
    monkeypatch.setattr(gpt, "RUNGS", rungs)
    monkeypatch.setattr(gpt_ladder, "RATES", (1e-3, 1e-2))
    monkeypatch.setattr(gpt_ladder, "MOST_RATES", 3)
    monkeypatch.setattr(gpt_ladder, "LONGER", (20.0,))
    changes = {name: gpt_ladder.CONTROLS[name] for name in ("full recipe", "without tables")}
    monkeypatch.setattr(gpt_ladder, "CONTROLS", changes)
    results = gpt_ladder.benchmark(seeds=3, text=path, seconds=0.1)
    assert results["text"] == "question"
    assert results["characters"]["test"] == pytest.approx(43 * 90 / 20, abs=2)
    assert sum(results["characters"].values()) == 43 * 90
    assert [row["name"] for row in results["rungs"]] == list(rungs)
    assert [row["name"] for row in results["controls"]] == list(gpt_ladder.CONTROLS)
    assert [row["name"] for row in results["longer"]] == ["0.2 s"]
    assert len(results["counting"]) == gpt_ladder.ORDERS
    for row in (*results["rungs"], *results["controls"], *results["longer"]):
        assert len(row["bits"]) == len(row["error"]) == len(row["steps"]) == 3
        assert all(0 < bits < 8 for bits in row["bits"])
    for rates, kind in (((1e-3, 1e-2), "rungs"), (gpt_ladder.FACTORS, "controls")):
        for row in results[kind]:
            tried = dict(row["tried"])
            assert set(rates) <= set(tried)
            assert list(tried) == sorted(tried)
            assert row["rate"] == min(tried, key=tried.__getitem__)
    assert results["longer"][0]["rate"] == results["controls"][0]["rate"]
    assert results["longer"][0]["tried"] == []
    best = min(row["bits"] for row in results["counting"])
    row = results["controls"][0]
    assert row["over_counting"][0] == pytest.approx(row["bits"][0] - best, abs=1e-4)
    assert "bits a character" in capsys.readouterr().out


def test_a_rate_that_ruins_a_run_is_not_chosen() -> None:
    texts = gpt_ladder.read_texts("To be, or not to be: that is the question.\n" * 90)

    def train(seed: int, rate: float) -> tuple[torch.nn.Module, int]:
        if rate > 1:
            raise TrainingError("loss is nan", History())
        model, run = gpt.train_rung(
            gpt.Rung(), texts.train, texts.vocab_size, seed=seed, lr=rate, num_steps=9
        )
        return model, run.num_steps

    count = gpt_ladder.counting(texts)[1]
    row = gpt_ladder.row("one", train, (1e-9, 1e-2, 9.0), texts, count, seeds=2)
    assert row["rate"] == 1e-2
    assert row["tried"][0][1] > row["tried"][1][1]
    assert row["tried"][2] == (9.0, None)
    assert row["steps"] == [9, 9]


def test_a_control_changes_one_thing() -> None:
    texts = gpt_ladder.read_texts("To be, or not to be: that is the question.\n" * 90)
    names = gpt_ladder.CONTROLS
    models = {name: gpt_ladder.train_control(name, texts, 0, 0.05)[0] for name in names}
    full = models.pop("full recipe").config
    for name, model in models.items():
        changed = {
            key
            for key, value in dataclasses.asdict(model.config).items()
            if value != dataclasses.asdict(full)[key]
        }
        assert changed == set(names[name])
    angles = models["without positions"].embedding.angles
    assert torch.equal(angles, angles[:, :1].expand_as(angles))


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_adam_takes_the_matrices_alone(factor: float) -> None:
    model = gpt.GPT(gpt_ladder.FULL.config(7))
    pairs = [
        gpt_ladder.control_optimizers(name, model, factor)
        for name in ("full recipe", "Adam in place of Muon")
    ]
    (muon, other), (adam, same) = pairs
    shapes = [
        [p.shape for group in optimizer.param_groups for p in group["params"]]
        for optimizer in (muon, adam, other, same)
    ]
    assert shapes[0] == shapes[1]
    assert shapes[2] == shapes[3]
    rates = [each.param_groups[0]["lr"] for each in (muon, adam, other, same)]
    full = gpt_ladder.FULL
    wanted = [full.muon_lr, gpt_ladder.ADAM, full.adam_lr, full.adam_lr]
    assert rates == pytest.approx([factor * rate for rate in wanted])


def away(best: float) -> Callable[[float], float]:
    """Returns a loss that grows with the distance from the best rate, on a logarithmic scale."""
    return lambda rate: abs(math.log(rate / best))


@pytest.mark.parametrize(
    ("best", "more"), [(5e-3, []), (0.1, [0.09, 0.27]), (2e-4, [1e-3 / 3, 1e-3 / 9])]
)
def test_more_rates_are_tried_while_the_best_is_at_the_edge(best: float, more: list[float]) -> None:
    tried = list(gpt_ladder.tried_rates(away(best), gpt_ladder.RATES))
    assert tried == pytest.approx(sorted([*gpt_ladder.RATES, *more]))
    assert min(tried[1:-1], key=away(best)) == min(tried, key=away(best))


def test_rates_that_ever_help_end_somewhere() -> None:
    tried = gpt_ladder.tried_rates(lambda rate: -rate, gpt_ladder.RATES)
    assert len(tried) == gpt_ladder.MOST_RATES


def test_a_ruined_run_ends_the_search() -> None:
    def loss(rate: float) -> float:
        return math.inf if rate > 0.05 else -rate

    tried = gpt_ladder.tried_rates(loss, gpt_ladder.RATES)
    assert list(tried) == pytest.approx([*gpt_ladder.RATES, 0.09])


@cache
def stored() -> dict[str, Any]:
    return load_results("gpt_ladder")


def rows(*kinds: str) -> list[dict[str, Any]]:
    return [row for kind in kinds for row in stored()[kind]]


def test_stored_ladder_has_every_row_of_the_code() -> None:
    for kind, names in (
        ("counting", [f"order {order}" for order in range(1, gpt_ladder.ORDERS + 1)]),
        ("compressors", gpt_ladder.COMPRESSORS),
        ("rungs", gpt.RUNGS),
        ("controls", gpt_ladder.CONTROLS),
        ("longer", [f"{seconds:g} s" for seconds in gpt_ladder.LONGER]),
    ):
        assert [row["name"] for row in stored()[kind]] == list(names)


def test_stored_ladder_says_where_and_on_what_it_was_measured() -> None:
    assert stored()["seeds"] >= 3
    assert stored()["seconds"] == gpt_ladder.SECONDS
    assert all(stored()[name] for name in ("machine", "torch", "python"))
    assert stored()["text"] == "37 plays by Shakespeare"
    runs = len(gpt.RUNGS) * len(gpt_ladder.RATES) + len(gpt_ladder.CONTROLS) * 3
    assert stored()["minutes"] > runs * gpt_ladder.SECONDS / 60


def test_stored_ladder_ran_every_row_with_every_seed() -> None:
    best = min(row["bits"] for row in rows("counting"))
    for row in rows("rungs", "controls", "longer"):
        assert {len(row[key]) for key in ("bits", "error", "steps")} == {stored()["seeds"]}
        assert len(set(row["bits"])) == stored()["seeds"]
        assert all(1 < bits < math.log2(68) for bits in row["bits"])
        assert all(0 < error < 0.1 for error in row["error"])
        assert row["over_counting"] == pytest.approx([bits - best for bits in row["bits"]])
        if "seconds" in row:
            assert min(row["steps"]) > row["seconds"]  # one a second would be no training


def test_stored_ladder_chose_rates_that_have_worse_ones_on_both_sides() -> None:
    for row in rows("rungs", "controls"):
        tried = {rate: math.inf if loss is None else loss for rate, loss in row["tried"]}
        assert row["rate"] == min(tried, key=tried.__getitem__), row["name"]
        assert min(tried) < row["rate"] < max(tried), row["name"]
    (full, *_) = rows("controls")
    assert {row["rate"] for row in rows("longer")} == {full["rate"]}


def test_stored_ladder_has_the_models_of_the_code() -> None:
    texts = stored()["characters"]
    assert texts["train"] > 4_000_000
    assert texts["choose"] == gpt_ladder.CHOOSING
    for row in rows("rungs"):
        model: torch.nn.Module = gpt.RUNGS[row["name"]].build(68)
        assert row["parameters"] == sum(p.numel() for p in model.parameters())
    for row in rows("controls"):
        config = gpt_ladder.FULL.config(68)
        model = gpt.GPT(dataclasses.replace(config, **gpt_ladder.CONTROLS[row["name"]]))
        assert row["parameters"] == sum(p.numel() for p in model.parameters())


def test_stored_counting_is_what_counting_gives() -> None:
    texts = gpt_ladder.read_texts(load_plays())
    sizes = [len(texts.train), len(texts.test)]
    assert sizes == [stored()["characters"][key] for key in ("train", "test")]
    found, _ = gpt_ladder.counting(texts, orders=3)
    for again, row in zip(found, rows("counting"), strict=False):
        assert again["bits"] == pytest.approx(row["bits"], abs=1e-9)
        assert again["error"] == pytest.approx(row["error"], rel=1e-6)
    before, _, test = texts.parts
    # As chapter 4 says, bz2 sees so much of the training text in the block of the test text.
    assert 595_000 < len(before.encode()) % 900_000 < 615_000
    assert len(before.encode()) % 900_000 + len(test.encode()) < 900_000
    bits = gpt.compressed_bits(gpt_ladder.COMPRESSORS["bz2"], before, test)
    assert {row["name"]: row["bits"] for row in rows("compressors")}["bz2"] == bits


def test_sonnets_are_read_alone_and_after_the_plays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plays = "To be, or not to be: that is the question.\n" * 40
    monkeypatch.setattr(gpt_sonnets, "load_plays", lambda: plays)
    monkeypatch.setattr(gpt_sonnets, "load_sonnets", lambda: plays[:1600])
    monkeypatch.setattr(gpt_sonnets, "EVERY", 1)
    monkeypatch.setattr(gpt_sonnets, "CONTEXT", 16)
    tiny: dict[str, Any] = {"batch_size": 4, "context": 16, "width": 16, "num_heads": 2}
    tiny |= {"num_layers": 1, "ngrams": ()}
    for name, steps in (("PLAYS", 60), ("ALONE", 3), ("GENTLE", 3)):
        recipe = dataclasses.replace(getattr(gpt_sonnets, name), num_steps=steps, **tiny)
        monkeypatch.setattr(gpt_sonnets, name, recipe)
    found = gpt_sonnets.sonnets(seeds=2)
    nats = {row["name"]: row["nats"] for row in found["rows"]}
    assert found["seeds"] == [0, 1]
    assert all(len(each) == 2 for each in nats.values())
    for seed in found["seeds"]:
        assert nats["plays, then 28"][seed] < nats["28 alone"][seed]
    assert "plays, then 138" in capsys.readouterr().out


def test_the_stored_sonnets_bear_out_what_the_chapter_says() -> None:
    nats = {row["name"]: row["nats"] for row in load_results("gpt_sonnets")["rows"]}
    worth = {
        count: [a - b for a, b in zip(nats[f"{count} alone"], nats[after], strict=True)]
        for count, after in ((138, "plays, then 138"), (28, "plays, then 28"))
    }
    assert len(worth[28]) >= 3
    read = zip(nats["plays, then 28"], nats["the plays alone"], strict=True)
    assert all(after < before for after, before in read), "the same 28 still help"
    assert all(few > many > 0.1 for few, many in zip(worth[28], worth[138], strict=True))
