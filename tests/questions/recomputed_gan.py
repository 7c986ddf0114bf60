"""Chapter 2's answers, found by autograd, by search, and by the course's own measures."""

from __future__ import annotations

import re
from functools import cache

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


def best_pixel(item: Item) -> float:
    values = torch.tensor([float(v) for v in re.findall(r"\d\.\d\d", item.question.text)])
    shades = torch.linspace(0, 1, 2001)
    return shades[(shades[:, None] - values).square().mean(1).argmin()].item()


def asked_of_pixels(item: Item) -> str:
    _, *values = numbers(item.question.text)  # the first says what ink is
    weights, pixels = torch.tensor(values).view(2, 3)
    F.logsigmoid(weights @ pixels.requires_grad_()).backward()
    assert pixels.grad is not None
    return ", ".join("darker" if way > 0 else "lighter" for way in pixels.grad.tolist())


def one_round(item: Item) -> float:
    _, point, start, _, rate = numbers(item.question.text)
    slope = torch.tensor(start, requires_grad=True)
    F.logsigmoid(-slope * point).backward()  # log (1 - D)
    assert slope.grad is not None
    return (slope + rate * slope.grad).item()


@cache
def play_numbers(momentum: float, penalty: float, steps: int) -> torch.Tensor:
    """Returns the positions of a point and a slope that play, shape (steps, 2)."""
    point, slope, up, down = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    positions = []
    for _ in range(steps):
        positions.append(torch.stack([point, slope]))
        pull = point * (slope * point).sigmoid() + penalty * slope
        up = momentum * up - (1 - momentum) * pull
        slope = slope + 0.2 * up
        pull = slope * (slope * point).sigmoid()
        down = momentum * down + (1 - momentum) * pull
        point = point + 0.2 * down
    return torch.stack(positions)


def where_it_leads(item: Item) -> str:
    """Plays each way, and finds the path that ends as the question says."""
    steps = whole_numbers(item.question.text)[0]
    plain = play_numbers(0.0, 0.0, steps)
    assert plain.norm(dim=1).min() > 0.9
    paths = {
        "plain steps in turn": plain,
        "momentum of one half": play_numbers(0.5, 0.0, steps),
        "an R1 penalty": play_numbers(0.0, 0.2, steps),
        "the mean of plain play so far": plain.cumsum(0) / torch.arange(1, steps + 1)[:, None],
    }
    ends = {way: path[-1].norm().item() for way, path in paths.items()}
    phrases = {
        "further and further out": max(ends, key=lambda way: ends[way]),
        "neither out nor in": min(ends, key=lambda way: abs(ends[way] - 1)),
        "to rest": min([*ends][:3], key=lambda way: ends[way]),
        "no single position": [*ends][3],
    }
    assert ends[phrases["no single position"]] < 0.3
    return next(way for phrase, way in phrases.items() if phrase in item.question.text)


def covered_islands(item: Item) -> float:
    shares = torch.tensor(numbers(item.question.text.partition("hold ")[2])[:8])
    return (shares >= 100 / 8 / 2).sum().item()


def loss_of_the_discriminator(item: Item) -> float:
    answers = torch.tensor(numbers(item.question.text))
    return F.binary_cross_entropy(answers, torch.tensor([1.0, 0.0]), reduction="sum").item()


def gain_of_a_row(item: Item) -> float:
    rows = torch.tensor(numbers(item.question.text), dtype=torch.float64).log()
    return (-rows.diff()[1]).exp().item()


def length_of_noise(item: Item) -> float:
    typical = torch.ones(whole_numbers(item.question.text)[0])  # each number is 1 in square
    return typical.norm().item()


def distance_of_pixels(item: Item) -> float:
    sample, near = torch.tensor(numbers(item.question.text)[:8]).view(2, 1, 1, 2, 2)
    return torch.dist(sample, near).item()


def grid_of_noise(item: Item) -> str:
    """Draws the grid as numbers, and looks which of its parts has one value alone."""
    text, size = item.question.text, whole_numbers(item.question.text)[0]
    along = torch.arange(size).expand(size, size)  # one number a column
    by_rows = "Each row has one vector of noise" in text
    shown = along.T if by_rows == ("same handwriting" in text) else along
    parts = {
        "all of the grid": shown, "those of a diagonal": shown.diagonal(),
        "those of a row": shown[0], "those of a column": shown[:, 0],
    }  # fmt: skip
    (same,) = (name for name, part in parts.items() if len(part.unique()) == 1)
    return same


def flagged_pictures(item: Item) -> float:
    total, fakes, caught, wrongly = whole_numbers(item.question.text)
    fake = torch.arange(total) < fakes
    flagged = torch.where(fake, caught, wrongly).double()
    return 100 * (flagged[fake].sum() / flagged.sum()).item()


ANSWERS: dict[str, Answer] = {
    "best_pixel": computed(best_pixel),
    "asked_of_pixels": asked_of_pixels,
    "one_round": computed(one_round),
    "where_it_leads": where_it_leads,
    "covered_islands": computed(covered_islands),
    "loss_of_the_discriminator": computed(loss_of_the_discriminator),
    "gain_of_a_row": computed(gain_of_a_row),
    "length_of_noise": computed(length_of_noise),
    "distance_of_pixels": computed(distance_of_pixels),
    "grid_of_noise": grid_of_noise,
    "flagged_pictures": computed(flagged_pictures),
    "best_discriminator": computed(best_discriminator),
    "two_coins": computed(two_coins),
    "pull_of_the_loss": computed(pull_of_the_loss),
    "slope_penalty": computed(slope_penalty),
    "running_mean": computed(running_mean),
    "accuracy_of_a_player": computed(accuracy_of_a_player),
    "two_bells": computed(two_bells),
    "few_but_good": few_but_good,
}
