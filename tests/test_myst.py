"""The chapters' plain Markdown becomes the book's, and a mark that leads nowhere is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import myst

ROOT = Path(__file__).parent.parent
TERMS = {"feature map", "stochastic gradient descent", "ReLU"}
KEYS = {"lecun1998gradient"}


def convert(text: str) -> str:
    return myst.to_myst(text, TERMS, KEYS, "01_cnn")


def test_terms_become_links_in_every_form() -> None:
    assert convert("*Feature maps* are") == "{term}`Feature maps <feature map>` are"
    assert convert("a *relu*.") == "a {term}`relu <ReLU>`."
    assert "<stochastic gradient descent>" in convert("*gradient descent*")


def test_strong_text_code_and_formulas_stay() -> None:
    for text in ("**bold**", "`a *b* c`", "$a * b * c$", "$$\na *b* c\n$$", "2 * 3 * 4", "- one"):
        assert convert(text) == text


def test_unknown_term_is_refused() -> None:
    with pytest.raises(myst.MarkError, match="entropy"):
        convert("the *entropy* of")


def test_citations() -> None:
    assert convert("so [LeCun, 1998](#lecun1998gradient).") == "so {cite:p}`lecun1998gradient`."
    with pytest.raises(myst.MarkError, match="nobody2000"):
        convert("[Nobody](#nobody2000)")


def test_exercise_with_solution() -> None:
    text = (
        "### Exercise: Count, twice\n\nHow many?\n\n"
        "<details><summary>Solution</summary>\n\nTwo.\n\n</details>\n"
    )
    assert convert(text) == (
        "````{exercise} Count, twice\n:label: 01_cnn-count-twice\n\nHow many?\n````\n\n"
        "````{solution} 01_cnn-count-twice\n:class: dropdown\n\nTwo.\n````\n"
    )


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
