"""Ctrl-C and Jupyter's stop button: the first asks a run to stop, the second stops it at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interrupt:
    """Turns the first Ctrl-C inside a `with` into a request that a loop reads between two steps.

    `requested` says whether there was one. A second one raises KeyboardInterrupt where it comes.
    """

    def __init__(self) -> None:
        self.requested = False
        self._handles = False
        self._previous: Any = None

    def __enter__(self) -> Interrupt:
        # Signals reach the main thread alone; elsewhere Python's own behaviour stays.
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._handle)
            self._handles = True
        return self

    def __exit__(self, *exc: object) -> None:
        if self._handles:
            # Python can't put back a handler that it did not install.
            back = signal.default_int_handler if self._previous is None else self._previous
            signal.signal(signal.SIGINT, back)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
