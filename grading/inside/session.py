"""A kernel that runs cells one by one, and is interrupted or ended where a cell takes too long."""

from __future__ import annotations

import math
import os
import re
import time
from pathlib import Path
from queue import Empty
from typing import Any

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from .nursery import Handle
from .outputs import Kept

# `exit()` would end the kernel only after its cell's reply, and the next cell would be blamed.
PREPARE = "get_ipython().ask_exit = lambda: None"
# A longer message is never read: the connection drops it.
LONGEST_MESSAGE = 64 << 20
#: What PyTorch's and C++'s errors say where there is no more memory; Python has one of its own.
OUT_OF_MEMORY = re.compile("can(?:no|')t allocate memory|bad_alloc", re.IGNORECASE)
#: Seconds until a kernel must answer.
PATIENCE = 120


class Clock:
    """Counts the seconds that a kernel computes: a busy machine makes no right answer wrong.

    Args:
        nursery: asked about the kernel.
        seconds: how long it may compute.
        patience: how many times as long it may take that waits in place of computing.
    """

    def __init__(self, nursery: Handle, seconds: float, patience: float = 4) -> None:
        self._nursery, self._seconds = nursery, seconds
        self.lives, self._begin = nursery.ask("look")
        self._end = time.monotonic() + patience * seconds
        self._next = 0.0

    def shorten(self, seconds: float) -> None:
        """Leaves so many seconds at most."""
        self._end = min(self._end, time.monotonic() + seconds)

    def is_over(self) -> bool:
        """Whether the time is over."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + 0.2
        self.lives, computed = self._nursery.ask("look")
        return now > self._end or (self.lives and computed - self._begin > self._seconds)


def how(reply: dict[str, Any]) -> str:
    """Returns how a cell ended by its kernel's reply: "ok", "error" or "full"."""
    if reply.get("status") == "ok":
        return "ok"
    full = OUT_OF_MEMORY.search(str(reply.get("evalue")))
    return "full" if reply.get("ename") == "MemoryError" or full else "error"


class Session:
    """A kernel; `start` once more where a cell has ended it."""

    def __init__(self, nursery: Handle) -> None:
        self._nursery = nursery
        self._info: Any = None
        self._client: BlockingKernelClient | None = None

    def start(self) -> None:
        """Starts a kernel, in place of the one there was.

        Raises:
            RuntimeError: it does not answer.
        """
        for _ in range(3):  # what is being ended may end the next kernel too
            if self._start():
                self.run(PREPARE, PATIENCE, Kept())
                return
        raise RuntimeError("The machine is too slow or has too little memory.")

    def _start(self) -> bool:
        self.stop()
        place = Path(os.environ["HOME"], f".connection-{os.getpid()}.json")
        self._info = write_connection_file(str(place))[1]
        place.unlink()
        self._nursery.ask("start", self._info)
        return self._connect()

    def stop(self) -> None:
        """Ends the kernel, and whatever it has started, at once."""
        if self._client is not None:
            self._client.stop_channels()
            self._client = None
        self._nursery.ask("stop")

    def _connect(self) -> bool:
        """Opens channels to the kernel, in place of those there were; returns if it answers."""
        if self._client is not None:
            self._client.stop_channels()
        self._client = BlockingKernelClient()
        self._client.load_connection_info(self._info)
        self._client.context.setsockopt(zmq.MAXMSGSIZE, LONGEST_MESSAGE)
        self._client.start_channels(stdin=False, hb=False, control=False)
        end = time.monotonic() + PATIENCE
        asked = set()
        while time.monotonic() < end and self._nursery.ask("look")[0]:
            asked.add(self._client.kernel_info())
            for message in self._receive(0.2):
                public = message["header"]["msg_type"] == "status"
                if public and message["parent_header"].get("msg_id") in asked:
                    return True
        return False

    def run(self, source: str, seconds: float, kept: Kept, left: float = math.inf) -> str:
        """Returns how a cell ended.

        It is "ok", "error", "full" (an error too: there was no more memory), "late" (interrupted),
        "stuck" or "dead".

        Args:
            source: the cell's.
            seconds: how long it may compute.
            kept: takes its outputs.
            left: how long it may take in all.
        """
        assert self._client is not None
        asked = self._client.execute(source, allow_stdin=False, stop_on_error=False)
        clock = Clock(self._nursery, seconds)
        clock.shorten(left)
        status = self._wait(asked, clock, kept)
        for _ in range(2):
            if status != "late":
                return status
            self._nursery.ask("interrupt")
            status = self._wait(asked, Clock(self._nursery, 1), kept)
            if status in ("ok", "error", "full"):
                return "late"
        return "dead" if status == "dead" else "stuck"

    def _wait(self, asked: str, clock: Clock, kept: Kept) -> str:
        """Collects a cell's outputs until it has ended, or until the time is over ("late")."""
        status, idle = "", False
        while not (status and idle):
            if clock.is_over():
                if status:  # a message too long has cut the connection
                    kept.lost()
                    self._connect()
                return status or "late"
            messages = self._receive(0.2)
            if not messages and not clock.lives:
                return "dead"
            for message in messages:
                if message["parent_header"].get("msg_id") != asked:
                    continue
                if message["header"]["msg_type"] == "execute_reply":
                    status = how(message["content"])
                    clock.shorten(3)  # the outputs follow at once, unless one was too long
                else:
                    idle = kept.take(message) or idle
        return status

    def _receive(self, seconds: float) -> list[dict[str, Any]]:
        """Returns what the kernel sends within so many seconds: its reply, its outputs."""
        assert self._client is not None
        channels = [self._client.shell_channel, self._client.iopub_channel]
        poller = zmq.Poller()
        for channel in channels:
            poller.register(channel.socket, zmq.POLLIN)
        ready = dict(poller.poll(int(seconds * 1000)))
        found = []
        for channel in channels:
            try:
                if channel.socket in ready:
                    found.append(channel.get_msg(timeout=0))
            except (Empty, ValueError, KeyError, TypeError):  # no message of the protocol's
                continue
        return found
