"""Chapter 1: the article's CNN listing against the course's recipes."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from aigc_utils.cnn import MINUTE, SPRINT, ArticleCNN, CNNRecipe, train_course
from aigc_utils.data import MNIST, load_mnist, mnist_root, to_signed
from aigc_utils.evaluation import accuracy, predict
from aigc_utils.training import evaluation_mode

from .report import FACTORS, first_to_reach, machine, median, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "cnn": ("benchmark", "the article's CNN listing and the course's recipes"),
}

# The minute covers loading the data as well, and the step in hand when the time is up.
MINUTE_SECONDS = 58.0


@dataclass(frozen=True)
class Result:
    """One run: seconds from opening the data to the trained model, and test accuracy in %."""

    seconds: float
    accuracy: float


def train_listing(
    seed: int, epochs: int = 5, examples: tuple[Tensor, Tensor] | None = None
) -> tuple[ArticleCNN, float]:
    """Returns the network of the article's listing and the seconds it took, data loading included.

    Args:
        seed: of the weights and the order.
        epochs: passes.
        examples: images, uint8 (N, 1, 28, 28), and labels to train on in place of all 60,000.
    """
    root = mnist_root()
    torch.manual_seed(seed)
    start = time.perf_counter()
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    train = datasets.MNIST(root=root, train=True, transform=transform, download=True)
    if examples:
        train.data, train.targets = examples[0][:, 0], examples[1]
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
    return model, time.perf_counter() - start


def run_listing(seed: int, epochs: int = 5) -> Result:
    """Returns the result of the article's listing, DataLoader and per-image transforms and all."""
    model, seconds = train_listing(seed, epochs)
    mnist = load_mnist()
    return Result(seconds, scaled_accuracy(model, to_signed, mnist.test_images, mnist.test_labels))


@torch.no_grad()
def scaled_accuracy(
    model: nn.Module, scale: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor
) -> float:
    """Returns the accuracy, in percent, of a network that takes images in units of its own."""
    with evaluation_mode(model):
        logits = torch.cat([model(scale(part)) for part in images.split(1000)])
    return accuracy(logits, labels)


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
    _show({
        "article's listing": [listing], "course, sprint": sprints, "course, one minute": minutes,
    })  # fmt: skip
    print(f"speedup {results['speedup']:.1f} x")
    return results


def _show(named: Mapping[str, Sequence[Result]]) -> None:
    """Prints the medians of runs by their name, where there are runs."""
    rows = [
        (name, f"{median(runs).seconds:.2f}", f"{median(runs).accuracy:.2f}", len(runs))
        for name, runs in named.items()
        if runs
    ]
    print(table(("what", "seconds", "test accuracy (%)", "seeds"), rows))
