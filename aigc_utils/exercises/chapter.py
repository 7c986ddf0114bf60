"""A chapter's exercises: what each gives, how it is checked, its hints, and its points."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from string import ascii_uppercase
from types import SimpleNamespace
from typing import Any, TypeVar

import torch
from torch import Tensor

from .. import data
from .checking import LIMIT_SECONDS, Outcome, attempted, run_check

T = TypeVar("T")


class Draw:
    """Random values that depend on nothing but a text: the same on every machine."""

    def __init__(self, text: str) -> None:
        self.seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
        self._python_rng = random.Random(self.seed)
        self._rng = torch.Generator().manual_seed(self.seed)

    def integer(self, low: int, high: int) -> int:
        """Returns an integer from `low` to `high`, both included."""
        return self._python_rng.randint(low, high)

    def number(self, low: float, high: float, digits: int = 2) -> float:
        """Returns a number between `low` and `high` with so many digits after the point."""
        return round(self._python_rng.uniform(low, high), digits)

    def choice(self, values: Sequence[T]) -> T:
        """Returns one of the values."""
        return self._python_rng.choice(values)

    def sample(self, values: Sequence[T], count: int) -> list[T]:
        """Returns `count` different values in random order.

        Raises:
            ValueError: there are fewer than `count` values.
        """
        return self._python_rng.sample(values, count)

    def lettered(self, statements: Iterable[str]) -> dict[str, str]:
        """Returns the statements in random order, each under its letter from A on."""
        texts = list(statements)
        return dict(zip(ascii_uppercase, self.sample(texts, len(texts)), strict=False))

    def normal(self, *shape: int) -> Tensor:
        """Returns float32 values from the standard normal distribution."""
        return torch.randn(*shape, generator=self._rng)

    def uniform(self, *shape: int) -> Tensor:
        """Returns float32 values, uniform in [0, 1)."""
        return torch.rand(*shape, generator=self._rng)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Returns int64 values from `low` to `high` - 1."""
        return torch.randint(low, high, shape, generator=self._rng)

    def digits(self, count: int, *, test: bool = False) -> tuple[Tensor, Tensor]:
        """Returns images of MNIST, uint8 (N, 1, 28, 28), and their labels, (N,).

        They come from the training images, or from the test images if `test` is true.
        """
        images, labels = _digits(test)
        index = self.integers(0, len(images), count)
        return images[index], labels[index]


@cache
def _digits(test: bool) -> tuple[Tensor, Tensor]:
    return data.load_digits(test=test)


@dataclass(frozen=True)
class Exercise:
    """One exercise."""

    name: str  # as `check`, `hint` and `given` take it
    title: str  # as the notebook's heading has it
    kind: str  # "predict", "complete", "write", "mend" or "explain"
    objective: str  # the learning objective that it trains
    misconceptions: tuple[str, ...]  # those that it brings to light
    points: int  # what a correct answer earns
    hints: tuple[str, str, str]  # a ladder, the last almost the solution
    # It takes what is given, a `Draw` for inputs of its own, and the answer's parts.
    check: Callable[..., str | None]  # raises NotYet unless the answer holds; may say a result
    draw_given: Callable[[Draw], SimpleNamespace]  # makes what it gives of the variant's `Draw`
    optimizes: bool = False  # whether an answer makes an optimizer of `torch.optim`, to train


def nothing(draw: Draw) -> SimpleNamespace:
    """Gives nothing, for exercises that need no values of their own."""
    return SimpleNamespace()


def exercise(
    title: str,
    *,
    kind: str,
    objective: str,
    points: int,
    hints: tuple[str, str, str],
    misconceptions: tuple[str, ...] = (),
    given: Callable[[Draw], SimpleNamespace] = nothing,
    optimizes: bool = False,
) -> Callable[[Callable[..., str | None]], Exercise]:
    """Returns a decorator that makes an exercise, named after its check, of the check."""

    def make(check: Callable[..., str | None]) -> Exercise:
        name = check.__name__
        return Exercise(
            name, title, kind, objective, misconceptions, points, hints, check, given, optimizes
        )

    return make


class Chapter:
    """The exercises of one chapter, in their order; its folder has it as `CHAPTER`.

    Args:
        name: the notebook's: a number and the folder's name, such as "01_cnn".
        exercises: in the order of the notebook.
        misconceptions: what the exercises bring to light, all of them together.
    """

    def __init__(
        self, name: str, *exercises: Exercise, misconceptions: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.exercises = {exercise.name: exercise for exercise in exercises}
        self.misconceptions = misconceptions

    @property
    def number(self) -> int:
        """The chapter's number."""
        return int(self.name.partition("_")[0])

    def __getitem__(self, name: str) -> Exercise:
        if name not in self.exercises:
            names = ", ".join(self.exercises)
            raise KeyError(f"Chapter {self.name} has no exercise {name!r}; it has: {names}.")
        return self.exercises[name]


class Desk:
    """A chapter's exercises in one variant; the notebook takes its three methods.

    Args:
        chapter: such as "01_cnn".
        variant: the seed of the values that the exercises give; 0 is the book's.

    Raises:
        KeyError: there is no such chapter.
    """

    def __init__(self, chapter: str, variant: int = 0) -> None:
        self.chapter, self.variant = find_chapter(chapter), int(variant)
        self._hinted: dict[str, int] = {}
        if any(exercise.optimizes for exercise in self.chapter.exercises.values()):
            _warm_up()

    def _text(self, exercise: Exercise, *more: object) -> str:
        return "/".join(map(str, (self.chapter.name, exercise.name, self.variant, *more)))

    def given(self, name: str) -> SimpleNamespace:
        """Returns the values that an exercise gives in this variant, fresh at each call.

        Raises:
            KeyError: there is no such exercise.
        """
        exercise = self.chapter[name]
        return exercise.draw_given(Draw(self._text(exercise)))

    def check(
        self, name: str, *answer: Any, rounds: int = 1, limit_s: float = LIMIT_SECONDS
    ) -> Outcome:
        """Returns what is to be said of an answer; it never raises because of the answer.

        Args:
            name: the exercise.
            answer: its parts, in the order of the exercise's check.
            rounds: how many sets of inputs a function is tried on.
            limit_s: seconds of computing after which the answer is stopped, in each round.

        Raises:
            KeyError: there is no such exercise.
        """
        exercise = self.chapter[name]
        if not attempted(answer):
            message = "Put your answer in the place of `...`."
            return Outcome(exercise.title, "not attempted", message)
        for round_ in range(rounds):
            draw = Draw(self._text(exercise, "check", round_))

            def run(draw: Draw = draw) -> str | None:
                return exercise.check(self.given(name), draw, *answer)

            outcome = run_check(exercise.title, draw.seed, run, limit_s)
            if not outcome.correct:
                break
        return outcome

    def hint(self, name: str) -> str:
        """Returns the next of an exercise's three hints, the last one again at the end.

        Raises:
            KeyError: there is no such exercise.
        """
        exercise = self.chapter[name]
        number = min(self._hinted.get(name, 0) + 1, len(exercise.hints))
        self._hinted[name] = number
        return Hint(f"Hint {number} of {len(exercise.hints)}: {exercise.hints[number - 1]}")


class Hint(str):
    """A text that a notebook shows as Markdown."""

    def _repr_markdown_(self) -> str:
        return str(self)


@cache
def _warm_up() -> None:
    """Lets PyTorch import what its optimizers need, which takes seconds.

    Within a check that could look like a loop without an end, and a stop would leave it half done.
    """
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)


def _folders() -> list[str]:
    """Returns the names of the folders beside this file; each holds a chapter's exercises."""
    return [found.name for found in iter_modules([str(Path(__file__).parent)]) if found.ispkg]


def _chapter_in(folder: str) -> Chapter:
    chapter: Chapter = import_module(f".{folder}", __package__).CHAPTER
    return chapter


def chapter_names() -> list[str]:
    """Returns the names of the chapters that have exercises, in their order."""
    return sorted(_chapter_in(folder).name for folder in _folders())


def find_chapter(name: str) -> Chapter:
    """Returns a chapter's exercises; no other chapter's are imported.

    Raises:
        KeyError: there is no chapter of that name.
    """
    folder = name.partition("_")[2]  # "cnn" of "01_cnn"
    if folder in _folders():
        chapter = _chapter_in(folder)
        if chapter.name == name:
            return chapter
    raise KeyError(f"There are no exercises {name!r}; there are: {', '.join(chapter_names())}.")


def open_exercises(
    chapter: str, variant: int = 0
) -> tuple[Callable[..., Outcome], Callable[[str], str], Callable[[str], SimpleNamespace]]:
    """Returns `check`, `hint` and `given` for a chapter's exercises.

    Args:
        chapter: such as "01_cnn".
        variant: the seed of the values that the exercises give; 0 is the book's.

    Raises:
        KeyError: there is no such chapter.
    """
    desk = Desk(chapter, variant)
    return desk.check, desk.hint, desk.given
