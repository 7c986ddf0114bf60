"""Every recipe on this machine's processor and on its graphics card: seconds and quality."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any
from unittest import mock

import torch

from aigc_utils import cnn, devices, flow, gan, gpt, vae
from aigc_utils.data import from_signed, load_mnist, to_float, to_signed
from aigc_utils.evaluation import accuracy, elbo, judge_images, predict, score_samples
from aigc_utils.gpt import seq2seq
from aigc_utils.training import seed_everything

from .flow import noise
from .gan import every_digit, real_images, scored
from .gpt import CONTEXT, encoded
from .report import MachineError, machine, median, table, timed

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "device": ("benchmark", "each recipe on the processor and on a graphics card"),
}

NUM_WORDS = 1000


@dataclasses.dataclass(frozen=True)
class Result:
    """One run: its seconds, with the data in memory, and how good its model is."""

    seconds: float
    quality: float


def run_cnn(seed: int, place: torch.device, recipe: cnn.CNNRecipe = cnn.SPRINT) -> Result:
    """Returns chapter 1's result; its quality is the accuracy on test images, in percent."""
    mnist = load_mnist()
    images, labels = mnist.train_images, mnist.train_labels
    seconds, (model, _) = timed(
        lambda: cnn.train_course(recipe, images, labels, seed=seed, device=place)
    )
    return Result(seconds, accuracy(predict(model, mnist.test_images), mnist.test_labels))


def run_gan(seed: int, place: torch.device, recipe: gan.GANRecipe = gan.COURSE) -> Result:
    """Returns chapter 2's result; its quality is the Fréchet distance of its samples."""
    mnist = load_mnist()
    images, labels = mnist.train_images, mnist.train_labels
    seconds, (game, _) = timed(
        lambda: gan.train_course(recipe, images, labels, seed=seed, device=place)
    )
    _, scores, _ = scored(game.ema.network, recipe.latent_dim, seed, every_digit())
    return Result(seconds, scores.frechet)


def run_vae(seed: int, place: torch.device, recipe: vae.VAERecipe = vae.SPRINT) -> Result:
    """Returns chapter 3's result; its quality is the negative ELBO of test images, in nats."""
    mnist = load_mnist()
    seconds, (model, _) = timed(
        lambda: vae.train_course(recipe, mnist.train_images, seed=seed, device=place)
    )
    rng = torch.Generator().manual_seed(1000 + seed)
    return Result(seconds, elbo(model, to_float(mnist.test_images), rng).nats)


def run_gpt(seed: int, place: torch.device, recipe: gpt.GPTRecipe = gpt.SPRINT) -> Result:
    """Returns chapter 4's result; its quality is the loss on the text held back, in nats."""
    data = encoded(None)
    seconds, (model, _) = timed(
        lambda: gpt.train_course(recipe, data.train, data.vocab_size, seed=seed, device=place)
    )
    return Result(seconds, gpt.mean_nats(model, data.validation, CONTEXT))


def run_seq2seq(
    seed: int, place: torch.device, recipe: seq2seq.Seq2SeqRecipe = seq2seq.REVERSE
) -> Result:
    """Returns the encoder-decoder's result; its quality is the share of words it reverses."""
    seconds, (model, _) = timed(lambda: seq2seq.train_course(recipe, seed=seed, device=place))
    rng = torch.Generator().manual_seed(1000 + seed)
    words = next(seq2seq.reverse_batches(rng, NUM_WORDS))[0]
    return Result(seconds, seq2seq.share_reversed(model, words))


def run_flow(
    seed: int,
    place: torch.device,
    recipe: flow.FlowRecipe = flow.PIXELS,
    network: Callable[[], flow.ImageFlow] = flow.ImageFlow,
    draw: Mapping[str, Any] = flow.DRAW_PIXELS,
) -> Result:
    """Returns chapter 5's result on pixels; its quality is the Fréchet distance of its samples."""
    mnist, test, floor = real_images()
    images, labels = to_signed(mnist.train_images), mnist.train_labels
    seed_everything(seed)
    new = network()
    seconds, (model, _) = timed(
        lambda: flow.train_flow(recipe, new, images, labels, seed=seed, device=place)
    )
    drawn = flow.sample(model, noise(seed, 1, 28, 28), every_digit(), **draw)
    samples = from_signed(drawn)
    return Result(seconds, score_samples(samples, test, floor).frechet)


def run_measures(seed: int, place: torch.device) -> Result:
    """Returns what the measures make of training images; the quality is their Fréchet distance."""
    mnist = load_mnist()
    rng = torch.Generator().manual_seed(seed)
    some = mnist.train_images[torch.randperm(60_000, generator=rng)[: len(mnist.test_images)]]
    with mock.patch.dict(os.environ, AIGC_DEVICE=str(place)):
        seconds, scores = timed(lambda: score_samples(some, mnist.test_images))
    return Result(seconds, scores.frechet)


def run_judge(seed: int, place: torch.device) -> Result:
    """Returns what the judge makes of the test images; its quality is its accuracy, in percent."""
    mnist = load_mnist()
    seconds, judged = timed(lambda: judge_images(mnist.test_images, device=place))
    return Result(seconds, accuracy(judged.logits, mnist.test_labels))


#: What is run, and what its quality is.
RUNS: dict[str, tuple[Callable[[int, torch.device], Result], str]] = {
    "cnn": (run_cnn, "accuracy, %"),
    "gan": (run_gan, "Fréchet distance"),
    "vae": (run_vae, "nats"),
    "gpt": (run_gpt, "nats"),
    "seq2seq": (run_seq2seq, "share of words"),
    "flow": (run_flow, "Fréchet distance"),
    "measures": (run_measures, "Fréchet distance"),
    "judge": (run_judge, "accuracy, %"),
}


def benchmark(seeds: int = 3) -> dict[str, Any]:
    """Returns, and prints, seconds and quality of each recipe on the processor and on the card.

    Raises:
        MachineError: this machine has no card that PyTorch finds.
    """
    card = devices.card()
    if card is None:
        raise MachineError("This machine has no graphics card that PyTorch finds: CUDA or MPS.")
    torch.zeros(1, device=card)  # the first use of a card loads its libraries
    recipes: dict[str, dict[str, Any]] = {}
    rows: list[tuple[str, ...]] = []
    for name, (run, unit) in RUNS.items():
        cpu, other = (
            [run(seed, place) for seed in range(seeds)] for place in (torch.device("cpu"), card)
        )
        recipes[name] = compared(cpu, other) | {"unit": unit}
        rows.append(row(name, recipes[name]))
    print(table(HEADER, rows))
    name = devices.device_name(card)
    print(f"{name}; medians of {seeds} seeds")
    return {"card": name, "seeds": seeds, "recipes": recipes, **machine()}


def compared(cpu: list[Result], card: list[Result]) -> dict[str, Any]:
    """Returns the medians of both, their ratio, and whether the qualities differ by chance alone.

    They do where the medians differ by no more than the seeds of one of the two do.
    """
    one, other = median(cpu), median(card)
    spread = max(
        max(run.quality for run in runs) - min(run.quality for run in runs) for runs in (cpu, card)
    )
    return {
        "cpu": dataclasses.asdict(one),
        "card": dataclasses.asdict(other),
        "ratio": one.seconds / other.seconds,
        "spread": spread,
        "alike": abs(one.quality - other.quality) <= spread,
        "runs": {
            "cpu": [dataclasses.asdict(run) for run in cpu],
            "card": [dataclasses.asdict(run) for run in card],
        },
    }


#: The columns of `row`.
HEADER = ("recipe", "CPU (s)", "card (s)", "times as fast", "quality", "CPU", "card", "alike")


def row(name: str, found: dict[str, Any]) -> tuple[str, ...]:
    """Returns what is told of one recipe, for the table here and the one in the book."""
    return (
        name,
        *(f"{found[place]['seconds']:.2f}" for place in ("cpu", "card")),
        f"{found['ratio']:.1f}",
        found["unit"],
        *(f"{found[place]['quality']:.4g}" for place in ("cpu", "card")),
        "yes" if found["alike"] else "no",
    )
