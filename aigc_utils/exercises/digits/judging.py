"""The exercises of chapter 6 about a judge's numbers: what seeds decide, and who obeys."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ..answers import numbers
from ..chapter import Draw, exercise
from ..checking import NotYet, expect
from ..mistakes import expect_close

# --- better ---------------------------------------------------------------------------------


@exercise(
    "Does one of them win?",
    kind="complete",
    objective="one judge, one floor, one number of images",
    points=3,
    hints=(
        "A Fréchet distance is better the smaller it is. When is even the worst seed of one better "
        "than the best seed of the other?",
        "Compare the largest of one with the smallest of the other, both ways. If neither holds, "
        "the seeds overlap.",
        '`if max(first) < min(second): return "first"`, the same with both exchanged for '
        '"second", and `"undecided"` at the end.',
    ),
)
def better(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(first, second)` is "first", "second" or "undecided", from distances of seeds."""
    low = [draw.number(1.0, 2.0) for _ in range(3)]
    high = [draw.number(2.2, 3.0) for _ in range(3)]
    # The means differ, and one seed of the better on average is the worst of all.
    mixed = [1.0, 1.1, draw.number(2.6, 3.0)], [draw.number(2.1, 2.5) for _ in range(3)]
    found = [answer([*a], [*b]) for a, b in ((low, high), (high, low), mixed, mixed[::-1])]
    for word in found:
        if word not in ("first", "second", "undecided"):
            raise NotYet('Return "first", "second" or "undecided".')
    expect(
        found[:2] != ["second", "first"],
        "A Fréchet distance is better the smaller it is.",
    )
    expect(
        found[:2] == ["first", "second"],
        f"Where all seeds of one are below all of the other, one wins: you say {found[0]!r} and "
        f"{found[1]!r}.",
    )
    expect(
        found[2:] == ["undecided"] * 2,
        "Here seeds overlap: on average, or in its best seed, one is ahead, and one of its seeds "
        "is the worst of all. That is not decided.",
    )
    equal = [1.5, 1.5, 1.5]
    expect(
        answer([*equal], [*equal]) == "undecided",
        "Equal distances are no victory: the comparison must be strict.",
    )
    longer = answer([*low, draw.number(3.1, 3.5)], [*high])
    expect(longer == "undecided", "Look at all seeds: there may be more than three of one.")


# --- obeyed ---------------------------------------------------------------------------------


@exercise(
    "As asked",
    kind="write",
    objective="one judge, one floor, one number of images",
    points=3,
    hints=(
        "Count how often what the judge reads is what was asked for. How far may such a share lie "
        "from that of many more drawings?",
        "The standard error of a share p of n drawings is the root of p (1 - p) / n. The margin is "
        "1.96 times that.",
        "`p = (read == asked).float().mean().item()`, and "
        "`{'share': p, 'margin': 1.96 * (p * (1 - p) / len(read)) ** 0.5}`.",
    ),
)
def obeyed(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(read, asked)` holds the share of drawings that show what was asked; its margin."""
    count = draw.integer(120, 300)
    asked = draw.integers(0, 10, count)
    wrong = draw.uniform(count) < 0.25
    read = asked.where(~wrong, (asked + 1) % 10)
    found = numbers(answer(read.clone(), asked.clone()), "What it returns", ("share", "margin"))
    p = (read == asked).double().mean().item()
    mistakes: dict[str, Any] = {
        "A share lies between 0 and 1; this is in percent.": 100 * p,
        "This is how many show it; the share of all is asked for.": p * count,
        "This is the share that does not show what was asked for.": 1 - p,
    }
    otherwise = "`share` is not the share of drawings that show what was asked for."
    expect_close(found["share"], p, mistakes, otherwise)
    error = (p * (1 - p) / count) ** 0.5
    mistakes = {
        "This is one standard error: in 95 of 100 cases 1.96 of them are enough.": error,
        "The root is missing.": [1.96 * p * (1 - p) / count, p * (1 - p) / count],
        "The margin shrinks with the root of the number of drawings, which is missing.": [
            1.96 * (p * (1 - p)) ** 0.5,
            1.96 * (p * (1 - p)) ** 0.5 / count,
        ],
        "A share has the margin of its own p; this one is that of a half.": 1.96 / (2 * count**0.5),
    }
    otherwise = "`margin` is not 1.96 standard errors of the share."
    expect_close(found["margin"], 1.96 * error, mistakes, otherwise, 5e-3)
