"""Questions of chapter 1 about images as tensors, and about what a layer's weights are for."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, kind, whole


@kind(
    "How large a batch is",
    objective="shape and parameter arithmetic",
)
def bytes_of_a_batch(draw: Draw) -> Question:
    """Counts the bytes of a tensor of colour images."""
    count = draw.choice((16, 32, 64, 100))
    height, width = draw.integer(20, 40), draw.integer(41, 64)
    text = (
        f"{count} colour photographs, {height} pixels high and {width} wide, lie in one tensor of "
        "32-bit floats. How many bytes does it take?"
    )
    because = (
        f"The tensor has the shape ({count}, 3, {height}, {width}), and each of its numbers takes "
        "four bytes."
    )
    values = count * 3 * height * width
    mistakes = {
        "This is the number of values; 32 bits are four bytes.": values,
        "A colour photograph has three channels, not one.": 4 * values // 3,
        "This is a single photograph.": 4 * values // count,
        "These are bits; eight of them are a byte.": 32 * values,
        "A double takes eight bytes; 32 bits are four.": 8 * values,
    }
    return compute(draw, text, 4 * values, because, mistakes, whole)


#: What is done, the part of the data that it takes, and why no other part.
PARTS = {
    "moves the weights of a network along the gradient of its loss": (
        "the training set",
        "The weights may see this part only: they learn from the training images.",
    ),
    "chooses the best of twelve learning rates": (
        "the validation set",
        "Choosing needs images that no weight has seen, and not those of the last report.",
    ),
    "reports how well the finished network does on new images": (
        "the test set",
        "Only images that decided nothing give a fair number at the end.",
    ),
}


@kind(
    "Which images for what",
    objective="evaluating on data held back",
    misconceptions=("tuning on the test set",),
)
def part_of_the_data(draw: Draw) -> Question:
    """Asks which part of the data a task may use."""
    task = draw.choice(sorted(PARTS))
    who = draw.choice(("A student", "A team", "A company", "A doctor", "An engineer"))
    total = draw.choice((20_000, 60_000, 100_000))
    right, because = PARTS[task]
    text = (
        f"{who} has {total:,} labelled images, in a training set, a validation set and a test set, "
        f"and now {task}. Which images serve for this?"
    )
    wrong = {
        "the training set": "These images shaped the weights, so they flatter any result.",
        "the validation set": "These are for choosing: they teach no weights and report nothing.",
        "the test set": "What the test set decides, it can no longer judge fairly.",
        "all three sets": "Then no image is left that is new to the network.",
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "Follow the shapes",
    objective="shape and parameter arithmetic",
)
def numbers_that_leave(draw: Draw) -> Question:
    """Counts the numbers that leave a stack of blocks."""
    side, channels = draw.choice((32, 48, 64, 96)), draw.choice((8, 12, 16))
    text = (
        f"An image of {side} by {side} pixels goes through three blocks. Each of them halves the "
        f"sides of the feature maps, and they give {channels}, {2 * channels} and {4 * channels} "
        "channels. How many numbers leave the last block?"
    )
    place = side // 8
    because = (
        f"Halved three times, a side of {side} is {place}. There are {4 * channels} maps of "
        f"{place} by {place} numbers."
    )
    mistakes = {
        "A map has two sides: this counts the numbers of one row.": 4 * channels * place,
        "The sides are halved three times, not twice.": 4 * channels * (side // 4) ** 2,
        "This is one of the maps; the last block gives many of them.": place**2,
        "The maps of the earlier blocks do not leave: each block reads those before it.": (
            7 * channels * place**2
        ),
        "Channels of one block after another are not multiplied.": 8 * channels**3 * place**2,
    }
    return compute(draw, text, 4 * channels * place**2, because, mistakes, whole)


@kind(
    "The same stroke elsewhere",
    objective="cross-correlation by hand",
    misconceptions=("filters are designed by hand",),
    public=True,
)
def stroke_elsewhere(draw: Draw) -> Question:
    """Asks what shared weights are good for."""
    here, there = draw.sample(("upper left", "upper right", "lower left", "lower right"), 2)
    count = draw.choice((8, 16, 32))
    text = (
        f"In all training images a certain stroke stands in the {here}. A new image has it in the "
        f"{there}. What does a convolution with {count} filters have over a fully connected layer?"
    )
    right = "A filter that has learned the stroke answers to it at the new place too."
    because = (
        "A filter has one set of weights, which slides over all places. A fully connected neuron "
        "has other weights there, and those have never met the stroke."
    )
    wrong = {
        "It moves the stroke back to the place where it stood in training.": (
            "Nothing is moved: the feature map shows where the filter answers."
        ),
        f"Its {count} filters were written for strokes, and the neurons were not.": (
            "Nobody writes filters: both kinds of weights are learned."
        ),
        "It has more weights, and so some of them are left for other places.": (
            "It has far fewer weights, and uses the same ones at all places."
        ),
        "It does not see where a stroke stands, and neither do the layers after it.": (
            "Its map keeps the place: the answer moves along with the stroke."
        ),
        "Nothing, as neither layer has ever met the stroke at that place.": (
            "The filter need not meet it there: its weights are the same at all places."
        ),
    }
    return choose(draw, text, right, because, wrong)
