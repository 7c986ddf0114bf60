"""The chapters' plain Markdown becomes the book's, and a mark that leads nowhere is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bookmaking.sources import myst

ROOT = Path(__file__).resolve().parents[2]
TERMS = {"feature map", "stochastic gradient descent", "ReLU"}
KEYS = {"lecun1998gradient"}


def convert(text: str) -> str:
    page, faults = myst.convert(text, TERMS, KEYS, "01_cnn")
    assert faults == []
    return page


def test_terms_become_links_in_every_form() -> None:
    assert convert("*Feature maps* are") == "{term}`Feature maps <feature map>` are"
    assert convert("a *relu*.") == "a {term}`relu <ReLU>`."
    assert "<stochastic gradient descent>" in convert("*gradient descent*")


def test_strong_text_code_and_formulas_stay() -> None:
    for text in ("**bold**", "`a *b* c`", "$a * b * c$", "$$\na *b* c\n$$", "2 * 3 * 4", "- one"):
        assert convert(text) == text


def test_citations() -> None:
    assert convert("so [LeCun, 1998](#lecun1998gradient).") == "so {cite:p}`lecun1998gradient`."
    assert convert("[*ReLU* in `x`](#lecun1998gradient)") == "{cite:p}`lecun1998gradient`"


def test_marks_that_lead_nowhere_stay_and_are_named_by_line() -> None:
    text = "$a$ *ReLU* and\n```\n*code*\n```\nthe *entropy* of `x`\n[No\nbody](#nobody2000) *a `b`*"
    page, faults = myst.convert(text, TERMS, KEYS, "01_cnn")
    assert page == text.replace("*ReLU*", "{term}`ReLU <ReLU>`")
    assert faults == [
        (4, "*entropy* is no term of the glossary: define it there, or use **bold**."),
        (5, "[No body](#nobody2000) names a source that references.bib does not have."),
        (6, "*a `b`* is no term of the glossary: define it there, or use **bold**."),
    ]


def test_exercise_with_solution() -> None:
    text = (
        "### Exercise: Count, twice\n\nHow many?\n\n"
        "<details><summary>Solution</summary>\n\nTwo.\n\n</details>\n"
    )
    assert convert(text) == (
        "````{exercise} Count, twice\n:label: 01_cnn-count-twice\n\nHow many?\n````\n\n"
        "````{solution} 01_cnn-count-twice\n:class: dropdown\n\nTwo.\n````\n"
    )


def test_exercises_have_a_label_and_a_line() -> None:
    exercise = "### Exercise: Train *ReLU* 2\n\n<details><summary>Solution</summary>\n</details>\n"
    assert myst.exercises(f"## Exercises\n\n{exercise}\n{exercise}", "01_cnn") == [
        ("01_cnn-train-relu", 2),
        ("01_cnn-train-relu", 7),
    ]
    assert "\n:label: 01_cnn-train-relu\n" in convert(exercise)


def test_lists_have_lines() -> None:
    block = "\none\ntwo words\n  What.\n"
    glossary = (
        f"# G\n\n```{{glossary}}\n:sorted:\n{block}```\n:::{{glossary}}\nlast\n  What.\n:::\n"
    )
    assert myst.glossary_lines(glossary) == [("one", 6), ("two words", 7), ("last", 11)]
    bibliography = (
        "% a\n@string{x = {y}}\n@comment{no,}\n@Book{good, title = {@a{b,}}}\n\n @misc{next,}\n"
    )
    assert myst.bibliography_lines(bibliography) == [("good", 4), ("next", 6)]


def test_the_books_own_lists_are_read() -> None:
    terms = myst.glossary_terms(ROOT / "book" / "glossary.md")
    assert {"convolution", "ReLU", "Muon"} <= terms
    assert not any(" is " in term or term.startswith(":") for term in terms)
    assert "lecun1998gradient" in myst.bibliography_keys(ROOT / "book" / "references.bib")


@pytest.mark.parametrize("source", sorted((ROOT / "notebooks").glob("[0-9]*.py")))
def test_chapters_have_no_roles_in_their_source(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    assert "{term}" not in text
    assert "{cite" not in text
    assert "{exercise}" not in text
