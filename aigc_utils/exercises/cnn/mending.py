"""The exercise of chapter 1 that mends how a network is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from ..answers import a_number, a_pair
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close


def broken_pick(
    recipes: Sequence[str],
    seeds: Sequence[int],
    validate: Callable[[str, int], float],
    test: Callable[[str], float],
) -> tuple[str, float]:
    """Returns a recipe and its test accuracy in percent; broken, for an exercise to mend."""
    scores = {recipe: test(recipe) for recipe in recipes}
    best = max(recipes, key=lambda recipe: scores[recipe])
    return best, scores[best]


def _laboratory(draw: Draw) -> SimpleNamespace:
    """Gives twenty recipes whose accuracies are counted on simulated images."""
    recipes = [
        f"lr {lr}, width {w}" for lr in (0.1, 0.03, 0.01, 0.003) for w in (8, 12, 16, 24, 32)
    ]
    seeds = draw.sample(range(100), 3)
    chance = 0.97 + 0.002 * draw.normal(20, 1)  # of reading an image right, almost the same
    found = 100 * (draw.uniform(20, 4, 1000) < chance[:, :, None]).float().mean(2)

    def validate(recipe: str, seed: int) -> float:
        return found[recipes.index(recipe), seeds.index(seed)].item()

    def test(recipe: str) -> float:
        return found[recipes.index(recipe), 3].item()

    def on_new_images(recipe: str) -> float:
        return 100 * chance[recipes.index(recipe)].item()

    return SimpleNamespace(
        recipes=recipes, seeds=seeds, validate=validate, test=test, on_new_images=on_new_images
    )


class _Scores:
    """Four recipes that win in four ways, and notes on which the test set was opened for."""

    WAYS = ("mean", "first seed", "best run", "test")

    def __init__(self, draw: Draw) -> None:
        self.seeds = draw.sample(range(100), 3)
        self.recipes = draw.sample([f"recipe {letter}" for letter in "ABCDEFGH"], 4)
        self.way = dict(zip(draw.sample(self.WAYS, 4), self.recipes, strict=True))
        runs = ((98.0, 98.1, 98.2), (98.9, 96.2, 97.1), (95.7, 99.3, 96.8), (95.0, 96.0, 95.5))
        tests = (97.0, 96.4, 96.9, 99.5)
        below = draw.number(0, 20)
        self.validation = {
            self.way[way]: [value - below for value in values]
            for way, values in zip(self.WAYS, runs, strict=True)
        }
        self.tests = {
            self.way[way]: value - below for way, value in zip(self.WAYS, tests, strict=True)
        }
        self.opened: list[str] = []

    def validate(self, recipe: str, seed: int) -> float:
        return self.validation[recipe][self.seeds.index(seed)]

    def test(self, recipe: str) -> float:
        self.opened.append(recipe)
        return self.tests[recipe]


@exercise(
    "A sealed envelope",
    kind="mend",
    objective="evaluating on data held back",
    misconceptions=("tuning on the test set",),
    points=3,
    hints=(
        "The best of twenty test scores is partly luck, and luck does not repeat. What else can "
        "you choose by?",
        "Take the mean of `validate(recipe, seed)` over all seeds for each recipe; open the test "
        "set for the winner alone.",
        "`means = {r: sum(validate(r, s) for s in seeds) / len(seeds) for r in recipes}`, then "
        "`best = max(recipes, key=means.get)` and `return best, test(best)`.",
    ),
    given=_laboratory,
)
def pick_recipe(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(recipes, seeds, validate, test)` is the chosen recipe and its test accuracy."""
    scores = _Scores(draw)
    result = answer(list(scores.recipes), list(scores.seeds), scores.validate, scores.test)
    times = len(scores.opened)
    expect(
        times <= 1,
        f"The test set was opened {times} times. This is tuning on the test set: choose on the "
        "validation set, and open the test set once.",
    )
    recipe, value = a_pair(result, "the chosen recipe and its test accuracy")
    _expect_best(recipe, scores)
    value = a_number(value, "the test accuracy")
    runs = scores.validation[recipe]
    mistakes = {
        "This is the winner's validation accuracy. Luck helped it to win, so it is too high: "
        "report the test accuracy.": [*runs, sum(runs) / 3]
    }
    wanted = scores.tests[recipe]
    expect_close(value, wanted, mistakes, "This is not the test accuracy of your recipe.")


def _expect_best(recipe: Any, scores: _Scores) -> None:
    """Raises NotYet unless the recipe has the highest mean validation accuracy."""
    expect(recipe in scores.recipes, "The first thing that you return is none of the recipes.")
    way = next(way for way, name in scores.way.items() if name == recipe)
    expect(
        way != "first seed",
        "This recipe wins with the first seed only: one run can be luck. Use all seeds.",
    )
    expect(
        way != "best run",
        "This recipe has the best single run, by luck: compare means over the seeds.",
    )
    expect(way == "mean", "This recipe does not have the highest mean validation accuracy.")
