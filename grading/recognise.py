"""Tells which of the course's notebooks a submitted one is, by the lines that only one of them has.

All downloads of a chapter and of its exercises have the same name, so the wrong one is often handed
in; metadata gets lost, and a new edition changes cells, but most lines stay.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

from . import editions

#: A shorter line may stand anywhere.
SHORTEST = 20
#: The share of a notebook's own lines that makes a submission that notebook.
ENOUGH = 0.1


@dataclass(frozen=True)
class Document:
    """A chapter's notebook or its exercises.

    Attributes:
        name: such as "01_cnn".
        exercises: whether it is a chapter's exercises.
        lines: what stands in this notebook and in no other one of the course.
    """

    name: str
    exercises: bool
    lines: frozenset[str]

    def __str__(self) -> str:
        number = int(re.match(r"\d*", self.name)[0] or 0)  # type: ignore[index]
        return f"the exercises {self.name}" if self.exercises else f"chapter {number} ({self.name})"

    def share(self, found: frozenset[str]) -> float:
        """Returns the share of this notebook's own lines that are among those found."""
        return len(self.lines & found) / max(1, len(self.lines))


def _lines(text: str) -> frozenset[str]:
    lines = (re.sub(r"^[#\s]+", "", line).strip() for line in text.splitlines())
    return frozenset(line for line in lines if len(line) >= SHORTEST)


@cache
def documents() -> tuple[Document, ...]:
    """Returns the course's notebooks."""
    texts = {}
    for folder, exercises in ((editions.SOURCES, True), (editions.ROOT / "notebooks", False)):
        for path in sorted(folder.glob("[0-9]*.py")):
            texts[path.stem, exercises] = _lines(path.read_text(encoding="utf-8"))
    count = Counter(line for lines in texts.values() for line in lines)
    return tuple(
        Document(name, exercises, frozenset(line for line in lines if count[line] == 1))
        for (name, exercises), lines in texts.items()
    )


def mistaken(notebook: Any, name: str, marked: bool) -> Document | None:
    """Returns which other notebook of the course was handed in; None if it is none.

    Args:
        notebook: the submission.
        name: of the exercises that are asked for.
        marked: whether a cell bears the mark of one of these exercises.
    """
    found = _lines("\n".join(cell.source for cell in notebook.cells))
    shares = {document: document.share(found) for document in documents()}
    own = sum(share for one, share in shares.items() if one.exercises and one.name == name)
    best = max(shares, key=lambda one: shares[one])
    if (best.exercises and best.name == name) or marked or shares[best] < ENOUGH:
        return None
    return best if shares[best] > 2 * own else None
