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
# # 3. VAE: a map of all digits
#
# A *variational autoencoder* learns to describe each image by a few numbers, and to draw an image from any such numbers.
# By the end of this chapter you can say what it maximises and why, train one in seconds, walk through the map it makes, and measure it in nats.
#
# You begin with one number in place of an image, where everything can be computed exactly.
# Then you mend the article's listing, which stops on a current PyTorch, and train a better model in a minute.

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

# %%
import dataclasses
import itertools
import math

import torch
from torch import nn
from torch.nn import functional as F

from aigc_utils import data, evaluation, plotting, training, vae
from aigc_utils.source import show_source

# %%
mnist = data.load_mnist()
test_images = data.to_float(mnist.test_images)

# %% [markdown]
# ## Why it matters
#
# A GAN draws, and it cannot look: give it an image, and it does not know which noise belongs to it.
# Nor can it say how probable an image is.
# A VAE finds the code of an image, and gives a bound for its probability.
# Its *encoder* finds the few numbers behind an image, and its *decoder* draws the image again.
#
# Today's picture generators work on such numbers: *latent diffusion* first packs each image with an *autoencoder* of this kind and then draws in the small space of its *codes* [(Rombach et al., 2022)](#rombach2022high).
#
# ## The idea in a picture
#
# The encoder does not answer with one point.
# It answers with a small Gaussian cloud, a mean and a standard deviation for each number: "the code is about here".
# One point is drawn from the cloud and decoded.
# The picture shows a network after a quarter of an epoch, and of its twenty numbers the one that lies farthest from zero.

# %%
quick = dataclasses.replace(vae.SPRINT, epochs=0.25)
sketch, _ = vae.train_course(quick, mnist.train_images, seed=0)
with torch.no_grad():
    logits, mean, log_variance = sketch(test_images[:1])

# %%
shown = mean[0].abs().argmax()
cloud = mean[0, shown].item(), (log_variance[0, shown] / 2).exp().item()
plotting.vae_drawing(test_images[0, 0], *cloud, logits[0, 0].sigmoid())

# %% [markdown]
# Two wishes pull at each cloud.
# The *reconstruction* should look like the image: this wants clouds that are small and far apart.
# And each cloud should look like the *prior*, a standard normal distribution: this wants them all to be wide and around zero.
# Because of the second wish you can later draw a code from the prior, and the decoder will know what to do with it.

# %% [markdown]
# ## One number in place of an image
#
# Let the "image" be one number $x$, and let one hidden number $z$ stand behind it, a *latent variable*:
#
# $$
# z \sim \mathcal{N}(0, 1), \qquad x \mid z \sim \mathcal{N}(z, s^2) .
# $$
#
# Here everything is known.
# Summed over all $z$, the number $x$ has the distribution $\mathcal{N}(0, 1 + s^2)$.
# Given $x$, the latent has the *posterior* $\mathcal{N}\left(\frac{x}{1 + s^2}, \frac{s^2}{1 + s^2}\right)$.

# %%
x, s = torch.tensor(1.2), 0.5
log_likelihood = torch.distributions.Normal(0, math.sqrt(1 + s**2)).log_prob(x)
print(f"log p(x) = {log_likelihood:.3f} nats")

# %%
best_mean = x / (1 + s**2)
best_std = s / math.sqrt(1 + s**2)
print(f"posterior: mean {best_mean:.2f}, standard deviation {best_std:.2f}")

# %% [markdown]
# For images nobody can do that sum over all $z$.
# So a VAE works with a bound.
# Take any Gaussian $q(z)$ as a guess of the posterior, and compute the *ELBO* (evidence lower bound), which the next section derives:
#
# $$
# \mathrm{ELBO} = \mathbb{E}_{z \sim q} [\log p(x \mid z)] - \mathrm{KL}(q \,\|\, p(z)) .
# $$
#
# Try guesses with the right mean and a growing standard deviation.


# %%
def toy_elbo(mean, std):
    expected_square = (x - mean) ** 2 + std**2
    log_p = -expected_square / (2 * s**2) - math.log(s * math.sqrt(2 * math.pi))
    kl = (mean**2 + std**2 - 1 - 2 * torch.log(std)) / 2
    return log_p - kl


# %%
spread = torch.linspace(0.12, 1.3, 200)
bound = toy_elbo(best_mean, spread)
assert bound.max() <= log_likelihood + 1e-6
assert torch.isclose(bound.max(), log_likelihood, atol=1e-3)
plotting.bound_gap(spread, bound, log_likelihood.item(), best_std)

# %% [markdown]
# The ELBO is never above $\log p(x)$, and it touches it where the guess is the true posterior.
# So the ELBO is not the *log-likelihood*: it is the log-likelihood less the error of the guess.
# Raising it does two things at once, a better model and a better guess.

# %% [markdown]
# ## The mathematics
#
# ### The bound, step by step
#
# We want images to be probable: $\log p(x) = \log \int p(x \mid z) \, p(z) \, dz$ should be large.
# Multiply and divide by a guess $q(z \mid x)$ under the integral, and it becomes a mean over $q$:
#
# $$
# \log p(x) = \log \mathbb{E}_{z \sim q} \left[ \frac{p(x \mid z) \, p(z)}{q(z \mid x)} \right] .
# $$
#
# The logarithm is concave, so the logarithm of a mean is at least the mean of the logarithms (*Jensen's inequality*):
#
# $$
# \begin{aligned}
# \log p(x) &\ge \mathbb{E}_{z \sim q} \left[ \log p(x \mid z) + \log \frac{p(z)}{q(z \mid x)} \right] \\
# &= \mathbb{E}_{z \sim q} [\log p(x \mid z)] - \mathrm{KL}(q(z \mid x) \,\|\, p(z)) .
# \end{aligned}
# $$
#
# The first term rewards good reconstructions.
# The second is the *KL divergence* of the guess from the prior.
# As the figure above shows, the gap is itself a KL divergence:
#
# $$
# \log p(x) - \mathrm{ELBO} = \mathrm{KL}(q(z \mid x) \,\|\, p(z \mid x)) .
# $$
#
# A network makes the guess for every image at once, and this is the encoder [(Kingma and Welling, 2014)](#kingma2014auto).

# %% [markdown]
# ### The KL divergence, without sampling
#
# For a Gaussian guess with mean $\mu$ and variance $\sigma^2$ the KL term has a closed form: $\frac12 (\mu^2 + \sigma^2 - 1 - \log \sigma^2)$ for each latent dimension.

# %%
show_source(vae.gaussian_kl)

# %% [markdown]
# Check it against the definition, the mean of $\log q(z) - \log p(z)$ over a million samples.
# The encoder gives the *log-variance*, $\log \sigma^2$, since that may be any number, and $\sigma$ is the exponential of half of it.
# A common mistake is to take it for $\log \sigma$ or for $\sigma$ itself.

# %%
torch.manual_seed(0)
mean, log_variance = torch.tensor(0.8), torch.tensor(-1.5)
exact = vae.gaussian_kl(mean, log_variance)
noise = torch.randn(1_000_000)

# %%
prior = torch.distributions.Normal(0, 1)


def sampled_kl(std):
    z = mean + std * noise
    q = torch.distributions.Normal(mean, std)
    return (q.log_prob(z) - prior.log_prob(z)).mean()


# %%
right = sampled_kl((log_variance / 2).exp())
wrong = sampled_kl(log_variance.exp())
print(f"formula: {exact:.3f}")
print(f"sampled, with std = exp(log-variance / 2): {right:.3f}")
print(f"sampled, with std = exp(log-variance):     {wrong:.3f}")
assert abs(right - exact) < 0.005 < abs(wrong - exact)

# %% [markdown]
# ### A gradient through chance
#
# The first term is a mean over samples $z \sim q$, and $q$ depends on the encoder.
# How does a gradient get through a random draw?
#
# One way always works: $\nabla \, \mathbb{E}_q [f(z)] = \mathbb{E}_q [f(z) \, \nabla \log q(z)]$, the *score-function estimator*.
# The other way moves the chance out of the way.
# Draw noise $\varepsilon$ first, and set $z = \mu + \sigma \varepsilon$: now $z$ is a plain function of $\mu$ and $\sigma$, and autograd does the rest.
# This is the *reparameterisation*.

# %%
show_source(vae.reparameterize)

# %% [markdown]
# Both are right on average.
# On the toy, take a guess $q$ and the gradient of $\mathbb{E}_q [\log p(x \mid z)]$ with respect to its mean, with one sample each time.

# %%
guess_mean, guess_std = 0.3, 0.45
z = guess_mean + guess_std * torch.randn(20_000)
log_p = torch.distributions.Normal(z, s).log_prob(x)

# %%
estimates = {
    "score function": log_p * (z - guess_mean) / guess_std**2,
    "reparameterised": (x - z) / s**2,
}
exact = ((x - guess_mean) / s**2).item()

# %%
plotting.gradient_spread(estimates, exact)

# %%
variance = {name: values.var().item() for name, values in estimates.items()}
for name, values in estimates.items():
    error = (variance[name] / len(values)) ** 0.5
    assert abs(values.mean().item() - exact) < 4 * error

# %%
ratio = variance["score function"] / variance["reparameterised"]
assert ratio > 5
print(f"the score function's variance is {ratio:.0f} times as large")

# %% [markdown]
# The score function only learns "this $z$ was good".
# The reparameterised gradient learns in which direction a better $z$ lies, since it passes through the decoder.
# The noise is no trick, either: without it there is no cloud and no bound.

# %% [markdown]
# ### Which likelihood?
#
# The decoder gives each pixel a probability $p$ of being white, and the reconstruction term is the *cross-entropy* of the pixel with it.
# For pixels that are 0 or 1 this is a true negative log-likelihood, of one coin for each pixel.
# For grey pixels it is a loss that works well, and no likelihood at all; the section on measuring comes back to this.
#
# The terms are in nats, and they must be summed over the pixels.

# %%
show_source(vae.reconstruction_loss)

# %% [markdown]
# Suppose you average over the 784 pixels instead, as most losses in PyTorch do.
# Then the KL divergence weighs 784 times as much beside it.

# %%
averaged = dataclasses.replace(vae.SPRINT, epochs=0.25, beta=784.0)
collapsed, run = vae.train_course(averaged, mnist.train_images, seed=0)
kl = run["kl"][-1]
print(f"KL divergence at the end: {kl:.4f} nats for each image")
assert kl < 0.05

# %%
with torch.no_grad():
    redrawn = collapsed(test_images[:10])[0].sigmoid()
rows = {"input": test_images[:10], "averaged loss": redrawn}
assert redrawn.std(0).mean() < test_images[:10].std(0).mean() / 20

# %%
plotting.image_rows(
    rows, title="Averaged, not summed: every image becomes the same blur",
    alt="Different digits above, and below each of them the same grey blur.",
)  # fmt: skip

# %% [markdown]
# The codes say nothing, and the decoder draws the average of all digits.
# When a latent dimension keeps to the prior whatever the image is, one speaks of *posterior collapse*.

# %% [markdown]
# ## The article's VAE
#
# One hidden layer of 400 on either side, and 20 latent dimensions.

# %%
show_source(vae.ArticleVAE, vae.article_losses)

# %% [markdown]
# The listing scales the pixels to the range from -1 to 1, as for the GAN.
# On a current PyTorch it stops at its first batch.

# %%
article = vae.ArticleVAE()
signed = data.to_signed(mnist.train_images[:64])
reconstruction, mu, logvar = article(signed)

# %%
message = "nothing was raised"
try:
    vae.article_losses(reconstruction, signed, mu, logvar)
except RuntimeError as error:
    message = str(error)
print(message)
assert "between 0 and 1" in message

# %% [markdown]
# PyTorch is right to refuse.
# Older versions did not, and the listing trained on without a word.
# What did it learn?
# For a pixel $t$ the cross-entropy is $-t \log p - (1 - t) \log (1 - p)$.
# With $t = -1$, the value of a black pixel, it is $\log p - 2 \log(1 - p)$.

# %%
p = torch.linspace(0.002, 0.9, 300)
lines = {
    "black pixel as 0": (p, -torch.log(1 - p)),
    "black pixel as -1": (p, p.log() - 2 * torch.log(1 - p)),
}
assert lines["black pixel as -1"][1].argmin() == 0  # the blackest is the best

# %%
plotting.curves(
    lines, x_label="probability p of white", y_label="cross-entropy (nats)",
    title="A target of -1 makes a loss without a floor",
)  # fmt: skip

# %% [markdown]
# The loss can fall without limit, and all it asks for is blacker black.
# A falling number looked like learning and meant nothing.
# Mend it with one line: leave the pixels between 0 and 1.
#
# The article trains for ten epochs.
# Two are enough to see what it does; the ten are measured below.

# %%
article, article_run = vae.train_article(
    mnist.train_images, seed=0, num_steps=2 * 938
)
print(f"{article_run.num_steps} steps took {article_run.seconds:.1f} s")

# %%
bce, kl = vae.article_nats(article, mnist.test_images)
print(f"test: reconstruction {bce:.1f} + KL {kl:.1f} nats")

# %%
lines = {
    "reconstruction": article_run.curve("reconstruction", 20),
    "KL divergence": article_run.curve("kl", 20),
}
smooth_kl = lines["KL divergence"][1]
assert smooth_kl[-1] > 2 * min(smooth_kl[40:])  # after the jump

# %%
plotting.curves(
    lines, x_label="step (batches of 64 images)", y_label="nats (logarithmic)",
    log_y=True, title="The KL divergence rises, and that is good",
)  # fmt: skip

# %% [markdown]
# After a jump at the start the model spends more and more nats on the codes, since each one saves several in the reconstruction.

# %%
torch.manual_seed(1)
with torch.no_grad():
    redrawn = article(test_images[:10])[0].view(-1, 1, 28, 28)
    dreamed = article.decode(torch.randn(10, 20)).view(-1, 1, 28, 28)

# %%
rows = {"input": test_images[:10], "reconstruction": redrawn}
plotting.image_rows(
    {**rows, "from the prior": dreamed},
    alt="Digits; soft copies of most of them; samples, some of them blots.",
)

# %% [markdown]
# The reconstructions are good, the samples from the prior less so.
# A reconstruction starts from a code that the encoder chose; a sample starts anywhere.

# %% [markdown]
# ## The course's VAE
#
# Six changes, each chosen on 10,000 training images held back:
#
# - Two hidden layers, and *SiLU* in place of ReLU: it is smooth, and no unit dies.
# - The encoder reads the difference from the mean image, and the decoder starts with the mean image.
# - The layer between the two hidden ones is *residual*: its output is added to its input. You will see below why the codes need it.
# - Patches of 4 by 4 pixels look at their neighbours through one small convolution on either end.
# - Batches of 256, and a learning rate that falls to zero.
# - Images lie in memory, as in chapter 1.

# What did the first four bring?
# `python -m benchmarks vae-ablation` trains every row for the same number of epochs with three seeds, and its result is stored.
# Each row adds one change to the row above, and the second row has wider layers too.

# %%
ablation = evaluation.load_results("vae_ablation")
print(f"after {ablation['epochs']:.0f} epochs: nats on test images,")
print("and latent dimensions in use, with each seed")
for row in ablation["rows"]:
    nats = torch.tensor(row["nats"])
    print(
        f"{row['name']:26} {nats.mean():6.2f} ± {nats.std():.2f}", row["used"]
    )

# %%
one, two, silu, centred, residual_row, patched = (
    sum(row["nats"]) / len(row["nats"]) for row in ablation["rows"]
)
assert two > one > centred > patched
assert silu < two - 5
assert centred < silu - 5

# %% [markdown]
# A second hidden layer makes things worse, though the layers are wider, and fewer dimensions are used: depth needs help.
# SiLU and the mean image bring most; the residual layer brings dimensions back into use and hardly changes the bound, and the patches find a better bound with fewer of them.

# %%
show_source(vae.VAE, vae.Residual)

# %%
show_source(vae.vae_step)

# %% [markdown]
# First the sprint: it gets where the article's listing gets after ten epochs.
# Like the models of the plane, of the sweep over $\beta$ and of the likelihood further below, it does without patches and takes batches of 128.

# %%
sprint_model, sprint = vae.train_course(vae.SPRINT, mnist.train_images, seed=0)

# %%
rng = torch.Generator().manual_seed(0)
reached = evaluation.elbo(sprint_model, test_images, rng).nats
print(f"{sprint.seconds:.1f} s of training, {reached:.1f} nats on test images")

# %% [markdown]
# How does that compare?
# `python -m benchmarks vae` runs the article's listing to its end, ten epochs, with the course's recipes beside it.

# %%
stored = evaluation.load_results("vae")
for name in ("listing", "course"):
    nats, seconds = stored[f"{name}_nats"], stored[f"{name}_seconds"]
    print(f"{name:7} {nats:6.1f} nats in {seconds:4.1f} s")
print(f"course's sprint: {stored['speedup']:.0f} times as fast")
assert reached < stored["listing_nats"]

# %% [markdown]
# ### A longer run
#
# Now train for longer, with the same 20 latent dimensions: four epochs here, and sixteen in the benchmark.


# %%
def on_test_images(model):
    parts = evaluation.elbo(model, test_images[:2000], rng)
    return {"test": parts.nats}


# %%
longer = dataclasses.replace(vae.MINUTE, epochs=4.0)
model, run = vae.train_course(
    longer, mnist.train_images, seed=0,
    evaluate=on_test_images, evaluate_every=200,
)  # fmt: skip
print(f"{run.num_steps} steps took {run.seconds:.0f} s")

# %%
total = [a + b for a, b in zip(run["reconstruction"], run["kl"], strict=True)]
run.losses["training"] = total
steps, nats = run.curve("training", 100)
assert abs(nats[-1] - run["test"][-1]) < 2

# %%
plotting.curves(
    {"training": (steps[200:], nats[200:]), "test": run.curve("test")},
    x_label="step (batches of 256 images)", y_label="negative ELBO (nats)",
    title="Training and test images fare alike",
)  # fmt: skip

# %% [markdown]
# The training curve is a mean over the last 100 steps, so it lags behind.
# Now all test images at once:

# %%
parts = evaluation.elbo(model, test_images, rng)
reconstruction = parts.reconstruction.mean().item()
kl = parts.kl.sum(1).mean().item()
print(f"test: reconstruction {reconstruction:.1f} + KL {kl:.1f} nats")

# %%
print(f"together: {parts.nats:.2f} nats")
print(f"the article's after ten epochs: {stored['listing_nats']:.2f} nats")
assert parts.nats < stored["listing_nats"] - 5

# %% [markdown]
# ### Which latent dimensions are used?
#
# The KL divergence has one term for each latent dimension.
# A dimension whose term is near zero carries nothing.
# Dimensions that carry something are *active units*: their mean varies between the images, by the usual measure with a variance above 0.01 [(Burda et al., 2016)](#burda2016importance).
# The article's VAE stands here after its two epochs, the course's after four.

# %%
with torch.no_grad():
    article_kl = vae.gaussian_kl(*article.encode(test_images)).mean(0)
costs = {"article's VAE": article_kl, "course's VAE": parts.kl.mean(0)}
plotting.kl_per_dimension(costs)

# %%
with torch.no_grad():
    means, log_variances = model.encode(test_images)
used = evaluation.active_units(means)
print(f"{used.sum()} of {len(used)} latent dimensions are active")
assert parts.kl.sum(1).mean() < article_kl.sum()

# %% [markdown]
# The course's VAE leaves a few dimensions unused, and its codes cost fewer nats in all.
# An unused dimension does no harm by itself: it costs nothing, and the decoder ignores it.
# It is a warning, though, when it means that the decoder never learned to listen; see below.

# %% [markdown]
# ### Measure the images
#
# The judge of chapter 2 compares sets of 10,000 images with the test images, by 64 features.
# Three sets: other real images as the *floor*, reconstructions, and samples from the prior.

# %%
real = evaluation.judge_images(mnist.test_images)
chosen = torch.randperm(len(mnist.train_images), generator=rng)[:10_000]
others = mnist.train_images[chosen]
with torch.no_grad():
    codes, _ = model.encode(data.to_float(others))

# %%
prior = torch.randn(10_000, model.latent_dim, generator=rng)
sets = {
    "real images": others,
    "reconstructions": vae.sample(model, codes),
    "prior samples": vae.sample(model, prior),
}
scores = {
    name: evaluation.score_samples(images, real)
    for name, images in sets.items()
}


# %%
def show_scores():
    print(" " * 15, " Fréchet precision recall coverage")
    for name, score in scores.items():
        near = (score.precision, score.recall, score.coverage)
        print(f"{name:15} {score.frechet:8.2f}", *(f"{v:8.2f}" for v in near))


show_scores()
assert scores["reconstructions"].frechet < scores["prior samples"].frechet / 3

# %%
plotting.image_rows(
    {name: images[:12] for name, images in sets.items()},
    title="Good reconstructions do not make good samples",
    alt="Digits; copies that look almost the same; samples, not all digits.",
)

# %% [markdown]
# Good reconstructions do not promise good samples.
# The decoder is good where it was trained, on the codes of real images.
# Over all images these codes form the *aggregate posterior*, and it is not quite the prior.
# Recall does not tell: odd samples lie far apart, so their neighbourhoods reach far and hold many real images.
# In two dimensions you can see the difference.

# %% [markdown]
# ## A plane of digits
#
# Train with two latent dimensions: worse reconstructions, and the whole map can be drawn.

# %%
flat = dataclasses.replace(vae.PLANE, epochs=5.0)
plane, _ = vae.train_course(flat, mnist.train_images, seed=0)

# %%
with torch.no_grad():
    plane_codes, plane_log_variances = plane.encode(test_images)
plane_nats = evaluation.elbo(plane, test_images, rng).nats
print(f"two latent dimensions: {plane_nats:.1f} nats")


# %%
def decoded_grid(model, reach, size=15):
    centres = reach * (2 * torch.arange(size) + 1 - size) / size
    z = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), -1)
    with torch.no_grad():
        pixels = model.decode(z.flatten(0, 1)).sigmoid()
    return pixels.view(size, size, 28, 28)


# %% tags=["live-vae"]
reach = 2.5
drawn = decoded_grid(plane, reach)
plotting.latent_map(plane_codes, mnist.test_labels, drawn, reach)

# %% [markdown]
# Some kinds of digits have a country of their own, others have two or share one, and at the borders one turns into another.
# Nobody told the model about labels.
#
# Explore it yourself: drag the cross, or use the arrow keys.
# The decoder's weights are in this page and decode each image in your browser.

# %%
among_zeros = plane_codes[mnist.test_labels == 0].quantile(0.7, dim=0)
start = tuple(among_zeros.tolist())
plotting.explorer(
    vae.plain_decoder(plane), codes=plane_codes, labels=mnist.test_labels,
    activation="silu", reach=reach, start=start,
    caption="The latent plane. Every point of it becomes an image.",
)  # fmt: skip

# %% [markdown]
# ### What an autoencoder lacks
#
# Leave out the noise and the KL term, and you have a plain *autoencoder*: it squeezes and restores.
# Is the rest needed? Train the same network without them.

# %%
bare = dataclasses.replace(flat, noise=False, beta=0.0)
autoencoder, _ = vae.train_course(bare, mnist.train_images, seed=0)
with torch.no_grad():
    ae_codes, _ = autoencoder.encode(test_images)

# %%
codes = {"autoencoder": ae_codes, "VAE": plane_codes}
squares = {
    "autoencoder": decoded_grid(autoencoder, reach, size=12),
    "VAE": decoded_grid(plane, reach, size=12),
}
plotting.autoencoder_holes(codes, mnist.test_labels, squares, reach)

# %% [markdown]
# The autoencoder puts its codes wherever it likes, and most of them lie outside the square where the prior draws.
# So some kinds of digits are never drawn.
# The VAE's noise makes each code claim a neighbourhood, and the KL term keeps all neighbourhoods near zero.
# So you need both if you want to draw from the prior. Measure it.

# %%
z = torch.randn(10_000, 2, generator=rng)
for name, network in {"2-D AE": autoencoder, "2-D VAE": plane}.items():
    drawn = vae.sample(network, z)
    scores[name] = evaluation.score_samples(drawn, real)

# %%
show_scores()
assert scores["2-D VAE"].frechet < scores["2-D AE"].frechet / 1.5

# %% [markdown]
# Single samples are about as good either way; what the autoencoder misses are whole kinds of digits.
#
# ### The aggregate posterior
#
# Draw one code from each image's cloud.
# Do all of them together look like the prior?
# Half of a standard normal's points lie within the inner circle, and 95 % within the outer one.

# %%
clouds = {
    "autoencoder": ae_codes,
    "VAE": vae.reparameterize(plane_codes, plane_log_variances, rng),
}
plotting.aggregate_posterior(clouds)

# %% [markdown]
# The VAE's do, almost: too many codes lie far out, and gaps remain between the countries of the digits.
# The autoencoder has no clouds, only codes, and many lie outside the picture.
# A sample from the prior that falls into a gap becomes a blot.
# Latent diffusion takes this seriously: it trains a second model to draw codes where the codes really are.

# %% [markdown]
# ## Interpolation
#
# Encode two real digits and decode the points between their codes.
# Chapter 2's `interpolate` does it, on the spherical way, since these codes lie near a shell too.

# %%
lengths = means.norm(dim=1)
print(f"lengths of the codes: {lengths.mean():.1f} ± {lengths.std():.1f}")
assert lengths.std() < lengths.mean() / 5

# %%
pairs = [(0, 1), (2, 3), (4, 7), (9, 8), (11, 18), (5, 12)]
ways = {}
for a, b in pairs:
    name = f"{mnist.test_labels[a]} to {mnist.test_labels[b]}"
    ways[name] = vae.sample(model, vae.interpolate(means[a], means[b], 12))

# %%
plotting.image_rows(
    ways, title="From one real digit to another",
    alt="In each row one digit turns in small steps into another.",
)  # fmt: skip

# %% [markdown]
# And as a film, on a way from digit to digit that ends where it began.

# %%
stops = [0, 2, 4, 18, 1, 8, 11, 9, 3, 61, 0]
assert mnist.test_labels[stops].unique().numel() == 10
legs = [
    vae.interpolate(means[a], means[b], 9)[:-1]
    for a, b in itertools.pairwise(stops)
]

# %%
trip = vae.sample(model, torch.cat(legs))
shifted = [trip.roll(-8 * shift, 0) for shift in range(5)]
plotting.film(
    torch.stack(shifted, 1), columns=5, seconds=12, hold=0, still=0,
    caption="A round trip through the codes of real digits, of all ten kinds.",
    alt="Digits in a row turn, each into the next one of a round trip.",
)  # fmt: skip

# %% [markdown]
# ## Rate and distortion
#
# Give the KL term a weight $\beta$ [(Higgins et al., 2017)](#higgins2017beta).
# The KL divergence is the *rate*, how many nats the codes carry; the reconstruction loss is the *distortion*, what they fail to carry.
# A small $\beta$ buys detail, a large one saves on codes.

# %%
betas = [0.25, 0.5, 1.0, 2.0, 4.0]
small = dataclasses.replace(vae.SPRINT, epochs=0.75, hidden=(256, 256))


def swept(beta):
    recipe = dataclasses.replace(small, beta=beta)
    tried, _ = vae.train_course(recipe, mnist.train_images, seed=0)
    return evaluation.elbo(tried, test_images, rng)


# %%
found = [swept(beta) for beta in betas]
rates = [e.kl.sum(1).mean().item() for e in found]
distortions = [e.reconstruction.mean().item() for e in found]
assert rates == sorted(rates, reverse=True)
assert distortions == sorted(distortions)

# %%
plotting.rate_distortion(betas, rates, distortions)

# %% [markdown]
# Every point trades rate for distortion, and only $\beta = 1$ trains on the ELBO itself.
# The dashed line joins all pairs with the same sum; the curve touches it near $\beta = 1$ and lies above it elsewhere.
#
# ### Do latents sort themselves?
#
# Does one dimension mean slant and another thickness?
# Turn the whole latent space by any rotation $Q$, and let the decoder turn it back first.
# The prior looks the same in every direction, so the samples have the same distribution, and $p(x)$ does not change at all.
# The likelihood cannot prefer one axis over another; the ELBO can a little, since the encoder's clouds lie along the axes.

# %%
rotation, _ = torch.linalg.qr(torch.randn(20, 20, generator=rng))
z = torch.randn(1000, 20, generator=rng)
assert torch.allclose((z @ rotation).norm(dim=1), z.norm(dim=1), atol=1e-4)

# %%
busiest = parts.kl.mean(0).argmax()
steps = torch.linspace(-2.5, 2.5, 12)[:, None]
along = means[4] + steps * F.one_hot(busiest, 20)
turned = means[4] + steps * rotation[0]
rows = {
    "one latent axis": vae.sample(model, along),
    "a turned axis": vae.sample(model, turned),
}

# %%
plotting.image_rows(
    rows, title="One digit along a latent axis and along a turned one",
    alt="Along both ways slant, width and strokes of a digit change together.",
)  # fmt: skip

# %% [markdown]
# Along either way several things change at once.
# *Disentangled* latents, one for each property, do not come by themselves: without labels or further assumptions they cannot be had [(Locatello et al., 2019)](#locatello2019challenging).

# %% [markdown]
# ## Posterior collapse, and a cure
#
# Depth should help, so take six layers on either side.
# Train such a network twice: as a plain stack, and with residual blocks in the middle, each of which adds its output to its input.


# %%
mean_image = data.to_float(mnist.train_images).mean(0)


def deep_vae(block):
    network = vae.VAE(20, (256,), patches=False, mean_image=mean_image)
    for _ in range(4):
        network.encoder.insert(2, block())  # behind the first layer
        network.decoder.insert(1, block())
    return network


# %%
steady = dataclasses.replace(vae.SPRINT, epochs=1.5, batch_size=256)


def train_deep(block):
    training.seed_everything(0)
    network, _ = vae.train_course(
        steady, mnist.train_images, seed=0, model=deep_vae(block)
    )
    return evaluation.elbo(network, test_images, rng)


# %%
def plain():
    return nn.Sequential(nn.SiLU(), nn.Linear(256, 256))


def residual():
    return vae.Residual(nn.SiLU(), nn.Linear(256, 256))


# %%
deep = {block.__name__: train_deep(block) for block in (plain, residual)}
plotting.kl_per_dimension({name: e.kl.mean(0) for name, e in deep.items()})

# %%
for name, result in deep.items():
    kl = result.kl.mean(0)
    top = kl.topk(2).values.sum()
    print(
        f"{name:9} {result.nats:6.1f} nats, of them KL {kl.sum():4.1f}", end=""
    )
    print(f" (in the two busiest dimensions {top:.1f})")
assert reached < deep["residual"].nats < deep["plain"].nats - 10

# %% [markdown]
# In the plain stack all but a few latent dimensions carry next to nothing.
# At the start the decoder can hardly hear its codes through so many layers, so they save nothing, and the KL term silences them before the decoder learns to listen.
# Once silent, a dimension stays silent: the encoder sends pure noise, and the decoder is right to ignore it.
# Residual blocks let the codes through from the first step, though some of their dimensions stay nearly silent too, and in so short a training the shallow network of the sprint has the better bound.
#
# Other cures give the decoder time instead: *KL warm-up* raises $\beta$ slowly from zero [(Sønderby et al., 2016)](#sonderby2016ladder), and *free bits* do not charge for the first nats of a dimension [(Kingma et al., 2016)](#kingma2016improving).
# One of the exercises tries the first.

# %% [markdown]
# ## Measure it in nats
#
# How probable are test images under the model?
# That question needs a likelihood, so make pixels of zeros and ones: each pixel becomes 1 with its grey value as probability, drawn anew each time (*dynamic binarisation*).
# Such nats and the grey ones above are different quantities. Never compare them.

# %%
recipe = dataclasses.replace(small, epochs=1.0, binary=True)
binary_model, _ = vae.train_course(recipe, mnist.train_images, seed=0)
binary = data.binarize(test_images[:100], rng)

# %%
ks = [1, 5, 50, 500, 5000]
bounds = [
    evaluation.importance_bound(binary_model, binary, k, rng).mean().item()
    for k in ks
]

# %%
assert bounds == sorted(bounds, reverse=True)
plotting.importance_bound(ks, {"after one epoch": bounds})

# %% [markdown]
# With one sample the bound is, on average, the ELBO; the figure shows the negative, so it falls.
# With $k$ samples take the logarithm of the mean of $k$ weights $p(x, z) / q(z \mid x)$: the *importance-weighted bound* [(Burda et al., 2016)](#burda2016importance).
# The more samples, the closer it comes to $\log p(x)$.
# With 5,000 little is missing for most models; here the curve has not quite come to rest.
#
# So the ELBO understates a model, and by how much depends on its encoder.
# The benchmark trains on binary pixels for five minutes at most, and measures 1,000 test images with $k = 5000$.

# %%
print(f"-log p(x), binary pixels: {stored['iw_nats']:.2f} nats or less")
assert stored["iw_nats"] < 88

# %% [markdown]
# ### Grey pixels have no Bernoulli likelihood
#
# For a probability the total over all possible values must be one.
# Over the two values 0 and 1 it is: $p + (1 - p)$.
# Over all grey values between them, $\int_0^1 p^t (1 - p)^{1 - t} \, dt$ is less.
# The *continuous Bernoulli* distribution divides by this number [(Loaiza-Ganem and Cunningham, 2019)](#loaiza2019continuous).

# %%
p = torch.linspace(0.01, 0.99, 99)
t = torch.linspace(0, 1, 2001)[:, None]
cross_entropy = -(t * p.log() + (1 - t) * (1 - p).log())
proper = torch.distributions.ContinuousBernoulli(probs=p)

# %%
totals = {
    "exp(-cross-entropy)": torch.trapezoid((-cross_entropy).exp(), t, dim=0),
    "continuous Bernoulli": torch.trapezoid(proper.log_prob(t).exp(), t, dim=0),
}
assert totals["exp(-cross-entropy)"].max() < 0.99
assert (totals["continuous Bernoulli"] - 1).abs().max() < 0.01

# %%
plotting.curves(
    {name: (p, total) for name, total in totals.items()},
    x_label="parameter p", y_label="total over all grey values",
    title="Only one of them is a probability density",
)  # fmt: skip

# %% [markdown]
# What would it change?
# Score the same decoder both ways on the same grey test images.

# %%
with torch.no_grad():
    logits = model.decode(means[:1000])
grey = test_images[:1000]
as_loss = vae.reconstruction_loss(logits, grey).mean()
print(f"cross-entropy: {as_loss:.0f} nats")

# %%
density = torch.distributions.ContinuousBernoulli(logits=logits)
as_density = -density.log_prob(grey).flatten(1).sum(1).mean()
print(f"continuous Bernoulli: {as_density:.0f} nats")
assert as_density < as_loss - 500

# %% [markdown]
# The difference is enormous, and a density may well have a negative number of nats.
# It rewards being sure of pure black and white, so models trained with it draw sharper and use their latents differently.
# The cross-entropy on grey pixels remains a good training loss. It is only no likelihood.

# %% [markdown]
# ## What goes wrong, and why
#
# ### Whose fault is the blur?
#
# Often the KL term is blamed for blurred images.
# Measure blur as the share of pixels that are neither dark nor bright.


# %%
def greyness(images):
    return 100 * ((images > 0.2) & (images < 0.8)).float().mean().item()


# %%
with torch.no_grad():
    redrawn = {
        "real": test_images,
        "20-D VAE": model.decode(means).sigmoid(),
        "2-D VAE": plane.decode(plane_codes).sigmoid(),
        "2-D autoencoder, no KL term": autoencoder.decode(ae_codes).sigmoid(),
    }

# %%
blur = {name: greyness(images) for name, images in redrawn.items()}
for name, share in blur.items():
    print(f"{name:28} {share:4.1f} % grey pixels")
assert blur["20-D VAE"] < blur["2-D autoencoder, no KL term"]

# %% [markdown]
# The autoencoder has no KL term, and with two numbers for an image it is as blurred as the VAE.
# Blur comes from what the code cannot say: the decoder then draws the mean over all images with that code, pixel by pixel.
# More latents or a better loss sharpen it. The KL term only decides how much the code may say.

# %% [markdown]
# ## From here to latent diffusion
#
# A VAE's two weaknesses are its blur and its gaps between prior and codes.
# Latent diffusion keeps the map and mends both [(Rombach et al., 2022)](#rombach2022high).
# Its autoencoder has far more latents and only a tiny KL weight, and its decoder is sharpened by a critic such as the one of chapter 2.
# And instead of hoping that the codes fit the prior, a *diffusion model* learns to draw them.

# %% [markdown]
# ## The numbers of this run
#
# What the run above measured, in one place; the book's table of measurements is made of these.

# %%
prior_scores = scores["prior samples"]
evaluation.record(
    nats=("negative ELBO on test images", f"{parts.nats:.2f} nats an image"),
    listing=(
        "negative ELBO, article's VAE, ten epochs (stored)",
        f"{stored['listing_nats']:.2f} nats",
    ),
    sprint=(
        "time of the sprint, past the article's loss",
        f"{sprint.seconds:.1f} s",
    ),
    active=("active latent dimensions of 20", f"{used.sum()}"),
    frechet=("Fréchet distance of samples", f"{prior_scores.frechet:.2f}"),
    redrawn=(
        "Fréchet distance of reconstructions",
        f"{scores['reconstructions'].frechet:.2f}",
    ),
    precision=("precision of samples", f"{prior_scores.precision:.2f}"),
    recall=("recall of samples", f"{prior_scores.recall:.2f}"),
    coverage=("coverage of samples", f"{prior_scores.coverage:.2f}"),
    seconds=("time of training", f"{run.seconds:.0f} s"),
)

# %% [markdown]
# ## Summary
#
# - A latent-variable model explains an image by a few hidden numbers; the ELBO bounds its log-likelihood from below, and the gap is the error of the guessed posterior.
# - Reparameterised samples let gradients pass; their variance is far below that of the score function.
# - Sum the reconstruction over the pixels; averaging is a KL weight of 784, and the posterior collapses.
# - Pixels must lie between 0 and 1 for the cross-entropy, and only for zeros and ones is it a likelihood.
# - Noise and KL term make a map with few holes, from which you can sample; reconstructions are still better than samples from the prior.
# - Look at the KL divergence of each latent dimension to see collapse; let the decoder hear its codes to cure it.
# - Likelihoods are measured with the importance-weighted bound, on binary pixels, with the number of samples stated.
#
# The next chapter leaves images and codes for text, where likelihoods are exact.

# %% [markdown]
# ## Exercises
#
# More of them, which check themselves, have a page of their own in the book, under "Exercises 3".
#
# ### Exercise: The price of a code
#
# A latent dimension has the posterior $\mathcal{N}(0, 0.1^2)$ for every image, with a mean that does not depend on the image.
# How many nats does it cost, and what is it worth?
#
# <details><summary>Solution</summary>
#
# The closed form of `vae.gaussian_kl`, with mean 0 and variance 0.01, gives $\frac12 (0.01 - 1 - \log 0.01) = 1.81$ nats.
# It is worth nothing, since its mean does not depend on the image: training widens it to the prior, and the cost goes to zero.
#
# </details>

# %% [markdown]
# ### Exercise: Two latents too few
#
# Train `vae.SPRINT` with 2, 5, 10, 20 and 40 latent dimensions.
# Where does the number of used dimensions, those with a mean KL above 0.01 nats, stop growing?
#
# <details><summary>Solution</summary>
#
# ```python
# for latent_dim in (2, 5, 10, 20, 40):
#     recipe = dataclasses.replace(vae.SPRINT, latent_dim=latent_dim)
#     tried, _ = vae.train_course(recipe, mnist.train_images, seed=0)
#     parts = evaluation.elbo(tried, test_images, rng)
#     print(latent_dim, f"{parts.nats:.1f}", (parts.kl.mean(0) > 0.01).sum().item())
# ```
#
# Up to 20 all are used.
# Of 40 about 25 are; the others stay at the prior, and the ELBO gets no better.
#
# </details>

# %% [markdown]
# ### Exercise: A tighter toy
#
# In the toy, use a guess with the wrong mean 0.5 and the right standard deviation.
# Compute the gap between ELBO and $\log p(x)$, and check that it is the KL divergence between guess and posterior.
#
# <details><summary>Solution</summary>
#
# ```python
# guess = torch.distributions.Normal(0.5, best_std)
# posterior = torch.distributions.Normal(best_mean, best_std)
# gap = log_likelihood - toy_elbo(torch.tensor(0.5), torch.tensor(best_std))
# print(gap, torch.distributions.kl_divergence(guess, posterior))
# ```
#
# Both are $(0.96 - 0.5)^2 / (2 \cdot 0.2) = 0.529$ nats.
#
# </details>

# %% [markdown]
# ### Exercise: Give the decoder time
#
# Train the deep plain stack with KL warm-up: let $\beta$ rise from 0 to 1 over the first half of the steps.
# Try three seeds. Does it help every time?
#
# <details><summary>Solution</summary>
#
# ```python
# def train_warm(seed, warm, num_steps=468):
#     rng = training.seed_everything(seed)
#     network = deep_vae(plain)
#     optimizer = torch.optim.Adam(network.parameters(), 5e-3, betas=(0.9, 0.99))
#     batches = data.batches((mnist.train_images,), 256, rng=rng)
#     for i, batch in zip(range(num_steps), batches):
#         beta = min(2 * i / num_steps, 1.0) if warm else 1.0
#         vae.vae_step(network, optimizer, rng, beta=beta)(batch)
#     return evaluation.elbo(network, test_images, rng).nats
#
# for warm in (False, True):
#     print(warm, [train_warm(seed, warm) for seed in range(3)])
# ```
#
# Here it wins about four nats with two of the seeds and twenty with the third, where the other run is the worst of all: the warm-up buys time, and a deep plain stack may need more of it.
#
# </details>

# %% [markdown]
# ### Exercise: Sharpen the prior
#
# Draw samples from `0.8 * torch.randn(...)` in place of the prior, and score them.
# What gets better, and what worse? Guess first.
#
# <details><summary>Solution</summary>
#
# ```python
# for scale in (0.6, 0.8, 1.0):
#     z = scale * torch.randn(10_000, 20, generator=rng)
#     print(scale, evaluation.score_samples(vae.sample(model, z), real))
# ```
#
# Nothing gets better: precision stays about the same, and the distance, recall and coverage get worse.
# In 20 dimensions hardly a code lies near the middle; nearly all codes drawn from the clouds lie about $\sqrt{20}$ away from it, and so do draws from the prior.
# Smaller draws land where few images were encoded, and unusual digits, whose codes lie far out, are missing.
#
# </details>

# %% [markdown]
# ## References
#
# The VAE comes from Kingma and Welling [(Kingma and Welling, 2014)](#kingma2014auto) and, at the same time, from Rezende, Mohamed and Wierstra [(Rezende et al., 2014)](#rezende2014stochastic).
# The bound with several samples is due to Burda, Grosse and Salakhutdinov [(Burda et al., 2016)](#burda2016importance).
# The chapter's other sources, with full titles, stand under References in the book, and in `book/references.bib`.
