"""Chapter 1: the way from the article's CNN listing to the course's recipe, one change a rung.

Every rung trains on the chapter's 55,000 images and is measured on the 5,000 that the chapter
holds back, never on the test set.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from aigc_utils.cnn import SPRINT, ArticleCNN, CourseCNN, classifier_step, course_optimizers
from aigc_utils.data import batches, load_mnist, split, standardize, to_signed
from aigc_utils.schedules import one_cycle
from aigc_utils.training import fit, seed_everything

from .cnn import Result, scaled_accuracy, train_listing
from .report import machine, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "ladder": ("ladder", "the steps from the article's CNN to the course's recipe"),
}

Examples = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Rung:
    """How a rung trains; the defaults are the article's."""

    in_memory: bool = False
    signed: bool = True  # pixels from -1 to 1; else in standard deviations from their mean
    channels_last: bool = False
    fused: bool = False
    epochs: float = 5
    batch_size: int = 64
    lr: float = 1e-3
    cycle: bool = False
    network: type[nn.Module] = ArticleCNN
    label_smoothing: float = 0.0
    muon_lr: float = 0.0  # of the filters; 0: Adam has them too

    def optimizers(self, model: nn.Module) -> tuple[torch.optim.Optimizer, ...]:
        """Returns Adam, or Muon for the filters and Adam for the rest."""
        if self.muon_lr:
            assert isinstance(model, CourseCNN)
            recipe = dataclasses.replace(SPRINT, adam_lr=self.lr, muon_lr=self.muon_lr)
            return course_optimizers(model, recipe)
        return (torch.optim.Adam(model.parameters(), lr=self.lr, fused=self.fused),)


#: Each rung changes one thing of the one before: its name, what kind of change it is, the change.
CHANGES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("article's listing", "start", {}),
    ("+ images in memory", "data path", {"in_memory": True}),
    ("+ mean and deviation", "normalisation", {"signed": False}),
    ("+ channels-last layout", "arithmetic", {"channels_last": True}),
    ("+ fused Adam", "arithmetic", {"fused": True}),
    ("+ 2 epochs, not 5", "fewer passes", {"epochs": 2}),
    ("+ batches of 128", "larger batches", {"batch_size": SPRINT.batch_size}),
    ("+ rate 0.003", "learning rate", {"lr": 3e-3}),
    ("+ one-cycle schedule", "learning rate", {"cycle": True}),
    ("+ the course's network", "network", {"network": CourseCNN}),
    (f"+ rate {SPRINT.adam_lr}", "learning rate", {"lr": SPRINT.adam_lr}),
    ("+ 1 epoch", "fewer passes", {"epochs": 1}),
    (f"+ {SPRINT.epochs} epochs", "fewer passes", {"epochs": SPRINT.epochs}),
    ("+ smoothed labels", "loss", {"label_smoothing": SPRINT.label_smoothing}),
    ("+ Muon", "optimizer", {"muon_lr": SPRINT.muon_lr}),
)

#: The last rung with one thing changed back; a constant rate is half the peak, the cycle's mean.
CONTROLS: dict[str, dict[str, Any]] = {
    "constant rates": {"cycle": False, "lr": SPRINT.adam_lr / 2, "muon_lr": SPRINT.muon_lr / 2},
    "without smoothing": {"label_smoothing": 0.0},
    "pixels from -1 to 1": {"signed": True},
    "channels first": {"channels_last": False},
    "batches of 64": {"batch_size": 64},
    "2 epochs": {"epochs": 2},
}


def rungs() -> list[tuple[str, str, Rung]]:
    """Returns the ladder: each rung's name, the kind of its change, and how it trains."""
    rung = Rung()
    found: list[tuple[str, str, Rung]] = []
    for name, kind, change in CHANGES:
        rung = dataclasses.replace(rung, **change)
        found.append((name, kind, rung))
    return found


def train_rung(rung: Rung, seed: int, examples: Examples) -> Result:
    """Returns a rung's seconds, loading included, and its accuracy on images held back."""
    images, labels, *held = examples
    if not rung.in_memory:
        model: nn.Module
        model, seconds = train_listing(seed, int(rung.epochs), (images, labels))
        return Result(seconds, scaled_accuracy(model, to_signed, *held))
    start = time.perf_counter()
    load_mnist()  # its time counts; the images are there already
    rng = seed_everything(seed)
    layout = torch.channels_last if rung.channels_last else torch.contiguous_format
    model = rung.network().to(memory_format=layout)
    optimizers = rung.optimizers(model)
    scale: Callable[[Tensor], Tensor] = to_signed if rung.signed else standardize
    smoothing = rung.label_smoothing
    fit(
        classifier_step(model, *optimizers, label_smoothing=smoothing, scale=scale),
        batches((images, labels), rung.batch_size, rng=rng),
        num_steps=max(1, int(rung.epochs * len(images) / rung.batch_size)),
        schedule=one_cycle(*optimizers) if rung.cycle else None,
    )
    return Result(time.perf_counter() - start, scaled_accuracy(model, scale, *held))


def _row(name: str, kind: str, results: Iterable[Result]) -> dict[str, Any]:
    """Returns what is stored of a rung: the median time, the mean accuracy, and each run."""
    runs = [dataclasses.asdict(result) for result in results]
    seconds = round(statistics.median(run["seconds"] for run in runs), 3)
    accuracy = round(statistics.mean(run["accuracy"] for run in runs), 3)
    print(f"{name}: {seconds:.2f} s, {accuracy:.2f} %", flush=True)
    return {"name": name, "kind": kind, "seconds": seconds, "accuracy": accuracy, "runs": runs}


def ladder(seeds: int = 3, images: int = 55_000) -> dict[str, Any]:
    """Returns, and prints, time and held-back accuracy of each rung and of the controls.

    Args:
        seeds: runs of each.
        images: how many images to train on; fewer are for trying it out.
    """
    mnist = load_mnist()
    everything = split(mnist.train_images, mnist.train_labels, validation=5000, seed=0)
    examples = (everything[0][:images], everything[1][:images], *everything[2:])
    steps = rungs()
    last = steps[-1][2]
    steps += [(n, "control", dataclasses.replace(last, **c)) for n, c in CONTROLS.items()]
    rows = [
        _row(name, kind, (train_rung(rung, seed, examples) for seed in range(seeds)))
        for name, kind, rung in steps
    ]
    shown = [(r["kind"], r["name"], r["seconds"], r["accuracy"]) for r in rows]
    print(table(("change", "rung", "seconds", "held-back accuracy (%)"), shown))
    return {
        "rungs": [row for row in rows if row["kind"] != "control"],
        "controls": [row for row in rows if row["kind"] == "control"],
        "seeds": seeds,
        "images": len(examples[0]),
        "held": len(examples[2]),
        **machine(),
    }
