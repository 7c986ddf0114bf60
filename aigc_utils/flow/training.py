"""Chapter 5: how a flow is trained: regression on velocities, one line of mathematics."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import devices
from ..data import (
    batches,
    check_fields,
    check_finite,
    check_labels,
    check_number,
    check_same_shape,
)
from ..ema import EMA
from ..history import History
from ..limits import real
from ..optimizers import gradient_step
from ..schedules import one_cycle
from ..training import Batch, Evaluate, fit, seed_everything
from .paths import EDGE, STRAIGHT, Path, draw_times, mix, say, velocity_target
from .sampling import Model

#: What a network gives, or in what its error is measured.
Kind = Literal["velocity", "noise", "clean"]


def flow_loss(
    model: Model,
    clean: Tensor,
    noise: Tensor,
    t: Tensor,
    labels: Tensor | None = None,
    *,
    path: Path = STRAIGHT,
    predicts: Kind = "velocity",
    counted_as: Kind | None = None,
    wait: bool = True,
) -> Tensor:
    """Returns the mean squared error of what a network predicts, in the square of the data's unit.

    The velocity of one pair of noise and data is known. Regression on it finds, at each point, the
    mean over all pairs whose ways lead through that point, and that mean moves noise to data. The
    same holds for the noise and for the clean data; which of them the error is measured in decides
    how much each time weighs.

    Args:
        model: gives its prediction for points, times and labels, in the points' shape.
        clean: data, floats, (B, ...).
        noise: of the same shape.
        t: times, (B,), from 0 to 1; strictly between where `counted_as` differs from `predicts`.
        labels: int64, (B,), or None.
        path: the way from noise to data.
        predicts: what the network gives.
        counted_as: what the error is measured in; by default what the network gives.
        wait: False to leave out the look at times on a card.

    Raises:
        ValueError: shapes differ, a time is out of range, or there is no such kind.

    Source: Lipman et al., Flow Matching for Generative Modeling, 2023, equation 9; Ho et al.,
    Denoising Diffusion Probabilistic Models, 2020, equation 14, for the noise.
    """
    counted_as = counted_as or predicts
    truth = {"noise": noise, "clean": clean}
    if not {predicts, counted_as} <= {"velocity", *truth}:
        raise ValueError('A flow predicts "velocity", "noise" or "clean".')
    x = mix(path, clean, noise, t, wait=wait)
    predicted = model(x, t, labels)
    check_same_shape(predicted=predicted, clean=clean)
    if predicts != counted_as:
        said = say(path, x, t, wait=wait, **{predicts: predicted})
        predicted = getattr(said, counted_as)
    if counted_as == "velocity":
        truth["velocity"] = velocity_target(path, clean, noise, t, wait=wait)
    return F.mse_loss(predicted, truth[counted_as])


def velocity_of(model: Model, path: Path = STRAIGHT, predicts: Kind = "velocity") -> Model:
    """Returns a function that gives velocities where a network gives something else.

    Times at the very ends of the path, where one prediction says nothing of the others, are moved
    inside by `EDGE`.
    """
    if predicts == "velocity":
        return model

    def velocity(x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        t = t.clamp(EDGE, 1 - EDGE)
        return say(path, x, t, wait=False, **{predicts: model(x, t, labels)}).velocity

    return velocity


@dataclass(frozen=True)
class FlowRecipe:
    """Everything that decides a flow's training, apart from the network and the seed.

    Raises:
        ValueError: a setting is out of its range.
    """

    num_steps: int
    batch_size: int = 512
    lr: float = 2e-3  # the peak
    warmup: float = 0.05  # the share of the run in which the rate rises
    spread: float | None = 1.0  # of the logit-normal times; None for uniform ones
    shift: float = 0.0  # of their middle; above 0 nearer to the data
    without_label: float = 0.1  # the share of examples whose label is left out, for guidance
    ema_decay: float = 0.998
    paired: bool = False  # True: each of the data comes with its noise, as `draw_pairs` gives them
    leap: bool = False  # True: learn at the beginning of the way alone, to go it in one step
    predicts: Kind = "velocity"
    counted_as: Kind | None = None  # what the error is measured in; by default what is predicted

    def __post_init__(self) -> None:
        check_fields(
            self,
            counts=["num_steps", "batch_size"],
            numbers=["lr"],
            shares=["warmup", "without_label", "ema_decay"],
        )
        if self.leap and not (self.paired and self.predicts == "velocity"):
            raise ValueError(
                "A leap is learned from pairs of noise and data, as a velocity: say paired=True."
            )
        if self.spread is not None:
            check_number("spread", self.spread)
        check_finite("shift", torch.tensor(real(self.shift), device="cpu"))


class FlowTraining:
    """A network with its optimizer and the mean of its weights, ready for `fit(it.step, ...)`.

    `ema.network` is the one to draw samples from.

    Raises:
        ValueError: the recipe leaps, and the path is not the straight one.
    """

    def __init__(
        self, recipe: FlowRecipe, model: nn.Module, rng: torch.Generator, path: Path = STRAIGHT
    ) -> None:
        if recipe.leap and path != STRAIGHT:
            raise ValueError("A leap is a straight way: its path must be STRAIGHT.")
        self.recipe, self.model, self.rng, self.path = recipe, model.train(), rng, path
        self.ema = EMA(model, recipe.ema_decay)
        self.optimizer = flow_optimizer(model, recipe)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Returns the loss of one update on data, floats, (B, ...), alone or with their labels.

        Where the recipe says `paired`, noise of the data's shape stands between the two. Labels are
        int64, (B,). For a share of the examples the label is left out, so that the
        network also learns what holds without one.

        Raises:
            ValueError: data or labels don't fit the network.
        """
        place = devices.place_of(self.model, batch[0].device)
        recipe, clean, *others = self.recipe, *(devices.send(each, place) for each in batch)
        if recipe.paired:
            noise, *others = others
        else:
            noise = devices.normal(clean.shape, self.rng, place).to(clean.dtype)
        labels = others[0] if others else None
        t = devices.send(self._times(len(clean)), place).to(clean.dtype)
        if labels is not None:
            labels = self._some_left_out(labels)
        loss = flow_loss(
            self.model, clean, noise, t, labels, path=self.path,
            predicts=recipe.predicts, counted_as=recipe.counted_as, wait=False,
        )  # fmt: skip
        gradient_step(loss, self.optimizer, clip=1.0)
        self.ema.update(self.model)
        return {"loss": loss}

    def _times(self, count: int) -> Tensor:
        if self.recipe.leap:
            return torch.zeros(count, device="cpu")
        return draw_times(count, self.rng, spread=self.recipe.spread, shift=self.recipe.shift)

    def _some_left_out(self, labels: Tensor) -> Tensor:
        classes: Any = self.model.classes
        check_labels(labels, classes=classes, wait=False)
        drawn = torch.rand(labels.shape, generator=self.rng, device=self.rng.device)
        out = devices.send(drawn < self.recipe.without_label, labels.device)
        return labels.where(~out, classes)


def flow_optimizer(model: nn.Module, recipe: FlowRecipe) -> torch.optim.Optimizer:
    """Returns AdamW without decay of the weights: so few steps are too few to overfit."""
    return torch.optim.AdamW(
        model.parameters(), recipe.lr, betas=(0.9, 0.99), weight_decay=0.0, fused=True
    )


def train_flow(
    recipe: FlowRecipe,
    model: nn.Module,
    *tensors: Tensor,
    seed: int,
    path: Path = STRAIGHT,
    max_seconds: float | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int | None = None,
    device: str | torch.device | None = None,
) -> tuple[nn.Module, History]:
    """Returns the mean of a flow's weights over its training, ready to draw, and the history.

    Both networks, that mean and the one that was given, then lie where the data lie.

    Args:
        recipe: how to train.
        model: a new network, or one to go on with.
        tensors: data, floats, (N, ...), with a `paired` recipe their noise, of the same shape, and,
            to draw what is asked for, their labels, int64, (N,).
        seed: decides order, noise and times; the network's weights are drawn before.
        path: the way from noise to data.
        max_seconds: a time budget that may end the run before its steps are done.
        evaluate: takes the mean network and returns metrics by name.
        evaluate_every: steps between evaluations; None for one at the end.
        device: where to train; by default a graphics card where there is one (`devices.device`).

    Raises:
        ValueError: data or labels have another type or shape, are not finite, or are fewer than a
            batch has; or there is no such device.
        TrainingError: the loss is no longer finite.
    """
    check_finite("data", tensors[0])
    if recipe.paired and (len(tensors) < 2 or tensors[1].shape != tensors[0].shape):
        raise ValueError("A paired recipe takes data and then their noise, of the data's shape.")
    for labels in tensors[1 + recipe.paired :]:
        classes: Any = model.classes
        check_labels(labels, len(tensors[0]), classes=classes)
    place, rng = devices.device(device), seed_everything(seed)
    training = FlowTraining(recipe, model.to(place), rng, path)
    history = fit(
        training.step,
        batches(tuple(each.to(place) for each in tensors), recipe.batch_size, rng=rng),
        num_steps=recipe.num_steps,
        max_seconds=max_seconds,
        schedule=one_cycle(training.optimizer, warmup=recipe.warmup),
        evaluate=partial(evaluate, training.ema.network) if evaluate else None,
        evaluate_every=evaluate_every,
        label=f"flow, seed {seed}",
    )
    model.to(tensors[0].device)
    return training.ema.network.to(tensors[0].device), history
