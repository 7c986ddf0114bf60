"""Questions of chapter 3 about codes: how they are drawn, and what they hold."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind, whole


@kind(
    "Draw a code",
    objective="reparameterisation",
    misconceptions=("log-variance against sigma",),
)
def draw_a_code(draw: Draw) -> Question:
    """Computes a reparameterised sample."""
    mean, log_variance = draw.choice((-1, 1)) * draw.number(0.2, 1.5, 1), -draw.number(0.6, 2.4, 1)
    noise = draw.choice((-1, 1)) * draw.number(0.5, 1.8, 1)
    text = (
        f"For one latent dimension the encoder gives the mean {mean} and the log-variance "
        f"{log_variance}. The noise drawn from a standard normal is {noise}. What is the code?"
    )
    sigma = math.exp(log_variance / 2)
    because = (
        f"Sigma is the exponential of half the log-variance, about {sigma:.3f}. The code is the "
        "mean plus sigma times the noise."
    )
    mistakes = {
        "This takes the variance for sigma: half of the log-variance goes into exp.": (
            mean + math.exp(log_variance) * noise
        ),
        "This takes the log-variance itself for sigma.": mean + log_variance * noise,
        "This adds the noise as it is; it has to be scaled with sigma.": mean + noise,
        "The mean alone is no draw: the noise is left out.": mean,
        "Sigma scales the noise alone, not the mean.": (mean + noise) * sigma,
    }
    return compute(draw, text, mean + sigma * noise, because, mistakes, decimals(2))


@kind(
    "Without the noise",
    objective="autoencoder against VAE",
    misconceptions=("the noise is a trick",),
    public=True,
)
def no_noise(draw: Draw) -> Question:
    """Asks what becomes of a VAE that decodes the means alone."""
    dims = draw.choice((2, 8, 16, 20))
    text = (
        f"In a VAE with {dims} latent dimensions the decoder always gets the encoder's mean in "
        "training, and no noise. All else stays as it was. What changes?"
    )
    right = "Only single codes are ever decoded, and those between them may become anything."
    because = (
        "The noise makes each code claim a neighbourhood, and it is what the mean in the ELBO is "
        "taken over. Without it the reconstruction is that of an autoencoder, and draws from the "
        "prior fall into gaps."
    )
    wrong = {
        "Little: the noise has the mean zero, so that it cancels over many steps.": (
            "It cancels in the codes, not in the loss: a decoder has to serve the whole cloud."
        ),
        "Only the speed: the same model is found, with a gradient that varies less.": (
            "Another model is found: its decoder is trained at single points."
        ),
        "Nothing can be trained: gradients reach the encoder through the noise alone.": (
            "They pass through the mean as well, and here through the mean only."
        ),
        "The bound becomes exact, as it is the noise that makes it a mere estimate.": (
            "Without a distribution q there is no bound: it is a mean over the noise."
        ),
        "Reconstructions get worse, as the decoder sees fewer different codes of an image.": (
            "They tend to get better: each code may now keep finer detail."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "Count the busy dimensions",
    objective="posterior collapse, active units",
)
def busy_dimensions(draw: Draw) -> Question:
    """Counts the latent dimensions that carry something."""
    large, middle = draw.integer(1, 2), draw.integer(2, 3)
    values = [draw.number(1.2, 2.9) for _ in range(large)]
    values += [draw.number(0.3, 0.8) for _ in range(middle)]
    count = 10 if large + middle != 5 else 11
    values += [draw.number(0.0, 0.004, 3) for _ in range(count - len(values))]
    shown = ", ".join(f"{value:.3f}" for value in draw.sample(values, count))
    text = (
        f"A VAE has {count} latent dimensions. Their KL divergences from the prior, averaged over "
        f"test images, are {shown} nats. How many dimensions are active, if 0.01 nats is taken for "
        "the limit?"
    )
    because = (
        "Those below the limit keep to the prior whatever the image is: their posterior has "
        "collapsed, and the decoder cannot learn anything from them."
    )
    mistakes = {
        "These are all; some of them keep to the prior and carry nothing.": count,
        "These are the collapsed ones.": count - large - middle,
        "This counts those above one nat; half a nat is information as well.": large,
        "This is the sum in nats, rounded, and no number of dimensions.": round(sum(values)),
        "This leaves out the largest one.": large + middle - 1,
    }
    return compute(draw, text, large + middle, because, mistakes, whole)


@kind(
    "Turn the latent space",
    objective="latent-variable likelihood",
    misconceptions=("latents disentangle by themselves",),
    public=True,
)
def turned_space(draw: Draw) -> Question:
    """Asks what a turn of the latent space does to the likelihood."""
    angle, dims = draw.choice((20, 30, 45, 60)), draw.choice((8, 16, 20))
    text = (
        f"Someone turns the {dims}-dimensional latent space of a trained VAE by {angle} degrees in "
        "the plane of its first two axes, and puts the opposite turn before the decoder. The prior "
        "stays a standard normal. What becomes of $p(x)$?"
    )
    right = "It stays the same for every image, as the prior looks alike in all directions."
    because = (
        "A turned draw from a standard normal is a draw from a standard normal. So the likelihood "
        "cannot prefer one axis over another, and cannot give each axis a meaning of its own."
    )
    wrong = {
        "It falls, as the axes found in training had one meaning each, and are mixed now.": (
            "Nothing in the likelihood gives an axis a meaning of its own."
        ),
        "It rises for some images and falls for others, and on average it stays the same.": (
            "It is the same for each single image: both models draw from the same distribution."
        ),
        f"It falls by a share that depends on the {angle} degrees, and is lowest at 45.": (
            "No angle changes it: the prior is round."
        ),
        "It stays the same only if the encoder is turned and trained anew as well.": (
            "The encoder plays no part in p(x): the prior and the decoder make it."
        ),
        "It cannot be said, as the decoder was never trained with codes that were turned.": (
            "The opposite turn before the decoder gives it the codes it was trained with."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "Good copies, poor inventions",
    objective="link to latent diffusion",
)
def gaps(draw: Draw) -> Question:
    """Asks why samples are worse than reconstructions, and what would mend it."""
    redrawn, drawn = draw.number(3.0, 4.5, 1), draw.number(9.0, 14.0, 1)
    text = (
        f"A VAE's reconstructions of test images have a Fréchet distance of {redrawn}, and images "
        f"decoded from draws of the prior one of {drawn}, with equally many images and the same "
        "judge. Decoder and training stay as they are. Which change promises most?"
    )
    right = "Fit a second model to the codes of the training images, and decode what it draws."
    because = (
        "The decoder does well on codes of images. Draws from the prior fall where codes are rare, "
        "so a model of where the codes really are helps; latent diffusion is this idea."
    )
    wrong = {
        "Draw from a prior with a larger spread, so that the samples become more varied.": (
            "Such draws fall still farther from the codes that the decoder knows."
        ),
        "Take the mean of many decoded draws, so that their errors cancel.": (
            "The mean of different images is a blur."
        ),
        "Measure both with more images, as the gap comes from their number.": (
            "Both were measured with equally many, and more leave a true difference in place."
        ),
        "Replace the encoder by a larger one, as samples pass through the encoder first.": (
            "Draws from the prior never see the encoder."
        ),
        "Decode only draws near the centre of the prior, where the codes lie closest together.": (
            "In many dimensions codes lie near a shell, and the centre holds few of them."
        ),
    }
    return choose(draw, text, right, because, wrong)
