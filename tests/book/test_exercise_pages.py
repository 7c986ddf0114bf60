"""The page of an exercise notebook: the stub open, and the solution as one would write it."""

from __future__ import annotations

import nbformat
import pytest

from bookmaking.runs import exercise_pages

GAP = 'answer = {\n    "a": ...,\n    "b": ...,\n}\n'
BODY = "### BEGIN SOLUTION\nx = rows[..., 0]\nanswer = {'a': x, 'b': 2}\n### END SOLUTION\nanswer"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (GAP + BODY, "x = rows[..., 0]\nanswer = {'a': x, 'b': 2}\nanswer"),
        ("figure, true = ..., ...\n" + BODY, "x = rows[..., 0]\nanswer = {'a': x, 'b': 2}\nanswer"),
        ("x = 1\n" + BODY, "x = 1\nx = rows[..., 0]\nanswer = {'a': x, 'b': 2}\nanswer"),
        (
            "def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION",
            "def f(x):\n    return x",
        ),
    ],
)
def test_a_solution_is_shown_without_marks_and_gaps(source: str, shown: str) -> None:
    assert exercise_pages.solution(source) == shown


def test_a_page_says_whose_answers_the_checks_judge() -> None:
    title = nbformat.v4.new_markdown_cell("# Exercises\n\nPut your answer here.")
    page = exercise_pages.page(nbformat.v4.new_notebook(cells=[title]))
    assert page.cells[0].source == f"{title.source}\n\n{exercise_pages.ANSWERED}"
    assert exercise_pages.ANSWERED not in title.source
