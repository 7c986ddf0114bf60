"""What a run starts from, all of it in the package: digits, texts, batches, safe files, checks."""

from .checks import (
    check_count,
    check_fields,
    check_finite,
    check_image_shape,
    check_images,
    check_labels,
    check_logits,
    check_number,
    check_same_shape,
    check_tensor,
)
from .examples import batches, split
from .files import ASSETS, Checksum, DataError, asset_error, cache_folder, read_asset, write_whole
from .mnist import MNIST, load_mnist, mnist_root
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
from .texts import load_plays, load_poems, load_sonnets, split_text

__all__ = [
    "ASSETS",
    "MNIST",
    "MNIST_MEAN",
    "MNIST_STD",
    "Checksum",
    "DataError",
    "asset_error",
    "batches",
    "binarize",
    "cache_folder",
    "check_count",
    "check_fields",
    "check_finite",
    "check_image_shape",
    "check_images",
    "check_labels",
    "check_logits",
    "check_number",
    "check_same_shape",
    "check_tensor",
    "is_unit_range",
    "load_mnist",
    "load_plays",
    "load_poems",
    "load_sonnets",
    "mnist_root",
    "read_asset",
    "split",
    "split_text",
    "standardize",
    "to_float",
    "to_signed",
    "to_uint8",
    "write_whole",
]
