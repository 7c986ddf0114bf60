"""Chapter 2: the article's GAN against the course's, trained for the same time."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from aigc_utils.data import MNIST, load_mnist
from aigc_utils.evaluation import Judgement, SampleScores, judge_images, score_samples
from aigc_utils.gan import COURSE, GANRecipe, sample, train_article, train_course

from .report import machine, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "gan": ("benchmark", "the article's GAN and the course's, for the same time"),
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


def sample_floor(count: int) -> dict[str, float]:
    """Returns a number of samples, and the Fréchet distance of as many training images."""
    mnist, test, _ = real_images()
    return {"count": count, "floor": score_samples(mnist.train_images[:count], test).frechet}


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
