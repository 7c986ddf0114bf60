"""The instructor's commands, as in `python -m grading release`.

`release` makes the editions, `grade` grades a class, `handback` writes what a learning system
imports, `similar` compares a class's answers, and `questions` asks.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from aigc_utils.console import for_console, tolerate

from . import classes, editions, handback, late, roster, sandbox, similar, submissions, tables
from .cluster import ClusterError
from .marks import Result
from .plan import Plan
from .systems import SYSTEMS, Request
from .variants import Released

BUILD = editions.ROOT / "build"
#: PyTorch and the exercises' imports take one of them, before any answer has run.
LEAST_GIB = 2
#: The forms of questions, each with what it is for.
FORMATS = {
    "moodle": "Moodle XML",
    "qti": "QTI 2.1, for Canvas, Blackboard and others",
    "exam": "PDF, an exam and its key",
}


def parser() -> argparse.ArgumentParser:
    """Returns the commands' arguments."""
    top = argparse.ArgumentParser(prog="python -m grading", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    release = commands.add_parser("release", help="write build/student and build/instructor")
    release.add_argument(
        "--variant", type=Released.read, default=Released(),
        help="the seed of the given values; for several, as in 1-20, a folder each",
    )  # fmt: skip
    _add_grade(commands)
    _add_similar(commands)
    _add_handback(commands)
    _add_questions(commands)
    return top


def _add_class(command: argparse.ArgumentParser) -> None:
    """Adds what names a class."""
    command.add_argument("submissions", type=Path, help="a folder or a ZIP file")
    command.add_argument("--student", default="", help="whose all of it is, if it is one student's")
    command.add_argument("--names", help="the encoding of the names in the ZIP file, such as cp866")
    command.add_argument("--exercises", required=True, help="which notebook, such as 01_cnn")
    command.add_argument("--out", type=Path, default=BUILD / "grades")


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of jobs: write 1 or more")
    return int(text)


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write seconds, 1 or more")
    return int(text)


def _gib(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0
    if not LEAST_GIB <= found < math.inf:  # so that "nan" is refused too
        raise argparse.ArgumentTypeError(
            f"{text!r} is too little memory: write GiB, {LEAST_GIB:g} or more"
        )
    return found


def _add_grade(commands: Any) -> None:
    """Adds the command that grades a class."""
    grade = commands.add_parser("grade", help="grade a folder or ZIP file of submissions")
    _add_class(grade)
    grade.add_argument(
        "--variant", type=Released.read, default=Released(),
        help="what was released, such as 7; of 1,4,9 or 1-20 or any, each notebook names its own",
    )  # fmt: skip
    grade.add_argument("--only", default="", help="the one student, by name or id, to grade again")
    grade.add_argument("--all", action="store_true", help="grade what is unchanged again as well")
    where = grade.add_mutually_exclusive_group()  # a cluster's workers have numbers of their own
    where.add_argument("--jobs", type=_jobs, help="submissions at the same time, here")
    where.add_argument("--scheduler", default="", help="of a Dask cluster, as tcp://HOST:8786")
    grade.add_argument("--cell-seconds", type=_seconds, default=30)
    grade.add_argument("--seconds", type=_seconds, default=300, help="for one submission")
    grade.add_argument("--memory-gib", type=_gib, default=6, help="for one submission")
    grade.add_argument(
        "--sandbox", choices=("bwrap", "none"), default="bwrap",
        help="none only inside a container: the students' code then runs without walls",
    )  # fmt: skip


def _add_similar(commands: Any) -> None:
    """Adds the command that compares a class's answers."""
    command = commands.add_parser("similar", help="tell which students' answers are alike")
    _add_class(command)
    command.add_argument(
        "--threshold", type=float, default=similar.THRESHOLD, help="from 0 to 1, for a pair"
    )


def _add_handback(commands: Any) -> None:
    """Adds the command that writes what a learning system imports."""
    command = commands.add_parser("handback", help="write what a learning system imports")
    command.add_argument("--to", choices=SYSTEMS, required=True, help="the learning system")
    command.add_argument("--roster", type=Path, help="the list of students that it exports")
    command.add_argument("--column", default="", help="the assignment, in Canvas's gradebook")
    command.add_argument("--by", default="", help="the roster's column that holds the ids")
    command.add_argument("--scale", action="store_true", help="to the points that it has there")
    command.add_argument("--late", type=Path, help="what late days cost, a TOML file")
    command.add_argument("--out", type=Path, default=BUILD / "grades", help="of the grading run")


def _add_questions(commands: Any) -> None:
    """Adds the command that writes a chapter's questions."""
    forms = "; ".join(f"{name}: {use}" for name, use in FORMATS.items())
    questions = commands.add_parser("questions", help="write a chapter's questions")
    questions.add_argument("--chapter", required=True, help="its name or number, such as 03")
    questions.add_argument("--seed", type=int, default=0, help="draws numbers and wrong choices")
    questions.add_argument("--format", choices=FORMATS, default="exam", help=forms)
    questions.add_argument(
        "--shown", choices=("all", "public", "hidden"), default="all",
        help="public: only what the book may show; hidden: only what it does not",
    )  # fmt: skip
    questions.add_argument("--out", type=Path, default=BUILD)


def tell(result: Result) -> None:
    """Prints one submission's line."""
    points = "not graded" if result.points is None else f"{result.points:g} points"
    print(for_console("\n  ".join([f"{result.student}: {points}", *result.notes])), flush=True)


def grade(arguments: argparse.Namespace) -> None:
    """Grades all submissions and writes the table and the feedback pages."""
    limits = sandbox.Limits(arguments.cell_seconds, arguments.seconds, arguments.memory_gib)
    name, walls = arguments.exercises, arguments.sandbox == "bwrap"
    plan = Plan(name, editions.source_text(name), arguments.variant, limits, walls)
    found = submissions.collect(arguments.submissions, arguments.names, arguments.student)
    jobs = arguments.jobs or os.cpu_count() or 1
    way = classes.Way(jobs, arguments.scheduler, arguments.all, arguments.only)
    for line in classes.grade_class(plan, found, arguments.out, way, tell):
        print(for_console(line))


def compare(arguments: argparse.Namespace) -> None:
    """Writes which students' answers are alike."""
    if not 0 < arguments.threshold <= 1:
        raise ValueError(f"The threshold is from 0 to 1, not {arguments.threshold:g}.")
    plan = Plan(arguments.exercises, editions.source_text(arguments.exercises))
    found = submissions.collect(arguments.submissions, arguments.names, arguments.student)
    for line in classes.compare_class(plan, found, arguments.out, arguments.threshold):
        print(for_console(line))


def hand_back(arguments: argparse.Namespace) -> None:
    """Writes the file that a learning system imports."""
    listed = roster.read_roster(arguments.roster) if arguments.roster else None
    policy = late.read_policy(arguments.late) if arguments.late else None
    nothing = tables.Table([], [])
    request = Request(nothing, listed, arguments.column, arguments.by, arguments.scale)
    for line in handback.handback(arguments.out, arguments.to, request, policy):
        print(for_console(line))


def release(arguments: argparse.Namespace) -> None:
    """Writes the editions of one variant, or of several, each into a folder of its own."""
    chosen: Released = arguments.variant
    if not chosen.numbers:
        raise ValueError("Name the variants that are to be released, as in --variant 1-20.")
    for number in chosen.numbers:
        folder = f"variant_{number}" if chosen.several else ""
        for path in editions.release(BUILD, number, folder):
            print(path)


def write_questions(arguments: argparse.Namespace) -> None:
    """Writes a chapter's questions in one form."""
    from .questions.export import export  # it loads PyTorch, which the grader does without

    given = arguments.chapter, arguments.seed, arguments.format, arguments.out
    for path in export(*given, arguments.shown):
        print(path)


#: What is said where the instructor stops the grader.
STOPPED = "Stopped: the table holds what was graded so far; the same command grades the rest."
#: What each command does.
COMMANDS = {
    "release": release, "grade": grade, "similar": compare, "handback": hand_back,
    "questions": write_questions,
}  # fmt: skip


def main(words: list[str] | None = None) -> int:
    """Returns 0, 1 with one sentence about what is wrong, or 130 where it is stopped by a key."""
    arguments = parser().parse_args(words)
    tolerate()
    warnings.filterwarnings("ignore", category=SyntaxWarning)  # of the students' code
    try:
        COMMANDS[arguments.command](arguments)
    except (ValueError, OSError, sandbox.SandboxError, ClusterError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(STOPPED if arguments.command == "grade" else "Stopped.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
