"""Questions of chapter 3 about the two terms of the loss, and what each of them does."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind, whole


@kind(
    "The cross-entropy of a grey pixel",
    objective="choice of likelihood and sum against mean",
    misconceptions=("BCE on grey pixels is a Bernoulli likelihood",),
)
def grey_pixel(draw: Draw) -> Question:
    """Computes the lowest binary cross-entropy that a grey pixel allows."""
    grey = draw.choice((0.1, 0.15, 0.2, 0.25, 0.3, 0.35))
    text = (
        f"A pixel has the grey value {grey}, and the decoder's answer goes into "
        "`F.binary_cross_entropy`. How low can this pixel's loss get, in nats?"
    )
    because = (
        f"The best answer is {grey} itself, and then the loss is the entropy of a coin with this "
        "probability. A coin shows only 0 or 1: for a grey value this is a loss, and no likelihood."
    )
    right = -grey * math.log(grey) - (1 - grey) * math.log(1 - grey)
    mistakes = {
        "Zero is reached only by pixels that are 0 or 1, where the loss is a likelihood.": 0.0,
        "This is the loss of the answer 0.5; the pixel's own value does better.": math.log(2),
        "This is in bits; nats take the natural logarithm.": right / math.log(2),
        "This is only the first of the two terms.": -grey * math.log(grey),
        "This is minus the logarithm of the grey value, as if the pixel were white.": (
            -math.log(grey)
        ),
    }
    return compute(draw, text, right, because, mistakes, decimals(3))


@kind(
    "Averaged over the pixels",
    objective="choice of likelihood and sum against mean",
)
def averaged_pixels(draw: Draw) -> Question:
    """Asks for the weight that averaging the reconstruction gives the KL term."""
    side, channels, dims = draw.choice((16, 28, 32, 64)), draw.choice((1, 3)), draw.integer(8, 32)
    kind_of = "grey" if channels == 1 else "colour"
    text = (
        f"A VAE with {dims} latent dimensions learns {kind_of} images of {side} by {side} pixels"
        f"{'' if channels == 1 else ', each with three values'}. Its reconstruction loss is "
        "averaged over all pixel values of an image by mistake, and the KL term is summed over the "
        "dimensions. Which weight $\\beta$ of the KL term would have the same effect beside a loss "
        "that is summed?"
    )
    values = side * side * channels
    because = (
        f"Averaging divides the reconstruction by {values:,}. The same balance comes from a sum, "
        f"with a KL term that weighs {values:,} times as much."
    )
    mistakes = {
        "This is one side of the image; the mean runs over all of its values.": side,
        "The latent dimensions are summed in both cases, and divide nothing.": values / dims,
        "The latent dimensions are summed in both cases, and multiply nothing.": values * dims,
        "A grey pixel has one value, not three."
        if channels == 1
        else "A colour pixel has three values, and the mean runs over all of them.": (
            values * 3 if channels == 1 else values / 3
        ),
        "An image has rows times columns of pixels, not their sum.": 2 * side * channels,
    }
    return compute(draw, text, values, because, mistakes, whole)


@kind(
    "Two images, one code",
    objective="autoencoder against VAE",
    misconceptions=("blur comes from KL alone",),
)
def two_images_one_code(draw: Draw) -> Question:
    """Computes what a decoder draws where a code does not tell two images apart."""
    share = draw.choice((0.6, 0.65, 0.7, 0.75, 0.8))
    first, second = draw.choice((0.9, 0.95, 1.0)), draw.choice((0.0, 0.05, 0.1, 0.2))
    text = (
        f"Two images have the same code. The first turns up with probability {share:g}, the second "
        f"otherwise. One pixel is {first:g} in the first and {second:g} in the second. There is no "
        "KL term, and the reconstruction loss is the binary cross-entropy. Which value does the "
        "best decoder give the pixel?"
    )
    because = (
        "The mean cross-entropy is lowest at the mean of the pixel's values, each weighted with "
        "its probability: a blur, without any KL term."
    )
    mistakes = {
        "A blur needs no KL term: one answer has to serve both images, not the likelier alone.": (
            first
        ),
        "One answer has to serve both images, not the rarer alone.": second,
        "The two images are not equally frequent.": (first + second) / 2,
        "The two probabilities are exchanged here.": (1 - share) * first + share * second,
        "This is the share of the first image; the pixel's values count as well.": share,
    }
    right = share * first + (1 - share) * second
    return compute(draw, text, right, because, mistakes, decimals(3))


@kind(
    "Without the KL term",
    objective="beta",
    misconceptions=("the KL term is optional",),
    public=True,
)
def no_price(draw: Draw) -> Question:
    """Asks what becomes of a VAE with noise and without the KL term."""
    dims = draw.choice((2, 8, 16, 20))
    text = (
        f"A VAE with {dims} latent dimensions is trained with its noise, but with a weight of 0 on "
        "the KL term. What does it learn?"
    )
    right = "Codes far apart with little noise, so that draws from the prior miss them."
    because = (
        "Nothing holds the codes near the prior. Smaller variances and larger distances make "
        "reconstruction easier, and what is left is an autoencoder."
    )
    wrong = {
        "The same codes as before, as the noise alone keeps the clouds near the prior.": (
            "The encoder sets the size of the noise, and makes it vanish where it costs nothing."
        ),
        "Codes that are all equal to zero, as no term asks the encoder to use them.": (
            "The reconstruction asks for it. It is a large KL weight that silences codes."
        ),
        "Sharper samples from the prior, as the KL term is what makes them blurred.": (
            "Reconstructions may get sharper; samples get worse, as they fall between the codes."
        ),
        "The exact likelihood, as the KL term is the gap between it and the bound.": (
            "That gap is another KL divergence, from the true posterior. Without the term no bound "
            "is left."
        ),
        "Worse reconstructions, as the KL term keeps the decoder from overfitting.": (
            "Reconstructions of training images get better: nothing else is asked for."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "A higher price for codes",
    objective="beta",
)
def heavier_price(draw: Draw) -> Question:
    """Asks how rate and distortion answer to a change of beta."""
    low, high = draw.sample((0.25, 0.5, 1, 2, 4), 2)
    rises = high > low
    text = (
        f"A VAE is trained twice, once with $\\beta = {low:g}$ and once with $\\beta = {high:g}$; "
        "all else is the same. How do its rate, the KL divergence in nats, and its distortion, the "
        "reconstruction loss in nats, differ in the second model?"
    )
    because = (
        "The weight is the price of a nat in the code. Where it is higher the codes carry less, "
        "and the decoder has to do with less."
    )
    names = {
        (False, True): "The rate is lower, and the distortion is higher.",
        (True, False): "The rate is higher, and the distortion is lower.",
        (False, False): "The rate is lower, and so is the distortion.",
        (True, True): "The rate is higher, and the distortion is higher too.",
    }
    reasons = {
        names[False, True]: "This is what a larger weight does; here the weight gets smaller.",
        names[True, False]: "This is what a smaller weight does; here the weight gets larger.",
        names[False, False]: "What the codes no longer carry, the decoder cannot draw: one rises.",
        names[True, True]: "Codes that carry more help the decoder, so the distortion falls.",
    }
    right = names[not rises, rises]
    return choose(draw, text, right, because, reasons)
