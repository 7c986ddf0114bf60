"""Tells a reader which mistake a wrong value shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .answers import close
from .checking import NotYet, expect


def expect_close(
    value: Any,
    wanted: Any,
    mistakes: Mapping[str, Any],
    otherwise: str,
    tolerance: float = 1e-4,
) -> None:
    """Does nothing where a value is right, and otherwise raises NotYet, which names the mistake.

    Args:
        value: a number or tensor of an answer.
        wanted: what it must be.
        mistakes: maps each message to the value that its mistake yields. They are looked at only if
            the answer is wrong, so that no chance makes a right one look like a mistake. A list
            holds several values of one mistake.
        otherwise: the message for all other values.
        tolerance: as `close` has it.

    Raises:
        NotYet: the value is wrong; the message is that of the mistake, or `otherwise`.
    """
    if close(value, wanted, tolerance):
        return
    for message, wrong in mistakes.items():
        values = wrong if isinstance(wrong, list) else [wrong]
        expect(not any(close(value, one, tolerance) for one in values), message)
    raise NotYet(otherwise)


def expect_count(value: float, wanted: float, mistakes: Mapping[str, Any], otherwise: str) -> None:
    """Does what `expect_close` does for things that are counted, so that one too many is wrong.

    Raises:
        NotYet: the value is wrong; the message is that of the mistake, or `otherwise`.
    """
    expect_close(value, wanted, mistakes, otherwise, tolerance=0)
