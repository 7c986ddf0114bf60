"""The built book, opened from the file system in a real browser: what a reader meets."""

import io
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import book_pages
import book_survey
import pytest
import torch
from book_pages import PHONE_WIDTH, both_themes, page_problems
from fontTools.ttLib import TTFont
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from aigc_utils.plotting import film

browser, page = book_pages.browser, book_pages.page  # fixtures
book, pages, content = book_pages.book, book_pages.pages, book_pages.content

# A word of each chapter, and a term that stands in the glossary.
WORDS = {
    "convolution": "01_cnn.html",
    "discriminator": "02_gan.html",
    "autoencoder": "03_vae.html",
    "tokenizer": "04_gpt.html",
    "stride": "glossary.html",
}


def test_the_font_has_every_sign_of_the_formulas(content: list[Path]) -> None:
    known = TTFont(book_pages.BOOK / "_static" / "math" / "course-math.woff2").getBestCmap()
    for path in content:
        formulas = re.findall(r"<math\b.*?</math>", path.read_text("utf-8"), re.DOTALL)
        signs = set(unescape(re.sub(r"<[^>]*>", "", "".join(formulas)))) - set(" \n")
        lost = [f"{sign} (U+{ord(sign):04X})" for sign in signs if ord(sign) not in known]
        assert not lost, f"{path.name}: course-math.woff2 lacks {lost}"


def test_chapters_are_typeset_and_downloadable(page: Page, book: Path) -> None:
    chapters = sorted((book / "chapters").glob("*.html"))
    assert chapters, "no chapter in the book"
    for path in chapters:
        page.goto(path.as_uri())
        page.wait_for_selector("math", state="attached")
        hrefs = page.locator("a.btn-download-source-button, a.btn-download-notebook-button")
        targets = [a.get_attribute("href") or "" for a in hrefs.all()]
        assert targets, f"{path.name} has no download button"
        assert all(t.endswith(".ipynb") for t in targets), f"{path.name} offers {targets}"


def test_one_can_read_from_the_first_page_to_the_last(
    browser: Browser, content: list[Path]
) -> None:
    seen: list[Path] = []
    context = browser.new_context(java_script_enabled=False)  # a link needs no script
    page = context.new_page()
    page.goto((book_pages.BOOK / "index.html").as_uri())
    while len(seen) < len(content):
        seen.append(Path(unquote(urlsplit(page.url).path)))
        previous = page.locator("a.left-prev")
        assert previous.count() == (len(seen) > 1), f"previous page of {seen[-1].name}"
        if page.locator("a.right-next").count():
            following = page.locator("a.right-next").evaluate("a => a.href")
            page.goto(following, wait_until="domcontentloaded")  # test_survey.py loads its figures
    context.close()
    assert sorted(seen) == content


def test_the_tab_key_goes_through_all_of_a_chapter(page: Page, book: Path) -> None:
    path = book / "chapters" / "01_cnn.html"
    page.goto(path.as_uri())
    walked = book_survey.walk(page)
    assert book_survey.stop_problems(walked) == []
    page.goto(path.as_uri())
    swept = book_survey.sweep(page)
    ways = [[(stop["name"], stop["href"]) for stop in stops] for stops in (walked, swept)]
    assert len(ways[0]) > 100
    assert ways[0] == ways[1]


def press(page: Page, selector: str, key: str) -> None:
    """Puts the focus on the first visible element that fits and presses a key."""
    page.locator(selector).locator("visible=true").first.focus()
    page.keyboard.press(key)


FOLDED = "button.toggle-button, details.admonition > summary"


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_every_control_obeys_the_keyboard(page: Page, book: Path, key: str) -> None:
    page.goto((book / "chapters" / "03_vae.html").as_uri())
    before = page.evaluate("document.documentElement.dataset.mode")
    press(page, ".theme-switch-button", key)
    assert page.evaluate("document.documentElement.dataset.mode") != before

    press(page, ".dropdown-download-buttons > button", key)
    page.locator("a.btn-download-source-button").wait_for(state="visible")
    page.keyboard.press("Escape")

    folded = page.locator(FOLDED).first
    state = "e => e.closest('.toggle-hidden') !== null || e.parentElement.open === false"
    was = folded.evaluate(state)
    press(page, FOLDED, key)
    page.wait_for_timeout(300)
    assert folded.evaluate(state) != was, "the key does not unfold the solution"

    press(page, ".search-button__button", key)
    page.wait_for_function("document.activeElement.matches('dialog[open] input')")
    page.keyboard.type("pooling")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    assert page.url.endswith("search.html?q=pooling")


def test_a_printed_table_keeps_its_columns_on_a_phone(page: Page, book: Path) -> None:
    page.set_viewport_size({"width": PHONE_WIDTH, "height": 740})
    page.goto((book / "chapters" / "03_vae.html").as_uri())
    printed = page.locator("div.cell_output pre")
    table = printed.filter(has_text="Fréchet  precision").first
    lines = table.evaluate(
        "e => { const s = getComputedStyle(e), size = parseFloat; "
        "const text = e.clientHeight - size(s.paddingTop) - size(s.paddingBottom); "
        "return [e.textContent.trim().split('\\n').length, text / size(s.lineHeight)]; }"
    )
    assert abs(lines[0] - lines[1]) < 0.5, f"{lines[0]} lines take the room of {lines[1]:.1f}"
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH
    assert table.evaluate("e => getComputedStyle(e).whiteSpace") == "pre"
    page.goto((book / "exercises" / "03_vae.html").as_uri())
    sentences = page.locator("pre.aligned .sentence")
    assert sentences.count() >= 5
    for width in sentences.evaluate_all("all => all.map(e => e.getBoundingClientRect().right)"):
        assert width <= PHONE_WIDTH, "a sentence among printed columns is cut on a phone"


def test_a_definition_stands_beside_its_first_word(page: Page, book: Path) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto((book / "glossary.html").as_uri())
    apart = page.evaluate(
        """() => {
            const found = [];
            let word = null;
            for (const e of document.querySelector("dl.glossary").children) {
                if (e.tagName === "DT") { word ??= e; continue; }
                const gap = e.getBoundingClientRect().top - word.getBoundingClientRect().top;
                found.push([word.textContent.trim(), Math.round(gap)]);
                word = null;
            }
            return found;
        }"""
    )
    assert len(apart) > 100
    assert [word for word, gap in apart if abs(gap) > 3] == []


def test_the_menus_open_by_keyboard_on_a_phone(page: Page, book: Path) -> None:
    page.set_viewport_size({"width": PHONE_WIDTH, "height": 740})
    page.goto((book / "chapters" / "01_cnn.html").as_uri())
    link = page.locator("nav.bd-links a").locator("visible=true")
    assert link.count() == 0
    press(page, ".primary-toggle", "Enter")
    link.first.wait_for()
    page.keyboard.press("Escape")
    expect(link).to_have_count(0, timeout=30_000)
    press(page, ".secondary-toggle", "Enter")
    page.locator("nav.page-toc a").locator("visible=true").first.wait_for()


# Whether the contents mark something within a section.
MARKED = """e => [...document.querySelectorAll("nav.page-toc a.active")].some(
  a => [e, ...e.querySelectorAll("[id]")].some(inside => "#" + inside.id === a.hash))"""


def test_the_contents_follow_the_reader(page: Page, book: Path) -> None:
    page.goto((book / "chapters" / "01_cnn.html").as_uri())
    sections = page.locator(".bd-article > section > section")
    for number in (1, sections.count() - 2):
        section = sections.nth(number)
        section.evaluate("e => e.scrollIntoView({behavior: 'instant'})")
        page.wait_for_timeout(300)
        page.wait_for_function(MARKED, arg=section.element_handle(), timeout=30_000)
        marked = page.locator("nav.page-toc a.active").evaluate_all("all => all.map(a => a.hash)")
        inside = section.evaluate("e => [e, ...e.querySelectorAll('[id]')].map(e => '#' + e.id)")
        assert set(marked) & set(inside), f"at {inside[0]} the contents mark {marked}"
        last = page.locator("nav.page-toc a.active").last
        box = last.evaluate(
            "e => [e.getBoundingClientRect().top, e.getBoundingClientRect().bottom]"
        )
        assert 0 < box[0] < box[1] <= 900, f"the mark of {marked[-1]} is out of sight"


def test_the_search_names_the_glossarys_words(page: Page, book: Path) -> None:
    page.goto((book / "search.html").as_uri() + "?q=attention")
    page.wait_for_selector("#search-results li a[data-word]")
    found = page.locator("#search-results li a[data-word]").all_inner_texts()
    assert found[0] == "Glossary: attention"
    assert len(set(found)) == len(found) > 1


@pytest.mark.parametrize(("word", "target"), WORDS.items())
def test_the_search_leads_to_the_page(page: Page, book: Path, word: str, target: str) -> None:
    page.context.set_offline(True)
    errors: list[str] = []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.goto((book / "search.html").as_uri() + f"?q={word}")
    page.wait_for_selector("#search-results li a")
    hits = page.locator("#search-results li a").evaluate_all("all => all.map(a => a.href)")
    names = [Path(unquote(urlsplit(hit).path)).name for hit in hits]
    assert target in names, f"{word} leads to {names}"
    page.locator("#search-results li a").nth(names.index(target)).click()
    page.wait_for_load_state()
    assert Path(unquote(urlsplit(page.url).path)).name == target
    text = page.locator("#main-content").inner_text()
    assert re.search(word, text, re.IGNORECASE), f"{target} does not speak of {word}"
    assert not errors


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
