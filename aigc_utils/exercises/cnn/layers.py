"""The first exercises of chapter 1: what layers compute, and what the loss makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..answers import a_tensor, close, numbers
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close, expect_count


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


@exercise(
    "Count before you run",
    kind="predict",
    objective="shape and parameter arithmetic; stride, padding; channels; receptive field",
    points=2,
    hints=(
        "The formulas stand in chapter 1, under *Padding and stride*, *Channels* and *Receptive "
        "field*.",
        "Padding is added on both sides. A filter has weights for every input channel, and one "
        "bias. The second kernel's steps are as wide as the first layer's stride.",
        "`(size + 2 * padding - kernel_size) // stride + 1` pixels a side; "
        "`(in_channels * kernel_size**2 + 1) * out_channels` parameters; a field of "
        "`kernel_size + 2 * stride`.",
    ),
    given=_layer,
)
def sizes(layer: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer` holds the side of the maps, the number of parameters and the field behind them."""
    answer = numbers(answer, "sizes", ("side", "parameters", "field"))
    conv = nn.Conv2d(
        layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding
    )
    image = draw.uniform(1, layer.in_channels, layer.size, layer.size)
    side = conv(image).shape[-1]
    room = layer.size - layer.kernel_size
    mistakes: dict[str, Any] = {
        "The padding goes on both sides of the image.": (room + layer.padding) // layer.stride + 1,
        "Count the places, not the steps between them: there is one more, and only whole ones.": [
            (room + 2 * layer.padding) / layer.stride,
            side - 1,
        ],
    }
    otherwise = f"A layer like this does not give maps of {answer['side']:g}."
    expect_count(answer["side"], side, mistakes, otherwise)
    weights = conv.weight.numel()
    mistakes = {
        "Each filter has a bias too.": weights,
        "A filter reads all input channels: it has weights for each of them.": (
            (layer.kernel_size**2 + 1) * layer.out_channels
        ),
    }
    otherwise = f"Build the layer and count: it does not have {answer['parameters']:g} parameters."
    expect_count(answer["parameters"], weights + layer.out_channels, mistakes, otherwise)
    _expect_field(layer, answer["field"])


def _expect_field(layer: SimpleNamespace, field: float) -> None:
    """Raises NotYet unless it is the receptive field of a 3 by 3 convolution behind the layer."""
    mistakes = {
        "Each step of the second kernel is as wide as the first layer's stride.": (
            layer.kernel_size + 2
        ),
        "A kernel of 3 adds two steps to the field, not three.": (
            layer.kernel_size + 3 * layer.stride
        ),
        "This is the field of the first layer; a second one follows.": layer.kernel_size,
    }
    otherwise = f"A value behind the second convolution does not see {field:g} pixels a side."
    expect_count(field, layer.kernel_size + 2 * layer.stride, mistakes, otherwise)


class _Trial:
    """One image and one filter, and what an answer makes of them."""

    def __init__(self, draw: Draw, answer: Any, channels: int, padding: int, stride: int) -> None:
        # Sizes that the stride does not divide, and no square: rows are not columns.
        height, width = stride * draw.integer(3, 4) + 4, stride * draw.integer(5, 6) + 5
        size = draw.choice((2, 3))
        self.image = draw.normal(channels, height, width)
        self.kernel = draw.normal(channels, size, size)
        self.padding, self.stride = padding, stride
        self.map = a_tensor(
            answer(self.image.clone(), self.kernel.clone(), padding, stride), "The map"
        )

    def of(self, image: Tensor, kernel: Tensor) -> Tensor:
        """Returns the map of another image or kernel, without padding."""
        return F.conv2d(image[None], kernel[None], stride=self.stride)[0, 0]

    def padded(self, before: int, after: int, mode: str = "constant") -> Tensor:
        """Returns the image with so many rows and columns before and after it."""
        return F.pad(self.image[None], (before, after, before, after), mode=mode)[0]

    def expect(self, mistakes: Mapping[str, Any], otherwise: str) -> None:
        """Raises NotYet unless the map is right."""
        wanted = self.of(self.padded(self.padding, self.padding), self.kernel)
        if self.map.shape != wanted.shape:
            shapes = f"{tuple(wanted.shape)}, not {tuple(self.map.shape)}"
            otherwise = f"{otherwise} The map must have the shape {shapes}."
        expect_close(self.map, wanted, mistakes, otherwise)


def _expect_padding(trial: _Trial) -> None:
    """Raises NotYet unless the map of an image with padding 2 is right."""
    sides, modes = ((2, 0), (0, 2), (1, 1)), ("replicate", "reflect", "circular")
    mistakes = {
        "The padding is left out.": trial.of(trial.image, trial.kernel),
        "Padding goes on all four sides, with `padding` rows or columns on each of them.": [
            trial.of(trial.padded(*side), trial.kernel) for side in sides
        ],
        "Padding is made of zeros.": [
            trial.of(trial.padded(2, 2, mode), trial.kernel) for mode in modes
        ],
    }
    trial.expect(mistakes, "Padding does not give the right map yet.")


@exercise(
    "A filter slides, with padding and stride",
    kind="complete",
    objective="cross-correlation by hand; stride, padding; channels",
    points=3,
    hints=(
        "The chapter's `cross_correlate` does it for one channel, without padding and with "
        "stride 1. Draw the padded image on paper, and mark where the second window begins.",
        "Put zeros on all four sides: `F.pad` takes (left, right, top, bottom). The window of "
        "`row` begins in row `row * stride` of the padded image.",
        "`padded = F.pad(image, (padding,) * 4)`, `height = (padded.shape[1] - size) // stride + "
        "1`, the same for `width`; the window is `padded[:, y : y + size, x : x + size]` with "
        "`y = row * stride` and `x = column * stride`.",
    ),
)
def correlate(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(image, kernel, padding, stride)` is the map of a filter (C, k, k), (H', W')."""
    plain = _Trial(draw, answer, channels=1, padding=0, stride=1)
    mistakes = {
        "This turns the kernel by 180 degrees first, as mathematicians do. A layer takes it as it "
        "stands.": plain.of(plain.image, plain.kernel.flip(1, 2)),
        "Rows and columns of the kernel are exchanged.": plain.of(plain.image, plain.kernel.mT),
    }
    plain.expect(mistakes, "One channel, no padding and stride 1 do not give the right map yet.")
    deep = _Trial(draw, answer, channels=draw.integer(2, 4), padding=0, stride=1)
    mistakes = {
        "Only the first channel counts here. A filter reads all channels, and adds up.": (
            deep.of(deep.image[:1], deep.kernel[:1])
        )
    }
    deep.expect(mistakes, "Several channels: add up the products over all of them.")
    _expect_padding(_Trial(draw, answer, channels=1, padding=2, stride=1))
    quick = _Trial(draw, answer, channels=2, padding=1, stride=draw.integer(2, 3))
    height, width = quick.map.shape[-2:]
    dense = F.conv2d(quick.padded(1, 1)[None], quick.kernel[None])[0, 0]
    mistakes = {
        "The window still moves by one pixel: with a stride of s it moves by s.": (
            dense[:height, :width]
        )
    }
    quick.expect(mistakes, f"Padding 1 and stride {quick.stride} do not give the right map yet.")


@exercise(
    "Cross-entropy from logits",
    kind="write",
    objective="logits, softmax, cross-entropy",
    misconceptions=("softmax before CrossEntropyLoss",),
    points=3,
    hints=(
        "The loss is minus the logarithm of the probability of the true class, on average.",
        "$e^{89}$ is too large for a 32-bit number. The softmax does not change when you subtract "
        "the same number from all logits of a row: subtract their largest first.",
        "`shifted = logits - logits.max(1, keepdim=True).values`, `log_p = shifted - shifted.exp()"
        ".sum(1, keepdim=True).log()`; the loss is minus the mean of `log_p[range(len(labels)), "
        "labels]`.",
    ),
)
def cross_entropy(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(logits, labels)` is the mean loss of logits (N, classes) and labels (N,)."""
    classes = draw.integer(3, 12)
    logits, labels = 3 * draw.normal(32, classes), draw.integers(0, classes, 32)
    loss = a_tensor(answer(logits.clone(), labels.clone()), "The loss", ())
    wanted = F.cross_entropy(logits, labels)
    log_p = logits.log_softmax(1)
    mistakes = {
        "This is a softmax too many: the logits went through a softmax before a loss that applies "
        "it itself.": F.cross_entropy(logits.softmax(1), labels),
        "This is the sum; the mean is asked for.": wanted * len(labels),
        "The sign is wrong: a loss falls when the answer is right.": -wanted,
        "This is in bits; the natural logarithm gives nats.": wanted / torch.tensor(2.0).log(),
        "This is a mean over all classes: only the true class of each row counts.": -log_p.mean(),
        "This counts all classes: only the true class of each row counts.": -log_p.sum(1).mean(),
        "The softmax runs over the rows: the probabilities of one row add up to one.": (
            -logits.log_softmax(0)[torch.arange(32), labels].mean()
        ),
        "The logarithm is missing: this is minus the mean probability of the true class.": (
            -log_p.exp()[torch.arange(32), labels].mean()
        ),
    }
    expect_close(loss, wanted, mistakes, "The loss of random logits is not right.")
    steep = a_tensor(answer(200 * logits, labels), "The loss of logits in the hundreds", ())
    expect(close(steep, F.cross_entropy(200 * logits, labels)), "Large logits give a wrong loss.")
