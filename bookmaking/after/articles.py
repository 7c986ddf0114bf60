"""A page's article out of the built book, made ready to stand beside the others on one page.

Its ids get the page's name in front, since four chapters may each have a "summary", and its links
turn into links within the one page.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

# What serves a reader at a screen, and the drawings for the dark theme.
UNWANTED = "script, .headerlink, .only-dark, .toctree-wrapper, .course-actions, .toggle-button"
ID_LISTS = ("for", "headers", "aria-labelledby", "aria-describedby", "aria-controls")


class BookError(Exception):
    """The built book can't be printed; the text says what to do."""


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
