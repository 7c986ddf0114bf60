"""The build runs what changed and nothing else, and says clearly what stopped it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from bookmaking import render
from bookmaking.files import write_if_new
from bookmaking.runs import running
from bookmaking.runs.fingerprint import Fingerprints

CHAPTER = """# %% [markdown]
# # A chapter on *pooling*

# %%
REPOSITORY = ""
print("address:", REPOSITORY)
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small course: one chapter, one module, a glossary, a configuration."""
    files = {
        "notebooks/01_x.py": CHAPTER,
        "aigc_utils/module.py": "x = 1\n",
        "book/glossary.md": "```{glossary}\npooling\n  Making maps smaller.\n```\n",
        "book/references.bib": "",
        "book/_config.yml": "title: T\nhtml:\n  favicon: f\n",
        "pyproject.toml": '[tool.course]\nrepository = ""\nbranch = "main"\n',
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def set_address(house: Path, address: str) -> None:
    text = f'[tool.course]\nrepository = "{address}"\nbranch = "main"\n'
    (house / "pyproject.toml").write_text(text)


def test_a_chapter_runs_once_and_again_after_a_change(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = house / "notebooks" / "01_x.py"
    source.write_text(CHAPTER + "from aigc_utils import module\n")
    runs: list[Path] = []

    def execute(path: Path) -> Any:
        runs.append(path)
        return running.read_chapter(path)

    monkeypatch.setattr(running, "execute", execute)
    running.executed(source, Fingerprints(house))
    running.executed(source, Fingerprints(house))
    assert len(runs) == 1
    (house / "aigc_utils" / "module.py").write_text("x = 2\n")
    running.executed(source, Fingerprints(house))
    assert len(runs) == 2


def test_chapters_run_alone_and_exercises_two_at_a_time(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [house / name for name in ("notebooks/02_y.py", "exercises/01_x.py",
                                        "exercises/02_y.py")]  # fmt: skip
    for path in places:
        path.parent.mkdir(exist_ok=True)
        path.write_text(CHAPTER)
    both = threading.Barrier(2)

    def execute(path: Path) -> Any:
        if path.parent.name == "exercises":
            both.wait(timeout=60)  # for the other one
        else:
            assert threading.current_thread() is threading.main_thread()
        return running.read_chapter(path)

    monkeypatch.setattr(running, "execute", execute)
    found = running.run_all(Fingerprints(house))
    assert list(found) == [house / "notebooks" / "01_x.py", *places]
    assert [run.relative_to(house / "build" / "executed").as_posix() for run in found.values()] == [
        "01_x.ipynb", "02_y.ipynb", "exercises/01_x.ipynb", "exercises/02_y.ipynb",
    ]  # fmt: skip


def test_a_run_says_nothing_but_its_name(house: Path, capfd: pytest.CaptureFixture[str]) -> None:
    running.executed(house / "notebooks" / "01_x.py", Fingerprints(house))
    shown = capfd.readouterr()
    assert shown.err == ""
    assert shown.out.startswith("01_x: running ...\n01_x: ran in ")


def test_a_failing_cell_stops_the_build_with_its_source(house: Path) -> None:
    source = house / "notebooks" / "01_x.py"
    source.write_text(CHAPTER + "\n# %%\nvalue = 1 / 0\n")
    with pytest.raises(SystemExit) as stopped:
        running.executed(source, Fingerprints(house))
    message = str(stopped.value)
    assert "notebooks/01_x.py stopped" in message
    assert "value = 1 / 0" in message
    assert not list((house / "build").rglob("*.ipynb"))


def test_the_address_stands_in_one_place(house: Path) -> None:
    source = house / "notebooks" / "01_x.py"
    config = yaml.safe_load(render.book_config({}, house).read_text())
    assert "launch_buttons" not in config
    assert "repository" not in config
    assert 'REPOSITORY = ""' in running.read_chapter(source).cells[1].source
    set_address(house, "https://example.org/course")
    config = yaml.safe_load(render.book_config({}, house).read_text())
    assert config["repository"]["url"] == "https://example.org/course"
    assert config["repository"]["branch"] == "main"
    assert "colab_url" in config["launch_buttons"]
    cell = running.read_chapter(source).cells[1].source
    assert 'REPOSITORY = "https://example.org/course"' in cell


def notebook(*outputs: Any) -> Any:
    cell = nbformat.v4.new_code_cell("f()", outputs=list(outputs))
    return nbformat.v4.new_notebook(cells=[cell])


def test_progress_bars_are_left_out() -> None:
    bar = nbformat.v4.new_output("display_data", {running.WIDGET: {}, "text/plain": "50%|"})
    text = nbformat.v4.new_output("stream", text="done")
    (cell,) = running.without_widgets(notebook(bar, text)).cells
    assert [o.output_type for o in cell.outputs] == ["stream"]


def test_unchanged_files_are_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    write_if_new(path, "text")
    before = path.stat().st_mtime_ns
    write_if_new(path, "text")
    assert path.stat().st_mtime_ns == before
    write_if_new(path, "other")
    assert path.read_text() == "other"
    write_if_new(path, b"other")
    write_if_new(path, b"picture")
    assert path.read_bytes() == b"picture"
