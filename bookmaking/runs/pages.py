"""Turns the notebooks that ran into the book's pages, and into what a reader takes home."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat

from grading import editions

from .. import chapters
from ..sources import myst
from ..sources.pieces import Finding, cells
from . import exercise_pages, guesses, outputs
from .running import with_address


def is_exercise(source: Path) -> bool:
    """Whether a notebook's source is one of the exercises'."""
    return chapters.page_of(source).startswith("exercises/")


def page_source(notebook: nbformat.NotebookNode, source: Path) -> nbformat.NotebookNode:
    """Returns a notebook as the book shows it: MyST's marks, alternative texts, questions to guess.

    Exits with a line for each output that is missing and each mark that leads nowhere.
    """
    if found := outputs.check_outputs(notebook, source):
        sys.exit("\n".join(map(str, found)))
    book = source.parent.parent / "book"
    terms = myst.glossary_terms(book / "glossary.md")
    keys = myst.bibliography_keys(book / "references.bib")
    origins = cells(source.read_text(encoding="utf-8"))
    for cell, origin in zip(notebook.cells, origins, strict=True):
        if cell.cell_type != "code":
            cell.source, faults = myst.convert(cell.source, terms, keys, source.stem)
            page, first = f"{source.parent.name}/{source.name}", origin.line + 1
            found += [Finding(page, first + line, message) for line, message in faults]
            continue
        for output in cell.outputs:
            if details := output.get("metadata", {}).get("image/png"):
                image = {"alt": details["alt"], "width": f"{details['width']}px"}
                cell.metadata["mystnb"] = {"image": image}
    if found:
        sys.exit("\n".join(map(str, found)))
    if is_exercise(source):
        return exercise_pages.page(notebook)
    return guesses.with_guesses(notebook, source.stem, book)


def download(notebook: nbformat.NotebookNode, source: Path) -> nbformat.NotebookNode:
    """Returns what a reader takes home: a chapter as it ran, an exercise without its solutions."""
    if not is_exercise(source):
        return notebook
    return with_address(editions.make_editions(source.stem).student, source.parent.parent)
