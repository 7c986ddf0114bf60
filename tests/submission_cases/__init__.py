"""Submissions of the second chapter's exercises, perfect ones and odd ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell

from grading import editions
from grading.assembly import settings

NAME = "02_gan"
VALUE, FUNCTION = "best_guess", "generator_loss"  # an answer of numbers, and a function
VARIANT = 3
#: What the grader and what it grades are made of: where it changes, every submission is tried.
MADE_OF = (
    "aigc_utils", "exercises", "grading", "pyproject.toml", "tests/grading",
    "tests/submission_cases", "tests/turns.py",
)  # fmt: skip
#: What the two exercises earn.
EACH = 2


def copied(notebook: Any) -> Any:
    """Returns a copy of a notebook."""
    return nbformat.from_dict(notebook)


def solutions(made: editions.Editions) -> dict[str, str]:
    """Returns each answer cell's text with the solution, as a student would write it."""
    found = {}
    for cell in made.instructor.cells:
        if settings(cell).get("solution"):
            lines = [line for line in cell.source.splitlines() if " SOLUTION" not in line]
            found[settings(cell)["grade_id"]] = "\n".join(lines)
    return found


def perfect(made: editions.Editions) -> Any:
    """Returns the student's edition with the solutions in the answer cells."""
    notebook, answers = copied(made.student), solutions(made)
    for cell in notebook.cells:
        if settings(cell).get("solution"):
            cell.source = answers[settings(cell)["grade_id"]]
    return notebook


def at(notebook: Any, grade_id: str) -> int:
    """Returns the number of the cell that bears a mark."""
    return next(i for i, c in enumerate(notebook.cells) if settings(c).get("grade_id") == grade_id)


def answer(notebook: Any, name: str, source: str) -> None:
    """Puts an answer in the place of the one that is there."""
    notebook.cells[at(notebook, name)].source = source


def insert(notebook: Any, place: int, *sources: str) -> None:
    """Puts cells of the student's own before the cell of that number."""
    notebook.cells[place:place] = [new_code_cell(source) for source in sources]


def strip(notebook: Any) -> None:
    """Does what a trip through Colab may do: no nbgrader metadata, new ids."""
    for number, cell in enumerate(notebook.cells):
        cell.metadata = nbformat.from_dict({"id": f"colab{number}"})
        cell.id = f"colab{number}"
    notebook.metadata = nbformat.from_dict({"colab": {"provenance": []}})


def as_bytes(notebook: Any) -> bytes:
    """Returns a notebook as its file's bytes, whatever it holds."""
    return json.dumps(notebook, ensure_ascii=False).encode("utf-8", "surrogatepass")


def write(path: Path, notebook: Any) -> None:
    """Writes a notebook and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_bytes(notebook))


@dataclass(frozen=True)
class Expected:
    """What the grader is to say of a submission.

    Attributes:
        points: in all; None where it can't be graded.
        state: the table's word; empty where it does not matter.
        says: what stands in its notes.
        lost: the exercise whose points are lost.
    """

    points: float | None
    state: str = ""
    says: str = ""
    lost: str = ""


#: By its kind: how a perfect notebook is changed or a folder filled, and what is expected.
Cases = dict[str, tuple[Callable[..., None], Expected]]


def register(cases: Cases) -> Callable[..., Callable[[Callable[..., None]], Callable[..., None]]]:
    """Returns a decorator that adds a case, named after its function."""

    def expecting(
        points: float | None = 2 * EACH, *, state: str = "", says: str = "", lost: str = ""
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        def add(change: Callable[..., None]) -> Callable[..., None]:
            kind = change.__name__.rstrip("_").replace("_", " ")
            points_left = EACH if lost and points == 2 * EACH else points
            cases[kind] = (change, Expected(points_left, state, says, lost))
            return change

        return add

    return expecting
