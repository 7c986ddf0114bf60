"""The two editions of the exercises: nothing of a solution reaches a student."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from grading import __main__ as command
from grading import editions
from grading.assembly import Assembler, settings

ROOT = Path(__file__).resolve().parents[2]
NAMES = editions.names()
chapters = pytest.mark.parametrize("name", NAMES)


def solution_lines(name: str) -> set[str]:
    """Returns the lines that stand in a solution or a hidden test and nowhere else."""
    inside, outside, within = set(), set(), False
    for line in (ROOT / "exercises" / f"{name}.py").read_text(encoding="utf-8").splitlines():
        if "### BEGIN" in line:
            within = True
        elif "### END" in line:
            within = False
        else:
            (inside if within else outside).add(line.strip())
    return {line for line in inside - outside if len(line) > 12}


@chapters
def test_nothing_of_the_solutions_is_left_for_students(name: str) -> None:
    made = editions.make_editions(name)
    lines = solution_lines(name)
    assert len(lines) >= 10
    shown = {line.strip() for cell in made.student.cells for line in cell.source.splitlines()}
    assert not lines & shown
    kept = {line.strip() for cell in made.instructor.cells for line in cell.source.splitlines()}
    assert lines <= kept
    text = json.dumps(made.student, ensure_ascii=False)
    for word in ("SOLUTION", "HIDDEN", ".require()", "rounds="):
        assert word not in text
    for cell in made.student.cells:
        cell.source = ""  # what is left are the metadata and the outputs
    rest = json.dumps(made.student, ensure_ascii=False)
    assert not [line for line in lines if json.dumps(line, ensure_ascii=False)[1:-1] in rest]


@chapters
def test_the_students_edition_has_no_outputs_and_no_spare_metadata(name: str) -> None:
    student = editions.make_editions(name).student
    assert set(student.metadata) == {"kernelspec", "language_info", "aigc"}
    for cell in student.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
        assert set(cell.metadata) <= {"nbgrader", "deletable", "editable", "lines_to_next_cell"}
        known = {"grade", "grade_id", "locked", "points", "schema_version", "solution", "task"}
        assert set(settings(cell)) <= known | {"checksum", "cell_type"}


@chapters
def test_a_stub_stands_where_each_solution_was(name: str) -> None:
    for cell in editions.make_editions(name).student.cells:
        if settings(cell).get("solution"):
            assert "# YOUR CODE HERE" in cell.source
            # A student who runs the whole notebook is stopped by no stub.
            assert not cell.source.endswith("\nraise NotImplementedError()")
            compile(cell.source, "stub", "exec")


@chapters
def test_each_answer_can_be_told_by_its_names(name: str) -> None:
    names = list(Assembler(editions.make_editions(name).instructor).names.values())
    assert all(names)
    assert len(set().union(*names)) == sum(map(len, names)), "two exercises share a name"


def test_release_writes_both_editions_of_a_variant(tmp_path: Path) -> None:
    first = {p: p.read_bytes() for p in editions.release(tmp_path, variant=7)}
    assert {p.relative_to(tmp_path).as_posix() for p in first} == {
        f"{edition}/{name}.ipynb" for edition in ("student", "instructor") for name in NAMES
    }
    for path in first:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert notebook.metadata.aigc.variant == 7
        assert sum("VARIANT = 7\n" in f"{cell.source}\n" for cell in notebook.cells) == 1
    assert {p: p.read_bytes() for p in editions.release(tmp_path, variant=7)} == first


def test_unknown_exercises_are_named() -> None:
    with pytest.raises(ValueError, match=r"^There are no exercises '09_none'; there are: 01_cnn"):
        editions.make_editions("09_none")


def test_several_variants_are_released_into_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "BUILD", tmp_path)
    monkeypatch.setattr(editions, "names", lambda: ["02_gan"])
    assert command.main(["release", "--variant", "3,5"]) == 0
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.ipynb"))
    assert found == [f"{edition}/variant_{number}/02_gan.ipynb"
                     for edition in ("instructor", "student") for number in (3, 5)]  # fmt: skip
    for path in tmp_path.rglob("*.ipynb"):
        number = path.parent.name.removeprefix("variant_")
        assert f"VARIANT = {number}\\n" in path.read_text(encoding="utf-8")
    assert command.main(["release", "--variant", "any"]) == 1
    assert "Name the variants that are to be released" in capsys.readouterr().err
