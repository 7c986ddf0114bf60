"""Questions of chapter 1 about what a measured accuracy says, and what it doesn't."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind


@kind(
    "The same image twice",
    objective="overfitting, augmentation, batch norm in train and eval mode",
    misconceptions=("forgetting eval()",),
    public=True,
)
def same_image_twice(draw: Draw) -> Question:
    """Asks why a network's answer depends on the other images of the batch."""
    first, second = draw.sample((8, 16, 32, 64, 128), 2)
    digit = draw.integer(0, 9)
    text = (
        "A trained network has convolutions, batch normalisation, a ReLU after each, and a linear "
        f"layer. It gives different logits for the same image, which shows the digit {digit}, in "
        f"a batch of {first} images and in a batch of {second}. What is the likeliest cause?"
    )
    right = "`model.eval()` was forgotten, so each batch is normalised by its own statistics."
    because = (
        "In training mode batch normalisation mixes the images of a batch through their mean and "
        "variance. In evaluation mode it uses the averages from training, and each image stands "
        "for itself."
    )
    wrong = {
        "`torch.no_grad()` was forgotten, so the weights change a little with each call.": (
            "Without it gradients can be computed, but only an optimizer's step changes weights."
        ),
        "Softmax was left out, so the logits are not yet scaled by the number of images.": (
            "Softmax runs over the classes of one image, and knows nothing of the others."
        ),
        "The zeros of the padding mix the border of an image with the next one in the batch.": (
            "A convolution pads each image by itself; images never touch."
        ),
        "The learning rate was still too high at the end, so that the weights have not settled.": (
            "Both batches see the same weights, settled or not."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "A digit, or something else",
    objective="evaluating on data held back",
    misconceptions=("softmax output = confidence",),
    public=True,
)
def a_digit_or_not(draw: Draw) -> Question:
    """Asks what a large softmax output says of an image that shows no digit."""
    share, digit = draw.integer(95, 99), draw.integer(0, 9)
    thing = draw.choice(("a shoe", "a letter K", "a spiral", "a cat's face"))
    text = (
        f"A network trained on digits alone gets an image of {thing}. Its softmax gives the class "
        f"{digit} a share of 0.{share}. What does this number say?"
    )
    right = "This class scores far above the other nine; whether it fits stays open."
    because = (
        "Softmax only compares the scores with each other, and its shares add up to one whatever "
        "the image shows. How often such a share is right has to be measured, on images of the "
        "same sort."
    )
    wrong = {
        f"The image shows this digit with a probability of {share} %, as the network sees it.": (
            "That would need a network that knows other things than digits, and whose shares were "
            "compared with how often they are right."
        ),
        f"The network is right on {share} % of all the images that it puts into class {digit}.": (
            "How often it is right must be counted with labels; the share alone does not tell."
        ),
        f"The image lies closer to the digits of class {digit} than {share} % of them do.": (
            "Softmax compares ten scores of one image, and no images with each other."
        ),
        f"An error of at most {100 - share} % has to be expected on all images of this sort.": (
            "For images unlike those of training nothing bounds the error."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "As good as it is sure?",
    objective="evaluating on data held back",
    misconceptions=("softmax output = confidence",),
)
def calibration(draw: Draw) -> Question:
    """Computes an expected calibration error from three groups."""
    sizes = [100 * n for n in draw.sample(range(1, 8), 3)]
    sure = [draw.integer(55, 65), draw.integer(75, 85), draw.integer(94, 99)]
    gaps = [draw.integer(2, 6), -draw.integer(2, 6), draw.integer(7, 12)]
    rows = [f"| {n} | {c} % | {c - g} % |" for n, c, g in zip(sizes, sure, gaps, strict=True)]
    table = "\n".join(["| images | mean confidence | right |", "|---|---|---|", *rows])
    text = (
        "The answers of a classifier to images held back are put into three groups by their "
        f"confidence:\n\n{table}\n\nWhat is the expected calibration error, in percent?"
    )
    because = (
        "It is the mean gap between confidence and accuracy, without its sign, where each group "
        "counts as often as it has images."
    )
    total = sum(sizes)
    weighted = sum(n * abs(g) for n, g in zip(sizes, gaps, strict=True)) / total
    mistakes = {
        "Gaps of opposite signs cancel here: take each without its sign.": abs(
            sum(n * g for n, g in zip(sizes, gaps, strict=True)) / total
        ),
        "Each group counts once here; it has to count as often as it has images.": (
            sum(map(abs, gaps)) / 3
        ),
        "This is the largest gap; the mean of the gaps is asked for.": float(max(gaps)),
        "This is the share of wrong answers. A sure and honest classifier may err as well.": (
            sum(n * (100 - c + g) for n, c, g in zip(sizes, sure, gaps, strict=True)) / total
        ),
    }
    return compute(draw, text, weighted, because, mistakes, decimals(2))


@kind(
    "The best of many",
    objective="evaluating on data held back",
    misconceptions=("tuning on the test set",),
    public=True,
)
def best_of_many(draw: Draw) -> Question:
    """Asks what the best of many test accuracies is worth."""
    count, best = draw.integer(20, 90), draw.number(98.5, 99.4, 1)
    text = (
        f"Someone trains a network with {count} settings, measures each of them on the test set, "
        f"and reports the best, {best} %, as the accuracy to expect on new images. Nothing else "
        "was done with the test images. What is to be said?"
    )
    right = "The number is too high on average, as these images also chose the setting."
    because = (
        "Part of the best result is luck with these images, and choosing the best collects the "
        "luck. Choose on a validation set, and use the test set once."
    )
    wrong = {
        "The number is fair, as none of the networks was trained on a test image.": (
            "The weights have not seen them, but the choice of the setting has."
        ),
        "The number is fair if all settings began from the same seed and the same weights.": (
            "A common seed does not help: the luck lies in the test images."
        ),
        "The number is too low on average, as the best setting can still be trained longer.": (
            "It is about this network as it stands, and choosing makes its number too high."
        ),
        "The number is too high only if the training accuracy lies clearly above it.": (
            "That would be overfitting of weights. Choosing among settings flatters all the same."
        ),
        f"The number is fair once the mean of the {count} results is reported beside it.": (
            "The mean says how settings do on average, and leaves the best as flattered as it was."
        ),
    }
    return choose(draw, text, right, because, wrong)
