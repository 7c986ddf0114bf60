"""Questions of chapter 3 about clouds of codes, and the ways between them."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind

#: What each wish makes of the clouds, and why it is not the other one's.
WISHES = {
    "reconstruction": (
        "small clouds, far apart",
        "Then no code can be mistaken for that of another image.",
    ),
    "prior": (
        "wide clouds, all around zero",
        "Each cloud on its own is then a standard normal, and the KL divergence is zero.",
    ),
}


@kind(
    "One wish alone",
    objective="ELBO derived",
)
def one_wish(draw: Draw) -> Question:
    """Asks what the clouds become if only one term of the loss counts."""
    wish, dims = draw.choice(sorted(WISHES)), draw.choice((2, 4, 8, 10, 16, 20))
    told = {
        "reconstruction": "that each image comes back from a draw of its cloud",
        "prior": "that each cloud looks like the prior, a standard normal",
    }
    text = (
        f"The encoder of a VAE answers each image with a cloud in {dims} dimensions. Only one "
        f"wish counts now: {told[wish]}. What does training make of the clouds?"
    )
    right, because = WISHES[wish]
    wrong = {
        "small clouds, far apart": "This serves reconstruction alone, which does not count here.",
        "wide clouds, all around zero": "This serves the prior alone, which does not count here.",
        "small clouds, all at zero": "This serves neither: all alike, too narrow for the prior.",
        "wide clouds, far apart": "Distance serves one wish, and width the other one.",
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "Where a cloud's codes fall",
    objective="reparameterisation",
    misconceptions=("log-variance against sigma",),
)
def where_codes_fall(draw: Draw) -> Question:
    """Asks for the interval that holds most draws of a cloud."""
    mean, sigma = draw.choice((-1, 1)) * draw.number(0.5, 2.0, 1), draw.choice((0.2, 0.3, 0.4, 0.6))

    def between(middle: float, half: float) -> str:
        return f"between {middle - half:.2f} and {middle + half:.2f}"

    text = (
        f"For one latent dimension an encoder answers with the mean {mean:g} and the log-variance "
        f"{2 * math.log(sigma):.3f}. Where do about 95 of 100 draws of the code fall?"
    )
    because = (
        f"Sigma is the exponential of half the log-variance, {sigma:g}, and 95 of 100 draws lie "
        "within two sigma of the mean."
    )
    wrong = {
        between(mean, sigma): "Within one sigma lie only 68 of 100.",
        between(mean, 2 * sigma**2): "This takes the variance for sigma.",
        between(0.0, 2.0): "That is where draws of the prior fall; this cloud has its own place.",
        between(0.0, 2 * sigma): "The cloud lies around its mean, and not around zero.",
        between(mean, 2.0): "That is the prior's width; this cloud is narrower.",
    }
    return choose(draw, text, between(mean, 2 * sigma), because, wrong)


@kind(
    "The middle of a straight way",
    objective="prior samples against reconstructions",
)
def middle_of_the_way(draw: Draw) -> Question:
    """Computes how long the middle of two codes at a right angle is."""
    dims = draw.choice((16, 18, 20, 24, 32, 40, 50, 64))
    text = (
        f"In {dims} latent dimensions two codes are each as long as the root of {dims}, as most "
        "draws of the prior nearly are, and stand at a right angle. How long is the code in the "
        "middle of the straight way between them?"
    )
    because = (
        f"It is half the diagonal of a square with this side, the root of {dims / 2:g}. So the "
        "straight way leads through the inside, where hardly any code lies; an arc does not."
    )
    length = math.sqrt(dims)
    mistakes = {
        "That holds on the arc; the straight way cuts through the inside.": length,
        "This is half of one code; the other one has its part, at a right angle.": length / 2,
        "It would be zero if the two were opposite; they stand at a right angle.": 0.0,
        "This is half the number of dimensions; lengths are roots.": dims / 2,
        "This is the distance between the two codes.": math.sqrt(2 * dims),
    }
    return compute(draw, text, math.sqrt(dims / 2), because, mistakes, decimals(2))


@kind(
    "Halfway between two digits",
    objective="autoencoder against VAE",
    public=True,
)
def halfway(draw: Draw) -> Question:
    """Asks what is decoded halfway between two codes."""
    first, second = draw.sample(range(10), 2)
    dims = draw.choice((16, 20, 32))
    text = (
        f"A VAE with {dims} latent dimensions encodes a {first} and a {second}. You decode the "
        "code halfway between theirs. What do you see, compared with the mean of the two images?"
    )
    right = "One drawing with a shape of its own, not two laid over each other."
    because = (
        "The decoder draws what such a code stands for. Halfway in codes strokes bend and move; "
        "halfway in pixels both images are there at half strength."
    )
    wrong = {
        f"The same image: a {first} and a {second}, each of them at half strength.": (
            "That would need a decoder that only adds; this one has layers that bend."
        ),
        f"Always a {(first + second) // 2}, as the codes lie in the order of the digits.": (
            "The codes know nothing of numbers: neighbours look alike."
        ),
        f"Either the {first} or the {second}, unchanged, whichever of the two codes is nearer.": (
            "The decoder is smooth: between the codes the image changes little by little."
        ),
        "Noise, as no image was ever encoded to that place.": (
            "Clouds overlap there, and the decoder was trained with draws from them."
        ),
    }
    return choose(draw, text, right, because, wrong)
