"""Chapter 4: cross-attention, by which a decoder looks at what an encoder has read.

Source: Vaswani et al., Attention Is All You Need, 2017.
"""

from __future__ import annotations

from torch import Tensor, nn

from .attention import attend, attention_weights
from .config import GPTConfig
from .model import MLP, Attention


class CrossAttention(nn.Module):
    """Attention from one text to another: queries of the target, keys and values of the source."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.head_dim = config.head_dim
        self.query, self.key, self.value, self.project = (
            nn.Linear(config.width, config.width, bias=config.bias) for _ in range(4)
        )

    def heads_of(self, x: Tensor) -> Tensor:
        """Returns x, (B, T, width), cut into heads, (B, heads, T, head_dim)."""
        return x.view(*x.shape[:2], -1, self.head_dim).transpose(1, 2)

    def forward(self, x: Tensor, source: Tensor) -> Tensor:
        """Returns what each of x, (B, T, width), gathers from the source, (B, S, width).

        There is no mask: the whole source is known before the first token is written.
        """
        q, k = self.heads_of(self.query(x)), self.heads_of(self.key(source))
        x = attend(q, k, self.heads_of(self.value(source)))  # (B, heads, T, head_dim)
        gathered: Tensor = self.project(x.transpose(1, 2).flatten(2))  # heads side by side
        return gathered

    def weights(self, x: Tensor, source: Tensor) -> Tensor:
        """Returns the attention weights, (B, heads, T, S): rows are queries and sum to one."""
        return attention_weights(self.heads_of(self.query(x)), self.heads_of(self.key(source)))


class DecoderBlock(nn.Module):
    """A block of GPT with one part more: between attention and MLP it looks at the source."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.attention_norm, self.attention = nn.RMSNorm(config.width), Attention(config)
        self.cross_norm, self.cross = nn.RMSNorm(config.width), CrossAttention(config)
        self.mlp_norm, self.mlp = nn.RMSNorm(config.width), MLP(config)

    def forward(self, x: Tensor, source: Tensor) -> Tensor:
        """Returns the target, (B, T, width), after this block; source is (B, S, width)."""
        x = x + self.attention(self.attention_norm(x))  # without a mask it is causal
        x = x + self.cross(self.cross_norm(x), source)
        result: Tensor = x + self.mlp(self.mlp_norm(x))
        return result

    def cross_weights(self, x: Tensor, source: Tensor) -> Tensor:
        """Returns how much each of x looks at each of the source, (B, heads, T, S)."""
        x = x + self.attention(self.attention_norm(x))
        return self.cross.weights(self.cross_norm(x), source)
