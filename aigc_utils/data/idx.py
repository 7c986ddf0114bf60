"""Files in idx, the format of MNIST and of the data sets made in its image.

Two zeros, a code for the numbers' type, the number of axes, the length of each axis as four bytes,
the highest first, and then the numbers, the last axis fastest and each highest byte first.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .files import DataError
from .own import LARGEST, own_file, unreadable

#: NumPy's name of the type for each of idx's six codes.
TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
#: The most axes that are read; MNIST and its relatives have one to three.
MOST_AXES = 8
#: What files that are taken for idx files begin with.
OTHERS = {
    b"\x1f\x8b": "is packed twice: unpack it once",
    b"PK": "is a ZIP archive: unpack it and name a file of it",
    b"BZh": "is packed by bzip2: unpack it first",
    b"\xfd7zXZ": "is packed by xz: unpack it first",
    b"\x93NUMPY": "is NumPy's: read it with torch.from_numpy(numpy.load(...))",
    b"<": "is a web page or XML in place of the data: download the file itself",
}
#: The two bytes that a file packed by gzip begins with.
GZIP = b"\x1f\x8b"


class Header(NamedTuple):
    """What the first bytes of an idx file say: its numbers' type and its shape."""

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]

    @property
    def header_bytes(self) -> int:
        """The length of the header."""
        return 4 + 4 * len(self.shape)

    @property
    def body_bytes(self) -> int:
        """The length of the numbers."""
        return self.dtype.itemsize * math.prod(self.shape)


def read_idx(path: str | Path) -> Tensor:
    """Returns the numbers of an idx file, packed by gzip or not, as a new tensor.

    Three axes are images and get an axis of channels: (N, 1, H, W), for MNIST and its relatives
    uint8, 0 = black background to 255 = white ink. One axis of integers is labels: int64, (N,).
    Anything else comes in the file's own shape and type, such as the table of QMNIST's labels.

    The files of Fashion-MNIST, KMNIST and EMNIST are read as they come. EMNIST's images lie on
    their side: `images.transpose(2, 3)` turns them. Its letters have the labels 1 to 26, so a
    network with ten outputs can't learn them.

    Args:
        path: the file, under any name.

    Raises:
        DataError: the file is missing, empty, a folder, cut short, too long, damaged, larger than
            1 GiB unpacked, or no idx file; or it holds no example.
        ValueError: the path is neither a string nor a `Path`.

    Source: LeCun, Cortes and Burges 1998, "The MNIST database of handwritten digits"; Xiao, Rasul
    and Vollgraf 2017 (Fashion-MNIST); Cohen et al. 2017 (EMNIST); Clanuwat et al. 2018 (KMNIST).
    """
    path = own_file(path)
    try:
        return idx_tensor(_unpacked(path))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        short = "is cut short" if isinstance(error, EOFError) else "is damaged"
        raise DataError(f"The file {path} {short}: download it again.") from error
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:
        raise DataError(f"The file {path} {error}.") from error


def idx_tensor(content: bytes) -> Tensor:
    """Returns the numbers of an idx file's bytes, in the shapes and types of `read_idx`.

    Raises:
        ValueError: these are not the bytes of an idx file; the message is what comes after "The
            file", and what to do.
    """
    header = idx_header(content)
    length = header.header_bytes + header.body_bytes
    if len(content) < length:
        raise ValueError(f"is cut short at {len(content):,} of {length:,} bytes: download it again")
    if len(content) > length:
        raise ValueError(f"is longer than the {length:,} bytes of its header: download it again")
    # A copy, as bytes are read-only and a tensor isn't.
    values = np.frombuffer(content, header.dtype, offset=header.header_bytes)
    native = np.array(values, header.dtype.newbyteorder("=")).reshape(header.shape)
    tensor = torch.from_numpy(native)
    if tensor.ndim == 3:
        return tensor[:, None]
    return tensor.long() if tensor.ndim == 1 and not tensor.is_floating_point() else tensor


def idx_header(content: bytes) -> Header:
    """Returns what the first bytes of an idx file say.

    Raises:
        ValueError: as `idx_tensor`, and where the numbers would be none, or more than 1 GiB.
    """
    for start, problem in OTHERS.items():
        if content.startswith(start):
            raise ValueError(problem)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in TYPES:
        first = content[:4].hex(" ") or "nothing"
        raise ValueError(f"isn't an idx file, as it begins with {first}: name another file")
    axes = content[3]
    if not 1 <= axes <= MOST_AXES:
        raise ValueError(f"has {axes} axes, and 1 to {MOST_AXES} are read: name another file")
    if len(content) < 4 + 4 * axes:
        raise ValueError("is cut short within its header: download it again")
    lengths = np.frombuffer(content, ">u4", axes, offset=4)
    header = Header(np.dtype(TYPES[content[2]]), tuple(lengths.tolist()))
    told = " by ".join(f"{length:,}" for length in header.shape)
    if not header.body_bytes:
        raise ValueError(f"holds nothing ({told}): name another file")
    if header.body_bytes > LARGEST:
        raise ValueError(
            f"says that it holds {told} numbers, more than the {LARGEST:,} bytes that are read: "
            "it is damaged, or name a smaller one"
        )
    return header


def _unpacked(path: Path) -> bytes:
    """Returns an idx file's bytes; of a longer file one byte too many, and no more."""
    with path.open("rb") as start:
        packed = start.read(2) == GZIP
    with gzip.open(path) if packed else path.open("rb") as file:
        first = file.read(4 + 4 * MOST_AXES)
        header = idx_header(first)
        rest = header.header_bytes + header.body_bytes - len(first)
        return first + file.read(max(rest, 0) + 1)
