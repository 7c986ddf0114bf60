"""Runs one assembled notebook: `python runner.py notebook.ipynb --cell-seconds 30`.

The grader starts it inside the sandbox; it imports nothing of the course. A cell that never ends
or kills the kernel is left out and the rest is run again, so that the other answers count.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

GIB = 1 << 30
LEFT_OUT = "raise RuntimeError({!r})"


def set_limits(memory_gib: float, seconds: int) -> None:
    """Limits the data, the processor time and the files of this process and all it starts."""
    data = int(memory_gib * GIB)
    for kind, limit in [
        (resource.RLIMIT_DATA, data),
        (resource.RLIMIT_CPU, 4 * seconds + 60),  # the start costs seconds too
        (resource.RLIMIT_FSIZE, 200 << 20),
        (resource.RLIMIT_CORE, 0),
    ]:
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (limit, limit if hard == resource.RLIM_INFINITY else hard))


def culprit(notebook: Any) -> int:
    """Returns the number of the cell in which a run ended: the first without a reply."""
    for number, cell in enumerate(notebook.cells):
        done = "shell.execute_reply" in cell.metadata.get("execution", {})
        if cell.cell_type == "code" and cell.source.strip() and not done:
            return number
    raise RuntimeError("Every cell has run.")


def is_limited(cell: Any) -> bool:
    """Whether a cell runs a student's code; the released ones may wait for a busy machine."""
    released = cell.metadata.get("nbgrader", {})
    return bool(released.get("grade")) or not released.get("locked")


def run(notebook: Any, cell_seconds: int, seconds: int) -> tuple[Any, dict[int, str]]:
    """Returns the executed notebook, and for each cell that had to be left out the reason."""
    left_out: dict[int, str] = {}
    end = time.monotonic() + seconds
    while True:
        attempt = nbformat.from_dict(notebook)
        for number, reason in left_out.items():
            attempt.cells[number].source = LEFT_OUT.format(reason)
        client = NotebookClient(
            attempt,
            timeout_func=lambda cell: cell_seconds if is_limited(cell) else seconds,
            allow_errors=True,
            kernel_name="python3",
        )
        try:
            client.execute()
        except (CellTimeoutError, DeadKernelError) as error:
            ended = isinstance(error, DeadKernelError)
            how = "ended the kernel" if ended else f"was still running after {cell_seconds} s"
            left_out[culprit(attempt)] = f"The cell {how}."
            if time.monotonic() > end or not is_limited(attempt.cells[culprit(attempt)]):
                raise TimeoutError("The machine is too slow or has too little memory.") from error
        else:
            for number in left_out:  # the student's own text again, for the feedback
                attempt.cells[number].source = notebook.cells[number].source
            return attempt, left_out


def main() -> int:
    """Writes `executed.ipynb` and `left_out.json` beside the notebook."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--cell-seconds", type=int, default=30)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--memory-gib", type=float, default=6)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    set_limits(arguments.memory_gib, arguments.seconds)
    notebook = nbformat.read(arguments.notebook, as_version=4)
    executed, left_out = run(notebook, arguments.cell_seconds, arguments.seconds)
    nbformat.write(executed, arguments.notebook.with_name("executed.ipynb"))
    arguments.notebook.with_name("left_out.json").write_text(json.dumps(left_out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
