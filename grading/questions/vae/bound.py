"""Questions of chapter 3 about likelihoods and their bounds."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind, listed


@kind(
    "An image and three causes",
    objective="latent-variable likelihood",
)
def three_causes(draw: Draw) -> Question:
    """Computes p(x) with a latent variable of three values."""
    first, second = draw.integer(2, 5) / 10, draw.integer(1, 3) / 10
    prior = [first, second, round(1 - first - second, 1)]
    given = [draw.number(0.02, 0.2), draw.number(0.3, 0.6), draw.number(0.7, 0.95)]
    given = draw.sample(given, 3)
    text = (
        f"A latent variable $z$ has three values with the prior probabilities {listed(prior)}. "
        f"Under these the decoder gives an image $x$ the probabilities {listed(given)}. What is "
        "$p(x)$?"
    )
    joint = [p * g for p, g in zip(prior, given, strict=True)]
    because = (
        "The image may come from each of the values, so its probability is the sum of prior times "
        "decoder over all three."
    )
    mistakes = {
        "This is a plain mean: each value counts as often as the prior says.": sum(given) / 3,
        "This is only the likeliest way; the other two values may give the image as well.": (
            max(joint)
        ),
        "This is the probability under the value that fits best, without its prior.": max(given),
        "This multiplies the ways; they exclude each other, so their probabilities add up.": (
            math.prod(joint)
        ),
        "The prior is left out here: this is under the value that is most probable beforehand.": (
            given[prior.index(max(prior))]
        ),
    }
    return compute(draw, text, sum(joint), because, mistakes, decimals(3))


@kind(
    "How far the bound lies below",
    objective="ELBO derived",
    misconceptions=("ELBO = log-likelihood",),
)
def gap_of_the_bound(draw: Draw) -> Question:
    """Computes the KL divergence of the guess from the true posterior."""
    reconstruction, price = draw.number(70, 80, 1), draw.number(21, 29, 1)
    gap = draw.number(10.2, 15.9, 1)
    log_p = round(-reconstruction - price + gap, 1)
    text = (
        f"For one image $\\log p(x) = {log_p}$ nats. The mean of $\\log p(x \\mid z)$ over the "
        f"encoder's guess $q(z \\mid x)$ is -{reconstruction} nats, and the KL divergence of the "
        f"guess from the prior is {price} nats. How far does the guess lie from the true "
        "posterior, as a KL divergence in nats?"
    )
    because = (
        f"The ELBO is -{reconstruction} - {price}, which is {-reconstruction - price:.1f}. What "
        "it lacks to log p(x) is the KL divergence of the guess from the true posterior."
    )
    mistakes = {
        "The ELBO is a bound and not log p(x): it reaches it only if the guess is perfect.": 0.0,
        "This is the KL divergence of the guess from the prior, not from the posterior.": price,
        "This compares log p(x) with the reconstruction alone; the ELBO has the KL term too.": (
            abs(log_p + reconstruction)
        ),
        "The KL term is added in the ELBO here; it is to be taken away.": (
            abs(log_p + reconstruction - price)
        ),
    }
    return compute(draw, text, gap, because, mistakes, decimals(1))


@kind(
    "The model with the higher bound",
    objective="ELBO derived",
    misconceptions=("ELBO = log-likelihood",),
    public=True,
)
def higher_bound(draw: Draw) -> Question:
    """Asks what a higher ELBO says of two models' likelihoods."""
    low = draw.number(95, 105, 1)
    high = round(low - draw.number(0.6, 2.4, 1), 1)
    text = (
        f"On the same binary test images model A has a mean ELBO of -{high} nats an image, and "
        f"model B one of -{low}. Which of the two gives them the higher mean log-likelihood?"
    )
    right = "Either may, as an ELBO lies below the truth by an unknown amount."
    because = (
        "Model B may have the worse encoder and the better decoder: then its bound is looser. The "
        "importance-weighted bound with many samples comes closer to the truth."
    )
    wrong = {
        "Model A, as the ELBO is the log-likelihood of the images.": (
            "It is a bound: the error of the guessed posterior is taken away from it."
        ),
        f"Model A, and by exactly {low - high:.1f} nats an image on average.": (
            "The difference of two bounds is not the difference of what they bound."
        ),
        "Model B, as the model with the lower ELBO has the looser bound.": (
            "A lower bound may be as tight as a higher one; nothing here tells."
        ),
        "Neither, as the same images have the same likelihood under all models.": (
            "The likelihood is what a model gives to the images, so it differs between models."
        ),
        "Model A, as long as both of them have equally many latent dimensions.": (
            "The gap depends on how well the encoder guesses, not on the dimensions alone."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "The price of a code",
    objective="closed-form KL",
    misconceptions=("log-variance against sigma",),
)
def price_of_a_code(draw: Draw) -> Question:
    """Computes the KL term of one latent dimension."""
    mean, log_variance = draw.number(0.5, 1.8, 1), -draw.number(0.5, 1.9, 1)
    text = (
        f"For one latent dimension the encoder gives the mean {mean} and the log-variance "
        f"{log_variance}. What does this dimension add to the KL divergence from the standard "
        "normal prior, in nats?"
    )
    variance = math.exp(log_variance)
    because = (
        f"The variance is exp({log_variance}), about {variance:.3f}, and the divergence is "
        "half of mean squared plus variance minus 1 minus log-variance."
    )
    mistakes = {
        "The log-variance is taken for the logarithm of sigma here: it is twice that.": (
            (mean**2 + math.exp(2 * log_variance) - 1 - 2 * log_variance) / 2
        ),
        "The log-variance is taken for sigma here, and squared; it has to be exponentiated.": (
            (mean**2 + log_variance**2 - 1 - math.log(log_variance**2)) / 2
        ),
        "The factor of one half is missing here.": mean**2 + variance - 1 - log_variance,
        "The mean is left out here: a shifted cloud costs something too.": (
            (variance - 1 - log_variance) / 2
        ),
        "This is the divergence of the prior from the guess, the other way round.": (
            ((1 + mean**2) / variance - 1 + log_variance) / 2
        ),
    }
    right = (mean**2 + variance - 1 - log_variance) / 2
    return compute(draw, text, right, because, mistakes, decimals(2))


@kind(
    "Three samples and a bound",
    objective="importance-weighted bound",
    misconceptions=("ELBO = log-likelihood",),
)
def three_weights(draw: Draw) -> Question:
    """Computes the importance-weighted bound from three samples."""
    best = -draw.integer(88, 97)
    logs = draw.sample([best, best - draw.integer(1, 2), best - draw.integer(3, 5)], 3)
    text = (
        "For one image three codes are drawn from $q(z \\mid x)$. The logarithms of "
        "$p(x \\mid z) \\, p(z) / q(z \\mid x)$ are "
        f"{listed(logs)} nats. What does the importance-weighted bound give with these three?"
    )
    right = math.log(sum(math.exp(value - best) for value in logs) / 3) + best
    because = (
        "It is the logarithm of the mean of the three ratios, so the largest of them counts most. "
        f"The mean of the logarithms, {sum(logs) / 3:.2f}, lies lower: it estimates the ELBO."
    )
    mistakes = {
        "This is the mean of the logarithms, which estimates the ELBO.": sum(logs) / 3,
        "This is the largest alone; the mean of the three ratios is smaller.": float(best),
        "This is the logarithm of the sum; it lacks the division by three.": right + math.log(3),
        "This is the middle one of the three.": float(sorted(logs)[1]),
        "This is the smallest of the three; the bound rises with more samples.": float(min(logs)),
    }
    return compute(draw, text, right, because, mistakes, decimals(2))
