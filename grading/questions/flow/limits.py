"""Questions of chapter 5 about what limits a flow: blur, decoders, copies, single steps."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, kind


@kind(
    "An image early on its way",
    objective="the same model said four ways",
    misconceptions=("the network predicts the finished image",),
    public=True,
)
def early_image(draw: Draw) -> Question:
    """Asks why the clean prediction is blurred near the noise."""
    t, digit = draw.choice((0.05, 0.1, 0.15)), draw.integer(0, 9)
    text = (
        f"At time {t}, near the noise, the network is asked for a {digit}. Its predicted clean "
        f"image is a blurred {digit}, although what it draws in the end is sharp. Why?"
    )
    right = "It predicts the mean of all images that this noise may still become."
    because = (
        "Early on many images are possible, and under a squared error the best answer is their "
        "mean. Later fewer are left, and the mean becomes sharp."
    )
    wrong = {
        "It is trained too little for early times, which a longer training would mend.": (
            "A perfect network gives a blur there too: the mean is its right answer."
        ),
        "The prediction still has noise in it, which looks like a blur.": (
            "The noise is taken out; what is left is a mean of clean images."
        ),
        "Its convolutions are too coarse for a noisy input and become finer as time goes on.": (
            "The network is the same at all times."
        ),
        "The finished image is known, but shown at low contrast.": (
            "At that time no image is decided yet."
        ),
        "Guidance is missing, without which an image stays blurred up to the end.": (
            "The end is sharp, with guidance and without."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "The floor of a decoder",
    objective="latent flow on chapter 3's codes",
    misconceptions=("latent means lower quality",),
    public=True,
)
def floor_of_the_decoder(draw: Draw) -> Question:
    """Asks what to change when a flow on codes draws nearly what its decoder allows."""
    decoded = draw.number(2.2, 3.4, 1)
    drawn = round(decoded + draw.number(0.1, 0.3, 1), 1)
    floor = draw.choice((0.1, 0.2))
    text = (
        f"Real images against real ones have a Fréchet distance of {floor}. Real codes, decoded, "
        f"have {decoded}, and what a flow draws on these codes, without guidance, has {drawn}. "
        "Which change promises most?"
    )
    right = "An autoencoder whose codes and decoder lose less."
    because = (
        "The flow draws the codes nearly as they are. What is left lies in what codes and decoder "
        "lose of an image, and that can be lowered."
    )
    wrong = {
        "A larger network for the flow.": "It could win only the small gap to decoded codes.",
        "Many more steps for each digit, as the error of the sampler is what is left.": (
            "That error is a part of the small gap to the decoded codes."
        ),
        "Pixels in place of codes, since a flow on codes is worse by its nature.": (
            "By its nature it is not: a better decoder lowers its floor."
        ),
        "Stronger guidance, until the distance is that of real images.": (
            "It draws other codes and costs variety; what the decoder loses of each code stays."
        ),
        "A prior that fits: the codes should be drawn from a standard normal distribution.": (
            "That is what the flow has replaced, because it did not fit."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "Honest regression",
    objective="memorisation looked for",
    misconceptions=("no game, so no copying",),
    public=True,
)
def honest_regression(draw: Draw) -> Question:
    """Asks what the perfect answer to the regression draws."""
    count = draw.integer(2, 40) * 50
    text = (
        f"A flow is trained on {count:,} images, without labels. Suppose that a very large network "
        "reaches the smallest possible loss on them exactly. What does it draw?"
    )
    right = "Only these training images, each of them about equally often."
    because = (
        "The marginal velocity of a finite set of points leads every noise to one of the points. "
        "What keeps a flow from copying is that it does not reach that answer."
    )
    wrong = {
        "New images, as there is no discriminator that could be deceived by copies.": (
            "Copying needs no game: it is the perfect answer to the regression."
        ),
        "The mean of all the images, for every noise.": (
            "That is what a single step leads to; the way with many steps bends to one image."
        ),
        "New images, since a mean squared error punishes copies more than anything between them.": (
            "It rewards the exact mean velocity, and that ends at training images."
        ),
        "Mixtures of two or three training images.": (
            "Points between images have ways that lead on to one of them."
        ),
        "Nothing but noise, as a loss that small means that the velocity is zero everywhere.": (
            "The smallest loss has the velocities of the data, not zero."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "A student that leaps",
    objective="few steps and one step",
    misconceptions=("it needs a thousand steps",),
    public=True,
)
def leaping_student(draw: Draw) -> Question:
    """Asks why a distilled network draws in one step where the flow does not."""
    steps, pairs = draw.integer(8, 25), draw.integer(10, 60) * 1000
    text = (
        f"With one of Euler's steps a perfect flow draws the mean of the data. A second network is "
        f"trained by squared error on {pairs:,} pairs of a noise and what a flow makes of it in "
        f"{steps} steps, and draws well in one. Why does it not draw the mean too?"
    )
    right = "For each noise there is one right answer now, so that there is nothing to average."
    because = (
        "In the flow's own training any image may belong to a noise. Its sampler draws nothing on "
        "its way, so that it ties each noise to one image."
    )
    wrong = {
        "It has more parameters than the flow that taught it.": (
            "It may have the same ones; what differs is the task."
        ),
        "It makes the flow's steps one after another inside of its layers.": (
            "Nothing in its training asks for the steps, only for the end."
        ),
        "Its pairs were drawn with guidance, without which one step always leads to the mean.": (
            "Pairs without guidance teach a leap as well."
        ),
        "It is no regression any more, as the pairs come from a network and not from data.": (
            "It is one, with another target."
        ),
        "It saw fewer images, so that their mean is sharper than that of all training images.": (
            "A mean of many images is a blur, however many there are."
        ),
    }
    return choose(draw, text, right, because, wrong)
