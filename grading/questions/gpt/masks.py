"""The question of chapter 4 that shows a mask, and asks for its model."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from aigc_utils.exercises.chapter import Draw
from aigc_utils.plotting import Picture, image_grid

from ..kinds import Question, choose, kind

#: Each model with what its mask says, and why another mask is not its own.
MODELS = {
    "the encoder of a Transformer": (
        "Every token sees every other one, on both sides.",
        "An encoder reads a whole text from both sides: all of its square would be dark.",
    ),
    "a GPT": (
        "Each token sees itself and all tokens before it, and none after it.",
        "A GPT sees itself and all that stands before: the square would be dark on its diagonal "
        "and everywhere below it.",
    ),
    "a GPT with a short memory": (
        "Each token sees itself and only the last few before it.",
        "Then a dark band would run along the diagonal, and everything below it would be pale.",
    ),
    "a model that writes backwards": (
        "Each token sees itself and all that stand after it.",
        "Then each token would see itself and what stands after it: dark on the diagonal and "
        "above.",
    ),
}


def _masks(size: int, memory: int) -> dict[str, Tensor]:
    """Returns for each model which key, a column, each query, a row, may see: ones and zeros."""
    ones = torch.ones(size, size)
    return {
        "the encoder of a Transformer": ones,
        "a GPT": ones.tril(),
        "a GPT with a short memory": ones.tril().triu(-memory),
        "a model that writes backwards": ones.triu(),
    }


def _mask_picture(name: str, size: int, memory: int) -> Picture:
    mask = _masks(size, memory)[name]
    rows = "; ".join(
        f"row {number}: column {int(row.nonzero()[0]) + 1} to {int(row.nonzero()[-1]) + 1}"
        for number, row in enumerate(mask, 1)
    )
    alt = (
        f"A square of {size} rows, the queries, and {size} columns, the keys. Dark are, in {rows}."
    )
    return image_grid(mask[None], alt=alt, cell=1.8)


@kind(
    "Who sees whom",
    objective="encoder-decoder against decoder-only (what each is for)",
    misconceptions=("GPT has an encoder",),
)
def who_sees_whom(draw: Draw) -> Question:
    """Asks which model a mask belongs to."""
    size, memory = draw.integer(6, 9), draw.integer(1, 2)
    name = draw.choice(list(MODELS))
    text = (
        f"The figure shows a mask of self-attention for {size} tokens. The rows are the queries, "
        "from the first token at the top to the last; the columns are the keys, from the first at "
        "the left. Dark means that the query may see the key. To which model does it belong?"
    )
    picture = partial(_mask_picture, name, size, memory)
    wrong = {other: reason for other, (_, reason) in MODELS.items()}
    return choose(draw, text, name, MODELS[name][0], wrong, picture)
