"""Questions about budgets: seconds of training, images seen, and seconds of drawing."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind


@kind(
    "Images seen",
    objective="the same budget for all",
)
def images_seen(draw: Draw) -> Question:
    """Compares steps of a batch with epochs in images."""
    steps, batch = draw.choice((400, 700, 1000)), draw.choice((64, 96, 128))
    epochs = draw.integer(3, 8)
    text = (
        f"A GAN was trained with {steps:,} steps of {batch} real images each, and a VAE with "
        f"{epochs} epochs of 60,000 images. How many times as many images has the VAE seen?"
    )
    right = epochs * 60_000 / (steps * batch)
    because = (
        f"The GAN has seen {steps * batch:,} images and the VAE {epochs * 60_000:,}, some of them "
        "several times. A comparison by epochs would hide it."
    )
    mistakes = {
        "This is the other way round: the GAN's images in units of the VAE's.": 1 / right,
        "One epoch is counted here; each of them shows all images again.": right / epochs,
        "This takes batches of 100; the GAN's have another size.": 600 * epochs / steps,
        "These are epochs for each thousand steps, and no images.": 1000 * epochs / steps,
        "The generated images of the GAN are no data, and are not to be added.": right / 2,
    }
    return compute(draw, text, right, because, mistakes, decimals(2))


@kind(
    "Two budgets, two winners",
    objective="the same budget for all",
    public=True,
)
def two_budgets(draw: Draw) -> Question:
    """Asks which technique is better if the order changes with the budget."""
    short, long = draw.integer(15, 30), draw.integer(4, 9)
    text = (
        f"After {short} seconds of training the GPT's digits have a smaller Fréchet distance than "
        f"the GAN's, after {long} minutes a larger one, with three seeds that agree. What do you "
        "write?"
    )
    right = "Both, each with its budget: the order depends on the seconds."
    because = (
        "A result holds for a budget, a size and a machine. Two budgets that disagree say more "
        "than one, and neither names the better idea."
    )
    wrong = {
        "That the GAN is better, as the longer training shows what each of them can do.": (
            "Nobody knows the end of either curve, and many readers have the shorter budget."
        ),
        "That the GPT is better, as it needs less of what costs most.": (
            "It is ahead at one budget and behind at the other."
        ),
        "Neither, as a measurement that turns around has failed.": (
            "Curves may cross: the seeds agree at each budget, so the crossing is the finding."
        ),
        f"That they are equal, by the mean of {short} seconds and {long} minutes.": (
            "A mean over budgets hides the crossing, and depends on which budgets were taken."
        ),
        "That the GPT has overfitted, as it fell behind.": (
            "It need not have become worse: the GAN may have become better."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "How long drawing takes",
    objective="the same budget for all",
)
def seconds_to_draw(draw: Draw) -> Question:
    """Counts the passes of a writer."""
    tokens, milliseconds = draw.choice((16, 49, 64)), draw.integer(12, 40)
    images = draw.choice((2000, 3000, 5000))
    text = (
        f"A GPT writes an image as {tokens} tokens. Each pass through it writes one more token "
        f"for a batch of 1,000 images, and takes {milliseconds} milliseconds. How many seconds do "
        f"{images:,} images take?"
    )
    right = images / 1000 * tokens * milliseconds / 1000
    because = (
        f"There are {images // 1000} batches, each with {tokens} passes. A network that draws in "
        "one pass needs as many passes as there are batches."
    )
    mistakes = {
        "Each token needs a pass of its own; this is one pass a batch.": right / tokens,
        "This is a single batch of 1,000 images.": right / (images // 1000),
        "A pass serves the whole batch, not a tenth of it.": 10 * right,
        "Every token looks at those before, but a cache makes each pass equally long.": (
            right * (tokens + 1) / 2
        ),
        "The first token of an image is written too.": right * (tokens - 1) / tokens,
    }
    return compute(draw, text, right, because, mistakes, decimals(2))
