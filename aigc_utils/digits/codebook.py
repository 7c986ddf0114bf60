"""Chapter 6: images as tokens, so that a GPT can write them: a codebook of small patches."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ..data import check_images, check_tensor, is_unit_range, to_float, to_uint8
from ..devices import exact
from ..limits import whole

#: Patches that are encoded at a time: their distances to 256 codes are 4 MB and stay in a
#: processor's cache, which takes less than half as long as ten times as many.
CHUNK = 4000


class Codebook:
    """A vocabulary of square patches; each patch of an image becomes the number of the nearest.

    Raises:
        ValueError: the codes have another type or shape, or pixels outside [0, 1].

    Source: van den Oord, Vinyals and Kavukcuoglu, Neural Discrete Representation Learning, 2017,
    with k-means in place of a trained encoder.
    """

    def __init__(self, codes: Tensor) -> None:
        """Takes over the patches, float32, (num_codes, side * side), pixels in [0, 1]."""
        check_tensor("codes", codes)
        square = codes.ndim == 2 and codes.numel() > 0 and _side(codes.size(1))
        if codes.dtype != torch.float32 or not square or not is_unit_range(codes):
            raise ValueError(
                "codes must be float32 in [0, 1] of shape (num_codes, side * side), not "
                f"{codes.dtype} of shape {tuple(codes.shape)} or of other values."
            )
        self.codes, self.side = codes, _side(codes.size(1))

    def encode(self, images: Tensor) -> Tensor:
        """Returns the tokens, int64, (N, T), of images, uint8, (N, 1, H, W), row by row.

        Raises:
            ValueError: the images aren't uint8, or their sides are no multiples of the patch's.
        """
        codes = self.codes.to(exact(self.codes.device)).double()
        patches = _cut(images, self.side).flatten(0, 1).to(codes.device)
        return _nearest(patches, codes).view(len(images), -1).to(images.device)

    def decode(self, tokens: Tensor) -> Tensor:
        """Returns the square images, uint8, (N, 1, H, H), of tokens, (N, T), T a square number.

        Raises:
            ValueError: the tokens aren't int64, T is no square number, or an id is none of the
                codebook's.
        """
        check_tensor("tokens", tokens)
        rows = _side(tokens.size(1)) if tokens.ndim == 2 and tokens.dtype == torch.int64 else 0
        if not rows or len(tokens) == 0:
            raise ValueError(
                "tokens must be int64 of shape (N, T), N at least 1 and T a square number, not "
                f"{tokens.dtype} of shape {tuple(tokens.shape)}."
            )
        low, high = tokens.aminmax()
        if low < 0 or high >= len(self.codes):
            raise ValueError(
                f"tokens must be from 0 to {len(self.codes) - 1}, the ids of the codebook, and "
                f"they reach from {int(low)} to {int(high)}."
            )
        size = rows * self.side
        patches = self.codes[tokens.to(self.codes.device)].transpose(1, 2)  # (N, side * side, T)
        images = F.fold(patches, size, self.side, stride=self.side)
        return to_uint8(images).to(tokens.device)


def learn_codebook(
    images: Tensor, num_codes: int, rng: torch.Generator, side: int = 4, rounds: int = 15
) -> Codebook:
    """Returns a codebook of the patches of some images, learned by k-means.

    Each round gives every patch to its nearest code, then moves each code to the mean of its
    patches; a code without any begins anew at a random patch.

    Args:
        images: uint8, (N, 1, H, W).
        num_codes: size of the vocabulary, at least 1.
        rng: draws the patches to begin with.
        side: of a patch, in pixels.
        rounds: of k-means; 0 for patches as they were drawn.

    Raises:
        ValueError: the images aren't uint8 of that shape, `side` does not divide theirs, a number
            is too small, or there are fewer different patches than codes.
    """
    whole("num_codes", num_codes)
    whole("rounds", rounds, lowest=0)
    patches = _cut(images, side).flatten(0, 1)
    different = patches.unique(dim=0)
    if len(different) < num_codes:
        raise ValueError(f"{len(different)} different patches are too few for {num_codes} codes.")
    order = torch.randperm(len(different), generator=rng, device=rng.device)
    codes = different[order[:num_codes].to(images.device)]
    for _ in range(rounds):
        nearest = _nearest(patches, codes)
        counts = torch.bincount(nearest, minlength=num_codes)[:, None]
        sums = torch.zeros_like(codes).index_add_(0, nearest, patches)
        fresh = torch.randint(len(different), (num_codes,), generator=rng, device=rng.device)
        renewed = different[fresh.to(images.device)]
        codes = torch.where(counts > 0, sums / counts.clamp(min=1), renewed)
    return Codebook(codes)


def _cut(images: Tensor, side: int) -> Tensor:
    """Returns the patches of images, float32 in [0, 1], (N, T, side * side)."""
    check_images(images, any_size=True)
    whole("side", side)
    height, width = images.shape[-2:]
    if height % side or width % side:
        raise ValueError(
            f"Images of {height} by {width} pixels can't be cut into squares of {side}."
        )
    return F.unfold(to_float(images), side, stride=side).transpose(1, 2)


def _side(area: int) -> int:
    """Returns the side of a square of this area in whole numbers, or 0 where there is none."""
    side = math.isqrt(area)
    return side if side * side == area else 0


def _nearest(patches: Tensor, codes: Tensor) -> Tensor:
    """Returns the number of the nearest code, (N,), of each patch, (N, side * side).

    In float32 codes may differ by too little for what |b|² - 2ab leaves: it does for k-means, where
    either of two such codes will do. Codes in float64 are told apart.
    """
    lengths, turned = codes.square().sum(1), codes.T
    parts = patches.split(CHUNK)
    return torch.cat([(lengths - 2 * c.to(codes.dtype) @ turned).argmin(1) for c in parts])
