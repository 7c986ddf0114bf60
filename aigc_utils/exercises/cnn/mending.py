"""Exercises of chapter 1 that mend how a network is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from ...data import standardize
from ...evaluation import load_judge
from ..answers import a_number, a_pair
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close


def broken_accuracy(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int) -> float:
    """Returns the accuracy in percent; broken, for an exercise to mend."""
    shares = []
    for start in range(0, len(images), batch_size):
        part = slice(start, start + batch_size)
        right = model(images[part]).argmax(1) == labels[part]
        shares.append(100 * right.float().mean())
    return float(sum(shares) / len(shares))


def _sorted_digits(draw: Draw) -> SimpleNamespace:
    """Gives the judge as training leaves it, and digits one class after the other."""
    images, labels = draw.digits(100, test=True)
    order = labels.argsort(stable=True)
    return SimpleNamespace(
        model=load_judge().train(), images=standardize(images[order]), labels=labels[order]
    )


class _Watched:
    """A small classifier with images and labels, and notes on how an answer calls it."""

    def __init__(self, draw: Draw, training: bool) -> None:
        classes, channels, count = draw.integer(3, 6), draw.integer(3, 5), 4 * draw.integer(7, 9)
        self.model = nn.Sequential(
            nn.Conv2d(1, channels, 3), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Flatten(), nn.Dropout(0.5), nn.Linear(16 * channels, classes),
        )  # fmt: skip
        self.images = draw.normal(count, 1, 6, 6)
        with torch.no_grad():
            self.model(1.5 * draw.normal(64, 1, 6, 6) + 0.5)  # running averages of other images
            self.labels = self.model.eval()(self.images).argmax(1)
        # All errors stand at the end, so that a batch's share of them depends on its size.
        self.labels[-5:] = (self.labels[-5:] + 1) % classes
        self.accuracy = 100 * (count - 5) / count
        self.model.train(training)
        calls: list[tuple[bool, bool, int]] = []

        def note(model: nn.Module, inputs: tuple[Tensor]) -> None:
            calls.append((model.training, torch.is_grad_enabled(), len(inputs[0])))

        self.calls = calls  # of copies of the model too: a copied hook writes into the same list
        self.model.register_forward_pre_hook(note)

    def state(self) -> dict[str, Tensor]:
        """Returns copies of the weights and running averages."""
        return {name: value.clone() for name, value in self.model.state_dict().items()}


@exercise(
    "An accuracy that depends on the company",
    kind="mend",
    objective="batch norm in train and eval mode; evaluating on data held back",
    misconceptions=("forgetting eval()",),
    points=3,
    hints=(
        "Ask of each line what changes when the batch has another size, and what the model looks "
        "like afterwards.",
        "`model.eval()` before and `model.train(was_training)` after; `torch.no_grad()` around; "
        "and count right answers, because the last batch may be smaller than the others.",
        "`was_training = model.training`, `model.eval()`, then under `torch.no_grad()` add "
        "`(predicted == labels[part]).sum().item()` for each batch, `model.train(was_training)`, "
        "and return `100 * correct / len(images)`.",
    ),
    given=_sorted_digits,
)
def steady_accuracy(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(model, images, labels, batch_size)` is the accuracy in percent."""
    for training in (True, False):
        watched = _Watched(draw, training)
        before = watched.state()
        with torch.enable_grad():
            value = answer(watched.model, watched.images.clone(), watched.labels.clone(), 10)
            gradients = torch.is_grad_enabled()
        _expect_evaluation(watched)
        state = watched.state()
        expect(
            all(torch.equal(before[name], state[name]) for name in before),
            "The weights or running averages of the model have changed: evaluation only looks.",
        )
        left = {module.training for module in watched.model.modules()}
        came, leaves = ("training", "evaluation") if training else ("evaluation", "training")
        expect(
            left == {training},
            f"The model comes in {came} mode and leaves in {leaves} mode: whoever goes on with "
            "it does not expect that.",
        )
        expect(gradients, "Gradients stay switched off after your function: use `with`.")
        _expect_accuracy(watched, a_number(value, "accuracy"))


def _expect_evaluation(watched: _Watched) -> None:
    """Raises NotYet if the model was called in training mode, with gradients, or all at once."""
    modes, gradients, lengths = zip(*watched.calls, strict=True) if watched.calls else ((), (), ())
    expect(
        not any(modes),
        "The model runs in training mode: dropout drops, and batch norm looks at the batch. "
        "This is the forgotten `eval()`.",
    )
    expect(
        not any(gradients),
        "PyTorch still records all steps for gradients that nobody needs: switch that off.",
    )
    expect(all(n <= 10 for n in lengths), "The model gets more than `batch_size` images at once.")


def _expect_accuracy(watched: _Watched, value: float) -> None:
    """Raises NotYet unless the value is the model's accuracy in percent."""
    hits = torch.ones(len(watched.images))
    hits[-5:] = 0
    by_batch = sum(part.mean().item() for part in hits.split(10)) / len(hits.split(10))
    mistakes = {
        "The last batch is smaller, and counts as much as the others: its images weigh too much.": (
            100 * by_batch
        ),
        "This is a share; percent are asked for.": watched.accuracy / 100,
    }
    expect_close(value, watched.accuracy, mistakes, "The accuracy is not right yet.")


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
