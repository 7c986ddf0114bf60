"""Chapter 3's causes, each with its control: what noise, KL term, beta and depth do to the codes.

Every row changes one thing and is trained with three seeds. Nothing here is chosen by the test
images: the recipes are the course's own, and no row is better than another by choice.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from aigc_utils.data import MNIST, load_mnist, to_float
from aigc_utils.evaluation import Judgement, elbo, judge_images, score_samples
from aigc_utils.latent import reparameterize
from aigc_utils.training import seed_everything
from aigc_utils.vae import (
    MINUTE,
    SPRINT,
    VAE,
    Residual,
    VAERecipe,
    fit_mixture,
    sample,
    train_course,
)

from .report import machine, table
from .vae import ACTIVE_NATS

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "vae-codes": ("codes", "noise and KL term, each with and without, and a fitted prior"),
    "vae-beta": ("beta", "weights of the KL term: rate, distortion and grey pixels"),
    "vae-depth": ("depth", "a deep stack that collapses, and its controls"),
}

#: Images of a set that is scored, and codes that a mixture is fitted to.
SCORED = 10_000
FITTED = 20_000
#: Gaussians of the fitted prior. To codes of 10,000 training images held back, 20, 50, 100 and 200
#: of them give 2.29, 2.51, 2.25 and 1.39 nats more than the standard normal (one seed).
BELLS = 50

Row = dict[str, Any]


def by_seeds(
    names: Iterable[str], seeds: int, measure: Callable[[str, int], Mapping[str, float]]
) -> list[Row]:
    """Returns a row for each name, in which every number that `measure` gives is a list."""
    rows: list[Row] = []
    for name in names:
        runs = [measure(name, seed) for seed in range(seeds)]
        rows.append({"name": name, **{key: [run[key] for run in runs] for key in runs[0]}})
    return rows


def show(rows: list[Row]) -> None:
    """Prints each row's means over the seeds."""
    keys = [key for key in rows[0] if key != "name"]
    cells = [(row["name"], *(f"{statistics.mean(row[key]):.3g}" for key in keys)) for row in rows]
    print(table(("what", *keys), cells))


def grey_share(images: Tensor) -> float:
    """Returns the percentage of pixels that are neither dark nor bright, images in [0, 1]."""
    return 100 * ((images > 0.2) & (images < 0.8)).float().mean().item()


# --- noise and KL term ----------------------------------------------------------------------

ARMS: dict[str, dict[str, Any]] = {
    "noise and KL": {},
    "KL alone": {"noise": False},
    "noise alone": {"beta": 0.0},
    "neither": {"noise": False, "beta": 0.0},
}


@torch.no_grad()
def code_scores(
    model: VAE, recipe: VAERecipe, mnist: MNIST, real: Judgement, rng: torch.Generator
) -> dict[str, float]:
    """Returns how good images are that a model decodes from codes of several sources.

    All sets have `SCORED` images and are scored against the test images. Reconstructions and
    posterior draws decode codes of training images, means and draws; the other codes are drawn
    from the prior, and from one Gaussian and a mixture fitted to codes of training images.
    """
    images = to_float(mnist.train_images[:FITTED])
    means, log_variances = model.encode(images)
    codes = reparameterize(means, log_variances, rng) if recipe.noise else means
    one, many = fit_mixture(codes, 1, rng, rounds=1), fit_mixture(codes, BELLS, rng)
    count = min(SCORED, len(codes))
    sources = {
        "reconstructions": means[:count],
        "posterior draws": codes[:count],
        "prior": torch.randn(count, model.latent_dim, generator=rng),
        "Gaussian": one.sample(count, rng),
        "mixture": many.sample(count, rng),
    }
    found: dict[str, float] = {}
    for name, z in sources.items():
        score = score_samples(judge_images(sample(model, z)), real)
        for field in ("frechet", "precision", "recall", "coverage", "class_kl"):
            found[f"{name}: {field}"] = getattr(score, field)
    return {**found, **_held_out(model, recipe, mnist, many, rng)}


def _held_out(
    model: VAE, recipe: VAERecipe, mnist: MNIST, mixture: Any, rng: torch.Generator
) -> dict[str, float]:
    """Returns what test images say of a model's codes, and of the mixture fitted to others."""
    images = to_float(mnist.test_images)
    means, log_variances = model.encode(images)
    codes = reparameterize(means, log_variances, rng) if recipe.noise else means
    prior = torch.distributions.Normal(0.0, 1.0)
    parts = elbo(model, images, rng)
    return {
        "nats": parts.nats,
        "kl": parts.kl.sum(1).mean().item(),
        "code_size": means.std(0).median().item(),
        "noise_size": (log_variances / 2).exp().median().item(),
        "saved": (mixture.log_prob(codes) - prior.log_prob(codes).sum(1)).mean().item(),
        "grey": grey_share(model.decode(means).sigmoid()),
    }


def codes(seeds: int = 3, epochs: float = 4.0) -> dict[str, Any]:
    """Returns, and prints, the scores of the four arms: noise and KL term, with and without."""
    mnist = load_mnist()
    real = judge_images(mnist.test_images[:SCORED])
    recipe = dataclasses.replace(MINUTE, epochs=epochs)

    def measure(name: str, seed: int) -> dict[str, float]:
        arm = dataclasses.replace(recipe, **ARMS[name])
        model, _ = train_course(arm, mnist.train_images, seed=seed)
        rng = torch.Generator().manual_seed(1000 + seed)
        return code_scores(model, arm, mnist, real, rng)

    rows = by_seeds(ARMS, seeds, measure)
    show(rows)
    others = judge_images(mnist.train_images[:SCORED])
    floor = dataclasses.asdict(score_samples(others, real))
    sizes = {"scored": SCORED, "fitted": FITTED, "bells": BELLS}
    return {"rows": rows, "floor": floor, "epochs": epochs, "seeds": seeds, **sizes, **machine()}


# --- beta -----------------------------------------------------------------------------------

BETAS = (0.25, 0.5, 1.0, 2.0, 4.0)


def beta(seeds: int = 3, epochs: float = 1.75) -> dict[str, Any]:
    """Returns, and prints, rate, distortion and grey pixels for each weight of the KL term."""
    mnist = load_mnist()
    images = to_float(mnist.test_images)
    recipe = dataclasses.replace(SPRINT, epochs=epochs)

    @torch.no_grad()
    def measure(name: str, seed: int) -> dict[str, float]:
        weighted = dataclasses.replace(recipe, beta=float(name))
        with torch.enable_grad():
            model, _ = train_course(weighted, mnist.train_images, seed=seed)
        parts = elbo(model, images, torch.Generator().manual_seed(1000 + seed))
        return {
            "rate": parts.kl.sum(1).mean().item(),
            "distortion": parts.reconstruction.mean().item(),
            "grey": grey_share(model.decode(model.encode(images)[0]).sigmoid()),
        }

    rows = by_seeds(map(str, BETAS), seeds, measure)
    show(rows)
    grey = grey_share(images)
    return {"rows": rows, "real_grey": grey, "epochs": epochs, "seeds": seeds, **machine()}


# --- depth ----------------------------------------------------------------------------------


def plain() -> nn.Module:
    """Returns one more layer of a plain stack."""
    return nn.Sequential(nn.SiLU(), nn.Linear(256, 256))


def residual() -> nn.Module:
    """Returns one more layer whose output is added to its input."""
    return Residual(nn.SiLU(), nn.Linear(256, 256))


def deep_vae(block: Callable[[], nn.Module], mean_image: Tensor, more: int = 4) -> VAE:
    """Returns a VAE of 256 units a layer, with `more` layers in encoder and decoder each."""
    network = VAE(20, (256,), patches=False, mean_image=mean_image)
    for _ in range(more):
        network.encoder.insert(2, block())  # behind the first layer
        network.decoder.insert(1, block())
    return network


#: Each row changes one thing in the first: the layers, or the recipe.
STEADY = VAERecipe(epochs=1.5, hidden=(256,), patches=False, batch_size=256, lr=5e-3)
DEPTHS: dict[str, tuple[Callable[[], nn.Module], int, dict[str, Any]]] = {
    "plain stack": (plain, 4, {}),
    "no further layers": (plain, 0, {}),
    "no KL term": (plain, 4, {"beta": 0.0}),
    "KL warm-up": (plain, 4, {"kl_warmup": 0.5}),
    "a fifth of the rate": (plain, 4, {"lr": 1e-3}),
    "residual layers": (residual, 4, {}),
}


def depth(seeds: int = 3, epochs: float = STEADY.epochs) -> dict[str, Any]:
    """Returns, and prints, nats and active dimensions of a deep stack and its controls."""
    mnist = load_mnist()
    images, mean_image = to_float(mnist.test_images), to_float(mnist.train_images).mean(0)

    def measure(name: str, seed: int) -> dict[str, float]:
        block, more, changes = DEPTHS[name]
        recipe = dataclasses.replace(STEADY, epochs=epochs, **changes)
        seed_everything(seed)
        network = deep_vae(block, mean_image, more)
        model, _ = train_course(recipe, mnist.train_images, seed=seed, model=network)
        parts = elbo(model, images, torch.Generator().manual_seed(1000 + seed))
        return {
            "nats": parts.nats,
            "reconstruction": parts.reconstruction.mean().item(),
            "kl": parts.kl.sum(1).mean().item(),
            "used": int((parts.kl.mean(0) > ACTIVE_NATS).sum()),
        }

    rows = by_seeds(DEPTHS, seeds, measure)
    show(rows)
    return {"rows": rows, "epochs": epochs, "seeds": seeds, **machine()}
