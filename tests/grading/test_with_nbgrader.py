"""nbgrader itself releases and grades the instructor's edition."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from submission_cases import FUNCTION, NAME, VARIANT, perfect, write
from submission_cases.odd_cells import half_right

from grading import editions


@pytest.mark.slow
def test_nbgrader_itself_releases_and_grades_the_instructors_edition(
    tmp_path: Path,
) -> None:
    made = editions.make_editions(NAME, VARIANT)
    solved = perfect(made)
    write(tmp_path / "source" / "ps1" / f"{NAME}.ipynb", made.instructor)

    def nbgrader(*words: str) -> None:
        command = [sys.executable, "-m", "nbgrader", *words, "--course", "aigc"]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        run = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": path},  # nbgrader starts alembic by its name
        )  # fmt: skip
        assert run.returncode == 0, run.stderr

    nbgrader("generate_assignment", "ps1", "--create")
    released = nbformat.read(tmp_path / "release" / "ps1" / f"{NAME}.ipynb", as_version=4)
    assert "SOLUTION" not in json.dumps(released)
    half_right(solved)
    write(tmp_path / "submitted" / "ann" / "ps1" / f"{NAME}.ipynb", solved)
    nbgrader("autograde", "ps1", "--create")
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as book:
        found = book.find_submission_notebook(NAME, "ps1", "ann")
        lost = {g.name for g in found.grades if g.auto_score == 0}
    assert lost == {f"{FUNCTION}-check"}
