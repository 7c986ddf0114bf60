"""Chapter 4: what it is worth for the sonnets that a GPT has read the plays first."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from torch import Tensor

from aigc_utils import gpt
from aigc_utils.data import load_plays, load_sonnets, split_text

from .report import machine, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {"gpt-sonnets": ("sonnets", "a GPT on sonnets alone, and on sonnets after the plays")}

#: The chapter's recipes: for the plays, for sonnets alone, and for sonnets after the plays.
PLAYS = dataclasses.replace(gpt.SPRINT, num_steps=200)
ALONE = dataclasses.replace(PLAYS, num_steps=50)
GENTLE = dataclasses.replace(ALONE, adam_lr=ALONE.adam_lr / 4, muon_lr=ALONE.muon_lr / 4)
#: Steps between two looks at the sonnets that are held back.
EVERY = 10
CONTEXT = 64


def run(seed: int) -> dict[str, float]:
    """Returns each row's lowest loss on the sonnets held back, in nats a character."""
    plays, sonnets = load_plays(), load_sonnets()
    characters = gpt.CharTokenizer(plays)
    size = characters.vocab_size
    train, held = (gpt.encode_tensor(characters, part) for part in split_text(sonnets))
    few = train[: len(train) // 5]
    read = gpt.encode_tensor(characters, split_text(plays)[0])
    reader, _ = gpt.train_course(PLAYS, read, size, seed=seed)

    def nats(model: gpt.GPT) -> dict[str, float]:
        return {"sonnets": gpt.surprise(model, held, CONTEXT).mean().item()}

    def lowest(recipe: gpt.GPTRecipe, ids: Tensor, begin: gpt.GPT | None = None) -> float:
        _, history = gpt.train_course(
            recipe, ids, size, seed=seed, model=copy.deepcopy(begin),
            evaluate=nats, evaluate_every=EVERY,
        )  # fmt: skip
        return min(history["sonnets"])

    return {
        "the plays alone": nats(reader)["sonnets"],
        "138 alone": lowest(ALONE, train),
        "28 alone": lowest(ALONE, few),
        "plays, then 138": lowest(GENTLE, train, reader),
        "plays, then 28": lowest(GENTLE, few, reader),
    }


def sonnets(seeds: int = 3) -> dict[str, Any]:
    """Returns, and prints, the nats of each row with many sonnets and with few, seed by seed."""
    runs = [run(seed) for seed in range(seeds)]
    rows = [{"name": name, "nats": [each[name] for each in runs]} for name in runs[0]]
    shown = [(row["name"], " ".join(f"{nats:.3f}" for nats in row["nats"])) for row in rows]
    print(table(("what", "nats a character"), shown))
    return {"rows": rows, "seeds": [*range(seeds)], **machine()}
