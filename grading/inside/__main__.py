"""Runs assembled notebooks: `python -m grading.inside --preload "import torch"`.

A request and its answer are JSON, each after its length on a line of its own; the first answer says
that the server is ready. A cell that never ends is interrupted; one that ends the kernel, or leaves
the memory full, is left out and the rest is run again, so that the other answers count. What cells
put out is kept up to a limit, so that memory stays bounded.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import resource
import socket
import sys
from dataclasses import asdict
from typing import IO, Any

from . import walls
from .nursery import Handle, Nursery

GIB = 1 << 30
#: What every kernel loads.
EVERY_KERNELS = ("import ipykernel.kernelapp", "import ipykernel.ipkernel",
                 "import matplotlib.font_manager")  # fmt: skip
NO_MORE = 3  # the exit status of a runner that is asked for nothing


def arguments() -> argparse.Namespace:
    """Returns the limits of each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cell-seconds", type=float, default=30)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--memory-gib", type=float, default=6)
    parser.add_argument("--processes", type=int, default=24)
    parser.add_argument("--user-processes", type=int, default=0, help="with those outside")
    parser.add_argument("--walls", action="store_true", help="walls stand around this process")
    parser.add_argument("--folders", nargs="*", default=[], help="in memory, to be written to")
    parser.add_argument("--preload", default="", help="imports that every notebook begins with")
    return parser.parse_args()


def set_limits(asked: argparse.Namespace) -> None:
    """Limits what this process and all that it forks may take, each for itself."""
    limits = [
        (resource.RLIMIT_DATA, int(asked.memory_gib * GIB)),
        (resource.RLIMIT_CPU, int(4 * asked.seconds) + 60),
        (resource.RLIMIT_FSIZE, 200 << 20),
        (resource.RLIMIT_CORE, 0),
    ]
    if asked.user_processes:
        limits.append((resource.RLIMIT_NPROC, asked.user_processes))
    for kind, limit in limits:
        hard = resource.getrlimit(kind)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (limit, limit))


def take_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Returns the pipes for requests and answers, in place of the standard streams."""
    pipes = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(nothing, number)
    return pipes


def send(pipe: IO[bytes], answer: dict[str, Any]) -> None:
    """Writes an answer."""
    content = json.dumps(answer).encode()
    rest = memoryview(f"{len(content)}\n".encode() + content)
    while rest:
        rest = rest[pipe.write(rest) :]


def receive(pipe: IO[bytes]) -> Any:
    """Reads a request; returns None where there is none any more."""
    length = b""
    while not length.endswith(b"\n"):
        if not (character := pipe.read(1)):
            return None
        length += character
    content = bytearray()
    while len(content) < int(length):
        if not (part := pipe.read(int(length) - len(content))):
            return None
        content += part
    return json.loads(content)


def run(
    asked: argparse.Namespace, line: socket.socket, requests: IO[bytes], answers: IO[bytes]
) -> int:
    """Runs the next notebook: the process that knows the cells, out of reach of the kernel."""
    from .cells import Cells, Limits, OutOfTimeError
    from .session import Session
    from .watch import Watch

    nursery = Handle(line)
    watch = Watch(asked.walls, asked.processes, asked.memory_gib, lambda: nursery.ask("stop"))
    session = Session(nursery)
    session.start()  # while nobody has asked yet
    cells = receive(requests)
    if cells is None:
        return NO_MORE
    try:
        found = Cells(cells, Limits(asked.cell_seconds, asked.seconds), watch, session).run()
        send(answers, asdict(found))
    except OutOfTimeError as error:
        send(answers, {"problem": str(error)})
    return 0


def serve(asked: argparse.Namespace, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answers one request after the other; only one where no inner walls can be had."""
    isolated = asked.walls and walls.can_enter(asked.folders)
    send(answers, {"goes_on": isolated})
    while True:
        status = answer_next(asked, requests, answers, isolated)
        if status == NO_MORE:
            return
        if status:
            send(answers, {"problem": ""})  # the error stream says why
        if not isolated:
            return


def answer_next(
    asked: argparse.Namespace, requests: IO[bytes], answers: IO[bytes], isolated: bool
) -> int:
    """Forks the two processes of one run; returns the runner's exit status when both have ended."""
    ours, theirs = socket.socketpair()

    def keep_kernels() -> int:
        walls.die_with_parent()
        return Nursery(theirs, isolated).serve()

    def behind_walls() -> int:
        for pipe in (ours, requests, answers):
            pipe.close()
        if not isolated:
            return keep_kernels()
        walls.enter(asked.folders)
        return os.waitpid(walls.forked(keep_kernels), 0)[1]

    def run_next() -> int:
        theirs.close()
        return run(asked, ours, requests, answers)

    nursery, runner = walls.forked(behind_walls), walls.forked(run_next)
    ours.close()
    theirs.close()
    status = os.waitstatus_to_exitcode(os.waitpid(runner, 0)[1])
    os.waitpid(nursery, 0)
    return status


def main() -> int:
    """Serves until nobody asks any more."""
    asked = arguments()
    logging.disable(logging.CRITICAL)
    set_limits(asked)
    walls.hide()
    requests, answers = take_pipes()
    for line in [*asked.preload.splitlines(), *EVERY_KERNELS]:
        with contextlib.suppress(Exception):  # where it matters, the notebook's own line says it
            exec(line, {})
    serve(asked, requests, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
