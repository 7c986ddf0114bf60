"""Chapter 1: the article's CNN listing against the course's recipes."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from aigc_utils.cnn import (
    MINUTE,
    SPRINT,
    ArticleCNN,
    CNNRecipe,
    CourseCNN,
    classifier_step,
    course_optimizers,
    train_course,
)
from aigc_utils.data import MNIST, batches, load_mnist, mnist_root
from aigc_utils.evaluation import accuracy, predict
from aigc_utils.schedules import one_cycle
from aigc_utils.training import fit, seed_everything

from .report import FACTORS, first_to_reach, machine, median, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "cnn": ("benchmark", "the article's CNN listing and the course's recipes"),
    "ladder": ("ladder", "the steps from the article's CNN to the course's recipe"),
}

# The minute covers loading the data as well, and the step in hand when the time is up.
MINUTE_SECONDS = 58.0


@dataclass(frozen=True)
class Result:
    """One run: seconds from opening the data to the trained model, and test accuracy in %."""

    seconds: float
    accuracy: float


def run_listing(seed: int, epochs: int = 5) -> Result:
    """Returns the result of the article's listing, DataLoader and per-image transforms and all."""
    root = mnist_root()
    torch.manual_seed(seed)
    start = time.perf_counter()
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    train = datasets.MNIST(root=root, train=True, transform=transform, download=True)
    loader = DataLoader(dataset=train, batch_size=64, shuffle=True)
    model = ArticleCNN()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    for epoch in range(epochs):
        for index, (images, labels) in enumerate(loader):
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            if index % 100 == 0:
                print(
                    f"Epoch [{epoch + 1}/{epochs}], Step [{index + 1}/{len(loader)}], "
                    f"Loss: {loss.item():.4f}"
                )
    seconds = time.perf_counter() - start
    return Result(seconds, _listing_accuracy(model))


@torch.no_grad()
def _listing_accuracy(model: nn.Module) -> float:
    mnist = load_mnist()
    scaled = (mnist.test_images / 255 - 0.5) / 0.5
    logits = torch.cat([model(part) for part in scaled.split(1000)])
    return accuracy(logits, mnist.test_labels)


def timed(train: Callable[[MNIST], nn.Module]) -> Result:
    """Returns the result of a training function; loading the data is part of its time."""
    start = time.perf_counter()
    mnist = load_mnist()
    model = train(mnist)
    seconds = time.perf_counter() - start
    return Result(seconds, accuracy(predict(model, mnist.test_images), mnist.test_labels))


def run_recipe(recipe: CNNRecipe, seed: int, max_seconds: float | None = None) -> Result:
    """Returns the result of one of the course's recipes."""

    def train(mnist: MNIST) -> nn.Module:
        return train_course(
            recipe, mnist.train_images, mnist.train_labels, seed=seed, max_seconds=max_seconds
        )[0]

    return timed(train)


def run_until(target: float, seeds: int) -> tuple[CNNRecipe, list[Result]]:
    """Returns the first recipe whose median accuracy is at least `target`, and its runs."""
    return first_to_reach(
        (dataclasses.replace(SPRINT, epochs=SPRINT.epochs * factor) for factor in FACTORS),
        lambda recipe: [run_recipe(recipe, seed) for seed in range(seeds)],
        lambda result: result.accuracy >= target,
    )


def benchmark(seeds: int = 3, listing_epochs: int = 5, minute: bool = True) -> dict[str, Any]:
    """Returns, and prints, the comparison of the listing with the course's two recipes."""
    listing = run_listing(seed=0, epochs=listing_epochs)
    recipe, sprints = run_until(listing.accuracy, seeds)
    course = median(sprints)
    minutes = [run_recipe(MINUTE, seed, MINUTE_SECONDS) for seed in range(seeds)] if minute else []
    results: dict[str, Any] = {
        "listing_seconds": listing.seconds,
        "listing_accuracy": listing.accuracy,
        "course_seconds": course.seconds,
        "course_accuracy": course.accuracy,
        "course_epochs": recipe.epochs,
        "reached": course.accuracy >= listing.accuracy,
        "speedup": listing.seconds / course.seconds,
        "accuracy_60s": median(minutes).accuracy if minutes else None,
        "runs": {
            "course": [dataclasses.asdict(r) for r in sprints],
            "minute": [dataclasses.asdict(r) for r in minutes],
        },
        **machine(),
    }
    named = [
        ("article's listing", [listing]),
        ("course, sprint", sprints),
        ("course, one minute", minutes),
    ]
    rows = [
        (name, f"{median(runs).seconds:.2f}", f"{median(runs).accuracy:.2f}", len(runs))
        for name, runs in named
        if runs
    ]
    print(table(("what", "seconds", "test accuracy (%)", "seeds"), rows))
    print(f"speedup {results['speedup']:.1f} x")
    return results


def _train_rung(
    make_model: Callable[[], nn.Module],
    seed: int,
    *,
    epochs: float,
    batch_size: int = 64,
    lr: float = 1e-3,
    cycle: bool = False,
    muon: bool = False,
    label_smoothing: float = 0.0,
    bfloat16: bool = False,
) -> Result:
    """Returns the result of one rung of the ladder, all of it from memory."""

    def train(mnist: MNIST) -> nn.Module:
        rng = seed_everything(seed)
        model = make_model()
        recipe = dataclasses.replace(SPRINT, adam_lr=lr)
        optimizers: tuple[torch.optim.Optimizer, ...]
        if muon:
            assert isinstance(model, CourseCNN)
            optimizers = course_optimizers(model, recipe)
        else:
            optimizers = (torch.optim.Adam(model.parameters(), lr=lr, fused=True),)
        # No cache: it would keep the weights of the first step through the whole run.
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16, cache_enabled=False):
            fit(
                classifier_step(model, *optimizers, label_smoothing=label_smoothing),
                batches((mnist.train_images, mnist.train_labels), batch_size, rng=rng),
                num_steps=int(epochs * len(mnist.train_images) / batch_size),
                schedule=one_cycle(*optimizers) if cycle else None,
            )
        return model

    return timed(train)


def _channels_last() -> nn.Module:
    return ArticleCNN().to(memory_format=torch.channels_last)


def _rung(name: str, run: Callable[[int], Result], seeds: int) -> dict[str, Any]:
    results = [run(seed) for seed in range(seeds)]
    middle = median(results)
    print(f"{name}: {middle.seconds:.2f} s, {middle.accuracy:.2f} %", flush=True)
    return {
        "name": name,
        "seconds": round(middle.seconds, 3),
        "accuracy": round(middle.accuracy, 3),
        "runs": [dataclasses.asdict(r) for r in results],
    }


def ladder(seeds: int = 3) -> dict[str, Any]:
    """Returns, and prints, time and accuracy of each step from the listing to the sprint."""
    lr, short = SPRINT.adam_lr, SPRINT.epochs
    course = partial(_train_rung, CourseCNN, batch_size=128, lr=lr, cycle=True)
    smooth = partial(course, epochs=short, label_smoothing=SPRINT.label_smoothing)
    rungs: dict[str, Callable[[int], Result]] = {
        "article's listing, 5 epochs": run_listing,
        "+ images in memory": partial(_train_rung, ArticleCNN, epochs=5),
        "+ channels-last layout": partial(_train_rung, _channels_last, epochs=5),
        "+ one-cycle schedule, 2 epochs": partial(
            _train_rung, _channels_last, epochs=2, batch_size=128, lr=3e-3, cycle=True
        ),
        "+ the course's network, 1 epoch": partial(course, epochs=1),
        f"+ smoothed labels, {short} epochs": smooth,
        "+ Muon": partial(run_recipe, SPRINT),
    }
    tried: dict[str, Callable[[int], Result]] = {
        "bfloat16 arithmetic": partial(smooth, muon=True, bfloat16=True),
    }
    rows = [_rung(name, run, seeds) for name, run in rungs.items()]
    dropped = [_rung(name, run, seeds) for name, run in tried.items()]
    print(
        table(
            ("rung", "seconds", "test accuracy (%)"),
            [(r["name"], r["seconds"], r["accuracy"]) for r in rows + dropped],
        )
    )
    return {"rungs": rows, "dropped": dropped, "seeds": seeds, **machine()}
