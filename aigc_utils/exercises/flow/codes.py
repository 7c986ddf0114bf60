"""The exercise of chapter 5 about a flow on codes: a drawing to mend."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ..answers import a_tensor, close
from ..chapter import Draw, exercise
from ..checking import expect

Follow = Callable[[Tensor], Tensor]
Decode = Callable[[Tensor], Tensor]


def broken_drawing(follow: Follow, decode: Decode, codes: Tensor, noise: Tensor) -> Tensor:
    """Returns what should be images drawn with a flow on scaled codes; it is not."""
    mean, deviation = codes.mean(), codes.std()
    scaled = follow(noise * deviation + mean)
    return decode(scaled)


@exercise(
    "From noise to code to image",
    kind="mend",
    objective="latent flow on chapter 3's codes",
    misconceptions=("latent means lower quality",),
    points=4,
    hints=(
        "The flow was trained on codes of mean 0 and deviation 1, each of their numbers on its "
        "own. Where does it begin, and where does it end?",
        "It begins at plain standard normal noise. Its ends are scaled codes; the decoder knows "
        "codes as the encoder gives them.",
        "`mean, deviation = codes.mean(0), codes.std(0)`, and then "
        "`decode(follow(noise) * deviation + mean)`.",
    ),
)
def mended_drawing(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(follow, decode, codes, noise)` is what the decoder draws of the flow's codes."""
    dim, count = draw.integer(3, 5), draw.integer(4, 7)
    sizes = torch.tensor([0.1, 1.0, 6.0, 2.0, 0.5])[:dim]
    codes = draw.normal(200, dim) * sizes + 3 * draw.normal(dim)
    noise, shift, weight = draw.normal(count, dim), draw.normal(dim), draw.normal(dim, 6)
    began: list[Tensor] = []
    decoded: list[Tensor] = []

    def follow(x: Tensor) -> Tensor:
        began.append(a_tensor(x, "Where the flow begins", (count, dim)))
        return 0.8 * x + shift

    def decode(z: Tensor) -> Tensor:
        decoded.append(a_tensor(z, "What you decode", (count, dim)))
        return (z @ weight).sigmoid()

    drawn = answer(follow, decode, codes.clone(), noise.clone())
    expect(
        began,
        "Nothing follows the flow: the decoder draws noise from the prior, and that is what the "
        "flow was to mend.",
    )
    _check_start(began[0], codes, noise)
    expect(len(decoded) == 1, "Decode once, all codes together.")
    right = _check_codes(decoded[0], codes, 0.8 * noise + shift)
    drawn = a_tensor(drawn, "The drawing", (count, 6))
    expect(close(drawn, decode(right), 1e-3), "Return what the decoder draws.")


def _check_start(began: Tensor, codes: Tensor, noise: Tensor) -> None:
    """Expects that the flow began at the plain noise."""
    mean, deviation = codes.mean(0), codes.std(0)
    for start in (noise * deviation + mean, noise * codes.std() + codes.mean()):
        expect(not close(began, start), "The flow begins at plain noise: scale nothing before.")
    expect(close(began, noise), "The flow does not begin at the noise that is given.")


def _check_codes(decoded: Tensor, codes: Tensor, ends: Tensor) -> Tensor:
    """Returns the flow's ends in the codes' own scale; expects that these were decoded."""
    mean, deviation = codes.mean(0), codes.std(0)
    expect(
        not close(decoded, ends),
        "The decoder gets scaled codes, which the encoder never gives: that lowers the quality, "
        "not the latent space. Scale the ends back.",
    )
    for wrong in (ends * codes.std() + codes.mean(), ends * deviation + codes.mean()):
        expect(
            not close(decoded, wrong),
            "One mean and one deviation for all numbers of a code: each number has its own.",
        )
    expect(
        not close(decoded, ends / deviation + mean)
        and not close(decoded, (ends - mean) / deviation),
        "Back means times the deviation, plus the mean.",
    )
    right = ends * deviation + mean
    expect(close(decoded, right, 1e-3), "The codes that you decode are not scaled back rightly.")
    return right
