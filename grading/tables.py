"""Writes tables that no spreadsheet takes for a program, and reads them back."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from .names import printable

#: What a spreadsheet begins a formula with, and the same made harmless.
FORMULA = re.compile(r"'*[=+\-@]")
#: The columns that every table of a grading run has.
ALWAYS = ("student", "points", "out of", "state", "notes")


@dataclass
class Table:
    """A table: the titles of its columns, and its rows by these titles."""

    header: list[str]
    rows: list[dict[str, str]]


class TableError(ValueError):
    """A table that can't be read; the message is one sentence that says what to do."""


def plain(text: str) -> str:
    """Returns a text on one line that no spreadsheet takes for a formula."""
    text = printable(re.sub(r"\s", " ", text))
    # A dash alone is no formula, and how Moodle writes that there is nothing.
    return f"'{text}" if FORMULA.match(text) and text != "-" else text


def unplain(text: str) -> str:
    """Returns what a text was before `plain` made it harmless."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def write(table: Table, path: Path, encoding: str = "utf-8-sig", delimiter: str = ",") -> None:
    """Writes a table as CSV, to a file beside: what was there is never half overwritten."""
    beside = path.with_name(f"{path.name}.part")
    with beside.open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(map(plain, table.header))
        writer.writerows([plain(row.get(title, "")) for title in table.header]
                         for row in table.rows)  # fmt: skip
    beside.replace(path)


def read_lines(path: Path) -> tuple[list[list[str]], str]:
    """Returns a CSV file's lines that are not empty, and what stands between its columns.

    Raises:
        TableError: there is no such file, or it is no CSV file in UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TableError(f"There is no file {path}.") from error
    except UnicodeDecodeError as error:
        raise TableError(f"{path.name} is not in UTF-8: save it as CSV in UTF-8.") from error
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise TableError(f"{path.name} is no CSV file: {error}.") from error
    return [[unplain(cell) for cell in line] for line in lines if any(line)], delimiter


def read(path: Path) -> Table:
    """Returns the table of a grading run.

    Raises:
        TableError: it is missing, or no table of the grader's.
    """
    if not path.is_file():
        raise TableError(f"There is no table {path}: grade the class first.")
    lines, _ = read_lines(path)
    header = lines[0] if lines else []
    lacks = [title for title in ALWAYS if title not in header]
    if lacks:
        raise TableError(f"{path} is no table of the grader's: it has no column {lacks[0]!r}.")
    uneven = [line for line in lines if len(line) != len(header)]
    if uneven:
        raise TableError(f"{path} is damaged: a row has {len(uneven[0])} of {len(header)} cells.")
    rows = [dict(zip(header, line, strict=True)) for line in lines[1:]]
    for row in rows:
        if not re.fullmatch(r"\d*\.?\d*", row["points"]):
            raise TableError(f"{path}: {row['points']!r} is no number of points.")
    return Table(header, rows)


def exercises(table: Table) -> list[str]:
    """Returns the titles of the exercises' columns: what stands between the points and the rest."""
    known = {*ALWAYS, "id", "variant", "handed in", "late"}
    return [title for title in table.header if title not in known]


def with_rows(old: Table, new: Table) -> Table:
    """Returns a table with the rows of a new one in place of the same students', or at its end.

    Raises:
        TableError: the two are of different exercises.
    """
    if exercises(old) != exercises(new):
        raise TableError(
            f"The table that is there is of other exercises ({', '.join(exercises(old))}): name "
            "another folder with --out."
        )
    header = list(new.header) + [title for title in old.header if title not in new.header]
    order = ["student", "points", "out of", *exercises(old), "id", "variant", "handed in", "late",
             "state", "notes"]  # fmt: skip
    header = [title for title in order if title in header]
    rows = {unplain(plain(row["student"])): row for row in [*old.rows, *new.rows]}
    return Table(header, list(rows.values()))
