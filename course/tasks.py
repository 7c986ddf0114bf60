"""The tasks: what each needs first, what it runs, and what is said of it.

A command's first word is "python" or a program of the environment; what a reader adds to a task
is added to its last command.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import chain

from . import ROOT
from .environment import AUTHOR, STUDENT, Environment, call
from .programs import PROGRAMS

BUILD = ("python", "-m", "bookmaking.build")
PYTEST = ("python", "-m", "pytest")
#: Two files of tests at a time, the longest first: see tests/conftest.py.
TWO = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
#: What looks at the built and printed book.
OF_THE_BOOK = (
    "tests/pages/test_survey.py", "tests/pages/test_survey_reference.py",
    "tests/pages/test_printed.py", "tests/pages/test_book.py",
)  # fmt: skip
#: What looks at the notebooks' runs, and needs no page.
OF_THE_RUNS = "tests/runs/test_notebooks.py"
# nbval in its strict mode: every text output must be the same again, to the digit.
NBVAL = (
    *PYTEST, "--nbval", "--nbval-current-env", "--nbval-sanitize-with", "tests/nbval_sanitize.cfg",
    "-p", "no:cacheprovider", "-p", "bookmaking.runs.same_threads",
)  # fmt: skip
MADE = (
    ".venv", "build", "book/_build", "book/chapters", "book/exercises", "book/api", "book/live",
    ".mypy_cache", ".ruff_cache", ".pytest_cache",
)  # fmt: skip


# What is published and proved is a CPU's, also where there is a card; `lab` uses the card.
ON_CPU = {"book", "test", "pages", "notebooks", "unit", "colab", "bench", "figures"}
Command = tuple[str, ...]


@dataclass(frozen=True)
class AtOnce:
    """Rows of commands that run at the same time, each row on a core of its own."""

    rows: tuple[tuple[Command, ...], ...]


@dataclass(frozen=True)
class Task:
    """Something to do."""

    help: str
    commands: tuple[Command | AtOnce, ...] = ()
    needs: tuple[str, ...] = ()  # tasks and programs that come first
    level: str = AUTHOR  # what is installed before; "" for nothing

    def every(self) -> Iterator[Command]:
        """Yields each command."""
        for step in self.commands:
            yield from chain(*step.rows) if isinstance(step, AtOnce) else (step,)


#: Runs the chapters, then builds and prints the book. Sphinx and the print take one core: what is
#: looked at without them runs on the other.
MAKE_THE_BOOK: tuple[Command | AtOnce, ...] = (
    (*BUILD, "--only-run"),
    AtOnce((
        (BUILD, ("python", "-m", "bookmaking.check", "--run"), ("python", "-m", "bookmaking.pdf")),
        ((*PYTEST, "tests/pages", OF_THE_RUNS, *(f"--ignore={path}" for path in OF_THE_BOOK)),),
    )),
)  # fmt: skip

#: Every task, by its name. One training run at a time, as two would slow each other tenfold, but
#: for `test`: there two notebooks run side by side, one thread each.
TASKS = {
    "book": Task("run the chapters, build the book", (BUILD,)),
    "pdf": Task(
        "print the book as one PDF", (("python", "-m", "bookmaking.pdf"),),
        ("book", "browser", "font"),
    ),
    "lab": Task("open the chapters in JupyterLab", (("python", "-m", "course.desk"),), (), STUDENT),
    "setup": Task(
        "install what `lab` needs and lay out the notebooks",
        (("python", "-m", "course.desk", "--only-lay"),), (), STUDENT,
    ),
    # `pages` and `notebooks` in one: a chapter that runs again takes one core for minutes, and what
    # looks at the book takes the other.
    "test": Task(
        "run every check", (*MAKE_THE_BOOK, (*NBVAL, *OF_THE_BOOK)),
        ("lint", "unit", "browser", "font"),
    ),
    "prove": Task("the same with nothing in turn: run every chapter twice, compare all digits"),
    "lint": Task(
        "check the sources of the book and the code",
        (
            ("python", "-m", "bookmaking.check", "--uncited"), ("ruff", "check", "."),
            ("ruff", "format", "--check", "."), ("python", "-m", "mypy"),
        ),
    ),
    # Two at a time, each on one core: together they take half as long.
    "unit": Task(
        "run the unit tests",
        ((*PYTEST, "tests", *TWO, "--ignore", "tests/pages", "--ignore", "tests/runs"),),
        ("walls",),
    ),
    "pages": Task(
        "build the book and check it in a browser and in print",
        (*MAKE_THE_BOOK, (*PYTEST, *OF_THE_BOOK, *TWO)), ("browser", "font"),
    ),
    "notebooks": Task(
        "repeat the chapters' runs that the last change may have altered",
        ((*BUILD, "--only-run"), NBVAL),
    ),
    "colab": Task(
        "run the chapters in a fresh environment, as in Colab",
        ((*PYTEST, "tests/runs/test_colab.py"),),
    ),
    "release": Task(
        "write the students' and the instructors' exercises: --variant 0",
        (("python", "-m", "grading", "release"),),
    ),
    "grade": Task(
        "grade a class's submissions: FOLDER --exercises 01_cnn --variant 0",
        (("python", "-m", "grading", "grade"),), ("walls",),
    ),
    "worker": Task(
        "grade as a part of a Dask cluster: tcp://SCHEDULER:8786 --nthreads 2",
        (("python", "-m", "dask", "worker"),), ("walls",),
    ),
    "handback": Task(
        "write what a learning system imports: --to canvas --roster FILE --column NAME",
        (("python", "-m", "grading", "handback"),),
    ),
    "similar": Task(
        "list the students whose answers are alike: FOLDER --exercises 01_cnn",
        (("python", "-m", "grading", "similar"),),
    ),
    "questions": Task(
        "an exam and its key: --chapter 03 --seed 7 --format exam; also moodle, qti",
        (("python", "-m", "grading", "questions"),),
    ),
    # Of a chapter's last run, so `book` comes first.
    "slides": Task(
        "a chapter's slides: 03 --pdf", (("python", "-m", "bookmaking.slides"),), ("browser",)
    ),
    # Runs the chapter once more, unless nothing has changed: a run for the pages keeps no SVG.
    "figures": Task(
        "a chapter's figures as PNG and SVG, in one ZIP file: 03",
        (("python", "-m", "bookmaking.figures"),),
    ),
    "bench": Task(
        "time the article's listing against the course, about 7 minutes",
        (("python", "-m", "benchmarks", "cnn", "--json", "build/bench_cnn.json"),),
    ),
    "epub": Task("make the book one EPUB", (("python", "-m", "bookmaking.epub"),), ("book",)),
    "kit": Task(
        "write the course, its packages and the book into build/kit; --try installs from it",
        (("python", "-m", "course.kit"),), ("book",),
    ),
    "browser": Task("install the browser of the tests and the PDF", needs=("browser",)),
    "clean": Task("remove .venv and everything built; notebooks stay", level=""),
}  # fmt: skip


class Runner:
    """Runs tasks, each with what it needs before it, and nothing twice.

    Args:
        environment: what they run in.
    """

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.done: set[str] = set()

    def run(self, name: str, words: Sequence[str] = ()) -> None:
        """Does a task, with `words` added to its last command.

        Raises:
            CourseError: something is missing that a sentence can name.
            CalledProcessError: a command ended with an error.
        """
        if name in self.done:
            return
        self.done.add(name)
        task = TASKS[name]
        if task.level:
            self.environment.install(task.level)
        if name == "test":
            os.environ.setdefault("SIDE_BY_SIDE", "2")
        for need in task.needs:
            if need in PROGRAMS:
                PROGRAMS[need](self.environment)
            else:
                self.run(need)
        if name == "clean":
            clean()
        elif name == "prove":
            os.environ["REPEAT"] = "--all"
            self.run("test")
        for step in task.commands:
            if isinstance(step, AtOnce):
                self.call_at_once(name, step)
            else:
                self.call(name, step, words if step is task.commands[-1] else ())

    def call_at_once(self, name: str, step: AtOnce) -> None:
        """Runs rows of commands at the same time; where one fails, the other rows go on to the end.

        Raises:
            CalledProcessError: a command ended with an error.
        """

        def call_all(row: Sequence[Command]) -> None:
            for command in row:
                self.call(name, command, ())

        with ThreadPoolExecutor(len(step.rows)) as pool:
            rows = [pool.submit(call_all, row) for row in step.rows]
            while wait(rows, timeout=0).not_done:
                with contextlib.suppress(KeyboardInterrupt):  # the commands have it too, and end
                    wait(rows)
        for row in rows:
            row.result()

    def call(self, name: str, command: Command, words: Sequence[str]) -> None:
        """Runs one command of a task.

        Raises:
            CalledProcessError: it ended with an error.
        """
        program, *rest = command
        python = self.environment.python
        if "--nbval" in command:
            rest += [*self.repeated(), *(TWO if os.environ.get("SIDE_BY_SIDE", "1") != "1" else ())]
        more = {"OMP_NUM_THREADS": "1"} if name == "unit" else {}
        if name in ON_CPU:
            more["AIGC_DEVICE"] = os.environ.get("AIGC_DEVICE", "cpu")
        first = python if program == "python" else self.environment.script(program)
        call(first, *rest, *words, cwd=ROOT, **more)

    def repeated(self) -> list[str]:
        """Returns the notebooks that run a second time, which `bookmaking.proof` chooses."""
        command = [str(self.environment.python), "-m", "bookmaking.proof"]
        command += os.environ.get("REPEAT", "").split()
        run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        return run.stdout.split()


def clean() -> None:
    """Removes what the tasks have made; what readers keep in their notebooks stays."""
    for name in (*MADE, *(path.name for path in ROOT.glob("*.egg-info"))):
        shutil.rmtree(ROOT / name, ignore_errors=True)
