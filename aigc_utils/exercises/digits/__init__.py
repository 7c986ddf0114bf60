"""The exercises of chapter 6, in the order of its notebook."""

from __future__ import annotations

from ..chapter import Chapter
from . import budgets, copies, judging, pictures, reading
from .budgets import broken_row

__all__ = ["CHAPTER", "broken_row"]

CHAPTER = Chapter(
    "06_digits",
    budgets.same_minute,
    judging.better,
    judging.obeyed,
    reading.by_surprise,
    budgets.fair_row,
    copies.suspicion,
    pictures.race,
)
