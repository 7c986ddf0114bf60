"""Sphinx extension: each page says in its head what it is about, for search engines and for cards.

A card is what a message shows of a link: title, description and picture. Its picture needs a full
address, so it is named only where the pages have one.
"""

from __future__ import annotations

from html import escape
from typing import Any

from docutils import nodes

CARD = "_static/card.png"
CARD_ALT = "Five grids of pixels, from noise on the left to the digit four on the right."
SHORT, LONG = 50, 160  # characters of a description


def description(doctree: nodes.Node | None) -> str:
    """Returns a page's first sentences: those of the first paragraph that says more than a line.

    Args:
        doctree: the page; None for one that nobody wrote, such as the index.
    """
    for paragraph in doctree.findall(nodes.paragraph) if doctree else ():
        text = " ".join(paragraph.astext().split())
        if len(text) >= SHORT:
            return text if len(text) <= LONG else f"{text[:LONG].rpartition(' ')[0]} ..."
    return ""


def tags(title: str, about: str, site: str, base: str) -> str:
    """Returns the tags for a page's head.

    Args:
        title: the page's.
        about: its description, or an empty text.
        site: the book's title.
        base: the address of the pages, or an empty text.
    """
    named = {"og:title": title, "og:site_name": site, "og:type": "article"}
    if about:
        named |= {"og:description": about}
    if base:
        named |= {
            "og:image": f"{base}{CARD}", "og:image:alt": CARD_ALT,
            "twitter:card": "summary_large_image",
        }  # fmt: skip
    lines = [f'<meta name="description" content="{escape(about)}">'] if about else []
    lines += [f'<meta property="{name}" content="{escape(text)}">' for name, text in named.items()]
    return "\n".join(lines)


def _add(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    title = app.env.titles[page].astext() if page in app.env.titles else app.config.html_title
    given = tags(title, description(doctree), app.config.html_title, app.config.html_baseurl)
    context["metatags"] = f"{context.get('metatags', '')}\n{given}\n"


def setup(app: Any) -> dict[str, bool]:
    """Adds to each page's head before it is written."""
    app.connect("html-page-context", _add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
