"""Answers to every exercise, right and wrong, on which the checks themselves are tested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import Any

Make = Callable[[SimpleNamespace], Any]


@dataclass(frozen=True)
class Case:
    """One answer: how to make it from what the exercise gives, and what the check must say."""

    chapter: str
    exercise: str
    make: Make
    says: str = ""  # a regular expression that the message matches; empty for a right answer

    def answer(self, given: SimpleNamespace) -> tuple[Any, ...]:
        """Returns the answer's parts."""
        made = self.make(given)
        return made if isinstance(made, tuple) else (made,)

    def __str__(self) -> str:
        return f"{self.chapter}-{self.exercise}-{self.make.__name__}"


class Cases:
    """The answers to some exercises of one chapter."""

    def __init__(self, chapter: str) -> None:
        self.chapter = chapter
        self.right_ones: list[Case] = []
        self.wrong_ones: list[Case] = []

    def right(self, exercise: str) -> Callable[[Make], Make]:
        """Returns a decorator for a function that makes a right answer."""

        def add(make: Make) -> Make:
            self.right_ones.append(Case(self.chapter, exercise, make))
            return make

        return add

    def wrong(self, exercise: str, says: str) -> Callable[[Make], Make]:
        """Returns a decorator for a function that makes a wrong answer, refused in these words."""

        def add(make: Make) -> Make:
            self.wrong_ones.append(Case(self.chapter, exercise, make, says))
            return make

        return add


def cases_of(chapter: str) -> Cases:
    """Returns the answers to all exercises of a chapter, from the modules in its folder."""
    package = import_module(f"{__name__}.{chapter.partition('_')[2]}")
    found = Cases(chapter)
    for module in iter_modules(package.__path__):
        part: Cases = import_module(f"{package.__name__}.{module.name}").CASES
        found.right_ones += part.right_ones
        found.wrong_ones += part.wrong_ones
    return found
