"""What a figure shows, in words, computed from what it draws: for alternative texts."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

#: The share of a curve's range below which a turn is not worth a word.
SMALL = 0.1
#: The share of the figure's range below which a whole curve counts as level.
LEVEL = 0.03
#: What both are where the values are times: a busy machine bends a curve by more than a tenth.
TIMED = 0.2


def number(value: float) -> str:
    """Returns a number with three significant digits, without an exponent where it can be."""
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:,.4g}"


def counted(count: int, thing: str) -> str:
    """Returns a number with what it counts: "1 row", "3 rows"."""
    return f"{count} {thing}" if count == 1 else f"{count:,} {thing}s"


def quoted(names: Iterable[str]) -> str:
    """Returns names in quotation marks as one list, each on one line: “a”, “b” and “c”."""
    marked = [f"“{' '.join(name.split())}”" for name in names]
    return " and ".join([*([", ".join(marked[:-1])] if marked[1:] else []), *marked[-1:]])


def labels(texts: Iterable[str]) -> str:
    """Returns short texts as one list, with those that repeat counted: "seven (9 times); mean"."""
    runs = [(text, len(list(run))) for text, run in itertools.groupby(texts)]
    told = [f"{text} ({count} times)" if count > 1 else text for text, count in runs]
    return "; ".join(" ".join(text.split()) for text in told)


def course(
    x: Sequence[float], y: Sequence[float], span: float, *, values: bool = True, log: bool = False
) -> str:
    """Returns what a curve does: that it falls, rises, stays, or turns once, with its values.

    Args:
        x: where the values stand, in rising order, at least one.
        y: the values, as many.
        span: from the lowest to the highest value of the whole figure; its logarithm's, if `log`.
        values: False for times, which differ from run to run: no numbers, and smaller turns than
            `TIMED` are left out as well, so that another run has the same words.
        log: whether the figure shows the logarithm.

    Raises:
        ValueError: `x` and `y` differ in number, or are empty, or a value isn't finite or, for a
            logarithm, above 0.
    """
    places, heights = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(places) != len(heights) or len(places) == 0:
        raise ValueError(f"A curve needs as many x as y: {len(places)} and {len(heights)} differ.")
    if not np.isfinite(heights).all() or (log and (heights <= 0).any()):
        raise ValueError(f"A curve needs finite values{', above 0' if log else ''}: see its data.")
    shown = np.log(heights) if log else heights
    own = float(np.ptp(shown))
    first, last = shown[0], shown[-1]

    def at(index: int) -> str:
        return number(float(heights[index]))

    small, level = (SMALL, LEVEL) if values else (TIMED, TIMED)
    if own <= level * span:
        return f"stays near {number(float(np.median(heights)))}" if values else "stays level"
    low, high = int(shown.argmin()), int(shown.argmax())
    # The turn is the extreme that lies farther beyond both ends.
    below, above = min(first, last) - shown[low], shown[high] - max(first, last)
    turn, beyond = (low, below) if below >= above else (high, above)
    if beyond <= small * own:
        verb = "falls" if last < first else "rises"
        return f"{verb} from {at(0)} to {at(-1)}" if values else verb
    verbs = ("falls", "rises") if turn == low else ("rises", "falls")
    if not values:
        return f"{verbs[0]} and then {verbs[1]}"
    place = number(float(places[turn]))
    return f"{verbs[0]} from {at(0)} to {at(turn)} at {place}, then {verbs[1]} to {at(-1)}"
