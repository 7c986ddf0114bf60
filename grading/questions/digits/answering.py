"""Questions about what each technique models, and so can answer."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind


@kind(
    "Ten answers",
    objective="what each technique models",
    public=True,
)
def ten_answers(draw: Draw) -> Question:
    """Asks why a reader is trained in seconds."""
    share, times = draw.number(98.5, 99.3, 1), draw.integer(5, 9)
    text = (
        f"A CNN reads {share} % of the test digits after a few seconds of training. Techniques "
        f"that draw digits get {times} times as long, and their images still lie far from the "
        "floor. Why is reading so much quicker to learn?"
    )
    right = "It only has to tell ten kinds apart, never to know how a whole image looks."
    because = (
        "A model of the answer may leave out all that does not tell a three from an eight. Who "
        "draws has to get every stroke right."
    )
    wrong = {
        "Its labels hold more bits than its images, so that there is more to learn from.": (
            "A label is one of ten: 3.3 bits at most, and an image has hundreds."
        ),
        "A CNN has fewer weights than any network that draws, and small ones learn first.": (
            "Sizes are free to choose: it is the task that is smaller."
        ),
        "It starts with filters that somebody designed.": (
            "Its filters begin at random like all other weights."
        ),
        "It is judged by images that it saw in training.": (
            "The test digits were new to it, and it reads them."
        ),
        "Convolutions serve for reading alone.": "Those that draw have convolutions too.",
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "A pixel in small steps",
    objective="what each technique models",
)
def signed_steps(draw: Draw) -> Question:
    """Follows a pixel that moves by the sign of its gradient."""
    size, start = draw.choice((0.02, 0.04, 0.05)), draw.choice((0.4, 0.5, 0.6))
    ups, downs = draw.sample(range(1, 8), 2)
    text = (
        f"A CNN is run backwards: each step moves a pixel by {size} against the sign of its "
        f"gradient of the loss. The pixel starts at {start}. Its gradient is negative in {ups} "
        f"steps and positive in {downs}. Where does it end?"
    )
    because = (
        f"A negative gradient moves it up and a positive one down, so it goes {ups - downs} times "
        f"{size}, whatever the gradients' sizes are."
    )
    mistakes = {
        "This goes along the gradient, which makes the loss larger.": start - size * (ups - downs),
        "A positive gradient moves the pixel down; this moves it up in every step.": (
            start + size * (ups + downs)
        ),
        "A negative gradient moves the pixel up; this moves it down in every step.": (
            start - size * (ups + downs)
        ),
        "These are the steps up alone.": start + size * ups,
        "This is where it starts: steps of opposite signs cancel only if equally many.": start,
    }
    return compute(draw, text, start + size * (ups - downs), because, mistakes, decimals(2))


@kind(
    "How probable is this image?",
    objective="what each technique models",
    public=True,
)
def no_density(draw: Draw) -> Question:
    """Asks what a GAN says of the probability of an image."""
    digit, share = draw.integer(0, 9), draw.number(0.3, 0.9)
    text = (
        f"You hand a test image of a {digit} to a trained GAN and ask how probable it is among all "
        f"images. The discriminator answers {share:.2f}. What do you know?"
    )
    right = "Not that: the GAN has no number for how probable an image is."
    because = (
        "The answer compares real images with this generator's at one place. The generator gives "
        "samples, and nothing that a probability could be read from."
    )
    wrong = {
        f"The image has the probability {share:.2f}, as the discriminator has learned the data.": (
            "That is a probability of being real rather than generated, and not one among images."
        ),
        f"The generator draws it in {100 * share:.0f} of 100 cases.": (
            "No generator draws the same image so often; it says nothing of frequencies."
        ),
        "A bound: its probability is at least that high.": (
            "A bound on the likelihood is what a VAE gives; this number bounds nothing."
        ),
        f"Its probability is {share:.2f} divided by the number of training images.": (
            "The answer is about one image, and the size of the training set plays no part."
        ),
        "Nothing yet: one has to ask the discriminator about many copies of the image.": (
            "It gives the same answer to each copy."
        ),
    }
    return choose(draw, text, right, because, wrong)


#: What each technique gives for an image that it is handed.
GIVES = {
    "CNN": "the probability of each label, given the image",
    "GAN": "no probability: it only makes images of its own",
    "VAE": "a number that the image's log-likelihood is never below",
    "GPT": "the exact probability of the image as a row of tokens",
    "flow": "its probability, if one counts how the ways spread on its way back to noise",
}


@kind(
    "Hand it an image",
    objective="what each technique models",
)
def what_it_gives(draw: Draw) -> Question:
    """Asks what a technique says of an image that it is handed."""
    name, digit = draw.choice(sorted(GIVES)), draw.integer(0, 9)
    text = (
        f"Each of five techniques was trained on digits. You hand an image of a {digit} to the "
        f"{name}. What can it say of it?"
    )
    because = f"It follows from what a {name} models."
    wrong = {says: f"This is what a {other} says of an image." for other, says in GIVES.items()}
    return choose(draw, text, GIVES[name], because, wrong)


#: Tasks, the technique to try first, and why.
TASKS = {
    "say which of ten parts lies on a conveyor belt, a thousand times a second": (
        "a CNN", "Only an answer is asked for, so model only the answer."
    ),
    "draw sharp icons at once, each in a single pass through a small network": (
        "a GAN", "Its generator draws sharp images in one pass; no probability is asked for."
    ),
    "squeeze each photograph into a few numbers and restore it from them": (
        "a VAE", "Encoder and decoder are just that, with a price on what the numbers hold."
    ),
    "finish a melody that is written as a row of notes": (
        "a GPT", "A row goes on token by token, each given all before it."
    ),
    "fill a hole anywhere in a picture, in several ways that fit what is around it": (
        "a flow", "It takes what is given into each of its steps, wherever that stands."
    ),
}  # fmt: skip


@kind(
    "Whom to ask",
    objective="which technique for which task",
)
def whom_to_ask(draw: Draw) -> Question:
    """Matches a task with a technique."""
    task = draw.choice(sorted(TASKS))
    who = draw.choice(("A workshop", "A museum", "A school", "A small company"))
    right, because = TASKS[task]
    text = f"{who} wants a program to {task}. Which of the techniques do you try first?"
    wrong = {
        "a CNN": "It gives an answer about an image, and makes nothing.",
        "a GAN": "It makes images out of noise, and reads none that it is handed.",
        "a VAE": "Its strength is the short code; what is wanted here is something else.",
        "a GPT": "It needs a pass for each token, which pays where the task is a row of them.",
        "a flow": "It goes from noise to a picture in many passes, which is not what is wanted.",
    }
    return choose(draw, text, right, because, wrong)
