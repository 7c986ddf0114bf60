"""Writes what a grading run found: a table for the instructor and a page for each student."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import HTMLExporter

from . import tables
from .assembly import settings
from .editions import without_hidden_tests
from .inside.outputs import shortened
from .marks import Result

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;
color:#1f2933;background:#fff}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;
border-bottom:1px solid #d0d7de;vertical-align:top}td.n{white-space:nowrap}
pre{background:#f6f8fa;padding:.6rem;overflow-x:auto;border-radius:6px}
.jp-InputPrompt,.jp-OutputPrompt,.jp-Collapser{display:none}img{max-width:100%}
"""
#: The most bytes of a page's name; file systems allow 255.
LONGEST_NAME = 200
#: The most cells of a page, and the most characters of one: coloured, they take far more memory.
MOST_CELLS, LONGEST_CELL = 2_000, 20_000
#: Names that Windows keeps for devices.
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
#: The columns that stand in the table only where something is known for them.
TOLD = {"id": "id", "variant": "variant", "handed in": "handed_in", "late": "late"}


class _Thread(threading.local):
    """What each thread has of its own."""

    @cached_property
    def exporter(self) -> Any:
        """Makes pages; kept, as it compiles its templates for the first one."""
        return HTMLExporter(template_name="basic", sanitize_html=True, exclude_input_prompt=True)


_THREAD = _Thread()


def number(value: float | None) -> str:
    """Returns points as text: 3, 2.5, or nothing."""
    return "" if value is None else f"{value:g}"


def table_of(results: Sequence[Result], exercises: dict[str, float]) -> tables.Table:
    """Returns the points as a table.

    A submission that could not be graded has empty points, not 0, and its notes say why. Where
    something is known of them there are columns for the student's id, the variant, the time handed
    in and the lateness.
    """
    told = {title: name for title, name in TOLD.items()
            if any(getattr(result, name) for result in results)}  # fmt: skip
    header = ["student", "points", "out of", *exercises, *told, "state", "notes"]
    rows = []
    for result in results:
        points = {mark.exercise: number(mark.points) for mark in result.marks}
        row = [result.student, number(result.points), number(sum(exercises.values()))]
        row += [points.get(exercise, "") for exercise in exercises]
        row += [getattr(result, name) for name in told.values()]
        rows.append(dict(zip(header, [*row, result.state, " ".join(result.notes)], strict=True)))
    return tables.Table(header, rows)


def write_table(results: Sequence[Result], exercises: dict[str, float], path: Path) -> None:
    """Writes the points as CSV, which a spreadsheet reads."""
    tables.write(table_of(results, exercises), path)


def page_names(students: Iterable[str]) -> dict[str, str]:
    """Returns for each student the name of a page, unlike all others on every file system."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for student in students:
        name = re.sub(r"[^\w.@ ()+,-]", "_", student).strip(". ") or "unnamed"
        name = name.encode()[:LONGEST_NAME].decode(errors="ignore")
        name = f"{name}_" if DEVICES.fullmatch(name) else name
        same = 1
        unlike = name
        while unlike.casefold() in taken:
            same += 1
            unlike = f"{name}_{same}"
        taken.add(unlike.casefold())
        found[student] = f"{unlike}.html"
    return found


def feedback(result: Result, notebook: str = "") -> str:
    """Returns the page for one student: points, what the checks say, and the notebook as run.

    It holds no script, whatever the notebook holds.
    """
    rows = "".join(
        f"<tr><td>{html.escape(mark.exercise)}</td><td class=n>{number(mark.points)} of "
        f"{number(mark.most)}</td><td>{html.escape(_told(mark.message))}</td></tr>"
        for mark in result.marks
    )
    total = f"{number(result.points)} of {number(sum(mark.most for mark in result.marks))} points"
    heading = total if result.marks else "This submission could not be graded"
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in result.notes)
    table = "<tr><th scope=col>exercise</th><th scope=col>points</th><th scope=col>check</th></tr>"
    name = html.escape(result.student)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><main><h1>{name}: {heading}</h1>"
        + (f"<table>{table}{rows}</table>" if rows else "")
        + (f"<h2>Notes</h2><ul>{notes}</ul>" if notes else "")
        + (f"<h2>Your notebook, as it was run</h2>{notebook}" if notebook else "")
        + "</main></body></html>\n"
    )


def _told(message: str) -> str:
    """Returns a check's message without the exercise's title, which stands beside it."""
    return re.sub(r"^(\S) [^:]*: ", r"\1 ", message)[:600]


def _notebook(executed: Any) -> str:
    shown = without_hidden_tests(executed)
    del shown.cells[MOST_CELLS:]
    for cell in shown.cells:
        cell.source = shortened(cell.source, LONGEST_CELL)
        if settings(cell).get("grade"):
            cell.source = cell.source.splitlines()[-1]
            cell.outputs = []  # what it said stands in the table above
    body, _ = _THREAD.exporter.from_notebook_node(nbformat.from_dict(shown))
    return str(body)


def _texts_alone(executed: Any) -> Any:
    """Returns a notebook whose outputs are plain texts."""
    notebook = nbformat.from_dict(executed)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "data" in output:
                output["data"] = {"text/plain": str(output["data"].get("text/plain", ""))}
    return notebook


def _shown(result: Result) -> str:
    """Returns the executed notebook as HTML, as much of it as can be shown; notes what can't."""
    if result.executed is None:
        return ""
    reason = ""
    for make in (lambda notebook: notebook, _texts_alone):
        try:
            return _notebook(make(result.executed))
        except Exception as error:  # nbconvert and what it calls raise many kinds
            reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
            result.notes.append(f"Not all of the notebook can be shown on the page: {reason}")
    return ""


def make_page(result: Result) -> None:
    """Makes a student's page, and lets go of the executed notebook."""
    notebook = _shown(result)
    result.executed = None
    result.page = feedback(result, notebook)


def write_page(result: Result, path: Path) -> None:
    """Writes a student's page, made now if it is not made yet, and lets go of it."""
    if not result.page:
        make_page(result)
    text, result.page = result.page, ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_report(results: Sequence[Result], exercises: dict[str, float], folder: Path) -> None:
    """Writes `grades.csv` and `feedback/STUDENT.html` into a folder."""
    (folder / "feedback").mkdir(parents=True, exist_ok=True)
    names = page_names(result.student for result in results)
    for result in results:
        write_page(result, folder / "feedback" / names[result.student])
    write_table(results, exercises, folder / "grades.csv")
