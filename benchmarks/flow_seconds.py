"""Chapter 5: flows on pixels, by four networks, and on codes, over the same seconds."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from aigc_utils import flow
from aigc_utils.data import from_signed, to_signed
from aigc_utils.evaluation import score_samples
from aigc_utils.gpt import Block, GPTConfig
from aigc_utils.history import History
from aigc_utils.training import seed_everything

from .flow import train_latent
from .gan import real_images, sample_floor
from .parts import read_parts, same_machine
from .report import machine, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "flow-seconds": ("seconds", "flows on pixels, by four networks, and on codes, over seconds"),
}

#: Seconds of training that each may take.
SECONDS = 60.0
#: Digits that are drawn for each point of a curve.
COUNT = 2000
#: A curve's points in the whole recipe, of which the seconds are about half.
POINTS = 12
#: The DiT's patches are tokens of 7 by 7 pixels: with 4 by 4 it takes half as many steps in as many
#: seconds, and drew far worse.
PATCHES = GPTConfig(vocab_size=2, context=16, width=64, num_layers=1, num_heads=4)
#: The peak rate of each that needs another than the U-Net's. Each was the best of three, each about
#: twice the one before, after 50 seconds of one thread and on held-back images. For the U-Net that
#: says velocities it was the highest of the three.
RATES = {
    "U-Net, convolutions alone": 1.2e-2,
    "U-Net that says velocities": 1.2e-2,
    "DiT": 1.2e-2,
}
Curve = list[tuple[float, float]]

#: What makes a network on pixels.
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "U-Net": flow.ImageFlow,
    "U-Net, convolutions alone": lambda: flow.ImageFlow(hidden=0),
    "U-Net that says velocities": lambda: flow.ImageFlow(guesses=False),
    "DiT": lambda: flow.DiT(lambda: Block(PATCHES), width=PATCHES.width, layers=2, patch=7),
}


def scored(drawn: Callable[[Tensor], Tensor], shape: Sequence[int]) -> dict[str, float]:
    """Returns the Fréchet distance of 2,000 digits drawn from noise of a shape."""
    _, test, _ = real_images()
    noise = torch.randn(COUNT, *shape, generator=torch.Generator().manual_seed(1))
    return {"frechet": score_samples(drawn(noise), test).frechet}


def pixels(model: nn.Module, how: Mapping[str, Any]) -> dict[str, float]:
    """Returns how near a flow on pixels comes."""
    asked = torch.arange(COUNT) % 10

    def drawn(noise: Tensor) -> Tensor:
        return from_signed(flow.sample(model, noise, asked, **how))

    return scored(drawn, (1, 28, 28))


def curve(history: History, before: float = 0.0) -> Curve:
    """Returns seconds of training, those before it counted in, and the distance at each."""
    measured = zip(history.seconds_at, history["frechet"], strict=True)
    return [(before + seconds, value) for seconds, value in measured]


def run_pixels(network: str, seed: int) -> Curve:
    """Returns the curve of one of `NETWORKS` on pixels."""
    mnist, *_ = real_images()
    seed_everything(seed)
    recipe = dataclasses.replace(flow.PIXELS, lr=RATES.get(network, flow.PIXELS.lr))
    _, history = flow.train_flow(
        recipe, NETWORKS[network](), to_signed(mnist.train_images), mnist.train_labels,
        seed=seed, max_seconds=SECONDS, evaluate=lambda mean: pixels(mean, flow.DRAW_PIXELS),
        evaluate_every=max(recipe.num_steps // POINTS, 1),
    )  # fmt: skip
    return curve(history)


def run_codes(seed: int) -> Curve:
    """Returns the curve of a flow on codes, which begins when its autoencoder is trained."""
    mnist, *_ = real_images()
    short = dataclasses.replace(flow.CODES, num_steps=1)
    first = train_latent(seed, recipe=short, budget=SECONDS)
    asked = torch.arange(COUNT) % 10

    def near(model: nn.Module) -> dict[str, float]:
        def drawn(noise: Tensor) -> Tensor:
            codes = flow.sample(model, noise, asked, **flow.DRAW_CODES)
            return flow.decode(first.coder, first.scale.back(codes), flow.SHARPNESS)

        return scored(drawn, (first.coder.latent_dim,))

    *_, history = flow.train_latent(
        flow.CODES, first.coder, mnist.train_images, mnist.train_labels, seed=seed,
        max_seconds=SECONDS - first.seconds, evaluate=near,
        evaluate_every=max(flow.CODES.num_steps // POINTS, 1),
    )  # fmt: skip
    return curve(history, first.seconds)


def seconds(seeds: int = 3, only: Sequence[int] = (), parts: Sequence[Path] = ()) -> dict[str, Any]:
    """Returns, and prints, each network's distance over the seconds of its training.

    Args:
        seeds: runs of each.
        only: the seeds of this part; by default all, from 0 on.
        parts: files of parts that have run, to be joined in place of running.
    """
    files = read_parts(parts, holds=["curves"])
    chosen = [*(only or range(seeds))]
    curves: dict[str, list[Curve]] = {name: [] for name in (*NETWORKS, "codes")}
    for name, several in curves.items():
        if parts:
            several.extend(each for part in files for each in part["curves"][name])
        elif name == "codes":
            several.extend(run_codes(seed) for seed in chosen)
        else:
            several.extend(run_pixels(name, seed) for seed in chosen)
    ends = {
        name: statistics.median(each[-1][1] for each in found) for name, found in curves.items()
    }
    print(table(("network", "frechet"), [(name, f"{end:.3g}") for name, end in ends.items()]))
    done = [seed for part in files for seed in part["seeds"]] if parts else chosen
    about = same_machine(files) if parts else machine()
    return {**sample_floor(COUNT), "curves": curves, "seeds": done, **about}
