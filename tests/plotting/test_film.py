"""Films: HTML that plays by itself, says what is to be seen, and can be stopped."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from aigc_utils.data import mnist
from aigc_utils.plotting import Film, film, tiles

ALT = "A square that grows darker from frame to frame."
RAMP = torch.linspace(0, 1, 5)[:, None, None].expand(5, 6, 8)


def growing(count: int) -> Tensor:
    """Returns frames of eight digits that come out of noise, as a generator in training gives."""
    rng = torch.Generator().manual_seed(0)
    digits = mnist.load_mnist().test_images[:8, 0] / 255
    noise = torch.rand(count, 8, 28, 28, generator=rng)
    share = torch.linspace(2, -1, count).clamp(0, 1)[:, None, None, None]
    return tiles(share * noise + (1 - share) * digits, columns=8)


def pixels(shown: Film) -> Any:
    return np.asarray(Image.open(io.BytesIO(shown.sheet)).convert("L"))


def test_a_film_says_what_is_to_be_seen_and_can_be_stopped() -> None:
    shown = film(RAMP, alt=ALT, caption="A ramp.", ends=("step 0", "step 4"))
    bundle = shown._repr_mimebundle_()
    html = bundle["text/html"]
    alt = f"A film of 5 frames, from step 0 to step 4. {ALT}"
    assert bundle["text/plain"] == f"Film: {alt}"
    assert f'role="img" aria-label="{alt}"' in html
    (name,) = re.findall(r'<figure id="([^"]+)"', html)
    assert f'<input type="checkbox" id="{name}-pause"><label for="{name}-pause">' in html
    assert "prefers-reduced-motion:reduce" in html
    assert "<figcaption>A ramp.</figcaption>" in html
    assert "<span>step 0</span><span>step 4</span>" in html
    assert "<script" not in html
    assert "//" not in re.sub(r"base64,[^)]*", "", html), "an address"


def test_every_rule_stays_inside_its_film() -> None:
    html = film(RAMP, alt=ALT).html()
    (name,) = re.findall(r'<figure id="([^"]+)"', html)
    (style,) = re.findall(r"<style>(.*)</style>", html)
    rules = re.findall(r"(?:^|[{}])([^{}@]+)\{", re.sub(r"@media[^{]*", "", style))
    assert rules
    for rule in rules:
        assert rule.startswith((f"#{name}", "0%", "to")) or re.match(r"[\d.]+%,to$", rule), rule


def test_the_sheet_holds_all_frames_in_order_and_ink_is_dark() -> None:
    sheet = pixels(film(RAMP, alt=ALT))
    assert sheet.shape == (5 * 6, 8)
    assert sheet[0, 0] == 255
    assert sheet[-1, -1] == 0
    frames = sheet.reshape(5, 48)
    assert (frames == frames[:, :1]).all()
    assert (np.diff(frames[:, 0].astype(int)) < 0).all()


def test_bytes_and_floats_give_the_same_film() -> None:
    images = mnist.load_mnist().test_images[:4, 0]
    assert film(images, alt=ALT) == film(images / 255, alt=ALT)


def test_the_same_film_gives_the_same_bytes_and_another_one_another_name() -> None:
    first = film(RAMP, alt=ALT).html()
    assert first == film(RAMP.clone(), alt=ALT).html()
    names = {
        re.findall(r'figure id="([^"]+)"', other.html())[0]
        for other in (
            film(RAMP, alt=ALT), film(RAMP.flip(0), alt=ALT), film(RAMP, alt=ALT + " Twice."),
            film(RAMP, alt=ALT, seconds=2.0), film(RAMP, alt=ALT, still=0),
        )
    }  # fmt: skip
    assert len(names) == 5


def test_sixty_frames_of_eight_digits_are_small() -> None:
    frames = growing(60)
    assert frames.shape == (60, 28, 224)
    assert len(film(frames, alt=ALT).html()) < 200_000


def test_texts_are_escaped() -> None:
    html = film(RAMP, alt='A square < a "cube" & more of it', caption="a < b").html()
    assert ' A square &lt; a &quot;cube&quot; &amp; more of it"></div>' in html
    assert "a &lt; b" in html


def test_tiles_stand_row_by_row() -> None:
    images = torch.arange(6.0).view(1, 6, 1, 1, 1).expand(2, 6, 1, 2, 3) / 6
    frames = tiles(images, columns=3)
    assert frames.shape == (2, 4, 9)
    assert torch.equal(frames[1, ::2, ::3] * 6, torch.tensor([[0.0, 1, 2], [3, 4, 5]]))
    with pytest.raises(ValueError, match="do not fill"):
        tiles(images, columns=4)


def test_a_film_of_several_images_says_how_many() -> None:
    images = RAMP[:, None].expand(5, 6, 6, 8)
    wide = film(images, columns=3, alt=ALT)
    assert wide.alt == f"A film of 5 frames of 6 images in 2 rows. {ALT}"
    assert np.array_equal(pixels(wide), pixels(film(tiles(images, 3), alt=ALT)))
    low = film(images[:2, :, None], columns=6, alt=ALT, ends=("a", ""))
    assert low.alt == f"A film of 2 frames of 6 images in 1 row. {ALT}"


@pytest.mark.parametrize(
    ("frames", "options", "message"),
    [
        (RAMP[:1], {}, "T at least 2"),
        (RAMP[0], {}, "three dimensions"),
        (RAMP[:, None], {}, "shape"),
        (RAMP[:0], {}, "must be uint8 or floats"),
        (RAMP * 2 - 1, {}, r"floats in \[0, 1\]"),
        (RAMP * float("nan"), {}, r"floats in \[0, 1\]"),
        (RAMP.expand(5, 6, 8).repeat(600, 1, 1), {}, "at most"),
        (RAMP, {"alt": "a film"}, "alternative text"),
        (RAMP[:, None].expand(5, 6, 6, 8), {"columns": 4}, "do not fill rows of 4"),
        (RAMP, {"columns": 1}, r"\(T, N, H, W\)"),
        (RAMP, {"seconds": 0.0}, "seconds must be positive"),
        (RAMP, {"hold": -1.0}, "hold"),
        (RAMP, {"still": 5}, "still"),
    ],
)
def test_bad_input_is_refused(frames: Tensor, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        film(frames, **{"alt": ALT, **options})
