"""All checks of a built page in use, made on one visit: opening a page is what takes the time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from axe_playwright_python.sync_playwright import Axe
from book_pages import (
    DESK_WIDTH,
    LOAD_IMAGES,
    LOW_CONTRAST,
    UNFOLD,
    open_page_problems,
    watching,
)
from playwright.sync_api import Browser, Page

MOST_BYTES = 1_500_000
MOST_MILLISECONDS = 1000
MOST_TRIES = 12
DENSITY = 2
PAPER_WIDTH = 718  # px: A4, 210 mm, less margins of 10 mm
LONG = 3  # sections from which on a page needs contents
MOST_STOPS = 3000
SERIOUS = {"serious", "critical"}

# When the largest thing of the first view stands on the screen, in milliseconds.
FIRST_VIEW = """() => new Promise(done => new PerformanceObserver(list => {
  done(Math.max(...list.getEntries().map(entry => entry.startTime)));
}).observe({type: "largest-contentful-paint", buffered: true}))"""

# Pictures of pixels are meant to show them: they are drawn with `image-rendering: pixelated`.
COARSE = """density => [...document.querySelectorAll(".bd-article img")].flatMap(img => {
  const style = getComputedStyle(img);
  const shown = img.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const drawn = /\\.svg$|^data:image\\/svg/.test(img.src) || style.imageRendering === "pixelated";
  if (drawn || shown <= 0 || img.naturalWidth >= density * shown - 1) return [];
  const name = img.getAttribute("src").slice(-60);
  return [`${name} has ${img.naturalWidth} pixels for ${Math.round(shown)} px`];
})"""

# At a desk, code is read without scrolling sideways; on a phone it must be scrolled.
CUT_CODE = """() => [...document.querySelectorAll(".bd-article pre")]
  .filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1)
  .map(e => `${e.scrollWidth} px of code in ${e.clientWidth}: ${e.textContent.slice(0, 40)}`)"""

# Figures are drawn for white paper; a drawing without paper has a dark version of its own.
UNREADABLE = """() => [...document.querySelectorAll(".bd-article img")].flatMap(img => {
  if (!img.checkVisibility()) return [];
  const style = getComputedStyle(img), name = img.getAttribute("src").slice(-60);
  if (style.filter !== "none") return [`${name} is filtered: ${style.filter}`];
  if (img.matches(".bare")) return /-dark\\.svg/.test(name) ? [] : [`${name} is not for the dark`];
  const white = style.backgroundColor === "rgb(255, 255, 255)";
  return white ? [] : [`${name} stands on ${style.backgroundColor}`];
})"""

# Notes where the focus is, whether one can see it, and whether it is on the screen.
NOTE_STOPS = """() => {
  const marked = e => {
    const style = getComputedStyle(e);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  window.stops = [];
  window.noteStop = () => {
    const e = document.activeElement;
    if (!e || e === document.body) return stops.push(null);
    const box = e.getBoundingClientRect(), label = e.labels?.[0];
    const shown = label && getComputedStyle(e).opacity === "0" ? label : e;
    stops.push({
      what: `<${e.localName} class="${e.className}"> ${(e.textContent || "").trim().slice(0, 30)}`,
      classes: [...e.classList], name: e.localName, href: e.getAttribute("href"),
      sidebar: e.closest(".bd-sidebar-primary") !== null, marked: marked(shown),
      shown: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0,
    });
  };
}"""
# The skip link glides into view; without one there is nothing to wait for.
IN_VIEW = (
    "() => !(document.activeElement.closest('#pst-skip-link')?.getBoundingClientRect().top < 0)"
)
# Pages glide to what has the focus, and a busy machine glides late: it has a hundred frames' time.
STOP_AT_REST = """async () => {
  let stop;
  for (let frame = 0; frame < 100 && !stop?.shown; frame++) {
    if (frame) await new Promise(requestAnimationFrame);
    noteStop();
    stop = stops.pop();
    if (stop === null) break;
  }
  return stop;
}"""
# The same stops without a key, a hundred times faster; test_book.py compares the two on a chapter.
SWEEP = """() => {
  for (const e of document.querySelectorAll("a[href], button, summary, input, [tabindex]")) {
    if (e.tabIndex < 0 || !e.checkVisibility({visibilityProperty: true})) continue;
    e.focus({behavior: "instant"});
    if (document.activeElement === e) noteStop();
  }
  return stops;
}"""
OUT_OF_ORDER = """() => [...document.querySelectorAll("[tabindex]")]
  .filter(e => e.tabIndex > 0).map(e => `the Tab key jumps to <${e.localName}>`)"""

# Axe takes milliseconds for the contrast of each text, so it looks at one of each kind on a page;
# LOW_CONTRAST looks at all. Of one kind are texts whose elements and all around them have the same
# names, classes, roles and computed paint. What is placed over others is looked at one by one. Of a
# single sign, such as a bracket in code, axe decides nothing.
DIFFERENT = ";axe.configure({rules: [{id: 'color-contrast', selector: '*:not([data-alike])'}]})"
ALIKE = """() => {
  const own = ["id", "href", "title", "name", "src", "alt", "data-alike"];
  const paint = ["color", "backgroundColor", "backgroundImage", "opacity", "filter", "textShadow",
    "mixBlendMode", "fontSize", "fontWeight", "clipPath", "overflow", "visibility"];
  const known = new Map(), numbers = new Map(), kinds = new Set();
  const kind = e => {
    if (e === null) return {number: 0, placed: false};
    if (known.has(e)) return known.get(e);
    const up = kind(e.parentElement), style = getComputedStyle(e);
    const said = [...e.attributes].filter(a => !own.includes(a.name)).map(a => [a.name, a.value]);
    const text = JSON.stringify([up.number, e.localName, said, paint.map(name => style[name])]);
    if (!numbers.has(text)) numbers.set(text, numbers.size + 1);
    const placed = up.placed || ["absolute", "fixed"].includes(style.position);
    return known.set(e, {number: numbers.get(text), placed}).get(e);
  };
  for (const e of document.querySelectorAll("body :not(input, select, textarea, option)")) {
    delete e.dataset.alike;
    const texts = [...e.childNodes].filter(node => node.nodeType === Node.TEXT_NODE);
    const {number, placed} = kind(e);
    if (texts.map(node => node.data).join("").trim().length < 2) e.dataset.alike = "";
    else if (!placed && kinds.has(number)) e.dataset.alike = "";
    else if (e.checkVisibility()) kinds.add(number);
  }
}"""
# What the dark can change: colours, and which of two pictures stands there.
THEMED = ["cat.color", "cat.text-alternatives"]

FOLDED = """() => [...document.querySelectorAll("button.toggle-button, details > summary")]
  .filter(e => e.checkVisibility()).length"""

LACKING_CONTENTS = """least => {
  const sections = [...document.querySelectorAll(".bd-article > section > section[id]")];
  const contents = document.querySelector(".bd-sidebar-secondary nav.page-toc");
  if (sections.length < least) return [];
  if (!contents?.checkVisibility()) return ["has no contents"];
  return sections.filter(s => !contents.querySelector(`a[href="#${CSS.escape(s.id)}"]`))
    .map(s => `the contents lack ${s.id}`);
}"""

# What sticks out of the page, and what a box with hidden or scrolled overflow swallows.
CUT = """() => {
  const wide = document.documentElement.clientWidth, found = [];
  const drawn = ":is(pre, svg, math, .visually-hidden, .sr-only)";
  for (const e of document.querySelectorAll(`body :not(${drawn} *, ${drawn}:not(pre))`)) {
    const box = e.getBoundingClientRect();
    if (box.width <= 1 || box.height <= 1) continue;
    const style = getComputedStyle(e);
    if (style.clipPath !== "none" || !e.checkVisibility()) continue;
    const say = what => found.push(
      `<${e.localName} class="${e.className}"> ${e.textContent.trim().slice(0, 40)} ${what}`);
    if (box.right > wide + 1) say(`ends at ${Math.round(box.right)} px`);
    if (style.overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1)
      say(`is cut: ${e.scrollWidth} px in ${e.clientWidth}`);
  }
  return found;
}"""


@dataclass
class Survey:
    """What was found on a page; `problems` by the name of the check."""

    problems: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    milliseconds: float = 0.0


def fresh_page(browser: Browser, theme: Any = "light") -> Page:
    """Returns a page that remembers nothing of another one, and shows changes of colour at once."""
    viewport: Any = {"width": DESK_WIDTH, "height": 900}
    return browser.new_page(viewport=viewport, color_scheme=theme, reduced_motion="reduce")


def count_files(page: Page, found: dict[str, int]) -> None:
    """Notes each file that the page loads from now on, and its size in bytes."""

    def count(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "file":
            file = Path(unquote(parts.path))
            found[file.as_posix()] = file.stat().st_size if file.is_file() else 0

    page.on("request", lambda request: count(request.url))


def weight_problems(files: dict[str, int]) -> list[str]:
    if sum(files.values()) < MOST_BYTES:
        return []
    most = sorted(files.items(), key=lambda item: -item[1])[:5]
    parts = ", ".join(f"{Path(file).name} {size:,}" for file, size in most)
    return [f"loads {sum(files.values()):,} bytes, above all {parts}"]


def first_view(browser: Browser, path: Path) -> float:
    """Returns after how many milliseconds the first view stands, from a cold start."""
    page = fresh_page(browser)
    page.goto(path.as_uri())
    result: float = page.evaluate(FIRST_VIEW)
    page.close()
    return result


def best_view(browser: Browser, path: Path, first: float) -> float:
    """Returns the least of several times: another program may have held up the first ones."""
    tries = [first]
    while min(tries) >= MOST_MILLISECONDS and len(tries) < MOST_TRIES:
        time.sleep(len(tries) - 1)
        tries.append(first_view(browser, path))
    return min(tries)


def violations(page: Page, tags: Sequence[str] = ()) -> list[str]:
    """Returns what axe finds on the open page that is serious or critical.

    Args:
        page: the page.
        tags: of axe's rules, those to be looked at; empty for all that hold by default.
    """
    # `preload` asks for the style sheets again, which a browser refuses for files.
    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
    if tags:  # with tags axe takes rules too that it leaves out else
        options |= {"runOnly": tags, "rules": {"color-contrast-enhanced": {"enabled": False}}}
    page.evaluate(ALIKE)
    results = Axe(AXE_SCRIPT + DIFFERENT).run(page, options=options).response
    return [
        f"{violation['id']} ({violation['impact']}): {node['target']} {node['html'][:150]}"
        for violation in results["violations"]
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]


def walk(page: Page) -> list[dict[str, Any]]:
    """Returns each stop of the Tab key, from the top of the open page to its end."""
    page.evaluate(NOTE_STOPS)
    page.keyboard.press("Tab")
    page.wait_for_function(IN_VIEW)
    stops: list[dict[str, Any]] = []
    for _ in range(MOST_STOPS):
        stop = page.evaluate(STOP_AT_REST)
        if stop is None or (stops and stop == stops[0]):
            return stops
        stops.append(stop)
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not come to the end in {MOST_STOPS} steps")


def sweep(page: Page) -> list[dict[str, Any]]:
    """Returns what `walk` returns, in a hundredth of the time."""
    page.evaluate(NOTE_STOPS)
    page.keyboard.press("Tab")  # from now on the browser marks the focus
    page.wait_for_function(IN_VIEW)
    stops: list[dict[str, Any]] = page.evaluate(SWEEP)
    return stops


def stop_problems(stops: list[dict[str, Any]]) -> list[str]:
    """Returns the stops at which one does not see where one is."""
    unseen = [f"no mark of the focus on {s['what']}" for s in stops if not s["marked"]]
    return unseen + [f"the focus is off the screen on {s['what']}" for s in stops if not s["shown"]]


def keyboard_problems(page: Page) -> list[str]:
    """Returns what the keyboard does not reach on the open page, or reaches unseen."""
    stops = sweep(page)
    found: list[str] = stop_problems(stops) + page.evaluate(OUT_OF_ORDER)
    if not stops or stops[0]["href"] != "#main-content":
        found.append("the first stop does not lead to the text")
    classes = {name for stop in stops for name in stop["classes"]}
    wanted = {"theme-switch-button", "search-button__button"}
    if page.locator(".cell_input div.highlight").count():
        wanted |= {"dropdown-toggle", "copybtn"}
    found += [f"the Tab key misses {name}" for name in sorted(wanted - classes)]
    if not any(stop["sidebar"] and stop["name"] == "a" for stop in stops):
        found.append("the Tab key misses the list of pages")
    reached = sum("toggle-button" in s["classes"] or s["name"] == "summary" for s in stops)
    return found + ["the Tab key misses a folded part"] * (page.evaluate(FOLDED) != reached)


def skip_problems(page: Page) -> list[str]:
    """Returns a problem if the skip link does not lead to the text of the open page."""
    page.evaluate("document.querySelector('#pst-skip-link a').focus()")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    inside = page.evaluate("document.activeElement.closest('#main-content') !== null")
    return [] if inside else ["the skip link does not lead to the text"]


def paper_problems(page: Page) -> list[str]:
    """Returns what is wrong with the open page's printed view, at the width of A4."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER_WIDTH, "height": 1000})
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    found: list[str] = page.evaluate(CUT)
    bars = page.locator(
        ".bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, .prev-next-footer"
    ).locator("visible=true")
    found += [f"on paper stands {bar.get_attribute('class')}" for bar in bars.all()]
    folded = page.locator(".toggle-hidden, details:not([open])").locator("visible=true")
    return found + ["a folded part stays folded"] * folded.count()


def dark_problems(page: Page) -> dict[str, list[str]]:
    """Returns what is found on the open page when its reader's screen turns dark."""
    page.emulate_media(color_scheme="dark")
    page.evaluate(LOAD_IMAGES)
    found = {"figures": page.evaluate(UNREADABLE)}
    found["contrast"] = page.evaluate(LOW_CONTRAST)
    found["axe"] = violations(page, THEMED)
    if page.evaluate("getComputedStyle(document.documentElement).colorScheme") != "dark":
        found["figures"].append("the page is not dark")
    page.emulate_media(color_scheme="light")
    return {f"dark {check}": problems for check, problems in found.items()}


def survey(browser: Browser, path: Path) -> Survey:
    """Returns what is found on a page: at a desk, on a phone, in the dark, on paper."""
    page, result = fresh_page(browser), Survey()
    found = result.problems
    with watching(page) as said:
        count_files(page, result.files)
        page.goto(path.as_uri())
        result.milliseconds = page.evaluate(FIRST_VIEW)
        page.evaluate("() => document.fonts.ready.then(() => null)")
        found["keyboard"] = keyboard_problems(page) + skip_problems(page)
        found["contents"] = page.evaluate(LACKING_CONTENTS, LONG)
        page.evaluate(UNFOLD)
        found["sound"] = open_page_problems(page)
        found["coarse"] = page.evaluate(COARSE, DENSITY)
        found["code"] = page.evaluate(CUT_CODE)
        found["contrast"] = page.evaluate(LOW_CONTRAST)
        found["axe"] = violations(page)
        found["weight"] = weight_problems(result.files)
        found |= dark_problems(page)
        found["paper"] = paper_problems(page)
        found["sound"] += said
    page.close()
    return result


def of_the_reference(path: Path) -> bool:
    """Whether a page is one of the reference, or the index of its names."""
    return path.parent.name == "api" or path.stem in ("api", "genindex")
