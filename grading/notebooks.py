"""Reads a submitted file as a notebook, as far as it can be read at all.

Of what the file holds only the cells' texts and nbgrader's marks on them are taken, so nothing else
in it can do harm: no output, no unknown metadata, no cell's id.
"""

from __future__ import annotations

import json
import re
from typing import Any

import nbformat

LIMIT_BYTES = 20_000_000


class SubmissionError(ValueError):
    """A submission that can't be read; the message is one sentence that says why."""


def parse(content: bytes) -> Any:
    """Returns a notebook of format 4 out of a file's bytes.

    Raises:
        SubmissionError: it is empty, too large, or no notebook.
    """
    if not content.strip(b" \t\r\n\0"):
        raise SubmissionError("The file is empty.")
    if len(content) > LIMIT_BYTES:
        raise SubmissionError(f"The file is larger than {LIMIT_BYTES // 10**6} MB.")
    try:
        written = json.loads(_decoded(content))
    except (ValueError, RecursionError, MemoryError) as error:
        raise SubmissionError(_no_notebook(content)) from error
    cells = _cells(written)
    if cells is None:
        raise SubmissionError("The file is no Jupyter notebook: it has no list of cells.")
    return nbformat.from_dict({
        "nbformat": 4, "nbformat_minor": 5, "metadata": {},
        "cells": [cell for number, one in enumerate(cells) if (cell := _cell(one, number))],
    })  # fmt: skip


def named_variant(notebook: Any) -> int | None:
    """Returns the variant that a notebook says it is of; None if it says none."""
    for wanted in (True, False):  # a cell that was turned into text tells it still
        cells = [cell for cell in notebook.cells if (cell.cell_type == "code") is wanted]
        for cell in cells:
            if match := re.search(r"^VARIANT = (\d{1,9})\b", cell.source, re.MULTILINE):
                return int(match[1])
    return None


def _decoded(content: bytes) -> str:
    """Returns a file's text: UTF-8, or what editors on Windows make of it."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030")


#: How other files than notebooks begin, and what they are.
BEGINNINGS = {
    b"PK\x03\x04": "a ZIP file", b"Rar!": "a RAR file", b"7z\xbc\xaf": "a 7z file",
    b"%PDF": "a PDF", b"\x89PNG": "an image", b"\xff\xd8\xff": "an image",
    b"<!DOCTYPE": "a web page", b"<!doctype": "a web page", b"<html": "a web page",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself",
}  # fmt: skip


def _no_notebook(content: bytes) -> str:
    start = content.lstrip()[:40]
    for beginning, name in BEGINNINGS.items():
        if start.startswith(beginning):
            return f"The file is no Jupyter notebook, but {name}."
    if re.search(rb"^(<{7} |={7}$|>{7} )", content, re.MULTILINE):
        return "The file is no notebook any more: it holds Git's marks of a merge conflict."
    return "The file is cut short or no notebook at all."


def _cells(written: Any) -> list[Any] | None:
    """Returns the cells of a notebook of format 4, or of 2 or 3 with their worksheets."""
    if not isinstance(written, dict):
        return None
    if isinstance(written.get("cells"), list):
        return list(written["cells"])
    sheets = written.get("worksheets")
    if not isinstance(sheets, list):
        return None
    lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
    return [cell for cells in lists if isinstance(cells, list) for cell in cells]


def _cell(written: Any, number: int) -> dict[str, Any] | None:
    """Returns a cell with its text and nbgrader's marks alone; None if it has no text."""
    if not isinstance(written, dict):
        return None
    source = written.get("source", written.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        return None
    # Half a character can be read and not be written.
    source = source.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
    metadata = written.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = marks.get("grade_id") if isinstance(marks, dict) else None
    cell: dict[str, Any] = {
        "id": f"cell-{number}", "cell_type": "markdown", "source": source,
        "metadata": {"nbgrader": {"grade_id": grade_id}} if isinstance(grade_id, str) else {},
    }  # fmt: skip
    if written.get("cell_type") == "code":
        cell |= {"cell_type": "code", "outputs": [], "execution_count": None}
    return cell
