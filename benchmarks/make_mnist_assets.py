"""Makes the four MNIST files of `aigc_utils/assets/mnist` from the original idx files.

Run once, by hand, in a folder that holds the unpacked originals; nothing else calls it:

    python -m pip install deflate
    python benchmarks/make_mnist_assets.py FOLDER_OF_THE_ORIGINALS

It prints the table of checksums that stands in `aigc_utils/data/mnist.py` and `assets/NOTICE.md`.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
import zlib
from pathlib import Path

TARGET = Path(__file__).parents[1] / "aigc_utils" / "assets" / "mnist"

# MD5 of the unpacked originals, as Yann LeCun and Corinna Cortes published them.
ORIGINALS = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def compress(data: bytes) -> bytes:
    """Returns `data` as one gzip member with no name and no time in it, so a rerun is identical.

    libdeflate at level 12 saves 5 % against zlib at level 9 (zopfli saves as much in seven times
    the time), and the result unpacks in the same time.
    """
    deflate = importlib.import_module("deflate")
    packed = bytes(deflate.gzip_compress(data, 12))
    if zlib.decompress(packed, wbits=31) != data:
        raise RuntimeError("The compressed file doesn't unpack to the original.")
    return packed


def main(source: Path) -> None:
    """Writes the four files and prints name, size, SHA-256, unpacked size and unpacked MD5."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, md5 in ORIGINALS.items():
        data = (source / name).read_bytes()
        if hashlib.md5(data, usedforsecurity=False).hexdigest() != md5:
            raise SystemExit(f"{source / name} isn't the original file.")
        packed = compress(data)
        (TARGET / f"{name}.gz").write_bytes(packed)
        print(f"{name}.gz", len(packed), hashlib.sha256(packed).hexdigest(), len(data), md5)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python benchmarks/make_mnist_assets.py FOLDER_OF_THE_ORIGINALS")
    main(Path(sys.argv[1]))
