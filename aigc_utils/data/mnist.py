"""MNIST from the package's own files, checked, as tensors in memory: no network, no downloads.

The files hold the originals' bytes, recompressed (`assets/NOTICE.md`).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from .files import ASSETS, Checksum, DataError, asset_error, cache_folder, read_asset, write_whole
from .idx import Header, idx_header, idx_tensor


class MNIST(NamedTuple):
    """The 70,000 digits as Yann LeCun and Corinna Cortes split them.

    Images are uint8, (N, 1, 28, 28), 0 = black background to 255 = white ink; labels are int64,
    (N,), 0 to 9. N is 60,000 for training and 10,000 for the test.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


#: What each bundled file of MNIST must be, in the order of the fields of `MNIST`;
#: `benchmarks/make_mnist_assets.py` prints them.
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
        return MNIST(*pool.map(lambda name: _as_tensor(name, _read_asset(name)), CHECKSUMS))


def load_digits(*, test: bool) -> tuple[Tensor, Tensor]:
    """Returns the images and labels of one half of MNIST alone: for the test or for training.

    The tensors are new ones, as those of `load_mnist`; the bytes that they are made of stay in
    memory, 8 or 47 MB, so that a second call takes a tenth of the time.

    Raises:
        DataError: as `load_mnist`.
    """
    names = [name for name in CHECKSUMS if _is_for_test(name) == test]
    images, labels = (_as_tensor(name, _read_once(name)) for name in names)
    return images, labels


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
        return _unpack(cache_folder())
    except DataError:
        user = f"-{os.getuid()}" if hasattr(os, "getuid") else ""
        with suppress(OSError):  # there may be no temporary folder either
            return _unpack(Path(tempfile.gettempdir()) / f"aigc_utils{user}")
        raise


def _read_asset(name: str) -> bytes:
    """Returns a bundled file unpacked, after its SHA-256 is checked."""
    expected = CHECKSUMS[name]
    packed = read_asset(ASSETS / "mnist" / f"{name}.gz", expected.size, expected.sha256)
    return zlib.decompress(packed, wbits=31, bufsize=expected.unpacked_size)


def _is_for_test(name: str) -> bool:
    return name.startswith("t10k")


@cache
def _read_once(name: str) -> bytes:
    # Bytes can't be changed, so whoever writes to a tensor changes nothing for the next one.
    return _read_asset(name)


def _as_tensor(name: str, content: bytes) -> Tensor:
    """Returns a bundled file: images as uint8 (N, 1, 28, 28), labels as int64 (N,)."""
    shape: tuple[int, ...] = (10_000 if _is_for_test(name) else 60_000,)
    if "images" in name:
        shape += (28, 28)
    try:
        if idx_header(content) != Header(np.dtype("u1"), shape):
            raise ValueError("has another header")
        return idx_tensor(content)
    except ValueError as error:
        problem = f"isn't an idx file of {shape}"
        raise asset_error(ASSETS / "mnist" / f"{name}.gz", problem) from error


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
