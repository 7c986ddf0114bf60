"""Hands submissions to a Dask cluster; each is graded there behind the worker's own walls.

Dask hands what a lost worker had to another one. A submission travels with its notebooks, so the
workers need no folder in common, and the exercises travel with the plan.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import Any

from . import report
from .files import File
from .grade import Grader
from .marks import Result, as_record, from_record
from .notebooks import SubmissionError
from .plan import Plan, course
from .sandbox import SandboxError
from .submissions import Attempt, Submission

MISSING = (
    "`--scheduler` needs Dask, which comes with the course's extra `cluster`: "
    "`pip install -e '.[cluster]'`."
)
LOST = (
    "The scheduler does not answer any more. What was graded is kept: start it and its workers "
    "anew, and give the same command again."
)
#: Seconds to wait for a scheduler, for its first worker, and for a new one where all were lost.
CONNECT_SECONDS, WORKER_SECONDS = 10, 60
#: Submissions under way for each place on the workers, so that none waits for the next.
AHEAD = 2


class ClusterError(RuntimeError):
    """A cluster that can't grade; the message says what to do."""


# --- on the workers ---------------------------------------------------------------------------

_graders: dict[Plan, Grader] = {}
_lock = threading.Lock()


def grade_one(plan: Plan, version: str, submission: Submission) -> dict[str, Any]:
    """Returns a submission's result as a record with its page; it runs on a worker.

    Raises:
        ClusterError: the worker has another version of the course.
        SandboxError: the worker has no walls.
    """
    if version != course():
        raise ClusterError(
            "A worker has another version of the course: install the same one there, and start "
            "the worker again."
        )
    with _lock:
        if plan not in _graders:
            _graders[plan] = plan.grader()
    result = _graders[plan].grade(submission)
    report.make_page(result)
    return as_record(result)


def version() -> str:
    """Returns the number of the course's code where it runs."""
    return course()


def close(plan: Plan) -> None:
    """Ends what runs on a worker for a plan."""
    with _lock:
        grader = _graders.pop(plan, None)
    if grader is not None:
        grader.close()


# --- on the instructor's machine --------------------------------------------------------------


def _given(content: bytes, problem: str) -> bytes:
    if problem:
        raise SubmissionError(problem)
    return content


def packed(submission: Submission) -> Submission:
    """Returns a copy of a submission that holds its notebooks, so that it can travel."""
    submission.look_into_zips()  # its ZIP files lie here

    def carried(attempt: Attempt) -> Attempt:
        try:
            read = functools.partial(_given, attempt.file.read(), "")
        except SubmissionError as error:
            read = functools.partial(_given, b"", str(error))
        return replace(attempt, file=File(attempt.path, read, attempt.file.modified))

    others = [File(file.path, functools.partial(_given, b"", "")) for file in submission.others]
    attempts = [carried(attempt) for attempt in submission.attempts]
    return replace(submission, attempts=attempts, others=others, looked=True)


def connect(address: str) -> Any:
    """Returns a client of the scheduler at an address that has at least one worker.

    Raises:
        ClusterError: Dask is missing, nothing answers, no worker is there, or the scheduler does
            not know this version of the course.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterError(MISSING) from error
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"No scheduler answers at {address}: start one in the course's folder with `python -m "
            "dask scheduler`, and name the address that it prints, such as tcp://192.168.1.10:8786."
        ) from error
    try:
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
    except TimeoutError as error:
        client.close()
        raise ClusterError(
            f"The scheduler at {address} has no worker: start one on each machine, as the book's "
            "page for instructors says."
        ) from error
    if not _knows_the_course(client):
        client.close()
        raise ClusterError(
            f"The scheduler at {address} does not know this version of the course: start it again "
            "in the course's folder, as the book's page for instructors says."
        )
    return client


def _knows_the_course(client: Any) -> bool:
    """Whether a client's scheduler can read what it is handed: it unpacks each piece of work."""
    try:
        return bool(client.run_on_scheduler(version) == course())
    except Exception:  # it can't import the course, above all
        return False


@contextlib.contextmanager
def _connected() -> Iterator[None]:
    """Says so where the scheduler is lost: Dask then calls off all that runs."""
    try:
        yield
    except (CancelledError, OSError) as error:
        raise ClusterError(LOST) from error


class Cluster:
    """Grades on a cluster, in place of a `Grader` that grades here.

    Args:
        plan: by what the class is graded.
        address: of the scheduler, such as "tcp://192.168.1.10:8786".

    Raises:
        ClusterError: there is no cluster to be had.
    """

    def __init__(self, plan: Plan, address: str) -> None:
        self.plan = plan
        self.client = connect(address)
        self._running: dict[Any, int] = {}
        self._done: dict[int, Result] = {}

    def grade_all(
        self,
        submissions: Sequence[Submission],
        finish: Callable[[Result], None] = lambda result: None,
        known: Callable[[Submission], Result | None] = lambda submission: None,
    ) -> Iterator[Result]:
        """Yields one result for each submission, in their order, as `Grader.grade_all` does.

        Raises:
            ClusterError: the scheduler or all workers were lost, or a worker has another version
                of the course.
            SandboxError: a worker has no walls.
        """
        waiting = iter(enumerate(submissions))
        given = 0
        try:
            while given < len(submissions):
                self._hand_out(waiting, known, finish)
                if given not in self._done:
                    self._take_back(submissions, finish)
                while given in self._done:
                    yield self._done.pop(given)
                    given += 1
        finally:
            self.close()

    def _hand_out(
        self,
        waiting: Iterator[tuple[int, Submission]],
        known: Callable[[Submission], Result | None],
        finish: Callable[[Result], None],
    ) -> None:
        """Hands out so many submissions that each worker has one and the next."""
        with _connected():
            places = max(1, sum(self.client.nthreads().values()))
        while len(self._running) < AHEAD * places:
            number, submission = next(waiting, (-1, None))
            if submission is None:
                return
            if (result := known(submission)) is not None:
                self._finish(number, result, finish)
                continue
            work = packed(submission)
            with _connected(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Dask would rather have large data elsewhere
                future = self.client.submit(grade_one, self.plan, course(), work, pure=False)
            self._running[future] = number

    def _take_back(
        self, submissions: Sequence[Submission], finish: Callable[[Result], None]
    ) -> None:
        """Waits for results, and takes all that are there."""
        alone_since = time.monotonic()
        while not (ready := [future for future in self._running if future.done()]):
            with _connected():
                self._wait()
                working = bool(self.client.nthreads())
            if working:
                alone_since = time.monotonic()
            elif time.monotonic() - alone_since > WORKER_SECONDS:
                raise ClusterError(
                    "All workers were lost. What was graded is kept: start workers, and give the "
                    "same command again."
                )
        for future in ready:
            number = self._running.pop(future)
            with _connected():
                result = self._result(future, submissions[number])
            self._finish(number, result, finish)

    def _wait(self) -> None:
        from distributed import wait

        with self.client.as_current(), contextlib.suppress(TimeoutError):
            wait(list(self._running), timeout=2, return_when="FIRST_COMPLETED")

    def _result(self, future: Any, submission: Submission) -> Result:
        try:
            return from_record(future.result())
        except (ClusterError, SandboxError, CancelledError):
            raise
        except Exception as error:  # a submission that ended each worker it came to, above all
            note = f"The cluster stopped with {type(error).__name__}: {error}"
            lost = Result(submission.student, notes=[" ".join(note.split())[:300]], final=False)
            lost.id = submission.id
            return lost

    def _finish(self, number: int, result: Result, finish: Callable[[Result], None]) -> None:
        try:
            finish(result)
        except Exception as error:  # a full disk, a name that this system refuses
            result.notes.append(f"The page can't be written: {error}"[:300])
        self._done[number] = result

    def close(self) -> None:
        """Ends what runs on the workers for this plan, and leaves the cluster."""
        for future in self._running:
            future.cancel()
        if self.client.status == "running":  # else it would look for its scheduler for a minute
            with contextlib.suppress(Exception):  # a worker that was lost has nothing to end
                self.client.run(close, self.plan, on_error="ignore")
        self.client.close()
