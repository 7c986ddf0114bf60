"""A class made of odd submissions, graded in one run: none stops another's grade, row or page."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from submission_cases import (
    FUNCTION,
    MADE_OF,
    NAME,
    VALUE,
    VARIANT,
    Expected,
    copied,
    odd_cells,
    odd_files,
    odd_folders,
    odd_orders,
    perfect,
    write,
)
from turns import in_turn

from grading import __main__ as command
from grading import editions

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
CELLS = odd_orders.CASES | odd_cells.CASES
FILES = odd_files.CASES | odd_folders.CASES
ODD = {kind: expected for kind, (_, expected) in (CELLS | FILES).items()}
#: Those in this run's class.
IN_CLASS = {kind: ODD[kind] for kind in in_turn(list(ODD), 2, MADE_OF)}
#: The first bytes of names that no encoding explains, and in GBK.
RAW = {b"\xff\xfe\xfd": "\\xff\\xfe\\xfd", "李明".encode("gbk"): "李明"}
#: Names that are hard to write down: to the table, to a page's name, or to both.
NAMES = ["=cmd()", "+1", "CON", "a" * 255, "Ann?", "Ann*", "ANN_", "two\nlines", "‮evil", "...",
         "Zoë", "Łucja Ż_123_assign", "山田", "<b>bold", "a, b; \"c\"", "%s{0}"]  # fmt: skip


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[editions.Editions]:
    """The chapter's first two exercises alone, so that a submission is graded in seconds."""
    folder = tmp_path_factory.mktemp("exercises")
    for path in editions.SOURCES.glob("*.py"):
        (folder / path.name).write_bytes(path.read_bytes())
    source = (folder / f"{NAME}.py").read_text(encoding="utf-8")
    (folder / f"{NAME}.py").write_text(
        source.split("# %% [markdown]\n# ## Two runs")[0], encoding="utf-8"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(editions, "SOURCES", folder)
        yield editions.make_editions(NAME, VARIANT)


@pytest.fixture(scope="module")
def graded(
    short: editions.Editions, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, dict[str, str]], Path]:
    """The rows of the table, and the folder that holds it and the pages."""
    place, out = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("grades")
    solved = perfect(short)
    solved.metadata["untouched"] = copied(short.student)
    for kind in filter(CELLS.__contains__, IN_CLASS):
        change, _ = CELLS[kind]
        notebook = copied(solved)
        change(notebook)
        write(place / kind / f"{NAME}.ipynb", notebook)
    for kind in filter(FILES.__contains__, IN_CLASS):
        fill, _ = FILES[kind]
        (place / kind).mkdir()
        fill(place / kind, solved)
    for name in [*map(os.fsencode, NAMES), *RAW]:
        write(place / os.fsdecode(name) / f"{NAME}.ipynb", solved)
    status = command.main([
        "grade", str(place), "--exercises", NAME, "--variant", str(VARIANT), "--out", str(out),
        "--jobs", "2", "--cell-seconds", "3", "--memory-gib", "2",
    ])  # fmt: skip
    assert status == 0
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}, out


def test_everybody_has_a_row_a_page_and_a_reason(graded: Any) -> None:
    rows, out = graded
    assert len(ODD) >= 60
    everybody = len(IN_CLASS) + len(NAMES) + len(RAW)
    assert len(rows) == everybody >= 40
    assert len(list((out / "feedback").iterdir())) == everybody
    for row in rows.values():
        assert row["points"] == row["out of"] or row["notes"] or float(row["points"]) < 4, row
        assert (row["points"] == "") == (row["state"] == "not graded"), "never silently 0"


@pytest.mark.parametrize(("kind", "expected"), IN_CLASS.items(), ids=list(IN_CLASS))
def test_an_odd_submission_gets_what_it_earned(graded: Any, kind: str, expected: Expected) -> None:
    rows, out = graded
    row = rows[kind]
    assert row["points"] == ("" if expected.points is None else f"{expected.points:g}"), row
    assert expected.state in ("", row["state"]), row
    assert expected.says in row["notes"], row
    if expected.lost:
        other = VALUE if expected.lost == FUNCTION else FUNCTION
        assert (row[expected.lost], row[other]) == ("0", "2"), row
    page = (out / "feedback" / f"{kind}.html").read_text(encoding="utf-8")
    assert page.endswith("</html>\n")
    assert "<script" not in page


@pytest.mark.parametrize("shown", RAW.values())
def test_a_folder_name_in_raw_bytes_is_shown(graded: Any, shown: str) -> None:
    rows, _ = graded
    assert rows[shown]["points"] == "4"
