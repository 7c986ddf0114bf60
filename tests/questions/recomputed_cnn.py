"""Chapter 1's answers, found by running layers and autograd."""

from __future__ import annotations

import re
from itertools import pairwise

import torch
from recomputing import Answer, computed, numbers, whole_numbers
from torch import nn
from torch.nn import functional as F

from aigc_utils.exercises.answers import drawn_lines
from grading.questions import Item


def count(*layers: nn.Module) -> int:
    return sum(p.numel() for layer in layers for p in layer.parameters())


def fully_connected(item: Item) -> float:
    side, _, hidden, classes = whole_numbers(item.question.text)
    return count(nn.Linear(side * side, hidden), nn.Linear(hidden, classes))


def correlate(item: Item) -> float:
    blocks = re.findall(r"```\n(.*?)```", item.question.text, re.DOTALL)
    piece, kernel = (torch.tensor(numbers(block)).view(1, 1, 3, 3) for block in blocks)
    return F.conv2d(piece, kernel).item()


def map_side(item: Item) -> float:
    kernel, _, padding, stride, size, _ = whole_numbers(item.question.text)
    layer = nn.Conv2d(1, 1, kernel, stride, padding)
    return layer(torch.zeros(1, 1, size, size)).shape[-1]


def filter_parameters(item: Item) -> float:
    into, out, kernel = whole_numbers(item.question.text)[:3]
    return count(nn.Conv2d(into, out, kernel))


def moved_row(item: Item) -> str:
    moved = item.question.text.partition("becomes ")[2]
    pooled = F.max_pool1d(torch.tensor([numbers(moved)]), 2)[0]
    return ", ".join(f"{value:g}" for value in pooled.tolist())


def receptive_field(item: Item) -> float:
    values = whole_numbers(item.question.text)
    row = torch.ones(1, 1, 400, requires_grad=True)
    x = row
    for kernel, stride in zip(values[0::3], values[2::3], strict=True):
        x = F.conv1d(x, torch.ones(1, 1, kernel), stride=stride)
    x[0, 0, x.shape[-1] // 2].backward()
    assert row.grad is not None
    return row.grad.count_nonzero().item()


def loss_of_scores(item: Item) -> float:
    names = ["cat", "dog", "bird"]
    shown = re.search(r"The image shows a (\w+)", item.question.text)
    assert shown is not None
    logits = torch.tensor([numbers(item.question.text)])
    return F.cross_entropy(logits, torch.tensor([names.index(shown[1])])).item()


def softmax_twice(item: Item) -> float:
    classes = whole_numbers(item.question.text)[0]
    label = torch.tensor([1])
    return F.cross_entropy(F.one_hot(label, classes).float(), label).item()


def one_step(item: Item) -> float:
    factor, middle, _, start, rate = numbers(item.question.text)
    weight = torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=rate)
    (factor * (weight - middle) ** 2).backward()
    optimizer.step()
    return weight.item()


def bytes_of_a_batch(item: Item) -> float:
    count, height, width, _ = whole_numbers(item.question.text)
    return torch.empty(count, 3, height, width, device="meta").nbytes


def part_of_the_data(item: Item) -> str:
    parts = {"weights": "training", "chooses": "validation", "finished": "test"}
    return next(f"the {part} set" for word, part in parts.items() if word in item.question.text)


def numbers_that_leave(item: Item) -> float:
    side, _, *channels = whole_numbers(item.question.text)
    x = torch.zeros(1, 1, side, side)
    for into, out in pairwise([1, *channels]):
        x = F.conv2d(x, torch.zeros(out, into, 1, 1), stride=2)
    return x.numel()


def smoothed_floor(item: Item) -> float:
    whole, share, classes = numbers(item.question.text)
    target = torch.full((1, int(classes)), share / classes)
    target[0, 0] += whole
    return F.cross_entropy(target.log(), torch.tensor([0]), label_smoothing=share).item()


def error_of_an_accuracy(item: Item) -> float:
    count, percent = whole_numbers(item.question.text)
    right = (torch.arange(count) < count * percent // 100).double()
    return 100 * (right.std(correction=0) / count**0.5).item()


def count_steps(item: Item) -> float:
    epochs, images, batch = whole_numbers(item.question.text)
    return epochs * len(range(0, images, batch))


def best_epoch(item: Item) -> str:
    assert item.picture is not None
    epochs, losses = drawn_lines(item.picture)["images held back"]
    lowest = min(zip(losses, epochs, strict=True))
    return f"those after epoch {lowest[1]:g}"


def calibration(item: Item) -> float:
    values = whole_numbers(item.question.text)
    images, sure, right = (torch.tensor(values[start::3]).float() for start in range(3))
    per_image = torch.repeat_interleave((sure - right).abs(), images.int())
    return per_image.mean().item()


ANSWERS: dict[str, Answer] = {
    "bytes_of_a_batch": computed(bytes_of_a_batch),
    "part_of_the_data": part_of_the_data,
    "numbers_that_leave": computed(numbers_that_leave),
    "smoothed_floor": computed(smoothed_floor),
    "error_of_an_accuracy": computed(error_of_an_accuracy),
    "count_steps": computed(count_steps),
    "fully_connected": computed(fully_connected),
    "correlate": computed(correlate),
    "map_side": computed(map_side),
    "filter_parameters": computed(filter_parameters),
    "moved_row": moved_row,
    "receptive_field": computed(receptive_field),
    "loss_of_scores": computed(loss_of_scores),
    "softmax_twice": computed(softmax_twice),
    "one_step": computed(one_step),
    "best_epoch": best_epoch,
    "calibration": computed(calibration),
}
