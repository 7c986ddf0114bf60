"""Grades back in: each system's own form, joined by ids, and nobody gets another's points.

The forms' sources:

- Canvas: github.com/instructure/canvas-lms, app/models/gradebook_importer.rb: a first row whose
  first title holds "Student", whose second holds "ID", perhaps SIS User ID, SIS Login ID and
  Integration ID, then Section; assignments called "TITLE (NUMBER)"; a row "Points Possible".
- Moodle: github.com/moodle/moodle, mod/assign/feedback/offline/importgradeslib.php: the columns
  Identifier ("Participant 4711"), Grade and Last modified (grade) are needed; the last part of the
  identifier is the number in the names of `mod/assign/classes/downloader.php`.
- Gradescope: gradescope-autograders.readthedocs.io, pages "specs" (setup.sh, run_autograder and
  results/results.json with "score" and "output"; the working folder) and "submission_metadata"
  (the submission's "id", and each user's "email"). Its roster has the columns Name, Email and SID:
  guides.gradescope.com, "Adding Students and Staff".
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from grading import __main__ as command
from grading import report, tables
from grading.marks import Mark, Result

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Exercises 1 (31),Exercises 2 (32),Final Score
"    Points Possible",,,,,10,5,(read only)
"Lee, Ann",12345,S1,alee,A,9,,90
"Ray, Bob",12346,S2,bray,A,,3,
=cmd(),12347,S3,zoe,B,,,
"""
MOODLE = """\
Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,\
Last modified (submission),Last modified (grade),Feedback comments
Participant 12345,Ann Lee,a@b.c,Submitted for grading,-,5.00,Yes,-,-,
Participant 12346,=cmd(),b@b.c,Submitted for grading,3,5.00,Yes,-,-,kept
Participant 12347,Zoë,z@b.c,Submitted for grading,-,5.00,Yes,-,-,
"""
GRADESCOPE = "Name,Email,SID,Section\nAnn Lee,A@b.c,S1,A\nBob Ray,b@b.c,S2,A\nZoë,z@b.c,S3,B\n"


def result(student: str, id_: str, points: float | None = 4, **known: str) -> Result:
    marks = [] if points is None else [Mark("conv", points - 1, 3, ""), Mark("pool<", 1, 2, "")]
    return Result(student, marks, id=id_, **known)


CLASS = [result("leeann", "12345", 4.5), result("raybob", "12346", None), result("zoe", "12347", 1)]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder of a grading run, and the three rosters."""
    report.write_table(CLASS, {"conv": 3, "pool<": 2}, tmp_path / "grades.csv")
    for name, text in [("canvas", CANVAS), ("moodle", MOODLE), ("gradescope", GRADESCOPE)]:
        (tmp_path / f"{name} roster.csv").write_text(text, encoding="utf-8")
    return tmp_path


def handed_back(out: Path, to: str, *more: str, roster: str | None = None) -> int:
    listed = [] if roster == "" else ["--roster", str(out / (roster or f"{to} roster.csv"))]
    return command.main(["handback", "--to", to, "--out", str(out), *listed, *more])


def lines(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_canvas_gets_its_gradebook_back(out: Path, capsys: Any) -> None:
    assert handed_back(out, "canvas", "--column", "Exercises 2") == 0
    assert lines(out / "canvas.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Exercises 2 (32)"],
        ["    Points Possible", "", "", "", "", "5"],
        ["Lee, Ann", "12345", "S1", "alee", "A", "4.5"],
        ["Ray, Bob", "12346", "S2", "bray", "A", "3"],  # not graded: what stands there stays
        ["'=cmd()", "12347", "S3", "zoe", "B", "1"],
    ]
    told = capsys.readouterr().out
    assert "raybob was not graded and gets no points here." in told
    assert f"For Canvas: {out / 'canvas.csv'}" in told


def test_a_new_assignment_for_canvas_says_its_points(out: Path) -> None:
    assert handed_back(out, "canvas", "--column", "New") == 0
    found = lines(out / "canvas.csv")
    assert [line[-1] for line in found] == ["New", "5", "4.5", "", "1"]
    assert all(len(line) == 6 for line in found)


def test_logins_join_too_and_points_are_scaled_if_asked(out: Path, capsys: Any) -> None:
    class_ = [result("ALEE", ""), result("S2", ""), result("stranger", "99")]
    report.write_table(class_, {"conv": 3, "pool<": 2}, out / "grades.csv")
    assert handed_back(out, "canvas", "--column", "Exercises 1 (31)") == 1
    assert "out of 5 points and the system's assignment out of 10" in capsys.readouterr().err
    assert handed_back(out, "canvas", "--column", "Exercises 1 (31)", "--scale") == 0
    assert [line[-1] for line in lines(out / "canvas.csv")][1:] == ["10", "8", "8", ""]
    assert "stranger is not in the roster." in capsys.readouterr().out


def test_moodle_gets_its_worksheet_back(out: Path) -> None:
    assert handed_back(out, "moodle") == 0
    found = [dict(zip(lines(out / "moodle.csv")[0], line, strict=True))
             for line in lines(out / "moodle.csv")]  # fmt: skip
    assert list(found[0]) == MOODLE.partition("\n")[0].split(",")
    told = [(one["Identifier"], one["Grade"], one["Feedback comments"]) for one in found[1:]]
    assert told == [
        ("Participant 12345", "4.5", "conv: 3.5; pool&lt;: 1"),
        ("Participant 12346", "3", "kept"),
        ("Participant 12347", "1", "conv: 0; pool&lt;: 1"),
    ]
    assert [one["Last modified (grade)"] for one in found[1:]] == ["-", "-", "-"]
    assert found[2]["Full name"] == "'=cmd()"


def run_in_gradescope(out: Path, place: Path, **told: Any) -> tuple[int, Any]:
    """Does as Gradescope's page on autograders says, for one submission."""
    with zipfile.ZipFile(out / "gradescope.zip") as archive:
        assert {member.external_attr >> 16 for member in archive.infolist()} == {0o755}
        archive.extractall(place / "source")
    assert (place / "source" / "setup.sh").read_text().startswith("#!/usr/bin/env bash\n")
    (place / "results").mkdir(parents=True)
    (place / "submission_metadata.json").write_text(json.dumps(told))
    run = subprocess.run(
        [sys.executable, "-S", "source/run_autograder"], cwd=place, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    found = place / "results" / "results.json"
    return run.returncode, json.loads(found.read_text()) if found.is_file() else run.stderr


def test_gradescope_gets_an_autograder_that_hands_the_points_on(out: Path, tmp_path: Path) -> None:
    assert handed_back(out, "gradescope", roster="") == 0
    status, found = run_in_gradescope(out, tmp_path / "ann", id=12345, users=[])
    assert (status, found) == (0, {"score": 4.5, "output": "conv: 3.5\npool<: 1"})
    for id_ in (12346, 99):  # not graded, and handed in since: no score, which is not 0
        status, found = run_in_gradescope(out, tmp_path / str(id_), id=id_, users=[])
        assert status == 1
        assert "was not graded" in found


def test_gradescopes_roster_joins_by_address(out: Path, tmp_path: Path) -> None:
    report.write_table([result("s1", "")], {"conv": 3, "pool<": 2}, out / "grades.csv")
    assert handed_back(out, "gradescope", roster="") == 1
    assert handed_back(out, "gradescope") == 0
    status, found = run_in_gradescope(out, tmp_path / "a", id=1, users=[{"email": "a@B.c "}])
    assert (status, found["score"]) == (0, 4)


def test_late_days_are_taken_off_and_accounted_for(out: Path, capsys: Any) -> None:
    class_ = [result("leeann", "12345", handed_in="2026-03-10 12:00:00"), result("zoe", "12347")]
    report.write_table(class_, {"conv": 3, "pool<": 2}, out / "grades.csv")
    (out / "late.toml").write_text(
        "due = 2026-03-08 23:59:00\nfree_days = 1\npercent_per_day = 50\n"
        "[extensions]\nnobody = 2026-03-12 23:59:00\n"
    )
    table = (out / "grades.csv").read_bytes()
    more = ["--column", "Exercises 2", "--late", str(out / "late.toml")]
    assert handed_back(out, "canvas", *more) == 0
    assert [line[-1] for line in lines(out / "canvas.csv")][2:] == ["2", "3", "4"]
    account = (out / "late.csv").read_text(encoding="utf-8-sig").splitlines()
    assert account[1] == "leeann,12345,2026-03-10 12:00:00,2,1,0,4,2"
    assert "extension for nobody fits nobody" in capsys.readouterr().out
    assert (out / "grades.csv").read_bytes() == table, "a second run takes nothing off again"


# --- nobody gets another's points -------------------------------------------------------------


def test_an_id_of_two_and_two_of_one_id_are_told_and_not_joined(out: Path, capsys: Any) -> None:
    class_ = [result("S1", ""), result("alee", "12345"), result("x", "12347"), result("Zoë", "")]
    report.write_table(class_, {"conv": 3, "pool<": 2}, out / "grades.csv")
    text = CANVAS.replace("S3", "12346")  # one student's SIS number is another's in Canvas
    (out / "canvas roster.csv").write_text(text, encoding="utf-8")
    assert handed_back(out, "canvas", "--column", "New") == 0
    assert [line[-1] for line in lines(out / "canvas.csv")][2:] == ["", "", "4"]
    told = capsys.readouterr().out
    assert "S1 and alee are one student in the roster: grade one." in told
    report.write_table([result("y", "12346")], {"conv": 3, "pool<": 2}, out / "grades.csv")
    assert handed_back(out, "canvas", "--column", "New") == 0
    told = capsys.readouterr().out
    assert "y is in the roster more than once: name the column with --by." in told
    assert handed_back(out, "canvas", "--column", "New", "--by", "ID") == 0
    assert [line[-1] for line in lines(out / "canvas.csv")][2:] == ["", "4", ""]


@pytest.mark.parametrize(
    ("to", "text", "more", "says"),
    [
        ("canvas", CANVAS, [], r"with --column; the roster has Exercises 1 \(31\), Exercises 2"),
        ("canvas", MOODLE, ["--column", "x"], "has no column 'Section': "),
        ("canvas", CANVAS, ["--column", "x", "--by", "SIS ID"], "no column 'SIS ID': did you"),
        (
            "canvas", CANVAS.replace("2 (32)", "1 (32)"), ["--column", "Exercises 1"],
            r"Name one column with --column: Exercises 1 \(31\) or Exercises 1 \(32\)",
        ),
        (
            "canvas", CANVAS.replace(",10,", ",ten,"), ["--column", "Exercises 1"],
            "says 'ten' where the assignment's points should stand",
        ),
        ("canvas", "Student,Section\nAnn,A\n", ["--column", "x"], "no column of ids: ID, SIS"),
        ("moodle", CANVAS, [], "no grading worksheet of Moodle's: download it in English"),
        ("gradescope", CANVAS, [], "no column of ids: Email, SID, Student ID"),
        ("gradescope", "SID\nS1\n", [], "has no column 'Email'"),
        ("moodle", "", [], "is empty: export the roster again"),
        ("moodle", 'a,b\n"c', [], "is no CSV file"),
        ("moodle", "a,b\nc,d,e\n", [], "is damaged: a row has 3 cells, and the first 2"),
    ],
)  # fmt: skip
def test_a_roster_that_does_not_fit_says_what_to_do(
    out: Path, capsys: Any, to: str, text: str, more: list[str], says: str
) -> None:
    (out / "roster.csv").write_text(text, encoding="utf-8")
    assert handed_back(out, to, *more, roster="roster.csv") == 1
    told = capsys.readouterr().err
    assert says.replace("\\", "") in told
    assert told.count("\n") == 1


def test_a_missing_roster_and_a_missing_table_are_named(out: Path, capsys: Any) -> None:
    for to in ("canvas", "moodle"):
        assert handed_back(out, to, "--column", "x", roster="") == 1
        assert "with --roster" in capsys.readouterr().err
    assert handed_back(out, "moodle", roster="none.csv") == 1
    assert "There is no file" in capsys.readouterr().err
    (out / "roster.csv").write_bytes("Identifier,Zoë\n".encode("latin-1"))
    assert handed_back(out, "moodle", roster="roster.csv") == 1
    assert "is not in UTF-8: save it as CSV in UTF-8" in capsys.readouterr().err
    (out / "grades.csv").unlink()
    assert handed_back(out, "moodle") == 1
    assert "grade the class first" in capsys.readouterr().err


# --- tables -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["=cmd()", "'=cmd()", "''+1", "-", "'-", "@a", "a'=b", "'a", ""])
def test_a_table_is_read_back_as_it_was_written(name: str, tmp_path: Path) -> None:
    report.write_table([Result(name, id="x")], {"conv": 3}, tmp_path / "grades.csv")
    found = tables.read(tmp_path / "grades.csv")
    assert [row["student"] for row in found.rows] == [name]
    assert tables.exercises(found) == ["conv"]
    text = (tmp_path / "grades.csv").read_text(encoding="utf-8-sig").splitlines()[1]
    assert text[:1] not in ("=", "+", "@")
    tables.write(found, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "grades.csv").read_bytes()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no table of the grader's: it has no column 'student'"),
        ("student,points,out of,state\n", "it has no column 'notes'"),
        ("student,points,out of,state,notes\na,b\n", "is damaged: a row has 2 of 5 cells"),
        ('student,points,out of,state,notes\na,"2,5",3,,\n', "'2,5' is no number of points"),
    ],
)
def test_what_is_no_table_is_named(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "grades.csv").write_text(text)
    with pytest.raises(tables.TableError, match=says):
        tables.read(tmp_path / "grades.csv")
