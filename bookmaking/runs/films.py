"""The films and the explorers of a chapter's run, each with all that is known of it.

A run keeps both as pieces of HTML (`aigc_utils.plotting.film` and `.explorer`); they are read here.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape, unescape

import nbformat
from PIL import Image

from .guesses import headings
from .shown import NoRunError

FILM = re.compile(
    r"animation:\S+ (?P<cycle>\S+)s infinite;aspect-ratio:(?P<width>\d+)/(?P<height>\d+);"
    r".*?base64,(?P<sheet>[\w+/=]+)\) 0 (?P<rest>\S+)%/100% (?P<count>\d+)00%;"
    r".*?;background-position:0 0\}(?P<turn>\S+)%,to\{",
    re.DOTALL,
)
LABEL = re.compile(r'aria-label="([^"]*)"')
CAPTION = re.compile(r"<figcaption>(.*?)</figcaption>", re.DOTALL)
SCRIPT = re.compile(r"<script>.*?</script>", re.DOTALL)
SHOWN_WIDTH = 720  # pixels that a film is enlarged to at most, by a whole factor


@dataclass(frozen=True)
class Film:
    """A film as a run shows it; `sheet` is the PNG file of all frames below each other."""

    number: int  # in its chapter, from 1
    cell: int
    title: str  # its caption, else the section's heading
    alt: str
    sheet: bytes
    count: int
    width: int
    height: int
    seconds: float
    hold: float  # how long the last frame stays, in seconds
    still: int  # the frame for paper and for readers who ask for less motion

    def frames(self) -> list[Image.Image]:
        """Returns the frames, enlarged by a whole factor, so that pixels stay sharp."""
        factor = max(1, SHOWN_WIDTH // self.width)
        size = (factor * self.width, factor * self.height)
        with Image.open(io.BytesIO(self.sheet)) as sheet:
            grey = sheet.convert("RGB")
        tops = range(0, self.count * self.height, self.height)
        pieces = (grey.crop((0, top, self.width, top + self.height)) for top in tops)
        return [piece.resize(size, Image.Resampling.NEAREST) for piece in pieces]

    def png(self) -> bytes:
        """Returns the still frame as a PNG file."""
        packed = io.BytesIO()
        self.frames()[self.still].save(packed, format="PNG", optimize=True)
        return packed.getvalue()

    def webp(self, licence: str) -> bytes:
        """Returns the film as a WebP file that plays without end, with its texts in it."""
        first, *others = self.frames()
        each = 1000 * self.seconds / self.count
        times = [round(each)] * (self.count - 1) + [round(each + 1000 * self.hold)]
        packed = io.BytesIO()
        first.save(
            packed, format="WEBP", save_all=True, append_images=others, duration=times, loop=0,
            lossless=True, method=4, xmp=xmp(self.title, self.alt, licence),
        )  # fmt: skip
        return packed.getvalue()


@dataclass(frozen=True)
class Explorer:
    """A plane of codes to walk through, as a run shows it."""

    number: int  # in its chapter, from 1
    cell: int
    title: str
    alt: str
    section: str
    html: str

    def still(self) -> str:
        """Returns it as it stands at its start, without the script that moves it."""
        return SCRIPT.sub("", self.html)

    def page(self, licence: str) -> str:
        """Returns a page of its own that loads nothing else."""
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(self.title)}</title></head>\n<body>\n{self.html}\n"
            f"<p><small>{escape(licence)}</small></p>\n</body></html>\n"
        )


def xmp(title: str, alt: str, licence: str) -> bytes:
    """Returns a picture's texts in the form in which WebP files carry them."""
    texts = {"title": title, "description": alt, "rights": licence}
    inside = "".join(
        f'<dc:{key}><rdf:Alt><rdf:li xml:lang="x-default">{escape(text)}</rdf:li></rdf:Alt>'
        f"</dc:{key}>"
        for key, text in texts.items()
    )
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" rdf:about="">'
        f"{inside}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def _pieces(notebook: nbformat.NotebookNode, kind: str) -> Iterator[tuple[int, str, str, str]]:
    """Yields the cell, the section's heading, the HTML and the text of each film or explorer."""
    sections = list(headings(notebook))
    for number, cell in enumerate(notebook.cells):
        section = next((h.text for h in reversed(sections) if h.cell < number), "")
        for output in cell.get("outputs", ()):
            html = output.get("data", {}).get("text/html", "")
            if html.startswith(f'<figure id="{kind}-'):
                label = LABEL.search(html)
                yield number, section, html, unescape(label[1]) if label else ""


def _title(html: str, section: str) -> str:
    caption = CAPTION.search(html)
    return unescape(caption[1]) if caption else section


def films(notebook: nbformat.NotebookNode) -> list[Film]:
    """Returns a run's films in their order.

    Raises:
        NoRunError: a film is no longer read as it was written.
    """
    found: list[Film] = []
    for cell, section, html, alt in _pieces(notebook, "film"):
        told = FILM.search(html)
        if told is None:
            raise NoRunError("Run `make book` again: a film of the last run can't be read.")
        count, cycle = int(told["count"]), float(told["cycle"])
        seconds = float(told["turn"]) / 100 * cycle
        found.append(Film(
            len(found) + 1, cell, _title(html, section), alt, base64.b64decode(told["sheet"]),
            count, int(told["width"]), int(told["height"]), seconds, cycle - seconds,
            round(float(told["rest"]) / 100 * (count - 1)),
        ))  # fmt: skip
    return found


def explorers(notebook: nbformat.NotebookNode) -> list[Explorer]:
    """Returns a run's explorers in their order."""
    return [
        Explorer(number, cell, _title(html, section), alt, section, html)
        for number, (cell, section, html, alt) in enumerate(_pieces(notebook, "explorer"), 1)
    ]
