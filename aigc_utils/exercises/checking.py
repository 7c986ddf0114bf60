"""Runs an exercise's check on a reader's answer, and turns whatever happens into one outcome.

A check tries the answer on inputs that it makes, and compares what comes out; it never reads the
answer's text. An answer that raises or never ends is reported like a wrong one, and the notebook
goes on. The four outcomes follow Kaggle's learntools.
"""

from __future__ import annotations

import ctypes
import html
import random
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch

from ..console import for_console

Status = Literal["correct", "not yet", "error", "not attempted"]

#: Seconds of computing for one check. The slowest right answer takes one on the two cores that the
#: chapters' limits are of, and must have them on a computer four times as slow, too. `PATIENCE`
#: limits the waiting.
LIMIT_SECONDS = 4
#: How many times the limit an answer may take that waits in place of computing.
PATIENCE = 4
#: The sign before each outcome.
SIGNS: dict[Status, str] = {"correct": "✓", "not yet": "○", "error": "✗", "not attempted": "–"}
#: The colour of the line beside an outcome; its word says the same to those who see no colours.
COLORS: dict[Status, str] = {
    "correct": "#009E73", "not yet": "#E69F00", "error": "#D55E00", "not attempted": "#5F6B7A",
}  # fmt: skip


class NotYet(Exception):  # noqa: N818 - no error: a check raises it where an answer falls short
    """An answer that falls short; the message says where, and names the likely misconception."""


class Stopped(BaseException):
    """Ends an answer that takes too long; no `except Exception` in it catches this."""


@dataclass(frozen=True)
class Outcome:
    """What a check says of an answer. As a cell's last line it shows itself."""

    title: str  # the exercise's
    status: Status  # "correct", "not yet", "error" or "not attempted"
    message: str  # one or two sentences for the reader

    @property
    def correct(self) -> bool:
        """Whether the answer holds."""
        return self.status == "correct"

    def require(self) -> None:
        """Does nothing where the answer is correct.

        Raises:
            AssertionError: the answer is not correct; the message is the outcome's text.
        """
        if not self.correct:
            raise AssertionError(str(self))

    def __str__(self) -> str:
        status = self.status[0].upper() + self.status[1:]
        return for_console(f"{SIGNS[self.status]} {status}: {self._title} {self.message}")

    __repr__ = __str__

    @property
    def _title(self) -> str:
        return self.title if self.title.endswith("?") else f"{self.title}."

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        sign, status = SIGNS[self.status], self.status[0].upper() + self.status[1:]
        style = f"border-left:4px solid {COLORS[self.status]};padding:.3em .8em;margin:.2em 0"
        title, message = html.escape(self._title), html.escape(self.message)
        return {
            "text/plain": str(self),
            "text/markdown": f"{sign} **{status}: {self._title}** {self.message}",
            "text/html": f'<div style="{style}">{sign} <b>{status}: {title}</b> {message}</div>',
        }


def expect(condition: Any, message: str) -> None:
    """Does nothing where the condition holds.

    Raises:
        NotYet: the condition does not hold; the message is the one given.
    """
    if not bool(condition):
        raise NotYet(message)


def attempted(answer: Any) -> bool:
    """Whether an answer has no place left that still holds `...`."""
    if isinstance(answer, dict):
        return all(map(attempted, answer.values()))
    if isinstance(answer, list | tuple | set):
        return all(map(attempted, answer))
    return answer is not Ellipsis


@contextmanager
def untouched_randomness(seed: int) -> Iterator[None]:
    """Seeds every global generator for a check, and gives the reader's own back afterwards."""
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - an answer may use the old interface
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        np.random.set_state(states[2])  # noqa: NPY002


def run_check(
    title: str, seed: int, run: Callable[[], str | None], limit_s: float = LIMIT_SECONDS
) -> Outcome:
    """Returns the outcome of a check that raises NotYet where the answer falls short.

    Args:
        title: the exercise's title.
        seed: of the global generators while the check runs.
        run: the check, with the answer in it; it may return what it measured, for the outcome.
        limit_s: seconds of computing after which the answer is stopped.
    """
    found = Outcome(title, "error", "")

    def work() -> None:
        nonlocal found
        found = _outcome(title, run)

    thread = threading.Thread(target=work, daemon=True)
    with untouched_randomness(seed):
        thread.start()
        _wait(thread, limit_s)
        if not thread.is_alive():
            return found
        ended = _stop(thread)
    message = f"Your answer was still running after {limit_s:g} seconds: does a loop never end?"
    if not ended:
        message += " It can't be stopped from here: restart the kernel."
    return replace(found, message=message, status="error")


def _wait(thread: threading.Thread, limit_s: float) -> None:
    """Waits until a thread ends or has used up its time."""
    start = time.monotonic()
    while thread.is_alive() and time.monotonic() - start < PATIENCE * limit_s:
        if _computed(thread, time.monotonic() - start) >= limit_s:
            return
        thread.join(0.02)


def _computed(thread: threading.Thread, waited: float) -> float:
    """Returns the seconds that a thread has computed.

    Windows and macOS do not tell: there they are those since it began.
    """
    try:
        clock = time.pthread_getcpuclockid(thread.ident or 0)
        return time.clock_gettime(clock)
    except (AttributeError, OSError):  # not on this system, or the thread has just ended
        return waited


def _outcome(title: str, run: Callable[[], str | None]) -> Outcome:
    try:
        measured = run()
    except NotYet as reason:
        return Outcome(title, "not yet", str(reason))
    except NotImplementedError as error:
        if not str(error):  # the stub's own
            return Outcome(title, "not attempted", "Replace the stub with your answer.")
        return Outcome(title, "error", _told(error))
    except Stopped:
        return Outcome(title, "error", "stopped")
    except BaseException as error:  # an answer may even call sys.exit
        return Outcome(title, "error", _told(error))
    return Outcome(title, "correct", f"Well done. {measured}" if measured else "Well done.")


def _told(error: BaseException) -> str:
    """Returns what an error says and in which line of the answer it arose."""
    text = f"{type(error).__name__}: {error}".strip().removesuffix(":").splitlines()[0]
    frames = traceback.extract_tb(error.__traceback__)
    # A notebook's cell has no file of its own: IPython names it by a number.
    own = [f for f in frames if "ipykernel" in f.filename or f.filename.startswith("<")]
    place = f" (line {own[-1].lineno} of your cell)" if own else ""
    return f"Your answer stopped with {text[:300]}{place}"


def _stop(thread: threading.Thread) -> bool:
    """Returns whether a thread ended when told to."""
    for _ in range(20):  # a second: on a busy machine a thread waits for its turn
        ident = ctypes.c_ulong(thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(Stopped))
        thread.join(0.05)
        if not thread.is_alive():
            return True
    return False
