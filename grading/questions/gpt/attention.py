"""Questions of chapter 4 about attention: scores, heads, and what they don't say."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind, listed, whole


@kind(
    "One score",
    objective="query, key, value and the square root",
)
def one_score(draw: Draw) -> Question:
    """Computes the scaled dot product of a query with a key."""
    query = [draw.integer(1, 4) for _ in range(4)]
    key = [draw.integer(-1, 4) for _ in range(4)]
    dot = sum(q * k for q, k in zip(query, key, strict=True))
    if dot == 0:
        key[0] += 1
        dot += query[0]
    text = (
        f"A head has the query ({listed(query)}) for one token and the key ({listed(key)}) for "
        "another. What is the score of the key for this query, before the softmax?"
    )
    because = (
        f"The dot product is {dot}, and it is divided by the root of the four entries, which is 2. "
        "So the scores keep their spread in heads of any size."
    )
    lengths = math.hypot(*query) * math.hypot(*key)
    mistakes = {
        "The division by the root of the number of entries is missing.": dot,
        "This divides by the number of entries, not by its root.": dot / 4,
        "This is the cosine; lengths count in a score.": dot / lengths,
        "This adds the entries of both vectors, and multiplies nothing.": (
            (sum(query) + sum(key)) / 2
        ),
        "This is the largest of the four products; they are added.": max(
            q * k for q, k in zip(query, key, strict=True)
        ) / 2,
    }  # fmt: skip
    return compute(draw, text, dot / 2, because, mistakes, decimals(2))


def _shares(scores: list[float]) -> list[float]:
    powers = [math.exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


@kind(
    "A mean of what may be seen",
    objective="causal mask",
)
def masked_mean(draw: Draw) -> Question:
    """Computes what the second of three tokens gathers under a causal mask."""
    scores = [float(value) for value in draw.sample((0, 1, 2, 3), 3)]
    values = [float(value) for value in draw.sample((1, 2, 4, 6, 9), 3)]
    text = (
        "Three tokens stand in a row, and a causal mask is used. The scores of the second token's "
        f"query with the three keys are {listed(scores)}, and the values of the three tokens are "
        f"{listed(values)}. What does the second token gather?"
    )
    seen, everything = _shares(scores[:2]), _shares(scores)
    because = (
        "It may see the first token and itself. Softmax of their two scores gives the shares "
        f"{seen[0]:.3f} and {seen[1]:.3f}, which weigh their values."
    )
    mixed = [share * value for share, value in zip(everything, values, strict=True)]
    mistakes = {
        "The third token comes later and is hidden; here it takes part.": sum(mixed),
        "Here the mask comes after the softmax, so that the shares do not add up to one.": (
            sum(mixed[:2])
        ),
        "This is a plain mean of the visible values; the scores decide the shares.": (
            sum(values[:2]) / 2
        ),
        "The scores are used as they are, without a softmax.": (
            sum(s * v for s, v in zip(scores[:2], values[:2], strict=True))
        ),
        "Here the second token does not see itself; a causal mask hides only what comes later.": (
            values[0]
        ),
    }
    right = seen[0] * values[0] + seen[1] * values[1]
    return compute(draw, text, right, because, mistakes, decimals(2))


@kind(
    "The forgotten mask",
    objective="teacher forcing against sampling",
    misconceptions=("the mask matters only at inference",),
    public=True,
)
def forgotten_mask(draw: Draw) -> Question:
    """Asks what a model learns that sees the next token in training."""
    loss, usual = draw.number(0.01, 0.06), draw.number(1.4, 1.7)
    text = (
        "A GPT is trained to predict each next character of a text, and its causal mask was "
        f"forgotten. Its loss falls to {loss:.2f} nats a character, where the masked model ends at "
        f"{usual:.2f}. What will it write when it is sampled?"
    )
    right = "Nonsense, as it only learned to copy a character that is not there yet."
    because = (
        "Without the mask each token sees the one that it has to predict, so copying is enough. "
        "In sampling the next token does not exist yet. The mask belongs to training."
    )
    wrong = {
        "Better text than the masked model, as its loss is so much lower.": (
            "A loss that is too good is a leak: the answer stood in the input."
        ),
        "Text as good as the masked model's, as the mask is only needed in sampling.": (
            "In sampling there is nothing later to hide; it is in training that the mask is needed."
        ),
        "Whole passages of the training text, as it has learned that by heart.": (
            "It had no reason to learn the text: copying one character from the input is easier."
        ),
        "Better text, but more slowly, as each character looks at all of the others.": (
            "Later characters are not there to be looked at while it writes."
        ),
        "The same text backwards, as it looks ahead in place of back.": (
            "It sees both sides in training, and learns to copy, not to turn the order around."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "Words in another order",
    objective="embeddings and position",
)
def shuffled_words(draw: Draw) -> Question:
    """Asks whether attention without positions notices the order."""
    first, verb, last = draw.choice((
        ("dog", "bites", "man"), ("cat", "chases", "mouse"), ("king", "calls", "queen"),
        ("boat", "follows", "whale"),
    ))  # fmt: skip
    text = (
        "A layer of attention gets the embeddings of its tokens and no positions. The last token, "
        f"a full stop, looks back at “the {first} {verb} the {last}”, and then at “the {last} "
        f"{verb} the {first}”. How does what it gathers differ?"
    )
    right = "Not at all: it is the same mean of the same values, with the same shares."
    because = (
        "Attention is a weighted mean, and neither the scores nor the mean know the order. That is "
        "why positions have to be told."
    )
    wrong = {
        "The shares differ, as a token that stands closer gets a higher score.": (
            "A score is a dot product of query and key; without positions it knows no distance."
        ),
        "The values differ, as each token takes up something of the one before it.": (
            "In one layer each value is made of its own token alone."
        ),
        f"The two shares of “{first}” and “{last}” are exchanged, so that the mean differs.": (
            "A share goes with its token wherever it stands, so the mean stays the same."
        ),
        "It differs by the causal mask, which hides other words in the second case.": (
            "The last token sees all words before it in both cases."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "The weights of many heads",
    objective="heads",
    misconceptions=("more heads = more parameters",),
)
def weights_of_heads(draw: Draw) -> Question:
    """Counts the weights of an attention layer with several heads."""
    heads, head_dim = draw.choice((4, 6, 8, 12)), draw.choice((16, 32, 64))
    width = heads * head_dim
    text = (
        f"A layer of attention has a width of {width} and {heads} heads of {head_dim} dimensions. "
        "It makes queries, keys and values, and mixes the heads' results by one more matrix. There "
        "are no biases. How many weights does it have?"
    )
    because = (
        f"Each of the four matrices has {width} by {width} weights, whatever the number of heads."
    )
    mistakes = {
        "Heads cut the same matrices into parts; they are no further copies.": (
            heads * 4 * width**2
        ),
        "The matrix that mixes the heads' results has weights too.": 3 * width**2,
        "This is one head's share of the queries, keys and values.": 3 * width * head_dim,
        "This counts one matrix; queries, keys, values and results have one each.": width**2,
        "All heads share one mixing matrix, and queries, keys and values are not repeated.": (
            (3 * heads + 1) * width**2
        ),
    }
    return compute(draw, text, 4 * width**2, because, mistakes, whole)


@kind(
    "A large share of attention",
    objective="query, key, value and the square root",
    misconceptions=("attention = explanation",),
    public=True,
)
def share_of_a_word(draw: Draw) -> Question:
    """Asks what a large share of attention proves."""
    layer, head = draw.integer(2, 11), draw.integer(1, 12)
    share, word = draw.number(0.7, 0.95), draw.choice(("not", "film", "never", "boring"))
    text = (
        "A language model judges a film review and answers “bad”. In head "
        f"{head} of layer {layer} the last token gives a share of {share:.2f} to the word "
        f"“{word}”. What do you know by that?"
    )
    right = "This head passes on mostly that token's value; why it said “bad” stays open."
    because = (
        "Other heads, the MLPs and the residual stream carry information past this head, and the "
        "value there may hold more than the word. Change or remove something and see whether the "
        "answer changes: that is a test."
    )
    wrong = {
        f"The answer is “bad” because of the word “{word}”, as nothing else has such a share.": (
            "A share in one head is no cause: without this head the answer may be the same."
        ),
        f"The word “{word}” decides {100 * share:.0f} % of the answer, and the others the rest.": (
            "Shares weigh values inside one head. They are no shares in the answer."
        ),
        f"Without the word “{word}” the model would have given the opposite answer.": (
            "That is a claim that has to be tried: take the word away and look."
        ),
        "The model is sure of its answer, as its attention is not spread over many words.": (
            "How sure it is stands in the next token's probability, not in a head's shares."
        ),
    }
    return choose(draw, text, right, because, wrong)
