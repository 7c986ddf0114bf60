"""What holds of pixels, batches and splits, whatever they are made of."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from aigc_utils import data

SEEDS = st.integers(0, 2**31)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bytes_of(shape: list[int], seed: int) -> Tensor:
    return torch.randint(256, shape, dtype=torch.uint8, generator=seeded(seed))


OUTSIDE = st.one_of(
    st.floats(max_value=-1e-6), st.floats(min_value=1 + 1e-6), st.just(float("nan"))
)
SHAPES = st.lists(st.integers(1, 5), min_size=0, max_size=4)


@given(SHAPES, SEEDS)
def test_bytes_come_back_from_floats(shape: list[int], seed: int) -> None:
    images = bytes_of(shape, seed)
    floats = data.to_float(images)
    assert floats.shape == images.shape
    assert data.is_unit_range(floats)
    for dtype in (torch.float32, torch.float64, torch.float16):
        assert torch.equal(data.to_uint8(floats.to(dtype)), images)
    signed = data.to_signed(images)
    assert torch.equal(data.to_uint8((signed + 1) / 2), images)
    assert torch.equal(data.from_signed(signed), images)
    standard = data.standardize(images)
    back = standard * data.MNIST_STD + data.MNIST_MEAN
    assert torch.equal(data.to_uint8(back.clamp(0, 1)), images)


@given(SHAPES, SEEDS)
def test_binary_pixels_keep_black_and_white(shape: list[int], seed: int) -> None:
    images = data.to_float(bytes_of(shape, seed))
    binary = data.binarize(images, seeded(seed))
    assert ((binary == 0) | (binary == 1)).all()
    assert torch.equal(data.binarize(binary, seeded(seed + 1)), binary)
    assert torch.equal(data.binarize(images, seeded(seed)), binary)


@given(
    SHAPES,
    OUTSIDE,
)
def test_one_pixel_out_of_range_is_refused(shape: list[int], value: float) -> None:
    images = torch.full((*shape, 2), 0.5, dtype=torch.float64)
    images[..., 1] = value
    assert not data.is_unit_range(images)
    for convert in (data.to_uint8, data.standardize, lambda x: data.binarize(x, seeded(0))):
        with pytest.raises(ValueError, match=r"^[a-z_0-9]+ expects .*floats of 0 to 1.*\.$"):
            convert(images)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 4), SEEDS)
def test_each_example_comes_once_an_epoch(size: int, batch: int, epochs: int, seed: int) -> None:
    batch = min(batch, size)
    numbers = torch.arange(size)
    drawn = list(data.batches((numbers, 2 * numbers), batch, rng=seeded(seed), epochs=epochs))
    each = size // batch
    assert len(drawn) == each * epochs
    for start in range(0, len(drawn), each):
        seen = torch.cat([x for x, _ in drawn[start : start + each]])
        assert len(seen.unique()) == len(seen) == each * batch
    assert all(torch.equal(2 * x, y) for x, y in drawn)
    again = data.batches((numbers,), batch, rng=seeded(seed), epochs=epochs)
    assert all(torch.equal(x, y) for (x, _), (y,) in zip(drawn, again, strict=True))


@given(st.integers(2, 60), st.integers(1, 59), SEEDS)
def test_a_split_holds_each_example_once(size: int, validation: int, seed: int) -> None:
    validation = min(validation, size - 1)
    images, labels = torch.arange(size)[:, None], torch.arange(size) + 100
    parts = data.split(images, labels, validation, seed)
    assert [len(part) for part in parts] == [size - validation] * 2 + [validation] * 2
    held = torch.cat([parts[0], parts[2]])[:, 0]
    assert held.sort().values.tolist() == list(range(size))
    for part, its_labels in pairwise(parts):
        if part.ndim == 2:
            assert torch.equal(part[:, 0] + 100, its_labels)
