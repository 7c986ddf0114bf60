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
# # Exercises 1: CNN
#
# These exercises belong to chapter 1.
# Put your answer where the code says so, run the cell, and then run the check below it.
# A check answers at once: correct, not yet, error, or not attempted.
# When you are stuck, run `hint("sizes")` with the exercise's name in a cell of your own; each has three hints.

# %%
# In Colab this installs the course's package; elsewhere it does nothing.
import importlib.util
from pathlib import Path

REPOSITORY = ""
if importlib.util.find_spec("aigc_utils") is None:
    checkout = Path("../pyproject.toml").exists()
    if not checkout and not REPOSITORY:
        raise ImportError("aigc_utils is missing: run `make lab` in the course's folder.")
    source = ".." if checkout else f"git+{REPOSITORY}"
    # %pip install --quiet {source}

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

from aigc_utils.exercises import open_exercises

VARIANT = 0
check, hint, given = open_exercises("01_cnn", variant=VARIANT)

# %% [markdown]
# ## Count before you run
#
# **Predict**, 2 points. Its name is `sizes`.
#
# `given("sizes")` describes a convolution and the image that it reads.
# How many pixels has a side of its maps, and how many parameters has the layer?
# Work it out before you build the layer.

# %% nbgrader={"grade": false, "grade_id": "sizes-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
layer = given("sizes")
layer

# %% nbgrader={"grade": false, "grade_id": "sizes", "locked": false, "schema_version": 3, "solution": true, "task": false}
sizes = {"side": ..., "parameters": ...}
### BEGIN SOLUTION
padded = layer.size + 2 * layer.padding
sizes = {
    "side": (padded - layer.kernel_size) // layer.stride + 1,
    "parameters": (layer.in_channels * layer.kernel_size**2 + 1) * layer.out_channels,
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "sizes-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("sizes", sizes, rounds=4).require()
### END HIDDEN TESTS
check("sizes", sizes)

# %% [markdown]
# ## Cross-entropy from logits
#
# **Write**, 3 points. Its name is `cross_entropy`.
#
# Write the mean cross-entropy of logits with the shape (N, classes) and labels with the shape (N,), without `F.cross_entropy`.


# %% nbgrader={"grade": false, "grade_id": "cross_entropy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cross_entropy(logits, labels):
    ### BEGIN SOLUTION
    log_p = logits.log_softmax(1)
    return -log_p[torch.arange(len(labels)), labels].mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "cross_entropy-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("cross_entropy", cross_entropy, rounds=4).require()
### END HIDDEN TESTS
check("cross_entropy", cross_entropy)
