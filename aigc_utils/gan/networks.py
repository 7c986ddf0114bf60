"""Chapter 2: the course's two players, the networks that draw digits and tell them from real."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Generator(nn.Module):
    """The course's generator: noise becomes 7 by 7 cells of features, and each cell 4 by 4 pixels.

    All convolutions work on the 7 by 7 cells, where they are cheap; the last one gives sixteen
    numbers for each cell, which are laid out as its pixels (Shi et al., 2016).
    A label adds its own numbers to the cells, so one network draws all ten digits.
    """

    def __init__(self, latent_dim: int = 64, width: int = 48) -> None:
        super().__init__()
        self.latent_dim, self.width = latent_dim, width
        self.embedding = nn.Embedding(10, 7 * 7 * width)
        nn.init.normal_(self.embedding.weight, std=0.3)
        self.expand = nn.Linear(latent_dim, 7 * 7 * width)
        self.cells = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 16, kernel_size=3, padding=1),
        )
        self.to(memory_format=torch.channels_last)

    @property
    def configuration(self) -> dict[str, Any]:
        """The constructor's arguments, as `save_model` keeps them."""
        return {"latent_dim": self.latent_dim, "width": self.width}

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Returns images in [-1, 1], shape (B, 1, 28, 28), of noise, shape (B, latent_dim).

        The labels say which digit: int64, (B,), or shares of the ten digits, float, (B, 10).
        """
        x = self.expand(z)
        if labels is not None:
            shares = labels if labels.is_floating_point() else F.one_hot(labels, 10).float()
            x = x + shares @ self.embedding.weight
        x = x.view(-1, 7, 7, self.width).permute(0, 3, 1, 2)  # (B, width, 7, 7)
        x = self.cells(x)  # (B, 16, 7, 7)
        return F.pixel_shuffle(x, 4).tanh()


class Discriminator(nn.Module):
    """The course's discriminator: three convolutions, each with stride 2, and one linear layer.

    It gives a logit, and has no batch norm: an image's score must not depend on its neighbours.
    With labels it also compares its features with the label's embedding (Miyato and Koyama, 2018).
    """

    def __init__(self, widths: Sequence[int] = (16, 48, 96)) -> None:
        super().__init__()
        self.widths = tuple(widths)
        first, second, third = widths
        self.features = nn.Sequential(
            nn.Conv2d(1, first, kernel_size=4, stride=2, padding=1),  # (B, first, 14, 14)
            nn.LeakyReLU(0.2),
            nn.Conv2d(first, second, kernel_size=4, stride=2, padding=1),  # (B, second, 7, 7)
            nn.LeakyReLU(0.2),
            nn.Conv2d(second, third, kernel_size=3, stride=2, padding=1),  # (B, third, 4, 4)
            nn.LeakyReLU(0.2),
        )
        self.score = nn.Linear(third * 4 * 4, 1)
        self.embedding = nn.Embedding(10, third * 4 * 4)
        nn.init.zeros_(self.embedding.weight)
        self.to(memory_format=torch.channels_last)

    @property
    def configuration(self) -> dict[str, Any]:
        """The constructor's arguments, as `save_model` keeps them."""
        return {"widths": self.widths}

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Returns logits of being real, (B,), of images in [-1, 1] and labels, int64, (B,)."""
        x = self.features(images).permute(0, 2, 3, 1).flatten(1)  # (B, 16 * third)
        logits: Tensor = self.score(x)[:, 0]
        if labels is not None:
            logits = logits + (self.embedding(labels) * x).sum(1) / x.size(1) ** 0.5
        return logits
