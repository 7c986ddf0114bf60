"""The two editions of the exercises, and the grader, from a folder of submissions to points."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from grading import editions, report, sandbox, submissions
from grading.assembly import Assembler, defined, settings
from grading.grade import Grader, Mark, Result

ROOT = Path(__file__).resolve().parents[2]
NAMES = editions.names()
NAME = "02_gan"
VALUE, FUNCTION = "best_guess", "generator_loss"  # an answer of numbers, and a function
VARIANT = 3

chapters = pytest.mark.parametrize("name", NAMES)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")


def copied(notebook: Any) -> Any:
    return nbformat.from_dict(notebook)


@pytest.fixture(scope="module")
def made() -> editions.Editions:
    return editions.make_editions(NAME, VARIANT)


@pytest.fixture
def solved(made: editions.Editions) -> Any:
    """A perfect submission: the student's edition with the solutions in the answer cells."""
    notebook, answers = copied(made.student), solutions(made)
    for cell in notebook.cells:
        if settings(cell).get("solution"):
            cell.source = answers[settings(cell)["grade_id"]]
    return notebook


def solutions(made: editions.Editions) -> dict[str, str]:
    """Returns each answer cell's text with the solution, as a student would write it."""
    found = {}
    for cell in made.instructor.cells:
        if settings(cell).get("solution"):
            lines = [line for line in cell.source.splitlines() if " SOLUTION" not in line]
            found[settings(cell)["grade_id"]] = "\n".join(lines)
    return found


# --- the editions ---------------------------------------------------------------------------


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


# --- finding submissions --------------------------------------------------------------------


def write(path: Path, notebook: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def test_submissions_are_found_flat_in_folders_and_in_a_zip(solved: Any, tmp_path: Path) -> None:
    place = tmp_path / "in"
    write(place / "ann.ipynb", solved)
    write(place / "bob" / "ps1" / "a.ipynb", solved)
    write(place / "bob" / ".ipynb_checkpoints" / "a.ipynb", solved)
    write(place / "Łucja Ż_123_assign" / "a.ipynb", solved)
    (place / ".DS_Store").write_text("x")
    found = submissions.collect(place)
    assert [s.student for s in found] == ["ann", "bob", "Łucja Ż_123_assign"]
    assert all(s.notebook is not None and not s.notes for s in found)
    packed = shutil.make_archive(str(tmp_path / "all"), "zip", place)
    assert [s.student for s in submissions.collect(Path(packed))] == [s.student for s in found]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "The file is empty."),
        (b'{"cells": [', "The file is cut short or no notebook at all."),
        (b"\xff\xfe\x00", "The file is cut short or no notebook at all."),
        (b'{"a": 1}', "The file is no Jupyter notebook"),
        (b"[]", "The file is no Jupyter notebook"),
        (b" " * 10 + b"x" * 20_000_001, "The file is larger than 20 MB."),
    ],
    ids=["empty", "cut", "binary", "other", "list", "large"],
)
def test_a_damaged_submission_is_named(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "eve.ipynb").write_bytes(content)
    (found,) = submissions.collect(tmp_path)
    assert (found.student, found.notebook) == ("eve", None)
    assert found.notes[0].startswith(says)


def test_what_is_no_notebook_and_what_is_twice_is_named(solved: Any, tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "answers.docx").write_text("x")
    write(tmp_path / "bob" / "1.ipynb", solved)
    write(tmp_path / "bob" / "2.ipynb", solved)
    ann, bob = submissions.collect(tmp_path)
    assert ann.notes == ["There is no notebook, only ann/answers.docx."]
    assert bob.notes == ["There are 2 notebooks; bob/2.ipynb is graded, the last by name."]


def test_a_link_to_another_file_is_not_followed(solved: Any, tmp_path: Path) -> None:
    write(tmp_path / "other" / "ann.ipynb", solved)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "eve.ipynb").symlink_to(tmp_path / "other" / "ann.ipynb")
    (found,) = submissions.collect(tmp_path / "in")
    assert found.notes == ["The file is a link or can't be read."]


def test_a_missing_empty_or_damaged_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.zip").write_bytes(b"PK no")
    for name, says in [
        ("none", "There is no folder"),
        ("empty", "There is no submission in empty"),
        ("bad.zip", "The ZIP file"),
        ("none.zip", "The ZIP file"),
    ]:
        with pytest.raises(submissions.SubmissionError, match=says):
            submissions.collect(tmp_path / name)


def test_a_path_in_a_zip_leads_nowhere(solved: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("/../../eve.ipynb", nbformat.writes(solved))
    with pytest.raises(submissions.SubmissionError, match=r"^There is no submission in x\.zip"):
        submissions.collect(tmp_path / "x.zip")
    assert [p.name for p in tmp_path.iterdir()] == ["x.zip"]


# --- putting answers in their places --------------------------------------------------------


@pytest.fixture
def assembler(made: editions.Editions) -> Assembler:
    return Assembler(made.instructor)


def answers_of(assembler: Assembler, submitted: Any) -> dict[str, str]:
    assembly = assembler.assemble(submitted)
    return {
        owner: cell.source
        for owner, cell in zip(assembly.owners, assembly.notebook.cells, strict=True)
        if owner
    }


def at(notebook: Any, grade_id: str) -> int:
    return next(i for i, c in enumerate(notebook.cells) if settings(c).get("grade_id") == grade_id)


def test_a_clean_submission_is_taken_as_it_is(
    assembler: Assembler, made: editions.Editions, solved: Any
) -> None:
    assert assembler.assemble(solved).notes == []
    assert answers_of(assembler, solved) == solutions(made)
    assert assembler.assemble(made.student).notes == []


def strip(notebook: Any) -> Any:
    """What a trip through Colab may do: no nbgrader metadata, new ids."""
    for number, cell in enumerate(notebook.cells):
        cell.metadata = nbformat.from_dict({"id": f"colab{number}"})
        cell.id = f"colab{number}"
    notebook.metadata = nbformat.from_dict({"colab": {"provenance": []}})
    return notebook


def test_stripped_metadata_is_named_and_the_answers_are_found(
    assembler: Assembler, made: editions.Editions, solved: Any
) -> None:
    found = assembler.assemble(strip(copied(solved)))
    assert found.notes == ["The cells' metadata is lost; the answers were found by their names."]
    assert answers_of(assembler, strip(copied(solved))) == solutions(made)
    assert len(found.notebook.cells) == len(made.student.cells), "no cell of a student's own"


def test_a_deleted_cell_is_named(assembler: Assembler, solved: Any) -> None:
    del solved.cells[at(solved, VALUE)]
    del solved.cells[at(solved, f"{FUNCTION}-check")]  # a released cell comes back by itself
    found = assembler.assemble(solved)
    assert found.notes == [f"The answer cell of {VALUE} is missing."]
    assert found.missing == [VALUE]
    assert at(found.notebook, f"{FUNCTION}-check")


def test_a_copied_cell_is_named_and_the_tried_one_counts(
    assembler: Assembler, made: editions.Editions, solved: Any
) -> None:
    stub = next(c for c in made.student.cells if settings(c).get("grade_id") == VALUE)
    solved.cells.append(copied(stub))
    assert assembler.assemble(solved).notes == [f"2 cells answer {VALUE}; one of them was tried."]
    assert answers_of(assembler, solved)[VALUE] == solutions(made)[VALUE]
    changed = copied(stub)
    changed.source = f"{VALUE} = {{'probability': 1}}"
    solved.cells.append(changed)
    assert assembler.assemble(solved).notes == [f"3 cells answer {VALUE}; the last one is graded."]
    assert answers_of(assembler, solved)[VALUE] == changed.source


def test_a_copied_cell_with_another_answer_in_it_counts_for_that(
    assembler: Assembler, made: editions.Editions, solved: Any
) -> None:
    place = at(solved, FUNCTION)
    answer = solved.cells.pop(place)
    stranger = copied(solved.cells[at(solved, VALUE)])  # carries another mark
    stranger.source = answer.source
    solved.cells.insert(place, stranger)
    assert answers_of(assembler, solved) == solutions(made)


def test_reordered_cells_are_named_and_put_back(
    assembler: Assembler, made: editions.Editions, solved: Any
) -> None:
    solved.cells.reverse()
    found = assembler.assemble(solved)
    assert found.notes == ["The answers stood in another order; they were put back in theirs."]
    order = [owner for owner in found.owners if owner]
    assert order == list(solutions(made))


def test_two_answers_in_one_cell_are_named(assembler: Assembler, solved: Any) -> None:
    first, second = at(solved, VALUE), at(solved, FUNCTION)
    solved.cells[first].source += "\n\n" + solved.cells[second].source
    del solved.cells[second]
    assert assembler.assemble(solved).notes == [f"One cell holds the answers {VALUE}, {FUNCTION}."]


def test_a_students_own_cells_stay_before_the_answer_that_needs_them(
    assembler: Assembler, solved: Any
) -> None:
    solved.cells.insert(at(solved, FUNCTION), new_code_cell("import math"))
    found = assembler.assemble(solved)
    sources = [cell.source for cell in found.notebook.cells]
    assert sources.index("import math") == found.owners.index(FUNCTION) - 1
    assert found.notes == []


def test_changed_released_cells_are_restored(
    assembler: Assembler, made: editions.Editions, solved: Any
) -> None:
    solved.cells[at(solved, f"{VALUE}-check")].source = "print('correct')"
    solved.cells[at(solved, "setup")].source += "\ncheck = lambda *a, **k: None"
    found = assembler.assemble(solved)
    assert "print('correct')" not in [cell.source for cell in found.notebook.cells]
    assert ".require()" in found.notebook.cells[at(found.notebook, f"{VALUE}-check")].source
    assert "lambda *a" not in found.notebook.cells[at(found.notebook, "setup")].source


def test_another_variant_and_a_reach_for_the_checks_are_named(
    assembler: Assembler, solved: Any
) -> None:
    setup = solved.cells[at(solved, "setup")]
    setup.source = setup.source.replace(f"VARIANT = {VARIANT}", "VARIANT = 8")
    solved.cells[at(solved, VALUE)].source += "\nimport aigc_utils.exercises.checking"
    notes = assembler.assemble(solved).notes
    assert notes[0] == "The notebook says variant 8, and it is graded as 3."
    assert notes[1].startswith(f"Look at {VALUE}: it names 'aigc_utils.exercises'")


def test_names_are_found_in_broken_code_too() -> None:
    assert defined("a = 1\nb, c = 2, 3\nd: int = 4\ndef f(x):\n    y = 1\nclass G: pass") == {
        "a", "b", "c", "d", "f", "G",
    }  # fmt: skip
    assert defined("sizes = {\ndef f(x:\n  y = 1\nif a == b: pass") == {"sizes", "f"}


# --- the sandbox ----------------------------------------------------------------------------

PRYING = """
import glob, os, socket
found = {}
try:
    socket.create_connection(("192.0.2.1", 80), timeout=2)
    found["network"] = "open"
except OSError as error:
    found["network"] = type(error).__name__
found["secret"] = os.path.exists(SECRET)
found["others"] = glob.glob(OTHERS + "/*")
found["home"] = os.path.expanduser("~")
try:
    open(PACKAGE + "/written", "w")
    found["package"] = "writable"
except OSError:
    found["package"] = "read-only"
try:
    block = bytearray(3 << 30)
    found["memory"] = "unlimited"
except MemoryError:
    found["memory"] = "limited"
found["environment"] = sorted(k for k in os.environ if k.startswith("AIGC_"))
print(found)
"""


@on_linux
def test_the_sandbox_hides_network_files_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_SECRET", "key")
    secret, others, folder = tmp_path / "secret", tmp_path / "others", tmp_path / "run"
    secret.write_text("grades")
    write(others / "ann.ipynb", nbformat.v4.new_notebook())
    names = f"SECRET, OTHERS = {str(secret)!r}, {str(others)!r}\n"
    names += f"PACKAGE = {str(ROOT / 'aigc_utils')!r}\n"
    notebook = nbformat.v4.new_notebook(cells=[new_code_cell(names + PRYING)])
    write(folder / "notebook.ipynb", notebook)
    assert sandbox.run(folder, sandbox.Limits(memory_gib=2)) == ""
    (cell,) = nbformat.read(folder / "executed.ipynb", as_version=4).cells
    found = eval(cell.outputs[0].text)
    assert found.pop("network") in ("OSError", "ConnectionRefusedError", "PermissionError")
    assert found == {
        "secret": False, "others": [], "home": "/scratch", "package": "read-only",
        "memory": "limited", "environment": [],
    }  # fmt: skip


def test_without_walls_nothing_is_graded(
    monkeypatch: pytest.MonkeyPatch, made: editions.Editions
) -> None:
    monkeypatch.setattr(sandbox, "walls_stand", lambda: False)
    with pytest.raises(sandbox.SandboxError, match=r"^Submissions run only behind walls: install"):
        Grader(made.instructor)


@on_linux
def test_a_run_that_outlasts_its_time_is_ended(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[new_code_cell("while True: pass")])
    write(tmp_path / "notebook.ipynb", notebook)
    limits = sandbox.Limits(cell_seconds=1, seconds=1)
    assert sandbox.run(tmp_path, limits).startswith("The run ended without a result: TimeoutError")


# --- from a folder to points ----------------------------------------------------------------

Change = Callable[[Any], None]


def answer(notebook: Any, name: str, source: str) -> None:
    notebook.cells[at(notebook, name)].source = source


def halve(notebook: Any) -> None:
    answer(notebook, FUNCTION, f"def {FUNCTION}(logits, saturating):\n    return logits")


def loop(notebook: Any) -> None:
    answer(notebook, VALUE, "while True:\n    pass")


def crash(notebook: Any) -> None:
    answer(notebook, VALUE, "import os\nos._exit(1)")


def misspell(notebook: Any) -> None:
    answer(notebook, VALUE, f"{VALUE} = {{")


def warn(notebook: Any) -> None:
    """Prints to the error stream from inside the answer, which is no failure."""
    cell = notebook.cells[at(notebook, FUNCTION)]
    first, *rest = cell.source.splitlines()
    told = "    import warnings, sys; print('hm', file=sys.stderr); warnings.warn('old')"
    cell.source = "\n".join([first, told, *rest])


def cheat(notebook: Any) -> None:
    """Gives no answer, and makes every outcome correct."""
    source = "from aigc_utils.exercises import checking\n"
    source += f"{VALUE} = {{'probability': 0, 'accuracy': 0, 'accuracy_at_the_end': 0}}\n"
    source += "checking.expect = lambda *a: None\nchecking.Outcome.require = lambda self: None\n"
    source += "check = lambda *a, **k: None"
    answer(notebook, VALUE, source)


CLASS: dict[str, Change] = {
    "solved": lambda n: None,
    "halved": halve,
    "stripped": lambda n: strip(n) and None,
    "reordered": lambda n: n.cells.reverse(),
    "deleted": lambda n: n.cells.pop(at(n, VALUE)) and None,
    "loop": loop,
    "crash": crash,
    "misspelt": misspell,
    "warning": warn,
    "cheat": cheat,
}


@pytest.fixture(scope="module")
def graded(
    made: editions.Editions, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, dict[str, str]], Path]:
    """A class's submissions, graded by the documented command: the table's rows, the folder."""
    if sys.platform != "linux":
        pytest.skip("the sandbox is Linux's")
    place, out = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("grades")
    perfect = copied(made.student)
    for cell in perfect.cells:
        if settings(cell).get("solution"):
            cell.source = solutions(made)[settings(cell)["grade_id"]]
    for student, change in CLASS.items():
        notebook = copied(perfect)
        change(notebook)
        write(place / student / f"{NAME}.ipynb", notebook)
    write(place / "untouched.ipynb", made.student)
    (place / "broken.ipynb").write_text('{"cells": [')
    write(place / "stranger.ipynb", nbformat.v4.new_notebook(cells=[new_code_cell("x = 1")]))
    command = [
        sys.executable, "-m", "grading", "grade", str(place), "--exercises", NAME,
        "--variant", str(VARIANT), "--out", str(out), "--jobs", "2", "--cell-seconds", "10",
    ]  # fmt: skip
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}, out


def points(row: dict[str, str], *without: str) -> float:
    names = [n for n in row if n not in ("student", "points", "out of", "state", "notes")]
    return sum(float(row[name]) for name in names if name not in without)


def test_every_submission_has_its_row_and_its_page(graded: Any) -> None:
    rows, out = graded
    everybody = {*CLASS, "untouched", "broken", "stranger"}
    assert set(rows) == everybody
    assert {p.stem for p in (out / "feedback").iterdir()} == everybody


def test_an_untouched_submission_gets_0_and_the_solution_full_points(graded: Any) -> None:
    rows, _ = graded
    full = rows["solved"]["out of"]
    assert float(full) > 0
    assert (rows["untouched"]["points"], rows["untouched"]["state"]) == ("0", "graded")
    assert (rows["solved"]["points"], rows["solved"]["state"]) == (full, "graded")
    assert rows["solved"]["notes"] == ""


def test_a_part_gets_what_it_earned(graded: Any) -> None:
    rows, _ = graded
    assert rows["halved"][FUNCTION] == "0"
    for name in ("halved", "misspelt", "deleted", "loop", "crash", "cheat"):
        lost = FUNCTION if name == "halved" else VALUE
        assert rows[name][lost] == "0"
        assert float(rows[name]["points"]) == points(rows["solved"], lost), rows[name]


@pytest.mark.parametrize("name", ["stripped", "reordered", "warning"])
def test_no_point_is_lost_on_the_way(graded: Any, name: str) -> None:
    rows, _ = graded
    assert rows[name]["points"] == rows["solved"]["out of"], rows[name]


@pytest.mark.parametrize(
    ("name", "state", "says"),
    [
        ("stripped", "look", "metadata is lost"),
        ("reordered", "look", "another order"),
        ("deleted", "look", f"The answer cell of {VALUE} is missing."),
        ("loop", "look", f"{VALUE}: The cell was still running after 10 s."),
        ("crash", "look", f"{VALUE}: The cell ended the kernel."),
        ("cheat", "look", f"Look at {VALUE}: it names 'aigc_utils.exercises'"),
        ("broken", "not graded", "cut short"),
        ("stranger", "not graded", f"No answer of {NAME} is in this notebook."),
    ],
)
def test_what_is_wrong_is_named(graded: Any, name: str, state: str, says: str) -> None:
    rows, out = graded
    assert rows[name]["state"] == state
    assert says in rows[name]["notes"]
    assert (rows[name]["points"] == "") == (state == "not graded"), "never silently 0"
    assert says.split("'")[0] in (out / "feedback" / f"{name}.html").read_text(encoding="utf-8")


def test_the_feedback_says_what_the_checks_said_and_shows_no_hidden_test(graded: Any) -> None:
    _, out = graded
    text = (out / "feedback" / "halved.html").read_text(encoding="utf-8")
    assert FUNCTION in text
    assert "must have the shape" in text
    for word in (".require()", "HIDDEN", "<script", "sys.modules"):
        assert word not in text


@pytest.mark.parametrize("name", [n for n in NAMES if n != NAME])
@on_linux
def test_the_other_chapters_solutions_get_full_points(name: str) -> None:
    made = editions.make_editions(name)
    grader = Grader(made.instructor)
    notebook = copied(made.student)
    for cell in notebook.cells:
        if settings(cell).get("solution"):
            cell.source = solutions(made)[settings(cell)["grade_id"]]
    people = [("solved", notebook), ("untouched", made.student)]
    handed_in = [submissions.Submission(student, nb) for student, nb in people]
    solved, untouched = grader.grade_all(handed_in, jobs=2)
    assert solved.points == sum(grader.exercises.values()), solved.marks
    assert (solved.state, untouched.state, untouched.points) == ("graded", "graded", 0)


# --- the report -----------------------------------------------------------------------------


def test_the_table_and_the_pages_hold_no_formula_and_no_script(tmp_path: Path) -> None:
    output = nbformat.v4.new_output("display_data", {"text/html": "<script>alert(1)</script>"})
    cell = new_code_cell("x", outputs=[output])
    cell.metadata["nbgrader"] = {}
    executed = nbformat.v4.new_notebook(cells=[cell])
    mark = Mark(VALUE, 1, 2, "<script>alert(2)</script>")
    result = Result("=cmd()", [mark], ["+1"], executed)
    report.write_report([result], {VALUE: 2.0}, tmp_path)
    text = (tmp_path / "grades.csv").read_text(encoding="utf-8-sig")
    assert text.splitlines()[1] == "'=cmd(),1,2,1,look,'+1"
    (page,) = (tmp_path / "feedback").iterdir()
    assert "<script" not in page.read_text(encoding="utf-8")


# --- with nbgrader itself -------------------------------------------------------------------


@pytest.mark.slow
def test_nbgrader_itself_releases_and_grades_the_instructors_edition(
    made: editions.Editions, solved: Any, tmp_path: Path
) -> None:
    write(tmp_path / "source" / "ps1" / f"{NAME}.ipynb", made.instructor)

    def nbgrader(*words: str) -> None:
        command = [sys.executable, "-m", "nbgrader", *words, "--course", "aigc"]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        run = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": path},  # nbgrader starts alembic by its name
        )  # fmt: skip
        assert run.returncode == 0, run.stderr

    nbgrader("generate_assignment", "ps1", "--create")
    released = nbformat.read(tmp_path / "release" / "ps1" / f"{NAME}.ipynb", as_version=4)
    assert "SOLUTION" not in json.dumps(released)
    halve(solved)
    write(tmp_path / "submitted" / "ann" / "ps1" / f"{NAME}.ipynb", solved)
    nbgrader("autograde", "ps1", "--create")
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as book:
        found = book.find_submission_notebook(NAME, "ps1", "ann")
        lost = {g.name for g in found.grades if g.auto_score == 0}
    assert lost == {f"{FUNCTION}-check"}
