"""Questions of chapter 3 about codes that the prior does not draw, and codes that say nothing."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, kind


@kind(
    "Where a prior draws",
    objective="prior samples against reconstructions",
    public=True,
)
def empty_places(draw: Draw) -> Question:
    """Asks why draws from the prior are worse than reconstructions."""
    copies, drawn = draw.integer(95, 99), draw.integer(70, 84)
    text = (
        f"A judge reads {copies} % of a VAE's reconstructions without doubt, and {drawn} % of what "
        "its decoder makes of draws from the prior. Where does the difference come from?"
    )
    right = "The prior also draws places to which hardly any image has been encoded."
    because = (
        "The codes of all images together do not fill the prior. In the gaps the decoder was never "
        "trained, and it draws something between digits."
    )
    wrong = {
        "The decoder is too weak to draw digits that can be read.": (
            "From the codes of images it draws them well."
        ),
        "The encoder has collapsed, and its codes say nothing of the images.": (
            "Then the reconstructions would be as poor as the other images."
        ),
        "A reconstruction shows the decoder's mean, and a draw from the prior never does.": (
            "The decoder gives a mean for each code, wherever the code comes from."
        ),
        "Too few codes have been drawn from the prior to judge them.": (
            "More draws make the share more exact; they do not raise it."
        ),
        "The KL term has not yet become zero, as it should.": (
            "At zero all codes would be alike, and carry nothing."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "Codes that say nothing",
    objective="posterior collapse, active units",
    public=True,
)
def silent_codes(draw: Draw) -> Question:
    """Asks what a decoder does whose codes are not used."""
    rate, size = draw.number(0.1, 0.9, 1), draw.choice((10, 20, 32))
    text = (
        f"After training, the KL divergence of a VAE with {size} latent dimensions is {rate} nats "
        "an image. What do its reconstructions look like?"
    )
    right = "Nearly all the same, like a mean of the data."
    because = (
        "The KL divergence bounds what the codes can say of an image. With less than one nat the "
        "decoder cannot even tell three digits apart."
    )
    wrong = {
        "Very sharp, as the codes have nearly no noise in them any more.": (
            "A KL divergence near zero means the opposite: the codes are drawn from the prior."
        ),
        "Like the training images, which the decoder has learned by heart.": (
            "Without a code it cannot know which of them to draw."
        ),
        "Right in kind, as one or two dimensions carry all that is needed.": (
            "What they carry would be paid for in nats, and hardly any are paid."
        ),
        "As good as they can be, as the loss is at its least there.": (
            "The loss is the sum of two terms, and the other one is large."
        ),
        "Like noise, as pixels are tossed singly.": (
            "A reconstruction shows the chance of ink, and no coin is tossed for it."
        ),
    }
    return choose(draw, text, right, because, wrong)
