"""The texts that the exercises of chapter 4 take their lines from."""

from __future__ import annotations

from functools import cache

from ... import data


@cache
def sonnets() -> str:
    """Returns the sonnets."""
    return data.load_sonnets()


@cache
def poems() -> str:
    """Returns the beginning of the Chinese poems."""
    return data.load_poems()[:40_000]
