"""The files that learning systems import: each takes the roster's form and puts the points in.

`tests/grading/test_handback.py` names the source of each form.
"""

from __future__ import annotations

import html
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import tables
from .roster import Joined, Roster, join

#: What Gradescope runs to install what a grader needs: nothing but Python.
SETUP = "#!/usr/bin/env bash\napt-get install -y python3\n"
#: What Gradescope runs for each submission. It never looks at the student's code.
LOOK_UP = '''\
#!/usr/bin/env python3
"""Hands on what was graded elsewhere; a submission that was not graded gets no score."""
import json
import sys

with open("submission_metadata.json", encoding="utf-8") as file:
    told = json.load(file)
with open("source/grades.json", encoding="utf-8") as file:
    grades = json.load(file)
keys = ["submission %s" % told["id"]]
keys += ["email %s" % user["email"].strip().casefold() for user in told["users"]]
found = [grades[key] for key in keys if key in grades]
if not found:
    sys.exit("This submission was not graded: grade the class again, and upload its new file.")
with open("results/results.json", "w", encoding="utf-8") as file:
    json.dump(found[0], file)
'''


@dataclass(frozen=True)
class Request:
    """What is to be handed back.

    Attributes:
        table: the table of grades, with the points that count.
        roster: the system's own list of students; None where there is none.
        column: the title of the assignment's column, where the system has several.
        by: the title of the roster's column that holds what the table has as id or student.
        scale: whether points are turned into those that the system has for the assignment.
    """

    table: tables.Table
    roster: Roster | None = None
    column: str = ""
    by: str = ""
    scale: bool = False

    def joined(self, *keys: str, key_of: Callable[[str, str], str] = lambda _, v: v) -> Joined:
        """Returns the rows that belong to the roster's lines.

        Raises:
            TableError: there is no roster, or no column of ids in it.
        """
        roster = self.listed()
        if self.by:
            roster.column(self.by)
        elif not set(keys) & set(roster.header):
            raise tables.TableError(
                f"The roster has no column of ids: {', '.join(keys)}. Name one with --by."
            )
        return join(self.table.rows, roster, [self.by] if self.by else keys, key_of)

    def listed(self) -> Roster:
        """Returns the roster.

        Raises:
            TableError: there is none.
        """
        if self.roster is None:
            raise tables.TableError("Name the system's own list of students with --roster.")
        return self.roster


def canvas(request: Request, path: Path) -> list[str]:
    """Writes a gradebook for Canvas, out of the one that Canvas exports.

    It has the columns that tell who a student is, as they are, and the assignment's. Whoever has
    no points keeps what stands in the export.

    Returns:
        A sentence for each row that has no place in it.

    Raises:
        TableError: the roster is no gradebook, or the assignment is not in it.
    """
    roster = request.listed()
    last = roster.column("Section") + 1
    if not request.column:
        raise tables.TableError(
            "Name the assignment's column with --column; the roster has "
            f"{', '.join(roster.header[last:]) or 'none'}."
        )
    title = _assignment(roster, last, request.column)
    joined = request.joined("ID", "SIS User ID", "SIS Login ID", "Email")
    new = title not in roster.header
    column = len(roster.header) if new else roster.column(title)
    lines = [line + [""] * new for line in roster.lines]
    above = [line for line in lines if "Points Possible" in line[0]]
    for line in above:
        line[column] = line[column] or next(iter(_most(request)), "")
    possible = above[0][column] if above else ""
    for number, row in joined.rows.items():
        lines[number][column] = _points(request, row, possible) or lines[number][column]
    header = [*roster.header[:last], title]
    rows = [dict(zip(header, [*line[:last], line[column]], strict=True)) for line in lines]
    tables.write(tables.Table(header, rows), path, "utf-8", roster.delimiter)
    return joined.lost


def _assignment(roster: Roster, first: int, asked: str) -> str:
    """Returns the whole title of an assignment's column: Canvas adds its number to its name."""
    titles = roster.header[first:]
    same = [title for title in titles if re.sub(r" \(\d+\)$", "", title) == asked]
    if asked in titles:
        return asked
    if len(same) > 1:
        raise tables.TableError(f"Name one column with --column: {' or '.join(same)}.")
    return same[0] if same else asked


def moodle(request: Request, path: Path) -> list[str]:
    """Writes a grading worksheet for Moodle's assignment, out of the one that Moodle exports.

    Returns:
        A sentence for each row that has no place in it.

    Raises:
        TableError: the roster is no grading worksheet.
    """
    roster = request.listed()
    titles = ("Identifier", "Grade", "Last modified (grade)")
    if not set(titles) <= set(roster.header):
        raise tables.TableError(
            "The roster is no grading worksheet of Moodle's: download it in English, where it has "
            f"the columns {', '.join(titles)}."
        )
    joined = request.joined("Identifier", "ID number", "Email address", key_of=_participant)
    names = {title.casefold(): number for number, title in enumerate(roster.header)}
    grade, most = names["grade"], names.get("maximum grade")
    comment = names.get("feedback comments")
    lines = [list(line) for line in roster.lines]
    for number, row in joined.rows.items():
        line = lines[number]
        points = _points(request, row, "" if most is None else line[most])
        line[grade] = points or line[grade]
        if comment is not None and points:
            line[comment] = html.escape(_by_exercise(request, row, "; "))
    rows = [dict(zip(roster.header, line, strict=True)) for line in lines]
    tables.write(tables.Table(roster.header, rows), path, "utf-8")
    return joined.lost


def _participant(title: str, value: str) -> str:
    """Returns the id in a cell: Moodle writes "Participant 4711"."""
    return re.sub(r"^\D+", "", value) if title == "Identifier" else value


def gradescope(request: Request, path: Path) -> list[str]:
    """Writes an autograder for Gradescope, which hands on the points that were given here.

    Without a roster each submission is known by its number, as Gradescope's export names it; with
    one each student is known by the address.

    Returns:
        A sentence for each row that has no place in it.

    Raises:
        TableError: the roster has no addresses.
    """
    lost: list[str] = []
    if request.roster is None:
        rows = {f"submission {row.get('id', '')}": row for row in request.table.rows}
        if any(not row.get("id") for row in request.table.rows):
            raise tables.TableError(
                "The table has no numbers of submissions, as Gradescope's export has them: name "
                "Gradescope's roster with --roster."
            )
    else:
        joined = request.joined("Email", "SID", "Student ID")
        email, lost = request.roster.column("Email"), joined.lost
        rows = {f"email {request.roster.lines[number][email].strip().casefold()}": row
                for number, row in joined.rows.items()}  # fmt: skip
    grades = {
        key: {"score": float(row["points"]), "output": _by_exercise(request, row, "\n")}
        for key, row in rows.items()
        if row["points"]
    }
    members = {"setup.sh": SETUP, "run_autograder": LOOK_UP, "grades.json": json.dumps(grades)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            member = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            member.external_attr = 0o755 << 16
            archive.writestr(member, text)
    return lost


def _most(request: Request) -> list[str]:
    return [row["out of"] for row in request.table.rows if row["out of"]]


def _points(request: Request, row: dict[str, str], possible: str) -> str:
    """Returns what a student gets; an empty text where the submission could not be graded.

    Raises:
        TableError: the system has another number of points for the assignment.
    """
    if not row["points"] or not possible.strip():
        return row["points"]
    try:
        most, there = float(row["out of"]), float(possible.replace(",", "."))
    except ValueError:
        raise tables.TableError(
            f"The roster says {possible!r} where the assignment's points should stand."
        ) from None
    if most == there:
        return row["points"]
    if not request.scale:
        raise tables.TableError(
            f"The table is out of {most:g} points and the system's assignment out of {there:g}: "
            "change it there, or add --scale."
        )
    return f"{round(float(row['points']) * there / most, 2):g}"


def _by_exercise(request: Request, row: dict[str, str], between: str) -> str:
    """Returns the points of each exercise in words."""
    return between.join(f"{name}: {row[name] or 0}" for name in tables.exercises(request.table))


#: For each system the function that writes its file, and the file's name.
SYSTEMS: dict[str, tuple[Callable[[Request, Path], list[str]], str]] = {
    "canvas": (canvas, "canvas.csv"),
    "moodle": (moodle, "moodle.csv"),
    "gradescope": (gradescope, "gradescope.zip"),
}
