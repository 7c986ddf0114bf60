"""What a run starts from: the package's digits and texts, or one's own, batches, safe files."""

from .examples import batches, split
from .files import ASSETS, Checksum, DataError, asset_error, cache_folder, read_asset, write_whole
from .idx import read_idx
from .mnist import MNIST, load_digits, load_mnist, mnist_root
from .pictures import ImageSteps, image_steps, read_image
from .pixels import (
    MNIST_MEAN,
    MNIST_STD,
    binarize,
    is_unit_range,
    standardize,
    to_float,
    to_signed,
    to_uint8,
)
from .plain_text import read_text
from .texts import load_plays, load_poems, load_sonnets, split_text

__all__ = [
    "ASSETS",
    "MNIST",
    "MNIST_MEAN",
    "MNIST_STD",
    "Checksum",
    "DataError",
    "ImageSteps",
    "asset_error",
    "batches",
    "binarize",
    "cache_folder",
    "image_steps",
    "is_unit_range",
    "load_digits",
    "load_mnist",
    "load_plays",
    "load_poems",
    "load_sonnets",
    "mnist_root",
    "read_asset",
    "read_idx",
    "read_image",
    "read_text",
    "split",
    "split_text",
    "standardize",
    "to_float",
    "to_signed",
    "to_uint8",
    "write_whole",
]
