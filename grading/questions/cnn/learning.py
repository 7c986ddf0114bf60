"""Questions of chapter 1 about the loss, and how it is made small."""

from __future__ import annotations

import math
from functools import partial

from aigc_utils.exercises.chapter import Draw
from aigc_utils.plotting import Picture, curves

from ..kinds import Question, choose, compute, decimals, kind, whole


@kind(
    "Where filters come from",
    objective="gradient descent, Adam",
    misconceptions=("filters are designed by hand",),
    public=True,
)
def who_makes_filters(draw: Draw) -> Question:
    """Asks how a filter came to find a pattern."""
    count = draw.choice((8, 16, 32, 64))
    pattern = draw.choice(("upright edges", "slanted strokes", "ends of strokes", "level edges"))
    text = (
        f"A network was trained to classify digits. One of the {count} filters in its first layer "
        f"now answers to {pattern}. How did this filter get its weights?"
    )
    right = "They began at random, and each step moved them against the gradient of the loss."
    because = (
        "Filters are parameters like all others. That this pattern helps to tell digits apart is "
        "found by gradient descent, and nobody has to know it before."
    )
    wrong = {
        "Whoever built the network chose the pattern, and wrote a filter that finds it.": (
            "Filters were designed by hand before; in this network nobody has written one."
        ),
        "The layer starts with a stored set of common patterns, and training picks from them.": (
            "A new layer holds random numbers, no patterns, and training changes all of them."
        ),
        f"They are the mean of all pieces of the training images that show {pattern}.": (
            "Nothing collects pieces of images: weights move along gradients of the loss."
        ),
        "They kept their random start, and only the last layer was trained to make use of them.": (
            "Backpropagation gives every layer its gradient, the first one too."
        ),
        f"The labels of the images said where {pattern} are, and the layer learned from that.": (
            "A label is one digit for a whole image. It names no patterns and no places."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "A loss from three scores",
    objective="logits, softmax, cross-entropy",
)
def loss_of_scores(draw: Draw) -> Question:
    """Computes a cross-entropy by hand."""
    logits = [float(value) for value in draw.sample(range(-2, 4), 3)]
    label = draw.integer(0, 2)
    names = ("cat", "dog", "bird")
    scores = ", ".join(f"{value:g} for {n}" for value, n in zip(logits, names, strict=True))
    text = (
        f"A network gives an image the logits {scores}. The image shows a {names[label]}. What is "
        "its cross-entropy, in nats?"
    )
    powers = [math.exp(value) for value in logits]
    p = [power / sum(powers) for power in powers]
    again = [math.exp(value) for value in p]
    because = (
        f"Softmax gives the {names[label]} a probability of {p[label]:.3f}, and the loss is minus "
        "its natural logarithm."
    )
    mistakes = {
        "This is in bits: nats take the natural logarithm.": -math.log2(p[label]),
        "Softmax is applied twice here: the loss takes logits, and applies it itself.": (
            -math.log(again[label] / sum(again))
        ),
        "This is the probability that is missing; the loss is minus a logarithm.": 1 - p[label],
        "This is a mean over all classes; only the true class counts.": (
            -sum(map(math.log, p)) / len(p)
        ),
        f"This would be the loss if the image showed a {names[label - 1]}.": -math.log(
            p[label - 1]
        ),
    }
    return compute(draw, text, -math.log(p[label]), because, mistakes, decimals(2))


@kind(
    "A softmax too many",
    objective="logits, softmax, cross-entropy",
    misconceptions=("softmax before CrossEntropyLoss",),
    public=True,
)
def softmax_twice(draw: Draw) -> Question:
    """Asks how low the loss gets if the network ends in a softmax of its own."""
    classes = draw.integer(4, 40)
    text = (
        f"A network for {classes} classes ends in a softmax, and its output goes into "
        "`nn.CrossEntropyLoss`. Training goes as well as it possibly can: the network gives the "
        "true class of each image the probability 1. What does the loss show, in nats?"
    )
    because = (
        "The loss applies a softmax of its own to the scores 1, 0, 0 and so on: the true class "
        f"keeps e / (e + {classes - 1}), and the loss is minus the logarithm of that. No error "
        "is shown, and the loss never comes near zero."
    )
    mistakes = {
        "That would be so if the loss took probabilities; it applies a softmax itself.": (0.0),
        "This is the loss of equal scores; the true class still has a higher one.": (
            math.log(classes)
        ),
        "This is the score of the true class, not its loss.": 1.0,
        "The other scores are 0, and e to the power of 0 is 1: they share in the sum.": (
            math.log(classes) - 1
        ),
        "This counts the true class twice in the sum.": math.log(1 + classes / math.e),
    }
    right = math.log(1 + (classes - 1) / math.e)
    return compute(draw, text, right, because, mistakes, decimals(2))


@kind(
    "One step downhill",
    objective="gradient descent, Adam",
)
def one_step(draw: Draw) -> Question:
    """Takes a step of gradient descent on a parabola."""
    factor, middle = draw.integer(2, 4), draw.integer(1, 4)
    start = middle + draw.choice((-3, -2, 2, 3))
    rate = draw.choice((0.05, 0.1, 0.15, 0.2))
    gradient = 2 * factor * (start - middle)
    text = (
        f"The loss of a single weight $w$ is ${factor} (w - {middle})^2$. It stands at "
        f"$w = {start}$, and the learning rate is {rate}. Where does one step of plain gradient "
        "descent take it?"
    )
    because = (
        f"The gradient is {2 * factor} times ({start} - {middle}), which is {gradient}. The step "
        "goes against it, and is as long as the learning rate times the gradient."
    )
    mistakes = {
        "This step goes along the gradient, uphill.": start + rate * gradient,
        "The derivative of a square brings a factor of 2, which is missing here.": (
            start - rate * gradient / 2
        ),
        "This takes the loss away, not its gradient.": start
        - rate * factor * (start - middle) ** 2,
        "The learning rate is left out here.": float(start - gradient),
        "Only the sign of the gradient is used here, as in Adam's first step.": (
            start - math.copysign(rate, gradient)
        ),
    }
    return compute(draw, text, start - rate * gradient, because, mistakes, decimals(2))


def _losses(best: int, last: int) -> Picture:
    """Draws a training loss that falls, and a loss on other images that turns."""
    epochs = list(range(1, last + 1))
    train = [0.06 + 1.1 * math.exp(-1.6 * epoch / best) for epoch in epochs]
    lowest = 0.42
    other = [lowest + 0.9 * math.log(epoch / best) ** 2 * (0.35 + 0.25 * (epoch > best))
             for epoch in epochs]  # fmt: skip
    lines = {
        "training images": (epochs, train),
        "images held back": (epochs, other),
    }
    low = other.index(min(other)) + 1
    alt = (
        f"Loss over {last} epochs. On training images it falls all the way, from {train[0]:.2f} to "
        f"{train[-1]:.2f}. On images held back it falls from {other[0]:.2f} to {min(other):.2f} "
        f"after epoch {low}, and then rises to {other[-1]:.2f}."
    )
    return curves(lines, x_label="epoch", y_label="loss in nats", alt=alt, height=2.4)


@kind(
    "When to stop",
    objective="overfitting, augmentation, batch norm in train and eval mode",
)
def best_epoch(draw: Draw) -> Question:
    """Reads from two curves which weights to keep."""
    best, last = draw.integer(5, 9), draw.integer(16, 24)
    text = (
        "The figure shows a network's loss on its training images and on images held back, after "
        "each epoch. The weights of every epoch were kept. Which ones do you take for new images?"
    )
    because = (
        "New images are like those held back, and there the loss is lowest after this epoch. "
        "Later the network learns what is accidental in the training images."
    )
    mistakes = {
        "The training loss is lowest there, and says little about other images.": last,
        "After one epoch the network has hardly learned anything, and both losses are high.": 1,
        "There the loss on images held back has already risen again.": (best + last) // 2,
        "There the loss on images held back still falls.": (best + 1) // 2,
    }
    picture = partial(_losses, best, last)
    show = lambda epoch: f"those after epoch {whole(epoch)}"  # noqa: E731
    return compute(draw, text, best, because, mistakes, show, picture)
