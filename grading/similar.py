"""Tells which students' answers are alike, whatever names they use.

What everybody was given does not count: lines of the released notebook are left out. Names that an
answer chooses itself are all the same, comments and layout play no part, and two answers are as
alike as the longest sequence of words and signs that they share (Indel similarity, of RapidFuzz).
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Indel

from .assembly import Assembler, Assembly, settings
from .grade import Grader
from .marks import Result
from .student_code import MAGIC, parsed
from .submissions import Submission
from .tables import Table

#: From here on a pair is reported; `tests/grading/test_similar.py` measures its false alarms.
THRESHOLD = 0.8
#: The fewest words and signs of the shorter of two students' answers: less says nothing.
FEWEST = 60
#: The most words and signs of one answer that are looked at.
MOST = 5_000
#: The member of every class that wrote the published solutions.
BOOK = "(the book's solutions)"
WORD = re.compile(r"\w+|[^\w\s]")
#: What stands for each name that an answer chooses itself.
NAME = "name"


@dataclass(frozen=True)
class Pair:
    """Two students whose answers are alike.

    Attributes:
        similarity: of all their answers, from 0 to 1.
        first: one student.
        second: the other.
        alike: the exercises whose answers are at least as alike as the threshold.
        size: the words and signs of the shorter of the two.
    """

    similarity: float
    first: str
    second: str
    alike: tuple[str, ...]
    size: int


def words(source: str, given: Iterable[str] = (), kept: Iterable[str] = ()) -> list[str]:
    """Returns the words and signs of an answer without what was given to everybody.

    Args:
        source: the answer.
        given: the lines of the released notebook, as `lines` returns them.
        kept: names that the exercise asks for; all others that the answer binds become one.
    """
    chosen = _chosen(source) - set(kept)
    known = set(given)
    unlike = [line for line in lines(source) if line not in known]
    found = [NAME if word in chosen else word for line in unlike for word in WORD.findall(line)]
    return found[:MOST]


def _chosen(source: str) -> set[str]:
    """Returns the names that an answer chooses itself, in its functions too."""
    found = set()
    for node in ast.walk(ast.Module(parsed(source) or [], [])):
        if isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def lines(source: str) -> list[str]:
    """Returns the lines of a cell as Python itself would write them, without comments."""
    body = parsed(source)
    if body is None:
        text = re.sub(r"#.*", "", MAGIC.sub("", source))
    else:
        text = "\n".join(ast.unparse(node) for node in body)
    return [line.strip() for line in text.splitlines() if line.strip()]


def given_lines(assembler: Assembler) -> set[str]:
    """Returns the lines of code that everybody was given."""
    shown = [*assembler.stubs.values(), *assembler.released.shown.values()]
    return {line for source in shown for line in lines(source)}


def answers(assembler: Assembler, assembly: Assembly) -> dict[str, list[str]]:
    """Returns the words and signs of a notebook's answers, by exercise."""
    given = given_lines(assembler)
    found: dict[str, list[str]] = {}
    for cell, owner, own in zip(
        assembly.notebook.cells, assembly.owners, assembly.own, strict=True
    ):
        if own and owner:
            more = words(cell.source, given, assembler.names[owner])
            found[owner] = found.get(owner, []) + more
    return {name: text for name, text in found.items() if text}


def published(assembler: Assembler, instructor: Any) -> dict[str, list[str]]:
    """Returns the same of the published solutions."""
    given = given_lines(assembler)
    found = {}
    for cell in instructor.cells:
        if settings(cell).get("solution"):
            name = settings(cell)["grade_id"]
            source = re.sub(r"^.*### (BEGIN|END) SOLUTION.*$", "", cell.source, flags=re.MULTILINE)
            found[name] = words(source, given, assembler.names[name])
    return found


def compare(
    class_: Mapping[str, Mapping[str, Sequence[str]]], threshold: float = THRESHOLD
) -> list[Pair]:
    """Returns the pairs of students whose answers are alike, the most alike first.

    Two students are compared by the exercises that both answered.

    Args:
        class_: for each student the words and signs of the answers, by exercise.
        threshold: how alike the answers of a pair are at least, from 0 to 1.
    """
    students = list(class_)
    exercises = sorted({name for own in class_.values() for name in own})
    letters: dict[str, str] = {}
    shape = len(students), len(students)
    apart, whole = np.zeros(shape), np.zeros(shape)
    each = {}
    for name in exercises:
        texts = [_letters(class_[student].get(name, ()), letters) for student in students]
        sizes = np.array([len(text) for text in texts])
        both = np.outer(sizes > 0, sizes > 0)
        distances = process.cdist(texts, texts, scorer=Indel.distance, dtype=np.int64)
        lengths = sizes[:, None] + sizes
        each[name] = np.where(both, 1 - distances / np.maximum(lengths, 1), 0)
        apart += np.where(both, distances, 0)
        whole += np.where(both, lengths, 0)
    similar = np.where(whole >= 2 * FEWEST, 1 - apart / np.maximum(whole, 1), 0)
    found = []
    for one, other in itertools.combinations(range(len(students)), 2):
        if similar[one, other] >= threshold:
            alike = tuple(name for name in exercises if each[name][one, other] >= threshold)
            found.append(Pair(float(similar[one, other]), students[one], students[other], alike,
                              int(whole[one, other]) // 2))  # fmt: skip
    return sorted(found, key=lambda pair: (-pair.similarity, pair.first, pair.second))


def similarity(first: Iterable[str], second: Iterable[str]) -> float:
    """Returns how alike two answers are, from 0 to 1."""
    letters: dict[str, str] = {}
    texts = _letters(first, letters), _letters(second, letters)
    return float(Indel.normalized_similarity(*texts))


def _letters(words: Iterable[str], letters: dict[str, str]) -> str:
    """Returns a letter for each word, the same for the same word, in any text."""
    return "".join(letters.setdefault(word, chr(1 + len(letters) % 0x10FFFF)) for word in words)


def class_answers(
    grader: Grader, submissions: Sequence[Submission]
) -> tuple[dict[str, dict[str, list[str]]], list[str]]:
    """Returns each student's answers, and a sentence for each student who has none to compare.

    The same notebook is taken as for the grade; nothing is run.
    """
    found: dict[str, dict[str, list[str]]] = {}
    notes = []
    for submission in submissions:
        result = Result(submission.student)
        try:
            submission.look_into_zips()
            chosen = grader.choose(submission, result)
            found[submission.student] = answers(grader.assembler, chosen[1]) if chosen else {}
        except Exception as error:  # whatever it is, the others are compared
            result.notes.append(f"{type(error).__name__}: {error}"[:300])
        if not found.get(submission.student):
            found.pop(submission.student, None)
            notes.append(" ".join([f"{submission.student}: nothing to compare.", *result.notes]))
    return found, notes


def table_of(pairs: Iterable[Pair]) -> Table:
    """Returns the pairs as a table."""
    header = ["similarity", "student", "other", "exercises", "size"]
    rows = [[f"{pair.similarity:.2f}", pair.first, pair.second, ", ".join(pair.alike),
             str(pair.size)] for pair in pairs]  # fmt: skip
    return Table(header, [dict(zip(header, row, strict=True)) for row in rows])
