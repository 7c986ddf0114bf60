"""Odd files and folders: what arrives in place of one notebook in one folder.

Each case fills a student's folder, given a perfect notebook; the folder has the case's name.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from grading import editions

from . import NAME, Cases, as_bytes, copied, register, write

CASES: Cases = {}
odd = register(CASES)
FILE = f"{NAME}.ipynb"
CUT = "The file is cut short or no notebook at all."


def changed(folder: Path, notebook: Any, **parts: Any) -> None:
    """Writes a notebook's JSON with some of its parts changed."""
    written = json.loads(as_bytes(notebook)) | parts
    (folder / FILE).write_bytes(as_bytes(written))


def untouched(notebook: Any) -> Any:
    """Returns the notebook as it was handed out."""
    return notebook.metadata["untouched"]


# --- files that are no notebooks ----------------------------------------------------------------


@odd(None, state="not graded", says="The file is empty.")
def empty_file(folder: Path, notebook: Any) -> None:
    (folder / FILE).write_bytes(b"")


@odd(None, state="not graded", says="The file is empty.")
def nothing_but_zeros(folder: Path, notebook: Any) -> None:
    (folder / FILE).write_bytes(bytes(5000))


@odd(None, state="not graded", says=CUT)
def cut_short(folder: Path, notebook: Any) -> None:
    content = as_bytes(notebook)
    (folder / FILE).write_bytes(content[: len(content) // 2])


@odd(None, state="not graded", says=CUT)
def not_json(folder: Path, notebook: Any) -> None:
    (folder / FILE).write_text("{'cells': [}")


@odd(None, state="not graded", says="it has no list of cells")
def a_list_of_cells_alone(folder: Path, notebook: Any) -> None:
    (folder / FILE).write_text(json.dumps(notebook.cells))


@odd(None, state="not graded", says=CUT)
def json_nested_too_deep(folder: Path, notebook: Any) -> None:
    (folder / FILE).write_text("[" * 200_000)


@odd(None, state="not graded", says=CUT)
def random_bytes(folder: Path, notebook: Any) -> None:
    (folder / FILE).write_bytes(bytes(range(256)) * 40)


@odd(None, state="not graded", says="The file is larger than 20 MB.")
def larger_than_20_mb(folder: Path, notebook: Any) -> None:
    with (folder / FILE).open("wb") as file:
        file.truncate(3_000_000_000)
        file.write(b"{")


@odd(None, state="not graded", says="but a ZIP file")
def a_zip_file_under_a_notebooks_name(folder: Path, notebook: Any) -> None:
    with zipfile.ZipFile(folder / FILE, "w") as archive:
        archive.writestr("a.txt", "a")


@odd(None, state="not graded", says="but a PDF")
def a_pdf_under_a_notebooks_name(folder: Path, notebook: Any) -> None:
    (folder / FILE).write_bytes(b"%PDF-1.7\n\xff\xfe\n")


@odd(None, state="not graded", says="but a web page")
def a_saved_web_page(folder: Path, notebook: Any) -> None:
    (folder / FILE).write_text("<!DOCTYPE html><title>Sign in</title>")


@odd(None, state="not graded", says="Git's marks of a merge conflict")
def a_merge_conflict(folder: Path, notebook: Any) -> None:
    text = as_bytes(notebook).decode()
    (folder / FILE).write_text(f"<<<<<<< HEAD\n{text}\n=======\n{text}\n>>>>>>> main\n")


@odd(None, state="not graded", says="a pointer of Git LFS")
def a_pointer_to_large_storage(folder: Path, notebook: Any) -> None:
    (folder / FILE).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")


# --- notebooks that are written oddly -----------------------------------------------------------


@odd(state="graded")
def notebook_format_3(folder: Path, notebook: Any) -> None:
    cells = []
    for cell in json.loads(as_bytes(notebook))["cells"]:
        if cell["cell_type"] == "code":
            cell = {"cell_type": "code", "input": cell["source"], "language": "python",
                    "outputs": [], "prompt_number": 1, "metadata": cell["metadata"]}  # fmt: skip
        cells.append(cell)
    sheets = [{"cells": cells[:5], "metadata": {}}, {"cells": cells[5:]}]
    (folder / FILE).write_text(json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {},
                                           "worksheets": sheets}))  # fmt: skip


@odd(state="graded")
def metadata_missing(folder: Path, notebook: Any) -> None:
    written = json.loads(as_bytes(notebook))
    for name in ("metadata", "nbformat", "nbformat_minor"):
        del written[name]
    (folder / FILE).write_text(json.dumps(written))


@odd(state="graded")
def metadata_of_other_kinds(folder: Path, notebook: Any) -> None:
    cells = json.loads(as_bytes(notebook))["cells"]
    cells[0]["metadata"] = ["a", 1]
    cells[1]["metadata"] = {"nbgrader": {"grade_id": ["a", {}], "locked": {}}}
    cells[2]["metadata"] = None if cells[2]["cell_type"] == "markdown" else cells[2]["metadata"]
    changed(folder, notebook, cells=cells, metadata="none", nbformat="four", nbformat_minor=None)


@odd(state="graded")
def all_ids_alike(folder: Path, notebook: Any) -> None:
    cells = json.loads(as_bytes(notebook))["cells"]
    changed(folder, notebook, cells=[cell | {"id": "same"} for cell in cells])


@odd(state="graded")
def cells_without_text_or_kind(folder: Path, notebook: Any) -> None:
    cells = json.loads(as_bytes(notebook))["cells"]
    strange = [
        None,
        7,
        [],
        {},
        {"cell_type": "code"},
        {"cell_type": "code", "source": 7},
        {"cell_type": "slide", "source": "x"},
        {"cell_type": ["code"], "source": [1, "a"]},
    ]
    changed(folder, notebook, cells=[*strange, *cells, *strange])


@odd(state="graded")
def text_as_lists_of_lines(folder: Path, notebook: Any) -> None:
    cells = json.loads(as_bytes(notebook))["cells"]
    for cell in cells:
        cell["source"] = cell["source"].splitlines(keepends=True)
    changed(folder, notebook, cells=cells)


@odd(state="graded")
def line_ends_of_windows(folder: Path, notebook: Any) -> None:
    cells = json.loads(as_bytes(notebook))["cells"]
    for cell in cells:
        cell["source"] = cell["source"].replace("\n", "\r\n")
    changed(folder, notebook, cells=cells)


@odd(state="graded")
def half_a_character(folder: Path, notebook: Any) -> None:
    cells = json.loads(as_bytes(notebook))["cells"]
    cells[0]["source"] += "\ud83d"
    extra = {"cell_type": "code", "metadata": {}, "outputs": [], "source": "x = '\ud83d'"}
    written = json.loads(as_bytes(notebook)) | {"cells": [*cells, extra]}
    (folder / FILE).write_text(json.dumps(written))


@odd(state="graded")
def zeros_and_control_characters_in_code(folder: Path, notebook: Any) -> None:
    cells = [*notebook.cells, new_code_cell("x = '\x00\x1b[31m\x07'")]
    changed(folder, notebook, cells=cells)


@odd(state="graded")
def written_in_utf_16(folder: Path, notebook: Any) -> None:
    (folder / FILE).write_bytes(as_bytes(notebook).decode().encode("utf-16"))


@odd(state="graded")
def written_with_a_byte_order_mark(folder: Path, notebook: Any) -> None:
    (folder / FILE).write_bytes(b"\xef\xbb\xbf" + as_bytes(notebook))


@odd(state="graded")
def written_in_gbk(folder: Path, notebook: Any) -> None:
    cells = [*notebook.cells, nbformat.v4.new_markdown_cell("完成了")]
    text = as_bytes(copied(notebook) | {"cells": cells}).decode()
    (folder / FILE).write_bytes(text.replace("Fréchet", "Frechet").encode("gb18030"))


@odd(state="graded")
def enormous_stored_outputs(folder: Path, notebook: Any) -> None:
    output = nbformat.v4.new_output("stream", text="x" * 15_000_000)
    notebook = copied(notebook)
    next(c for c in notebook.cells if c.cell_type == "code").outputs = [output]
    write(folder / FILE, notebook)


@odd(state="graded")
def stored_outputs_of_other_kinds(folder: Path, notebook: Any) -> None:
    cells = json.loads(as_bytes(notebook))["cells"]
    for cell in cells:
        cell |= {"outputs": [7, {"output_type": "none"}], "execution_count": "three",
                 "attachments": [1]}  # fmt: skip
    changed(folder, notebook, cells=cells)


@odd(state="graded")
def code_nested_too_deep(folder: Path, notebook: Any) -> None:
    changed(folder, notebook, cells=[*notebook.cells, new_code_cell("(" * 5_000)])


@odd(state="graded")
def a_cell_of_ten_thousands_of_lines(folder: Path, notebook: Any) -> None:
    changed(
        folder,
        notebook,
        cells=[*notebook.cells, new_code_cell("# a long line of nothing\n" * 40_000 + "x = 1")],
    )


# --- other notebooks ------------------------------------------------------------------------------


@odd(None, state="not graded", says="this is chapter 2")
def the_chapter_in_place_of_its_exercises(folder: Path, notebook: Any) -> None:
    write(folder / FILE, jupytext.read(editions.ROOT / "notebooks" / f"{NAME}.py"))


@odd(None, state="not graded", says="this is chapter 6")
def another_chapter(folder: Path, notebook: Any) -> None:
    write(folder / FILE, jupytext.read(editions.ROOT / "notebooks" / "06_digits.py"))


@odd(None, state="not graded", says="this is the exercises 01_cnn")
def other_exercises(folder: Path, notebook: Any) -> None:
    write(folder / FILE, jupytext.read(editions.ROOT / "exercises" / "01_cnn.py"))


@odd(None, state="not graded", says=f"No answer of {NAME} is in this notebook.")
def a_strangers_notebook(folder: Path, notebook: Any) -> None:
    write(folder / FILE, new_notebook(cells=[new_code_cell("x = 1")]))


@odd(None, state="not graded", says=f"No answer of {NAME} is in this notebook.")
def a_notebook_without_cells(folder: Path, notebook: Any) -> None:
    write(folder / FILE, new_notebook())


@odd(0, state="graded")
def handed_in_as_it_was_handed_out(folder: Path, notebook: Any) -> None:
    write(folder / FILE, untouched(notebook))
