"""Chapter 2: the course's GAN, how it is trained, sampled and kept; the article's beside it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F

from .data import DataError, batches, to_signed, write_whole
from .gan_article import (
    ArticleDiscriminator,
    ArticleGenerator,
    Batch,
    Evaluate,
    article_step,
    train_article,
)
from .latent import interpolate
from .optimizers import Muon
from .training import History, fit, hold_then_fall, seed_everything

__all__ = [
    "COURSE",
    "ArticleDiscriminator",
    "ArticleGenerator",
    "Average",
    "CourseGAN",
    "Discriminator",
    "Generator",
    "Recipe",
    "article_step",
    "course_optimizers",
    "gradient_penalty",
    "interpolate",
    "load_generator",
    "sample",
    "save_generator",
    "train_article",
    "train_course",
]

Optimizers = tuple[torch.optim.Optimizer, ...]


class Generator(nn.Module):
    """The course's generator: noise becomes 7 by 7 cells of features, and each cell 4 by 4 pixels.

    All convolutions work on the 7 by 7 cells, where they are cheap; the last one gives sixteen
    numbers for each cell, which are laid out as its pixels (Shi et al., 2016).
    A label adds its own numbers to the cells, so one network draws all ten digits.
    """

    def __init__(self, latent_dim: int = 64, width: int = 48) -> None:
        super().__init__()
        self.latent_dim, self.width = latent_dim, width
        self.embedding = nn.Embedding(10, 7 * 7 * width)
        nn.init.normal_(self.embedding.weight, std=0.3)
        self.expand = nn.Linear(latent_dim, 7 * 7 * width)
        self.cells = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 16, kernel_size=3, padding=1),
        )
        self.to(memory_format=torch.channels_last)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Returns images in [-1, 1], shape (B, 1, 28, 28), of noise, shape (B, latent_dim).

        The labels say which digit: int64, (B,), or shares of the ten digits, float, (B, 10).
        """
        x = self.expand(z)
        if labels is not None:
            shares = labels if labels.is_floating_point() else F.one_hot(labels, 10).float()
            x = x + shares @ self.embedding.weight
        x = x.view(-1, 7, 7, self.width).permute(0, 3, 1, 2)  # (B, width, 7, 7)
        x = self.cells(x)  # (B, 16, 7, 7)
        return F.pixel_shuffle(x, 4).tanh()


class Discriminator(nn.Module):
    """The course's discriminator: three convolutions, each with stride 2, and one linear layer.

    It gives a logit, and has no batch norm: an image's score must not depend on its neighbours.
    With labels it also compares its features with the label's embedding (Miyato and Koyama, 2018).
    """

    def __init__(self, widths: Sequence[int] = (16, 48, 96)) -> None:
        super().__init__()
        first, second, third = widths
        self.features = nn.Sequential(
            nn.Conv2d(1, first, kernel_size=4, stride=2, padding=1),  # (B, first, 14, 14)
            nn.LeakyReLU(0.2),
            nn.Conv2d(first, second, kernel_size=4, stride=2, padding=1),  # (B, second, 7, 7)
            nn.LeakyReLU(0.2),
            nn.Conv2d(second, third, kernel_size=3, stride=2, padding=1),  # (B, third, 4, 4)
            nn.LeakyReLU(0.2),
        )
        self.score = nn.Linear(third * 4 * 4, 1)
        self.embedding = nn.Embedding(10, third * 4 * 4)
        nn.init.zeros_(self.embedding.weight)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Returns logits of being real, (B,), of images in [-1, 1] and labels, int64, (B,)."""
        x = self.features(images).permute(0, 2, 3, 1).flatten(1)  # (B, 16 * third)
        logits: Tensor = self.score(x)[:, 0]
        if labels is not None:
            logits = logits + (self.embedding(labels) * x).sum(1) / x.size(1) ** 0.5
        return logits


class Average:
    """A running mean of a network's weights: `network` is the mean, a network of its own.

    The two players circle around each other; the mean of many of a player's positions is steadier
    than the last one. Early weights are forgotten quickly, later ones with `decay`.

    Source: Yazıcı et al., The Unusual Effectiveness of Averaging in GAN Training, 2019.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay, self.updates = decay, 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Moves the mean towards `network`'s weights; running statistics are taken over."""
        self.updates += 1
        keep = min(self.decay, self.updates / (self.updates + 10))
        for mean, new in zip(self.network.parameters(), network.parameters(), strict=True):
            mean.lerp_(new, 1 - keep)
        for kept, newest in zip(self.network.buffers(), network.buffers(), strict=True):
            kept.copy_(newest)


def gradient_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """Returns the mean squared length of the logits' gradients at the images: R1 on real ones.

    `logits`, (B,), must come from `images`, (B, 1, 28, 28), that require gradients.

    Source: Mescheder et al., Which Training Methods for GANs do actually Converge?, 2018.
    """
    (gradients,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradients.square().sum((1, 2, 3)).mean()


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run of the course's GAN, apart from the seed."""

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
    average_decay: float = 0.998


# The course's recipe, tuned on 10,000 images held back from the training set, never on the test
# set.
COURSE = Recipe(num_steps=3400)


class CourseGAN:
    """The two players with their optimizers, ready for `fit(game.step, ...)`.

    `average.network` is the generator to draw samples from. You may give your own networks, such as
    those of an earlier run; they need the course's call, with optional labels.
    """

    def __init__(
        self,
        recipe: Recipe,
        random: torch.Generator,
        generator: nn.Module | None = None,
        discriminator: nn.Module | None = None,
    ) -> None:
        self.recipe, self.random, self.steps = recipe, random, 0
        self.generator = generator or Generator(recipe.latent_dim, recipe.width)
        self.discriminator = discriminator or Discriminator(recipe.widths)
        for player in (self.generator, self.discriminator):
            player.train().requires_grad_(True)
        self.average = Average(self.generator, recipe.average_decay)
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
            # Seldom and strongly costs a tenth of always and weakly, and does the same
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
            ValueError: the images aren't uint8.
        """
        real, labels = to_signed(batch[0]), batch[1] if len(batch) > 1 else None
        z = torch.randn(len(real), self.recipe.latent_dim, generator=self.random)
        fake = self.generator(z, labels)
        d_loss = self.discriminator_loss(real, fake.detach(), labels)
        _update(self.discriminator_optimizers, d_loss)
        self.discriminator.requires_grad_(False)  # only the way through it is needed now
        g_loss = self.generator_loss(fake, labels)
        _update(self.generator_optimizers, g_loss)
        self.discriminator.requires_grad_(True)
        self.average.update(self.generator)
        self.steps += 1
        return {"discriminator": d_loss, "generator": g_loss}


def course_optimizers(network: nn.Module, recipe: Recipe) -> Optimizers:
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
    recipe: Recipe,
    *tensors: Tensor,
    seed: int,
    networks: tuple[nn.Module, nn.Module] | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int | None = None,
) -> tuple[CourseGAN, History]:
    """Returns the course's GAN trained by `recipe` on the CPU, and the run's history.

    Args:
        recipe: what to train and how.
        tensors: images, uint8, shape (N, 1, 28, 28), and, to draw chosen digits, their labels.
        seed: decides weights, order and noise.
        networks: a generator and a discriminator to go on from, in place of new ones.
        evaluate: takes the averaged generator and returns metrics by name.
        evaluate_every: steps between evaluations; None for one at the end.

    Raises:
        ValueError: the images aren't uint8, differ in number from the labels, or are fewer than a
            batch has.
        TrainingError: a loss is no longer finite.
    """
    random = seed_everything(seed)
    game = CourseGAN(recipe, random, *(networks or ()))
    history = fit(
        game.step,
        batches(tensors, recipe.batch_size, generator=random),
        num_steps=recipe.num_steps,
        schedule=hold_then_fall(*game.generator_optimizers, *game.discriminator_optimizers),
        evaluate=partial(evaluate, game.average.network) if evaluate else None,
        evaluate_every=evaluate_every,
        label=f"course's GAN, seed {seed}",
    )
    return game, history


@torch.no_grad()
def sample(
    generator: nn.Module, z: Tensor, labels: Tensor | None = None, batch_size: int = 500
) -> Tensor:
    """Returns the images, uint8, shape (N, 1, 28, 28), that a generator makes of noise.

    The generator works in evaluation mode, and is left in the mode that it came in.

    Args:
        generator: the article's, the course's, or any that gives images in [-1, 1].
        z: noise, shape (N, latent_dim), N at least 1.
        labels: which digits the images are to show, as the course's `Generator` takes them; a
            generator that was trained with labels needs them.
        batch_size: images at a time; it does not change the result.

    Raises:
        ValueError: the noise has another shape, or the labels are not as many as it.
    """
    latent_dim = generator.latent_dim
    if z.ndim != 2 or z.size(1) != latent_dim or len(z) == 0:
        raise ValueError(f"noise must have shape (N, {latent_dim}), not {tuple(z.shape)}.")
    if labels is not None and labels.shape[:1] != z.shape[:1]:
        raise ValueError(
            f"labels must be as many as the noise, {len(z)}, not {tuple(labels.shape)}."
        )
    extra = () if labels is None else (labels.split(batch_size),)
    was_training = generator.training
    generator.eval()
    try:
        parts = [generator(*part) for part in zip(z.split(batch_size), *extra, strict=True)]
    finally:
        generator.train(was_training)
    return ((torch.cat(parts) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def save_generator(generator: Generator, path: str | Path) -> Path:
    """Writes the course's generator as safetensors, all of it or nothing, and returns its path.

    Raises:
        DataError: the file can't be written; one that was there before stays whole.
    """
    path = Path(path)
    sizes = {"latent_dim": str(generator.latent_dim), "width": str(generator.width)}
    state = {name: value.contiguous() for name, value in generator.state_dict().items()}
    content = save(state, metadata={"network": "aigc_utils.gan.Generator", **sizes})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise DataError(
            f"{path} can't be written ({error.strerror}): make room or name another path."
        ) from error
    return path


def load_generator(path: str | Path) -> Generator:
    """Returns a generator that `save_generator` wrote, ready to sample from.

    Raises:
        DataError: there is no such file, or it is damaged, or holds something else.
    """
    try:
        with safe_open(path, framework="pt") as file:
            sizes = file.metadata() or {}
            generator = Generator(int(sizes["latent_dim"]), int(sizes["width"]))
            weights = {name: file.get_tensor(name) for name in generator.state_dict()}
            generator.load_state_dict(weights)
    except FileNotFoundError as error:
        raise DataError(
            f"There is no file {path}: write one with gan.save_generator(generator, path)."
        ) from error
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise DataError(
            f"{path} is damaged or holds no generator of this course: save it again with "
            "gan.save_generator."
        ) from error
    return generator.eval()


def _update(optimizers: Optimizers, loss: Tensor) -> None:
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
