"""Chapter 6: how each technique that draws is trained for the side by side.

Each is one of `TECHNIQUES`: a function that trains for so many steps or seconds, calls `watch` with
what draws at five times, and returns itself as `Trained`. All compute with 32 bits.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aigc_utils import flow, gan, gpt, vae
from aigc_utils.data import batches
from aigc_utils.digits import Codebook, learn_codebook
from aigc_utils.history import History
from aigc_utils.schedules import hold_then_fall
from aigc_utils.training import fit, seed_everything

from .flow import size
from .gan import real_images

#: Points of a curve.
POINTS = 5
#: The GPT for images of 49 tokens, without tables of n-grams.
WRITER = gpt.GPTRecipe(1, batch_size=48, context=49, num_layers=1, ngrams=(), bfloat16=False)

#: Draws digits, uint8, (N, 1, 28, 28), that are asked for, int64, (N,).
Draw = Callable[[Tensor], Tensor]
Watch = Callable[[Draw], dict[str, float]]
#: Sends images, uint8, (N, 1, 28, 28), through a technique's codes and back.
Rebuild = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Trained:
    """What a training gave, and what it took: seconds before it, and parameters that draw.

    Of the seconds before it, `fixed` do not grow with the steps.
    `rebuild` sends real images through its codes and back; it is None where it has none.
    """

    history: History
    draw: Draw
    before: float
    parameters: int
    fixed: float = 0.0
    obeys: bool = True
    rebuild: Rebuild | None = None


#: Trains with a seed and so many steps, calling `watch`. Where seconds are given, too, they end the
#: training, and the steps are those that are expected to fit.
Train = Callable[..., Trained]


def _every(steps: int) -> int:
    return max(steps // POINTS, 1)


def _most(steps: int, seconds: float | None) -> int:
    """Returns how many steps a run has at most, which with a budget of seconds are too many."""
    return steps if seconds is None else 2 * steps


def _left(seconds: float | None, before: float) -> float | None:
    return None if seconds is None else max(seconds - before, 1.0)


def _through(coder: vae.VAE, seed: int, sharpness: float = 1.0) -> Rebuild:
    def rebuild(images: Tensor) -> Tensor:
        rng = torch.Generator().manual_seed(seed)
        return flow.decode(coder, flow.encode_images(coder, images, rng), sharpness)

    return rebuild


def train_gan(seed: int, steps: int, watch: Watch, seconds: float | None = None) -> Trained:
    """Trains chapter 2's GAN."""
    mnist, *_ = real_images()
    recipe = dataclasses.replace(gan.COURSE, num_steps=_most(steps, seconds))

    def draws(generator: nn.Module) -> Draw:
        rng = torch.Generator().manual_seed(1000 + seed)
        return lambda asked: gan.sample(
            generator, torch.randn(len(asked), recipe.latent_dim, generator=rng), asked
        )

    game, history = gan.train_course(
        recipe, mnist.train_images, mnist.train_labels, seed=seed, max_seconds=seconds,
        evaluate=lambda generator: watch(draws(generator)), evaluate_every=_every(steps),
    )  # fmt: skip
    return Trained(history, draws(game.ema.network), 0.0, size(game.ema.network))


def train_vae(seed: int, steps: int, watch: Watch, seconds: float | None = None) -> Trained:
    """Trains chapter 3's VAE; it knows no labels, and draws the means of its pixels."""
    mnist, *_ = real_images()
    # Half a step more, so that rounding takes none away.
    epochs = (_most(steps, seconds) + 0.5) * vae.MINUTE.batch_size / len(mnist.train_images)
    recipe = dataclasses.replace(vae.MINUTE, epochs=epochs)

    def draws(model: vae.VAE) -> Draw:
        rng = torch.Generator().manual_seed(1000 + seed)
        return lambda asked: vae.sample(
            model, torch.randn(len(asked), model.latent_dim, generator=rng)
        )

    model, history = vae.train_course(
        recipe, mnist.train_images, seed=seed, max_seconds=seconds,
        evaluate=lambda model: watch(draws(model)), evaluate_every=_every(steps),
    )  # fmt: skip
    return Trained(
        history, draws(model), 0.0, size(model.decoder), obeys=False,
        rebuild=_through(model, seed),
    )  # fmt: skip


def _texts(rng: torch.Generator) -> tuple[Codebook, Tensor]:
    """Returns a codebook, and each training image as a text that begins with its name, (N, 50)."""
    mnist, *_ = real_images()
    codebook = learn_codebook(mnist.train_images[:5000], 256, rng)
    tokens = codebook.encode(mnist.train_images)
    return codebook, torch.cat([256 + mnist.train_labels[:, None], tokens], dim=1)


def train_gpt(seed: int, steps: int, watch: Watch, seconds: float | None = None) -> Trained:
    """Trains a GPT on images of 49 tokens, without tables of n-grams."""
    start = time.perf_counter()
    rng = seed_everything(seed)
    codebook, texts = _texts(rng)
    before = time.perf_counter() - start
    recipe = dataclasses.replace(WRITER, num_steps=steps)
    model = gpt.GPT(dataclasses.replace(recipe.config(256 + 10), positions="learned"))
    optimizers = gpt.course_optimizers(model, recipe)

    def draw(asked: Tensor) -> Tensor:
        rng, pages = torch.Generator().manual_seed(1000 + seed), []
        for names in asked.split(1000):
            prompts = [[256 + name] for name in names.tolist()]
            new = gpt.generate(model, prompts, 49, gpt.Sampling(), rng)
            pages.append(torch.tensor(new).clamp(max=255))
        return codebook.decode(torch.cat(pages))

    history = fit(
        gpt.gpt_step(model, *optimizers),
        batches((texts[:, :-1], texts[:, 1:]), recipe.batch_size, rng=rng),
        num_steps=_most(steps, seconds), max_seconds=_left(seconds, before),
        schedule=hold_then_fall(*optimizers, warmup=0.02, fall=recipe.fall),
        evaluate=lambda: watch(draw), evaluate_every=_every(steps), label=f"GPT, seed {seed}",
    )  # fmt: skip
    return Trained(
        history, draw, before, size(model), fixed=before,
        rebuild=lambda images: codebook.decode(codebook.encode(images)),
    )  # fmt: skip


def train_flow(seed: int, steps: int, watch: Watch, seconds: float | None = None) -> Trained:
    """Trains chapter 5's flow on codes; the autoencoder before it sees as many images."""
    mnist, *_ = real_images()
    images, labels = mnist.train_images, mnist.train_labels
    epochs = steps * flow.CODES.batch_size / len(images)  # as many images as the flow sees
    coder, coding = vae.train_course(
        dataclasses.replace(vae.CODER, epochs=epochs), images, seed=seed
    )
    recipe = dataclasses.replace(flow.CODES, num_steps=_most(steps, seconds))
    start = time.perf_counter()
    scale = flow.Scale.of(flow.encode_images(coder, images, seed_everything(seed)))
    encoding = time.perf_counter() - start

    def draws(model: nn.Module) -> Draw:
        rng = torch.Generator().manual_seed(1000 + seed)

        def draw(asked: Tensor) -> Tensor:
            noise = torch.randn(len(asked), coder.latent_dim, generator=rng)
            codes = flow.sample(model, noise, asked, **flow.DRAW_CODES)
            return flow.decode(coder, scale.back(codes), flow.SHARPNESS)

        return draw

    model, _, history = flow.train_latent(
        recipe, coder, images, labels, seed=seed,
        max_seconds=_left(seconds, coding.seconds + encoding),
        evaluate=lambda model: watch(draws(model)), evaluate_every=_every(steps),
    )  # fmt: skip
    return Trained(
        history, draws(model), coding.seconds + encoding, size(model, coder.decoder),
        fixed=encoding, rebuild=_through(coder, seed, flow.SHARPNESS),
    )  # fmt: skip


#: Name of a technique to what trains it, and how many images it sees in a step.
TECHNIQUES: dict[str, tuple[Train, int]] = {
    "GAN": (train_gan, gan.COURSE.batch_size),
    "VAE": (train_vae, vae.MINUTE.batch_size),
    "GPT": (train_gpt, WRITER.batch_size),
    "flow": (train_flow, flow.CODES.batch_size),
}
