"""Chapter 4: what a model keeps of the tokens it has read, so that it reads each only once."""

from __future__ import annotations

import torch
from torch import Tensor

from ..limits import whole
from .attention import causal_mask
from .checks import check_padding, check_room
from .config import GPTConfig


class Memory:
    """One block's keys and values of all tokens read so far, (B, kv_heads, size, head_dim) each.

    Room for all is taken at once: growing token by token would copy everything each time.
    """

    def __init__(self, shape: tuple[int, ...], like: Tensor) -> None:
        self.keys, self.values, self.length = like.new_zeros(shape), like.new_zeros(shape), 0

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Stores T new keys and values, and returns all there are, (B, kv_heads, S, head_dim).

        Raises:
            ValueError: there is no room for them.
        """
        check_room(self.length + k.size(2), self.keys.size(2))
        start, self.length = self.length, self.length + k.size(2)
        self.keys[:, :, start : self.length] = k
        self.values[:, :, start : self.length] = v
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]


class Cache:
    """The tokens read so far, and each block's keys and values of them.

    Args:
        config: of the model that will read.
        batch_size: rows.
        size: tokens that there is to be room for, at most the model's context.
        padding: empty slots at the left of each row, int64, (B,), where the rows' lengths differ;
            fewer than `size`.
        like: a tensor of the model's type and device; float32 on the CPU without it.

    Raises:
        ValueError: the size is beyond the context, a size is not positive, or the padding doesn't
            fit.
    """

    def __init__(
        self,
        config: GPTConfig,
        batch_size: int,
        size: int,
        padding: Tensor | None = None,
        like: Tensor | None = None,
    ) -> None:
        whole("batch_size", batch_size, 1)
        whole("size", size, 1)
        if size > config.context:
            raise ValueError(f"The model's context is {config.context} tokens, so not {size}.")
        if padding is not None:
            check_padding(padding, batch_size, size)
        like = torch.empty(0, device="cpu") if like is None else like
        shape = (batch_size, config.num_kv_heads, size, config.head_dim)
        self.config, self.size, self.padding = config, size, padding
        self.memories = [Memory(shape, like) for _ in range(config.num_layers)]
        self.tokens = like.new_zeros((batch_size, size), dtype=torch.int64)

    @property
    def length(self) -> int:
        """The slots in use, padding included."""
        return self.memories[0].length

    def store(self, tokens: Tensor) -> None:
        """Keeps the tokens that are read next, int64, (B, T).

        Raises:
            ValueError: there is no room for them, or they are not of this shape.
        """
        rows = len(self.tokens)
        if tokens.ndim != 2 or len(tokens) != rows or not tokens.size(1):
            raise ValueError(
                f"A cache of {rows} rows reads tokens of shape ({rows}, T), "
                f"not {tuple(tokens.shape)}."
            )
        end = self.length + tokens.size(1)
        check_room(end, self.size)
        self.tokens[:, self.length : end] = tokens

    def places(self, new: int) -> Tensor:
        """Returns the positions of the `new` tokens, int64, (T,) or (B, T); below 0 in padding."""
        slots = torch.arange(self.length, self.length + new, device=self.tokens.device)
        return slots if self.padding is None else slots - self.padding[:, None]

    def before(self, count: int) -> Tensor:
        """Returns the `count` tokens before the next, int64, (B, count); -1 where there is none."""
        slots = torch.arange(self.length - count, self.length, device=self.tokens.device)
        places = slots if self.padding is None else slots - self.padding[:, None]
        return self.tokens[:, slots.clamp(min=0)].where(places >= 0, -1)

    def mask(self, new: int) -> Tensor | None:
        """Returns which slots each of `new` tokens may see, bool, (B or 1, 1, new, length + new).

        None stands for causal attention among the new tokens, or one token that may see all.
        """
        if self.padding is None and (new == 1 or self.length == 0):
            return None
        mask = causal_mask(new, self.length + new)[None]
        if self.padding is not None:
            slots = torch.arange(self.length + new, device="cpu")
            real = slots >= self.padding.cpu()[:, None]
            # Nobody looks at an empty slot, but its own softmax needs something to see.
            mask = mask & (real[:, None, :] | ~real[:, -new:, None])
        return mask[:, None].to(self.memories[0].keys.device)
