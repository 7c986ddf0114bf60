"""Chapter 2's answers, found by autograd, by search, and by the course's own measures."""

from __future__ import annotations

import torch
from recomputing import Answer, computed, numbers, whole_numbers
from torch.distributions import Categorical, kl_divergence
from torch.nn import functional as F

from aigc_utils import evaluation
from grading.questions import Item


def best_discriminator(item: Item) -> float:
    p, q = numbers(item.question.text)
    answers = torch.linspace(0.0001, 0.9999, 9999, dtype=torch.float64)
    return answers[(p * answers.log() + q * (1 - answers).log()).argmax()].item()


def two_coins(item: Item) -> float:
    shares = torch.tensor(numbers(item.question.text), dtype=torch.float64)
    coins = torch.stack([shares, 1 - shares], 1)
    mixture = Categorical(coins.mean(0))
    return sum(kl_divergence(Categorical(coin), mixture).item() for coin in coins) / 2


def pull_of_the_loss(item: Item) -> float:
    logit = torch.tensor(numbers(item.question.text)[0]).logit().requires_grad_()
    (-F.logsigmoid(logit)).backward()
    assert logit.grad is not None
    return logit.grad.abs().item()


def slope_penalty(item: Item) -> float:
    slope, offset, first, second, _, gamma = numbers(item.question.text)
    points = torch.tensor([first, second], requires_grad=True)
    (gradient,) = torch.autograd.grad((slope * points - offset).sum(), points)
    return gamma / 2 * gradient.square().mean().item()


def running_mean(item: Item) -> float:
    decay, mean, weight = numbers(item.question.text)
    return torch.tensor(mean).lerp(torch.tensor(weight), 1 - decay).item()


def accuracy_of_a_player(item: Item) -> float:
    real, fooled = whole_numbers(item.question.text)
    says_real = torch.arange(100) < torch.tensor([[real], [fooled]])
    is_real = torch.tensor([[True], [False]])
    return 100 * (says_real == is_real).float().mean().item()


def two_bells(item: Item) -> float:
    mean, spread, other_mean, other_spread = numbers(item.question.text)
    # Two values, one on either side, have just this mean and this standard deviation.
    unit = torch.tensor([[-1.0], [1.0]], dtype=torch.float64) / 2**0.5
    return evaluation.frechet_distance(mean + spread * unit, other_mean + other_spread * unit)


def few_but_good(item: Item) -> str:
    """Precision is high where all look real, recall where all kinds turn up."""
    text = item.question.text
    precise = "look like real digits" in text
    varied = "all kinds of real digits" in text or "all shapes" in text
    for choice in item.choices:
        precision, recall = numbers(choice.text)
        if (precision > 0.5, recall > 0.5) == (precise, varied):
            return choice.text
    raise AssertionError(text)


ANSWERS: dict[str, Answer] = {
    "best_discriminator": computed(best_discriminator),
    "two_coins": computed(two_coins),
    "pull_of_the_loss": computed(pull_of_the_loss),
    "slope_penalty": computed(slope_penalty),
    "running_mean": computed(running_mean),
    "accuracy_of_a_player": computed(accuracy_of_a_player),
    "two_bells": computed(two_bells),
    "few_but_good": few_but_good,
}
