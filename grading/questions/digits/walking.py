"""Questions about the flow on codes: what its drawing and its training cost."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, compute, kind, whole


@kind(
    "A walk among codes",
    objective="the same budget for all",
)
def walk_of_codes(draw: Draw) -> Question:
    """Counts the passes through networks that one digit of a flow on codes takes."""
    steps = draw.integer(4, 15)
    text = (
        f"A flow on codes draws a digit with {steps} of Heun's steps, guided all the way, and the "
        "decoder makes an image of the code. How many passes through networks is that in all, with "
        "and without a label counted apart?"
    )
    because = "Heun's method asks twice a step, guidance twice each time, and the decoder once."
    mistakes = {
        "The decoder is a network too.": 4 * steps,
        "Guidance asks with the label and without it.": 2 * steps + 1,
        "Heun's method asks twice a step.": steps + 1,
        "The decoder works once, at the end, not after each step.": 5 * steps,
        "It begins at noise and not at an image: nothing is encoded.": 4 * steps + 2,
        "Nothing of the way is asked a third time.": 6 * steps + 1,
    }
    return compute(draw, text, 4 * steps + 1, because, mistakes, whole)


@kind(
    "First the autoencoder",
    objective="the same budget for all",
)
def autoencoder_first(draw: Draw) -> Question:
    """Counts the steps of a flow that are left of a budget."""
    budget, reader = draw.choice((60, 90, 120)), draw.integer(4, 9)
    coder, pace = draw.integer(20, 40), draw.choice((4, 5, 8, 10))
    text = (
        f"Each technique gets {budget} seconds. A flow whose autoencoder looks with a classifier's "
        f"eyes first trains that classifier for {reader} seconds and then the autoencoder for "
        f"{coder}; after that it takes {pace} steps a second. How many steps are left to it?"
    )
    right = (budget - reader - coder) * pace
    because = "Whatever has to be trained before counts into the same seconds."
    mistakes = {
        "What is trained before costs seconds too.": budget * pace,
        "The classifier is trained for the flow alone, so it counts as well.": (
            (budget - coder) * pace
        ),
        "The autoencoder is a part of the flow's price.": (budget - reader) * pace,
        "These are the seconds that are left, not the steps.": budget - reader - coder,
        "This divides by the pace; there are so many steps in a second.": right / pace**2,
        "These steps were taken before; what is left is asked for.": (reader + coder) * pace,
        "A third of the budget is no rule.": budget * pace / 3,
    }
    return compute(draw, text, right, because, mistakes, whole)
