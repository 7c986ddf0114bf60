"""The kit: a folder that installs with the network off, tried with a course of one small file."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from course import ROOT, CourseError, kit
from course.environment import Environment

# A build backend within the course itself: the real one, setuptools, would have to be downloaded.
BACKEND = """
import zipfile

def get_requires_for_build_editable(settings=None):
    return []

def build_editable(folder, settings=None, metadata=None):
    name = "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as file:
        file.writestr("tiny.pth", "")
        file.writestr("tiny-1.dist-info/METADATA", METADATA)
        file.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n")
        file.writestr("tiny-1.dist-info/RECORD", "")
    return name

METADATA = '''Metadata-Version: 2.1
Name: tiny
Version: 1
Provides-Extra: student
Requires-Dist: part; extra == "student"
'''
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "tiny"
version = "1"
dependencies = []
[project.optional-dependencies]
notebook = ["part"]
student = ["tiny[notebook]"]
"""


def write_wheel(folder: Path, name: str) -> None:
    """Writes a wheel with one module of that name."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", f"NAME = {name!r}\n")
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
        file.writestr(f"{name}-1.dist-info/METADATA", about)
        file.writestr(f"{name}-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        file.writestr(f"{name}-1.dist-info/RECORD", "")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small course, built and run, with an index that has what it requires."""
    house = tmp_path / "house"
    texts = {
        "pyproject.toml": PROJECT,
        "constraints.txt": "part==1\n",
        "backend.py": BACKEND,
        "aigc_utils/gpt/pretrained.py": 'WHEEL = "weights==1"\n',
        "notebooks/01_x.py": "x = 1\n",
        "notebooks/01_x.ipynb": "a reader's own",
        "book/_build/html/index.html": "<h1>The book</h1>",
        "build/executed/01_x.ipynb": "with outputs",
        ".git/config": "",
        ".venv/a": "",
    }
    for name, text in texts.items():
        (house / name).parent.mkdir(parents=True, exist_ok=True)
        (house / name).write_text(text)
    for name in ("part", "weights"):
        write_wheel(tmp_path / "index", name)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_INDEX_URL", kit.NOWHERE)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return house


def test_a_kit_installs_where_no_index_answers(
    house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "kit"
    kit.write(house, target, Path(sys.executable))
    names = {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()}
    assert names == {
        "START.txt", "aigc_utils/gpt/pretrained.py", "backend.py", "constraints.txt",
        "notebooks/01_x.ipynb", "notebooks/01_x.py", "pages/index.html", "pyproject.toml",
        "wheels/part-1-py3-none-any.whl", "wheels/weights-1-py3-none-any.whl",
    }  # fmt: skip
    assert (target / "notebooks/01_x.ipynb").read_text() == "with outputs"
    assert "-m course lab" in (target / "START.txt").read_text()
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.delenv("PIP_NO_INDEX")  # now only the kit itself keeps pip from asking
    place = Environment(target)
    place.install("student")
    code = "import part, weights; print(part.NAME, weights.NAME)"
    command = [str(place.python), "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert run.stdout == "part weights\n"


def test_a_folder_with_something_else_is_left_alone(house: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(CourseError, match="holds something else: name a new folder"):
        kit.write(house, other, Path(sys.executable))
    assert (other / "thesis.txt").exists()
    with pytest.raises(CourseError, match="would hold itself"):
        kit.write(house, house / "kit", Path(sys.executable))


def test_what_the_students_set_up_requires_is_resolved() -> None:
    found = kit.requirements(ROOT, "student")
    assert {"torch>=2.6", "jupyterlab>=4.2", "gguf>=0.13", "setuptools>=68"} <= {*found}
    assert not any("foundations-of-aigc" in line or "mypy" in line for line in found)
