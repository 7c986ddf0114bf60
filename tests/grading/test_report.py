"""The table and the pages: nothing in them harms, and nothing is missing."""

from __future__ import annotations

import csv
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from grading import report
from grading.marks import Mark, Result

ROOT = Path(__file__).resolve().parents[2]
VALUE = "best_guess"


def executed(*outputs: Any) -> Any:
    cell = new_code_cell("x", outputs=list(outputs))
    cell.metadata["nbgrader"] = {}
    return new_notebook(cells=[cell])


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_and_the_pages_hold_no_formula_and_no_script(tmp_path: Path) -> None:
    output = new_output("display_data", {"text/html": "<script>alert(1)</script>"})
    mark = Mark(VALUE, 1, 2, "<script>alert(2)</script>")
    result = Result("=cmd()", [mark], ["+1"], executed(output))
    report.write_report([result], {VALUE: 2.0}, tmp_path)
    text = (tmp_path / "grades.csv").read_text(encoding="utf-8-sig")
    assert text.splitlines()[1] == "'=cmd(),1,2,1,look,'+1"
    (page,) = (tmp_path / "feedback").iterdir()
    assert "<script" not in page.read_text(encoding="utf-8")


def test_columns_stand_there_only_where_something_is_known(tmp_path: Path) -> None:
    plain = Result("ann", [Mark(VALUE, 2, 2, "")])
    told = Result(
        "bob", [Mark(VALUE, 2, 2, "")], id="7", handed_in="2024-03-01 10:22:33", late="no"
    )
    report.write_report([plain], {VALUE: 2.0}, tmp_path)
    names = ["student", "points", "out of", VALUE, "state", "notes"]
    assert list(table(tmp_path)[0]) == names
    report.write_report([plain, told], {VALUE: 2.0}, tmp_path)
    assert list(table(tmp_path)[0]) == [*names[:4], "id", "handed in", "late", *names[4:]]
    assert [row["handed in"] for row in table(tmp_path)] == ["", "2024-03-01 10:22:33"]


@pytest.mark.skipif(os.name == "nt", reason="The line is written for bash.")
def test_the_pages_line_makes_one_table_of_the_containers(tmp_path: Path) -> None:
    page = (ROOT / "book" / "instructors.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^awk .+$", page, re.MULTILINE)
    for student in ("ann", "bob"):
        result = Result(student, [Mark(VALUE, 2, 2, "")], ["two\nlines"])
        report.write_report([result], {VALUE: 2.0}, tmp_path / "grades" / student)
    subprocess.run(["bash", "-c", line], cwd=tmp_path, check=True)
    assert [row["student"] for row in table(tmp_path)] == ["ann", "bob"]


def test_every_student_has_a_page_of_their_own() -> None:
    names = ["Ann?", "Ann*", "ANN_", "...", "", "CON", "a/b", "é" * 300, "é" * 299 + "x", "ann_"]
    pages = report.page_names(names)
    assert len({page.casefold() for page in pages.values()}) == len(names)
    assert all(len(page.encode()) < 255 and "/" not in page for page in pages.values())
    assert pages["CON"] == "CON_.html"


def test_a_page_is_the_same_whatever_page_was_made_before() -> None:
    def shown(language: str) -> str:
        notebook = executed()
        notebook.metadata["language_info"] = {"name": language}
        notebook.cells[0] |= {"id": "one", "source": "lambda x: None  # a comment"}
        return report._notebook(notebook)

    first = shown("python")
    assert shown("javascript") != first
    assert shown("python") == first


def test_what_can_t_be_shown_is_left_out_and_named(tmp_path: Path) -> None:
    markdown = new_output("display_data", {"text/markdown": "![a](attachment:a.png)"})
    broken = Result("ann", [Mark(VALUE, 2, 2, "")], executed=executed(markdown))
    broken.executed.cells[0].source = "kept = 1"
    report.write_report([broken, Result("bob")], {VALUE: 2.0}, tmp_path)
    page = (tmp_path / "feedback" / "ann.html").read_text(encoding="utf-8")
    assert "kept" in page
    assert "attachment" in table(tmp_path)[0]["notes"]
    assert broken.executed is None
    assert (tmp_path / "feedback" / "bob.html").is_file()


def test_a_notebook_that_can_t_be_shown_at_all_leaves_the_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(report, "_notebook", stop)
    report.write_report([Result("ann", [Mark(VALUE, 2, 2, "")], executed=executed())],
                        {VALUE: 2.0}, tmp_path)  # fmt: skip
    page = (tmp_path / "feedback" / "ann.html").read_text(encoding="utf-8")
    assert "2 of 2 points" in page
    assert "too deep" in page


def test_a_cell_of_megabytes_makes_no_page_of_megabytes(tmp_path: Path) -> None:
    result = Result("ann", [Mark(VALUE, 2, 2, "")], executed=executed())
    result.executed.cells = [new_code_cell("x = 1\n" * 500_000)]
    report.write_page(result, tmp_path / "ann.html")
    assert (tmp_path / "ann.html").stat().st_size < 2_000_000


def test_half_a_character_stops_no_table(tmp_path: Path) -> None:
    notes = ["a\ud800b", "two\nlines"]
    result = Result("x\ud800", [Mark(VALUE, 1, 2, "\ud800")], notes, executed())
    report.write_report([result], {VALUE: 2.0}, tmp_path)
    (row,) = table(tmp_path)
    assert row["notes"] == "a\\xd800b two lines"
    nbformat.validate(executed())
