"""Prints the built book as one PDF: `python -m bookmaking.pdf`.

The pages are joined into one (after/onepage.py), set by headless Chromium, and printed twice: the
first print tells on which sheet each section begins, the second one says so in its table of
contents.
"""

from __future__ import annotations

import datetime
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

import pikepdf
import yaml
from playwright.sync_api import Browser, Error, Page, Playwright, Request, sync_playwright
from pypdf import PdfReader

from . import BOOK, PAGES, PDF, ROOT
from .after.articles import BookError
from .after.onepage import one_page
from .sources import contents

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SETTINGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
LICENCE = "Text and figures: CC BY 4.0. Code: MIT."
MARGIN_BOXES = 131  # the first Chromium that prints page numbers which CSS asks for
MOST_PRINTS = 4
WAIT_MS = 300_000

# Waits for fonts and images; returns what went wrong.
SETTLE = """async () => {
  const problems = [];
  for (const formula of document.querySelectorAll(".math"))
    if (!formula.querySelector("math") || formula.querySelector("merror"))
      problems.push(`a formula is not typeset: ${formula.textContent.slice(0, 200)}`);
  await document.fonts.ready;
  await Promise.all([...document.images].map(image => image.decode().catch(() => {
    problems.push(`an image does not load: ${image.getAttribute("src").slice(0, 200)}`);
  })));
  return problems;
}"""

# What is wider than the page is set smaller: paper has no scroll bar. A short block of code stays
# on one sheet, a long one may break.
FIT = """() => {
  const wide = "math[display=block], .pst-scrollable-table-container";
  for (const box of document.querySelectorAll(wide)) {
    const room = box.clientWidth, needed = box.scrollWidth;
    if (needed > room + 1) box.style.fontSize = `${Math.max(50, 98 * room / needed)}%`;
  }
  for (const code of document.querySelectorAll("pre"))
    if (code.offsetHeight < 200) code.style.breakInside = "avoid";
}"""

FILL = """numbers => {
  for (const place of document.querySelectorAll("#contents [data-target]"))
    place.textContent = numbers[place.dataset.target] ?? place.textContent;
}"""


def _launched(playwright: Playwright) -> Browser:
    installed = next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        browser = playwright.chromium.launch(executable_path=installed, args=SETTINGS)
    except Error as error:
        raise BookError(
            "The PDF needs Chromium: run `make browser` or `playwright install chromium` first."
        ) from error
    if int(browser.version.split(".")[0]) < MARGIN_BOXES:
        raise BookError(
            f"The PDF needs Chromium {MARGIN_BOXES} or later, not {browser.version}: "
            "run `playwright install chromium` and take the older one off the PATH."
        )
    return browser


@contextmanager
def browser_page(errors: list[str]) -> Iterator[Page]:
    """Yields a page of a headless Chromium that can't ask another host.

    Raises:
        BookError: there is no Chromium, or one that is too old.
    """
    with sync_playwright() as playwright:
        browser = _launched(playwright)
        # About the width of the paper, so that what measures itself sees what will be printed.
        context = browser.new_context(
            viewport={"width": 658, "height": 930}, color_scheme="light", reduced_motion="reduce"
        )
        context.set_offline(True)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)

        def on_request(request: Request) -> None:
            if not request.url.startswith(("file:", "data:", "blob:", "about:")):
                errors.append(f"the page asks another host: {request.url}")

        page.on("request", on_request)
        page.on("pageerror", lambda error: errors.append(f"a script stops: {error.message}"))
        try:
            yield page
        finally:
            browser.close()


def page_numbers(path: Path) -> dict[str, int]:
    """Returns on which sheet, counted from 1, each named place of a PDF stands."""
    reader = PdfReader(path)
    sheets = {page.indirect_reference: number for number, page in enumerate(reader.pages, 1)}
    found = {}
    for name, place in reader.named_destinations.items():
        reference = place.raw_get("/Page")
        if reference in sheets:
            found[name.removeprefix("/")] = sheets[reference]
    return found


def print_html(html: Path, target: Path, places: list[str]) -> None:
    """Prints an HTML file, with the page numbers of all `places` in its table of contents.

    Raises:
        BookError: a formula or an image is missing, the file asks another host, or the numbers
            don't settle.
    """
    problems: list[str] = []
    shown: dict[str, int] = {}
    with browser_page(problems) as page:
        page.emulate_media(media="print")
        for number in range(MOST_PRINTS):
            # Loaded anew, since Chromium may break the same page differently after a print.
            page.goto(html.as_uri(), wait_until="load")
            problems += page.evaluate(SETTLE)
            if problems:
                raise BookError("The book can't be printed: " + "; ".join(problems[:5]) + ".")
            page.evaluate(FIT)
            page.evaluate(FILL, shown)
            whole = number > 0  # the first print tells the numbers, and that takes neither
            page.pdf(
                path=target, prefer_css_page_size=True, print_background=True,
                outline=whole, tagged=whole,
            )  # fmt: skip
            numbers = page_numbers(target)
            lost = [place for place in places if place not in numbers]
            if lost:
                raise BookError(f"The print lost these places: {', '.join(lost[:5])}.")
            found = {place: numbers[place] for place in places}
            if found == shown and whole:
                return
            shown = found
    raise BookError(f"The page numbers still change after {MOST_PRINTS} prints.")


def finish(path: Path, title: str, author: str) -> None:
    """Writes title and author into a PDF, lets it open with its outline, and packs its objects.

    Chromium writes what tells a reader's voice the order of the text as more than a hundred
    thousand objects of plain text: packed in streams (ISO 32000-2, 7.5.7) they take a fraction.
    """
    with pikepdf.open(path, allow_overwriting_input=True) as book:
        book.docinfo["/Title"] = title
        book.docinfo["/Author"] = author
        book.Root.PageMode = pikepdf.Name.UseOutlines
        book.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def make(pages: Path, toc: Path, config: Path, target: Path) -> None:
    """Prints the book in the folder `pages`, as `toc` orders it, into the file `target`.

    Raises:
        BookError: the book isn't built, something in it can't be printed, Chromium is missing.
    """
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    title, author = str(settings["title"]), str(settings["author"])
    author = author[:1].upper() + author[1:]
    today = datetime.datetime.now(datetime.UTC).date()
    about = f"<p>{escape(author)}</p><p>Printed on {today.day} {today:%B %Y}.</p><p>{LICENCE}</p>"
    style = (BOOK / "pdf.css").read_text(encoding="utf-8").replace("BOOK TITLE", title)
    target.parent.mkdir(parents=True, exist_ok=True)
    html, lines = one_page(pages, toc, target.parent, title=title, about=about, style=style)
    source, draft = target.with_suffix(".html"), target.with_suffix(".draft.pdf")
    source.write_text(html, encoding="utf-8")
    target.unlink(missing_ok=True)  # so that an earlier print can't pass for this one
    try:
        print_html(source, draft, [line.target for line in lines if line.target])
        finish(draft, title, author)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def main() -> int:
    """Returns 0 when the book is printed."""
    try:
        make(PAGES, contents.path(ROOT), BOOK / "_config.yml", PDF)
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The book is printed, {PDF.stat().st_size / 1e6:.1f} MB:\n  {PDF}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
