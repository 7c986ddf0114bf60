"""Chapter 2: the article's GAN, as it stands there, and its training."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from .. import devices
from ..data import batches, check_images, to_signed
from ..history import History
from ..training import Batch, Evaluate, Step, fit, seed_everything


class ArticleGenerator(nn.Module):
    """The article's generator: four fully connected layers, 1,486,352 parameters."""

    latent_dim = 100

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(100, 256), nn.ReLU(),
            nn.Linear(256, 512), nn.ReLU(),
            nn.Linear(512, 1024), nn.ReLU(),
            nn.Linear(1024, 28 * 28), nn.Tanh(),
        )  # fmt: skip

    @property
    def configuration(self) -> dict[str, Any]:
        """The constructor's arguments, as `save_model` keeps them."""
        return {}

    def forward(self, z: Tensor) -> Tensor:
        """Returns images in [-1, 1], shape (B, 1, 28, 28), of noise, shape (B, 100)."""
        images: Tensor = self.model(z).view(-1, 1, 28, 28)
        return images


class ArticleDiscriminator(nn.Module):
    """The article's discriminator: fully connected layers and a sigmoid, 1,460,225 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(28 * 28, 1024), nn.LeakyReLU(0.2),
            nn.Linear(1024, 512), nn.LeakyReLU(0.2),
            nn.Linear(512, 256), nn.LeakyReLU(0.2),
            nn.Linear(256, 1), nn.Sigmoid(),
        )  # fmt: skip

    @property
    def configuration(self) -> dict[str, Any]:
        """The constructor's arguments, as `save_model` keeps them."""
        return {}

    def forward(self, images: Tensor) -> Tensor:
        """Returns the probability of being real, shape (B, 1), of images in [-1, 1]."""
        probability: Tensor = self.model(images.flatten(1))
        return probability


def article_step(
    generator: ArticleGenerator,
    discriminator: ArticleDiscriminator,
    generator_optimizer: torch.optim.Optimizer,
    discriminator_optimizer: torch.optim.Optimizer,
) -> Step:
    """Returns the article's step for `fit`: the discriminator learns once, then the generator.

    The step takes images, uint8, shape (B, 1, 28, 28). It returns both losses in nats, and the
    mean probability of being real that the discriminator gave to "real" and to "made" images. It
    raises ValueError for images of another type or shape.
    """
    loss_function = nn.BCELoss()

    def step(batch: Batch) -> dict[str, Tensor]:
        check_images(batch[0])
        place = devices.place_of(generator, batch[0].device)
        real = to_signed(devices.send(batch[0], place))
        ones, zeros = (torch.full((len(real), 1), each, device=place) for each in (1.0, 0.0))
        shape = len(real), generator.latent_dim

        on_real = discriminator(real)
        fake = generator(devices.normal(shape, None, place))
        on_fake = discriminator(fake.detach())  # no gradient to the generator from this loss
        d_loss = loss_function(on_real, ones) + loss_function(on_fake, zeros)
        discriminator_optimizer.zero_grad()
        d_loss.backward()
        discriminator_optimizer.step()

        fake = generator(devices.normal(shape, None, place))
        g_loss = loss_function(discriminator(fake), ones)
        generator_optimizer.zero_grad()
        g_loss.backward()
        generator_optimizer.step()
        return {
            "discriminator": d_loss, "generator": g_loss,
            "real": on_real.mean(), "made": on_fake.mean(),
        }  # fmt: skip

    return step


def train_article(
    images: Tensor,
    *,
    seed: int,
    num_steps: int | None = None,
    max_seconds: float | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int | None = None,
    device: str | torch.device | None = None,
) -> tuple[ArticleGenerator, ArticleDiscriminator, History]:
    """Returns the article's players, where the images lie, and the run's history.

    Args:
        images: uint8, shape (N, 1, 28, 28); taken in batches of 64, as in the article.
        seed: decides weights, order and noise.
        num_steps: batches to train on; None for as many as `max_seconds` allows.
        max_seconds: time budget in seconds, as in `fit`.
        evaluate: takes the generator and returns metrics by name.
        evaluate_every: steps between evaluations; None for one at the end.
        device: where to train; by default a graphics card where there is one (`devices.device`).

    Raises:
        ValueError: the images have another type or shape, or are fewer than a batch has; neither
            `num_steps` nor `max_seconds` is given, or one is not positive; there is no such device.
        TrainingError: a loss is no longer finite.
    """
    check_images(images)
    place, rng = devices.device(device), seed_everything(seed)
    generator = devices.build(place, ArticleGenerator)
    discriminator = devices.build(place, ArticleDiscriminator)
    # Fused, Adam's update of a player's 1.5 million weights takes 2.2 ms in place of 6.5.
    optimizers = [
        torch.optim.Adam(net.parameters(), 2e-4, fused=True) for net in (generator, discriminator)
    ]
    history = fit(
        article_step(generator, discriminator, *optimizers),
        batches((images.to(place),), 64, rng=rng),
        num_steps=num_steps,
        max_seconds=max_seconds,
        evaluate=partial(evaluate, generator) if evaluate else None,
        evaluate_every=evaluate_every,
        label=f"article's GAN, seed {seed}",
    )
    return generator.to(images.device), discriminator.to(images.device), history
