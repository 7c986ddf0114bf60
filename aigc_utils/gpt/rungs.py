"""Chapter 4: a GPT grown part by part, each rung with one part more than the one below it.

A `ResidualModel` is a vector for each token, parts that add to it, and a head that makes logits of
it. `RUNGS` says which parts each rung has. The last one computes what `GPT` computes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import devices
from ..history import History
from ..limits import functions, positive, whole
from ..schedules import hold_then_fall
from ..training import fit, seed_everything
from .attention import attend, causal_mask, rotary_angles, rotate
from .batches import token_batches
from .checks import below, check_ids, check_targets, reading
from .config import GPTConfig
from .model import GPT, MLP, NGrams
from .training import gpt_step


class ResidualModel(nn.Module):
    """A language model made of parts: each reads every token's vector, and adds to it."""

    def __init__(self, config: GPTConfig, *parts: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.width)
        self.parts = nn.ModuleList(parts)
        self.head: nn.Module = nn.Linear(config.width, config.vocab_size, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns logits of each next token, (B, T, vocab_size), of tokens, int64, (B, T).

        Raises:
            ValueError: more tokens than the context has room for, of another type or shape, or
                not below the vocabulary's size.
        """
        with reading(tokens, self.config.context, self.config.vocab_size):
            x = self.embedding(tokens)  # (B, T, width)
        for part in self.parts:
            x = x + part(x)
        logits: Tensor = self.head(x)
        return logits

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Returns the mean surprise at the true next tokens, in nats; both are (B, T).

        Raises:
            ValueError: what `forward` raises, or targets of another shape or out of range.
        """
        check_targets(tokens, targets)
        with below("Targets, but for those of -100,", self.config.vocab_size):
            loss = F.cross_entropy(self(tokens).flatten(0, 1), targets.flatten())
        return loss


class Mean(nn.Module):
    """Hands each token the mean of what it and all before it offer."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.value = nn.Linear(config.width, config.head_dim, bias=False)
        self.project = nn.Linear(config.head_dim, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Returns what is to be added to each token's vector, (B, T, width)."""
        so_far = torch.arange(1, x.size(-2) + 1, device=x.device)
        mean = self.value(x).cumsum(dim=-2) / so_far[:, None]
        result: Tensor = self.project(mean)
        return result


class Head(Mean):
    """The mean becomes a weighted one: queries and keys decide how much each token counts."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__(config)
        self.query = nn.Linear(config.width, config.head_dim, bias=False)
        self.key = nn.Linear(config.width, config.head_dim, bias=False)

    def place(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """Returns queries and keys as they are: this head can't tell where a token stands."""
        return q, k

    def forward(self, x: Tensor) -> Tensor:
        """Returns what is to be added to each token's vector, (B, T, width)."""
        q, k = self.place(self.query(x), self.key(x))  # (B, T, head_dim)
        mask = devices.send(causal_mask(x.size(-2)), x.device)
        result: Tensor = self.project(attend(q, k, self.value(x), mask))
        return result


class PlacedHead(Head):
    """Queries and keys are turned by their positions, so that a score knows the distance."""

    angles: Tensor

    def __init__(self, config: GPTConfig) -> None:
        super().__init__(config)
        angles = rotary_angles(config.context, config.head_dim)
        self.register_buffer("angles", angles, persistent=False)

    def place(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """Returns queries and keys turned."""
        angles = self.angles[:, : q.size(-2)]
        return rotate(q, angles), rotate(k, angles)


class Heads(nn.Module):
    """Several heads, each with a narrow query, key and value of its own, add what they find."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.heads = nn.ModuleList(PlacedHead(config) for _ in range(config.num_heads))

    def forward(self, x: Tensor) -> Tensor:
        """Returns what is to be added to each token's vector, (B, T, width)."""
        return torch.stack([head(x) for head in self.heads]).sum(dim=0)


class Normed(nn.Module):
    """A part that reads a normalised copy: mean 0 and variance 1 in each token's vector."""

    def __init__(self, config: GPTConfig, part: nn.Module) -> None:
        super().__init__()
        self.norm, self.part = nn.LayerNorm(config.width), part

    def forward(self, x: Tensor) -> Tensor:
        """Returns what the part makes of the normalised vectors."""
        result: Tensor = self.part(self.norm(x))
        return result


class Tables(nn.Embedding):
    """The embedding, with what tables know of the last two tokens together, of three, and so on."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__(config.vocab_size, config.width)
        self.ngrams = NGrams(config)

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns the tokens' vectors, (B, T, width), of tokens, int64, (B, T)."""
        added: Tensor = super().forward(tokens) + self.ngrams(tokens)
        return added


@dataclass(frozen=True)
class Rung:
    """One rung of the ladder: its parts, and how they are put together.

    Raises:
        ValueError: a part is no class or function, or there is not one block or more.
    """

    parts: tuple[Callable[[GPTConfig], nn.Module], ...] = ()
    num_heads: int = 1
    normed: bool = False
    blocks: int = 1  # how often the parts stand one after the other
    ngrams: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for part in self.parts:
            functions(part=part)
        whole("blocks", self.blocks)

    def build(self, vocab_size: int, context: int = 64, width: int = 128) -> ResidualModel:
        """Returns the rung's model with new weights; each part and table begins by adding nothing.

        Raises:
            ValueError: a size is out of range, or the width no multiple of the number of heads.
        """
        config = GPTConfig(
            vocab_size, context, num_heads=self.num_heads, width=width, ngrams=self.ngrams
        )
        parts: list[nn.Module] = [part(config) for part in self.parts * self.blocks]
        if self.normed:
            parts = [Normed(config, part) for part in parts]
        model = ResidualModel(config, *parts)
        if self.ngrams:
            model.embedding = Tables(config)
        if self.normed:
            model.head = Normed(config, model.head)
        _initialize(model)
        return model


def _initialize(model: ResidualModel) -> None:
    """Lets the parts' last layers and the tables begin with zeros, and all else as PyTorch does."""
    for name, weight in model.named_parameters():
        if name.endswith("project.weight") or ".tables." in name:
            nn.init.zeros_(weight)


#: From the last character alone to the full model; each has one thing more than the one above it.
RUNGS = {
    "last character": Rung(),
    "mean": Rung((Mean,)),
    "one head": Rung((Head,)),
    "positions": Rung((PlacedHead,)),
    "four heads": Rung((Heads,), 4),
    "MLP": Rung((Heads, MLP), 4),
    "norms": Rung((Heads, MLP), 4, normed=True),
    "two blocks": Rung((Heads, MLP), 4, normed=True, blocks=2),
    "tables": Rung((Heads, MLP), 4, normed=True, blocks=2, ngrams=(4093, 16381, 16381)),
}


def train_rung(
    rung: Rung,
    ids: Tensor,
    vocab_size: int,
    *,
    seed: int,
    lr: float,
    num_steps: int | None = None,
    max_seconds: float | None = None,
    batch_size: int = 24,
    device: str | torch.device | None = None,
) -> tuple[ResidualModel, History]:
    """Returns a rung's trained model, ready to use where the ids lie, and the run's history.

    All rungs have one recipe: Adam, rows read epoch by epoch, a rate that falls over the last 0.7
    of the run. The rate is the rung's own: one that suits all would favour some.

    Args:
        rung: what to train.
        ids: the training text's tokens, int64, (N,).
        vocab_size: number of different tokens.
        seed: decides weights and order.
        lr: Adam's learning rate.
        num_steps: steps to take.
        max_seconds: a time budget, in place of steps or beside them.
        batch_size: rows a step.
        device: where to train; by default a graphics card where there is one (`devices.device`).

    Raises:
        ValueError: there are too few ids for one row, one is not below `vocab_size`, neither steps
            nor seconds are given, the rate is not above 0, `rung` is none, or there is no such
            device.
        TrainingError: a loss is no longer finite.
    """
    if not isinstance(rung, Rung):
        raise ValueError(f'rung must be a Rung such as RUNGS["mean"], not a {type(rung).__name__}.')
    check_ids("ids", ids, vocab_size)
    positive("lr", lr)
    place, rng = devices.device(device), seed_everything(seed)
    model = devices.build(place, rung.build, vocab_size)
    optimizer = torch.optim.Adam(model.parameters(), lr, betas=(0.9, 0.98), fused=True)
    history = fit(
        gpt_step(cast(GPT, model), optimizer),  # it has all that the step asks for
        token_batches(ids.to(place), model.config.context, batch_size, rng),
        num_steps=num_steps,
        max_seconds=max_seconds,
        schedule=hold_then_fall(optimizer, warmup=0.02, fall=0.7),
        label=f"seed {seed}",
    )
    return model.to(ids.device).eval(), history
