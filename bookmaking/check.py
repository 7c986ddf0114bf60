"""Finds what is broken in the book before anything runs: `python -m bookmaking.check`.

It reads the sources alone and reports every fault with its page and line, in a second: terms,
citations, links, labels, images, symbols of formulas, the table of contents. With `--run` it
also asks whether the last run in `build/executed/` left a chapter without its outputs.
"""

from __future__ import annotations

import argparse
import posixpath
import re
import sys
from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote

import jinja2
import jinja2.meta

from . import ROOT, chapters
from .runs import outputs
from .sources.book import Book, Page
from .sources.pieces import Finding, Piece

OUTSIDE = re.compile(r"^([a-zA-Z][\w+.-]*:|//)")
TITLED = re.compile(r"^.+?\s*<([^<>]+)>$", re.DOTALL)
REFERENCES = {"ref", "numref", "eq", "prf:ref"}
CARD_IMAGES = {"img-background", "img-bottom", "img-top"}
NOTATION = "notation"
# Of a formula's parts, words and the commands that only place things say nothing by themselves.
WORDS = re.compile(r"\\text\{[^{}]*\}|\\(?:begin|end)\{\w+\}")
SYMBOL = re.compile(r"\\(?:operatorname|mathrm|mathbb|mathcal)\{\w+\}|\\[a-zA-Z]+|[a-zA-Z]")
PLACING = {
    "\\big", "\\dots", "\\frac", "\\left", "\\mid", "\\qquad", "\\quad", "\\right", "\\|",
}  # fmt: skip
SPHINX_LABELS = {"genindex", "modindex", "search"}


class Check:
    """One look at a book: `run` returns all that is wrong with it."""

    def __init__(self, book: Book, names: Collection[str] | None, uncited: bool) -> None:
        self.book, self.names, self.uncited = book, names, uncited
        self.terms = {term.lower() for term in book.terms}
        page = book.pages.get(NOTATION)
        found = [p.text for p in page.pieces if p.kind == "formula"] if page else []
        self.symbols = {symbol for text in found for symbol in symbols(text)} if page else None
        self.say = book.say

    def run(self) -> list[Finding]:
        """Returns what is wrong, sorted by page and line."""
        for page in self.book.pages.values():
            for piece in page.pieces:
                getattr(self, f"_{piece.kind}")(page, piece)
        self._lists()
        return sorted(self.book.findings)

    def _formula(self, page: Page, piece: Piece) -> None:
        if self.symbols is None:
            return
        for symbol in sorted(symbols(piece.text) - self.symbols):
            message = f"the notation does not explain {symbol}: add a row in {NOTATION}.md."
            self.say(page.shown, piece.line, message)

    def _heading(self, page: Page, piece: Piece) -> None:
        """A heading leads nowhere; links lead to it."""

    _label = _heading

    def _link(self, page: Page, piece: Piece) -> None:
        target = unquote(piece.text).removeprefix("project:")
        if OUTSIDE.match(target):
            return
        path, _, anchor = target.partition("#")
        if not path:
            if not {anchor, anchor.lower()} & (page.anchors | self.book.labels.keys()):
                message = f"the link to #{anchor} is dead: no heading and no label has this name."
                self.say(page.shown, piece.line, message)
            return
        place = self._place(page, path)
        raw = piece.name in ("html", "url")  # reaches the reader as it stands
        name = re.sub(r"\.html$" if raw else r"\.(md|ipynb)$", "", place)
        if name in self.book.pages and not (raw and name == place):
            self._to_page(page, piece, name, anchor)
        elif not self._is_file(place) and (raw or target.lower() not in self.book.labels):
            message = f"the link to {piece.text} is dead: the book has no such page or file."
            self.say(page.shown, piece.line, message)

    def _to_page(self, page: Page, piece: Piece, name: str, anchor: str = "") -> None:
        """Finds a link to a page that is not in the book, or to a heading that it lacks."""
        if name not in self.book.pages:
            message = f"the link to {piece.text} is dead: the book has no such page or file."
        elif name not in self.book.toc:
            message = f"the link to {piece.text} is dead: _toc.yml does not list this page."
        elif anchor and anchor not in self.book.pages[name].anchors:
            message = f"the link to {piece.text} is dead: that page has no such heading."
        else:
            return
        self.say(page.shown, piece.line, message)

    def _place(self, page: Page, path: str) -> str:
        """Returns a path on a page as a path from the folder of the book."""
        folder = posixpath.dirname(page.name)
        if page.cells and page.name not in self.book.toc:
            folder = posixpath.join("..", posixpath.dirname(page.shown))  # read in Jupyter alone
        return posixpath.normpath(
            posixpath.join("" if path[0] == "/" else folder, path.lstrip("/"))
        )

    def _is_file(self, place: str) -> bool:
        path = self.book.folder / place
        # A notebook is made from its source.
        return path.is_file() or (path.suffix == ".ipynb" and path.with_suffix(".py").is_file())

    def _directive(self, page: Page, piece: Piece) -> None:
        if "link" in piece.options:
            text, line = piece.options["link"]
            kind = piece.options.get("link-type", ("url", 0))[0]
            self._reference(page, Piece("link", text, line, kind))
        if piece.name in ("button-ref", "solution"):
            kind = piece.options.get("ref-type", ("ref", 0))[0]
            self._reference(page, Piece("link", piece.text, piece.line, kind))
        for name in CARD_IMAGES & piece.options.keys():
            text, line = piece.options[name]
            alt = {"alt": piece.options.get("img-alt", ("", line))}
            self._image(page, Piece("image", text, line, piece.name, alt))

    def _role(self, page: Page, piece: Piece) -> None:
        titled = TITLED.match(piece.text)
        target = " ".join((titled[1] if titled else piece.text).split())
        written = f"{{{piece.name}}}`{piece.text}`"
        if piece.name == "term" and target.lower() not in self.terms:
            message = f"{written} names no term of the glossary: define it there, or use **bold**."
            self.say(page.shown, piece.line, message)
        elif piece.name.split(":")[0] == "cite":
            keys = [key.strip() for key in re.sub(r"\{[^}]*\}", "", piece.text).split(",")]
            self.book.cited.update(keys)
            for key in keys:
                if key not in self.book.keys:
                    message = f"{written} names a source that references.bib does not have: {key}."
                    self.say(page.shown, piece.line, message)
        elif piece.name in REFERENCES or piece.name in ("doc", "download"):
            kind = "ref" if piece.name in REFERENCES else piece.name
            self._reference(page, Piece("link", target, piece.line, kind))

    def _reference(self, page: Page, piece: Piece) -> None:
        """Looks for the target of a role or a card, which is a page, a label or an address."""
        if piece.name == "doc":
            self._to_page(page, piece, self._place(page, piece.text))
        elif piece.name == "ref":
            if piece.text.lower() not in self.book.labels.keys() | SPHINX_LABELS:
                message = f"the reference to {piece.text} is dead: no label has this name."
                self.say(page.shown, piece.line, message)
        else:
            self._link(page, piece)

    def _image(self, page: Page, piece: Piece) -> None:
        alt, _ = piece.options.get("alt", ("", 0))
        if not alt.strip():
            what = f"the image {piece.text}" if piece.text else "this image"
            message = f"{what} has no alternative text: say what is to be seen."
            self.say(page.shown, piece.line, message)
        if not piece.text or OUTSIDE.match(piece.text):
            return
        place = self._place(page, unquote(piece.text))
        made = re.fullmatch(r"live/(.+)\.png", place)
        if made and f"live-{made[1]}" not in self.book.tags:
            message = f"the image {piece.text} has no source: no cell is tagged live-{made[1]}."
            self.say(page.shown, piece.line, message)
        elif not made and not self._is_file(place):
            self.say(page.shown, piece.line, f"the image {piece.text} does not exist.")

    def _substitution(self, page: Page, piece: Piece) -> None:
        if self.names is None:
            return
        try:
            tree = jinja2.Environment(autoescape=True).parse(f"{{{{{piece.text}}}}}")
        except jinja2.TemplateSyntaxError as error:
            message = f"{{{{ {piece.text} }}}} can't be read: {error.message}."
            self.say(page.shown, piece.line, message)
            return
        for name in sorted(jinja2.meta.find_undeclared_variables(tree) - {*self.names, "env"}):
            message = f"{{{{ {name} }}}} has no value: the last run gives none of this name."
            self.say(page.shown, piece.line, message)

    def _lists(self) -> None:
        for name, line in self.book.toc.items():
            if name not in self.book.pages:
                folder = chapters.FOLDERS.get(posixpath.dirname(name))
                file = f"{folder}/{posixpath.basename(name)}.py" if folder else f"book/{name}.md"
                message = f"{name} has no source: write {file}, or take the line out."
                self.say("book/_toc.yml", line, message)
        for page in self.book.pages.values():
            if page.name not in self.book.toc and not page.name.startswith("exercises/"):
                message = f"_toc.yml does not list this page: add `file: {page.name}` there."
                self.say(page.shown, 1, message)
        for key, line in self.book.keys.items() if self.uncited else ():
            if key not in self.book.cited:
                message = f"nobody cites {key}: cite it where the text uses it, or delete it."
                self.say("book/references.bib", line, message)


def symbols(formula: str) -> set[str]:
    """Returns the signs of a TeX formula that mean something: letters, names and operators."""
    return set(SYMBOL.findall(WORDS.sub(" ", formula))) - PLACING


def check(
    names: Collection[str] | None = None,
    root: Path = ROOT,
    *,
    uncited: bool = False,
    book: Book | None = None,
) -> list[Finding]:
    """Returns all that is wrong with the book's sources, sorted by page and line.

    Args:
        names: what `{{ name }}` may stand on a page; None leaves these names unchecked.
        root: the folder of the course.
        uncited: whether an entry of references.bib that nobody cites is wrong.
        book: its sources, where they have been read.
    """
    return Check(book or Book(root), names, uncited).run()


def main() -> int:
    """Returns 1 and prints a line for each finding, if there is one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", action="store_true", help="look at the last run's outputs too")
    parser.add_argument("--uncited", action="store_true", help="find sources that nobody cites")
    arguments = parser.parse_args()
    findings = check(uncited=arguments.uncited)
    if arguments.run:
        findings = sorted({*findings, *outputs.check_runs(ROOT)})
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
