"""What a run starts from: the package's digits and texts, or one's own, batches, safe files."""

from .checks import (
    check_fields,
    check_finite,
    check_image_shape,
    check_images,
    check_labels,
    check_logits,
    check_number,
    check_same_shape,
    check_tensor,
    may_look,
)
from .epochs import Batches
from .examples import batches, split
from .files import (
    ASSETS,
    Checksum,
    DataError,
    asset_error,
    cache_folder,
    read_asset,
    write_file,
    write_whole,
)
from .idx import read_idx
from .ink import fit_to_mnist
from .mnist import MNIST, load_digits, load_mnist, mnist_root
from .nested import course_class, course_name, decode_nested, encode_nested
from .pictures import ImageSteps, image_steps, read_image
from .pixels import (
    MNIST_MEAN,
    MNIST_STD,
    binarize,
    from_signed,
    is_unit_range,
    standardize,
    to_float,
    to_signed,
    to_uint8,
)
from .plain_text import read_text
from .tensors import DAMAGE, Kept, damaged_file, load_tensors, save_tensors
from .texts import load_plays, load_poems, load_sonnets, split_text

__all__ = [
    "ASSETS",
    "DAMAGE",
    "MNIST",
    "MNIST_MEAN",
    "MNIST_STD",
    "Batches",
    "Checksum",
    "DataError",
    "ImageSteps",
    "Kept",
    "asset_error",
    "batches",
    "binarize",
    "cache_folder",
    "check_fields",
    "check_finite",
    "check_image_shape",
    "check_images",
    "check_labels",
    "check_logits",
    "check_number",
    "check_same_shape",
    "check_tensor",
    "course_class",
    "course_name",
    "damaged_file",
    "decode_nested",
    "encode_nested",
    "fit_to_mnist",
    "from_signed",
    "image_steps",
    "is_unit_range",
    "load_digits",
    "load_mnist",
    "load_plays",
    "load_poems",
    "load_sonnets",
    "load_tensors",
    "may_look",
    "mnist_root",
    "read_asset",
    "read_idx",
    "read_image",
    "read_text",
    "save_tensors",
    "split",
    "split_text",
    "standardize",
    "to_float",
    "to_signed",
    "to_uint8",
    "write_file",
    "write_whole",
]
