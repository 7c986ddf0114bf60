"""Each kind of input has one check, and each check one sentence."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from aigc_utils import data
from aigc_utils.limits import whole

BYTES = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
IDS = torch.tensor([0, 9])


def test_what_fits_passes() -> None:
    data.check_images(BYTES)
    data.check_images(BYTES[:, :, :3], any_size=True)
    data.check_image_shape(BYTES.float())
    data.check_labels(IDS)
    data.check_labels(IDS, 2, classes=10)
    data.check_logits(torch.tensor([[0.0, -math.inf]]))
    data.check_finite("x", IDS)
    data.check_same_shape(a=IDS, b=IDS)
    for count in (1, np.int64(3)):
        whole("n", count)
    whole("n", 0, lowest=0)
    for number in (0, 1, 0.5, np.float32(0.25), 1e300):
        data.check_number("x", number)
    recipe = SimpleNamespace(size=1, rate=3.0, share=1.0)
    data.check_fields(recipe, counts=["size"], numbers=["rate"], shares=["share"])


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (lambda: data.check_images(BYTES.float()), "uint8 of shape (N, 1, 28, 28), 0 to 255"),
        (lambda: data.check_images(BYTES[:, :, 1:]), "not torch.uint8 of shape (2, 1, 27, 28)"),
        (lambda: data.check_images(BYTES.expand(2, 3, 28, 28)), "(N, 1, 28, 28)"),
        (lambda: data.check_images(BYTES[0]), "of shape (1, 28, 28)"),
        (lambda: data.check_images(BYTES[:0]), "with N at least 1"),
        (lambda: data.check_images(BYTES[..., :0], any_size=True), "(N, 1, H, W)"),
        (lambda: data.check_images(BYTES.numpy(), name="held"), "held must be a tensor, not nd"),  # type: ignore[arg-type]
        (lambda: data.check_image_shape(BYTES[:, 0]), "(B, 1, 28, 28), not (2, 28, 28)"),
        (lambda: data.check_labels(IDS, 3), "of shape (3,), one for each image"),
        (lambda: data.check_labels(IDS + 1), "from 0 to 9, and some aren't: they reach from 1 to"),
        (lambda: data.check_labels(IDS - 1), "they reach from -1 to 8"),
        (lambda: data.check_labels(IDS, classes=9), "from 0 to 8"),
        (lambda: data.check_labels(IDS.float()), "must be int64"),
        (lambda: data.check_labels(IDS.int()), "must be int64"),
        (lambda: data.check_labels(IDS[:0]), "N at least 1"),
        (lambda: data.check_labels([0, 1]), "labels must be a tensor, not list"),  # type: ignore[arg-type]
        (lambda: data.check_logits(torch.tensor([[0.0, math.nan]])), "some are NaN"),
        (lambda: data.check_logits(torch.zeros(2, 0)), "(N, classes)"),
        (lambda: data.check_logits(torch.zeros(2)), "(N, classes)"),
        (lambda: data.check_finite("z", torch.tensor([math.inf])), "z must be finite"),
        (lambda: data.check_same_shape(a=IDS, b=IDS[:1]), "a and b must have one shape, not (2,)"),
        (lambda: whole("k", 0), "k must be a whole number of at least 1, not 0"),
        (lambda: whole("k", -1, lowest=0), "k must be a whole number of at least 0, not -1"),
        (lambda: whole("k", 2.0), "k must be a whole number of at least 1, not 2"),  # type: ignore[arg-type]
        (lambda: whole("k", True), "whole number"),
        (lambda: whole("k", "3"), "whole number"),  # type: ignore[arg-type]
        (lambda: data.check_number("x", -1e-9), "x must be 0 or more"),
        (lambda: data.check_number("x", math.nan), "not nan"),
        (lambda: data.check_number("x", math.inf), "not inf"),
        (lambda: data.check_number("x", 1.01, most=1), "x must be from 0 to 1, not 1"),
        (lambda: data.check_number("x", "1"), "x must be 0 or more"),  # type: ignore[arg-type]
        (
            lambda: data.check_fields(SimpleNamespace(a=0), counts=["a"]),
            "a must be a whole number of at least 1",
        ),
        (lambda: data.check_fields(SimpleNamespace(a=-1), numbers=["a"]), "a must be 0 or more"),
        (lambda: data.check_fields(SimpleNamespace(a=2), shares=["a"]), "a must be from 0 to 1"),
    ],
)
def test_what_does_not_fit_is_named_in_one_sentence(check: Callable[[], Any], said: str) -> None:
    with pytest.raises(ValueError, match=r"\.$") as error:
        check()
    assert said in str(error.value)
    assert ". " not in str(error.value)
    assert "\n" not in str(error.value)
