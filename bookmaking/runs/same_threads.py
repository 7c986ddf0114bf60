"""A plugin of pytest: where nbval runs a notebook again, it has as many threads as the first time.

Another number of threads takes sums in another order, and the last digits with them. OpenMP reads
the number when a kernel starts, which nbval does before a notebook's first cell.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import pytest

NAME = "OMP_NUM_THREADS"
GIVEN = os.environ.get(NAME)


@cache
def threads(notebook: Path) -> str:
    """Returns how many threads a run was given, "" where it was left to PyTorch."""
    metadata = json.loads(notebook.read_text(encoding="utf-8"))["metadata"]
    return str(metadata.get("aigc", {}).get("threads", ""))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Gives the kernel that is about to start the threads of the notebook's first run."""
    if item.path.suffix == ".ipynb":
        wanted = threads(item.path) or GIVEN
        os.environ.pop(NAME, None)
        if wanted:
            os.environ[NAME] = wanted
