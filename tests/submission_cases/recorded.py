"""A grader's servers that run nothing: every check says that the answer is right."""

from __future__ import annotations

from typing import Any

import pytest

from grading import grade, sandbox, servers


class Recorder:
    """Stands in for what runs behind the walls, and keeps what it was given to run."""

    def __init__(self) -> None:
        self.ran: list[list[dict[str, Any]]] = []
        self.problem = ""

    @property
    def runs(self) -> int:
        """How many notebooks were run."""
        return len(self.ran)

    def run(self, cells: list[dict[str, Any]]) -> servers.Found:
        """Finds every answer right, or has the problem."""
        self.ran.append(cells)
        if self.problem:
            raise servers.RunError(self.problem)
        right = {"output_type": "execute_result", "data": {"text/plain": "✓ Correct: A. B"}}
        outputs = [[right] if cell["check"] else [] for cell in cells]
        return servers.Found(outputs, ["ok"] * len(cells), {})

    def close(self) -> None:
        """Has nothing to end."""


def record(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Lets each grader that is made from now on run nothing."""
    found = Recorder()
    monkeypatch.setattr(sandbox, "walls_stand", lambda: True)
    monkeypatch.setattr(grade.servers, "Servers", lambda *_: found)
    return found
