"""Puts a student's answers into the released notebook, so that only answers come from the student.

Cells are recognised by nbgrader's metadata, and where that was lost (Colab drops it) by the names
that a cell defines. What was deleted, copied, moved or lost is noted, never passed over.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell

from .editions import without_hidden_tests, without_solutions

DEFINED = re.compile(r"^(?:def|class)\s+(\w+)|^(\w+)\s*(?::[^=\n]*)?=(?!=)", re.MULTILINE)
# What an answer has no reason to name: with these it could reach the checks themselves.
REACHING = re.compile(
    r"aigc_utils\.exercises|\bopen_exercises\b|\bsys\.modules\b|\bgc\.get_|\bsetattr\(torch"
    r"|\b(?:os|subprocess|socket|ctypes|importlib)\b|__import__|(?<!\.)\b(?:exec|eval)\("
)
# Each check is opened anew, whatever the answers have done to the names in between.
REOPEN = """\
import sys
for _module in [m for m in sys.modules if m.startswith("aigc_utils.exercises")]:
    del sys.modules[_module]
from aigc_utils.exercises import open_exercises
check, hint, given = open_exercises("{name}", variant={variant})
"""


@dataclass
class Assembly:
    """A notebook ready to be graded.

    Attributes:
        notebook: the released cells with the student's answers, and the student's own cells.
        owners: for each cell the exercise whose answer it is; empty for other cells.
        missing: exercises without an answer cell.
        notes: what the instructor should know.
    """

    notebook: Any
    owners: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def defined(source: str) -> set[str]:
    """Returns the names that a cell defines at its top level, also if it has a syntax error."""
    try:
        body = ast.parse(re.sub(r"^[%!].*", "", source, flags=re.MULTILINE)).body
    except (SyntaxError, ValueError):
        return {name for match in DEFINED.finditer(source) for name in match.groups() if name}
    found = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    return found


def squeezed(source: str) -> str:
    """Returns a cell's text without what an editor may change: spaces at the ends, empty lines."""
    return "\n".join(line.rstrip() for line in source.splitlines() if line.strip())


def settings(cell: Any) -> Any:
    """Returns a cell's nbgrader metadata; empty if it has none that can be used."""
    found = cell.metadata.get("nbgrader", {})
    return found if isinstance(found, dict) else {}


class Assembler:
    """Assembles submissions of one released notebook.

    Args:
        instructor: the instructor's edition.
    """

    def __init__(self, instructor: Any) -> None:
        self.released = without_solutions(instructor)
        self.name = instructor.metadata["aigc"]["exercises"]
        self.variant = instructor.metadata["aigc"]["variant"]
        self.stubs = {
            settings(cell)["grade_id"]: cell.source
            for cell in self.released.cells
            if settings(cell).get("solution")
        }
        solved = {settings(c).get("grade_id"): c.source for c in instructor.cells}
        self.names = {answer: defined(solved[answer]) & defined(stub) or defined(stub)
                      for answer, stub in self.stubs.items()}  # fmt: skip
        shown = without_hidden_tests(self.released)
        self.known = {
            squeezed(cell.source): settings(cell).get("grade_id", "")
            for cell in shown.cells
            if cell.cell_type == "code" and not settings(cell).get("solution")
        }
        self.locked = {
            settings(c)["grade_id"] for c in self.released.cells if settings(c)
        } - self.stubs.keys()

    def assemble(self, submitted: Any) -> Assembly:
        """Returns the notebook to be graded, made of a submission."""
        found: dict[str, list[str]] = defaultdict(list)
        own: dict[str, list[str]] = defaultdict(list)
        order: list[str] = []
        waiting: list[str] = []
        notes: list[str] = []
        code = [c for c in submitted.cells if c.cell_type == "code" and c.source.strip()]
        if not any(settings(cell) for cell in code):
            notes.append("The cells' metadata is lost; the answers were found by their names.")
        self._look_at_variant(submitted, notes)
        for cell in code:
            answers = self._answers(cell)
            if answers:
                order.append(answers[0])
                own[answers[0]] += waiting
                waiting = []
                for answer in answers:
                    found[answer].append(cell.source)
                if len(answers) > 1:
                    notes.append(f"One cell holds the answers {', '.join(answers)}.")
            elif not self._is_released(cell):
                waiting.append(cell.source)
        chosen = {answer: self._choose(answer, found[answer], notes) for answer in self.stubs}
        first = list(dict.fromkeys(order))
        if first != [answer for answer in self.stubs if answer in first]:
            notes.append("The answers stood in another order; they were put back in theirs.")
        return self._put_together(chosen, own, waiting, notes)

    def _look_at_variant(self, submitted: Any, notes: list[str]) -> None:
        text = "\n".join(cell.source for cell in submitted.cells)
        match = re.search(r"^VARIANT = (\d+)", text, re.MULTILINE)
        if match and int(match[1]) != self.variant:
            notes.append(
                f"The notebook says variant {match[1]}, and it is graded as {self.variant}."
            )

    def _answers(self, cell: Any) -> list[str]:
        """Returns the exercises that a cell answers, the one it is marked for first."""
        marked = settings(cell).get("grade_id", "")
        if marked in self.locked or squeezed(cell.source) in self.known:
            return []
        names = defined(cell.source)
        by_name = [answer for answer in self.stubs if self.names[answer] & names]
        if marked in self.stubs and (marked in by_name or not by_name):
            return [marked, *(answer for answer in by_name if answer != marked)]
        return by_name  # a copied cell keeps the mark of the one that it was copied from

    def _is_released(self, cell: Any) -> bool:
        if settings(cell).get("grade_id") in self.locked:
            return True
        return squeezed(cell.source) in self.known or cell.source.startswith("# In Colab this")

    def _choose(self, answer: str, sources: list[str], notes: list[str]) -> str | None:
        stub = squeezed(self.stubs[answer])
        tried = list(dict.fromkeys(s for s in sources if squeezed(s) != stub))
        if len(sources) > 1:
            which = "one of them was tried" if len(tried) == 1 else "the last one is graded"
            which = which if tried else "none was tried"
            notes.append(f"{len(sources)} cells answer {answer}; {which}.")
        if not sources:
            notes.append(f"The answer cell of {answer} is missing.")
            return None
        return tried[-1] if tried else self.stubs[answer]

    def _put_together(
        self,
        chosen: dict[str, str | None],
        own: dict[str, list[str]],
        last: list[str],
        notes: list[str],
    ) -> Assembly:
        assembly = Assembly(nbformat.from_dict({**self.released, "cells": []}), notes=notes)

        def add(cell: Any, owner: str = "") -> None:
            cell.id = f"cell-{len(assembly.owners)}"
            assembly.notebook.cells.append(cell)
            assembly.owners.append(owner)

        for cell in map(nbformat.from_dict, self.released.cells):
            answer = settings(cell).get("grade_id") if settings(cell).get("solution") else None
            if answer:
                for text in own[answer]:
                    add(new_code_cell(text))
                cell.source = chosen[answer] or ""
                if chosen[answer] is None:
                    assembly.missing.append(answer)
                add(cell, answer)
            else:
                if settings(cell).get("grade"):
                    reopen = REOPEN.format(name=self.name, variant=self.variant)
                    cell.source = reopen + cell.source
                add(cell)
        for text in last:
            add(new_code_cell(text))
        for answer, source in chosen.items():
            _look_for_reaching(answer, source or "", notes)
        for text in [*itertools.chain(*own.values()), *last]:
            _look_for_reaching("a cell of the student's own", text, notes)
        return assembly


def _look_for_reaching(owner: str, source: str, notes: list[str]) -> None:
    if match := REACHING.search(source):
        notes.append(
            f"Look at {owner}: it names {match[0]!r}, with which an answer can reach the checks "
            "or the machine."
        )
