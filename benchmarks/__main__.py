"""Command line: `python -m benchmarks cnn --json FILE`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from .register import Benchmark, benchmarks


def main() -> None:
    """Runs one benchmark, prints its table and stores its numbers."""
    known = benchmarks()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Runs one benchmark, prints its table and stores its numbers.",
        epilog="\n".join(
            ["what they compare:", *(f"  {name:14} {known[name].compares}" for name in known)]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=known, metavar="NAME", help="one of the names below")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each recipe, at least 3")
    parser.add_argument("--save", type=Path, help="folder to write samples to, where it makes some")
    parser.add_argument("--text", type=Path, help="file to train on, where that is a text")
    arguments = parser.parse_args()
    if arguments.seeds < 3:
        parser.error("a median needs at least 3 seeds.")
    chosen = known[arguments.name]
    options = {"save": arguments.save, "text": arguments.text}
    given = {option: value for option, value in options.items() if value is not None}
    for option in sorted(given.keys() - chosen.takes()):
        parser.error(f"{arguments.name} takes no --{option}.")
    os.environ.setdefault("AIGC_DEVICE", "cpu")  # what is compared, is compared on one device
    if problem := run(chosen, arguments.json, {"seeds": arguments.seeds, **given}):
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
