"""Chapter 5: images as tokens, so that a GPT can write them: a codebook of small patches."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..data import to_float, to_uint8

#: Patches that are encoded at a time: their distances to 256 codes are 4 MB and stay in a
#: processor's cache, which takes less than half as long as ten times as many.
CHUNK = 4000


class Codebook:
    """A vocabulary of square patches; each patch of an image becomes the number of the nearest.

    Source: van den Oord, Vinyals and Kavukcuoglu, Neural Discrete Representation Learning, 2017,
    with k-means in place of a trained encoder.
    """

    def __init__(self, codes: Tensor) -> None:
        """Takes over the patches, float32, (num_codes, side * side), pixels in [0, 1]."""
        self.codes, self.side = codes, int(codes.size(1) ** 0.5)

    def encode(self, images: Tensor) -> Tensor:
        """Returns the tokens, int64, (N, T), of images, uint8, (N, 1, H, W), row by row.

        Raises:
            ValueError: the images aren't uint8, or their sides are no multiples of the patch's.
        """
        patches = _cut(images, self.side)
        return _nearest(patches.flatten(0, 1), self.codes).view(len(images), -1)

    def decode(self, tokens: Tensor) -> Tensor:
        """Returns the square images, uint8, (N, 1, H, H), of tokens, (N, T), T a square number."""
        size = int(tokens.size(1) ** 0.5) * self.side
        patches = self.codes[tokens].transpose(1, 2)  # (N, side * side, T)
        images = F.fold(patches, size, self.side, stride=self.side)
        return to_uint8(images)


def learn_codebook(
    images: Tensor, num_codes: int, rng: torch.Generator, side: int = 4, rounds: int = 15
) -> Codebook:
    """Returns a codebook of the patches of some images, learned by k-means.

    Each round gives every patch to its nearest code, then moves each code to the mean of its
    patches; a code without any begins anew at a random patch.

    Args:
        images: uint8, (N, 1, H, W).
        num_codes: size of the vocabulary.
        rng: draws the patches to begin with.
        side: of a patch, in pixels.
        rounds: of k-means.

    Raises:
        ValueError: the images aren't uint8, `side` does not divide theirs, or there are fewer
            different patches than codes.
    """
    patches = _cut(images, side).flatten(0, 1)
    different = patches.unique(dim=0)
    if len(different) < num_codes:
        raise ValueError(f"{len(different)} different patches are too few for {num_codes} codes.")
    codes = different[torch.randperm(len(different), generator=rng)[:num_codes]]
    for _ in range(rounds):
        nearest = _nearest(patches, codes)
        counts = torch.bincount(nearest, minlength=num_codes)[:, None]
        sums = torch.zeros_like(codes).index_add_(0, nearest, patches)
        fresh = torch.randint(len(different), (num_codes,), generator=rng)
        codes = torch.where(counts > 0, sums / counts.clamp(min=1), different[fresh])
    return Codebook(codes)


def _cut(images: Tensor, side: int) -> Tensor:
    """Returns the patches of images, float32 in [0, 1], (N, T, side * side)."""
    height, width = images.shape[-2:]
    if height % side or width % side:
        raise ValueError(
            f"Images of {height} by {width} pixels can't be cut into squares of {side}."
        )
    return F.unfold(to_float(images), side, stride=side).transpose(1, 2)


def _nearest(patches: Tensor, codes: Tensor) -> Tensor:
    """Returns the number of the nearest code, (N,), of each patch, (N, side * side)."""
    lengths = codes.square().sum(1)
    return torch.cat([(lengths - 2 * c @ codes.T).argmin(1) for c in patches.split(CHUNK)])
