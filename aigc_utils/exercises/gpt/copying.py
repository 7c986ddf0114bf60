"""The exercise of chapter 4 about how much of a written text stands in the corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ..answers import a_number
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close
from .texts import sonnets

# By `gpt.train_course(GPTRecipe(150, 24, num_layers=2), ...)` on the sonnets, seed 0, from
# a line break on, with temperature 0.8 and top-p 0.95; each cut after a whole line.
WRITTEN = (
    (
        "O! leave the lack well I grace and the shall eart:\n"
        "The change such such in their heart the call;\n"
    ),
    (
        "Thy faire was thou this doth my sould beauty'st,\n"
        "That heaven of affence should see being thy poeting once,\n"
    ),
    ("Of maken's praise, my shall be our grace,\nWith the shall beauty say more well my see:\n"),
    ("But which the plac'd, or cheek of benew\nI am thee and charm'd love and doth thee,\n"),
    (
        "And then they makense world be and make mine on my heart,\n"
        "Shall thy strays in you art so some doth nothing,\n"
    ),
    ("O! when that is to the prose, to when,\nAnd thou should doth the canner prove\n"),
    ("So this true can and and my brings former call\nThat every in all best all he worth ands\n"),
    (
        "For thee that which have doth things that I fing,\n"
        "To ming sweet song in many stage sweet,\n"
    ),
    (
        "For the worth from the desion my fraise;\n"
        "Who love's crising crown thy some that when the stander's shad.\n"
        "\n"
        "LXX\n"
    ),
    "That on thee and that love doth my bare a many minter what thou hast my dare be do so break,",
)


def _sample(draw: Draw) -> SimpleNamespace:
    """Returns lines that a GPT wrote, and the text that it was trained on."""
    return SimpleNamespace(written=draw.choice(WRITTEN), corpus=sonnets())


@exercise(
    "Does it look things up?",
    kind="write",
    objective="limits: hallucination, contamination",
    misconceptions=("the model looks text up",),
    points=3,
    hints=(
        "A run begins at each character that has `n - 1` more behind it, so runs overlap.",
        "A text has `len(text) - n + 1` runs. For the longest piece, look at which `n` the share "
        "becomes zero.",
        "`sum(text[i : i + n] in corpus for i in range(runs)) / runs`, and 0.0 if there is no "
        "run. `longest` is the largest `n` with a share above zero.",
    ),
    given=_sample,
)
def seen(given: SimpleNamespace, draw: Draw, answer: Any, longest: Any) -> None:
    """`answer(text, corpus, n)` is a share of runs; `longest` is a number of characters."""
    start, n = draw.integer(0, 80_000), draw.integer(3, 6)
    corpus = given.corpus[start : start + 3000]
    copied = corpus[1000 : 1000 + draw.integer(30, 50)]
    texts = [copied, copied + copied[::-1].swapcase() + 5 * "Qq.", "Zq" * 9 + copied + "~"]
    for some, length in ((texts, n), (texts[:1], len(copied))):
        _expect_shares([answer(t, corpus, length) for t in some], some, corpus, length)
    short = a_number(answer("ab", corpus, 5), "the share of a text without a run")
    expect(short == 0, "A text shorter than `n` has no run: its share is 0.0.")
    longest, written = a_number(longest, "longest"), given.written
    expect(
        longest != len(written),
        "All of it? The model looks no text up: most of what it wrote stands nowhere in the "
        "corpus. Search for the pieces.",
    )
    most = _longest_piece(written, given.corpus)
    expect(longest == most, f"The longest piece that stands in the corpus is not {longest:g} long.")


def _runs_of(text: str, n: int) -> list[str]:
    """Returns all runs of n characters of a text, in order."""
    return [text[i : i + n] for i in range(len(text) - n + 1)]


def _share_found(pieces: Iterable[str], corpus: str) -> float:
    """Returns the share of pieces that stand in the corpus; 0.0 if there are none."""
    found = [piece in corpus for piece in pieces]
    return sum(found) / len(found) if found else 0.0


def _longest_piece(text: str, corpus: str) -> int:
    """Returns the length of the longest piece of a text that stands in the corpus."""
    longest = 0
    for i in range(len(text)):
        while i + longest < len(text) and text[i : i + longest + 1] in corpus:
            longest += 1
    return longest


def _expect_shares(answers: Sequence[Any], texts: Sequence[str], corpus: str, n: int) -> None:
    """Raises NotYet unless these are the shares of each text's runs that stand in the corpus."""
    shares = torch.tensor([a_number(answer, "the share") for answer in answers])

    def found(pieces: Callable[[str], Iterable[str]]) -> Tensor:
        return torch.tensor([_share_found(pieces(text), corpus) for text in texts])

    wanted = found(lambda text: _runs_of(text, n))
    expect(shares.max() <= 1, "This is a number of runs; the share is asked for, from 0 to 1.")
    mistakes = {
        "These are words; runs of `n` characters are asked for.": found(str.split),
        "Each run counts, also one that was there before: don't make a set of them.": (
            found(lambda text: set(_runs_of(text, n)))
        ),
        "These runs stand side by side, but runs overlap: one begins at each character.": (
            found(lambda text: _runs_of(text, n)[::n])
        ),
        "The last run is missing: there are `len(text) - n + 1`.": (
            found(lambda text: _runs_of(text, n)[:-1])
        ),
        "This looks the text up as a whole: look up each run of `n` characters.": (
            found(lambda text: [text])
        ),
    }
    right, given = wanted[-1].item(), shares[-1].item()
    otherwise = f"The share of runs of {n} characters is {right:.3f} for a text, not {given:.3f}."
    expect_close(shares, wanted, mistakes, otherwise, 1e-6)
