"""The exercises of chapter 6 about equal budgets: what fits into one, and a row to mend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from types import SimpleNamespace
from typing import Any

from ..answers import numbers
from ..chapter import Draw, exercise
from ..mistakes import expect_close, expect_count

#: One seed's run: seconds of all that is trained before, of the training itself, and the distance.
Run = Mapping[str, float]


# --- same_minute ----------------------------------------------------------------------------


def _costs(draw: Draw) -> SimpleNamespace:
    budget, before, a_step = draw.choice((60, 90, 120)), draw.number(8, 25, 1), 0.0
    # No step ends just when the time does, so that rounding decides nothing.
    while not a_step or not 0.05 < (budget - before) / a_step % 1 < 0.95:
        a_step = draw.number(0.041, 0.119, 3)
    return SimpleNamespace(
        budget=budget,
        before=before,
        seconds_a_step=a_step,
        batch_size=draw.choice((48, 64, 100, 128, 200)),
        data=60_000,
    )


@exercise(
    "The same minute",
    kind="predict",
    objective="the same budget for all",
    points=3,
    hints=(
        "The budget counts everything: how many seconds are left for steps when what comes before "
        "is trained?",
        "Only whole steps count. Each step sees a batch; a pass has seen as many images as there "
        "are data.",
        "`steps = int((budget - before) / seconds_a_step)`, `images = steps * batch_size`, and "
        "`passes = images / data`.",
    ),
    given=_costs,
)
def same_minute(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer` holds the steps that fit into a budget, the images seen, and the passes."""
    answer = numbers(answer, "same_minute", ("steps", "images", "passes"))
    g = given
    exact = (g.budget - g.before) / g.seconds_a_step
    steps = int(exact)
    mistakes: dict[str, Any] = {
        "What is trained before costs seconds of the same budget.": [
            int(g.budget / g.seconds_a_step),
            g.budget / g.seconds_a_step,
        ],
        "The last step that is begun does not end in time: only whole steps count.": [
            steps + 1,
            exact,
        ],
        "This is how many seconds are left, not how many steps.": g.budget - g.before,
    }
    otherwise = "`steps` is not how many whole steps fit into what is left of the budget."
    expect_count(answer["steps"], steps, mistakes, otherwise)
    _check_images(answer, steps, g)


def _check_images(answer: dict[str, float], steps: int, g: SimpleNamespace) -> None:
    """Expects the images that so many steps see, and how often they see each on average."""
    mistakes: dict[str, Any] = {
        "A step sees a whole batch.": steps,
        "This is all the data: a budget in seconds may end before a pass, or after several.": (
            g.data
        ),
    }
    otherwise = "`images` is not how many images these steps see."
    expect_count(answer["images"], steps * g.batch_size, mistakes, otherwise)
    passes = steps * g.batch_size / g.data
    mistakes = {
        "This counts steps and not images.": steps / g.data,
        "This is how many such budgets a pass would take.": 1 / passes,
        "A pass need not be whole.": [round(passes), int(passes)],
    }
    otherwise = "`passes` is not how often the data were seen on average."
    expect_close(answer["passes"], passes, mistakes, otherwise, 2e-3)


# --- fair_row -------------------------------------------------------------------------------


def broken_row(runs: Sequence[Run]) -> dict[str, float]:
    """Returns what should be a technique's row in a fair table; it is not."""
    best = min(runs, key=lambda run: run["frechet"])
    return {
        "seconds": best["training"],
        "frechet": best["frechet"],
        "spread": max(run["training"] for run in runs) - min(run["training"] for run in runs),
    }


@exercise(
    "A row that flatters",
    kind="mend",
    objective="the same budget for all",
    points=4,
    hints=(
        "What does a reader spend who repeats it, and which of the seeds would the reader get?",
        "Seconds are `before` and `training` together. The middle seed stands for all: the median "
        "of the distances, not the smallest of them.",
        "`seconds = median(run['before'] + run['training'] for run in runs)`, the median of "
        "`frechet`, and as the spread the largest distance less the smallest.",
    ),
)
def fair_row(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(runs)` is a row with median seconds, median distance, and the distances' spread."""
    runs = [
        {
            "before": draw.number(20, 40, 1),
            "training": draw.number(10, 30, 1),
            "frechet": draw.number(1, 4),
        }
        for _ in range(draw.choice((3, 5)))
    ]
    found = numbers(
        answer([dict(run) for run in runs]), "The row", ("seconds", "frechet", "spread")
    )
    distances = [run["frechet"] for run in runs]
    _check_frechet(found["frechet"], distances)
    _check_seconds(found["seconds"], runs)
    spread = max(distances) - min(distances)
    taken = [run["training"] for run in runs]
    mistakes: dict[str, Any] = {
        "This is how far the seconds are apart; the reader asks how far the distances are.": (
            max(taken) - min(taken)
        ),
        "This is half of it: all the way from the smallest to the largest is asked for.": (
            spread / 2
        ),
    }
    otherwise = "`spread` is not the largest distance of the seeds less the smallest."
    expect_close(found["spread"], spread, mistakes, otherwise)


def _check_frechet(found: float, distances: Sequence[float]) -> None:
    """Expects the middle one of the seeds' distances."""
    mistakes = {
        "The best of several seeds flatters: who runs it once gets the middle one.": min(distances),
        "This is the worst seed.": max(distances),
        "This is the mean; one seed that fails would move it. The median is asked for.": (
            sum(distances) / len(distances)
        ),
        "This is the first seed, and not the middle one.": distances[0],
    }
    expect_close(found, median(distances), mistakes, "`frechet` is not the median of the seeds.")


def _check_seconds(found: float, runs: Sequence[Run]) -> None:
    """Expects the middle one of all that each seed took."""
    best = min(runs, key=lambda run: run["frechet"])
    mistakes = {
        "What is trained before, such as an autoencoder, is a part of the price.": [
            median(run["training"] for run in runs),
            best["training"],
        ],
        "This is what the best seed took; the median is asked for.": (
            best["before"] + best["training"]
        ),
        "The three or five seeds are no one's price: take the median, not the sum.": sum(
            run["before"] + run["training"] for run in runs
        ),
    }
    wanted = median(run["before"] + run["training"] for run in runs)
    expect_close(found, wanted, mistakes, "`seconds` is not the median of all that a seed takes.")
