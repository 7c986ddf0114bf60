"""Every page of the built book in use, each opened once: see `book_survey`.

Those of the reference stand in test_survey_reference.py: two workers take one file each.
"""

from pathlib import Path

import book_pages
import book_survey
import pytest
from book_survey import Survey
from playwright.sync_api import Browser

browser = book_pages.browser  # fixtures
book, pages = book_pages.book, book_pages.pages


@pytest.fixture(scope="module")
def visited(pages: list[Path]) -> list[Path]:
    """The pages that this file opens."""
    return [path for path in pages if not book_survey.of_the_reference(path)]


@pytest.fixture(scope="module")
def surveys(visited: list[Path], browser: Browser) -> dict[Path, Survey]:
    """What one visit of each page found."""
    return {path: book_survey.survey(browser, path) for path in visited}


def found(surveys: dict[Path, Survey], check: str) -> list[str]:
    return [
        f"{path.parent.name}/{path.name}: {problem}"
        for path, survey in surveys.items()
        for problem in survey.problems[check]
    ]


CHECKS = (
    "sound", "coarse", "code", "contrast", "axe", "weight", "keyboard", "contents", "paper",
    "dark figures", "dark contrast", "dark axe",
)  # fmt: skip


@pytest.mark.parametrize("check", CHECKS)
def test_every_page_in_use(surveys: dict[Path, Survey], check: str) -> None:
    assert not (problems := found(surveys, check)), "\n".join(problems)


def test_every_page_shows_within_a_second(surveys: dict[Path, Survey], browser: Browser) -> None:
    # A page that was slow during the survey opens again alone.
    best = {
        path: book_survey.best_view(browser, path, survey.milliseconds)
        for path, survey in surveys.items()
    }
    slow = [
        f"{path.name}: the first view stands after {milliseconds:.0f} ms"
        for path, milliseconds in best.items()
        if milliseconds >= book_survey.MOST_MILLISECONDS
    ]
    assert not slow, "\n".join(slow)


def test_the_book_is_surveyed_with_its_chapters(surveys: dict[Path, Survey]) -> None:
    figures = [file for survey in surveys.values() for file in survey.files if "_images/" in file]
    assert len(figures) > 20
    assert sum(path.parent.name == "chapters" for path in surveys) >= 5
