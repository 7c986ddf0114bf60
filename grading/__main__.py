"""Makes the editions (`python -m grading release`), grades (`grade`), and asks (`questions`)."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from aigc_utils.console import for_console, tolerate

from . import editions, report, sandbox, submissions
from .grade import Grader
from .marks import Result

BUILD = editions.ROOT / "build"
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
    release.add_argument("--variant", type=int, default=0, help="the seed of the given values")
    grade = commands.add_parser("grade", help="grade a folder or ZIP file of submissions")
    grade.add_argument("submissions", type=Path)
    grade.add_argument("--student", default="", help="whose all of it is, if it is one student's")
    grade.add_argument("--names", help="the encoding of the names in the ZIP file, such as cp866")
    grade.add_argument("--exercises", required=True, help="which notebook, such as 01_cnn")
    grade.add_argument("--variant", type=int, default=0, help="the variant that was released")
    grade.add_argument("--out", type=Path, default=BUILD / "grades")
    cores = os.cpu_count() or 1
    grade.add_argument("--jobs", type=int, default=cores, help="submissions at the same time")
    grade.add_argument("--cell-seconds", type=int, default=30)
    grade.add_argument("--seconds", type=int, default=300, help="for one submission")
    grade.add_argument("--memory-gib", type=float, default=6)
    grade.add_argument(
        "--sandbox", choices=("bwrap", "none"), default="bwrap",
        help="none only inside a container: the students' code then runs without walls",
    )  # fmt: skip
    _add_questions(commands)
    return top


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
    instructor = editions.make_editions(arguments.exercises, arguments.variant).instructor
    grader = Grader(instructor, limits, walls=arguments.sandbox == "bwrap")
    found = submissions.collect(arguments.submissions, arguments.names, arguments.student)
    pages = report.page_names(one.student for one in found)
    folder = arguments.out / "feedback"
    folder.mkdir(parents=True, exist_ok=True)
    results = []
    try:
        finish = lambda result: report.write_page(result, folder / pages[result.student])  # noqa: E731
        for result in grader.grade_all(found, arguments.jobs, finish):
            tell(result)
            results.append(result)
    finally:  # what was graded is kept, also where the instructor stops the grader
        report.write_table(results, grader.exercises, arguments.out / "grades.csv")
    print(f"The table: {arguments.out / 'grades.csv'}\nThe pages: {folder}")


def write_questions(arguments: argparse.Namespace) -> None:
    """Writes a chapter's questions in one form."""
    from .questions.export import export  # it loads PyTorch, which the grader does without

    given = arguments.chapter, arguments.seed, arguments.format, arguments.out
    for path in export(*given, arguments.shown):
        print(path)


def main(words: list[str] | None = None) -> int:
    """Returns 0, or 1 with one sentence about what is wrong."""
    arguments = parser().parse_args(words)
    tolerate()
    warnings.filterwarnings("ignore", category=SyntaxWarning)  # of the students' code
    try:
        if arguments.command == "release":
            for path in editions.release(BUILD, arguments.variant):
                print(path)
        elif arguments.command == "questions":
            write_questions(arguments)
        else:
            grade(arguments)
    except (ValueError, OSError, sandbox.SandboxError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
