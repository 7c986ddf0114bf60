"""Chapter 4's answers, found by the course's sampling, by PyTorch's attention, and by hand."""

from __future__ import annotations

import re

import torch
from recomputing import Answer, computed, numbers, whole_numbers
from torch import nn
from torch.nn import functional as F

from aigc_utils import data, gpt
from grading.questions import Item


def chain_of_tokens(item: Item) -> float:
    steps = torch.tensor(numbers(item.question.text)[:3])
    return steps.log().sum().exp().item()


def count_tokens(item: Item) -> float:
    *merged, row = re.findall(r"`([^`]+)`", item.question.text)
    text = "|" + "|".join(row) + "|"
    for left, right in zip(merged[::2], merged[1::2], strict=True):
        text = text.replace(f"|{left}|{right}|", f"|{left}{right}|")
    return text.count("|") - 1


def one_score(item: Item) -> float:
    query, key = torch.tensor(numbers(item.question.text)).view(2, 4)
    return (query @ key / torch.tensor(4.0).sqrt()).item()


def masked_mean(item: Item) -> float:
    values = torch.tensor(numbers(item.question.text))
    scores, values = values.view(2, 3)
    hidden = torch.tensor([0.0, 0.0, float("-inf")])
    return ((scores + hidden).softmax(0) @ values).item()


def weights_of_heads(item: Item) -> float:
    width, heads, _ = whole_numbers(item.question.text)
    layer = nn.MultiheadAttention(width, heads, bias=False)
    return sum(p.numel() for p in layer.parameters())


def who_sees_whom(item: Item) -> str:
    assert item.picture is not None
    image = item.picture.figure.axes[0].get_images()[0].get_array()
    mask = torch.as_tensor(image.data).bool()
    causal = torch.ones_like(mask).tril()
    if mask.all():
        return "the encoder of a Transformer"
    if mask.equal(causal):
        return "a GPT"
    if mask.equal(causal.T):
        return "a model that writes backwards"
    assert not (mask & ~causal).any()
    assert mask.diagonal().all()
    return "a GPT with a short memory"


def untrained_loss(item: Item) -> float:
    size = whole_numbers(item.question.text)[0]
    return F.cross_entropy(torch.zeros(1, size), torch.tensor([0])).item()


def bits_a_character(item: Item) -> float:
    loss, length = numbers(item.question.text)
    return (torch.tensor(loss).exp().log2() / length).item()


def two_perplexities(item: Item) -> str:
    values = numbers(item.question.text)
    names = re.findall(r"[Mm]odel ([AB]) has", item.question.text)
    perplexities, lengths = torch.tensor(values[::2]), torch.tensor(values[1::2])
    bits = (perplexities.log2() / lengths).tolist()
    good, poor = sorted(zip(bits, names, strict=True))
    return f"Model {good[1]}, with {good[0]:.2f} bits a character; {poor[1]} needs {poor[0]:.2f}."


def cooler_or_hotter(item: Item) -> float:
    first, second, temperature = numbers(item.question.text)
    logits = torch.tensor([[first, second]]).log()
    return gpt.probabilities(logits, gpt.Sampling(temperature))[0, 0].item()


def nucleus(item: Item) -> float:
    *shares, limit = numbers(item.question.text)
    asked = 0 if "is the first of them" in item.question.text else 1
    logits = torch.tensor([shares], dtype=torch.float64).log()
    return gpt.probabilities(logits, gpt.Sampling(top_p=limit))[0, asked].item()


def size_of_the_cache(item: Item) -> float:
    layers, _, kv_heads, head_dim, tokens = whole_numbers(item.question.text)
    keys = torch.empty(layers, kv_heads, tokens, head_dim, device="meta")
    return keys.numel() + torch.empty_like(keys).numel()


def test_part(item: Item) -> float:
    _, held_back = data.split_text("x" * whole_numbers(item.question.text)[0])
    return len(data.split_text(held_back, 0.5)[1])


def back_off(item: Item) -> float:
    followed, kinds, hits, shorter = numbers(item.question.text)
    trust = followed / (followed + kinds)
    return trust * hits / followed + (1 - trust) * shorter


def bits_to_bytes(item: Item) -> float:
    count, bits = numbers(item.question.text)[:2]
    shares = torch.full((int(count),), 0.5**bits, dtype=torch.float64)
    return -shares.log2().sum().item() / 8


def rows_of_the_table(item: Item) -> float:
    vocabulary, width = whole_numbers(item.question.text)[:2]
    rows = torch.empty(vocabulary, width, device="meta")
    return rows.numel() + torch.empty_like(rows.T).numel()


def targets_of_a_row(item: Item) -> str:
    row, read = re.findall(r"`(.+?)`", item.question.text)
    return "`" + "".join(row[place + 1] for place in range(len(read))) + "`"


def turned_clock(item: Item) -> str:
    angles = gpt.rotary_angles(256, 6)
    query, key = torch.tensor([[1.0, 0.5, -2.0, 0.4, 1.1, 0.2], [0.3, 1.2, 0.7, 1.5, 0.9, -0.4]])

    def score(text: str) -> float:
        at, there = whole_numbers(text)[:2]
        turned = [gpt.rotate(x, angles[:, place]) for x, place in ((query, at), (key, there))]
        return (turned[0] @ turned[1]).item()

    wanted = score(item.question.text)
    return min((choice.text for choice in item.choices), key=lambda c: abs(score(c) - wanted))


def rms_norm(item: Item) -> float:
    vector = torch.tensor(numbers(item.question.text)[:4], dtype=torch.float64)
    return (len(vector) ** 0.5 * F.normalize(vector, dim=0)[0]).item()


def gated_weights(item: Item) -> float:
    width, hidden = whole_numbers(item.question.text)
    both = torch.empty(2 * hidden, width, device="meta")
    return both.numel() + torch.empty(width, hidden, device="meta").numel()


ANSWERS: dict[str, Answer] = {
    "test_part": computed(test_part),
    "back_off": computed(back_off),
    "bits_to_bytes": computed(bits_to_bytes),
    "rows_of_the_table": computed(rows_of_the_table),
    "targets_of_a_row": targets_of_a_row,
    "turned_clock": turned_clock,
    "rms_norm": computed(rms_norm),
    "gated_weights": computed(gated_weights),
    "chain_of_tokens": computed(chain_of_tokens),
    "count_tokens": computed(count_tokens),
    "one_score": computed(one_score),
    "masked_mean": computed(masked_mean),
    "weights_of_heads": computed(weights_of_heads),
    "who_sees_whom": who_sees_whom,
    "untrained_loss": computed(untrained_loss),
    "bits_a_character": computed(bits_a_character),
    "two_perplexities": two_perplexities,
    "cooler_or_hotter": computed(cooler_or_hotter),
    "nucleus": computed(nucleus),
    "size_of_the_cache": computed(size_of_the_cache),
}
