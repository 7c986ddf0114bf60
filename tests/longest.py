"""The files of tests that take longest: two workers take one file at a time, these first."""

from pathlib import Path

#: Files of more than half a minute on a core, longest first.
LONG = (
    "test_exercises.py",
    "test_odd_submissions.py",
    "test_survey.py",
    "test_survey_reference.py",
    "test_grader.py",
    "test_pretrained.py",
    "test_plotting.py",
    "test_many_processes.py",
    "test_pdf.py",
    "test_book.py",
    "test_notebooks.py",
    "test_gan.py",
    "test_with_nbgrader.py",
    "test_console.py",
)


def place(path: Path) -> int:
    """Returns a file's place in the order: chapters that run again for minutes come first of all.

    Exercises run again in seconds, and come last.
    """
    if path.suffix == ".ipynb":
        return len(LONG) + 1 if path.parent.name == "exercises" else -1
    return LONG.index(path.name) if path.name in LONG else len(LONG)
