"""Questions of chapter 4 about texts to count in, and about tables of vectors."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind, whole


@kind(
    "What no sample says",
    objective="autoregressive factorisation",
    public=True,
)
def exact_number(draw: Draw) -> Question:
    """Asks what a GPT says that a GAN and a VAE do not."""
    count = draw.choice((12, 40, 100, 250))
    thing = draw.choice(("a sonnet", "a melody", "a program", "a row of patches"))
    text = (
        f"You hand {thing} of {count} pieces to a model that was trained on such. Which question "
        "can a GPT answer exactly, that a GAN cannot answer and a VAE only bounds?"
    )
    right = "How probable is just this row of pieces?"
    because = (
        "The probability of a row is the product of each piece's probability given those before "
        "it, and a GPT computes every factor."
    )
    wrong = {
        "What might another such row look like?": "All three draw new ones; it is what they share.",
        "Which code belongs to this row of pieces?": (
            "That is what a VAE's encoder answers; a GPT has no code."
        ),
        "Is this row real, or was it generated?": (
            "A discriminator is trained for that, and a GPT is not."
        ),
        "Which kind is it, out of ten?": (
            "That is a classifier's question, and it needs labels."
        ),
        "Where in the training text does it stand?": (
            "A GPT keeps no text, so it looks nothing up."
        ),
    }  # fmt: skip
    return choose(draw, text, right, because, wrong)


@kind(
    "Opened once",
    objective="limits: hallucination, contamination",
)
def test_part(draw: Draw) -> Question:
    """Counts the characters that are left for the test."""
    size = 1000 * draw.integer(40, 190) * 10
    text = (
        f"A text has {size:,} characters. The first nine tenths are to train on; of the rest the "
        "first half is to look at on the way, and the second half is the test. How many "
        "characters decide nothing until the end?"
    )
    because = "A tenth is held back, and half of that, a twentieth of the text, is opened once."
    mistakes = {
        "Half of what is held back is looked at on the way, and so it decides.": size / 10,
        "These are half of all; nine tenths are trained on.": size / 2,
        "These are the characters to train on, which decide everything.": size * 9 / 10,
        "Half of the rest is taken away once, not twice.": size / 40,
        "The rest is a tenth of the text, and not a half of it.": size / 4,
    }
    return compute(draw, text, size / 20, because, mistakes, whole)


@kind(
    "Fall back on less",
    objective="autoregressive factorisation",
)
def back_off(draw: Draw) -> Question:
    """Computes a probability by Witten and Bell's back-off."""
    followed, kinds, hits = draw.integer(12, 40), draw.integer(3, 8), draw.integer(2, 9)
    shorter = draw.number(0.02, 0.12)
    text = (
        f"In a text {followed} characters followed a context, {kinds} different ones among them, "
        f"and {hits} of them were an “n”. After the same context without its first character an "
        f"“n” has the probability {shorter}. What does Witten and Bell's back-off give it here?"
    )
    because = (
        f"The counts weigh {followed} and the shorter context {kinds}: {hits} plus {kinds} times "
        f"{shorter}, divided by {followed + kinds}."
    )
    mistakes = {
        "The counts alone leave nothing to what was never seen; the shorter context has a part.": (
            hits / followed
        ),
        "This is the shorter context alone; the longer one has been seen.": shorter,
        "Divide by the different ones as well, or all shares together exceed one.": (
            (hits + kinds * shorter) / followed
        ),
        "The shorter context weighs as much as there are different ones, not 1.": (
            (hits + shorter) / (followed + 1)
        ),
        "The two are not equally heavy: many characters have followed.": (
            (hits / followed + shorter) / 2
        ),
    }
    right = (hits + kinds * shorter) / (followed + kinds)
    return compute(draw, text, right, because, mistakes, decimals(3))


@kind(
    "As small as a file can get",
    objective="next-token loss, perplexity, bits per character",
)
def bits_to_bytes(draw: Draw) -> Question:
    """Turns bits a character into the size of a compressed file."""
    bits, thousands = draw.number(1.5, 2.6, 1), draw.integer(20, 90)
    text = (
        f"A model predicts a text of {thousands},000 characters with {bits} bits a character. "
        "How many bytes does a file take that says in full what the model did not expect?"
    )
    because = (
        "What a model finds probable needs few bits, and together they are the characters times "
        "the bits of each. Eight bits are a byte."
    )
    whole_text = thousands * 1000
    mistakes = {
        "These are bits; a byte has eight.": whole_text * bits,
        "This is the text as it stands, with a byte for each character.": whole_text,
        "More bits a character make a larger file, not a smaller one.": whole_text / bits,
        "This is what is saved against a byte for each character.": whole_text * (1 - bits / 8),
        "These would be nats; the bits are given already.": whole_text * bits / 8 * math.log(2),
    }
    return compute(draw, text, whole_text * bits / 8, because, mistakes, whole)


@kind(
    "Two tables of vectors",
    objective="embeddings and position",
)
def rows_of_the_table(draw: Draw) -> Question:
    """Counts the weights of an embedding and a head."""
    vocabulary, width = draw.choice((68, 512, 2048, 50_257)), draw.choice((64, 96, 192, 768))
    context = draw.choice((64, 128, 256))
    text = (
        f"A model has {vocabulary:,} tokens, vectors of {width} numbers, and reads {context} "
        "tokens at once. Embedding and head have tables of their own, without biases and without "
        "positions. How many weights do the two have?"
    )
    because = (
        f"The embedding has a vector of {width} for each token, and the head one for each token's "
        "score. How many tokens are read at once plays no part."
    )
    one = vocabulary * width
    mistakes = {
        "The head has weights too: a vector for each token that may come next.": one,
        "The same rows serve at every place of the text.": one * context,
        "This counts positions as well; there are none here.": 2 * one + context * width,
        "A table has rows times columns, not their sum.": 2 * (vocabulary + width),
        "The head is no square matrix: it gives a score for each token.": one + width**2,
    }
    return compute(draw, text, 2 * one, because, mistakes, whole)


ROWS = (
    "to be or not", "the king is dead", "my lord is gone", "good night", "who goes there", "exit",
    "a horse, a horse", "et tu, brute", "all is well", "speak again", "come away", "farewell",
)  # fmt: skip


@kind(
    "What a row is to predict",
    objective="teacher forcing against sampling",
)
def targets_of_a_row(draw: Draw) -> Question:
    """Asks for the targets of a row of characters."""
    row = draw.choice(ROWS)
    text = (
        f"A text goes `{row}`, and each character is a token. In training a model reads "
        f"`{row[:-1]}` at once. What are its targets, one at each place?"
    )
    because = "At each place the target is the next character, so the row is moved by one."
    wrong = {
        f"`{row[:-1]}`": "Then each place would have to repeat what it reads.",
        f"`{row[-1] * (len(row) - 1)}`": (
            "Not only the last place learns: each has a next character."
        ),
        f"`{row[:0:-1]}`": "The order stays: nothing is predicted backwards.",
        f"`{row[-1]}{row[:-2]}`": "This is the character before, and not the next one.",
    }
    return choose(draw, text, f"`{row[1:]}`", because, wrong)
