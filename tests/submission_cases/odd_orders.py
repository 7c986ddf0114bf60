"""Notebooks whose cells were split, merged, moved or added, and that are right all the same."""

from __future__ import annotations

from typing import Any

from . import FUNCTION, VALUE, Cases, answer, at, copied, insert, register, strip

CASES: Cases = {}
odd = register(CASES)


def take(notebook: Any, name: str) -> str:
    """Takes an answer cell out and returns its text."""
    return str(notebook.cells.pop(at(notebook, name)).source)


@odd(state="graded")
def helper_below_the_answer(notebook: Any) -> None:
    answer(notebook, FUNCTION, f"def {FUNCTION}(logits, saturating):\n"
           "    return helper(-logits if saturating else logits, saturating)")  # fmt: skip
    helper = "def helper(logits, saturating):\n    sign = 1 if saturating else -1\n"
    helper += "    return sign * F.logsigmoid(logits).mean()"
    insert(notebook, at(notebook, f"{FUNCTION}-check"), helper)


@odd(state="graded")
def answer_cell_split_in_two(notebook: Any) -> None:
    place = at(notebook, VALUE)
    lines = notebook.cells[place].source.splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith("p, q"))
    second = copied(notebook.cells[place])  # JupyterLab keeps the mark on both parts
    second.id = "second"
    notebook.cells[place].source = "\n".join(lines[: begin + 1])
    second.source = "\n".join(lines[begin + 1 :])
    notebook.cells.insert(place + 1, second)


@odd(state="graded")
def answer_cell_split_in_three(notebook: Any) -> None:
    place = at(notebook, FUNCTION)
    first = notebook.cells[place].source
    notebook.cells[place].source = "low = 0"
    for text in ("lower = low - 1", first):
        part = copied(notebook.cells[place])
        part.source = text
        place += 1
        notebook.cells.insert(place, part)


@odd(state="graded")
def stub_filled_in_by_a_cell_below(notebook: Any) -> None:
    source = notebook.cells[at(notebook, VALUE)].source
    stub = source.splitlines()[0]
    rest = "\n".join(source.splitlines()[1:]).replace(f"{VALUE} = {{", "filled = {")
    answer(notebook, VALUE, stub)
    insert(notebook, at(notebook, f"{VALUE}-check"), rest,
           "\n".join(f'{VALUE}["{key}"] = filled["{key}"]'
                     for key in ("probability", "accuracy", "accuracy_at_the_end")))  # fmt: skip


@odd(state="look", says=f"2 cells answer {VALUE}")
def answer_below_its_check_with_a_check_of_its_own(notebook: Any) -> None:
    right = notebook.cells[at(notebook, VALUE)].source
    answer(notebook, VALUE, f"{VALUE} = {{'probability': 7}}")
    insert(notebook, at(notebook, f"{VALUE}-check") + 1, right, f"check('{VALUE}', {VALUE})")


@odd(state="look", says=f"2 cells answer {VALUE}")
def right_first_and_spoilt_at_the_end(notebook: Any) -> None:
    insert(notebook, len(notebook.cells), f"{VALUE} = {{'probability': 7}}")


@odd(state="look", says="another order")
def exercises_in_another_order(notebook: Any) -> None:
    place = at(notebook, f"{VALUE}-given")
    end = at(notebook, f"{VALUE}-check") + 1
    block = notebook.cells[place:end]
    del notebook.cells[place:end]
    notebook.cells += block


@odd(state="graded")
def import_added_to_the_released_setup(notebook: Any) -> None:
    notebook.cells[at(notebook, "setup")].source += "\nimport math as mathematics\nHALF = 50"
    source = notebook.cells[at(notebook, VALUE)].source
    answer(notebook, VALUE, source.replace(": 50", ": mathematics.floor(HALF + 0.5)"))


@odd(state="graded")
def answer_merged_with_its_check(notebook: Any) -> None:
    check = notebook.cells.pop(at(notebook, f"{VALUE}-check"))
    notebook.cells[at(notebook, VALUE)].source += "\n\n" + check.source


@odd(state="graded")
def answer_merged_into_the_given_cell(notebook: Any) -> None:
    source = take(notebook, VALUE)
    notebook.cells[at(notebook, f"{VALUE}-given")].source += "\n\n" + source


@odd(state="graded")
def answer_written_into_the_check_cell(notebook: Any) -> None:
    cell = notebook.cells[at(notebook, f"{VALUE}-check")]
    cell.source = notebook.cells[at(notebook, VALUE)].source + "\n" + cell.source
    answer(notebook, VALUE, cell.source.splitlines()[0])


@odd(state="look", says=f"The answer cell of {VALUE} is missing.")
def answer_made_in_a_loop_of_globals(notebook: Any) -> None:
    source = take(notebook, VALUE).replace(f"{VALUE} = {{", "made = {")
    insert(notebook, at(notebook, f"{VALUE}-check"), f"{source}\nglobals()['{VALUE}'] = made")


@odd(state="graded")
def cells_before_the_setup(notebook: Any) -> None:
    insert(notebook, 0, "%matplotlib inline\nimport random", "!echo hello", "%%time\nx = 1")


@odd(state="graded")
def released_cells_deleted(notebook: Any) -> None:
    notebook.cells = [c for c in notebook.cells
                      if not c.metadata.get("nbgrader", {}).get("locked")]  # fmt: skip


@odd(state="look")
def whole_notebook_twice(notebook: Any) -> None:
    notebook.cells += [copied(cell) for cell in notebook.cells]


@odd(state="look", says="metadata is lost")
def metadata_lost(notebook: Any) -> None:
    strip(notebook)


@odd(state="look", says="another order")
def all_cells_reversed(notebook: Any) -> None:
    notebook.cells.reverse()


@odd(state="graded")
def many_cells_of_their_own(notebook: Any) -> None:
    insert(notebook, at(notebook, FUNCTION), *(f"note_{n} = {n}" for n in range(60)))


@odd(state="graded")
def answers_in_chinese(notebook: Any) -> None:
    source = notebook.cells[at(notebook, VALUE)].source
    answer(notebook, VALUE, source.replace("p, q", "真, 假").replace(" p", " 真") + "\n# 完成 ✓")
    text = source.replace("p[", "真[").replace("q[", "假[").replace("in p)", "in 真)")
    answer(notebook, VALUE, text.replace("p, q =", "真, 假 ="))


@odd(state="graded")
def top_level_await(notebook: Any) -> None:
    insert(notebook, at(notebook, VALUE), "import asyncio\nawait asyncio.sleep(0)")
