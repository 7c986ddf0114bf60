"""Which answers are alike: copies are found, honest answers and what was given are not.

The false alarms are measured on the right answers in `exercise_cases`: each exercise has two to
four of them, written to be unlike each other's method, and its published solution.
"""

from __future__ import annotations

import ast
import itertools
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from submission_cases import FUNCTION, NAME, answer, copied, write

from grading import __main__ as command
from grading import editions, similar, tables
from grading.assembly import Assembler, settings

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "exercise_cases"


def right_answers(chapter: str) -> dict[str, list[list[str]]]:
    """Returns the words of the right answers to each exercise of a chapter."""
    found: dict[str, list[list[str]]] = {}
    for path in sorted((CASES / chapter.partition("_")[2]).glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for mark in getattr(node, "decorator_list", ()):
                if ast.unparse(mark).startswith("CASES.right("):
                    body = node.body[ast.get_docstring(node) is not None :]  # type: ignore[attr-defined]
                    text = "\n".join(map(ast.unparse, body))
                    found.setdefault(mark.args[0].value, []).append(similar.words(text))
    return found


@cache
def honest_students(chapter: str) -> dict[str, dict[str, list[str]]]:
    """Returns students of a chapter of whom no two gave the same answer, the book's among them."""
    instructor = editions.make_editions(chapter).instructor
    found = {similar.BOOK: similar.published(Assembler(instructor), instructor)}
    for exercise, texts in right_answers(chapter).items():
        for number, text in enumerate(texts):
            found.setdefault(f"student {number}", {})[exercise] = text
    return found


@pytest.fixture(scope="module")
def honest() -> list[similar.Pair]:
    """All pairs of honest students, however little alike."""
    pairs = []
    for chapter in editions.names():
        pairs += similar.compare(honest_students(chapter), threshold=1e-9)
    return pairs


def test_no_honest_pair_of_students_is_reported(honest: list[similar.Pair]) -> None:
    most = max(honest, key=lambda pair: pair.similarity)
    assert len(honest) >= 12
    assert most.similarity < similar.THRESHOLD - 0.1, most
    page = (ROOT / "book" / "instructors.md").read_text(encoding="utf-8")
    told = re.search(r"(\d+) pairs of honest students .* most alike reach (\d+) %", page)
    assert told
    assert (int(told[1]), int(told[2])) == (len(honest), round(100 * most.similarity))


def test_single_answers_are_alike_more_often_as_the_page_says() -> None:
    found = []
    for chapter in editions.names():
        students = honest_students(chapter)
        for exercise in right_answers(chapter):
            texts = [own[exercise] for own in students.values() if exercise in own]
            for pair in itertools.combinations(texts, 2):
                found.append(similar.similarity(*pair))
    reached = sum(value >= similar.THRESHOLD for value in found)
    page = (ROOT / "book" / "instructors.md").read_text(encoding="utf-8")
    told = re.search(r"of (\d+) pairs of single answers (\d+) reach", page)
    assert told
    assert (int(told[1]), int(told[2])) == (len(found), reached)


# --- what counts ------------------------------------------------------------------------------

ANSWER = """
def f(x, y):
    # sums what is above zero
    total = 0
    for value in x:
        total += max(value, y)
    return total / len(x)
"""
RENAMED = """
def f(x, y):
    s = 0
    for element in x:
        s += max(element,
                 y)   # another remark
    return s / len(x)
"""


def test_names_comments_and_layout_play_no_part() -> None:
    assert similar.words(ANSWER, kept=["f"]) == similar.words(RENAMED, kept=["f"])
    assert similar.words(ANSWER, kept=["f"])[:3] == ["def", "f", "("]
    assert similar.words(ANSWER) != similar.words(RENAMED.replace("max", "min"))


def test_what_was_given_does_not_count() -> None:
    given = similar.lines("def f(x, y):\n    raise NotImplementedError()")
    assert similar.words(ANSWER, given, ["f"])[:3] == ["name", "=", "0"]
    assert similar.words("def f(x, y):\n    raise NotImplementedError()", given) == []


def test_what_is_no_python_is_compared_as_it_stands() -> None:
    broken = "def f(x:\n    return x  # a remark"
    assert similar.words(broken) == ["def", "f", "(", "x", ":", "return", "x"]
    assert len(similar.words("x\n" * 10_000)) == similar.MOST


def test_short_answers_and_those_of_other_exercises_say_nothing() -> None:
    long, short = ["a"] * similar.FEWEST, ["a"] * (similar.FEWEST - 1)
    assert similar.compare({"ann": {"e": short}, "bob": {"e": short}}) == []
    assert similar.compare({"ann": {"e": long}, "bob": {"d": long}}) == []
    (pair,) = similar.compare({"ann": {"e": long, "d": short}, "bob": {"e": long}})
    assert (pair.similarity, pair.alike, pair.size) == (1, ("e",), similar.FEWEST)
    assert similar.compare({}) == []
    assert similar.compare({"ann": {}}) == []


# --- the command ------------------------------------------------------------------------------


def test_a_class_is_compared_and_nothing_of_it_is_run(
    made: editions.Editions, solved: Any, tmp_path: Path, capsys: Any
) -> None:
    place, out = tmp_path / "class", tmp_path / "out"
    renamed, half = copied(solved), copied(made.student)
    for cell in filter(lambda one: settings(one).get("solution"), renamed.cells):
        cell.source = re.sub(r"\b(p, q|p|q)\b", lambda m: m[0].upper(), cell.source)
    answer(half, FUNCTION, f"def {FUNCTION}(logits, saturating):\n    exit()")
    for student, notebook in [("=ann", solved), ("bob", renamed), ("eve", half),
                              ("untouched", made.student)]:  # fmt: skip
        write(place / student / "a.ipynb", notebook)
    (place / "zoe.ipynb").write_text("no notebook")
    arguments = ["similar", str(place), "--exercises", NAME, "--out", str(out)]
    assert command.main(arguments) == 0
    lines, _ = tables.read_lines(out / "similar.csv")
    assert lines[0] == ["similarity", "student", "other", "exercises", "size"]
    assert {frozenset(line[1:3]) for line in lines[1:]} == {
        frozenset(pair) for pair in itertools.combinations(["=ann", "bob", similar.BOOK], 2)
    }
    assert all(float(line[0]) > 0.95 for line in lines[1:])
    assert "'=ann" in (out / "similar.csv").read_text(encoding="utf-8-sig")
    told = capsys.readouterr().out
    assert "untouched: nothing to compare." in told
    assert "zoe: nothing to compare. The file is cut short" in told
    assert "1 of 3 pairs of students are alike to 80% or more." in told
    assert "2 students' answers are as alike to the book's solutions." in told
    assert command.main([*arguments, "--threshold", "1.5"]) == 1
    assert "The threshold is from 0 to 1, not 1.5." in capsys.readouterr().err
