"""Keeps what was graded, so that a class that is graded again costs only what is new in it.

A result is kept under a number made of all that it depends on: the submission's notebooks, the
released exercises and their checks, the variant, the limits, the course's code and what is
installed. What can't be read, or was written by another version, counts as never graded.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from .marks import Result, as_record, from_record
from .notebooks import SubmissionError
from .submissions import Submission


def digest(submission: Submission) -> str:
    """Returns a number that changes with all that a submission holds."""
    told = [submission.student, submission.id, *submission.notes]
    told += [file.path for file in submission.others]
    found = hashlib.sha256(repr(told).encode("utf-8", "backslashreplace"))
    for attempt in submission.attempts:
        try:
            content = hashlib.sha256(attempt.file.read()).hexdigest()
        except SubmissionError as error:
            content = str(error)
        told = [attempt.path, attempt.handed_in, attempt.late, str(attempt.number), content]
        found.update(repr(told).encode("utf-8", "backslashreplace"))
    return found.hexdigest()


class Kept:
    """The results of earlier runs.

    Args:
        folder: where they are kept.
        fingerprint: of what they depend on besides the submissions.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder, self.fingerprint = folder, fingerprint
        self._used: set[str] = set()

    def place(self, number: str) -> Path:
        """Returns the file for a submission's number."""
        key = hashlib.sha256(f"{self.fingerprint} {number}".encode()).hexdigest()
        return self.folder / f"{key}.json"

    def load(self, number: str) -> Result | None:
        """Returns the result that is kept for a submission, with its page; None if there is none.

        It never raises: a damaged file is as good as none.
        """
        path = self.place(number)
        try:
            written = json.loads(path.read_text(encoding="utf-8"))
            if written["key"] != path.stem or written["sum"] != _sum(written["body"]):
                return None
            result = from_record(json.loads(written["body"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        if not result.page:
            return None
        self._used.add(path.name)
        return result

    def store(self, number: str, result: Result) -> None:
        """Keeps a result with its page. A full disk is no fault: the next run grades it again."""
        path = self.place(number)
        self._used.add(path.name)
        body = json.dumps(as_record(result))
        beside = path.with_suffix(".part")
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            beside.write_text(
                json.dumps({"key": path.stem, "sum": _sum(body), "body": body}), encoding="utf-8"
            )
            beside.replace(path)

    def forget_others(self) -> None:
        """Removes what this run neither found nor kept."""
        for path in self.folder.glob("*.json"):
            if path.name not in self._used:
                with contextlib.suppress(OSError):
                    path.unlink()


def _sum(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()
