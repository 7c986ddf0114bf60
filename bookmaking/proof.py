"""Names the executed notebooks that the proof runs once more, and compares to the digit.

Each notebook is run once for the book. A second run that must give the same digits would cost as
much again, so `make test` repeats one chapter and its exercises, whose turn it is by the number of
commits, and every notebook whose code, data or libraries this change touches: what could have come
out otherwise. `make prove` repeats all, as the workflow does weekly.

This change is what differs from the commit in PROVE_SINCE, by default the last commit, and what is
not committed yet. Where git cannot tell, as in a copy without history, all are repeated.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
from itertools import chain
from pathlib import Path

from packaging.utils import canonicalize_name

from . import ROOT, chapters
from .runs.fingerprint import Fingerprints
from .runs.outputs import run_of

#: The file that decides in which version each library runs.
PINS = "constraints.txt"
#: The commit from which a change is told.
SINCE = os.environ.get("PROVE_SINCE") or "HEAD~1"


def git(root: Path, *arguments: str) -> str:
    """Returns what a command of git prints.

    Raises:
        OSError: there is no git.
        subprocess.CalledProcessError: git cannot tell.
    """
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout


def changed_files(root: Path, since: str) -> set[Path]:
    """Returns the files that differ from a commit, new ones that git does not ignore among them.

    Raises:
        OSError: there is no git.
        subprocess.CalledProcessError: git knows no such commit.
    """
    differing = git(root, "diff", "--name-only", "--no-renames", since)
    new = git(root, "ls-files", "--others", "--exclude-standard")
    return {root / line for line in (differing + new).splitlines()}


def turn_and_changes(root: Path, since: str) -> tuple[int, set[Path]] | None:
    """Returns the number of commits, and what differs from one; None if git can't tell."""
    try:
        return int(git(root, "rev-list", "--count", "HEAD")), changed_files(root, since)
    except (OSError, subprocess.CalledProcessError):
        return None


def changed_pins(root: Path, since: str) -> frozenset[str] | None:
    """Returns the libraries that have another version than at a commit; None if git can't tell."""
    difference = git(root, "diff", "--unified=0", "--no-color", since, "--", PINS)
    lines = [line[1:] for line in difference.splitlines() if re.match(r"[-+](?![-+]{2} )", line)]
    pins = [re.match(r"([\w.-]+)\s*==", line) for line in lines]
    if not all(pins) or not pins:
        return None
    return frozenset(canonicalize_name(pin[1]) for pin in pins if pin)


def to_repeat(root: Path, since: str) -> list[Path]:
    """Returns the sources of the notebooks to repeat: see this module's text."""
    kinds = [[*chapters.notebooks(root, kind).values()] for kind in ("chapters", "exercises")]
    found = turn_and_changes(root, since)
    if found is None:
        return [*chain(*kinds)]
    turn, changed = found
    pins = changed_pins(root, since) if root / PINS in changed else frozenset()
    if pins is None:
        return [*chain(*kinds)]
    fingerprints = Fingerprints(root)
    return [
        source
        for sources in kinds
        for number, source in enumerate(sources)
        if number == turn % len(sources)
        or changed & {source, *_touching(source, fingerprints)}
        or pins & fingerprints.distributions(source)
    ]


def _touching(source: Path, fingerprints: Fingerprints) -> set[Path]:
    """Returns the package's files that a notebook depends on, its packages' lists among them."""
    needs = fingerprints.needs(source)
    modules = {fingerprints.imports.files[name] for name in needs.modules}
    return modules | {*fingerprints.files(needs)}


def main() -> None:
    """Prints the executed notebook of each source that is to be repeated, one a line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--all", action="store_true", help="all notebooks")
    arguments = parser.parse_args()
    chosen = [*chapters.notebooks(ROOT).values()] if arguments.all else to_repeat(ROOT, SINCE)
    for source in chosen:
        print(run_of(ROOT, chapters.page_of(source)).relative_to(ROOT).as_posix())


if __name__ == "__main__":
    main()
