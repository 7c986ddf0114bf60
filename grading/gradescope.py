"""Reads the list that Gradescope puts beside the submissions it exports: who, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import yaml

from .files import File
from .layouts import Owner
from .names import printable
from .notebooks import SubmissionError

#: The list's name.
LIST = "submission_metadata.yml"
#: What reads YAML without running anything of it, in C where it is there.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def with_names(owners: dict[str, Owner], files: list[File]) -> dict[str, Owner]:
    """Returns the owners with their names and times, as far as Gradescope's list tells them.

    Args:
        owners: whose each path is, as `layouts.owners` returns it.
        files: of the class, the list among them.
    """
    ours = {path: owner for path, owner in owners.items() if owner.system == "Gradescope"}
    # A file of that name within a submission is the student's.
    places = {path.partition(f"submission_{owner.id}/")[0] + LIST for path, owner in ours.items()}
    told: dict[str, Any] = {}
    for file in files:
        if file.path in places:
            told |= _read(file)
    named = {path: _told(owner, told.get(f"submission_{owner.id}")) for path, owner in ours.items()}
    return owners | named


def _read(file: File) -> dict[str, Any]:
    """Returns the list; what can't be read tells nothing."""
    try:
        found = yaml.load(file.read(), LOADER)
    except (SubmissionError, yaml.YAMLError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _told(owner: Owner, entry: Any) -> Owner:
    if not isinstance(entry, dict):
        return owner
    people = entry.get(":submitters")
    people = people if isinstance(people, list) else []
    names = [one.get(":name") for one in people if isinstance(one, dict)]
    name = " and ".join(printable(name) for name in names if isinstance(name, str) and name)
    time = entry.get(":created_at")
    handed_in = ""
    if isinstance(time, datetime):
        zoned = time if time.tzinfo else time.replace(tzinfo=UTC)
        handed_in = f"{zoned.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return replace(owner, name=name or owner.name, handed_in=handed_in)
