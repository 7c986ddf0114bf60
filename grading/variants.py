"""Grades each notebook by the variant that it names, if that one was released."""

from __future__ import annotations

import argparse
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .assembly import Assembler
from .notebooks import SubmissionError, named_variant

#: The most variants that one class may have.
MOST = 10_000


@dataclass(frozen=True)
class Released:
    """The variants that were handed out.

    Attributes:
        numbers: the variants, rising; none where any variant will do.
    """

    numbers: tuple[int, ...] = (0,)

    @classmethod
    def read(cls, text: str) -> Released:
        """Returns what "7", "1,4,9", "1-20" or "any" says.

        Raises:
            argparse.ArgumentTypeError: it says none of these.
        """
        if text.strip() == "any":
            return cls(())
        found: set[int] = set()
        for part in text.split(","):
            match = re.fullmatch(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?", part)
            first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
            if first > last or last - first >= MOST:
                raise argparse.ArgumentTypeError(
                    f"{part!r} names no variants: write 7, 1,4,9, 1-20 or any"
                )
            found.update(range(first, last + 1))
        return cls(tuple(sorted(found)))

    @property
    def several(self) -> bool:
        """Whether a notebook itself has to say which variant it is of."""
        return len(self.numbers) != 1

    @property
    def first(self) -> int:
        """The first variant."""
        return self.numbers[0] if self.numbers else 0

    def __contains__(self, number: int) -> bool:
        return not self.numbers or number in self.numbers

    def __str__(self) -> str:
        """Returns the variants as one writes them: "1-20" or "1, 4, 9"."""
        low, high = self.numbers[0], self.numbers[-1]
        if len(self.numbers) > 2 and high - low + 1 == len(self.numbers):
            return f"{low}-{high}"
        return ", ".join(map(str, self.numbers[:20])) + ", ..." * (len(self.numbers) > 20)


class Assemblers:
    """An assembler for each variant, made where a notebook first names it.

    Args:
        released: the variants that were handed out.
        first: the assembler of the first of them.
        make: returns the instructor's edition of a variant.
    """

    def __init__(self, released: Released, first: Assembler, make: Callable[[int], Any]) -> None:
        self.released, self._make = released, make
        self._made = {first.variant: first}
        self._lock = threading.Lock()

    def of(self, notebook: Any) -> Assembler:
        """Returns the assembler for the variant that a notebook names.

        Raises:
            SubmissionError: it names none, or one that was not released.
        """
        if not self.released.several:
            return self._made[self.released.first]
        number = named_variant(notebook)
        if number is None:
            raise SubmissionError(
                "Not graded: the notebook names no variant, and several were released. Name its "
                "variant with --variant, and grade this student again with --only."
            )
        if number not in self.released:
            raise SubmissionError(
                f"Not graded: the notebook says variant {number}, and {self.released} were "
                "released."
            )
        with self._lock:
            if number not in self._made:
                self._made[number] = Assembler(self._make(number))
            return self._made[number]
