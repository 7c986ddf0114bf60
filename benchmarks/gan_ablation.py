"""Chapter 2: what each change from the article's GAN to the course's brings, one at a time.

Each row is trained with each seed, one thread a run. Seeds may run apart, and are joined later:
`--only 0 1 --json a.json`, `--only 2 --json b.json`, then `--parts a.json b.json --json all.json`.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from aigc_utils.data import batches
from aigc_utils.gan import (
    COURSE,
    ArticleDiscriminator,
    ArticleGenerator,
    CourseGAN,
    Discriminator,
    GANRecipe,
    Generator,
    gradient_penalty,
    train_article,
)
from aigc_utils.schedules import hold_then_fall
from aigc_utils.training import fit, seed_everything

from .gan import SCORES, Run, every_digit, real_images, scored
from .parts import Runs, each, read_parts, same_machine
from .report import machine, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "gan-ablation": ("ablation", "the steps from the article's GAN to the course's"),
}


class FlatGenerator(ArticleGenerator):
    """The article's generator in the course's loop: as much noise as there, and no labels."""

    latent_dim = COURSE.latent_dim

    def __init__(self) -> None:
        super().__init__()
        self.model[0] = nn.Linear(self.latent_dim, 256)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Returns images in [-1, 1], shape (B, 1, 28, 28), of noise, shape (B, latent_dim)."""
        return super().forward(z)


class FlatDiscriminator(ArticleDiscriminator):
    """The article's discriminator in the course's loop: logits, and no labels."""

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Returns logits of being real, (B,), of images in [-1, 1]."""
        logits: Tensor = self.model[:-1](images.flatten(1))[:, 0]
        return logits


class Relativistic(CourseGAN):
    """The course's GAN with the loss and the penalties of R3GAN in place of its own.

    Source: Huang et al., The GAN is dead; long live the GAN!, 2024.
    """

    def discriminator_loss(self, real: Tensor, fake: Tensor, labels: Tensor | None) -> Tensor:
        """Returns the paired relativistic loss, with R1 and R2 on the steps of the course's R1."""
        every = self.recipe.penalty_every
        penalized = self.steps % every == 0
        real.requires_grad_(penalized)
        fake.requires_grad_(penalized)
        self.real, self.labels = real, labels
        on_real, on_fake = self.discriminator(real, labels), self.discriminator(fake, labels)
        loss = F.softplus(on_fake - on_real).mean()
        if penalized:
            penalty = gradient_penalty(on_real, real) + gradient_penalty(on_fake, fake)
            loss = loss + self.recipe.penalty * every / 2 * penalty
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
    convolutions: bool = True
    labels: bool = False
    averaged: bool = False
    spectral: bool = False
    game: type[CourseGAN] = CourseGAN

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """Returns new players, the discriminator with spectral norms if the row has them."""
        if not self.convolutions:
            return FlatGenerator(), FlatDiscriminator()
        discriminator = Discriminator(self.recipe.widths)
        if self.spectral:
            for module in discriminator.modules():
                if isinstance(module, (nn.Conv2d, nn.Linear)):
                    spectral_norm(module)
        return Generator(self.recipe.latent_dim, self.recipe.width), discriminator


ABLATION_STEPS = 1200


def ablation_rows() -> list[Row]:
    """Returns the rows from the article's players to the course's, then what was dropped.

    Each of the first rows changes one thing of the row before it.
    """
    full = dataclasses.replace(COURSE, num_steps=ABLATION_STEPS)
    unpenalized = dataclasses.replace(full, penalty=0.0)
    adam = dataclasses.replace(unpenalized, muon_lr=0.0)
    running_on = dataclasses.replace(adam, adam_beta1=0.9)
    slow = dataclasses.replace(running_on, adam_lr=2e-4)
    return [
        Row("in the course's loop", slow, convolutions=False),
        Row("+ convolutional players", slow),
        Row("+ higher learning rate", running_on),
        Row("+ Adam without momentum", adam),
        Row("+ Muon for the filters", unpenalized),
        Row("+ R1 penalty", full),
        Row("+ averaged weights", full, averaged=True),
        Row("+ labels (the course's)", full, labels=True, averaged=True),
        Row("spectral norm, not R1", unpenalized, labels=True, averaged=True, spectral=True),
        Row("relativistic loss, R1 and R2", full, labels=True, averaged=True, game=Relativistic),
    ]


def name_of(row: Row | None) -> str:
    """Returns a row's name; None stands for the article's GAN in its own loop."""
    return row.name if row else "article's GAN"


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


def trained(workers: int, seeds: Sequence[int]) -> Runs:
    """Returns the scores of all rows, by seed and name; `workers` runs go on at a time."""
    rows = [None, *ablation_rows()]
    tasks = [(row, seed) for seed in seeds for row in rows]
    runs = iter(each(run_row, tasks, workers))
    return {seed: {name_of(row): next(runs) for row in rows} for seed in seeds}


def stored_runs(parts: Iterable[Mapping[str, Any]]) -> Runs:
    """Returns the scores that parts hold, by seed and name."""
    return {
        seed: {row["name"]: {key: row[key][i] for key in SCORES} for row in rows}
        for part in parts
        for rows in [[*part["rows"], *part["dropped"]]]
        for i, seed in enumerate(part["seeds"])
    }


def ablation(
    seeds: int = 3, workers: int = 2, only: Sequence[int] = (), parts: Sequence[Path] = ()
) -> dict[str, Any]:
    """Returns, and prints, what each change brings, all rows after equally many steps.

    The runs share the processor, one thread each, so their times say nothing.

    Args:
        seeds: runs of each row.
        workers: runs at a time.
        only: the seeds of this part; by default all, from 0 on.
        parts: files of parts that have run, to be joined in place of running.
    """
    files = read_parts(parts, alike=["num_steps"], holds=["rows", "dropped"])
    runs = stored_runs(files) if parts else trained(workers, only or range(seeds))
    stored: list[dict[str, Any]] = [
        {"name": name, **{key: [runs[seed][name][key] for seed in sorted(runs)] for key in SCORES}}
        for name in map(name_of, [None, *ablation_rows()])
    ]
    shown = [(r["name"], *(f"{statistics.median(r[k]):.3g}" for k in SCORES)) for r in stored]
    print(table(("row", *SCORES), shown))
    dropped = len(stored) - 2  # the last two rows are alternatives
    return {
        "num_steps": ABLATION_STEPS,
        "rows": stored[:dropped],
        "dropped": stored[dropped:],
        "seeds": sorted(runs),
        **(same_machine(files) if parts else machine(threads=1)),
    }
