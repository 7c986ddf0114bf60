"""The pages of the reference in use, and the index: test_survey.py has the others."""

from pathlib import Path

import pytest
import test_survey
from book_survey import Survey, of_the_reference

browser, surveys = test_survey.browser, test_survey.surveys  # fixtures
book, pages = test_survey.book, test_survey.pages

test_every_page_in_use = test_survey.test_every_page_in_use
test_every_page_shows_within_a_second = test_survey.test_every_page_shows_within_a_second


@pytest.fixture(scope="module")
def visited(pages: list[Path]) -> list[Path]:
    """The pages that this file opens: those that test_survey.py leaves out."""
    return [path for path in pages if of_the_reference(path)]


def test_the_reference_is_surveyed(surveys: dict[Path, Survey]) -> None:
    assert {"api.html", "genindex.html", "gpt.html"} <= {path.name for path in surveys}
    assert len(surveys) > 10
