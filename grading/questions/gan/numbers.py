"""Questions of chapter 2 about the smallest games, where each step can be computed by hand."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind

GAME = "minimax game and the optimal discriminator"


@kind(
    "One pixel, three sevens",
    objective=GAME,
)
def best_pixel(draw: Draw) -> Question:
    """Computes what a loss of squared differences asks of a pixel."""
    low = [draw.number(0.0, 0.25), draw.number(0.0, 0.25)]
    values = draw.sample([*low, draw.number(0.8, 1.0)], 3)
    shown = ", ".join(f"{value:.2f}" for value in values)
    text = (
        "Three images of a seven are equally right. One pixel, where 1 is ink, has the values "
        f"{shown} in them. A network is to draw a seven, and its loss is the mean squared "
        "difference to the three. Which value is best for the pixel?"
    )
    because = (
        "The mean square is lowest at the mean of the values. That is grey, and none of the three "
        "looks so: a blur."
    )
    mistakes = {
        "This is the middle one, which is best for differences that are not squared.": (
            sorted(values)[1]
        ),
        "One image alone does not decide: all three are equally right.": max(values),
        "This lies halfway between the least and the largest, and forgets the third.": (
            (min(values) + max(values)) / 2
        ),
        "The palest image is not the only right one.": min(values),
        "A loss of squares asks for grey where the images differ, not for clear ink.": 1.0,
    }
    return compute(draw, text, sum(values) / 3, because, mistakes, decimals(2))


@kind(
    "What is asked of three pixels",
    objective="alternating updates and `detach`",
    misconceptions=("the generator sees real data",),
)
def asked_of_pixels(draw: Draw) -> Question:
    """Reads the way back from a discriminator's weights."""
    signs = draw.sample([-1, 1, draw.choice((-1, 1))], 3)
    weights = [each * draw.number(0.2, 3.0, 1) for each in signs]
    pixels = [draw.number(0.1, 0.9, 1) for _ in range(3)]
    sign = [weight > 0 for weight in weights]

    def told(ways: list[bool]) -> str:
        return ", ".join("darker" if way else "lighter" for way in ways)

    text = (
        "A discriminator adds up three pixels, where 1 is ink, with the weights "
        f"{', '.join(map(str, weights))}; the sum is its logit of being real. A generated image "
        f"has the pixels {', '.join(map(str, pixels))}. What does the gradient ask of them, so "
        "that the image is believed more?"
    )
    because = (
        "The logit rises with a pixel whose weight is positive, and falls with the others. That "
        "is all that the generator hears; no real image is shown to it."
    )
    wrong = {
        told([pixel < 0.5 for pixel in pixels]): (
            "Where a pixel stands plays no part: the logit is a straight sum."
        ),
        told([weight > 1.5 for weight in weights]): (
            "The size of a weight says how much, and its sign which way."
        ),
        told([not way for way in sign]): "This is what the discriminator asks for, to doubt more.",
        told([True] * 3): "More ink is not always more real: a weight may be negative.",
        told([False] * 3): "Less ink is not always more real: a weight may be positive.",
    }
    return choose(draw, text, told(sign), because, wrong)


@kind(
    "One step of the slope",
    objective=GAME,
)
def one_round(draw: Draw) -> Question:
    """Takes the discriminator's step in a game with two numbers."""
    point, slope = draw.number(0.4, 1.6, 1), draw.choice((-1, 1)) * draw.number(0.2, 1.5, 1)
    rate = draw.choice((0.2, 0.5, 1.0))
    text = (
        "All data lie at 0, and the generator puts everything at the point "
        f"{point}. The discriminator's logit of a place is its slope times the place, and the "
        f"slope is {slope}. It climbs: it makes $\\log (1 - D)$ at the point larger, with a "
        f"learning rate of {rate:g}. What does the slope become?"
    )
    believed = 1 / (1 + math.exp(-slope * point))
    because = (
        f"The discriminator gives the point the probability {believed:.3f}. The derivative by the "
        f"slope is minus the point times that, {-point * believed:.3f}."
    )
    mistakes = {
        "This goes down: it makes the point more believed.": slope + rate * point * believed,
        "The derivative by the slope brings the point as a factor.": slope - rate * believed,
        "This is the generator's derivative, which brings the slope as a factor.": (
            slope - rate * slope * believed
        ),
        "This leaves out the probability, as if the point were surely believed.": (
            slope - rate * point
        ),
        "Here the point's probability of being generated stands in place of the other.": (
            slope - rate * point * (1 - believed)
        ),
    }
    right = slope - rate * point * believed
    return compute(draw, text, right, because, mistakes, decimals(2))


#: Where each way of playing leads, and why another way does not lead there.
WAYS = {
    "momentum of one half": (
        "further and further out", "Momentum points where the other player was."
    ),
    "an R1 penalty": ("to rest in the centre", "The penalty lets the game come to rest."),
    "plain steps in turn": ("around, and neither out nor in", "Plain players circle each other."),
    "the mean of plain play so far": (
        "near the centre, where no single position is", "The mean of a circle is its centre."
    ),
}  # fmt: skip


@kind(
    "Where the game leads",
    objective="a modern stabiliser",
)
def where_it_leads(draw: Draw) -> Question:
    """Matches a way of playing with where it leads."""
    way, steps = draw.choice(sorted(WAYS)), draw.choice((150, 200, 300))
    leads, because = WAYS[way]
    text = (
        "Two numbers play: a point as generator and a slope as discriminator, with a small "
        f"learning rate. After {steps} steps the path has led {leads}. Whose path is it?"
    )
    wrong = {other: f"{says[1]} It leads {says[0]}." for other, says in WAYS.items()}
    return choose(draw, text, way, because, wrong)
