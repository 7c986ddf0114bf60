"""Odd folders: several files, other files, and names that are hard to read.

Each case fills a student's folder, given a perfect notebook; the folder has the case's name.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import jupytext
from nbformat.v4 import new_code_cell, new_notebook

from grading import editions

from . import NAME, Cases, as_bytes, register, write

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


@odd(state="look", says="There are 2 notebooks")
def solved_copy_beside_the_untouched_one(folder: Path, notebook: Any) -> None:
    write(folder / f"{NAME} (1).ipynb", notebook)
    write(folder / f"{NAME} (2).ipynb", untouched(notebook))


@odd(state="graded")
def an_empty_untitled_notebook_beside(folder: Path, notebook: Any) -> None:
    write(folder / FILE, notebook)
    write(folder / "Untitled.ipynb", new_notebook(cells=[new_code_cell("")]))


@odd(state="graded")
def all_exercises_of_the_course(folder: Path, notebook: Any) -> None:
    for name in ("01_cnn", "04_gpt"):
        write(
            folder / name / f"{name}.ipynb", jupytext.read(editions.ROOT / f"exercises/{name}.py")
        )
    write(folder / NAME / FILE, notebook)


@odd(state="look", says="The file is empty.")
def a_broken_copy_beside(folder: Path, notebook: Any) -> None:
    write(folder / FILE, notebook)
    (folder / f"{NAME} (1).ipynb").write_bytes(b"")


@odd(state="graded")
def only_jupyters_own_copy(folder: Path, notebook: Any) -> None:
    write(folder / ".ipynb_checkpoints" / f"{NAME}-checkpoint.ipynb", notebook)


@odd(state="graded")
def leftovers_of_systems(folder: Path, notebook: Any) -> None:
    write(folder / FILE, notebook)
    write(folder / "__MACOSX" / f"._{FILE}", untouched(notebook))
    write(folder / f"~${FILE}", untouched(notebook))
    (folder / ".DS_Store").write_text("x")


@odd(state="graded")
def a_checkpoint_of_gigabytes_beside(folder: Path, notebook: Any) -> None:
    write(folder / FILE, notebook)
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(5_000_000_000)


@odd(None, state="not graded", says="There is no notebook, only")
def only_a_document(folder: Path, notebook: Any) -> None:
    (folder / "answers.docx").write_text("x")


@odd(None, state="not graded", says="There is no notebook, only an empty folder.")
def an_empty_folder(folder: Path, notebook: Any) -> None:
    pass


@odd(state="graded")
def a_zip_of_their_own(folder: Path, notebook: Any) -> None:
    with zipfile.ZipFile(folder / "homework.ZIP", "w") as archive:
        archive.writestr("homework/model.bin", bytes(1000))
        archive.writestr(f"homework/{FILE}", as_bytes(notebook))


@odd(None, state="not graded", says="is missing or damaged")
def a_damaged_zip_of_their_own(folder: Path, notebook: Any) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(FILE, as_bytes(notebook))
    (folder / "homework.zip").write_bytes(content.getvalue()[:-30])


@odd(None, state="not graded", says="The file is damaged in the ZIP file.")
def a_zip_with_a_wrong_checksum(folder: Path, notebook: Any) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(FILE, as_bytes(notebook))
    damaged = bytearray(content.getvalue())
    damaged[200:300] = bytes(100)
    (folder / "homework.zip").write_bytes(damaged)


@odd(None, state="not graded", says="There is no notebook, only")
def a_rar_archive(folder: Path, notebook: Any) -> None:
    (folder / "homework.rar").write_bytes(b"Rar!\x1a\x07\x01")


# --- names and kinds of files -------------------------------------------------------------------


@odd(state="graded")
def an_ending_that_a_browser_added(folder: Path, notebook: Any) -> None:
    write(folder / f"{FILE}.txt", notebook)


@odd(state="graded")
def the_ending_in_capitals(folder: Path, notebook: Any) -> None:
    write(folder / f"{NAME}.IPYNB", notebook)


@odd(state="graded")
def a_long_file_name(folder: Path, notebook: Any) -> None:
    write(folder / f"{'x' * 240}.ipynb", notebook)


@odd(state="graded")
def a_file_name_in_raw_bytes(folder: Path, notebook: Any) -> None:
    write(folder / os.fsdecode(b"\xff\xfe\x80.ipynb"), notebook)


@odd(state="graded")
def a_file_name_on_several_lines(folder: Path, notebook: Any) -> None:
    write(folder / "02\n,gan\t\x1b[31m.ipynb", notebook)


@odd(None, state="not graded", says="The file is a link or can't be read.")
def a_link_to_another_place(folder: Path, notebook: Any) -> None:
    (folder / FILE).symlink_to("/etc/passwd")


@odd(None, state="not graded", says="There is no notebook, only")
def a_folder_that_is_a_link(folder: Path, notebook: Any) -> None:
    (folder / "work").symlink_to("/etc", target_is_directory=True)


@odd(None, state="not graded", says="The file is a link or can't be read.")
def a_pipe_without_end(folder: Path, notebook: Any) -> None:
    os.mkfifo(folder / FILE)


@odd(None, state="not graded", says="There is no notebook, only")
def a_folder_with_a_notebooks_name(folder: Path, notebook: Any) -> None:
    (folder / FILE).mkdir()
    (folder / FILE / "notes.txt").write_text("x")


@odd(None, state="not graded", says="folders too deep")
def folders_too_deep(folder: Path, notebook: Any) -> None:
    deep = folder
    for _ in range(300):
        deep /= "abc"
    deep.mkdir(parents=True)
    write(folder / FILE, notebook)
    shutil.move(folder / FILE, deep / FILE)


@odd(state="graded")
def thousands_of_files(folder: Path, notebook: Any) -> None:
    (folder / "node_modules").mkdir()
    for number in range(6_000):
        (folder / "node_modules" / f"{number}.js").touch()
    write(folder / FILE, notebook)
