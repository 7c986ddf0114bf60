"""The questions of the chapter that sets all techniques side by side, in its order."""

from __future__ import annotations

from ..bank import Chapter
from . import answering, budgets, judging, tokens, walking

CHAPTER = Chapter(
    "06_digits",
    objectives=(
        "one judge, one floor, one number of images",
        "what each technique models",
        "the same budget for all",
        "images as tokens",
        "Bayes' rule: a writer that reads",
        "which technique for which task",
    ),
    kinds=(
        judging.times_the_floor,
        judging.unequal_numbers,
        answering.ten_answers,
        answering.signed_steps,
        budgets.images_seen,
        answering.no_density,
        judging.digit_that_never_comes,
        judging.better_prior,
        tokens.patches_and_a_name,
        tokens.shorter_text,
        walking.walk_of_codes,
        walking.autoencoder_first,
        judging.precision_or_recall,
        budgets.two_budgets,
        answering.what_it_gives,
        tokens.read_by_surprise,
        answering.whom_to_ask,
        budgets.seconds_to_draw,
    ),
)
