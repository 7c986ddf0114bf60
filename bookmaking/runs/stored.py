"""What the page about many processes takes from stored benchmarks: numbers, tables, a figure.

`scaling.json` and `scaling_law.json` hold what `python -m benchmarks` measured; the table of cards
is computed from public figures in `scaling/cost.py`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scaling import cost, law

from .collect import table

CARDS = (8, 64, 512)
WEIGHTS = 1.5e9  # of the largest GPT-2
TOKENS = 2**19  # of a batch
FIGURE = "scaling_law"


def read(results: Path, name: str) -> dict[str, Any]:
    """Returns a stored benchmark."""
    found: dict[str, Any] = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
    return found


def figure(results: Path) -> str:
    """Returns the law's figure, as JSON with its alternative text and its PNG in base 64."""
    from aigc_utils.plotting import scaling_law  # a build that draws nothing needs no torch

    found = read(results, FIGURE)
    shown = scaling_law(found["runs"], found["held_out"], found["laws"]["floor"])
    return json.dumps({"alt": shown.alt, "png": base64.b64encode(shown.png()).decode()})


def substitutions(results: Path) -> dict[str, str]:
    """Returns the page's numbers and tables by name."""
    step, found = read(results, "scaling"), read(results, FIGURE)
    return _of_a_step(step) | _of_the_law(found) | {"table_cards": _cards()}


def _time(seconds: float) -> str:
    """Returns a time in the unit that fits it, with three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def _of_a_step(step: Mapping[str, Any]) -> dict[str, str]:
    rows = [(f"one process, {rows} rows", "", _time(s), "") for rows, s in step["alone"]]
    offs = []
    for shared, told, s in zip(step["shared"], step["foretold"], step["measured"], strict=True):
        offs.append(abs(told / s - 1))
        way = "too long" if told > s else "too short"
        rows.append(
            (f"two processes, {shared} rows", _time(told), _time(s), f"{_percent(offs[-1])} {way}")
        )
    memory = [(str(processes), f"{mb:.0f} MB") for processes, mb in step["sharded"]]
    return {
        "scale_fixed": _time(step["fixed"]),
        "scale_row": _time(step["a_row"]),
        "scale_bandwidth": f"{step['bandwidth'] / 1e9:.2g} GB/s",
        "scale_latency": _time(step["latency"]),
        "scale_exchange": _time(step["exchange"]),
        "scale_weights": f"{step['weights']:,}",
        "scale_off": _percent(max(offs)),
        "scale_beside": _beside(step["load"], step["cores"]),
        "scale_width": str(step["sharded_width"]),
        "table_scale_steps": table(("a step of", "foretold", "measured", "foretold is"), rows),
        "table_scale_memory": table(("processes", "memory of each"), memory),
    }


def _beside(load: float | None, cores: int) -> str:
    """Returns a sentence on what else the machine had to do: its load before, if that is known."""
    if load is None:
        return f"What else ran on the machine's {cores} cores meanwhile was not recorded."
    return (
        f"In the minute before this measurement, {load:.1f} programs on average wanted one of the "
        f"{cores} cores."
    )


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def _error(nats: float) -> str:
    return f"{abs(nats):.3f} nats too {'high' if nats > 0 else 'low'}"


def _of_the_law(found: Mapping[str, Any]) -> dict[str, str]:
    runs, last, laws = found["runs"], found["held_out"], found["laws"]
    rows = [_size(run, "") for run in runs] + [_size(last, ", held out")]
    without = [law.of_runs(runs[:i] + runs[i + 1 :]) for i in range(len(runs))]
    floors = [each.floor for each in without]
    ends = [each(last["weights"]) for each in without]
    return {
        "law_tokens": str(found["tokens_a_weight"]),
        "law_seeds": str(found["seeds"]),
        "law_minutes": f"{sum(r['seconds'] for r in (*runs, last)) / 60:.0f}",
        "law_last": f"{last['weights']:,}",
        "law_measured": f"{last['loss']:.3f}",
        "law_foretold": f"{laws['floor']['foretold']:.3f}",
        "law_error": _error(laws["floor"]["error"]),
        "law_floor": f"{laws['floor']['floor']:.2f}",
        "law_floors": f"{min(floors):.2f} and {max(floors):.2f}",
        "law_ends": f"{min(ends):.3f} and {max(ends):.3f}",
        "table_law": table(("weights", "steps", "nats a character", "from seed to seed"), rows),
    }


def _size(run: Mapping[str, Any], remark: str) -> tuple[str, str, str, str]:
    """Returns the row of one size of model."""
    spread = f"{min(run['losses']):.3f} to {max(run['losses']):.3f}"
    return f"{run['weights']:,}{remark}", f"{run['steps']:,}", f"{run['loss']:.3f}", spread


def _cards() -> str:
    """Returns the table of a step's cost on more and more cards."""
    rows = []
    for cards, tokens in [*((n, TOKENS) for n in CARDS), (CARDS[-1], TOKENS * CARDS[-1] // 8)]:
        step = cost.step(cost.H100, cards, WEIGHTS, tokens)
        rows.append(
            (
                str(cards),
                f"{tokens / 1e6:.1f} million",
                _time(step.compute),
                _time(step.exchange),
                _percent(step.busy),
                f"{cost.memory(WEIGHTS, cards, sharded=True) / 1e9:.2g} GB",
            )
        )
    header = (
        "cards", "tokens a step", "computing", "exchanging", "share of computing",
        "sharded, memory a card",
    )  # fmt: skip
    return table(header, rows)
