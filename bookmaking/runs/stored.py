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

from scaling import cost

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

    law = read(results, FIGURE)
    shown = scaling_law(law["runs"], law["held_out"], law["laws"]["floor"])
    return json.dumps({"alt": shown.alt, "png": base64.b64encode(shown.png()).decode()})


def substitutions(results: Path) -> dict[str, str]:
    """Returns the page's numbers and tables by name."""
    step, law = read(results, "scaling"), read(results, FIGURE)
    return _of_a_step(step) | _of_the_law(law) | {"table_cards": _cards()}


def _time(seconds: float) -> str:
    """Returns a time in the unit that fits it, with three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def _of_a_step(step: Mapping[str, Any]) -> dict[str, str]:
    off = step["foretold"] / step["measured"] - 1
    rows = [(f"one process, {rows} rows", _time(seconds)) for rows, seconds in step["alone"]]
    rows += [
        (f"two processes, {step['rows']} rows, foretold", _time(step["foretold"])),
        (f"two processes, {step['rows']} rows, measured", f"**{_time(step['measured'])}**"),
    ]
    memory = [(str(each["processes"]), f"{each['mb']:.0f} MB") for each in step["sharded"]]
    return {
        "scale_fixed": _time(step["fixed"]),
        "scale_row": _time(step["a_row"]),
        "scale_bandwidth": f"{step['bandwidth'] / 1e9:.2g} GB/s",
        "scale_latency": _time(step["latency"]),
        "scale_exchange": _time(step["exchange"]),
        "scale_weights": f"{step['weights']:,}",
        "scale_off": f"{abs(off):.0%} too {'long' if off > 0 else 'short'}".replace("%", " %"),
        "scale_width": str(step["sharded_width"]),
        "table_scale_steps": table(("what", "a step"), rows),
        "table_scale_memory": table(("processes", "memory of each"), memory),
    }


def _of_the_law(law: Mapping[str, Any]) -> dict[str, str]:
    last, found = law["held_out"], law["laws"]
    rows = [
        (f"{run['weights']:,}", f"{run['steps']:,}", f"{run['loss']:.3f}",
         f"{max(run['losses']) - min(run['losses']):.3f}")
        for run in law["runs"]
    ]  # fmt: skip
    rows.append((f"{last['weights']:,}, held out", f"{last['steps']:,}", f"{last['loss']:.3f}", ""))
    header = ("weights", "steps", "loss, nats a character", "largest less smallest of the seeds")
    return {
        "law_tokens": str(law["tokens_a_weight"]),
        "law_seeds": str(law["seeds"]),
        "law_minutes": f"{sum(r['seconds'] for r in (*law['runs'], last)) / 60:.0f}",
        "law_last": f"{last['weights']:,}",
        "law_measured": f"{last['loss']:.3f}",
        "law_foretold": f"{found['floor']['foretold']:.3f}",
        "law_error": f"{found['floor']['error']:+.3f}".replace("-", "−"),
        "law_error_without": f"{found['none']['error']:+.3f}".replace("-", "−"),
        "law_floor": f"{found['floor']['floor']:.2f}",
        "table_law": table(header, rows),
    }


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
                f"{step.busy:.0%}".replace("%", " %"),
                f"{cost.memory(WEIGHTS, cards, sharded=True) / 1e9:.2g} GB",
            )
        )
    header = ("cards", "tokens a step", "computing", "exchanging", "at work", "memory, sharded")
    return table(header, rows)
