"""Chapter 2: the game between the course's players, and how they are trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import devices
from ..data import batches, check_fields, check_images, check_labels, to_signed
from ..ema import EMA
from ..history import History
from ..optimizers import Muon, gradient_step
from ..runs import restore, state_of
from ..schedules import hold_then_fall
from ..training import Batch, Evaluate, fit, seed_everything
from .networks import Discriminator, Generator

Optimizers = tuple[torch.optim.Optimizer, ...]


def gradient_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """Returns the mean squared length of the logits' gradients at the images: R1 on real ones.

    `logits`, (B,), must come from `images`, (B, 1, 28, 28), that require gradients.

    Source: Mescheder et al., Which Training Methods for GANs do actually Converge?, 2018.
    """
    (gradients,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradients.square().sum((1, 2, 3)).mean()


@dataclass(frozen=True)
class GANRecipe:
    """Everything that decides a training run of the course's GAN, apart from the seed.

    Raises:
        ValueError: a setting is out of its range.
    """

    num_steps: int
    batch_size: int = 64
    latent_dim: int = 64
    width: int = 64  # the generator's channels
    widths: tuple[int, int, int] = (24, 64, 128)  # the discriminator's channels
    adam_lr: float = 5e-4
    adam_beta1: float = 0.0
    muon_lr: float = 0.02  # 0: Adam takes everything
    penalty: float = 0.3  # gamma of R1; 0: none
    penalty_every: int = 16  # steps from one R1 penalty to the next
    ema_decay: float = 0.998

    def __post_init__(self) -> None:
        check_fields(
            self,
            counts=["num_steps", "batch_size", "latent_dim", "width", "penalty_every"],
            numbers=["adam_lr", "muon_lr", "penalty"],
            shares=["adam_beta1", "ema_decay"],
        )


#: The course's recipe, tuned on 10,000 images held back from the training set, never on the test
#: set.
COURSE = GANRecipe(num_steps=3400)


# What a game consists of, besides its recipe and the number of its steps.
_PARTS = (
    "generator", "discriminator", "ema", "generator_optimizers", "discriminator_optimizers", "rng",
)  # fmt: skip


class CourseGAN:
    """The two players with their optimizers, ready for `fit(game.step, ...)`.

    `ema.network` is the generator to draw samples from. You may give your own networks, such as
    those of an earlier run; they need the course's call, with optional labels.
    """

    def __init__(
        self,
        recipe: GANRecipe,
        rng: torch.Generator,
        generator: nn.Module | None = None,
        discriminator: nn.Module | None = None,
    ) -> None:
        self.recipe, self.rng, self.steps = recipe, rng, 0
        self.generator = generator or Generator(recipe.latent_dim, recipe.width)
        self.discriminator = discriminator or Discriminator(recipe.widths)
        for player in (self.generator, self.discriminator):
            player.train().requires_grad_(True)
        self.ema = EMA(self.generator, recipe.ema_decay)
        self.generator_optimizers = course_optimizers(self.generator, recipe)
        self.discriminator_optimizers = course_optimizers(self.discriminator, recipe)

    def discriminator_loss(self, real: Tensor, fake: Tensor, labels: Tensor | None) -> Tensor:
        """Returns the loss in nats: cross-entropy, and on some steps the R1 penalty.

        The penalty is added on the first step and on every `penalty_every`-th one after it, with
        the weight `penalty` * `penalty_every` / 2 of the recipe. It asks for gradients of `real`.
        """
        penalized = self.recipe.penalty > 0 and self.steps % self.recipe.penalty_every == 0
        real.requires_grad_(penalized)
        on_real = self.discriminator(real, labels)
        on_fake = self.discriminator(fake, labels)
        loss = F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
        if penalized:
            # A strong penalty on few steps works like a weak one on all, at a tenth of the cost
            # (Karras et al., 2020).
            weight = self.recipe.penalty * self.recipe.penalty_every / 2
            loss = loss + weight * gradient_penalty(on_real, real)
        return loss

    def generator_loss(self, fake: Tensor, labels: Tensor | None) -> Tensor:
        """Returns the non-saturating loss in nats."""
        return F.softplus(-self.discriminator(fake, labels)).mean()

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Returns both losses of one update of each player, in nats.

        The batch is images, uint8, (B, 1, 28, 28), alone or with their labels, int64, (B,).

        Raises:
            ValueError: images or labels have another type or shape, or labels are none of the ten.
        """
        check_pairs(*batch, wait=False)
        place = devices.place_of(self.generator, batch[0].device)
        images, *more = (devices.send(each, place) for each in batch)
        real, labels = to_signed(images), more[0] if more else None
        z = devices.normal((len(real), self.recipe.latent_dim), self.rng, place)
        fake = self.generator(z, labels)
        d_loss = self.discriminator_loss(real, fake.detach(), labels)
        gradient_step(d_loss, *self.discriminator_optimizers)
        self.discriminator.requires_grad_(False)  # only the way through it is needed now
        g_loss = self.generator_loss(fake, labels)
        gradient_step(g_loss, *self.generator_optimizers)
        self.discriminator.requires_grad_(True)
        self.ema.update(self.generator)
        self.steps += 1
        return {"discriminator": d_loss, "generator": g_loss}

    def to(self, device: str | torch.device) -> CourseGAN:
        """Moves the game to a device, and returns it."""
        place = torch.device(device)
        networks = self.generator, self.discriminator, self.ema.network
        if any(devices.place_of(network, place) != place for network in networks):
            for network in networks:
                network.to(place)
            _follow(*self.generator_optimizers, *self.discriminator_optimizers)
        return self

    def state_dict(self) -> dict[str, Any]:
        """Returns all that the game's next step depends on, by name, for `training.save_run`."""
        parts = {name: state_of(part) for name, part in vars(self).items() if name in _PARTS}
        return {"steps": self.steps, **parts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from where another game of the same recipe stood.

        Raises:
            ValueError: the other one has other players or optimizers.
        """
        for name in _PARTS:
            restore(getattr(self, name), state[name], f"The game's {name}")
        self.steps = state["steps"]


def check_pairs(*tensors: Tensor, wait: bool = True) -> None:
    """Checks that tensors are uint8 images, or such images and their labels.

    With `wait` False, the range of labels on a card is left out.

    Raises:
        ValueError: they are something else.
    """
    if len(tensors) not in (1, 2):
        raise ValueError(f"Give images, or images and their labels, not {len(tensors)} tensors.")
    check_images(tensors[0])
    for labels in tensors[1:]:
        check_labels(labels, len(tensors[0]), wait=wait)


def course_optimizers(network: nn.Module, recipe: GANRecipe) -> Optimizers:
    """Returns Muon for the filters that read hidden features, and Adam for everything else.

    Adam stands first; it stands alone where there are no such filters or `muon_lr` is 0.
    """
    filters: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for p in network.parameters():
        reads_hidden = recipe.muon_lr > 0 and p.ndim == 4 and p.size(1) > 1
        (filters if reads_hidden else others).append(p)
    adam = torch.optim.Adam(others, recipe.adam_lr, betas=(recipe.adam_beta1, 0.99), fused=True)
    if not filters:
        return (adam,)
    return adam, Muon(filters, recipe.muon_lr, momentum=0.0, normalize=False)


def train_course(
    recipe: GANRecipe,
    *tensors: Tensor,
    seed: int,
    networks: tuple[nn.Module, nn.Module] | None = None,
    max_seconds: float | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int | None = None,
    device: str | torch.device | None = None,
) -> tuple[CourseGAN, History]:
    """Returns the course's GAN trained by `recipe`, where the images lie, and the run's history.

    Args:
        recipe: what to train and how.
        tensors: images, uint8, shape (N, 1, 28, 28), and, to draw chosen digits, their labels.
        seed: decides weights, order and noise.
        networks: a generator and a discriminator to go on from, in place of new ones.
        max_seconds: a time budget that may end the run before its steps are done; the rates follow
            whichever is nearer.
        evaluate: takes the averaged generator and returns metrics by name.
        evaluate_every: steps between evaluations; None for one at the end.
        device: where to train; by default a graphics card where there is one (`devices.device`).

    Raises:
        ValueError: images or labels have another type, shape or range, differ in number, or are
            fewer than a batch has, or there is no such device.
        TrainingError: a loss is no longer finite.
    """
    check_pairs(*tensors)
    place, rng = devices.device(device), seed_everything(seed)
    with torch.device("cpu"):  # the weights are drawn there, as they are for all recipes
        game = CourseGAN(recipe, rng, *(networks or ())).to(place)
    history = fit(
        game.step,
        batches(tuple(each.to(place) for each in tensors), recipe.batch_size, rng=rng),
        num_steps=recipe.num_steps,
        max_seconds=max_seconds,
        schedule=hold_then_fall(*game.generator_optimizers, *game.discriminator_optimizers),
        evaluate=partial(evaluate, game.ema.network) if evaluate else None,
        evaluate_every=evaluate_every,
        label=f"course's GAN, seed {seed}",
    )
    return game.to(tensors[0].device), history


def _follow(*optimizers: torch.optim.Optimizer) -> None:
    """Lets what optimizers keep lie where their weights have been moved."""
    for optimizer in optimizers:
        optimizer.load_state_dict(optimizer.state_dict())
