"""The figures of a chapter's run, each with all that is known of it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from .. import chapters
from .guesses import headings
from .outputs import run_of


class NoRunError(ValueError):
    """A chapter that has not run, or a file that is no run of it; the message says what to do."""


@dataclass(frozen=True)
class Figure:
    """A figure as a run shows it."""

    number: int  # in its chapter, from 1
    cell: int
    png: bytes
    svg: bytes | None  # where the run was asked for it
    title: str  # the finding that stands above it, else the section's heading
    alt: str
    width: int  # in pixels, as shown
    height: int


def read_run(root: Path, source: Path) -> nbformat.NotebookNode:
    """Returns a chapter's last run.

    Raises:
        NoRunError: there is none, or the file can't be read.
    """
    path = run_of(root, chapters.page_of(source))
    try:
        notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise NoRunError(f"Run `make book` first: {source.stem} has no run yet.") from None
    except (OSError, ValueError) as error:
        raise NoRunError(f"Run `make book` again: {path.name} can't be read ({error}).") from error
    return notebook


def figures(notebook: nbformat.NotebookNode) -> list[Figure]:
    """Returns a run's figures in their order."""
    found: list[Figure] = []
    sections = list(headings(notebook))
    for number, cell in enumerate(notebook.cells):
        section = next((h.text for h in reversed(sections) if h.cell < number), "")
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                found.append(_figure(output, len(found) + 1, number, section))
    return found


def _figure(output: Any, number: int, cell: int, section: str) -> Figure:
    about = output.get("metadata", {}).get("image/png", {})
    svg = output.data.get("image/svg+xml")
    return Figure(
        number, cell, base64.b64decode(output.data["image/png"]), svg and svg.encode(),
        about.get("title") or section, about.get("alt", ""),
        int(about.get("width", 720)), int(about.get("height", 0)),
    )  # fmt: skip
