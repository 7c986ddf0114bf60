"""Chapter 6: all that draw, after equally many seconds and after equally many images.

Seeds may run apart: `--only 0 --json a.json`, ..., `--parts a.json b.json c.json --json all.json`.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aigc_utils.evaluation import judge_images, nearest_neighbours, score_samples

from .gan import real_images, sample_floor
from .parts import read_parts, same_machine
from .report import machine, table
from .techniques import POINTS, TECHNIQUES, Draw, Rebuild, Train

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "digits": ("digits", "all that draw, after equal seconds and after equally many images"),
}

#: What each gets, all its trainings counted in: so many seconds, or so many images.
SECONDS, IMAGES = 60.0, 60_000
#: Digits that are drawn for a score, and those that are looked for in the training set.
COUNT, COMPARED = 2000, 300
#: Steps from which the seconds of one are known.
PACE_STEPS = 50


def steps_for(train: Train, seed: int, seconds: float) -> int:
    """Returns how many steps fit into so many seconds, from the pace of a few of them."""
    few = train(seed, PACE_STEPS, lambda draw: {"frechet": 0.0})
    pace = (few.before - few.fixed + few.history.seconds) / PACE_STEPS
    return max(int((seconds - few.fixed) / pace), POINTS)


def _nearest(images: Tensor) -> float:
    """Returns the median distance of images to the training image that is nearest to each."""
    distances, _ = nearest_neighbours(images[:COMPARED], real_images()[0].train_images)
    return distances.median().item()


def _way_and_back(rebuild: Rebuild | None) -> dict[str, float | None]:
    """Returns what real images score after it, and how near test images then lie to others."""
    mnist, test, _ = real_images()
    if rebuild is None:
        return {"own_floor": None, "nearest_rebuilt": None}
    return {
        "own_floor": score_samples(rebuild(mnist.train_images[:COUNT]), test).frechet,
        "nearest_rebuilt": _nearest(rebuild(mnist.test_images[:COMPARED])),
    }


def run(name: str, seed: int, steps: int, seconds: float | None = None) -> dict[str, Any]:
    """Returns a technique's curve of distances over seconds, and what it does at its end."""
    _, test, _ = real_images()
    asked = torch.arange(COUNT) % 10

    def watch(draw: Draw) -> dict[str, float]:
        return {"frechet": score_samples(draw(asked), test).frechet}

    trained = TECHNIQUES[name][0](seed, steps, watch, seconds)
    history = trained.history
    start = time.perf_counter()
    drawn = trained.draw(asked)
    drawing = time.perf_counter() - start
    judged = judge_images(drawn)
    right = (judged.logits.argmax(1) == asked).float().mean().item()
    return {
        "seconds": [trained.before + seconds for seconds in history.seconds_at],
        "distances": history["frechet"],
        "images": history.num_steps * TECHNIQUES[name][1],
        "parameters": trained.parameters,
        "obeys": right if trained.obeys else None,
        "nearest": _nearest(drawn),
        "draw_seconds": drawing,
        **_way_and_back(trained.rebuild),
        **dataclasses.asdict(score_samples(judged, test)),
    }


def digits(seeds: int = 3, only: Sequence[int] = (), parts: Sequence[Path] = ()) -> dict[str, Any]:
    """Returns, and prints, what each technique reaches, with its curves.

    Args:
        seeds: runs of each.
        only: the seeds of this part; by default all, from 0 on.
        parts: files of parts that have run, to be joined in place of running.
    """
    files = read_parts(parts, holds=["runs"])
    chosen = [seed for part in files for seed in part["seeds"]] if parts else [*only]
    chosen = chosen or [*range(seeds)]
    budgets = ("equal_seconds", "equal_images")
    runs: dict[str, dict[str, list[Any]]] = {b: {name: [] for name in TECHNIQUES} for b in budgets}
    for budget, by_name in runs.items():
        for name, several in by_name.items():
            stored = [each for part in files for each in part["runs"][budget][name]]
            several.extend(stored if parts else (_one(budget, name, seed) for seed in chosen))
    rows = [
        (name, *(f"{statistics.median(r['frechet'] for r in runs[b][name]):.3g}" for b in budgets))
        for name in TECHNIQUES
    ]
    print(table(("technique", *budgets), rows))
    about = {"seconds": SECONDS, "images": IMAGES, "seeds": chosen, **sample_floor(COUNT)}
    return {**about, "runs": runs, **(same_machine(files) if parts else machine())}


def _one(budget: str, name: str, seed: int) -> dict[str, Any]:
    train, batch_size = TECHNIQUES[name]
    if budget == "equal_seconds":
        return run(name, seed, steps_for(train, seed, SECONDS), SECONDS)
    return run(name, seed, IMAGES // batch_size)
