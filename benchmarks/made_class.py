"""A class of submissions to grade: right, half done, wrong and empty ones, and two that run wild.

No two notebooks are the same, so nothing that the grader found for one is kept for another.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell

from grading import editions
from grading.assembly import settings

#: One in so many submissions never ends, and one in so many fills the memory.
ENDLESS, FILLING = 50, 100
ENDLESS_CELL = "while True:\n    pass"
FILLING_CELL = "blocks = []\nwhile True:\n    blocks.append(bytearray(1 << 26))"
MARK = re.compile(r"^.*### (?:BEGIN|END) SOLUTION.*\n?", re.MULTILINE)


class OffByOne(ast.NodeTransformer):
    """Adds one to each number of an answer."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        """Returns a number that is one larger, and anything else as it is."""
        number = type(node.value) in (int, float)
        return ast.Constant(node.value + 1) if number else node  # type: ignore[operator]


def wrong(source: str) -> str:
    """Returns an answer with each number one too large."""
    return ast.unparse(ast.fix_missing_locations(OffByOne().visit(ast.parse(source))))


def _answered(made: editions.Editions, answered: Callable[[int], bool], change: Any = str) -> Any:
    """Returns a student's notebook; `answered` says of each answer, by its number, if it is there.

    What is there is the published solution, changed by a function of its text.
    """
    solved = {
        settings(cell)["grade_id"]: change(MARK.sub("", cell.source))
        for cell in made.instructor.cells
        if settings(cell).get("solution")
    }
    notebook = nbformat.from_dict(made.student)
    cells = [cell for cell in notebook.cells if settings(cell).get("solution")]
    for number, cell in enumerate(cells):
        if answered(number):
            cell.source = solved[settings(cell)["grade_id"]]
    return notebook


def _with_cell(source: str) -> Callable[[editions.Editions], Any]:
    """Returns what makes a right notebook with a cell of the student's own in its middle."""

    def make(made: editions.Editions) -> Any:
        notebook = KINDS["right"](made)
        notebook.cells.insert(len(notebook.cells) // 2, new_code_cell(source))
        return notebook

    return make


#: By its kind: what makes a notebook of both editions of the exercises.
KINDS: dict[str, Callable[[editions.Editions], Any]] = {
    "right": lambda made: _answered(made, lambda number: True),
    "half done": lambda made: _answered(made, lambda number: number % 2 == 0),
    "wrong": lambda made: _answered(made, lambda number: True, wrong),
    "empty": lambda made: _answered(made, lambda number: False),
    "never ends": _with_cell(ENDLESS_CELL),
    "fills the memory": _with_cell(FILLING_CELL),
}
#: What the others are, ten by ten.
COMMON = ("right", "half done", "right", "wrong", "right",
          "half done", "right", "wrong", "half done", "empty")  # fmt: skip


def kind(number: int) -> str:
    """Returns the kind of the submission of a number."""
    if number % ENDLESS == 4:
        return "never ends"
    return "fills the memory" if number % FILLING == 2 else COMMON[number % len(COMMON)]


def kinds(students: int) -> dict[str, int]:
    """Returns how many submissions of each kind a class has, in the order of `KINDS`."""
    counted = Counter(map(kind, range(students)))
    return {name: counted[name] for name in KINDS if counted[name]}


def write_class(place: Path, name: str, students: int) -> Iterator[tuple[str, str]]:
    """Writes a class of submissions, a folder each; yields each student with the kind.

    Args:
        place: the folder of the class.
        name: of the exercises, such as "01_cnn".
        students: how many.

    Raises:
        ValueError: there are no such exercises.
    """
    made = editions.make_editions(name)
    for number in range(students):
        notebook, student = KINDS[kind(number)](made), f"student {number:04}"
        first = next(i for i, cell in enumerate(notebook.cells) if settings(cell).get("solution"))
        notebook.cells.insert(first, new_code_cell(f"my_number = {number}"))
        path = place / student / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
        yield student, kind(number)
