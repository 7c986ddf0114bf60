"""The exercises: their checks refuse what is wrong in the right words, and accept what is right."""

from __future__ import annotations

import re
import sys
import time
from functools import cache
from importlib import import_module
from typing import Any

import pytest
from exercise_cases import Case, cases_of
from exercise_notebooks import NAMES, ROOT, code_cells, nbgrader, run
from turns import PROVE, in_turn

import aigc_utils
from aigc_utils.exercises import checking
from aigc_utils.exercises.chapter import Desk, Exercise, chapter_names, find_chapter

SEEDS = range(20)
#: What the exercises and their checks are made of: where it changes, each variant is tried.
MADE_OF = (
    "aigc_utils", "exercises", "pyproject.toml", "tests/exercise_cases",
    "tests/exercise_notebooks.py", "tests/exercises", "tests/turns.py",
)  # fmt: skip
#: The variants of this run: of three each answer is tried in one, of twenty the solutions in five.
ANSWERED, SOLVED = in_turn(range(3), 3, MADE_OF), in_turn(SEEDS, 4, MADE_OF)
# A solution that trains a network takes seconds: in all variants only where `make prove` asks, in
# this one in its turn. The notebooks that are run for the book train in variant 0.
TRAINED = SEEDS if PROVE else (1,)
#: Variants whose answers are tried in each other.
EXCHANGED = SEEDS if PROVE else range(8)
CASES = {name: cases_of(name) for name in NAMES}
RIGHT = [case for cases in CASES.values() for case in cases.right_ones]
WRONG = [case for cases in CASES.values() for case in cases.wrong_ones]
TRAINS = {
    (name, e.name) for name in NAMES for e in find_chapter(name).exercises.values() if e.optimizes
}
#: Each answer with a variant in which it is tried.
RIGHT_TRIED = [
    pytest.param(case, variant, id=f"{variant}-{case}")
    for case in RIGHT
    for variant in ANSWERED
    if PROVE or variant == 0 or (case.chapter, case.exercise) not in TRAINS
]
WRONG_TRIED = [
    pytest.param(case, variant, id=f"{variant}-{case}") for case in WRONG for variant in ANSWERED
]
EXERCISES = [(name, e) for name in NAMES for e in find_chapter(name).exercises.values()]
KINDS = {"predict", "complete", "write", "mend", "explain"}

chapters = pytest.mark.parametrize("name", NAMES)
exercises = pytest.mark.parametrize(
    ("chapter", "exercise"), EXERCISES, ids=[f"{name}-{e.name}" for name, e in EXERCISES]
)


def outcome(case: Case, variant: int, rounds: int = 1) -> checking.Outcome:
    desk = Desk(case.chapter, variant)
    answer = case.answer(desk.given(case.exercise))
    start = time.process_time()  # others may be using this machine too
    found = desk.check(case.exercise, *answer, rounds=rounds)
    assert time.process_time() - start < 0.75 * checking.LIMIT_SECONDS * rounds
    return found


def holds_a_function(answer: Any) -> bool:
    return callable(answer) or (isinstance(answer, tuple) and any(map(callable, answer)))


# --- the checks -----------------------------------------------------------------------------


@pytest.mark.parametrize(("case", "variant"), RIGHT_TRIED)
def test_a_right_answer_is_accepted(case: Case, variant: int) -> None:
    found = outcome(case, variant, rounds=2)
    assert found.status == "correct", str(found)


@pytest.mark.parametrize(("case", "variant"), WRONG_TRIED)
def test_a_wrong_answer_is_refused_in_the_right_words(case: Case, variant: int) -> None:
    found = outcome(case, variant)
    assert found.status == "not yet", str(found)
    assert re.search(case.says, found.message), str(found)


@exercises
def test_each_exercise_has_enough_cases(chapter: str, exercise: Exercise) -> None:
    right = [c for c in CASES[chapter].right_ones if c.exercise == exercise.name]
    wrong = [c for c in CASES[chapter].wrong_ones if c.exercise == exercise.name]
    assert len(right) >= 2
    assert len(wrong) >= 4
    assert len({case.says for case in wrong}) >= 3, "the messages must tell mistakes apart"
    assert all(len(case.says) >= 8 for case in wrong)


def test_each_case_belongs_to_an_exercise() -> None:
    for case in [*RIGHT, *WRONG]:
        assert case.exercise in find_chapter(case.chapter).exercises


def stop_with_an_error(*args: Any, **kwargs: Any) -> None:
    raise ValueError("no idea")


def never_end(*args: Any, **kwargs: Any) -> None:
    while True:
        pass


def leave(*args: Any, **kwargs: Any) -> None:
    raise SystemExit


ODD = {"None": None, "a text": "answer", "an object": object(), "nothing": [], "an int": 7}


@exercises
def test_an_odd_answer_is_reported_not_raised(chapter: str, exercise: Exercise) -> None:
    parts = len(first_right(chapter, exercise))
    for odd in ODD.values():
        found = Desk(chapter).check(exercise.name, *[odd] * parts)
        assert found.status in ("not yet", "error"), f"{odd!r}: {found}"
        assert found.message


@cache
def first_right(chapter: str, exercise: Exercise, variant: int = 0) -> tuple[Any, ...]:
    """Returns a right answer, kept: some are trained for seconds."""
    case = next(c for c in CASES[chapter].right_ones if c.exercise == exercise.name)
    return case.answer(Desk(chapter, variant).given(exercise.name))


@exercises
def test_an_answer_that_raises_leaves_or_loops_is_an_error(
    chapter: str, exercise: Exercise
) -> None:
    answer = first_right(chapter, exercise)
    if not holds_a_function(answer):
        return  # numbers neither raise nor loop
    desk = Desk(chapter)
    for bad, words in [(stop_with_an_error, "no idea"), (leave, "SystemExit")]:
        broken = [bad if callable(part) else part for part in answer]
        found = desk.check(exercise.name, *broken)
        assert found.status == "error"
        assert words in found.message
    looping = [never_end if callable(part) else part for part in answer]
    found = desk.check(exercise.name, *looping, limit_s=0.3)
    assert found.status == "error"
    assert "does a loop never end?" in found.message


@exercises
def test_numbers_copied_from_another_variant_are_refused(chapter: str, exercise: Exercise) -> None:
    if holds_a_function(first_right(chapter, exercise)):
        return  # a function is tried on new inputs in every variant
    answers = {seed: first_right(chapter, exercise, seed) for seed in EXCHANGED}
    for seed in EXCHANGED:
        desk = Desk(chapter, seed)
        for other in EXCHANGED:
            found = desk.check(exercise.name, *answers[other])
            assert found.correct == (other == seed), f"{other} in {seed}: {found}"


# --- the register ---------------------------------------------------------------------------


def test_each_notebook_has_a_folder_of_checks_in_the_notebooks_order() -> None:
    assert chapter_names() == NAMES
    assert [find_chapter(name).number for name in NAMES] == list(range(1, len(NAMES) + 1))


def test_a_chapter_is_found_without_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    package = "aigc_utils.exercises"
    monkeypatch.setattr(aigc_utils, "exercises", aigc_utils.exercises)  # comes back afterwards
    for name in [name for name in sys.modules if name.startswith(package)]:
        monkeypatch.delitem(sys.modules, name)
    import_module(f"{package}.chapter").find_chapter("02_gan")
    imported = [name for name in sys.modules if name.startswith(f"{package}.")]
    folders = [name for name in imported if hasattr(sys.modules[name], "__path__")]
    assert folders == [f"{package}.gan"]


@pytest.mark.parametrize("name", ["02_cnn", "cnn", "01_", "01_answers", "01_cnn.layers", ""])
def test_only_a_chapters_whole_name_finds_it(name: str) -> None:
    with pytest.raises(KeyError, match=re.escape(f"There are no exercises {name!r}; there are: ")):
        find_chapter(name)


# --- the notebooks --------------------------------------------------------------------------


@chapters
def test_the_exercises_are_complete(name: str) -> None:
    chapter = find_chapter(name)
    found = chapter.exercises.values()
    assert 6 <= len(found) <= 10
    assert {e.kind for e in found} == KINDS
    assert {m for e in found for m in e.misconceptions} == set(chapter.misconceptions)
    for exercise in found:
        assert exercise.objective
        assert len(set(exercise.hints)) == 3
        assert all(len(hint.split()) >= 5 for hint in exercise.hints)


@chapters
def test_the_notebook_has_each_exercise_with_its_points(name: str) -> None:
    cells = code_cells(name, solved=True)
    ids = [nbgrader(cell)["grade_id"] for cell in cells if nbgrader(cell)]
    assert len(ids) == len(set(ids))
    answers = [nbgrader(c)["grade_id"] for c in cells if nbgrader(c).get("solution")]
    assert answers == list(find_chapter(name).exercises), "one answer cell each, in this order"
    checks = {nbgrader(c)["grade_id"]: c for c in cells if nbgrader(c).get("grade")}
    assert list(checks) == [f"{answer}-check" for answer in answers]
    for exercise in find_chapter(name).exercises.values():
        cell = checks[f"{exercise.name}-check"]
        assert nbgrader(cell)["points"] == exercise.points
        assert nbgrader(cell)["locked"] is True
        first, *_, last = cell.source.splitlines()
        assert first == "### BEGIN HIDDEN TESTS"
        assert last.startswith(f'check("{exercise.name}", ')


@chapters
def test_the_text_names_each_exercise_as_its_check_does(name: str) -> None:
    text = (ROOT / "exercises" / f"{name}.py").read_text(encoding="utf-8")
    for exercise in find_chapter(name).exercises.values():
        kind = exercise.kind.capitalize()
        points = f"{exercise.points} point" + "s" * (exercise.points != 1)
        assert f"# ## {exercise.title}\n#\n" in text
        assert f"# **{kind}**, {points}. Its name is `{exercise.name}`." in text


@chapters
def test_the_untouched_notebook_is_not_attempted(name: str) -> None:
    space = run(code_cells(name, solved=False))
    for exercise in find_chapter(name).exercises.values():
        cell = next(
            c
            for c in code_cells(name, solved=False)
            if nbgrader(c).get("grade_id") == f"{exercise.name}-check"
        )
        assert eval(cell.source.splitlines()[-1], space).status == "not attempted"


@chapters
def test_a_solution_that_makes_an_optimizer_is_marked(name: str) -> None:
    for cell in code_cells(name, solved=True):
        if nbgrader(cell).get("solution") and "torch.optim." in cell.source:
            assert find_chapter(name)[nbgrader(cell)["grade_id"]].optimizes


@chapters
@pytest.mark.parametrize("variant", SOLVED)
def test_the_solutions_hold_in_each_variant(name: str, variant: int) -> None:
    trains = {e.name for e in find_chapter(name).exercises.values() if e.optimizes}
    left_out = trains if variant not in TRAINED else set()
    run(code_cells(name, solved=True, variant=variant, without=left_out))  # hidden tests raise
