"""Renders the book with Jupyter Book: its configuration, its contents, and what must be rendered.

A page whose source is as it was stands, see `extensions/incremental.py`. All pages are rendered
where a library or the code that makes the book has changed, and after a build that failed: it is
not to pass unchanged.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from . import BOOK, PAGES, ROOT
from .after import lighten
from .files import digest, write_if_new
from .settings import commit, course_settings
from .sources import contents

# In the book's folder, what is made and not written by hand.
MADE = {"_build", "api", "chapters", "exercises", "live"}
MISTAKE = "mistake.yml"  # the form for what is wrong in the book, in .github/ISSUE_TEMPLATE
MARK = BOOK / "_build" / "rendered"  # of what the pages there are made


def book_config(substitutions: dict[str, str], root: Path = ROOT) -> Path:
    """Returns the path of the book's configuration, with the last run's numbers for the pages.

    If the course has a public address, there are launch buttons too, and each page says where it
    stands and how to report a problem on it.
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
        add_addresses(config, settings, root)
    path = root / "build" / "_config.yml"
    write_if_new(path, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    return path


def add_addresses(config: dict[str, Any], settings: dict[str, str], root: Path) -> None:
    """Adds to a configuration where the pages stand, and the form that reports a problem."""
    sphinx = config.setdefault("sphinx", {}).setdefault("config", {})
    form = {"template": MISTAKE, "labels": "book"}
    sphinx.setdefault("html_context", {}).update(
        report=f"{settings['repository']}/issues/new?{urlencode(form)}&where=",
        report_commit=commit(root)[:7],
    )
    if settings["pages"]:
        sphinx["html_baseurl"] = settings["pages"]


def code(*folders: str) -> Iterator[Path]:
    """Yields the modules in these folders of the course."""
    for folder in folders:
        yield from (ROOT / folder).rglob("*.py")


def tools() -> str:
    """Returns a hash of what may change every page: the libraries, and the code of the book."""
    places = (path for folder in sys.path for path in Path(folder).glob("*.dist-info"))
    return digest([*code("bookmaking"), *(BOOK / "temml").iterdir()], *sorted(map(str, places)))


def sources() -> str:
    """Returns a hash of all that the book is made of, the chapters' runs among it."""
    texts = [p for p in BOOK.rglob("*") if p.relative_to(BOOK).parts[0] not in MADE and p.is_file()]
    folders = ("aigc_utils", "benchmarks", "exercises", "grading", "notebooks", "scaling")
    runs = (ROOT / "build" / "executed").rglob("*.ipynb")
    results = (ROOT / "aigc_utils" / "assets" / "results").glob("*.json")
    return digest([*texts, *code(*folders), *runs, *results], *course_settings().values())


def made_of() -> str:
    """Returns what the pages are made of, as two lines: the tools, the sources."""
    return f"{tools()}\n{sources()}"


def stands() -> bool:
    """Whether the rendered pages are made of what there is now."""
    return (PAGES / "index.html").exists() and MARK.exists() and MARK.read_text() == made_of()


def render(substitutions: dict[str, str]) -> int:
    """Returns the exit status of Jupyter Book, with every warning an error."""
    again = MARK.exists() and MARK.read_text().partition("\n")[0] == tools()
    MARK.unlink(missing_ok=True)
    command = [
        sys.executable, "-c", "from jupyter_book.cli.main import main; main()",
        "build", str(BOOK), *([] if again else ["--all"]), "--toc", str(contents.write(ROOT)),
        "--config", str(book_config(substitutions)), "-W", "-n", "--keep-going", "--quiet",
    ]  # fmt: skip
    index = PAGES / "index.html"
    # No page from an earlier build may pass for this one's.
    for page in [index] if again else lighten.html_files(PAGES):
        page.unlink(missing_ok=True)
    status = subprocess.run(command, check=False, cwd=ROOT, stdout=subprocess.DEVNULL).returncode
    return status if index.exists() else status or 1
