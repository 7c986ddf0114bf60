"""Images as tokens: the codebook of small patches."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from aigc_utils.digits import Codebook, learn_codebook


def some_images(count: int, size: int = 8) -> Tensor:
    rng = torch.Generator().manual_seed(1)
    return torch.randint(256, (count, 1, size, size), dtype=torch.uint8, generator=rng)


def two_patches() -> Codebook:
    return Codebook(torch.stack([torch.zeros(4), torch.tensor([1.0, 0.0, 0.0, 1.0])]))


def test_tokens_stand_row_by_row() -> None:
    image = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    image[0, 0, 0, 2] = image[0, 0, 1, 3] = 250  # the second patch of the first row
    assert two_patches().encode(image).tolist() == [[0, 1, 0, 0]]


def test_an_image_made_of_codes_comes_back() -> None:
    codebook = two_patches()
    tokens = torch.tensor([[0, 1, 1, 0], [1, 1, 1, 1]])
    images = codebook.decode(tokens)
    assert images.shape == (2, 1, 4, 4)
    assert images.dtype == torch.uint8
    assert images[0, 0, :2].tolist() == [[0, 0, 255, 0], [0, 0, 0, 255]]
    assert torch.equal(codebook.encode(images), tokens)


def test_each_patch_gets_its_nearest_code() -> None:
    rng = torch.Generator().manual_seed(0)
    images = some_images(20)
    codebook = learn_codebook(images, 16, rng)
    patches = images.float().div(255).unfold(2, 4, 4).unfold(3, 4, 4).reshape(20, 4, 16)
    nearest = torch.cdist(patches, codebook.codes).argmin(-1)
    assert torch.equal(codebook.encode(images), nearest)


def test_more_rounds_lose_less() -> None:
    images = some_images(60)
    losses = []
    for rounds in (0, 3, 20):
        rng = torch.Generator().manual_seed(0)
        codebook = learn_codebook(images, 24, rng, rounds=rounds)
        back = codebook.decode(codebook.encode(images))
        losses.append((back.float() - images.float()).square().mean().item())
    assert losses[0] > losses[1] > losses[2]


def test_as_many_codes_as_patches_lose_nothing() -> None:
    images = some_images(3)
    codebook = learn_codebook(images, 12, torch.Generator().manual_seed(0))
    assert torch.equal(codebook.decode(codebook.encode(images)), images)


def test_the_same_seed_gives_the_same_codebook() -> None:
    made = [learn_codebook(some_images(20), 8, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(made[0].codes, made[1].codes)


def test_too_few_patches_and_odd_sizes_are_refused() -> None:
    rng = torch.Generator()
    with pytest.raises(ValueError, match=r"^4 different patches are too few for 5 codes\.$"):
        learn_codebook(some_images(1), 5, rng)
    with pytest.raises(ValueError, match=r"^Images of 8 by 8 pixels can't be cut into squares"):
        learn_codebook(some_images(1), 2, rng, side=3)


@pytest.mark.parametrize(
    "codes",
    [
        torch.zeros(2, 15),  # no square
        torch.zeros(0, 16),
        torch.zeros(16),
        torch.zeros(2, 0),
        torch.zeros(2, 16).double(),
        torch.full((2, 16), 1.5),
        torch.full((2, 16), float("nan")),
    ],
)
def test_codes_that_are_no_squares_of_pixels_are_refused(codes: Tensor) -> None:
    with pytest.raises(ValueError, match=r"^codes must be float32 in \[0, 1\] of shape"):
        Codebook(codes)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (torch.tensor([[0, 1, -1, 0]]), "^tokens must be from 0 to 1, the ids of the codebook"),
        (torch.tensor([[0, 1, 2, 0]]), "they reach from 0 to 2"),
        (torch.zeros(1, 3).long(), "T a square number"),
        (torch.zeros(1, 0).long(), "T a square number"),
        (torch.zeros(0, 4).long(), "N at least 1"),
        (torch.zeros(4).long(), r"of shape \(4,\)"),
        (torch.zeros(1, 4), "must be int64"),
        (torch.ones(1, 4, dtype=torch.uint8), "must be int64"),
        (torch.ones(1, 4, dtype=torch.bool), "must be int64"),
    ],
)
def test_tokens_that_are_no_image_are_refused(tokens: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        two_patches().decode(tokens)


@pytest.mark.parametrize(
    "images",
    [
        some_images(2).float(),
        some_images(2)[:, 0],
        some_images(2).expand(2, 3, 8, 8),
        some_images(2)[:0],
    ],
)
def test_images_of_another_kind_are_refused(images: Tensor) -> None:
    with pytest.raises(ValueError, match=r"^images must be uint8 of shape \(N, 1, H, W\)"):
        two_patches().encode(images)
    with pytest.raises(ValueError, match=r"^images must be uint8 of shape \(N, 1, H, W\)"):
        learn_codebook(images, 2, torch.Generator())


@pytest.mark.parametrize(
    "change", [{"num_codes": 0}, {"num_codes": -1}, {"side": 0}, {"rounds": -1}]
)
def test_numbers_that_make_no_codebook_are_refused(change: dict[str, int]) -> None:
    (name,) = change
    with pytest.raises(ValueError, match=f"^{name} must be a whole number of at least"):
        learn_codebook(some_images(2), rng=torch.Generator(), **{"num_codes": 2, **change})


def test_codes_that_nearly_agree_are_told_apart() -> None:
    # In float32 the squared lengths, 16, are known to 1e-6: codes 1e-4 apart look alike.
    codes = torch.ones(64, 16)
    codes[:, 0] = 1 - torch.linspace(0, 6e-3, 64).flip(0)
    images = torch.full((1, 1, 4, 4), 255, dtype=torch.uint8)
    assert Codebook(codes).encode(images).tolist() == [[63]]
    assert Codebook(codes.flip(0)).encode(images).tolist() == [[0]]
