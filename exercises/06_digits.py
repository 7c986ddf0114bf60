# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises 6: Side by side
#
# These exercises belong to chapter 6.
# Put your answer where the code says so, run the cell, and then run the check below it.
# A check answers at once: correct, not yet, error, or not attempted.
# When you are stuck, run `hint("same_minute")` with the exercise's name in a cell of your own; each has three hints.

# %%
# In Colab this installs the course's package; elsewhere it does nothing.
import importlib.util
from pathlib import Path

REPOSITORY = ""
if importlib.util.find_spec("aigc_utils") is None:
    checkout = Path("../pyproject.toml").exists()
    if not checkout and not REPOSITORY:
        raise ImportError(
            "aigc_utils is missing: run `make lab` in the course's folder."
        )
    source = ".." if checkout else f"git+{REPOSITORY}"
    # %pip install --quiet {source}

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
from statistics import median

import torch

from aigc_utils import plotting
from aigc_utils.exercises import open_exercises
from aigc_utils.exercises.digits import broken_row
from aigc_utils.source import show_source

VARIANT = 0
check, hint, given = open_exercises("06_digits", variant=VARIANT)

# %% [markdown]
# ## The same minute
#
# **Predict**, 3 points. Its name is `same_minute`.
#
# A technique may use `budget` seconds, all of its trainings counted in.
# What is trained before, such as an autoencoder, takes `before` seconds; after it each step takes `seconds_a_step` and sees `batch_size` of the `data` images.
# Predict three numbers:
#
# - `steps`: how many whole steps fit into the budget.
# - `images`: how many images these steps see, each as often as it comes.
# - `passes`: how often the data were seen on average, to three decimals.

# %% nbgrader={"grade": false, "grade_id": "same_minute-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
g = given("same_minute")
g

# %% nbgrader={"grade": false, "grade_id": "same_minute", "locked": false, "schema_version": 3, "solution": true, "task": false}
same_minute = {"steps": ..., "images": ..., "passes": ...}
### BEGIN SOLUTION
steps = int((g.budget - g.before) / g.seconds_a_step)
images = steps * g.batch_size
same_minute = {"steps": steps, "images": images, "passes": images / g.data}
same_minute
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "same_minute-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("same_minute", same_minute, rounds=4).require()
### END HIDDEN TESTS
check("same_minute", same_minute)

# %% [markdown]
# **What to take from it.**
# Equal seconds are not equal images: a technique with large batches or small networks may see the data ten times while another has not seen them once.

# %% [markdown]
# ## Does one of them win?
#
# **Complete**, 3 points. Its name is `better`.
#
# Two techniques ran with several seeds each, and you have their Fréchet distances, as two lists.
# Complete the function: `"first"` if each seed of the first is better than each of the second, `"second"` if it is the other way round, and else `"undecided"`.


# %% nbgrader={"grade": false, "grade_id": "better", "locked": false, "schema_version": 3, "solution": true, "task": false}
def better(first, second):
    """Returns which of two techniques wins with all of its seeds."""
    ### BEGIN SOLUTION
    if max(first) < min(second):
        return "first"
    if max(second) < min(first):
        return "second"
    ### END SOLUTION
    return "undecided"


# %% nbgrader={"grade": true, "grade_id": "better-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("better", better, rounds=4).require()
### END HIDDEN TESTS
check("better", better)

# %% [markdown]
# **What to take from it.**
# A mean of three seeds hides that they overlap, and the best of three flatters.
# "Undecided" is a result too.

# %% [markdown]
# ## As asked
#
# **Write**, 3 points. Its name is `obeyed`.
#
# A technique drew digits that were asked for, `asked`, and a judge who had no part in its training read them as `read`; both have the shape (N,).
# Return the share of drawings that show what was asked for, from 0 to 1, and the share's margin: 1.96 of its standard errors.


# %% nbgrader={"grade": false, "grade_id": "obeyed", "locked": false, "schema_version": 3, "solution": true, "task": false}
def obeyed(read, asked):
    """Returns {"share": ..., "margin": ...}, both from 0 to 1."""
    ### BEGIN SOLUTION
    p = (read == asked).float().mean().item()
    return {"share": p, "margin": 1.96 * (p * (1 - p) / len(read)) ** 0.5}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "obeyed-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("obeyed", obeyed, rounds=4).require()
### END HIDDEN TESTS
check("obeyed", obeyed)

# %% [markdown]
# ## Read by surprise
#
# **Write**, 4 points. Its name is `by_surprise`.
#
# A GPT that draws digits was told each of the ten names before each image, and `nats`, shape (N, 10), says how much the image surprised it: $-\log p(x \mid y)$.
# `prior`, shape (10,), is how probable each name is before one looks.
# Return $p(y \mid x)$, shape (N, 10).


# %% nbgrader={"grade": false, "grade_id": "by_surprise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def by_surprise(nats, prior):
    """Returns the probabilities of the ten names for each image, (N, 10)."""
    ### BEGIN SOLUTION
    return (prior.log() - nats).softmax(1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "by_surprise-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("by_surprise", by_surprise, rounds=4).require()
### END HIDDEN TESTS
check("by_surprise", by_surprise)

# %% [markdown]
# **What to take from it.**
# *Bayes' rule* makes a reader of a model that was only trained to draw.
# Differences of nats decide: whether all names cost 200 nats or 500 changes nothing.

# %% [markdown]
# ## A row that flatters
#
# **Mend**, 4 points. Its name is `fair_row`.
#
# `runs` holds a dictionary for each seed: the seconds `before`, for all that is trained first, the seconds of the `training` itself, and the Fréchet distance, `frechet`.
# The number of seeds is odd.
# `broken_row` makes a row of a table of them. It runs, and flatters.
# Mend it: `seconds` is the median of all that a seed takes, `frechet` the median of the distances, and `spread` the largest distance less the smallest.

# %% nbgrader={"grade": false, "grade_id": "fair_row-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
show_source(broken_row)


# %% nbgrader={"grade": false, "grade_id": "fair_row", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fair_row(runs):
    """Returns {"seconds": ..., "frechet": ..., "spread": ...}."""
    ### BEGIN SOLUTION
    distances = [run["frechet"] for run in runs]
    return {
        "seconds": median(run["before"] + run["training"] for run in runs),
        "frechet": median(distances),
        "spread": max(distances) - min(distances),
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "fair_row-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("fair_row", fair_row, rounds=4).require()
### END HIDDEN TESTS
check("fair_row", fair_row)

# %% [markdown]
# ## A fair suspicion
#
# **Write**, 4 points. Its name is `suspicion`.
#
# `drawn` are digits that a flow on codes drew, `passed` are test images that went through the same autoencoder and back, and `train` are the training images; all are 8-bit images, shape (N, 1, H, W).
# Look for each image's nearest training image, by Euclidean distance over the pixels.
# Return the median of these distances for the drawn images, divided by that for the passed ones.


# %% nbgrader={"grade": false, "grade_id": "suspicion", "locked": false, "schema_version": 3, "solution": true, "task": false}
def suspicion(drawn, passed, train):
    """Returns a ratio; far below 1 is a reason to look for copies."""

    ### BEGIN SOLUTION
    def near(images):
        rows = images.flatten(1).double()
        apart = torch.cdist(rows, train.flatten(1).double())
        return apart.min(1).values.median()

    return near(drawn) / near(passed)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "suspicion-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("suspicion", suspicion, rounds=4).require()
### END HIDDEN TESTS
check("suspicion", suspicion)

# %% [markdown]
# **What to take from it.**
# Soft images lie nearer to all others, so compare with images that are as soft and cannot be copies.

# %% [markdown]
# ## Who wins, and when?
#
# **Explain**, 5 points. Its name is `race`.
#
# Three techniques had 60 seconds each, with three seeds: a player draws from its first step on, a writer is bound to its codebook, and a walker trains an autoencoder first.
# `given("race")` has `curves`, by name a list of three pairs of seconds and Fréchet distances, and `codebook_floor`, what real images score after the way through the writer's codebook.
#
# Draw, as `race_picture`, one curve for each technique, named as in `curves`: that of the seed whose last distance is in the middle.
# Then put the letters of all true statements into the set `race_choice`.

# %% nbgrader={"grade": false, "grade_id": "race-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
g = given("race")
for name, seeds in g.curves.items():
    print(name, "ends at", [distances[-1] for _, distances in seeds])
print("what the writer's codebook allows:", g.codebook_floor)
for letter, statement in g.statements.items():
    print(f"{letter}: {statement}")

# %% nbgrader={"grade": false, "grade_id": "race", "locked": false, "schema_version": 3, "solution": true, "task": false}
race_picture = ...
race_choice = {...}
### BEGIN SOLUTION
middle = {
    name: sorted(seeds, key=lambda curve: curve[1][-1])[1]
    for name, seeds in g.curves.items()
}
race_picture = plotting.curves(
    middle,
    x_label="seconds of training",
    y_label="Fréchet distance (logarithmic)",
    log_y=True,
    title="The walker begins late and ends lowest",
    alt="Falling curves; the walker's begins later than the others and ends "
    "below them.",
)
true_parts = (
    "each of the walker's seeds",
    "begins late",
    "has drawn nothing yet",
    "within a tenth",
)
race_choice = {
    letter
    for letter, statement in g.statements.items()
    if any(part in statement for part in true_parts)
}
race_picture
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "race-check", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("race", race_picture, race_choice, rounds=4).require()
### END HIDDEN TESTS
check("race", race_picture, race_choice)

# %% [markdown]
# **What to take from it.**
# "Which is better?" has no answer without a budget.
# And a floor says what to change: the network where there is room above it, the codes where there is none.
