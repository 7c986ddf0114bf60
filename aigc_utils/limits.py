"""What a run is told: how many steps, how long, which functions; each checked in one place.

A check looks once a call and refuses in one sentence that names what is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from numbers import Real
from operator import index
from typing import SupportsIndex, TypeVar

Item = TypeVar("Item")


def whole(name: str, value: SupportsIndex, lowest: int = 1, highest: float = math.inf) -> int:
    """Returns a whole number as Python's own.

    Raises:
        ValueError: it lies outside of `lowest` to `highest`, or is no whole number, as True and 3.0
            are none.
    """
    try:
        number = lowest - 1 if isinstance(value, bool) else index(value)
    except TypeError:
        number = lowest - 1
    if not lowest <= number <= highest:
        kind = f"of at least {lowest}" if highest == math.inf else f"from {lowest} to {highest}"
        raise ValueError(f"{name} must be a whole number {kind}, not {value!r}.")
    return number


def positive(name: str, value: float) -> float:
    """Returns a quantity above 0 as Python's own number.

    Raises:
        ValueError: it is no finite number above 0.
    """
    if not 0 < real(value) < math.inf:
        raise ValueError(f"{name} must be a finite number above 0, not {value!r}.")
    return float(value)


def real(value: object) -> float:
    """Returns a number as Python's own; NaN for what is none, which no comparison lets pass."""
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan


def functions(**given: object) -> None:
    """Checks what is to be called.

    Raises:
        ValueError: one is no function.
    """
    for name, value in given.items():
        if not callable(value):
            raise ValueError(f"{name} must be a function, not a {type(value).__name__}.")


def iterate(name: str, values: Iterable[Item]) -> Iterator[Item]:
    """Returns an iterator of values, which is `values` itself where that is one.

    Raises:
        ValueError: there is nothing to iterate over.
    """
    try:
        return iter(values)
    except TypeError as error:
        kind = type(values).__name__
        raise ValueError(f"{name} must be a list or an iterator, not a {kind}.") from error
