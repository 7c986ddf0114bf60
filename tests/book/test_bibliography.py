"""The list of references: its order, its names, its titles, and a link in each entry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pybtex.database import BibliographyData, parse_file, parse_string

from bookmaking.extensions import bibliography

ROOT = Path(__file__).resolve().parents[2]
ENTRY = "@misc{%s, author = {%s}, title = {On {GANs} and Their Uses}, year = {2020}, %s}"
# The forms of the identifiers; a link that is pasted whole would lead nowhere.
FORMS = {
    "eprint": re.compile(r"\d{4}\.\d{4,5}"),
    "doi": re.compile(r"10\.\d{4,}/\S+"),
    "url": re.compile(r"https?://\S+"),
}


def entries(*rows: tuple[str, str, str]) -> BibliographyData:
    return parse_string("\n".join(ENTRY % row for row in rows), "bibtex")


def listed(data: BibliographyData) -> dict[str, str]:
    """Returns the list of references, as text, under its keys."""
    style = bibliography.Style()
    return {
        entry.key: entry.text.render_as("text").replace("\xa0", " ")
        for entry in style.format_bibliography(data)
    }


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Sønderby", "sonderby"), ("Kynkäänniemi", "kynkaanniemi"), ("Yazıcı", "yazici")],
)
def test_marks_on_letters_make_no_difference(name: str, letters: str) -> None:
    assert bibliography.plain(name) == letters


def test_the_alphabet_takes_a_letter_with_a_mark_for_the_plain_one() -> None:
    names = ["Szegedy, C.", r"S{\o}nderby, C.", "Sohl, J.", r"{\L}uk, A.", "Mirza, M.", "Luo, W."]
    data = entries(*((str(number), name, "") for number, name in enumerate(names)))
    assert list(listed(data)) == ["3", "5", "4", "2", "1", "0"]


@pytest.mark.parametrize(
    ("authors", "written"),
    [
        ("Ada Lovelace", "Lovelace, Ada."),
        ("{Project Jupyter}", "Project Jupyter."),
        ("van den Oord, Aaron and Oriol Vinyals", "van den Oord, Aaron, and Oriol Vinyals."),
        ("Hu, Ed J. and Shen, Li and others", "Hu, Ed J., Li Shen, and others."),
    ],
)
def test_the_first_surname_leads_and_the_title_keeps_its_capitals(
    authors: str, written: str
) -> None:
    assert listed(entries(("a", authors, "")))["a"] == (f"{written} On GANs and Their Uses. 2020.")


def test_an_address_is_a_link_without_its_protocol() -> None:
    data = entries(("a", "Ada Lovelace", "url = {https://example.org/a_b/}"))
    (entry,) = bibliography.Style().format_bibliography(data)
    assert '<a href="https://example.org/a_b/">example.org/a_b</a>.' in entry.text.render_as("html")


def test_each_entry_of_the_book_has_a_link_of_the_right_form() -> None:
    data = parse_file(str(ROOT / "book" / "references.bib"), "bibtex")
    wrong: list[str] = []
    for key, entry in data.entries.items():
        found = {name: entry.fields[name] for name in FORMS if name in entry.fields}
        if not found:
            wrong.append(f"{key} has no link")
        wrong += [f"{key}: {v}" for name, v in found.items() if not FORMS[name].fullmatch(v)]
    assert wrong == []


def test_no_two_entries_of_the_book_lead_to_the_same_place() -> None:
    data = parse_file(str(ROOT / "book" / "references.bib"), "bibtex")
    targets = [
        entry.fields[name]
        for entry in data.entries.values()
        for name in FORMS
        if name in entry.fields
    ]
    assert len(targets) == len(set(targets))
