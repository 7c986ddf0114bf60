"""A second build writes what changed, and the search, the links and the numbers stay whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from bookmaking import render
from bookmaking.extensions import incremental
from bookmaking.files import digest, remembered

PAGES = {
    "index": "# Start\n\n```{toctree}\nfirst\nsecond\nglossary\napi/code\n```\n",
    "first": "# The first page\n\nOne *word* here.\n\n(place)=\n## A place\n",
    "second": "# The second page\n\nSee {ref}`place`, {doc}`first` and {term}`stride`.\n",
    "glossary": "# Glossary\n\n```{glossary}\nstride\n  A step.\n\npadding\n  A rim.\n```\n",
    "api/code": "# Code\n\n```{index} single: convolve\n```\nA function.\n",
}


class Book:
    """A little book in a folder, which is built again and again."""

    def __init__(self, folder: Path) -> None:
        self.source, self.out = folder / "source", folder / "out"
        for name, text in PAGES.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.source / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        assert old in PAGES[name]
        self.write(name, PAGES[name].replace(old, new))

    def build(self) -> set[str]:
        """Builds what must be, and returns which pages were written."""
        written: set[str] = set()
        settings = {"extensions": ["myst_parser", incremental.__name__]}
        with patch_docutils(self.source), docutils_namespace():
            app = Sphinx(
                self.source, None, self.out, self.out / ".doctrees", "html", settings,
                status=None,
            )  # fmt: skip
            app.connect("html-page-context", lambda app, page, *rest: written.add(page))
            app.build()
        return written & PAGES.keys()

    def search(self) -> dict[str, Any]:
        text = (self.out / "searchindex.js").read_text(encoding="utf-8")
        found: dict[str, Any] = json.loads(text.removeprefix("Search.setIndex(").rstrip(")"))
        return found


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Book:
    """A little book that has been built once, beside a package of one module."""
    monkeypatch.setattr(incremental, "ROOT", tmp_path)
    (tmp_path / "aigc_utils").mkdir()
    (tmp_path / "aigc_utils" / "code.py").write_text("x = 1\n")
    book = Book(tmp_path)
    assert book.build() == PAGES.keys()
    return book


def test_one_word_writes_one_page_and_the_search_is_that_of_a_new_book(
    book: Book, tmp_path: Path
) -> None:
    entries = book.search()["indexentries"]
    assert {"stride", "padding", "convolve"} <= entries.keys()
    book.change("first", "word", "sentence")
    assert book.build() == {"first", "index"}  # which lists it
    assert book.search()["indexentries"] == entries
    assert book.build() == set()
    fresh = Book(tmp_path / "fresh")
    fresh.change("first", "word", "sentence")
    fresh.build()
    for path in fresh.out.rglob("*.*"):
        if ".doctrees" not in path.parts and path.suffix in (".html", ".js"):
            same = book.out / path.relative_to(fresh.out)
            assert same.read_bytes() == path.read_bytes(), path.name


def test_a_word_of_the_glossary_that_is_no_more_is_not_found(book: Book) -> None:
    book.change("glossary", "padding\n  A rim.", "rim\n  What surrounds.")
    book.build()
    entries = book.search()["indexentries"]
    assert "padding" not in entries
    assert {"stride", "rim", "convolve"} <= entries.keys()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("first", "# The first page", "# The very first page"),
        ("first", "(place)=", "(spot)=\n(place)="),
        ("glossary", "padding\n", "rim\n"),
        ("index", "first\nsecond", "second\nfirst"),
    ],
)
def test_what_other_pages_show_writes_all_pages(book: Book, name: str, old: str, new: str) -> None:
    book.change(name, old, new)
    assert book.build() == PAGES.keys()
    assert book.build() == set()


def test_the_order_in_which_pages_are_read_changes_nothing(book: Book) -> None:
    for name in ("second", "first", "glossary"):
        book.write(name, f"{PAGES[name]}\nOne more line.\n")
        assert book.build() == {name, "index"}


def test_a_page_that_is_gone_leaves_nothing_behind(book: Book) -> None:
    (book.source / "second.md").unlink()
    book.write("index", PAGES["index"].replace("second\n", ""))
    book.build()
    assert not (book.out / "second.html").exists()
    assert "second" not in book.search()["docnames"]


def test_a_change_of_the_package_reads_the_pages_about_code(book: Book, tmp_path: Path) -> None:
    (tmp_path / "aigc_utils" / "code.py").write_text("x = 2\n")
    assert book.build() == {"api/code", "index"}
    assert book.build() == set()


# --- what is rendered at all


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The calls of Jupyter Book in a small course; the last entry of `status` is what it gives."""
    found: list[list[str]] = []
    pages = tmp_path / "book" / "_build" / "html"
    pages.mkdir(parents=True)
    (tmp_path / "bookmaking").mkdir()
    (tmp_path / "book" / "temml").mkdir()
    (tmp_path / "book" / "index.md").write_text("# Start\n")
    (tmp_path / "pyproject.toml").write_text('[tool.course]\nrepository = ""\nbranch = "main"\n')

    def run(command: list[str], **options: Any) -> Any:
        assert not (pages / "index.html").exists()
        found.append(command)
        (pages / "index.html").write_text("<p>")
        return SimpleNamespace(returncode=0)

    for name, path in {"ROOT": tmp_path, "BOOK": tmp_path / "book", "PAGES": pages}.items():
        monkeypatch.setattr(render, name, path)
    monkeypatch.setattr(render, "MARK", pages.parent / "rendered")
    monkeypatch.setattr(render.contents, "write", lambda root: root / "_toc.yml")
    monkeypatch.setattr(render, "book_config", lambda given: tmp_path / "_config.yml")
    monkeypatch.setattr(render.subprocess, "run", run)
    return found


def rendered(calls: list[list[str]], done: bool = True) -> bool:
    """Renders; returns whether all pages were asked for."""
    made_of = render.made_of()
    assert render.render({}) == 0
    if done:
        render.MARK.write_text(made_of)
    return "--all" in calls[-1]


def test_all_is_rendered_at_first_and_after_a_build_that_failed(calls: list[list[str]]) -> None:
    assert rendered(calls)
    assert not rendered(calls, done=False)
    assert rendered(calls)
    assert not rendered(calls)


def test_all_is_rendered_anew_with_another_library_or_another_program(
    calls: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered(calls)
    (tmp_path / "bookmaking" / "lighten.py").write_text("x = 1\n")
    assert rendered(calls)
    assert not rendered(calls)
    (tmp_path / "site" / "sphinx-9.0.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert rendered(calls)


def test_the_book_stands_until_something_changes(calls: list[list[str]], tmp_path: Path) -> None:
    assert not render.stands()
    rendered(calls)
    assert render.stands()
    for name in ("book/index.md", "notebooks/01_x.py", "build/executed/01_x.ipynb", "book/a.svg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("new")
        assert not render.stands(), name
        rendered(calls)
        assert render.stands()
    (tmp_path / "book" / "api").mkdir()
    (tmp_path / "book" / "api" / "made.md").write_text("made")
    assert render.stands()
    (render.PAGES / "index.html").unlink()
    assert not render.stands()


def test_what_is_remembered_is_made_once_for_each_key(tmp_path: Path) -> None:
    made: list[str] = []

    def make(text: str) -> Callable[[], str]:
        return lambda: made.append(text) or text  # type: ignore[func-returns-value]

    path = tmp_path / "folder" / "file"
    assert [remembered(path, "a", make(f"{n}\nmore")) for n in (1, 2)] == ["1\nmore"] * 2
    assert remembered(path, "b", make("3")) == "3"
    assert made == ["1\nmore", "3"]
    (tmp_path / "one").write_text("1")
    before = digest([tmp_path / "one"], "text")
    assert digest([tmp_path / "one"], "other") != before
    (tmp_path / "one").rename(tmp_path / "two")
    assert digest([tmp_path / "two"], "text") != before
