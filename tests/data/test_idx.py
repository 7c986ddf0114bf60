"""idx files: MNIST's relatives as they come, and all that is none in one sentence."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from own_files import NO_FILES, read_or_refused, refused
from torch import Tensor

from aigc_utils import data
from aigc_utils.data import idx

IMAGES = torch.arange(2 * 3 * 5).view(2, 3, 5)


def as_idx(values: Tensor, code: int = 0x08) -> bytes:
    """Returns an idx file's bytes."""
    header = bytes((0, 0, code, values.ndim))
    lengths = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return header + lengths + values.numpy().astype(idx.TYPES[code]).tobytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some file"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_images_and_labels_come_as_the_course_takes_them(pack, path: Path) -> None:
    path.write_bytes(pack(as_idx(IMAGES)))
    images = data.read_idx(path)
    assert images.dtype == torch.uint8
    assert images.shape == (2, 1, 3, 5)
    assert torch.equal(images[:, 0].long(), IMAGES)
    images.fill_(1)  # it may be written to
    path.write_bytes(pack(as_idx(torch.tensor([3, 1, 26]))))
    labels = data.read_idx(str(path))
    assert labels.dtype == torch.int64
    assert labels.tolist() == [3, 1, 26]


@pytest.mark.parametrize(
    ("code", "dtype"),
    [
        (0x08, torch.uint8),
        (0x09, torch.int8),
        (0x0B, torch.int16),
        (0x0C, torch.int32),
        (0x0D, torch.float32),
        (0x0E, torch.float64),
    ],
)
def test_each_type_keeps_its_values(code: int, dtype: torch.dtype, path: Path) -> None:
    size = torch.empty((), dtype=dtype).element_size()
    low = 0 if code == 0x08 else -(2 ** (8 * min(size, 2) - 1))
    values = torch.tensor([[low, -low - 1 if low else 255], [1, 2]])
    path.write_bytes(as_idx(values, code))
    table = data.read_idx(path)
    assert (table.dtype, table.tolist()) == (dtype, values.tolist())
    path.write_bytes(as_idx(values.flatten(), code))
    line = data.read_idx(path)
    assert line.dtype == (dtype if dtype.is_floating_point else torch.int64)
    assert line.tolist() == values.flatten().tolist()
    path.write_bytes(as_idx(values.view(1, 2, 1, 2), code))
    assert data.read_idx(path).shape == (1, 2, 1, 2)


def test_the_packages_own_files_are_read_alike() -> None:
    images = data.read_idx(data.ASSETS / "mnist" / "t10k-images-idx3-ubyte.gz")
    labels = data.read_idx(data.ASSETS / "mnist" / "t10k-labels-idx1-ubyte.gz")
    for ours, read in zip(data.load_digits(test=True), (images, labels), strict=True):
        assert ours.dtype == read.dtype
        assert torch.equal(ours, read)


def test_one_half_of_mnist_is_the_same_as_in_the_whole() -> None:
    whole = data.load_mnist()
    halves = (*data.load_digits(test=False), *data.load_digits(test=True))
    assert all(torch.equal(a, b) for a, b in zip(whole, halves, strict=True))
    for tensor in halves:
        tensor.fill_(3)
    assert torch.equal(data.load_digits(test=True)[0], whole.test_images)


def test_images_that_lie_on_their_side_are_turned_as_the_docstring_says(path: Path) -> None:
    upright = data.load_digits(test=True)[0][:5]
    path.write_bytes(gzip.compress(as_idx(upright[:, 0].transpose(1, 2))))  # as EMNIST has them
    assert torch.equal(data.read_idx(path).transpose(2, 3), upright)
    assert "`images.transpose(2, 3)`" in (data.read_idx.__doc__ or "")


def test_a_network_trains_on_them(path: Path) -> None:
    from aigc_utils import cnn, evaluation

    digits, classes = data.load_digits(test=True)
    files = []
    for name, tensor in [("x", digits[:300, 0]), ("y", classes[:300])]:
        files.append(path.with_name(f"kmnist-{name}.gz"))
        files[-1].write_bytes(gzip.compress(as_idx(tensor), 1))
    images, labels = map(data.read_idx, files)
    recipe = cnn.CNNRecipe((4, 4, 4), 3, 64, 0.01, 0.1, 0.1)
    model, _ = cnn.train_course(recipe, images, labels, seed=0)
    assert evaluation.accuracy(evaluation.predict(model, images), labels) > 40


def test_labels_beyond_the_networks_outputs_are_told(path: Path) -> None:
    from aigc_utils import cnn

    path.write_bytes(as_idx(torch.arange(1, 27)))  # as EMNIST's letters have them
    images, labels = data.load_digits(test=True)[0][:26], data.read_idx(path)
    recipe = cnn.CNNRecipe((4, 4, 4), 1, 13, 0.01, 0.1, 0.1)
    with pytest.raises(ValueError, match=r"labels must be from 0 to 9.* from 1 to 26\.$"):
        cnn.train_course(recipe, images, labels, seed=0)


WHOLE = as_idx(IMAGES)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("length", [0, 1, 3, 4, 7, 15, 16, len(WHOLE) - 1])
def test_a_file_cut_short_is_told(pack, length: int, path: Path) -> None:
    path.write_bytes(pack(WHOLE[:length]))
    message = refused(data.read_idx, path, str(path))
    assert ("cut short" in message) == (length >= 4)


def test_a_packed_file_is_told_wherever_it_is_cut_or_damaged(path: Path) -> None:
    packed = gzip.compress(WHOLE, mtime=0)
    for length in range(1, len(packed)):
        path.write_bytes(packed[:length])
        refused(data.read_idx, path)
    for place in range(len(packed)):
        for bit in range(8):
            damaged = bytearray(packed)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            found = read_or_refused(data.read_idx, path)
            # gzip's header holds a time and a system that change nothing.
            assert found is None or torch.equal(found[:, 0].long(), IMAGES)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_that_is_too_long_is_told(pack, path: Path) -> None:
    for more in (b"\0", b"\0" * 1000):
        path.write_bytes(pack(WHOLE + more))
        refused(data.read_idx, path, f"longer than the {len(WHOLE)} bytes of its header")
    path.write_bytes(gzip.compress(WHOLE) + b"more")
    refused(data.read_idx, path, "is damaged")


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a", WHOLE)
    return made.getvalue()


def saved_by_numpy() -> bytes:
    made = io.BytesIO()
    np.save(made, IMAGES.numpy())
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (gzip.compress(b""), "isn't an idx file"),
        (b"label,pixel0,pixel1\n5,0,0\n", "isn't an idx file"),
        (b"\x89PNG\r\n\x1a\n", "isn't an idx file"),
        (b"<!DOCTYPE html><html>404</html>", "is a web page"),
        (zipped(), "is a ZIP archive"),
        (bz2.compress(WHOLE), "packed by bzip2"),
        (lzma.compress(WHOLE), "packed by xz"),
        (gzip.compress(gzip.compress(WHOLE)), "packed twice"),
        (saved_by_numpy(), "NumPy's"),
        (bytes((0, 1, *WHOLE[2:])), "isn't an idx file"),
        (bytes((1, 0, *WHOLE[2:])), "isn't an idx file"),
        (bytes((0, 0, 0x0A, *WHOLE[3:])), "isn't an idx file"),
        (bytes((0, 0, 0, *WHOLE[3:])), "isn't an idx file"),
        (bytes((0, 0, 8, 0, 7)), "has 0 axes"),
        (bytes((0, 0, 8, 9)) + bytes((0, 0, 0, 1)) * 9 + b"\1", "has 9 axes"),
        (bytes((0, 0, 8, 255)) + bytes(1020), "has 255 axes"),
        (as_idx(torch.zeros(0, 28, 28)), "holds nothing (0 by 28 by 28)"),
        (as_idx(torch.zeros(0)), "holds nothing"),
        (as_idx(torch.zeros(5, 0, 28)), "holds nothing"),
        (bytes((0, 0, 8, 3)) + b"\xff" * 12, "more than the 1,073,741,824 bytes"),
        (gzip.compress(bytes((0, 0, 8, 4)) + b"\xff" * 16), "more than the 1,073,741,824 bytes"),
        (bytes((0, 0, 14, 1)) + b"\x20\0\0\0", "more than the 1,073,741,824 bytes"),
        (bytes((0, 0, 8, 1)) + b"\x3f\xff\xff\xff" + b"abc", "is cut short at 11 of 1,073,741,831"),
    ],
    # The files' own bytes hold the time of day, and two workers must find the same tests.
    ids=lambda part: part if isinstance(part, str) else "file",
)  # fmt: skip
def test_what_is_no_idx_file_is_told(content: bytes, said: str, path: Path) -> None:
    path.write_bytes(content)
    refused(data.read_idx, path, said, str(path))


@pytest.mark.parametrize(("make", "said"), NO_FILES)
def test_what_is_no_file_is_told(make, said: str, tmp_path: Path) -> None:
    if said.endswith("device") and sys.platform == "win32":
        pytest.skip("Windows has no such device.")
    for read in (data.read_idx, data.read_text, data.read_image):
        refused(read, make(tmp_path), said)


@pytest.mark.parametrize("path", [None, 5, b"x", IMAGES])
def test_what_names_no_file_is_told(path: object) -> None:
    for read in (data.read_idx, data.read_text, data.read_image):
        with pytest.raises(
            ValueError, match=r"^A file is named by a string or a pathlib\.Path, not"
        ):
            read(path)


def test_a_missing_file_is_told_with_the_folder_that_was_looked_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(data.read_idx, "x.gz", f"There is no file x.gz in {tmp_path}")


def test_a_file_in_the_home_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    (tmp_path / "x").write_bytes(WHOLE)
    assert data.read_idx("~/x").shape == (2, 1, 3, 5)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_file_without_the_right_to_read_it_is_told(path: Path) -> None:
    path.write_bytes(WHOLE)
    path.chmod(0)
    for read in (data.read_idx, data.read_text, data.read_image):
        refused(read, path, "rights")


def test_a_file_too_large_for_the_memory_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(WHOLE)
    monkeypatch.setattr("aigc_utils.data.own.LARGEST", len(WHOLE) - 1)
    for read in (data.read_idx, data.read_text, data.read_image):
        refused(read, path, f"has {len(WHOLE)} bytes, more than")


def test_a_packed_file_that_grows_without_end_is_not_unpacked(path: Path) -> None:
    path.write_bytes(gzip.compress(WHOLE + bytes(20_000_000), 1))
    refused(data.read_idx, path, "longer than")
