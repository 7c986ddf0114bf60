"""Command line: `python -m benchmarks cnn --json FILE`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from .register import Benchmark, benchmarks

#: What only some benchmarks take.
OPTIONS = ("seeds", "only", "parts", "workers", "save", "text", "students", "exercises", "jobs")


def arguments_of(known: dict[str, Benchmark]) -> argparse.ArgumentParser:
    """Returns the command's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Runs one benchmark, prints its table and stores its numbers.",
        epilog="\n".join(
            ["what they compare:", *(f"  {name:14} {known[name].compares}" for name in known)]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("name", choices=known, metavar="NAME", help="one of the names below")
    add("--json", type=Path, help="file to write the numbers to")
    add("--seeds", type=int, help="runs of each recipe: 3, or more")
    add("--only", type=int, nargs="+", metavar="SEED", help="run these seeds alone")
    add("--parts", type=Path, nargs="+", metavar="FILE", help="join such results")
    add("--workers", type=int, help="runs at a time, where it has many")
    add("--save", type=Path, help="folder to write samples to, where it makes some")
    add("--text", type=Path, help="file to train on, where that is a text")
    add("--students", type=int, help="submissions of the class that is graded: 300, or so many")
    add("--exercises", help="which of them it answers, such as 01_cnn")
    add("--jobs", type=int, nargs="+", metavar="N", help="submissions at a time, for each run")
    return parser


def main() -> None:
    """Runs one benchmark, prints its table and stores its numbers."""
    known = benchmarks()
    parser = arguments_of(known)
    arguments = parser.parse_args()
    if arguments.seeds is not None and arguments.seeds < 3:
        parser.error("a median needs at least 3 seeds.")
    if arguments.workers is not None and arguments.workers < 1:
        parser.error("at least 1 worker has to work.")
    if arguments.students is not None and arguments.students < 1:
        parser.error("a class has at least 1 student.")
    if min(arguments.jobs or [1]) < 1:
        parser.error("at least 1 submission has to be graded at a time.")
    chosen = known[arguments.name]
    given = {name: vars(arguments)[name] for name in OPTIONS if vars(arguments)[name] is not None}
    try:
        taken = chosen.takes()
    except ModuleNotFoundError as error:
        parser.error(
            f"{arguments.name} needs {error.name}, which comes with the course's extra `dev`: "
            'pip install -e ".[dev]" in the course\'s folder.'
        )
    for option in sorted(given.keys() - taken):
        parser.error(f"{arguments.name} takes no --{option}.")
    os.environ.setdefault("AIGC_DEVICE", "cpu")  # what is compared, is compared on one device
    if problem := run(chosen, arguments.json, given):
        parser.exit(1, f"{problem}\n")


def run(chosen: Benchmark, target: Path | None, options: dict[str, Any]) -> str:
    """Runs a benchmark and stores its numbers; returns what is wrong with file or machine."""
    from aigc_utils.data import DataError

    from .report import MachineError, write

    try:
        results = chosen.load()(**options)
    except (DataError, MachineError) as error:
        return str(error)
    write(results, target)
    return ""


if __name__ == "__main__":
    main()
