"""Questions of chapter 2 about how good the samples are, and which numbers can tell."""

from __future__ import annotations

import math
from functools import partial

import torch

from aigc_utils.exercises.chapter import Draw
from aigc_utils.plotting import Picture, class_bars

from ..kinds import Question, choose, compute, decimals, kind


@kind(
    "The accuracy of a discriminator",
    objective="minimax game and the optimal discriminator",
    misconceptions=("50 % accuracy proves convergence",),
)
def accuracy_of_a_player(draw: Draw) -> Question:
    """Computes a discriminator's accuracy from what it says of both kinds of images."""
    real, fooled = draw.integer(60, 95), draw.integer(20, 55)
    text = (
        f"A discriminator takes {real} % of the real images for real, and {fooled} % of the made "
        "ones. Half of the images are made. What is its accuracy, in percent?"
    )
    because = (
        f"It is right on {real} % of the real images and on {100 - fooled} % of the made ones; its "
        "accuracy is the mean of the two."
    )
    mistakes = {
        "This is the share of images that it takes for real, right or wrong.": (real + fooled) / 2,
        "This counts the real images alone.": float(real),
        "This counts the made images alone.": 100.0 - fooled,
        "This is how much more often it believes a real image; a guess would then score zero.": (
            float(real - fooled)
        ),
        "This is its error rate.": 100 - (real + 100 - fooled) / 2,
    }
    return compute(draw, text, (real + 100 - fooled) / 2, because, mistakes, decimals(1))


@kind(
    "Right in half of the cases",
    objective="minimax game and the optimal discriminator",
    misconceptions=("50 % accuracy proves convergence",),
    public=True,
)
def half_right(draw: Draw) -> Question:
    """Asks what an accuracy of one half proves."""
    step, accuracy = draw.choice((200, 1500, 4000)), draw.number(49.6, 50.4, 1)
    text = (
        f"At step {step} a discriminator is right on {accuracy} % of its images. Half of them "
        "are real, and half are made. What follows?"
    )
    right = "Nothing certain: the images may be perfect, or the discriminator may know nothing."
    because = (
        "An untrained discriminator scores one half as well, and so does one that takes all images "
        "for real. Another measure has to decide."
    )
    wrong = {
        "The game has converged, as only the data's own distribution cannot be told apart.": (
            "The best discriminator cannot tell it apart; this one may simply be poor."
        ),
        "The discriminator gives each image a probability of about one half of being real.": (
            "One that takes all images for real, and is sure of it, has the same accuracy."
        ),
        "The generator has collapsed, as its images are then all judged in the same way.": (
            "Nothing here speaks of variety, and a collapsed generator is often easy to recognise."
        ),
        "Training can stop, as neither of the players has a gradient left to learn from.": (
            "A gradient depends on the answers' slope, not on how many are right."
        ),
        "The discriminator's learning rate is too low, or else its accuracy would be higher.": (
            "That is one possible cause; perfect images are another, and the number is the same."
        ),
    }
    return choose(draw, text, right, because, wrong)


def _shares(missing: list[int], seed: int) -> Picture:
    """Draws how often each digit stands among samples that lack some."""
    rng = torch.Generator().manual_seed(seed)
    made = 0.7 + 0.6 * torch.rand(10, generator=rng)
    made[missing] = 0.0
    return class_bars({"real images": torch.full((10,), 0.1), "samples": made / made.sum()})


@kind(
    "What is missing",
    objective="mode collapse",
    misconceptions=("collapse = memorising",),
)
def missing_digits(draw: Draw) -> Question:
    """Names a failure from the shares of digits and the distance to the training images."""
    missing = sorted(draw.sample(range(10), draw.integer(4, 6)))
    seed, count = draw.integer(0, 9999), draw.choice((1_000, 2_000, 5_000, 10_000))
    text = (
        f"The figure shows how often a judge reads each digit, among {count:,} real images and "
        f"{count:,} samples of a GAN. The samples are sharp and easy to read, and on average they "
        "lie as far from the nearest training image as test images do. What has gone wrong?"
    )
    right = "Mode collapse: the generator leaves digits out, and copies none of those it draws."
    because = (
        "Whole digits are missing, which is a collapse. Copies would lie much closer to a training "
        "image than new digits do, and these don't."
    )
    wrong = {
        "Memorising: a generator that draws few digits has learned single images by heart.": (
            "Copies would lie closer to training images than test images do. Few kinds of digits "
            "are no copies."
        ),
        "Both collapse and memorising: the first one always brings the second one with it.": (
            "They are two failures: the distance to the training images rules out copies here."
        ),
        "Low precision: the missing digits are drawn so badly that the judge cannot read them.": (
            "The samples are sharp and easy to read, so they lie among real images."
        ),
        "Nothing: a generator may choose which digits to draw as long as they look real.": (
            "The data hold all ten digits, and a model of the data has to draw them all."
        ),
    }
    return choose(draw, text, right, because, wrong, partial(_shares, missing, seed))


@kind(
    "The distance of two bells",
    objective="Fréchet distance, precision and recall, coverage, and their sample-size bias",
)
def two_bells(draw: Draw) -> Question:
    """Computes a Fréchet distance of one feature."""
    means = draw.sample((1.0, 1.5, 2.5, 3.0, 4.5), 2)
    spreads = draw.sample((0.5, 1.5, 2.0, 3.0), 2)
    text = (
        "A judge has a single feature. Real images have the mean "
        f"{means[0]:g} and the standard deviation {spreads[0]:g}, samples the mean {means[1]:g} "
        f"and the standard deviation {spreads[1]:g}. What is the Fréchet distance as the course "
        "states it, the square?"
    )
    because = (
        "With one feature it is the squared difference of the means plus the squared difference of "
        "the standard deviations."
    )
    shift, (a, b) = means[0] - means[1], spreads
    mistakes = {
        "This is the root; the course states the square.": math.hypot(shift, a - b),
        "Only the means are compared here.": shift**2,
        "This takes the difference of the variances, and does not square it.": (
            shift**2 + abs(a**2 - b**2)
        ),
        "The variances are added here; equal spreads would then not give zero.": (
            shift**2 + a**2 + b**2
        ),
        "The differences are not squared here.": abs(shift) + abs(a - b),
    }
    return compute(draw, text, shift**2 + (a - b) ** 2, because, mistakes, decimals(2))


@kind(
    "Two distances from two places",
    objective="Fréchet distance, precision and recall, coverage, and their sample-size bias",
    misconceptions=("a Fréchet distance means something without its feature network and floor",),
    public=True,
)
def two_papers(draw: Draw) -> Question:
    """Asks whether two Fréchet distances can be compared."""
    ours, theirs = draw.number(2.0, 3.9, 1), draw.number(7.0, 12.9, 1)
    count = draw.choice((5_000, 10_000))
    text = (
        f"For your digits you measure a Fréchet distance of {ours}, with the features of the "
        f"course's judge and {count:,} images. A paper reports {theirs} for its digits, with "
        f"another feature network and {count:,} images. Which generator is better?"
    )
    right = "That cannot be said, as the two numbers have different units."
    because = (
        "The distance is measured in squared units of the features, so another network gives "
        "another scale. Compare each with its floor, the distance of real images, or measure both "
        "with one judge."
    )
    wrong = {
        "Yours is, as the lower distance is the better one.": (
            "Lower is better within one feature network. These are two."
        ),
        f"Yours is, and its images are about {theirs / ours:.0f} times as good.": (
            "The scales differ, and a distance is no measure of quality that could be divided."
        ),
        "Yours is, as both were measured with equally many images.": (
            "Equally many images are needed, and are not enough: the features differ."
        ),
        "The paper's is, as a larger feature network gives larger numbers.": (
            "The other scale is unknown, and so is the order of the two."
        ),
    }
    return choose(draw, text, right, because, wrong)


#: What samples look like, and why another pair of precision and recall does not fit them.
LOOKS = {
    "low, high": (
        "show blots of every sort, among them all kinds of real digits, and most are no digit",
        "That fits samples most of which are no digits, but reach all kinds of real ones.",
    ),
    "high, low": (
        "look like real digits, every one of them, and all show the same few shapes of one digit",
        "That fits samples that look real, and are all alike.",
    ),
    "high, high": (
        "look like real digits, every one of them, and all shapes of all digits turn up",
        "That fits samples that look real, and show everything that the data show.",
    ),
    "low, low": (
        "look like no digit, every one of them, and are all alike",
        "That fits samples that nowhere look real, and miss almost all real images.",
    ),
}


@kind(
    "Few digits, drawn well",
    objective="Fréchet distance, precision and recall, coverage, and their sample-size bias",
)
def few_but_good(draw: Draw) -> Question:
    """Matches what samples look like with precision and recall."""
    case = draw.choice(sorted(LOOKS))
    shown = {}
    for name in LOOKS:
        low, high = draw.sample(range(8, 20), 2), draw.sample(range(88, 98), 2)
        values = [
            {"low": low, "high": high}[word][i] / 100 for i, word in enumerate(name.split(", "))
        ]
        shown[name] = f"precision {values[0]:.2f}, recall {values[1]:.2f}"
    text = (
        f"The data are all ten digits. A generator's samples {LOOKS[case][0]}. Which precision and "
        "recall fit this best?"
    )
    because = (
        "Precision asks how many samples lie among real images, recall how many real images lie "
        "among samples."
    )
    wrong = {shown[name]: LOOKS[name][1] for name in LOOKS}
    return choose(draw, text, shown[case], because, wrong)
