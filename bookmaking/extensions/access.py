"""Sphinx extension: mends what Sphinx writes and a screen reader stumbles over.

axe calls some of these faults serious or critical; tests/pages/book_survey.py asks it on every
page.
"""

from __future__ import annotations

import re
from typing import Any

# A run of Chinese text with its punctuation, or what is let be: a tag, a script, a style sheet.
CHINESE = re.compile(
    r"<(script|style)\b.*?</\1>|<[^>]*>|[\u3400-\u9fff][\u3400-\u9fff\u3000-\u303f\uff00-\uffef]*",
    re.DOTALL,
)
SIGNATURE = re.compile(r'<dt class="sig .*?</dt>', re.DOTALL)


def mended(body: str) -> str:
    """Returns a page's HTML without lists that hold no list items, and with its Chinese marked.

    The parameters of a long signature come as a list of definitions without terms; here each is
    a line of its own. The bibliography calls itself a list, and its entries something else.
    Chinese text says that it is Chinese: then it is read aloud, and drawn, as such.
    """
    body = SIGNATURE.sub(_lines, body).replace(' role="doc-biblioentry"', "")
    body = body.replace('<div role="list" class="citation-list">', '<div class="citation-list">')
    return CHINESE.sub(_named, body)


def _named(text: re.Match[str]) -> str:
    return text[0] if text[0].startswith("<") else f'<span lang="zh">{text[0]}</span>'


def _lines(signature: re.Match[str]) -> str:
    text = signature[0].replace("<dl>", '<span class="sig-lines">').replace("</dl>", "</span>")
    return text.replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")


def _mend(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    context["body"] = mended(context.get("body", ""))


def setup(app: Any) -> dict[str, bool]:
    """Mends each page before it is written."""
    app.connect("html-page-context", _mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
