"""Questions of chapter 3 about what a VAE is good for, from its own codes to latent diffusion."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, kind, whole

LATENT = "link to latent diffusion"


@kind(
    "How much a code saves",
    objective=LATENT,
)
def packed_images(draw: Draw) -> Question:
    """Compares the numbers of a picture with those of its code."""
    factor, channels = draw.choice((4, 8, 16)), draw.choice((4, 8, 16))
    side = draw.choice((256, 384, 512, 768))
    small = side // factor
    text = (
        f"An autoencoder packs a colour picture of {side} by {side} pixels into a code of {small} "
        f"by {small} places with {channels} channels. By which factor are there fewer numbers?"
    )
    because = (
        f"The picture has {side} times {side} times 3 numbers, the code {small} times {small} "
        f"times {channels}. Two sides shrink by {factor} each."
    )
    mistakes = {
        "Channels count too: the picture has three, and the code has its own.": factor**2,
        "A picture has two sides, and both of them shrink.": 3 * factor / channels,
        "The colours are left out here: each pixel has three numbers.": factor**2 / channels,
        "The code's channels are left out here.": 3 * factor**2,
        "More channels make the code larger, and save less.": factor**2 * channels / 3,
    }
    return compute(draw, text, 3 * factor**2 / channels, because, mistakes, whole)


@kind(
    "What it adds to a generator",
    objective="latent-variable likelihood",
    misconceptions=("ELBO = log-likelihood",),
    public=True,
)
def what_it_adds(draw: Draw) -> Question:
    """Asks what a VAE can do that a GAN can't."""
    digit, dims = draw.integer(0, 9), draw.choice((10, 16, 20, 32))
    text = (
        f"A GAN and a VAE with {dims} latent dimensions were trained on digits. You hold an image "
        f"of a {digit} that neither of them has drawn. What does the VAE have for it, and the GAN "
        "not?"
    )
    right = "A code from which it can be drawn again, and a bound on its probability."
    because = (
        "The encoder answers with a cloud of codes for this image, and the ELBO bounds its "
        "log-likelihood from below. A generator only leads from noise to images."
    )
    wrong = {
        "The exact probability of the image.": (
            "It only has a bound: the sum over all codes has no formula."
        ),
        f"The label, as its encoder knows that this is a {digit}.": (
            "It was trained without labels, and its code has no names."
        ),
        "A sharper copy of it, as a VAE's images are the sharper ones.": (
            "They are softer: the decoder shows a mean."
        ),
        "The training images that are most like it, which its decoder has stored one by one.": (
            "Nothing is stored: encoder and decoder are weights."
        ),
        "Nothing: both of them draw, and neither can take an image in as its input.": (
            "The VAE's encoder takes images in; that is what it is for."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "A weight near zero",
    objective=LATENT,
    misconceptions=("the KL term is optional",),
    public=True,
)
def tiny_weight(draw: Draw) -> Question:
    """Asks what follows from the tiny KL weight of latent diffusion's autoencoder."""
    weight = draw.choice(("a hundred-thousandth", "a millionth", "two millionths"))
    channels = draw.choice((4, 8, 16))
    text = (
        f"The autoencoder of a latent diffusion model, with {channels} channels, is trained with a "
        f"weight of about {weight} on the KL term. Where do the codes of new pictures come from?"
    )
    right = "From a second model, as draws of a standard normal would miss the codes."
    because = (
        "Hardly anything holds the codes near the prior. A diffusion model learns where they are; "
        "the small weight only keeps them from running away."
    )
    wrong = {
        "From a standard normal, as the KL term makes the codes look like it.": (
            "With so small a weight it does not: the codes go where reconstruction wants them."
        ),
        "From the encoder, which makes up a code whenever no picture is given to it.": (
            "An encoder needs a picture; without one it has nothing to encode."
        ),
        "From a list of the training pictures' codes, one of which is taken by chance.": (
            "That would only repeat training pictures."
        ),
        "From anywhere: so good a decoder makes a picture of every code.": (
            "It was trained on codes of pictures, and knows no others."
        ),
    }
    return choose(draw, text, right, because, wrong)


#: What is done with a latent diffusion model, the part that it does not take, and why.
DOINGS = {
    "draws a new picture out of noise": (
        "the encoder", "The diffusion model draws a code, and the decoder makes a picture of it."
    ),
    "trains the diffusion model, now that the autoencoder is ready": (
        "the decoder", "The encoder gives the codes to learn from; no picture has to be restored."
    ),
    "packs a photograph into its code and restores it": (
        "the diffusion model", "Encoder and decoder do that alone: no code has to be invented."
    ),
}  # fmt: skip


@kind(
    "Which part has a rest",
    objective=LATENT,
)
def part_not_needed(draw: Draw) -> Question:
    """Asks which part of latent diffusion a task leaves out."""
    doing, size = draw.choice(sorted(DOINGS)), draw.choice((256, 512, 768, 1024))
    right, because = DOINGS[doing]
    text = (
        "A system for latent diffusion has an encoder, a decoder and a diffusion model, for "
        f"pictures of {size} by {size} pixels. Someone {doing}. Which part is not needed?"
    )
    wrong = {
        "the encoder": "Pictures come in here, and only the encoder makes codes of them.",
        "the decoder": "A picture is to come out, and only the decoder makes one of a code.",
        "the diffusion model": "Without it there is nothing that draws or learns codes here.",
        "none: it takes all three": "One of them has nothing to do, as a look at the way shows.",
    }
    return choose(draw, text, right, because, wrong)
