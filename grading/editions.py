"""Makes the student's and the instructor's edition of the exercises out of one source.

`exercises/*.py` hold solutions and hidden tests between nbgrader's marks; nbgrader's own
preprocessors take them out. The instructor's edition is what nbgrader calls a source notebook.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "exercises"
VARIANT_LINE = re.compile(r"^VARIANT = (\d+)$", re.MULTILINE)
# At a cell's top level the lines above hold `name = ...`; a stub that raises would only stop
# a student who runs the whole notebook.
TOP_STUB = re.compile(r"^# YOUR CODE HERE\nraise NotImplementedError\(\)$", re.MULTILINE)


@dataclass(frozen=True)
class Editions:
    """The two editions of one chapter's exercises, as notebooks without outputs."""

    name: str
    student: Any
    instructor: Any


def names() -> list[str]:
    """Returns the names of all exercise notebooks, such as "01_cnn"."""
    return sorted(path.stem for path in SOURCES.glob("[0-9]*.py"))


def source_text(name: str) -> str:
    """Returns the text of an exercise notebook, with solutions and hidden tests.

    Raises:
        ValueError: there is no such notebook.
    """
    path = SOURCES / f"{name}.py"
    if not path.is_file():
        raise ValueError(f"There are no exercises {name!r}; there are: {', '.join(names())}.")
    return path.read_text(encoding="utf-8")


def read_source(name: str, variant: int = 0, text: str | None = None) -> Any:
    """Returns an exercise notebook with solutions and hidden tests, for one variant.

    Args:
        name: such as "01_cnn".
        variant: the seed of the given values.
        text: the notebook's own, where it is not this checkout's.

    Raises:
        ValueError: there is no such notebook, or it has no line `VARIANT = 0`.
    """
    notebook = jupytext.reads(source_text(name) if text is None else text, fmt="py:percent")
    notebook.metadata = nbformat.from_dict({
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
        "aigc": {"exercises": name, "variant": variant},
    })  # fmt: skip
    found = 0
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # the same source gives the same file
        if cell.cell_type == "code":
            cell.source, changed = VARIANT_LINE.subn(f"VARIANT = {variant}", cell.source)
            found += changed
    if found != 1:
        raise ValueError(f"{name}.py must have one line `VARIANT = 0`, not {found}.")
    return notebook


def without_solutions(notebook: Any) -> Any:
    """Returns a copy of a notebook with stubs for solutions; hidden tests stay."""
    notebook, _ = ClearSolutions().preprocess(nbformat.from_dict(notebook), {})
    for cell in notebook.cells:
        cell.source = TOP_STUB.sub("# YOUR CODE HERE", cell.source)
    return notebook


def without_hidden_tests(notebook: Any) -> Any:
    """Returns a copy of a notebook without its hidden tests."""
    return ClearHiddenTests().preprocess(nbformat.from_dict(notebook), {})[0]


def make_editions(name: str, variant: int = 0, text: str | None = None) -> Editions:
    """Returns the student's and the instructor's edition of one chapter's exercises."""
    instructor = read_source(name, variant, text)
    student = without_hidden_tests(without_solutions(instructor))
    for notebook in (student, instructor):
        for step in (ClearOutput, LockCells, ComputeChecksums, CheckCellMetadata):
            step().preprocess(notebook, {})
    return Editions(name, student, instructor)


def release(build: Path, variant: int = 0, folder: str = "") -> list[Path]:
    """Writes both editions of every notebook to `build/student` and `build/instructor`.

    Args:
        build: the folder `build`.
        variant: the seed of the given values.
        folder: within both folders, where several variants are released.
    """
    written = []
    for name in names():
        editions = make_editions(name, variant)
        for edition in ("student", "instructor"):
            path = build / edition / folder / f"{name}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(getattr(editions, edition), path)
            written.append(path)
    return written
