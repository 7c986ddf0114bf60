"""Tells a reader which mistake a wrong value shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .answers import close
from .checking import NotYet, expect


def expect_close(value: Any, wanted: Any, mistakes: Mapping[str, Any], otherwise: str) -> None:
    """Does nothing where a value is right, and otherwise raises NotYet, which names the mistake.

    Args:
        value: a number or tensor of an answer.
        wanted: what it must be.
        mistakes: maps each message to the value that its mistake yields. They are looked at only if
            the answer is wrong, so that no chance makes a right one look like a mistake. A list
            holds several values of one mistake.
        otherwise: the message for all other values.

    Raises:
        NotYet: the value is wrong; the message is that of the mistake, or `otherwise`.
    """
    if close(value, wanted):
        return
    for message, wrong in mistakes.items():
        values = wrong if isinstance(wrong, list) else [wrong]
        expect(not any(close(value, one) for one in values), message)
    raise NotYet(otherwise)
