"""Chapter 5: flows on pixels and on codes, and chapter 2's GAN, in one run.

A flow may train for two minutes in all, whatever it needs before it counted in. Seeds may run
apart, and are joined later: `--only 0 --json a.json --save DIR`, then
`--parts a.json b.json c.json --json all.json --save DIR`.
"""

from __future__ import annotations

import copy
import dataclasses
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from aigc_utils import cnn, flow, gan, vae
from aigc_utils.data import DataError, from_signed, to_signed
from aigc_utils.evaluation import SampleScores, score_samples
from aigc_utils.training import seed_everything

from .gan import NUM_SAMPLES, every_digit, real_images
from .parts import Runs, read_parts, same_machine
from .report import machine, table, timed

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "flow": ("benchmark", "flows on pixels and on codes after two minutes, and chapter 2's GAN"),
}

#: Seconds of training, the autoencoder's and all else counted in: one less than two minutes, for
#: the step that is under way when the time is up.
BUDGET = 119.0
#: The share of it after which the autoencoder stops, whatever the machine, so that its flow has the
#: rest.
CODER_SHARE = 0.6
NAMES = ("flow_pixel", "flow_latent", "flow_one_step", "gan_course")
KEYS = (
    "train_seconds", "draw_seconds", *(field.name for field in dataclasses.fields(SampleScores)),
    "steps", "parameters",
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """10,000 digits, uint8, and what they took.

    Training and drawing in seconds, the steps of all trainings together, and the parameters of the
    networks that draw.
    """

    samples: Tensor
    train_seconds: float
    draw_seconds: float
    steps: int
    parameters: int

    def numbers(self) -> dict[str, float]:
        """Returns what it took, and the scores of the samples, by the names of `KEYS`."""
        _, test, floor = real_images()
        scores = dataclasses.asdict(score_samples(self.samples, test, floor))
        took = {name: getattr(self, name) for name in KEYS if name not in scores}
        return {name: {**took, **scores}[name] for name in KEYS}


def size(*networks: nn.Module) -> int:
    """Returns the number of networks' parameters."""
    return sum(p.numel() for network in networks for p in network.parameters())


def noise(seed: int, *shape: int) -> Tensor:
    """Returns the noise that 10,000 samples begin at."""
    rng = torch.Generator().manual_seed(1000 + seed)
    return torch.randn(NUM_SAMPLES, *shape, generator=rng)


def run_pixel(seed: int, recipe: flow.FlowRecipe = flow.PIXELS) -> Drawn:
    """Returns what a flow on pixels draws."""
    mnist, *_ = real_images()
    seed_everything(seed)
    model, history = flow.train_flow(
        recipe, flow.ImageFlow(), to_signed(mnist.train_images), mnist.train_labels, seed=seed,
        max_seconds=BUDGET,
    )  # fmt: skip

    def draw() -> Tensor:
        drawn = flow.sample(model, noise(seed, 1, 28, 28), every_digit(), **flow.DRAW_PIXELS)
        return from_signed(drawn)

    return Drawn(*_with(history.seconds, timed(draw)), history.num_steps, size(model))


def _with(seconds: float, drawn: tuple[float, Tensor]) -> tuple[Tensor, float, float]:
    draw_seconds, samples = drawn
    return samples, seconds, draw_seconds


@dataclass(frozen=True)
class Latent:
    """A flow on codes with its autoencoder, and the seconds and steps of all their trainings."""

    coder: vae.VAE
    model: nn.Module
    scale: flow.Scale
    seconds: float
    steps: int

    def draw(self, seed: int, how: Mapping[str, Any], sharpness: float = flow.SHARPNESS) -> Tensor:
        """Returns 10,000 digits, uint8."""
        points = noise(seed, self.coder.latent_dim)
        codes = flow.sample(self.model, points, every_digit(), **how)
        return flow.decode(self.coder, self.scale.back(codes), sharpness)

    def drawn(self, seed: int, how: Mapping[str, Any]) -> Drawn:
        """Returns the digits with what they took."""
        took = timed(lambda: self.draw(seed, how))
        parameters = size(self.model, self.coder.decoder)
        return Drawn(*_with(self.seconds, took), self.steps, parameters)


def train_latent(
    seed: int,
    coding: vae.VAERecipe = vae.CODER,
    recipe: flow.FlowRecipe = flow.CODES,
    budget: float = BUDGET,
    *,
    whiten: bool = False,
) -> Latent:
    """Returns an autoencoder and a flow on its codes, trained within so many seconds in all."""
    mnist, *_ = real_images()
    images, labels = mnist.train_images, mnist.train_labels
    features, seconds, steps = None, 0.0, 0
    if coding.perception:
        reader, reading = cnn.train_course(cnn.SPRINT, images, labels, seed=seed)
        features = reader.eval().requires_grad_(False).features
        seconds, steps = reading.seconds, reading.num_steps
    coder, history = vae.train_course(
        coding, images, seed=seed, features=features,
        max_seconds=max(CODER_SHARE * budget - seconds, 1.0),
    )  # fmt: skip
    seconds, steps = seconds + history.seconds, steps + history.num_steps
    left = max(budget - seconds, 1.0)
    model, scale, history = flow.train_latent(
        recipe, coder, images, labels, seed=seed, whiten=whiten, max_seconds=left
    )
    seconds, steps = seconds + history.seconds, steps + history.num_steps
    return Latent(coder, model, scale, seconds, steps)


def train_one_step(
    latent: Latent, seed: int, recipe: flow.FlowRecipe = flow.DISTILLED, pairs: int = flow.NUM_PAIRS
) -> Latent:
    """Returns a flow that leaps in one step where the given one walks; its pairs count as time."""
    start = time.perf_counter()
    rng = torch.Generator().manual_seed(seed)
    taught = flow.draw_pairs(latent.model, pairs, rng, **flow.DRAW_CODES)
    student = copy.deepcopy(latent.model).requires_grad_(True)
    model, history = flow.train_flow(recipe, student, *taught, seed=seed)
    seconds = latent.seconds + time.perf_counter() - start
    return dataclasses.replace(
        latent, model=model, seconds=seconds, steps=latent.steps + history.num_steps
    )


def run_gan(seed: int, recipe: gan.GANRecipe = gan.COURSE) -> Drawn:
    """Returns what chapter 2's GAN draws."""
    mnist, *_ = real_images()
    game, history = gan.train_course(recipe, mnist.train_images, mnist.train_labels, seed=seed)
    generator = game.ema.network
    took = timed(lambda: gan.sample(generator, noise(seed, recipe.latent_dim), every_digit()))
    return Drawn(*_with(history.seconds, took), history.num_steps, size(generator))


def run_seed(seed: int) -> dict[str, Drawn]:
    """Returns what each draws that is compared, by name, for one seed."""
    latent = train_latent(seed)
    found = {"flow_pixel": run_pixel(seed), "flow_latent": latent.drawn(seed, flow.DRAW_CODES)}
    leaping = train_one_step(latent, seed)
    found["flow_one_step"] = leaping.drawn(seed, flow.DRAW_AT_ONCE)
    return {**found, "gan_course": run_gan(seed)}


def middle(runs: Runs, name: str) -> int:
    """Returns the seed in the middle by Fréchet distance (the lower one of an even number)."""
    return sorted(runs, key=lambda seed: runs[seed][name]["frechet"])[(len(runs) - 1) // 2]


def of_seed(folder: Path, name: str, seed: int) -> Path:
    """Returns the file of one seed's samples."""
    return folder / f"{name}-{seed}.safetensors"


def trained(seeds: Iterable[int], save: Path | None) -> Runs:
    """Returns the numbers of all runs, by seed and name; `save` takes each seed's samples."""
    runs: Runs = {}
    for seed in seeds:
        drawn = run_seed(seed)
        runs[seed] = {name: each.numbers() for name, each in drawn.items()}
        if save is not None:
            save.mkdir(parents=True, exist_ok=True)
            for name, each in drawn.items():
                save_file({"samples": each.samples}, of_seed(save, name, seed))
    return runs


def keep_middle(runs: Runs, save: Path) -> None:
    """Writes the samples of each middle run under the name alone.

    Raises:
        DataError: its seed's samples are not in the folder.
    """
    for name in NAMES:
        path = of_seed(save, name, middle(runs, name))
        if not path.exists():
            raise DataError(f"{path} is missing: give each part the same --save folder.")
        save_file(load_file(path), save / f"{name}.safetensors")


def stored_runs(parts: Sequence[Mapping[str, Any]]) -> Runs:
    """Returns the numbers that parts hold, by seed and name."""
    return {
        seed: {name: part["runs"][name][i] for name in NAMES}
        for part in parts
        for i, seed in enumerate(part["seeds"])
    }


def benchmark(
    seeds: int = 3,
    save: Path | None = None,
    only: Sequence[int] = (),
    parts: Sequence[Path] = (),
) -> dict[str, Any]:
    """Returns, and prints, the scores of flows and GAN, as medians over the seeds.

    Args:
        seeds: runs of each.
        save: a folder for the samples: each seed's, and under the name alone those of the seed in
            the middle.
        only: the seeds of this part; by default all, from 0 on.
        parts: files of parts that have run, to be joined in place of running.
    """
    files = read_parts(parts, holds=["runs"])
    runs = stored_runs(files) if parts else trained(only or range(seeds), save)
    if save is not None:
        keep_middle(runs, save)
    medians = {
        name: {key: statistics.median(run[name][key] for run in runs.values()) for key in KEYS}
        for name in NAMES
    }
    print(table(("what", *KEYS), [(n, *(f"{m[k]:.4g}" for k in KEYS)) for n, m in medians.items()]))
    return {
        **medians,
        "runs": {name: [runs[seed][name] for seed in sorted(runs)] for name in NAMES},
        "seeds": sorted(runs),
        **(same_machine(files) if parts else machine()),
    }
