"""The exam and its key in print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pypdf import PdfReader

from grading.questions import Item, ask, form
from grading.questions.export import export


def words(path: Path) -> str:
    """Returns the letters and digits of a PDF, as a line may break anywhere else."""
    text = "".join(page.extract_text() for page in PdfReader(path).pages)
    return re.sub(r"\W", "", text)


def told(text: str) -> str:
    return re.sub(r"\W", "", re.sub(r"[`$]", "", text))


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[Item]]:
    folder = tmp_path_factory.mktemp("printed")
    paper, key = export("04", 7, "exam", folder)
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*")) == [
        f"instructor/04_gpt-questions-{form(7)}-key.pdf",
        f"student/04_gpt-questions-{form(7)}-exam.pdf",
    ]
    return paper, key, ask("04", 7)


def test_the_exam_asks_everything_and_answers_nothing(
    printed: tuple[Path, Path, list[Item]],
) -> None:
    paper, _, items = printed
    text = words(paper)
    for item in items:
        for choice in item.choices:
            assert told(choice.text) in text
            assert told(choice.reason) not in text


def test_the_key_gives_the_reason_of_every_choice(
    printed: tuple[Path, Path, list[Item]],
) -> None:
    _, key, items = printed
    text = words(key)
    for item in items:
        for choice in item.choices:
            assert told(choice.reason) in text


def test_the_print_has_its_title_and_its_pictures(
    printed: tuple[Path, Path, list[Item]],
) -> None:
    paper, _, items = printed
    reader = PdfReader(paper)
    assert reader.metadata is not None
    assert reader.metadata.title == f"Questions on chapter 4, form {form(7)}"
    pictures = sum(len(page.images) for page in reader.pages)
    assert pictures == sum(item.question.picture is not None for item in items)
    assert 3 <= len(reader.pages) <= 12
