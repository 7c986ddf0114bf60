"""A notebook runs again when something that it imports or reads has changed, and only then."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bookmaking import ROOT, chapters
from bookmaking.runs import fingerprint
from bookmaking.runs.fingerprint import Fingerprints

CHAPTER = """# %% [markdown]
# # A chapter with "other.json" in its prose

# %%
from aigc_utils import data, shelf
data.load_results("ladder")
shelf.used()
"""
EXERCISE = """# %%
from aigc_utils.exercises import open_exercises
check = open_exercises("01_x")
"""
FILES = {
    "notebooks/01_x.py": CHAPTER,
    "notebooks/02_y.py": "# %%\nname = 'other'\n",
    "exercises/01_x.py": EXERCISE,
    "aigc_utils/__init__.py": '"""The map."""\n',
    "aigc_utils/data/__init__.py": '"""Data."""\nfrom .files import load, load_results\n',
    "aigc_utils/data/files.py": 'def load():\n    return read("plays.txt")\n'
    "def load_results(name):\n    return read(f'{name}.json')\n",
    "aigc_utils/shelf/__init__.py": "from .one import used\nfrom .two import unused\n",
    "aigc_utils/shelf/one.py": "from .below import deep\ndef used(): import torch\n",
    "aigc_utils/shelf/below.py": "deep = 1\n",
    "aigc_utils/shelf/one.js": "script",
    "aigc_utils/shelf/two.py": "unused = read('picture.bin')\n",
    "aigc_utils/exercises/__init__.py": "from .chapter import open_exercises\n",
    "aigc_utils/exercises/chapter.py": "from importlib import import_module\n"
    "def open_exercises(name):\n    return import_module(f'.{name[3:]}', __package__)\n",
    "aigc_utils/exercises/x/__init__.py": "from ...shelf import unused\nCHAPTER = unused\n",
    "aigc_utils/exercises/y/__init__.py": "CHAPTER = 1\n",
    "aigc_utils/assets/plays.txt.xz": "plays",
    "aigc_utils/assets/results/ladder.json": "1",
    "aigc_utils/assets/results/other.json": "2",
    "aigc_utils/assets/picture.bin": "3",
    "aigc_utils/assets/nameless.bin": "4",
    "pyproject.toml": '[tool.course]\nrepository = ""\nbranch = "main"\n',
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small course: two chapters, an exercise, a package with a shelf, and assets."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def changes(house: Path, source: str, change: Callable[[], object]) -> bool:
    before = Fingerprints(house).of(house / source)
    assert Fingerprints(house).of(house / source) == before
    change()
    return Fingerprints(house).of(house / source) != before


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ("notebooks/01_x.py", True),
        ("notebooks/02_y.py", False),
        ("aigc_utils/data/files.py", True),
        ("aigc_utils/shelf/one.py", True),
        ("aigc_utils/shelf/below.py", True),  # what an imported module imports
        ("aigc_utils/shelf/one.js", True),  # what lies beside it
        ("aigc_utils/shelf/two.py", False),  # on the same shelf, and not taken from it
        ("aigc_utils/exercises/x/__init__.py", False),
        ("aigc_utils/exercises/chapter.py", False),
        ("aigc_utils/assets/plays.txt.xz", True),
        ("aigc_utils/assets/results/ladder.json", True),
        ("aigc_utils/assets/results/other.json", False),  # another chapter names it
        ("aigc_utils/assets/picture.bin", False),
        ("aigc_utils/assets/nameless.bin", True),  # who reads it can't be told
    ],
)
def test_a_chapter_runs_again_after_a_change(house: Path, changed: str, again: bool) -> None:
    text = f"{FILES[changed]}MORE = 1\n"
    assert changes(house, "notebooks/01_x.py", lambda: (house / changed).write_text(text)) == again


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ("aigc_utils/exercises/chapter.py", True),
        ("aigc_utils/exercises/x/__init__.py", True),
        ("aigc_utils/exercises/y/__init__.py", False),  # another chapter's
        ("aigc_utils/shelf/two.py", True),  # what its checks import
        ("aigc_utils/shelf/one.py", False),
        ("aigc_utils/assets/picture.bin", True),
        ("aigc_utils/assets/plays.txt.xz", False),
    ],
)
def test_an_exercise_runs_again_after_a_change(house: Path, changed: str, again: bool) -> None:
    text = f"{FILES[changed]}MORE = 1\n"
    assert changes(house, "exercises/01_x.py", lambda: (house / changed).write_text(text)) == again


@pytest.mark.parametrize("line", ["import importlib\nimportlib.import_module(name)", "%run x.py"])
def test_after_a_computed_import_every_change_counts(house: Path, line: str) -> None:
    (house / "notebooks/01_x.py").write_text(f"# %%\n{line}\n")
    for changed in filter(lambda name: name.startswith("aigc_utils/"), FILES):
        path = house / changed
        assert changes(house, "notebooks/01_x.py", partial(path.write_text, "MORE = 1\n")), changed


def test_a_package_counts_by_what_it_does(house: Path) -> None:
    path, source = house / "aigc_utils/__init__.py", "notebooks/01_x.py"
    assert not changes(house, source, lambda: path.write_text('"""A better map."""\n'))
    assert changes(house, source, lambda: path.write_text("import os\nos.environ['A'] = '1'\n"))
    shelf = house / "aigc_utils/shelf/__init__.py"
    moved = "from .two import unused as used\n"
    assert changes(house, source, lambda: shelf.write_text(moved))  # the name's home has changed


def test_libraries_python_and_the_address_count(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, chapter = "notebooks/01_x.py", house / "notebooks" / "01_x.py"
    versions = {"torch": "2.9", "transformers": "5.8"}
    names = {"torch": ["torch"], "transformers": ["transformers"]}
    monkeypatch.setattr(fingerprint, "_distributions", lambda: names)
    monkeypatch.setattr(fingerprint.importlib.metadata, "version", versions.__getitem__)
    assert changes(house, source, lambda: versions.update(torch="2.10"))
    assert not changes(house, source, lambda: versions.update(transformers="5.9"))
    before = Fingerprints(house).of(chapter)
    monkeypatch.setattr(fingerprint.platform, "python_version", lambda: "3.99.0")
    with_other_python = Fingerprints(house).of(chapter)
    assert with_other_python != before
    monkeypatch.setenv("COURSE_REPOSITORY", "https://example.org/fork")
    assert Fingerprints(house).of(chapter) != with_other_python


# --- the course itself


@pytest.fixture(scope="module")
def course() -> Fingerprints:
    return Fingerprints(ROOT)


def test_no_notebook_of_the_course_counts_everything(course: Fingerprints) -> None:
    for source in chapters.notebooks(ROOT).values():
        needs = course.needs(source)
        assert not needs.everything, source
        assert len(needs.modules) < len(course.imports.files) * 0.7, source
        assert "aigc_utils.data.files" in needs.modules


def test_a_chapter_needs_its_own_code_and_data(course: Fingerprints) -> None:
    needs = course.needs(ROOT / "notebooks" / "01_cnn.py")
    names = {path.relative_to(ROOT / "aigc_utils").as_posix() for path in course.files(needs)}
    assert {"cnn/networks.py", "plotting/cnn_runs.py", "assets/results/ladder.json"} <= names
    assert "assets/mnist/train-images-idx3-ubyte.gz" in names
    assert not {name for name in names if name.startswith(("vae/", "gpt/", "assets/texts/"))}
    assert "assets/results/vae_ablation.json" not in names


def test_every_asset_is_named_where_it_is_read(course: Fingerprints) -> None:
    # These are read by the book's other pages, and by no chapter.
    of_a_page = {"grading.json", "scaling.json", "scaling_law.json"}
    assert {path.name for path in course._nobodys} == {"NOTICE.md", "py.typed", *of_a_page}


def test_results_are_loaded_by_a_name_that_stands_there() -> None:
    """A computed name would be found by nobody who looks for what a notebook reads."""
    sources = [*chapters.notebooks(ROOT).values(), *(ROOT / "aigc_utils").rglob("*.py")]
    calls = [
        node
        for source in sources
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("load_results")
    ]
    assert len(calls) >= 5
    assert all(isinstance(call.args[0], ast.Constant) for call in calls)


OPENED = """
import json, sys
from aigc_utils.exercises import open_exercises
open_exercises("02_gan")
print(json.dumps(sorted(name for name in sys.modules if name.startswith("aigc_utils."))))
"""


def test_what_an_exercise_really_imports_is_known(course: Fingerprints) -> None:
    known = course.needs(ROOT / "exercises" / "02_gan.py").modules
    command = [sys.executable, "-c", OPENED]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout))
    assert "aigc_utils.exercises.gan" in loaded
    folders = {"aigc_utils.exercises", "aigc_utils.gan"}
    of_these = {name for name in loaded if name.rpartition(".")[0] in folders}
    assert of_these - {"aigc_utils.exercises.mistakes"} <= known
