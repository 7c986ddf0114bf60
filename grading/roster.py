"""Joins a table of grades to a roster, as a learning system exports it, by the students' ids."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import tables


@dataclass
class Roster:
    """A roster: the titles of its columns, its lines, and what stands between the columns."""

    header: list[str]
    lines: list[list[str]]
    delimiter: str = ","

    def column(self, title: str) -> int:
        """Returns the number of a column.

        Raises:
            TableError: there is none.
        """
        if title not in self.header:
            near = difflib.get_close_matches(title, self.header, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(self.header)}."
            raise tables.TableError(f"The roster has no column {title!r}: {hint}")
        return self.header.index(title)


@dataclass
class Joined:
    """What a table and a roster have in common.

    Attributes:
        rows: the table's row for each line of the roster that has one, by the line's number.
        lost: a sentence for each row of the table that is joined to no line.
    """

    rows: dict[int, dict[str, str]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


def read_roster(path: Path) -> Roster:
    """Returns the roster in a CSV file.

    Raises:
        TableError: it is missing, empty, or no CSV file.
    """
    lines, delimiter = tables.read_lines(path)
    if len(lines) < 2:
        raise tables.TableError(f"{path.name} is empty: export the roster again.")
    header = [title.strip() for title in lines[0]]
    width = len(header)
    wide = [line for line in lines if len(line) > width]
    if wide:
        raise tables.TableError(
            f"{path.name} is damaged: a row has {len(wide[0])} cells, and the first {width}."
        )
    filled = [line + [""] * (width - len(line)) for line in lines[1:]]
    return Roster(header, filled, delimiter)


def join(
    rows: Sequence[dict[str, str]],
    roster: Roster,
    keys: Sequence[str],
    key_of: Callable[[str, str], str] = lambda title, value: value,
) -> Joined:
    """Joins the rows of a table to the lines of a roster.

    A row belongs to the line that holds its id in one of the columns of ids, or else the student's
    name, which in some systems is a login or an address. Where that names two lines, or two rows
    name one line, nothing is joined and all of it is told: nobody gets another's points.

    Args:
        rows: of the table.
        roster: the roster.
        keys: the titles of the columns that hold ids; those that are missing are left out.
        key_of: returns the id in a cell of a column.
    """
    places: defaultdict[str, set[int]] = defaultdict(set)
    for title in keys:
        if title in roster.header:
            column = roster.header.index(title)
            for number, line in enumerate(roster.lines):
                if value := key_of(title, line[column]).strip().casefold():
                    places[value].add(number)
    found: defaultdict[int, list[dict[str, str]]] = defaultdict(list)
    joined = Joined()
    for row in rows:
        names = [row.get("id", ""), row["student"]]
        known = [places[key] for name in names if (key := name.strip().casefold()) in places]
        if not known:
            joined.lost.append(f"{row['student']} is not in the roster.")
        elif len(known[0]) > 1:
            joined.lost.append(
                f"{row['student']} is in the roster more than once: name the column with --by."
            )
        else:
            found[next(iter(known[0]))].append(row)
    for number, those in found.items():
        if len(those) == 1:
            joined.rows[number] = those[0]
        else:
            names = [row["student"] for row in those]
            joined.lost.append(f"{' and '.join(names)} are one student in the roster: grade one.")
    return joined
