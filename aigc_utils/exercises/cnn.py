"""The exercises of chapter 1."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from torch import nn
from torch.nn import functional as F

from .answers import a_tensor, close, numbers
from .chapter import Chapter, Draw
from .checking import expect

CHAPTER = Chapter("01_cnn")


def _layer(draw: Draw) -> SimpleNamespace:
    stride = draw.integer(2, 3)
    return SimpleNamespace(
        in_channels=draw.integer(2, 8),
        out_channels=draw.integer(9, 40),
        kernel_size=draw.choice((3, 5, 7)),
        padding=2 * stride,  # so that the usual mistakes give different sizes
        stride=stride,
        size=draw.integer(24, 80),
    )


@CHAPTER.exercise(
    "Count before you run",
    kind="predict",
    objective="shape and parameter arithmetic; stride, padding; channels",
    points=2,
    hints=(
        "The formula for the size of a map stands under *Padding and stride* in chapter 1.",
        "Padding is added on both sides. A filter has weights for every input channel, and one "
        "bias.",
        "`(size + 2 * padding - kernel_size) // stride + 1` pixels a side; "
        "`(in_channels * kernel_size**2 + 1) * out_channels` parameters.",
    ),
    given=_layer,
)
def sizes(layer: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer` holds the side of the maps and the number of parameters."""
    answer = numbers(answer, "sizes", ("side", "parameters"))
    conv = nn.Conv2d(
        layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding
    )
    image = draw.uniform(1, layer.in_channels, layer.size, layer.size)
    side = conv(image).shape[-1]
    once = (layer.size + layer.padding - layer.kernel_size) // layer.stride + 1
    expect(answer["side"] != once, "The padding goes on both sides of the image.")
    expect(answer["side"] == side, f"A layer like this does not give maps of {answer['side']:g}.")
    weights = conv.weight.numel()
    expect(answer["parameters"] != weights, "Each filter has a bias too.")
    per_channel = layer.kernel_size**2 * layer.out_channels + layer.out_channels
    expect(
        answer["parameters"] != per_channel,
        "A filter reads all input channels: it has weights for each of them.",
    )
    expect(
        answer["parameters"] == weights + layer.out_channels,
        f"Build the layer and count: it does not have {answer['parameters']:g} parameters.",
    )


@CHAPTER.exercise(
    "Cross-entropy from logits",
    kind="write",
    objective="logits, softmax, cross-entropy",
    misconceptions=("softmax before CrossEntropyLoss",),
    points=3,
    hints=(
        "The loss is minus the logarithm of the probability of the true class, on average.",
        "`log_softmax` is safer than the logarithm of `softmax`, which can be zero.",
        "`-logits.log_softmax(1)[range(len(labels)), labels].mean()`",
    ),
)
def cross_entropy(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(logits, labels)` is the mean loss of logits (N, classes) and labels (N,)."""
    classes = draw.integer(3, 12)
    logits, labels = 3 * draw.normal(32, classes), draw.integers(0, classes, 32)
    loss = a_tensor(answer(logits.clone(), labels.clone()), "The loss", ())
    twice = F.cross_entropy(logits.softmax(1), labels)
    expect(
        not close(loss, twice),
        "This is a softmax too many: the logits went through a softmax before a loss that "
        "applies it itself.",
    )
    wanted = F.cross_entropy(logits, labels)
    expect(not close(loss, wanted * len(labels)), "This is the sum; the mean is asked for.")
    expect(not close(loss, -wanted), "The sign is wrong: a loss falls when the answer is right.")
    expect(close(loss, wanted), "The loss of random logits is not right.")
    steep = a_tensor(answer(200 * logits, labels), "The loss of logits in the hundreds", ())
    expect(close(steep, F.cross_entropy(200 * logits, labels)), "Large logits give a wrong loss.")
