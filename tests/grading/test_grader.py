"""The documented command: from a class's folder to the table and the pages."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jupytext
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from submission_cases import (
    FUNCTION,
    MADE_OF,
    NAME,
    VALUE,
    VARIANT,
    answer,
    as_bytes,
    at,
    copied,
    insert,
    perfect,
    write,
)
from submission_cases.odd_cells import checks_overwritten_from_the_answer, half_right
from submission_cases.odd_orders import all_cells_reversed, metadata_lost
from submission_cases.recorded import record
from turns import PROVE, in_turn

from aigc_utils.exercises.chapter import find_chapter
from grading import __main__ as command
from grading import editions
from grading.files import File
from grading.grade import Grader
from grading.marks import Result
from grading.recognise import documents, mistaken
from grading.submissions import Attempt, Submission

ROOT = Path(__file__).resolve().parents[2]
NAMES = editions.names()


def training(name: str) -> dict[str, int]:
    """Returns the exercises of a chapter that train a network, each with its points."""
    return {e.name: e.points for e in find_chapter(name).exercises.values() if e.optimizes}


#: One student's of a class is enough.
LEFT_OUT = training(NAME)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")


def handed_in(student: str, *notebooks: Any) -> Submission:
    """Returns a submission of notebooks, the newest first."""
    files = [File(f"{student}/{n}.ipynb", lambda nb=nb: as_bytes(nb)) for n, nb in
             enumerate(notebooks)]  # fmt: skip
    return Submission(student, attempts=[Attempt(file) for file in files])


# --- the command ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graded(
    made: editions.Editions, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, dict[str, str]], Path, str]:
    """A class's rows, the folder, and what was printed, on a console that knows only GBK."""
    if sys.platform != "linux":
        pytest.skip("the sandbox is Linux's")
    place, out = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("grades")
    changes = {
        "Zoë ✓": lambda notebook: None,
        "halved": half_right,
        "stripped": metadata_lost,
        "reordered": all_cells_reversed,
        "cheat": checks_overwritten_from_the_answer,
    }
    for student, change in changes.items():
        notebook = perfect(made)
        for name in LEFT_OUT if student != "Zoë ✓" else ():
            answer(notebook, name, made.student.cells[at(made.student, name)].source)
        change(notebook)
        write(place / student / f"{NAME}.ipynb", notebook)
    write(place / "untouched.ipynb", made.student)
    (place / "broken.ipynb").write_text('{"cells": [')
    write(place / "stranger.ipynb", new_notebook(cells=[new_code_cell("x = 1")]))
    run = subprocess.run(
        [sys.executable, "-m", "grading", "grade", str(place), "--exercises", NAME,
         "--variant", str(VARIANT), "--out", str(out), "--jobs", "2"],
        cwd=ROOT, capture_output=True, check=False,
        env={**os.environ, "PYTHONIOENCODING": "gbk", "PYTHONUTF8": "0"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}, out, run.stdout.decode("gbk")


def test_every_submission_has_its_row_its_page_and_its_line(graded: Any) -> None:
    rows, out, printed = graded
    everybody = {"Zoë ✓", "halved", "stripped", "reordered", "cheat", "untouched", "broken",
                 "stranger"}  # fmt: skip
    assert set(rows) == everybody
    assert {p.stem for p in (out / "feedback").iterdir()} == everybody - {"Zoë ✓"} | {"Zoë _"}
    assert "Zo\\xeb \\u2713: 37 points" in printed
    assert "broken: not graded" in printed


def test_points_and_states(graded: Any) -> None:
    rows, _, _ = graded
    full = rows["Zoë ✓"]["out of"]
    most = str(int(full) - sum(LEFT_OUT.values()))
    assert 0 < int(most) < int(full)
    for student, points, state in [
        ("Zoë ✓", full, "graded"), ("stripped", most, "look"), ("reordered", most, "look"),
        ("untouched", "0", "graded"), ("broken", "", "not graded"),
        ("stranger", "", "not graded"),
    ]:  # fmt: skip
        assert (rows[student]["points"], rows[student]["state"]) == (points, state), rows[student]
    assert rows["Zoë ✓"]["notes"] == ""
    for student, lost in [("halved", FUNCTION), ("cheat", VALUE)]:
        assert rows[student][lost] == "0"
        rest = float(most) - float(rows["Zoë ✓"][lost])
        assert float(rows[student]["points"]) == rest, rows[student]


def test_the_feedback_says_what_the_checks_said_and_shows_no_hidden_test(graded: Any) -> None:
    _, out, _ = graded
    text = (out / "feedback" / "halved.html").read_text(encoding="utf-8")
    assert FUNCTION in text
    assert "must have the shape" in text
    for word in (".require()", "HIDDEN", "<script", "sys.modules"):
        assert word not in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--jobs", "0"], "'0' is no number of jobs: write 1 or more"),
        (["--seconds", "-3"], "'-3' is no time: write seconds, 1 or more"),
        (["--cell-seconds", "2.5"], "'2.5' is no time: write seconds, 1 or more"),
        (["--jobs", "2", "--scheduler", "tcp://x:1"], "not allowed with argument --jobs"),
        (["--memory-gib", "1.5"], "'1.5' is too little memory: write GiB, 2 or more"),
        (["--memory-gib", "nan"], "'nan' is too little memory"),
        (["--memory-gib", "much"], "'much' is too little memory"),
    ],
)
def test_limits_that_let_nothing_run_are_refused(
    capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    with pytest.raises(SystemExit):
        command.parser().parse_args(["grade", "class/", "--exercises", NAME, *words])
    assert says in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("make") is None, reason="make is missing")
def test_make_hands_everything_on() -> None:
    def told(*words: str) -> str:
        command = ["make", "-n", "--no-print-directory", *words]
        run = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        return " ".join(run.stdout.decode().replace("\\\n", " ").split())

    class_ = ["CLASS=a b/", "EXERCISES=01_cnn"]
    plain = told("grade", *class_)
    assert plain.endswith('course grade "a b/" --exercises "01_cnn" --variant "0"')
    more = ["VARIANT=1-20", "JOBS=2", "ONLY=A B", "ALL=1"]
    assert told("grade", *class_, *more).endswith('--variant "1-20" --jobs 2 --only "A B" --all')
    assert told("grade", *class_, "SCHEDULER=tcp://x:1").endswith('--scheduler "tcp://x:1"')
    assert told("handback", "TO=canvas", "ROSTER=a b", "COLUMN=c d", "LATE=e").endswith(
        'course handback --to "canvas" --roster "a b" --column "c d" --late "e"'
    )
    assert told("similar", *class_).endswith('course similar "a b/" --exercises "01_cnn"')
    assert told("worker", "SCHEDULER=tcp://x:1").endswith('course worker "tcp://x:1" --nthreads 2')


@pytest.mark.parametrize("name", in_turn([n for n in NAMES if n != NAME], 2, MADE_OF))
@on_linux
def test_the_other_chapters_solutions_get_full_points(name: str) -> None:
    made = editions.make_editions(name)
    grader, notebook = Grader(made.instructor), perfect(made)
    trained = {} if PROVE else training(name)  # they train where the notebooks are run for the book
    for exercise in trained:
        answer(notebook, exercise, made.student.cells[at(made.student, exercise)].source)
    class_ = [handed_in("solved", notebook), handed_in("untouched", made.student)]
    solved, untouched = grader.grade_all(class_)  # a second server would load for seconds
    assert solved.points == sum(grader.exercises.values()) - sum(trained.values()), solved.marks
    assert (solved.state, untouched.state, untouched.points) == ("graded", "graded", 0)


@on_linux
def test_what_was_graded_is_kept_where_the_grader_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.ipynb").write_text("")

    def stop(result: Result) -> None:
        if result.student == "b":
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "tell", stop)
    words = ["grade", str(tmp_path), "--exercises", NAME, "--out", str(tmp_path / "out")]
    assert command.main(words) == 130
    assert capsys.readouterr().err == f"{command.STOPPED}\n"
    assert "The file is empty." in (tmp_path / "out" / "grades.csv").read_text(encoding="utf-8-sig")


# `ru_maxrss` would be wrong: Linux hands the parent's peak, here that of pytest, to a child.
MEASURE = """
import re, sys
from pathlib import Path
from grading.__main__ import main
status = main(sys.argv[1:])
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print("status", status, "kilobytes", peak)
"""


@on_linux
def test_a_class_of_300_with_20_mb_each_needs_less_than_1_gb(
    made: editions.Editions, tmp_path: Path
) -> None:
    notebook = copied(made.student)
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 2_000_000}
    next(c for c in notebook.cells if c.cell_type == "code").outputs = [output]
    strange = new_notebook(cells=[new_code_cell("x = 1")])
    for number in range(300):
        folder = tmp_path / "class" / f"student {number}"
        write(folder / f"{NAME}.ipynb", notebook if number % 30 == 0 else strange)
        with (folder / "checkpoint.pt").open("wb") as file:
            file.truncate(20_000_000)
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, "grade", str(tmp_path / "class"), "--exercises", NAME,
         "--variant", str(VARIANT), "--out", str(tmp_path / "out"), "--jobs", "2"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    last = run.stdout.splitlines()[-1].split()
    assert last[:2] == ["status", "0"]
    assert int(last[-1]) < 500_000, f"{int(last[-1]) / 1000:.0f} MB"


# --- which notebook, and what it is -----------------------------------------------------------


@pytest.mark.parametrize("document", documents(), ids=str)
def test_each_notebook_of_the_course_is_recognised(document: Any) -> None:
    folder = "exercises" if document.exercises else "notebooks"
    notebook = jupytext.read(ROOT / folder / f"{document.name}.py")
    for name in NAMES:
        found = mistaken(notebook, name, marked=False)
        right = document.exercises and document.name == name
        assert found == (None if right else document)


def test_exercises_with_a_chapter_pasted_in_are_these_exercises(solved: Any) -> None:
    chapter = jupytext.read(ROOT / "notebooks" / f"{NAME}.py")
    solved.cells += [cell for cell in chapter.cells if cell.cell_type == "code"]
    assert mistaken(solved, NAME, marked=False) is None
    assert mistaken(new_notebook(cells=[new_code_cell("x = 1")]), NAME, marked=False) is None
    chapter.cells += solved.cells
    assert mistaken(chapter, NAME, marked=True) is None


@pytest.fixture
def grader(made: editions.Editions, monkeypatch: pytest.MonkeyPatch) -> Grader:
    """A grader that runs nothing."""
    record(monkeypatch)
    return Grader(made.instructor)


def test_the_newest_attempt_that_was_tried_is_graded(
    grader: Grader, made: editions.Editions, solved: Any
) -> None:
    empty = new_notebook(cells=[new_code_cell("x = 1")])
    chapter = jupytext.read(ROOT / "notebooks" / f"{NAME}.py")
    result = grader.grade(handed_in("ann", empty, made.student, chapter, solved, solved))
    assert result.points == sum(grader.exercises.values())
    assert result.notes == [
        "There are 3 notebooks; ann/3.ipynb is graded, the newest that was tried."
    ]
    assert grader.grade(handed_in("bob", empty, chapter, solved)).notes == []
    told = grader.grade(handed_in("eve", empty, chapter)).notes
    assert told == [
        f"eve/0.ipynb: No answer of {NAME} is in this notebook.",
        f"eve/1.ipynb: Not graded: this is chapter 2 ({NAME}), not the exercises {NAME}.",
    ]


def test_equal_notebooks_run_once(grader: Grader, made: editions.Editions, solved: Any) -> None:
    class_ = [handed_in(f"s{n}", made.student) for n in range(20)] + [handed_in("ann", solved)]
    assert len(list(grader.grade_all(class_, jobs=4))) == 21
    assert grader.servers.runs == 2  # type: ignore[attr-defined]
    insert(solved, 3, "x = 1")
    grader.grade(handed_in("bob", solved))
    assert grader.servers.runs == 3  # type: ignore[attr-defined]


def test_a_fault_of_the_grader_itself_stops_nobody_else(grader: Grader, solved: Any) -> None:
    def fail() -> bytes:
        raise MemoryError("no more")

    def full(result: Result) -> None:
        if result.student == "eve":
            raise OSError("No space left on device")

    broken = Submission("ann", attempts=[Attempt(File("a.ipynb", fail))])
    class_ = [broken, handed_in("eve", solved), handed_in("bob", solved)]
    first, second, third = grader.grade_all(class_, finish=full)
    assert first.state == "not graded"
    assert first.notes == ["The grader stopped with MemoryError: no more"]
    assert (second.state, second.notes) == (
        "look", ["The page can't be written: No space left on device"],
    )  # fmt: skip
    assert third.state == "graded"
