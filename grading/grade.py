"""Grades submissions: from a folder or a ZIP file to points for each exercise."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.utils import determine_grade, is_grade

from . import sandbox
from .assembly import Assembler, Assembly, settings
from .submissions import Submission


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
    """

    student: str
    marks: list[Mark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    executed: Any | None = None

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


class Grader:
    """Grades submissions of one released notebook.

    Args:
        instructor: the instructor's edition, as `make release` wrote it.
        limits: what one submission may use.
        walls: whether submissions run in the sandbox.
    """

    def __init__(
        self, instructor: Any, limits: sandbox.Limits | None = None, walls: bool = True
    ) -> None:
        if walls and not sandbox.walls_stand():
            raise sandbox.SandboxError(sandbox.ADVICE)
        self.assembler = Assembler(instructor)
        self.limits, self.walls = limits or sandbox.Limits(), walls
        self.exercises = {
            settings(cell)["grade_id"].removesuffix("-check"): float(settings(cell)["points"])
            for cell in instructor.cells
            if settings(cell).get("grade")
        }

    def grade_all(self, submissions: list[Submission], jobs: int = 1) -> Iterator[Result]:
        """Yields one result for each submission, in their order; none stops the others."""
        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(self.grade, submissions)

    def grade(self, submission: Submission) -> Result:
        """Returns the result of one submission; it never raises because of the submission."""
        result = Result(submission.student, notes=list(submission.notes))
        if submission.notebook is None:
            return result
        try:
            self._grade(submission.notebook, result)
        except Exception as error:  # whatever it is, the others go on
            result.marks = []
            result.notes.append(f"The grader stopped with {type(error).__name__}: {error}"[:300])
        return result

    def _grade(self, notebook: Any, result: Result) -> None:
        assembly = self.assembler.assemble(notebook)
        result.notes += assembly.notes
        if len(assembly.missing) == len(self.exercises):
            result.notes.append(f"No answer of {self.assembler.name} is in this notebook.")
            return
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            nbformat.write(assembly.notebook, folder / "notebook.ipynb")
            if problem := sandbox.run(folder, self.limits, self.walls):
                result.notes.append(problem)
                return
            executed = nbformat.read(folder / "executed.ipynb", as_version=4)
            left_out = json.loads((folder / "left_out.json").read_text())
        self._read(executed, assembly, {int(k): v for k, v in left_out.items()}, result)

    def _read(
        self, executed: Any, assembly: Assembly, left_out: dict[int, str], result: Result
    ) -> None:
        """Reads the marks out of an executed notebook."""
        result.executed = executed
        reasons = {}
        for number, reason in left_out.items():
            owner = assembly.owners[number] or "a cell of the student's own"
            check = settings(executed.cells[number])
            if check.get("grade"):
                owner = check["grade_id"].removesuffix("-check")
            reasons[owner] = reason
            result.notes.append(f"{owner}: {reason}")
        for cell in executed.cells:
            if is_grade(cell):
                name = settings(cell)["grade_id"].removesuffix("-check")
                result.marks.append(self._mark(name, cell, assembly, reasons))

    def _mark(self, name: str, cell: Any, assembly: Assembly, reasons: dict[str, str]) -> Mark:
        # A warning that an answer prints is no failure; nbgrader takes it for one.
        cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
        points, most = determine_grade(cell)
        message = ""
        for output in cell.outputs:
            if output.output_type == "error":
                message = output.evalue
            elif output.output_type == "execute_result":
                message = message or output.data.get("text/plain", "")
        if name in assembly.missing:
            message = "The answer cell is missing."
        elif name in reasons:
            message = reasons[name]
        elif not message:
            points, message = 0, "The check gave no result."
        return Mark(name, float(points or 0), most, message)
