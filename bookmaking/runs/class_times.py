"""What the instructors' page says of the time and the memory that a class takes.

`grading.json` holds what `python -m benchmarks grading` measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .collect import clock, table

GB = 1e3  # MB
#: What of the kinds of submissions the sentences say.
WORDS = {"never ends": "that never end", "fills the memory": "that fill the memory"}


def substitutions(results: Path) -> dict[str, str]:
    """Returns the page's paragraphs and table by name.

    Args:
        results: the folder of the stored benchmarks.
    """
    path = results / "grading.json"
    if not path.exists():
        said = "How long a class takes, and with how much memory, is not measured for this edition."
        return {"measured_class": said}
    found = json.loads(path.read_text(encoding="utf-8"))
    return {"measured_class": "\n\n".join([_made(found), _runs(found), _told(found)])}


def _made(found: Mapping[str, Any]) -> str:
    """Returns what was graded, and where."""
    parts = [f"{count} {WORDS.get(kind, kind)}" for kind, count in found["kinds"].items()]
    return (
        f"`python -m benchmarks grading` makes up a class of {found['students']}, no two alike: "
        f"{', '.join(parts)}. With `{found['exercises']}`, on a machine of {found['cores']} cores "
        f"({found['machine'].partition(', ')[2]}), it takes"
    )


def _runs(found: Mapping[str, Any]) -> str:
    """Returns a row for each number of jobs."""
    header = ("jobs", "time", "submissions a minute", "again, unchanged",
              "memory, median", "memory, at most")  # fmt: skip
    rows = [
        (
            str(run["jobs"]),
            clock(run["seconds"]),
            f"{run['a_minute']:.1f}",
            clock(run["again_seconds"]),
            f"{run['usual'] / GB:.1f} GB",
            f"{run['peak'] / GB:.1f} GB",
        )
        for run in found["runs"]
    ]
    return table(header, rows)


def _told(found: Mapping[str, Any]) -> str:
    """Returns what a submission takes by its kind, and what more jobs gain."""
    runs = found["runs"]
    each: dict[str, float] = next((run["each_seconds"] for run in runs if run["jobs"] == 1), {})
    parts = [f"{seconds:.1f} s where it is {kind}" for kind, seconds in each.items()
             if kind not in WORDS]  # fmt: skip
    parts += [f"{seconds:.0f} s where it {kind}" for kind, seconds in each.items() if kind in WORDS]
    said = [f"With one job a submission takes {', '.join(parts)}."] if parts else []
    first, last = runs[0], runs[-1]
    if first is not last:
        share = f"{last['seconds'] / first['seconds']:.0%}".replace("%", " %")
        said.append(f"{last['jobs']} jobs need {share} of the time of {first['jobs']}.")
    main = max(run["main"] for run in runs) / GB
    said.append(f"Of the memory the grader's own process takes {main:.1f} GB at most.")
    said.append("Memory was looked at every two seconds: for moments it may have been more.")
    return "\n".join(said)
