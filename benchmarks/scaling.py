"""The page "When one machine is not enough": a step's cost, and the law of the loss over the size.

Both are small: they run on two cores in minutes.
"""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from aigc_utils import gpt, processes
from scaling import cost, law, train_gpt
from scaling.local import finish, start

from .gpt import Data, encoded
from .report import MachineError, machine, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "scaling": (
        "measure",
        "a training step in one process and in two, as the cost model foretells it and as it was",
    ),
    "scaling-law": (
        "scaling_law",
        "the loss of six sizes of GPT, and of a seventh that their law foretells",
    ),
}

PATIENCE = 300.0  # seconds for one run
STEPS = 4  # of a window of time
WINDOWS = 5  # of a run; the first, in which links are made and memory is found, does not count
ROWS = (6, 12, 24, 48)  # of one process, by which a step's time is told apart
SHARED = (12, 48)  # rows of the batches that two processes share
SIZES = (2**14, 2**18, 2**20, 2**22)  # bytes of the exchanges
TRIES = 15
SHARDED_WIDTH = 512


def train(processes: int, folder: Path, *arguments: str) -> dict[str, Any]:
    """Returns what `scaling/train_gpt.py` measured in so many processes of one thread each."""
    target = folder / "run.json"
    words = ["--json", str(target), *arguments]
    finish(start(processes, train_gpt.main, words), PATIENCE)
    found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return found


def fastest(clock: Sequence[float]) -> float:
    """Returns the seconds of a step in the fastest window, from the times at the windows' ends."""
    return min(end - start for start, end in pairwise(clock)) / STEPS


def step_seconds(processes: int, rows: int, folder: Path, tries: int) -> float:
    """Returns the seconds of a training step on so many rows in all, in the fastest window.

    What else the machine does can only slow a step down.
    """
    words = ("--steps", str(STEPS * WINDOWS), "--every", str(STEPS), "--held", "65")
    runs = [train(processes, folder, *words, "--batch", str(rows)) for _ in range(tries)]
    return min(fastest(run["seconds"]) for run in runs)


def exchanges(folder: str) -> None:
    """Times the adding up of tensors by two processes; the first writes (bytes, seconds)."""
    dist.init_process_group("gloo")
    found = []
    for size in SIZES:
        tensor = torch.zeros(size // 4)
        times = []
        for _ in range(TRIES):
            dist.barrier()
            start_time = time.perf_counter()
            dist.all_reduce(tensor)
            times.append(time.perf_counter() - start_time)
        found.append((size, min(times)))
    if dist.get_rank() == 0:
        (Path(folder) / "times.json").write_text(json.dumps(found), encoding="utf-8")
    dist.destroy_process_group()


def measured_exchanges(folder: Path) -> list[tuple[float, float]]:
    """Returns (bytes, seconds) of what two processes of this machine add up."""
    finish(start(2, exchanges, str(folder)), PATIENCE)
    found = json.loads((folder / "times.json").read_text(encoding="utf-8"))
    return [(size, seconds) for size, seconds in found]


def foretold(
    weights: int, alone: Sequence[tuple[float, float]], times: Sequence[tuple[float, float]]
) -> dict[str, Any]:
    """Returns the cost model's parameters, and what it says of a step of two processes, in seconds.

    Args:
        weights: of the model; their gradients have four bytes each.
        alone: (rows, seconds) of steps of one process.
        times: (bytes, seconds) of exchanges between two.
    """
    (fixed, a_row), link = cost.line(alone), cost.measured_link(times, 2)
    exchange = cost.ring(2, 4 * weights, link)
    steps = [fixed + a_row * rows / 2 + exchange for rows in SHARED]
    return {
        "fixed": fixed, "a_row": a_row, "bandwidth": link.bandwidth, "latency": link.latency,
        "exchange": exchange, "foretold": steps,
    }  # fmt: skip


def measure(seeds: int = 3) -> dict[str, Any]:
    """Returns, and prints, the cost model's parameters, and its prediction beside the truth.

    Args:
        seeds: runs of each kind; the fastest counts.

    Raises:
        MachineError: Accelerate is missing, which each process needs.
    """
    if find_spec("accelerate") is None:
        raise MachineError(processes.MISSING)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        times = measured_exchanges(folder)
        alone = [(rows, step_seconds(1, rows, folder, seeds)) for rows in ROWS]
        measured = [step_seconds(2, rows, folder, seeds) for rows in SHARED]
        weights = train(1, folder, "--steps", "1", "--every", "1")["weights"]
        sharded = [memory_of(processes, folder) for processes in (1, 2, 4)]
    model = foretold(weights, alone, times)
    rows = [(f"one process, {n} rows", "", f"{1e3 * s:.1f}") for n, s in alone]
    rows += [
        (f"two, {n} rows", f"{1e3 * told:.1f}", f"{1e3 * s:.1f}")
        for n, told, s in zip(SHARED, model["foretold"], measured, strict=True)
    ]
    print(table(("a step of", "ms foretold", "ms measured"), rows))
    print(table(("processes", "MB a process"), [(n, f"{mb:.0f}") for n, mb in sharded]))
    return {
        "weights": weights, "alone": alone, "exchanges": times, "shared": SHARED, **model,
        "measured": measured, "sharded": sharded, "sharded_width": SHARDED_WIDTH, **machine(),
        "cores": os.cpu_count(), "load": load,
    }  # fmt: skip


def memory_of(processes: int, folder: Path) -> tuple[int, float]:
    """Returns a number of processes, and the MB that training a sharded model takes in each."""
    run = train(
        processes, folder, "--shard", "--width", str(SHARDED_WIDTH), "--steps", "2",
        "--every", "2", "--batch", "4", "--held", "65",
    )  # fmt: skip
    return processes, float(run["memory"])


# The law of the loss: small enough for minutes on one core.
WIDTHS = (12, 16, 20, 24, 32, 40)
HELD_OUT = 56
TOKENS_A_WEIGHT = 8
HELD_BACK = 30_000  # characters to validate on
RECIPE = gpt.GPTRecipe(
    1, batch_size=8, num_layers=2, num_heads=2, width=12, adam_lr=0.01, ngrams=(), bfloat16=False
)


def size(width: int, data: Data) -> tuple[gpt.GPTRecipe, int]:
    """Returns the recipe of a width, with the steps for its share of data, and its weights."""
    recipe = dataclasses.replace(RECIPE, width=width)
    weights = sum(p.numel() for p in gpt.GPT(recipe.config(data.vocab_size)).parameters())
    tokens = recipe.batch_size * recipe.context
    steps = max(TOKENS_A_WEIGHT * weights // tokens, 1)
    return dataclasses.replace(recipe, num_steps=steps), weights


def trained(width: int, data: Data, seeds: int) -> dict[str, Any]:
    """Returns the losses of a width on held-back text, one a seed, and what they cost."""
    recipe, weights = size(width, data)
    start = time.perf_counter()
    losses = []
    for seed in range(seeds):
        model, _ = gpt.train_course(recipe, data.train, data.vocab_size, seed=seed)
        losses.append(gpt.mean_nats(model, data.validation[:HELD_BACK]))
    told = {"width": width, "weights": weights, "steps": recipe.num_steps, "losses": losses}
    return {**told, "loss": statistics.mean(losses), "seconds": time.perf_counter() - start}


def scaling_law(
    seeds: int = 3, widths: tuple[int, ...] = WIDTHS, held_out: int = HELD_OUT
) -> dict[str, Any]:
    """Returns, and prints, six sizes' losses, their law, and its error on a seventh."""
    data = encoded()
    runs = [trained(width, data, seeds) for width in widths]
    last = trained(held_out, data, seeds)
    laws = {"floor": law.of_runs(runs), "none": law.of_runs(runs, floor=False)}
    print(table(
        ("width", "weights", "steps", "nats", "spread", "seconds"),
        [(r["width"], r["weights"], r["steps"], f"{r['loss']:.4f}",
          f"{max(r['losses']) - min(r['losses']):.4f}", f"{r['seconds']:.0f}")
         for r in (*runs, last)],
    ))  # fmt: skip
    told = {}
    for name, found in laws.items():
        foretold = found(last["weights"])
        error = foretold - last["loss"]
        told[name] = {**dataclasses.asdict(found), "foretold": foretold, "error": error}
        print(f"{name}: {found}, foretold {foretold:.4f}, off by {error:+.4f} nats")
    return {
        "text": data.name, "tokens_a_weight": TOKENS_A_WEIGHT, "seeds": seeds, "runs": runs,
        "held_out": last, "laws": told, **machine(),
    }  # fmt: skip
