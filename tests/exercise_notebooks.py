"""Reads the exercise notebooks for the tests, and runs them in this process."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import jupytext
import matplotlib as mpl
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "exercises").glob("[0-9]*.py"))
NAMES = [source.stem for source in SOURCES]


@cache
def _read(name: str) -> Any:
    return jupytext.read(ROOT / "exercises" / f"{name}.py")


def code_cells(
    name: str, *, solved: bool, variant: int = 0, without: Collection[str] = ()
) -> list[Any]:
    """Returns the code cells of a notebook, with its solutions and hidden tests or without.

    The sections of the exercises `without` are left out.
    """
    notebook = deepcopy(_read(name))
    if not solved:
        for step in (ClearSolutions, ClearHiddenTests):
            notebook, _ = step().preprocess(notebook, {})
    parts = sections(notebook.cells)
    kept = [part for part in parts if not {nbgrader(c).get("grade_id") for c in part} & {*without}]
    cells = [cell for part in kept for cell in part if cell.cell_type == "code"]
    for cell in cells:
        cell.source = cell.source.replace("VARIANT = 0", f"VARIANT = {variant}")
    return cells


def sections(cells: list[Any]) -> list[list[Any]]:
    """Returns the cells of each section; what comes before the first is one too."""
    found: list[list[Any]] = [[]]
    for cell in cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            found.append([])
        found[-1].append(cell)
    return found


def nbgrader(cell: Any) -> Any:
    """Returns a cell's settings for nbgrader; empty if it has none."""
    return cell.metadata.get("nbgrader", {})


def run(cells: list[Any]) -> dict[str, Any]:
    """Returns the names that code cells leave behind, run one after the other."""
    mpl.use("Agg")
    space: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells):
        source = re.sub(r"^(\s*)[%!]", r"\1pass  # ", cell.source, flags=re.M)
        with suppress(NotImplementedError):  # a stub at the top level of a cell
            exec(compile(source, f"<cell {number}>", "exec"), space)
    return space
