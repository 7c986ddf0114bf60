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
# # Exercises 3: VAE
#
# These exercises belong to chapter 3.
# Put your answer where the code says so, run the cell, and then run the check below it.
# A check answers at once: correct, not yet, error, or not attempted.
# When you are stuck, run `hint("floor")` with the exercise's name in a cell of your own; each has three hints.

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
import math

import torch
from torch import nn
from torch.nn import functional as F

from aigc_utils import plotting, vae
from aigc_utils.exercises import open_exercises
from aigc_utils.exercises.vae import (
    broken_objective,
    covered_prior,
    prior_gain,
)
from aigc_utils.source import show_source

VARIANT = 0
check, hint, given = open_exercises("03_vae", variant=VARIANT)

# %% [markdown]
# ## How low can the cross-entropy go?
#
# **Predict**, 2 points. Its name is `floor`.
#
# For a pixel $t$ and the decoder's probability $p$ of ink, the cross-entropy is $-t \log p - (1 - t) \log (1 - p)$, in nats.
# `given("floor")` holds a grey pixel `grey`, a `patch` of eight pixels, and a probability `p`.
# Predict three numbers, each to three decimals:
#
# - `grey`: the smallest cross-entropy of the grey pixel, when the decoder may say any probability.
# - `patch`: the smallest sum over the patch, when it may say a different probability for each pixel.
# - `total`: for the given `p`, the total $\int_0^1 p^t (1 - p)^{1 - t} \, dt$ of $e^{-\text{cross-entropy}}$ over all grey values $t$.
#
# For a density of grey values this total would be 1.

# %% nbgrader={"grade": false, "grade_id": "floor-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
pixels = given("floor")
pixels

# %% nbgrader={"grade": false, "grade_id": "floor", "locked": false, "schema_version": 3, "solution": true, "task": false}
floor = {"grey": ..., "patch": ..., "total": ...}
### BEGIN SOLUTION
t, p = torch.tensor([pixels.grey, *pixels.patch]), pixels.p
smallest = -(torch.xlogy(t, t) + torch.xlogy(1 - t, 1 - t))
floor = {
    "grey": smallest[0].item(),
    "patch": smallest[1:].sum().item(),
    "total": (2 * p - 1) / math.log(p / (1 - p)),
}
floor
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "floor-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("floor", floor, rounds=4).require()
### END HIDDEN TESTS
check("floor", floor)

# %% [markdown]
# **What to take from it.**
# A perfect decoder of grey images still has a large loss: it is the least that images made binary by chance cost.
# So the loss alone does not say how good a decoder is.

# %% [markdown]
# ## The price under another prior
#
# **Write**, 3 points. Its name is `kl`.
#
# The encoder gives each image a Gaussian $q = \mathcal{N}(\mu, \sigma^2)$ for each latent dimension, as a mean $\mu$ and a log-variance.
# Chapter 3 has its *KL divergence* from the *prior* $\mathcal{N}(0, 1)$.
# Here the prior is wider or narrower: $\mathcal{N}(0, s^2)$, where $s$ is the number `prior_std`.
#
# Write a function that returns the KL divergence of $q$ from this prior for each image, in nats, in closed form and without sampling.
# `mean` and `log_variance` have the shape (N, D), for N images and D latent dimensions.
# The result has the shape (N,).


# %% nbgrader={"grade": false, "grade_id": "kl", "locked": false, "schema_version": 3, "solution": true, "task": false}
def kl(mean, log_variance, prior_std):
    ### BEGIN SOLUTION
    ratio = log_variance - 2 * math.log(prior_std)
    squares = (mean / prior_std) ** 2
    return (squares + ratio.exp() - 1 - ratio).sum(1) / 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "kl-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("kl", kl, rounds=4).require()
### END HIDDEN TESTS
check("kl", kl)

# %% [markdown]
# ## Chance with a gradient
#
# **Complete**, 3 points. Its name is `draw_codes`.
#
# Draw `k` codes for each image from its Gaussian.
# `mean` and `log_variance` have the shape (N, D), and the codes have the shape (k, N, D).
# `torch.normal` would draw such codes, but no gradient passes through it.
# Here gradients must reach mean and log-variance, so the *reparameterisation* is needed.
# The last line is there; write what comes before it.


# %% nbgrader={"grade": false, "grade_id": "draw_codes", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw_codes(mean, log_variance, k):
    ### BEGIN SOLUTION
    noise = torch.randn(k, *mean.shape)
    z = mean + (log_variance / 2).exp() * noise
    ### END SOLUTION
    return z


# %% nbgrader={"grade": true, "grade_id": "draw_codes-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("draw_codes", draw_codes, rounds=4).require()
### END HIDDEN TESTS
check("draw_codes", draw_codes)

# %% [markdown]
# ## Whose fault is the blur?
#
# **Explain**, 3 points. Its name is `blur`.
#
# Two sharp images `a` and `b` have the same code $z$, since the code has no room to tell them apart.
# With this code an image is `a` with the probability `probability_of_a`, and otherwise `b`.
# The decoder must give one answer for both.
# Let it answer $m(t) = t \, a + (1 - t) \, b$.
# Its reconstruction loss is the expected squared error, summed over the pixels, where $p$ is the probability of `a`:
#
# $$
# p \, \lVert m(t) - a \rVert^2 + (1 - p) \, \lVert m(t) - b \rVert^2 .
# $$
#
# This is the loss in nats, up to a constant, of a Gaussian likelihood with the variance one half.
# The code costs `kl` nats.
#
# Draw the loss over the given values `t` as `blur_picture`, with `plotting.curves`.
# One curve is named `without KL`; the other, `with KL`, has the code's price added.
# Give the picture a title, labels with units, and a text for those who can't see it (`alt`).
# Then read the statements, and put the letters of all true ones into the set `blur_choice`.

# %% nbgrader={"grade": false, "grade_id": "blur-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
two = given("blur")
print(f"p = {two.probability_of_a}, KL = {two.kl} nats")
for letter, statement in two.statements.items():
    print(f"{letter}: {statement}")
plotting.image_rows(
    {"a and b": torch.stack([two.a, two.b])[:, None]},
    title="Two images, one code",
    alt="Handwritten digits side by side, both of them sharp.",
)

# %% nbgrader={"grade": false, "grade_id": "blur", "locked": false, "schema_version": 3, "solution": true, "task": false}
blur_picture = ...
blur_choice = {...}
### BEGIN SOLUTION
p, errors = two.probability_of_a, []
for t in two.t:
    m = t * two.a + (1 - t) * two.b
    squares = [(m - image).square().sum() for image in (two.a, two.b)]
    errors.append((p * squares[0] + (1 - p) * squares[1]).item())
blur_picture = plotting.curves(
    {
        "without KL": (two.t, errors),
        "with KL": (two.t, [error + two.kl for error in errors]),
    },
    x_label="weight t of image a in the answer",
    y_label="expected loss (nats)",
    title="The best single answer is a mixture, with or without KL",
    alt="Parabolas of the same shape, the upper one shifted up by the code's "
    "price. They are lowest where t is the probability of image a.",
)
true_parts = ("lowest point of either", "shifts the curve", "told the two")
blur_choice = {
    letter
    for letter, statement in two.statements.items()
    if any(part in statement for part in true_parts)
}
blur_picture
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "blur-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("blur", blur_picture, blur_choice, rounds=4).require()
### END HIDDEN TESTS
check("blur", blur_picture, blur_choice)

# %% [markdown]
# **What to take from it.**
# Under squared error the best single answer is the mean over all images with that code.
# The KL term has a part in the blur by one way only: it limits how much the code may say.

# %% [markdown]
# ## Three faults in one loss
#
# **Mend**, 4 points. Its name is `mended_objective`.
#
# Read the function below: it should return the negative *ELBO* in nats, averaged over the images, with one code for each image.
# It has three faults; write it without them.
# `encode(images)` returns means and log-variances of the shape (N, D), and `decode(z)` returns the logits of the pixels in the images' shape.
# The pixels are zeros and ones.
#
# `covered_prior` trains a tiny VAE with a loss like this.
# Then it draws samples from the prior, and returns how many of them, in percent, fall near the code of some image.

# %% nbgrader={"grade": false, "grade_id": "mended_objective-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
show_source(broken_objective)
print(f"covered by codes: {covered_prior(broken_objective):.0f} %")


# %% nbgrader={"grade": false, "grade_id": "mended_objective", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mended_objective(encode, decode, images):
    ### BEGIN SOLUTION
    mean, log_variance = encode(images)
    z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
    reconstruction = F.binary_cross_entropy_with_logits(
        decode(z), images, reduction="sum"
    )
    divergence = vae.gaussian_kl(mean, log_variance).sum()
    return (reconstruction + divergence) / len(images)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "mended_objective-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("mended_objective", mended_objective, rounds=4).require()
### END HIDDEN TESTS
check("mended_objective", mended_objective)

# %% nbgrader={"grade": false, "grade_id": "mended_objective-covered", "locked": true, "schema_version": 3, "solution": false, "task": false}
if check("mended_objective", mended_objective).correct:
    print(f"covered by codes: {covered_prior(mended_objective):.0f} %")

# %% [markdown]
# **What to take from it.**
# Without the KL term the clouds shrink to points and spread apart, and a sample from the prior falls between them.

# %% [markdown]
# ## Between the ELBO and the truth
#
# **Write**, 4 points. Its name is `iw_bound`.
#
# For each of N images, $k$ codes are drawn from the encoder's guess $q(z \mid x)$.
# You get `log_joint`, which is $\log p(x, z)$, and `log_q`, which is $\log q(z \mid x)$, both with the shape (k, N).
# Write the *importance-weighted bound* on $\log p(x)$, in nats, as one number: the mean over the N images.
# With one sample it is the *ELBO*'s estimate; with more it rises on average, and its average is never above $\log p(x)$.
# It must also work for images, whose $\log p(x, z)$ may be -500 or less.
#
# `given("iw_bound")` holds 1000 samples for 20 numbers $x$ from the toy model of chapter 3, where $\log p(x)$ is known, and its mean is `log_likelihood`.
# Try your function on them: first on one row, as `iw_bound(toy.log_joint[:1], toy.log_q[:1])`, then on ten and on all.

# %% nbgrader={"grade": false, "grade_id": "iw_bound-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
toy = given("iw_bound")
print(tuple(toy.log_joint.shape), f"log p(x) = {toy.log_likelihood:.3f} nats")


# %% nbgrader={"grade": false, "grade_id": "iw_bound", "locked": false, "schema_version": 3, "solution": true, "task": false}
def iw_bound(log_joint, log_q):
    ### BEGIN SOLUTION
    log_weights = log_joint - log_q
    bounds = log_weights.logsumexp(0) - math.log(len(log_weights))
    return bounds.mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "iw_bound-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("iw_bound", iw_bound, rounds=4).require()
### END HIDDEN TESTS
check("iw_bound", iw_bound)

# %% [markdown]
# ## Turn the latents
#
# **Explain**, 4 points. Its name is `turned`.
#
# Two latents stand behind images of six pixels: $z \sim \mathcal{N}(0, I)$ and $x \mid z \sim \mathcal{N}(W z, s^2 I)$.
# Then $x \sim \mathcal{N}(0, W W^\top + s^2 I)$, so $\log p(x)$ is known exactly.
# `given("turned")` holds the matrix `weight` $= W$, shape (6, 2), `noise_std` $= s$, a hundred `images` $x$ as rows, and `angles` in degrees.
# The first latent changes the first three pixels alone, the second the other three: the latents are *disentangled*.
#
# Change the decoder in two ways, for each angle $v$:
#
# - Turned: $W Q$ in place of $W$, where $Q$ is the 2 by 2 rotation by $v$.
# - Stretched: the first column of $W$ is multiplied by a factor, $1 + v / 90$ (with $v$ in degrees), so that both changes go over one axis.
#
# Draw the mean of $\log p(x)$ over the images, for each changed decoder, over the angles, as `turned_picture`.
# Name the curves `turned` and `stretched`, and give title, labels with units, and `alt` as before.
# Then put the letters of all true statements into the set `turned_choice`.

# %% nbgrader={"grade": false, "grade_id": "turned-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
latents = given("turned")
print(f"W = {latents.weight}, s = {latents.noise_std}")
for letter, statement in latents.statements.items():
    print(f"{letter}: {statement}")

# %% nbgrader={"grade": false, "grade_id": "turned", "locked": false, "schema_version": 3, "solution": true, "task": false}
turned_picture = ...
turned_choice = {...}
### BEGIN SOLUTION
pixel_noise = latents.noise_std**2 * torch.eye(6)


def log_likelihood(weight):
    covariance = weight @ weight.T + pixel_noise
    model = torch.distributions.MultivariateNormal(torch.zeros(6), covariance)
    return model.log_prob(latents.images).mean().item()


heights = {"turned": [], "stretched": []}
for angle in latents.angles:
    v = math.radians(angle)
    rotation = torch.tensor(
        [[math.cos(v), -math.sin(v)], [math.sin(v), math.cos(v)]]
    )
    factors = torch.tensor([1 + angle / 90, 1.0])
    heights["turned"].append(log_likelihood(latents.weight @ rotation))
    heights["stretched"].append(log_likelihood(latents.weight * factors))
turned_picture = plotting.curves(
    {name: (latents.angles, values) for name, values in heights.items()},
    x_label="angle v (degrees)",
    y_label="mean log p(x) (nats)",
    title="The likelihood notices a stretch, and no turn",
    alt="Over the angle, the curve of the turned model is flat. That of the "
    "stretched model starts at the same height and ends far below it; at small "
    "angles it may lie a little above.",
)
true_parts = ("turn by 45", "looks the same", "axis changes p(x)")
turned_choice = {
    letter
    for letter, statement in latents.statements.items()
    if any(part in statement for part in true_parts)
}
turned_picture
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "turned-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("turned", turned_picture, turned_choice, rounds=4).require()
### END HIDDEN TESTS
check("turned", turned_picture, turned_choice)

# %% [markdown]
# **What to take from it.**
# The likelihood has no favourite axes.
# It notices a stretch; a small one may even fit these hundred images a little better, since they are only a sample.
# A VAE's encoder may have favourite axes: its clouds are stretched along them only, so the gap between ELBO and likelihood can change with a turn.
# That is an accident of the guess, and no promise that an axis means something [(Locatello et al., 2019)](#locatello2019challenging).

# %% [markdown]
# ## Beat the bell
#
# **Write**, 5 points. Its name is `learned_prior`.
#
# An open task.
# `given("learned_prior").codes` holds codes of digits in a plane, (N, 2), and no prior of one bell fits them.
# Write a function that takes codes and returns another function, a *density*: it takes any points of the plane, (N, 2), and returns the logarithm of the density there, (N,).
# Over the whole plane the density must have the total 1.
#
# The check fits it to codes, scores it on others, and asks for half a nat a code more than the best single *Gaussian* gets.
# That is only the first rung.
# The cell after the check tells you by how much you beat the bell: how far can you get?

# %% nbgrader={"grade": false, "grade_id": "learned_prior-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
codes = given("learned_prior").codes
plotting.aggregate_posterior({"codes": codes})


# %% nbgrader={"grade": false, "grade_id": "learned_prior", "locked": false, "schema_version": 3, "solution": true, "task": false}
def learned_prior(codes):
    ### BEGIN SOLUTION
    rng = torch.Generator().manual_seed(0)
    return vae.fit_mixture(codes, 8, rng).log_prob
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "learned_prior-check", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("learned_prior", learned_prior, rounds=4).require()
### END HIDDEN TESTS
check("learned_prior", learned_prior)

# %% nbgrader={"grade": false, "grade_id": "learned_prior-gain", "locked": true, "schema_version": 3, "solution": false, "task": false}
if check("learned_prior", learned_prior).correct:
    print(f"better than one bell by {prior_gain(learned_prior):.2f} nats")

# %% [markdown]
# **What to take from it.**
# Change your prior until the gain rises no more.
# What it gains on codes is gained for the images, nat for nat: the ELBO rises by as much.

# %% [markdown]
# ## A VAE from an empty cell
#
# **Write**, 6 points. Its name is `own_vae`.
#
# Now write all of it: encoder, decoder, loss and training.
# `given("own_vae").images` holds 2,000 tiny digits, rows of 196 pixels that are 0 or 1, as float32.
# Write a function that takes such images, trains a VAE on them, and returns two functions:
#
# - `encode(images)` returns means and *log-variances*, (N, latents) each.
# - `decode(z)` returns the pixels' logits, (N, 196), of codes.
#
# The check trains your VAE on other tiny digits and computes its negative ELBO on digits of the *test set*.
# It must lie at least six nats below the loss of coins that know no image, one for each pixel.
# Training may take a second: a hidden layer of 64 on either side, four latents and 200 steps of 100 images are enough.

# %% nbgrader={"grade": false, "grade_id": "own_vae-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
tiny = given("own_vae").images
plotting.image_grid(
    tiny[:20].view(-1, 14, 14), title="Digits of 14 by 14 pixels",
    alt="Coarse digits in black and white, still to be told apart.",
)  # fmt: skip


# %% nbgrader={"grade": false, "grade_id": "own_vae", "locked": false, "schema_version": 3, "solution": true, "task": false}
def own_vae(images):
    ### BEGIN SOLUTION
    encoder = nn.Sequential(nn.Linear(196, 64), nn.SiLU(), nn.Linear(64, 8))
    decoder = nn.Sequential(nn.Linear(4, 64), nn.SiLU(), nn.Linear(64, 196))

    def encode(x):
        return encoder(x).chunk(2, dim=1)

    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    for _ in range(200):
        x = images[torch.randint(len(images), (100,))]
        mean, log_variance = encode(x)
        logits = decoder(vae.reparameterize(mean, log_variance))
        loss = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        loss = loss + vae.gaussian_kl(mean, log_variance).sum()
        optimizer.zero_grad()
        (loss / len(x)).backward()
        optimizer.step()
    return encode, decoder
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "own_vae-check", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("own_vae", own_vae, rounds=2).require()
### END HIDDEN TESTS
check("own_vae", own_vae)
