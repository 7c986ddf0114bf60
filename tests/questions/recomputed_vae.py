"""Chapter 3's answers, found by PyTorch's distributions and by search."""

from __future__ import annotations

import re

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


#: Each kind of clouds: how far apart they lie, and sigma.
CLOUDS = {
    "small clouds, far apart": (3.0, 0.1),
    "small clouds, all at zero": (0.0, 0.1),
    "wide clouds, far apart": (3.0, 1.0),
    "wide clouds, all around zero": (0.0, 1.0),
}


def one_wish(item: Item) -> str:
    def cost(choice: str) -> float:
        apart, sigma = CLOUDS[choice]
        if "looks like the prior" not in item.question.text:
            return -apart / sigma  # how well the codes of two images are told apart
        return kl_divergence(Normal(apart, sigma), Normal(0.0, 1.0)).item()

    return min((choice.text for choice in item.choices), key=cost)


def where_codes_fall(item: Item) -> str:
    mean, log_variance = numbers(item.question.text)[:2]
    cloud = Normal(torch.tensor(mean), torch.tensor(log_variance).exp().sqrt())

    def off(choice: str) -> float:
        low, high = cloud.cdf(torch.tensor(numbers(choice)))
        return (low - 0.025).abs().item() + (1 - high - 0.025).abs().item()

    return min((choice.text for choice in item.choices), key=off)


def signed_pixel(item: Item) -> float:
    found = re.search(r"p = (\d\.\d+)\.", item.question.text)
    assert found is not None
    logit = torch.tensor(float(found[1]), dtype=torch.float64).logit()
    return F.binary_cross_entropy_with_logits(logit, -torch.ones_like(logit)).item()


def sum_of_parts(item: Item) -> float:
    side, _, dims, pixel, each = numbers(item.question.text)
    image = torch.full((int(side), int(side)), pixel, dtype=torch.float64)
    return (image.sum() + torch.full((int(dims),), each, dtype=torch.float64).sum()).item()


def parts_of_the_rate(item: Item) -> float:
    rate, carried = numbers(item.question.text)
    return rate - carried


def free_bits(item: Item) -> float:
    *costs, free = numbers(item.question.text)
    return F.relu(torch.tensor(costs, dtype=torch.float64) - free).sum().item()


def middle_of_the_way(item: Item) -> float:
    dims = whole_numbers(item.question.text)[0]
    codes = torch.eye(2, dims) * dims**0.5
    return codes.mean(0).norm().item()


def speckles(item: Item) -> float:
    share = whole_numbers(item.question.text)[0] / 100
    coin = torch.tensor([share, 1 - share])
    pairs = torch.outer(coin, coin)
    return 100 * (pairs.sum() - pairs.trace()).item()


def packed_images(item: Item) -> float:
    side, _, small, _, channels = whole_numbers(item.question.text)
    picture = torch.empty(3, side, side, device="meta")
    return picture.numel() / torch.empty(channels, small, small, device="meta").numel()


def part_not_needed(item: Item) -> str:
    ways = {
        "draws a new picture": ("diffusion model", "decoder"),
        "trains the diffusion model": ("encoder", "diffusion model"),
        "packs a photograph": ("encoder", "decoder"),
    }
    (way,) = (parts for doing, parts in ways.items() if doing in item.question.text)
    (left,) = {"encoder", "decoder", "diffusion model"} - {*way}
    return f"the {left}"


ANSWERS: dict[str, Answer] = {
    "one_wish": one_wish,
    "where_codes_fall": where_codes_fall,
    "signed_pixel": computed(signed_pixel),
    "sum_of_parts": computed(sum_of_parts),
    "parts_of_the_rate": computed(parts_of_the_rate),
    "free_bits": computed(free_bits),
    "middle_of_the_way": computed(middle_of_the_way),
    "speckles": computed(speckles),
    "packed_images": computed(packed_images),
    "part_not_needed": part_not_needed,
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
