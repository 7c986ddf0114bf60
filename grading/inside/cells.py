"""Runs a notebook's cells in their order, and again without those that end the kernel."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from .outputs import Budget, Kept
from .session import Session
from .watch import Watch

#: The first takes the place of an error, with all that it holds; the second frees what hangs in a
#: circle.
LET_GO = ("raise Exception", "import gc\ngc.collect()")


@dataclass
class Limits:
    """Seconds for a cell of a student's and for all cells."""

    cell: float
    total: float


@dataclass
class Run:
    """What a run found.

    Attributes:
        outputs: each cell's.
        statuses: how each cell ended, "" where it did not run.
        reasons: why a cell was stopped or left out, by its number.
    """

    outputs: list[list[dict[str, Any]]] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)


class OutOfTimeError(RuntimeError):
    """The run as a whole takes too long; the message is one sentence."""


class Cells:
    """Runs cells, each a dictionary.

    Its keys: `source`, and `own` (a student's code runs in it), `check` (the exercise that it
    checks, or "") and `again` (it is skipped where that exercise was found correct before).
    """

    def __init__(
        self, cells: list[dict[str, Any]], limits: Limits, watch: Watch, session: Session
    ) -> None:
        self.cells, self.limits, self.watch, self.session = cells, limits, watch, session
        self.left_out: dict[int, str] = {}
        self._reason = ""
        self._last = -1  # where the kernel ended before
        self._trial: int | None = None  # the cell that was left out for others
        self._tried: set[int] = set()
        self._blamed: set[int] = set()  # cells that were left out as the kernel ended in them
        self._end = time.monotonic() + limits.total

    def run(self) -> Run:
        """Returns the outputs of a run to the last cell.

        Raises:
            OutOfTimeError: it takes longer than all cells may.
        """
        while True:
            found, ended_in = self._once()
            if len(found.statuses) == len(self.cells):
                found.reasons = {**found.reasons, **self.left_out}
                return found
            if ended_in is not None:
                self._blame(ended_in)
            self.session.start()

    def _once(self) -> tuple[Run, int | None]:
        """Returns a run, and the number of the cell in which the kernel ended, if it did.

        It also stops at a cell that leaves the memory full, and leaves it out.
        """
        found, budget = Run(), Budget()
        correct: set[str] = set()
        for number, cell in enumerate(self.cells):
            kept, status = Kept(budget), ""
            if self._runs(number, cell, correct):
                seconds, left = self._seconds(cell)
                status = self.session.run(cell["source"], seconds, kept, left)
                if status == "late" and not self.watch.alone():
                    status = "stuck"
                if status == "late":
                    self._seconds(cell)  # or is it over for all?
                if status in ("full", "late") and cell["own"] and self._stays_full():
                    self.left_out[number] = self._told(status)
                    return found, None
                status = "error" if status == "full" else status
                if status in ("dead", "stuck"):
                    self._reason = self._told(status)
                    return found, number
                if status == "late":
                    found.reasons[number] = self._told(status)
                elif status == "ok" and cell["check"]:
                    correct.add(cell["check"])
            found.outputs.append(kept.all())
            found.statuses.append(status)
        return found, None

    def _stays_full(self) -> bool:
        """Whether a cell leaves the memory full, so that what follows fails, or runs for ever.

        What only its error holds, as the names in its functions, is let go first.
        """
        for source in LET_GO if self.watch.full() else ():
            self.session.run(source, self.limits.cell, Kept(Budget()))
        return self.watch.full()

    def _runs(self, number: int, cell: dict[str, Any], correct: set[str]) -> bool:
        skipped = cell["again"] and cell["check"] in correct
        return bool(cell["source"].strip()) and number not in self.left_out and not skipped

    def _seconds(self, cell: dict[str, Any]) -> tuple[float, float]:
        """Returns how long a cell may compute, and take in all; released ones have all there is."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise OutOfTimeError(
                f"The submission was still running after {self.limits.total:g} s; give it more "
                "with --seconds."
            )
        own = cell["own"] or cell["check"]
        return self.limits.cell if own else self.limits.total, left

    def _told(self, status: str) -> str:
        if reason := self.watch.told():
            return f"The cell {reason}."
        if status == "dead":
            return "The cell ended the kernel."
        if status == "full":
            return f"The cell left the memory of {self.watch.memory_gib:g} GiB full."
        return f"The cell was still running after {self.limits.cell:g} s."

    def _blame(self, number: int) -> None:
        """Leaves out the cell in which the kernel ended, or the one whose late effect it was.

        A released cell ends no kernel, and seldom do two cells that follow each other: there the
        student's cell above them is left out in their place, on trial.
        """
        first, self._last = self._last, number
        if self._trial is not None and number <= first:  # it was not that cell
            self.left_out.pop(self._trial)
            self.left_out[number] = self._reason
            self._trial = None
            return
        released = not (self.cells[number]["own"] or self.cells[number]["check"])
        if released or (first >= 0 and self._next(first) == number):
            begin = number if released else first
            above = [n for n in range(begin) if self.cells[n]["own"] and n not in self.left_out]
            if above and above[-1] not in self._tried:
                self._trial, self._last = above[-1], begin
                self._tried.add(self._trial)
                # What only seemed to end it runs again: also a cell further below, as an effect may
                # be late now and later then.
                seemed = {*range(self._trial, number), *self._blamed} - {*range(self._trial)}
                self.left_out = {n: why for n, why in self.left_out.items() if n not in seemed}
                self.left_out[self._trial] = "The cell ended the kernel after it had run."
                return
        if released:
            raise OutOfTimeError("The machine is too slow or has too little memory.")
        self._blamed.add(number)
        self.left_out[number] = self._reason

    def _next(self, number: int) -> int | None:
        """Returns the next cell below one that runs."""
        below = range(number + 1, len(self.cells))
        return next(
            (n for n in below if self.cells[n]["source"].strip() and not self.cells[n]["again"]),
            None,
        )
