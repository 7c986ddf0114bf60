"""Runs the notebooks, each in a kernel of its own, and keeps what came out.

One after another, each has all cores. `make test` runs two side by side with one thread each: two
threads that share a training are only 1.3 to 1.6 times as fast as one, so the whole is done sooner.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

import jupytext
import nbformat
import psutil
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


def side_by_side() -> int:
    """Returns how many notebooks run at a time: SIDE_BY_SIDE in the environment, by default 1."""
    given = os.environ.get("SIDE_BY_SIDE") or "1"
    if not re.fullmatch("[1-9][0-9]*", given):
        sys.exit(f"SIDE_BY_SIDE is how many notebooks run at a time, 1 or more, not {given!r}.")
    return int(given)


def execute(source: Path, first: str = "") -> nbformat.NotebookNode:
    """Returns a chapter with its outputs; exits with the failing cell when one fails.

    Args:
        source: the chapter.
        first: code that its kernel runs before the chapter's own.
    """
    alone = side_by_side() == 1
    notebook = read_chapter(source)
    if first:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
    client = NotebookClient(
        notebook,
        timeout=CELL_LIMIT_SECONDS,
        resources={"metadata": {"path": str(source.parent)}},
        config=kernel_settings(),
    )
    computed = [0.0]

    def note(**_: object) -> None:
        with contextlib.suppress(psutil.Error):  # the kernel has ended, which is told elsewhere
            computed[0] = computing_seconds(client)

    client.on_cell_executed = note
    threads = {} if alone else {"OMP_NUM_THREADS": "1"}
    try:  # on the CPU, unless a reader says otherwise: the book states a CPU's times and numbers
        client.execute(env={"AIGC_DEVICE": "cpu", **os.environ, **threads})
    except CellExecutionError as error:
        sys.exit(f"{source.parent.name}/{source.name} stopped with an error:\n{error}")
    del notebook.cells[: bool(first)]
    shared = "all cores" if alone else "1 thread, beside another chapter"
    notebook.metadata["aigc"] = {"machine": {**collect.machine(), "each chapter had": shared}}
    notebook.metadata["aigc"]["threads"] = threads.get("OMP_NUM_THREADS", "")
    notebook.metadata["aigc"]["computed"] = computed[0]
    return notebook


def computing_seconds(client: NotebookClient) -> float:
    """Returns what a kernel, with what it started, has computed so far, on all threads together.

    Raises:
        psutil.Error: the kernel has ended.
    """
    assert client.km is not None
    kernel = psutil.Process(getattr(client.km.provisioner, "pid"))  # noqa: B009 - a local one's
    times = [each.cpu_times() for each in (kernel, *kernel.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


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


def longest_first(sources: Iterable[Path]) -> list[Path]:
    """Returns the order in which notebooks run side by side: what begins last should be short.

    Later chapters train longer, and exercises take seconds.
    """
    backwards = sorted(sources, key=lambda source: source.stem, reverse=True)
    return sorted(backwards, key=lambda source: source.parent.name == "exercises")


def executed_all(sources: Iterable[Path], fingerprints: Fingerprints) -> dict[Path, Path]:
    """Returns the path of each executed notebook, by its source; see `executed`.

    Where one stops with an error, those that have not begun are left.
    """
    sources = [*sources]
    if side_by_side() == 1:
        return {source: executed(source, fingerprints) for source in sources}
    with ThreadPoolExecutor(side_by_side()) as pool:
        runs = {
            source: pool.submit(executed, source, fingerprints) for source in longest_first(sources)
        }
        wait(runs.values(), return_when=FIRST_EXCEPTION)
        pool.shutdown(cancel_futures=True)
    for run in runs.values():
        if not run.cancelled():
            run.result()  # raises what stopped it
    return {source: runs[source].result() for source in sources}


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
