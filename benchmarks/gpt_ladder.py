"""Chapter 4: counting, compressors and a GPT grown part by part, at equal seconds on one text.

The plays' first nine tenths are to train on. Of the rest the first half chooses each rung's
learning rate, and the second half, opened once, gives the bits a character that are reported.
"""

from __future__ import annotations

import bz2
import dataclasses
import lzma
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from aigc_utils import gpt
from aigc_utils.data import load_plays, split_text
from aigc_utils.schedules import hold_then_fall
from aigc_utils.training import fit, seed_everything

from .report import machine, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "gpt_ladder": ("benchmark", "counting, compressors and a GPT part by part, at equal seconds"),
}

SECONDS = 10.0
LONGER = (30.0, 90.0, 270.0)
RATES = (1e-3, 3e-3, 1e-2)  # of Adam; the validation text chooses, for each rung
RATE_SEED = 99  # not one of those that are reported
ORDERS = 6
CONTEXT = 64
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "lzma": partial(lzma.compress, preset=9),  # its window holds the whole text
    "bz2": bz2.compress,  # sees blocks of 900,000 characters, each by itself
}
#: The full recipe, of which each control changes one thing.
FULL = gpt.GPTRecipe(
    100_000, 24, num_layers=2, adam_lr=0.01, ngrams=(4093, 16381, 16381), bfloat16=False
)
CONTROLS: dict[str, dict[str, Any]] = {
    "full recipe": {},
    "without tables": {"ngrams": ()},
    "without positions": {},
    "without the norm on queries and keys": {"qk_norm": False},
    "GELU in place of the squared ReLU": {"mlp": "gelu"},
    "blocks do not begin as the identity": {"zero_init": False},
    "Adam in place of Muon": {},
    "rows drawn at random": {},
}


@dataclasses.dataclass(frozen=True)
class Texts:
    """A text in three parts, as characters and as ids, and how many different ids there are."""

    parts: tuple[str, str, str]  # to train on, to choose by, to report on
    train: Tensor
    validation: Tensor
    test: Tensor
    vocab_size: int


def read_texts(text: str) -> Texts:
    """Returns a text cut into nine tenths, a twentieth and a twentieth."""
    train, held_back = split_text(text)
    parts = (train, *split_text(held_back, 0.5))
    characters = gpt.CharTokenizer(text)
    ids = [gpt.encode_tensor(characters, part) for part in parts]
    return Texts(parts, *ids, characters.vocab_size)


def counting(texts: Texts, orders: int = ORDERS) -> tuple[list[dict[str, Any]], Tensor]:
    """Returns a row for each order of counting models, and the best one's surprise in nats."""
    rows, surprises = [], []
    for order in range(1, orders + 1):
        start = time.perf_counter()
        nats = gpt.backoff_surprise(texts.train, texts.test, order, texts.vocab_size)[-1]
        seconds = time.perf_counter() - start
        bits, error = gpt.mean_bits(nats)
        rows.append({"name": f"order {order}", "bits": bits, "error": error, "seconds": seconds})
        surprises.append(nats)
    return rows, min(surprises, key=lambda nats: nats.mean().item())


def compressors(texts: Texts) -> list[dict[str, Any]]:
    """Returns a row for each compressor that has read the training text, as the others have."""
    before, _, test = texts.parts
    return [
        {"name": name, "bits": gpt.compressed_bits(compress, before, test)}
        for name, compress in COMPRESSORS.items()
    ]


def measured(model: nn.Module, ids: Tensor, best_count: Tensor) -> dict[str, float]:
    """Returns a model's bits a character with their error, and how far they are from counting's."""
    nats = gpt.surprise(model, ids, CONTEXT)
    bits, error = gpt.mean_bits(nats)
    over, over_error = gpt.mean_bits(nats - best_count)
    return {"bits": bits, "error": error, "over_counting": over, "over_error": over_error}


def gathered(name: str, results: list[dict[str, float]], **more: Any) -> dict[str, Any]:
    """Returns a row: each number of the seeds' results as a list."""
    return {"name": name, **{key: [each[key] for each in results] for key in results[0]}, **more}


def climb(
    name: str, texts: Texts, best_count: Tensor, seeds: int, seconds: float
) -> dict[str, Any]:
    """Returns a rung's row, with the learning rate that the validation text prefers."""

    def train(seed: int, lr: float) -> tuple[gpt.ResidualModel, int]:
        model, history = gpt.train_rung(
            gpt.RUNGS[name], texts.train, texts.vocab_size, seed=seed, max_seconds=seconds, lr=lr
        )
        return model, history.num_steps

    def loss(lr: float) -> float:
        model, _ = train(RATE_SEED, lr)
        return gpt.surprise(model, texts.validation, CONTEXT).mean().item()

    rate, results = min(RATES, key=loss), []
    for seed in range(seeds):
        model, steps = train(seed, rate)
        results.append({**measured(model, texts.test, best_count), "steps": steps})
    size = sum(p.numel() for p in model.parameters())
    return gathered(name, results, rate=rate, parameters=size)


def random_rows(ids: Tensor, batch_size: int, rng: torch.Generator) -> Iterator[tuple[Tensor, ...]]:
    """Yields rows that begin anywhere, each drawn for itself, and the ids that follow."""
    windows = ids.unfold(0, CONTEXT + 1, 1)
    while True:
        rows = windows[torch.randint(len(windows), (batch_size,), generator=rng)]
        yield rows[:, :-1], rows[:, 1:]


def train_control(name: str, texts: Texts, seed: int, seconds: float) -> tuple[gpt.GPT, int]:
    """Returns the course's model, trained by the full recipe but for one change, and its steps."""
    rng = seed_everything(seed)
    model = gpt.GPT(dataclasses.replace(FULL.config(texts.vocab_size), **CONTROLS[name]))
    if name == "without positions":
        assert model.embedding.angles is not None
        model.embedding.angles[:] = model.embedding.angles[:, :1].clone()
    optimizers = gpt.course_optimizers(model, FULL)
    if name == "Adam in place of Muon":
        optimizers = (torch.optim.Adam(model.parameters(), 3e-3, betas=(0.9, 0.98), fused=True),)
    if name == "rows drawn at random":
        batches = random_rows(texts.train, FULL.batch_size, rng)
    else:
        batches = gpt.token_batches(texts.train, CONTEXT, FULL.batch_size, rng)
    history = fit(
        gpt.gpt_step(model, *optimizers),
        batches,
        max_seconds=seconds,
        schedule=hold_then_fall(*optimizers, warmup=0.02, fall=FULL.fall),
        label=f"{name}, seed {seed}",
    )
    return model.eval(), history.num_steps


def control(
    name: str, texts: Texts, best_count: Tensor, seeds: int, seconds: float
) -> dict[str, Any]:
    """Returns a row of the full recipe, or of one change to it."""
    results = []
    for seed in range(seeds):
        model, steps = train_control(name, texts, seed, seconds)
        results.append({**measured(model, texts.test, best_count), "steps": steps})
    return gathered(name, results, seconds=seconds)


def show(results: dict[str, Any]) -> None:
    """Prints all rows, each with its mean over the seeds and how far they spread."""
    rows = []
    for kind in ("counting", "compressors", "rungs", "controls", "longer"):
        for row in results[kind]:
            bits = row["bits"] if isinstance(row["bits"], list) else [row["bits"]]
            spread = f"{min(bits):.3f} to {max(bits):.3f}"
            seconds = f"{row.get('seconds', results['seconds']):.1f}"
            rows.append((kind, row["name"], f"{sum(bits) / len(bits):.3f}", spread, seconds))
    print(table(("kind", "what", "bits a character", "seeds", "seconds"), rows))


def benchmark(seeds: int = 3, text: Path | None = None, seconds: float = SECONDS) -> dict[str, Any]:
    """Returns, and prints, the ladder, the controls, and the full recipe over longer times."""
    texts = read_texts(load_plays() if text is None else text.read_text(encoding="utf-8"))
    torch.optim.SGD([nn.Parameter(torch.zeros(1))])  # a process's first optimizer loads a compiler
    counted, best_count = counting(texts)
    longer = [(f"{factor:g} s", factor) for factor in (s * seconds / SECONDS for s in LONGER)]
    results = {
        "text": "37 plays by Shakespeare" if text is None else text.stem,
        "test_characters": len(texts.test),
        "seconds": seconds,
        "seeds": seeds,
        "counting": counted,
        "compressors": compressors(texts),
        "rungs": [climb(name, texts, best_count, seeds, seconds) for name in gpt.RUNGS],
        "controls": [control(name, texts, best_count, seeds, seconds) for name in CONTROLS],
        "longer": [
            {**control("full recipe", texts, best_count, seeds, limit), "name": name}
            for name, limit in longer
        ],
        **machine(),
    }
    show(results)
    return results
