"""Exercises that check themselves: a folder a chapter, and what runs their checks."""

from .chapter import open_exercises

__all__ = ["open_exercises"]
