"""Chapter 4: training a GPT on a text, by the course's recipes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .. import devices
from ..history import History
from ..limits import whole
from ..optimizers import Muon, gradient_step
from ..processes import Replica, in_parts
from ..schedules import hold_then_fall
from ..training import Batch, Evaluate, Step, evaluation_mode, fit, seed_everything
from .batches import consecutive_batches, token_batches
from .checks import check_ids
from .config import GPTConfig
from .model import GPT


def has_bfloat16() -> bool:
    """Returns whether this processor multiplies bfloat16 numbers itself, twice as fast as float32.

    Elsewhere they would be emulated, and far slower; an old torch that cannot tell counts as slow.
    """
    ask = getattr(torch.cpu, "get_capabilities", None)
    capabilities = ask() if ask else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def gpt_step(
    model: GPT | Replica,
    *optimizers: torch.optim.Optimizer,
    clip: float = 0.0,
    bfloat16: bool = False,
    parts: int = 1,
) -> Step:
    """Returns a step for `fit`: one update of a GPT on a batch of inputs and targets, (B, T).

    The step returns the mean cross-entropy of the next token, in nats, as "loss".

    Args:
        model: the GPT, or its replica where many processes train it.
        optimizers: all of them are used in each step.
        clip: the gradient's largest norm; 0 for no limit.
        bfloat16: multiply matrices in bfloat16; weights and their updates stay in float32.
        parts: cut a batch into so many, one after the other, whose gradients add up to the batch's:
            the same step in less memory.

    Raises:
        ValueError: there is no optimizer, so nothing would be updated.
    """
    if not optimizers:
        raise ValueError("A step needs an optimizer: give course_optimizers(model, recipe).")

    def step(batch: Batch) -> dict[str, Tensor]:
        model.train()
        place = devices.place_of(model, batch[0].device)
        here = tuple(devices.send(each, place) for each in batch)
        half: Any = torch.autocast(place.type, torch.bfloat16) if bfloat16 else nullcontext()
        losses: list[Tensor] = []

        def shares() -> Iterator[Tensor]:
            for part in in_parts(model, here, parts):
                with half:
                    loss = model.loss(*part) / parts
                losses.append(loss.detach())
                yield loss

        gradient_step(shares(), *optimizers, clip=clip)
        return {"loss": torch.stack(losses).sum()}

    return step


@dataclass(frozen=True)
class GPTRecipe:
    """Everything that decides a training run of a GPT, apart from the text and the seed."""

    num_steps: int
    batch_size: int = 12
    context: int = 64
    num_layers: int = 4
    num_heads: int = 4
    width: int = 128
    adam_lr: float = 3e-3  # of embeddings, head and norms
    muon_lr: float = 0.02  # of the blocks' matrices
    momentum: float = 0.9  # of Muon
    fall: float = 0.7  # the share of the run, its last, in which the rates fall
    ngrams: tuple[int, ...] = (4093, 16381)  # primes, so that n-grams spread over all rows
    ngram_dropout: float = 0.0  # pays in long runs, which would learn n-grams by heart
    bfloat16: bool = True  # on processors that have it; on cards it isn't measured, so not there

    def config(self, vocab_size: int) -> GPTConfig:
        """Returns the model's shape for a vocabulary.

        Raises:
            ValueError: the recipe's sizes don't fit each other.
        """
        return GPTConfig(
            vocab_size,
            self.context,
            self.num_layers,
            self.num_heads,
            self.width,
            # PyTorch has layer norm as one operation for the CPU, and RMS norm as six: a step takes
            # a fifth less time, and learns as much.
            norm="layer",
            ngrams=self.ngrams,
            ngram_dropout=self.ngram_dropout,
        )


#: The loss of a widely used small recipe (`benchmarks/gpt.py`) in under a twentieth of its time.
SPRINT = GPTRecipe(80, 24, num_layers=2, adam_lr=0.01, ngrams=(4093, 16381, 16381))
#: A far lower loss in all of that recipe's time. The run sees each character twice to three times,
#: so it hides n-grams, lest it learn them by heart. Fewer channels and larger batches see more text
#: in the same time: on held-back characters of the training text 1.471 nats, where 128 channels and
#: batches of 24 reach 1.496.
EQUAL_TIME = GPTRecipe(
    100_000,  # a time budget ends it
    batch_size=32,
    num_layers=3,
    num_heads=3,
    width=96,
    muon_lr=0.014,
    ngrams=(4093, 16381, 16381),
    ngram_dropout=0.3,
)


def course_optimizers(model: GPT, recipe: GPTRecipe) -> tuple[torch.optim.Optimizer, ...]:
    """Returns Muon for the blocks' matrices, and Adam for embeddings, head and norms."""
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    half = torch.bfloat16 if _in_bfloat16(model, recipe) else None
    return (
        Muon(matrices, recipe.muon_lr, momentum=recipe.momentum, normalize=False, dtype=half),
        torch.optim.Adam(others, recipe.adam_lr, betas=(0.9, 0.98), fused=True),
    )


def _in_bfloat16(model: GPT, recipe: GPTRecipe) -> bool:
    """Returns whether a recipe multiplies matrices in bfloat16 where the model lies."""
    here = devices.place_of(model, torch.device("cpu"))
    return recipe.bfloat16 and here.type == "cpu" and has_bfloat16()


def train_course(
    recipe: GPTRecipe,
    ids: Tensor,
    vocab_size: int,
    *,
    seed: int,
    model: GPT | None = None,
    max_seconds: float | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int | None = None,
    device: str | torch.device | None = None,
) -> tuple[GPT, History]:
    """Returns a GPT trained by `recipe`, ready to use where the ids lie, and the run's history.

    Args:
        recipe: what to train and how.
        ids: the training text's tokens, int64, shape (N,).
        vocab_size: number of different tokens.
        seed: decides weights and order.
        model: a GPT to go on from, in place of a new one, as in fine-tuning.
        max_seconds: a time budget that may end the run before the recipe's steps are done; the
            schedule then follows the clock, and the numbers depend on the machine.
        evaluate: takes the model and returns metrics by name.
        evaluate_every: steps between evaluations; None for one at the end.
        device: where to train; by default a graphics card where there is one (`devices.device`).

    Raises:
        ValueError: there are too few ids for one row, some are not below `vocab_size`, the recipe's
            sizes don't fit each other, the model is for another vocabulary or a shorter context, or
            there is no such device.
        TrainingError: a loss is no longer finite.
    """
    check_ids("ids", ids, vocab_size)
    if model is not None:
        _check_model(model, vocab_size, recipe.context)
    place, rng = devices.device(device), seed_everything(seed)
    if model is None:
        model = devices.build(place, GPT, recipe.config(vocab_size))
    model.to(place)
    optimizers = course_optimizers(model, recipe)
    history = fit(
        gpt_step(model, *optimizers, bfloat16=_in_bfloat16(model, recipe)),
        token_batches(ids.to(place), recipe.context, recipe.batch_size, rng),
        num_steps=recipe.num_steps,
        max_seconds=max_seconds,
        schedule=hold_then_fall(*optimizers, warmup=0.02, fall=recipe.fall),
        evaluate=partial(evaluate, model) if evaluate else None,
        evaluate_every=evaluate_every,
        label=f"GPT, seed {seed}",
    )
    return model.to(ids.device).eval(), history


@torch.no_grad()
def mean_nats(model: GPT, ids: Tensor, context: int | None = None, batch_size: int = 64) -> float:
    """Returns the mean cross-entropy of each token of a text, in nats, the model in evaluation.

    The text is cut into rows of `context` tokens that do not overlap, so a token is
    foretold from the 1 to `context` tokens before it, and the text's first is not; the model is
    left in the mode that it came in.

    Args:
        model: the GPT.
        ids: the text's tokens, int64, shape (N,), N above `context`.
        context: tokens a row; the model's own by default, and the most.
        batch_size: rows at a time; it does not change the result.

    Raises:
        ValueError: there are too few ids for one row, one is outside the vocabulary, or the sizes
            aren't positive or are beyond the model's.
    """
    context = model.config.context if context is None else context
    whole("context", context, 1)
    if isinstance(model, GPT):  # benchmarks/gpt.py measures another
        check_ids("ids", ids, model.config.vocab_size)
        _check_model(model, model.config.vocab_size, context)
    here = ids.to(devices.place_of(model, ids.device))
    losses: list[Tensor] = []
    counts: list[int] = []
    with evaluation_mode(model):
        for inputs, targets in consecutive_batches(here, context, batch_size):
            losses.append(model.loss(inputs, targets))
            counts.append(targets.numel())
    # Read at once, at the end: a card works through all batches first.
    read: list[float] = torch.stack(losses).tolist()
    return sum(loss * count for loss, count in zip(read, counts, strict=True)) / sum(counts)


def _check_model(model: GPT, vocab_size: int, context: int) -> None:
    config = model.config
    if config.vocab_size != vocab_size:
        raise ValueError(f"The model has {config.vocab_size} different tokens, not {vocab_size}.")
    if config.context < context:
        raise ValueError(f"context must be at most the model's {config.context}, not {context}.")
