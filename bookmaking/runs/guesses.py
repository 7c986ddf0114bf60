"""Puts questions to guess first at the end of a chapter's sections, out of the bank.

`book/guesses.toml` says which questions stand where, so that a chapter's source stays as it is.
They are asked with the book's own seed, which no export takes. The HTML is whole without a script:
the reasons are folded; `book/_static/guess.js` turns the choices into buttons that tell them.
"""

from __future__ import annotations

import base64
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

if TYPE_CHECKING:
    from grading.questions import Item

HEADING = re.compile(r"(#{1,6}) +(.+?)\s*$")
FENCE = re.compile(r"(`{3,}|~{3,})")
SUMMARY = "Summary"  # what has no section of its own stands before it


@dataclass(frozen=True)
class Heading:
    """A heading of a notebook: its level, its text, and the line of the cell in which it stands."""

    level: int
    text: str
    cell: int
    line: int


def headings(notebook: nbformat.NotebookNode) -> Iterator[Heading]:
    """Yields a notebook's headings in their order; a line within a block of code is none."""
    for number, cell in enumerate(notebook.cells):
        fence = ""
        for line, text in enumerate(cell.source.splitlines() if cell.cell_type != "code" else ()):
            if mark := FENCE.match(text):
                fence = "" if fence and text.startswith(fence) else fence or mark[1]
            elif not fence and (found := HEADING.match(text)):
                yield Heading(len(found[1]), found[2], number, line)


def end_of(found: Sequence[Heading], section: str) -> Heading | None:
    """Returns the heading before which a section ends; None at the notebook's end.

    Raises:
        KeyError: there is no such section.
    """
    for number, heading in enumerate(found):
        if heading.text == section:
            after = (other for other in found[number + 1 :] if other.level <= heading.level)
            return next(after, None)
    raise KeyError(section)


def placed(found: Sequence[Heading], section: str) -> Heading | None:
    """Returns the heading before which a section's questions stand; None at the notebook's end."""
    try:
        return end_of(found, section)
    except KeyError:
        return next((heading for heading in found if heading.text == SUMMARY), None)


def sections(book: Path, chapter: str) -> dict[str, list[str]]:
    """Returns the names of a chapter's questions by section, from the book's `guesses.toml`."""
    path = book / "guesses.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {section: list(names) for section, names in table.get(chapter, {}).items()}


def asked(chapter: str, names: Sequence[str]) -> list[Item]:
    """Returns a chapter's questions of these kinds in the book's seed.

    Raises:
        ValueError: a kind is none of the chapter's.
    """
    from grading.questions import BOOK_SEED, ask_one, find_chapter  # it loads PyTorch

    kinds = {kind.name: kind for kind in find_chapter(chapter).kinds}
    if lost := [name for name in names if name not in kinds]:
        raise ValueError(f"book/guesses.toml: {chapter} has no question {', '.join(lost)}.")
    return [ask_one(chapter, kinds[name], BOOK_SEED) for name in names]


def formula(tex: str) -> str:
    """Returns a formula in a line as the book's pages have it."""
    from bookmaking.extensions.mathml import to_mathml

    return f'<span class="math notranslate nohighlight">{to_mathml(tex, False)}</span>'


def picture(item: Item) -> str:
    """Returns an item's picture as an image within the page, or an empty text."""
    from grading.questions.pictures import drawn

    shown = drawn(item)
    if shown is None:
        return ""
    image = shown.tag(f"data:image/png;base64,{base64.b64encode(shown.png).decode()}")
    return f'<div class="guess-picture">{image}</div>'


def said(text: str) -> str:
    """Returns a choice or a reason as HTML."""
    from grading.questions.texts import line

    return line(text, formula)


def asked_and_answered(item: Item) -> tuple[str, str]:
    """Returns a question with its choices as HTML, and the list of their reasons."""
    from grading.questions.texts import blocks

    choices = "".join(
        f'<li><span class="guess-choice">{said(choice.text)}</span></li>\n'
        for choice in item.choices
    )
    reasons = "".join(
        f'<li class="guess-{"right" if choice.right else "wrong"}"><strong>'
        f"{'Right.' if choice.right else 'Not this one.'}</strong> {said(choice.reason)}</li>\n"
        for choice in item.choices
    )
    return (
        f"{blocks(item.question.text, formula)}\n{picture(item)}\n"
        f'<ol class="guess-choices">\n{choices}</ol>\n',
        f'<ol class="guess-reasons">\n{reasons}</ol>',
    )


def question(item: Item) -> str:
    """Returns a question, its choices and, folded, the reason of each."""
    name = f"guess-{item.kind.name.replace('_', '-')}"
    asked, reasons = asked_and_answered(item)
    return (
        f'<div class="guess" role="group" aria-labelledby="{name}">\n'
        f'<p class="guess-title" id="{name}">{escape(item.kind.title)}</p>\n{asked}'
        '<p class="guess-said" aria-live="polite"></p>\n'
        '<details class="guess-answers"><summary>The answer, and a reason for each choice</summary>'
        f"\n{reasons}</details>\n</div>\n"
    )


def box(items: Sequence[Item]) -> str:
    """Returns questions as a box of HTML."""
    inside = "".join(map(question, items))
    return f'<div class="guesses">\n<p class="guesses-head">Guess first</p>\n{inside}</div>\n'


def insert(notebook: nbformat.NotebookNode, wanted: Mapping[str, str]) -> None:
    """Writes a text of Markdown at the end of each section named."""
    found = list(headings(notebook))
    before: defaultdict[Heading | None, str] = defaultdict(str)
    for section, text in wanted.items():
        before[placed(found, section)] += f"{text}\n\n"
    if last := before.pop(None, ""):
        notebook.cells.append(nbformat.v4.new_markdown_cell(last.strip(), id="guesses"))
    for heading in sorted(filter(None, before), key=lambda h: (h.cell, h.line), reverse=True):
        cell = notebook.cells[heading.cell]
        lines = cell.source.splitlines()
        new = before[heading].splitlines()
        cell.source = "\n".join([*lines[: heading.line], "", *new, *lines[heading.line :]])


def with_guesses(
    notebook: nbformat.NotebookNode, chapter: str, book: Path
) -> nbformat.NotebookNode:
    """Returns a chapter's notebook with its questions in the book's Markdown.

    Args:
        notebook: the chapter; its cells change.
        chapter: its name, such as "01_cnn".
        book: the folder that has `guesses.toml`; without that, the notebook stays as it is.

    Raises:
        ValueError: a question is named that the bank does not have.
    """
    wanted = {
        section: f"````{{raw}} html\n{box(asked(chapter, names))}````"
        for section, names in sections(book, chapter).items()
    }
    insert(notebook, wanted)
    return notebook
