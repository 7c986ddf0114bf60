"""What a page tells search engines and cards, and what stands beside the pages at their address."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from docutils import nodes

from bookmaking import BOOK
from bookmaking.after import card, site
from bookmaking.extensions import cards

ADDRESS = "https://owner.example/course/"


def page(*paragraphs: str) -> nodes.Node:
    document = nodes.section()
    document += [nodes.paragraph("", text) for text in paragraphs]
    return document


def test_a_description_is_the_first_paragraph_that_says_something() -> None:
    text = "A network learns to see digits,\nand you see how it does so."
    assert cards.description(page("Short.", text, "Another.")) == " ".join(text.split())
    long = cards.description(page("word " * 60))
    assert len(long) <= cards.LONG + 4
    assert long.endswith("word ...")
    assert cards.description(page("Short.")) == ""
    assert cards.description(None) == ""


def test_tags_are_escaped_and_a_picture_needs_an_address() -> None:
    with_address = cards.tags('A "title" & more', "About <it>", "Book", ADDRESS)
    assert '<meta name="description" content="About &lt;it&gt;">' in with_address
    assert 'property="og:title" content="A &quot;title&quot; &amp; more"' in with_address
    assert f'property="og:image" content="{ADDRESS}_static/card.png"' in with_address
    assert "image" not in cards.tags("A", "", "Book", "")
    assert "description" not in cards.tags("A", "", "Book", "")


def test_the_card_shows_the_books_drawing(tmp_path: Path) -> None:
    drawn = card.draw(BOOK / "_static" / "hero.svg")
    assert drawn.size == (1200, 630)
    colours = {colour for _, colour in drawn.getcolors(2**20) or ()}
    assert len(colours) > 100
    drawn.quantize(64).save(tmp_path / "card.png")
    assert (tmp_path / "card.png").stat().st_size < 100_000
    empty = tmp_path / "empty.svg"
    empty.write_text('<svg viewBox="0 0 9 9"></svg>')
    assert len({colour for _, colour in card.draw(empty).getcolors(2**20) or ()}) < len(colours)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    for name in ("index", "chapters/01_cnn", "search", "genindex", "_static/theme"):
        path = tmp_path / f"{name}.html"
        path.parent.mkdir(exist_ok=True)
        path.write_text("<p>")
    site.write(tmp_path, ADDRESS)
    return tmp_path


def test_the_map_names_the_pages_that_someone_wrote(pages: Path) -> None:
    tree = ElementTree.parse(pages / "sitemap.xml")
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    found = [place.text for place in tree.iter(f"{space}loc")]
    assert found == [f"{ADDRESS}chapters/01_cnn.html", ADDRESS]
    site.write(pages, ADDRESS)  # the page for lost readers is there now
    assert len(list(ElementTree.parse(pages / "sitemap.xml").iter(f"{space}loc"))) == 2


def test_a_lost_reader_finds_home_from_any_depth(pages: Path) -> None:
    text = (pages / "404.html").read_text(encoding="utf-8")
    links = re.findall(r'href="([^"]*)"', text)
    assert links == [ADDRESS, f"{ADDRESS}search.html"]
    assert "src=" not in text
