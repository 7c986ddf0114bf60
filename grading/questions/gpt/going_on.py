"""Questions of chapter 4 about where a GPT reads, and what it brings along."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, kind


@kind(
    "Where a prompt is read",
    objective="encoder-decoder against decoder-only (what each is for)",
    misconceptions=("GPT has an encoder",),
    public=True,
)
def where_it_reads(draw: Draw) -> Question:
    """Asks which part of a GPT reads the prompt."""
    tokens, layers = draw.integer(20, 90), draw.choice((6, 12, 24))
    text = (
        f"A GPT of {layers} layers gets a prompt of {tokens} tokens, and goes on with it. Where is "
        "the prompt read?"
    )
    right = "In the same layers that write the answer, under one mask."
    because = (
        "There is one stack of layers. Prompt and answer are one row of tokens in it, and each of "
        "them may look back at those before."
    )
    wrong = {
        "In an encoder, whose result the layers that write then attend to.": (
            "That is an encoder-decoder. A GPT has no encoder."
        ),
        "In the embedding alone, which turns the whole prompt into one vector.": (
            "The embedding gives each token a vector of its own, and looks at no other token."
        ),
        "In the cache, which stores the prompt's words until they are needed.": (
            "The cache keeps keys and values that the layers have computed; it reads nothing."
        ),
        f"In the first {layers // 2} layers, and the others write the answer.": (
            "Every layer works on every token, on those of the prompt too."
        ),
        "In the output layer, which compares the prompt with the vocabulary.": (
            "The output layer turns one token's vector into scores for the next one."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "A head start",
    objective="next-token loss, perplexity, bits per character",
    public=True,
)
def head_start(draw: Draw) -> Question:
    """Asks why a pretrained model has a lower loss after equal training."""
    first = draw.number(1.40, 1.55)
    second = first + draw.number(0.2, 0.4)
    text = (
        "Two GPTs of the same size learn from the same sonnets, with the same steps. One began "
        "with weights trained on plays, the other at random. On sonnets held back they reach "
        f"{first:.2f} and {second:.2f} nats a token. Why is the first one better?"
    )
    right = "It began with what plays and sonnets share, such as words and grammar."
    because = (
        "What it had learned of the language holds for both kinds of text, so its steps could go "
        "into what is new in sonnets."
    )
    wrong = {
        "It has more weights, as those from the plays have been added to it.": (
            "Both have the same size; only the values they began with differ."
        ),
        "It had read the sonnets already, as a part of the plays.": (
            "The plays are another text. The sonnets of the test were held back from both."
        ),
        "Its loss is a mean over plays and sonnets, and plays are easier.": (
            "Both losses are measured on the same sonnets alone."
        ),
        "Weights that do not begin at random are always better than random ones.": (
            "Not always: from a text that shares nothing there would be little to gain."
        ),
        "The other one has overfitted, as random weights learn by heart.": (
            "Both have seen the same sonnets; random weights begin with less, not with more."
        ),
    }
    return choose(draw, text, right, because, wrong)
