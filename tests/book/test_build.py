"""The build runs what changed and nothing else, and says clearly what stopped it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_notebook, new_output

from bookmaking import ROOT, render
from bookmaking.files import write_if_new
from bookmaking.runs import running
from bookmaking.runs.fingerprint import Fingerprints
from course.tasks import NBVAL, TWO

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


# Says how many threads it may have, and waits until another notebook runs beside it.
MEETS = """
# %%
import os, pathlib, time
pathlib.Path(NAME).touch()
for _ in range(300):
    if len(list(pathlib.Path().glob("*.here"))) == 2:
        break
    time.sleep(0.1)
else:
    raise AssertionError("nobody came")
print("threads", os.environ.get("OMP_NUM_THREADS"))
"""


def test_two_notebooks_run_side_by_side_and_again_with_as_many_threads(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [house / "notebooks" / f"0{n}_x.py" for n in (1, 2)]
    for source in sources:
        source.write_text(CHAPTER + MEETS.replace("NAME", repr(f"{source.stem}.here")))
    with sources[1].open("a") as file:
        file.write('\n# %%\nimport random\n\nprint("drawn without a seed:", random.random())\n')
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("SIDE_BY_SIDE", "2")
    runs = running.executed_all(sources, Fingerprints(house))
    assert [*runs] == sources
    for run in runs.values():
        assert "threads 1" in run.read_text()
        assert 0.1 < nbformat.read(run, as_version=4).metadata["aigc"]["computed"] < 60
    # What was left to PyTorch stays so: its run had two.
    alone = house / "alone.ipynb"
    notebook = nbformat.read(runs[sources[0]], as_version=4)
    notebook.metadata["aigc"]["threads"] = ""
    nbformat.write(notebook, alone)
    text = alone.read_text()
    assert "threads 1" in text
    alone.write_text(text.replace("threads 1", "threads 2"))
    for path in (runs[sources[0]], alone):
        (path.parent / "01_x.here").touch()
        (path.parent / "02_x.here").touch()
    again = [str(runs[sources[0]]), str(alone), str(runs[sources[1]])]
    nbval = [sys.executable, "-m", "pytest", "-q", *NBVAL[3:], *again]
    result = subprocess.run(nbval, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1, result.stdout
    assert "1 failed" in result.stdout
    assert "drawn without a seed" in result.stdout


def test_a_failure_among_pages_or_notebooks_fails_both(tmp_path: Path) -> None:
    for name, answer in (("right", 2), ("wrong", 3)):
        test = f"def test_{name}():\n    assert 1 + 1 == {answer}"
        (tmp_path / f"test_{name}.py").write_text(test)
        shown = {"text/plain": str(answer)}
        cell = new_code_cell("1 + 1", execution_count=1)
        cell.outputs = [new_output("execute_result", shown, execution_count=1)]
        nbformat.write(new_notebook(cells=[cell]), tmp_path / f"{name}.ipynb")
    command = [sys.executable, *NBVAL[1:], "-q", "--tb=no", *TWO, str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stdout
    found = re.findall(r"^FAILED (?:.*/)?([\w.]+)::", run.stdout, re.MULTILINE)
    assert {*found} == {"test_wrong.py", "wrong.ipynb"}
    assert "2 failed, 2 passed" in run.stdout


def test_of_two_side_by_side_the_one_that_fails_stops_the_build(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def execute(source: Path) -> Any:
        if source.stem == "02_x":
            sys.exit("02_x stopped")
        return running.read_chapter(source)

    monkeypatch.setattr(running, "execute", execute)
    monkeypatch.setenv("SIDE_BY_SIDE", "2")
    sources = [house / "notebooks" / f"0{n}_x.py" for n in range(1, 5)]
    for source in sources:
        source.write_text(CHAPTER)
    with pytest.raises(SystemExit, match="02_x stopped"):
        running.executed_all(sources, Fingerprints(house))


def test_side_by_side_what_begins_last_is_short(house: Path) -> None:
    folders = ("notebooks", "exercises")
    sources = [house / folder / f"0{n}_x.py" for folder in folders for n in (1, 2, 3)]
    order = [f"{path.parent.name[0]}{path.stem[1]}" for path in running.longest_first(sources)]
    assert order == ["n3", "n2", "n1", "e3", "e2", "e1"]


def test_a_wrong_number_of_notebooks_at_a_time_is_refused(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for given in ("0", "-1", "two", "1.5", "²"):
        monkeypatch.setenv("SIDE_BY_SIDE", given)
        with pytest.raises(SystemExit, match="1 or more, not"):
            running.executed_all([house / "notebooks" / "01_x.py"], Fingerprints(house))


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
