"""The notebooks as a student has them, and JupyterLab: `python -m course.desk`, in `.venv`.

A chapter `notebooks/01_cnn.py` lies there as the notebook `01_cnn.ipynb` too, which JupyterLab
shows: Jupytext pairs the two, so that both hold what a reader saves, and the notebook alone holds
outputs. `notebooks/exercises` has the students' edition of the exercises. Git sees no notebook.

What changed outside JupyterLab is found before it opens. If one of a pair changed, the other
follows; if both did, nothing is merged: the reader's notebook is kept under another name, and so
is one that is damaged.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import itertools
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from jupytext.config import load_jupytext_config

from aigc_utils.threads import LAB_SPIN_COUNT, waiting
from bookmaking import chapters
from grading import editions

from . import ROOT
from .environment import ended

PAIR = "ipynb,py:percent"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
SETTINGS = ROOT / "course" / "lab"
ADDRESS = re.compile(r'^REPOSITORY = ".*"$', re.MULTILINE)


def inputs(notebook: Any) -> str:
    """Returns a hash of what stands in a notebook's cells, without outputs and the address."""
    cells = [(c.cell_type, ADDRESS.sub("", c.source.strip())) for c in notebook.cells]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def read(path: Path) -> Any:
    """Returns a notebook, from a file of either kind."""
    return jupytext.read(path)


def inputs_of(path: Path) -> str | None:
    """Returns what `inputs` gives for a file, or None where it is damaged or half-written."""
    try:
        return inputs(read(path))
    except (ValueError, AttributeError, KeyError, TypeError, nbformat.ValidationError):
        return None


def free(path: Path, word: str) -> Path:
    """Returns a name beside `path` that no file has: `01_cnn.yours.ipynb`, `01_cnn.yours-2.ipynb`.

    Args:
        path: a notebook's.
        word: says what the other one is.
    """
    ends = itertools.chain([""], map("-{}".format, itertools.count(2)))
    names = (path.with_name(f"{path.stem}.{word}{end}.ipynb") for end in ends)
    return next(name for name in names if not name.exists())


class Desk:
    """The notebooks of the course in the folder `root`.

    Args:
        root: the course's folder.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.folder = root / "notebooks"
        self.sources = list(chapters.notebooks(root, "chapters").values())
        self.record = self.folder / ".desk.json"
        self.known: dict[str, str] = {}
        # Without its record, or with a damaged one, what differs counts as changed on both sides.
        with contextlib.suppress(OSError, ValueError, TypeError):
            self.known = dict(json.loads(self.record.read_text(encoding="utf-8")))

    def lay(self) -> list[str]:
        """Lays out every notebook; returns a sentence on each that changed outside JupyterLab."""
        said = [self._chapter(source) for source in self.sources]
        said += [self._exercises(name) for name in editions.names()]
        self.remember()
        return [sentence for sentence in said if sentence]

    def remember(self) -> None:
        """Notes what each chapter holds that is the same as its notebook."""
        for source in self.sources:
            copy = source.with_suffix(".ipynb")
            if copy.exists() and (same := inputs(read(source))) == inputs_of(copy):
                self.known[source.stem] = same
        self.record.write_text(json.dumps(self.known, indent=1), encoding="utf-8")

    def _chapter(self, source: Path) -> str:
        copy, name = source.with_suffix(".ipynb"), source.stem
        if not copy.exists():
            self._copy(source)
            return ""
        of_source, of_copy = inputs(read(source)), inputs_of(copy)
        if of_copy is None:
            aside = copy.rename(free(copy, "damaged"))
            self._copy(source)
            return f"{name}: your notebook is damaged and kept as {aside.name}; here is a new one."
        if of_source == of_copy:
            self._pair(copy)
            return ""
        if self.known.get(name) == of_copy:
            os.utime(source)  # the newer one has the say
            return f"{name}: the chapter has changed; outputs of changed cells are gone."
        if self.known.get(name) == of_source:
            config = load_jupytext_config(str(source))
            jupytext.write(read(copy), source, fmt="py:percent", config=config)
            return f"{name}: what changed in the notebook stands in the chapter's source too."
        aside = free(copy, "yours")
        kept = read(copy)
        kept.metadata["jupytext"] = {"formats": "ipynb"}  # or its source would be another chapter
        nbformat.write(kept, aside)
        self._copy(source)
        return (
            f"{name}: the chapter and your notebook have both changed; "
            f"yours is kept as {aside.name}."
        )

    def _copy(self, source: Path) -> None:
        notebook = read(source)
        notebook.metadata.update(kernelspec=KERNEL, jupytext={"formats": PAIR})
        nbformat.write(notebook, source.with_suffix(".ipynb"))

    def _pair(self, copy: Path) -> None:
        """Pairs a notebook that came from elsewhere, such as the book's or a kit's."""
        notebook = read(copy)
        if notebook.metadata.get("jupytext", {}).get("formats") != PAIR:
            notebook.metadata["jupytext"] = {"formats": PAIR}
            nbformat.write(notebook, copy)

    def _exercises(self, name: str) -> str:
        target = self.folder / "exercises" / f"{name}.ipynb"
        edition = editions.make_editions(name).student
        key, new, sentence = f"exercises/{name}", inputs(edition), ""
        before = self.known.get(key)
        if target.exists() and before == new:
            return ""
        if target.exists() and inputs_of(target) not in (before, new):
            target = free(target, "new")
            sentence = f"{key}: there is a new edition, {target.name}; yours stays as it is."
        self.known[key] = new
        target.parent.mkdir(exist_ok=True)
        nbformat.write(edition, target)
        return sentence


def lab_command(folder: Path, *more: str) -> tuple[str, ...]:
    """Returns the command that opens JupyterLab on a folder; `more` are its own arguments."""
    return (sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", *more)


def lab_environment() -> dict[str, str]:
    """Returns the environment for JupyterLab: the course's settings before all others.

    Threads give way early, as a browser and other kernels want the cores too.
    """
    settings = os.pathsep.join(filter(None, (str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH"))))
    more = {"JUPYTER_CONFIG_PATH": settings, **waiting(os.environ, LAB_SPIN_COUNT)}
    return {**os.environ, **more}


def main(words: list[str] | None = None) -> int:
    """Returns JupyterLab's exit status, or 0 when the notebooks are laid out."""
    parser = argparse.ArgumentParser(description="Opens the notebooks in JupyterLab.")
    parser.add_argument("--only-lay", action="store_true", help="lay them out, open nothing")
    arguments, rest = parser.parse_known_args(words)
    desk = Desk()
    for sentence in desk.lay():
        print(sentence)
    if arguments.only_lay:
        print(f"The notebooks lie in {desk.folder}.")
        return 0
    status = ended(*lab_command(desk.folder, *rest), env=lab_environment())
    desk.remember()
    return status


if __name__ == "__main__":
    sys.exit(main())
