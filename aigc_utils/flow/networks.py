"""Chapter 5: networks that say, of a point and a time, where the point moves.

Time enters as sines of many frequencies, the class as a vector, and both together move what each
layer reads. The last layer begins at zero.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data import check_image_shape, check_labels
from ..limits import whole


class TimeAndClass(nn.Module):
    """A vector for a time and a class, (B, width); one more class stands for "none said"."""

    frequencies: Tensor

    def __init__(self, width: int, classes: int = 0, waves: int = 16) -> None:
        super().__init__()
        self.classes = classes
        # From half a wave over the whole way to five.
        frequencies = torch.logspace(0, 1, waves) * math.pi
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.time = nn.Linear(2 * waves, width)
        self.label = nn.Embedding(classes + 1, width)
        nn.init.zeros_(self.label.weight)

    def forward(self, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Returns vectors, (B, width), of times, (B,), and labels, int64, (B,), or none.

        A label of `classes`, one beyond the last, says nothing either.

        Raises:
            ValueError: labels have another type, shape or range.
        """
        if labels is None:
            labels = torch.full(t.shape, self.classes, device=t.device)
        else:
            check_labels(labels, len(t), classes=self.classes + 1, wait=False)
        angles = t[:, None] * self.frequencies
        waves = torch.cat([angles.sin(), angles.cos()], dim=1)
        return F.silu(self.time(waves) + self.label(labels))


class Layer(nn.Module):
    """Adds to points, (B, width), what two matrices make of them, moved by time and class."""

    def __init__(self, width: int, told_width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.steer = nn.Linear(told_width, width, bias=False)
        self.expand, self.project = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """Returns a tensor of the shape of `x`, (B, width); `told` is (B, told_width)."""
        result: Tensor = x + self.project(F.silu(self.expand(self.norm(x)) + self.steer(told)))
        return result


class PointFlow(nn.Module):
    """A network for points of a few numbers: in the plane, or codes of a VAE.

    It is small on purpose: in a given time many steps of a narrow network learn more than few steps
    of a wide one. On codes of digits 1,000 steps of this width drew at a distance of 1.7, where 300
    steps took as many seconds at twice the width, steered by adaptive norms, and drew at 30.9.
    Time and class are said in `told_width` numbers.

    Raises:
        ValueError: a size is below 1, or `classes` below 0.
    """

    def __init__(
        self,
        dim: int,
        width: int = 256,
        layers: int = 3,
        classes: int = 0,
        told_width: int = 64,
    ) -> None:
        super().__init__()
        for name, size in (("dim", dim), ("width", width), ("layers", layers)):
            whole(name, size)
        whole("classes", classes, 0)
        self.dim, self.width, self.num_layers, self.classes = dim, width, layers, classes
        self.told_width = whole("told_width", told_width)
        self.told = TimeAndClass(told_width, classes)
        self.read = nn.Linear(dim, width)
        self.steer = nn.Linear(told_width, width, bias=False)
        self.layers = nn.ModuleList(Layer(width, told_width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, dim)
        # The norms forget how far out a point lies, so what grows with it has a way of its own.
        self.outward = nn.Linear(told_width, dim)
        for layer in (self.head, self.outward):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    @property
    def configuration(self) -> dict[str, Any]:
        """The constructor's arguments, as `save_model` keeps them."""
        sizes = {"dim": self.dim, "width": self.width, "layers": self.num_layers}
        return {**sizes, "classes": self.classes, "told_width": self.told_width}

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one point."""
        return (self.dim,)

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Returns velocities, (B, dim), of points, (B, dim), times, (B,), and labels or None.

        Raises:
            ValueError: points or labels don't fit.
        """
        if x.ndim != 2 or x.size(1) != self.dim:
            raise ValueError(f"points must have shape (B, {self.dim}), not {tuple(x.shape)}.")
        told = self.told(t, labels)
        h = self.read(x) + self.steer(told)
        for layer in self.layers:
            h = layer(h, told)
        velocity: Tensor = self.head(self.norm(h)) + self.outward(told) * x
        return velocity


#: What is left of the way, as a share of it, is taken to be no less than this.
REST = 0.05


def towards(guess: Tensor, x: Tensor, t: Tensor) -> Tensor:
    """Returns the velocity that leads images, (B, 1, 28, 28), at times (B,), to guesses of them.

    A network learns a guess of the clean image more easily than a velocity: it is a digit, while a
    velocity holds noise in each of the 784 pixels.

    Source: Li and He, Back to Basics: Let Denoising Generative Models Denoise, 2025.
    """
    return (guess - x) / (1 - t).clamp(min=REST).view(-1, 1, 1, 1)


class ConvolutionBlock(nn.Module):
    """Adds to maps, (B, width, H, W), what two convolutions make of them, moved by the rest."""

    def __init__(self, width: int, told_width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width, affine=False)
        self.steer = nn.Linear(told_width, width)
        self.expand = nn.Conv2d(width, width, 3, padding=1)
        self.project = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """Returns maps of the shape of `x`, with `told`, (B, told_width)."""
        seen = self.expand(F.silu(self.norm(x))) + self.steer(told)[..., None, None]
        result: Tensor = x + self.project(F.silu(seen))
        return result


class WholeBlock(nn.Module):
    """Adds to maps, (B, width, 7, 7), what fully connected layers see in all places at once."""

    def __init__(self, width: int, hidden: int, told_width: int) -> None:
        super().__init__()
        self.gather = nn.Sequential(nn.Conv2d(width, 16, 1), nn.Flatten())
        self.read, self.steer = nn.Linear(16 * 7 * 7, hidden), nn.Linear(told_width, hidden)
        self.layer = Layer(hidden, told_width)
        self.write = nn.Sequential(nn.SiLU(), nn.Linear(hidden, 16 * 7 * 7))
        self.spread = nn.Sequential(nn.Unflatten(1, (16, 7, 7)), nn.Conv2d(16, width, 1))

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """Returns maps of the shape of `x`, with `told`, (B, told_width)."""
        h = self.layer(self.read(self.gather(x)) + self.steer(told), told)
        result: Tensor = x + self.spread(self.write(h))
        return result


class ImageFlow(nn.Module):
    """A small U-Net: convolutions down to 7 by 7 cells, and back, with a way across.

    An image becomes 14 by 14 cells of 2 by 2 pixels. The way down halves the sides; in the middle
    convolutions see each cell's neighbours and, unless `hidden` is 0, fully connected layers the
    whole digit; on the way up the finer cells are given back.

    The network guesses the clean image, and its velocity leads there; without `guesses` it says the
    velocity itself.

    Raises:
        ValueError: `width` is no multiple of 8, or a size is out of range.

    Source: Ronneberger et al., U-Net, 2015.
    """

    def __init__(
        self,
        width: int = 16,
        hidden: int = 256,
        classes: int = 10,
        told_width: int = 64,
        guesses: bool = True,
    ) -> None:
        super().__init__()
        if whole("width", width) % 8:
            raise ValueError(f"width must be a multiple of 8, not {width}.")
        self.width, self.hidden = width, whole("hidden", hidden, 0)
        self.classes, self.told_width = whole("classes", classes, 0), told_width
        self.guesses, wide, told = guesses, 2 * width, whole("told_width", told_width)
        self.told = TimeAndClass(told, classes)
        self.read = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4, width, 3, padding=1))
        self.halve = nn.Conv2d(width, wide, 2, stride=2)
        middle = [ConvolutionBlock(wide, told), ConvolutionBlock(wide, told)]
        self.middle = nn.ModuleList(middle)
        if hidden:
            self.middle.insert(1, WholeBlock(wide, hidden, told))
        self.enlarge = nn.Sequential(nn.Conv2d(wide, 4 * width, 1), nn.PixelShuffle(2))
        last = nn.Conv2d(width, 4, 3, padding=1)
        self.head = nn.Sequential(nn.GroupNorm(8, width), nn.SiLU(), last, nn.PixelShuffle(2))
        self.outward = nn.Linear(told, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(self.outward.weight)

    @property
    def configuration(self) -> dict[str, Any]:
        """The constructor's arguments, as `save_model` keeps them."""
        sizes = {"width": self.width, "hidden": self.hidden, "told_width": self.told_width}
        return {**sizes, "classes": self.classes, "guesses": self.guesses}

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one image."""
        return (1, 28, 28)

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Returns velocities of images, (B, 1, 28, 28), at times, (B,), with labels or None.

        Raises:
            ValueError: images or labels don't fit.
        """
        check_image_shape(x)
        told, across = self.told(t, labels), self.read(x)
        h = self.halve(across)
        for block in self.middle:
            h = block(h, told)
        h = across + self.enlarge(h)
        said: Tensor = self.head(h) + self.outward(told)[..., None, None] * x
        return towards(said.tanh(), x, t) if self.guesses else said
