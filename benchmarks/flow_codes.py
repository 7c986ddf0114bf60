"""Chapter 5: what moves the limit of a flow on codes, which its decoder sets.

Each row is trained with each seed, one thread a run. Seeds may run apart, as for `flow`.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from aigc_utils import flow, vae
from aigc_utils.evaluation import score_samples

from .flow import train_latent
from .gan import NUM_SAMPLES, real_images
from .parts import Runs, each, read_parts, same_machine
from .report import machine, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "flow-codes": ("limits", "autoencoders, and what a flow on the codes of each draws"),
}

#: Passes over the training set, and steps of each flow: less than the recipes have.
EPOCHS, STEPS = 3.0, 1000
#: Each row but the first changes one thing: of the course's autoencoder, or of its codes' scale.
ROWS: dict[str, dict[str, Any]] = {
    "the course's": {},
    "KL weight 1": {"beta": 1.0},
    "half as many latents": {"latent_dim": vae.CODER.latent_dim // 2},
    "twice as many latents": {"latent_dim": 2 * vae.CODER.latent_dim},
    "a classifier's eyes": {"perception": 0.1},
    "whitened codes": {"whiten": True},
    "not sharpened": {"sharpness": 1.0},
}
SCORES = ("decoded", "drawn", "coverage", "recall")


def run_row(name: str, seed: int) -> dict[str, float]:
    """Returns the Fréchet distances of decoded codes and of what a flow on them draws.

    Coverage and recall are of what the flow draws.
    """
    torch.set_num_threads(1)
    mnist, test, _ = real_images()
    changes = dict(ROWS[name])
    whiten = changes.pop("whiten", False)
    sharpness = changes.pop("sharpness", flow.SHARPNESS)
    coding = dataclasses.replace(vae.CODER, epochs=EPOCHS, **changes)
    recipe = dataclasses.replace(flow.CODES, num_steps=STEPS)
    latent = train_latent(seed, coding, recipe, 1e9, whiten=whiten)
    rng = torch.Generator().manual_seed(2000 + seed)
    chosen = mnist.train_images[torch.randperm(60_000, generator=rng)[:NUM_SAMPLES]]
    decoded = flow.decode(latent.coder, flow.encode_images(latent.coder, chosen, rng), sharpness)
    drawn = score_samples(latent.draw(seed, flow.DRAW_CODES, sharpness), test)
    return {
        "decoded": score_samples(decoded, test).frechet,
        "drawn": drawn.frechet,
        "coverage": drawn.coverage,
        "recall": drawn.recall,
    }


def limits(
    seeds: int = 3, workers: int = 2, only: Sequence[int] = (), parts: Sequence[Path] = ()
) -> dict[str, Any]:
    """Returns, and prints, what each autoencoder allows, and what a flow makes of it.

    Args:
        seeds: runs of each row.
        workers: runs at a time.
        only: the seeds of this part; by default all, from 0 on.
        parts: files of parts that have run, to be joined in place of running.
    """
    files = read_parts(parts, alike=["epochs", "num_steps"], holds=["rows"])
    runs = _stored(files) if parts else _trained(workers, [*(only or range(seeds))])
    rows: list[dict[str, Any]] = [
        {"name": name, **{key: [runs[seed][name][key] for seed in sorted(runs)] for key in SCORES}}
        for name in ROWS
    ]
    shown = [(row["name"], *(f"{statistics.median(row[k]):.3g}" for k in SCORES)) for row in rows]
    print(table(("row", *SCORES), shown))
    about = {"epochs": EPOCHS, "num_steps": STEPS, "seeds": sorted(runs)}
    return {**about, "rows": rows, **(same_machine(files) if parts else machine(threads=1))}


def _trained(workers: int, seeds: Sequence[int]) -> Runs:
    tasks = [(name, seed) for seed in seeds for name in ROWS]
    runs = iter(each(run_row, tasks, workers))
    return {seed: {name: next(runs) for name in ROWS} for seed in seeds}


def _stored(parts: Sequence[Mapping[str, Any]]) -> Runs:
    return {
        seed: {row["name"]: {key: row[key][i] for key in SCORES} for row in part["rows"]}
        for part in parts
        for i, seed in enumerate(part["seeds"])
    }
