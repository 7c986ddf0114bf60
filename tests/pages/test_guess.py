"""Questions to guess in a browser: by mouse and keyboard, in both themes, on paper, on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import book_pages
import pytest
from book_pages import LOW_CONTRAST, both_themes, watching
from book_survey import violations
from playwright.sync_api import Browser, Page

from bookmaking import BOOK
from bookmaking.runs import guesses

browser, page = book_pages.browser, book_pages.page  # fixtures
NAMES = ["moved_row", "best_epoch", "softmax_twice"]
PAGE = """<!DOCTYPE html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Questions</title>
<link rel="stylesheet" href="{css}"><style>body {{ background: var(--paper); color: var(--ink);
font-family: sans-serif }} * {{ box-sizing: border-box }} img {{ max-width: 100% }}</style></head>
<body class="bd-content"><main class="bd-article"><h1>Questions</h1><section>{box}</section></main>
<script src="{script}"></script></body></html>"""


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, found = tmp_path_factory.mktemp("guess"), {}
    static = BOOK / "_static"
    box = guesses.box(guesses.asked("01_cnn", NAMES))
    for theme in ("light", "dark"):
        found[theme] = folder / f"{theme}.html"
        html = PAGE.format(
            theme=theme, box=box,
            css=(static / "course.css").as_uri(), script=(static / "guess.js").as_uri(),
        )  # fmt: skip
        found[theme].write_text(html, encoding="utf-8")
    return found


@pytest.fixture
def still(browser: Browser) -> Iterator[Page]:
    """A page without JavaScript."""
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def choice(page: Page, right: bool) -> int:
    """Returns the number of a right or a wrong choice of the first question."""
    marks = page.locator(".guess >> nth=0").locator(".guess-reasons > li").all()
    kinds = [mark.get_attribute("class") == "guess-right" for mark in marks]
    return kinds.index(right)


@both_themes
def test_a_click_tells_the_reason(page: Page, paths: dict[str, Path]) -> None:
    theme = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'")
    with watching(page) as problems:
        page.goto(paths[theme].as_uri())
        guess = page.locator(".guess").first
        said = guess.locator("[aria-live=polite]")
        assert said.inner_text() == ""
        assert not guess.locator("details").is_visible()
        for right, beginning in ((False, "Not this one. "), (True, "Right. ")):
            number = choice(page, right)
            guess.locator("button").nth(number).click()
            reason = guess.locator(".guess-reasons > li").nth(number).text_content()
            assert said.text_content() == reason
            assert (reason or "").startswith(beginning)
        assert guess.locator("button[aria-pressed=true]").count() == 1
        assert guess.locator("details").is_visible()
        guess.locator("summary").click()
        assert page.evaluate(LOW_CONTRAST) == []
        assert violations(page) == []
        stored = "document.cookie + localStorage.length + sessionStorage.length"
        assert page.evaluate(stored) == "00"
    assert problems == []


def test_the_keyboard_answers(page: Page, paths: dict[str, Path]) -> None:
    page.goto(paths["light"].as_uri())
    for _ in range(2):
        page.keyboard.press("Tab")
    focused = page.locator("button:focus")
    assert focused.evaluate("e => parseFloat(getComputedStyle(e).outlineWidth)") >= 2
    for key in ("Enter", "Space"):
        page.keyboard.press(key)
        assert page.locator(".guess").first.locator(".guess-said").inner_text()
        page.keyboard.press("Tab")
    assert page.locator("button[data-told]").count() == 2


def test_a_finger_finds_its_choice_on_a_phone(page: Page, paths: dict[str, Path]) -> None:
    page.goto(paths["light"].as_uri())
    assert book_pages.width_problems(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    heights = page.evaluate("[...document.querySelectorAll('button')].map(b => b.offsetHeight)")
    assert min(heights) >= 44


def test_without_a_script_the_answers_are_folded(still: Page, paths: dict[str, Path]) -> None:
    still.goto(paths["light"].as_uri())
    assert still.locator("button").count() == 0
    assert still.locator(".guess-choice").count() == 4 * len(NAMES)
    guess = still.locator(".guess").first
    assert not guess.locator(".guess-reasons").is_visible()
    guess.locator("summary").click()
    assert guess.locator(".guess-reasons").is_visible()


@pytest.mark.parametrize("script", [True, False])
def test_paper_shows_questions_and_answers(
    page: Page, still: Page, paths: dict[str, Path], script: bool
) -> None:
    view = page if script else still
    view.goto(paths["light"].as_uri())
    view.emulate_media(media="print")
    if script:
        view.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    for guess in view.locator(".guess").all():
        assert guess.locator(".guess-reasons").is_visible()
        assert guess.locator(".guess-choice").first.is_visible()
    assert not view.locator(".guess-said").locator("visible=true").count()
