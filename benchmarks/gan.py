"""Chapter 2: the article's GAN against the course's, trained for the same time."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from aigc_utils.data import MNIST, batches, load_mnist
from aigc_utils.evaluation import Judgement, SampleScores, judge_images, score_samples
from aigc_utils.gan import (
    COURSE,
    CourseGAN,
    Discriminator,
    GANRecipe,
    Generator,
    gradient_penalty,
    sample,
    train_article,
    train_course,
)
from aigc_utils.schedules import hold_then_fall
from aigc_utils.training import fit, seed_everything

from .report import machine, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "gan": ("benchmark", "the article's GAN and the course's, for the same time"),
    "gan-ablation": ("ablation", "the steps from the article's GAN to the course's"),
}

NUM_SAMPLES = 10_000
SCORES = [field.name for field in dataclasses.fields(SampleScores)]


@dataclass(frozen=True)
class Run:
    """One trained GAN: seconds of training, steps, 10,000 samples (uint8) and their scores."""

    seconds: float
    num_steps: int
    samples: Tensor
    scores: SampleScores
    smallest_class: float

    def numbers(self) -> dict[str, float]:
        """Returns everything but the samples; `smallest_class` is its share, in [0, 1]."""
        return {
            "seconds": self.seconds,
            "num_steps": self.num_steps,
            "smallest_class": self.smallest_class,
            **dataclasses.asdict(self.scores),
        }


@cache
def real_images() -> tuple[MNIST, Judgement, Judgement]:
    """Returns MNIST, its judged test images, and as many judged training images as the floor."""
    mnist = load_mnist()
    chosen = torch.randperm(60_000, generator=torch.Generator().manual_seed(0))[:NUM_SAMPLES]
    return mnist, judge_images(mnist.test_images), judge_images(mnist.train_images[chosen])


def scored(
    generator: nn.Module, latent_dim: int, seed: int, labels: Tensor | None = None
) -> tuple[Tensor, SampleScores, float]:
    """Returns 10,000 samples, their scores, and the share of the rarest digit among them."""
    _, test, floor = real_images()
    rng = torch.Generator().manual_seed(1000 + seed)
    samples = sample(generator, torch.randn(NUM_SAMPLES, latent_dim, generator=rng), labels)
    judged = judge_images(samples)
    counts = torch.bincount(judged.logits.argmax(1), minlength=10)
    return samples, score_samples(judged, test, floor), counts.min().item() / NUM_SAMPLES


def every_digit() -> Tensor:
    """Returns labels for 10,000 samples, a thousand of each digit."""
    return torch.arange(10).repeat(NUM_SAMPLES // 10)


def run_course(seed: int, recipe: GANRecipe = COURSE) -> Run:
    """Returns the course's GAN after its number of steps."""
    mnist, *_ = real_images()
    game, history = train_course(recipe, mnist.train_images, mnist.train_labels, seed=seed)
    generator = game.ema.network
    return Run(
        history.seconds,
        history.num_steps,
        *scored(generator, recipe.latent_dim, seed, every_digit()),
    )


def run_listing(seed: int, max_seconds: float) -> Run:
    """Returns the article's GAN after `max_seconds`, its images taken from memory."""
    mnist, *_ = real_images()
    generator, _, history = train_article(mnist.train_images, seed=seed, max_seconds=max_seconds)
    return Run(history.seconds, history.num_steps, *scored(generator, generator.latent_dim, seed))


def median_run(runs: Sequence[Run]) -> Run:
    """Returns the run in the middle by Fréchet distance (the lower one of an even number)."""
    return sorted(runs, key=lambda run: run.scores.frechet)[(len(runs) - 1) // 2]


def medians(runs: Sequence[Run]) -> dict[str, float]:
    """Returns the median of each score over several runs."""
    return {name: statistics.median(getattr(r.scores, name) for r in runs) for name in SCORES}


def benchmark(
    seeds: int = 3, save: Path | None = None, recipe: GANRecipe = COURSE
) -> dict[str, Any]:
    """Returns, and prints, the scores of both after the same time; `save` takes their samples."""
    course = [run_course(seed, recipe) for seed in range(seeds)]
    seconds = statistics.median(run.seconds for run in course)
    listing = [run_listing(seed, seconds) for seed in range(seeds)]
    runs = {"listing": listing, "course": course}
    if save is not None:
        save.mkdir(parents=True, exist_ok=True)
        for name, several in runs.items():
            save_file({"samples": median_run(several).samples}, save / f"gan_{name}.safetensors")
    results = {name: medians(several) for name, several in runs.items()}
    rows = [(name, *(f"{results[name][score]:.4g}" for score in SCORES)) for name in runs]
    print(table(("what", *SCORES), rows))
    print(f"{seconds:.0f} s of training each; median of {seeds} seeds")
    return {
        "train_seconds": seconds,
        **results,
        "runs": {name: [run.numbers() for run in several] for name, several in runs.items()},
        **machine(),
    }


class Relativistic(CourseGAN):
    """The course's GAN with the loss and the penalties of R3GAN in place of its own.

    Source: Huang et al., The GAN is dead; long live the GAN!, 2024.
    """

    def discriminator_loss(self, real: Tensor, fake: Tensor, labels: Tensor | None) -> Tensor:
        """Returns the paired relativistic loss, with R1 and R2 on every 8th step."""
        penalized = self.steps % 8 == 0
        real.requires_grad_(penalized)
        fake.requires_grad_(penalized)
        self.real, self.labels = real, labels
        on_real, on_fake = self.discriminator(real, labels), self.discriminator(fake, labels)
        loss = F.softplus(on_fake - on_real).mean()
        if penalized:
            penalty = gradient_penalty(on_real, real) + gradient_penalty(on_fake, fake)
            loss = loss + self.recipe.penalty * 8 / 2 * penalty
        return loss

    def generator_loss(self, fake: Tensor, labels: Tensor | None) -> Tensor:
        """Returns the same loss with the roles exchanged."""
        with torch.no_grad():
            on_real = self.discriminator(self.real, labels)
        return F.softplus(on_real - self.discriminator(fake, labels)).mean()


@dataclass(frozen=True)
class Row:
    """One row of the ablation: what to train, and which generator to measure."""

    name: str
    recipe: GANRecipe
    labels: bool = False
    averaged: bool = False
    spectral: bool = False
    game: type[CourseGAN] = CourseGAN

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """Returns new players, the discriminator with spectral norms if the row has them."""
        discriminator = Discriminator(self.recipe.widths)
        if self.spectral:
            for module in discriminator.modules():
                if isinstance(module, (nn.Conv2d, nn.Linear)):
                    spectral_norm(module)
        return Generator(self.recipe.latent_dim, self.recipe.width), discriminator


ABLATION_STEPS = 1200


def ablation_rows() -> list[Row]:
    """Returns the rows from plain convolutional players to the course's, then what was dropped."""
    full = dataclasses.replace(COURSE, num_steps=ABLATION_STEPS)
    mild = dataclasses.replace(full, penalty=0.0)
    plain = dataclasses.replace(mild, muon_lr=0.0, adam_beta1=0.9, adam_lr=2e-4)
    return [
        Row("convolutional players", plain),
        Row("+ optimizers without momentum", mild),
        Row("+ R1 penalty", full),
        Row("+ averaged weights", full, averaged=True),
        Row("+ labels (the course's)", full, labels=True, averaged=True),
        Row("spectral norm, not R1", mild, labels=True, averaged=True, spectral=True),
        Row("relativistic loss, R1 and R2", full, labels=True, averaged=True, game=Relativistic),
    ]


def run_row(row: Row | None, seed: int) -> dict[str, float]:
    """Returns the scores of one row, or of the article's GAN for None, after as many steps."""
    torch.set_num_threads(1)
    mnist, *_ = real_images()
    if row is None:
        article, _, history = train_article(mnist.train_images, seed=seed, num_steps=ABLATION_STEPS)
        return Run(history.seconds, history.num_steps, *scored(article, 100, seed)).numbers()
    rng = seed_everything(seed)
    game = row.game(row.recipe, rng, *row.networks())
    tensors = (mnist.train_images, mnist.train_labels) if row.labels else (mnist.train_images,)
    history = fit(
        game.step,
        batches(tensors, row.recipe.batch_size, rng=rng),
        num_steps=row.recipe.num_steps,
        schedule=hold_then_fall(*game.generator_optimizers, *game.discriminator_optimizers),
        label=f"{row.name}, seed {seed}",
    )
    generator = game.ema.network if row.averaged else game.generator
    labels = every_digit() if row.labels else None
    result = scored(generator, row.recipe.latent_dim, seed, labels)
    return Run(history.seconds, history.num_steps, *result).numbers()


def ablation(seeds: int = 3, workers: int = 2) -> dict[str, Any]:
    """Returns, and prints, what each change brings, all rows after equally many steps.

    The runs share the processor, one thread each, so their times say nothing.
    """
    rows = [None, *ablation_rows()]
    tasks = [(row, seed) for row in rows for seed in range(seeds)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        runs = list(pool.map(run_row, *zip(*tasks, strict=True)))
    stored: list[dict[str, Any]] = []
    for i, row in enumerate(rows):
        name = row.name if row else "article's GAN"
        mine = runs[i * seeds : (i + 1) * seeds]
        stored.append({"name": name, **{key: [run[key] for run in mine] for key in SCORES}})
    shown = [(r["name"], *(f"{statistics.median(r[k]):.3g}" for k in SCORES)) for r in stored]
    print(table(("row", *SCORES), shown))
    dropped = len(stored) - 2  # the last two rows are alternatives
    return {
        "num_steps": ABLATION_STEPS,
        "rows": stored[:dropped],
        "dropped": stored[dropped:],
        "seeds": seeds,
        **machine(),
    }
