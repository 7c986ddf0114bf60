"""The class that is made up to be graded, what is measured of it, and what the page says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from benchmarks import __main__ as command
from benchmarks import grading as measured
from benchmarks import made_class
from benchmarks.register import Benchmark
from benchmarks.report import MachineError
from bookmaking.runs import class_times
from grading import editions, sandbox
from grading.assembly import settings
from grading.marks import Mark, Result
from grading.report import write_table

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "aigc_utils" / "assets" / "results"
NAME = "02_gan"


def test_a_class_has_its_share_of_each_kind_and_no_two_alike(tmp_path: Path) -> None:
    assert made_class.kinds(300) == {
        "right": 111, "half done": 90, "wrong": 60, "empty": 30,
        "never ends": 6, "fills the memory": 3,
    }  # fmt: skip
    written = dict(made_class.write_class(tmp_path, NAME, 10))
    texts = {student: (tmp_path / student / f"{NAME}.ipynb").read_text() for student in written}
    assert len(set(texts.values())) == 10
    solved, answered = made_class.KINDS["right"](editions.make_editions(NAME)), {}
    for student, kind in written.items():
        notebook = nbformat.reads(texts[student], as_version=4)
        pairs = [
            (cell.source == right.source, "YOUR CODE HERE" in cell.source)
            for cell, right in zip(*map(answers, (notebook, solved)), strict=True)
        ]
        answered[kind] = pairs
        sources = [cell.source for cell in notebook.cells]
        assert (made_class.ENDLESS_CELL in sources) == (kind == "never ends")
        assert (made_class.FILLING_CELL in sources) == (kind == "fills the memory")
    whole = [(True, False)] * len(answered["right"])
    assert answered["right"] == answered["never ends"] == answered["fills the memory"] == whole
    assert answered["empty"] == [(False, True)] * len(whole)
    assert set(answered["half done"]) == {(True, False), (False, True)}
    assert (False, False) in answered["wrong"]


def answers(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if settings(cell).get("solution")]


def test_a_wrong_answer_has_numbers_one_too_large() -> None:
    assert made_class.wrong("x = f(2, 0.5, True, 'a')") == "x = f(3, 1.5, True, 'a')"


def test_what_a_kind_takes_is_the_time_since_the_student_before() -> None:
    times = {"ann": 9.0, "bob": 11.0, "eve": 14.0, "zoe": 15.0}
    kind = {"ann": "right", "bob": "right", "eve": "right", "zoe": "empty"}
    assert measured.of_kinds(times, kind) == {"right": 2.5, "empty": 1.0}


def test_the_memory_of_what_a_process_started_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    child = "x = bytearray(60_000_000); print(flush=True); input()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", parent], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()
        memory = measured.Memory(process.pid)
        memory.look()

        def hidden(self: psutil.Process) -> Any:
            raise psutil.AccessDenied(self.pid)

        monkeypatch.setattr(psutil.Process, "memory_full_info", hidden)
        memory.look()
        process.communicate(b"\n")
    memory.look()  # nothing is there any more
    assert len(memory.together) == 2
    assert all(60e6 < together < 150e6 for together in memory.together)
    assert 0 < memory.main < 60e6


def test_a_grader_is_watched_until_it_ends_and_its_own_words_are_told() -> None:
    program = "import sys; print('ann: 3 points'); print('  eve: a note'); sys.exit({})"
    before = time.perf_counter()
    memory, times = measured.watched([sys.executable, "-c", program.format(0)], ["ann", "eve"])
    assert list(times) == ["ann"]
    assert before < times["ann"] < time.perf_counter()
    assert memory.together
    with pytest.raises(MachineError, match=r"^There is no folder nowhere\.$"):
        measured.watched(
            [sys.executable, "-c", program.format("'There is no folder nowhere.'")], []
        )


def fake_grade(points: dict[int, float]) -> Any:
    """Returns what writes a table with each number of jobs' points, and runs nothing."""

    def grade(place: Path, name: str, jobs: int, out: Path, students: list[str]) -> dict[str, Any]:
        again = out.exists()
        out.mkdir(exist_ok=True)
        results = [Result(who, marks=[Mark("best_guess", points[jobs], 3, "")]) for who in students]
        write_table(results, {"best_guess": 3}, out / "grades.csv")
        times = {who: 2.0 * number for number, who in enumerate(students)}
        return {
            "jobs": jobs, "seconds": 1.0 if again else 120.0 / jobs, "a_minute": 1.5 * jobs,
            "peak": 7000.0, "usual": 900.0, "main": 160.0, "times": times,
        }  # fmt: skip

    return grade


def run_command(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "grading", "--exercises", NAME, *words])
    command.main()


def test_the_stored_numbers_are_those_of_the_table_and_of_the_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(measured, "grade", fake_grade({1: 3, 2: 3}))
    monkeypatch.setattr(sandbox, "walls_stand", lambda: True)
    path = tmp_path / "grading.json"
    words = ["--students", "10", "--jobs", "1", "2", "2", "--json", str(path)]
    assert "is not measured" in class_times.substitutions(tmp_path)["measured_class"]
    run_command(monkeypatch, *words)
    found = json.loads(path.read_text())
    assert [one["jobs"] for one in found["runs"]] == [1, 2]
    assert found["runs"][0]["states"] == {"graded": 10}
    assert found["runs"][0]["each_seconds"] == dict.fromkeys(found["kinds"], 2.0)
    assert found["kinds"] == made_class.kinds(10)
    shown = capsys.readouterr().out
    assert "2     60.0     3.0       1.0       7000      900        160" in shown
    said = class_times.substitutions(tmp_path)["measured_class"]
    assert "| 1 | 2 min 00 s | 1.5 | 1 s | 0.9 GB | 7.0 GB |\n| 2 | 1 min 00 s | 3.0 |" in said
    assert "a class of 10, no two alike: 2 right," in said
    assert "1 that never end" in said
    assert "takes 2.0 s where it is right," in said
    assert "2 s where it never ends" in said
    assert "2 jobs need 50 % of the time of 1." in said
    assert "takes 0.2 GB at most" in said


def test_a_class_is_measured_in_parts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(measured, "grade", fake_grade({1: 3, 2: 3, 3: 2}))
    monkeypatch.setattr(sandbox, "walls_stand", lambda: True)
    names = ("2", "1", "3", "both")
    two, one, three, both = (str(tmp_path / f"{name}.json") for name in names)
    for number, path in (("1", one), ("2", two), ("3", three)):
        run_command(monkeypatch, "--students", "10", "--jobs", number, "--json", path)
    capsys.readouterr()
    run_command(monkeypatch, "--parts", two, one, "--json", both)
    found, first = (json.loads(Path(path).read_text()) for path in (both, one))
    assert found["jobs"] == [run["jobs"] for run in found["runs"]] == [1, 2]
    assert found["runs"][0] == first["runs"][0]
    assert found["kinds"] == first["kinds"]
    assert "2     60.0" in capsys.readouterr().out
    for parts, says in (
        ([one, one], r"The same jobs stand in two parts: they have \[1, 1\]\."),
        ([one, three], "points differ from one number of jobs"),
    ):
        with pytest.raises(SystemExit):
            run_command(monkeypatch, "--parts", *parts)
        assert re.search(says, capsys.readouterr().err)


def test_tables_that_differ_are_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "grade", fake_grade({1: 3, 2: 2}))
    monkeypatch.setattr(sandbox, "walls_stand", lambda: True)
    with pytest.raises(MachineError, match="points differ from one number of jobs"):
        measured.benchmark(2, NAME)


def test_without_walls_there_is_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "walls_stand", lambda: False)
    monkeypatch.setattr(sandbox, "advice", lambda: "Build walls.")
    with pytest.raises(MachineError, match=r"^Build walls\.$"):
        measured.benchmark(2, NAME)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--students", "0"], "a class has at least 1 student."),
        (["--jobs", "1", "0"], "at least 1 submission has to be graded at a time."),
        (["--exercises", "09_art"], "There are no exercises '09_art'; there are: 01_cnn, 02_gan,"),
        (["--seeds", "3"], "grading takes no --seeds."),
    ],
)
def test_bad_arguments_get_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    with pytest.raises(SystemExit):
        run_command(monkeypatch, *words)
    assert says in capsys.readouterr().err


def test_a_missing_library_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(self: Benchmark) -> Any:
        raise ModuleNotFoundError("No module named 'psutil'", name="psutil")

    monkeypatch.setattr(Benchmark, "load", missing)
    with pytest.raises(SystemExit):
        run_command(monkeypatch)
    assert "grading needs psutil, which comes with the course's extra `dev`" in (
        capsys.readouterr().err
    )


def test_the_stored_class_bears_out_what_the_page_says() -> None:
    found = json.loads((RESULTS / "grading.json").read_text(encoding="utf-8"))
    assert found["students"] == 300
    assert found["kinds"] == made_class.kinds(300)
    one, two = found["runs"]
    assert (one["jobs"], two["jobs"]) == (1, 2)
    each = one["each_seconds"]
    assert each["empty"] < each["half done"] < each["right"], "what answers compute is the rest"
    assert found["cell_seconds"] == 30
    assert each["never ends"] > 30
    assert found["limit_gib"] == 6
    limit = found["limit_gib"] * 2**30 / 1e6
    assert 0.8 * limit < one["peak"], "what fills the memory takes the limit"
    assert two["peak"] < 2 * limit + 3000
    assert one["again_seconds"] < one["seconds"] / 10
    assert two["seconds"] < one["seconds"]
    assert one["points"] == two["points"], "the same for each student"
    # When this ran, the memory stayed full, and it hung on the moment whether what followed failed,
    # which is "graded", or ran for ever, which is "look"; now the cell is left out, as
    # test_sandbox.py holds.
    hung = found["kinds"]["fills the memory"]
    assert all(sum(run["states"].values()) == 300 for run in (one, two))
    assert abs(one["states"]["look"] - two["states"]["look"]) <= hung
