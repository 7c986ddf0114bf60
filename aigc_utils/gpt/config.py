"""Chapter 4: what decides a GPT's shape; GPT-2's and SmolLM2's are two of many.

What changed between 2019 and today is a matter of configuration: `GPT2`, `SMOLLM2`, and the
course's own, which a recipe of training.py makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Literal, get_args

from ..limits import positive, whole

#: How a model knows where a token stands: queries and keys turned, or a vector added.
Positions = Literal["rotary", "learned"]
#: What normalises the copy that attention and the MLP read.
Norm = Literal["rms", "layer"]
#: What stands between the MLP's two layers.
Activation = Literal["squared_relu", "gelu", "gated"]


@dataclass(frozen=True)
class GPTConfig:
    """Everything that decides a model's shape; the defaults are a small model.

    Raises:
        ValueError: a size is no whole number or too small, `width` is no multiple of `num_heads`,
            `num_heads` no multiple of `kv_heads`, `head_dim` is odd where positions are rotary, or
            a setting is none of its choices or out of its range.
    """

    vocab_size: int
    context: int  # the most tokens it can look at
    num_layers: int = 4
    num_heads: int = 4
    width: int = 128
    kv_heads: int = 0  # fewer keys and values than queries; 0: as many
    hidden: int = 0  # the MLP's width; 0: four times the model's
    positions: Positions = "rotary"
    norm: Norm = "rms"
    mlp: Activation = "squared_relu"
    qk_norm: bool = True  # RMS norm on queries and keys
    bias: bool = False
    tied: bool = False  # the head's matrix is the embedding's
    zero_init: bool = True  # every block begins as the identity
    norm_eps: float = 1e-5
    rotary_base: float = 10_000.0
    ngram_dropout: float = 0.0  # how often training hides a token's n-grams
    ngrams: tuple[int, ...] = ()  # rows of tables for the last two tokens, the last three, ...

    def __post_init__(self) -> None:
        # Without this a misspelt word would silently give another model than the one asked for.
        for name, kind in (("positions", Positions), ("norm", Norm), ("mlp", Activation)):
            value, choices = getattr(self, name), get_args(kind)
            if value not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
        _check_numbers(self)
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


def _check_numbers(config: GPTConfig) -> None:
    for name in ("vocab_size", "context", "num_layers", "num_heads", "width"):
        whole(name, getattr(config, name), 1)
    for name in ("kv_heads", "hidden"):
        whole(name, getattr(config, name), 0)
    for name in ("qk_norm", "bias", "tied", "zero_init"):
        if not isinstance(getattr(config, name), bool):
            raise ValueError(f"{name} must be True or False, not {getattr(config, name)!r}.")
    for name in ("norm_eps", "rotary_base"):
        positive(name, getattr(config, name))
    if isinstance(config.ngrams, list):  # as a file of settings has it
        object.__setattr__(config, "ngrams", tuple(config.ngrams))
    if not isinstance(config.ngrams, tuple):
        raise ValueError(f"ngrams must be a tuple of numbers of rows, not {config.ngrams!r}.")
    for rows in config.ngrams:
        whole("A table of ngrams", rows, 1)
    if not isinstance(config.ngram_dropout, Real) or not 0 <= config.ngram_dropout < 1:
        raise ValueError(
            f"ngram_dropout is a share from 0 up to but not 1, not {config.ngram_dropout}."
        )


#: The shape of GPT-2, 124 million weights: Radford et al., Language Models are Unsupervised
#: Multitask Learners, 2019.
GPT2 = GPTConfig(
    vocab_size=50257, context=1024, num_layers=12, num_heads=12, width=768,
    positions="learned", norm="layer", mlp="gelu", qk_norm=False, bias=True, tied=True,
    zero_init=False,
)  # fmt: skip
#: The shape of SmolLM2, 135 million weights: Ben Allal et al., SmolLM2, 2025.
SMOLLM2 = GPTConfig(
    vocab_size=49152, context=8192, num_layers=30, num_heads=9, width=576, kv_heads=3,
    hidden=1536, mlp="gated", qk_norm=False, tied=True, zero_init=False, rotary_base=100_000.0,
)  # fmt: skip
