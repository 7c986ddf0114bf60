"""The exercise of chapter 4 about the loss of the next token, which is to be mended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ... import gpt
from ...gpt import Block, GPTConfig
from ..answers import a_tensor
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close


class Reader(nn.Module):
    """A language model of one block that takes its mask from outside."""

    angles: Tensor

    def __init__(self, vocab_size: int = 12, width: int = 16) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, width)
        config = GPTConfig(vocab_size, context=32, num_heads=2, width=width)
        self.block = Block(config)
        self.head = nn.Linear(width, vocab_size, bias=False)
        self.register_buffer("angles", gpt.rotary_angles(32, config.head_dim))

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Returns logits of each next token, (B, T, vocab_size), of tokens, (B, T).

        The mask, bool, (T, T), has True where a row's token may see a column's.
        """
        x = self.block(self.embedding(tokens), self.angles[:, : tokens.size(1)], mask)
        logits: Tensor = self.head(x)
        return logits


def _reader(draw: Draw) -> SimpleNamespace:
    """Returns a language model in training mode and two rows of tokens."""
    model = Reader()
    for weight in model.parameters():
        if weight.ndim == 2:
            weight.data = draw.normal(*weight.shape) / weight.size(1) ** 0.5
    return SimpleNamespace(model=model.train(), tokens=draw.integers(0, 12, 2, 9))


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


@exercise(
    "A loss that is too good",
    kind="mend",
    objective="next-token loss; causal mask; teacher forcing",
    misconceptions=("the mask matters only at inference",),
    points=3,
    hints=(
        "There are two faults: one in what a position may see, one in what it is asked for.",
        "A model that sees the next token in training learns to copy it. And the target of a "
        "position is the token that follows, so the last position has none.",
        "Always use `mask.tril()`; then compare `logits[:, :-1].flatten(0, 1)` with "
        "`tokens[:, 1:].flatten()`.",
    ),
    given=_reader,
)
def next_token_loss(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(model, tokens)` is the mean loss of the next token, in training and in use."""
    model, vocabulary = given.model, given.model.head.out_features
    for shape in ((3, draw.integer(4, 12)), (1, 2)):
        tokens = draw.integers(0, vocabulary, *shape)
        for training in (False, True):
            model.train(training)
            loss = a_tensor(answer(model, tokens.clone()), "The loss", ())
            expect(model.training == training, "Leave the model in the mode in which it comes.")
            _expect_loss(loss, model, tokens)
    expect(loss.requires_grad, "The loss has no gradient, so nothing can be learned from it.")


def _expect_loss(loss: Tensor, model: nn.Module, tokens: Tensor) -> None:
    """Raises NotYet unless the loss is that of each next token, with nothing to be seen of it."""
    everything = torch.ones(tokens.size(1), tokens.size(1), dtype=torch.bool)
    past, leak = model(tokens, everything.tril()), model(tokens, everything)
    later, before = tokens[:, 1:], tokens[:, :-1]

    def mean(logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    wanted = mean(past[:, :-1], later)
    leaking = "The mask matters in training above all: here each position sees its own answer."
    asleep = "Each position is asked for the token that it reads; ask for the one that follows."
    mistakes: dict[str, Any] = {
        f"{leaking} {asleep}": mean(leak, tokens),
        asleep: mean(past, tokens),
        leaking: [
            mean(leak[:, :-1], later),
            mean(leak, tokens.roll(-1, 1)),
            mean(model(before, everything[1:, 1:]), later),
        ],
        "The last token of a row has none after it: leave it out.": (
            mean(past, tokens.roll(-1, 1))
        ),
        "Each position is asked for the token before it; ask for the one that follows.": (
            mean(past[:, 1:], before)
        ),
        "This is the sum; the mean is asked for.": wanted * later.numel(),
    }
    otherwise = "The loss is not right. Check the mask, the logits and the targets in turn."
    expect_close(loss, wanted, mistakes, otherwise)
