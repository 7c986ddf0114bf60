"""Chapter 3: how the course's VAE is trained, and images from it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from .. import devices
from ..data import batches, binarize, check_fields, check_images, check_number, to_float
from ..history import History
from ..latent import gaussian_kl, reparameterize
from ..limits import whole
from ..losses import reconstruction_loss
from ..optimizers import gradient_step
from ..schedules import one_cycle
from ..training import Batch, Evaluate, Step, fit, seed_everything
from .model import VAE
from .perception import Features, perceptual_loss


def vae_step(
    model: VAE,
    optimizer: torch.optim.Optimizer,
    rng: torch.Generator,
    *,
    beta: float | Tensor = 1.0,
    noise: bool = True,
    binary: bool = False,
    perceive: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Step:
    """Returns a step for `fit`: one update of a VAE on a batch of images, uint8, (B, 1, 28, 28).

    The step returns the two parts of the negative ELBO as means over the images, in nats. It
    raises ValueError for images of another type or shape.

    Args:
        model: the VAE.
        optimizer: of its parameters.
        rng: draws the latents' noise, and binary pixels.
        beta: the KL divergence's weight; 1 for the ELBO (Higgins et al., 2017, for others). A
            tensor is read anew in each step, so that it may rise.
        noise: False to decode the means, as a plain autoencoder does.
        binary: whether pixels become zeros and ones, drawn anew in each step.
        perceive: a further loss, a scalar, of the reconstructions' logits and the images, both
            (B, 1, 28, 28); the step returns it too, as "perception".

    Raises:
        ValueError: `beta` is below 0.
    """
    check_number("beta", float(beta) if isinstance(beta, Tensor) else beta)

    def step(batch: Batch) -> dict[str, Tensor]:
        check_images(batch[0])
        model.train()
        images = to_float(devices.send(batch[0], model.mean.device))
        if binary:
            images = binarize(images, rng, wait=False)
        mean, log_variance = model.encode(images)
        z = reparameterize(mean, log_variance, rng) if noise else mean
        logits = model.decode(z)
        reconstruction = reconstruction_loss(logits, images, wait=False).mean()
        kl = gaussian_kl(mean, log_variance).sum(1).mean()
        losses = {"reconstruction": reconstruction, "kl": kl}
        loss = reconstruction + beta * kl
        if perceive is not None:
            losses["perception"] = perceive(logits, images)
            loss = loss + losses["perception"]
        gradient_step(loss, optimizer)
        return losses

    return step


@dataclass(frozen=True)
class VAERecipe:
    """Everything that decides a training run of the course's VAE, apart from the seed.

    Raises:
        ValueError: a setting is out of its range.
    """

    epochs: float
    latent_dim: int = 20
    hidden: tuple[int, ...] = (512, 512)  # the encoder's widths; the decoder's, backwards
    patches: bool = True
    batch_size: int = 256
    lr: float = 5e-3  # the peak
    warmup: float = 0.05  # the share of the run in which the rate rises
    beta: float = 1.0  # the KL divergence's weight
    kl_warmup: float = 0.0  # the share of the run in which that weight rises from zero
    noise: bool = True  # False: a plain autoencoder
    binary: bool = False  # pixels become zeros and ones, drawn anew in each step
    perception: float = 0.0  # the weight of what another network sees of the difference
    perceived: int = 64  # how many images of a batch it looks at

    def __post_init__(self) -> None:
        for width in self.hidden:
            whole("hidden", width)
        counts = ["latent_dim", "batch_size", "perceived"]
        numbers = ["epochs", "lr", "beta", "perception"]
        check_fields(self, counts=counts, numbers=numbers, shares=["warmup", "kl_warmup"])


#: Gets in seconds where the article's ten epochs get, and no farther: on images held back 560 steps
#: give 105.4 nats, and 820 gave 103.3. All recipes were tuned on 10,000 images held back from the
#: training set, never on the test set.
SPRINT = VAERecipe(epochs=1.2, patches=False, batch_size=128)
#: The best that a minute on two cores gives.
MINUTE = VAERecipe(epochs=16)
#: Two latents, to be looked at.
PLANE = VAERecipe(epochs=8, latent_dim=2, hidden=(64, 256), patches=False, batch_size=128)
#: For binary pixels, whose likelihood is bounded.
LIKELIHOOD = VAERecipe(epochs=72, latent_dim=32, lr=3e-3, binary=True)
#: For chapter 5: codes that say nearly all about an image, for a flow to draw them.
CODER = VAERecipe(epochs=10, latent_dim=32, beta=0.05)


def train_course(
    recipe: VAERecipe,
    images: Tensor,
    *,
    seed: int,
    model: VAE | None = None,
    features: Features | None = None,
    max_seconds: float | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int | None = None,
    device: str | torch.device | None = None,
) -> tuple[VAE, History]:
    """Returns a VAE trained by `recipe`, ready to use where the images lie, and the run's history.

    Args:
        recipe: what to train and how.
        images: uint8, shape (N, 1, 28, 28).
        seed: decides weights, order and noise.
        model: a VAE to train in place of a new one; the recipe's sizes are then not used.
        features: what another network, frozen, sees in images, as `perceptual_loss` takes it; a
            recipe with `perception` needs it.
        max_seconds: a time budget that may end the run before the recipe's epochs are done; the
            schedule then follows the clock, and the numbers depend on the machine.
        evaluate: takes the model and returns metrics by name.
        evaluate_every: steps between evaluations; None for one at the end.
        device: where to train; by default a graphics card where there is one (`devices.device`).

    Raises:
        ValueError: the images have another type or shape, or are fewer than a batch has; the recipe
            has `perception`, and there are no `features`; or there is no such device.
        TrainingError: a loss is no longer finite.
    """
    check_images(images)
    place = devices.device(device)
    perceive = _perceive(recipe, features, place)
    rng = seed_everything(seed)
    if model is None:
        mean = to_float(images.cpu()).mean(0)
        model = devices.build(place, VAE, recipe.latent_dim, recipe.hidden, recipe.patches, mean)
    model.to(place)
    optimizer = torch.optim.Adam(model.parameters(), recipe.lr, betas=(0.9, 0.99), fused=True)
    set_rate = one_cycle(optimizer, warmup=recipe.warmup)
    beta = torch.tensor(recipe.beta, device="cpu")

    def schedule(progress: float) -> None:
        set_rate(progress)
        if recipe.kl_warmup:
            beta.fill_(recipe.beta * min(progress / recipe.kl_warmup, 1.0))

    noise, binary = recipe.noise, recipe.binary
    history = fit(
        vae_step(model, optimizer, rng, beta=beta, noise=noise, binary=binary, perceive=perceive),
        batches((images.to(place),), recipe.batch_size, rng=rng),
        num_steps=int(recipe.epochs * len(images) / recipe.batch_size),
        max_seconds=max_seconds,
        schedule=schedule,
        evaluate=partial(evaluate, model) if evaluate else None,
        evaluate_every=evaluate_every,
        label=f"course's VAE, seed {seed}",
    )
    return model.to(images.device).eval(), history


def _perceive(
    recipe: VAERecipe, features: Features | None, place: torch.device
) -> Callable[[Tensor, Tensor], Tensor] | None:
    """Returns the weighted perceptual loss of a recipe on a device, or None where it has none."""
    if not recipe.perception:
        return None
    if features is None:
        raise ValueError(
            "A recipe with perception needs features: those of a trained classifier, such as "
            "chapter 1's, frozen."
        )
    owner = getattr(features, "__self__", features)  # a network, or the one whose method it is
    seen = features
    if isinstance(owner, nn.Module):
        there = copy.deepcopy(owner).to(place)
        seen = there if owner is features else getattr(there, getattr(features, "__name__", ""))

    def perceive(logits: Tensor, images: Tensor) -> Tensor:
        some = slice(recipe.perceived)
        near = perceptual_loss(seen, logits[some], images[some], wait=False)
        return recipe.perception * near.mean()

    return perceive
