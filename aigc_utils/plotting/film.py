"""A film that plays wherever HTML is shown: no script, no kernel, no network.

Its frames stand one below another in one PNG file, and CSS moves that behind a window of one frame.
"""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import astuple, dataclass
from html import escape

from PIL import Image
from torch import Tensor

from ..limits import whole
from .picture import COLORS, PIXELS_PER_INCH, WIDTH, checked_alt, unit_range
from .words import counted

#: Greys, four bits a pixel: on a digit they look like 256 and take a third of the bytes.
GREYS = 16
#: Of pixels: taller images are more than some graphics processors can hold.
MOST_ROWS = 16_384

# Paper, and readers who ask for less motion, get the still frame. `none` must be important: the
# book shortens every animation for these readers, and a short endless one would flicker.
_STYLE = """
#{id}{{line-height:1.4;margin:.8em auto;max-width:100%;width:{shown}px}}
#{id} .reel{{animation:{id} {cycle:g}s infinite;aspect-ratio:{width}/{height};
background:#fff url(data:image/png;base64,{data}) 0 {rest:g}%/100% {count}00%;
box-shadow:0 0 0 1px #c9d1da;image-rendering:pixelated;print-color-adjust:exact;
-webkit-print-color-adjust:exact}}
#{id} .clock{{animation:{id}-clock {cycle:g}s infinite linear;background:{color};height:4px;
margin-top:2px;transform-origin:0 0}}
#{id} :is(label,.ends,figcaption){{font-size:.9em}}
#{id} .ends{{display:flex;justify-content:space-between;margin-top:.2em}}
#{id} figcaption{{color:inherit;margin-top:.4em}}
#{id} input{{margin:0 .4em .5em 0;vertical-align:middle}}
#{id} label{{margin:0;vertical-align:.25em}}
#{id} input:checked~*{{animation-play-state:paused}}
@keyframes {id}{{0%{{animation-timing-function:steps({count},jump-none);background-position:0 0}}
{turn:.2f}%,to{{background-position:0 100%}}}}
@keyframes {id}-clock{{0%{{transform:scaleX(0)}}{turn:.2f}%,to{{transform:none}}}}
@media print,(prefers-reduced-motion:reduce){{#{id} .reel{{animation:none!important}}
#{id} :is(.clock,input,label){{display:none}}}}
"""
_BODY = """
<figure id="{id}"><style>{style}</style>
<input type="checkbox" id="{id}-pause"><label for="{id}-pause">pause the film</label>
<div class="reel" role="img" aria-label="{alt}"></div>
<div class="clock"></div>{ends}{caption}</figure>
"""


@dataclass(frozen=True)
class Film:
    """Frames with their alternative text; a notebook cell that ends in one plays it.

    `sheet` is the PNG file of all `count` frames of `height` by `width` pixels; `still` is the
    frame for readers who ask for less motion. The other fields are those of `film`.
    """

    sheet: bytes
    count: int
    height: int
    width: int
    alt: str
    caption: str
    seconds: float
    hold: float
    still: int
    ends: tuple[str, str]

    def __repr__(self) -> str:
        return f"Film: {self.alt}"

    def html(self) -> str:
        """Returns the film as a piece of HTML; the same film gives the same bytes."""
        name = f"film-{hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:12]}"
        whole = max(1, min(6, round(WIDTH * PIXELS_PER_INCH) // self.width))
        cycle = self.seconds + self.hold
        style = _STYLE.format(
            id=name, shown=whole * self.width, width=self.width, height=self.height,
            count=self.count, rest=100 * self.still / (self.count - 1), cycle=cycle,
            turn=100 * self.seconds / cycle, color=COLORS["blue"],
            data=base64.b64encode(self.sheet).decode(),
        )  # fmt: skip
        ends = "".join(f"<span>{escape(end)}</span>" for end in self.ends)
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        return _BODY.format(
            id=name, style=style.replace("\n", ""), alt=escape(self.alt), caption=caption,
            ends=f'<div class="ends">{ends}</div>' if any(self.ends) else "",
        ).replace("\n", "")  # fmt: skip

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self.html()}


def film(
    frames: Tensor,
    *,
    alt: str,
    columns: int | None = None,
    caption: str = "",
    seconds: float = 6.0,
    hold: float = 1.5,
    still: int = -1,
    ends: tuple[str, str] = ("", ""),
) -> Film:
    """Returns a film of grey images, dark ink on a light ground, that starts again at its end.

    Its alternative text begins with the number of frames and of images in each, and with `ends`.

    Args:
        frames: shape (T, H, W), uint8 or floats in [0, 1]; with `columns`, several images in each,
            shape (T, N, H, W) or (T, N, 1, H, W).
        alt: what is to be seen, without what the function adds.
        columns: images side by side, where a frame shows several.
        caption: a line below the film.
        seconds: from the first frame to the last.
        hold: how long the last frame stays, in seconds.
        still: the frame shown on paper and to readers who ask for less motion.
        ends: what stands below the film's clock at its left and right end, such as steps.

    Raises:
        ValueError: fewer than two frames, or too many; values out of range; a time that is not
            positive; no such still frame; N is no multiple of `columns`; a text that is too short.
    """
    ink = unit_range(frames)
    if columns is not None:
        ink = tiles(ink, columns)
    if ink.ndim != 3 or not 2 <= len(ink) <= MOST_ROWS // ink.size(1):
        raise ValueError(
            f"frames must have the shape (T, H, W), with T at least 2 and T · H at most "
            f"{MOST_ROWS}, not {tuple(frames.shape)}."
        )
    count, height, width = ink.shape
    if seconds <= 0 or hold < 0:
        raise ValueError(f"seconds must be positive, not {seconds}, and hold not below 0: {hold}.")
    if not -count <= still < count:
        raise ValueError(f"still must name one of {count} frames, not {still}.")
    return Film(
        _sheet(ink), count, height, width, f"{_told(frames, columns, ends)}. {checked_alt(alt)}",
        " ".join(caption.split()), seconds, hold, still % count, ends,
    )  # fmt: skip


def _told(frames: Tensor, columns: int | None, ends: tuple[str, str]) -> str:
    """Returns what a film is made of: its frames, the images in each, and what it leads from."""
    told = f"A film of {counted(len(frames), 'frame')}"
    if columns is not None:
        number = frames.size(1)
        told += f" of {counted(number, 'image')} in {counted(number // columns, 'row')}"
    return told + (f", from {ends[0]} to {ends[1]}" if all(ends) else "")


def _sheet(ink: Tensor) -> bytes:
    """Returns a PNG file of all frames below each other; ink is dark."""
    levels = ((1 - ink.flatten(0, 1)) * (GREYS - 1)).round().byte()
    image = Image.fromarray(levels.numpy(), mode="P")
    image.putpalette([grey * 255 // (GREYS - 1) for grey in range(GREYS) for _ in "rgb"])
    packed = io.BytesIO()
    image.save(packed, format="PNG", bits=4, optimize=True)
    return packed.getvalue()


def tiles(images: Tensor, columns: int) -> Tensor:
    """Returns frames of several images each, shape (T, rows · H, columns · W).

    Args:
        images: shape (T, N, H, W) or (T, N, 1, H, W), N = rows · columns.
        columns: images side by side.

    Raises:
        ValueError: another shape, or N is no multiple of `columns`, at least 1.
    """
    if images.ndim < 4:
        raise ValueError(f"images must have the shape (T, N, H, W), not {tuple(images.shape)}.")
    whole("columns", columns)
    count, number = images.shape[:2]
    height, width = images.shape[-2:]
    if number % columns:
        raise ValueError(f"{number} images do not fill rows of {columns}.")
    grid = images.reshape(count, -1, columns, height, width).transpose(2, 3)
    return grid.reshape(count, -1, columns * width)
