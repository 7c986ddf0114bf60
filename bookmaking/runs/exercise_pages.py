"""Turns an executed exercise notebook into a page of the book: stubs open, solutions folded."""

from __future__ import annotations

import ast
from contextlib import suppress

import nbformat
from nbformat import NotebookNode

from grading.assembly import settings
from grading.editions import without_hidden_tests, without_solutions

MARKS = ("### BEGIN SOLUTION", "### END SOLUTION")
ANSWERED = "On this page the checks have judged the solutions, which are folded away."
FOLDED = {"code_prompt_show": "Show the solution", "code_prompt_hide": "Hide the solution"}


def solution(source: str) -> str:
    """Returns a solution's code without the marks, and without the gaps that it fills anew."""
    lines = source.splitlines()
    marks = [i for i, line in enumerate(lines) if line.strip() in MARKS]
    dropped = set(marks)
    with suppress(SyntaxError):  # where the solution is a function's body, its head stays
        for node in ast.parse("\n".join(lines[: marks[0]])).body:
            if any(isinstance(n, ast.Constant) and n.value is ... for n in ast.walk(node)):
                dropped.update(range(node.lineno - 1, node.end_lineno or 0))
    return "\n".join(line for i, line in enumerate(lines) if i not in dropped).strip("\n")


def page(executed: NotebookNode) -> NotebookNode:
    """Returns a notebook in which each solution is folded away below its stub.

    Hidden tests are left out. The cells' order stays; a stub's cell comes before its solution.

    Args:
        executed: the notebook as it ran, with solutions and hidden tests.
    """
    shown: NotebookNode = without_hidden_tests(executed)
    stubs = {
        settings(cell)["grade_id"]: cell.source
        for cell in without_solutions(executed).cells
        if settings(cell).get("solution")
    }
    cells = []
    for cell in shown.cells:
        if settings(cell).get("solution"):
            stub = f"```python\n{stubs[settings(cell)['grade_id']].strip()}\n```"
            cells.append(nbformat.v4.new_markdown_cell(stub, id=f"{cell.id}-stub"))
            cell.source = solution(cell.source)
            cell.metadata["tags"] = ["hide-cell"]
            cell.metadata["mystnb"] = {**cell.metadata.get("mystnb", {}), **FOLDED}
        cells.append(cell)
    cells[0].source += f"\n\n{ANSWERED}"
    shown.cells = cells
    return shown
