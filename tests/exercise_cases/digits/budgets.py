"""Answers to `same_minute` and `fair_row`, exercises of chapter 6."""

from __future__ import annotations

import math
from statistics import mean, median

from aigc_utils.exercises.digits import broken_row

from .. import Cases

CASES = Cases("06_digits")


# --- same_minute ----------------------------------------------------------------------------


@CASES.right("same_minute")
def counted(g):
    steps = int((g.budget - g.before) / g.seconds_a_step)
    images = steps * g.batch_size
    return {"steps": steps, "images": images, "passes": images / g.data}


@CASES.right("same_minute")
def rounded(g):
    steps = math.floor((g.budget - g.before) / g.seconds_a_step)
    images = float(steps * g.batch_size)
    return {"steps": steps, "images": images, "passes": round(images / 60_000, 3)}


@CASES.wrong("same_minute", says="costs seconds of the same budget")
def nothing_before(g):
    return counted(g) | {"steps": int(g.budget / g.seconds_a_step)}


@CASES.wrong("same_minute", says="only whole steps count")
def one_step_more(g):
    return counted(g) | {"steps": counted(g)["steps"] + 1}


@CASES.wrong("same_minute", says="how many seconds are left")
def seconds_left(g):
    return counted(g) | {"steps": g.budget - g.before}


@CASES.wrong("same_minute", says="sees a whole batch")
def an_image_a_step(g):
    return counted(g) | {"images": counted(g)["steps"]}


@CASES.wrong("same_minute", says="how many such budgets")
def upside_down(g):
    return counted(g) | {"passes": 1 / counted(g)["passes"]}


@CASES.wrong("same_minute", says="must be a dictionary")
def a_list(g):
    return [*counted(g).values()]


# --- fair_row -------------------------------------------------------------------------------


def row(seconds=None, frechet=None, spread=None):
    """Returns an answer to `fair_row`, right where nothing else is given."""

    def fair(runs):
        distances = [run["frechet"] for run in runs]
        took = [run["before"] + run["training"] for run in runs]
        return {
            "seconds": seconds(runs) if seconds else median(took),
            "frechet": frechet(distances) if frechet else median(distances),
            "spread": spread(runs) if spread else max(distances) - min(distances),
        }

    return fair


@CASES.right("fair_row")
def by_medians(g):
    return row()


@CASES.right("fair_row")
def by_sorting(g):
    def fair(runs):
        distances = sorted(run["frechet"] for run in runs)
        took = sorted(run["before"] + run["training"] for run in runs)
        middle = len(runs) // 2
        return {
            "spread": distances[-1] - distances[0],
            "frechet": distances[middle],
            "seconds": took[middle],
        }

    return fair


@CASES.wrong("fair_row", says="best of several seeds flatters")
def unmended(g):
    return broken_row


@CASES.wrong("fair_row", says="This is the mean")
def by_means(g):
    return row(frechet=mean)


@CASES.wrong("fair_row", says="a part of the price")
def without_what_comes_before(g):
    return row(seconds=lambda runs: median(run["training"] for run in runs))


@CASES.wrong("fair_row", says="no one's price")
def all_seeds_together(g):
    return row(seconds=lambda runs: sum(run["before"] + run["training"] for run in runs))


@CASES.wrong("fair_row", says="how far the seconds are apart")
def spread_of_seconds(g):
    taken = "training"
    return row(
        spread=lambda runs: max(run[taken] for run in runs) - min(run[taken] for run in runs)
    )
