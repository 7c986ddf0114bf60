"""One page out of the built book: every page in the contents' order, with names that don't clash.

Each page keeps its HTML. Its ids get the page's name in front, since four chapters may each have
a "summary", and its links turn into links within the one page.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag
from sphinx_external_toc.parsing import parse_toc_yaml

# What serves a reader at a screen, and the drawings for the dark theme.
UNWANTED = "script, .headerlink, .only-dark, .toctree-wrapper, .course-actions, .toggle-button"
ID_LISTS = ("for", "headers", "aria-labelledby", "aria-describedby", "aria-controls")
UNKNOWN_PAGE = "000"


class BookError(Exception):
    """The built book can't be printed; the text says what to do."""


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


def slug(name: str) -> str:
    """Returns a page's name as an id: `chapters/01_cnn` is `chapters-01_cnn`."""
    return name.replace("/", "-")


def anchor(page: str, name: str) -> str:
    """Returns the id in the one page of what a page calls `name`."""
    return f"{slug(page)}--{name}" if name else slug(page)


def read_page(pages: Path, name: str) -> BeautifulSoup:
    """Returns a built page; raises BookError if it isn't there."""
    path = pages / f"{name}.html"
    if not path.is_file():
        raise BookError(f"The page {name}.html is not built: run `make book` first.")
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def rename(article: Tag, page: str) -> None:
    """Puts the page's name before each id, and before each mention of one."""
    ids = {str(tag["id"]) for tag in article.select("[id]")}
    known = re.compile(r"#([\w-]+)")

    def renamed(match: re.Match[str]) -> str:
        return f"#{anchor(page, match[1])}" if match[1] in ids else match[0]

    for tag in article.find_all(True):
        if tag.get("id"):
            tag["id"] = anchor(page, str(tag["id"]))
        for key in ID_LISTS:
            if key in tag.attrs:
                value = tag[key]
                names = value.split() if isinstance(value, str) else list(value)
                tag[key] = " ".join(anchor(page, name) for name in names)
        if tag.name == "input" and tag.get("name"):
            tag["name"] = anchor(page, str(tag["name"]))
        if tag.name == "style":
            tag.string = known.sub(renamed, tag.get_text())
        for key, value in tag.attrs.items():
            drawn = isinstance(value, str) and "url(#" in value
            if drawn or (tag.name == "use" and key.endswith("href")):
                tag[key] = known.sub(renamed, str(value))


def relink(article: Tag, page: str, names: set[str]) -> None:
    """Turns links to pages of the book into links within the one page.

    Links to the web stay. What is neither, a download or the index of terms, becomes plain text.
    """
    for link in article.select("a[href]"):
        parts = urlsplit(str(link["href"]))
        if parts.scheme in ("http", "https", "mailto"):
            continue
        path = os.path.normpath(Path(page).parent / unquote(parts.path)).replace(os.sep, "/")
        target = page if not parts.path else path.removesuffix(".html")
        if target in names and (not parts.path or path.endswith(".html")):
            link["href"] = "#" + anchor(target, unquote(parts.fragment))
        else:
            link.unwrap()


def relocate(tag: Tag, key: str, folder: Path, target: Path) -> None:
    """Makes an address that is relative to `folder` relative to the folder `target`."""
    parts = urlsplit(str(tag[key]))
    if not parts.scheme and parts.path:
        tag[key] = os.path.relpath(folder / unquote(parts.path), target).replace(os.sep, "/")


def unfold(article: Tag) -> None:
    """Opens what a reader opens by a click, and drops what only a script uses."""
    for tag in article.select(UNWANTED):
        tag.decompose()
    for tag in article.select("details"):
        tag["open"] = ""
    for tag in article.select("[data-weights]"):
        del tag["data-weights"]
    for card in article.select(".sd-card:has(a.sd-stretched-link)"):
        link, title = card.select_one("a.sd-stretched-link"), card.select_one(".sd-card-title")
        if link and title:  # a link of no size can't be clicked on paper: the title takes it over
            link.clear()
            link["class"] = "reference internal"
            title.wrap(link.extract())


def aim(article: Tag) -> None:
    """Moves the names of a section to its heading.

    A section may begin at the foot of a sheet whose heading moves on to the next one.
    """
    for section in article.select("section[id]"):
        heading = section.find(re.compile("^h[1-6]$"), recursive=False)
        if isinstance(heading, Tag) and not heading.get("id"):
            for mark in heading.find_previous_siblings("span", id=True):
                heading.insert(0, mark.extract())
            heading["id"] = str(section["id"])
            del section["id"]


def prepare(soup: BeautifulSoup, pages: Path, target: Path, page: str, names: set[str]) -> Tag:
    """Returns a page's article, ready to stand beside the others."""
    article = soup.select_one("article.bd-article")
    if article is None or article.h1 is None:
        raise BookError(f"The page {page}.html has no title: give it one, then run `make book`.")
    unfold(article)
    aim(article)
    rename(article, page)
    relink(article, page, names)
    for image in article.select("img[src]"):
        relocate(image, "src", (pages / page).parent, target)
        image["loading"] = "eager"
    return article


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
    styles = head(soups, pages, target)
    articles = {name: prepare(soup, pages, target, name, names) for name, soup in soups}
    root = listed[0].name
    front, rest = split_front(articles[root], root)
    sheets: list[str] = []
    titles: list[str] = []
    lines: list[Line] = []
    for entry in listed:
        if not entry.name:
            lines.append(Line(0, escape(entry.caption), ""))
            continue
        article = rest if entry.name == root else articles[entry.name]
        if article is None or article.h1 is None:
            continue
        lines += contents(article, entry.name, entry.depth)
        name = "" if entry.name == root else f' id="{slug(entry.name)}"'
        sheets.append(
            f'<div class="sheet" id="sheet-{len(titles)}"><div{name}>{article}</div></div>'
        )
        titles.append(article.h1.get_text().strip())
    content_root = os.path.relpath(pages, target).replace(os.sep, "/") + "/"
    html = f"""<!doctype html>
<html lang="en" data-theme="light" data-mode="light" data-content_root="{content_root}">
<head><meta charset="utf-8"><title>{escape(title)}</title>
{styles}
<style>{style}
{running_heads(titles)}</style></head>
<body><div class="bd-article-container">
<div id="title-page"><article class="bd-article" id="{slug(root)}">{front}</article>
<div class="about">{about}</div></div>
<nav id="contents" aria-label="Contents"><h1>Contents</h1>{contents_html(lines)}</nav>
{"".join(sheets)}
</div></body></html>
"""
    check_links(html)
    return html, lines


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


def check_links(html: str) -> None:
    """Raises BookError if a link leads nowhere."""
    soup = BeautifulSoup(html, "html.parser")
    ids = {str(tag["id"]) for tag in soup.select("[id]")}
    for link in soup.select("a[href^='#']"):
        if str(link["href"])[1:] not in ids:
            raise BookError(f"A link leads nowhere, to {link['href']}: mend it, then `make book`.")
