"""What the page about many processes takes from public figures: a step's cost on many cards."""

from __future__ import annotations

from scaling import cost

from .collect import table

CARDS = (8, 64, 512)
WEIGHTS = 1.5e9  # of the largest GPT-2
TOKENS = 2**19  # of a batch


def _time(seconds: float) -> str:
    """Returns a time in the unit that fits it, with three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def cards() -> str:
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
