"""The book's contents: the prose in the order of `book/_toc.yml`, all else from the folders.

A line `- glob: chapters/*` there stands for the chapters, in their own order, that no line of
`_toc.yml` names; so a new chapter needs no line. Sphinx and the print read the list in full.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from .. import chapters
from ..files import write_if_new
from . import api


def path(root: Path) -> Path:
    """Returns where the build writes the whole contents, for Sphinx and for the print."""
    return root / "build" / "_toc.yml"


def made(root: Path, about_code: Iterable[str]) -> list[str]:
    """Returns the pages that are made from the folders: chapters, exercises, those about code."""
    return [*chapters.notebooks(root), *about_code]


def expanded(text: str, pages: Sequence[str]) -> str:
    """Returns a table of contents in which each `glob` is replaced by its pages.

    Args:
        text: `_toc.yml`.
        pages: those that a `glob` may stand for, in their order.

    Raises:
        yaml.MarkedYAMLError: the text is no YAML.
    """
    named = {name for name, _ in _files(yaml.compose(text))}

    def whole(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: whole(value) for key, value in part.items()}
        if not isinstance(part, list):
            return part
        return [
            item
            for entry in part
            for item in (
                [{"file": name} for name in _matching(entry["glob"], pages, named)]
                if isinstance(entry, dict) and "glob" in entry
                else [whole(entry)]
            )
        ]

    written: str = yaml.safe_dump(whole(yaml.safe_load(text)), sort_keys=False, allow_unicode=True)
    return written


def write(root: Path) -> Path:
    """Writes the pages about the package; returns the path of the book's whole contents."""
    pages = api.pages(root)
    for name, text in pages.items():
        write_if_new(root / "book" / f"{name}.md", text)
    for old in (root / "book" / api.FOLDER).glob("*.md"):
        if f"{api.FOLDER}/{old.stem}" not in pages:
            old.unlink()  # of a module that is gone
    toc = (root / "book" / "_toc.yml").read_text(encoding="utf-8")
    write_if_new(path(root), expanded(toc, made(root, pages)))
    return path(root)


def lines(text: str, pages: Sequence[str]) -> list[tuple[str, int]]:
    """Returns the pages that a table of contents lists, each with its line.

    Raises:
        yaml.MarkedYAMLError: the text is no YAML.
    """
    files = _files(yaml.compose(text))
    named = {name for name, _ in files if "*" not in name}
    found = []
    for name, line in files:
        names = _matching(name, pages, named) if "*" in name else [name]
        found += [(each, line) for each in names]
    return found


def _matching(pattern: str, pages: Iterable[str], named: set[str]) -> list[str]:
    return [name for name in pages if fnmatchcase(name, pattern) and name not in named]


def _files(node: yaml.Node | None) -> list[tuple[str, int]]:
    """Returns the pages and patterns that a table of contents writes out, each with its line."""
    if isinstance(node, yaml.SequenceNode):
        return [entry for item in node.value for entry in _files(item)]
    found = []
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value in ("root", "file", "glob"):
                name = re.sub(r"\.(md|ipynb)$", "", value.value)
                found.append((name, value.start_mark.line + 1))
            found += _files(value)
    return found
