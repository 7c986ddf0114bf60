"""What makes the built pages light changes no pixel of a film."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from bookmaking.after.lighten import FILM, light_film


def inlined(frames: Image.Image) -> str:
    file = io.BytesIO()
    frames.save(file, "PNG")
    return f'<img src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}">'


def frames_of(page: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(page.split("base64,")[1].split('"')[0])))


def test_a_film_is_lighter_and_has_the_same_pixels() -> None:
    grey = np.random.default_rng(0).integers(0, 8, (400, 140), dtype=np.uint8)
    film = Image.fromarray(30 * grey).convert("P")
    page = inlined(film)
    light = FILM.sub(light_film, page)
    assert "data:image/webp" in light
    assert len(light) < len(page)
    assert np.array_equal(frames_of(light).convert("RGB"), film.convert("RGB"))


def test_a_small_picture_stays() -> None:
    page = inlined(Image.new("L", (28, 28)))
    assert FILM.sub(light_film, page) == page
