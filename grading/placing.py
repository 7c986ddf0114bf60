"""Writes the notebook to be graded: a student's cells in order, the released ones between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import nbformat

from .released import Released, settings
from .student_code import CALLED, without_missing

# Each check is opened anew, whatever the answers have done to the names in between.
REOPEN = """\
import sys
for _module in [m for m in sys.modules if m.startswith("aigc_utils.exercises")]:
    del sys.modules[_module]
from aigc_utils.exercises import open_exercises
check, hint, given = open_exercises("{name}", variant={variant})
"""


@dataclass
class Assembly:
    """A notebook ready to be graded.

    Attributes:
        notebook: the released cells with the student's answers, and the student's own cells.
        owners: for each cell the exercise whose answer it is; empty for other cells.
        own: for each cell whether it is the student's.
        checks: for each cell the exercise that it checks; empty for other cells.
        again: for each cell whether it repeats a check that stands above.
        missing: exercises without an answer cell.
        untried: exercises whose answer is the stub, as it was handed out.
        imports: the modules that are not installed here, by the owner of the cell.
        notes: what the instructor should know.
        variant: the variant by which it is graded.
    """

    notebook: Any
    owners: list[str] = field(default_factory=list)
    own: list[bool] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    again: list[bool] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    untried: list[str] = field(default_factory=list)
    imports: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    notes: list[str] = field(default_factory=list)
    variant: int = 0

    def cells(self) -> list[dict[str, Any]]:
        """Returns the cells as the sandbox runs them; text is not run."""
        rows = zip(self.notebook.cells, self.own, self.checks, self.again, strict=True)
        return [
            {"source": cell.source if cell.cell_type == "code" else "",
             "own": own, "check": check, "again": again}
            for cell, own, check, again in rows
        ]  # fmt: skip


@dataclass
class Item:
    """A cell of the submission, or the part of one that the student wrote.

    Attributes:
        source: its text.
        answers: the exercises that it answers, the one it is marked for first.
        released: the number of the released cell that stands here, if it is one.
    """

    source: str
    answers: list[str] = field(default_factory=list)
    released: int | None = None


class Writer:
    """Writes an assembly: the items in their order, and the released cells where they belong."""

    def __init__(self, released: Released, assembly: Assembly, items: list[Item]) -> None:
        self.released, self.assembly, self.items = released, assembly, items
        self.reopen = REOPEN.format(name=released.name, variant=released.variant)
        self.written: set[int] = set()
        self.answered: list[str] = []
        self.later: set[str] = set()  # exercises after whose check a student's cell runs

    def write(self) -> None:
        """Writes all cells."""
        coming = [item.released for item in self.items]
        last = {number: place for place, number in enumerate(coming) if number is not None}
        for place, item in enumerate(self.items):
            done = {number for number, at in last.items() if at < place}
            if item.released is not None:
                self._check_others(self.released.checked(item.released), last.keys() - done)
                self._write_released(item.released)
            else:
                if item.answers:
                    self._check_others(item.answers[0], last.keys() - done)
                    self._before(item.answers)
                self._write_own(item)
        for number, cell in enumerate(self.released.cells):
            if cell.cell_type == "code" and not settings(cell).get("solution"):
                self._write_released(number)
        for answer in sorted(self.later, key=list(self.released.slots).index):
            self._write_again(answer)
        self._texts(range(len(self.released.cells)))

    def _check_others(self, answer: str, coming: set[int]) -> None:
        """Writes the checks that the student deleted, before the next exercise begins."""
        for other in self.answered:
            if other != answer and self.released.checks[other] not in coming:
                self._write_released(self.released.checks[other])

    def _before(self, answers: list[str]) -> None:
        for answer in answers:
            for number in self.released.prelude(answer):
                self._write_released(number)
            self._texts(self.released.texts_before(self.released.slots[answer]))
            if answer not in self.answered:
                self.answered.append(answer)

    def _write_released(self, number: int) -> None:
        if number in self.written:
            return
        self.written.add(number)
        for before in self.released.opening:
            if before < number:
                self._write_released(before)
        self._texts(self.released.texts_before(number))
        cell = nbformat.from_dict(self.released.cells[number])
        checked = self.released.checked(number)
        if checked:
            cell.source = self.reopen + cell.source
        self._add(cell, check=checked)

    def _write_own(self, item: Item) -> None:
        source, missing = without_missing(item.source)
        owner = item.answers[0] if item.answers else ""
        if missing:
            self.assembly.imports[owner] += missing
        cell: dict[str, Any] = {"cell_type": "code", "metadata": {}, "source": source}
        cell |= {"outputs": [], "execution_count": None}
        self._add(nbformat.from_dict(cell), owner, own=True)
        called = {*CALLED.findall(item.source)} & self.released.checks.keys()
        for answer in sorted(called):  # here the student saw what the check says
            self._write_again(answer)
        done = {answer for answer, n in self.released.checks.items() if n in self.written}
        self.later |= done if not item.answers else done & {*item.answers}

    def _write_again(self, answer: str) -> None:
        cell = nbformat.from_dict(self.released.cells[self.released.checks[answer]])
        cell.source = self.reopen + cell.source
        self._add(cell, check=answer, again=True)

    def _texts(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if self.released.cells[number].cell_type != "code" and number not in self.written:
                self.written.add(number)
                self._add(nbformat.from_dict(self.released.cells[number]))

    def _add(
        self, cell: Any, owner: str = "", *, own: bool = False, check: str = "", again: bool = False
    ) -> None:
        cell.id = f"cell-{len(self.assembly.owners)}"
        self.assembly.notebook.cells.append(cell)
        self.assembly.owners.append(owner)
        self.assembly.own.append(own)
        self.assembly.checks.append(check)
        self.assembly.again.append(again)
