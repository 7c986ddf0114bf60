"""Chapter 4: one decoder-only Transformer that runs GPT-2, SmolLM2 and the course's own model.

Tokens become vectors; each block lets every token look at the ones before it (attention), then
work on what it saw (MLP); the last vectors become logits of the next token.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..training import evaluation_mode
from .attention import attend, attention_weights, causal_mask, rotary_angles, rotate
from .cache import Memory
from .checks import below, check_mask, check_targets, reading
from .config import GPTConfig


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

    def repeat_kv(self, x: Tensor) -> Tensor:
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

        Without a mask a token sees itself and all before it. A memory, for writing, adds the keys
        and values of the tokens before x, and keeps those of x.

        Raises:
            ValueError: the mask is not bool.
        """
        check_mask(mask)
        q, k, v = self.heads_of(x, angles)
        if memory is not None:
            k, v = memory.append(k, v)  # (B, kv_heads, S, head_dim)
        causal = mask is None and q.size(2) > 1
        k, v = self.repeat_kv(k), self.repeat_kv(v)
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
        return attention_weights(q, self.repeat_kv(k), causal_mask(x.size(1)).to(x.device))


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
        """Returns the residual stream, (B, T, width), after this block.

        `mask` and `memory` serve writing; in training both are None.
        """
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

    def forward(self, tokens: Tensor, before: Tensor | None = None) -> Tensor:
        """Returns the sum of the tables' vectors, (B, T, width), for tokens, (B, T).

        `before` has the tokens that stand before them, one for each table; -1 stands for none.
        """
        size, length = len(self.tables), tokens.size(1)
        if before is None:
            before = tokens.new_full((len(tokens), size), -1)
        tokens = torch.cat((before, tokens), dim=1)  # (B, size + T)
        tokens = tokens.where(tokens >= 0, self.none)
        number, vectors = tokens[:, size:], []
        for back, (table, rows) in enumerate(zip(self.tables, self.rows, strict=True), start=1):
            number = number * (self.none + 1) + tokens[:, size - back : size - back + length]
            vectors.append(table(number % rows))
        # All of a token's vectors or none: else the model leans on n-grams that it knows by heart.
        return F.dropout1d(torch.stack(vectors).sum(dim=0), self.dropout, self.training)


class Embedding(nn.Module):
    """A vector for each token and its n-grams; learned positions are added, rotary ones angles."""

    angles: Tensor | None

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.context = config.context
        self.tokens = nn.Embedding(config.vocab_size, config.width)
        learned, angles = config.positions == "learned", None
        if not learned:
            angles = rotary_angles(config.context, config.head_dim, config.rotary_base)
        self.register_buffer("angles", angles, persistent=False)
        self.positions = nn.Embedding(config.context, config.width) if learned else None
        self.ngrams = NGrams(config) if config.ngrams else None

    def forward(
        self, tokens: Tensor, places: Tensor | None = None, before: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Returns the tokens' vectors, (B, T, width), and the angles of their positions.

        The angles have shape (2, 1, T, head_dim), or (2, B, 1, T, head_dim) where rows differ.

        Args:
            tokens: int64, (B, T).
            places: their positions, (T,) or (B, T), by default 0, 1, ...; below 0 is no text.
            before: the tokens before them, as `NGrams` takes them.

        Raises:
            ValueError: more tokens than the context has room for, of another type or shape, or
                not below the vocabulary's size.
        """
        with reading(tokens, self.context, self.tokens.num_embeddings):
            if places is None:
                places = torch.arange(tokens.size(1), device=tokens.device)
            x, stands = self.tokens(tokens), places.clamp(min=0)
        if self.ngrams is not None:
            x = x + self.ngrams(tokens.where(places >= 0, -1), before)
        if self.positions is not None:
            x = x + self.positions(stands)
        return x, None if self.angles is None else self.angles[:, stands].unsqueeze(-3)


class GPT(nn.Module):
    """The model: embedding, blocks, a norm, and a head that gives logits of the next token."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = Embedding(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.norm = _norm(config)
        self.head = nn.Linear(config.width, config.vocab_size, bias=False)
        _initialize(self)

    @property
    def configuration(self) -> dict[str, Any]:
        """The constructor's arguments, as `save_model` keeps them."""
        return {"config": self.config}

    def features(self, tokens: Tensor) -> Tensor:
        """Returns what the head reads, (B, T, width), of tokens, int64, (B, T).

        Raises:
            ValueError: what `Embedding` raises.
        """
        x, angles = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, angles)
        result: Tensor = self.norm(x)
        return result

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns logits of each next token, (B, T, vocab_size), of tokens, int64, (B, T).

        Raises:
            ValueError: what `Embedding` raises.
        """
        logits: Tensor = self.head(self.features(tokens))
        return logits

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Returns the mean surprise at the true next tokens in nats; targets of -100 don't count.

        Both are int64, (B, T); targets[:, t] is the token that follows tokens[:, t].

        Raises:
            ValueError: what `forward` raises, or targets of another shape or out of range.
        """
        check_targets(tokens, targets)
        logits = self(tokens).flatten(0, 1).float()
        with below("Targets, but for those of -100,", logits.size(1)):
            loss = F.cross_entropy(logits, targets.flatten())
        return loss


@torch.no_grad()
def attention_maps(model: GPT, tokens: Tensor) -> Tensor:
    """Returns all attention weights in use, (num_layers, B, heads, T, T), of tokens, (B, T).

    Raises:
        ValueError: what `Embedding` raises.
    """
    maps = []
    with evaluation_mode(model):
        x, angles = model.embedding(tokens.to(model.head.weight.device))
        for block in model.blocks:
            assert isinstance(block, Block)
            maps.append(block.attention.weights(block.attention_norm(x), angles))
            x = block(x, angles)
    return torch.stack(maps).to(tokens.device)


def _initialize(model: GPT) -> None:
    """Gives all weights small random values, and each block an output of zero or nearly so."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    for name, weight in model.named_parameters():
        if name.endswith("project.weight"):
            # Each block adds twice to the residual stream, which would grow with their number.
            weight.data.mul_(0 if model.config.zero_init else (2 * len(model.blocks)) ** -0.5)
    if model.config.tied:
        model.head.weight = model.embedding.tokens.weight


def _norm(config: GPTConfig) -> nn.Module:
    kind = nn.LayerNorm if config.norm == "layer" else nn.RMSNorm
    return kind(config.width, eps=config.norm_eps)
