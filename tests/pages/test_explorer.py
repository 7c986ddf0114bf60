"""The explorer of a plane of codes: its HTML, and in a browser the digit that PyTorch decodes."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import book_pages
import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Page
from torch import Tensor, nn

from aigc_utils.plotting.explorer import DIGIT_COLORS, explorer

browser, page = book_pages.browser, book_pages.page  # fixtures
ALT = "A plane of codes in which each digit has a region of its own."


def decoder(*sizes: int, activation: type[nn.Module] = nn.ReLU, seed: int = 0) -> nn.Sequential:
    """Returns a decoder from 2 numbers to the probabilities of 784 pixels, with bold weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        steps: list[nn.Module] = []
        for narrow, wide in pairwise((2, *sizes, 784)):
            steps += [nn.Linear(narrow, wide), activation()]
        steps[-1] = nn.Sigmoid()
        for step in steps:
            if isinstance(step, nn.Linear):
                nn.init.normal_(step.weight, std=2 / step.in_features**0.5)
        return nn.Sequential(*steps)


def layers(model: nn.Sequential) -> list[tuple[Tensor, Tensor]]:
    return [(step.weight, step.bias) for step in model if isinstance(step, nn.Linear)]


COURSE_SIZE, SMALL = decoder(256, 64), decoder(16)
CODES = torch.randn(2000, 2, generator=torch.Generator().manual_seed(1))
LABELS = torch.arange(2000) % 10


def html(model: nn.Sequential = SMALL, **options: Any) -> str:
    return explorer(
        layers(model), **{"codes": CODES, "labels": LABELS, "alt": ALT, **options}
    ).html()


def digit(model: nn.Sequential, x: float, y: float) -> Any:
    """Returns the digit as grey pixels, ink dark, shape (28, 28)."""
    return (255 * (1 - model(torch.tensor([x, y])))).detach().round().view(28, 28).numpy()


# --- the HTML -------------------------------------------------------------------------------


def test_a_decoder_of_the_course_makes_a_light_page() -> None:
    assert len(html(COURSE_SIZE)) < 450_000


def test_the_html_says_what_is_to_be_seen_and_needs_nothing_from_outside() -> None:
    shown = explorer(layers(SMALL), codes=CODES, labels=LABELS, alt=ALT, caption="A plane.")
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == f"Explorer: {ALT}"
    page_text = bundle["text/html"]
    assert f'role="img" aria-label="{ALT}"' in page_text
    assert "<figcaption>A plane.</figcaption>" in page_text
    assert page_text.count("<script>") == page_text.count("</script>") == 1
    words = re.sub(r"[A-Za-z0-9+/=]{100,}", "", page_text)  # without the numbers
    assert not re.search(r"https?:|//\w|eval\(|type=.module", words)


def test_without_a_text_of_its_own_an_explorer_counts_its_codes() -> None:
    for count in (1, 7):
        shown = explorer(layers(SMALL), codes=torch.zeros(count, 2), labels=torch.arange(count))
        assert shown.alt.startswith(f"A plane with {count} code{'s' if count > 1 else ''} of real")


def test_every_rule_stays_inside_its_explorer() -> None:
    shown = html()
    (name,) = re.findall(r'<figure id="([^"]+)"', shown)
    (style,) = re.findall(r"<style>(.*)</style>", shown)
    rules = re.findall(r"(?:^|[{}])([^{}@]+)\{", re.sub(r"@media[^{]*", "", style))
    assert rules
    assert all(rule.startswith(f"#{name}") for rule in rules)


def test_the_same_explorer_gives_the_same_bytes_and_another_one_another_name() -> None:
    assert html() == html(codes=CODES.clone())
    others: list[dict[str, Any]] = [
        {}, {"alt": ALT + " Twice."}, {"caption": "Other."}, {"start": (1.0, 0.0)}, {"reach": 2.0},
        {"activation": "silu"}, {"codes": CODES.flip(0)}, {"model": decoder(16, seed=1)},
    ]  # fmt: skip
    names = {re.findall(r'figure id="([^"]+)"', html(**options))[0] for options in others}
    assert len(names) == len(others)


def test_texts_are_escaped() -> None:
    shown = html(alt='Codes < a "plane" & more of it', caption="a < b & </script><b>")
    assert 'aria-label="Codes &lt; a &quot;plane&quot; &amp; more of it"' in shown
    assert "a &lt; b &amp; &lt;/script&gt;&lt;b&gt;" in shown


def test_dots_stand_at_their_codes_in_ten_colours() -> None:
    codes = torch.cat([CODES[:400], torch.tensor([[9.0, 0.0], [0.0, -3.01]])])
    shown = html(codes=codes, labels=LABELS[:402])
    found = re.findall(r'<path data-digit="(\d)" stroke="([^"]+)" d="([^"]*)"', shown)
    assert [color for _, color, _ in found] == list(DIGIT_COLORS)
    assert len(set(DIGIT_COLORS)) == 10
    inside = (codes.abs() <= 3).all(1)
    for name, _, path in found:
        dots = [tuple(map(float, dot)) for dot in re.findall(r"M(\S+) (\S+?)h0", path)]
        expected = codes[inside & (LABELS[:402] == int(name))]
        np.testing.assert_allclose(dots, expected, atol=0.00501)


def test_of_many_codes_five_hundred_are_shown() -> None:
    assert len(re.findall(r"M\S+ \S+?h0", html())) == 500
    assert len(re.findall(r"M\S+ \S+?h0", html(codes=CODES[:0], labels=LABELS[:0]))) == 0


def test_names_of_digits_do_not_hide_each_other() -> None:
    codes = torch.cat([CODES[:100] * 0.01, CODES[100:200] * 0.01 + 1])  # one heap, and one apart
    labels = torch.tensor([0, 1, 2, 3]).repeat(25).tolist() + [7] * 100
    shown = html(codes=codes, labels=torch.tensor(labels))
    found = re.findall(r'translate\((\S+) (\S+)\)"><circle[^>]*/><text[^>]*>(\d)<', shown)
    places = {name: complex(float(x), float(y)) for x, y, name in found}
    assert set(places) == set("01237")
    gaps = [abs(places[a] - places[b]) for a in places for b in places if a < b]
    assert min(gaps) > 16
    assert abs(places["7"] - (1 - 1j) * 254 / 6) < 2  # right and above, as in the plane


def test_the_still_digit_is_the_one_at_the_start() -> None:
    (still,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html(start=(0.5, -1.2)))
    seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(still)))).astype(float)
    assert np.abs(seen - digit(SMALL, 0.5, -1.2)).max() <= 1
    assert np.ptp(seen) > 100


@pytest.mark.parametrize("reach", [0.4, 1.0, 2.5, 3.0, 4.0, 12.0])
def test_a_plane_of_any_reach_has_few_round_numbers(reach: float) -> None:
    shown = html(reach=reach)
    numbers = re.findall(r'text-anchor="end">([^<]+)<', shown)
    assert 5 <= len(numbers) <= 9
    assert "0" in numbers
    assert max(float(number.replace("−", "-")) for number in numbers) <= reach


WEIGHT, BIAS = layers(SMALL)[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": []}, "lead from 2 numbers to 784"),
        ({"layers": layers(SMALL)[:1]}, "lead from 2 numbers to 784"),
        ({"layers": layers(SMALL)[1:]}, "lead from 2 numbers to 784"),
        ({"layers": [layers(SMALL)[0], (WEIGHT, BIAS[:-1])]}, "lead from 2 numbers to 784"),
        ({"layers": [layers(SMALL)[0], (WEIGHT.mT, BIAS)]}, "lead from 2 numbers to 784"),
        ({"layers": [layers(SMALL)[0], (WEIGHT / 0, BIAS)]}, "finite"),
        ({"activation": "tanh"}, "relu, silu"),
        ({"codes": CODES[:, :1]}, "codes"),
        ({"codes": CODES[1:]}, "codes"),
        ({"codes": CODES / 0}, "codes must be finite"),
        ({"labels": LABELS[:, None]}, "labels of the shape"),
        ({"labels": LABELS.float()}, "int64"),
        ({"labels": LABELS + 1}, "from 0 to 9"),
        ({"reach": 0.0}, "reach"),
        ({"reach": float("inf")}, "reach"),
        ({"start": (0.0, 3.1)}, "start must lie"),
        ({"start": (float("nan"), 0.0)}, "start must lie"),
        ({"start": (0.0, 0.0, 0.0)}, "start must lie"),
        ({"alt": "a plane"}, "alternative text"),
    ],
)
def test_bad_input_is_refused(options: dict[str, Any], message: str) -> None:
    good = {"layers": layers(SMALL), "codes": CODES, "labels": LABELS, "alt": ALT}
    arguments = {**good, **options}
    with pytest.raises(ValueError, match=message):
        explorer(arguments.pop("layers"), **arguments)


# --- in the browser -------------------------------------------------------------------------

SHOWN = html(start=(0.5, -1.2))
GREYS = """root => {
  const {data} = root.querySelector("canvas").getContext("2d").getImageData(0, 0, 28, 28);
  return [...data].filter((_, i) => i % 4 === 0);
}"""
# What JupyterLab does with the HTML of a trusted cell.
INSERT = """html => {
  const output = document.createElement("div");
  output.innerHTML = html;
  for (const script of output.querySelectorAll("script")) {
    const fresh = document.createElement("script");
    fresh.textContent = script.textContent;
    script.replaceWith(fresh);
  }
  document.body.append(output);
}"""

Open = Callable[..., Page]


@pytest.fixture
def shown(page: Page, tmp_path: Path) -> Open:
    """A function that opens explorers below each other, in a page with room to scroll."""

    def opened(*explorers: str) -> Page:
        path = tmp_path / "explorer.html"
        body = "<br>".join(explorers or [SHOWN])
        path.write_text(
            f'<!doctype html><meta charset="utf-8"><body>{body}<div style="height:2000px">', "utf-8"
        )
        page.goto(path.as_uri())
        return page

    return opened


def place(page: Page, number: int = 0) -> tuple[float, float]:
    """Returns the coordinates that the page shows; the cross-hair must stand there too."""
    text = page.locator(".live.where").nth(number).inner_text()
    ((x, y),) = re.findall(r"^z = \((-?\d\.\d\d), (-?\d\.\d\d)\)$", text)
    moved = page.locator(".live.hair").nth(number).get_attribute("transform") or ""
    assert tuple(map(float, re.findall(r"-?[\d.]+", moved))) == (float(x), float(y))
    return float(x), float(y)


@pytest.mark.parametrize(("name", "activation"), [("relu", nn.ReLU), ("silu", nn.SiLU)])
def test_javascript_decodes_what_pytorch_decodes(
    shown: Open, name: str, activation: type[nn.Module]
) -> None:
    model = decoder(256, 64, activation=activation)
    page = shown(html(model, activation=name))
    points = torch.rand(200, 2, generator=torch.Generator().manual_seed(2)) * 6 - 3
    decoded = page.locator("figure").evaluate(
        "(root, points) => points.map(([x, y]) => [...root.decode(x, y)])", points.tolist()
    )
    with torch.no_grad():
        expected = model(points)
    error = (torch.tensor(decoded) - expected).abs().max().item()
    print(f"{name}: largest error {error:.1e}")
    assert expected.std(0).mean() > 0.1, "the test would see nothing"
    assert error < 1e-4


def test_the_digit_shown_is_the_one_decoded(shown: Open) -> None:
    page = shown()
    greys = page.locator("figure").evaluate(GREYS)
    assert np.abs(np.array(greys).reshape(28, 28) - digit(SMALL, 0.5, -1.2)).max() <= 1
    page.locator(".plane").press("ArrowUp")
    greys = page.locator("figure").evaluate(GREYS)
    assert np.abs(np.array(greys).reshape(28, 28) - digit(SMALL, 0.5, -1.1)).max() <= 1


def test_a_move_takes_less_than_five_milliseconds(shown: Open) -> None:
    page = shown(html(COURSE_SIZE))
    times = page.locator(".plane").evaluate(
        """plane => Array.from({length: 200}, (_, i) => {
          const key = ["ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"][Math.floor(i / 7) % 4];
          const start = performance.now();
          plane.dispatchEvent(new KeyboardEvent("keydown", {key}));
          return performance.now() - start;
        })"""
    )
    print(f"median {np.median(times):.2f} ms, slowest {max(times):.2f} ms")
    assert np.median(times) < 5


def test_the_keyboard_moves_the_cross_hair_and_not_the_page(shown: Open) -> None:
    page = shown()
    page.evaluate("() => { document.onkeydown = e => { (window.heard ??= []).push(e.key) } }")
    page.keyboard.press("Tab")
    assert place(page) == (0.5, -1.2)
    for keys, expected in {
        "ArrowLeft": (0.4, -1.2), "ArrowUp": (0.4, -1.1), "ArrowRight": (0.5, -1.1),
        "ArrowDown": (0.5, -1.2), "Shift+ArrowRight": (1.0, -1.2), "Shift+ArrowUp": (1.0, -0.7),
        "Home": (0.5, -1.2), "Shift+ArrowLeft": (0.0, -1.2), "a": (0.0, -1.2),
        "Control+ArrowLeft": (0.0, -1.2),
    }.items():  # fmt: skip
        page.keyboard.press(keys)
        assert place(page) == expected, keys
    for _ in range(12):
        page.keyboard.press("Shift+ArrowDown")
    assert place(page) == (0.0, -3.0)
    assert set(page.evaluate("heard")) == {"Tab", "a", "Control", "Shift", "ArrowLeft"}
    plane = page.get_by_role("application")
    assert plane.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.evaluate("scrollTo(0, 30)")
    for key in ("ArrowDown", "Home"):
        page.keyboard.press(key)
        page.wait_for_timeout(200)
        assert page.evaluate("scrollY") == 30, key


def test_the_pointer_drags_the_cross_hair_up_to_the_edge(shown: Open) -> None:
    page = shown()
    box = page.locator(".plot").bounding_box()
    assert box is not None
    unit = box["width"] / 6
    x, y = box["x"] + 3 * unit, box["y"] + 3 * unit
    page.mouse.move(x + 2 * unit, y)
    assert place(page) == (0.5, -1.2), "moved without a press"
    page.mouse.down()
    assert place(page) == pytest.approx((2.0, 0.0), abs=0.03)
    page.mouse.move(x - unit, y - 1.5 * unit)
    assert place(page) == pytest.approx((-1.0, 1.5), abs=0.03)
    page.mouse.move(x + 9 * unit, y + 9 * unit)
    assert place(page) == (3.0, -3.0)
    page.mouse.up()
    page.mouse.move(x, y)
    assert place(page) == (3.0, -3.0), "moved after the release"
    page.mouse.click(x, y, button="right")
    assert place(page) == (3.0, -3.0)
    page.keyboard.press("ArrowLeft")
    assert place(page) == (2.9, -3.0), "a drag must leave the focus on the plane"


def test_a_screen_reader_hears_where_one_is_once_the_moves_rest(shown: Open) -> None:
    page = shown(html(codes=torch.tensor([[0.4, 0.1], [-2.0, 2.0]]), labels=torch.tensor([7, 3])))
    status = page.get_by_role("status")
    plane = page.get_by_role("application", name=ALT)
    status.evaluate(
        """e => new MutationObserver(() => (window.told ??= []).push(e.textContent))
             .observe(e, {childList: true})"""
    )
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    for _ in range(3):
        plane.press("ArrowRight")
    assert status.inner_text() == ""
    page.clock.run_for(700)
    assert page.evaluate("told") == ["z = (0.30, 0.00), nearest dot: digit 7"]


def test_explorers_on_one_page_do_not_interfere(shown: Open) -> None:
    page = shown(SHOWN, html(decoder(16, seed=1)), SHOWN)
    page.locator(".plane").nth(2).press("Shift+ArrowUp")
    assert [place(page, i) for i in range(3)] == [(0.5, -1.2), (0.0, 0.0), (0.5, -0.7)]
    page.locator(".plane").nth(1).press("ArrowLeft")
    assert [place(page, i) for i in range(3)] == [(0.5, -1.2), (-0.1, 0.0), (0.5, -0.7)]
    greys = [page.locator("figure").nth(i).evaluate(GREYS) for i in range(3)]
    assert greys[0] != greys[1] != greys[2] != greys[0]


def test_html_inserted_late_comes_alive_and_a_second_run_changes_nothing(page: Page) -> None:
    page.set_content("<p>A notebook.")
    before = page.evaluate("Object.getOwnPropertyNames(window)")
    page.evaluate(INSERT, SHOWN)
    page.evaluate(INSERT, SHOWN)
    page.locator(".plane").first.press("ArrowUp")
    script = SHOWN.split("<script>")[1].split("</script>")[0]
    page.add_script_tag(content=script)
    page.locator(".plane").first.press("ArrowUp")
    assert [place(page, i) for i in range(2)] == [(0.5, -1.0), (0.5, -1.2)]
    assert page.evaluate("Object.getOwnPropertyNames(window)") == before


def assert_still(page: Page) -> None:
    """Asserts that what is seen is the picture at the start, and nothing of the live one."""
    image = page.get_by_role("img", name="The digit decoded at z = (0.50, -1.20)")
    assert image.is_visible()
    assert page.locator(".still.hair").is_visible()
    assert page.locator(".still.where").inner_text() == "z = (0.50, -1.20)"
    for part in page.locator(".live").all():
        assert not part.is_visible()
    seen = Image.open(io.BytesIO(image.screenshot())).convert("L")
    assert seen.size == (280, 280)
    greys = np.asarray(seen).astype(float)[5::10, 5::10]
    assert np.abs(greys - digit(SMALL, 0.5, -1.2)).max() <= 1


def test_paper_shows_the_picture_at_the_start(shown: Open) -> None:
    page = shown()
    page.locator(".plane").press("ArrowUp")
    assert not page.locator("img.still").is_visible()
    page.emulate_media(media="print")
    assert_still(page)


def test_without_javascript_the_picture_at_the_start_is_there(browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.set_content(SHOWN)
        assert_still(page)
        assert page.get_by_role("img", name=ALT).is_visible()
    finally:
        context.close()


@book_pages.both_themes
def test_an_explorer_is_sound_in_every_theme_and_on_a_phone(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "explorer.html"
    theme = "<style>@media (prefers-color-scheme: dark) { body { background: #111; color: #eee } }"
    path.write_text(f'<!doctype html><meta charset="utf-8">{theme}</style>{SHOWN}', "utf-8")
    assert book_pages.page_problems(page, path) == []
    assert page.evaluate(book_pages.LOW_CONTRAST) == []
    for paper in page.locator(".paper").all():
        color = paper.evaluate("e => getComputedStyle(e).backgroundColor")
        assert color == "rgb(255, 255, 255)"
    left, right = (paper.bounding_box() for paper in page.locator(".paper").all())
    assert left is not None and right is not None  # noqa: PT018
    assert (left["y"], left["width"], left["height"]) == (right["y"], 300, 300)
    page.set_viewport_size({"width": book_pages.PHONE_WIDTH, "height": 740})
    left, right = (paper.bounding_box() for paper in page.locator(".paper").all())
    assert left is not None and right is not None  # noqa: PT018
    assert left["x"] == right["x"]
    assert left["y"] + left["height"] < right["y"]
    assert left["width"] == left["height"] == right["width"] == right["height"]
