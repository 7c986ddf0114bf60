"""From a grey picture of one digit to MNIST's form: the paper taken off, fitted and centred."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .pixels import to_uint8

#: MNIST's digits fit into a square of 20 pixels, in an image of 28.
BOX, SIDE = 20, 28
#: Where their centre of mass lies, to the nearest pixel: the middle of the pixel numbered 14.
#: Over the test images it is 14.50 along both axes, with a standard deviation of 0.29, which is
#: that of rounding.
CENTRE = 14.5
#: The share of the darkest ink below which a blurred edge does not count for the size.
EDGE = 0.25
#: Below this difference of ink and paper, in units of white = 1, a picture counts as empty.
FAINTEST = 0.06
#: Ink stands out of the noise of the paper by so many standard deviations, or there is none.
CLEAR, SURE = 4, 5
#: Spots with less than this share of the largest one's ink are dust.
DUST = 0.05
#: Spots are told apart on a grid of so many cells along the longer side.
GRID = 64
#: How often the paper is fitted again without what stands out of it.
ROUNDS = 6


def find_ink(grey: Tensor) -> Tensor:
    """Returns where the ink is, float32 (H, W): 0 = paper to 1 = ink.

    The paper's brightness is a quadratic surface, fitted first to the picture's rim and then to all
    that lies near it; a shadow with a sharp edge is not removed. Ink is what differs from that, to
    whichever side differs more. Spots of less than a twentieth of the largest one are left out.

    Args:
        grey: floats, (H, W), 0 = black to 1 = white, at least 8 pixels a side.

    Raises:
        ValueError: nothing stands out of the paper.
    """
    difference = grey - _paper(grey)
    count = max(5, difference.numel() // 1000)
    bright, dark = (side.flatten().topk(count).values.mean() for side in (difference, -difference))
    ink, strength = (difference, bright) if bright > dark else (-difference, dark)
    noise = 1.4826 * difference.abs().median()  # the standard deviation, if it is normal
    if strength < max(FAINTEST, SURE * float(noise)):
        raise ValueError("nothing in the picture stands out of its ground")
    low, high = torch.maximum(CLEAR * noise, 0.1 * strength), 0.9 * strength
    return _without_dust(((ink - low) / (high - low)).clamp(0, 1))


def _paper(grey: Tensor) -> Tensor:
    """Returns the brightness that the picture would have without ink, (H, W)."""
    step = max(1, max(grey.shape) // GRID)  # so many points fit six numbers well enough
    values, terms = grey[::step, ::step].flatten(), _terms(*grey.shape)
    few = terms[::step, ::step].flatten(0, 1)
    near = few[:, 1:3].abs().amax(1) > 0.9
    fitted = few[0]
    for _ in range(ROUNDS):
        fitted = torch.linalg.lstsq(few[near], values[near, None]).solution[:, 0]
        off = (values - few @ fitted).abs()
        near = off <= CLEAR * off[near].median() + 0.01
    return terms @ fitted


def _terms(height: int, width: int) -> Tensor:
    """Returns 1, x, y, x², xy and y² at each pixel, (H, W, 6), where x and y are from -1 to 1."""
    y, x = (torch.linspace(-1, 1, side, device="cpu") for side in (height, width))
    one, y = torch.ones(1, device="cpu"), y[:, None]
    return torch.stack(torch.broadcast_tensors(one, x, y, x * x, x * y, y * y), -1)


def _without_dust(ink: Tensor) -> Tensor:
    """Returns the ink without spots that are small beside the largest one."""
    height, width = ink.shape
    cell = -(-max(height, width) // GRID)
    cells = F.max_pool2d(ink[None, None], cell, ceil_mode=True)[0, 0] > 0
    spots = _spots(cells).repeat_interleave(cell, 0)[:height].repeat_interleave(cell, 1)[:, :width]
    mass = torch.bincount(spots.flatten(), ink.flatten())
    return ink * (mass >= DUST * mass.max())[spots]


def _spots(mask: Tensor) -> Tensor:
    """Returns for each cell the number of its spot, int64 (H, W): neighbours share theirs."""
    here = mask.float()
    number = here * torch.arange(1.0, mask.numel() + 1, device=mask.device).view(mask.shape)
    while True:
        spread = F.max_pool2d(number[None], 3, stride=1, padding=1)[0] * here
        if torch.equal(spread, number):
            return number.long()
        number = spread


def fit_to_mnist(ink: Tensor) -> Tensor:
    """Returns ink as an image of MNIST's form, uint8 (1, 1, 28, 28), 255 = ink.

    It is scaled into a square of 20 by 20 pixels, as tall beside its width as it was, and moved
    until its centre of mass is where that of MNIST's digits is, to the nearest pixel.

    Args:
        ink: floats, (H, W), 0 = paper to 1 = ink, not all of them 0.

    Source: LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document
    recognition", section III.A.
    """
    dark = ink >= EDGE * ink.max()
    rows, columns = (dark.any(axis).nonzero()[:, 0] for axis in (1, 0))
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(cut.shape)
    size = [max(1, round(scale * length)) for length in cut.shape]
    small = F.interpolate(cut[None, None], size, mode="bilinear", antialias=True)[0, 0]
    small = (small / small.max()).clamp(0, 1)
    image = torch.zeros(1, 1, SIDE, SIDE, device=ink.device)
    top, left = (_start(small.sum(axis)) for axis in (1, 0))
    image[0, 0, top : top + size[0], left : left + size[1]] = small
    return to_uint8(image)


def _start(mass: Tensor) -> int:
    """Returns where to begin so that the centre of mass lies at `CENTRE`, within the image."""
    centre = float((mass * (torch.arange(len(mass), device=mass.device) + 0.5)).sum() / mass.sum())
    return min(max(round(CENTRE - centre), 0), SIDE - len(mass))
