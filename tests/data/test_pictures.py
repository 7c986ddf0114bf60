"""Pictures of digits: read into MNIST's form, and read right by the course's network."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from own_files import alike, read_or_refused, refused
from PIL import Image, ImageDraw
from torch import Tensor

from aigc_utils import cnn, data, evaluation
from aigc_utils.data.ink import CENTRE

STROKES = [[(60, 50), (140, 40), (90, 160)], [(75, 100), (130, 95)]]  # a seven with a bar


def drawn(size: int = 200, paper: int = 235, ink: int = 40, width: int = 14) -> Image.Image:
    """Returns a seven, drawn on paper as a picture of 200 by 200 or another size."""
    image = Image.new("L", (size, size), paper)
    pen = ImageDraw.Draw(image)
    for stroke in STROKES:
        points = [(x * size / 200, y * size / 200) for x, y in stroke]
        pen.line(points, fill=ink, width=round(width * size / 200), joint="curve")
    return image


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "digit.png"


def read(image: Image.Image, path: Path, **options: object) -> Tensor:
    image.save(path, **options)
    return data.read_image(path)


@pytest.fixture
def seven(path: Path) -> Tensor:
    return read(drawn(), path)


def test_the_image_has_mnists_form(seven: Tensor) -> None:
    assert seven.shape == (1, 1, 28, 28)
    assert seven.dtype == torch.uint8
    rows, columns = (seven[0, 0].amax(axis).nonzero()[:, 0] for axis in (1, 0))
    high, wide = (int(places[-1] - places[0]) + 1 for places in (rows, columns))
    assert (high, wide) == (20, pytest.approx(14, abs=1.5))  # 134 by 94 pixels of ink
    assert seven.max() == 255
    mass = seven[0, 0].double()
    centre = [((torch.arange(28) + 0.5) * mass.sum(axis)).sum() / mass.sum() for axis in (1, 0)]
    assert centre == pytest.approx([14.5, 14.5], abs=0.51)


def test_the_images_of_mnist_have_that_centre_too() -> None:
    images = data.load_digits(test=True)[0][:2000, 0].double()
    places = torch.arange(28) + 0.5
    for axis in (1, 2):
        centre = (images.sum(3 - axis) * places).sum(1) / images.sum((1, 2))
        assert centre.mean().item() == pytest.approx(CENTRE, abs=0.02)
        assert centre.std().item() == pytest.approx(0.29, abs=0.02)


def test_an_image_of_mnist_comes_back(path: Path) -> None:
    originals = data.load_digits(test=True)[0][:50]
    for original in originals:
        again = read(Image.fromarray(original[0].numpy()), path)
        assert alike(again, original) > 0.97


# --- the many ways in which a picture is saved ------------------------------------------------


def transparent(ground: tuple[int, ...]) -> Callable[[Image.Image], Image.Image]:
    def make(image: Image.Image) -> Image.Image:
        ink = image.point(lambda value: 255 if value < 128 else 0)
        return Image.composite(
            Image.new("RGBA", image.size, (0, 0, 0, 255)),
            Image.new("RGBA", image.size, ground),
            ink,
        )

    return make


def deep(dtype: str, scale: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: Image.fromarray((np.asarray(image, np.float64) * scale).astype(dtype))


def with_colour_left_out(image: Image.Image) -> Image.Image:
    palette = image.convert("RGB").quantize(2)
    palette.info["transparency"] = palette.getpixel((0, 0))
    return palette


@pytest.mark.parametrize(
    ("change", "ending", "options"),
    [
        (lambda image: image.convert("RGB"), "jpg", {"quality": 60}),
        (lambda image: image.convert("CMYK"), "jpg", {}),
        (lambda image: image.convert("CMYK"), "tif", {}),
        (lambda image: image.convert("1", dither=Image.Dither.NONE), "png", {}),
        (lambda image: image.convert("P"), "png", {}),
        (lambda image: image.convert("P"), "gif", {}),
        (lambda image: image.convert("LA"), "png", {}),
        (lambda image: image.convert("RGB"), "webp", {}),
        (lambda image: image.convert("RGB"), "bmp", {}),
        (lambda image: image, "pgm", {}),
        (transparent((0, 0, 0, 0)), "png", {}),
        (transparent((255, 255, 255, 0)), "png", {}),
        (with_colour_left_out, "png", {}),
        (deep("uint16", 257), "png", {}),
        (deep("uint16", 257), "tif", {}),
        (deep("int32", 1), "tif", {}),
        (deep("int32", 257), "tif", {}),
        (deep("float32", 1 / 255), "tif", {}),
        (deep("float32", 1), "tif", {}),
    ],
)
def test_each_kind_of_picture_gives_the_same_digit(
    change: Callable[[Image.Image], Image.Image], ending: str, options: dict[str, object],
    path: Path, seven: Tensor,
) -> None:  # fmt: skip
    again = read(change(drawn()), path.with_suffix(f".{ending}"), **options)
    assert alike(again, seven) > 0.9


def test_a_cameras_rotation_is_undone(path: Path, seven: Tensor) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter to show it upright
    lying = drawn().transpose(Image.Transpose.ROTATE_90)
    assert alike(read(lying, path.with_suffix(".jpg"), exif=exif), seven) > 0.9
    assert alike(read(lying, path), seven) < 0.8


@pytest.mark.parametrize("size", [56, 300, 1500])
def test_size_and_polarity_change_little(size: int, path: Path, seven: Tensor) -> None:
    assert alike(read(drawn(size), path), seven) > 0.9
    assert alike(read(drawn(size, paper=20, ink=220), path), seven) > 0.9
    assert alike(read(drawn(size, paper=120, ink=60), path), seven) > 0.9  # in the dark


def test_uneven_light_noise_and_dust_change_little(path: Path, seven: Tensor) -> None:
    values = np.asarray(drawn(400), np.float64)
    y, x = np.mgrid[-1:1:400j, -1:1:400j]
    light = 0.75 + 0.2 * x - 0.15 * y - 0.12 * x * x
    noise = np.random.default_rng(0).normal(0, 8, values.shape)
    photo = Image.fromarray((values * light + noise).clip(0, 255).astype(np.uint8))
    photo.paste(30, (20, 20, 26, 26))
    photo.paste(30, (380, 300, 384, 306))
    assert alike(read(photo, path.with_suffix(".jpg")), seven) > 0.93


def test_the_steps_lead_to_the_digit(path: Path, seven: Tensor) -> None:
    path = path.with_name("again.png")
    drawn(1000).save(path)
    steps = data.image_steps(path)
    assert torch.equal(steps.digit, data.read_image(path))
    assert steps.photo.shape == steps.ink.shape == (334, 334)
    assert steps.photo[0, 0].item() == pytest.approx(235 / 255, abs=0.01)
    assert steps.ink.aminmax() == (0, 1)
    assert steps.ink[0, 0] == 0


# --- what is no picture of a digit ------------------------------------------------------------


def blank(noise: float) -> Image.Image:
    values = np.random.default_rng(0).normal(180, noise, (300, 400))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("noise", [0, 1, 10, 60])
def test_an_empty_sheet_is_told(noise: float, path: Path) -> None:
    blank(noise).save(path)
    refused(data.read_image, path, "shows no digit", str(path))


def test_uneven_light_alone_is_no_digit(path: Path) -> None:
    shades = np.linspace(250, 90, 300)[:, None] + np.linspace(0, -40, 200)
    Image.fromarray(shades.clip(0, 255).astype(np.uint8)).save(path)
    refused(data.read_image, path, "shows no digit")


def as_png() -> bytes:
    made = io.BytesIO()
    drawn().save(made, "PNG")
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"To be", "is no picture that can be read"),
        (b"%PDF-1.7\n", "is no picture that can be read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no picture that can be read"),
        (b"<svg xmlns='x'/>", "is no picture that can be read"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC or AVIF"),
        (as_png()[:-200], "is damaged or cut short"),
        (as_png()[:60] + b"\0" * 40 + as_png()[100:], "is damaged or cut short"),
    ],
)
def test_what_is_no_picture_is_told(content: bytes, said: str, path: Path) -> None:
    path.write_bytes(content)
    refused(data.read_image, path, said, str(path))


def test_a_cut_or_damaged_picture_never_raises_anything_else(path: Path) -> None:
    whole = as_png()
    places = torch.randint(len(whole), (60,), generator=torch.Generator().manual_seed(0)).tolist()
    for place in places:
        for content in (
            whole[:place],
            whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :],
        ):
            path.write_bytes(content)
            found = read_or_refused(data.read_image, path)
            assert found is None or found.shape == (1, 1, 28, 28)


@pytest.mark.parametrize("size", [(20_000, 20_000), (10_001, 10_000)])
def test_a_picture_that_would_fill_the_memory_is_told(size: tuple[int, int], path: Path) -> None:
    # A small file that says it is large: its first part says how wide and high.
    part = b"IHDR" + struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)
    whole = as_png()
    path.write_bytes(whole[:12] + part + struct.pack(">I", zlib.crc32(part)) + whole[33:])
    refused(data.read_image, path, "is too large", "at most 100 million pixels")


@pytest.mark.parametrize("size", [(1, 1), (5, 5), (7, 200), (3000, 20)])
def test_a_picture_too_small_for_a_digit_is_told(size: tuple[int, int], path: Path) -> None:
    Image.new("L", size, 200).save(path)
    refused(data.read_image, path, "too small or too narrow")


# --- what the network makes of them -----------------------------------------------------------


@pytest.fixture(scope="module")
def network() -> cnn.CourseCNN:
    images, labels = data.load_digits(test=False)
    return cnn.train_course(cnn.SPRINT, images, labels, seed=0)[0]


def as_photograph(digit: Tensor, rng: np.random.Generator) -> Image.Image:
    """Returns a digit large on a bright sheet, off its middle, in uneven light and with noise."""
    large = Image.fromarray(digit.numpy()).resize((240, 240), Image.Resampling.BICUBIC)
    ink = np.zeros((360, 480))
    top, left = rng.integers(5, 115), rng.integers(5, 235)
    ink[top : top + 240, left : left + 240] = np.asarray(large, np.float64) / 255
    y, x = np.mgrid[-1:1:360j, -1:1:480j]
    a, b, c = rng.uniform(-0.15, 0.15, 3)
    light = 200 * (0.9 + a * x + b * y + c * x * y)
    values = light * (1 - 0.75 * ink) + rng.normal(0, 5, ink.shape)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(("ending", "options"), [("png", {}), ("jpg", {"quality": 75})])
def test_photographed_digits_are_read_as_well_as_the_originals(
    ending: str, options: dict[str, object], path: Path, network: cnn.CourseCNN
) -> None:
    images, labels = (half[:200] for half in data.load_digits(test=True))
    rng = np.random.default_rng(0)
    photos = [read(as_photograph(digit, rng), path.with_suffix(f".{ending}"), **options)
              for digit in images[:, 0]]  # fmt: skip
    original = evaluation.accuracy(evaluation.predict(network, images), labels)
    photographed = evaluation.accuracy(evaluation.predict(network, torch.cat(photos)), labels)
    assert photographed >= original - 2
