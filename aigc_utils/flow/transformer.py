"""Chapter 5: a Transformer that says where an image moves, made of chapter 4's blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data import check_image_shape
from ..limits import whole
from .networks import TimeAndClass, towards

#: What makes one of a Transformer's blocks: `gpt.Block` with a configuration.
MakeBlock = Callable[[], nn.Module]


class DiT(nn.Module):
    """A Transformer for images: patches are its tokens, time and class steer its norms.

    It guesses the clean image, as `ImageFlow` does, and its velocity leads there.

    Its blocks are those of another model, such as chapter 4's: what they need is the parts
    `attention_norm`, `attention`, `mlp_norm` and `mlp`. Where a language model hides what comes
    after, here each patch sees all.

    `save_model` does not take it, as it can't tell what made the blocks: keep it with
    `training.save_run(path, model=it)`.

    Raises:
        ValueError: the patch doesn't divide 28, or a size is out of range.

    Source: Peebles and Xie, Scalable Diffusion Models with Transformers, 2023.
    """

    def __init__(
        self, make_block: MakeBlock, width: int, layers: int = 3, patch: int = 4, classes: int = 10
    ) -> None:
        super().__init__()
        if 28 % whole("patch", patch):
            raise ValueError(f"patch must divide 28, not be {patch}.")
        self.patch, self.side, self.classes = patch, 28 // patch, classes
        self.told = TimeAndClass(width, whole("classes", classes, 0))
        self.read = nn.Linear(patch * patch, width)
        self.places = nn.Parameter(0.02 * torch.randn(self.side**2, width))
        self.blocks = nn.ModuleList(make_block() for _ in range(whole("layers", layers)))
        self.steer = nn.ModuleList(nn.Linear(width, 6 * width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, patch * patch)
        for layer in (*self.steer, self.head):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

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
        told = self.told(t, labels)
        tokens = F.pixel_unshuffle(x, self.patch).flatten(2).mT  # (B, side * side, patch * patch)
        tokens = self.read(tokens) + self.places
        places = len(self.places)
        everything = torch.ones(places, places, dtype=torch.bool, device=x.device)
        for block, steer in zip(self.blocks, self.steer, strict=True):
            tokens = steered(block, tokens, steer(told), everything)
        patches = self.head(self.norm(tokens)).mT.unflatten(2, (self.side, self.side))
        return towards(F.pixel_shuffle(patches, self.patch).tanh(), x, t)


def steered(block: Any, x: Tensor, signals: Tensor, mask: Tensor) -> Tensor:
    """Returns what a Transformer's block makes of tokens, (B, T, width), steered from outside.

    The six signals, (B, 6 * width), scale and shift what attention and MLP read, and scale what
    they add; all zero, the block adds nothing.
    """
    scale, shift, gate, mlp_scale, mlp_shift, mlp_gate = signals[:, None].chunk(6, dim=2)
    seen = block.attention_norm(x) * (1 + scale) + shift
    x = x + gate * block.attention(seen, mask=mask)
    seen = block.mlp_norm(x) * (1 + mlp_scale) + mlp_shift
    result: Tensor = x + mlp_gate * block.mlp(seen)
    return result
