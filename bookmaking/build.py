"""Builds the book: runs each notebook whose code changed, then renders all of them.

`python -m bookmaking.build` leaves the executed chapters in `build/executed/`, the exercises in
`build/executed/exercises/` and the pages in `book/_build/html/`. A notebook runs again when its
own source, the package `aigc_utils`, Python or torch has changed; Jupyter Book's own cache looks
at the notebook's source alone.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from grading import editions

from . import BOOK, PAGES, ROOT, check
from .after import lighten
from .runs import collect, exercise_pages, outputs
from .sources import myst
from .sources.pieces import Finding, cells

NOTEBOOKS = ROOT / "notebooks"
EXERCISES = ROOT / "exercises"
EXECUTED = ROOT / "build" / "executed"
LIVE = BOOK / "live"
RESULTS = ROOT / "aigc_utils" / "assets" / "results"

WIDGET = "application/vnd.jupyter.widget-view+json"
REPOSITORY_LINE = 'REPOSITORY = ""'
CELL_LIMIT_SECONDS = 1200  # against endless loops; a slow or busy computer stays far below
# How to start in Colab, without and with a public address.
COLAB = (
    "Download a chapter with the button at the top of its page and upload it to Colab.\n"
    "This copy of the book names no public address, so install the course there first, "
    "from a copy of its folder: `%pip install foundations-of-aigc/`.",
    "At the top of each chapter's page, the rocket opens it in Colab.\n"
    "Its first cell installs the course; nothing else is needed, and no account but Google's.",
)


def course_settings() -> dict[str, str]:
    """Returns the repository's public address and the branch of the notebooks, from pyproject.

    COURSE_REPOSITORY in the environment, which the workflow Publish sets, is the address if set.
    """
    with (ROOT / "pyproject.toml").open("rb") as file:
        settings: dict[str, str] = tomllib.load(file)["tool"]["course"]
    settings["repository"] = os.environ.get("COURSE_REPOSITORY", settings["repository"])
    return settings


def fingerprint(source: Path) -> str:
    """Returns a hash of all that decides what a notebook's run gives."""
    digest = hashlib.sha256()
    package = sorted(p for p in (ROOT / "aigc_utils").rglob("*") if p.is_file())
    # The chapters use nothing of the exercises' code; a test holds that.
    passed_over = {"__pycache__"} if is_exercise(source) else {"__pycache__", "exercises"}
    for path in [source, ROOT / "pyproject.toml", *package]:
        if path == source or not passed_over & {*path.parts}:
            digest.update(path.relative_to(ROOT).as_posix().encode())
            digest.update(path.read_bytes())
    for name in ("torch", "torchvision", "numpy", "matplotlib"):
        digest.update(importlib.metadata.version(name).encode())
    digest.update(platform.python_version().encode())
    digest.update(course_settings()["repository"].encode())  # it stands in the first cell
    return digest.hexdigest()


def is_exercise(source: Path) -> bool:
    """Whether a notebook's source is one of the exercises'."""
    return source.parent.name == EXERCISES.name


def sources() -> list[Path]:
    """Returns the notebooks of the book: the chapters, then their exercises."""
    return [p for folder in (NOTEBOOKS, EXERCISES) for p in sorted(folder.glob("[0-9]*.py"))]


def read_chapter(source: Path) -> nbformat.NotebookNode:
    """Returns a chapter as a notebook, with the repository's address filled in."""
    notebook: nbformat.NotebookNode = jupytext.read(source)
    notebook.metadata["kernelspec"] = {
        "name": "python3", "display_name": "Python 3", "language": "python",
    }  # fmt: skip
    address = course_settings()["repository"]
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # the same source gives the same file
        if cell.cell_type == "code":
            cell.source = cell.source.replace(REPOSITORY_LINE, f'REPOSITORY = "{address}"')
    return notebook


def execute(source: Path) -> nbformat.NotebookNode:
    """Returns a chapter with its outputs; exits with the failing cell when one fails."""
    notebook = read_chapter(source)
    client = NotebookClient(
        notebook, timeout=CELL_LIMIT_SECONDS, resources={"metadata": {"path": str(source.parent)}}
    )
    try:
        client.execute()
    except CellExecutionError as error:
        sys.exit(f"{source.relative_to(ROOT)} stopped with an error:\n{error}")
    notebook.metadata["aigc"] = {"machine": collect.machine()}
    return notebook


def executed(source: Path) -> Path:
    """Returns the path of a chapter's executed notebook, running the chapter if need be."""
    folder = EXECUTED / "exercises" if is_exercise(source) else EXECUTED
    target = folder / f"{source.stem}.ipynb"
    name = target.relative_to(EXECUTED).with_suffix("").as_posix()
    mark = target.with_suffix(".fingerprint")
    wanted = fingerprint(source)
    if target.exists() and mark.exists() and mark.read_text() == wanted:
        print(f"{name}: nothing changed, its last run stands")
        return target
    print(f"{name}: running ...", flush=True)
    start = time.perf_counter()
    notebook = execute(source)
    folder.mkdir(parents=True, exist_ok=True)
    mark.unlink(missing_ok=True)
    nbformat.write(notebook, target)
    mark.write_text(wanted)
    print(f"{name}: ran in {time.perf_counter() - start:.0f} s")
    return target


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


def page_source(notebook: nbformat.NotebookNode, source: Path) -> nbformat.NotebookNode:
    """Returns a notebook as the book shows it: MyST's marks, an alternative text per figure.

    Exits with a line for each output that is missing and each mark that leads nowhere.
    """
    if found := outputs.check_outputs(notebook, source):
        sys.exit("\n".join(map(str, found)))
    terms = myst.glossary_terms(ROOT / "book" / "glossary.md")
    keys = myst.bibliography_keys(ROOT / "book" / "references.bib")
    origins = cells(source.read_text(encoding="utf-8"))
    for cell, origin in zip(notebook.cells, origins, strict=True):
        if cell.cell_type != "code":
            cell.source, faults = myst.convert(cell.source, terms, keys, source.stem)
            page, first = source.relative_to(ROOT).as_posix(), origin.line + 1
            found += [Finding(page, first + line, message) for line, message in faults]
            continue
        for output in cell.outputs:
            if details := output.get("metadata", {}).get("image/png"):
                image = {"alt": details["alt"], "width": f"{details['width']}px"}
                cell.metadata["mystnb"] = {"image": image}
    if found:
        sys.exit("\n".join(map(str, found)))
    return exercise_pages.page(notebook) if is_exercise(source) else notebook


def download(notebook: nbformat.NotebookNode, source: Path) -> nbformat.NotebookNode:
    """Returns what a reader takes home: a chapter as it ran, an exercise without its solutions."""
    if not is_exercise(source):
        return notebook
    student: nbformat.NotebookNode = editions.make_editions(source.stem).student
    address = course_settings()["repository"]
    for cell in student.cells:
        cell.source = cell.source.replace(REPOSITORY_LINE, f'REPOSITORY = "{address}"')
    return student


def write_if_new(path: Path, new: str | bytes) -> None:
    """Writes a file only when it differs, so that unchanged pages are not built again."""
    new = new.encode() if isinstance(new, str) else new
    if not path.exists() or path.read_bytes() != new:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(new)


def book_config(substitutions: dict[str, str]) -> Path:
    """Returns the path of the book's configuration, with the last run's numbers for the pages.

    If the course has a public address, there are launch buttons too.
    """
    config: dict[str, Any] = yaml.safe_load((ROOT / "book" / "_config.yml").read_text("utf-8"))
    config.setdefault("parse", {})["myst_substitutions"] = substitutions
    settings = course_settings()
    if settings["repository"]:
        config["repository"] = {
            "url": settings["repository"],
            "path_to_book": "book",
            "branch": settings["branch"],
        }
        config["launch_buttons"] = {
            "colab_url": "https://colab.research.google.com",
            "binderhub_url": "https://mybinder.org",
            "notebook_interface": "jupyterlab",
        }
        config.setdefault("html", {})["use_repository_button"] = True
    path = ROOT / "build" / "_config.yml"
    write_if_new(path, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    return path


def collected(chapters: dict[str, nbformat.NotebookNode]) -> dict[str, str]:
    """Returns the texts that the pages take from the chapters' runs; writes their pictures."""
    address = course_settings()["repository"]
    try:
        for name, notebook in chapters.items():
            for picture, (image, _) in collect.pictures(notebook, name).items():
                write_if_new(LIVE / f"{picture}.png", image)
        given = {"colab": COLAB[bool(address)], "table_exercises": exercise_pages.table()}
        return collect.substitutions(chapters, RESULTS) | given
    except collect.CollectError as error:
        sys.exit(str(error))


def render(substitutions: dict[str, str]) -> int:
    """Returns the exit status of Jupyter Book, with every warning an error."""
    command = [
        sys.executable, "-c", "from jupyter_book.cli.main import main; main()",
        # All pages: of those that it does not write anew, Sphinx forgets the words in the search.
        "build", str(BOOK), "--all",
        "--config", str(book_config(substitutions)), "-W", "-n", "--keep-going", "--quiet",
    ]  # fmt: skip
    index = PAGES / "index.html"
    index.unlink(missing_ok=True)  # so that a page from an earlier build can't pass for this one's
    status = subprocess.run(command, check=False, cwd=ROOT, stdout=subprocess.DEVNULL).returncode
    return status if index.exists() else status or 1


def stop_at(found: Sequence[Finding]) -> None:
    """Exits with what is wrong in the sources, each with its page and line, if anything is."""
    if found:
        sys.exit("\n".join(map(str, found)))


def main() -> int:
    """Returns 0 when every chapter ran and every page was built."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only-run", action="store_true", help="run the chapters, build no pages")
    arguments = parser.parse_args()
    stop_at(check.check())
    chapters, downloads = {}, {}
    for source in sources():
        notebook = without_widgets(nbformat.read(executed(source), as_version=4))
        place = Path("exercises" if is_exercise(source) else "chapters", f"{source.stem}.ipynb")
        if not is_exercise(source):
            chapters[source.stem] = copy.deepcopy(notebook)
        # The reader who downloads a notebook gets plain Markdown, which every program shows.
        downloads[place] = nbformat.writes(download(notebook, source)) + "\n"
        page = nbformat.writes(page_source(notebook, source))
        write_if_new(BOOK / place, page + "\n")
    if arguments.only_run:
        return 0
    given = collected(chapters)
    stop_at(check.check(given.keys()))
    status = render(given)
    for place, text in downloads.items():
        write_if_new(PAGES / "_sources" / place, text)
    if (PAGES / "index.html").exists():
        lighten.lighten(PAGES)
    if status == 0:
        print(f"\nThe book is ready. Open this file in a browser:\n  {PAGES / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
