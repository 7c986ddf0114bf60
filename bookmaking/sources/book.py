"""Reads the sources of the whole book: its pages and what they may refer to.

Read along the way is what a list holds twice, and what can't be read at all: `Book.findings`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .. import chapters
from . import api, contents, myst
from .pieces import Cell, Finding, Piece, cells, pieces

ANCHOR_LEVELS = 3  # as myst_heading_anchors in _config.yml


@dataclass
class Page:
    """A page of the book: its name as in _toc.yml, its source, and what the source contains."""

    name: str
    shown: str  # the source, as findings name it
    cells: list[Cell]  # none for a page in Markdown
    pieces: list[Piece]
    anchors: set[str]
    labels: list[tuple[str, int]]


class Book:
    """The sources under `root`, read once.

    `terms`, `keys` and `toc` give the line of each term, source and listed page. `labels` says
    where a label stands, `cited` which sources the text names, `tags` how cells are marked.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.folder = root, root / "book"
        self.findings: set[Finding] = set()
        self.cited: set[str] = set()
        self.labels: dict[str, tuple[str, int]] = {}
        self.terms = self._list("glossary.md", "term", myst.glossary_lines)
        self.keys = self._list("references.bib", "entry", self._bibliography)
        self.made = api.pages(root)
        self.toc = self._list("_toc.yml", "page", self._toc)
        self.pages = {name: self._page(name, path) for name, path in self._sources().items()}
        self.tags = {tag for page in self.pages.values() for c in page.cells for tag in c.tags}
        for page in self.pages.values():
            self._note_labels(page)

    def say(self, page: str, line: int, message: str) -> None:
        """Adds a finding."""
        self.findings.add(Finding(page, line, message))

    def _read(self, path: Path) -> str:
        shown = path.relative_to(self.root).as_posix()
        data = path.read_bytes() if path.is_file() else None
        if data is None:
            self.say(shown, 1, "the file is missing, and the book needs it.")
            return ""
        try:
            return data.decode().replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.say(shown, line, "this is not UTF-8: save the file in that encoding.")
            return data.decode(errors="replace")

    def _list(
        self, name: str, what: str, lines: Callable[[str], list[tuple[str, int]]]
    ) -> dict[str, int]:
        """Returns what a file lists, with lines, and finds what it lists twice."""
        found: dict[str, tuple[str, int]] = {}
        for words, line in lines(self._read(self.folder / name)):
            _, first = found.setdefault(words.lower(), (words, line))
            if first != line:
                message = (
                    f"the {what} {words} stands here again; it stands in line {first} already."
                )
                self.say(f"book/{name}", line, message)
        return dict(found.values())

    def _bibliography(self, text: str) -> list[tuple[str, int]]:
        def say(error: Any) -> None:
            self.say("book/references.bib", error.lineno, f"this is no BibTeX: {error.args[0]}.")

        return myst.bibliography_lines(text, say)

    def _toc(self, text: str) -> list[tuple[str, int]]:
        try:
            return contents.lines(text, contents.made(self.root, self.made))
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            self.say("book/_toc.yml", line, f"this is no YAML: {error.problem}.")
            return []

    def _sources(self) -> dict[str, Path]:
        """Returns the source of each page, those that _toc.yml leaves out too."""
        found = {}
        for path in sorted(self.folder.rglob("*.md")):
            place = path.relative_to(self.folder).with_suffix("")
            hidden = any(part.startswith(("_", ".")) for part in place.parts)
            if not hidden and place.parts[:-1] != (api.FOLDER,):
                found[place.as_posix()] = path
        made = {name: self.folder / f"{name}.md" for name in self.made}
        return found | chapters.notebooks(self.root) | made

    def _page(self, name: str, path: Path) -> Page:
        text = self.made[name] if name in self.made else self._read(path)
        page = Page(name, path.relative_to(self.root).as_posix(), [], [], set(), [])
        if path.suffix == ".md":
            page.pieces = headed = pieces(text)
        else:
            page.cells, headed = cells(text), []
            for cell in page.cells:
                if cell.kind == "markdown":
                    headed += self._read_cell(page, cell, path.stem)
        page.labels += [(p.text, p.line) for p in page.pieces if p.kind == "label"]
        for piece in headed:
            if piece.kind == "heading" and int(piece.name) <= ANCHOR_LEVELS:
                page.anchors.add(slug(piece.text, page.anchors))
        return page

    def _read_cell(self, page: Page, cell: Cell, prefix: str) -> list[Piece]:
        """Adds a cell's pieces to its page; returns those of what the book makes of the cell."""
        first = cell.line + 1
        text, faults = myst.convert(cell.text, self.terms, self.keys, prefix)
        for line, message in faults:
            self.say(page.shown, first + line, message)
        sources = {f"#{mark['key']}" for mark in myst.marks(cell.text) if mark["key"]}
        self.cited |= {source[1:] for source in sources}
        page.pieces += [p for p in pieces(cell.text, first) if p.text not in sources]
        page.labels += [(label, first + line) for label, line in myst.exercises(cell.text, prefix)]
        return pieces(text)

    def _note_labels(self, page: Page) -> None:
        for label, line in page.labels:
            where = self.labels.setdefault(label.lower(), (page.shown, line))
            if where != (page.shown, line):
                message = f"the label {label} stands here again; it stands at {where[0]}:{where[1]}"
                self.say(page.shown, line, f"{message} already.")


def slug(title: str, taken: Collection[str]) -> str:
    """Returns the anchor that MyST gives a heading, after those above it."""
    anchor = re.sub(r"[^\w\u4e00-\u9fff\- ]", "", title.lower().replace(" ", "-"))
    number = 1
    while anchor in taken:
        anchor, number = f"{anchor}-{number}", number + 1
    return anchor
