"""Hands out questions: a chapter's kinds in one seed, with their choices in random order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from string import ascii_uppercase

from aigc_utils.exercises.chapter import Draw
from aigc_utils.plotting import Picture

from .kinds import Kind, Question

#: The seed of the questions in the book's pages. No export takes it.
BOOK_SEED = -1


def form(seed: int) -> str:
    """Returns what a seed's questions are called where students see it; a long seed stays secret.

    Whoever knows a seed can ask for its answers, so it stands on nothing that is handed out.
    """
    return hashlib.sha256(f"form/{seed}".encode()).hexdigest()[:6]


@dataclass(frozen=True)
class Chapter:
    """A chapter's kinds of questions; its folder has it as `CHAPTER`."""

    name: str  # the notebook's, such as "03_vae"
    objectives: tuple[str, ...]  # all that the chapter teaches, in its order
    kinds: tuple[Kind, ...]


@dataclass(frozen=True)
class Choice:
    """One of the choices under a question."""

    letter: str
    text: str
    right: bool
    reason: str  # why it is right, or why it is wrong


@dataclass(frozen=True)
class Item:
    """A question as it is handed out."""

    chapter: str
    seed: int
    kind: Kind
    question: Question
    choices: tuple[Choice, ...]

    @property
    def identifier(self) -> str:
        """A name that no other item has, of letters, digits and underscores alone."""
        return f"q{self.chapter}_{self.kind.name}_{form(self.seed)}"

    @property
    def right(self) -> Choice:
        """The right choice."""
        (choice,) = (choice for choice in self.choices if choice.right)
        return choice

    @property
    def picture(self) -> Picture | None:
        """What the question speaks of, drawn at each call; None where there is nothing to see."""
        return self.question.picture() if self.question.picture else None


def _folders() -> list[str]:
    """Returns the names of the folders beside this file; each holds a chapter's kinds."""
    return [found.name for found in iter_modules([str(Path(__file__).parent)]) if found.ispkg]


@cache
def _chapters() -> dict[str, Chapter]:
    found: list[Chapter] = [import_module(f".{name}", __package__).CHAPTER for name in _folders()]
    return {chapter.name: chapter for chapter in sorted(found, key=lambda one: one.name)}


def chapter_names() -> list[str]:
    """Returns the names of the chapters that have questions, in their order."""
    return list(_chapters())


def find_chapter(name: str) -> Chapter:
    """Returns a chapter's kinds, by its notebook's name or number: "03_vae", "03" or "3".

    Raises:
        ValueError: there is none of that name.
    """
    for chapter in _chapters().values():
        number = chapter.name.partition("_")[0]
        if name in (chapter.name, number, number.lstrip("0")):
            return chapter
    known = ", ".join(chapter_names())
    raise ValueError(f"There are no questions for {name!r}; there are: {known}.")


def ask_one(chapter: str, kind: Kind, seed: int) -> Item:
    """Returns a kind's question in one seed, the same on every machine."""
    draw = Draw(f"questions/{chapter}/{kind.name}/{seed}")
    question = kind.pose(draw)
    reasons = {question.right: question.because, **question.wrong}
    choices = tuple(
        Choice(letter, text, text == question.right, reasons[text])
        for letter, text in zip(
            ascii_uppercase, draw.sample([*reasons], len(reasons)), strict=False
        )
    )
    return Item(chapter, seed, kind, question, choices)


def ask(chapter: str, seed: int, shown: str = "all") -> list[Item]:
    """Returns a question of each of a chapter's kinds.

    Args:
        chapter: its name or number.
        seed: draws the numbers, the wrong choices and their order.
        shown: "public" for the kinds that the book's pages may show, "hidden" for the others, and
            "all".

    Raises:
        ValueError: there is no such chapter, or it has no such kinds.
    """
    found = find_chapter(chapter)
    taken = {"all": (True, False), "public": (True,), "hidden": (False,)}[shown]
    items = [ask_one(found.name, kind, seed) for kind in found.kinds if kind.public in taken]
    if not items:
        raise ValueError(f"Chapter {found.name} has no {shown} questions.")
    return items
