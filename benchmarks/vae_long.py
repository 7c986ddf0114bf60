"""Chapter 3: what a minute and five minutes leave, with a prior that is trained along.

Seeds may run apart: `--only 0 --json a.json`, ..., `--parts a.json b.json c.json --json all.json`.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal

from aigc_utils.data import MNIST, binarize, load_mnist, to_float
from aigc_utils.evaluation import elbo, importance_bound
from aigc_utils.latent import reparameterize
from aigc_utils.vae import (
    LEAN,
    LIKELIHOOD,
    VAE,
    LearnedMixture,
    Mixture,
    VAERecipe,
    fit_mixture,
    train_course,
)

from .parts import read_parts, same_machine
from .report import machine, median, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "vae-long": ("longer", "the course's VAEs after a minute, with two controls, and after five"),
}

IMPORTANCE_SAMPLES = 5000
IMPORTANCE_IMAGES = 1000
CODED_AT_ONCE = 10_000
#: Gaussians of a prior, trained along or fitted, and the rounds in which they are fitted to a code
#: of each training image. Fitted to 50,000 codes of `vae.MINUTE`'s networks, 100 save 2.60 nats on
#: images held back, 200 no more, and 400 fewer (one seed).
BELLS, ROUNDS = 100, 10


@dataclass(frozen=True)
class Arm:
    """What one row trains, and for how long."""

    recipe: VAERecipe
    along: bool  # whether a prior is trained with the networks
    seconds: float  # of training: the rest is for loading the data and for fitting the prior


#: What a minute, or five, leave for training.
MINUTE_SECONDS, LIKELIHOOD_SECONDS = 51.0, 280.0
WITH_PATCHES = dataclasses.replace(LEAN, encoder_patches=True)
#: A minute: the best, and its controls. "along" has the encoder's patches too, and "fitted" is
#: "along" with the standard prior while it trains. All are fitted a mixture in the end.
ARMS = {
    "minute": Arm(LEAN, True, MINUTE_SECONDS),
    "along": Arm(WITH_PATCHES, True, MINUTE_SECONDS),
    "fitted": Arm(WITH_PATCHES, False, MINUTE_SECONDS),
}
FIVE = Arm(LIKELIHOOD, True, LIKELIHOOD_SECONDS)


@dataclass(frozen=True)
class Long:
    """One run: seconds from opening the data to the fitted prior, steps, nats on test images.

    `nats` are with the fitted prior. `saved` is how much lower it makes them than the standard
    normal distribution does, and `own` than the prior that the networks were trained with does.
    """

    seconds: float
    steps: int
    nats: float
    saved: float
    own: float


@dataclass(frozen=True)
class Trained:
    """What a run leaves: the networks, the prior that they were trained with, the fitted one."""

    seconds: float
    steps: int
    model: VAE
    own: LearnedMixture | Normal
    fitted: Mixture
    mnist: MNIST


def codes_of(model: VAE, images: Tensor, rng: torch.Generator) -> Tensor:
    """Returns a code of each image, floats in [0, 1], drawn from what the encoder guesses."""
    parts = images.split(CODED_AT_ONCE)
    return torch.cat([reparameterize(*model.encode(part), rng) for part in parts])


@torch.no_grad()
def fitted_prior(model: VAE, images: Tensor, rng: torch.Generator, binary: bool) -> Mixture:
    """Returns a mixture fitted to one code of each image, uint8, as the model was trained on it."""
    grey = to_float(images)
    codes = codes_of(model, binarize(grey, rng) if binary else grey, rng)
    return fit_mixture(codes, BELLS, rng, ROUNDS)


def trained(arm: Arm, seed: int) -> Trained:
    """Returns what a run leaves; its seconds are those of loading, training and fitting."""
    start = time.perf_counter()
    mnist, recipe = load_mnist(), arm.recipe
    rng = torch.Generator().manual_seed(2000 + seed)
    prior = LearnedMixture(BELLS, recipe.latent_dim, rng) if arm.along else None
    model, history = train_course(
        recipe, mnist.train_images, seed=seed, prior=prior, max_seconds=arm.seconds
    )
    fitted = fitted_prior(model, mnist.train_images, rng, recipe.binary)
    seconds = time.perf_counter() - start
    return Trained(seconds, history.num_steps, model, prior or Normal(0.0, 1.0), fitted, mnist)


@torch.no_grad()
def log_density(prior: LearnedMixture | Mixture | Normal, codes: Tensor) -> float:
    """Returns the mean log-density of codes, (N, D), in nats."""
    found = prior.log_prob(codes)
    return float((found.sum(1) if isinstance(prior, Normal) else found).mean())


@torch.no_grad()
def savings(run: Trained, images: Tensor, rng: torch.Generator) -> tuple[float, float]:
    """Returns how many nats the fitted prior saves, as a mean over codes of images in [0, 1].

    The first number is against the standard prior, the second against the one trained with.
    """
    codes = codes_of(run.model, images, rng)
    best = log_density(run.fitted, codes)
    return best - log_density(Normal(0.0, 1.0), codes), best - log_density(run.own, codes)


def run_minute(arm: Arm, seed: int) -> Long:
    """Returns a run with its negative ELBO on the grey test images."""
    run = trained(arm, seed)
    rng = torch.Generator().manual_seed(1000 + seed)
    images = to_float(run.mnist.test_images)
    saved, own = savings(run, images, rng)
    return Long(run.seconds, run.steps, elbo(run.model, images, rng).nats - saved, saved, own)


def run_likelihood(arm: Arm, seed: int, k: int = IMPORTANCE_SAMPLES) -> Long:
    """Returns a run with its importance-weighted bound on the first test images, made binary."""
    run = trained(arm, seed)
    rng = torch.Generator().manual_seed(1000 + seed)
    images = binarize(to_float(run.mnist.test_images[:IMPORTANCE_IMAGES]), rng)
    nats = importance_bound(run.model, images, k, rng, run.fitted).mean().item()
    return Long(run.seconds, run.steps, nats, *savings(run, images, rng))


def measured(seed: int) -> dict[str, dict[str, float]]:
    """Returns every row's run with one seed: one after the other, as the machine's pace drifts."""
    import_module("torch._dynamo")  # which else the first run's optimizer imports, in seconds
    runs = {name: run_minute(arm, seed) for name, arm in ARMS.items()}
    runs["likelihood"] = run_likelihood(FIVE, seed)
    return {name: dataclasses.asdict(run) for name, run in runs.items()}


def show(runs: dict[str, Long]) -> None:
    """Prints a row for each arm's run."""
    labels = {name: f"{name}, negative ELBO, grey" for name in ARMS}
    labels["likelihood"] = f"five minutes, binary, k = {IMPORTANCE_SAMPLES}"
    rows = [
        (labels[name], f"{run.seconds:.1f}", run.steps, f"{run.nats:.2f}", f"{run.own:.2f}")
        for name, run in runs.items()
    ]
    print(table(("what", "seconds", "steps", "nats (test)", "saved by fitting"), rows))


def longer(seeds: int = 3, only: Sequence[int] = (), parts: Sequence[Path] = ()) -> dict[str, Any]:
    """Returns, and prints, what a minute leaves, with two controls, and what five minutes leave.

    Args:
        seeds: runs of each row.
        only: the seeds of this part; by default all, from 0 on.
        parts: files of parts that have run, to be joined in place of running.
    """
    arms = {**ARMS, "likelihood": FIVE}
    about = {
        "iw_images": IMPORTANCE_IMAGES,
        "iw_samples": IMPORTANCE_SAMPLES,
        "bells": BELLS,
        "arms": {name: dataclasses.asdict(arm) for name, arm in arms.items()},
    }
    files = read_parts(parts, alike=[*about], holds=["runs"])
    if parts:
        about = {name: files[0][name] for name in about}
    chosen = [seed for part in files for seed in part["seeds"]] if parts else [*only]
    chosen = chosen or [*range(seeds)]
    runs: dict[str, list[Any]] = {name: [] for name in arms}
    for each in (part["runs"] for part in files) if parts else map(measured, chosen):
        for name, found in each.items():
            runs[name].extend(found if parts else [found])
    middle = {name: median([Long(**run) for run in found]) for name, found in runs.items()}
    show(middle)
    return {
        "nats_60s": middle["minute"].nats,
        "iw_nats": middle["likelihood"].nats,
        "seeds": chosen,
        "runs": runs,
        **about,
        **(same_machine(files) if parts else machine()),
    }
