"""`python -m grading release` makes the two editions; `python -m grading grade` grades."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import editions, report, sandbox, submissions
from .grade import Grader, Result

BUILD = editions.ROOT / "build"


def parser() -> argparse.ArgumentParser:
    """Returns the two commands' arguments."""
    top = argparse.ArgumentParser(prog="python -m grading", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    release = commands.add_parser("release", help="write build/student and build/instructor")
    release.add_argument("--variant", type=int, default=0, help="the seed of the given values")
    grade = commands.add_parser("grade", help="grade a folder or ZIP file of submissions")
    grade.add_argument("submissions", type=Path)
    grade.add_argument("--exercises", required=True, help="which notebook, such as 01_cnn")
    grade.add_argument("--variant", type=int, default=0, help="the variant that was released")
    grade.add_argument("--out", type=Path, default=BUILD / "grades")
    grade.add_argument("--jobs", type=int, default=1, help="submissions at the same time")
    grade.add_argument("--cell-seconds", type=int, default=30)
    grade.add_argument("--seconds", type=int, default=300, help="for one submission")
    grade.add_argument("--memory-gib", type=float, default=6)
    grade.add_argument(
        "--sandbox", choices=("bwrap", "none"), default="bwrap",
        help="none only inside a container: the students' code then runs without walls",
    )  # fmt: skip
    return top


def tell(result: Result) -> None:
    """Prints one submission's line."""
    points = "not graded" if result.points is None else f"{result.points:g} points"
    print(f"{result.student}: {points}", *result.notes, sep="\n  ", flush=True)


def grade(arguments: argparse.Namespace) -> None:
    """Grades all submissions and writes the table and the feedback pages."""
    limits = sandbox.Limits(arguments.cell_seconds, arguments.seconds, arguments.memory_gib)
    instructor = editions.make_editions(arguments.exercises, arguments.variant).instructor
    grader = Grader(instructor, limits, walls=arguments.sandbox == "bwrap")
    results = []
    for result in grader.grade_all(submissions.collect(arguments.submissions), arguments.jobs):
        tell(result)
        results.append(result)
    report.write_report(results, grader.exercises, arguments.out)
    print(f"The table: {arguments.out / 'grades.csv'}\nThe pages: {arguments.out / 'feedback'}")


def main(words: list[str] | None = None) -> int:
    """Returns 0, or 1 with one sentence about what is wrong."""
    arguments = parser().parse_args(words)
    try:
        if arguments.command == "release":
            for path in editions.release(BUILD, arguments.variant):
                print(path)
        else:
            grade(arguments)
    except (ValueError, sandbox.SandboxError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
