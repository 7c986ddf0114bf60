"""The checks of the built book themselves: each one sees what it is there for."""

from pathlib import Path
from typing import Any

import book_pages
import book_survey
import pytest
from book_pages import LOW_CONTRAST, page_problems
from PIL import Image
from playwright.sync_api import Browser, Page

browser, page = book_pages.browser, book_pages.page  # fixtures

GOOD_IMAGE = (
    "<img alt='A white square' src='data:image/gif;base64,"
    "R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=='>"
)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<script src='http://host.invalid/a.js'></script>", "asks another host"),
        ("<link rel='stylesheet' href='https://host.invalid/a.css'>", "asks another host"),
        ("<link rel='preconnect' href='https://host.invalid'>", "asks another host"),
        ("<script>fetch('https://host.invalid/x').catch(() => 0)</script>", "asks another host"),
        ("<script>console.error('broken')</script>", "console error: broken"),
        ("<script>throw new Error('broken')</script>", "script error: broken"),
        ("<img alt='A cat on a mat' src='none.png'>", "image does not load: none.png"),
        (GOOD_IMAGE.replace("<img", "<img style='width:40px;height:20px'"), "image is distorted"),
        (GOOD_IMAGE.replace("alt='A white square'", ""), "without a meaningful alt text"),
        (GOOD_IMAGE.replace("A white square", ""), "without a meaningful alt text"),
        (GOOD_IMAGE.replace("A white square", "image"), "without a meaningful alt text"),
        ("<img loading='lazy' alt='cat.png' src='cat.png'>", "without a meaningful alt text"),
        ("<div style='width: 500px'>wide</div>", "scrolls sideways by"),
        ("<a href='none.html'>x</a>", "dead link: none.html"),
        ("<a href='#nowhere'>x</a>", "dead link: page.html#nowhere"),
        (r"<span class='math'>\(x\)</span>", "a formula is not typeset"),
    ],
)
def test_the_check_sees(page: Page, tmp_path: Path, body: str, problem: str) -> None:
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><html><body>{body}</body></html>", "utf-8")
    assert any(problem in found for found in page_problems(page, path))


def test_the_check_passes_a_good_page(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    body = f"<h1 id='top'>Good</h1><a href='#top'>up</a>{GOOD_IMAGE}"
    path.write_text(f"<!doctype html><html><body>{body}</body></html>", "utf-8")
    assert page_problems(page, path) == []


def test_the_check_sees_faint_text(page: Page) -> None:
    page.set_content("<p style='color: #aaa'>faint</p><p>plain</p>")
    found = page.evaluate(LOW_CONTRAST)
    assert len(found) == 1
    assert "faint" in found[0]


def show(page: Page, folder: Path, body: str) -> Path:
    """Opens a page with this body, and returns its path."""
    path = folder / "page.html"
    text = "<!doctype html><html lang=en><title>A</title><body>{}</body></html>"
    path.write_text(text.format(body), "utf-8")
    page.goto(path.as_uri())
    return path


def test_axe_is_at_work(page: Page, tmp_path: Path) -> None:
    frame = "<main><h1>A</h1>{}</main>"
    show(page, tmp_path, frame.format("<p style='color: #aaa'>faint</p><button></button>"))
    found = " ".join(book_survey.violations(page))
    assert "color-contrast (serious)" in found
    assert "button-name (critical)" in found
    show(page, tmp_path, frame.format("<p>plain</p>"))
    assert book_survey.violations(page) == []


def test_axe_looks_at_each_kind_of_text_once(page: Page, tmp_path: Path) -> None:
    faint = "<span class=a>plain</span> <span class=b>faint</span> <span class=b>again</span>"
    show(
        page, tmp_path,
        "<style>.b { color: #aaa }</style><main><h1>A</h1>"
        f"<pre>{faint}</pre><pre style='background: #555'><span class=a>dark</span></pre></main>",
    )  # fmt: skip
    first, second = book_survey.violations(page)
    assert "faint" in first
    assert "dark" in second
    assert len(page.evaluate(LOW_CONTRAST)) == 3


@pytest.mark.parametrize("body", [
    "<style>p:nth-child(3) { color: #aaa }</style><p>plain</p><p>faint</p>",
    "<style>#x { color: #aaa }</style><p>plain</p><p id=x>faint</p>",
    "<style>p { color: #aaa } #x { display: none }</style><p id=x>unseen</p><p>faint</p>",
    "<style>p { color: #aaa }</style><p>.</p><p>faint</p>",
    "<style>i { color: #aaa } i:nth-of-type(1) { opacity: 0 }</style><i>unseen</i> <i>faint</i>",
    "<style>b { position: absolute; z-index: 1; left: 40px } #o { top: 200px } #u { top: 300px }"
    "div { position: absolute; left: 0; top: 280px; width: 400px; height: 90px; background: #333 }"
    "</style><b id=o>plain</b><div></div><b id=u>faint</b>",
], ids=["place", "name", "first hidden", "first short", "first unseen", "over others"])  # fmt: skip
def test_axe_looks_where_texts_of_one_name_differ(page: Page, tmp_path: Path, body: str) -> None:
    show(page, tmp_path, f"<main>{body}<h1>A</h1></main>")
    (found,) = book_survey.violations(page)
    assert "color-contrast" in found
    assert "faint" in found


def test_axe_looks_at_what_the_dark_changes(page: Page, tmp_path: Path) -> None:
    show(
        page, tmp_path,
        "<style>@media (prefers-color-scheme: dark) { p { color: #ddd } }"
        "@media (prefers-color-scheme: light) { img { display: none } }</style>"
        "<main><h1>A</h1><p>faint</p><img width=9 height=9 src=a.png><button></button></main>",
    )  # fmt: skip
    assert "button-name" in book_survey.violations(page)[0]
    found = " ".join(book_survey.dark_problems(page)["dark axe"])
    assert "color-contrast (serious)" in found
    assert "image-alt (critical)" in found
    assert "contrast-enhanced" not in found


def test_the_check_sees_a_stop_without_a_mark(page: Page, tmp_path: Path) -> None:
    body = (
        "<a href='#x' style='outline: 3px solid'>seen</a><a href='#y' style='outline: 0'>unseen</a>"
        "<a href='#z' style='outline: 3px solid; position: fixed; left: -999px'>away</a>"
    )
    show(page, tmp_path, body)
    stops = book_survey.walk(page)
    assert [stop["href"] for stop in stops] == ["#x", "#y", "#z"]
    show(page, tmp_path, body)
    assert book_survey.sweep(page) == stops
    found = book_survey.stop_problems(stops)
    assert len(found) == 2
    assert "unseen" in found[0]
    assert "away" in found[1]


def test_the_check_sees_what_the_keyboard_misses(page: Page, tmp_path: Path) -> None:
    show(page, tmp_path, "<button tabindex=-1 class=toggle-button>more</button><a href='#x'>x</a>")
    found = " ".join(book_survey.keyboard_problems(page))
    for words in ("does not lead to the text", "theme-switch-button", "search-button__button",
                  "the list of pages", "a folded part"):  # fmt: skip
        assert words in found


@pytest.mark.parametrize(("target", "problems"), [("main-content", 0), ("top", 1)])
def test_the_check_sees_a_wrong_skip_link(
    page: Page, tmp_path: Path, target: str, problems: int
) -> None:
    show(
        page, tmp_path,
        f"<div id=pst-skip-link><a href='#{target}'>skip</a></div><div id=top><a href='#x'>x</a>"
        "</div><main id=main-content><a href='#y'>y</a></main>",
    )  # fmt: skip
    assert len(book_survey.skip_problems(page)) == problems


@pytest.mark.parametrize(("contents", "problem"), [
    ("", "has no contents"),
    ("<a href='#s0'>0</a><a href='#s1'>1</a>", "the contents lack s2"),
    ("<a href='#s0'>0</a><a href='#s1'>1</a><a href='#s2'>2</a>", None),
])  # fmt: skip
def test_the_check_sees_lacking_contents(
    page: Page, tmp_path: Path, contents: str, problem: str | None
) -> None:
    sections = "".join(f"<section id=s{number}>x</section>" for number in range(3))
    nav = f"<div class=bd-sidebar-secondary><nav class=page-toc>{contents}</nav></div>"
    article = f"<div class=bd-article><section>{sections}</section></div>"
    show(page, tmp_path, article + (nav if contents else ""))
    found = page.evaluate(book_survey.LACKING_CONTENTS, book_survey.LONG)
    assert found == ([problem] if problem else [])


@pytest.mark.parametrize(("width", "problems"), [(300, 1), (2000, 0)])
def test_the_check_sees_code_that_must_be_scrolled(
    page: Page, tmp_path: Path, width: int, problems: int
) -> None:
    code = f"<pre style='overflow: auto; width: {width}px'>{'x' * 100}</pre>"
    show(page, tmp_path, f"<div class=bd-article>{code}</div>")
    assert len(page.evaluate(book_survey.CUT_CODE)) == problems


@pytest.mark.parametrize(("body", "problem"), [
    ("<div style='width: 900px'>wide</div>", "ends at"),
    ("<pre style='overflow: auto; width: 300px'>" + "x" * 200 + "</pre>", "is cut"),
    ("<div class=bd-sidebar-primary>contents</div>", "on paper stands"),
    ("<details><summary>more</summary>text</details>", "stays folded"),
])  # fmt: skip
def test_the_check_of_paper_sees(page: Page, tmp_path: Path, body: str, problem: str) -> None:
    show(page, tmp_path, body)
    assert any(problem in found for found in book_survey.paper_problems(page))
    show(page, tmp_path, "<p>plain</p>")
    assert book_survey.paper_problems(page) == []


def test_the_weight_counts_scripts_styles_fonts_and_lazy_images(page: Page, tmp_path: Path) -> None:
    for name in ("a.js", "b.css", "c.png", "d.png", "f.woff2"):
        (tmp_path / name).write_bytes(b" " * 1000)
    files: dict[str, int] = {}
    book_survey.count_files(page, files)
    path = show(
        page, tmp_path,
        "<link rel=stylesheet href=b.css><script src=a.js></script>"
        "<style>@font-face {font-family: F; src: url(f.woff2)} p {font-family: F}</style><p>x</p>"
        "<img src=c.png><div style='height: 9000px'></div><img loading=lazy src=d.png>",
    )  # fmt: skip
    page.evaluate(book_pages.LOAD_IMAGES)
    names = {Path(file).name for file in files}
    assert names == {"page.html", "a.js", "b.css", "c.png", "d.png", "f.woff2"}
    assert sum(files.values()) == 5000 + path.stat().st_size


def test_the_check_sees_a_heavy_page() -> None:
    assert book_survey.weight_problems({"a.html": 1_000_000, "b.png": 499_999}) == []
    (problem,) = book_survey.weight_problems({"a.html": 1_000_000, "b.png": 500_000})
    assert problem == "loads 1,500,000 bytes, above all a.html 1,000,000, b.png 500,000"


def test_the_check_sees_a_slow_page(browser: Browser, page: Page, tmp_path: Path) -> None:
    wait = "<script>const end = Date.now() + {}; while (Date.now() < end);</script><p>late</p>"
    path = show(page, tmp_path, wait.format(1100))
    assert book_survey.first_view(browser, path) >= book_survey.MOST_MILLISECONDS
    path.write_text("<!doctype html><p>early</p>", "utf-8")
    best = book_survey.best_view(browser, path, 5000.0)
    assert best < book_survey.MOST_MILLISECONDS


@pytest.mark.parametrize(("size", "problems"), [(150, 1), (200, 0)])
def test_the_check_sees_a_coarse_figure(
    page: Page, tmp_path: Path, size: int, problems: int
) -> None:
    Image.new("L", (size, 9)).save(tmp_path / "a.png")
    show(page, tmp_path, "<div class=bd-article><img src=a.png width=100></div>")
    assert len(page.evaluate(book_survey.COARSE, book_survey.DENSITY)) == problems


@pytest.mark.parametrize(("image", "problem"), [
    ("style='background: #fff; filter: brightness(.8)'", "is filtered"),
    ("", "stands on rgba(0, 0, 0, 0)"),
    ("class=bare", "is not for the dark"),
    ("style='background: #fff'", None),
])  # fmt: skip
def test_the_check_sees_an_unreadable_figure(
    page: Page, tmp_path: Path, image: str, problem: str | None
) -> None:
    show(page, tmp_path, f"<div class=bd-article><img src=a.svg alt='A line' {image}></div>")
    found: Any = page.evaluate(book_survey.UNREADABLE)
    assert (problem in found[0]) if problem else found == []
