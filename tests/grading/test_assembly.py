"""A student's cells between the released ones: what is taken, in which order, what is noted."""

from __future__ import annotations

import ast
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from submission_cases import (
    FUNCTION,
    NAME,
    VALUE,
    VARIANT,
    answer,
    at,
    copied,
    insert,
    solutions,
    strip,
)

from grading import editions
from grading.assembly import Assembler
from grading.student_code import added, completed, defined, parsed, without_missing


def answers_of(assembler: Assembler, submitted: Any) -> dict[str, str]:
    assembly = assembler.assemble(submitted)
    return {
        owner: cell.source
        for owner, cell in zip(assembly.owners, assembly.notebook.cells, strict=True)
        if owner
    }


def order(assembler: Assembler, submitted: Any) -> list[str]:
    """Returns for each cell of code who wrote it: the exercise, "own", or the check's name."""
    found = assembler.assemble(submitted)
    rows = zip(found.notebook.cells, found.owners, found.own, found.checks, found.again,
               strict=True)  # fmt: skip
    return [
        owner or ("own" if own else f"{check}?" + "again" * again if check else "released")
        for cell, owner, own, check, again in rows
        if cell.cell_type == "code"
    ]


def test_a_clean_submission_is_taken_as_it_is(
    assembler: Assembler, made: editions.Editions, solved: Any
) -> None:
    assert assembler.assemble(solved).notes == []
    assert answers_of(assembler, solved) == solutions(made)
    untouched = assembler.assemble(made.student)
    assert untouched.notes == []
    assert untouched.untried == list(solutions(made))
    found = assembler.assemble(solved)
    assert len(found.notebook.cells) == len(made.student.cells)
    assert found.untried == found.missing == []


def test_stripped_metadata_is_named_and_the_answers_are_found(
    assembler: Assembler, made: editions.Editions, solved: Any
) -> None:
    strip(solved)
    found = assembler.assemble(copied(solved))
    assert found.notes == ["The cells' metadata is lost; the answers were found by their names."]
    assert answers_of(assembler, solved) == solutions(made)
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
    stub = copied(made.student.cells[at(made.student, VALUE)])
    solved.cells.append(copied(stub))
    assert assembler.assemble(solved).notes == [f"2 cells answer {VALUE}; one of them was tried."]
    assert answers_of(assembler, solved)[VALUE] == solutions(made)[VALUE]
    changed = copied(stub)
    changed.source = f"{VALUE} = {{'probability': 1}}"
    solved.cells.append(changed)
    assert assembler.assemble(solved).notes == [f"3 cells answer {VALUE}; they run in their order."]
    assert order(assembler, solved)[-2:] == [VALUE, f"{VALUE}?again"]


def test_a_copied_cell_with_another_answer_in_it_counts_for_that(
    assembler: Assembler, made: editions.Editions, solved: Any
) -> None:
    place = at(solved, FUNCTION)
    taken = solved.cells.pop(place)
    stranger = copied(solved.cells[at(solved, VALUE)])  # carries another mark
    stranger.source = taken.source
    solved.cells.insert(place, stranger)
    assert answers_of(assembler, solved) == solutions(made)


def test_reordered_cells_are_named_and_put_back(
    assembler: Assembler, made: editions.Editions, solved: Any
) -> None:
    solved.cells.reverse()
    found = assembler.assemble(solved)
    assert found.notes == ["The answers stood in another order; they were put back in theirs."]
    assert [owner for owner in found.owners if owner] == list(solutions(made))


def test_two_answers_in_one_cell_are_named(assembler: Assembler, solved: Any) -> None:
    first, second = at(solved, VALUE), at(solved, FUNCTION)
    solved.cells[first].source += "\n\n" + solved.cells[second].source
    del solved.cells[second]
    assert assembler.assemble(solved).notes == [f"One cell holds the answers {VALUE}, {FUNCTION}."]


def test_a_students_own_cells_stay_where_they_stand(assembler: Assembler, solved: Any) -> None:
    insert(solved, at(solved, FUNCTION), "above = 1")
    insert(solved, at(solved, f"{FUNCTION}-check"), "below = 1")
    found = assembler.assemble(solved)
    assert found.notes == []
    rows = order(assembler, solved)
    place = rows.index(FUNCTION)
    assert rows[place - 2 : place + 3] == [
        f"{VALUE}?", "own", FUNCTION, "own", f"{FUNCTION}?",
    ]  # fmt: skip


def test_a_check_runs_again_where_the_student_ran_it(assembler: Assembler, solved: Any) -> None:
    place = at(solved, f"{VALUE}-check") + 1
    insert(solved, place, f'check("{VALUE}", {VALUE})', f"x = 1; check(\n  '{FUNCTION}', 1)")
    solved.cells.insert(place + 2, copied(solved.cells[at(solved, f"{VALUE}-check")]))
    rows = order(assembler, solved)
    place = rows.index(f"{VALUE}?")
    assert rows[place + 1 : place + 7] == [
        "own", f"{VALUE}?again", "own", f"{FUNCTION}?again", "own", f"{VALUE}?again",
    ]  # fmt: skip


def test_a_plain_notebook_repeats_no_check(assembler: Assembler, solved: Any) -> None:
    assert not any(assembler.assemble(solved).again)


def test_a_deleted_check_stands_below_the_cells_of_its_exercise(
    assembler: Assembler, solved: Any
) -> None:
    del solved.cells[at(solved, f"{VALUE}-check")]
    insert(solved, at(solved, FUNCTION), "helper = 1")
    rows = order(assembler, solved)
    place = rows.index(VALUE)
    assert rows[place : place + 4] == [VALUE, "own", f"{VALUE}?", FUNCTION]


def test_a_deleted_setup_comes_back_in_front(assembler: Assembler, solved: Any) -> None:
    del solved.cells[at(solved, "setup")]
    del solved.cells[at(solved, f"{VALUE}-given")]
    rows = order(assembler, solved)
    assert rows[: rows.index(VALUE)] == ["released"] * 3


def test_changed_released_cells_are_restored(
    assembler: Assembler, made: editions.Editions, solved: Any
) -> None:
    solved.cells[at(solved, f"{VALUE}-check")].source = "print('correct')"
    solved.cells[at(solved, "setup")].source += "\ncheck = lambda *a, **k: None"
    found = assembler.assemble(solved)
    assert "print('correct')" not in [cell.source for cell in found.notebook.cells]
    assert ".require()" in found.notebook.cells[at(found.notebook, f"{VALUE}-check")].source
    assert not any("lambda *a" in cell.source for cell in found.notebook.cells)


def test_each_check_is_opened_anew_with_the_variant_that_was_released(
    assembler: Assembler, solved: Any
) -> None:
    insert(solved, len(solved.cells), f"check('{VALUE}', {VALUE})")
    found = assembler.assemble(solved)
    opened = f'open_exercises("{NAME}", variant={VARIANT})'
    for cell, check in zip(found.notebook.cells, found.checks, strict=True):
        assert (opened in cell.source and "del sys.modules[_module]" in cell.source) == bool(check)


def test_another_variant_and_a_reach_for_the_checks_are_named(
    assembler: Assembler, solved: Any
) -> None:
    setup = solved.cells[at(solved, "setup")]
    setup.source = setup.source.replace(f"VARIANT = {VARIANT}", "VARIANT = 8")
    solved.cells[at(solved, VALUE)].source += "\nimport aigc_utils.exercises.checking"
    notes = assembler.assemble(solved).notes
    assert notes[0] == "The notebook says variant 8, and it is graded as 3."
    assert notes[1].startswith(f"Look at {VALUE}: it names 'aigc_utils.exercises'")


def test_a_stub_below_an_answer_does_not_undo_it(assembler: Assembler, solved: Any) -> None:
    stub = assembler.stubs[VALUE]
    solved.cells.insert(at(solved, f"{VALUE}-check"), new_code_cell(stub))
    sources = [cell.source for cell in assembler.assemble(solved).notebook.cells]
    assert stub not in sources


def test_an_answer_may_be_spread_over_cells(assembler: Assembler, solved: Any) -> None:
    answer(solved, VALUE, assembler.stubs[VALUE])
    insert(solved, at(solved, f"{VALUE}-check"), f'{VALUE}["probability"] = 0.5')
    found = assembler.assemble(solved)
    assert found.notes == []
    assert found.untried == []


# --- reading code ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("a = 1\nb, c = 2, 3\nd: int = 4\ndef f(x):\n    y = 1\nclass G: pass", "abcdfG"),
        ("sizes = {\ndef f(x:\n  y = 1\nif a == b: pass", ["sizes", "f"]),
        ("with x as a:\n    b = 1\nfor c in y: pass\nif z:\n    d = [e for e in y]", "abcd"),
        ('a["key"] = 1\nb.c = 2\nd += 1', "d"),
        ("%matplotlib inline\n!ls\na = 1\nb?\n??c", "a"),
        ("a = 1\x00", "a"),
        ("a = " + "(" * 5000, "a"),
        ("a = 1\n" * 60_000, "a"),
        ("# why?\na = 5 \\\n  % 3", "a"),
    ],
)
def test_names_are_found_in_broken_and_odd_code_too(source: str, names: Any) -> None:
    assert defined(source) == set(names)


def test_a_name_is_complete_when_its_last_value_is() -> None:
    assert completed("a = ...\nb = {'x': ...}\na = 1") == {"a"}
    assert completed("def f():\n    ...") == {"f"}


@pytest.mark.parametrize(
    ("source", "more"),
    [
        ("x = given('x')\nimport math", "import math"),
        ("x = 7", ""),
        ("x=given( 'x' )\n", ""),
        ("check = None\nVARIANT = 9\ny = 2", "y = 2"),
        ("from aigc_utils.exercises.old import thing\nfrom aigc_utils import gan",
         "from aigc_utils import gan"),
        ("x = (", ""),
        ("@torch.no_grad()\ndef f():\n    return x", "@torch.no_grad()\ndef f():\n    return x"),
    ],
)  # fmt: skip
def test_what_was_added_to_a_released_cell_is_found(source: str, more: str) -> None:
    assert added(source, "x = given('x')") == more


@pytest.mark.parametrize(
    ("source", "rest", "modules"),
    [
        ("import math\nx = 1", "import math\nx = 1", []),
        ("import pandaz\nx = 1", "pass\nx = 1", ["pandaz"]),
        ("import pandaz as pd, math as m\nx = 1", "import math as m\nx = 1", ["pandaz"]),
        ("import pandaz.core; é = '真'", "pass; é = '真'", ["pandaz"]),
        ("from pandaz import (\n  a,\n  b,\n)\nx = 1", "pass\n\n\n\nx = 1", ["pandaz"]),
        ("try:\n    import pandaz\nexcept ImportError:\n    pass", None, []),
        ("from . import pandaz", None, []),
        ("x = (", None, []),
    ],
)
def test_an_import_of_what_is_missing_is_left_out(
    source: str, rest: str | None, modules: list[str]
) -> None:
    assert without_missing(source) == (source if rest is None else rest, modules)


def test_a_notebook_keeps_its_form(assembler: Assembler, solved: Any) -> None:
    insert(solved, 3, "x = 1")
    nbformat.validate(assembler.assemble(solved).notebook)


class _Loop:
    """Garbage whose end runs Python code, so that another thread may take over."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        for _ in range(20):
            pass


def test_cells_of_several_submissions_are_parsed_at_a_time() -> None:
    """On Python 3.11.7 without the lock, a third of these calls end with SystemError."""
    source = Path(editions.__file__).read_text(encoding="utf-8")

    def work(_: int) -> int:
        garbage = [_Loop() for _ in range(50)]
        del garbage
        return len(parsed(source) or [])

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(3) as pool:
            counts = list(pool.map(work, range(90)))
    finally:
        sys.setswitchinterval(before)
    assert set(counts) == {len(ast.parse(source).body)}
