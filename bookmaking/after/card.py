"""The picture that a message shows beside a link to the book: its title and its first drawing.

The drawing is read from `book/_static/hero.svg`, which holds nothing but rectangles.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from matplotlib import get_data_path
from PIL import Image, ImageColor, ImageDraw, ImageFont

SIZE = (1200, 630)  # pixels, as cards are shown
FINER = 2  # is drawn larger and then shrunk, so that edges are smooth
TITLE, BELOW = "Foundations of AIGC", "CNN, GAN, VAE, GPT and diffusion, measured"
PAPER, INK, GREY = "#ffffff", "#1d2733", "#5b6472"
WIDTH, TOP = 1000, 370  # of the drawing, in pixels


def draw(hero: Path) -> Image.Image:
    """Returns the card.

    Args:
        hero: the drawing, a file of SVG rectangles.
    """
    card = Image.new("RGB", (SIZE[0] * FINER, SIZE[1] * FINER), PAPER)
    pen = ImageDraw.Draw(card)
    left = (SIZE[0] - WIDTH) // 2
    for text, top, size, name, colour in (
        (TITLE, 150, 84, "DejaVuSans-Bold", INK), (BELOW, 265, 38, "DejaVuSans", GREY),
    ):  # fmt: skip
        path = Path(get_data_path(), "fonts", "ttf", f"{name}.ttf")
        font = ImageFont.truetype(path, size * FINER)
        pen.text((left * FINER, top * FINER), text, colour, font)
    tree = ElementTree.parse(hero).getroot()
    x, y, width, _ = map(float, tree.get("viewBox", "0 0 1 1").split())
    scale = WIDTH / width * FINER
    for rectangle in tree.iter():
        if rectangle.tag.endswith("rect"):
            _square(pen, rectangle.attrib, scale, left * FINER - x * scale, TOP * FINER - y * scale)
    return card.resize(SIZE, Image.Resampling.LANCZOS)


def _square(pen: Any, given: dict[str, str], scale: float, left: float, top: float) -> None:
    """Draws one rectangle, its opacity as a mixture with the paper."""
    start = (left + scale * float(given["x"]), top + scale * float(given["y"]))
    size = (scale * float(given["width"]), scale * float(given["height"]))
    share = float(given.get("opacity", 1))
    mixed = tuple(
        round(share * a + (1 - share) * b)
        for a, b in zip(ImageColor.getrgb(given["fill"]), ImageColor.getrgb(PAPER), strict=False)
    )
    box = (*start, start[0] + size[0], start[1] + size[1])
    pen.rounded_rectangle(box, scale * float(given.get("rx", 0)), mixed)
