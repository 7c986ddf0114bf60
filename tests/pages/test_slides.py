"""A chapter's slides in a browser at 16:9, light and dark, and in print."""

from __future__ import annotations

from pathlib import Path

import book_pages
import nbformat
import pytest
import torch
from book_pages import LOW_CONTRAST, both_themes, image_problems, watching
from book_survey import violations
from playwright.sync_api import Page
from pypdf import PdfReader

from aigc_utils import plotting
from aigc_utils.plotting.picture import Picture, new_figure
from bookmaking import slides
from bookmaking.runs import decks

browser, page = book_pages.browser, book_pages.page  # fixtures
ALT = "A line that rises from left to right."
STICKS_OUT = """() => {
  const slide = Reveal.getCurrentSlide(), room = slide.closest(".slides").getBoundingClientRect();
  return [...slide.querySelectorAll(":not(aside, aside *)")].filter(e => {
    const box = e.getBoundingClientRect();
    return box.width && (box.bottom > room.bottom + 1 || box.right > room.right + 1);
  }).map(e => e.outerHTML.slice(0, 80));
}"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    figure = new_figure(6.0)
    figure.subplots().plot([0, 1], [0, 1])
    data, about = Picture(figure, ALT)._repr_mimebundle_()
    output = nbformat.v4.new_output("execute_result", data, metadata=about)
    film = plotting.film(torch.rand(3, 28, 28), alt="A square of grey that flickers.", columns=None)
    walk = plotting.explorer(
        [(torch.ones(784, 2), torch.zeros(784))], codes=torch.zeros(2, 2),
        labels=torch.tensor([1, 2]), caption="The plane.",
    )  # fmt: skip
    played = [nbformat.v4.new_output("execute_result", x._repr_mimebundle_()) for x in (film, walk)]
    long = "\n".join(f"A sentence of the summary, and this is number {i}." for i in range(25))
    cells = [
        nbformat.v4.new_markdown_cell("# 1. CNN: a small chapter\n\nIt begins."),
        nbformat.v4.new_markdown_cell("## A part\n\nText with `code` and $x^2$.\n\n$$y = x$$"),
        nbformat.v4.new_code_cell("f()", outputs=[output, *played]),
        nbformat.v4.new_markdown_cell(f"What it shows.\n\n## Summary\n\n{long}"),
    ]
    folder = tmp_path_factory.mktemp("slides")
    (folder / "guesses.toml").write_text('[01_cnn]\n"A part" = ["best_epoch", "softmax_twice"]\n')
    columns = decks.deck(nbformat.v4.new_notebook(cells=cells), "01_cnn", folder)
    return slides.write(columns, folder / "slides")


# It stands first: the print opens a browser of its own, which it can't beside the fixture's.
def test_the_print_has_a_sheet_for_each_slide(made: Path) -> None:
    target = made.with_name("slides.pdf")
    slides.print_slides(made, target)
    reader = PdfReader(target)
    assert len(reader.pages) == 10
    for sheet in reader.pages:
        assert abs(sheet.mediabox.width / sheet.mediabox.height - 16 / 9) < 0.01
    assert reader.metadata is not None
    assert reader.metadata.title == "1. CNN: a small chapter: slides"
    texts = [sheet.extract_text() for sheet in reader.pages]
    assert "What it shows." not in "".join(texts)  # that is the speaker's
    assert "number 24." in texts[-1]


@both_themes
def test_every_slide_fits_and_can_be_read(page: Page, made: Path) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    with watching(page) as problems:
        page.goto(made.as_uri())
        page.wait_for_selector("html[data-fitted]", state="attached")
        count = page.evaluate("Reveal.getTotalSlides()")
        for number in range(count):
            assert page.evaluate(STICKS_OUT) == [], number
            assert page.evaluate(LOW_CONTRAST) == [], number
            page.keyboard.press("Space")
        assert page.evaluate("Reveal.isLastSlide()")
        assert count == 10
        assert image_problems(page) == []
        assert violations(page) == []
    assert problems == []


def test_the_theme_is_the_readers(page: Page, made: Path) -> None:
    page.goto(made.as_uri())
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(colour) != light


def test_the_speaker_has_notes_with_minutes(page: Page, made: Path) -> None:
    page.goto(made.as_uri())
    page.wait_for_selector("html[data-fitted]", state="attached")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    view = opened.value
    view.wait_for_selector(".speaker-controls-notes:has-text('Minute 0 to 1.')")
