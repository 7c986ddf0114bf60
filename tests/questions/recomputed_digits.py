"""The side-by-side chapter's answers, found by counting, by distributions, and by layers."""

from __future__ import annotations

import re

import torch
from recomputing import Answer, computed, numbers, whole_numbers
from torch.distributions import Binomial
from torch.nn import functional as F

from grading.questions import Item


def times_the_floor(item: Item) -> float:
    floor, distance = torch.tensor(numbers(item.question.text), dtype=torch.float64).log()
    return (distance - floor).exp().item()


def signed_steps(item: Item) -> float:
    size, start, ups, downs = numbers(item.question.text)
    pixel = torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.SGD([pixel], lr=size)
    for gradient in [-0.7] * int(ups) + [0.2] * int(downs):
        pixel.grad = torch.tensor(gradient).sign()
        optimizer.step()
    return pixel.item()


def images_seen(item: Item) -> float:
    steps, batch, epochs, images = whole_numbers(item.question.text)
    return sum(images for _ in range(epochs)) / sum(batch for _ in range(steps))


def digit_that_never_comes(item: Item) -> float:
    count = whole_numbers(item.question.text)[0]
    draws = Binomial(count, torch.tensor(0.1, dtype=torch.float64))
    return draws.log_prob(torch.tensor(0.0, dtype=torch.float64)).exp().item()


def better_prior(item: Item) -> float:
    _, own, drawn = numbers(item.question.text)
    return drawn - own


def patches_and_a_name(item: Item) -> float:
    side, _, patch, _ = whole_numbers(item.question.text)
    patches = F.unfold(torch.zeros(1, 1, side, side), patch, stride=patch)
    return patches.shape[-1] + 1


def shorter_text(item: Item) -> float:
    side, _, count, codes = whole_numbers(item.question.text)
    bits = (codes - 1).bit_length()  # as all sizes are powers of two
    return side * side * 8 / (count * bits)


def walk_of_codes(item: Item) -> float:
    (steps,) = whole_numbers(item.question.text)
    asked: list[tuple[str, str]] = []
    for _ in range(steps):
        asked += [(end, label) for end in ("begins", "ends") for label in ("with", "without")]
    return len([*asked, ("decoder", "")])


def autoencoder_first(item: Item) -> float:
    budget, reader, coder, pace = whole_numbers(item.question.text)
    return budget * pace - (reader + coder) * pace


def precision_or_recall(item: Item) -> float:
    total, near, _, held = whole_numbers(item.question.text)
    share = near if "the precision?" in item.question.text else held
    return share / total


def what_it_gives(item: Item) -> str:
    says = {"CNN": "each label", "GAN": "no prob", "VAE": "never below", "GPT": "row of tokens"}
    says["flow"] = "ways spread"
    found = re.search(r"to the (\w+)\.", item.question.text)
    assert found is not None
    return next(choice.text for choice in item.choices if says[found[1]] in choice.text)


def read_by_surprise(item: Item) -> float:
    *pairs, asked = whole_numbers(item.question.text)
    nats, names = torch.tensor(pairs).view(3, 2).T
    return (-nats.double()).softmax(0)[names == asked].item()


def whom_to_ask(item: Item) -> str:
    words = {"say which": "CNN", "icons": "GAN", "few numbers": "VAE", "row of notes": "GPT"}
    words["hole"] = "flow"
    return next(f"a {name}" for word, name in words.items() if word in item.question.text)


def seconds_to_draw(item: Item) -> float:
    tokens, batch, milliseconds, images = whole_numbers(item.question.text)
    passes = len(range(0, images, batch)) * tokens
    return passes * milliseconds / 1000


ANSWERS: dict[str, Answer] = {
    "times_the_floor": computed(times_the_floor),
    "signed_steps": computed(signed_steps),
    "images_seen": computed(images_seen),
    "digit_that_never_comes": computed(digit_that_never_comes),
    "better_prior": computed(better_prior),
    "patches_and_a_name": computed(patches_and_a_name),
    "shorter_text": computed(shorter_text),
    "walk_of_codes": computed(walk_of_codes),
    "autoencoder_first": computed(autoencoder_first),
    "precision_or_recall": computed(precision_or_recall),
    "what_it_gives": what_it_gives,
    "read_by_surprise": computed(read_by_surprise),
    "whom_to_ask": whom_to_ask,
    "seconds_to_draw": computed(seconds_to_draw),
}
