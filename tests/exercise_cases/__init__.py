"""Answers to every exercise, right and wrong, on which the checks themselves are tested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
    """The answers to one chapter's exercises."""

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
