"""Long benchmarks in parts: several runs at a time, and parts by seed joined afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from aigc_utils.data import DataError

Result = TypeVar("Result")
#: Scores of each run, by seed and the row's name.
Runs = dict[int, dict[str, dict[str, float]]]

#: What `report.machine` says, which all parts must have in common.
MACHINE = ("machine", "torch", "python")


def each(
    run: Callable[..., Result], tasks: Iterable[tuple[Any, ...]], workers: int
) -> list[Result]:
    """Returns what `run` gives for each task's arguments, in order; `workers` work at a time.

    With one worker all run in this process, so that several such commands can share a processor.
    """
    if workers == 1:
        return [run(*task) for task in tasks]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(run, *zip(*tasks, strict=True)))


def read_parts(
    paths: Sequence[Path],
    alike: Sequence[str] = (),
    holds: Sequence[str] = (),
    numbers: str = "seeds",
) -> list[dict[str, Any]]:
    """Returns the results in files, each of other seeds.

    Args:
        paths: files that `--only` and `--json` have written.
        alike: names of what all must have in common, besides machine and versions.
        holds: names of what else each must have, so that it is a part of this benchmark.
        numbers: the name of what tells the parts apart.

    Raises:
        DataError: a file can't be read or is of another benchmark, two hold the same number, or
            they differ in what they must have in common.
    """
    common = (*alike, *MACHINE)
    parts: list[dict[str, Any]] = []
    for path in paths:
        try:
            part = json.loads(path.read_text(encoding="utf-8"))
            kept = {name: part[name] for name in (*common, *holds)}
            parts.append({numbers: [*part[numbers]], **kept})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path} is no part of this benchmark: write it with --json."
            ) from error
    found = [number for part in parts for number in part[numbers]]
    if len({*found}) < len(found):
        raise DataError(f"The same {numbers} stand in two parts: they have {sorted(found)}.")
    for name in common:
        values = {str(part[name]) for part in parts}
        if len(values) > 1:
            raise DataError(f"The parts differ in {name}: {' and '.join(sorted(values))}.")
    return parts


def same_machine(parts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Returns the machine and the versions that all parts have in common."""
    return {name: parts[0][name] for name in MACHINE}
