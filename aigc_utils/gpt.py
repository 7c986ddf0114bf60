"""Chapter 4: one decoder-only Transformer that runs GPT-2, SmolLM2 and the course's own model.

Tokens become vectors; each block lets every token look at the ones before it (attention), then
work on what it saw (MLP); the last vectors become logits of the next token.
What changed between 2019 and today is a matter of configuration: `GPT2`, `SMOLLM2`, and the
course's, which a recipe of gpt_training.py makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import attend, attention_weights, causal_mask, rotary_angles, rotate

if TYPE_CHECKING:
    from .generation import Cache, Memory


@dataclass(frozen=True)
class GPTConfig:
    """Everything that decides a model's shape; the defaults are a small model.

    Raises:
        ValueError: `width` is no multiple of `num_heads`, `num_heads` no multiple of `kv_heads`, or
            `head_dim` is odd where positions are rotary.
    """

    vocab_size: int
    context: int  # the most tokens it can look at
    num_layers: int = 4
    num_heads: int = 4
    width: int = 128
    kv_heads: int = 0  # fewer keys and values than queries; 0: as many
    hidden: int = 0  # the MLP's width; 0: four times the model's
    positions: Literal["rotary", "learned"] = "rotary"
    norm: Literal["rms", "layer"] = "rms"
    mlp: Literal["squared_relu", "gelu", "gated"] = "squared_relu"
    qk_norm: bool = True  # RMS norm on queries and keys
    bias: bool = False
    tied: bool = False  # the head's matrix is the embedding's
    zero_init: bool = True  # every block begins as the identity
    norm_eps: float = 1e-5
    rotary_base: float = 10_000.0
    ngram_dropout: float = 0.0  # how often training hides a token's n-grams
    ngrams: tuple[int, ...] = ()  # rows of tables for the last two tokens, the last three, ...

    def __post_init__(self) -> None:
        if self.width % self.num_heads or self.num_heads % self.num_kv_heads:
            raise ValueError(
                f"width {self.width} must be a multiple of num_heads {self.num_heads}, and that "
                f"of kv_heads {self.num_kv_heads}."
            )
        if self.positions == "rotary" and self.head_dim % 2:
            raise ValueError(f"Rotary positions need an even head_dim, not {self.head_dim}.")

    @property
    def head_dim(self) -> int:
        """The width of one head, the numbers in each of its queries, keys and values."""
        return self.width // self.num_heads

    @property
    def num_kv_heads(self) -> int:
        """The number of heads of keys and values."""
        return self.kv_heads or self.num_heads


# The shape of GPT-2, 124 million weights: Radford et al., Language Models are Unsupervised
# Multitask Learners, 2019.
GPT2 = GPTConfig(
    vocab_size=50257, context=1024, num_layers=12, num_heads=12, width=768,
    positions="learned", norm="layer", mlp="gelu", qk_norm=False, bias=True, tied=True,
    zero_init=False,
)  # fmt: skip
# The shape of SmolLM2, 135 million weights: Ben Allal et al., SmolLM2, 2025.
SMOLLM2 = GPTConfig(
    vocab_size=49152, context=8192, num_layers=30, num_heads=9, width=576, kv_heads=3,
    hidden=1536, mlp="gated", qk_norm=False, tied=True, zero_init=False, rotary_base=100_000.0,
)  # fmt: skip


class Attention(nn.Module):
    """Self-attention: each token asks (query) what the tokens before it offer (key, value)."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads = config.num_heads, config.num_kv_heads
        self.head_dim, self.qk_norm = config.head_dim, config.qk_norm
        rows = (self.heads + 2 * self.kv_heads) * self.head_dim
        self.qkv = nn.Linear(config.width, rows, bias=config.bias)
        self.project = nn.Linear(config.width, config.width, bias=config.bias)

    def heads_of(self, x: Tensor, angles: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Returns queries, (B, heads, T, head_dim), keys and values, (B, kv_heads, T, head_dim)."""
        qkv = self.qkv(x).view(*x.shape[:2], -1, self.head_dim).transpose(1, 2)
        qk, v = qkv.split((self.heads + self.kv_heads, self.kv_heads), dim=1)
        if self.qk_norm:
            qk = F.rms_norm(qk, (self.head_dim,))
        if angles is not None:
            qk = rotate(qk, angles)
        q, k = qk.split((self.heads, self.kv_heads), dim=1)
        return q, k, v

    def shared(self, x: Tensor) -> Tensor:
        """Returns keys or values, (B, heads, S, head_dim): each repeated for its group of queries.

        Source: Ainslie et al., GQA, 2023.
        """
        group = self.heads // self.kv_heads
        return x if group == 1 else x.repeat_interleave(group, dim=1)

    def forward(
        self,
        x: Tensor,
        angles: Tensor | None = None,
        mask: Tensor | None = None,
        memory: Memory | None = None,
    ) -> Tensor:
        """Returns what each token has gathered, (B, T, width), from x, (B, T, width).

        Without a mask a token sees itself and all before it.
        """
        q, k, v = self.heads_of(x, angles)
        if memory is not None:
            k, v = memory.append(k, v)  # (B, kv_heads, S, head_dim)
        causal = mask is None and q.size(2) > 1
        k, v = self.shared(k), self.shared(v)
        if causal and self.training and q.is_cpu:
            # A step takes an eighth less time so: the fused operation is slow backwards on a CPU.
            x = attend(q, k, v, causal_mask(q.size(2)))
        else:  # the same, but it never stores all the weights
            x = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        gathered: Tensor = self.project(x.transpose(1, 2).flatten(2))  # heads side by side
        return gathered

    def weights(self, x: Tensor, angles: Tensor | None = None) -> Tensor:
        """Returns the attention weights, (B, heads, T, T): rows are queries and sum to one."""
        q, k, _ = self.heads_of(x, angles)
        return attention_weights(q, self.shared(k), causal_mask(x.size(1)).to(x.device))


class MLP(nn.Module):
    """Two layers that work on each token alone; two thirds of a plain block's weights are here."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.kind = config.mlp
        hidden = config.hidden or 4 * config.width
        rows = 2 * hidden if self.kind == "gated" else hidden
        self.expand = nn.Linear(config.width, rows, bias=config.bias)
        self.project = nn.Linear(hidden, config.width, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Returns a tensor of the input's shape, (B, T, width)."""
        x = self.expand(x)
        if self.kind == "gated":  # Shazeer, GLU Variants Improve Transformer, 2020
            gate, x = x.chunk(2, dim=-1)
            x = F.silu(gate) * x
        elif self.kind == "gelu":
            x = F.gelu(x, approximate="tanh")
        else:  # So et al., Primer, 2021
            x = F.relu(x).square()
        result: Tensor = self.project(x)
        return result


class Block(nn.Module):
    """Attention, then the MLP; each reads a normalised copy and adds to the residual stream."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.attention_norm, self.attention = _norm(config), Attention(config)
        self.mlp_norm, self.mlp = _norm(config), MLP(config)

    def forward(
        self,
        x: Tensor,
        angles: Tensor | None = None,
        mask: Tensor | None = None,
        memory: Memory | None = None,
    ) -> Tensor:
        """Returns the residual stream, (B, T, width), after this block."""
        x = x + self.attention(self.attention_norm(x), angles, mask, memory)
        result: Tensor = x + self.mlp(self.mlp_norm(x))
        return result


class NGrams(nn.Module):
    """Vectors for the last two tokens together, the last three, and so on: what counting can know.

    A table may have fewer rows than there are n-grams; then some share a row.

    Source: Pagnoni et al., Byte Latent Transformer, 2024, section 3.2.1.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.none, self.rows = config.vocab_size, config.ngrams  # none: no token stands there
        self.dropout = config.ngram_dropout
        self.tables = nn.ModuleList(nn.Embedding(rows, config.width) for rows in config.ngrams)

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Returns the sum of the tables' vectors, (B, T, width), for tokens, (B, T)."""
        size, length = len(self.tables), tokens.size(1)
        before = cache.recent if cache else None
        if before is None:
            before = tokens.new_full((len(tokens), size), self.none)
        tokens = torch.cat((before, tokens), dim=1)  # (B, size + T)
        if cache:
            cache.recent = tokens[:, length:]
        number, vectors = tokens[:, size:], []
        for back, (table, rows) in enumerate(zip(self.tables, self.rows, strict=True), start=1):
            number = number * (self.none + 1) + tokens[:, size - back : size - back + length]
            vectors.append(table(number % rows))
        # All of a token's vectors or none: else the model leans on n-grams that it knows by heart.
        return F.dropout1d(torch.stack(vectors).sum(dim=0), self.dropout, self.training)


class GPT(nn.Module):
    """The model: embeddings, blocks, a norm, and a head that gives logits of the next token."""

    angles: Tensor | None

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.width)
        learned, angles = config.positions == "learned", None
        if not learned:
            angles = rotary_angles(config.context, config.head_dim, config.rotary_base)
        self.register_buffer("angles", angles, persistent=False)
        self.positions = nn.Embedding(config.context, config.width) if learned else None
        self.ngrams = NGrams(config) if config.ngrams else None
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.norm = _norm(config)
        self.head = nn.Linear(config.width, config.vocab_size, bias=False)
        self._initialize()
        if config.tied:
            self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Returns logits of each next token, (B, T, vocab_size), of tokens, int64, (B, T).

        With a cache the tokens follow those it holds, and are added to it.

        Raises:
            ValueError: more tokens than the context or the cache has room for.
        """
        logits: Tensor = self.head(self.features(tokens, cache))
        return logits

    def features(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Returns what the head reads, (B, T, width); takes what `forward` takes.

        Raises:
            ValueError: more tokens than the context or the cache has room for.
        """
        x, angles, mask = self._embed(tokens, cache)
        memories = cache.memories if cache else [None] * len(self.blocks)
        for block, memory in zip(self.blocks, memories, strict=True):
            x = block(x, angles, mask, memory)
        result: Tensor = self.norm(x)
        return result

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Returns the mean surprise at the true next tokens in nats; targets of -100 don't count.

        Both are int64, (B, T); targets[:, t] is the token that follows tokens[:, t].

        Raises:
            ValueError: more tokens than the context has room for.
        """
        return F.cross_entropy(self(tokens).flatten(0, 1).float(), targets.flatten())

    @torch.no_grad()
    def attention_maps(self, tokens: Tensor) -> Tensor:
        """Returns all attention weights, (num_layers, B, heads, T, T), of tokens, (B, T).

        Raises:
            ValueError: more tokens than the context has room for.
        """
        x, angles, _ = self._embed(tokens, None)
        maps = []
        for block in self.blocks:
            assert isinstance(block, Block)
            maps.append(block.attention.weights(block.attention_norm(x), angles))
            x = block(x, angles)
        return torch.stack(maps)

    def _embed(
        self, tokens: Tensor, cache: Cache | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Returns embeddings, (B, T, width), the positions' angles, and a mask where needed."""
        start = cache.length if cache else 0
        end, room = start + tokens.size(1), cache.size if cache else self.config.context
        if end > room:
            raise ValueError(f"There is room for {room} tokens, not {end}: give the last {room}.")
        places, known = torch.arange(start, end, device=tokens.device), tokens
        if cache and cache.padding is not None:
            places = places - cache.padding[:, None]  # (B, T)
            known = tokens.where(places >= 0, self.config.vocab_size)
            places = places.clamp(min=0)
        mask = cache.mask(tokens.size(1)) if cache else None
        x = self.embedding(tokens)
        if self.ngrams is not None:
            x = x + self.ngrams(known, cache)
        if self.positions is not None:
            x = x + self.positions(places)
        # (2, 1, T, head_dim), or (2, B, 1, T, head_dim) where the rows differ.
        angles = None if self.angles is None else self.angles[:, places].unsqueeze(-3)
        return x, angles, mask

    def _initialize(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        for name, weight in self.named_parameters():
            if name.endswith("project.weight"):
                # Each block adds twice to the residual stream, which would grow with their number.
                weight.data.mul_(0 if self.config.zero_init else (2 * len(self.blocks)) ** -0.5)


def _norm(config: GPTConfig) -> nn.Module:
    kind = nn.LayerNorm if config.norm == "layer" else nn.RMSNorm
    return kind(config.width, eps=config.norm_eps)
