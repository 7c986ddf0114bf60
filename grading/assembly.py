"""Puts a student's cells between the released ones, so that only these come from the student.

Cells are recognised by nbgrader's metadata, and where that was lost (Colab drops it) by the names
that a cell defines. The student's cells stay in the student's order: what was run from top to
bottom and judged correct is judged correct again. What was deleted, copied, moved or lost is noted,
never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import nbformat

from .notebooks import named_variant
from .placing import Assembly, Item, Writer
from .released import Released, settings
from .student_code import REACHING, added, completed, defined, squeezed

__all__ = ["Assembler", "Assembly", "settings"]
OWN = "a cell of the student's own"


class Assembler:
    """Assembles submissions of one released notebook.

    Args:
        instructor: the instructor's edition.
    """

    def __init__(self, instructor: Any) -> None:
        self.released = Released(instructor)
        self.name, self.variant = self.released.name, self.released.variant
        self.stubs = self.released.stubs
        solved = {settings(c).get("grade_id"): c.source for c in instructor.cells}
        self.names = {answer: defined(solved[answer]) & defined(stub) or defined(stub)
                      for answer, stub in self.stubs.items()}  # fmt: skip

    def marked(self, submitted: Any) -> bool:
        """Whether a cell of a submission bears the mark of one of these exercises."""
        return any(settings(cell).get("grade_id") in self.stubs for cell in submitted.cells)

    def assemble(self, submitted: Any) -> Assembly:
        """Returns the notebook to be graded, made of a submission."""
        empty = nbformat.from_dict({**self.released.notebook, "cells": []})
        assembly = Assembly(empty, variant=self.variant)
        notes = assembly.notes
        code = [c for c in submitted.cells if c.cell_type == "code" and c.source.strip()]
        if not any(settings(cell) for cell in code):
            notes.append("The cells' metadata is lost; the answers were found by their names.")
        self._look_at_variant(submitted, notes)
        items = self._items(code)
        for item in items:
            if len(item.answers) > 1:
                notes.append(f"One cell holds the answers {', '.join(item.answers)}.")
        for answer in self.stubs:
            self._count(answer, items, assembly)
        items = self._in_order(self._without_idle_stubs(items), notes)
        Writer(self.released, assembly, items).write()
        for item in items:
            _look_for_reaching((item.answers or [OWN])[0], item.source, notes)
        return assembly

    def _look_at_variant(self, submitted: Any, notes: list[str]) -> None:
        named = named_variant(submitted)
        if named not in (None, self.variant):
            notes.append(f"The notebook says variant {named}, and it is graded as {self.variant}.")

    def _items(self, code: Iterable[Any]) -> list[Item]:
        """Returns what the submission's cells are, in its order."""
        found: list[Item] = []
        seen: set[int] = set()
        for cell in code:
            number = self._place(cell)
            if number is None:
                found.append(self._item(cell.source, settings(cell).get("grade_id", "")))
                continue
            again = number in seen
            seen.add(number)
            more = added(cell.source, self.released.shown[number])
            if again and self.released.checked(number) and not more:
                more = self.released.shown[number]  # a check copied to another place
            here = [] if again else [Item("", released=number)]
            if more:  # a comment tells it from a cell of the student's own
                ours = [self._item(f"# Added to a released cell:\n{more}", "")]
                here = ours + here if self.released.checked(number) else here + ours
            found += here
        return found

    def _place(self, cell: Any) -> int | None:
        """Returns the number of the released cell that a cell is, or was before it was changed."""
        if (number := self.released.by_text.get(squeezed(cell.source))) is not None:
            return number
        if (number := self.released.by_mark.get(settings(cell).get("grade_id", ""))) is not None:
            return number
        if cell.source.startswith("# In Colab this"):
            return next((n for n, text in self.released.shown.items()
                         if text.startswith("# In Colab this")), None)  # fmt: skip
        return None

    def _item(self, source: str, mark: str) -> Item:
        names = defined(source)
        by_name = [answer for answer in self.stubs if self.names[answer] & names]
        if mark in self.stubs and (mark in by_name or not by_name):
            return Item(source, [mark, *(answer for answer in by_name if answer != mark)])
        return Item(source, by_name)  # a copied cell keeps the mark of the one that it came from

    def _is_stub(self, item: Item) -> bool:
        return any(squeezed(item.source) == squeezed(self.stubs[answer]) for answer in item.answers)

    def _count(self, answer: str, items: list[Item], assembly: Assembly) -> None:
        """Notes what is unusual about the cells that answer one exercise."""
        cells = [item for item in items if answer in item.answers]
        whole = [
            item
            for item in cells
            if self._is_stub(item) or self.names[answer] <= completed(item.source)
        ]
        tried = {squeezed(item.source) for item in whole if not self._is_stub(item)}
        used = any(re.search(rf"\b{name}\b", item.source) for item in items if item.released is None
                   and not item.answers for name in self.names[answer])  # fmt: skip
        if not cells:
            assembly.missing.append(answer)
            assembly.notes.append(f"The answer cell of {answer} is missing.")
        elif all(map(self._is_stub, cells)) and not used:
            assembly.untried.append(answer)
        if len(whole) > 1:
            which = "one of them was tried" if len(tried) == 1 else "they run in their order"
            which = which if tried else "none was tried"
            assembly.notes.append(f"{len(whole)} cells answer {answer}; {which}.")

    def _without_idle_stubs(self, items: list[Item]) -> list[Item]:
        """Returns the items without copies of a stub that would undo an answer above them."""
        found: list[Item] = []
        above: set[str] = set()
        for item in items:
            if not (self._is_stub(item) and above & set(item.answers)):
                found.append(item)
                above |= set(item.answers)
        return found

    def _in_order(self, items: list[Item], notes: list[str]) -> list[Item]:
        """Returns the items in the student's order, unless it can't have run from top to bottom."""
        first: dict[str, int] = {}
        for number, item in enumerate(items):
            for answer in item.answers:
                first.setdefault(answer, number)
        early = {number for number, item in enumerate(items) if item.released is not None
                 and number < first.get(self.released.checked(item.released), 0)}  # fmt: skip
        order = [answer for item in items for answer in item.answers[:1]]
        ours = [answer for answer in self.stubs if answer in order]
        if not early:
            if list(dict.fromkeys(order)) != ours:
                notes.append("The answers stand in another order than the exercises.")
            return items
        notes.append("The answers stood in another order; they were put back in theirs.")
        blocks = self._blocks(items)
        kept = [number for number in range(len(items)) if number not in early]
        return [items[number] for number in sorted(kept, key=lambda number: blocks[number])]

    def _blocks(self, items: list[Item]) -> list[int]:
        """Returns for each item where its exercise stands: that of the next answer or check."""
        places: list[int] = []
        place = len(self.released.cells)
        for item in reversed(items):
            if item.answers:
                place = self.released.slots[item.answers[0]]
            elif item.released is not None:
                checked = self.released.checked(item.released)
                place = self.released.slots.get(checked, item.released)
            places.append(place)
        return places[::-1]


def _look_for_reaching(owner: str, source: str, notes: list[str]) -> None:
    if match := REACHING.search(source):
        note = f"Look at {owner}: it names {match[0]!r}, with which an answer can reach the checks "
        note += "or the machine."
        notes += [note] * (note not in notes)
