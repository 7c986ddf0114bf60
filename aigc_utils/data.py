"""MNIST from the package's own files, checked, as tensors in memory: no network, no downloads.

The files hold the originals' bytes, recompressed (`assets/NOTICE.md`). Every read compares a
SHA-256, so a damaged file gives one sentence that says what to do, and never a wrong digit.
"""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np
import torch
from torch import Tensor

# The folder of all files that come with the course.
ASSETS = Path(__file__).parent / "assets"

# Mean of the training set's pixels, in units of white = 1.
MNIST_MEAN = 0.1307
# Standard deviation of the training set's pixels, in units of white = 1.
MNIST_STD = 0.3081


class DataError(RuntimeError):
    """Data that can't be read or written; the message is one sentence that says what to do."""


class MNIST(NamedTuple):
    """The 70,000 digits as Yann LeCun and Corinna Cortes split them.

    Images are uint8, (N, 1, 28, 28), 0 = black background to 255 = white ink; labels are int64,
    (N,), 0 to 9. N is 60,000 for training and 10,000 for the test.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


class Checksum(NamedTuple):
    """What a bundled file must be: bytes and SHA-256 as stored, bytes and MD5 once unpacked."""

    size: int
    sha256: str
    unpacked_size: int
    unpacked_md5: str


# What each bundled file of MNIST must be, in the order of the fields of `MNIST`;
# `benchmarks/make_mnist_assets.py` prints them.
CHECKSUMS = {
    "train-images-idx3-ubyte": Checksum(
        9143356,
        "994533b74bb0c8ebfe1bebb5ebd3fa77eb059a47070b6ba8e489225e886b4f75",
        47040016,
        "6bbc9ace898e44ae57da46a324031adb",
    ),
    "train-labels-idx1-ubyte": Checksum(
        25493,
        "d45f60849479b3508a38b1144da649d545f46c42c0998f6e2a53bf98c1d85404",
        60008,
        "a25bea736e30d166cdddb491f175f624",
    ),
    "t10k-images-idx3-ubyte": Checksum(
        1521124,
        "22ec1ba67d2671d750b162338b92b0645234cb7c119a57c31c5f8338a29629fe",
        7840016,
        "2646ac647ad5339dbf082846283269ea",
    ),
    "t10k-labels-idx1-ubyte": Checksum(
        3878,
        "42e4e36d77705aa6c8383657d62fb40b0034984ae25fca66154db715f2c12dac",
        10008,
        "27ae3e4e09519cfbb04c329615203637",
    ),
}


def load_mnist() -> MNIST:
    """Returns all of MNIST in memory, as new tensors that may be written to.

    Raises:
        DataError: a bundled file is missing, damaged or not what its name says.

    Source: LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document
    recognition".
    """
    with ThreadPoolExecutor() as pool:
        images, labels, test_images, test_labels = pool.map(_read_tensor, CHECKSUMS)
    return MNIST(images[:, None], labels.long(), test_images[:, None], test_labels.long())


def mnist_root(root: str | Path | None = None) -> Path:
    """Returns a folder from which `torchvision.datasets.MNIST(root, download=True)` reads offline.

    The four original files are unpacked to `root/MNIST/raw` (55 MB) unless they are there and
    intact. Without `root` that is the user's cache folder, or else the temporary one.

    Raises:
        DataError: a bundled file is missing or damaged, or the folder can't be written.
    """
    if root is not None:
        return _unpack(Path(root))
    try:
        return _unpack(_cache_folder())
    except DataError:
        user = f"-{os.getuid()}" if hasattr(os, "getuid") else ""
        with suppress(OSError):  # there may be no temporary folder either
            return _unpack(Path(tempfile.gettempdir()) / f"aigc_utils{user}")
        raise


def to_float(images: Tensor) -> Tensor:
    """Returns float32 images of the same shape, 0 = black to 1 = white, from uint8 ones.

    Raises:
        ValueError: the images aren't uint8, so they may have been scaled before.
    """
    if images.dtype != torch.uint8:
        raise ValueError(f"to_float expects uint8 images of 0 to 255, not {images.dtype}.")
    return images.float() / 255


def to_signed(images: Tensor) -> Tensor:
    """Returns float32 images of the same shape, -1 = black to 1 = white, from uint8 ones.

    Raises:
        ValueError: the images aren't uint8.
    """
    return to_float(images) * 2 - 1


def binarize(images: Tensor, generator: torch.Generator) -> Tensor:
    """Returns images of zeros and ones, drawn anew at each call.

    The grey value of a pixel is the probability that it becomes 1.

    Args:
        images: floats in [0, 1], of any shape.
        generator: draws the pixels.

    Source: Salakhutdinov and Murray, On the quantitative analysis of deep belief networks, 2008.
    """
    return (torch.rand(images.shape, generator=generator) < images).to(images.dtype)


def standardize(images: Tensor) -> Tensor:
    """Returns float32 images in standard deviations from the training set's mean pixel.

    Takes uint8 images of 0 to 255 or floating ones of 0 to 1, of any shape; gradients pass.

    Raises:
        ValueError: the images are of another integer type.
    """
    scaled = images.float() if images.is_floating_point() else to_float(images)
    return (scaled - MNIST_MEAN) / MNIST_STD


def split(
    images: Tensor, labels: Tensor, validation: int, seed: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Returns training images and labels, then validation images and labels, drawn by `seed`.

    `validation` is the number of examples held out of N; the other N - `validation` are for
    training. All four are copies.

    Raises:
        ValueError: images and labels differ in number, or one of the parts would be empty.
    """
    size = _common_length((images, labels))
    if not 0 < validation < size:
        raise ValueError(f"validation must be from 1 to {size - 1}, not {validation}.")
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    train_images, train_labels = _gather((images, labels), order[validation:])
    held_images, held_labels = _gather((images, labels), order[:validation])
    return train_images, train_labels, held_images, held_labels


def batches(
    tensors: tuple[Tensor, ...],
    batch_size: int,
    *,
    generator: torch.Generator,
    epochs: int | None = None,
    drop_last: bool = True,
) -> Iterator[tuple[Tensor, ...]]:
    """Returns an iterator of batches, one (B, ...) copy for each of `tensors`, (N, ...).

    Each epoch is a new order drawn from `generator`; without `epochs` it never ends. With
    `drop_last` the N mod B examples at an epoch's end are left out, so every batch has B.

    Raises:
        ValueError: no examples, differing lengths, or sizes that give no batch.
    """
    size = _common_length(tensors)
    if batch_size < 1 or (drop_last and batch_size > size):
        raise ValueError(f"batch_size must be from 1 to {size}, not {batch_size}.")
    if epochs is not None and epochs < 0:
        raise ValueError(f"epochs must be None or 0 and more, not {epochs}.")
    used = size - size % batch_size if drop_last else size

    # A function of its own, so that the checks above speak at the call and not at the first batch.
    def drawn() -> Iterator[tuple[Tensor, ...]]:
        for _ in count() if epochs is None else range(epochs):
            order = torch.randperm(size, generator=generator, device=generator.device)
            for start in range(0, used, batch_size):
                yield _gather(tensors, order[start : start + batch_size])

    return drawn()


def write_whole(path: Path, data: bytes) -> None:
    """Writes all of a file or nothing: to a file of its own beside it, then renamed.

    Raises:
        OSError: the folder can't be written.
    """
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def read_asset(path: Path, size: int, sha256: str) -> bytes:
    """Returns the bytes of a file that comes with the course, after they are checked.

    Args:
        path: the file, under `ASSETS`.
        size: how many bytes it has.
        sha256: their SHA-256, in hexadecimal digits.

    Raises:
        DataError: the file is missing, cut short or damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _asset_error(path, f"can't be read ({error.strerror})") from error
    if len(content) < size:
        raise _asset_error(path, f"is cut short at {len(content)} of {size} bytes")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _asset_error(path, "is damaged")
    return content


def _gather(tensors: tuple[Tensor, ...], index: Tensor) -> tuple[Tensor, ...]:
    # index_select copies whole rows: 60,000 uint8 digits in 4 ms, where tensor[index] takes 50.
    return tuple(tensor.index_select(0, index.to(tensor.device)) for tensor in tensors)


def _common_length(tensors: tuple[Tensor, ...]) -> int:
    lengths = [len(tensor) if tensor.ndim else 0 for tensor in tensors]
    if not lengths or min(lengths) < 1 or len(set(lengths)) > 1:
        raise ValueError(f"The tensors must hold equally many examples, not {lengths}.")
    return lengths[0]


def _read_asset(name: str) -> bytes:
    """Returns a bundled file unpacked, after its SHA-256 is checked."""
    expected = CHECKSUMS[name]
    packed = read_asset(ASSETS / "mnist" / f"{name}.gz", expected.size, expected.sha256)
    return zlib.decompress(packed, wbits=31, bufsize=expected.unpacked_size)


def _asset_error(path: Path, problem: str) -> DataError:
    return DataError(
        f"The data file {path} {problem}: restore it with `git checkout -- aigc_utils/assets`, "
        "or install the course again."
    )


def _read_tensor(name: str) -> Tensor:
    """Returns a bundled idx file as a uint8 tensor: (N, 28, 28) for images, (N,) for labels."""
    data = _read_asset(name)
    shape: tuple[int, ...] = (60_000 if name.startswith("train") else 10_000,)
    if "images" in name:
        shape += (28, 28)
    # An idx header: two zeros, type 8 (uint8), the number of axes, each axis big-endian.
    header = bytes((0, 0, 8, len(shape))) + b"".join(n.to_bytes(4, "big") for n in shape)
    if not data.startswith(header) or len(data) != len(header) + math.prod(shape):
        raise _asset_error(ASSETS / "mnist" / f"{name}.gz", f"isn't an idx file of {shape}")
    # A copy, as bytes are read-only and a tensor isn't.
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=len(header)).copy()).view(shape)


def _cache_folder() -> Path:
    base = Path(os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path("~/.cache")) / "aigc_utils"


def _unpack(root: Path) -> Path:
    """Returns `root` with the four original files in it, whole; intact ones are left alone."""
    try:
        root = root.expanduser()
        for name in CHECKSUMS:
            _unpack_file(root / "MNIST" / "raw" / name)
    except DataError:
        raise
    except (OSError, RuntimeError) as error:  # RuntimeError: "~" without a home
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise DataError(
            f"MNIST can't be unpacked to {root} ({reason}): make room or permission there, "
            "or pass another folder, as in mnist_root('data')."
        ) from error
    return root


def _unpack_file(path: Path) -> None:
    if _is_intact(path):
        return
    data = _read_asset(path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError:
        # Another process may have been first; Windows then refuses to replace its file.
        if not _is_intact(path):
            raise


def _is_intact(path: Path) -> bool:
    expected = CHECKSUMS[path.name]
    try:
        if path.stat().st_size != expected.unpacked_size:
            return False
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    except OSError:
        return False
    return digest == expected.unpacked_md5
