"""Chapter 2: the game on the eight islands, played by the chapter's own cells with more seeds."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch

from .report import machine, table

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "gan-islands": ("islands", "the game on the eight islands, with and without a penalty"),
}

CHAPTER = Path(__file__).parent.parent / "notebooks" / "02_gan.py"
#: The chapter's cells from the first heading to the first line that plays a game.
BEGIN, END = "# ## Eight islands: watch the game", "games = "

#: The rows: a name, the weight of the penalty, and the discriminator's learning rate.
ROWS = (
    ("no penalty, 10 times the rate", 0.0, 0.03),
    ("no penalty, equal rates", 0.0, 0.003),
    ("R1, 10 times the rate", 0.2, 0.03),
    ("R1, equal rates", 0.2, 0.003),
)


def cells(text: str) -> list[str]:
    """Returns the code of a notebook in jupytext's percent format, cell by cell."""
    parts = text.split("\n# %%")[1:]
    return [part.partition("\n")[2] for part in parts if not part.startswith(" [markdown]")]


@cache
def chapter_game() -> Callable[..., list[Any]]:
    """Returns the chapter's `play`: the game that is measured is the one that is taught."""
    text = CHAPTER.read_text(encoding="utf-8")
    imports = next(cell for cell in cells(text) if "import torch" in cell)
    section = text[text.index(BEGIN) :].partition(END)[0]
    space: dict[str, Any] = {}
    for code in (imports.partition("\nmnist = ")[0], *cells(section)):
        exec(compile(code, str(CHAPTER), "exec"), space)
    play: Callable[..., list[Any]] = space["play"]
    return play


def islands(seeds: int = 3) -> dict[str, Any]:
    """Returns, and prints, modes covered and share of points on islands at the end, a seed each."""
    torch.set_num_threads(1)
    play, rows = chapter_game(), list[dict[str, Any]]()
    for name, r1, rate in ROWS:
        ends = [play(f"{name}, seed {seed}", r1, rate, seed)[-1] for seed in range(seeds)]
        row = {"modes": [end.modes for end in ends], "share": [end.share for end in ends]}
        rows.append({"name": name, **row})
    shown = [(row["name"], row["modes"], [round(x, 2) for x in row["share"]]) for row in rows]
    print(table(("game", "modes", "share of points"), shown))
    return {"rows": rows, "seeds": list(range(seeds)), **machine()}
