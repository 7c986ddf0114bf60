"""The exercise of chapter 1 that writes batch normalisation by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...data import standardize
from ...evaluation import load_judge
from ..answers import a_tensor
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close

#: What stands beside the variance under the root, as PyTorch has it.
EPSILON = 1e-5


def _first_norm(draw: Draw) -> SimpleNamespace:
    """Gives what reaches the first batch norm of the course's judge, and what the norm learned."""
    images, _ = draw.digits(16, test=True)
    judge = load_judge()
    norm = next(each for each in judge.modules() if isinstance(each, nn.BatchNorm2d))
    inputs: list[Tensor] = []
    norm.register_forward_hook(lambda _, given, __: inputs.append(given[0]))
    with torch.no_grad():
        judge(standardize(images))
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return SimpleNamespace(
        x=inputs[0], scale=norm.weight.detach(), shift=norm.bias.detach(),
        mean=norm.running_mean, variance=norm.running_var,
    )  # fmt: skip


class _Trial:
    """A batch of maps, and what a norm has learned."""

    def __init__(self, draw: Draw) -> None:
        count, channels = draw.integer(5, 6), draw.integer(3, 4)
        own = 0.5 + draw.uniform(channels), draw.normal(channels)
        maps = draw.normal(count, channels, draw.integer(7, 8), draw.integer(9, 10))
        self.x = maps * own[0][:, None, None] + own[1][:, None, None]
        self.scale, self.shift = 0.5 + draw.uniform(channels), 1 + draw.uniform(channels)
        self.mean, self.variance = draw.normal(channels), 2 + draw.uniform(channels)

    def ask(self, answer: Any, training: bool) -> Tensor:
        """Returns what an answer makes of the batch."""
        learned = (self.scale, self.shift, self.mean, self.variance)
        found = answer(self.x.clone(), *(values.clone() for values in learned), training)
        mode = "training" if training else "evaluation"
        return a_tensor(found, f"What it returns in {mode}", self.x.shape)

    def scaled(self, x: Tensor) -> Tensor:
        """Returns maps with the learned scale and shift."""
        return x * self.scale[:, None, None] + self.shift[:, None, None]

    def running(self) -> Tensor:
        """Returns the batch normalised by the running averages."""
        return F.batch_norm(self.x, self.mean, self.variance, self.scale, self.shift)

    def over(self, *axes: int, unbiased: bool = False, root: bool = True) -> Tensor:
        """Returns the batch normalised over these axes."""
        variance, mean = torch.var_mean(self.x, axes, correction=int(unbiased), keepdim=True)
        spread = (variance + EPSILON).sqrt() if root else variance + EPSILON
        return self.scaled((self.x - mean) / spread)


def _expect_training(trial: _Trial, found: Tensor) -> None:
    """Raises NotYet unless the batch is normalised by its own means and variances."""
    own = trial.over(0, 2, 3)
    mistakes = {
        "In training the mean and the variance are those of the batch at hand.": trial.running(),
        "Mean and variance run over all images of the batch, not over each alone.": [
            trial.over(2, 3),
            trial.over(1, 2, 3),
        ],
        "They run over all places of the map too, not over the batch alone.": trial.over(0),
        "Each channel has a mean and a variance of its own.": trial.over(0, 1, 2, 3),
        "Divide the squares by their number, not by one less: `correction=0`.": (
            trial.over(0, 2, 3, unbiased=True)
        ),
        "Divide by the square root of the variance.": trial.over(0, 2, 3, root=False),
        "The learned scale and shift are missing.": (
            (own - trial.shift[:, None, None]) / trial.scale[:, None, None]
        ),
    }
    expect_close(found, own, mistakes, "In training the maps are not normalised rightly yet.")


@exercise(
    "Batch norm by hand",
    kind="write",
    objective="batch norm in train and eval mode",
    misconceptions=("forgetting eval()",),
    points=3,
    hints=(
        "Each channel has one mean and one variance. Over which axes of (N, C, H, W) do they run?",
        "In training `x.mean((0, 2, 3), keepdim=True)`, in evaluation the running averages; "
        "`mean[:, None, None]` gives a channel's number the axes that it needs.",
        "`if training: variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)`, and then "
        "`(x - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()`, times "
        "`scale[:, None, None]`, plus `shift[:, None, None]`.",
    ),
    given=_first_norm,
)
def batch_norm(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(x, scale, shift, mean, variance, training)` is the normalised x, (N, C, H, W)."""
    trial = _Trial(draw)
    _expect_training(trial, trial.ask(answer, True))
    forgotten = (
        "In evaluation an image's result must not depend on its company: take the running "
        "averages. This is the forgotten `eval()`."
    )
    otherwise = "In evaluation the maps are not normalised rightly yet."
    mistakes = {forgotten: trial.over(0, 2, 3)}
    expect_close(trial.ask(answer, False), trial.running(), mistakes, otherwise)
    trial.x[:, 0] = 1.5
    flat = answer(trial.x, trial.scale, trial.shift, trial.mean, trial.variance, True)
    expect(
        isinstance(flat, Tensor) and bool(flat.isfinite().all()),
        "A channel that is the same everywhere has variance 0: add 1e-5 under the root.",
    )
