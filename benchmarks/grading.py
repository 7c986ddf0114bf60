"""A class of submissions, graded with one job and with two: submissions a minute, and memory."""

from __future__ import annotations

import contextlib
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import IO, Any

import psutil

from grading import classes, editions, sandbox, tables

from .made_class import KINDS, kinds, write_class
from .parts import read_parts
from .report import MachineError, machine, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "grading": ("benchmark", "a class that is graded by one job and by two, and graded again"),
}

#: What parts that are joined must have in common, besides machine and versions.
ALIKE = ("exercises", "students", "kinds", "limit_gib", "cell_seconds", "cores")
#: Between two looks at the memory; each takes nearly a tenth of a second of one core.
SECONDS = 2.0
MB = 1e6


class Memory:
    """The memory of a process and of all that it started, look by look, in bytes."""

    def __init__(self, process: int) -> None:
        self._main = psutil.Process(process)
        self.together: list[int] = []
        self.main = 0

    def look(self) -> None:
        """Adds up what the processes hold now, what several have in common once (Linux's PSS)."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self.main = max(self.main, self._main.memory_info().rss)
            found = [self._main, *self._main.children(recursive=True)]
            self.together.append(sum(map(held, found)))


def held(process: psutil.Process) -> int:
    """Returns a process's bytes and its share of what it has in common with others.

    Where the system hides that, it returns the process's own bytes; 0 where it has just ended.
    """
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        info = process.memory_info()
        return int(info.rss - info.shared)
    except psutil.NoSuchProcess:
        return 0


def read_times(lines: IO[str], students: Sequence[str], times: dict[str, float]) -> None:
    """Notes when the grader has told of each student."""
    for line in lines:
        student = line.partition(":")[0]
        if student in students:
            times[student] = time.perf_counter()


def watched(command: Sequence[str], students: Sequence[str]) -> tuple[Memory, dict[str, float]]:
    """Returns the memory that a grader takes, and when it has told of each student.

    Raises:
        MachineError: the grader stops; the message is the grader's own.
    """
    times: dict[str, float] = {}
    with tempfile.TemporaryFile("w+") as errors, subprocess.Popen(
        command, cwd=editions.ROOT, stdout=subprocess.PIPE, stderr=errors, text=True
    ) as process:  # fmt: skip
        assert process.stdout is not None
        reader = Thread(target=read_times, args=(process.stdout, students, times))
        reader.start()
        memory = Memory(process.pid)
        while process.returncode is None:
            memory.look()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(SECONDS)
        reader.join()
        errors.seek(0)
        if process.returncode:
            raise MachineError(errors.read().strip() or "The grader stopped.")
    return memory, times


def grade(place: Path, name: str, jobs: int, out: Path, students: Sequence[str]) -> dict[str, Any]:
    """Returns what grading a class takes: `seconds`, memory in MB, and each student's `times`.

    Args:
        place: the folder of the class.
        name: of the exercises.
        jobs: submissions at the same time.
        out: the folder for the table and the pages.
        students: all of the class.

    Raises:
        MachineError: the grader stops; the message is the grader's own.
    """
    command = [sys.executable, "-m", "grading", "grade", str(place), "--exercises", name]
    command += ["--jobs", str(jobs), "--out", str(out)]
    start = time.perf_counter()
    memory, times = watched(command, students)
    seconds = time.perf_counter() - start
    return {
        "jobs": jobs, "seconds": seconds, "a_minute": 60 * len(students) / seconds,
        "peak": max(memory.together) / MB, "usual": statistics.median(memory.together) / MB,
        "main": memory.main / MB, "times": {who: at - start for who, at in times.items()},
    }  # fmt: skip


def of_kinds(times: dict[str, float], kind: dict[str, str]) -> dict[str, float]:
    """Returns a kind's median seconds, from the times at which one job had graded each student.

    The first student, before whom the grader starts, does not count.
    """
    took: dict[str, list[float]] = {}
    order = sorted(times, key=times.__getitem__)
    for before, student in pairwise(order):
        took.setdefault(kind[student], []).append(times[student] - times[before])
    return {name: statistics.median(took[name]) for name in KINDS if name in took}


def told(path: Path) -> dict[str, Any]:
    """Returns what a table of grades says: how often it has each state, and a number of all points.

    Two tables have the same number if each student has the same points.
    """
    rows = tables.read(path).rows
    points = repr([(row["student"], row["points"]) for row in rows]).encode()
    states = dict(Counter(row["state"] for row in rows))
    return {"states": states, "points": hashlib.sha256(points).hexdigest()}


def benchmark(
    students: int = 300,
    exercises: str = "01_cnn",
    jobs: Sequence[int] = (1, 2),
    parts: Sequence[Path] = (),
) -> dict[str, Any]:
    """Returns, and prints, what a class takes: with each number of jobs, and once more unchanged.

    Args:
        students: how many.
        exercises: their name.
        jobs: numbers of submissions at the same time.
        parts: files of parts that have run, each with other numbers of jobs, to be joined.

    Raises:
        DataError: a file is no part of this benchmark, or parts differ.
        MachineError: there are no such exercises or no walls here, or a run gave another table.
    """
    found = joined(parts) if parts else graded(students, exercises, jobs)
    show(found["runs"])
    if len({one["points"] for one in found["runs"]}) > 1:
        raise MachineError("The points differ from one number of jobs to another.")
    return found


def joined(parts: Sequence[Path]) -> dict[str, Any]:
    """Returns the numbers of parts as those of one run.

    Raises:
        DataError: a file is no part of this benchmark, two have the same number of jobs, or they
            differ in the class, the limits or the machine.
    """
    files = read_parts(parts, alike=ALIKE, holds=["runs", "load"], numbers="jobs")
    runs = [one for file in files for one in file["runs"]]
    runs.sort(key=lambda one: int(one["jobs"]))
    return {**files[0], "jobs": [one["jobs"] for one in runs], "runs": runs}


def graded(students: int, exercises: str, jobs: Sequence[int]) -> dict[str, Any]:
    """Returns the numbers of a class that is graded with each number of jobs: see `benchmark`."""
    if exercises not in editions.names():
        known = ", ".join(editions.names())
        raise MachineError(f"There are no exercises {exercises!r}; there are: {known}.")
    if not sandbox.walls_stand():
        raise MachineError(sandbox.advice())
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kind = dict(write_class(folder / "class", exercises, students))
        runs = [run(folder, exercises, number, kind) for number in dict.fromkeys(jobs)]
    return {
        "exercises": exercises, "students": students, "kinds": kinds(students),
        "limit_gib": sandbox.Limits().memory_gib, "cell_seconds": sandbox.Limits().cell_seconds,
        "jobs": [one["jobs"] for one in runs], "runs": runs,
        "cores": os.cpu_count(), "load": load, **machine(threads=1),
    }  # fmt: skip


def run(folder: Path, name: str, jobs: int, kind: dict[str, str]) -> dict[str, Any]:
    """Grades a class twice, the second time from what was kept, and returns both runs' numbers."""
    out = folder / f"jobs-{jobs}"
    first, again = (grade(folder / "class", name, jobs, out, list(kind)) for _ in range(2))
    times = first.pop("times")
    found = {**first, "again_seconds": again["seconds"], **told(out / classes.TABLE)}
    return found | ({"each_seconds": of_kinds(times, kind)} if jobs == 1 else {})


def show(runs: Sequence[dict[str, Any]]) -> None:
    """Prints the runs, and what each kind of submission takes."""
    print(table(
        ("jobs", "seconds", "a minute", "again, s", "peak, MB", "usual, MB", "grader, MB"),
        [(one["jobs"], *(f"{one[key]:.1f}" for key in ("seconds", "a_minute", "again_seconds")),
          *(f"{one[key]:.0f}" for key in ("peak", "usual", "main"))) for one in runs],
    ))  # fmt: skip
    for one in runs:
        print(f"{one['jobs']}: {one['states']}")
        if "each_seconds" in one:
            rows = [(kind, f"{seconds:.1f}") for kind, seconds in one["each_seconds"].items()]
            print(table(("a submission that is", "seconds"), rows))
