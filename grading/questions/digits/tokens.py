"""Questions about images as rows of tokens, and about a writer that reads them."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, compute, decimals, kind, whole


@kind(
    "An image as a text",
    objective="images as tokens",
)
def patches_and_a_name(draw: Draw) -> Question:
    """Counts the tokens of an image."""
    patch, across = draw.choice((2, 4, 7, 8)), draw.integer(4, 12)
    side = patch * across
    text = (
        f"An image of {side} by {side} pixels is cut into patches of {patch} by {patch}. Each "
        "patch becomes a token, and one token before them names the digit. How long is the row?"
    )
    because = f"There are {across} by {across} patches, and the name makes one token more."
    mistakes = {
        "The name is a token too.": across**2,
        "These are the patches along one side, and the name.": across + 1,
        "A patch becomes one token, however many pixels it has.": side**2 + 1,
        "These are the pixels of one patch, and the name.": patch**2 + 1,
        "Patches are cut side by side; they do not overlap.": (side - patch + 1) ** 2 + 1,
    }
    return compute(draw, text, across**2 + 1, because, mistakes, whole)


@kind(
    "How much a codebook saves",
    objective="images as tokens",
)
def shorter_text(draw: Draw) -> Question:
    """Compares the bits of tokens with those of pixels."""
    patch, codes = draw.choice((2, 4, 7)), draw.choice((64, 128, 256, 512, 1024))
    count = (28 // patch) ** 2
    text = (
        f"A digit of 28 by 28 pixels, eight bits each, becomes {count} tokens out of a codebook of "
        f"{codes:,}. By which factor are there fewer bits?"
    )
    bits = math.log2(codes)
    right = 784 * 8 / (count * bits)
    because = (
        f"A token of {codes:,} takes {bits:g} bits, so the image takes {count * bits:g} in place "
        "of 6,272. What the factor leaves out is lost."
    )
    mistakes = {
        "This compares pixels with tokens; a token takes other bits than a pixel.": 784 / count,
        "A token takes bits too, the logarithm of the codebook's size.": 784 * 8 / count,
        "A pixel takes eight bits, not one.": 784 / (count * bits),
        "This is a patch's share: the bits of one token for a pixel.": bits / patch**2,
        "Nats are not bits: this takes the natural logarithm.": (
            784 * 8 / (count * math.log(codes))
        ),
    }
    return compute(draw, text, right, because, mistakes, decimals(1))


@kind(
    "Read by surprise",
    objective="Bayes' rule: a writer that reads",
)
def read_by_surprise(draw: Draw) -> Question:
    """Turns nats under each name into the probability of a name."""
    base = draw.integer(96, 110)
    nats = draw.sample([base, base + draw.integer(1, 2), base + draw.integer(3, 4)], 3)
    names = draw.sample(range(10), 3)
    told = ", ".join(f"{n} nats as a {name}" for n, name in zip(nats, names, strict=True))
    asked = draw.integer(0, 2)
    text = (
        f"An image costs a GPT {told}, and far more under all other names. All digits are equally "
        f"frequent. With which probability does the image show a {names[asked]}?"
    )
    because = (
        "By Bayes' rule the probability of a name is proportional to that of the image under it: "
        "e to the power of minus its nats, divided by the sum over the names."
    )
    powers = [math.exp(base - n) for n in nats]
    bits = [2.0 ** (base - n) for n in nats]
    own = powers[asked]
    mistakes = {
        "This shares by the nats themselves; they are logarithms.": nats[asked] / sum(nats),
        "Fewer nats are more probable: the sign is missing here.": (
            (1 / own) / sum(1 / power for power in powers)
        ),
        "These are nats, not bits: the powers are those of e.": bits[asked] / sum(bits),
        "The names are not equally probable once the image has been seen.": 1 / 3,
        "This is compared with the likeliest name alone, and not divided by the sum.": own,
        "Only two of the three names are compared here.": own / (own + max(
            p for i, p in enumerate(powers) if i != asked
        )),
    }  # fmt: skip
    return compute(draw, text, own / sum(powers), because, mistakes, decimals(3))
