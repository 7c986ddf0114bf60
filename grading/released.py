"""The released notebook of one chapter's exercises: what each of its cells is for."""

from __future__ import annotations

from typing import Any

from .editions import without_hidden_tests, without_solutions
from .student_code import squeezed


def settings(cell: Any) -> Any:
    """Returns a cell's nbgrader metadata; empty if it has none that can be used."""
    found = cell.metadata.get("nbgrader", {})
    return found if isinstance(found, dict) else {}


class Released:
    """The released notebook's cells, with what each of them is for.

    Args:
        instructor: the instructor's edition.
    """

    def __init__(self, instructor: Any) -> None:
        notebook = without_solutions(instructor)
        self.notebook = notebook
        self.cells = list(notebook.cells)
        self.name = instructor.metadata["aigc"]["exercises"]
        self.variant = instructor.metadata["aigc"]["variant"]
        self.slots: dict[str, int] = {}  # where each answer stands
        self.checks: dict[str, int] = {}  # where each check stands
        self.others: list[int] = []  # all other code
        for number, cell in enumerate(self.cells):
            if settings(cell).get("solution"):
                self.slots[settings(cell)["grade_id"]] = number
            elif settings(cell).get("grade"):
                self.checks[settings(cell)["grade_id"].removesuffix("-check")] = number
            elif cell.cell_type == "code":
                self.others.append(number)
        self.opening = [n for n in self.others if n < min(self.slots.values())]
        self.stubs = {answer: self.cells[n].source for answer, n in self.slots.items()}
        shown = without_hidden_tests(notebook).cells
        places = [*self.checks.values(), *self.others]
        self.shown = {number: shown[number].source for number in places}
        self.by_text = {squeezed(text): number for number, text in self.shown.items()}
        self.by_mark = {settings(self.cells[n])["grade_id"]: n for n in places
                        if settings(self.cells[n])}  # fmt: skip

    def checked(self, number: int) -> str:
        """Returns the exercise that a released cell checks; an empty text if it checks none."""
        return next((answer for answer, n in self.checks.items() if n == number), "")

    def prelude(self, answer: str) -> list[int]:
        """Returns the released cells that must have run before an answer."""
        before = [n for n in self.others if n < self.slots[answer]]
        previous = [n for n in self.checks.values() if n < self.slots[answer]]
        first = min(self.checks.values(), default=0)
        return [n for n in before if n < first or n > max(previous, default=-1)]

    def texts_before(self, number: int) -> list[int]:
        """Returns the cells of text directly above a released cell."""
        found = []
        for above in range(number - 1, -1, -1):
            if self.cells[above].cell_type == "code":
                break
            found.append(above)
        return found[::-1]
