"""Grades submissions: from what a student handed in to points for each exercise."""

from __future__ import annotations

import ast
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from . import sandbox, servers
from .assembly import Assembler, Assembly, settings
from .marks import Reader, Result
from .notebooks import SubmissionError, parse
from .recognise import mistaken
from .student_code import parsed
from .submissions import Attempt, Submission
from .variants import Assemblers, Released

#: Runs whose outcome is kept: many hand in the same untouched notebook.
KEPT_RUNS = 16


class OtherNotebookError(SubmissionError):
    """A notebook that holds no answer to the exercises that are asked for."""


class Grader:
    """Grades submissions of one released notebook.

    Args:
        instructor: the instructor's edition, as `make release` wrote it.
        limits: what one submission may use.
        walls: whether submissions run in the sandbox.
        released: the variants that were handed out; that of the edition alone, if not given.
        make: returns the instructor's edition of another variant.
    """

    def __init__(
        self,
        instructor: Any,
        limits: sandbox.Limits | None = None,
        walls: bool = True,
        released: Released | None = None,
        make: Callable[[int], Any] = lambda variant: None,
    ) -> None:
        if walls and not sandbox.walls_stand():
            raise sandbox.SandboxError(sandbox.advice())
        self.assembler = Assembler(instructor)
        self.released = released or Released((self.assembler.variant,))
        self.assemblers = Assemblers(self.released, self.assembler, make)
        preload = preloaded(instructor)
        self.servers = servers.Servers(limits or sandbox.Limits(), walls, preload)
        self.exercises = points_of(instructor)
        self._runs: OrderedDict[str, Future[servers.Found]] = OrderedDict()
        self._lock = threading.Lock()

    def grade_all(
        self,
        submissions: Sequence[Submission],
        jobs: int = 1,
        finish: Callable[[Result], None] = lambda result: None,
        known: Callable[[Submission], Result | None] = lambda submission: None,
    ) -> Iterator[Result]:
        """Yields one result for each submission, in their order; none stops the others.

        Args:
            submissions: what was handed in.
            jobs: how many are graded at a time.
            finish: takes each result as soon as it is there, in any order.
            known: returns the result of a submission that need not be graded again.
        """
        pool = ThreadPoolExecutor(jobs)
        try:
            yield from pool.map(lambda one: self._graded(one, finish, known), submissions)
        finally:  # where the instructor stops the grader, nothing runs on
            pool.shutdown(wait=False, cancel_futures=True)
            self.close()

    def close(self) -> None:
        """Ends what runs behind the walls."""
        self.servers.close()

    def _graded(
        self,
        submission: Submission,
        finish: Callable[[Result], None],
        known: Callable[[Submission], Result | None],
    ) -> Result:
        result = known(submission) or self.grade(submission)
        try:
            finish(result)
        except Exception as error:  # a full disk, a name that this system refuses
            result.notes.append(f"The page can't be written: {error}"[:300])
        return result

    def grade(self, submission: Submission) -> Result:
        """Returns the result of one submission; it never raises because of the submission."""
        result = Result(submission.student, id=submission.id)
        try:
            submission.look_into_zips()
            result.notes += submission.notes
            self._grade(submission, result)
        except Exception as error:  # whatever it is, the others go on
            result.marks, result.final = [], False
            result.notes.append(f"The grader stopped with {type(error).__name__}: {error}"[:300])
        return result

    def _grade(self, submission: Submission, result: Result) -> None:
        chosen = self.choose(submission, result)
        if chosen is None:
            return
        attempt, assembly = chosen
        result.handed_in, result.late = attempt.handed_in, attempt.late
        result.notes += assembly.notes
        result.variant = str(assembly.variant) if self.released.several else ""
        try:
            found = self._run(assembly)
        except servers.RunError as error:
            result.notes.append(str(error))
            result.final = False
            return
        Reader(self.exercises, assembly, found, result).read()

    def choose(self, submission: Submission, result: Result) -> tuple[Attempt, Assembly] | None:
        """Returns the newest attempt of these exercises that was tried, else the newest one.

        Where there is none, the result's notes say what there is.
        """
        if not submission.attempts:
            result.notes.append(submission.told_of_others())
            return None
        problems: list[tuple[Attempt, SubmissionError]] = []
        right: list[Attempt] = []
        chosen: tuple[Attempt, Assembly] | None = None
        tried = False
        for attempt in submission.attempts:
            try:
                assembly = self._assembled(attempt)
            except SubmissionError as error:
                problems.append((attempt, error))
                continue
            right.append(attempt)
            now = len(assembly.missing) + len(assembly.untried) < len(self.exercises)
            if chosen is None or (now and not tried):
                chosen, tried = (attempt, assembly), now
        self._note_others(chosen, right, problems, result)
        if chosen is None:
            newest = submission.attempts[0]
            result.handed_in, result.late = newest.handed_in, newest.late
        return chosen

    def _assembled(self, attempt: Attempt) -> Assembly:
        """Returns the notebook to be graded.

        Raises:
            SubmissionError: it can't be read, or holds no answer to these exercises.
        """
        notebook = parse(attempt.file.read())
        name = self.assembler.name
        if other := mistaken(notebook, name, self.assembler.marked(notebook)):
            raise OtherNotebookError(f"Not graded: this is {other}, not the exercises {name}.")
        assembly = self.assemblers.of(notebook).assemble(notebook)
        if len(assembly.missing) == len(self.exercises):
            raise OtherNotebookError(f"No answer of {name} is in this notebook.")
        return assembly

    @staticmethod
    def _note_others(
        chosen: tuple[Attempt, Assembly] | None,
        right: list[Attempt],
        problems: list[tuple[Attempt, SubmissionError]],
        result: Result,
    ) -> None:
        """Notes what can't be graded, and which of several notebooks is."""
        several = len(right) + len(problems) > 1
        for attempt, error in problems:
            # Beside a notebook that is graded, other exercises' are as they should be.
            if chosen is None or not isinstance(error, OtherNotebookError):
                result.notes.append(f"{attempt.path}: {error}" if several else str(error))
        if chosen is not None and len(right) > 1:
            result.notes.append(
                f"There are {len(right)} notebooks; {chosen[0].path} is graded, the newest that "
                "was tried."
            )

    def _run(self, assembly: Assembly) -> servers.Found:
        """Runs a notebook, or returns what the same one gave before.

        Raises:
            RunError: there is no result.
        """
        cells = assembly.cells()
        key = hashlib.sha256(json.dumps(cells).encode()).hexdigest()
        with self._lock:
            known = self._runs.get(key)
            if known is None:
                running = self._runs[key] = Future()
                if len(self._runs) > KEPT_RUNS:
                    self._runs.popitem(last=False)
        if known is not None:
            return known.result()
        try:
            running.set_result(self.servers.run(cells))
        except BaseException as error:
            running.set_exception(error)
            with self._lock:
                self._runs.pop(key, None)
        return running.result()


def points_of(instructor: Any) -> dict[str, float]:
    """Returns the points of each exercise of a released notebook."""
    return {
        settings(cell)["grade_id"].removesuffix("-check"): float(settings(cell)["points"])
        for cell in instructor.cells
        if settings(cell).get("grade")
    }


def preloaded(instructor: Any) -> str:
    """Returns the imports of a released notebook, one a line, and the opening of its checks."""
    found = []
    for cell in instructor.cells:
        if cell.cell_type == "code" and not settings(cell).get("solution"):
            body = parsed(cell.source) or []
            found += [ast.unparse(n) for n in body if isinstance(n, ast.Import | ast.ImportFrom)]
    opened = f"open_exercises({instructor.metadata['aigc']['exercises']!r})"
    return "\n".join([*found, f"from aigc_utils.exercises import open_exercises; {opened}"])
