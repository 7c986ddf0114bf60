"""Runs the notebooks, each in a kernel of its own, and keeps what came out."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import jupytext
import nbformat
import zmq
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

from .. import chapters
from ..settings import course_settings
from . import collect
from .fingerprint import Fingerprints
from .outputs import run_of

WIDGET = "application/vnd.jupyter.widget-view+json"
REPOSITORY_LINE = 'REPOSITORY = ""'
CELL_LIMIT_SECONDS = 1200  # against endless loops; a slow or busy computer stays far below


def with_address(notebook: nbformat.NotebookNode, root: Path) -> nbformat.NotebookNode:
    """Returns a notebook whose first cell names the course's address, where it has one."""
    address = course_settings(root)["repository"]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = cell.source.replace(REPOSITORY_LINE, f'REPOSITORY = "{address}"')
    return notebook


def read_chapter(source: Path) -> nbformat.NotebookNode:
    """Returns a chapter as a notebook, with the repository's address filled in."""
    notebook: nbformat.NotebookNode = jupytext.read(source)
    notebook.metadata["kernelspec"] = {
        "name": "python3", "display_name": "Python 3", "language": "python",
    }  # fmt: skip
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # the same source gives the same file
    return with_address(notebook, source.parent.parent)


def kernel_settings() -> Config:
    """Returns the settings of a notebook's kernel: it encrypts what it says, where it can.

    Without that, a newer kernel warns at each start that others on the machine could listen.
    """
    known = KernelManager.class_trait_names()
    if "transport_encryption" not in known or not zmq.has("curve"):
        return Config()
    return Config(KernelManager={"transport_encryption": "auto"})


def execute(source: Path, first: str = "") -> nbformat.NotebookNode:
    """Returns a chapter with its outputs; exits with the failing cell when one fails.

    Args:
        source: the chapter.
        first: code that its kernel runs before the chapter's own.
    """
    notebook = read_chapter(source)
    if first:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
    client = NotebookClient(
        notebook,
        timeout=CELL_LIMIT_SECONDS,
        resources={"metadata": {"path": str(source.parent)}},
        config=kernel_settings(),
    )
    try:
        client.execute()
    except CellExecutionError as error:
        sys.exit(f"{source.parent.name}/{source.name} stopped with an error:\n{error}")
    del notebook.cells[: bool(first)]
    notebook.metadata["aigc"] = {"machine": collect.machine()}
    return notebook


def stands(source: Path, fingerprints: Fingerprints) -> bool:
    """Whether a notebook's last run is one of what there is now."""
    run = run_of(fingerprints.root, chapters.page_of(source))
    mark = run.with_suffix(".fingerprint")
    return run.exists() and mark.exists() and mark.read_text() == fingerprints.of(source)


def executed(source: Path, fingerprints: Fingerprints) -> Path:
    """Returns the path of a chapter's executed notebook, running the chapter if need be."""
    page = chapters.page_of(source)
    target, name = run_of(fingerprints.root, page), page.removeprefix("chapters/")
    if stands(source, fingerprints):
        print(f"{name}: nothing changed, its last run stands")
        return target
    mark, wanted = target.with_suffix(".fingerprint"), fingerprints.of(source)
    print(f"{name}: running ...", flush=True)
    start = time.perf_counter()
    notebook = execute(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    mark.unlink(missing_ok=True)
    nbformat.write(notebook, target)
    mark.write_text(wanted)
    print(f"{name}: ran in {time.perf_counter() - start:.0f} s")
    return target


def run_all(fingerprints: Fingerprints) -> dict[Path, Path]:
    """Returns the path of the executed notebook of each source, running those that need be.

    A chapter's training takes all cores, so chapters run one by one. The exercises load more than
    they compute: two run at a time.
    """
    run = partial(executed, fingerprints=fingerprints)
    taught, tasks = (
        list(chapters.notebooks(fingerprints.root, folder).values())
        for folder in ("chapters", "exercises")
    )
    found = {source: run(source) for source in taught}
    with ThreadPoolExecutor(2) as pool:
        return found | dict(zip(tasks, pool.map(run, tasks), strict=True))


def without_widgets(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Returns a chapter without progress bars, which need the kernel that is gone."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            joined: list[nbformat.NotebookNode] = []
            for output in cell.outputs:
                same = joined and output.get("name") == joined[-1].get("name")
                if same and output.output_type == joined[-1].output_type == "stream":
                    joined[-1].text += output.text  # MyST-NB would start a new line here
                elif WIDGET not in output.get("data", {}):
                    joined.append(output)
            cell.outputs = joined
    return notebook
