"""Command line: `python -m benchmarks cnn --json FILE`."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import cnn, report


def main() -> None:
    """Runs one benchmark, prints its table and stores its numbers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=("cnn", "ladder"), help="what to measure")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each recipe, at least 3")
    arguments = parser.parse_args()
    if arguments.seeds < 3:
        parser.error("a median needs at least 3 seeds.")
    run = {"cnn": cnn.benchmark, "ladder": cnn.ladder}[arguments.name]
    report.write(run(seeds=arguments.seeds), arguments.json)


if __name__ == "__main__":
    main()
