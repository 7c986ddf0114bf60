"""A photograph or a drawing of one digit, read into MNIST's form."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from .files import DataError
from .ink import find_ink, fit_to_mnist
from .own import own_file

#: What is read; others can run programs of their own (EPS) or are no pictures.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "TIFF", "WEBP")
#: The most pixels of a picture; more are a mistake, or made to fill the memory.
MOST_PIXELS = 100_000_000
#: A larger picture is made smaller than twice this before its ink is looked for.
LONGEST = 320
#: Fewer pixels a side, after that, hold no digit.
SHORTEST = 8
#: What a phone may save in place of JPEG, by the word at the fifth byte.
PHONES = {b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif", b"ftypheim", b"ftyphevc"}


class ImageSteps(NamedTuple):
    """A picture on its way into MNIST's form: as it was read, its ink, and the digit."""

    photo: Tensor  # (H, W), 0 = black to 1 = white
    ink: Tensor  # (H, W), 0 = paper to 1 = ink
    digit: Tensor  # uint8, (1, 1, 28, 28), 255 = ink


def read_image(path: str | Path) -> Tensor:
    """Returns a picture of one digit in MNIST's form: uint8, (1, 1, 28, 28), white on black.

    The picture shows one digit on a plain ground, dark on bright or bright on dark: a photograph
    cut to the sheet, a scan, a drawing. Transparent pixels are white, and a camera's rotation is
    undone. The ground's uneven light is removed, the digit scaled to 20 by 20 pixels and centred by
    its mass, as MNIST was made. Lines, letters and the table beside the sheet count as ink too.

    Args:
        path: a PNG, JPEG, GIF, BMP, PPM, TIFF or WebP file; of several pictures the first is read.

    Raises:
        DataError: the file is missing, empty, a folder, damaged, no such picture or too large; or
            nothing in the picture stands out of its ground.
        ValueError: the path is neither a string nor a `Path`.

    Source: LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document
    recognition", section III.A.
    """
    return image_steps(path).digit


def image_steps(path: str | Path) -> ImageSteps:
    """Returns what `read_image` makes of a picture, step by step.

    Raises:
        DataError: the picture can't be read, is too small, or shows no digit.
        ValueError: the path is neither a string nor a `Path`.
    """
    path = own_file(path)
    photo = _read_grey(path)
    if min(photo.shape) < SHORTEST:
        raise DataError(
            f"The picture {path} is too small or too narrow to hold a digit: take one of 28 by 28 "
            "pixels or more."
        )
    try:
        ink = find_ink(photo)
    except ValueError as error:
        raise DataError(
            f"The picture {path} shows no digit, as {error}: write it with a darker pen, or cut "
            "the picture to the digit."
        ) from error
    return ImageSteps(photo, ink, fit_to_mnist(ink))


def _read_grey(path: Path) -> Tensor:
    """Returns a picture's brightness, float32 (H, W), 0 = black to 1 = white, made smaller."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow: what matters is said below
            with Image.open(path, formats=FORMATS) as image:
                _check_size(path, image.size)
                grey = _grey(ImageOps.exif_transpose(image))
        grey = grey.reduce(max(1, max(grey.size) // LONGEST))
        return torch.from_numpy(np.asarray(grey, np.float32) / 255)
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(path, "") from error
    except Exception as error:  # Pillow's readers raise whatever a damaged file leads them to
        raise DataError(f"The file {path} {_problem(path)}") from error


def _grey(image: Image.Image) -> Image.Image:
    """Returns a picture in grey values of 0 to 255, in mode L or F; transparent pixels are white.

    Raises:
        ValueError: a pixel is not a number.
    """
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_deep(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB").convert("L")


def _deep(image: Image.Image) -> NDArray[np.float32]:
    """Returns the values of a picture of more than 8 bits as floats of 0 to 255."""
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("a pixel is not a number")
    white = 65535.0 if image.mode.startswith("I;16") else _white(float(values.max(initial=0)))
    if "transparency" in image.info:
        values[values == image.info["transparency"]] = white
    return (values * (255 / white)).clip(0, 255).astype(np.float32)


def _white(largest: float) -> float:
    """Returns what white is where the file does not say it: the next of the usual ones."""
    return next((usual for usual in (1.0, 255.0, 65535.0) if largest <= usual), largest)


def _check_size(path: Path, size: tuple[int, int]) -> None:
    if size[0] * size[1] > MOST_PIXELS:
        raise _too_large(path, f" ({size[0]:,} by {size[1]:,} pixels)")


def _too_large(path: Path, size: str) -> DataError:
    return DataError(
        f"The picture {path} is too large{size}: cut it to the digit, or save it with at most "
        f"{MOST_PIXELS // 1_000_000} million pixels."
    )


def _problem(path: Path) -> str:
    """Returns what is wrong with a file that could not be read, and what to do."""
    try:
        with path.open("rb") as file:
            first = file.read(12)
    except OSError as error:
        return f"can't be read ({error.strerror}): check its name and rights."
    if first[4:] in PHONES:
        return "is in a phone's own format (HEIC or AVIF): save it as JPEG or PNG first."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Image.open(path, formats=FORMATS).close()
    except Exception:
        return "is no picture that can be read: save it as PNG or JPEG."
    return "is damaged or cut short: save or download it again."
