"""Questions to guess stand where `guesses.toml` says, and only such as may be shown."""

from __future__ import annotations

import tomllib
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from bookmaking import BOOK, ROOT, chapters
from bookmaking.runs import decks, guesses
from bookmaking.runs.running import read_chapter
from grading.questions import BOOK_SEED, ask, ask_one, chapter_names, find_chapter
from grading.questions.export import export

TABLE = tomllib.loads((BOOK / "guesses.toml").read_text(encoding="utf-8"))


def notebook(*texts: str) -> nbformat.NotebookNode:
    cells = [
        nbformat.v4.new_code_cell(text[1:])
        if text.startswith("!")
        else nbformat.v4.new_markdown_cell(text)
        for text in texts
    ]
    return nbformat.v4.new_notebook(cells=cells)


def inserted(texts: list[str], *sections: str) -> list[str]:
    made = notebook(*texts)
    guesses.insert(made, {section: f"[{section}]" for section in sections})
    return [" ".join(cell.source.split()) for cell in made.cells]


@pytest.mark.parametrize("chapter", chapter_names())
def test_every_section_with_questions_exists(chapter: str) -> None:
    found = {h.text for h in guesses.headings(read_chapter(chapters.find(ROOT, chapter)))}
    lost = [section for section in guesses.sections(BOOK, chapter) if section not in found]
    assert lost == [], f"book/guesses.toml names sections that {chapter} does not have"


@pytest.mark.parametrize("chapter", chapter_names())
def test_each_section_that_teaches_ends_in_two_or_three_questions(chapter: str) -> None:
    quiet = {guesses.SUMMARY, *decks.SKIPPED}
    found = guesses.headings(read_chapter(chapters.find(ROOT, chapter)))
    teach = [h.text for h in found if h.level == 2 and h.text not in quiet]
    table = guesses.sections(BOOK, chapter)
    assert list(table) == teach, "book/guesses.toml has another order, or other sections"
    assert [name for name in teach if not 2 <= len(table[name]) <= 3] == []


def test_every_chapter_of_the_bank_asks_in_its_pages() -> None:
    assert list(TABLE) == chapter_names()
    for chapter, sections in TABLE.items():
        names = [name for part in sections.values() for name in part]
        assert len(names) == len(set(names)) >= 10
        assert {kind.name for kind in find_chapter(chapter).kinds if kind.public} <= set(names)


@pytest.mark.parametrize("chapter", chapter_names())
def test_the_book_shows_no_answer_that_an_exam_asks_for(chapter: str) -> None:
    names = [name for part in TABLE[chapter].values() for name in part]
    for item in guesses.asked(chapter, names):
        assert item.seed == BOOK_SEED
        rights = {ask_one(chapter, item.kind, seed).right.text for seed in range(20)}
        assert item.kind.public or len(rights) > 1, f"{item.kind.name} has one answer in each seed"
    with pytest.raises(ValueError, match="Choose a seed of 0 or more, not -1"):
        export(chapter, BOOK_SEED, "moodle", Path("nowhere"))


def test_questions_stand_at_the_end_of_their_section() -> None:
    texts = ["# T", "## A\n\none\n\n### B\n\ntwo", "!x = 1\n# ## no heading", "end\n\n## C\n\nlast"]
    assert inserted(texts, "B") == [
        "# T", "## A one ### B two", "x = 1 # ## no heading", "end [B] ## C last",
    ]  # fmt: skip
    assert inserted(texts, "A", "B")[3] == "end [A] [B] ## C last"
    assert inserted(texts, "C")[4:] == ["[C]"]


def test_a_line_of_code_is_no_heading() -> None:
    texts = ["## A\n\n```python\n# # no\n```\n\n~~~\n## no\n~~~", "## B"]
    assert [heading.text for heading in guesses.headings(notebook(*texts))] == ["A", "B"]


def test_a_section_that_is_gone_leaves_its_questions_before_the_summary() -> None:
    assert inserted(["## A", "## Summary"], "gone") == ["## A", "[gone] ## Summary"]
    assert inserted(["## A"], "gone") == ["## A", "[gone]"]


def test_a_chapter_without_questions_stays_as_it_is(tmp_path: Path) -> None:
    plain = notebook("## A")
    assert guesses.with_guesses(plain, "09_new", BOOK).cells[0].source == "## A"
    assert guesses.with_guesses(plain, "01_cnn", tmp_path).cells[0].source == "## A"


def test_a_question_that_the_bank_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "guesses.toml").write_text('[01_cnn]\n"A" = ["nothing"]\n')
    with pytest.raises(ValueError, match=r"guesses\.toml: 01_cnn has no question nothing\."):
        guesses.with_guesses(notebook("## A"), "01_cnn", tmp_path)


def test_a_box_is_whole_without_a_script() -> None:
    items = [*guesses.asked("04_gpt", ["who_sees_whom", "one_score"]), *ask("02", 0, "public")]
    box = guesses.box(items)
    assert "\n\n`" not in box
    soup = BeautifulSoup(box, "html.parser")
    assert len(soup.select(".guess")) == len(items)
    assert len({title["id"] for title in soup.select(".guess-title")}) == len(items)
    for item, shown in zip(items, soup.select(".guess"), strict=True):
        reasons = shown.select("details .guess-reasons > li")
        assert [bool(li.select("strong")) for li in reasons] == [True] * 4
        (right,) = (number for number, c in enumerate(item.choices) if c.right)
        assert [li["class"] == ["guess-right"] for li in reasons] == [n == right for n in range(4)]
        assert len(shown.select(".guess-choices > li > .guess-choice")) == 4
        assert len(shown.select("img[alt]")) == (item.question.picture is not None)
