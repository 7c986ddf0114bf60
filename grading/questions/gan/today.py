"""Questions of chapter 2 about labels and noise, and about where critics and fakes stand today."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, kind

TODAY = "GANs today, and deepfakes"


@kind(
    "A critic beside a loss",
    objective=TODAY,
    public=True,
)
def critic_in_a_decoder(draw: Draw) -> Question:
    """Asks what a critic adds to a decoder's loss on pixels."""
    factor, side = draw.choice((4, 8, 16)), draw.choice((256, 512, 1024))
    text = (
        f"A decoder turns codes of {side // factor} by {side // factor} places into pictures of "
        f"{side} by {side} pixels. With a loss of squared differences alone fur and leaves come "
        "out smooth. What does a critic add, trained to tell its pictures from real ones?"
    )
    right = "A loss that asks whether fur looks like fur, not whether each hair lies right."
    because = (
        "The code does not say where each hair lies, so squared differences ask for the mean of "
        "all that is possible. A critic accepts any one of them that looks real."
    )
    wrong = {
        "The detail that the code has lost, which the critic keeps from the training pictures.": (
            "A critic stores no pictures, and cannot know where the hairs were."
        ),
        "A sharper code, as the critic's gradient ends in the encoder.": (
            "The code has no more room than before; it is the decoder that invents."
        ),
        "A second picture to take the mean with, so that errors cancel.": (
            "A mean is what makes smooth fur; a critic works against it."
        ),
        "Speed: a critic's answer is quicker to compute than a difference of pixels.": (
            "It is a network of its own, and costs more."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "Shorter noise",
    objective="latent space: interpolation and truncation",
    public=True,
)
def shorter_noise(draw: Draw) -> Question:
    """Asks what truncation does to precision and recall."""
    factor, count = draw.choice((0.4, 0.5, 0.6)), draw.choice((1_000, 2_000, 5_000))
    text = (
        f"Before a trained generator draws {count:,} digits, every vector of noise is multiplied "
        f"by {factor}. What becomes of precision and recall?"
    )
    right = "More digits look real, and fewer real ones are reached."
    because = (
        "Inside the shell digits become more typical: precision rises, and recall falls. It is a "
        "bargain, quality for variety."
    )
    wrong = {
        "Both rise, as shorter noise disturbs the drawing less.": (
            "Noise is no disturbance: it is what makes one digit differ from another."
        ),
        "Both fall, as the generator was trained with longer noise.": (
            "Samples become more typical, and those lie among real digits."
        ),
        "Neither changes, as the direction of the noise alone decides.": (
            "Its length says how far a digit is from the typical one."
        ),
        "Fewer digits look real, and more of the real ones are reached.": (
            "That would be the other way: longer noise brings odder digits."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "One noise, ten labels",
    objective="latent space: interpolation and truncation",
)
def grid_of_noise(draw: Draw) -> Question:
    """Asks what the images along a side of a grid share."""
    by_rows = draw.choice((True, False))
    rows, wanted = draw.integer(4, 9), draw.choice(("digit", "handwriting"))
    one, other = ("row", "column") if by_rows else ("column", "row")
    text = (
        f"A conditional generator draws a grid of {rows} by {rows} images. Each {one} has one "
        f"vector of noise, each {other} one label. Which images have the same {wanted}?"
    )
    right = f"those of a {one if wanted == 'handwriting' else other}"
    because = "The label says what is drawn, and the noise says how."
    wrong = {
        "those of a row": "Along a row this is what changes.",
        "those of a column": "Along a column this is what changes.",
        "those of a diagonal": "Along a diagonal both change, noise and label.",
        "all of the grid": "Then noise and label would change nothing.",
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "Leave the sevens out",
    objective="mode collapse",
    public=True,
)
def leave_out_a_digit(draw: Draw) -> Question:
    """Asks why a conditional generator can't leave a digit out."""
    digit, others = draw.sample(range(10), 2)
    text = (
        f"A generator without labels never draws a {digit}, and is not punished for it. Now both "
        f"players are told which digit it is to be. The generator, asked for a {digit}, draws a "
        f"clear {others}. What happens?"
    )
    right = "The discriminator has met no real pair like it, and doubts it."
    because = (
        "It sees image and label together, and real pairs never look so. Each digit is asked for "
        "in each step, so leaving one out is found out."
    )
    wrong = {
        f"Nothing: a clear {others} looks real, and in a game of images that is all that counts.": (
            "Image and label are judged together, and the two do not belong to each other."
        ),
        f"The label is corrected to {others}, so that the pair fits again.": (
            "Labels are given; nothing corrects them."
        ),
        f"The generator is shown a real {digit}, and begins to copy it.": (
            "It never sees a real image, with labels as little as without."
        ),
        "The discriminator wins for good, and the whole game has to begin anew.": (
            "It doubts this pair, and its gradient says what would help."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "A detector and the next method",
    objective=TODAY,
    public=True,
)
def next_method(draw: Draw) -> Question:
    """Asks what a detector's accuracy says of a new method."""
    known, share = draw.integer(3, 6), draw.number(96.5, 99.5, 1)
    text = (
        f"A detector of deepfakes was trained on the fakes of {known} methods. Of new fakes by the "
        f"same methods it finds {share} %. How many will it find of a method that appears next "
        "year?"
    )
    right = "Nobody can say, as it knows the traces that these methods leave."
    because = (
        "A test holds for data like the test's. Another method may leave other traces, or none, "
        "so proving where a real picture comes from is the safer way."
    )
    wrong = {
        f"About {share} %, as the fakes of the test were new to it as well.": (
            "The pictures were new, and the methods were not."
        ),
        "None, as each method is made to deceive the detectors that exist.": (
            "Some methods leave traces that are known; it depends."
        ),
        f"At least {100 - 100 / known:.0f} %, the share that several methods have in common.": (
            "How many methods there were says nothing of what the next one shares."
        ),
        "More, as there will be more fakes by then to be found.": (
            "More fakes change the number found, and not the share."
        ),
    }
    return choose(draw, text, right, because, wrong)
