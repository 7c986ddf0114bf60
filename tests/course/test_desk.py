"""The notebooks as a student has them: laid out, in step with their sources, and never merged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course import desk
from course.desk import Desk, inputs, read
from grading import editions

SOURCE = '# %% [markdown]\n# # 1. A chapter\n\n# %%\nREPOSITORY = ""\n\n# %%\nx = 1\nx\n'


def edition(text: str) -> Any:
    cells = [nbformat.v4.new_code_cell(text)]
    return editions.Editions("01_x", nbformat.v4.new_notebook(cells=cells), None)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small course with one chapter, and exercises whose edition a test may change."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01_x.py").write_text(SOURCE)
    monkeypatch.setattr(editions, "names", lambda: ["01_x"])
    monkeypatch.setattr(editions, "make_editions", lambda name: edition("y = ..."))
    return tmp_path


def chapter(house: Path) -> tuple[Path, Path]:
    return house / "notebooks" / "01_x.py", house / "notebooks" / "01_x.ipynb"


def run(copy: Path, old: str = "x = 1", new: str = "x = 1") -> None:
    """Changes a notebook's cells, and gives the last one an output."""
    notebook = nbformat.read(copy, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(old, new)
    output = nbformat.v4.new_output("execute_result", {"text/plain": "1"}, execution_count=1)
    notebook.cells[-1].outputs = [output]
    nbformat.write(notebook, copy)


def outputs(path: Path) -> list[Any]:
    return list(nbformat.read(path, as_version=4).cells[-1].outputs)


def test_every_chapter_and_every_exercise_is_laid_out(house: Path) -> None:
    assert Desk(house).lay() == []
    source, copy = chapter(house)
    notebook = nbformat.read(copy, as_version=4)
    assert notebook.metadata["jupytext"]["formats"] == "ipynb,py:percent"
    assert inputs(notebook) == inputs(read(source))
    assert source.read_text() == SOURCE
    exercises = nbformat.read(house / "notebooks/exercises/01_x.ipynb", as_version=4)
    assert exercises.cells[0].source == "y = ..."
    assert "jupytext" not in exercises.metadata


def test_what_was_run_stays(house: Path) -> None:
    Desk(house).lay()
    _, copy = chapter(house)
    run(copy)
    assert Desk(house).lay() == []
    assert len(outputs(copy)) == 1


def test_a_notebook_from_the_book_is_paired_whatever_its_address(house: Path) -> None:
    source, copy = chapter(house)
    notebook = read(source)
    del notebook.metadata["jupytext"]
    notebook.cells[1].source = 'REPOSITORY = "https://example.org/course@0123"'
    nbformat.write(notebook, copy)
    assert Desk(house).lay() == []
    notebook = nbformat.read(copy, as_version=4)
    assert notebook.metadata["jupytext"]["formats"] == "ipynb,py:percent"


def test_where_the_chapter_alone_changed_it_has_the_say(house: Path) -> None:
    Desk(house).lay()
    source, copy = chapter(house)
    run(copy)
    source.write_text(SOURCE.replace("x = 1", "x = 2"))
    os.utime(source, (0, 0))  # as an archive may leave it
    (said,) = Desk(house).lay()
    assert said == "01_x: the chapter has changed; outputs of changed cells are gone."
    assert source.stat().st_mtime >= copy.stat().st_mtime
    assert [path.name for path in copy.parent.glob("*.ipynb")] == ["01_x.ipynb"]


def test_where_the_notebook_alone_changed_the_source_follows(house: Path) -> None:
    Desk(house).lay()
    source, copy = chapter(house)
    run(copy, new="x = 3")
    (said,) = Desk(house).lay()
    assert said.startswith("01_x: what changed in the notebook stands in the chapter's source too")
    assert "x = 3" in source.read_text()
    assert len(outputs(copy)) == 1
    assert Desk(house).lay() == []


def test_where_both_changed_nothing_is_merged(house: Path) -> None:
    Desk(house).lay()
    source, copy = chapter(house)
    for number in (1, 2):
        run(copy, old="REPOSITORY", new=f"mine = {number} # ")
        source.write_text(SOURCE.replace("x = 1", f"x = 1{number}"))
        (said,) = Desk(house).lay()
        name = "01_x.yours.ipynb" if number == 1 else "01_x.yours-2.ipynb"
        assert said == (
            f"01_x: the chapter and your notebook have both changed; yours is kept as {name}."
        )
        kept = nbformat.read(copy.parent / name, as_version=4)
        assert any(f"mine = {number}" in cell.source for cell in kept.cells)
        assert not any(f"x = 1{number}" in cell.source for cell in kept.cells)
        assert kept.cells[-1].outputs
        assert kept.metadata["jupytext"]["formats"] == "ipynb"
        assert "mine" not in source.read_text() + copy.read_text()
        assert inputs(read(copy)) == inputs(read(source))
        assert not outputs(copy)


def test_without_a_note_of_the_last_time_nothing_is_merged_either(house: Path) -> None:
    Desk(house).lay()
    _, copy = chapter(house)
    run(copy, new="x = 3")
    (house / "notebooks" / ".desk.json").unlink()
    (said,) = Desk(house).lay()
    assert said.endswith("yours is kept as 01_x.yours.ipynb.")


def test_an_answered_exercise_is_never_overwritten(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Desk(house).lay()
    folder = house / "notebooks" / "exercises"
    run(folder / "01_x.ipynb", old="...", new="42")
    assert Desk(house).lay() == []
    monkeypatch.setattr(editions, "make_editions", lambda name: edition("z = ..."))
    (said,) = Desk(house).lay()
    assert said == ("exercises/01_x: there is a new edition, 01_x.new.ipynb; yours stays as it is.")
    assert "y = 42" in (folder / "01_x.ipynb").read_text()
    assert "z = ..." in (folder / "01_x.new.ipynb").read_text()
    assert Desk(house).lay() == []


def test_an_exercise_that_nobody_answered_is_renewed(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Desk(house).lay()
    monkeypatch.setattr(editions, "make_editions", lambda name: edition("z = ..."))
    assert Desk(house).lay() == []
    assert "z = ..." in (house / "notebooks/exercises/01_x.ipynb").read_text()


def test_a_readers_own_script_is_no_chapter(house: Path) -> None:
    (house / "notebooks" / "01_x-Copy1.py").write_text("x = 1\n")
    Desk(house).lay()
    assert not (house / "notebooks" / "01_x-Copy1.ipynb").exists()


def test_lab_has_the_courses_settings_before_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "mine")
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    given = desk.lab_environment()
    assert given["JUPYTER_CONFIG_PATH"].split(os.pathsep) == [str(desk.SETTINGS), "mine"]
    assert given["GOMP_SPINCOUNT"] == str(desk.LAB_SPIN_COUNT)
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    assert desk.lab_environment()["GOMP_SPINCOUNT"] == "7", "the reader's own"


def test_it_opens_lab_and_notes_what_is_in_step(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[Any, ...]] = []
    place = Desk(house)
    monkeypatch.setattr(desk, "Desk", lambda: place)
    monkeypatch.setattr(desk, "ended", lambda *words, env: calls.append(words) or 3)
    assert desk.main(["--only-lay"]) == 0
    assert "The notebooks lie in" in capsys.readouterr().out
    assert not calls
    assert desk.main(["--no-browser"]) == 3
    assert calls[0][2:] == ("jupyterlab", f"--ServerApp.root_dir={place.folder}", "--no-browser")


HALF = (b"", b"{", b"[]", b"\xff", b'{"cells": 3}', b'{"cells": [{}], "nbformat": 4}')


@pytest.mark.parametrize("damaged", HALF)
def test_a_damaged_notebook_is_kept_and_said(house: Path, damaged: bytes) -> None:
    Desk(house).lay()
    source, copy = chapter(house)
    copy.write_bytes(damaged)
    (said,) = Desk(house).lay()
    assert said == (
        "01_x: your notebook is damaged and kept as 01_x.damaged.ipynb; here is a new one."
    )
    assert copy.with_name("01_x.damaged.ipynb").read_bytes() == damaged
    assert inputs(read(copy)) == inputs(read(source))
    assert source.read_text() == SOURCE


@pytest.mark.parametrize("damaged", HALF)
def test_damaged_exercises_stay_beside_a_new_edition(
    house: Path, monkeypatch: pytest.MonkeyPatch, damaged: bytes
) -> None:
    Desk(house).lay()
    own = house / "notebooks/exercises/01_x.ipynb"
    own.write_bytes(damaged)
    monkeypatch.setattr(editions, "make_editions", lambda name: edition("z = ..."))
    (said,) = Desk(house).lay()
    assert "there is a new edition, 01_x.new.ipynb" in said
    assert own.read_bytes() == damaged


@pytest.mark.parametrize("damaged", ["", "{", "[1]", "3"])
def test_nothing_is_lost_with_a_damaged_record(house: Path, damaged: str) -> None:
    Desk(house).lay()
    source, copy = chapter(house)
    run(copy, new="x = 2")
    (house / "notebooks" / ".desk.json").write_text(damaged)
    (said,) = Desk(house).lay()
    assert "yours is kept as 01_x.yours.ipynb" in said
    assert len(outputs(copy.with_name("01_x.yours.ipynb"))) == 1
    assert source.read_text() == SOURCE
