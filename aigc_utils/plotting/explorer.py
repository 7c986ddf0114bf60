"""A plane of codes to walk through: a small decoder that runs in the page, without a kernel.

The page holds the decoder's own weights and the JavaScript beside this file. On paper and without
scripts it shows the plane and the digit at the start, decoded here.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from html import escape
from itertools import combinations, product
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..data import to_uint8
from .picture import COLORS, DIGIT_COLORS, INK, checked_alt
from .words import counted

#: The functions that may stand between the layers, by name.
ACTIVATIONS = {"relu": F.relu, "silu": F.silu}
Dots = tuple[tuple[tuple[float, float], ...], ...]  # of each digit
PIXELS = 28 * 28  #: Pixels of a digit, and so the decoder's outputs.
BITS = 18  #: Bits of each weight on the page.
MOST_DOTS = 500  #: The most codes shown.
#: What stands below the plane.
HELP = "Drag, or use the arrow keys; with Shift they go further, and Home goes back."

#: In pixels of the screen: the side of the plane's paper, the plane's left, top and side in it, and
#: the side of a digit's name in that.
SIDE, LEFT, TOP, PLOT, NAME = 300, 36, 10, 254, 19

_SCRIPT = Path(__file__).with_suffix(".js").read_text("utf-8")
_STYLE = """
#{id}{{line-height:1.4;margin:12px auto;max-width:100%;padding:0;position:relative;width:624px}}
#{id} .pair{{display:flex;flex-wrap:wrap;gap:16px 24px;justify-content:center}}
#{id} .pair>div{{flex:0 1 300px;font-size:.9em;min-width:0}}
#{id} .paper{{aspect-ratio:1;background:#fff;box-shadow:0 0 0 1px #c9d1da;box-sizing:border-box;
color:{ink};forced-color-adjust:none;margin-bottom:.5em;print-color-adjust:exact;
-webkit-print-color-adjust:exact}}
#{id}[data-ready] .plane{{cursor:crosshair;touch-action:none;user-select:none;
-webkit-user-select:none}}
#{id} .plane:focus-visible{{outline:3px solid {ring};outline-offset:2px}}
#{id} .plane>svg{{display:block;font:11px sans-serif;height:100%;width:100%}}
#{id} .digit{{padding:10px}}
#{id} :is(canvas,img){{background:#fff;border:0;border-radius:0;box-shadow:none;display:block;
filter:none;height:auto;image-rendering:pixelated;margin:0;max-width:100%;padding:0;width:100%}}
#{id} .where{{font-variant-numeric:tabular-nums}}
#{id} .said{{clip-path:inset(50%);height:1px;left:0;overflow:hidden;position:absolute;bottom:0;
white-space:nowrap;width:1px}}
#{id} figcaption{{color:inherit;font-size:.9em;margin-top:.5em}}
#{id}:not([data-ready]) .live{{display:none}}
@media screen{{#{id}[data-ready] .still{{display:none}}}}
@media print{{#{id}[data-ready] .live{{display:none}}}}
"""
_BODY = """
<figure id="{id}" data-explorer="{settings}" data-weights="{weights}"><style>{style}</style>
<div class="pair"><div>
<div class="plane paper" role="img" aria-label="{alt}" data-lm-suppress-shortcuts="true">{plane}
</div><div class="live">{help}</div></div><div><div class="digit paper">
<img class="still" width="28" height="28" alt="The digit decoded at {where}" src="{still}">
<canvas class="live" width="28" height="28" role="img" aria-label="The digit decoded here"></canvas>
</div><div class="still where">{where}</div><div class="live where"></div></div></div>
<div class="live said" role="status"></div>{caption}
"""


@dataclass(frozen=True)
class Explorer:
    """A decoder of two numbers to walk through; a notebook cell that ends in one shows it.

    `weights` are all layers' numbers, packed (a scale for each row, then whole numbers), and
    `sizes` the widths from 2 to 784. `dots` are the shown codes of each of the ten digits. `still`
    is the PNG file of the digit at `start`.
    """

    sizes: tuple[int, ...]
    activation: str
    weights: bytes
    dots: Dots
    reach: float
    start: tuple[float, float]
    still: bytes
    alt: str
    caption: str

    def __repr__(self) -> str:
        return f"Explorer: {self.alt}"

    def html(self) -> str:
        """Returns the explorer as a piece of HTML; the same explorer gives the same bytes."""
        name = f"explorer-{hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:12]}"
        settings = {
            "sizes": self.sizes, "activation": self.activation, "reach": self.reach,
            "start": self.start, "help": HELP, "bits": BITS,
        }  # fmt: skip
        still = f"data:image/png;base64,{base64.b64encode(self.still).decode()}"
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        body = _BODY.format(
            id=name, settings=escape(json.dumps(settings)), alt=escape(self.alt), help=HELP,
            weights=base64.b64encode(self.weights).decode(), plane=_plane(self), still=still,
            style=_STYLE.format(id=name, ink=INK, ring=COLORS["blue"]), caption=caption,
            where="z = ({:.2f}, {:.2f})".format(*self.start),
        )  # fmt: skip
        return body.replace("\n", "") + f"<script>\n{_SCRIPT}</script></figure>"

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self.html()}


def explorer(
    layers: Sequence[tuple[Tensor, Tensor]],
    *,
    codes: Tensor,
    labels: Tensor,
    alt: str | None = None,
    activation: str = "relu",
    reach: float = 3.0,
    start: tuple[float, float] = (0.0, 0.0),
    caption: str = "",
) -> Explorer:
    """Returns a plane of codes with a cross-hair, and beside it the digit that is decoded there.

    Args:
        layers: weight, shape (out, in), and bias, shape (out,), of each fully connected layer of
            a decoder from 2 numbers to 784 logits.
        codes: shape (N, 2), the means of real digits; 500 of those in the plane are shown.
        labels: shape (N,), int64, the digits themselves.
        alt: what is to be seen, in your own words; by default the codes are counted.
        activation: between the layers, "relu" or "silu"; a sigmoid follows the last one.
        reach: the plane goes from -reach to reach in both directions.
        start: where the cross-hair stands at first, kept to two decimals.
        caption: a line below the two.

    Raises:
        ValueError: shapes that don't fit, labels that are no digits, numbers that aren't finite,
            an unknown activation, a start outside of the plane, a text that is too short.
    """
    layers = [(w.detach().cpu().float(), b.detach().cpu().float()) for w, b in layers]
    codes, labels = codes.detach().cpu().float(), labels.detach().cpu()
    sizes = _sizes(layers)
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, not {activation!r}.")
    if codes.shape != (len(labels), 2) or labels.ndim != 1 or not codes.isfinite().all():
        raise ValueError(
            "codes must be finite, of the shape (N, 2), with labels of the shape (N,), "
            f"not {tuple(codes.shape)} and {tuple(labels.shape)}."
        )
    if labels.dtype != torch.int64 or not ((labels >= 0) & (labels <= 9)).all():
        raise ValueError("labels must be int64 digits from 0 to 9.")
    if not (0 < reach < math.inf and all(abs(z) <= reach for z in start) and len(start) == 2):
        raise ValueError(f"start must lie within ±reach, a positive number: {start}, {reach}.")
    x, y = (round(float(z), 2) + 0.0 for z in start)
    near = codes.abs().amax(1) <= reach
    dots = _dots(codes[near], labels[near])
    alt = alt or (
        f"A plane with {counted(sum(map(len, dots)), 'code')} of real digits, and beside it the "
        "digit that the decoder draws at the chosen point."
    )
    return Explorer(
        sizes, activation, _packed(layers), dots, float(reach), (x, y),
        _still(layers, activation, (x, y)), checked_alt(alt), " ".join(caption.split()),
    )  # fmt: skip


def _packed(layers: Sequence[tuple[Tensor, Tensor]]) -> bytes:
    """Returns a scale for each row of weights, float32, and then all rows as whole numbers.

    A row ends with its bias. A number takes `BITS` bits, which spares the page 150 kB; with 18 of
    them the probabilities of the pixels are right to 1e-4, with 16 they are not.
    """
    rows = [torch.cat([weight, bias[:, None]], 1).numpy() for weight, bias in layers]
    largest = [np.abs(row).max(1, keepdims=True) / (2 ** (BITS - 1) - 1) for row in rows]
    scales = [np.where(scale > 0, scale, 1).astype("<f4") for scale in largest]
    pairs = zip(rows, scales, strict=True)
    numbers = np.concatenate([np.rint(row / scale).astype(int).ravel() for row, scale in pairs])
    bits = numbers[:, None] >> np.arange(BITS)[::-1] & 1
    end = bytes(4)  # the last number is read as a part of four bytes too
    packed = np.packbits(bits.astype(np.uint8)).tobytes()
    return b"".join([*(scale.tobytes() for scale in scales), packed, end])


def _sizes(layers: Sequence[tuple[Tensor, Tensor]]) -> tuple[int, ...]:
    """Returns the layers' widths from 2 to 784; raises ValueError if they don't fit together."""
    shapes = [(tuple(weight.shape), tuple(bias.shape)) for weight, bias in layers]
    sizes = [2]
    for weight, bias in shapes:
        if len(weight) == 2 and weight[1] == sizes[-1] and bias == weight[:1]:
            sizes.append(weight[0])
    finite = all(weight.isfinite().all() and bias.isfinite().all() for weight, bias in layers)
    if len(sizes) != len(shapes) + 1 or sizes[-1] != PIXELS or not finite:
        raise ValueError(
            "layers must be finite weights (out, in), each with its bias (out,), that lead from "
            f"2 numbers to {PIXELS}, not {shapes}."
        )
    return tuple(sizes)


def _still(
    layers: Sequence[tuple[Tensor, Tensor]], activation: str, start: tuple[float, float]
) -> bytes:
    """Returns the PNG file of the digit at `start`; ink is dark."""
    values = torch.tensor(start)
    for depth, (weight, bias) in enumerate(layers):
        values = F.linear(ACTIVATIONS[activation](values) if depth else values, weight, bias)
    grey = to_uint8(1 - values.sigmoid()).view(28, 28)
    packed = io.BytesIO()
    Image.fromarray(grey.numpy(), mode="L").save(packed, format="PNG", optimize=True)
    return packed.getvalue()


def _dots(codes: Tensor, labels: Tensor) -> Dots:
    """Returns at most 500 of the codes, evenly picked, for each of the ten digits."""
    few = torch.linspace(0, len(codes) - 1, min(MOST_DOTS, len(codes))).long()
    codes, labels = codes[few].mul(100).round(), labels[few]
    places = [codes[labels == digit].tolist() for digit in range(10)]
    return tuple(tuple((x / 100, y / 100) for x, y in place) for place in places)


def _plane(shown: Explorer) -> str:
    """Returns the drawing of the plane; dots and cross-hairs are in the plane's own units."""
    unit = 2 * shown.reach / PLOT  # of the plane, to a pixel
    flipped = f'transform="scale({1 / unit:g} {-1 / unit:g})"'
    dots = "".join(
        f'<path data-digit="{digit}" stroke="{DIGIT_COLORS[digit]}" d="'
        + "".join(f"M{x:g} {y:g}h0" for x, y in places) + '"/>'
        for digit, places in enumerate(shown.dots) if places
    )  # fmt: skip
    names = "".join(
        f'<g transform="translate({place.real:.1f} {-place.imag:.1f})"><circle r="8" fill="#fff" '
        f'stroke="{DIGIT_COLORS[digit]}" stroke-width="2"/>'
        f'<text y="4" font-weight="700">{digit}</text></g>'
        for digit, place in _names(shown.dots, unit).items()
    )
    return (
        f'<svg viewBox="0 0 {SIDE} {SIDE}" fill="currentColor" aria-hidden="true">'
        f'{_axes(shown.reach)}<svg x="{LEFT}" y="{TOP}" width="{PLOT}" height="{PLOT}" '
        f'text-anchor="middle" viewBox="{-PLOT / 2} {-PLOT / 2} {PLOT} {PLOT}">'
        f'<g {flipped} stroke-width="{4.5 * unit:g}" stroke-linecap="round" stroke-opacity=".75">'
        f"{dots}</g>{names}<g {flipped}>{_hair(shown, unit, 'still')}"
        f"{_hair(shown, unit, 'live')}</g></svg></svg>"
    )


def _names(dots: Dots, unit: float) -> dict[int, complex]:
    """Returns where each digit is written: at its median, moved until none hides another."""
    places = {
        digit: complex(*(median(values) / unit for values in zip(*places, strict=True)))
        for digit, places in enumerate(dots) if places
    }  # fmt: skip
    for _, (a, b) in product(range(9), combinations(places, 2)):
        gap = places[b] - places[a] or 1
        lacking = max(0.0, NAME - abs(gap)) / 2 * gap / abs(gap)
        places[a], places[b] = places[a] - lacking, places[b] + lacking
    return places


def _hair(shown: Explorer, unit: float, kind: str) -> str:
    """Returns a cross-hair at the start, with a ring that stands out from dots below it."""
    (x, y), end = shown.start, 2 * shown.reach
    rings = "".join(
        f'<circle r="{6 * unit:g}" fill="none" stroke="{color}" stroke-width="{width * unit:g}"/>'
        for color, width in (("#fff", 5), ("currentColor", 2))
    )
    return (
        f'<g class="{kind} hair" transform="translate({x} {y})"><path stroke="currentColor" '
        f'stroke-opacity=".55" stroke-width="{unit:g}" d="M{-end:g} 0H{end:g}M0 {-end:g}V{end:g}"/>'
        f"{rings}</g>"
    )


def _axes(reach: float) -> str:
    """Returns the plane's grid, the numbers beside it and the names of the axes."""
    power = 10 ** math.floor(math.log10(reach))
    step = next(power * size for size in (0.25, 0.5, 1, 2.5) if reach <= 4.01 * power * size)
    across, down, count = LEFT + PLOT / 2, TOP + PLOT / 2, int(1.001 * reach / step)
    grid, numbers = "", ""
    for k in range(-count, count + 1):
        shift, number = k * step / reach * PLOT / 2, f"{k * step:g}".replace("-", "−")
        x, y = f"{across + shift:.1f}", f"{down - shift:.1f}"
        grid += f"M{x} {TOP}v{PLOT}M{LEFT} {y}h{PLOT}"
        numbers += f'<text x="{x}" y="{TOP + PLOT + 15}" text-anchor="middle">{number}</text>'
        numbers += f'<text x="{LEFT - 6}" y="{y}" dy="4" text-anchor="end">{number}</text>'
    return (
        f'<rect class="plot" x="{LEFT}" y="{TOP}" width="{PLOT}" height="{PLOT}" fill="none"/>'
        f'<path d="{grid}" stroke="#e3e8ee"/>{numbers}<g font-style="italic" font-size="13" '
        f'text-anchor="middle"><text x="{across:g}" y="{SIDE - 5}">z₁</text>'
        f'<text x="11" y="{down + 4:g}">z₂</text></g>'
    )
