"""Chapter 3: the article's VAE, as it stands there but for the range of its pixels.

It follows the VAE example of the PyTorch project, whose notice stands in LICENSE-TEXT.md.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import devices
from ..data import batches, check_images, to_float
from ..history import History
from ..training import Batch, Evaluate, Step, fit, seed_everything


class ArticleVAE(nn.Module):
    """The article's VAE: one hidden layer of 400 on either side, 20 latents, 652,824 parameters."""

    latent_dim = 20

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(28 * 28, 400)
        self.fc2_mu = nn.Linear(400, 20)
        self.fc2_logvar = nn.Linear(400, 20)
        self.fc3 = nn.Linear(20, 400)
        self.fc4 = nn.Linear(400, 28 * 28)

    @property
    def configuration(self) -> dict[str, Any]:
        """The constructor's arguments, as `save_model` keeps them."""
        return {}

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns means and log-variances, (B, 20) each, for images, (B, 1, 28, 28)."""
        h = F.relu(self.fc1(x.flatten(1)))
        return self.fc2_mu(h), self.fc2_logvar(h)

    def reparameterize(self, mu: Tensor, logvar: Tensor) -> Tensor:
        """Returns a sample of the Gaussian with this mean and log-variance."""
        return mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)

    def decode(self, z: Tensor) -> Tensor:
        """Returns pixels in [0, 1], shape (B, 784), for latents, (B, 20)."""
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the reconstruction, (B, 784), and means and log-variances, (B, 20)."""
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def article_losses(
    reconstruction: Tensor, x: Tensor, mu: Tensor, logvar: Tensor
) -> tuple[Tensor, Tensor]:
    """Returns the article's two losses, each summed over the batch, in nats.

    The first is the binary cross-entropy of all pixels, the second the KL divergence of the
    Gaussians from the standard normal one.

    Raises:
        RuntimeError: pixels of `x` lie outside [0, 1].
    """
    bce = F.binary_cross_entropy(reconstruction, x.flatten(1), reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce, kl


def article_step(model: ArticleVAE, optimizer: torch.optim.Optimizer) -> Step:
    """Returns the article's step for `fit`; it takes images, uint8, shape (B, 1, 28, 28).

    The step returns both losses as means over the batch's images, in nats. It raises ValueError
    for images of another type or shape.
    """

    def step(batch: Batch) -> dict[str, Tensor]:
        check_images(batch[0])
        x = to_float(devices.send(batch[0], model.fc1.weight.device))
        bce, kl = article_losses(*_with_images(model, x))
        optimizer.zero_grad()
        (bce + kl).backward()
        optimizer.step()
        return {"reconstruction": bce / len(x), "kl": kl / len(x)}

    return step


def train_article(
    images: Tensor,
    *,
    seed: int,
    num_steps: int,
    evaluate: Evaluate | None = None,
    evaluate_every: int | None = None,
    device: str | torch.device | None = None,
) -> tuple[ArticleVAE, History]:
    """Returns the article's VAE, where the images lie, and the run's history.

    Args:
        images: uint8, shape (N, 1, 28, 28); taken in batches of 64, as in the article.
        seed: decides weights, order and noise.
        num_steps: batches to train on; an epoch of the article has 938.
        evaluate: takes the model and returns metrics by name.
        evaluate_every: steps between evaluations; None for one at the end.
        device: where to train; by default a graphics card where there is one (`devices.device`).

    Raises:
        ValueError: the images have another type or shape, or are fewer than a batch has, a number
            of steps is not positive, or there is no such device.
        TrainingError: a loss is no longer finite.
    """
    check_images(images)
    place, rng = devices.device(device), seed_everything(seed)
    model = devices.build(place, ArticleVAE)
    history = fit(
        article_step(model, torch.optim.Adam(model.parameters(), lr=1e-3)),
        batches((images.to(place),), 64, rng=rng),
        num_steps=num_steps,
        evaluate=partial(evaluate, model) if evaluate else None,
        evaluate_every=evaluate_every,
        label=f"article's VAE, seed {seed}",
    )
    return model.to(images.device), history


@torch.no_grad()
def article_nats(model: ArticleVAE, images: Tensor) -> tuple[float, float]:
    """Returns the article's two losses on other images, as means over them, in nats.

    Args:
        model: its weights stay as they are.
        images: uint8, shape (N, 1, 28, 28), N at least 1.

    Raises:
        ValueError: the images have another type or shape.
    """
    check_images(images)
    here = images.to(devices.place_of(model, images.device))
    losses = [
        torch.stack(article_losses(*_with_images(model, to_float(part)))).cpu().double()
        for part in here.split(1000)
    ]
    bce, kl = torch.stack(losses).sum(0) / len(images)
    return bce.item(), kl.item()


def _with_images(model: ArticleVAE, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    reconstruction, mu, logvar = model(x)
    return reconstruction, x, mu, logvar
