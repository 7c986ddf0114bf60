"""What a submission earned: the marks, read out of what its run found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import nbformat

from .assembly import OWN, Assembly
from .servers import Found


@dataclass
class Mark:
    """What one exercise earned, and why."""

    exercise: str
    points: float
    most: float
    message: str


@dataclass
class Result:
    """The outcome of one submission.

    Attributes:
        student: who handed it in.
        marks: one for each exercise; empty where the submission could not be graded.
        notes: what the instructor should know.
        executed: the notebook with its outputs, for the feedback.
        id: the learning system's own for the student, if it is known.
        handed_in: when, if the names tell it.
        late: "yes" or "no", if the names tell it.
        variant: by which it was graded, where several were released.
        final: whether to grade it again would give the same; a grader that stopped says nothing.
        page: the student's page, once it is made and until it is written.
    """

    student: str
    marks: list[Mark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    executed: Any | None = None
    id: str = ""
    handed_in: str = ""
    late: str = ""
    variant: str = ""
    final: bool = True
    page: str = ""

    @property
    def state(self) -> str:
        """How far the submission was graded: "graded", "look" or "not graded"."""
        if not self.marks:
            return "not graded"
        return "look" if self.notes else "graded"

    @property
    def points(self) -> float | None:
        """The sum of the points; None where the submission could not be graded."""
        return sum(mark.points for mark in self.marks) if self.marks else None


def as_record(result: Result) -> dict[str, Any]:
    """Returns a result as JSON can hold it, without the executed notebook."""
    return {**vars(result), "executed": None, "marks": [vars(mark) for mark in result.marks]}


def from_record(record: dict[str, Any]) -> Result:
    """Returns the result that a record holds.

    Raises:
        TypeError: the record is another version's.
    """
    return Result(**{**record, "marks": [Mark(**mark) for mark in record["marks"]]})


class Reader:
    """Reads the marks out of what a run found."""

    def __init__(
        self, exercises: dict[str, float], assembly: Assembly, found: Found, result: Result
    ) -> None:
        self.exercises, self.assembly, self.found, self.result = exercises, assembly, found, result

    def read(self) -> None:
        """Fills in the marks, the notes and the executed notebook."""
        self._note_reasons()
        self.result.marks = [self._mark(name, most) for name, most in self.exercises.items()]
        if sum(mark.points for mark in self.result.marks) < sum(self.exercises.values()):
            self._note_imports()
        executed = nbformat.from_dict(self.assembly.notebook)
        for cell, outputs in zip(executed.cells, self.found.outputs, strict=True):
            if cell.cell_type == "code":
                cell.outputs = [nbformat.from_dict(output) for output in outputs]
        kept = [not again for again in self.assembly.again]
        executed.cells = [cell for cell, keep in zip(executed.cells, kept, strict=True) if keep]
        self.result.executed = executed

    def _owner(self, number: int) -> str:
        return self.assembly.owners[number] or self.assembly.checks[number] or OWN

    def _note_reasons(self) -> None:
        for number, reason in sorted(self.found.reasons.items()):
            note = f"{self._owner(number)}: {reason}"
            if note not in self.result.notes:
                self.result.notes.append(note)

    def _note_imports(self) -> None:
        """Notes what could not be imported, where it may have cost points."""
        for owner, modules in self.assembly.imports.items():
            for module in sorted(set(modules)):
                self.result.notes.append(
                    f"{owner or OWN}: ModuleNotFoundError: No module named {module!r}; the line "
                    "was left out. Install it here, and grade again."
                )
        for number, error in self._errors():
            if error["ename"] in ("ImportError", "ModuleNotFoundError"):
                note = f"{self._owner(number)}: {error['ename']}: {error['evalue']}"[:300]
                if note not in self.result.notes:
                    self.result.notes.append(note)

    def _errors(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yields the errors of the student's cells, with the cells' numbers."""
        for number, outputs in enumerate(self.found.outputs):
            if self.assembly.own[number]:
                for output in outputs:
                    if output["output_type"] == "error":
                        yield number, output

    def _mark(self, name: str, most: float) -> Mark:
        """Returns what one exercise earned: all, if any of its checks found it correct."""
        told = ""
        for number, checked in enumerate(self.assembly.checks):
            if checked != name:
                continue
            correct, message = self._outcome(number)
            if correct:
                return Mark(name, most, most, message)
            told = told or message
        return Mark(name, 0, most, self._explained(name, told))

    def _outcome(self, number: int) -> tuple[bool, str]:
        """Returns whether a check found an answer correct, and what it said."""
        texts = [output["data"]["text/plain"] for output in self.found.outputs[number]
                 if output["output_type"] == "execute_result"]  # fmt: skip
        errors = [output["evalue"] for output in self.found.outputs[number]
                  if output["output_type"] == "error"]  # fmt: skip
        correct = self.found.statuses[number] == "ok" and not errors and bool(texts)
        return correct, (errors or texts or [""])[0]

    def _explained(self, name: str, told: str) -> str:
        """Returns why an exercise earned nothing."""
        if name in self.assembly.missing:
            return "The answer cell is missing."
        for number, reason in self.found.reasons.items():
            if name in (self.assembly.owners[number], self.assembly.checks[number]):
                return reason
        lost = self.assembly.imports.get(name, [])
        before = [f"{error['ename']}: {error['evalue']}" for number, error in self._errors()
                  if self.assembly.owners[number] == name]  # fmt: skip
        if lost:
            before.insert(0, f"No module named {lost[0]!r} where it was graded.")
        if before:
            return f"The answer's cell stopped with {before[0][:200]} {told}".strip()
        return told or "The check gave no result."
