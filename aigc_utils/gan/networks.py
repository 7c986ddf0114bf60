"""Chapter 2: the course's two players, the networks that draw digits and tell them from real."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data import check_image_shape


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

        Raises:
            ValueError: noise or labels have another shape or type.
        """
        check_noise(z, self.latent_dim, labels)
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
        """Returns logits of being real, (B,), of images in [-1, 1] and labels, int64, (B,).

        Raises:
            ValueError: the images aren't of shape (B, 1, 28, 28), or the labels not of shape (B,).
        """
        check_image_shape(images)
        if labels is not None and labels.shape != images.shape[:1]:
            raise ValueError(f"labels must be as many as the images, not {tuple(labels.shape)}.")
        x = self.features(images).permute(0, 2, 3, 1).flatten(1)  # (B, 16 * third)
        logits: Tensor = self.score(x)[:, 0]
        if labels is not None:
            logits = logits + (self.embedding(labels) * x).sum(1) / x.size(1) ** 0.5
        return logits


def check_noise(z: Tensor, latent_dim: int, labels: Tensor | None = None) -> None:
    """Checks noise, (N, latent_dim), and labels, as `Generator` takes them.

    One label would silently stand for all, and one row of noise for all labels.

    Raises:
        ValueError: noise or labels have another type or shape, or differ in number.
    """
    if z.ndim != 2 or z.size(1) != latent_dim:
        raise ValueError(f"noise must have shape (N, {latent_dim}), not {tuple(z.shape)}.")
    if labels is None:
        return
    if labels.shape[:1] != z.shape[:1]:
        raise ValueError(
            f"labels must be as many as the noise, {len(z)}, not {tuple(labels.shape)}."
        )
    whole = labels.dtype == torch.int64 and labels.ndim == 1
    shares = labels.is_floating_point() and labels.shape[1:] == (10,)
    if not (whole or shares):
        raise ValueError(
            "labels must be int64 of shape (N,), or shares of the ten digits, floats of shape "
            f"(N, 10), not {labels.dtype} of shape {tuple(labels.shape)}."
        )
