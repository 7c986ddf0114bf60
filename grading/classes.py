"""Grades a class, or one student of it, and compares a class's answers."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import report, similar, tables
from .cluster import Cluster
from .grade import Grader, points_of
from .kept import Kept, digest
from .marks import Result
from .plan import Plan
from .submissions import Submission

TABLE, PAGES, KEPT, SIMILAR = "grades.csv", "feedback", "kept", "similar.csv"


@dataclass(frozen=True)
class Way:
    """How a class is graded.

    Attributes:
        jobs: submissions at the same time, on this machine.
        scheduler: the address of a Dask scheduler; this machine grades where there is none.
        again: whether what was graded before is graded again.
        only: the one student who is graded; all are where there is none.
    """

    jobs: int = 1
    scheduler: str = ""
    again: bool = False
    only: str = ""


class Ledger:
    """Writes each student's page, and keeps what was graded.

    Args:
        out: the folder of the grading run.
        submissions: all of the class, so that each student has the same page's name in each run.
        kept: the results of earlier runs; None where none are kept.
        again: whether they are left unread.
    """

    def __init__(
        self, out: Path, submissions: Sequence[Submission], kept: Kept | None, again: bool
    ) -> None:
        names = report.page_names(one.student for one in submissions)
        self.pages = {student: out / PAGES / name for student, name in names.items()}
        self.kept, self.again = kept, again
        self.found = 0
        self._numbers: dict[str, str] = {}

    def known(self, submission: Submission) -> Result | None:
        """Returns what a submission earned in an earlier run; None if it has to be graded."""
        if self.kept is None:
            return None
        try:
            submission.look_into_zips()
            number = digest(submission)
        except Exception:  # the grader meets the same, and says what it is
            return None
        result = None if self.again else self.kept.load(number)
        if result is None:
            self._numbers[submission.student] = number
        self.found += result is not None
        return result

    def enter(self, result: Result) -> None:
        """Writes a student's page, and keeps the result if it is final."""
        if not result.page:
            report.make_page(result)
        number = self._numbers.pop(result.student, "")
        if self.kept is not None and number and result.final:
            self.kept.store(number, result)
        report.write_page(result, self.pages[result.student])


def chosen(submissions: Sequence[Submission], name: str) -> list[Submission]:
    """Returns the submission of the student with a name or an id.

    Raises:
        ValueError: there is none, or there are several.
    """
    found = [one for one in submissions if name in (one.student, one.id)]
    if len(found) == 1:
        return found
    if found:
        raise ValueError(f"{name!r} is {' and '.join(one.student for one in found)}: name one.")
    names = [text for one in submissions for text in (one.student, one.id) if text]
    near = difflib.get_close_matches(name, names, 3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(f"There is no submission of {name!r}.{hint}")


def grade_class(
    plan: Plan,
    submissions: Sequence[Submission],
    out: Path,
    way: Way,
    tell: Callable[[Result], None],
) -> Iterator[str]:
    """Grades a class, and writes its table and its pages into a folder.

    Args:
        plan: by what it is graded.
        submissions: of the class.
        out: the folder.
        way: how it is graded.
        tell: takes each result, in the submissions' order.

    Yields:
        A line for the instructor.

    Raises:
        ValueError: there is no such student, or the table that is there is of other exercises.
        SandboxError: there are no walls.
        ClusterError: there is no cluster to be had.
    """
    asked = chosen(submissions, way.only) if way.only else submissions
    exercises = points_of(plan.edition(plan.released.first))
    old = None
    if way.only and (out / TABLE).is_file():
        old = tables.read(out / TABLE)
        tables.with_rows(old, report.table_of([], exercises))  # it says so now if it does not fit
    # Without walls a student's code could write what is kept.
    kept = Kept(out / KEPT, plan.fingerprint()) if plan.walls else None
    ledger = Ledger(out, submissions, kept, way.again or bool(way.only))
    (out / PAGES).mkdir(parents=True, exist_ok=True)
    results = []
    try:
        for result in _results(plan, asked, way, ledger):
            tell(result)
            results.append(result)
    finally:  # what was graded is kept, also where the instructor stops the grader
        table = report.table_of(results, exercises)
        tables.write(tables.with_rows(old, table) if old else table, out / TABLE)
    if kept is not None and not way.only:
        kept.forget_others()
    if ledger.found:
        yield f"{ledger.found} of {len(asked)} are as they were and were not graded again (--all)."
    yield f"The table: {out / TABLE}\nThe pages: {out / PAGES}"


def _results(
    plan: Plan, submissions: Sequence[Submission], way: Way, ledger: Ledger
) -> Iterator[Result]:
    if way.scheduler:
        cluster = Cluster(plan, way.scheduler)
        return cluster.grade_all(submissions, ledger.enter, ledger.known)
    return plan.grader().grade_all(submissions, way.jobs, ledger.enter, ledger.known)


def compare_class(
    plan: Plan, submissions: Sequence[Submission], out: Path, threshold: float
) -> Iterator[str]:
    """Writes which students' answers are alike. Nothing of a student's is run.

    Yields:
        A line for the instructor.
    """
    instructor = plan.edition(plan.released.first)
    grader = Grader(instructor, walls=False)
    class_, notes = similar.class_answers(grader, submissions)
    pairs = similar.compare(
        {similar.BOOK: similar.published(grader.assembler, instructor), **class_}, threshold
    )
    out.mkdir(parents=True, exist_ok=True)
    tables.write(similar.table_of(pairs), out / SIMILAR)
    yield from notes
    many = len(class_) * (len(class_) - 1) // 2
    among = [pair for pair in pairs if similar.BOOK not in (pair.first, pair.second)]
    yield f"{len(among)} of {many} pairs of students are alike to {threshold:.0%} or more."
    yield f"{len(pairs) - len(among)} students' answers are as alike to the book's solutions."
    yield f"The pairs: {out / SIMILAR}"
