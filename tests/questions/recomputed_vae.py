"""Chapter 3's answers, found by PyTorch's distributions and by search."""

from __future__ import annotations

import torch
from recomputing import Answer, computed, numbers, whole_numbers
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from grading.questions import Item


def three_causes(item: Item) -> float:
    values = torch.tensor(numbers(item.question.text)[-6:])
    return (values[:3] @ values[3:]).item()


def gap_of_the_bound(item: Item) -> float:
    log_p, reconstruction, price = numbers(item.question.text)
    elbo = reconstruction - price
    return log_p - elbo


def price_of_a_code(item: Item) -> float:
    mean, log_variance = numbers(item.question.text)
    guess = Normal(torch.tensor(mean), torch.tensor(log_variance).exp().sqrt())
    return kl_divergence(guess, Normal(0.0, 1.0)).item()


def draw_a_code(item: Item) -> float:
    mean, log_variance, noise = numbers(item.question.text)
    return (mean + torch.tensor(log_variance).exp().sqrt() * noise).item()


def three_weights(item: Item) -> float:
    logs = torch.tensor(numbers(item.question.text)[:3], dtype=torch.float64)
    return (logs.logsumexp(0) - torch.tensor(3.0).log()).item()


def grey_pixel(item: Item) -> float:
    grey = torch.tensor(numbers(item.question.text)[0]).expand(999)
    answers = torch.linspace(0.001, 0.999, 999)
    return F.binary_cross_entropy(answers, grey, reduction="none").min().item()


def averaged_pixels(item: Item) -> float:
    _, side, _ = whole_numbers(item.question.text)
    channels = 3 if "colour" in item.question.text else 1
    loss = torch.ones(channels, side, side)
    return (loss.sum() / loss.mean()).item()


def two_images_one_code(item: Item) -> float:
    share, first, second = numbers(item.question.text)
    answers = torch.linspace(0.0005, 0.9995, 1999, dtype=torch.float64)
    losses = [
        F.binary_cross_entropy(answers, torch.full_like(answers, pixel), reduction="none")
        for pixel in (first, second)
    ]
    return answers[(share * losses[0] + (1 - share) * losses[1]).argmin()].item()


def heavier_price(item: Item) -> str:
    """A toy with one latent: the rate that minimises exp(-2 rate) + beta rate, and what is lost."""
    betas = numbers(item.question.text)
    rates = torch.linspace(0, 6, 6001)
    found = [rates[((-2 * rates).exp() * 5 + beta * rates).argmin()] for beta in betas]
    lower = found[1] < found[0]
    return (
        "The rate is lower, and the distortion is higher."
        if lower
        else "The rate is higher, and the distortion is lower."
    )


def busy_dimensions(item: Item) -> float:
    count, *values = numbers(item.question.text)
    assert len(values) == count + 1  # the limit is the last one
    return (torch.tensor(values[:-1]) > values[-1]).sum().item()


ANSWERS: dict[str, Answer] = {
    "three_causes": computed(three_causes),
    "gap_of_the_bound": computed(gap_of_the_bound),
    "price_of_a_code": computed(price_of_a_code),
    "draw_a_code": computed(draw_a_code),
    "three_weights": computed(three_weights),
    "grey_pixel": computed(grey_pixel),
    "averaged_pixels": computed(averaged_pixels),
    "two_images_one_code": computed(two_images_one_code),
    "heavier_price": heavier_price,
    "busy_dimensions": computed(busy_dimensions),
}
