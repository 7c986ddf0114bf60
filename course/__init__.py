"""Every task of the course as one command, the same on every system: `python -m course TASK`.

What stands here begins with nothing but Python. In the order in which to read it:

- `tasks`: what each task needs first, and what it runs; `make` takes the names from here;
- `environment`: makes `.venv`, and installs into it what a student or an author needs;
- `programs`: programs that come from elsewhere: a browser, a font, the grader's walls;
- `kit`: the course in one folder that installs without a network.

And what a task runs in `.venv`, where the libraries are:

- `desk`: the notebooks as a student has them, and JupyterLab.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class CourseError(Exception):
    """A task can't be done; the message says in one sentence what to do."""
