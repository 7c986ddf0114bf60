"""Runs submissions behind the walls, one after the other on each of several servers.

A server has PyTorch loaded, and forks for each submission; `grading.inside` is what runs there.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import Any

from . import sandbox

#: Seconds until a server must be ready.
START_SECONDS = 300
#: The most bytes that a run may have found.
FOUND_BYTES = 64 << 20


@dataclass
class Found:
    """What a run found, a list item for each cell.

    Attributes:
        outputs: what each cell put out.
        statuses: how each cell ended: "ok", "error", "late", or "" where it did not run.
        reasons: why a cell was stopped or left out, by its number.
    """

    outputs: list[list[dict[str, Any]]]
    statuses: list[str]
    reasons: dict[int, str]


class RunError(RuntimeError):
    """A run without a result; the message says why in one sentence."""


class ServerError(RunError):
    """A server that has ended, by no fault of the submission's as far as can be told."""


class Server:
    """A server behind walls, which runs one notebook after the other.

    Args:
        limits: what each may use.
        walls: whether walls stand around it.
        preload: imports that all notebooks begin with, one a line.

    Raises:
        sandbox.SandboxError: walls are asked for and there are none.
        RunError: it does not start.

    Attributes:
        goes_on: whether it can run another notebook; it can't where the system allows no inner
            walls.
    """

    def __init__(self, limits: sandbox.Limits, walls: bool = True, preload: str = "") -> None:
        if walls and not sandbox.walls_stand():
            raise sandbox.SandboxError(sandbox.advice())
        self.limits = limits
        self._folder = tempfile.TemporaryDirectory()
        self._told = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        self._process = subprocess.Popen(
            sandbox.command(limits, walls, preload),
            env=sandbox.environment(sandbox.SCRATCH if walls else self._folder.name),
            cwd=sandbox.ROOT if walls else self._folder.name,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._told,
            bufsize=0,
            start_new_session=True,
        )
        try:
            self.goes_on = bool(self._receive(START_SECONDS)["goes_on"])
        except BaseException:
            self.close()
            raise

    def run(self, cells: list[dict[str, Any]]) -> Found:
        """Runs cells, as `grading.inside.cells` describes them.

        Raises:
            RunError: there is no result; the server can't be used any more.
        """
        pipe = self._process.stdin
        assert pipe is not None
        content = json.dumps(cells).encode()
        try:
            rest = memoryview(f"{len(content)}\n".encode() + content)
            while rest:
                rest = rest[pipe.write(rest) :]
        except BrokenPipeError as error:
            raise ServerError(self._last_line()) from error
        # A cell may take its time once more after the last look at the clock, and wait as well.
        answer = self._receive(self.limits.seconds + 5 * self.limits.cell_seconds + 60)
        if answer.get("problem"):
            raise RunError(str(answer["problem"]))
        if "problem" in answer:
            raise ServerError(self._last_line())
        try:
            reasons = {int(number): str(reason) for number, reason in answer["reasons"].items()}
            return Found(answer["outputs"], answer["statuses"], reasons)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError("The run ended without a result that can be read.") from error

    def _receive(self, seconds: float) -> Any:
        """Returns the server's next answer."""
        end = time.monotonic() + seconds
        content = bytearray()
        length = None
        while length is None or len(content) < length:
            part = self._read(end)
            content += part
            if length is None and b"\n" in content:
                head, _, content = content.partition(b"\n")
                length = int(head)
                if length > FOUND_BYTES:
                    raise RunError("What the submission puts out is too large.")
        return json.loads(content)

    def _read(self, end: float) -> bytes:
        pipe = self._process.stdout
        assert pipe is not None
        if not select.select([pipe], [], [], max(0, end - time.monotonic()))[0]:
            self.close()
            raise RunError(f"The submission was still running after {self.limits.seconds:g} s.")
        if not (part := os.read(pipe.fileno(), 1 << 16)):
            raise ServerError(self._last_line())
        return part

    def _last_line(self) -> str:
        self._told.seek(0, os.SEEK_END)
        self._told.seek(max(0, self._told.tell() - 2_000))
        lines = self._told.read().decode(errors="replace").strip().splitlines()
        return f"The run ended without a result: {(lines or ['no message'])[-1][:200]}"

    def close(self) -> None:
        """Ends the server and all that it started; a sandbox ends with its first process."""
        if self._process.stdin is not None:
            self._process.stdin.close()  # it ends by itself, unless a submission runs
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)
        if self._process.returncode is None:
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, 9)
            else:
                self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdout, self._told):
            if pipe is not None:
                pipe.close()
        self._folder.cleanup()


class Servers:
    """As many servers as submissions run at a time.

    Args:
        limits: what each submission may use.
        walls: whether walls stand around it.
        preload: imports that all notebooks begin with, one a line.
    """

    def __init__(self, limits: sandbox.Limits, walls: bool = True, preload: str = "") -> None:
        self._new = lambda: Server(limits, walls, preload)
        self._idle: queue.SimpleQueue[Server] = queue.SimpleQueue()
        self._all: set[Server] = set()
        self._closed = False

    def run(self, cells: list[dict[str, Any]]) -> Found:
        """Runs cells on a server that is free, or on a new one.

        Raises:
            RunError: there is no result.
        """
        try:
            return self._run_on(self._take(), cells)
        except ServerError:
            return self._run_on(self._start(), cells)

    def _run_on(self, server: Server, cells: list[dict[str, Any]]) -> Found:
        goes_on = False
        try:
            found = server.run(cells)
            goes_on = server.goes_on
            return found
        finally:
            if goes_on:
                self._idle.put(server)
            else:
                self._all.discard(server)
                server.close()

    def _start(self) -> Server:
        if self._closed:
            raise RunError("The grader was stopped.")
        server = self._new()
        self._all.add(server)
        return server

    def _take(self) -> Server:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return self._start()

    def close(self) -> None:
        """Ends all servers, also those on which a submission runs, for good."""
        self._closed = True
        while self._all:
            self._all.pop().close()


def run(cells: list[dict[str, Any]], limits: sandbox.Limits, walls: bool = True) -> Found:
    """Runs cells on a server of their own.

    Raises:
        sandbox.SandboxError: walls are asked for and there are none.
        RunError: there is no result.
    """
    server = Server(limits, walls)
    try:
        return server.run(cells)
    finally:
        server.close()
