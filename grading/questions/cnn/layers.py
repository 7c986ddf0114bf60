"""Questions of chapter 1 about what layers compute, and how large that is."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, kind, listed, whole


@kind(
    "Count the weights of a small network",
    objective="input, hidden, output layers",
)
def fully_connected(draw: Draw) -> Question:
    """Counts weights and biases of a network with one hidden layer."""
    side, hidden, classes = draw.choice((8, 16, 28)), draw.integer(20, 99), draw.integer(3, 12)
    inputs = side * side
    weights = inputs * hidden + hidden * classes
    text = (
        f"A network reads images of {side} by {side} pixels. It has one hidden layer of {hidden} "
        f"neurons and an output layer of {classes}, both fully connected and with biases. How many "
        "parameters does it have?"
    )
    because = (
        f"The hidden layer has {inputs} weights and a bias for each of its {hidden} neurons, the "
        f"output layer {hidden} weights and a bias for each of its {classes}. The input layer only "
        "holds the pixels."
    )
    mistakes = {
        "The biases are missing: each neuron of the hidden and the output layer has one.": weights,
        "The input layer computes nothing, so its pixels have no biases.": (
            weights + inputs + hidden + classes
        ),
        "This leaves out the output layer.": (inputs + 1) * hidden,
        "This connects the pixels with the output layer as well.": (
            weights + hidden + classes + inputs * classes
        ),
        f"An image of {side} by {side} pixels has {inputs} inputs, not {side}.": (
            (side + 1) * hidden + (hidden + 1) * classes
        ),
    }
    right = (inputs + 1) * hidden + (hidden + 1) * classes
    return compute(draw, text, right, because, mistakes, whole)


def _grid(values: list[list[int]]) -> str:
    """Returns numbers as rows of a block of code, in columns."""
    return "\n".join(" ".join(f"{value:3d}" for value in row).rstrip() for row in values)


def _pairs(first: list[list[int]], second: list[list[int]]) -> list[tuple[int, int]]:
    """Returns the numbers that stand at the same place of two grids."""
    return [pair for rows in zip(first, second, strict=True) for pair in zip(*rows, strict=True)]


def _product(first: list[list[int]], second: list[list[int]]) -> int:
    return sum(a * b for a, b in _pairs(first, second))


@kind(
    "One place of a feature map",
    objective="cross-correlation by hand",
)
def correlate(draw: Draw) -> Question:
    """Multiplies a kernel with a piece of an image."""
    piece = [[draw.integer(1, 9) for _ in range(3)] for _ in range(3)]
    kernel = [[draw.choice((-2, -1, 1, 2, 3)) for _ in range(3)] for _ in range(3)]
    text = (
        "A layer `nn.Conv2d(1, 1, 3, bias=False)` looks at this piece of an image:\n\n"
        f"```\n{_grid(piece)}\n```\n\nIts kernel is:\n\n```\n{_grid(kernel)}\n```\n\n"
        "Which value does the feature map get there?"
    )
    because = (
        "Multiply each pixel by the weight at the same place, and add the nine products. The "
        "kernel is taken as it stands."
    )
    turned = [row[::-1] for row in kernel[::-1]]
    transposed = [list(row) for row in zip(*kernel, strict=True)]
    right = _product(piece, kernel)
    mistakes = {
        "This turns the kernel by 180 degrees first, as mathematicians do; a layer does not.": (
            _product(piece, turned)
        ),
        "Rows and columns of the kernel are exchanged here.": _product(piece, transposed),
        "Only the product in the middle is counted here; all nine are added.": (
            piece[1][1] * kernel[1][1]
        ),
        "Negative products are left out here. A ReLU would come later, and sees only the sum.": (
            sum(max(a * b, 0) for a, b in _pairs(piece, kernel))
        ),
        "This adds the pixels and ignores the weights.": sum(map(sum, piece)),
    }
    return compute(draw, text, right, because, mistakes, whole)


@kind(
    "The side of a feature map",
    objective="stride, padding",
)
def map_side(draw: Draw) -> Question:
    """Counts the places of a kernel along one side of a padded image."""
    kernel, stride = draw.choice((3, 5, 7)), draw.integer(2, 3)
    padding, size = draw.integer(1, 3), draw.integer(24, 64)
    room = size + 2 * padding - kernel
    text = (
        f"A convolution has kernels of {kernel} by {kernel} pixels, a padding of {padding} on each "
        f"side and a stride of {stride}. It reads images of {size} by {size} pixels. How many "
        "pixels wide are its feature maps?"
    )
    because = (
        f"Padded, the image is {size + 2 * padding} pixels wide. The kernel can move "
        f"{room} pixels to the right, which is {room // stride} whole steps of {stride}, and its "
        "first place counts too."
    )
    mistakes = {
        "This counts the steps; there is one place more than steps.": room // stride,
        "Padding goes on both sides; here it is counted once.": (
            (size + padding - kernel) // stride + 1
        ),
        "The padding is left out here.": (size - kernel) // stride + 1,
        f"This is the size for a stride of 1; here the kernel moves by {stride} pixels.": room + 1,
        "The kernel has to fit into the image: its size is to be taken away first.": (
            (size + 2 * padding) // stride + 1
        ),
    }
    return compute(draw, text, room // stride + 1, because, mistakes, whole)


@kind(
    "Count the parameters of a convolution",
    objective="channels",
)
def filter_parameters(draw: Draw) -> Question:
    """Counts weights and biases of a convolution with several channels."""
    into, out = draw.integer(3, 32), draw.integer(33, 64)
    kernel, size = draw.choice((3, 5)), draw.choice((14, 28, 32))
    text = (
        f"A convolution has {into} channels in, {out} channels out, kernels of {kernel} by "
        f"{kernel} pixels and biases. Its input is {size} by {size} pixels large. How many "
        "parameters does it have?"
    )
    because = (
        f"Each of the {out} filters has {kernel} by {kernel} weights for each of the {into} "
        "channels that it reads, and one bias. The size of the image plays no part."
    )
    square = kernel**2
    mistakes = {
        "Each filter has a bias too.": into * square * out,
        "A filter reads all input channels, and has weights for each of them.": (square + 1) * out,
        "A filter has one bias, not one for each input channel.": into * (square + 1) * out,
        "The biases belong to the channels out, not to the channels in.": (
            into * square * out + into
        ),
        f"A kernel of {kernel} by {kernel} pixels has {square} weights, not {kernel}.": (
            (into * kernel + 1) * out
        ),
        "The same weights serve at all places: their number does not grow with the image.": (
            (into * size**2 + 1) * out
        ),
    }
    return compute(draw, text, (into * square + 1) * out, because, mistakes, whole)


def _pooled(row: list[int], start: int = 0) -> list[int]:
    return [max(row[i : i + 2]) for i in range(start, len(row) - 1, 2)]


@kind(
    "Pool a row, then move it",
    objective="pooling",
    misconceptions=("pooling gives full invariance",),
    public=True,
)
def moved_row(draw: Draw) -> Question:
    """Asks what max pooling makes of a row that has moved by one pixel."""
    row = [*draw.sample(range(1, 10), 7), 0]
    row[:2] = sorted(row[:2])  # so that the first window's largest value changes
    moved = [0, *row[:-1]]
    text = (
        f"Max pooling with windows of 2 and a stride of 2 turns the row {listed(row)} into "
        f"{listed(_pooled(row))}. Now the row moves by one pixel to the right: it becomes "
        f"{listed(moved)}. What does pooling make of it?"
    )
    because = (
        "The windows stay where they are, so each now holds another pair. Pooling softens a shift, "
        "and does not undo it."
    )
    mistakes = {
        "Pooling does not make a network blind to a shift: each window now holds another pair.": (
            _pooled(row)
        ),
        "One pixel is only half of a window, so the pooled row is not simply moved by a place.": (
            [0, *_pooled(row)[:-1]]
        ),
        "The row moves to the right; here it has moved to the left.": _pooled([*row[1:], 0]),
        "This keeps the smallest value of each window.": [
            min(a, b) for a, b in zip(moved[::2], moved[1::2], strict=True)
        ],
    }
    wrong: dict[str, str] = {}
    for reason, values in mistakes.items():
        wrong.setdefault(listed(values), reason)
    return choose(draw, text, listed(_pooled(moved)), because, wrong)


def _in_words(kernels: list[int], strides: list[int]) -> str:
    """Returns layers as a list in words; the second one is a pooling."""
    names = ["a convolution", "a pooling", *["a convolution"] * (len(kernels) - 2)]
    layers = [
        f"{name} of {kernel} by {kernel} with a stride of {stride}"
        for name, kernel, stride in zip(names, kernels, strides, strict=True)
    ]
    return f"{', '.join(layers[:-1])}, and {layers[-1]}"


@kind(
    "How far a deep neuron sees",
    objective="receptive field",
)
def receptive_field(draw: Draw) -> Question:
    """Follows kernels and strides to the side of a receptive field."""
    kernels = [draw.choice((3, 5, 7)), 2, draw.choice((3, 5)), 3]
    strides = [draw.integer(1, 2), 2, draw.integer(1, 2), 1]
    text = (
        f"A network begins with these layers: {_in_words(kernels, strides)}. How many "
        "pixels wide is the square of the image that can move the value of one neuron after the "
        "last of them?"
    )
    steps = [math.prod(strides[:i]) for i in range(4)]
    because = (
        "Each layer adds its kernel less one, in steps as wide as the product of all strides "
        f"before it: the steps are {listed(steps)} pixels wide."
    )
    field = 1 + sum((k - 1) * step for k, step in zip(kernels, steps, strict=True))
    mistakes = {
        "The strides are left out here: a step in a deep layer is several pixels wide.": (
            1 + sum(k - 1 for k in kernels)
        ),
        "A stride widens the steps of the layers after it, not those of its own layer.": (
            1 + sum((k - 1) * s * step for k, s, step in zip(kernels, strides, steps, strict=True))
        ),
        "This adds the kernels. Neighbouring windows overlap, so each adds its size less one.": (
            sum(k * step for k, step in zip(kernels, steps, strict=True))
        ),
        "This is only what the last kernel spans; the layers before it widen each of its cells.": (
            kernels[-1] * steps[-1]
        ),
    }
    return compute(draw, text, field, because, mistakes, whole)
