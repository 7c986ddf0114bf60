"""Finds what a chapter's run lacks: cells that did not run, figures that did not come out."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import chapters
from ..sources.pieces import Cell, Finding, cells, html_pieces

FIGURES = ("image/png", "image/jpeg", "image/svg+xml")
SHOWN = (*FIGURES, "text/html", "text/markdown")
LOST = "the output is missing."


def check_outputs(notebook: Any, source: Path) -> list[Finding]:
    """Returns what is missing in a chapter's executed notebook, by the chapter's own lines.

    Args:
        notebook: the executed notebook, from nbformat or from its JSON.
        source: the chapter in jupytext's percent format.
    """
    page = f"{source.parent.name}/{source.name}"
    written = cells(source.read_text(encoding="utf-8"))
    ran = notebook["cells"]
    if [cell["cell_type"] for cell in ran] != [cell.kind for cell in written]:
        message = (
            f"the run is not one of this chapter: it has {len(ran)} cells and the chapter "
            f"{len(written)}, or in another order. Run `make book` again."
        )
        return [Finding(page, 1, message)]
    return sorted(
        Finding(page, line, message)
        for cell, origin in zip(ran, written, strict=True)
        if origin.kind == "code"
        for line, message in _faults(cell, origin)
    )


def run_of(root: Path, page: str) -> Path:
    """Returns where a notebook's run lies, by its page, such as "exercises/02_gan"."""
    return root / "build" / "executed" / f"{page.removeprefix('chapters/')}.ipynb"


def check_runs(root: Path) -> list[Finding]:
    """Returns what is missing in `build/executed/`, where each notebook should have its run."""
    found = []
    for name, source in chapters.notebooks(root).items():
        path = run_of(root, name)
        try:
            found += check_outputs(json.loads(path.read_text(encoding="utf-8")), source)
        except (OSError, ValueError, KeyError, TypeError):
            state = "damaged" if path.is_file() else "missing"
            message = f"the chapter has no run: {path.relative_to(root).as_posix()} is {state}."
            page = f"{source.parent.name}/{source.name}"
            found.append(Finding(page, 1, f"{message} Run `make book` again."))
    return found


def _faults(cell: Any, origin: Cell) -> Iterator[tuple[int, str]]:
    text = "".join(cell["source"])
    if not text.strip():
        return
    if cell.get("execution_count") is None:
        yield origin.line, "the cell did not run. Run `make book` again."
        return
    shown = [output.get("data", {}) for output in cell["outputs"]]
    for output in cell["outputs"]:
        if output["output_type"] == "error":
            yield origin.line, f"the cell stopped with an error: {output.get('ename')}."
            return
    body = _statements(text)
    call = _figure_call(body)
    if call and not any(data.keys() & {*SHOWN} for data in shown):
        yield origin.line + call.lineno, f"{ast.unparse(call.func)} shows nothing: {LOST}"
    prints = list(_prints(body))
    if prints and not any(output["output_type"] == "stream" for output in cell["outputs"]):
        yield origin.line + prints[0], f"print writes nothing: {LOST}"
    yield from ((origin.line, message) for message in _figure_faults(cell, origin))


def _figure_faults(cell: Any, origin: Cell) -> Iterator[str]:
    figures = [
        (output.get("metadata", {}).get(kind, {}))
        for output in cell["outputs"]
        for kind in FIGURES
        if kind in output.get("data", {})
    ]
    if len(figures) > 1:
        yield f"show one figure a cell, not {len(figures)}."
    if any(not str(details.get("alt") or "").strip() for details in figures):
        yield "the figure has no alternative text."
    for tag in origin.tags:
        if tag.startswith("live-") and not figures:
            yield f"the cell is tagged {tag} and shows no figure."
    for output in cell["outputs"]:
        html = "".join(output.get("data", {}).get("text/html", ""))
        for piece in html_pieces(html, 1):
            if piece.kind == "image" and not piece.options["alt"][0].strip():
                yield "an image in the output has no alternative text."


def _statements(text: str) -> list[ast.stmt]:
    """Returns a cell's statements; a magic stands as `pass`."""
    try:
        return ast.parse(re.sub(r"^(\s*)[%!]", r"\1pass  # ", text, flags=re.MULTILINE)).body
    except SyntaxError:
        return []


def _figure_call(body: list[ast.stmt]) -> ast.Call | None:
    """Returns the call that ends a cell, if a figure or a source comes out of it."""
    last = body[-1] if body else None
    if not isinstance(last, ast.Expr) or not isinstance(last.value, ast.Call):
        return None
    name = ast.unparse(last.value.func)
    return last.value if name == "show_source" or name.startswith("plotting.") else None


def _prints(body: list[ast.stmt]) -> Iterator[int]:
    """Returns the lines of the calls of print that run whatever the values are."""
    for statement in body:
        if isinstance(statement, ast.For | ast.With):
            yield from _prints(statement.body)
        elif isinstance(statement, ast.Expr) and ast.unparse(statement).startswith("print("):
            yield statement.lineno
