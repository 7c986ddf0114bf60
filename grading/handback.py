"""Hands a class's grades back to a learning system, with late days taken into account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from . import late, tables
from .systems import SYSTEMS, Request


def handback(
    out: Path, system: str, request: Request, policy: late.Policy | None = None
) -> Iterator[str]:
    """Writes the file that a system imports, and the account of late days where there is a policy.

    Args:
        out: the folder of a grading run.
        system: one of `SYSTEMS`.
        request: what is to be handed back; its table is read from the folder.
        policy: what late days cost.

    Yields:
        A line for the instructor: what was written, and who has no place in it.

    Raises:
        TableError: the table or the roster can't be used.
        PolicyError: the policy does not fit the table.
    """
    table = tables.read(out / "grades.csv")
    not_graded = [row["student"] for row in table.rows if not row["points"]]
    told: list[str] = []
    if policy is not None:
        account, told = late.apply(policy, table.rows)
        tables.write(account, out / "late.csv")
        yield f"The late days: {out / 'late.csv'}"
        told += _strangers(policy, table)
    write, name = SYSTEMS[system]
    lost = write(replace(request, table=table), out / name)
    yield from [*told, *lost]
    yield from (f"{student} was not graded and gets no points here." for student in not_graded)
    yield f"For {system.capitalize()}: {out / name}"


def _strangers(policy: late.Policy, table: tables.Table) -> list[str]:
    """Returns a sentence for each name in a policy that the table does not have."""
    known = {name for row in table.rows for name in (row.get("id", ""), row["student"])}
    return [f"The policy's extension for {name} fits nobody in the table."
            for name in policy.extensions if name not in known]  # fmt: skip
