"""Questions of chapter 2 about the steps of the two players, and what steadies them."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind


@kind(
    "Without detach",
    objective="alternating updates and `detach`",
)
def without_detach(draw: Draw) -> Question:
    """Asks what happens where the discriminator's step leaves the generator in the graph."""
    count = draw.choice((32, 64, 128))
    text = (
        f"In the discriminator's step its loss reads `D(G(z))` for {count} made images, without "
        "`detach`. Then come `loss.backward()` and a step of the optimizer that holds the "
        "discriminator's weights. What does the missing `detach` change?"
    )
    right = "Gradients are computed for the generator too, and they ask it to be recognised better."
    because = (
        "The graph leads on into the generator. Its weights do not move in this step, but the work "
        "is done for nothing, and the gradients stay with the weights: whoever does not set them "
        "to zero adds them to the generator's own."
    )
    wrong = {
        "The generator's weights move in this step too: it takes two steps in each round.": (
            "Only the optimizer that holds weights moves them, and this one holds the "
            "discriminator's."
        ),
        "The discriminator's gradients are wrong, as those of the generator are mixed into them.": (
            "The discriminator's gradients are the same with and without `detach`."
        ),
        "Nothing, as a gradient never flows through the output of one network into another.": (
            "Autograd knows no networks: it follows operations, through all that take part."
        ),
        "PyTorch stops with an error, as the loss now depends on the weights of two optimizers.": (
            "Autograd does not know the optimizers; the call runs through without a word."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "The price of a steep discriminator",
    objective="a modern stabiliser",
)
def slope_penalty(draw: Draw) -> Question:
    """Computes the R1 penalty of a discriminator on a line."""
    slope, gamma = draw.choice((1.5, 2.0, 2.5, 3.0)), draw.choice((0.5, 1.0, 2.0, 3.0, 5.0))
    offset, reals = draw.integer(1, 4), draw.sample((0.5, 1.0, 1.5, 2.0, 2.5, 3.0), 2)
    text = (
        f"For points $x$ on a line the discriminator's logit is ${slope:g} x - {offset}$. The real "
        f"points of a batch are {reals[0]:g} and {reals[1]:g}. What is the R1 penalty, half of "
        f"{gamma:g} times the mean squared gradient of the logit at the real points?"
    )
    because = (
        f"The gradient of the logit with respect to x is {slope:g} at every point, so its square "
        f"is {slope**2:g}, whatever the points are."
    )
    logits = [slope * x - offset for x in reals]
    mistakes = {
        "The factor of one half is missing here.": gamma * slope**2,
        "The gradient is to be squared.": gamma / 2 * slope,
        "This squares the logits; the penalty is on their slope, not on their size.": (
            gamma / 2 * sum(value**2 for value in logits) / 2
        ),
        "The weight of the penalty is left out here, and so is the half.": slope**2,
        "This is the gradient by the weight, which is x; the one by the point is asked for.": (
            gamma / 2 * sum(x**2 for x in reals) / 2
        ),
    }
    return compute(draw, text, gamma / 2 * slope**2, because, mistakes, decimals(2))


@kind(
    "A running mean of weights",
    objective="averaged generator weights",
)
def running_mean(draw: Draw) -> Question:
    """Takes one step of an averaged weight."""
    decay = draw.choice((0.8, 0.9, 0.95, 0.99))
    mean, weight = draw.number(0.2, 0.45), draw.number(0.6, 0.95)
    text = (
        f"The averaged weights are kept with a decay of {decay}. One of them stands at {mean:.2f}, "
        f"and after the generator's step the weight itself is {weight:.2f}. What does the averaged "
        "one become?"
    )
    because = f"It keeps the share {decay} of its old value and takes {1 - decay:g} of the new one."
    mistakes = {
        "The two shares are exchanged: the mean would then jump after every step.": (
            (1 - decay) * mean + decay * weight
        ),
        "This is the plain mean of the two.": (mean + weight) / 2,
        "This adds a share of the new value and takes nothing of the old one away.": (
            mean + (1 - decay) * weight
        ),
        "This is the new weight: nothing is averaged.": weight,
        "This is the old value: the new one gets no share at all.": mean,
        "The step goes the wrong way, away from the new weight.": (
            mean - (1 - decay) * (weight - mean)
        ),
    }
    right = decay * mean + (1 - decay) * weight
    return compute(draw, text, right, because, mistakes, decimals(3))


@kind(
    "The generator's loss has fallen",
    objective="non-saturating loss",
    misconceptions=("falling generator loss = better images",),
    public=True,
)
def falling_loss(draw: Draw) -> Question:
    """Asks what a lower loss of the generator says of its images."""
    before, after = draw.number(2.4, 3.4, 1), draw.number(0.8, 1.4, 1)
    first = draw.integer(3, 8)
    text = (
        f"From epoch {first} to epoch {2 * first} the generator's loss, the mean of $-\\log D$, "
        f"falls from {before} to {after}. What do you know of its images by that?"
    )
    right = "Nothing certain, as the discriminator that judges them has changed as well."
    because = (
        "The loss is measured by an opponent that learns. It falls where the images get better, "
        "and also where the discriminator gets worse. A judge that does not play can tell."
    )
    wrong = {
        "They are better, as a model is trained to make its loss small, and it did.": (
            "That holds for a fixed loss. This one changes with the discriminator."
        ),
        f"They are better by a factor of {before / after:.1f}, the ratio of the two losses.": (
            "The two losses were measured by two different discriminators."
        ),
        "They are worse, as a generator's loss falls when it collapses to a few images.": (
            "A collapse may go with a falling loss or with a rising one."
        ),
        "They are as good as real ones once the loss has reached the logarithm of 2.": (
            "A discriminator that only guesses gives this loss as well, whatever the images are."
        ),
        "They are more varied, as the discriminator is fooled in more cases than before.": (
            "One image that is believed each time gives a low loss and no variety."
        ),
    }
    return choose(draw, text, right, because, wrong)
