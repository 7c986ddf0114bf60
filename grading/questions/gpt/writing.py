"""Questions of chapter 4 about writing: how the next token is drawn, and what a model knows."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind, listed, whole


@kind(
    "Cooler or hotter",
    objective="greedy, temperature, top-k, top-p",
)
def cooler_or_hotter(draw: Draw) -> Question:
    """Computes a probability under another temperature."""
    share, temperature = draw.choice((0.6, 0.7, 0.75, 0.8, 0.9)), draw.choice((0.5, 2.0))
    power = 1 / temperature
    text = (
        f"Only two tokens can follow, with the probabilities {share:g} and {1 - share:.2g}. At a "
        f"temperature of {temperature:g}, what is the probability of the first one?"
    )

    def raised(exponent: float) -> float:
        first, second = math.pow(share, exponent), math.pow(1 - share, exponent)
        return first / (first + second)

    because = (
        f"Dividing the logits by {temperature:g} raises each probability to the power of "
        f"{power:g}; then the two are made to add up to one again."
    )
    mistakes = {
        "This divides by the temperature the wrong way round: below 1 it sharpens, above 1 it "
        "flattens.": raised(temperature),
        "The temperature does change the probabilities; it only keeps their order.": share,
        "The powers have to be divided by their sum, so that they add up to one.": share**power,
        "This divides the probabilities, not the logits; they would add up to one no more.": (
            share / temperature if temperature > 1 else share * temperature
        ),
        "Only a temperature near zero takes all from the second token.": 1.0,
        "Only a very high temperature makes both tokens equally likely.": 0.5,
    }
    return compute(draw, text, raised(power), because, mistakes, decimals(3))


@kind(
    "The capital of Australia",
    objective="greedy, temperature, top-k, top-p",
    misconceptions=("temperature adds knowledge",),
    public=True,
)
def capital_city(draw: Draw) -> Question:
    """Asks whether a temperature can put the right answer first."""
    wrong_first = draw.number(0.4, 0.6)
    right_second = draw.number(0.1, 0.3)
    text = (
        "After “The capital of Australia is” a model gives “Sydney” the probability "
        f"{wrong_first:.2f} and “Canberra”, the right answer, {right_second:.2f}. At which "
        "temperatures is “Canberra” the likeliest answer?"
    )
    right = "At none: every temperature leaves the order of the tokens as it is."
    because = (
        "All logits are divided by the same positive number, so the larger stays the larger. A "
        "temperature adds variety, and no knowledge."
    )
    wrong = {
        "At high ones, as they give rare but correct answers a chance.": (
            "A rare answer becomes more frequent, and never more frequent than a likelier one."
        ),
        "At low ones, as they let the model think more strictly.": (
            "A low temperature makes the likeliest answer still likelier, and that is “Sydney”."
        ),
        f"At those above {wrong_first / right_second:.1f}, the ratio of the two probabilities.": (
            "No number exchanges the two: both logits are divided by it."
        ),
        "At a temperature of exactly 1, where the model says what it has learned.": (
            "At 1 the probabilities are those of the text: “Sydney” comes first."
        ),
        "At those below 0, which turn the order around on purpose.": (
            "A temperature is positive. With a minus sign the least likely token of all would win."
        ),
    }
    return choose(draw, text, right, because, wrong)


def kept_tokens(shares: list[float], limit: float) -> int:
    """Returns how many of the likeliest tokens it takes to reach a sum of probabilities."""
    return next(n for n in range(1, len(shares) + 1) if sum(shares[:n]) >= limit - 1e-9)


@kind(
    "What top-p leaves",
    objective="greedy, temperature, top-k, top-p",
)
def nucleus(draw: Draw) -> Question:
    """Computes a probability after the tail was cut."""
    shares = draw.choice((
        [0.40, 0.25, 0.15, 0.10, 0.06, 0.04], [0.35, 0.30, 0.15, 0.12, 0.05, 0.03],
        [0.45, 0.20, 0.12, 0.11, 0.07, 0.05], [0.30, 0.28, 0.20, 0.12, 0.06, 0.04],
    ))  # fmt: skip
    limit, asked = draw.choice((0.7, 0.75, 0.88)), draw.integer(0, 1)
    kept = kept_tokens(shares, limit)
    total = sum(shares[:kept])
    text = (
        f"The likeliest next tokens have the probabilities {listed(shares)}, in this order. Top-p "
        f"sampling with $p = {limit}$ keeps the smallest set of likeliest tokens whose "
        "probabilities add up to at least this. With which probability is the "
        f"{('first', 'second')[asked]} of them drawn?"
    )
    because = (
        f"The first {kept} tokens are kept, and together they have {total:.2f}. Their "
        "probabilities are divided by this sum."
    )
    own = shares[asked]
    mistakes = {
        "What is left has to add up to one again: divide by the sum of what is kept.": own,
        "The kept tokens have at least this much; divide by their sum, not by the limit.": (
            own / limit
        ),
        "The token with which the sum reaches the limit is kept too.": (
            own / (total - shares[kept - 1])
        ),
        "One token too many is kept here.": own / (total + shares[kept]),
        "The kept tokens keep their proportions; they do not become equally likely.": 1 / kept,
    }
    return compute(draw, text, own / total, because, mistakes, decimals(3))


@kind(
    "The size of the cache",
    objective="KV cache",
)
def size_of_the_cache(draw: Draw) -> Question:
    """Counts the numbers in a KV cache with grouped queries."""
    layers, groups = draw.integer(12, 36), draw.choice((2, 3, 4))
    kv_heads, head_dim = draw.choice((2, 3, 4, 8)), draw.choice((64, 128))
    heads, tokens = kv_heads * groups, draw.choice((256, 512, 1000, 2048))
    text = (
        f"A model has {layers} layers, {heads} heads for queries and {kv_heads} heads for keys and "
        f"values, all of {head_dim} dimensions. How many numbers does its KV cache hold after "
        f"{tokens:,} tokens of one text?"
    )
    because = (
        f"For each token, layer and head of keys and values it holds one key and one value of "
        f"{head_dim} numbers. Queries are used once, and not kept."
    )
    one = layers * kv_heads * head_dim * tokens
    mistakes = {
        "Keys and values are both kept.": one,
        "Queries share the heads of keys and values; they add nothing to the cache.": (
            2 * layers * heads * head_dim * tokens
        ),
        "Queries are used once, and need not be kept beside keys and values.": (
            2 * one + layers * heads * head_dim * tokens
        ),
        "Each layer has keys and values of its own.": 2 * kv_heads * head_dim * tokens,
        "Each head has keys and values of its own.": 2 * layers * head_dim * tokens,
        "The scores of all pairs of tokens are not kept: keys and values are enough.": (
            2 * one + layers * heads * tokens**2
        ),
    }
    return compute(draw, text, 2 * one, because, mistakes, whole)


@kind(
    "A battle that never was",
    objective="limits: hallucination, contamination",
    misconceptions=("the model looks text up",),
    public=True,
)
def invented_battle(draw: Draw) -> Question:
    """Asks where a wrong but fluent answer comes from."""
    year, place = draw.integer(1302, 1789), draw.choice(("Altmoor", "Vessenburg", "Corrin Bridge"))
    text = (
        f"A language model without a search tool is asked for the year of the battle of {place}, "
        f"which never took place. It answers: “The battle of {place} was fought in {year}.” How "
        "did this answer come about?"
    )
    right = "It goes on with likely tokens, and after such a question a year is likely."
    because = (
        "A model computes which tokens may follow. It has no store of facts in which a gap would "
        "show, so a fluent and invented answer comes as easily as a true one."
    )
    wrong = {
        "It looked the battle up in its training text, and took a wrong entry for it.": (
            "The text is not kept, so nothing can be looked up: only weights are left of it."
        ),
        "It found no entry for the battle, and so made up a year in order not to fail.": (
            "It has no list in which an entry could be missing, and no intention either."
        ),
        "Its temperature was too high: at zero it would have said that it does not know.": (
            "At zero it says the likeliest continuation, which may be a year as well."
        ),
        f"The training text must hold a sentence that says {year}, true or not.": (
            "Rows of tokens that were never read are likely too; that is how new text arises."
        ),
        "Its context was too short to hold the place where the battle is described.": (
            "A context holds what is written now, not what was read in training."
        ),
    }
    return choose(draw, text, right, because, wrong)
