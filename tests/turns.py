"""What one run of the tests leaves to the next ones, as the second runs of notebooks are in turn.

The variants of an exercise, odd submissions to the grader, and figures that are drawn a second time
are many of one kind: a run takes the part whose turn it is by the number of commits, and all where
the last change touches what they try. `make prove`, `REPEAT=--all pytest ...` and a copy without
history take all.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from bookmaking import ROOT
from bookmaking.proof import PINS, SINCE, turn_and_changes

T = TypeVar("T")

#: Whether this run leaves nothing out.
PROVE = os.environ.get("REPEAT") == "--all"


def in_turn(
    cases: Sequence[T], parts: int, tried: Sequence[str], root: Path = ROOT, since: str = SINCE
) -> list[T]:
    """Returns the cases of this run; as many as there are parts, on commits in a row, take all.

    Args:
        cases: all cases.
        parts: in how many they are cut.
        tried: files and folders; all cases are taken where one of them, or a pin, has changed.
        root: the course's folder.
        since: the commit from which the change is told.
    """
    found = None if PROVE else turn_and_changes(root, since)
    if found is None:
        return [*cases]
    turn, changed = found
    places = [root / name for name in (*tried, PINS)]
    if any(path == place or place in path.parents for path in changed for place in places):
        return [*cases]
    return [*cases[turn % parts :: parts]]
