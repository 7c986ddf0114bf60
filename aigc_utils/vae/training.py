"""Chapter 3: how the course's VAE is trained, and images from it."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

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
from .mixture import LearnedMixture
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
    prior: LearnedMixture | None = None,
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
        prior: takes the standard normal distribution's place, and learns with the networks where
            the optimizer has its parameters. The KL divergence is then an estimate, by the code
            that was drawn for each image.

    Raises:
        ValueError: `beta` is below 0, or there is a prior, but no noise to draw codes with.
    """
    if prior is not None and not noise:
        raise ValueError("a prior needs noise=True: the codes that it fits are drawn with it.")
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
        if prior is None:
            kl = gaussian_kl(mean, log_variance).sum(1)
        else:
            kl = _drawn_kl(log_variance, z, prior)
        losses = {"reconstruction": reconstruction, "kl": kl.mean()}
        loss = reconstruction + beta * losses["kl"]
        if perceive is not None:
            losses["perception"] = perceive(logits, images)
            loss = loss + losses["perception"]
        gradient_step(loss, optimizer)
        return losses

    return step


def _drawn_kl(log_variance: Tensor, z: Tensor, prior: LearnedMixture) -> Tensor:
    """Returns an estimate of each image's KL divergence from a prior, (B,), in nats.

    The divergence from a mixture has no formula: it is the mean of log q(z | x) - log p(z) over
    codes z of q, (B, D). The mean of the first half has one, and of the second one draw is taken.
    So the estimate has the right mean, and may be below 0.
    """
    entropy = (log_variance + 1 + math.log(2 * math.pi)).sum(1) / 2
    return -entropy - prior.log_prob(z)


@dataclass(frozen=True)
class VAERecipe:
    """Everything that decides a training run, apart from the seed and a prior trained along.

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
    encoder_patches: bool = True  # False: patches in the decoder alone
    prior_lr: float = 5e-2  # the peak for a prior that is trained along: it has far to go

    def __post_init__(self) -> None:
        for width in self.hidden:
            whole("hidden", width)
        counts = ["latent_dim", "batch_size", "perceived"]
        numbers = ["epochs", "lr", "beta", "perception", "prior_lr"]
        check_fields(self, counts=counts, numbers=numbers, shares=["warmup", "kl_warmup"])


#: Gets in seconds where the article's ten epochs get, and no farther: on images held back 560 steps
#: give 105.4 nats, and 820 gave 103.3. All recipes were tuned on 10,000 images held back from the
#: training set, never on the test set.
SPRINT = VAERecipe(epochs=1.2, patches=False, batch_size=128)
#: Larger, for up to a minute on two cores.
MINUTE = VAERecipe(epochs=16)
#: The best that a minute gives, where a prior is trained along: without the encoder's convolution
#: there is time for more steps.
LEAN = VAERecipe(epochs=24, encoder_patches=False)
#: Two latents, to be looked at.
PLANE = VAERecipe(epochs=8, latent_dim=2, hidden=(64, 256), patches=False, batch_size=128)
#: For binary pixels, whose likelihood is bounded.
LIKELIHOOD = VAERecipe(epochs=96, latent_dim=32, encoder_patches=False, lr=3e-3, binary=True)
#: For chapter 5: codes that say nearly all about an image, for a flow to draw them.
CODER = VAERecipe(epochs=10, latent_dim=32, beta=0.05)


def train_course(
    recipe: VAERecipe,
    images: Tensor,
    *,
    seed: int,
    model: VAE | None = None,
    features: Features | None = None,
    prior: LearnedMixture | None = None,
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
        prior: to be trained along, in place, and used for the standard normal distribution. What
            `evaluate` finds by `evaluation.elbo` is still measured with that one.
        max_seconds: a time budget that may end the run before the recipe's epochs are done; the
            schedule then follows the clock, and the numbers depend on the machine.
        evaluate: takes the model and returns metrics by name.
        evaluate_every: steps between evaluations; None for one at the end.
        device: where to train; by default a graphics card where there is one (`devices.device`).

    Raises:
        ValueError: the images have another type or shape, or are fewer than a batch has; the recipe
            has `perception`, and there are no `features`; the prior is for codes of another width,
            or the recipe has no noise for it; or there is no such device.
        TrainingError: a loss is no longer finite.
    """
    check_images(images)
    place = devices.device(device)
    perceive = _perceive(recipe, features, place)
    rng = seed_everything(seed)
    model = _new_vae(recipe, images, place) if model is None else model
    optimizer = _optimizer(recipe, model.to(place), prior and prior.to(place))
    set_rate = one_cycle(optimizer, warmup=recipe.warmup)
    beta = torch.tensor(recipe.beta, device="cpu")

    def schedule(progress: float) -> None:
        set_rate(progress)
        if recipe.kl_warmup:
            beta.fill_(recipe.beta * min(progress / recipe.kl_warmup, 1.0))

    parts: dict[str, Any] = {"beta": beta, "perceive": perceive, "prior": prior}
    history = fit(
        vae_step(model, optimizer, rng, noise=recipe.noise, binary=recipe.binary, **parts),
        batches((images.to(place),), recipe.batch_size, rng=rng),
        num_steps=int(recipe.epochs * len(images) / recipe.batch_size),
        max_seconds=max_seconds,
        schedule=schedule,
        evaluate=partial(evaluate, model) if evaluate else None,
        evaluate_every=evaluate_every,
        label=f"course's VAE, seed {seed}",
    )
    for each in filter(None, (model, prior)):
        each.to(images.device).eval()
    return model, history


def _new_vae(recipe: VAERecipe, images: Tensor, place: torch.device) -> VAE:
    """Returns a new VAE of a recipe's sizes, for images, uint8, with their mean."""
    mean = to_float(images.cpu()).mean(0)
    sizes = recipe.latent_dim, recipe.hidden, recipe.patches
    return devices.build(place, VAE, *sizes, mean, recipe.encoder_patches)


def _optimizer(
    recipe: VAERecipe, model: VAE, prior: LearnedMixture | None
) -> torch.optim.Optimizer:
    """Returns the optimizer of a VAE, and of a prior that is trained along, at their peak rates."""
    groups: list[dict[str, Any]] = [{"params": [*model.parameters()]}]
    if prior is not None:
        groups.append({"params": [*prior.parameters()], "lr": recipe.prior_lr})
    return torch.optim.Adam(groups, recipe.lr, betas=(0.9, 0.99), fused=True)


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
