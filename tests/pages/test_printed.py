"""The real book in print: see `print_checks`, and test_pdf.py for a tiny one."""

import re
import unicodedata

import pytest
from print_checks import Printed, problems, resources

import bookmaking
from bookmaking import pdf
from bookmaking.after.articles import read_page
from bookmaking.after.onepage import entries
from bookmaking.sources import contents

# What reaches beyond the paper's edge.
TOO_WIDE = """() => [...document.querySelectorAll(
  ".bd-article :is(img, pre, table, figure, p, math, svg)"
)].filter(e => e.getBoundingClientRect().right > document.body.clientWidth + 2
  && e.getBoundingClientRect().width > 2
).map(e => `${e.localName} in ${e.closest("section")?.id}: ${e.textContent.slice(0, 60)}`)"""


@pytest.fixture(scope="module")
def book() -> Printed:
    if not pdf.PDF.is_file():
        pytest.fail("The book is not printed: run `make pdf` first.", pytrace=False)
    return Printed(pdf.PDF)


def test_the_real_book_is_sound(book: Printed) -> None:
    titles = []
    for entry in entries(contents.path(bookmaking.ROOT)):
        if entry.name:
            heading = read_page(bookmaking.PAGES, entry.name).select_one("article.bd-article h1")
            assert heading
            titles.append(heading.get_text().strip().removesuffix("#"))
    assert problems(book, titles) == []
    assert book.path.stat().st_size < 30e6
    assert any(resources(page) for page in book.reader.pages)


def test_the_real_book_has_its_chinese(book: Printed) -> None:
    source = re.sub(r"<[^>]*>", "", book.path.with_suffix(".html").read_text("utf-8"))
    wanted = set(re.findall("[\u3400-\u9fff]", source))
    assert len(wanted) > 20
    lost = wanted - set(unicodedata.normalize("NFKC", "".join(book.texts)))
    assert not lost, f"the print lacks {''.join(sorted(lost))}: run `make font`, then `make pdf`."


def test_nothing_in_the_real_book_reaches_beyond_the_paper(book: Printed) -> None:
    errors: list[str] = []
    with pdf.browser_page(errors) as page:
        page.emulate_media(media="print")
        page.goto(book.path.with_suffix(".html").as_uri())
        assert page.evaluate(pdf.SETTLE) == []
        page.evaluate(pdf.FIT)
        assert page.evaluate(TOO_WIDE) == []
    assert errors == []
