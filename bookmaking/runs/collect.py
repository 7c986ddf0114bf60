"""Collects what the pages say of the chapters' last run: numbers, times, versions and pictures.

A chapter states its numbers in a cell that ends in `evaluation.record(...)`, and marks a figure
for the front page with the cell's tag `live-NAME`. The hand-written pages use the numbers as
`{{ cnn_accuracy }}` and whole tables as `{{ table_times }}`; `build.py` hands them to MyST.
"""

from __future__ import annotations

import base64
import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from benchmarks.register import benchmarks

PACKAGES = ("torch", "torchvision", "numpy", "matplotlib", "transformers", "jupyter-book")
LIVE = "live-"


class CollectError(ValueError):
    """A chapter's run that lacks what the pages need; the message says which and where."""


def machine() -> dict[str, str]:
    """Returns what a run's times and last digits depend on, by name."""
    from aigc_utils.gpt import has_bfloat16  # a build that runs nothing needs no torch

    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "date": date.today().isoformat(),
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores"
        if hasattr(os, "sched_getaffinity")
        else f"{_processor()}, {os.cpu_count()} cores",
        "numbers of chapter 4's GPTs": "16 bits (bfloat16)" if has_bfloat16() else "32 bits",
        "system": f"{platform.system()}, Python {platform.python_version()}",
        **versions,
    }


def _processor() -> str:
    """Returns the processor's name, or its kind where the system does not tell."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def seconds(notebook: NotebookNode) -> float:
    """Returns how long a chapter's run took, from its first cell to its last, in seconds."""
    times = [
        cell.metadata["execution"]
        for cell in notebook.cells
        if cell.cell_type == "code" and "execution" in cell.metadata
    ]
    first = datetime.fromisoformat(times[0]["iopub.execute_input"])
    last = datetime.fromisoformat(times[-1]["shell.execute_reply"])
    return (last - first).total_seconds()


def numbers(notebook: NotebookNode, name: str) -> dict[str, tuple[str, str]]:
    """Returns the numbers that a chapter's run recorded, by short name: what, and its value.

    Args:
        notebook: an executed chapter.
        name: such as "01_cnn"; it begins the short names, as in `cnn_accuracy`.

    Raises:
        CollectError: the chapter recorded none, or one twice.
    """
    found: dict[str, tuple[str, str]] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            recorded = output.get("metadata", {}).get("aigc", {}).get("numbers", [])
            for short, what, value in recorded:
                key = f"{name.split('_', 1)[1]}_{short}"
                if key in found:
                    raise CollectError(f"{name}: the number {short} is recorded twice.")
                found[key] = what, value
    if not found:
        raise CollectError(f"{name}: no cell ends in evaluation.record(...).")
    return found


def pictures(notebook: NotebookNode, name: str) -> dict[str, tuple[bytes, str]]:
    """Returns a chapter's figures for the front page, by name: the PNG and its text.

    Raises:
        CollectError: a cell with the tag `live-NAME` shows no figure.
    """
    found = {}
    for cell in notebook.cells:
        for tag in cell.metadata.get("tags", ()):
            if not tag.startswith(LIVE):
                continue
            shown = [o for o in cell.outputs if "image/png" in o.get("data", {})]
            if not shown:
                raise CollectError(f"{name}: the cell with the tag {tag} shows no figure.")
            image = base64.b64decode(shown[0].data["image/png"])
            found[tag.removeprefix(LIVE)] = image, shown[0].metadata["image/png"]["alt"]
    return found


def title(notebook: NotebookNode) -> str:
    """Returns a chapter's heading."""
    lines = notebook.cells[0].source.splitlines()
    return str(next(line.removeprefix("# ") for line in lines if line.startswith("# ")))


def clock(duration: float) -> str:
    """Returns a number of seconds in words that a reader plans by, such as "2 min 40 s"."""
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Returns a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def without_error(value: str) -> str:
    """Returns a number as a sentence takes it: "99.03 %" of "99.03 ± 0.19 %"."""
    return re.sub(r" ± [0-9.,]+", "", value)


def substitutions(
    chapters: Mapping[str, NotebookNode], results: Path, live: str = "live"
) -> dict[str, str]:
    """Returns all that the hand-written pages may use between double braces, by name.

    Args:
        chapters: executed chapters by name, each with its `metadata["aigc"]["machine"]`.
        results: the folder of the stored benchmarks.
        live: the folder of the front page's pictures, from the book's root.

    Raises:
        CollectError: a chapter recorded no numbers, or a stored benchmark is none any more.
    """
    given: dict[str, str] = {}
    times, measured = [], []
    for name, notebook in chapters.items():
        link = f"[{title(notebook)}](chapters/{name}.ipynb)"
        took = clock(seconds(notebook))
        short = name.split("_", 1)[1]
        found = numbers(notebook, name)
        times.append((link, took))
        measured.append(_measured(link, list(found.values())))
        given |= {f"{short}_link": link, f"{short}_time": took}
        given |= {f"{short}_badge": f"{{bdg-success}}`{took}`"}
        given |= {key: without_error(value) for key, (_, value) in found.items()}
        for picture, (_, alt) in pictures(notebook, name).items():
            given[f"live_{picture}"] = f"```{{image}} {live}/{picture}.png\n:alt: {alt}\n```"
    given["total_time"] = clock(sum(map(seconds, chapters.values())))
    times.append(("All together", given["total_time"]))
    benchmarked = [_benchmark(path) for path in sorted(results.glob("*.json"))]
    return given | {
        "tables_measured": "\n\n".join(measured),
        "table_times": table(("chapter", "time of a whole run"), times),
        "table_machine": table(("what", "this run's"), _machines(chapters)),
        "table_benchmarks": table(("benchmark", "what it compares", "where it ran"), benchmarked),
        "measured_card": _card(results / "device.json"),
    }


def _measured(link: str, values: list[tuple[str, str]]) -> str:
    """Returns what a chapter measured, under its link."""
    rows = table(("what", "measured"), values)
    return f"```{{rubric}} {link}\n:heading-level: 3\n```\n\n{rows}"


def _benchmark(path: Path) -> tuple[str, str, str]:
    """Returns the row of a stored benchmark."""
    name, stored = path.stem.replace("_", "-"), json.loads(path.read_text(encoding="utf-8"))
    known = benchmarks()
    if name not in known:
        raise CollectError(f"{path.name}: no module of benchmarks/ has {name} in BENCHMARKS.")
    torch_version = str(stored["torch"]).partition("+")[0]
    return f"`{name}`", known[name].compares, f"{stored['machine']}, torch {torch_version}"


def _card(path: Path) -> str:
    """Returns what `python -m benchmarks device` measured, or that it has not been."""
    if not path.exists():
        return (
            "How long the recipes take on a graphics card, and whether their models are as good "
            "there, is not measured: no card was at hand for this edition."
        )
    from benchmarks.device import HEADER, row  # which needs torch

    stored = json.loads(path.read_text(encoding="utf-8"))
    rows = [row(name, found) for name, found in stored["recipes"].items()]
    return (
        f"Measured on {stored['card']}, beside {stored['machine']}; medians of {stored['seeds']} "
        "seeds. Qualities are alike where their medians differ by no more than the seeds of one "
        f"of the two do.\n\n{table(HEADER, rows)}"
    )


def _machines(chapters: Mapping[str, NotebookNode]) -> list[tuple[str, str]]:
    """Returns the machine's rows; what differs between the chapters' runs is named for each."""
    runs: dict[str, dict[str, Any]] = {
        name: notebook.metadata["aigc"]["machine"] for name, notebook in chapters.items()
    }
    rows = []
    for what in next(iter(runs.values())):
        values = {run.get(what, "") for run in runs.values()}
        if len(values) == 1:
            rows.append((what, values.pop()))
        else:
            rows += [(f"{what}, {name}", run.get(what, "")) for name, run in runs.items()]
    return rows
