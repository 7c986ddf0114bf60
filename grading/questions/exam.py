"""Writes questions on paper: an exam for the students, and its key for the instructor."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from .bank import Item, form
from .pictures import drawn
from .texts import as_mathml, blocks, line

STYLE = """
@page { size: A4; margin: 18mm 18mm 20mm;
  @bottom-right { content: counter(page); font: 9pt "Noto Sans", "Liberation Sans", sans-serif; } }
body { font: 10.5pt/1.45 "Source Sans 3", "Noto Sans", "Liberation Sans", Arial, sans-serif;
  color: #20262e; margin: 0; }
h1 { font-size: 16pt; margin: 0 0 2mm; } h2 { font-size: 11pt; margin: 5mm 0 1mm; }
section { break-inside: avoid; } p { margin: 1mm 0; }
ol { list-style: upper-alpha; margin: 1mm 0; padding-left: 8mm; } li { margin: .6mm 0; }
pre { margin: 1mm 0 1mm 4mm; } img { height: auto; max-width: 120mm; }
table { border-collapse: collapse; margin: 1mm 0 1mm 4mm; }
th, td { border: .2mm solid #7d8590; padding: .5mm 3mm; text-align: left; }
.line { border-bottom: .2mm solid #20262e; display: inline-block; width: 70mm; }
.right { font-weight: bold; } .aim { color: #555c66; font-size: 9pt; }
"""


def _page(title: str, body: str) -> str:
    """Returns a page that needs no other file."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        f"</title><style>{STYLE}</style></head><body><main>\n<h1>{escape(title)}</h1>\n{body}"
        "</main></body></html>\n"
    )


def _asked(number: int, item: Item) -> str:
    """Returns a question without its choices."""
    shown, picture = blocks(item.question.text, as_mathml), drawn(item)
    if picture:
        data = base64.b64encode(picture.png).decode()
        shown += f"<p>{picture.tag(f'data:image/png;base64,{data}')}</p>"
    return f"<h2>{number}. {escape(item.kind.title)}</h2>\n{shown}\n"


def exam_page(items: Sequence[Item], title: str) -> str:
    """Returns the students' page: questions and choices, nothing of the key."""
    body = (
        '<p>Name: <span class="line"></span> &#160; Number: <span class="line"></span></p>\n'
        f"<p>Form {form(items[0].seed)}. {len(items)} questions, one point each. Exactly one "
        "choice is right: mark its letter. A calculator is allowed.</p>\n"
    )
    for number, item in enumerate(items, 1):
        choices = "".join(f"<li>{line(c.text, as_mathml)}</li>\n" for c in item.choices)
        body += f"<section>{_asked(number, item)}<ol>\n{choices}</ol></section>\n"
    return _page(title, body)


def key_page(items: Sequence[Item], title: str) -> str:
    """Returns the instructor's page: the letters, and the reason of every choice."""
    letters = "".join(
        f"<tr><td>{number}</td><td>{item.right.letter}</td>"
        f"<td>{escape(item.kind.title)}</td></tr>\n"
        for number, item in enumerate(items, 1)
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("question", "right", "title"))
    body = f"<p>Seed {items[0].seed}: whoever knows it can make this key.</p>\n"
    body += f"<table><thead><tr>{heads}</tr></thead><tbody>\n{letters}</tbody></table>\n"
    for number, item in enumerate(items, 1):
        aims = [f"objective: {item.kind.objective}"]
        aims += [f"misconception: {name}" for name in item.kind.misconceptions]
        aim = f'<p class="aim">{line("; ".join(aims), as_mathml)}</p>'
        choices = "".join(
            f"<li class={'right' if c.right else 'wrong'}>{line(c.text, as_mathml)}"
            f"<p class=aim>{line(c.reason, as_mathml)}</p></li>\n"
            for c in item.choices
        )
        body += f"<section>{_asked(number, item)}{aim}<ol>\n{choices}</ol></section>\n"
    return _page(f"{title}: key", body)


def print_page(html: str, title: str, target: Path) -> None:
    """Prints a page as PDF in the way of the book.

    Raises:
        ValueError: the book's libraries or Chromium are missing, or the page can't be printed.
    """
    try:
        from bookmaking import pdf
        from bookmaking.after.articles import BookError
    except ImportError as error:
        raise ValueError(f"The print needs the `book` and `dev` extras: {error.name}.") from error
    source = target.with_suffix(".html")
    source.write_text(html, encoding="utf-8")
    try:
        pdf.print_html(source, target, [])
        pdf.finish(target, title, "Foundations of AIGC")
    except BookError as error:
        raise ValueError(str(error)) from error
    finally:
        source.unlink()
