"""Builds the book: runs each notebook whose code changed, then renders all of them.

`python -m bookmaking.build` leaves the executed chapters in `build/executed/`, the exercises in
`build/executed/exercises/` and the pages in `book/_build/html/`. A notebook runs again when its
own source, something that it imports, Python or a library has changed; Jupyter Book's own cache
looks at the notebook's source alone.
"""

from __future__ import annotations

import argparse
import copy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import yaml

from grading import editions

from . import BOOK, PAGES, ROOT, chapters, check
from .after import lighten
from .files import write_if_new
from .runs import collect, exercise_pages, outputs
from .runs.fingerprint import Fingerprints
from .runs.running import executed, with_address, without_widgets
from .settings import course_settings
from .sources import api, contents, exercises, myst
from .sources.pieces import Finding, cells

LIVE = BOOK / "live"
RESULTS = ROOT / "aigc_utils" / "assets" / "results"

# How to start in Colab, without and with a public address.
COLAB = (
    "Download a chapter with the button at the top of its page and upload it to Colab.\n"
    "This copy of the book names no public address, so install the course there first, "
    "from a copy of its folder: `%pip install foundations-of-aigc/`.",
    "At the top of each chapter's page, the rocket opens it in Colab.\n"
    "Its first cell installs the course; nothing else is needed, and no account but Google's.",
)


def is_exercise(source: Path) -> bool:
    """Whether a notebook's source is one of the exercises'."""
    return chapters.page_of(source).startswith("exercises/")


def page_source(notebook: nbformat.NotebookNode, source: Path) -> nbformat.NotebookNode:
    """Returns a notebook as the book shows it: MyST's marks, an alternative text per figure.

    Exits with a line for each output that is missing and each mark that leads nowhere.
    """
    if found := outputs.check_outputs(notebook, source):
        sys.exit("\n".join(map(str, found)))
    book = source.parent.parent / "book"
    terms = myst.glossary_terms(book / "glossary.md")
    keys = myst.bibliography_keys(book / "references.bib")
    origins = cells(source.read_text(encoding="utf-8"))
    for cell, origin in zip(notebook.cells, origins, strict=True):
        if cell.cell_type != "code":
            cell.source, faults = myst.convert(cell.source, terms, keys, source.stem)
            page, first = f"{source.parent.name}/{source.name}", origin.line + 1
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
    return with_address(editions.make_editions(source.stem).student, ROOT)


def book_config(substitutions: dict[str, str], root: Path = ROOT) -> Path:
    """Returns the path of the book's configuration, with the last run's numbers for the pages.

    If the course has a public address, there are launch buttons too.
    """
    config: dict[str, Any] = yaml.safe_load((root / "book" / "_config.yml").read_text("utf-8"))
    config.setdefault("parse", {})["myst_substitutions"] = substitutions
    settings = course_settings(root)
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
    path = root / "build" / "_config.yml"
    write_if_new(path, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    return path


def collected(runs: dict[str, nbformat.NotebookNode]) -> dict[str, str]:
    """Returns the texts that the pages take from the chapters' runs; writes their pictures."""
    address = course_settings()["repository"]
    try:
        for name, notebook in runs.items():
            for picture, (image, _) in collect.pictures(notebook, name).items():
                write_if_new(LIVE / f"{picture}.png", image)
        given = {
            "colab": COLAB[bool(address)],
            "table_exercises": exercises.table(),
            "table_api": api.table(ROOT),
        }
        return collect.substitutions(runs, RESULTS) | given
    except collect.CollectError as error:
        sys.exit(str(error))


def render(substitutions: dict[str, str]) -> int:
    """Returns the exit status of Jupyter Book, with every warning an error."""
    command = [
        sys.executable, "-c", "from jupyter_book.cli.main import main; main()",
        # All pages: of those that it does not write anew, Sphinx forgets the words in the search.
        "build", str(BOOK), "--all", "--toc", str(contents.write(ROOT)),
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
    runs, downloads = {}, {}
    fingerprints = Fingerprints(ROOT)
    for name, source in chapters.notebooks(ROOT).items():
        notebook = without_widgets(nbformat.read(executed(source, fingerprints), as_version=4))
        if not is_exercise(source):
            runs[source.stem] = copy.deepcopy(notebook)
        # The reader who downloads a notebook gets plain Markdown, which every program shows.
        downloads[name] = nbformat.writes(download(notebook, source)) + "\n"
        page = nbformat.writes(page_source(notebook, source))
        write_if_new(BOOK / f"{name}.ipynb", page + "\n")
    if arguments.only_run:
        return 0
    given = collected(runs)
    stop_at(check.check(given.keys()))
    status = render(given)
    for name, text in downloads.items():
        write_if_new(PAGES / "_sources" / f"{name}.ipynb", text)
    if (PAGES / "index.html").exists():
        lighten.lighten(PAGES)
    if status == 0:
        print(f"\nThe book is ready. Open this file in a browser:\n  {PAGES / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
