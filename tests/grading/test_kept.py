"""A class that is graded again: what is new is graded, and nothing is ever lost."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from submission_cases import FUNCTION, NAME, VALUE, VARIANT, copied, insert, write
from submission_cases.recorded import Recorder, record

from grading import editions, plan, report, tables
from grading.classes import Way, chosen, grade_class
from grading.kept import Kept, digest
from grading.marks import Result
from grading.plan import Plan
from grading.submissions import Submission, collect
from grading.variants import Released

PLAN = Plan(NAME, editions.source_text(NAME), Released((VARIANT,)))


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Runs nothing, and shows little of a notebook on its page: here neither is looked at."""
    monkeypatch.setattr(report, "_notebook", lambda executed: f"<p>{len(executed.cells)}</p>")
    return record(monkeypatch)


@pytest.fixture
def place(made: editions.Editions, solved: Any, tmp_path: Path) -> Path:
    """A class of three: two notebooks, and a file that is none."""
    folder = tmp_path / "class"
    write(folder / "=ann" / "a.ipynb", solved)
    write(folder / "bob" / "a.ipynb", made.student)
    (folder / "eve.ipynb").write_text("no notebook")
    return folder


def graded(place: Path, out: Path, way: Way | None = None, by: Plan = PLAN) -> list[str]:
    """Grades a class, and returns the lines for the instructor."""
    return list(grade_class(by, collect(place), out, way or Way(), lambda result: None))


def written(out: Path) -> tuple[bytes, dict[str, bytes]]:
    """Returns the table and the pages."""
    pages = {path.name: path.read_bytes() for path in (out / "feedback").iterdir()}
    return (out / "grades.csv").read_bytes(), pages


def test_only_what_is_new_or_changed_is_graded_again(
    recorder: Recorder, place: Path, solved: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert "graded again" not in graded(place, out)[0]
    first, runs = written(out), recorder.runs
    assert runs == 2
    assert len(first[1]) == 3
    for page in (out / "feedback").iterdir():
        page.unlink()
    assert graded(place, out)[0].startswith("3 of 3 are as they were")
    assert (recorder.runs, written(out)) == (runs, first)
    insert(solved, 3, "x = 1")
    write(place / "zoe" / "a.ipynb", solved)
    write(place / "bob" / "a.ipynb", solved)
    graded(place, out)
    assert recorder.runs == runs + 1, "bob's and zoe's notebooks are the same"
    graded(place, out, Way(again=True))
    assert recorder.runs == runs + 3
    assert len(list((out / "kept").iterdir())) == 4, "what no submission needs is removed"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "null",
        lambda text: json.dumps(json.loads(text) | {"body": 1}),
        lambda text: "[" * 100_000,
        lambda text: text.replace("html lang", "html lung"),
        lambda text: resigned(text, lambda body: body | {"unheard_of": 1}),
        lambda text: resigned(text, lambda body: body | {"page": ""}),
        lambda text: resigned(text, lambda body: {}),
        lambda text: text.replace('"key": "', '"key": "0'),
    ],
    ids=[
        "empty",
        "half",
        "null",
        "no text",
        "deep",
        "changed",
        "newer",
        "no page",
        "nothing",
        "another's",
    ],
)
def test_a_damaged_file_loses_no_row_no_page_and_no_reason(
    damage: Any, recorder: Recorder, place: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    graded(place, out)
    first, runs = written(out), recorder.runs
    for path in (out / "kept").iterdir():
        text = path.read_text(encoding="utf-8")
        path.write_text(damage(text), encoding="utf-8")
        assert path.read_text(encoding="utf-8") != text
    assert "as they were" not in graded(place, out)[0]
    assert (recorder.runs, written(out)) == (2 * runs, first)


def resigned(text: str, change: Any) -> str:
    """Returns a kept file with another body and the sum that fits it."""
    found = json.loads(text)
    body = json.dumps(change(json.loads(found["body"])))
    return json.dumps(
        {"key": found["key"], "sum": hashlib.sha256(body.encode()).hexdigest(), "body": body}
    )


def test_what_is_kept_of_one_submission_is_no_other_ones(tmp_path: Path) -> None:
    kept = Kept(tmp_path, "one")
    kept.store("ann", Result("ann", page="<p>"))
    kept.place("bob").write_bytes(kept.place("ann").read_bytes())
    assert (kept.load("ann") or Result("")).student == "ann"
    assert kept.load("bob") is None
    assert Kept(tmp_path, "two").load("ann") is None
    kept.place("eve").mkdir()
    assert kept.load("eve") is None
    kept.store("eve", Result("eve", page="<p>"))  # what can't be written is not kept


def test_what_is_kept_depends_on_all_that_a_grade_depends_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {PLAN.fingerprint()}
    for changed in (
        replace(PLAN, text=PLAN.text + "\n# another hidden test"),
        replace(PLAN, released=Released((VARIANT + 1,))),
        replace(PLAN, limits=replace(PLAN.limits, cell_seconds=1)),
        replace(PLAN, walls=False),
    ):
        known.add(changed.fingerprint())
    for name in ("course", "installed"):
        with monkeypatch.context() as patch:
            patch.setattr(plan, name, lambda: "another")
            known.add(PLAN.fingerprint())
    assert len(known) == 7
    assert any(one.startswith("nbgrader-") for one in plan.installed())


def test_a_submissions_number_changes_with_what_it_holds(place: Path) -> None:
    ann, bob, eve = collect(place)
    numbers = {digest(one) for one in (ann, bob, eve)}
    ann.attempts[0].late = "yes"
    numbers.add(digest(ann))
    ann.student = "\ud800"
    numbers.add(digest(ann))
    bob.attempts = bob.attempts * 2
    numbers.add(digest(bob))
    eve.notes.append("a note")
    numbers.add(digest(eve))
    assert len(numbers) == 7


def test_what_says_nothing_of_the_submission_is_not_kept(
    recorder: Recorder, place: Path, tmp_path: Path
) -> None:
    recorder.problem = "The submission was still running after 300 s."
    graded(place, tmp_path / "out")
    assert len(list((tmp_path / "out" / "kept").iterdir())) == 1, "the file that is no notebook"
    recorder.problem = ""
    graded(place, tmp_path / "out")
    assert tables.read(tmp_path / "out" / "grades.csv").rows[0]["state"] == "graded"


def test_without_walls_nothing_is_kept(recorder: Recorder, place: Path, tmp_path: Path) -> None:
    graded(place, tmp_path / "out", by=replace(PLAN, walls=False))
    assert not (tmp_path / "out" / "kept").exists()


# --- one student ------------------------------------------------------------------------------


def test_one_student_is_graded_again_and_the_others_rows_stay(
    recorder: Recorder, place: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    graded(place, out)
    before = tables.read(out / "grades.csv")
    before.rows[1]["notes"] = "by hand, after a talk"
    tables.write(before, out / "grades.csv")
    recorder.problem = "The submission was still running after 300 s."
    graded(place, out, Way(only="=ann"))
    after = tables.read(out / "grades.csv")
    assert after.header == before.header
    assert [row["student"] for row in after.rows] == ["=ann", "bob", "eve"]
    assert after.rows[1:] == before.rows[1:]
    assert (after.rows[0]["points"], after.rows[0]["state"]) == ("", "not graded")
    assert recorder.runs == 3
    page = (out / "feedback" / "_ann.html").read_text(encoding="utf-8")
    assert "This submission could not be graded" in page


def test_a_table_of_other_exercises_is_not_mixed(
    recorder: Recorder, place: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    other = tables.Table(["student", "points", "out of", "conv", "state", "notes"], [])
    tables.write(other, tmp_path / "out" / "grades.csv")
    with pytest.raises(ValueError, match=r"of other exercises \(conv\): name another folder"):
        graded(place, tmp_path / "out", Way(only="bob"))
    assert recorder.runs == 0


def test_a_student_who_is_not_there_is_named() -> None:
    class_ = [Submission("Ann Lee", "7"), Submission("Bob", "Ann Lee"), Submission("Zoë", "9")]
    assert chosen(class_, "9") == [class_[2]]
    with pytest.raises(ValueError, match="'Ann Lee' is Ann Lee and Bob: name one"):
        chosen(class_, "Ann Lee")
    with pytest.raises(
        ValueError, match=r"^There is no submission of 'ann lee'\. Did you mean Ann"
    ):
        chosen(class_, "ann lee")


# --- variants ---------------------------------------------------------------------------------


def test_each_notebook_is_graded_by_the_variant_that_it_names(
    recorder: Recorder, made: editions.Editions, tmp_path: Path
) -> None:
    for student, variant in [("ann", 3), ("bob", 5), ("eve", 9), ("zoe", None)]:
        notebook = copied(made.student)
        for cell in notebook.cells:
            line = "" if variant is None else f"VARIANT = {variant}"
            cell.source = cell.source.replace(f"VARIANT = {VARIANT}", line)
        write(tmp_path / "class" / student / "a.ipynb", notebook)
    graded(tmp_path / "class", tmp_path / "out", by=replace(PLAN, released=Released((3, 4, 5))))
    rows = {row["student"]: row for row in tables.read(tmp_path / "out" / "grades.csv").rows}
    assert [(row["variant"], row["state"]) for row in rows.values()] == [
        ("3", "graded"), ("5", "graded"), ("", "not graded"), ("", "not graded"),
    ]  # fmt: skip
    assert rows["eve"]["notes"].endswith("says variant 9, and 3-5 were released.")
    assert "names no variant" in rows["zoe"]["notes"]
    told = {cell["source"] for cells in recorder.ran for cell in cells if cell["check"]}
    assert len(recorder.ran) == 2
    for variant in (3, 5):
        assert any(f"variant={variant})" in source for source in told)
    assert rows["ann"][VALUE] != ""
    assert rows["ann"][FUNCTION] != ""


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("7", (7,)), ("1-3", (1, 2, 3)), (" 9, 1 - 2,9", (1, 2, 9)), ("any", ())],
)
def test_variants_are_read(text: str, numbers: tuple[int, ...]) -> None:
    found = Released.read(text)
    assert found.numbers == numbers
    assert found.several == (numbers != (7,))
    assert 4_711 in found or numbers


@pytest.mark.parametrize("text", ["", "a", "3-1", "1-", "-1", "1;2", "0-999999999", "1.5"])
def test_what_names_no_variants_is_refused(text: str) -> None:
    with pytest.raises(Exception, match="names no variants: write 7, 1,4,9, 1-20 or any"):
        Released.read(text)
