"""The sums of the page about many processes, and the numbers that are stored for it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sentences import assert_one_sentence

from aigc_utils.evaluation import load_results
from aigc_utils.gpt import GPT
from benchmarks import scaling
from benchmarks.report import MachineError
from bookmaking.runs import stored
from scaling import cost, law

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "aigc_utils" / "assets" / "results"
PAGE = ROOT / "book" / "scaling.md"


def test_without_accelerate_the_benchmark_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "find_spec", lambda name: None)
    with pytest.raises(MachineError, match="extra `scale`") as error:
        scaling.measure()
    assert_one_sentence(error)


def test_a_ring_sends_each_part_twice_but_for_one() -> None:
    link = cost.Link(bandwidth=1e9, latency=1e-3)
    assert cost.ring(1, 1e9, link) == 0
    assert cost.ring(2, 1e9, link) == pytest.approx(2 * (0.5 + 1e-3))
    assert cost.ring(4, 1e9, link) == pytest.approx(6 * (0.25 + 1e-3))


@pytest.mark.parametrize("processes", [2, 8])
def test_measured_rings_give_back_their_link(processes: int) -> None:
    link = cost.Link(bandwidth=3e9, latency=2e-5)
    times = [(size, cost.ring(processes, size, link)) for size in (1e4, 1e6, 1e7)]
    found = cost.measured_link(times, processes)
    assert found.bandwidth == pytest.approx(3e9)
    assert found.latency == pytest.approx(2e-5)


def test_a_line_through_one_place_is_refused() -> None:
    with pytest.raises(ValueError, match="two places") as error:
        cost.line([(1.0, 2.0), (1.0, 3.0)])
    assert_one_sentence(error)


def test_a_ring_through_servers_waits_longer_where_it_leaves_one() -> None:
    cluster = cost.Cluster(1.0, cost.Link(1e9, 1e-6), cost.Link(5e8, 1e-3), cards=4)
    assert cost.exchange(cluster, 4, 1e6) == cost.ring(4, 1e6, cluster.inside)
    sent = 2 * 7 / 8 * 1e6 / 5e8
    waited = 14 * (3 / 4 * 1e-6 + 1 / 4 * 1e-3)
    assert cost.exchange(cluster, 8, 1e6) == pytest.approx(sent + waited)


def test_more_cards_pay_less_and_less_for_one_batch() -> None:
    steps = [cost.step(cost.H100, cards, 1.5e9, 2**19) for cards in (8, 64, 512)]
    assert [step.compute for step in steps] == sorted((s.compute for s in steps), reverse=True)
    assert steps[0].busy > 0.98
    assert steps[0].busy > steps[1].busy > 0.9
    assert 0.5 < steps[2].busy < 0.6, "the page says that nearly half of the step is lost"
    assert steps[2].exchange > steps[1].exchange > steps[0].exchange
    larger = cost.step(cost.H100, 512, 1.5e9, 2**19 * 64)
    assert larger.compute == pytest.approx(steps[0].compute)
    assert larger.busy > 0.95
    assert cost.memory(1.5e9, 8, sharded=False) == 8 * cost.memory(1.5e9, 8, sharded=True) == 24e9


def test_the_pages_own_sums_are_right() -> None:
    page = PAGE.read_text(encoding="utf-8")
    days = 54 / 419 * 16384 / 512  # between two interruptions on 512 cards
    assert round(days) == 4
    assert "512 cards run for four days" in page
    whole = cost.memory(stored.WEIGHTS, 512, sharded=False)
    assert f"in place of {whole / 1e9:.0f} GB" in page


def test_a_law_finds_the_numbers_that_made_its_losses() -> None:
    made = law.Law(floor=1.2, scale=30.0, power=0.4)
    sizes = [5e3, 1e4, 2e4, 4e4, 8e4]
    found = law.fit(sizes, [made(n) for n in sizes])
    assert found(4e5) == pytest.approx(made(4e5), abs=2e-3)
    assert found.floor == pytest.approx(1.2, abs=0.02)
    plain = law.fit(sizes, [made(n) for n in sizes], floor=False)
    assert plain.floor == 0
    assert plain(4e5) < made(4e5) - 0.05, "without a floor it goes on falling"


@pytest.mark.parametrize("losses", [[1.0, 0.9], [1.0, 0.9, 0.0]])
def test_too_little_for_a_law_is_refused(losses: list[float]) -> None:
    with pytest.raises(ValueError, match="as many models") as error:
        law.fit([1e3, 2e3, 4e3][: len(losses)], losses)
    assert_one_sentence(error)


def test_the_fastest_window_counts_and_the_beginning_does_not() -> None:
    from benchmarks import scaling

    assert scaling.fastest([9.0, 10.0, 10.4, 12.0]) == pytest.approx(0.4 / scaling.STEPS)


def test_the_stored_step_is_what_the_cost_model_says_of_it() -> None:
    from benchmarks import scaling

    step = load_results("scaling")
    again = scaling.foretold(step["weights"], step["alone"], step["exchanges"])
    assert step["foretold"] == pytest.approx(again.pop("foretold"))
    assert {name: step[name] for name in again} == pytest.approx(again)
    assert step["shared"] == list(scaling.SHARED)
    alone = dict(step["alone"])
    for rows, measured in zip(step["shared"], step["measured"], strict=True):
        assert measured < alone[rows], "two processes are faster than one"
    for told, measured in zip(step["foretold"], step["measured"], strict=True):
        assert told == pytest.approx(measured, rel=0.3)
    counts, memory = zip(*step["sharded"], strict=True)
    assert counts == (1, 2, 4)
    assert memory[0] > 1.8 * memory[1] > 1.8 * 1.8 * memory[2], "the page says: a piece of each"


def test_the_stored_law_is_the_one_of_its_runs() -> None:
    found = load_results("scaling_law")
    runs, last = found["runs"], found["held_out"]
    assert len(runs) == 6
    assert all(len(run["losses"]) == found["seeds"] >= 3 for run in (*runs, last))
    assert last["weights"] > 1.5 * runs[-1]["weights"]
    assert found["machine"].startswith("1 thread,"), "the page says: on one core"
    assert sum(run["seconds"] for run in (*runs, last)) < 12 * 60
    losses = [run["loss"] for run in (*runs, last)]
    assert losses == sorted(losses, reverse=True)
    for name, floor in (("floor", True), ("none", False)):
        again = law.of_runs(runs, floor=floor)
        kept = found["laws"][name]
        assert kept["foretold"] == pytest.approx(again(last["weights"]), abs=1e-6)
        assert kept["error"] == pytest.approx(kept["foretold"] - last["loss"])


def test_the_pages_words_about_the_law_are_those_of_its_numbers() -> None:
    found = load_results("scaling_law")
    runs, last = found["runs"], found["held_out"]
    without = [law.of_runs(runs[:i] + runs[i + 1 :]) for i in range(len(runs))]
    foretold = [each(last["weights"]) for each in without]
    assert min(last["losses"]) > max(foretold), "the page says: each seed lies above"
    floors = [each.floor for each in without]
    assert max(floors) - min(floors) > 0.3, "the page says: hardly anything of the floor"


def test_a_size_has_its_share_of_data() -> None:
    from benchmarks import scaling
    from benchmarks.gpt import Data

    data = Data("a text", *(None,) * 2, vocab_size=68)  # type: ignore[arg-type]
    for width in (scaling.WIDTHS[0], scaling.HELD_OUT):
        recipe, weights = scaling.size(width, data)
        assert weights == sum(p.numel() for p in GPT(recipe.config(68)).parameters())
        tokens = recipe.num_steps * recipe.batch_size * recipe.context
        assert tokens == pytest.approx(scaling.TOKENS_A_WEIGHT * weights, rel=0.02)
    assert tokens < 4_200_000, "the plays don't last"


def test_the_page_says_how_busy_the_machine_was() -> None:
    assert stored._beside(0.24, 2).startswith("In the minute before this measurement, 0.2 programs")
    assert stored._beside(None, 2).endswith("was not recorded.")


def test_the_law_is_fitted_to_all_but_the_largest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks import scaling

    monkeypatch.setattr(scaling, "HELD_BACK", 2000)
    found = scaling.scaling_law(seeds=1, widths=(4, 8, 12), held_out=16)
    assert [run["width"] for run in (*found["runs"], found["held_out"])] == [4, 8, 12, 16]
    assert all(0 < run["loss"] < 4.3 for run in found["runs"])
    again = law.of_runs(found["runs"])
    assert found["laws"]["floor"]["foretold"] == again(found["held_out"]["weights"])
    assert "off by" in capsys.readouterr().out


def test_the_page_gets_its_numbers_tables_and_figure() -> None:
    given = stored.substitutions(RESULTS)
    page = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"\{\{ (\w+) \}\}", page))
    assert named == {*given, f"stored_{stored.FIGURE}"}
    assert given["table_scale_steps"].count("\n") == 7
    assert "| 8 | 0.5 million |" in given["table_cards"]
    assert given["table_law"].count("\n") == 8
    found: dict[str, Any] = json.loads(stored.figure(RESULTS))
    assert f"at {given['law_last']} weights" in found["alt"]
    assert given["law_measured"] in found["alt"]
