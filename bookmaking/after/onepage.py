"""One page out of the built book: every page in the contents' order, with names that don't clash.

Each page keeps its HTML; articles.py makes it ready.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from sphinx_external_toc.parsing import parse_toc_yaml

from .articles import BookError, anchor, prepare, read_page, relocate, slug

UNKNOWN_PAGE = "000"
PAGE = """<!doctype html>
<html lang="en" data-theme="light" data-mode="light" data-content_root="{content_root}">
<head><meta charset="utf-8"><title>{title}</title>
{styles}
<style>{style}</style></head>
<body><div class="bd-article-container">
<div id="title-page"><article class="bd-article" id="{root}">{front}</article>
<div class="about">{about}</div></div>
<nav id="contents" aria-label="Contents"><h1>Contents</h1>{contents}</nav>
{sheets}
</div></body></html>
"""


@dataclass(frozen=True)
class Entry:
    """A page of the book, or the caption of a part when `name` is empty."""

    name: str
    caption: str
    depth: int = 0


@dataclass(frozen=True)
class Line:
    """A line of the table of contents; `target` is empty for the caption of a part."""

    depth: int
    html: str
    target: str


def entries(toc: Path) -> list[Entry]:
    """Returns the captions and the pages that `_toc.yml` lists, the front page first."""
    site = parse_toc_yaml(toc)

    def below(name: str, depth: int) -> Iterator[Entry]:
        yield Entry(name, "", depth)
        for tree in site[name].subtrees:
            if tree.caption and name == site.root.docname:
                yield Entry("", tree.caption)
            for child in tree.files():
                yield from below(child, depth + (name != site.root.docname))

    return list(below(site.root.docname, 0))


def contents(article: Tag, page: str, depth: int) -> list[Line]:
    """Returns a line for the page's title and one for each of its sections."""
    lines = []
    for heading in article.select("h1, h2"):
        copied = BeautifulSoup(heading.decode_contents(), "html.parser")
        for tag in copied.select("a"):
            tag.unwrap()
        for tag in copied.select("[id]"):
            del tag["id"]
        level = depth + (heading.name == "h2")
        lines.append(Line(level, str(copied).strip(), str(heading.get("id") or slug(page))))
    return lines


def contents_html(lines: list[Line]) -> str:
    """Returns the table of contents, with room for the page numbers."""
    rows = []
    for line in lines:
        if not line.target:
            rows.append(f'<p class="toc-part">{line.html}</p>')
            continue
        number = f'<span class="toc-number" data-target="{line.target}">{UNKNOWN_PAGE}</span>'
        rows.append(
            f'<a class="toc-row depth-{line.depth}" href="#{line.target}">'
            f'<span class="toc-name">{line.html}</span>{number}</a>'
        )
    return "\n".join(rows)


def head(soups: list[tuple[str, BeautifulSoup]], pages: Path, target: Path) -> str:
    """Returns the links to all style sheets of the pages."""
    found: dict[str, None] = {}
    for name, soup in soups:
        for tag in soup.select("head link[rel=stylesheet]"):
            relocate(tag, "href", (pages / name).parent, target)
            found[str(tag)] = None
    return "\n".join(found)


def running_heads(titles: list[str]) -> str:
    """Returns a style for each page of the book that puts its title over its sheets."""
    rules = []
    for number, title in enumerate(titles):
        text = json.dumps(title, ensure_ascii=False).replace("<", "\\3c ")
        rules.append(f"@page sheet-{number} {{ @top-right {{ content: {text}; }} }}")
        rules.append(f"#sheet-{number} {{ page: sheet-{number}; }}")
    return "\n".join(rules)


def one_page(
    pages: Path, toc: Path, target: Path, *, title: str, about: str, style: str
) -> tuple[str, list[Line]]:
    """Returns the whole book as one HTML page for the folder `target`, and its contents' lines.

    Args:
        pages: the built book, a folder of HTML files.
        toc: the book's `_toc.yml`.
        target: the folder where the page will be written.
        title: the book's title.
        about: HTML for the foot of the title page.
        style: CSS for the one page.

    Raises:
        BookError: a page isn't built or has no title, or a link leads nowhere.
    """
    listed = entries(toc)
    names = {entry.name for entry in listed if entry.name}
    soups = [(entry.name, read_page(pages, entry.name)) for entry in listed if entry.name]
    styles = head(soups, pages, target)  # before the pages are taken apart
    articles = {name: prepare(soup, pages, target, name, names) for name, soup in soups}
    root = listed[0].name
    front, rest = split_front(articles.pop(root), root)
    sheets, titles, lines = set_out(listed, articles | ({root: rest} if rest else {}))
    html = PAGE.format(
        content_root=os.path.relpath(pages, target).replace(os.sep, "/") + "/",
        title=escape(title),
        styles=styles,
        style=f"{style}\n{running_heads(titles)}",
        root=slug(root),
        front=front,
        about=about,
        contents=contents_html(lines),
        sheets="".join(sheets),
    )
    check_links(html)
    return html, lines


def set_out(
    listed: list[Entry], articles: dict[str, Tag]
) -> tuple[list[str], list[str], list[Line]]:
    """Returns each article as HTML on sheets of its own, the titles, and the contents' lines."""
    sheets: list[str] = []
    titles: list[str] = []
    lines: list[Line] = []
    for entry in listed:
        article = articles.get(entry.name)
        if not entry.name:
            lines.append(Line(0, escape(entry.caption), ""))
        if article is None or article.h1 is None:
            continue
        lines += contents(article, entry.name, entry.depth)
        name = "" if entry.name == listed[0].name else f' id="{slug(entry.name)}"'
        sheets.append(
            f'<div class="sheet" id="sheet-{len(titles)}"><div{name}>{article}</div></div>'
        )
        titles.append(article.h1.get_text().strip())
    return sheets, titles, lines


def split_front(article: Tag, root: str) -> tuple[str, Tag | None]:
    """Returns what stands on the title page, and the front page's sections as a page of its own."""
    top = article.section or article
    front = "".join(
        str(tag) for tag in top.find_all(True, recursive=False) if tag.name != "section"
    )
    sections = top.find_all("section", recursive=False)
    if not sections:
        return front, None
    name = anchor(root, "about-this-book")
    heading = f'<h1 id="{name}">About this book</h1>'
    body = f"<section>{heading}{''.join(map(str, sections))}</section>"
    about = BeautifulSoup(f'<article class="bd-article">{body}</article>', "html.parser").article
    return front, about


class _Names(HTMLParser):
    """Collects what links may lead to, and where they lead."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes an element's name, and a link within the page."""
        for key, value in attrs:
            if value and key == "id":
                self.ids.add(value)
            elif value and key == "href" and tag == "a" and value.startswith("#"):
                self.links.append(value)


def check_links(html: str) -> None:
    """Raises BookError if a link leads nowhere."""
    names = _Names()  # to build the tree of the whole book takes four times as long
    names.feed(html)
    for link in names.links:
        if link[1:] not in names.ids:
            raise BookError(f"A link leads nowhere, to {link}: mend it, then `make book`.")
