"""What every benchmark prints and stores."""

from __future__ import annotations

import dataclasses
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch

Recipe = TypeVar("Recipe")
Result = TypeVar("Result")  # a dataclass of numbers
Made = TypeVar("Made")

# A sprint is tried as it stands; only if it falls short of what the other side happened to reach is
# it run for so many times as long.
FACTORS = (1.0, 1.5, 2.5, 4.0)


class MachineError(RuntimeError):
    """What a benchmark compares is not on this machine; the message says what."""


def median(results: Sequence[Result]) -> Result:
    """Returns the median of each number over several runs' results, a result too."""
    runs = [dataclasses.astuple(result) for result in results]  # type: ignore[call-overload]
    return type(results[0])(*map(statistics.median, zip(*runs, strict=True)))


def timed(make: Callable[[], Made]) -> tuple[float, Made]:
    """Returns the seconds that a function takes, and what it returns."""
    start = time.perf_counter()
    made = make()
    return time.perf_counter() - start, made


def first_to_reach(
    recipes: Iterable[Recipe],
    run: Callable[[Recipe], list[Result]],
    reached: Callable[[Result], bool],
) -> tuple[Recipe, list[Result]]:
    """Returns the first recipe whose median result reached the target, or the last, and its runs.

    Args:
        recipes: from the shortest to the longest, at least one.
        run: returns a recipe's results, one for each seed.
        reached: whether a result is good enough.
    """
    for recipe in recipes:
        results = run(recipe)
        if reached(median(results)):
            break
    return recipe, results


def machine(threads: int | None = None) -> dict[str, str]:
    """Returns the machine and the versions that a measurement holds for.

    `threads` is how many a run had, by default what PyTorch takes in this process.
    """
    had = threads or torch.get_num_threads()
    return {
        "machine": f"{had} thread{'s' * (had > 1)}, {platform.machine()}, "
        f"{torch.backends.cpu.get_cpu_capability()}",
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Returns rows under a header, in columns of equal width."""
    cells = [[str(c) for c in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(lines)


def write(results: Mapping[str, Any], path: Path | None) -> None:
    """Writes results as JSON, if a path is given."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        print(f"written to {path}")
