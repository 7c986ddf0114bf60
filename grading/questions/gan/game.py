"""Questions of chapter 2 about the game: who sees what, and where it leads."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind


@kind(
    "What the generator sees",
    objective="minimax game and the optimal discriminator",
    misconceptions=("the generator sees real data",),
    public=True,
)
def what_the_generator_sees(draw: Draw) -> Question:
    """Asks how knowledge of real images gets into the generator."""
    thing = draw.choice(("sevens", "faces", "handwritten letters", "photographs of birds"))
    text = (
        f"A generator begins with noise, and in the end draws {thing}. How does it learn what real "
        "ones look like?"
    )
    right = "Only by the gradient that the discriminator's answers send back to its own images."
    because = (
        "Real images go into the discriminator alone. The generator is told how each of its own "
        "images would have to change to be believed more."
    )
    wrong = {
        "Each step shows it a batch of real images beside the noise that it starts from.": (
            "Its only input is noise; the real images go into the discriminator."
        ),
        "Its loss compares each made image, pixel by pixel, with the real one nearest to it.": (
            "No pixels are compared: the loss is made of the discriminator's answers."
        ),
        "The noise is drawn from a distribution that was fitted to the real images before.": (
            "The noise is standard normal, and knows nothing of the data."
        ),
        "It starts with the weights of a discriminator that has been trained on real images.": (
            "Both networks start at random, and they share no weights."
        ),
        "It keeps those of its images that the discriminator took for real, and repeats them.": (
            "Nothing is kept: weights move along a gradient, and the noise is new each time."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "The best answer at one place",
    objective="minimax game and the optimal discriminator",
    misconceptions=("the discriminator should win",),
)
def best_discriminator(draw: Draw) -> Question:
    """Computes the optimal discriminator from two densities."""
    p, q = draw.number(0.2, 0.9), draw.number(0.15, 0.85)
    q = q + 0.07 if abs(p - q) < 0.05 else q
    text = (
        f"At a place $x$ the data have the density {p:.2f}, and the generator has {q:.2f}. Real "
        "and made points are shown equally often. Which probability of being real does the best "
        "possible discriminator give to a point there?"
    )
    because = (
        "Of the points that turn up there, the share p / (p + q) is real, and no discriminator can "
        "know more. Where the two densities are equal, the best one can only guess."
    )
    mistakes = {
        "The best discriminator is not always sure: both kinds of points turn up there.": (
            1.0 if p > q else 0.0
        ),
        "One half is right only where the two densities are equal.": 0.5,
        "This is the share of made points there.": q / (p + q),
        "A density is no probability of being real; it has to be compared with the other.": p,
        "This takes the two for independent probabilities; they share the points at this place.": (
            p * (1 - q)
        ),
    }
    return compute(draw, text, p / (p + q), because, mistakes, decimals(2))


def _divergence(p: list[float], q: list[float]) -> float:
    """Returns the KL divergence of p from q, in nats."""
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


@kind(
    "Two coins",
    objective="Jensen-Shannon view",
)
def two_coins(draw: Draw) -> Question:
    """Computes the Jensen-Shannon divergence of two coins."""
    heads, made = draw.number(0.6, 0.9, 1), draw.number(0.1, 0.4, 1)
    p, q = [heads, 1 - heads], [made, 1 - made]
    middle = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    text = (
        f"The data are throws of a coin that shows heads with probability {heads}. The generator "
        f"is a coin with probability {made}. What is the Jensen-Shannon divergence of the two, in "
        "nats?"
    )
    because = (
        f"Their mixture shows heads with probability {middle[0]:g}. The answer is the mean of the "
        "two KL divergences from this mixture."
    )
    right = (_divergence(p, middle) + _divergence(q, middle)) / 2
    mistakes = {
        "This is the KL divergence of the data from the generator, with no mixture.": (
            _divergence(p, q)
        ),
        "This is the mean of the KL divergences of each from the other, with no mixture.": (
            (_divergence(p, q) + _divergence(q, p)) / 2
        ),
        "The two divergences from the mixture are added here; their mean is asked for.": 2 * right,
        "This is in bits; nats take the natural logarithm.": right / math.log(2),
        "This takes logarithms to base ten; nats take the natural one.": right / math.log(10),
        "Only the data are compared with the mixture here.": _divergence(p, middle),
        "Only the generator is compared with the mixture here.": _divergence(q, middle),
    }
    return compute(draw, text, right, because, mistakes, decimals(3))


@kind(
    "How hard a loss pulls",
    objective="non-saturating loss",
)
def pull_of_the_loss(draw: Draw) -> Question:
    """Computes the gradient of the non-saturating loss at the discriminator's logit."""
    d = draw.number(0.06, 0.3)
    text = (
        f"The discriminator gives a made image the probability $D = {d:.2f}$ of being real. $D$ is "
        "the sigmoid of its logit, and the generator minimises $-\\log D$. How large is the "
        "gradient of this loss with respect to the logit, without its sign?"
    )
    because = (
        "The derivative is -1 / D by the probability, and the sigmoid's slope is D (1 - D). Their "
        "product is -(1 - D), which is large as long as the image is recognised."
    )
    mistakes = {
        "This is the pull of the minimax loss, log(1 - D), weak while the game is lost.": d,
        "This is the derivative by D; the sigmoid's slope is still to be multiplied.": 1 / d,
        "This is the sigmoid's slope alone.": d * (1 - d),
        "This is the value of the loss, not its gradient.": -math.log(d),
        "This is the size of log(1 - D), the other loss, and no gradient.": -math.log(1 - d),
    }
    return compute(draw, text, 1 - d, because, mistakes, decimals(2))


@kind(
    "A discriminator without a doubt",
    objective="non-saturating loss",
    misconceptions=("the discriminator should win",),
    public=True,
)
def perfect_discriminator(draw: Draw) -> Question:
    """Asks what a generator learns from a discriminator that is never wrong."""
    steps, zeros = draw.choice((50, 100, 200)), draw.integer(4, 6)
    tiny = f"0.{'0' * (zeros - 1)}1"
    text = (
        f"After {steps} steps a discriminator gives every made image a probability below {tiny} of "
        "being real. The generator minimises $\\log(1 - D)$, as in the minimax game. How does it "
        "learn now?"
    )
    right = "Hardly at all, as its loss is flat there and almost no gradient is left."
    because = (
        "The gradient of log(1 - D) with respect to the logit has the size of D itself, so a "
        "discriminator that wins too early teaches nothing. That is why the loss -log D is used."
    )
    wrong = {
        "Faster than before, as the strictest teacher gives the clearest corrections.": (
            "The answer is clear, but its slope is what teaches, and the loss is flat there."
        ),
        "As fast as before, as its loss depends on the generator's weights alone.": (
            "Its loss is made of the discriminator's answers, and its gradient comes through them."
        ),
        "Faster, but towards a single real image, the one that it can copy most easily.": (
            "It has no real image to copy, and the gradient is too small to lead anywhere."
        ),
        "Not at all, as the logarithm of a number near zero is minus infinity.": (
            "The logarithm is taken of 1 - D, which is near one: the loss is near zero, and flat."
        ),
        "In the wrong direction, as the sign of the gradient turns where D is near zero.": (
            "The sign stays the same everywhere; only the size of the gradient vanishes."
        ),
    }
    return choose(draw, text, right, because, wrong)
