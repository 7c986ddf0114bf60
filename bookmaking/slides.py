"""Makes a chapter's slides of its last run: `python -m bookmaking.slides 01`.

`build/slides/01_cnn/` holds `index.html` with all that it loads, and `--pdf` prints it beside that.
reveal.js shows them (`book/reveal`). nbconvert's own template for it is not used: that asks four
other hosts for scripts, and shows cells where a class is to see figures, formulas and questions.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path

from . import BOOK, ROOT, chapters
from .figures import LICENCE
from .files import write_if_new
from .runs.decks import Slide, deck, inline
from .runs.films import Film
from .runs.shown import read_run

FOLDER = ROOT / "build" / "slides"
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: slides</title>
<link rel="stylesheet" href="reveal/reveal.css">
<link rel="stylesheet" href="slides.css">
</head><body>
<main class="reveal"><div class="slides">
{sections}
</div></main>
<script src="reveal/reveal.js"></script>
<script src="reveal/notes.js"></script>
<script src="slides.js"></script>
</body></html>
"""


def _film(film: Film) -> str:
    """Returns a film as HTML; on paper and for readers who ask for less motion it stands still."""
    name, alt = f"figures/film-{film.number:02}", escape(film.alt)
    still = f'<source media="print, (prefers-reduced-motion: reduce)" srcset="{name}.png">'
    return f'<p class="figure"><picture>{still}<img src="{name}.webp" alt="{alt}"></picture></p>'


def _section(slide: Slide, number: int, minute: int) -> str:
    """Returns a slide as HTML, with the speaker's notes under its minutes."""
    level = min(slide.level, 3)
    parts = [f"<h{level}>{inline(slide.heading)}</h{level}>", *slide.body]
    if slide.figure:
        source, alt = f"figures/{slide.figure.number:02}.png", escape(slide.figure.alt)
        parts.append(f'<p class="figure"><img src="{source}" alt="{alt}"></p>')
    if slide.film:
        parts.append(_film(slide.film))
        if slide.film.title != slide.heading:
            parts.append(f"<p>{escape(slide.film.title)}</p>")
    time = f"<p><strong>Minute {minute} to {minute + slide.minutes}.</strong></p>"
    parts.append(f'<aside class="notes">{time}{"".join(slide.notes)}</aside>')
    return f'<section id="slide-{number}">{"".join(parts)}</section>'


def page(columns: Sequence[Sequence[Slide]]) -> str:
    """Returns slides as a page that needs what stands beside it and nothing else."""
    sections, number, minute = [], 0, 0
    for column in columns:
        inside = []
        for slide in column:
            number += 1
            inside.append(_section(slide, number, minute))
            minute += slide.minutes
        sections.append(f"<section>{''.join(inside)}</section>")
    title = escape(columns[0][0].heading)
    return PAGE.format(title=title, sections="\n".join(sections))


def write(columns: Sequence[Sequence[Slide]], target: Path) -> Path:
    """Writes slides and all that they load into a folder; returns the page's path."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copytree(BOOK / "reveal", target / "reveal", dirs_exist_ok=True)
    for name in ("slides.css", "slides.js"):
        shutil.copy(BOOK / "slides" / name, target)
    shutil.copy(BOOK / "_static" / "math" / "course-math.woff2", target)
    for slide in (slide for column in columns for slide in column):
        if slide.figure:
            write_if_new(target / "figures" / f"{slide.figure.number:02}.png", slide.figure.png)
        if slide.film:
            path = target / "figures" / f"film-{slide.film.number:02}.webp"
            write_if_new(path, slide.film.webp(LICENCE))
            write_if_new(path.with_suffix(".png"), slide.film.png())
    path = target / "index.html"
    write_if_new(path, page(columns))
    return path


def print_slides(source: Path, target: Path) -> None:
    """Prints slides, one a sheet.

    Raises:
        ValueError: there is no Chromium, or a slide asks another host.
    """
    from . import pdf  # the slides themselves need no browser
    from .after.articles import BookError

    problems: list[str] = []
    try:
        with pdf.browser_page(problems) as browser:
            browser.set_viewport_size({"width": 1280, "height": 720})
            browser.goto(f"{source.as_uri()}?print-pdf", wait_until="load")
            browser.wait_for_selector("html[data-fitted]", state="attached")
            problems += browser.evaluate(pdf.SETTLE)
            browser.pdf(
                path=target, prefer_css_page_size=True, print_background=True, tagged=True,
                outline=True,
            )  # fmt: skip
            title = browser.title()
    except BookError as error:
        raise ValueError(str(error)) from error
    if problems:
        target.unlink()
        raise ValueError("The slides can't be printed: " + "; ".join(problems[:5]) + ".")
    pdf.finish(target, title, "Foundations of AIGC")


def main(words: Sequence[str] | None = None) -> int:
    """Returns 0 when the slides are made, else 1 with one sentence about what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("chapter", help="its name or number, such as 03")
    parser.add_argument("--pdf", action="store_true", help="print them too; it needs Chromium")
    arguments = parser.parse_args(words)
    try:
        source = chapters.find(ROOT, arguments.chapter)
        columns = deck(read_run(ROOT, source), source.stem, BOOK)
        path = write(columns, FOLDER / source.stem)
        count, minutes = sum(map(len, columns)), sum(s.minutes for c in columns for s in c)
        print(f"{count} slides, about {minutes} minutes:\n  {path}")
        if arguments.pdf:
            print_slides(path, target := path.with_name(f"{source.stem}-slides.pdf"))
            print(f"  {target}")
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
