"""Questions of chapter 5 about its numbers: losses, scales of codes, distances and their shares."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, compute, decimals, kind

LATENT = "latent flow on chapter 3's codes"


@kind(
    "A code's own scale",
    objective=LATENT,
)
def scaled_code(draw: Draw) -> Question:
    """Computes the code that a flow's end stands for."""
    mean, deviation = draw.choice((-1, 1)) * draw.number(0.5, 3.0, 1), draw.number(1.5, 4.0, 1)
    end = draw.choice((-1, 1)) * draw.number(0.4, 1.6, 1)
    text = (
        f"One number of all codes has the mean {mean} and the standard deviation {deviation}. A "
        f"flow was trained on codes scaled to 0 and 1, and ends at {end}. Which number is the "
        "decoder to get?"
    )
    because = "Scaled is less the mean, divided by the deviation; back is the other way round."
    mistakes = {
        "This scales a second time; the flow's end is scaled already.": (end - mean) / deviation,
        "The deviation multiplies on the way back.": end / deviation + mean,
        "This leaves the mean out.": end * deviation,
        "The mean is added after the deviation has multiplied.": (end + mean) * deviation,
        "The decoder does not know scaled codes.": end,
    }
    return compute(draw, text, end * deviation + mean, because, mistakes, decimals(2))


@kind(
    "What of the loss is left to learn",
    objective="the conditional velocity, and why regression on it finds the marginal velocity",
)
def left_to_learn(draw: Draw) -> Question:
    """Splits a loss into the spread of the pairs and the network's own error."""
    spread, off = draw.number(0.6, 1.8), draw.number(0.05, 0.4)
    before = round(off + draw.number(0.1, 0.3), 2)
    early, late = round(spread + before, 2), round(spread + off, 2)
    text = (
        f"Where everything is known, the pairs spread around their mean velocity with a mean "
        f"square of {spread:.2f}. A flow's loss there has fallen from {early:.2f} to {late:.2f}. "
        "Which mean squared error of the mean velocity does the network still have?"
    )
    because = "The loss is the network's own error plus the spread of the pairs, which stays."
    mistakes = {
        "This is how far the loss has fallen.": early - late,
        "This is the loss; most of it is the spread of the pairs.": late,
        "This is the error that it had before.": early - spread,
        "This is the spread, which no network can lower.": spread,
        "This adds both; the loss holds the spread already.": late + spread,
        "Both are mean squares already: nothing is to be squared again.": (late - spread) ** 2,
        "This is the share of the loss; the error itself is asked for.": (late - spread) / late,
    }
    return compute(draw, text, late - spread, because, mistakes, decimals(2))


@kind(
    "Lost on the way through the codes",
    objective=LATENT,
)
def lost_in_codes(draw: Draw) -> Question:
    """Computes which share of a distance codes and decoder have."""
    floor = draw.choice((0.1, 0.15, 0.2))
    decoded = round(floor + draw.number(0.3, 1.2), 2)
    drawn = round(decoded + draw.number(0.2, 1.5), 2)
    text = (
        f"Real images score {floor:.2f}, real codes, decoded, {decoded:.2f}, and what a flow draws "
        f"on these codes, without guidance, {drawn:.2f}. Of all that the last one has above the "
        "real images, which share is there before the flow has drawn anything?"
    )
    because = "Codes and decoder bring the real images up to the second score, before any flow."
    whole_way = drawn - floor
    mistakes = {
        "This is the flow's own share.": (drawn - decoded) / whole_way,
        "The score of real images has to be taken off both.": decoded / drawn,
        "This is the share of the floor.": floor / drawn,
        "This compares the two parts with each other.": (decoded - floor) / (drawn - decoded),
        "This is a difference of scores, and no share of it.": decoded - floor,
    }
    return compute(draw, text, (decoded - floor) / whole_way, because, mistakes, decimals(2))


@kind(
    "A fair comparison of distances",
    objective="memorisation looked for",
    misconceptions=("no game, so no copying",),
)
def fair_distances(draw: Draw) -> Question:
    """Compares drawn digits with images that took the same way."""
    passed = draw.number(3.6, 5.0, 1)
    unseen = round(passed + draw.number(0.4, 1.4, 1), 1)
    drawn = round(passed - draw.number(0.3, 1.8, 1), 1)
    text = (
        f"The median distance to the nearest training image is {unseen} for test images, {passed} "
        f"for test images that were encoded and decoded, and {drawn} for digits that a flow drew "
        "on these codes. What is the fair ratio for the drawn ones, of which a small one is a "
        "reason to look for copies?"
    )
    because = (
        "Decoding alone moves images nearer to all others, so the drawn ones are compared with "
        "those that were decoded too."
    )
    mistakes = {
        "Drawn digits have been decoded, and these test images have not.": drawn / unseen,
        "This says what decoding does, and nothing of the flow.": passed / unseen,
        "This stands upside down.": passed / drawn,
        "This compares with the wrong images, and upside down.": unseen / drawn,
        "This is a difference; a ratio is asked for.": passed - drawn,
    }
    return compute(draw, text, drawn / passed, because, mistakes, decimals(2))
