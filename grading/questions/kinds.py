"""A kind of question: a function that poses it with numbers of its own, anew for each seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aigc_utils.exercises.chapter import Draw
from aigc_utils.plotting import Picture

#: How many wrong choices stand beside the right one.
NUM_WRONG = 3


@dataclass(frozen=True)
class Question:
    """A question with one right choice. All texts are Markdown, with formulas between dollars."""

    text: str
    right: str  # the choice that is right
    because: str  # why it is
    wrong: Mapping[str, str]  # each wrong choice, with the reason why it is wrong
    picture: Callable[[], Picture] | None = None  # draws what the text speaks of


@dataclass(frozen=True)
class Kind:
    """A kind of question, which a seed makes a question of."""

    name: str  # that of its function
    title: str
    objective: str  # the learning objective that it asks for
    misconceptions: tuple[str, ...]  # those that its wrong choices bring to light
    public: bool  # whether the book may show it in its pages, answer and all
    pose: Callable[[Draw], Question]


def kind(
    title: str, *, objective: str, misconceptions: tuple[str, ...] = (), public: bool = False
) -> Callable[[Callable[[Draw], Question]], Kind]:
    """Returns a decorator that makes a kind, named after its function, of what poses it."""

    def make(pose: Callable[[Draw], Question]) -> Kind:
        return Kind(pose.__name__, title, objective, misconceptions, public, pose)

    return make


def choose(
    draw: Draw,
    text: str,
    right: str,
    because: str,
    wrong: Mapping[str, str],
    picture: Callable[[], Picture] | None = None,
) -> Question:
    """Returns a question with some of the wrong choices, drawn.

    Args:
        draw: draws them.
        text: the question.
        right: the right choice.
        because: why it is right.
        wrong: wrong choices, more than are shown, each with its reason; the right one is left out,
            so that kinds may give all that there are.
        picture: draws what the text speaks of.

    Raises:
        ValueError: there are too few wrong choices.
    """
    others = [choice for choice in wrong if choice != right]
    if len(others) < NUM_WRONG:
        raise ValueError(f"{text!r} needs {NUM_WRONG} wrong choices, not {len(others)}.")
    chosen = draw.sample(others, NUM_WRONG)
    return Question(text, right, because, {choice: wrong[choice] for choice in chosen}, picture)


def compute(
    draw: Draw,
    text: str,
    right: float,
    because: str,
    mistakes: Mapping[str, float],
    show: Callable[[float], str],
    picture: Callable[[], Picture] | None = None,
) -> Question:
    """Returns a question for a number, with some of the values that typical mistakes yield.

    Args:
        draw: draws them.
        text: the question.
        right: its answer.
        because: how it is found.
        mistakes: maps each reason to the value that its mistake yields. Values that are shown like
            the right one, or like an earlier one, are left out.
        show: gives each value its text, all in one form.
        picture: draws what the text speaks of.

    Raises:
        ValueError: too few values remain.
    """
    wrong: dict[str, str] = {}
    for reason, value in mistakes.items():
        wrong.setdefault(show(value), reason)
    return choose(draw, text, show(right), because, wrong, picture)


def whole(value: float) -> str:
    """Returns a whole number as text, with commas between thousands."""
    return f"{round(value):,}"


def decimals(digits: int) -> Callable[[float], str]:
    """Returns what shows a number with so many digits after the point."""
    return lambda value: f"{round(value, digits) + 0.0:,.{digits}f}"


def listed(values: list[float] | list[int]) -> str:
    """Returns values as text, with commas between them."""
    return ", ".join(f"{value:g}" for value in values)
