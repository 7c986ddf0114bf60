"""By what a class is graded: everything that another machine must know to grade the same."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from . import editions, sandbox
from .grade import Grader
from .variants import Released

#: The folders whose code decides what a submission earns.
CODE = ("aigc_utils", "exercises", "grading", "notebooks")


@dataclass(frozen=True)
class Plan:
    """By what a class is graded.

    Attributes:
        name: of the exercises, such as "01_cnn".
        text: of the exercises, with solutions and hidden tests.
        released: the variants that were handed out.
        limits: what one submission may use.
        walls: whether submissions run in the sandbox.
    """

    name: str
    text: str
    released: Released = field(default_factory=Released)
    limits: sandbox.Limits = field(default_factory=sandbox.Limits)
    walls: bool = True

    def edition(self, variant: int) -> Any:
        """Returns the instructor's edition of one variant."""
        return _edition(self.name, variant, self.text)

    def grader(self) -> Grader:
        """Returns the grader that grades by this plan."""
        return Grader(
            self.edition(self.released.first), self.limits, self.walls, self.released, self.edition
        )

    def fingerprint(self) -> str:
        """Returns what changes wherever the same submission might earn something else here."""
        known = (self, course(), sys.version, installed())
        return hashlib.sha256(repr(known).encode("utf-8", "backslashreplace")).hexdigest()


@lru_cache(maxsize=8)
def _edition(name: str, variant: int, text: str) -> Any:
    return editions.make_editions(name, variant, text).instructor


@cache
def course() -> str:
    """Returns a number that changes with each change of the course's code."""
    found = hashlib.sha256()
    for path in _sources():
        found.update(f"{path.relative_to(editions.ROOT).as_posix()}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _sources() -> Iterator[Path]:
    for folder in CODE:
        yield from sorted((editions.ROOT / folder).rglob("*.py"))


@cache
def installed() -> tuple[str, ...]:
    """Returns the packages that are installed here, with their versions."""
    places = [Path(place) for place in sys.path if Path(place).is_dir()]
    return tuple(sorted({one.stem for place in places for one in place.glob("*.dist-info")}))
