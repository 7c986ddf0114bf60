"""One register of chapters: what is added to the folders is seen everywhere, and listed nowhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aigc_utils.exercises.chapter import chapter_names
from benchmarks.register import benchmarks
from bookmaking import ROOT, chapters, check
from bookmaking.sources import api, contents
from course.tasks import TASKS
from grading import editions

# All that is written to add an empty chapter.
SEVENTH = {
    "notebooks/07_flowdemo.py": "# %% [markdown]\n# # 7. Flows: a straight way\n",
    "exercises/07_flowdemo.py": "# %% [markdown]\n# # Exercises 7: Flows\n\n# %%\nVARIANT = 0\n",
    "aigc_utils/flowdemo/__init__.py": '"""Chapter 7: flows."""\n',
    "aigc_utils/flowdemo/paths.py": '"""Straight ways from noise to images."""\n',
    "aigc_utils/exercises/flowdemo/__init__.py": '''"""The exercises of chapter 7."""

from ..chapter import Chapter

CHAPTER = Chapter("07_flowdemo")
''',
    "benchmarks/flowdemo.py": '''"""Chapter 7."""

BENCHMARKS = {"flowdemo": ("benchmark", "two flows")}
''',
}

TABLE = "from bookmaking.sources import exercises; print(exercises.table())"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the course with a seventh chapter."""
    house = tmp_path_factory.mktemp("house")
    made = shutil.ignore_patterns("__pycache__", "_*", "assets", "api", "*.ipynb")
    for name in ("benchmarks", "book", "exercises", "notebooks"):
        shutil.copytree(ROOT / name, house / name, ignore=made)
    for name in ("aigc_utils", "bookmaking"):
        skipped = shutil.ignore_patterns("__pycache__", "assets")
        shutil.copytree(ROOT / name, house / name, ignore=skipped)
    for name in ("_toc.yml", "_config.yml", "_static"):
        (house / "book" / name).symlink_to(ROOT / "book" / name)
    for name, text in SEVENTH.items():
        assert not (house / name).exists()
        (house / name).parent.mkdir(exist_ok=True)
        (house / name).write_text(text, encoding="utf-8")
    return house


def test_a_seventh_chapter_stands_in_the_contents(house: Path) -> None:
    pages = re.findall(r"file: (\S+)", contents.write(house).read_text("utf-8"))
    for folder in ("chapters", "exercises"):
        listed = [page for page in pages if page.startswith(f"{folder}/")]
        assert listed == sorted(listed)
        assert listed[-1] == f"{folder}/07_flowdemo"
    assert "api/flowdemo" in pages
    assert len(pages) == len(set(pages))
    assert check.check(root=house) == []


def test_a_seventh_chapter_has_its_page_of_code(house: Path) -> None:
    contents.write(house)
    page = (house / "book" / "api" / "flowdemo.md").read_text("utf-8")
    assert page.startswith("# Code of chapter 7: Flows\n\n## `aigc_utils.flowdemo`\n")
    link = "[Code of chapter 7: Flows](api/flowdemo.md)"
    modules = "{py:mod}`aigc_utils.flowdemo`, {py:mod}`aigc_utils.flowdemo.paths`"
    assert f"| {link} | {modules} |" in api.table(house).splitlines()


def test_a_seventh_chapter_has_its_benchmark(house: Path) -> None:
    assert benchmarks(house / "benchmarks")["flowdemo"].compares == "two flows"


def test_a_seventh_chapter_stands_in_the_table_of_exercises(house: Path) -> None:
    command = [sys.executable, "-c", TABLE]
    run = subprocess.run(command, cwd=house, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "| 7 | **all** | | | **0** |"


def test_a_seventh_chapter_is_handed_out_and_graded(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editions, "SOURCES", house / "exercises")
    assert editions.names()[-1] == "07_flowdemo"
    assert editions.make_editions("07_flowdemo").student.cells[0].source == "# Exercises 7: Flows"


def test_each_chapter_says_its_number_and_has_its_code() -> None:
    found = chapters.chapters(ROOT)
    assert [chapter.number for chapter in found] == list(range(1, len(found) + 1))
    for chapter in found:
        assert chapter.title.startswith(f"{chapter.number}. ")
        code = ROOT / "aigc_utils" / chapter.short
        assert code.is_dir() or code.with_suffix(".py").is_file(), chapter.name


def test_exercises_belong_to_chapters() -> None:
    names = [path.stem for path in chapters.notebooks(ROOT, "exercises").values()]
    assert names == chapter_names()
    assert {*names} <= {chapter.name for chapter in chapters.chapters(ROOT)}


def test_what_the_contributors_guide_names_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = {name for name in re.findall(r"`([\w./]+)`", text) if "/" in name or "." in name}
    paths = {name for name in named if re.match(r"\w+/|[\w.]+\.(toml|txt)$", name)}
    assert len(paths) > 15
    missing = {name for name in paths if "sound" not in name and not (ROOT / name).exists()}
    assert not missing
    targets = re.findall(r"\bmake (\w+)", text)
    assert targets
    assert {*targets} <= TASKS.keys()
