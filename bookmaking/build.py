"""Builds the book: runs each notebook whose code changed, then renders what changed.

`python -m bookmaking.build` leaves the executed chapters in `build/executed/`, the exercises in
`build/executed/exercises/` and the pages in `book/_build/html/`. A notebook runs again when its
own source, something that it imports, Python or a library has changed; Jupyter Book's own cache
looks at the notebook's source alone.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import nbformat

from course.environment import weights_wheel

from . import BOOK, EPUB, PAGES, PDF, ROOT, chapters, check, render
from .after import lighten
from .files import digest, remembered, write_if_new
from .runs import class_times, collect, stored
from .runs.fingerprint import Fingerprints
from .runs.pages import download, is_exercise, page_source
from .runs.running import executed_all, stands, without_widgets
from .settings import course_settings
from .sources import api, exercises, outcomes
from .sources.book import Book
from .sources.pieces import Finding

MADE = ROOT / "build" / "pages"  # what was made of the notebooks, to be taken as it is
LIVE = BOOK / "live"
RESULTS = ROOT / "aigc_utils" / "assets" / "results"

# How to start in Colab, without and with a public address.
COLAB = (
    "Download a chapter with the button at the top of its page and upload it to Colab.\n"
    "This copy of the book names no public address, so upload the course's folder too, as "
    '`foundations-of-aigc`, and install it first: `%pip install "./foundations-of-aigc[gpt]"`, '
    "and for chapter 4 `%pip install --no-deps {wheel}`.",
    "At the top of each chapter's page, the rocket opens it in Colab.\n"
    "Its first cell installs the course as it was when the chapter ran; nothing else is needed, "
    "and no account but Google's.\n"
    "Leave the runtime type at CPU: the chapters compute there, also where there is a GPU.\n\n"
    "In Kaggle, choose File, Import Notebook, and take a chapter that you downloaded; switch "
    "Internet on in its settings, so that the first cell can install.\n"
    "The rocket opens a chapter in Binder too, with no account; its start takes minutes.",
)
# The whole book as one file, without and with an address of the pages.
FILES = (
    "`make pdf` prints the whole book as one PDF, and `make epub` makes it an EPUB.",
    "The whole book is there as [one PDF]({pages}{pdf}) and as [one EPUB]({pages}{epub}).",
)


def read_run(path: Path) -> nbformat.NotebookNode:
    """Returns an executed notebook without its progress bars."""
    return without_widgets(nbformat.read(path, as_version=4))


def write_pages(runs: dict[Path, Path]) -> dict[str, str]:
    """Writes the notebooks' pages; returns what a reader downloads, by page.

    He gets plain Markdown, which every program shows.

    Args:
        runs: the executed notebook of each source.
    """
    files = [BOOK / name for name in ("glossary.md", "references.bib", "guesses.toml")]
    made_of = [*files, *render.code("bookmaking", "grading")]
    downloads = {}
    for source, run in runs.items():
        name = chapters.page_of(source)
        key = digest([source, run, *made_of], *course_settings().values())
        taken, shown = MADE / f"{name}.taken", MADE / f"{name}.shown"
        downloads[name] = remembered(taken, key, partial(_made, download, run, source))
        page = remembered(shown, key, partial(_made, page_source, run, source))
        write_if_new(BOOK / f"{name}.ipynb", page)
    return downloads


def _made(
    make: Callable[[nbformat.NotebookNode, Path], nbformat.NotebookNode], run: Path, source: Path
) -> str:
    return str(nbformat.writes(make(read_run(run), source))) + "\n"


def collected(runs: dict[str, nbformat.NotebookNode]) -> dict[str, str]:
    """Returns the texts that the pages take from the chapters' runs; writes their pictures."""
    settings = course_settings()
    files = FILES[bool(settings["pages"])]
    key = digest(render.code("aigc_utils/exercises", "bookmaking", "grading/questions"))
    try:
        for name, notebook in runs.items():
            for picture, (image, _) in collect.pictures(notebook, name).items():
                write_if_new(LIVE / f"{picture}.png", image)
        given = {
            "colab": COLAB[bool(settings["repository"])].format(wheel=weights_wheel()),
            "files": files.format(pages=settings["pages"], pdf=PDF.name, epub=EPUB.name),
            "table_exercises": remembered(MADE / "exercises.table", key, exercises.table),
            "table_outcomes": remembered(MADE / "outcomes.table", key, outcomes.table),
            "table_api": api.table(ROOT),
            f"stored_{stored.FIGURE}": _figure(),
        }
        given |= stored.substitutions(RESULTS) | class_times.substitutions(RESULTS)
        return collect.substitutions(runs, RESULTS) | given
    except collect.CollectError as error:
        sys.exit(str(error))


def _figure() -> str:
    """Returns the directive that shows the stored law; writes its picture."""
    key = digest([RESULTS / f"{stored.FIGURE}.json", *render.code("aigc_utils/plotting")])
    made = remembered(MADE / "law.figure", key, partial(stored.figure, RESULTS))
    found = json.loads(made)
    write_if_new(LIVE / f"{stored.FIGURE}.png", base64.b64decode(found["png"]))
    name = f"live/{stored.FIGURE}.png"
    return f"```{{figure}} {name}\n:alt: {found['alt']}\n:width: 720px\n```"


def stop_at(found: Sequence[Finding]) -> None:
    """Exits with what is wrong in the sources, each with its page and line, if anything is."""
    if found:
        sys.exit("\n".join(map(str, found)))


def build(only_run: bool, fingerprints: Fingerprints) -> int:
    """Returns 0 when every chapter ran and, unless `only_run`, every page was built."""
    book = Book(ROOT)
    stop_at(check.check(book=book))
    runs = executed_all(chapters.notebooks(ROOT).values(), fingerprints)
    made_of = render.made_of()
    downloads = write_pages(runs)
    if only_run:
        return 0
    given = collected({s.stem: read_run(run) for s, run in runs.items() if not is_exercise(s)})
    stop_at(check.check(given.keys(), book=book))
    status = render.render(given)
    for name, text in downloads.items():
        write_if_new(PAGES / "_sources" / f"{name}.ipynb", text)
    if (PAGES / "index.html").exists():
        lighten.lighten(PAGES)
    if status == 0:
        write_if_new(render.MARK, made_of)
    return status


def main() -> int:
    """Returns 0 when every chapter ran and every page was built."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only-run", action="store_true", help="run the chapters, build no pages")
    only_run = parser.parse_args().only_run
    fingerprints = Fingerprints(ROOT)
    ran = all(stands(source, fingerprints) for source in chapters.notebooks(ROOT).values())
    if ran and not only_run and render.stands():
        print("Nothing has changed since the last build.")
        status = 0
    else:
        status = build(only_run, fingerprints)
    if status == 0 and not only_run:
        print(f"\nThe book is ready. Open this file in a browser:\n  {PAGES / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
