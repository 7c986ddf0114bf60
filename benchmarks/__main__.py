"""Command line: `python -m benchmarks cnn --json FILE`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from . import cnn, decode, gan, gpt, report, vae


def main() -> None:
    """Runs one benchmark, prints its table and stores its numbers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "name",
        choices=("cnn", "ladder", "gan", "gan-ablation", "vae", "vae-ablation", "gpt", "decode"),
        help="what to measure",
    )
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each recipe, at least 3")
    parser.add_argument("--save", type=Path, help="gan: folder to write the samples to")
    parser.add_argument("--text", type=Path, help="gpt: file to train on, by default the plays")
    arguments = parser.parse_args()
    if arguments.seeds < 3:
        parser.error("a median needs at least 3 seeds.")
    runs: dict[str, Callable[..., dict[str, Any]]] = {
        "cnn": cnn.benchmark,
        "ladder": cnn.ladder,
        "gan": partial(gan.benchmark, save=arguments.save),
        "gan-ablation": gan.ablation,
        "vae": vae.benchmark,
        "vae-ablation": vae.ablation,
        "gpt": partial(gpt.benchmark, text=arguments.text),
        "decode": decode.benchmark,
    }
    report.write(runs[arguments.name](seeds=arguments.seeds), arguments.json)


if __name__ == "__main__":
    main()
