"""Sphinx extension: the style of the book's list of references.

It is pybtex's plain style with three differences. An entry begins with a surname, so that its place
in the alphabet shows. The order of the alphabet takes ø for o and ä for a. Titles are written as in
references.bib.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from pybtex.plugin import register_plugin  # type: ignore[import-untyped]
from pybtex.style.formatting.plain import Style as Plain  # type: ignore[import-untyped]
from pybtex.style.names.lastfirst import NameStyle  # type: ignore[import-untyped]
from pybtex.style.sorting.author_year_title import (  # type: ignore[import-untyped]
    SortingStyle,
)
from pybtex.style.template import (  # type: ignore[import-untyped]
    FieldIsMissing,
    field,
    href,
    join,
    node,
    sentence,
)

# Letters that Unicode does not take for a plain letter with a mark.
LETTERS = str.maketrans({"ø": "o", "ł": "l", "ı": "i", "đ": "d", "æ": "ae", "œ": "oe"})
SURNAME_FIRST = NameStyle().format


def plain(text: str) -> str:
    """Returns a text in small letters without marks, as the alphabet sorts it."""
    letters = unicodedata.normalize("NFKD", text.casefold().translate(LETTERS))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


class Alphabetical(SortingStyle):  # type: ignore[misc]
    """Sorts by author, year and title; marks on letters make no difference."""

    def person_key(self, person: Any) -> str:
        """Returns what stands for a person in the order of the entries."""
        surname = person.rich_prelast_names + person.rich_last_names
        given = person.rich_first_names + person.rich_middle_names
        parts = (surname, given, person.rich_lineage_names)
        return plain("  ".join(" ".join(map(str, names)) for names in parts))


def _authors(children: Any, context: dict[str, Any]) -> Any:
    entry = context["entry"]
    persons = entry.persons.get("author")
    if not persons:
        raise FieldIsMissing("author", entry)
    names = [SURNAME_FIRST(persons[0]), *map(context["style"].format_name, persons[1:])]
    return join(sep=", ", last_sep=", and ", sep2=", and ")[names].format_data(context)


authors = node(_authors)


class Style(Plain):  # type: ignore[misc]
    """The style `course`, which `bibtex_default_style` in _config.yml chooses."""

    default_sorting_style = Alphabetical

    def format_names(self, role: str, as_sentence: bool = True) -> Any:
        """Returns the template of an entry's persons: the surname of the first author leads."""
        if role != "author":
            return super().format_names(role, as_sentence)
        return sentence[authors] if as_sentence else authors

    def format_title(self, e: Any, which_field: str, as_sentence: bool = True) -> Any:
        """Returns the template of a title, whose capitals stay."""
        title = field(which_field)
        return sentence[title] if as_sentence else title

    def format_url(self, e: Any) -> Any:
        """Returns the template of an address, written without the protocol."""
        address = field("url", raw=True)
        shown = field("url", raw=True, apply_func=lambda url: url.partition("://")[2].rstrip("/"))
        return href(address)[shown]


def setup(app: Any) -> dict[str, bool]:
    """Offers the style."""
    register_plugin("pybtex.style.formatting", "course", Style, force=True)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
