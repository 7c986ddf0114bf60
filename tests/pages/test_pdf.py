"""The printed book: a tiny one, built here from the book's own settings, and the real one."""

import re
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import torch
import yaml
from pypdf import PdfReader
from pypdf.generic import Destination

import bookmaking
from aigc_utils.plotting import film
from bookmaking import BOOK, pdf
from bookmaking.after.articles import BookError, read_page
from bookmaking.after.onepage import entries
from bookmaking.sources import contents

FRAMES = torch.linspace(0, 1, 40)[:, None, None].expand(40, 7, 56)
REEL = film(FRAMES, alt="A rectangle that grows dark.", caption="A dark reel.").html()
LONG = "value = " + " + ".join(f"term_{k}" for k in range(20)) + " + the_end_of_the_line"

PAGES = {
    "index": """# A tiny book

A lead. [The second summary](two.md#summary)

```{image} _static/logo.svg
:alt: The logo of the course
```

## What is in it

Two pages, and [the web](https://example.org/there).
""",
    "one": r"""# One: *formulas*

A {term}`tensor`, $a^2 + b^2 = c^2$ and {cite:p}`key`. [Two](two.md), [a file](_static/logo.svg).

```{math}
:label: energy
\frac{E}{c^2} = m
```

## Summary

The first summary of {eq}`energy`, worked on in {ref}`task`.
""",
    "two": f"""# Two: what is folded

:::{{exercise}}
:label: task
A task.
:::

:::{{solution}} task
:class: dropdown
A hidden answer.
:::

````{{tab-set}}
```{{tab-item}} First
The first tab.
```
```{{tab-item}} Second
The second tab.
```
````

```python
{LONG}
```

{REEL}

## Summary

The second summary.
""",
    "glossary": "# Glossary\n\n```{glossary}\ntensor\n  A table of numbers.\n```\n",
    "references": "# References\n\n```{bibliography}\n```\n",
}
TOC = """format: jb-book
root: index
parts:
  - caption: The first part
    chapters: [{file: one, sections: [{file: two}]}]
  - caption: The last part
    chapters: [{file: glossary}, {file: references}]
"""
REFERENCE = "@book{key, author = {Ann Author}, title = {A book}, publisher = {P}, year = {1999}}"

# What reaches beyond the paper's edge.
TOO_WIDE = """() => [...document.querySelectorAll(
  ".bd-article :is(img, pre, table, figure, p, math, svg)"
)].filter(e => e.getBoundingClientRect().right > document.body.clientWidth + 2
  && e.getBoundingClientRect().width > 2
).map(e => `${e.localName} in ${e.closest("section")?.id}: ${e.textContent.slice(0, 60)}`)"""


class Printed:
    """A printed book, with the text of each sheet, which pdfium reads fifty times faster."""

    def __init__(self, path: Path) -> None:
        self.path, self.reader = path, PdfReader(path)
        with pypdfium2.PdfDocument(path) as sheets:
            texts = [sheet.get_textpage().get_text_bounded() for sheet in sheets]
        self.texts = ["\n".join(text.splitlines()) for text in texts]


def links(reader: PdfReader) -> list[str]:
    """Returns the targets of all links: a name with "#" before it, or an address."""
    found = []
    for page in reader.pages:
        for mark in page.get("/Annots") or []:
            link: Any = mark.get_object()
            if link["/Subtype"] == "/Link":
                found.append(
                    str(link["/A"]["/URI"])
                    if "/A" in link
                    else "#" + str(link["/Dest"]).removeprefix("/")
                )
    return found


def headings(reader: PdfReader) -> list[tuple[int, str, int]]:
    """Returns level, title and sheet, from 1, of each entry of the outline."""
    found: list[tuple[int, str, int]] = []

    def walk(items: list[Any], level: int) -> None:
        for item in items:
            if isinstance(item, list):
                walk(item, level + 1)
            else:
                assert isinstance(item, Destination)
                number = reader.get_destination_page_number(item)
                found.append((level, str(item.title), -1 if number is None else number + 1))

    walk(reader.outline, 1)
    return found


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def problems(printed: Printed, titles: list[str]) -> list[str]:
    """All that is wrong with a printed book whose pages have these titles."""
    reader, texts = printed.reader, printed.texts
    found = [f"sheet {n} shows raw TeX" for n, t in enumerate(texts, 1) if re.search(RAW, t)]
    names = {"#" + name.removeprefix("/") for name in reader.named_destinations}
    for target in links(reader):
        if target not in names and not target.startswith(("https://", "http://", "mailto:")):
            found.append(f"a link leads to {target}")
    outline = headings(reader)
    shown = [title for level, title, _ in outline if level == 1]
    found += [f"the outline lacks {title}" for title in titles if title not in shown]
    for level, title, sheet in outline:
        missing = [word for word in title.split() if word not in texts[sheet - 1]]
        if level <= 2 and missing:
            found.append(f"{title} is not on sheet {sheet}")
    sheets = {sheet for level, _, sheet in outline if level <= 2}
    told = contents_rows(reader, outline)
    found += [
        f"the contents say {number} for {name}, which is on sheet {sheet}"
        for name, number, sheet in told
        if number != str(sheet)
    ]
    lacking = sheets - {sheet for _, _, sheet in told} - {1, outline_sheet(outline, "Contents")}
    found += [f"the contents lack sheet {sheet}" for sheet in sorted(lacking)]
    found += [
        f"sheet {number} does not bear its number"
        for number, text in enumerate(texts[1:], 2)
        if not bears(text, number)
    ]
    return found


def bears(text: str, number: int) -> bool:
    """Says whether a sheet's number ends one of its first four lines, or the last."""
    first, last = text.splitlines()[:4], text.splitlines()[-1:]
    return any(re.search(rf"(?<![\d.]){number}$", line.rstrip()) for line in first + last)


RAW = r"\\(?:\(|\[|frac|mathbb|text|left|sum|log)\b|\$[^$\n]+\$(?=\s)"


def outline_sheet(outline: list[tuple[int, str, int]], wanted: str) -> int:
    return next(sheet for _, title, sheet in outline if title == wanted)


def contents_rows(
    reader: PdfReader, outline: list[tuple[int, str, int]]
) -> list[tuple[str, str, int]]:
    """Returns name, printed number and true sheet of each line of the table of contents."""
    first = outline_sheet(outline, "Contents")
    last = next(sheet for level, _, sheet in outline if level == 1 and sheet > first)
    rows = []
    for page in reader.pages[first - 1 : last - 1]:
        pieces: list[tuple[float, str]] = []

        def visit(text: str, cm: list[float], tm: list[float], *_: object) -> None:
            x, y = tm[4], tm[5]
            pieces.append((cm[1] * x + cm[3] * y + cm[5], text.strip()))  # noqa: B023

        page.extract_text(visitor_text=visit)
        for mark in page.get("/Annots") or []:
            link: Any = mark.get_object()
            if "/Dest" not in link:
                continue
            low, high = float(link["/Rect"][1]), float(link["/Rect"][3])
            words = " ".join(text for y, text in pieces if low <= y <= high).split()
            number = next((word for word in reversed(words) if word.isdigit()), "nothing")
            target: Any = reader.named_destinations[link["/Dest"]]
            sheet = reader.get_destination_page_number(target)
            rows.append((str(link["/Dest"]), number, -1 if sheet is None else sheet + 1))
    return rows


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny book, built with the settings of the real one."""
    folder = tmp_path_factory.mktemp("book")
    for name, text in PAGES.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    (folder / "_toc.yml").write_text(TOC, encoding="utf-8")
    (folder / "references.bib").write_text(REFERENCE, encoding="utf-8")
    for part in ("_static", "_templates", "_vendor"):
        shutil.copytree(BOOK / part, folder / part)
    config = yaml.safe_load((BOOK / "_config.yml").read_text(encoding="utf-8"))
    config["title"] = "A tiny book"
    (folder / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    code = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", code, "build", str(folder), "-W", "-n", "--quiet"]
    run = subprocess.run(command, cwd=bookmaking.ROOT, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[:3000]
    return folder


@pytest.fixture(scope="module")
def printed(tiny: Path) -> Printed:
    target = tiny / "_build" / "pdf" / "tiny.pdf"
    pdf.make(tiny / "_build" / "html", tiny / "_toc.yml", tiny / "_config.yml", target)
    return Printed(target)


@pytest.fixture(scope="module")
def reader(printed: Printed) -> PdfReader:
    return printed.reader


@pytest.fixture(scope="module")
def text(printed: Printed) -> str:
    return "\n".join(printed.texts)


TITLES = ["One: formulas", "Two: what is folded", "Glossary", "References"]


def test_the_print_is_sound(printed: Printed) -> None:
    assert problems(printed, [*TITLES, "A tiny book", "About this book"]) == []


def test_formulas_are_set(text: str) -> None:
    # The letters of a formula are italic ones, which NFKC takes back to plain ones.
    plain = unicodedata.normalize("NFKC", text)
    assert re.search(r"a\s*2\s*\+\s*b\s*2\s*=\s*c\s*2", plain)


def test_pages_come_in_order_and_each_begins_a_sheet(reader: PdfReader) -> None:
    outline = [(title, sheet) for level, title, sheet in headings(reader) if level == 1]
    assert [title for title, _ in outline] == [
        "A tiny book", "Contents", "About this book", *TITLES,
    ]  # fmt: skip
    sheets = [sheet for _, sheet in outline]
    assert sheets == sorted(set(sheets))


def test_two_headings_of_one_name_stay_apart(printed: Printed, reader: PdfReader) -> None:
    numbers = pdf.page_numbers(printed.path)
    assert numbers["one--summary"] < numbers["two--summary"]
    assert "#two--summary" in links(reader)


def test_links_within_the_book_stay_within_and_others_stay(reader: PdfReader) -> None:
    targets = links(reader)
    for name in ("glossary--term-tensor", "two", "one--equation-energy", "two--task"):
        assert f"#{name}" in targets
    assert any(target.startswith("#references--id") for target in targets)
    assert "https://example.org/there" in targets
    assert not any("logo" in target for target in targets), "a download can't work on paper"


def test_what_is_folded_is_open(text: str) -> None:
    for words in ("A hidden answer", "The first tab", "The second tab", "A dark reel"):
        assert words in text
    assert "pause the film" not in text


def test_code_is_wrapped_not_cut(text: str) -> None:
    assert squeezed(LONG) in squeezed(text)


def test_a_part_has_its_caption_in_the_contents(reader: PdfReader) -> None:
    assert "the first part" in reader.pages[1].extract_text().lower()


def test_the_film_and_the_figures_are_in_the_file(reader: PdfReader) -> None:
    pictures = [image for page in reader.pages for image in resources(page)]
    assert pictures, "no image in the PDF"


def resources(page: Any) -> list[Any]:
    """Returns the images of a sheet, those inside of patterns and forms too."""
    found, seen = [], set()
    waiting = [page.get("/Resources")]
    while waiting:
        held = waiting.pop()
        held = held.get_object() if held is not None else {}
        for kind in ("/XObject", "/Pattern"):
            for part in (held.get(kind) or {}).values():
                if part.idnum in seen:
                    continue
                seen.add(part.idnum)
                thing = part.get_object()
                if thing.get("/Subtype") == "/Image":
                    found.append(thing)
                if "/Resources" in thing:
                    waiting.append(thing["/Resources"])
    return found


def test_the_file_names_its_title_language_and_structure(reader: PdfReader) -> None:
    assert reader.metadata is not None
    assert (reader.metadata.title, bool(reader.metadata.author)) == ("A tiny book", True)
    root: Any = reader.trailer["/Root"]
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    width, height = reader.pages[0].mediabox[2:]
    assert (round(float(width)), round(float(height))) == (595, 842)


def change(path: Path, old: str, new: str) -> Callable[[], None]:
    """Changes a file; the result changes it back."""
    before = path.read_text(encoding="utf-8")
    assert old in before
    path.write_text(before.replace(old, new), encoding="utf-8")
    return lambda: (path.write_text(before, encoding="utf-8"), None)[1]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("<mfrac>", "<merror>", "a formula is not typeset"),
        ("_images/logo.svg", "_images/none.svg", "an image does not load"),
        ("_images/logo.svg", "https://host.invalid/a.png", "asks another host"),
        ("two.html#summary", "two.html#nowhere", "A link leads nowhere, to #two--nowhere"),
        ("<h1>", "<h2>", "has no title"),
    ],
)
def test_what_cannot_be_printed_is_said(tiny: Path, old: str, new: str, problem: str) -> None:
    page = tiny / "_build" / "html" / ("one.html" if "mfrac" in old else "index.html")
    restore = change(page, old, new)
    target = tiny / "_build" / "pdf" / "broken.pdf"
    try:
        with pytest.raises(BookError, match=re.escape(problem)):
            pdf.make(tiny / "_build" / "html", tiny / "_toc.yml", tiny / "_config.yml", target)
    finally:
        restore()
    assert not target.exists()


def test_a_book_that_is_not_built_is_said(tmp_path: Path) -> None:
    with pytest.raises(BookError, match=r"index\.html is not built: run `make book` first"):
        pdf.make(tmp_path, BOOK / "_toc.yml", BOOK / "_config.yml", tmp_path / "a.pdf")


def test_a_missing_browser_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/nonexistent/chromium")
    errors: list[str] = []
    message = "The PDF needs Chromium: run"
    with pytest.raises(BookError, match=message), pdf.browser_page(errors):
        pass


BODY = (
    '<body><h1>A book</h1><h1>Contents</h1><a href="#one">One <b data-target="one">000</b></a>'
    '<h1 id="one" style="break-before: page">One</h1>{}</body>'
)
FOOT = "<style>@page { @bottom-right { content: counter(page) } } h1 { break-after: page }</style>"


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (r"<p>\(x\)</p>", "shows raw TeX"),
        (r"<p>\frac{1}{2}</p>", "shows raw TeX"),
        ('<a href="file:///etc">x</a>', "a link leads to file:///etc"),
        ("", "the outline lacks Two"),
        ("", "the contents say 000 for /one, which is on sheet"),
        ("<style>@page { @bottom-right { content: none } }</style>", "does not bear its number"),
    ],
)
def test_the_check_sees(tmp_path: Path, more: str, problem: str) -> None:
    html, target = tmp_path / "a.html", tmp_path / "a.pdf"
    html.write_text(f"<!doctype html>{FOOT}{BODY.format(more)}", encoding="utf-8")
    with pdf.browser_page([]) as page:
        page.goto(html.as_uri())
        page.pdf(path=target, outline=True, tagged=True, prefer_css_page_size=True)
    assert any(problem in found for found in problems(Printed(target), ["One", "Two"]))


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
