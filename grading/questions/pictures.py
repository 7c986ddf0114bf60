"""Draws an item's picture for a file."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from aigc_utils.plotting.picture import PIXELS_PER_INCH

from .bank import Item


@dataclass(frozen=True)
class Drawn:
    """A picture as a file, with what a page needs to show it."""

    name: str  # the file's
    png: bytes
    alt: str
    width: int  # in pixels, as shown
    height: int

    def tag(self, address: str) -> str:
        """Returns the XHTML element that shows the picture from an address."""
        alt = escape(self.alt)
        size = f'width="{self.width}" height="{self.height}"'
        return f'<img src="{escape(address)}" alt="{alt}" {size} />'


def drawn(item: Item) -> Drawn | None:
    """Returns an item's picture, or None where it has none."""
    picture = item.picture
    if picture is None:
        return None
    width, height = (round(side * PIXELS_PER_INCH) for side in picture.figure.get_size_inches())
    return Drawn(f"{item.identifier}.png", picture.png(), picture.alt, width, height)
