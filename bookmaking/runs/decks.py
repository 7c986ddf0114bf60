"""Makes slides of a chapter's run: what stands on each, and what its speaker says.

A section begins a column of slides; its figures and films, its display formulas and its questions
to guess follow below. A slide shows the first sentences; all the text stands in the speaker's
notes, under the minutes that the slide takes.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from ..extensions.mathml import to_mathml
from . import guesses
from .films import Explorer, Film, explorers, films
from .shown import Figure, figures

#: Sections that say nothing to a class.
SKIPPED = {"Exercises", "References", "The numbers of this run"}
#: Minutes for a slide with text, and more for each thing to look at.
MINUTES = {"text": 1, "formula": 1, "figure": 2, "question": 3, "answer": 1}
MOST_SIGNS = 260  # of the text on a slide
WALK = "In the chapter's page, under “{section}”, you can walk through it."
ASK = re.compile(r"<!-- guess (\w+) -->")
BLOCK = re.compile(
    r"^(`{3,})[^\n]*\n.*?^\1[^\n]*|^\$\$.*?\$\$|\S.*?(?=\n\s*\n|\Z)", re.MULTILINE | re.DOTALL
)
LISTED = re.compile(r"[-*+] |\d+\. |\|")  # begins a list or a table


@dataclass
class Slide:
    """A slide: HTML to be seen, HTML to be said, and the minutes for both."""

    heading: str  # plain text
    level: int = 2  # of the heading: 1 the title's, 2 a section's, 3 what stands below
    body: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    minutes: int = MINUTES["text"]
    figure: Figure | None = None
    film: Film | None = None
    told: bool = False  # whether it shows text, or has no room for it
    full: bool = False  # whether a formula has no room beside what it shows


@cache
def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    for rule in ("link_open", "link_close"):  # a link out of its page leads nowhere
        parser.add_render_rule(rule, lambda *_: "")
    return parser.use(
        dollarmath_plugin, renderer=lambda tex, how: to_mathml(tex, bool(how["display_mode"]))
    )


def html(text: str) -> str:
    """Returns a text of Markdown as HTML, its formulas as MathML, without links."""
    return str(_markdown().render(text)).strip()


def inline(text: str) -> str:
    """Returns a text of one line as HTML without a paragraph around it."""
    return str(_markdown().renderInline(text)).strip()


def blocks(text: str) -> Iterator[str]:
    """Yields a text's paragraphs, headings, blocks of code and display formulas."""
    for match in BLOCK.finditer(text):
        yield match[0].strip()


def shown(paragraph: str) -> str:
    """Returns as many of a paragraph's sentences as a slide has room for; one stands on a line."""
    sentences = paragraph.splitlines()
    while len(sentences) > 1 and len(" ".join(sentences)) > MOST_SIGNS:
        sentences.pop()
    return " ".join(sentences)


class Deck:
    """Slides in the making: `columns` holds those of each section."""

    def __init__(self, chapter: str, pictures: list[Figure | Film | Explorer]) -> None:
        self.chapter, self.columns, self.skipping = chapter, list[list[Slide]](), False
        self.pictures: dict[int, list[Figure | Film | Explorer]] = {}
        for picture in pictures:
            self.pictures.setdefault(picture.cell, []).append(picture)

    @property
    def slide(self) -> Slide:
        """The last slide."""
        return self.columns[-1][-1]

    def below(self, **about: object) -> Slide:
        """Begins a slide below the last one, under its heading unless another is given."""
        given = {"heading": self.slide.heading, "level": 3} | about
        self.columns[-1].append(Slide(**given))  # type: ignore[arg-type]
        return self.slide

    def heading(self, level: int, text: str) -> None:
        """Begins a section, a part of one, or the whole."""
        if level <= 2:
            self.skipping = text in SKIPPED
            if not self.skipping:
                self.columns.append([Slide(text, level)])
        elif not self.skipping:
            self.below(heading=text)

    def text(self, block: str) -> None:
        """Adds a paragraph, a list or a table: all to the notes, its beginning to the slide."""
        slide = self.slide
        slide.notes.append(html(block))
        listed = LISTED.match(block)
        if slide.heading == guesses.SUMMARY:
            lines = block if listed else "\n".join(f"- {line}" for line in block.splitlines())
            slide.body.append(html(lines))
        elif not slide.told:
            slide.body.append(html(block if listed else shown(block)))
            slide.told = True

    def formula(self, block: str) -> None:
        """Adds a display formula, on a slide of its own if there is one already."""
        slide = self.below(told=True) if self.slide.full else self.slide
        slide.body.append(html(block))
        slide.full = True
        slide.minutes += MINUTES["formula"]

    def picture(self, shown: Figure | Film | Explorer) -> None:
        """Adds a slide with a figure, a film or an explorer; the text after it is the speaker's."""
        note = f"<p><strong>To be seen:</strong> {escape(shown.alt)}</p>"
        slide = self.below(notes=[note], minutes=MINUTES["figure"], told=True, full=True)
        if isinstance(shown, Figure):
            slide.figure = shown
        elif isinstance(shown, Film):
            slide.film = shown
        else:
            where = f"<p>{WALK.format(section=escape(shown.section))}</p>"
            slide.body += [f'<div class="explorer">{shown.still()}</div>', where]

    def question(self, kind: str) -> None:
        """Adds a slide with a question, and one with its answer."""
        (item,) = guesses.asked(self.chapter, [kind])
        text, reasons = guesses.asked_and_answered(item)
        vote = "<p>Let everybody vote, and then argue with a neighbour, before you go on.</p>"
        title = f"Guess: {item.kind.title}"
        self.below(heading=title, body=[text], notes=[vote], minutes=MINUTES["question"], told=True)
        right = f"<p><strong>{item.right.letter}</strong>: {guesses.said(item.right.text)}</p>"
        why = f"<p>{guesses.said(item.right.reason)}</p>"
        self.below(
            heading=title, body=[right, why], notes=[reasons], minutes=MINUTES["answer"], told=True
        )

    def add(self, block: str) -> None:
        """Adds a block of a chapter's text to the slides."""
        if found := guesses.HEADING.match(block):
            first, _, rest = block.partition("\n")
            level = len(found[1])
            self.heading(level, first[level:].strip())
            for more in blocks(rest):
                self.add(more)
        elif self.skipping or not self.columns or block.startswith("```"):
            return
        elif found := ASK.match(block):
            self.question(found[1])
        elif block.startswith("$$"):
            self.formula(block)
        else:
            self.text(block)


def deck(notebook: nbformat.NotebookNode, chapter: str, book: Path) -> list[list[Slide]]:
    """Returns a chapter's slides, a list for each section.

    Args:
        notebook: its run.
        chapter: its name, such as "01_cnn".
        book: the folder that has `guesses.toml`.

    Raises:
        ValueError: the chapter has no heading, or the bank lacks a question.
    """
    notebook = copy.deepcopy(notebook)
    made = Deck(chapter, [*figures(notebook), *films(notebook), *explorers(notebook)])
    wanted = {
        section: "\n\n".join(f"<!-- guess {name} -->" for name in names)
        for section, names in guesses.sections(book, chapter).items()
    }
    guesses.insert(notebook, wanted)
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            for block in blocks(cell.source):
                made.add(block)
        elif made.columns and not made.skipping:
            for shown_here in made.pictures.get(number, ()):
                made.picture(shown_here)
    if not made.columns:
        raise ValueError(f"{chapter} has no heading to begin its slides with.")
    return made.columns
