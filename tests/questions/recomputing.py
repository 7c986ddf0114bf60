"""What the tests of questions share: numbers out of a text, and choices out of numbers."""

from __future__ import annotations

import re
from collections.abc import Callable

from grading.questions import Item

#: Answers a question from its text alone, in another way than its kind does.
Answer = Callable[[Item], str]

NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")


def numbers(text: str) -> list[float]:
    """Returns the numbers of a text, in their order."""
    return [float(number.replace(",", "")) for number in NUMBER.findall(text)]


def whole_numbers(text: str) -> list[int]:
    """Returns the numbers of a text that holds whole ones alone."""
    return [int(value) for value in numbers(text)]


def nearest(item: Item, value: float) -> str:
    """Returns the choice that shows a value, rounded as the choices are."""
    shown = {choice.text: numbers(choice.text)[0] for choice in item.choices}
    digits = max(len(text.partition(".")[2]) for text in shown)
    text = min(shown, key=lambda text: abs(shown[text] - value))
    assert abs(shown[text] - value) <= 0.5001 * 10**-digits, (value, shown)
    return text


def computed(solve: Callable[[Item], float]) -> Answer:
    """Returns an answer that is the choice which shows a number."""
    return lambda item: nearest(item, float(solve(item)))
