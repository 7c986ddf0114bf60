"""The build runs what changed and nothing else, and says clearly what stopped it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from bookmaking import build

CHAPTER = """# %% [markdown]
# # A chapter on *pooling*

# %%
REPOSITORY = ""
print("address:", REPOSITORY)
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small course: one chapter, one module, a glossary, a configuration."""
    files = {
        "notebooks/01_x.py": CHAPTER,
        "aigc_utils/module.py": "x = 1\n",
        "aigc_utils/assets/data.bin": "bytes",
        "book/glossary.md": "```{glossary}\npooling\n  Making maps smaller.\n```\n",
        "book/references.bib": "",
        "book/_config.yml": "title: T\nhtml:\n  favicon: f\n",
        "pyproject.toml": '[tool.course]\nrepository = ""\nbranch = "main"\n',
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "EXECUTED", tmp_path / "build" / "executed")
    return tmp_path


def set_address(house: Path, address: str) -> None:
    text = f'[tool.course]\nrepository = "{address}"\nbranch = "main"\n'
    (house / "pyproject.toml").write_text(text)


@pytest.mark.parametrize(
    "changed", ["notebooks/01_x.py", "aigc_utils/module.py", "aigc_utils/assets/data.bin"]
)
def test_fingerprint_follows_chapter_and_package(house: Path, changed: str) -> None:
    source = house / "notebooks" / "01_x.py"
    before = build.fingerprint(source)
    assert build.fingerprint(source) == before
    (house / changed).write_text("y = 2\n")
    assert build.fingerprint(source) != before


def test_fingerprint_ignores_other_files(house: Path) -> None:
    source = house / "notebooks" / "01_x.py"
    before = build.fingerprint(source)
    (house / "notebooks" / "02_y.py").write_text("")
    (house / "aigc_utils" / "__pycache__").mkdir()
    (house / "aigc_utils" / "__pycache__" / "module.pyc").write_text("compiled")
    assert build.fingerprint(source) == before


def test_the_exercises_code_belongs_to_the_exercises_alone(house: Path) -> None:
    chapter, exercise = house / "notebooks" / "01_x.py", house / "exercises" / "01_x.py"
    exercise.parent.mkdir()
    exercise.write_text(CHAPTER)
    before = build.fingerprint(chapter), build.fingerprint(exercise)
    (house / "aigc_utils" / "exercises").mkdir()
    (house / "aigc_utils" / "exercises" / "cnn.py").write_text("x = 1\n")
    assert build.fingerprint(chapter) == before[0]
    assert build.fingerprint(exercise) != before[1]


def test_no_chapter_and_no_module_uses_the_exercises_code() -> None:
    root = Path(__file__).resolve().parents[2]
    files = [*(root / "notebooks").glob("*.py"), *(root / "aigc_utils").rglob("*.py")]
    uses = re.compile(r"^\s*(from|import) .*exercises", re.MULTILINE)
    outside = [path for path in files if path.parent.name != "exercises"]
    assert not [path.name for path in outside if uses.search(path.read_text(encoding="utf-8"))]


def test_a_chapter_runs_once_and_again_after_a_change(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = house / "notebooks" / "01_x.py"
    runs: list[Path] = []

    def execute(path: Path) -> Any:
        runs.append(path)
        return build.read_chapter(path)

    monkeypatch.setattr(build, "execute", execute)
    build.executed(source)
    build.executed(source)
    assert len(runs) == 1
    (house / "aigc_utils" / "module.py").write_text("x = 2\n")
    build.executed(source)
    assert len(runs) == 2


def test_a_failing_cell_stops_the_build_with_its_source(house: Path) -> None:
    source = house / "notebooks" / "01_x.py"
    source.write_text(CHAPTER + "\n# %%\nvalue = 1 / 0\n")
    with pytest.raises(SystemExit) as stopped:
        build.executed(source)
    message = str(stopped.value)
    assert "notebooks/01_x.py stopped" in message
    assert "value = 1 / 0" in message
    assert not list((house / "build").rglob("*.ipynb"))


def test_the_address_stands_in_one_place(house: Path) -> None:
    source = house / "notebooks" / "01_x.py"
    config = yaml.safe_load(build.book_config({}).read_text())
    assert "launch_buttons" not in config
    assert "repository" not in config
    assert 'REPOSITORY = ""' in build.read_chapter(source).cells[1].source
    set_address(house, "https://example.org/course")
    config = yaml.safe_load(build.book_config({}).read_text())
    assert config["repository"]["url"] == "https://example.org/course"
    assert config["repository"]["branch"] == "main"
    assert "colab_url" in config["launch_buttons"]
    cell = build.read_chapter(source).cells[1].source
    assert 'REPOSITORY = "https://example.org/course"' in cell


def notebook(*outputs: Any) -> Any:
    cell = nbformat.v4.new_code_cell("f()", outputs=list(outputs))
    return nbformat.v4.new_notebook(cells=[cell])


def test_progress_bars_are_left_out() -> None:
    bar = nbformat.v4.new_output("display_data", {build.WIDGET: {}, "text/plain": "50%|"})
    text = nbformat.v4.new_output("stream", text="done")
    (cell,) = build.without_widgets(notebook(bar, text)).cells
    assert [o.output_type for o in cell.outputs] == ["stream"]


def test_unchanged_files_are_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    build.write_if_new(path, "text")
    before = path.stat().st_mtime_ns
    build.write_if_new(path, "text")
    assert path.stat().st_mtime_ns == before
    build.write_if_new(path, "other")
    assert path.read_text() == "other"
    build.write_if_new(path, b"other")
    build.write_if_new(path, b"picture")
    assert path.read_bytes() == b"picture"
