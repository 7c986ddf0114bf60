"""Does one of the course's tasks: `python -m course TASK`; without one, it lists them."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from . import CourseError
from .environment import Environment, settled
from .tasks import TASKS, Runner

OLDEST = (3, 11)


def parser() -> argparse.ArgumentParser:
    """Returns the command's arguments; what follows the task is the task's own."""
    lines = [f"  {name:<10} {task.help}" for name, task in TASKS.items()]
    top = argparse.ArgumentParser(
        prog="python -m course", description="Does one of the course's tasks.",
        epilog="\n".join(["tasks:", *lines]), formatter_class=argparse.RawTextHelpFormatter,
    )  # fmt: skip
    top.add_argument("--torch", default="", help="cpu: PyTorch without the CUDA packages")
    top.add_argument("--here", action="store_true", help="use this Python, install nothing")
    top.add_argument("--names", action="store_true", help=argparse.SUPPRESS)  # for the Makefile
    top.add_argument("task", nargs="?", choices=TASKS, metavar="TASK")
    top.add_argument("words", nargs=argparse.REMAINDER, help="the task's own arguments")
    return top


def main(words: list[str] | None = None) -> int:
    """Returns 0 when the task is done, and otherwise what stopped it."""
    arguments = parser().parse_args(words)
    if arguments.names:
        print(*TASKS)
        return 0
    if not arguments.task:
        parser().print_help()
        return 0
    if sys.version_info < OLDEST:
        least = ".".join(map(str, OLDEST))
        print(
            f"The course needs Python {least} or later; name one, as in: "
            f"python3.12 -m course {arguments.task}",
            file=sys.stderr,
        )
        return 1
    os.environ.update(settled(dict(os.environ)))
    try:
        environment = Environment(torch=arguments.torch, here=arguments.here)
        Runner(environment).run(arguments.task, arguments.words)
    except CourseError as problem:
        print(problem, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as problem:
        return problem.returncode if problem.returncode > 0 else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
