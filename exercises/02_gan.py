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
# # Exercises 2: GAN
#
# These exercises belong to chapter 2.
# Put your answer where the code says so, run the cell, and then run the check below it.
# A check answers at once: correct, not yet, error, or not attempted.
# When you are stuck, run `hint("best_guess")` with the exercise's name in a cell of your own; each has three hints.

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
import torch
from torch import nn
from torch.nn import functional as F

from aigc_utils import gan, plotting
from aigc_utils.exercises import open_exercises
from aigc_utils.exercises.gan import broken_step
from aigc_utils.source import show_source

VARIANT = 0
check, hint, given = open_exercises("02_gan", variant=VARIANT)

# %% [markdown]
# ## The best guess
#
# **Predict**, 2 points. Its name is `best_guess`.
#
# A tiny world has five images, called a to e.
# `shares.real` says how often each one stands in the data, in percent, and `shares.made` how often the generator makes it.
# The best possible *discriminator* is shown one image at a time, a real one in half of the cases and a generated one in the other half.
# Give three numbers:
#
# - `"probability"`: the probability of being real that it gives to the image `shares.image`, from 0 to 1, with at least three decimals.
# - `"accuracy"`: in percent, how often it is right, if it says "real" where that probability is above one half, and "made" elsewhere.
# - `"accuracy_at_the_end"`: the same, in percent, once the generator is perfect.

# %% nbgrader={"grade": false, "grade_id": "best_guess-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
shares = given("best_guess")
shares

# %% nbgrader={"grade": false, "grade_id": "best_guess", "locked": false, "schema_version": 3, "solution": true, "task": false}
best_guess = {"probability": ..., "accuracy": ..., "accuracy_at_the_end": ...}
### BEGIN SOLUTION
p, q = shares.real, shares.made
best_guess = {
    "probability": p[shares.image] / (p[shares.image] + q[shares.image]),
    "accuracy": sum(max(p[image], q[image]) for image in p) / 2,
    "accuracy_at_the_end": 50,
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "best_guess-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("best_guess", best_guess, rounds=4).require()
### END HIDDEN TESTS
check("best_guess", best_guess)

# %% [markdown]
# ## Two losses for one wish
#
# **Write**, 2 points. Its name is `generator_loss`.
#
# The *discriminator* gives a *logit* $s$ for each generated image, and $D = \sigma(s)$ is its probability of being real.
# Write the generator's mean loss for logits with the shape (N,).
# With `saturating=False` it is the *non-saturating loss*, the mean of $-\log D$.
# With `saturating=True` it is the generator's part of the *minimax game*, the mean of $\log(1 - D)$.
# Loss and gradient must stay right for logits of $\pm 200$.


# %% nbgrader={"grade": false, "grade_id": "generator_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def generator_loss(logits, saturating):
    ### BEGIN SOLUTION
    if saturating:
        return F.logsigmoid(-logits).mean()
    return -F.logsigmoid(logits).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "generator_loss-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("generator_loss", generator_loss, rounds=4).require()
### END HIDDEN TESTS
check("generator_loss", generator_loss)

# %% [markdown]
# ## Two runs, one of them good
#
# **Explain**, 3 points. Its name is `two_runs`.
#
# Two GANs play on a line, and both begin alike.
# `runs.generator_loss` has each run's *non-saturating loss* at the steps `runs.steps`.
# `runs.distance` has the *Fréchet distance* of 1,000 generated points from 1,000 real ones at the same steps.
# `runs.floor` is the *floor*, the distance of 1,000 real points from 1,000 other real ones.
#
# First make the figure `runs_figure` with `plotting.curves`.
# Its two curves have the names `run A` and `run B`, and show each distance divided by the floor against the steps.
# Give it a title, both labels with their units, an alternative text of five words or more, and `log_y=True`.
# Then choose: `runs_true` is the set of the letters of all true statements in `runs.statements`, such as `{"A", "B"}`.
# "Better" points are points with a smaller Fréchet distance.

# %% nbgrader={"grade": false, "grade_id": "two_runs-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
runs = given("two_runs")
print("step", *(f"{name}: loss, distance" for name in runs.distance), sep="  ")
for number, step in enumerate(runs.steps):
    values = [
        f"{runs.generator_loss[name][number]:11.3f}  {distance[number]:8.4f}"
        for name, distance in runs.distance.items()
    ]
    print(f"{step:4}", *values, sep="  ")
print(f"floor {runs.floor:.4f}")
for letter, statement in runs.statements.items():
    print(f"{letter}: {statement}")

# %% nbgrader={"grade": false, "grade_id": "two_runs", "locked": false, "schema_version": 3, "solution": true, "task": false}
runs_figure = ...
runs_true = ...
### BEGIN SOLUTION
runs_figure = plotting.curves(
    {
        name: (runs.steps, [value / runs.floor for value in distances])
        for name, distances in runs.distance.items()
    },
    x_label="step",
    y_label="Fréchet distance (floors)",
    title="One run comes down to the floor, the other turns away",
    alt="The curves fall together at first. Then one falls on to the floor, "
    "and the other rises again, far above it.",
    log_y=True,
)
good, bad = sorted(runs.distance, key=lambda name: runs.distance[name][-1])
lowest = min(range(len(runs.steps)), key=lambda i: runs.distance[bad][i])
true_parts = (
    f"{bad} has the lower generator loss, and the worse points",
    f"{good}'s loss rises, and its points get better",
    f"The points of {bad} are best at step {runs.steps[lowest]}.",
)
runs_true = {
    letter
    for letter, statement in runs.statements.items()
    if any(part in statement for part in true_parts)
}
### END SOLUTION
runs_figure

# %% nbgrader={"grade": true, "grade_id": "two_runs-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("two_runs", runs_figure, runs_true, rounds=4).require()
### END HIDDEN TESTS
check("two_runs", runs_figure, runs_true)

# %% [markdown]
# **What to take from it.**
# In the bad run the discriminator stopped learning early.
# From then on the generator found ever better ways to please it, and they led away from the data.
# A loss that is measured by an opponent says as much about the opponent as about you.

# %% [markdown]
# ## The mean of many generators
#
# **Complete**, 3 points. Its name is `update_average`.
#
# `average` and `network` are two generators of one kind, and `average` holds the *averaged weights*.
# Complete the function: it changes `average` in place, and leaves `network` as it is.
# Each parameter of the average becomes `keep` times its old value plus `1 - keep` times the network's.
# What BatchNorm keeps without learning it, its running statistics and its count of batches, is taken over from the network as it is.


# %% nbgrader={"grade": false, "grade_id": "update_average", "locked": false, "schema_version": 3, "solution": true, "task": false}
@torch.no_grad()
def update_average(average, network, keep):
    pairs = zip(average.parameters(), network.parameters(), strict=True)
    for mean, new in pairs:
        ### BEGIN SOLUTION
        mean.mul_(keep).add_(new, alpha=1 - keep)
    newest = dict(network.named_buffers())
    for name, buffer in average.named_buffers():
        buffer.copy_(newest[name])
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "update_average-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("update_average", update_average, rounds=4).require()
### END HIDDEN TESTS
check("update_average", update_average)

# %% [markdown]
# ## Half right and all wrong
#
# **Write**, 3 points. Its name is `half_right`.
#
# `D` is a *discriminator* that can only draw a straight line in the plane: a `torch.nn.Linear(2, 1)`.
# It takes a point for real if its logit is above 0.
# `real` holds N real points, shape (N, 2).
# Write a function that returns N generated points, shape (N, 2), with two properties:
#
# - `D` is right about exactly half of the 2 N points, real and generated together.
# - Each generated point is at least 1 away from every real point, so not one of them is any good.


# %% nbgrader={"grade": false, "grade_id": "half_right", "locked": false, "schema_version": 3, "solution": true, "task": false}
def half_right(D, real):
    ### BEGIN SOLUTION
    right = int((D(real) > 0).sum())
    far = 100 * D.weight / D.weight.norm()
    believed = (real.mean(0) + far).expand(right, 2)
    doubted = (real.mean(0) - far).expand(len(real) - right, 2)
    return torch.cat([believed, doubted])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "half_right-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("half_right", half_right, rounds=4).require()
### END HIDDEN TESTS
check("half_right", half_right)

# %% [markdown]
# **What to take from it.**
# The solution's points are only two places, a total *mode collapse*, and the accuracy is that of a perfect generator.
# An accuracy belongs to one discriminator; another one would tell these points from the real ones at once.

# %% [markdown]
# ## A step that does not learn
#
# **Mend**, 4 points. Its name is `mended_step`.
#
# `broken_step` is one step of a GAN on points of the plane.
# `G` turns noise `z` into generated points, and `D` gives one *logit* for each point.
# Three things in it are wrong, and you see none of them in an error message.
# Write the mended step: the discriminator takes one step of its optimizer along its loss, and the generator one step along its *non-saturating loss*.
# Return both losses as `broken_step` does.

# %% nbgrader={"grade": false, "grade_id": "mended_step-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
show_source(broken_step)


# %% nbgrader={"grade": false, "grade_id": "mended_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mended_step(G, D, G_optimizer, D_optimizer, real, z):
    ### BEGIN SOLUTION
    fake = G(z)
    d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
    D_optimizer.zero_grad()
    d_loss.backward()
    D_optimizer.step()
    g_loss = F.softplus(-D(fake)).mean()
    G_optimizer.zero_grad()
    g_loss.backward()
    G_optimizer.step()
    return {"discriminator": d_loss, "generator": g_loss}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "mended_step-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("mended_step", mended_step, rounds=4).require()
### END HIDDEN TESTS
check("mended_step", mended_step)

# %% [markdown]
# ## How many floors up
#
# **Write**, 4 points. Its name is `times_floor`.
#
# Take the *features* as uncorrelated: then the *Fréchet distance* of two sets needs only the mean $\mu_i$ and the standard deviation $\sigma_i$ of each feature,
#
# $$
# d^2 = \sum_i \left[ (\mu_i - \mu_i')^2 + (\sigma_i - \sigma_i')^2 \right] .
# $$
#
# Write a function that says how many times its *floor* the distance is.
# `made`, `real` and `other_real` are three sets of data with the shape (count, width), and the count of `real` may differ from the others.
# `feature_map` turns a set into features with the shape (count, features).
# Return $d^2$ of generated and real features, divided by $d^2$ of other real and real features.


# %% nbgrader={"grade": false, "grade_id": "times_floor", "locked": false, "schema_version": 3, "solution": true, "task": false}
def times_floor(feature_map, made, real, other_real):
    ### BEGIN SOLUTION
    def moments(data):
        features = feature_map(data)
        return torch.cat([features.mean(0), features.std(0)])

    wanted = moments(real)
    distance = (moments(made) - wanted).square().sum()
    floor = (moments(other_real) - wanted).square().sum()
    return distance / floor
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "times_floor-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("times_floor", times_floor, rounds=4).require()
### END HIDDEN TESTS
check("times_floor", times_floor)

# %% [markdown]
# ## Name the failure
#
# **Write**, 4 points. Its name is `failures`.
#
# All sets hold points of the plane, shape (count, 2), and `centres` holds the *modes*, shape (modes, 2).
# Write a function that returns the set of the failures of the points `made`: `set()`, `{"collapse"}`, `{"memorising"}` or `{"collapse", "memorising"}`.
#
# - It is collapse if a mode is not covered. As in the chapter, a mode is covered if it has at least half of an equal share: of the generated points at least `1 / (2 * len(centres))` lie within `3 * spread` of its centre.
# - It is memorising if the generated points lie too near the points that the generator was trained on. Take the distance of each generated point to its nearest point in `training`, and then the median of these distances. It is too small if it is below half of the same median for `held_out`, real points that were in no training.


# %% nbgrader={"grade": false, "grade_id": "failures", "locked": false, "schema_version": 3, "solution": true, "task": false}
def failures(made, training, held_out, centres, spread):
    ### BEGIN SOLUTION
    def gap(points):
        return torch.cdist(points, training).amin(1).median()

    near = torch.cdist(made, centres) <= 3 * spread
    found = set()
    if near.float().mean(0).min() < 1 / (2 * len(centres)):
        found.add("collapse")
    if gap(made) < gap(held_out) / 2:
        found.add("memorising")
    return found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "failures-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("failures", failures, rounds=4).require()
### END HIDDEN TESTS
check("failures", failures)

# %% [markdown]
# ## A GAN from an empty cell
#
# **Write**, 6 points. Its name is `own_gan`.
#
# Now write all of it yourself: both players, their optimizers, their losses and the loop.
# `given("own_gan")` has 2,000 `points` of the plane, shape (N, 2), on a bent band.
# Hand in `own_gan`, a trained generator: a function or network that turns standard normal noise, shape (N, 2), into points of the same shape.
#
# The check draws 1,000 new points of noise and 1,000 new points of the band, and measures *density* and *coverage* as in the chapter, here in the plane itself.
# A density of 0.5 and a coverage of 0.7 are asked for.

# %% nbgrader={"grade": false, "grade_id": "own_gan-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
band = given("own_gan")
band.points.shape

# %% nbgrader={"grade": false, "grade_id": "own_gan", "locked": false, "schema_version": 3, "solution": true, "task": false}
own_gan = ...
### BEGIN SOLUTION
torch.manual_seed(0)


def network(width, outputs):
    return nn.Sequential(
        nn.Linear(2, width), nn.ReLU(),
        nn.Linear(width, width), nn.ReLU(),
        nn.Linear(width, outputs),
    )  # fmt: skip


def r1(D, real):
    real = real.clone().requires_grad_()
    (slope,) = torch.autograd.grad(D(real).sum(), real, create_graph=True)
    return slope.square().sum(1).mean()


def train(points, steps, G_rate, D_rate, weight):
    G, D = network(64, 2), network(64, 1)
    average = gan.EMA(G, 0.99)
    G_optimizer, D_optimizer = (
        torch.optim.Adam(net.parameters(), rate, betas=(0.0, 0.9), fused=True)
        for net, rate in ((G, G_rate), (D, D_rate))
    )
    for step in range(steps):
        left = 1 - step / steps
        G_optimizer.param_groups[0]["lr"] = G_rate * left
        D_optimizer.param_groups[0]["lr"] = D_rate * left
        real = points[torch.randint(len(points), (128,))]
        fake = G(torch.randn(128, 2))
        d_loss = (
            F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
        )
        d_loss = d_loss + weight / 2 * r1(D, real)
        D_optimizer.zero_grad()
        d_loss.backward()
        D_optimizer.step()
        g_loss = F.softplus(-D(fake)).mean()
        G_optimizer.zero_grad()
        g_loss.backward()
        G_optimizer.step()
        average.update(G)
    return average.network


own_gan = train(band.points, steps=600, G_rate=0.003, D_rate=0.003, weight=1.0)
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "own_gan-check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("own_gan", own_gan, rounds=4).require()
### END HIDDEN TESTS
check("own_gan", own_gan)

# %% [markdown]
# ## Beat this rung
#
# **Write**, 6 points. Its name is `beat_rung`.
#
# This task is open: nobody tells you how.
# `given("beat_rung")` has 2,000 `points` on eight islands, their `centres` and `spread`, and a `rung`: the share of generated points on islands, in percent, that the chapter's game with R1 reaches, the median of three seeds.
# Train a generator that covers all eight islands, by the chapter's rule, and puts a larger share of its points on them.
# Measure it yourself as you go; `centres` and `spread` are for that, not for the training.
#
# Hand in `islander`, which turns standard normal noise, shape (N, 2), into points of the same shape.
# The check draws 4,000 new points and tells you the result with its standard error; you have beaten the rung if you lie above it by two of them.

# %% nbgrader={"grade": false, "grade_id": "beat_rung-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
islands = given("beat_rung")
islands.points.shape, islands.rung

# %% nbgrader={"grade": false, "grade_id": "beat_rung", "locked": false, "schema_version": 3, "solution": true, "task": false}
islander = ...
### BEGIN SOLUTION
torch.manual_seed(0)
islander = train(
    islands.points, steps=1500, G_rate=0.003, D_rate=0.01, weight=0.2
)
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "beat_rung-check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("beat_rung", islander, rounds=4).require()
### END HIDDEN TESTS
check("beat_rung", islander)
