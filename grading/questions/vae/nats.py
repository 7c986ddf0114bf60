"""Questions of chapter 3 about nats: what the parts of the loss add up to, and pay for."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, compute, decimals, kind, listed

CHOICE = "choice of likelihood and sum against mean"


@kind(
    "A pixel of -1",
    objective=CHOICE,
    misconceptions=("BCE on grey pixels is a Bernoulli likelihood",),
)
def signed_pixel(draw: Draw) -> Question:
    """Computes the cross-entropy of a pixel that is scaled to -1."""
    p = draw.choice((0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.6, 0.7))
    text = (
        "A listing scales the pixels to the range from -1 to 1 and leaves out PyTorch's check. A "
        f"pixel of paper is then t = -1, and the decoder answers with p = {p:g}. What does "
        "`-t * log(p) - (1 - t) * log(1 - p)` give?"
    )
    right = math.log(p) - 2 * math.log(1 - p)
    because = (
        "With t = -1 it is log p - 2 log (1 - p). It falls below every limit as p goes to zero, "
        "so blank paper alone would make a splendid loss."
    )
    mistakes = {
        "This is for t = 0, where paper belongs.": -math.log(1 - p),
        "This is for t = 1, a pixel of ink.": -math.log(p),
        "With t = -1 the factor 1 - t is 2, not 0.": math.log(p),
        "With t = -1 the sign of the first term turns.": -math.log(p) - 2 * math.log(1 - p),
        "The whole has the other sign here.": -right,
    }
    return compute(draw, text, right, because, mistakes, decimals(2))


@kind(
    "From parts to the whole",
    objective=CHOICE,
)
def sum_of_parts(draw: Draw) -> Question:
    """Adds up a negative ELBO from a mean over pixels and a mean over dimensions."""
    side, dims = draw.choice((16, 20, 28)), draw.choice((10, 16, 20))
    pixel, each = draw.number(0.06, 0.14), draw.number(0.8, 1.6)
    text = (
        f"On images of {side} by {side} pixels a VAE with {dims} latent dimensions has a "
        f"reconstruction loss of {pixel:.2f} nats a pixel and a KL divergence of {each:.2f} nats a "
        "dimension, both on average. What is its negative ELBO, in nats an image?"
    )
    whole, price = side**2 * pixel, dims * each
    because = (
        f"The ELBO is about a whole image: {side**2} pixels give {whole:.1f} nats, and {dims} "
        f"dimensions {price:.1f}."
    )
    mistakes = {
        "Pixels and dimensions are to be counted: both numbers are means.": pixel + each,
        "The reconstruction is left as a mean here, which makes the KL term far too heavy.": (
            pixel + price
        ),
        "The KL term is a mean over the dimensions, and is to be summed as well.": whole + each,
        "In the negative ELBO the KL term is added, not taken away.": whole - price,
        "A dimension is no pixel: the KL term has as many parts as the code has numbers.": (
            side**2 * (pixel + each)
        ),
        "Each part has its own count; they are not added first.": (side**2 + dims) * (pixel + each),
    }
    return compute(draw, text, whole + price, because, mistakes, decimals(1))


@kind(
    "What the rate holds",
    objective="prior samples against reconstructions",
)
def parts_of_the_rate(draw: Draw) -> Question:
    """Takes the mutual information from the rate."""
    carried, misfit = draw.number(17.0, 22.0, 1), draw.number(2.2, 6.5, 1)
    rate = round(carried + misfit, 1)
    text = (
        f"A VAE has a rate of {rate} nats an image. The mutual information of image and code is "
        f"{carried} nats. With the same networks, how many nats an image would a prior save that "
        "fits the codes perfectly?"
    )
    because = (
        "The rate is the mutual information plus the divergence of the aggregate posterior from "
        "the prior. A prior that equals the aggregate posterior saves the second part."
    )
    mistakes = {
        "This is what the codes say of the images, and they still have to say it.": carried,
        "The codes carry something: they cannot be had for nothing.": rate,
        "The rate holds both parts already; nothing is to be added.": rate + carried,
        "The two parts need not be equal.": rate / 2,
        "The prior has to fit all codes together, and they do not fit it yet.": 0.0,
    }
    return compute(draw, text, misfit, because, mistakes, decimals(1))


@kind(
    "The first nats are free",
    objective="posterior collapse, active units",
)
def free_bits(draw: Draw) -> Question:
    """Computes what is charged if each dimension's first nats are free."""
    free = draw.choice((0.2, 0.25, 0.3, 0.5))
    low = [draw.number(0.0, 0.15) for _ in range(2)]
    high = [draw.number(0.7, 2.5) for _ in range(3)]
    costs = draw.sample([*low, *high], 5)
    text = (
        f"The KL divergences of five latent dimensions are {listed(costs)} nats. With free bits "
        f"the first {free:g} nats of each dimension are not charged. How many nats are?"
    )
    because = (
        "A dimension below the limit costs nothing, and each other one costs what lies above it. "
        "So no dimension gains by falling silent."
    )
    total = sum(costs)
    mistakes = {
        "Without free bits all of it would be charged.": total,
        "Each dimension has free nats of its own, not all of them together.": total - free,
        "Above the limit only the rest is charged, and not the whole.": sum(high),
        "A dimension below the limit gives nothing back: its charge is zero.": total - 5 * free,
        "Only the first nats are free; what lies above them is what counts.": (
            sum(min(cost, free) for cost in costs)
        ),
    }
    right = sum(max(cost - free, 0.0) for cost in costs)
    return compute(draw, text, right, because, mistakes, decimals(2))


@kind(
    "Speckles",
    objective=CHOICE,
    misconceptions=("blur comes from KL alone",),
)
def speckles(draw: Draw) -> Question:
    """Computes how often neighbours differ if each pixel tosses its own coin."""
    percent = draw.choice((5, 10, 15, 20, 30, 35, 40))
    text = (
        f"In a soft part of a digit the decoder gives every pixel {percent} % chance of ink. A "
        "draw tosses a coin for each pixel by itself. In how many of 100 pairs of neighbours is "
        "one pixel ink and the other paper?"
    )
    p = percent / 100
    because = (
        f"Ink beside paper has the probability {p:g} times {1 - p:g}, and so has paper beside ink. "
        "The coins know nothing of each other: what was grey becomes speckled."
    )
    mistakes = {
        "Ink beside paper and paper beside ink both count.": 100 * p * (1 - p),
        "Here the neighbours always agree, as in a grey area; coins do not.": 0.0,
        "This is how often a pixel is ink.": 100 * p,
        "These are the pairs of which both are ink.": 100 * p * p,
        "These are the pairs that agree.": 100 - 200 * p * (1 - p),
    }
    return compute(draw, text, 200 * p * (1 - p), because, mistakes, decimals(1))
