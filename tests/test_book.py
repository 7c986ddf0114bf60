"""The built book, opened from the file system in a real browser: what a reader meets."""

import io
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, sync_playwright

from aigc_utils.plotting import film

BOOK = Path(__file__).resolve().parent.parent / "book" / "_build" / "html"
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
OUTSIDE = re.compile(r"^(?!file:|data:|blob:|about:)")
PHONE_WIDTH, DESK_WIDTH = 360, 1280
EMPTY_ALTS = {"", "image", "img", "picture", "figure", "fig", "plot", "graph", "chart", "png"}
WRITTEN_BY_SPHINX = {"search", "genindex", "prf-prf"}

# Loads every image, lazy ones too, and waits until each has arrived or failed.
LOAD_IMAGES = """async () => {
  window.scrollTo(0, document.documentElement.scrollHeight);
  for (const img of document.images) img.loading = "eager";
  await Promise.all([...document.images].map(img => img.decode().catch(() => null)));
}"""

# `named` is true where an empty alt text is right: the link around the image says the rest.
READ_IMAGES = """() => [...document.images].map(img => ({
  src: img.getAttribute("src") || "",
  alt: img.getAttribute("alt"),
  width: img.naturalWidth,
  stretch: (() => {
    const style = getComputedStyle(img);
    const sum = (...names) => names.reduce((total, name) => total + parseFloat(style[name]), 0);
    const wide = img.offsetWidth
      - sum("paddingLeft", "paddingRight", "borderLeftWidth", "borderRightWidth");
    const high = img.offsetHeight
      - sum("paddingTop", "paddingBottom", "borderTopWidth", "borderBottomWidth");
    const shown = wide > 8 && high > 8 && img.naturalWidth && img.naturalHeight;
    return shown ? (wide / high) / (img.naturalWidth / img.naturalHeight) : 1;
  })(),
  decorative: ["presentation", "none"].includes(img.getAttribute("role"))
    || img.closest("[aria-hidden=true]") !== null,
  named: (img.closest("a, button")?.textContent || "").trim() !== "",
}))"""

# Text whose colour is too close to the background behind it (WCAG 2, level AA).
LOW_CONTRAST = """() => {
  const paint = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = css => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = css;
    paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };
  const over = (top, below) => top.slice(0, 3).map(
    (c, i) => c * top[3] / 255 + below[i] * (1 - top[3] / 255));
  const light = rgb => {
    const [r, g, b] = rgb.map(c => c / 255).map(
      c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backdrop = node => {
    const layers = [];
    for (let e = node; e; e = e.parentElement) layers.unshift(getComputedStyle(e).backgroundColor);
    return layers.map(rgba).reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const found = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim(), e = walk.currentNode.parentElement;
    if (!text || e.closest("script, style, noscript, .headerlink, mjx-assistive-mml")) continue;
    if (!e.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    const back = backdrop(e), front = over(rgba(style.color), back);
    const [low, high] = [light(back), light(front)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    const where = `"${text.slice(0, 40)}" in <${e.localName} class="${e.className}">`;
    if (ratio < (large ? 3 : 4.5)) found.add(`${where} has contrast ${ratio.toFixed(2)}`);
  }
  return [...found];
}"""


class _Names(HTMLParser):
    """Collects what a fragment can point at."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.update(value for key, value in attrs if key in ("id", "name") and value)


@cache
def anchors(path: Path) -> frozenset[str]:
    parser = _Names()
    parser.feed(path.read_text("utf-8"))
    return frozenset(parser.names)


def image_problems(page: Page) -> list[str]:
    page.evaluate(LOAD_IMAGES)
    problems = []
    for image in page.evaluate(READ_IMAGES):
        name = Path(unquote(urlsplit(image["src"]).path)).name
        if image["width"] == 0:
            problems.append(f"image does not load: {image['src'][:100]}")
        if abs(image["stretch"] - 1) > 0.05:
            problems.append(f"image is distorted: {image['src'][:100]}")
        if image["alt"] == "" and (image["decorative"] or image["named"]):
            continue
        alt = (image["alt"] or "").strip().lower()
        if alt in EMPTY_ALTS or alt in (name.lower(), Path(name).stem.lower()):
            problems.append(f"image without a meaningful alt text: {image['src'][:100]}")
    return problems


def link_problems(page: Page) -> list[str]:
    hrefs = page.evaluate("() => [...new Set([...document.links].map(a => a.href))]")
    problems = []
    for href in hrefs:
        parts = urlsplit(href)
        if parts.scheme != "file":
            continue
        target, fragment = Path(unquote(parts.path)), unquote(parts.fragment)
        dead_anchor = (
            fragment and target.suffix == ".html" and target.is_file()
        ) and fragment not in anchors(target)
        if not target.is_file() or dead_anchor:
            problems.append(f"dead link: {target.name}{'#' if fragment else ''}{fragment}")
    return problems


def formula_problems(page: Page) -> list[str]:
    if page.locator(".math").count() == 0:
        return []
    if page.evaluate("typeof MathJax === 'undefined'"):
        return ["a formula is not typeset: the page has no MathJax"]
    try:
        page.wait_for_function(
            "[...document.querySelectorAll('.math')].every(e => e.querySelector('mjx-container'))",
            timeout=15_000,
        )
    except Error:
        return ["a formula is not typeset"]
    broken = page.locator("mjx-merror").all()
    return [f"a formula is wrong: {e.get_attribute('data-mjx-error')}" for e in broken]


def width_problems(page: Page) -> list[str]:
    page.set_viewport_size({"width": PHONE_WIDTH, "height": 740})
    root = "document.documentElement"
    excess: int = page.evaluate(f"() => {root}.scrollWidth - {root}.clientWidth")
    page.set_viewport_size({"width": DESK_WIDTH, "height": 900})
    wide = f"scrolls sideways by {excess} px at a width of {PHONE_WIDTH} px"
    return [wide] if excess > 0 else []


def page_problems(page: Page, path: Path) -> list[str]:
    """All that is wrong with the HTML file at `path`; an empty list for a good page."""
    problems: list[str] = []

    def on_request(request: Request) -> None:
        if OUTSIDE.match(request.url):
            problems.append(f"asks another host: {request.url}")

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(f"console error: {message.text}")

    def on_page_error(error: Error) -> None:
        problems.append(f"script error: {error.message}")

    listeners: list[tuple[Any, Callable[[Any], None]]] = [
        ("request", on_request),
        ("console", on_console),
        ("pageerror", on_page_error),
    ]
    for event, listener in listeners:
        page.on(event, listener)
    page.route(OUTSIDE, lambda route: route.abort())
    try:
        page.goto(path.as_uri(), wait_until="load")
        for check in (formula_problems, image_problems, link_problems, width_problems):
            problems += check(page)
        hints = page.locator("link[rel~=preconnect], link[rel~=dns-prefetch]").all()
        problems += [f"asks another host: {hint.get_attribute('href')}" for hint in hints]
    finally:
        page.unroute(OUTSIDE)
        for event, listener in listeners:
            page.remove_listener(event, listener)
    return problems


@pytest.fixture(scope="module")
def book() -> Path:
    if not (BOOK / "index.html").is_file():
        pytest.fail("The book is not built: run `make book` first.", pytrace=False)
    return BOOK


@pytest.fixture(scope="module")
def pages(book: Path) -> list[Path]:
    return sorted(p for p in book.rglob("*.html") if "_static" not in p.relative_to(book).parts)


@pytest.fixture(scope="module")
def content(pages: list[Path]) -> list[Path]:
    """The pages that someone wrote, not the search page and the indices."""
    return [p for p in pages if p.stem not in WRITTEN_BY_SPHINX]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    installed = next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=installed, args=CHROMIUM_ARGS)
        yield chromium
        chromium.close()


@pytest.fixture(params=["light"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    viewport: Any = {"width": DESK_WIDTH, "height": 900}
    context = browser.new_context(viewport=viewport, color_scheme=request.param)
    yield context.new_page()
    context.close()


both_themes = pytest.mark.parametrize("page", ["light", "dark"], indirect=True)


def test_every_page_is_sound(page: Page, pages: list[Path]) -> None:
    found = [f"{path.name}: {problem}" for path in pages for problem in page_problems(page, path)]
    assert not found, "\n".join(found)


@both_themes
def test_text_stands_out_from_its_background(page: Page, pages: list[Path]) -> None:
    found = []
    for path in pages:
        page.goto(path.as_uri())
        page.wait_for_timeout(300)  # no colour is caught half-way to the dark theme
        found += [f"{path.name}: {problem}" for problem in page.evaluate(LOW_CONTRAST)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("page", ["dark"], indirect=True)
def test_dark_mode_keeps_figures_on_white(page: Page, content: list[Path]) -> None:
    figures = 0
    for path in content:
        page.goto(path.as_uri())
        body = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert max(map(int, re.findall(r"\d+", body)[:3])) < 64, f"{path.name} is not dark: {body}"
        for image in page.locator(".cell_output img").all():
            figures += 1
            style = image.evaluate(
                "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).filter]"
            )
            assert style == ["rgb(255, 255, 255)", "none"], f"figure in {path.name}"
    assert figures > 0, "no chapter shows a figure"


def test_chapters_are_typeset_and_downloadable(page: Page, book: Path) -> None:
    chapters = sorted((book / "chapters").glob("*.html"))
    assert chapters, "no chapter in the book"
    for path in chapters:
        page.goto(path.as_uri())
        page.wait_for_selector("mjx-container", state="attached")
        hrefs = page.locator("a.btn-download-source-button, a.btn-download-notebook-button")
        targets = [a.get_attribute("href") or "" for a in hrefs.all()]
        assert targets, f"{path.name} has no download button"
        assert all(t.endswith(".ipynb") for t in targets), f"{path.name} offers {targets}"


def test_one_can_read_from_the_first_page_to_the_last(page: Page, content: list[Path]) -> None:
    seen: list[Path] = []
    page.goto((BOOK / "index.html").as_uri())
    while len(seen) < len(content):
        seen.append(Path(unquote(urlsplit(page.url).path)))
        previous = page.locator("a.left-prev")
        assert previous.count() == (len(seen) > 1), f"previous page of {seen[-1].name}"
        if page.locator("a.right-next").count():
            page.goto(page.locator("a.right-next").evaluate("a => a.href"))
    assert sorted(seen) == content


def test_search_finds_a_word_without_a_server(page: Page, book: Path) -> None:
    errors: list[str] = []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.goto((book / "search.html").as_uri() + "?q=convolution")
    page.wait_for_selector("#search-results li a")
    page.wait_for_timeout(500)
    assert not errors


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


# Each frame is darker than the one before, so that the brightness tells which one is shown.
RAMP = film(
    torch.linspace(0, 1, 40)[:, None, None].expand(40, 7, 56),
    alt="A rectangle that grows dark from left to right and starts again.",
    caption="A caption.", seconds=4.0, hold=0.0, still=20, ends=("light", "dark"),
)  # fmt: skip
# The book's own rule for readers who ask for less motion; the film has to stand above it.
BRIEF = "<style>* { animation-duration: 0.01ms !important }</style>"


def greys(page: Page, wait: int = 500) -> list[int]:
    """Returns the brightness of a film at five times."""
    reel = page.get_by_role("img", name="A rectangle that grows dark")
    seen = []
    for _ in range(5):
        page.wait_for_timeout(wait)
        seen.append(Image.open(io.BytesIO(reel.screenshot())).convert("L").getpixel((60, 20)))
    return seen


def test_a_film_plays_until_the_keyboard_stops_it(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "film.html"
    path.write_text(f"<!doctype html><body>{RAMP.html()}</body>", "utf-8")
    assert page_problems(page, path) == []
    assert len(set(greys(page))) > 2
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.get_by_label("pause the film").is_checked()
    page.wait_for_timeout(100)
    assert len(set(greys(page, wait=200))) == 1
    page.keyboard.press("Space")
    assert len(set(greys(page))) > 2


@pytest.mark.parametrize("settings", [{"reduced_motion": "reduce"}, {"media": "print"}])
def test_a_film_shows_its_still_frame(page: Page, settings: Any) -> None:
    page.set_content(BRIEF + RAMP.html())
    page.emulate_media(**settings)
    (grey,) = set(greys(page, wait=150))
    assert abs(grey - 255 * 19 / 39) < 10
    assert not page.get_by_label("pause the film").is_visible()


@both_themes
def test_a_film_keeps_its_shape_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": PHONE_WIDTH, "height": 740})
    page.set_content(RAMP.html())
    box = page.get_by_role("img", name="A rectangle that grows dark").bounding_box()
    assert box is not None
    assert box["width"] <= PHONE_WIDTH
    assert abs(box["width"] / box["height"] - 8) < 0.05
