"""Reads the exercise notebooks for the tests, and runs them in this process."""

from __future__ import annotations

import re
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


def code_cells(name: str, *, solved: bool, variant: int = 0) -> list[Any]:
    """Returns the code cells of a notebook, with its solutions and hidden tests or without."""
    notebook = deepcopy(_read(name))
    if not solved:
        for step in (ClearSolutions, ClearHiddenTests):
            notebook, _ = step().preprocess(notebook, {})
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in cells:
        cell.source = cell.source.replace("VARIANT = 0", f"VARIANT = {variant}")
    return cells


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
