"""Writes what a grading run found: a table for the instructor and a page for each student."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbconvert.exporters import HTMLExporter

from .assembly import settings
from .editions import without_hidden_tests
from .grade import Result

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;
color:#1f2933;background:#fff}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;
border-bottom:1px solid #d0d7de;vertical-align:top}td.n{white-space:nowrap}
pre{background:#f6f8fa;padding:.6rem;overflow-x:auto;border-radius:6px}
.jp-InputPrompt,.jp-OutputPrompt,.jp-Collapser{display:none}img{max-width:100%}
"""


def number(value: float | None) -> str:
    """Returns points as text: 3, 2.5, or nothing."""
    return "" if value is None else f"{value:g}"


def write_table(results: Sequence[Result], exercises: dict[str, float], path: Path) -> None:
    """Writes the points as CSV, which a spreadsheet and a learning system read.

    A submission that could not be graded has empty points, not 0, and its notes say why.
    """
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        table = csv.writer(file)
        table.writerow(["student", "points", "out of", *exercises, "state", "notes"])
        for result in results:
            points = {mark.exercise: number(mark.points) for mark in result.marks}
            row = [result.student, number(result.points), number(sum(exercises.values()))]
            row += [points.get(exercise, "") for exercise in exercises]
            table.writerow([*map(_plain, [*row, result.state, " ".join(result.notes)])])


def _plain(text: str) -> str:
    """Returns a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def feedback(result: Result) -> str:
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
        + (f"<h2>Your notebook, as it was run</h2>{_notebook(result)}" if result.executed else "")
        + "</main></body></html>\n"
    )


def _told(message: str) -> str:
    """Returns a check's message without the exercise's title, which stands beside it."""
    return re.sub(r"^(\S) [^:]*: ", r"\1 ", message)[:600]


def _notebook(result: Result) -> str:
    shown = without_hidden_tests(result.executed)
    for cell in shown.cells:
        if settings(cell).get("grade"):
            cell.source = cell.source.splitlines()[-1]
            cell.outputs = []  # what it said stands in the table above
    exporter = HTMLExporter(template_name="basic", sanitize_html=True, exclude_input_prompt=True)
    body, _ = exporter.from_notebook_node(nbformat.from_dict(shown))
    return str(body)


def write_report(results: Sequence[Result], exercises: dict[str, float], folder: Path) -> None:
    """Writes `grades.csv` and `feedback/STUDENT.html` into a folder."""
    (folder / "feedback").mkdir(parents=True, exist_ok=True)
    write_table(results, exercises, folder / "grades.csv")
    for result in results:
        name = re.sub(r"[^\w.@ -]", "_", result.student).strip(". ") or "unnamed"
        (folder / "feedback" / f"{name}.html").write_text(feedback(result), encoding="utf-8")
