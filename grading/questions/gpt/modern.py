"""Questions of chapter 4 about what changed from GPT-2 to today's models, and about fine-tuning."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind, listed, whole

TODAY = "from GPT-2 to today's LLM"


@kind(
    "The same distance",
    objective=TODAY,
)
def turned_clock(draw: Draw) -> Question:
    """Asks which places give the same score with rotary positions."""
    query, back = draw.integer(20, 60), draw.integer(2, 9)
    moved = draw.choice((30, 40, 100))

    def places(first: int, second: int) -> str:
        return f"the query at place {first}, the key at place {second}"

    text = (
        "With rotary positions, a query and a key are turned by angles that grow with their "
        f"places. The query stands at place {query}, the key at place {query - back}. Now the same "
        "two vectors, before their turn, stand elsewhere. Where is their score the same for "
        "certain?"
    )
    because = (
        "Both turn on by the same angle, so the angle between them stays. A score knows how far "
        "apart two tokens stand, and not where."
    )
    far = query + moved
    wrong = {
        places(far, query - back): "Only the query has moved: the angle between them has grown.",
        places(query - back, query): (
            "The distance is the same, but the key now stands on the other side of the query."
        ),
        places(2 * query, 2 * (query - back)): "Twice the places are twice the distance as well.",
        places(far, far - back - 1): "Here the key stands one place further away.",
        places(query, query): "At one place the two are turned alike: the distance is gone.",
    }
    return choose(draw, text, places(far, far - back), because, wrong)


@kind(
    "An RMS norm by hand",
    objective=TODAY,
)
def rms_norm(draw: Draw) -> Question:
    """Normalises a vector of four numbers by its root mean square."""
    vector = [draw.choice((-1, 1)) * value for value in draw.sample(range(1, 9), 4)]
    vector[0] = abs(vector[0])
    text = (
        f"A token's vector is ({listed(vector)}). The scales of an RMS norm are all 1. What does "
        "it make of the first entry?"
    )
    squares = sum(value**2 for value in vector)
    mean = sum(vector) / 4
    spread = math.sqrt(sum((value - mean) ** 2 for value in vector) / 4)
    because = (
        f"The mean of the squares is {squares / 4:g}. Each entry is divided by its root, "
        f"{math.sqrt(squares / 4):.3f}, and no mean is taken away."
    )
    first = vector[0]
    mistakes = {
        "This takes the mean away first, as layer norm does; RMS norm does not.": (
            (first - mean) / spread
        ),
        "This divides by the vector's length; the mean of the squares is meant.": (
            first / math.sqrt(squares)
        ),
        "The root of the mean square is missing here.": first / (squares / 4),
        "This divides by the largest entry.": first / max(map(abs, vector)),
        "This divides by the mean of the entries without their signs.": (
            first / (sum(map(abs, vector)) / 4)
        ),
        "This is the entry as it was.": float(first),
    }
    return compute(draw, text, first / math.sqrt(squares / 4), because, mistakes, decimals(3))


@kind(
    "The weights of a gated MLP",
    objective=TODAY,
)
def gated_weights(draw: Draw) -> Question:
    """Counts the weights of a gated MLP."""
    width, times = draw.choice((96, 192, 384, 576, 768)), draw.choice((2, 3, 4))
    hidden = times * width
    text = (
        f"A gated MLP works on vectors of {width} numbers and has a hidden layer of {hidden:,}. "
        "It has no biases. How many weights does it have?"
    )
    because = (
        f"Its first layer makes two vectors of {hidden:,}, one to scale the other, and its second "
        f"layer leads back: three matrices of {width} by {hidden:,}."
    )
    one = width * hidden
    mistakes = {
        "This is an MLP without a gate; the first layer makes two vectors.": 2 * one,
        "This is a single matrix: there are two out and one back.": one,
        "The way back has one matrix: the two vectors have become one by then.": 4 * one,
        "One vector scales the other entry by entry, and no matrix joins them.": (
            3 * one + hidden**2
        ),
        "Each matrix has rows times columns, not the square of the width.": 3 * width**2,
    }
    return compute(draw, text, 3 * one, because, mistakes, whole)


@kind(
    "Two losses that part",
    objective="next-token loss, perplexity, bits per character",
    public=True,
)
def learned_by_heart(draw: Draw) -> Question:
    """Asks what a loss that falls on few texts and rises on others says."""
    count, low = draw.integer(15, 40), draw.number(0.6, 1.1)
    held = draw.number(1.7, 1.9)
    text = (
        f"A GPT that began at random learns from {count} sonnets alone. On these its loss falls to "
        f"{low:.2f} nats a character. On other sonnets it first falls to {held:.2f} and then rises "
        f"to {held + 0.3:.2f}. What happens?"
    )
    right = "It learns those sonnets by heart, and less and less of sonnets as such."
    because = (
        "So little text is easier to keep than to understand. Pretraining on much other text "
        "brings what the few sonnets cannot teach."
    )
    wrong = {
        "It learns well: a loss that is falling matters more than one that is rising.": (
            "What is wanted is a low loss on sonnets that it has not read."
        ),
        "It forgets what it knew before it read any sonnet.": (
            "It began with random weights, and had nothing to forget."
        ),
        "The other sonnets are harder, which is why its loss on them goes up.": (
            "They were as hard at first, when the loss on them still fell."
        ),
        "The learning rate is too low to reach the end.": (
            "On its own sonnets the loss has come down far."
        ),
        "It has read the other sonnets already, in the form of the first ones.": (
            "Then the loss on both would fall together."
        ),
    }
    return choose(draw, text, right, because, wrong)
