"""Questions of chapter 5 about bent ways, single steps, and what a network is trained on."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, compute, decimals, kind, whole


@kind(
    "Further along the way",
    objective="noise to image as a path",
)
def further_along(draw: Draw) -> Question:
    """Computes where a pixel stands a little later."""
    pixel = draw.choice((-1, 1)) * draw.number(0.1, 0.9, 1)
    velocity = draw.choice((-1, 1)) * draw.number(0.6, 2.0, 1)
    now = draw.choice((0.2, 0.3, 0.4))
    then = round(now + draw.choice((0.2, 0.3, 0.5)), 1)
    text = (
        f"On the way from noise to an image a pixel stands at {pixel} at time {now}, and its "
        f"velocity is {velocity} all along. Where does it stand at time {then}?"
    )
    because = "It goes on with its velocity for the time between."
    mistakes = {
        "This goes on for the whole time that has passed since the noise.": (
            pixel + then * velocity
        ),
        "This goes on up to the image, at time 1.": pixel + (1 - now) * velocity,
        "This goes back: mind the sign.": pixel - (then - now) * velocity,
        "This adds the velocity itself; it is a way for each unit of time.": pixel + velocity,
        "This is how far it goes; it began somewhere.": (then - now) * velocity,
    }
    return compute(draw, text, pixel + (then - now) * velocity, because, mistakes, decimals(2))


@kind(
    "The whole way at once",
    objective="noise to image as a path",
)
def speed_of_a_pixel(draw: Draw) -> Question:
    """Computes the velocity of a pair from two points of its way."""
    noise, clean = draw.choice((-1, 1)) * draw.number(1.1, 1.9, 1), draw.number(0.2, 1.0, 1)
    t = draw.choice((0.2, 0.25, 0.4, 0.5))
    x = round((1 - t) * noise + t * clean, 3)
    text = (
        f"A pixel begins at the noise {noise}, on the straight path, and stands at {x:g} at time "
        f"{t}. What is its velocity?"
    )
    because = "It has gone from the noise to where it stands in the time that has passed."
    mistakes = {
        "This is the way that is gone; divide it by the time that it took.": x - noise,
        "This goes the other way: from where it stands to the noise.": (noise - x) / t,
        "This divides by the time that is left.": (x - noise) / (1 - t),
        "This is where the pixel ends, not how fast it goes there.": clean,
        "This divides the place by the time, and forgets where it began.": x / t,
    }
    return compute(draw, text, clean - noise, because, mistakes, decimals(2))


@kind(
    "How bent is this way?",
    objective="few steps and one step",
)
def bent_way(draw: Draw) -> Question:
    """Computes the bend of a way of two steps."""
    first = draw.number(0.4, 1.2, 1)
    second = round(first + draw.number(0.6, 2.4, 1), 1)
    text = (
        f"A point on a line goes to the data in two of Euler's steps, each half of the time long: "
        f"with the velocity {first}, and then {second}. How bent is its way: the mean square of "
        "what its velocities differ from that of the whole way, as a share of the latter's square?"
    )
    mean, half = (first + second) / 2, (second - first) / 2
    because = "The whole way has the mean velocity, and both steps differ from it by as much."
    mistakes = {
        "This is the difference itself; squares are asked for.": half / mean,
        "This is the mean square; it is to be a share of the whole way's square.": half**2,
        "Both steps differ from their mean by half of their difference.": (2 * half / mean) ** 2,
        "This takes the first step for the whole way.": (2 * half / first) ** 2 / 2,
        "This is a share of the second step's square.": (half / second) ** 2,
    }
    return compute(draw, text, (half / mean) ** 2, because, mistakes, decimals(3))


@kind(
    "One step to the islands",
    objective="few steps and one step",
)
def one_step_to_islands(draw: Draw) -> Question:
    """Computes where a single step leads every noise."""
    places = draw.sample((-4, -3, -2, 1, 2, 3, 5), 2)
    share, noise = draw.choice((0.2, 0.3, 0.4)), draw.number(0.3, 1.5, 1)
    first, second = places
    text = (
        f"Of the data, a share of {share} lies at {first} and the rest at {second}. A perfect flow "
        f"on the straight path takes a single one of Euler's steps from the noise {noise}. Where "
        "does it land?"
    )
    right = share * first + (1 - share) * second
    because = (
        "At time 0 the noise says nothing of the data, so the velocity leads to the mean of all "
        "data, wherever one stands."
    )
    mistakes = {
        "Both kinds of data count as their share, not alike.": (first + second) / 2,
        "The shares are exchanged.": (1 - share) * first + share * second,
        "This is the most frequent data; one step can't decide for it.": second,
        "The velocity is that mean less the noise: the step begins at the noise.": right + noise,
        "This is the velocity; the step begins at the noise.": right - noise,
    }
    return compute(draw, text, right, because, mistakes, decimals(2))


@kind(
    "Examples without a label",
    objective="classifier-free guidance, paid for in variety",
)
def without_labels(draw: Draw) -> Question:
    """Counts the examples from which the velocity without a label is learned."""
    steps, batch = draw.integer(3, 12) * 50, draw.choice((64, 128, 256, 512))
    percent = draw.choice((5, 10, 15, 20))
    text = (
        f"A flow trains for {steps} steps of {batch} examples, and leaves the label out for "
        f"{percent} % of them. From how many examples does it learn what holds without a label?"
    )
    seen = steps * batch
    because = "All examples of all steps count, and each loses its label with that chance."
    mistakes = {
        "These are those that keep their label.": seen * (100 - percent) / 100,
        "This is what a single step leaves out.": batch * percent / 100,
        "This counts steps, not examples.": steps * percent / 100,
        "All examples are seen; most of them with their label.": seen,
        "The label is left out and the image kept, so none is counted twice.": (
            2 * seen * percent / 100
        ),
    }
    return compute(draw, text, seen * percent / 100, because, mistakes, whole)


@kind(
    "Patches that see each other",
    objective="U-Net and a small DiT at equal seconds",
)
def patches_that_see(draw: Draw) -> Question:
    """Counts the pairs of patches that a Transformer of images looks at."""
    patch, across = draw.choice((2, 4, 8)), draw.choice((6, 7, 8, 10, 12))
    side = patch * across
    tokens = across**2
    text = (
        f"A diffusion Transformer cuts images of {side} by {side} pixels into patches of {patch} "
        f"by {patch}, and each patch looks at all of them. How many weights does one head's "
        "attention have for an image?"
    )
    because = "There are as many tokens as patches, and each has a weight for each of them."
    mistakes = {
        "These are the patches; each of them looks at all.": tokens,
        "A mask that hides what comes after would leave these; here all are seen.": (
            tokens * (tokens + 1) // 2
        ),
        "These are the patches along one side.": across,
        "A weight is one number, not one for each pixel of a patch.": tokens**2 * patch**2,
        "Each pair of query and key has one weight.": 2 * tokens**2,
        "Pixels are not looked at one by one.": side**2,
        "A patch looks at itself too.": tokens * (tokens - 1),
    }
    return compute(draw, text, tokens**2, because, mistakes, whole)
