"""Properties of what reads a reader's own files: what was written comes back."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from own_files import alike
from PIL import Image, ImageDraw

from aigc_utils import data
from aigc_utils.data.idx import TYPES
from aigc_utils.data.ink import fit_to_mnist


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own") / "file"


def idx_bytes(code: int, shape: list[int], seed: int) -> tuple[bytes, np.ndarray]:
    """Returns an idx file of random numbers, and the numbers."""
    size = int(np.prod(shape)) * np.dtype(TYPES[code]).itemsize
    raw = np.random.default_rng(seed).bytes(size)
    lengths = b"".join(length.to_bytes(4, "big") for length in shape)
    values = np.frombuffer(raw, TYPES[code]).reshape(shape)
    return bytes((0, 0, code, len(shape))) + lengths + raw, values


files = st.builds(
    idx_bytes,
    st.sampled_from(sorted(TYPES)),
    st.lists(st.integers(1, 5), min_size=1, max_size=6),
    st.integers(0, 2**32),
)


@given(made=files, packed=st.booleans())
def test_every_number_of_an_idx_file_comes_back(
    made: tuple[bytes, np.ndarray], packed: bool, path: Path
) -> None:
    content, values = made
    path.write_bytes(gzip.compress(content) if packed else content)
    read = data.read_idx(path)
    shape = list(values.shape)
    assert list(read.shape) == ([*shape[:1], 1, *shape[1:]] if len(shape) == 3 else shape)
    again = read.numpy().reshape(shape)
    assert np.array_equal(again, values, equal_nan=values.dtype.kind == "f")


@given(made=files, cut=st.floats(0, 1, exclude_max=True), more=st.binary(min_size=1, max_size=9))
def test_an_idx_file_of_another_length_is_refused(
    made: tuple[bytes, np.ndarray], cut: float, more: bytes, path: Path
) -> None:
    for content in (made[0][: int(cut * len(made[0]))], made[0] + more):
        path.write_bytes(content)
        with pytest.raises(data.DataError, match=r"^[^\n]+\.$"):
            data.read_idx(path)


@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_one_sentence(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    for read in (data.read_idx, data.read_text, data.read_image):
        with suppress(data.DataError):
            assert len(read(path)) > 0


# No mark within, no zero byte, no lone surrogate; Python's own line ends are put in below.
texts = st.text(
    st.characters(exclude_characters="\0\r\ufeff", exclude_categories=["Cs"]), min_size=1
).filter(str.strip)


@given(
    text=texts,
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_a_text_comes_back(text: str, newline: str, encoding: str, path: Path) -> None:
    path.write_bytes(text.replace("\n", newline).encode(encoding))
    assert data.read_text(path) == text


@given(text=texts, encoding=st.sampled_from(["gbk", "big5", "gb18030", "cp1252", "utf-16-le"]))
def test_a_text_comes_back_in_the_encoding_that_is_named(
    text: str, encoding: str, path: Path
) -> None:
    kept = text.encode(encoding, "ignore").decode(encoding)
    path.write_bytes(kept.encode(encoding))
    if kept.strip() and not kept.startswith(("\xff\xfe", "\xfe\xff", "\xef\xbb\xbf")):
        assert data.read_text(path, encoding) == kept


#: Strokes of a "digit" in a square of 20 by 20, as the centres of a round pen.
strokes = st.lists(
    st.tuples(*[st.floats(2, 18)] * 4).filter(
        lambda s: (s[0] - s[2]) ** 2 + (s[1] - s[3]) ** 2 > 36
    ),
    min_size=1,
    max_size=4,
)


def picture(
    lines: list[tuple[float, ...]], scale: float, at: tuple[float, float], *, bright: bool = True
) -> Image.Image:
    """Returns strokes as a picture of 260 by 200: dark on bright, or bright on dark."""
    fine = 4  # times as large, and then made smaller, so that edges are soft
    ink = Image.new("L", (260 * fine, 200 * fine))
    pen = ImageDraw.Draw(ink)
    radius = 1.4 * scale * fine
    for x0, y0, x1, y1 in lines:
        ends = [((x * scale + at[0]) * fine, (y * scale + at[1]) * fine)
                for x, y in ((x0, y0), (x1, y1))]  # fmt: skip
        pen.line(ends, fill=200, width=round(2 * radius))
        for end in ends:
            pen.circle(end, radius, fill=200)
    small = ink.reduce(fine)
    return small.point(lambda value: 230 - value if bright else 25 + value)


@given(
    lines=strokes,
    scale=st.floats(3, 9),
    at=st.tuples(st.floats(10, 60), st.floats(5, 12)),
    bright=st.booleans(),
)
def test_a_picture_says_the_same_in_any_size_place_and_polarity(
    lines: list[tuple[float, ...]], scale: float, at: tuple[float, float], bright: bool, path: Path
) -> None:
    path = path.with_suffix(".png")
    read = []
    for made in (picture(lines, 8, (40, 10)), picture(lines, scale, at, bright=bright)):
        made.save(path)
        read.append(data.read_image(path))
    assert alike(*read) > 0.85


@given(size=st.tuples(st.integers(1, 60), st.integers(1, 60)), seed=st.integers(0, 2**32))
def test_any_ink_fits_into_mnists_square(size: tuple[int, int], seed: int) -> None:
    ink = torch.rand(size, generator=torch.Generator().manual_seed(seed)) + 0.01
    image = fit_to_mnist(ink.clamp(max=1))
    assert image.shape == (1, 1, 28, 28)
    assert image.dtype == torch.uint8
    assert image.max() == 255
    rows, columns = (image[0, 0].amax(axis).nonzero()[:, 0] for axis in (1, 0))
    assert max(rows[-1] - rows[0], columns[-1] - columns[0]) <= 19
