"""Chapter 3: the article's VAE listing, mended, against the course's recipes."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from aigc_utils.data import load_mnist, mnist_root, to_float
from aigc_utils.evaluation import elbo
from aigc_utils.training import seed_everything
from aigc_utils.vae import (
    MINUTE,
    SPRINT,
    VAE,
    ArticleVAE,
    Residual,
    VAERecipe,
    article_losses,
    article_nats,
    train_course,
)

from .report import FACTORS, first_to_reach, machine, median, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "vae": ("benchmark", "the article's VAE and the course's sprint"),
    "vae-ablation": ("ablation", "the steps from the article's VAE to the course's"),
}

ACTIVE_NATS = 0.01


@dataclass(frozen=True)
class Result:
    """One run: seconds from opening the data to the trained model, and nats on test images."""

    seconds: float
    nats: float


def run_listing(seed: int, epochs: int = 10) -> Result:
    """Returns the result of the article's listing, its pixels left in [0, 1]: the one mend."""
    root = mnist_root()
    torch.manual_seed(seed)
    start = time.perf_counter()
    train = datasets.MNIST(root=root, train=True, transform=transforms.ToTensor(), download=True)
    loader = DataLoader(dataset=train, batch_size=64, shuffle=True)
    model = ArticleVAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    for epoch in range(epochs):
        train_loss = 0.0
        for images, _ in loader:
            optimizer.zero_grad()
            reconstruction, mu, logvar = model(images)
            loss = sum(article_losses(reconstruction, images, mu, logvar))
            assert isinstance(loss, torch.Tensor)
            loss.backward()
            train_loss += loss.item()
            optimizer.step()
        print(f"Epoch: {epoch + 1} Average loss: {train_loss / len(train):.4f}")
    seconds = time.perf_counter() - start
    return Result(seconds, sum(article_nats(model, load_mnist().test_images)))


def run_recipe(recipe: VAERecipe, seed: int) -> Result:
    """Returns the result of a recipe by the listing's measure: the negative ELBO, grey pixels."""
    start = time.perf_counter()
    mnist = load_mnist()
    model, _ = train_course(recipe, mnist.train_images, seed=seed)
    seconds = time.perf_counter() - start
    rng = torch.Generator().manual_seed(1000 + seed)
    return Result(seconds, elbo(model, to_float(mnist.test_images), rng).nats)


def replaced(model: VAE, old: type[nn.Module], new: Callable[[nn.Module], nn.Module]) -> VAE:
    """Returns the model with every module of one kind replaced by what `new` makes of it."""
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, old):
                setattr(parent, name, new(child))
    return model


def ablation_models(mean_image: Tensor) -> dict[str, Callable[[], VAE]]:
    """Returns functions that make each row's network; each row adds one change to the one above."""

    def relu(model: VAE) -> VAE:
        return replaced(model, nn.SiLU, lambda _: nn.ReLU())

    def inner(block: nn.Module) -> nn.Module:
        assert isinstance(block, Residual)
        return block.layers

    def without_residual(model: VAE) -> VAE:
        return replaced(model, Residual, inner)

    two = partial(VAE, hidden=(512, 512), patches=False)
    return {
        "one hidden layer of 400": lambda: relu(VAE(hidden=(400,), patches=False)),
        "two hidden layers of 512": lambda: relu(without_residual(two())),
        "SiLU": lambda: without_residual(two()),
        "mean image": lambda: without_residual(two(mean_image=mean_image)),
        "residual": lambda: two(mean_image=mean_image),
        "patches": lambda: VAE(mean_image=mean_image),
    }


def ablation(seeds: int = 3, epochs: float = 4.0) -> dict[str, Any]:
    """Returns, and prints, the nats on test images of each row, for each seed."""
    mnist = load_mnist()
    recipe = dataclasses.replace(MINUTE, epochs=epochs)
    test = to_float(mnist.test_images)
    rows: list[dict[str, Any]] = []
    for name, make in ablation_models(to_float(mnist.train_images).mean(0)).items():
        nats: list[float] = []
        used: list[int] = []
        for seed in range(seeds):
            rng = seed_everything(seed)
            model, _ = train_course(recipe, mnist.train_images, seed=seed, model=make())
            parts = elbo(model, test, rng)
            nats.append(parts.nats)
            used.append(int((parts.kl.mean(0) > ACTIVE_NATS).sum()))
        rows.append({"name": name, "nats": nats, "used": used})
    shown = [(row["name"], f"{statistics.mean(row['nats']):.2f}", row["used"]) for row in rows]
    print(table(("what", "nats (test)", "dimensions in use"), shown))
    return {"rows": rows, "epochs": epochs, "seeds": seeds, **machine()}


def run_until(target: float, seeds: int) -> tuple[VAERecipe, list[Result]]:
    """Returns the first recipe whose median is at most `target` nats, and its runs."""
    return first_to_reach(
        (dataclasses.replace(SPRINT, epochs=SPRINT.epochs * factor) for factor in FACTORS),
        lambda recipe: [run_recipe(recipe, seed) for seed in range(seeds)],
        lambda result: result.nats <= target,
    )


def benchmark(seeds: int = 3, listing_epochs: int = 10) -> dict[str, Any]:
    """Returns, and prints, the comparison of the listing with the course's sprint."""
    listing = run_listing(seed=0, epochs=listing_epochs)
    recipe, sprints = run_until(listing.nats, seeds)
    sprint = median(sprints)
    rows = [
        ("listing, 10 epochs", f"{listing.seconds:.1f}", f"{listing.nats:.2f}"),
        ("course, sprint", f"{sprint.seconds:.2f}", f"{sprint.nats:.2f}"),
    ]
    print(table(("what", "seconds", "nats (test)"), rows))
    speedup = listing.seconds / sprint.seconds
    print(f"{speedup:.1f} times as fast; median of {seeds} seeds for the course")
    return {
        "listing_seconds": listing.seconds,
        "listing_nats": listing.nats,
        "course_seconds": sprint.seconds,
        "course_nats": sprint.nats,
        "course_epochs": recipe.epochs,
        "seeds": seeds,
        "listing_seeds": 1,
        "reached": sprint.nats <= listing.nats,
        "speedup": speedup,
        "runs": {"course": [dataclasses.asdict(run) for run in sprints]},
        **machine(),
    }
