"""Answers to `steady_accuracy` and `pick_recipe`, exercises of chapter 1."""

from __future__ import annotations

import copy

import torch
from torch import nn

from aigc_utils.exercises.cnn import broken_accuracy, broken_pick

from .. import Cases

CASES = Cases("01_cnn")


# --- steady_accuracy ------------------------------------------------------------------------


def count(model, images, labels, batch_size):
    pairs = zip(images.split(batch_size), labels.split(batch_size), strict=True)
    return 100 * sum((model(x).argmax(1) == y).sum().item() for x, y in pairs) / len(images)


@CASES.right("steady_accuracy")
def mode_put_back(g):
    @torch.no_grad()
    def answer(model, images, labels, batch_size):
        mode = model.training
        found = count(model.eval(), images, labels, batch_size)
        model.train(mode)
        return found

    return answer


@CASES.right("steady_accuracy")
def on_a_copy(g):
    def answer(model, images, labels, batch_size):
        twin = copy.deepcopy(model).eval()
        with torch.inference_mode():
            logits = torch.cat([twin(part) for part in images.split(batch_size)])
        return 100 * (logits.argmax(1) == labels).float().mean()

    return answer


@CASES.wrong("steady_accuracy", says=r"forgotten `eval\(\)`")
def left_broken(g):
    return broken_accuracy


@CASES.wrong("steady_accuracy", says=r"forgotten `eval\(\)`")
def only_no_grad(g):
    return torch.no_grad()(count)


@CASES.wrong("steady_accuracy", says="records all steps for gradients")
def only_eval(g):
    return lambda model, *rest: count(model.eval(), *rest)


@CASES.wrong("steady_accuracy", says="comes in training mode and leaves in evaluation")
def left_in_evaluation(g):
    return torch.no_grad()(lambda model, *rest: count(model.eval(), *rest))


@CASES.wrong("steady_accuracy", says="comes in evaluation mode and leaves in training")
def always_back_to_training(g):
    @torch.no_grad()
    def answer(model, *rest):
        found = count(model.eval(), *rest)
        model.train()
        return found

    return answer


@CASES.wrong("steady_accuracy", says="last batch is smaller")
def batches_weigh_the_same(g):
    @torch.no_grad()
    def answer(model, *rest):
        mode = model.training
        found = broken_accuracy(model.eval(), *rest)
        model.train(mode)
        return found

    return answer


@CASES.wrong("steady_accuracy", says="percent are asked for")
def as_a_share(g):
    return lambda *rest: mode_put_back(g)(*rest) / 100


@CASES.wrong("steady_accuracy", says="more than `batch_size` images")
def all_at_once(g):
    return lambda model, x, y, size: mode_put_back(g)(model, x, y, len(x))


@CASES.wrong("steady_accuracy", says="Gradients stay switched off")
def gradients_off_for_good(g):
    def answer(model, *rest):
        torch.set_grad_enabled(False)
        return mode_put_back(g)(model, *rest)

    return answer


@CASES.wrong("steady_accuracy", says="must be a number, not NoneType")
def accuracy_not_returned(g):
    def answer(*rest):
        mode_put_back(g)(*rest)

    return answer


@CASES.wrong("steady_accuracy", says="running averages of the model have changed")
def averages_reset(g):
    def answer(model, *rest):
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
        return mode_put_back(g)(model, *rest)

    return answer


# --- pick_recipe ----------------------------------------------------------------------------


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
