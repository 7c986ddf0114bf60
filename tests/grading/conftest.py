"""What the tests of the grader share."""

from __future__ import annotations

from typing import Any

import pytest
from submission_cases import NAME, VARIANT, perfect

from grading import editions
from grading.assembly import Assembler


@pytest.fixture(scope="session")
def made() -> editions.Editions:
    """Both editions of the second chapter's exercises."""
    return editions.make_editions(NAME, VARIANT)


@pytest.fixture
def solved(made: editions.Editions) -> Any:
    """A perfect submission."""
    return perfect(made)


@pytest.fixture(scope="session")
def assembler(made: editions.Editions) -> Assembler:
    """The assembler of the second chapter's exercises."""
    return Assembler(made.instructor)
