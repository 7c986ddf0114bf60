"""What the tests of the built book share: its pages, a browser, and the checks of one page."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, sync_playwright

BOOK = Path(__file__).resolve().parents[2] / "book" / "_build" / "html"
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
# All that is folded is opened, so that it is looked at too.
UNFOLD = """() => {
  for (const details of document.querySelectorAll("details")) details.open = true;
  for (const button of document.querySelectorAll("button.toggle-button-hidden")) button.click();
}"""

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

# Formulas that the reader sees as TeX, or not at all.
BARE_FORMULAS = """() => [...document.querySelectorAll(".math")]
  .filter(e => !(e.querySelector("math")?.getBoundingClientRect().width > 0)
    || e.querySelector("merror"))
  .map(e => e.textContent.trim().slice(0, 60))"""

# Text whose colour is too close to the background behind it (WCAG 2, level AA).
LOW_CONTRAST = """() => {
  const paint = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const once = (known, key, make) => known.get(key) ?? known.set(key, make()).get(key);
  const colors = new Map(), backs = new Map();
  const rgba = css => once(colors, css, () => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = css;
    paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  });
  const over = (top, below) => top.slice(0, 3).map(
    (c, i) => c * top[3] / 255 + below[i] * (1 - top[3] / 255));
  const light = rgb => {
    const [r, g, b] = rgb.map(c => c / 255).map(
      c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backdrop = e => e === null ? [255, 255, 255] : once(backs, e, () =>
    over(rgba(getComputedStyle(e).backgroundColor), backdrop(e.parentElement)));
  const found = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim(), e = walk.currentNode.parentElement;
    if (!text || e.closest("script, style, noscript, .headerlink")) continue;
    if (!e.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    const back = backdrop(e), front = over(rgba(style.color), back);
    const [low, high] = [light(back), light(front)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    if (ratio >= (large ? 3 : 4.5)) continue;
    const where = `"${text.slice(0, 40)}" in <${e.localName} class="${e.className}">`;
    found.add(`${where} has contrast ${ratio.toFixed(2)}`);
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
    found: list[str] = page.evaluate(BARE_FORMULAS)
    return [f"a formula is not typeset: {text}" for text in found]


def width_problems(page: Page) -> list[str]:
    page.set_viewport_size({"width": PHONE_WIDTH, "height": 740})
    root = "document.documentElement"
    excess: int = page.evaluate(f"() => {root}.scrollWidth - {root}.clientWidth")
    page.set_viewport_size({"width": DESK_WIDTH, "height": 900})
    wide = f"scrolls sideways by {excess} px at a width of {PHONE_WIDTH} px"
    return [wide] if excess > 0 else []


@contextmanager
def watching(page: Page) -> Iterator[list[str]]:
    """Collects what a page says of itself: requests to other hosts, and errors of its scripts."""
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
        yield problems
    finally:
        page.unroute(OUTSIDE)
        for event, listener in listeners:
            page.remove_listener(event, listener)


def open_page_problems(page: Page) -> list[str]:
    """All that is wrong with what the open page shows."""
    checks = (formula_problems, image_problems, link_problems, width_problems)
    problems = [problem for check in checks for problem in check(page)]
    hints = page.locator("link[rel~=preconnect], link[rel~=dns-prefetch]").all()
    return problems + [f"asks another host: {hint.get_attribute('href')}" for hint in hints]


def page_problems(page: Page, path: Path) -> list[str]:
    """All that is wrong with the HTML file at `path`; an empty list for a good page."""
    with watching(page) as problems:
        page.goto(path.as_uri(), wait_until="load")
        found = open_page_problems(page)
    return problems + found


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


@contextmanager
def launched() -> Iterator[Browser]:
    """Yields a headless Chromium or Chrome."""
    names = ("chromium", "chromium-browser", "google-chrome")
    installed = next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=installed, args=CHROMIUM_ARGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as chromium:
        yield chromium


@pytest.fixture(params=["light"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    viewport: Any = {"width": DESK_WIDTH, "height": 900}
    context = browser.new_context(viewport=viewport, color_scheme=request.param)
    yield context.new_page()
    context.close()


both_themes = pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
