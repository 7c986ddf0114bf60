"""Chapter 4: the widely used small recipe for a GPT on the CPU, against the course's recipes.

One text, its first nine tenths to train on; the loss is the mean surprise at each character of the
rest, in nats.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aigc_utils.data import load_plays, read_text, split_text
from aigc_utils.gpt import EQUAL_TIME, GPT, SPRINT, GPTRecipe, mean_nats, train_course

from .report import FACTORS, first_to_reach, machine, median, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "gpt": ("benchmark", "a widely used small recipe for a GPT, and the course's"),
}

# The widely used recipe (Karpathy, nanoGPT, 2022, its settings for a laptop's CPU).
ITERATIONS = 2000
BATCH_SIZE = 12
CONTEXT = 64
WARMUP = 100  # iterations
PEAK, LOWEST = 1e-3, 1e-4  # learning rates
NAMES = {"tinyshakespeare": "tiny Shakespeare"}


@dataclass(frozen=True)
class Result:
    """One run: seconds of training, all but the evaluation, and nats a character after it."""

    seconds: float
    nats: float


@dataclass(frozen=True)
class Data:
    """A text's characters as ids, int64, (N,), cut in two, and how many different ones it has."""

    name: str
    train: Tensor
    validation: Tensor
    vocab_size: int


def encoded(path: Path | None = None) -> Data:
    """Returns a file's text, or the bundled plays, as ids of its characters.

    Raises:
        DataError: the file can't be read as a text.
    """
    text = load_plays() if path is None else read_text(path)
    name = "37 plays by Shakespeare" if path is None else NAMES.get(path.stem, path.stem)
    vocabulary = {character: number for number, character in enumerate(sorted(set(text)))}
    train, validation = (
        torch.tensor([vocabulary[character] for character in part]) for part in split_text(text)
    )
    return Data(name, train, validation, len(vocabulary))


class PlainBlock(nn.Module):
    """A block of GPT-2, as small teaching repositories write it."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm1, self.norm2 = (nn.LayerNorm(width, bias=False) for _ in range(2))
        self.attention = nn.Linear(width, 3 * width, bias=False)
        self.project = nn.Linear(width, width, bias=False)
        self.expand = nn.Linear(width, 4 * width, bias=False)
        self.contract = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the residual stream, (B, T, width), after this block."""
        qkv = self.attention(self.norm1(x)).split(x.size(2), dim=2)
        q, k, v = (part.unflatten(2, (self.num_heads, -1)).transpose(1, 2) for part in qkv)
        gathered = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.project(gathered.transpose(1, 2).flatten(2))
        result: Tensor = x + self.contract(F.gelu(self.expand(self.norm2(x))))
        return result


class PlainGPT(nn.Module):
    """GPT-2 with 4 layers, 4 heads and 128 channels: learned positions, the head tied."""

    def __init__(self, vocab_size: int, width: int = 128, num_layers: int = 4) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab_size, width), nn.Embedding(CONTEXT, width)
        self.blocks = nn.Sequential(*(PlainBlock(width, num_heads=4) for _ in range(num_layers)))
        self.norm = nn.LayerNorm(width, bias=False)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                last = "project" in name or "contract" in name
                nn.init.normal_(weight, std=0.02 * (2 * num_layers) ** (-0.5 if last else 0))

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Returns the mean cross-entropy of the next character, in nats; both are (B, T)."""
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.size(1)))
        logits = F.linear(self.norm(self.blocks(x)), self.tokens.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def baseline_rate(iteration: int, iterations: int) -> float:
    """Returns the learning rate: a linear rise, then half a cosine down to the lowest."""
    if iteration < WARMUP:
        return PEAK * (iteration + 1) / (WARMUP + 1)
    share = (iteration - WARMUP) / max(iterations - WARMUP, 1)
    return LOWEST + 0.5 * (1 + math.cos(math.pi * share)) * (PEAK - LOWEST)


def train_baseline(data: Data, seed: int, iterations: int = ITERATIONS) -> PlainGPT:
    """Returns a GPT trained by the widely used recipe."""
    torch.manual_seed(seed)
    model = PlainGPT(data.vocab_size)
    groups = [
        {"params": [p for p in model.parameters() if p.ndim == 2], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=PEAK, betas=(0.9, 0.99))
    for iteration in range(iterations):
        for group in optimizer.param_groups:
            group["lr"] = baseline_rate(iteration, iterations)
        starts = torch.randint(len(data.train) - CONTEXT, (BATCH_SIZE,)).tolist()
        inputs = torch.stack([data.train[i : i + CONTEXT] for i in starts])
        targets = torch.stack([data.train[i + 1 : i + 1 + CONTEXT] for i in starts])
        loss = model.loss(inputs, targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if iteration % 100 == 0:
            print(f"iteration {iteration}: loss {loss.item():.4f}", flush=True)
    return model


def timed(train: Callable[[], PlainGPT | GPT], data: Data) -> Result:
    """Returns the result of a training function: its time, and its model's loss."""
    torch.optim.SGD([nn.Parameter(torch.zeros(1))])  # a process's first optimizer loads a compiler
    start = time.perf_counter()
    model = train()
    seconds = time.perf_counter() - start
    # The plain model has all that mean_nats asks for.
    return Result(seconds, mean_nats(cast(GPT, model), data.validation, CONTEXT))


def run_baseline(data: Data, seed: int, iterations: int = ITERATIONS) -> Result:
    """Returns the result of the widely used recipe."""
    return timed(lambda: train_baseline(data, seed, iterations), data)


def run_recipe(
    recipe: GPTRecipe, data: Data, seed: int, max_seconds: float | None = None
) -> Result:
    """Returns the result of one of the course's recipes."""

    def train() -> GPT:
        ids, vocab_size = data.train, data.vocab_size
        return train_course(recipe, ids, vocab_size, seed=seed, max_seconds=max_seconds)[0]

    return timed(train, data)


def run_until(target: float, data: Data, seeds: int) -> tuple[GPTRecipe, list[Result]]:
    """Returns the first recipe whose median loss is at most `target` nats, and its runs."""
    steps = (round(SPRINT.num_steps * factor) for factor in FACTORS)
    return first_to_reach(
        (dataclasses.replace(SPRINT, num_steps=number) for number in steps),
        lambda recipe: [run_recipe(recipe, data, seed) for seed in range(seeds)],
        lambda result: result.nats <= target,
    )


def benchmark(seeds: int = 3, text: Path | None = None) -> dict[str, Any]:
    """Returns, and prints, the comparison of the usual recipe with the course's two."""
    data = encoded(text)
    baseline = run_baseline(data, seed=0)

    recipe, sprints = run_until(baseline.nats, data, seeds)
    equals = [run_recipe(EQUAL_TIME, data, seed, baseline.seconds) for seed in range(seeds)]
    course, equal = median(sprints), median(equals)
    named = (("usual recipe", baseline), ("course, sprint", course), ("course, equal time", equal))
    rows = [(name, f"{run.seconds:.1f}", f"{run.nats:.3f}") for name, run in named]
    print(f"{data.name}: {len(data.validation)} characters to validate on")
    print(table(("what", "seconds", "nats a character"), rows))
    speedup = baseline.seconds / course.seconds
    print(f"{speedup:.1f} times as fast; medians of {seeds} seeds for the course")
    return {
        "text": data.name,
        "baseline_seconds": baseline.seconds,
        "baseline_loss": baseline.nats,
        "course_seconds": course.seconds,
        "course_loss": course.nats,
        "course_steps": recipe.num_steps,
        "reached": course.nats <= baseline.nats,
        "speedup": speedup,
        "equal_time_loss": equal.nats,
        "runs": {
            "course": [dataclasses.asdict(run) for run in sprints],
            "equal_time": [dataclasses.asdict(run) for run in equals],
        },
        "seeds": seeds,
        **machine(),
    }
