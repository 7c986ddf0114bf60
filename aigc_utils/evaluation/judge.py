"""The judge: a small frozen classifier whose features every generative model is measured on.

It was trained once, on MNIST's training images alone (`benchmarks/make_judge.py`), so scores
from different chapters, runs and machines are on one scale. It stands where the Inception
network stands in the Fréchet inception distance (Heusel et al. 2017).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional as F

from .. import devices
from ..data import ASSETS, check_image_shape, check_images, read_asset, standardize

#: The bytes of the weights' file; `benchmarks/make_judge.py` prints them.
WEIGHTS_SIZE = 394692
#: The SHA-256 of the weights' file; `benchmarks/make_judge.py` prints it.
WEIGHTS_SHA256 = "e68404c3cc596a739a84e134631b82a91b685fd2a1075ac3b3585e42371fc9bb"

#: Images at a time; 1000 take a tenth longer, as they no longer fit the processor's cache.
CHUNK = 250


class Judgement(NamedTuple):
    """What the judge makes of N images: float32 features, (N, 64), and logits, (N, 10)."""

    features: Tensor
    logits: Tensor


class Judge(nn.Module):
    """Four convolutions, 64 features and a linear classifier: about 200,000 parameters."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *self._block(nn.Conv2d(1, 32, 5, stride=2, bias=False)),  # (B, 32, 12, 12)
            *self._block(nn.Conv2d(32, 48, 3, bias=False), nn.MaxPool2d(2)),  # (B, 48, 5, 5)
            *self._block(nn.Conv2d(48, 96, 3, padding=1, bias=False)),  # (B, 96, 5, 5)
            *self._block(nn.Conv2d(96, 96, 3, bias=False)),  # (B, 96, 3, 3)
        )
        self.hidden = nn.Linear(96 * 3 * 3, 64)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(64, 10)
        self.to(memory_format=torch.channels_last)

    @staticmethod
    def _block(convolution: nn.Conv2d, *pool: nn.Module) -> tuple[nn.Module, ...]:
        norm = nn.BatchNorm2d(convolution.out_channels)
        return convolution, *pool, norm, nn.ReLU(inplace=True)

    def features(self, x: Tensor) -> Tensor:
        """Returns features, none below zero, (B, 64), of standardized images, (B, 1, 28, 28)."""
        check_image_shape(x)
        x = self.convolutions(x)  # (B, 96, 3, 3)
        return F.relu(self.hidden(x.permute(0, 2, 3, 1).flatten(1)))  # (B, 64)

    def forward(self, x: Tensor) -> Tensor:
        """Returns logits, (B, 10), of standardized images, (B, 1, 28, 28)."""
        logits: Tensor = self.classifier(self.dropout(self.features(x)))
        return logits


def load_judge() -> Judge:
    """Returns the trained judge, frozen: in evaluation mode, and no parameter takes a gradient.

    Raises:
        DataError: the file of weights is missing, cut short or damaged.
    """
    judge = Judge()
    # Stored in half precision: half the bytes, and no image of the test set changes its class.
    weights = read_asset(ASSETS / "judge.safetensors", WEIGHTS_SIZE, WEIGHTS_SHA256)
    judge.load_state_dict({name: value.float() for name, value in load(weights).items()})
    return judge.eval().requires_grad_(False)


@torch.no_grad()
def judge_images(images: Tensor, *, device: str | torch.device | None = None) -> Judgement:
    """Returns the features and logits of images; 10,000 take less than a second on one core.

    Args:
        images: uint8, shape (N, 1, 28, 28), on any device; N is at least 1. What is returned lies
            there too.
        device: where to compute; by default a graphics card where there is one (`devices.device`).

    Raises:
        ValueError: the images are of another type or shape, or there is no such device.
        DataError: the judge's weights can't be read.
    """
    check_images(images)
    place = devices.device(device)
    judge = devices.build(place, load_judge)
    parts = [judge.features(standardize(part)) for part in images.to(place).split(CHUNK)]
    features = torch.cat(parts)
    logits = judge.classifier(features)
    return Judgement(features.to(images.device), logits.to(images.device))
