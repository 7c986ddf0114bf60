"""Chapter 3: the course's VAE, its losses and its training; the article's beside it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .data import batches, binarize, to_float
from .latent import interpolate
from .training import History, fit, one_cycle, seed_everything
from .vae_article import ArticleVAE, article_losses, article_nats, article_step, train_article

__all__ = [
    "LIKELIHOOD",
    "MINUTE",
    "PLANE",
    "SPRINT",
    "VAE",
    "ArticleVAE",
    "Recipe",
    "Residual",
    "article_losses",
    "article_nats",
    "article_step",
    "gaussian_kl",
    "interpolate",
    "plain_decoder",
    "reconstruction_loss",
    "reparameterize",
    "sample",
    "train_article",
    "train_course",
    "vae_step",
]

Batch = tuple[Tensor, ...]
Evaluate = Callable[["VAE"], Mapping[str, float]]


class Residual(nn.Module):
    """Layers whose output is added to their input."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Returns a tensor of the input's shape."""
        result: Tensor = x + self.layers(x)
        return result


class VAE(nn.Module):
    """The course's VAE: an encoder to a Gaussian for each image, and a decoder to its pixels.

    The layers are fully connected, residual where the width stays, and the decoder mirrors the
    encoder. With `patches`, images are cut into 7 by 7 patches of 4 by 4 pixels, and on either
    end a small convolution lets each patch look at its neighbours. The encoder reads how an
    image differs from the mean image, and the decoder begins with the mean image, so neither
    has to learn it.
    """

    mean: Tensor

    def __init__(
        self,
        latent_dim: int = 20,
        hidden: Sequence[int] = (512, 512),
        patches: bool = True,
        mean_image: Tensor | None = None,
    ) -> None:
        super().__init__()
        mean = torch.zeros(1, 28, 28) if mean_image is None else mean_image
        bias = mean if mean_image is None else mean.clamp(1e-3, 1 - 1e-3).logit()
        self.latent_dim = latent_dim
        self.register_buffer("mean", mean)
        self.pixel_bias = nn.Parameter(bias.clone())
        to_row: list[nn.Module] = [nn.Flatten()]
        to_image: list[nn.Module] = [nn.Unflatten(1, (1, 28, 28))]
        if patches:
            convolutions = [nn.Conv2d(16, 16, kernel_size=3, padding=1) for _ in range(2)]
            to_row = [nn.PixelUnshuffle(4), Residual(convolutions[0]), nn.SiLU(), nn.Flatten()]
            to_image = [
                nn.Unflatten(1, (16, 7, 7)),
                Residual(nn.SiLU(), convolutions[1]),
                nn.PixelShuffle(4),
            ]
        self.encoder = nn.Sequential(*to_row, *_layers(28 * 28, *hidden, 2 * latent_dim))
        self.decoder = nn.Sequential(*_layers(latent_dim, *reversed(hidden), 28 * 28), *to_image)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns means and log-variances, (B, latent_dim) each, of images, (B, 1, 28, 28)."""
        mean, log_variance = self.encoder(images - self.mean).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        """Returns the pixels' logits, (B, 1, 28, 28), of latents, (B, latent_dim)."""
        logits: Tensor = self.decoder(z) + self.pixel_bias
        return logits

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the logits of a reconstruction, and the means and log-variances behind it."""
        mean, log_variance = self.encode(images)
        return self.decode(reparameterize(mean, log_variance)), mean, log_variance


def _layers(*sizes: int) -> list[nn.Module]:
    """Returns fully connected layers with SiLU between them, residual where the size stays."""
    layers: list[nn.Module] = [nn.Linear(sizes[0], sizes[1])]
    for inputs, outputs in itertools.pairwise(sizes[1:]):
        further = (nn.SiLU(), nn.Linear(inputs, outputs))
        layers.extend([Residual(*further)] if inputs == outputs else further)
    return layers


def reparameterize(
    mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """Returns one sample of each Gaussian, in a way that gradients pass through.

    The noise is drawn apart from the parameters and then scaled and moved by them.

    Source: Kingma and Welling, Auto-Encoding Variational Bayes, 2014, section 2.4.
    """
    noise = torch.randn(mean.shape, generator=generator)
    return mean + (log_variance / 2).exp() * noise


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Returns KL(N(mean, variance) || N(0, 1)) of each latent dimension, in nats, (B, D).

    Source: Kingma and Welling, Auto-Encoding Variational Bayes, 2014, appendix B.
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance) / 2


def reconstruction_loss(logits: Tensor, images: Tensor) -> Tensor:
    """Returns each image's binary cross-entropy, summed over its pixels, in nats, shape (B,).

    Raises:
        ValueError: the shapes differ, or pixels lie outside [0, 1].
    """
    if logits.shape != images.shape:
        raise ValueError(
            f"logits and images must have one shape, not {tuple(logits.shape)} and "
            f"{tuple(images.shape)}."
        )
    if not ((images >= 0) & (images <= 1)).all():
        raise ValueError("pixels must lie in [0, 1] to be probabilities: use data.to_float.")
    losses = F.binary_cross_entropy_with_logits(logits, images, reduction="none")
    return losses.flatten(1).sum(1)


def vae_step(
    model: VAE,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    *,
    beta: float = 1.0,
    noise: bool = True,
    binary: bool = False,
) -> Callable[[Batch], dict[str, Tensor]]:
    """Returns a step for `fit`: one update of a VAE on a batch of images, uint8, (B, 1, 28, 28).

    The step returns the two parts of the negative ELBO as means over the images, in nats. It
    raises ValueError for images that aren't uint8.

    Args:
        model: the VAE.
        optimizer: of its parameters.
        generator: draws the latents' noise, and binary pixels.
        beta: the KL divergence's weight; 1 for the ELBO (Higgins et al., 2017, for others).
        noise: False to decode the means, as a plain autoencoder does.
        binary: whether pixels become zeros and ones, drawn anew in each step.
    """

    def step(batch: Batch) -> dict[str, Tensor]:
        model.train()
        images = to_float(batch[0])
        if binary:
            images = binarize(images, generator)
        mean, log_variance = model.encode(images)
        z = reparameterize(mean, log_variance, generator) if noise else mean
        reconstruction = reconstruction_loss(model.decode(z), images).mean()
        kl = gaussian_kl(mean, log_variance).sum(1).mean()
        optimizer.zero_grad()
        (reconstruction + beta * kl).backward()
        optimizer.step()
        return {"reconstruction": reconstruction, "kl": kl}

    return step


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run of the course's VAE, apart from the seed."""

    epochs: float
    latent_dim: int = 20
    hidden: tuple[int, ...] = (512, 512)  # the encoder's widths; the decoder's, backwards
    patches: bool = True
    batch_size: int = 256
    lr: float = 5e-3  # the peak
    warmup: float = 0.05  # the share of the run in which the rate rises
    beta: float = 1.0  # the KL divergence's weight
    noise: bool = True  # False: a plain autoencoder
    binary: bool = False  # pixels become zeros and ones, drawn anew in each step


# Gets in seconds where the article's ten epochs get. All four recipes were tuned on 10,000 images
# held back from the training set, never on the test set.
SPRINT = Recipe(epochs=1.75, patches=False, batch_size=128)
# The best that a minute on two cores gives.
MINUTE = Recipe(epochs=16)
# Two latents, to be looked at.
PLANE = Recipe(epochs=8, latent_dim=2, hidden=(64, 256), patches=False, batch_size=128)
# For binary pixels, whose likelihood is bounded.
LIKELIHOOD = Recipe(epochs=72, latent_dim=32, lr=3e-3, binary=True)


def train_course(
    recipe: Recipe,
    images: Tensor,
    *,
    seed: int,
    model: VAE | None = None,
    max_seconds: float | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int | None = None,
) -> tuple[VAE, History]:
    """Returns a VAE trained by `recipe` on the CPU, ready to use, and the run's history.

    Args:
        recipe: what to train and how.
        images: uint8, shape (N, 1, 28, 28).
        seed: decides weights, order and noise.
        model: a VAE to train in place of a new one; the recipe's sizes are then not used.
        max_seconds: a time budget that may end the run before the recipe's epochs are done; the
            schedule then follows the clock, and the numbers depend on the machine.
        evaluate: takes the model and returns metrics by name.
        evaluate_every: steps between evaluations; None for one at the end.

    Raises:
        ValueError: the images aren't uint8, or are fewer than a batch has.
        TrainingError: a loss is no longer finite.
    """
    random = seed_everything(seed)
    if model is None:
        mean_image = to_float(images).mean(0)
        model = VAE(recipe.latent_dim, recipe.hidden, recipe.patches, mean_image)
    optimizer = torch.optim.Adam(model.parameters(), recipe.lr, betas=(0.9, 0.99), fused=True)
    history = fit(
        vae_step(
            model, optimizer, random, beta=recipe.beta, noise=recipe.noise, binary=recipe.binary
        ),
        batches((images,), recipe.batch_size, generator=random),
        num_steps=int(recipe.epochs * len(images) / recipe.batch_size),
        max_seconds=max_seconds,
        schedule=one_cycle(optimizer, warmup=recipe.warmup),
        evaluate=partial(evaluate, model) if evaluate else None,
        evaluate_every=evaluate_every,
        label=f"course's VAE, seed {seed}",
    )
    return model.eval(), history


@torch.no_grad()
def sample(model: VAE, z: Tensor, batch_size: int = 1000) -> Tensor:
    """Returns what a VAE decodes latents to, uint8, shape (N, 1, 28, 28).

    Each pixel gets its mean: the grey value that the decoder expects there.

    Args:
        model: the VAE.
        z: shape (N, latent_dim), N at least 1; standard normal for samples from the prior.
        batch_size: images at a time; it does not change the result.

    Raises:
        ValueError: the latents have another shape.
    """
    if z.ndim != 2 or z.size(1) != model.latent_dim or len(z) == 0:
        raise ValueError(f"latents must have shape (N, {model.latent_dim}), not {tuple(z.shape)}.")
    pixels = [model.decode(part).sigmoid() for part in z.split(batch_size)]
    return (torch.cat(pixels) * 255).round().to(torch.uint8)


def plain_decoder(model: VAE) -> list[tuple[Tensor, Tensor]]:
    """Returns the weights and biases of a decoder of fully connected layers alone, in order.

    Raises:
        ValueError: the model has patches, or two neighbouring layers of one width, which make the
            decoder residual.
    """
    layers = [layer for layer in model.decoder if isinstance(layer, nn.Linear)]
    if any(isinstance(layer, Residual) for layer in model.decoder):
        raise ValueError(
            "this decoder has residual layers: train one with patches=False and differing widths."
        )
    pairs = [(layer.weight.detach(), layer.bias.detach()) for layer in layers]
    weight, bias = pairs[-1]
    return [*pairs[:-1], (weight, bias + model.pixel_bias.detach().flatten())]
