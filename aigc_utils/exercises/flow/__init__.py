"""The exercises of chapter 5, in the order of its notebook."""

from __future__ import annotations

from ..chapter import Chapter
from . import codes, copies, drawing, pictures, points, training
from .codes import broken_drawing

__all__ = ["CHAPTER", "broken_drawing"]

CHAPTER = Chapter(
    "05_flow",
    points.between,
    points.flow_error,
    drawing.heun,
    points.translated,
    pictures.variety,
    pictures.push,
    copies.perfect,
    codes.mended_drawing,
    training.own_flow,
    training.few_steps,
    misconceptions=(
        "it needs a thousand steps",
        "the noise of the sampler is what makes variety",
        "guidance simply makes images better",
        "diffusion and flow are two kinds of model",
        "the network predicts the finished image",
        "no game, so no copying",
        "latent means lower quality",
    ),
)
