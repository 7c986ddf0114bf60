"""Takes late days into account, by a policy that stands in a file (TOML)."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from . import tables

#: What a policy may say: the type of each value, and how an error names it.
KEYS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "due": (datetime, "a day and a time, as in 2026-03-08 23:59:00"),
    "grace_minutes": ((int, float), "a number of minutes"),
    "free_days": (int, "a whole number of days"),
    "percent_per_day": ((int, float), "a number from 0 to 100"),
    "last_day": (int, "a whole number of days"),
    "before": (list, "a list of files, as in [\"../01/late.csv\"]"),
    "extensions": (dict, "a table of times, as in [extensions] and \"4711\" = 2026-03-15 23:59:00"),
    "used": (dict, "a table of days, as in [used] and \"4711\" = 2"),
}  # fmt: skip
#: The columns of the account of late days.
ACCOUNT = ["student", "id", "handed in", "days late", "free days used", "free days left",
           "points before", "points"]  # fmt: skip


class PolicyError(ValueError):
    """A policy that can't be used; the message is one sentence that says what to mend."""


@dataclass(frozen=True)
class Policy:
    """What late days cost.

    Attributes:
        due: when the exercises were due.
        grace_minutes: how late still counts as in time.
        free_days: late days that each student has, which cost nothing.
        percent_per_day: of the points, what each further day costs.
        last_day: after so many days late nothing is earned; None where there is no such day.
        extensions: another time for some students, by id or name.
        used: free days that students have used before, by id or name.
    """

    due: datetime
    grace_minutes: float = 0
    free_days: int = 0
    percent_per_day: float = 0
    last_day: int | None = None
    extensions: dict[str, datetime] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)

    def for_row(self, row: dict[str, str]) -> tuple[datetime, int]:
        """Returns when a student's work was due, and the free days that are left."""
        names = [name for name in (row.get("id", ""), row["student"]) if name]
        due = next((self.extensions[name] for name in names if name in self.extensions), self.due)
        used = next((self.used[name] for name in names if name in self.used), 0)
        return due, max(0, self.free_days - used)


def read_policy(path: Path) -> Policy:
    """Returns the policy in a file.

    Raises:
        PolicyError: it is missing, no TOML, or says something that no policy says.
    """
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(f"There is no policy {path}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path.name} is no TOML: {error}.") from error
    for key, value in written.items():
        _check(path, key, value)
    if "due" not in written:
        raise PolicyError(f"{path.name} does not say when the work was due: write `due = ...`.")
    zones = {value.tzinfo is None for value in [written["due"], *_times(written)]}
    if len(zones) > 1:
        raise PolicyError(f"{path.name}: write all times with an offset, or none.")
    used = Counter(written.pop("used", {}))
    for earlier in written.pop("before", []):
        used.update(_used_before(path.parent / earlier))
    return Policy(**written, used=dict(used))


def _times(written: dict[str, Any]) -> list[datetime]:
    return list(written.get("extensions", {}).values())


def _check(path: Path, key: str, value: Any) -> None:
    """Raises PolicyError where a policy says what no policy says."""
    if key not in KEYS:
        near = difflib.get_close_matches(key, KEYS, 1)
        hint = f"did you mean {near[0]}?" if near else f"it may say {', '.join(KEYS)}."
        raise PolicyError(f"{path.name} says {key!r}, which no policy says: {hint}")
    kind, form = KEYS[key]
    parts = value.values() if isinstance(value, dict) else value if key == "before" else [value]
    inner = {"extensions": datetime, "used": int, "before": str}.get(key, kind)
    fits = isinstance(value, kind) and all(
        isinstance(part, inner)
        and not isinstance(part, bool)
        and not (isinstance(part, int | float) and not 0 <= part < math.inf)
        for part in parts
    )
    if not fits or (key == "percent_per_day" and value > 100):
        raise PolicyError(f"{path.name}: {key} must be {form}.")


def _used_before(path: Path) -> Counter[str]:
    """Returns the free days that an earlier account says were used, by id or name."""
    lines, _ = tables.read_lines(path)
    if not lines or lines[0] != ACCOUNT:
        raise PolicyError(f"{path} is no account of late days, such as `late.csv`.")
    found: Counter[str] = Counter()
    for line in lines[1:]:
        row = dict(zip(ACCOUNT, line, strict=False))
        days = row.get("free days used", "")
        if days and not days.isdecimal():
            raise PolicyError(f"{path} is damaged: {days!r} is no number of days.")
        found[row.get("id") or row["student"]] += int(days or 0)
    return found


# --- what it costs ----------------------------------------------------------------------------


def apply(policy: Policy, rows: list[dict[str, str]]) -> tuple[tables.Table, list[str]]:
    """Puts the points that are left into the rows of a table.

    Returns:
        The account of late days, and a sentence for each student of whom it can't be told.

    Raises:
        PolicyError: the times handed in have a zone, and the policy's have none.
    """
    account, unknown = [], []
    for row in rows:
        due, left = policy.for_row(row)
        try:
            late = _days(policy, due, row.get("handed in", ""))
        except OverflowError:
            late = None
        if late is None and (row.get("handed in") or row.get("late") == "yes"):
            unknown.append(
                f"{row['student']}: late or not, the names do not tell by how much; no points were "
                "taken off."
            )
        account.append(_settled(policy, row, late, left))
        row["points"] = account[-1]["points"]
    return tables.Table(ACCOUNT, account), unknown


def _settled(policy: Policy, row: dict[str, str], late: int | None, left: int) -> dict[str, str]:
    """Returns a student's line of the account."""
    days = late or 0
    over = policy.last_day is not None and days > policy.last_day
    free = 0 if over or not row["points"] else min(days, left)
    share = 0.0 if over else max(0.0, 1 - (days - free) * policy.percent_per_day / 100)
    points = row["points"] and f"{round(float(row['points']) * share, 2):g}"
    known = [row["student"], row.get("id", ""), row.get("handed in", ""),
             "" if late is None else str(late), str(free), str(left - free), row["points"],
             points]  # fmt: skip
    return dict(zip(ACCOUNT, known, strict=True))


def _days(policy: Policy, due: datetime, told: str) -> int | None:
    """Returns how many days late something was handed in; None where it can't be told."""
    zone = told.endswith(" UTC")
    try:
        handed_in = datetime.fromisoformat(told.removesuffix(" UTC") + "+00:00" * zone)
    except ValueError:
        return None
    if zone and due.tzinfo is None:
        raise PolicyError(
            "The times handed in are in UTC: write the policy's with an offset, as in "
            "2026-03-08T23:59:00+01:00."
        )
    if not zone:
        handed_in = handed_in.replace(tzinfo=due.tzinfo)
    behind = handed_in - due
    if behind <= timedelta(minutes=policy.grace_minutes):
        return 0
    return math.ceil(behind / timedelta(days=1))
