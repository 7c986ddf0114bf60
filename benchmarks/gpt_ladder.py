"""Chapter 4: counting, compressors and a GPT grown part by part, at equal seconds on one text.

The text's first nine tenths are to train on. Of the rest the first half chooses the learning rate
of each rung and of each control, with a seed that is not reported: out of one small set for all,
which grows where its largest or its smallest rate is the best. The second half, opened once, gives
the bits a character that are reported.
"""

from __future__ import annotations

import bz2
import dataclasses
import lzma
import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from aigc_utils import gpt
from aigc_utils.data import load_plays, read_text, split_text
from aigc_utils.history import TrainingError
from aigc_utils.schedules import hold_then_fall
from aigc_utils.training import fit, seed_everything

from .report import machine, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "gpt-ladder": ("benchmark", "counting, compressors and a GPT part by part, at equal seconds"),
}

SECONDS = 10.0
LONGER = (30.0, 90.0, 180.0)
RATES = (1e-3, 3e-3, 1e-2, 3e-2)  # of Adam, tried for each rung
FACTORS = (1 / 3, 1.0, 3.0)  # of all of the full recipe's rates, tried for each control
RATIO = 3.0  # from the best of the tried rates to a new one, where the best is at their edge
MOST_RATES = 8
RATE_SEED = 99
CHOOSING = 60_000  # characters that choose a rate: enough to tell rates apart, and soon read
ORDERS = 8
CONTEXT = 64
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "lzma": partial(lzma.compress, preset=9),  # its window holds the whole text
    "bz2": bz2.compress,  # sees blocks of 900,000 characters, each by itself
}
#: The full recipe, of which each control changes one thing.
FULL = gpt.GPTRecipe(
    100_000, 24, num_layers=2, adam_lr=0.01, ngrams=(4093, 16381, 16381), bfloat16=False
)
ADAM = 3e-3  # the rate of matrices under Adam; with FACTORS, rates of the rungs
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
    train_ids, validation, test = (gpt.encode_tensor(characters, part) for part in parts)
    return Texts(parts, train_ids, validation, test, characters.vocab_size)


def counting(texts: Texts, orders: int = ORDERS) -> tuple[list[dict[str, Any]], Tensor]:
    """Returns a row for each order of counting models, and the best one's surprise in nats."""
    surprises = gpt.backoff_surprise(texts.train, texts.test, orders, texts.vocab_size)
    rows = []
    for order, nats in enumerate(surprises, start=1):
        bits, error = gpt.mean_bits(nats)
        rows.append({"name": f"order {order}", "bits": bits, "error": error})
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


def tried_rates(loss: Callable[[float], float], rates: Sequence[float]) -> dict[float, float]:
    """Returns each tried rate's loss, by rising rate: more than given while the best is an edge."""
    tried = {rate: loss(rate) for rate in rates}
    while len(tried) < MOST_RATES:
        best = min(tried, key=tried.__getitem__)
        if best == max(tried):
            tried[best * RATIO] = loss(best * RATIO)
        elif best == min(tried):
            tried[best / RATIO] = loss(best / RATIO)
        else:
            break
    return dict(sorted(tried.items()))


def row(
    name: str,
    train: Callable[[int, float], tuple[nn.Module, int]],
    rates: Sequence[float],
    texts: Texts,
    best_count: Tensor,
    seeds: int,
) -> dict[str, Any]:
    """Returns the numbers of a model trained with each seed, at the rate that suits it best.

    Args:
        name: the row's.
        train: takes a seed and a rate, and gives the model and how many steps it took.
        rates: the validation text chooses one of them or beyond them, unless there is only one.
        texts: to choose by and to report on.
        best_count: the best counting model's surprise on the test text.
        seeds: runs.
    """
    watched = texts.validation[:CHOOSING]

    def loss(rate: float) -> float:
        try:
            model, _ = train(RATE_SEED, rate)
        except TrainingError:  # far too high for this one
            return math.inf
        return gpt.surprise(model, watched, CONTEXT).mean().item()

    tried = tried_rates(loss, rates) if len(rates) > 1 else {}
    best, results = min(tried, key=tried.__getitem__) if tried else rates[0], []
    for seed in range(seeds):
        model, steps = train(seed, best)
        results.append({**measured(model, texts.test, best_count), "steps": steps})
    size = sum(p.numel() for p in model.parameters())
    known = [(rate, nats if math.isfinite(nats) else None) for rate, nats in tried.items()]
    return gathered(name, results, rate=best, tried=known, parameters=size)


def climb(
    name: str, texts: Texts, best_count: Tensor, seeds: int, seconds: float
) -> dict[str, Any]:
    """Returns a rung's row."""

    def train(seed: int, lr: float) -> tuple[nn.Module, int]:
        ids, vocab_size = texts.train, texts.vocab_size
        model, history = gpt.train_rung(
            gpt.RUNGS[name], ids, vocab_size, seed=seed, lr=lr, max_seconds=seconds
        )
        return model, history.num_steps

    return row(name, train, RATES, texts, best_count, seeds)


def random_rows(ids: Tensor, batch_size: int, rng: torch.Generator) -> Iterator[tuple[Tensor, ...]]:
    """Yields rows that begin anywhere, each drawn for itself, and the ids that follow."""
    windows = ids.unfold(0, CONTEXT + 1, 1)
    while True:
        rows = windows[torch.randint(len(windows), (batch_size,), generator=rng)]
        yield rows[:, :-1], rows[:, 1:]


def control_optimizers(
    name: str, model: gpt.GPT, factor: float
) -> tuple[torch.optim.Optimizer, ...]:
    """Returns the full recipe's optimizers, or Adam for the matrices too, all rates times one."""
    recipe = dataclasses.replace(FULL, adam_lr=factor * FULL.adam_lr, muon_lr=factor * FULL.muon_lr)
    muon, adam = gpt.course_optimizers(model, recipe)
    if name != "Adam in place of Muon":
        return muon, adam
    matrices = [p for group in muon.param_groups for p in group["params"]]
    return torch.optim.Adam(matrices, factor * ADAM, betas=(0.9, 0.98), fused=True), adam


def train_control(
    name: str, texts: Texts, seed: int, seconds: float, factor: float = 1.0
) -> tuple[gpt.GPT, int]:
    """Returns the course's model, trained by the full recipe but for one change, and its steps."""
    rng = seed_everything(seed)
    model = gpt.GPT(dataclasses.replace(FULL.config(texts.vocab_size), **CONTROLS[name]))
    if name == "without positions":
        assert model.embedding.angles is not None
        model.embedding.angles[:] = model.embedding.angles[:, :1].clone()
    optimizers = control_optimizers(name, model, factor)
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
    name: str,
    texts: Texts,
    best_count: Tensor,
    seeds: int,
    seconds: float,
    factors: Sequence[float] = FACTORS,
) -> dict[str, Any]:
    """Returns a row of the full recipe, or of one change to it."""

    def train(seed: int, factor: float) -> tuple[nn.Module, int]:
        return train_control(name, texts, seed, seconds, factor)

    found = row(name, train, factors, texts, best_count, seeds)
    return {**found, "seconds": seconds}


def show(results: dict[str, Any]) -> None:
    """Prints all rows, each with its mean over the seeds, how far they spread, and its rate."""
    rows = []
    for kind in ("counting", "compressors", "rungs", "controls", "longer"):
        for each in results[kind]:
            bits = each["bits"] if isinstance(each["bits"], list) else [each["bits"]]
            spread = f"{min(bits):.3f} to {max(bits):.3f}"
            rates = [rate for rate, _ in each.get("tried", ())]
            edge = " (at the edge)" if rates and each["rate"] in (rates[0], rates[-1]) else ""
            rate = f"{each['rate']:.3g}{edge}" if "rate" in each else ""
            rows.append((kind, each["name"], f"{sum(bits) / len(bits):.3f}", spread, rate))
    print(table(("kind", "what", "bits a character", "seeds", "rate"), rows))


def benchmark(seeds: int = 3, text: Path | None = None, seconds: float = SECONDS) -> dict[str, Any]:
    """Returns, and prints, the ladder, the controls, and the full recipe over longer times.

    Raises:
        DataError: the text's file can't be read as a text.
    """
    start = time.perf_counter()
    texts = read_texts(load_plays() if text is None else read_text(text))
    torch.optim.SGD([nn.Parameter(torch.zeros(1))])  # a process's first optimizer loads a compiler
    counted, best_count = counting(texts)
    packed = compressors(texts)
    rungs = [climb(name, texts, best_count, seeds, seconds) for name in gpt.RUNGS]
    controls = [control(name, texts, best_count, seeds, seconds) for name in CONTROLS]
    full, longer = controls[0], []
    for limit in (each * seconds / SECONDS for each in LONGER):
        found = control(full["name"], texts, best_count, seeds, limit, (full["rate"],))
        longer.append({**found, "name": f"{limit:g} s"})
    sizes = map(len, (texts.train, texts.validation[:CHOOSING], texts.test))
    results = {
        "text": "37 plays by Shakespeare" if text is None else text.stem,
        "characters": dict(zip(("train", "choose", "test"), sizes, strict=True)),
        "seconds": seconds,
        "seeds": seeds,
        "counting": counted,
        "compressors": packed,
        "rungs": rungs,
        "controls": controls,
        "longer": longer,
        "minutes": (time.perf_counter() - start) / 60,
        **machine(),
    }
    show(results)
    return results
