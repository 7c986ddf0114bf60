"""Starts kernels: a process that knows nothing of the cells, and the handle by which it is asked.

A kernel is forked from it, with PyTorch loaded. It is the first process behind the inner walls: no
kernel can end it, and all kernels end with it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from . import walls

#: How far a kernel stands back behind the processes that watch it.
NICE = 5


class Nursery:
    """The process that forks kernels.

    Args:
        line: its end of the line to those who ask.
        isolated: whether inner walls stand.
    """

    def __init__(self, line: socket.socket, isolated: bool) -> None:
        self._line = line.makefile("rw", encoding="utf-8")
        self._isolated = isolated
        self._kernel = 0
        self._connection: dict[str, Any] = {}

    def serve(self) -> int:
        """Does what is asked for until nobody asks any more."""
        self._tell({"ready": True})
        for text in self._line:
            asked = json.loads(text)
            if asked["do"] == "start":
                self._connection = asked["connection"]
                self._kernel = walls.forked(self._run_kernel)
            elif asked["do"] == "interrupt" and self._lives():
                os.kill(self._kernel, signal.SIGINT)
            elif asked["do"] == "stop":
                self._stop()
            self._tell({"lives": self._lives(), "computed": self._computed()})
        self._stop()
        return 0

    def _tell(self, reply: dict[str, Any]) -> None:
        self._line.write(f"{json.dumps(reply)}\n")
        self._line.flush()

    def _lives(self) -> bool:
        """Whether the kernel runs; on the way this lets all go that have ended."""
        while self._kernel:
            try:
                ended, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                ended = self._kernel
            if not ended:
                return True
            if ended == self._kernel:
                self._kernel = 0
        return False

    def _computed(self) -> float:
        """Returns the seconds that the kernel has computed."""
        try:  # the clock of a process, as Linux numbers it
            return time.clock_gettime((~self._kernel << 3) | 2) if self._kernel else 0
        except (OSError, OverflowError):  # not on this system
            return time.monotonic()

    def _stop(self) -> None:
        """Ends the kernel and whatever it has started."""
        try:
            if self._isolated:
                os.kill(-1, signal.SIGKILL)  # all behind these walls but this process
            elif self._kernel:
                os.killpg(self._kernel, signal.SIGKILL)
        except ProcessLookupError:
            pass
        with contextlib.suppress(ChildProcessError):
            while self._isolated or self._kernel:  # those too whose parents have ended
                ended, _ = os.waitpid(-1, 0)
                self._kernel *= ended != self._kernel
        self._kernel = 0

    def _run_kernel(self) -> int:
        os.setsid()
        # Whoever watches comes first: without this, hundreds of processes keep it from looking.
        os.nice(NICE)
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nothing, number)
        os.closerange(3, 1 << 16)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        logging.disable(logging.NOTSET)
        walls.hide(False)
        if self._isolated:
            walls.give_up_rights()
        walls.die_with_parent()
        place = Path(os.environ["HOME"], ".kernel.json")
        place.write_text(json.dumps(self._connection))
        sys.argv = ["ipykernel_launcher.py", "-f", str(place)]
        from ipykernel.kernelapp import IPKernelApp

        IPKernelApp.launch_instance()
        return 0


class Handle:
    """Asks the nursery; usable from several threads."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line.makefile("rw", encoding="utf-8")
        self._lock = threading.Lock()
        self._line.readline()  # it is ready

    def ask(self, do: str, connection: dict[str, Any] | None = None) -> tuple[bool, float]:
        """Has something done: "start", "interrupt", "stop" or "look".

        Returns whether a kernel lives, and the seconds that it has computed.
        """
        with self._lock:
            self._line.write(f"{json.dumps({'do': do, 'connection': connection})}\n")
            self._line.flush()
            reply = json.loads(self._line.readline() or "{}")
            return bool(reply.get("lives")), float(reply.get("computed", 0))
