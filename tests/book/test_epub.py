"""The EPUB: each page XML, each link within it, formulas and pictures where they were."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from bookmaking import epub
from bookmaking.after.articles import BookError

PAGE = """<html><body><article class="bd-article"><section id="top"><h1>{title}</h1>{body}
</section></article></body></html>"""
FIRST = """<p>One<br>line &amp; <a href="two.html#part">two</a>, <a href="two.html">all</a>.</p>
<img src="_images/a.webp" alt="A square."><img src="_static/a.webp" alt="Another.">
<math><mi>x</mi><mo>&lt;</mo></math>
<script>if (a < b) alert(1)</script><input type="checkbox" checked>
<label for="x">Tab\x1b</label><details><p>x</p></details>
<svg viewbox="0 0 1 1" @click="x"><path d="M0 0"></path></svg>"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A built book of two pages; returns the EPUB made of it."""
    pages = {
        "index": PAGE.format(title="The book", body=FIRST),
        "two": PAGE.format(title="Two &amp; more", body='<h2 id="part">Part</h2><p>é 月</p>'),
    }
    for name, text in pages.items():
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
    for folder in ("_images", "_static"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (2, 2)).save(tmp_path / folder / "a.webp")
    toc = "format: jb-book\nroot: index\nchapters:\n  - file: two\n"
    (tmp_path / "_toc.yml").write_text(toc)
    (tmp_path / "_config.yml").write_text("title: A & B\nauthor: Us\n")
    target = tmp_path / "epub" / "book.epub"
    epub.make(tmp_path, tmp_path / "_toc.yml", tmp_path / "_config.yml", target)
    return target


def test_it_is_built_as_readers_expect(book: Path) -> None:
    with zipfile.ZipFile(book) as file:
        first = file.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        assert file.read("mimetype") == b"application/epub+zip"
        assert b'full-path="book/book.opf"' in file.read("META-INF/container.xml")
        package = ElementTree.fromstring(file.read("book/book.opf"))
        space = "{http://www.idpf.org/2007/opf}"
        items = {item.get("href"): item for item in package.iter(f"{space}item")}
        names = {name.removeprefix("book/") for name in file.namelist() if "book/" in name}
        assert names == {*items, "book.opf"}
        assert items["index.xhtml"].get("properties") == "mathml svg"
        assert items["two.xhtml"].get("properties") is None
        order = [item.get("idref") for item in package.iter(f"{space}itemref")]
        assert order == ["index", "two"]
        assert {item.get("media-type") for name, item in items.items() if "webp" in str(name)} == {
            "image/webp"
        }


def test_every_page_is_xml_and_every_link_leads_somewhere(book: Path) -> None:
    with zipfile.ZipFile(book) as file:
        texts = {n: file.read(n).decode() for n in file.namelist() if n.endswith(".xhtml")}
        ids = {name: set(re.findall(r' id="([^"]+)"', text)) for name, text in texts.items()}
        for text in texts.values():
            ElementTree.fromstring(text)
            for link in re.findall(r'<a [^>]*href="([^"]+)"', text):
                name, _, anchor = link.partition("#")
                assert f"book/{name}" in texts
                assert not anchor or anchor in ids[f"book/{name}"]
            for picture in re.findall(r'<img [^>]*src="([^"]+)"', text):
                assert f"book/{picture}" in file.namelist()
    first = texts["book/index.xhtml"]
    assert first.count("pictures/") == 2
    assert 'href="two.xhtml"' in first
    assert (
        '<math xmlns="http://www.w3.org/1998/Math/MathML"><mi>x</mi><mo>&lt;</mo></math>' in first
    )
    assert 'viewBox="0 0 1 1"' in first
    assert '<p class="tab">Tab</p>' in first
    for gone in ("<script", "<input", "@click"):
        assert gone not in first
    assert "月" in texts["book/two.xhtml"]
    assert "Two &amp; more" in texts["book/nav.xhtml"]


def test_a_page_that_is_not_built_is_named(tmp_path: Path) -> None:
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    (tmp_path / "_config.yml").write_text("title: A\nauthor: B\n")
    with pytest.raises(BookError, match=r"index\.html is not built: run `make book` first"):
        epub.make(tmp_path, tmp_path / "_toc.yml", tmp_path / "_config.yml", tmp_path / "a.epub")
