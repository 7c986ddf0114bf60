"""Ends what a submission started where all of it together takes too much."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

SECONDS = 0.2  # between two looks
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
GIB = 1 << 30


def processes() -> set[int]:
    """Returns the processes in sight."""
    return {int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()}


def sizes(numbers: set[int]) -> Iterator[int]:
    """Yields the bytes that each of these processes holds for itself."""
    for number in numbers:
        try:
            _, resident, shared = Path(f"/proc/{number}/statm").read_text().split()[:3]
            yield PAGE * (int(resident) - int(shared))
        except (OSError, ValueError):  # it has just ended
            continue


def held(number: int) -> int:
    """Returns the bytes that a process holds, its share of what it has in common with others.

    It is right where `sizes` counts common memory many times, and takes a hundred times as long.
    """
    try:
        lines = Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    except (OSError, ValueError, StopIteration):
        return sum(sizes({number}))


class Watch:
    """Looks at the processes behind the walls, and ends them all where they are too much.

    Without walls it does nothing: the processes in sight would be other people's. Those that are
    in sight when it begins are the grader's own.

    Args:
        walls: whether there are walls.
        most: the most processes at one time.
        memory_gib: the most memory that they may hold together.
        stop: ends them all at once, where that is possible.
    """

    def __init__(
        self, walls: bool, most: int, memory_gib: float, stop: Callable[[], object]
    ) -> None:
        self.walls, self.most, self.memory_gib, self._stop = walls, most, memory_gib, stop
        self.reason = ""
        self._pause = threading.Event()
        if walls:
            self._ours = processes()
            threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        limit = self.memory_gib * GIB
        while not self._pause.wait(SECONDS):
            found = processes() - self._ours
            if len(found) > self.most:
                self.reason = f"started more than {self.most} processes"
            elif sum(sizes(found)) > limit and sum(map(held, found)) > limit:
                self.reason = f"took more than {self.memory_gib:g} GiB of memory"
            else:
                continue
            self._end_all()

    def _end_all(self) -> None:
        self._stop()
        for _ in range(500):  # what forks quickly must be hit more than once
            found = processes() - self._ours
            if len(found) <= 1:  # nothing, or the next kernel
                return
            for number in found:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(number, signal.SIGKILL)
            self._pause.wait(0.01)

    def alone(self) -> bool:
        """Whether the kernel has started nothing that runs on; true where that can't be seen."""
        return not self.walls or len(processes() - self._ours) <= 1

    def full(self) -> bool:
        """Whether more than half of the memory is taken; false where that can't be seen."""
        found = processes() - self._ours if self.walls else set()
        half = self.memory_gib * GIB / 2
        return sum(sizes(found)) > half and sum(map(held, found)) > half

    def told(self) -> str:
        """Returns why processes were ended since the last call, or an empty text."""
        reason, self.reason = self.reason, ""
        return reason
