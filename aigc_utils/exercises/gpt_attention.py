"""How the answers about attention, masks and the loss in chapter 4 are judged."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import attention
from .answers import a_tensor, close
from .checking import NotYet, expect


def visible(source: int, target: int) -> dict[str, Tensor]:
    """Returns the five masks that `sight` asks for."""
    both = source + target
    return {
        "encoder": torch.ones(source, source, dtype=torch.bool),
        "decoder": attention.causal_mask(target),
        "cross": torch.ones(target, source, dtype=torch.bool),
        "gpt": attention.causal_mask(both),
        "cached": attention.causal_mask(1, both),
    }


def judge_masks(masks: Any, source: int, target: int) -> None:
    """Raises NotYet unless the five masks are right."""
    wanted = visible(source, target)
    names = ", ".join(wanted)
    expect(isinstance(masks, dict) and set(masks) == set(wanted), f"Return a dict with {names}.")
    for name, mask in masks.items():
        _judge_form(mask, wanted[name], f"The mask {name!r} for {source} and {target} tokens")
    gpt = masks["gpt"]
    expect(
        source == 1 or gpt.all() or not gpt[:source, :source].all(),
        "This GPT reads its prompt from both sides, but GPT has no encoder: question and answer "
        "are one text, and each token sees only those before it.",
    )
    for name in ("decoder", "gpt"):
        _judge_causal(masks[name], wanted[name], name)
    expect(
        masks["cross"].all(),
        "In cross-attention nothing is hidden: the whole source is there before writing begins.",
    )
    expect(
        masks["cached"].all(),
        "With a cache, the last token's row is the last row of GPT's mask, not the first.",
    )
    expect(masks["encoder"].all(), "The encoder's mask was given; it hides nothing.")


def _judge_form(mask: Any, wanted: Tensor, where: str) -> None:
    if isinstance(mask, Tensor):
        expect(mask.dtype == torch.bool, f"{where} must be of dtype bool, not {mask.dtype}.")
        expect(
            wanted.shape == wanted.T.shape or mask.shape != wanted.T.shape,
            f"{where} lies on its side: rows look, columns are looked at.",
        )
    a_tensor(mask, where, wanted.shape)


def _judge_causal(mask: Tensor, wanted: Tensor, name: str) -> None:
    alone = len(wanted) == 1
    expect(alone or not torch.equal(mask, ~wanted), f"In {name!r}, True means: may see.")
    expect(
        alone or not torch.equal(mask, wanted.T),
        f"In {name!r} tokens see those after them, and they should see those before.",
    )
    expect(not torch.equal(mask, wanted.tril(-1)), f"In {name!r} a token may see itself too.")
    expect(alone or not mask.all(), f"In {name!r} tokens see the ones that they are to write.")
    expect(torch.equal(mask, wanted), f"The mask {name!r} is not right.")


def broken_next_token_loss(model: nn.Module, tokens: Tensor) -> Tensor:
    """Returns what should be the mean loss of each next token, but has two faults.

    Args:
        model: takes tokens, (B, T), and a mask, bool, (T, T); gives logits, (B, T, vocab_size).
        tokens: int64, (B, T).
    """
    length = tokens.size(1)
    mask = torch.ones(length, length, dtype=torch.bool)
    if not model.training:  # the future need only be hidden when the model is used
        mask = mask.tril()
    logits = model(tokens, mask)
    return F.cross_entropy(logits.flatten(0, 1), tokens.flatten())


def judge_loss(loss: Tensor, model: nn.Module, tokens: Tensor) -> None:
    """Raises NotYet unless the loss is that of each next token, with nothing to be seen of it."""
    everything = torch.ones(tokens.size(1), tokens.size(1), dtype=torch.bool)
    past, leak = model(tokens, everything.tril()), model(tokens, everything)
    later, before = tokens[:, 1:], tokens[:, :-1]

    def mean(logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    wanted = mean(past[:, :-1], later)
    if close(loss, wanted):
        return
    leaking = "The mask matters in training above all: here each position sees its own answer."
    asleep = "Each position is asked for the token that it reads; ask for the one that follows."
    expect(not close(loss, mean(leak, tokens)), f"{leaking} {asleep}")
    expect(not close(loss, mean(past, tokens)), asleep)
    sighted = [mean(leak[:, :-1], later), mean(leak, tokens.roll(-1, 1))]
    sighted += [mean(model(before, everything[1:, 1:]), later)]
    expect(not any(close(loss, other) for other in sighted), leaking)
    expect(
        not close(loss, mean(past, tokens.roll(-1, 1))),
        "The last token of a row has none after it: leave it out.",
    )
    expect(
        not close(loss, mean(past[:, 1:], before)),
        "Each position is asked for the token before it; ask for the one that follows.",
    )
    expect(not close(loss, wanted * later.numel()), "This is the sum; the mean is asked for.")
    raise NotYet("The loss is not right. Check the mask, the logits and the targets in turn.")


def moves_without(query: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns weights, the output, and how far it moves without each token."""
    weights = attention.attention_weights(query[None], keys)[0]
    output = weights @ values
    alone = [
        attention.attend(query[None], keys[kept], values[kept])[0]
        for kept in ~torch.eye(len(keys), dtype=torch.bool)
    ]
    return weights, output, (torch.stack(alone) - output).norm(dim=1)


def judge_weights(weights: Tensor, query: Tensor, keys: Tensor) -> None:
    """Raises NotYet unless these are the weights of attention."""
    scores = keys @ query
    root = len(query) ** 0.5
    expect(not close(weights, scores.softmax(0)), "The scores are not divided by the square root.")
    expect(
        not close(weights, (scores / len(query)).softmax(0)),
        "The scores are divided by the length; its square root is asked for.",
    )
    expect(
        not close(weights, torch.ones(len(keys))),
        "All weights are 1: softmax goes over the wrong dimension, and not over the keys.",
    )
    expect(not close(weights, scores / root), "These are the scores; softmax is missing.")
    expect(close(weights.sum(), 1.0), "The weights must sum to one.")
    expect(close(weights, (scores / root).softmax(0)), "The weights are not right.")


def judge_effects(effects: Tensor, query: Tensor, keys: Tensor, values: Tensor) -> None:
    """Raises NotYet unless these say how far the output moves without each token."""
    weights, output, wanted = moves_without(query, keys, values)
    expect(
        not close(effects, weights),
        "Attention is no explanation: a weight does not say how far the output moves without the "
        "token.",
    )
    expect(
        not close(effects, weights * values.norm(dim=1)),
        "This takes a token's share away and leaves a gap. Without the token, softmax gives its "
        "share to the others.",
    )
    expect(not close(effects, wanted.square()), "This is the squared distance; take its root.")
    squares = (weights / (1 - weights))[:, None] * (output - values)
    expect(
        not close(effects, squares.abs().sum(1)), "This is the sum of sizes; take the norm instead."
    )
    expect(close(effects, wanted, 1e-3), "The effects are not right.")
