"""Answers to `pick_recipe`, an exercise of chapter 1."""

from __future__ import annotations

import torch

from aigc_utils.exercises.cnn import broken_pick

from .. import Cases

CASES = Cases("01_cnn")


def mean_of(recipe, seeds, validate):
    return sum(validate(recipe, seed) for seed in seeds) / len(seeds)


@CASES.right("pick_recipe")
def best_mean(g):
    def answer(recipes, seeds, validate, test):
        best = max(recipes, key=lambda recipe: mean_of(recipe, seeds, validate))
        return best, test(best)

    return answer


@CASES.right("pick_recipe")
def best_row(g):
    def answer(recipes, seeds, validate, test):
        table = torch.tensor([[validate(r, s) for s in seeds] for r in recipes])
        best = recipes[table.mean(1).argmax()]
        return [best, torch.tensor(test(best))]

    return answer


@CASES.wrong("pick_recipe", says="opened 4 times. This is tuning on the test set")
def chosen_on_the_test_set(g):
    return broken_pick


@CASES.wrong("pick_recipe", says="This is tuning on the test set")
def all_tested_to_see(g):
    def answer(recipes, seeds, validate, test):
        tested = {recipe: test(recipe) for recipe in recipes}
        best, _ = best_mean(g)(recipes, seeds, validate, tested.get)
        return best, tested[best]

    return answer


@CASES.wrong("pick_recipe", says="first seed only")
def one_seed(g):
    return lambda recipes, seeds, validate, test: best_mean(g)(recipes, seeds[:1], validate, test)


@CASES.wrong("pick_recipe", says="best single run, by luck")
def best_run(g):
    def answer(recipes, seeds, validate, test):
        best = max(recipes, key=lambda r: max(validate(r, s) for s in seeds))
        return best, test(best)

    return answer


@CASES.wrong("pick_recipe", says="highest mean validation accuracy")
def worst_mean(g):
    return lambda recipes, seeds, validate, test: best_mean(g)(
        recipes, seeds, lambda *run: -validate(*run), test
    )


@CASES.wrong("pick_recipe", says="winner's validation accuracy")
def validation_reported(g):
    def answer(recipes, seeds, validate, test):
        best, _ = best_mean(g)(recipes, seeds, validate, test)
        return best, mean_of(best, seeds, validate)

    return answer


@CASES.wrong("pick_recipe", says="not the test accuracy")
def share_reported(g):
    def answer(*rest):
        best, found = best_mean(g)(*rest)
        return best, found / 100

    return answer


@CASES.wrong("pick_recipe", says="Return two things")
def recipe_alone(g):
    return lambda *rest: best_mean(g)(*rest)[0]


@CASES.wrong("pick_recipe", says="none of the recipes")
def number_first(g):
    return lambda *rest: best_mean(g)(*rest)[::-1]
