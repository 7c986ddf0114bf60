"""The printed book: a tiny one, built here from the book's own settings."""

import re
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from print_checks import Printed, headings, links, problems, resources
from pypdf import PdfReader

import bookmaking
from aigc_utils.plotting import film
from bookmaking import BOOK, pdf
from bookmaking.after.articles import BookError

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


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


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


def test_its_objects_are_packed(printed: Printed) -> None:
    assert b"/ObjStm" in printed.path.read_bytes()


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


def test_the_file_names_its_title_language_and_structure(reader: PdfReader) -> None:
    assert reader.metadata is not None
    assert (reader.metadata.title, bool(reader.metadata.author)) == ("A tiny book", True)
    root: Any = reader.trailer["/Root"]
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert reader.page_mode == "/UseOutlines"
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


# A body's end, and what is wrong with the print of it.
WRONG = [
    (r"<p>\(x\)</p>", "shows raw TeX"),
    (r"<p>\frac{1}{2}</p>", "shows raw TeX"),
    ('<a href="file:///etc">x</a>', "a link leads to file:///etc"),
    ("", "the outline lacks Two"),
    ("", "the contents say 000 for /one, which is on sheet"),
    ("<style>@page { @bottom-right { content: none } }</style>", "does not bear its number"),
]


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the check finds in the print of each wrong body; one browser prints them all."""
    folder, found = tmp_path_factory.mktemp("wrong"), {}
    with pdf.browser_page([]) as page:
        for number, more in enumerate(dict(WRONG)):
            html, target = folder / f"{number}.html", folder / f"{number}.pdf"
            html.write_text(f"<!doctype html>{FOOT}{BODY.format(more)}", encoding="utf-8")
            page.goto(html.as_uri())
            page.pdf(path=target, outline=True, tagged=True, prefer_css_page_size=True)
            found[more] = problems(Printed(target), ["One", "Two"])
    return found


@pytest.mark.parametrize(("more", "problem"), WRONG)
def test_the_check_sees(wrong: dict[str, list[str]], more: str, problem: str) -> None:
    assert any(problem in found for found in wrong[more])
