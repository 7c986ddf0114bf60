"""Questions of chapter 1 about recipes, and what becomes of a network outside its test."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind, whole


@kind(
    "The least loss with smoothed labels",
    objective="logits, softmax, cross-entropy",
)
def smoothed_floor(draw: Draw) -> Question:
    """Computes the entropy of a smoothed target."""
    share, classes = draw.choice((0.1, 0.15, 0.2, 0.25, 0.3)), draw.choice((4, 5, 8, 10, 20))
    text = (
        f"Label smoothing gives {1 - share:g} of the target to the true class and spreads "
        f"{share:g} evenly over all {classes} classes. How low can the cross-entropy get, in nats?"
    )
    low, high = share / classes, 1 - share + share / classes
    because = (
        f"The best answer is the target itself, {high:.3f} for the true class and {low:.3f} for "
        "each other. What is left is the entropy of the target."
    )
    right = -high * math.log(high) - (classes - 1) * low * math.log(low)
    mistakes = {
        "Zero needs a target that is certain; this one is not.": 0.0,
        "This counts the true class alone; the others have their share of the target.": (
            -high * math.log(high)
        ),
        "This is in bits; nats take the natural logarithm.": right / math.log(2),
        "This is the loss of equal scores; the target itself does better.": math.log(classes),
        "This is minus the logarithm of the true class's share, as if nothing else counted.": (
            -math.log(high)
        ),
    }
    return compute(draw, text, right, because, mistakes, decimals(2))


@kind(
    "How exact an accuracy is",
    objective="evaluating on data held back",
)
def error_of_an_accuracy(draw: Draw) -> Question:
    """Computes the standard error of a share."""
    count, percent = draw.choice((500, 1000, 2000, 4000)), draw.integer(80, 97)
    text = (
        f"Of {count:,} images held back a network classifies {percent} % correctly. How large is "
        "the standard error of this accuracy, in percentage points?"
    )
    share = percent / 100
    right = 100 * math.sqrt(share * (1 - share) / count)
    because = (
        f"It is the root of {share:g} times {1 - share:.2g} divided by {count:,}. Four times as "
        "many images would halve it."
    )
    mistakes = {
        "This is the margin, 1.96 standard errors.": 1.96 * right,
        "Under the root stands the share times what it lacks to one, not the share alone.": (
            100 * math.sqrt(share / count)
        ),
        "The root is missing here: this is the variance.": 100 * share * (1 - share) / count,
        "This divides by the number of images; its root belongs there.": (
            100 * math.sqrt(share * (1 - share)) / count
        ),
        "This takes the errors alone: the root of their share divided by the images.": (
            100 * math.sqrt((1 - share) / count)
        ),
    }
    return compute(draw, text, right, because, mistakes, decimals(3))


@kind(
    "Steps of a recipe",
    objective="gradient descent, Adam",
)
def count_steps(draw: Draw) -> Question:
    """Counts the steps of several passes over a training set."""
    images, batch = draw.choice((30_000, 48_000, 60_000)), draw.choice((50, 100, 200, 500))
    epochs = draw.integer(3, 9)
    text = (
        f"A recipe trains for {epochs} epochs on {images:,} images, in batches of {batch}. How "
        "often does its optimizer change the weights?"
    )
    because = (
        f"An epoch has {images // batch} batches, and each of them gives one step. Fewer passes "
        "are fewer steps, and save the most time."
    )
    mistakes = {
        "This is one epoch; the images are passed over again in each.": images // batch,
        "A step takes a whole batch, not a single image.": epochs * images,
        "This counts one step an epoch: the weights change after each batch.": epochs,
        "This divides by the epochs; each of them adds its steps.": images // batch / epochs,
        "A batch gives one step, however many images are in it.": epochs * batch,
    }
    return compute(draw, text, epochs * images // batch, because, mistakes, whole)


@kind(
    "The same network, other pictures",
    objective="evaluating on data held back",
    misconceptions=("softmax output = confidence",),
    public=True,
)
def other_pictures(draw: Draw) -> Question:
    """Asks why a good network does badly on photographs."""
    good, poor = draw.number(99.0, 99.5, 1), draw.integer(60, 85)
    way = draw.choice(("half as large", "moved to a corner", "white on black", "on lined paper"))
    text = (
        f"A network is right on {good} % of the test images. Of digits that people photographed, "
        f"{way}, it reads {poor} %, and its softmax is nearly as sure as before. Why?"
    )
    right = "The accuracy holds for images made like the test's, and these are others."
    because = (
        "A test measures what is like the test. Softmax compares the ten scores of one image, and "
        "does not notice that the images have changed."
    )
    wrong = {
        "It has overfitted, as the two numbers lie further apart than any chance explains.": (
            "The test images were new to it as well, and it read them."
        ),
        "The people write worse than those whose digits stand in the test set.": (
            "What has changed is how the digits lie in the picture, not the hands."
        ),
        "Chance, as photographs of that kind are few.": (
            "More of the same photographs make the number more exact, and no higher."
        ),
        "The test images must have been among the training images.": (
            "They were not: the network does well on new images of their kind."
        ),
        "It cannot be so sure, or the photographs would have been read correctly as well.": (
            "A large softmax output says that one score leads, not that it is right."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "Draw with a recogniser",
    objective="gradient descent, Adam",
    misconceptions=("softmax output = confidence",),
    public=True,
)
def change_the_pixels(draw: Draw) -> Question:
    """Asks what gradient ascent on the pixels makes."""
    digit, steps, sure = draw.integer(0, 9), draw.choice((60, 100, 200)), draw.integer(97, 99)
    text = (
        f"A trained classifier keeps its weights. From an empty image, {steps} steps move the "
        f"pixels so that the probability of a {digit} rises; it reaches {sure} %. What does the "
        "image look like?"
    )
    right = "Mostly a texture, as nothing in this loss asks how digits look."
    because = (
        "The steps look for whatever lifts this score over the others. The network never had to "
        "learn which images are digits at all."
    )
    wrong = {
        f"A clear {digit}, as the network could not be so sure otherwise.": (
            "It is sure of many images that nobody would write."
        ),
        f"The training image of a {digit} that the network knows best.": (
            "No image is stored in it, and nothing in these steps leads to one."
        ),
        f"The mean of all training images that show a {digit}.": (
            "A mean comes from a loss on pixels; this loss is made of scores."
        ),
        "An empty image still, as the pixels are no parameters of the network.": (
            "A gradient can be taken with respect to pixels as well, and they are what moves."
        ),
        f"A {digit} that is hard to read, until the steps become smaller.": (
            "Smaller steps find such a texture too: it is what this loss asks for."
        ),
    }
    return choose(draw, text, right, because, wrong)
