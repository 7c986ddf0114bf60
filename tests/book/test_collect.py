"""What the pages say of the last run: collected from the chapters' outputs, never typed."""

from __future__ import annotations

import base64
import json
import re
from html import escape
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from aigc_utils import evaluation, gpt
from benchmarks.device import Result, compared
from benchmarks.register import benchmarks
from bookmaking.runs import collect

ROOT = Path(__file__).resolve().parents[2]
PNG = b"no real picture, but bytes"


def output(shown: Any) -> Any:
    """Returns the output that a notebook keeps of a cell's last line."""
    shell = InteractiveShell.instance()
    data, metadata = shell.display_formatter.format(shown)
    return nbformat.v4.new_output("display_data", data=data, metadata=metadata)


def cell(seconds: int, outputs: tuple[Any, ...] = (), tag: str = "") -> Any:
    times = {
        "iopub.execute_input": f"2026-11-24T10:00:{seconds:02}.000000Z",
        "shell.execute_reply": f"2026-11-24T10:00:{seconds + 2:02}.500000Z",
    }
    metadata = {"execution": times} | ({"tags": [tag]} if tag else {})
    return nbformat.v4.new_code_cell("1 + 1", outputs=list(outputs), metadata=metadata)


def chapter(*cells: Any, torch: str = "2.4") -> Any:
    heading = nbformat.v4.new_markdown_cell("# 1. CNN: it sees\n\nAnd more.")
    run = {"date": "2026-11-24", "torch": torch}
    return nbformat.v4.new_notebook(cells=[heading, *cells], metadata={"aigc": {"machine": run}})


def picture() -> Any:
    return nbformat.v4.new_output(
        "display_data",
        data={"image/png": base64.b64encode(PNG).decode()},
        metadata={"image/png": {"alt": "A digit."}},
    )


RECORDED = evaluation.record(accuracy=("accuracy", "99.03 %"), seconds=("training", "2.1 s"))


def test_a_record_shows_a_table() -> None:
    assert repr(RECORDED).startswith("accuracy  99.03 %\ntraining  2.1 s\nThe recipes trained on ")


def test_a_record_says_where_the_run_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_DEVICE", "cpu")
    said = "The recipes trained on the CPU; the times in the text are a CPU's."
    assert repr(RECORDED).endswith(f"\n{said}")
    assert RECORDED.html().endswith(f"<p>{escape(said)}</p>")
    monkeypatch.delenv("AIGC_DEVICE")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda place: "Card <1>")
    assert repr(RECORDED).splitlines()[-1].startswith("The recipes trained on Card <1>;")
    assert "Card &lt;1&gt;" in RECORDED.html()


@pytest.mark.parametrize(
    "number", [{"a b": ("accuracy", "1 %")}, {"accuracy": ("accuracy", "nan")}]
)
def test_a_number_without_a_digit_or_a_name_is_refused(number: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give a short name, what it is and its value"):
        evaluation.record(**number)


def test_numbers_come_from_the_outputs() -> None:
    found = collect.numbers(chapter(cell(0), cell(1, (output(RECORDED),))), "01_cnn")
    assert found == {
        "cnn_accuracy": ("accuracy", "99.03 %"),
        "cnn_seconds": ("training", "2.1 s"),
    }


def test_a_chapter_without_numbers_or_with_one_twice_is_named() -> None:
    with pytest.raises(collect.CollectError, match=r"^01_cnn: no cell ends in evaluation.record"):
        collect.numbers(chapter(cell(0)), "01_cnn")
    twice = chapter(cell(0, (output(RECORDED), output(RECORDED))))
    with pytest.raises(collect.CollectError, match=r"^01_cnn: the number accuracy .* twice"):
        collect.numbers(twice, "01_cnn")


def test_the_time_is_from_the_first_cell_to_the_last() -> None:
    assert collect.seconds(chapter(cell(3), cell(40))) == pytest.approx(39.5)
    assert [collect.clock(t) for t in (5.4, 65, 119.6)] == ["5 s", "1 min 05 s", "2 min 00 s"]


def test_a_record_is_a_table_for_every_reader() -> None:
    shown, more = evaluation.record(nats=("loss, 1 < 2", "97.0 nats"))._repr_mimebundle_()
    assert shown["text/plain"].startswith("loss, 1 < 2  97.0 nats\n")
    assert "<td>loss, 1 &lt; 2</td><td>97.0 nats</td>" in shown["text/html"]
    assert more["aigc"]["numbers"] == [["nats", "loss, 1 < 2", "97.0 nats"]]


def test_pictures_come_from_tagged_cells() -> None:
    found = collect.pictures(chapter(cell(0, (picture(),), "live-cnn"), cell(1)), "01_cnn")
    assert found == {"cnn": (PNG, "A digit.")}
    with pytest.raises(collect.CollectError, match="the tag live-cnn shows no figure"):
        collect.pictures(chapter(cell(0, (), "live-cnn")), "01_cnn")


def test_the_pages_get_numbers_tables_and_pictures() -> None:
    run = chapter(cell(0, (picture(),), "live-cnn"), cell(1, (output(RECORDED),)))
    other = chapter(cell(5, (output(RECORDED),)), torch="2.15")
    results = ROOT / "aigc_utils" / "assets" / "results"
    given = collect.substitutions({"01_cnn": run, "02_gan": other}, results)
    assert given["cnn_accuracy"] == given["gan_accuracy"] == "99.03 %"
    assert (given["cnn_time"], given["total_time"]) == ("4 s", "6 s")
    assert "![" not in given["live_cnn"]
    assert ":alt: A digit." in given["live_cnn"]
    link = "[1. CNN: it sees](chapters/01_cnn.ipynb)"
    rows = "| what | measured |\n| --- | --- |\n| accuracy | 99.03 % |\n| training | 2.1 s |"
    assert given["cnn_link"] == link
    assert f"```{{rubric}} {link}\n:heading-level: 3\n```\n\n{rows}" in given["tables_measured"]
    assert f"| {link} | 4 s |" in given["table_times"]
    assert "| torch, 02_gan | 2.15 |" in given["table_machine"]
    assert "| date | 2026-11-24 |" in given["table_machine"]
    assert "| `ladder` | the steps from the article's CNN" in given["table_benchmarks"]


def test_the_page_says_what_was_measured_on_a_card_or_that_nothing_was(tmp_path: Path) -> None:
    run = chapter(cell(0), cell(1, (output(RECORDED),)))
    said = collect.substitutions({"01_cnn": run}, tmp_path)["measured_card"]
    assert "is not measured" in said
    cpu, card = ([Result(seconds, 90.0 + seconds)] * 3 for seconds in (8.0, 2.0))
    stored = {"card": "Card 1", "seeds": 3, "machine": "two cores", "torch": "2.15"}
    stored["recipes"] = {"cnn": compared(cpu, card) | {"unit": "accuracy, %"}}
    (tmp_path / "device.json").write_text(json.dumps(stored), encoding="utf-8")
    said = collect.substitutions({"01_cnn": run}, tmp_path)["measured_card"]
    assert "not measured" not in said
    assert said.startswith("Measured on Card 1, beside two cores; medians of 3 seeds.")
    assert said.endswith("| cnn | 8.00 | 2.00 | 4.0 | accuracy, % | 98 | 92 | no |")


def test_every_stored_benchmark_says_what_it_compares(tmp_path: Path) -> None:
    results = ROOT / "aigc_utils" / "assets" / "results"
    assert {p.stem.replace("_", "-") for p in results.glob("*.json")} <= benchmarks().keys()
    (tmp_path / "new_one.json").write_text('{"machine": "m", "torch": "2.9"}', "utf-8")
    run = chapter(cell(0), cell(1, (output(RECORDED),)))
    with pytest.raises(collect.CollectError, match="no module of benchmarks/ has new-one"):
        collect.substitutions({"01_cnn": run}, tmp_path)


def test_every_chapter_records_its_numbers_and_the_front_shows_five() -> None:
    tags = []
    for source in sorted((ROOT / "notebooks").glob("[0-9]*.py")):
        text = source.read_text(encoding="utf-8")
        assert text.count("\nevaluation.record(") == 1, source.name
        tags += re.findall(r'tags=\["live-(\w+)"\]', text)
    front = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\{\{ live_(\w+) \}\}", front)) == sorted(tags)
    assert len(tags) == 5


@pytest.mark.parametrize(
    ("value", "said"),
    [("99.03 ± 0.19 %", "99.03 %"), ("2.3 s", "2.3 s"), ("94.9 ± 0.22 nats", "94.9 nats")],
)
def test_a_sentence_takes_a_number_without_its_error(value: str, said: str) -> None:
    assert collect.without_error(value) == said


def test_the_machine_is_named_with_its_versions() -> None:
    machine = collect.machine()
    assert {"date", "processor", "system", "torch", "torchvision"} <= machine.keys()
    assert machine["numbers of chapter 4's GPTs"].startswith("16" if gpt.has_bfloat16() else "32")
    assert all(machine.values())
