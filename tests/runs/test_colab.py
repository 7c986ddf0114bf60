"""Colab, simulated: a fresh environment with the newest libraries, where the first cell installs.

Colab brings torch and a few more libraries, and none of the course. So does the environment that
these tests make; the kernel runs there, and the notebook beside a copy of the checkout or alone.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "notebooks").glob("[0-9]*.py"))
# What Colab has, and what a kernel needs; %pip needs pip.
LIBRARIES = ("torch", "torchvision", "transformers", "matplotlib", "ipykernel", "pip")
OFFLINE = ("error sending request", "dns error", "Failed to fetch", "client error (Connect)")
CELL_LIMIT_SECONDS = 300

pytestmark = pytest.mark.slow
chapters = pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)


class Colab(NamedTuple):
    """The fresh environment: its Python, and the folder that holds it and the checkout."""

    python: Path
    folder: Path

    def run(self, code: str) -> str:
        command = [str(self.python), "-c", code]
        run = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True)
        return run.stdout.strip()

    def version(self, name: str) -> Version:
        return Version(self.run(f"import importlib.metadata as m; print(m.version({name!r}))"))


def uv(*arguments: str) -> None:
    command = [sys.executable, "-m", "uv", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode == 0:
        return
    if "CI" not in os.environ and any(sign in run.stderr for sign in OFFLINE):
        pytest.skip("No package index answers, so Colab can't be simulated: check the network.")
    pytest.fail(f"uv {arguments[0]} {arguments[1]} failed:\n{run.stderr}", pytrace=False)


def copy_checkout(folder: Path) -> None:
    """Copies the files that git knows, or would know once added, as they are now."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        pytest.skip("This isn't a git checkout, so there is no list of what to copy.")
    for name in filter(None, run.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def commit_all(folder: Path) -> None:
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    for arguments in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "Copy")):
        subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Colab:
    folder = tmp_path_factory.mktemp("colab")
    uv("venv", "--quiet", "--python", sys.executable, str(folder / "env"))
    python = folder / "env" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    backend = os.environ.get("TORCH")  # as in `make test TORCH=cpu`
    extra = ("--torch-backend", backend) if backend else ()
    uv("pip", "install", "--quiet", "--python", str(python), *extra, *LIBRARIES)
    copy_checkout(folder / "checkout")
    commit_all(folder / "checkout")
    kernel = {"argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]}
    described = {**kernel, "display_name": "Colab", "language": "python"}
    (folder / "kernels" / "colab").mkdir(parents=True)
    (folder / "kernels" / "colab" / "kernel.json").write_text(json.dumps(described))
    return Colab(python, folder)


@pytest.fixture
def colab(environment: Colab, monkeypatch: pytest.MonkeyPatch) -> Colab:
    """The environment without the course, whatever an earlier test installed."""
    monkeypatch.setenv("JUPYTER_PATH", str(environment.folder))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    uv("pip", "uninstall", "--quiet", "--python", str(environment.python), "foundations-of-aigc")
    found = "import importlib.util as u; print(u.find_spec('aigc_utils'))"
    assert environment.run(found) == "None"
    return environment


def read(source: Path, address: str = "") -> Any:
    """A chapter as Colab opens it, with the repository's address in its first cell."""
    notebook = jupytext.read(source)
    for cell in notebook.cells:
        cell.source = cell.source.replace('REPOSITORY = ""', f'REPOSITORY = "{address}"')
    return notebook


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def up_to_the_imports(notebook: Any) -> Any:
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and re.search(r"^from aigc_utils import", cell.source, re.M):
            notebook.cells = notebook.cells[: number + 1]
            return notebook
    raise AssertionError("No cell imports the course's package.")


def run(notebook: Any, folder: Path) -> None:
    """Runs a notebook in the kernel of the simulated Colab, with `folder` as its place."""
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(
        notebook, kernel_name="colab", timeout=CELL_LIMIT_SECONDS, resources=where
    ).execute()


def check_every_cell_ran(notebook: Any, colab: Colab) -> None:
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    package = Path(colab.run("import aigc_utils; print(aigc_utils.__file__)"))
    assert colab.folder / "env" in package.parents, "the package is not the installed one"


def test_the_environment_has_the_newest_torch_and_none_of_the_course(colab: Colab) -> None:
    pins = dict(
        line.split(" ;")[0].split("==")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line.startswith(("torch==", "torchvision==", "transformers==", "matplotlib=="))
    )
    assert len(pins) == 4
    for name, pin in pins.items():
        assert colab.version(name) >= Version(pin), f"{name} is older than constraints.txt's"


def test_chapter_1_runs_from_its_first_cell_to_its_last(colab: Colab) -> None:
    notebook = read(SOURCES[0])
    run(notebook, colab.folder / "checkout" / "notebooks")
    assert len(code_cells(notebook)) > 10
    check_every_cell_ran(notebook, colab)


@pytest.mark.parametrize("source", SOURCES[1:], ids=lambda p: p.stem)
def test_a_chapter_opened_alone_installs_what_it_imports(source: Path, colab: Colab) -> None:
    alone = colab.folder / source.stem
    alone.mkdir()
    address = (colab.folder / "checkout").as_uri()
    notebook = up_to_the_imports(read(source, address))
    assert len(code_cells(notebook)) == 2
    run(notebook, alone)
    check_every_cell_ran(notebook, colab)
    if source.stem == "04_gpt":
        weights = "from aigc_utils.gpt import pretrained as p; print(p._checked_gguf())"
        assert colab.run(weights).endswith(".gguf")


@chapters
def test_a_chapter_without_checkout_and_address_says_what_to_do(
    source: Path, colab: Colab, tmp_path: Path
) -> None:
    notebook = up_to_the_imports(read(source))
    with pytest.raises(CellExecutionError) as stopped:
        run(notebook, tmp_path)
    assert stopped.value.ename == "ImportError"
    assert stopped.value.evalue == ("aigc_utils is missing: run `make lab` in the course's folder.")
    first, second = code_cells(notebook)
    assert first.execution_count == 1
    assert second.execution_count is None


def test_a_failing_cell_is_red(colab: Colab, tmp_path: Path) -> None:
    cells = [nbformat.v4.new_code_cell("assert 1 + 1 == 3")]
    with pytest.raises(CellExecutionError, match="AssertionError"):
        run(nbformat.v4.new_notebook(cells=cells), tmp_path)
