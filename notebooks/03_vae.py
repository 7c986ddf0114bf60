# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 3. VAE: a map of all digits
#
# A *variational autoencoder* learns to describe each image by a few numbers, and to draw an image from any such numbers.
# By the end of this chapter you can say what it maximises and why, train one, walk through the map it makes, and measure it in nats.
#
# You begin with one number in place of an image, where everything can be computed exactly.
# Then you fix the article's listing, which stops on a current PyTorch, and train a better model.
# You find its weak point, that the prior does not fit the codes, and cure it: *latent diffusion* in miniature.

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
from torch.distributions import Normal, kl_divergence

from aigc_utils import data, evaluation, plotting, vae
from aigc_utils.source import show_source

# %%
mnist = data.load_mnist()
test_images = data.to_float(mnist.test_images)
rng = torch.Generator().manual_seed(0)

# %% [markdown]
# A pixel of 1 is ink, and one of 0 is paper.
#
# ## Why it matters
#
# A GAN can draw but not recognise: give it an image, and it does not know which noise belongs to it.
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
# The picture shows a network after a quarter of an epoch, and of its twenty numbers the one farthest from zero.

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
# The second wish lets you later draw a code from the prior, and hope that it decodes to a digit.

# %% [markdown]
# ## One number in place of an image
#
# Let the "image" be one number $x$, and let one hidden number $z$ stand behind it, a *latent variable*:
#
# $$
# z \sim \mathcal{N}(0, 1), \qquad x \mid z \sim \mathcal{N}(z, s^2) .
# $$
#
# You see $x$ and ask for $z$.
# *Bayes' rule* answers with the *posterior*: the prior, multiplied by how well each $z$ explains $x$, and divided by a number that makes the total one.
#
# $$
# p(z \mid x) = \frac{p(x \mid z) \, p(z)}{p(x)}, \qquad p(x) = \int p(x \mid z) \, p(z) \, dz .
# $$

# %%
x, s = torch.tensor(1.2), 0.5
z = torch.linspace(-3, 4, 1401)
prior = Normal(0, 1).log_prob(z).exp()
likelihood = Normal(z, s).log_prob(x).exp()

# %%
total = torch.trapezoid(prior * likelihood, z)
plotting.bayes_bells(z, prior, likelihood, prior * likelihood / total)

# %% [markdown]
# The total is $p(x)$, the probability density of what you saw.
# Here it has a formula too: summed over all $z$, the number $x$ has the distribution $\mathcal{N}(0, 1 + s^2)$, and the posterior is $\mathcal{N}\left(\frac{x}{1 + s^2}, \frac{s^2}{1 + s^2}\right)$.

# %%
log_likelihood = Normal(0, math.sqrt(1 + s**2)).log_prob(x)
best = Normal(x / (1 + s**2), s / math.sqrt(1 + s**2))
print(f"log p(x) = {log_likelihood:.3f} nats")
print(f"posterior: mean {best.mean:.2f}, standard deviation {best.stddev:.2f}")
assert abs(total.log() - log_likelihood) < 1e-4

# %% [markdown]
# ### Why images need an encoder
#
# For images that sum has no formula.
# Can you estimate it by drawing many codes from the prior?
# Take the network of the drawing, and one image whose pixels are made zeros and ones.

# %%
image = data.binarize(test_images[:1], rng)
with torch.no_grad():
    logits = sketch.decode(torch.randn(20_000, 20, generator=rng))
log_p = -vae.reconstruction_loss(logits, image.expand_as(logits))

# %%
by_prior = log_p.logsumexp(0) - math.log(len(log_p))
by_encoder = -evaluation.importance_bound(sketch, image, 500, rng)
print(f"20,000 draws from the prior: log p(x) = {by_prior:.1f} nats")
print(f"500 from the encoder's guess: {by_encoder.item():.1f} nats")
lucky = log_p.softmax(0).topk(10).values.sum()
print(f"share of the ten best draws in the 20,000: {lucky:.0%}")
assert by_encoder > by_prior + 3
assert lucky > 0.5

# %% [markdown]
# Hardly any code of the prior explains this image, so a few lucky draws make up most of the sum, and the sum is far too small (the second line is explained below).
# The codes that count lie where the posterior is.
# So have a network look at the image and guess the posterior: this guess is $q(z \mid x)$ [(Kingma and Welling, 2014)](#kingma2014auto).
# To search among simple distributions for the one nearest to the posterior is called *variational*, and to have one network guess for all images *amortised*.
#
# ### A bound
#
# The *KL divergence* tells how far one distribution $q$ is from another, $p$, in nats:
#
# $$
# \mathrm{KL}(q \,\|\, p) = \mathbb{E}_{z \sim q} [\log q(z) - \log p(z)] .
# $$
#
# It is never negative, and it is zero only where the two are the same.
# With it goes the *ELBO* (evidence lower bound), which the next section derives:
#
# $$
# \mathrm{ELBO} = \mathbb{E}_{z \sim q} [\log p(x \mid z)] - \mathrm{KL}(q(z \mid x) \,\|\, p(z)) .
# $$
#
# For the toy and a guess $q = \mathcal{N}(\mu, \sigma^2)$ both terms have formulas: the first is $-\frac{(x - \mu)^2 + \sigma^2}{2 s^2}$ and a constant, since $(x - z)^2$ is $(x - \mu)^2 + \sigma^2$ on average; the second is $\frac12 (\mu^2 + \sigma^2 - 1 - \log \sigma^2)$.
# Try guesses with the right mean and a growing standard deviation.

# %%
spread = torch.linspace(0.12, 1.3, 200)
guess = Normal(best.mean, spread)
squares = (x - guess.mean) ** 2 + spread**2
log_p = -squares / (2 * s**2) - math.log(s * math.sqrt(2 * math.pi))
bound = log_p - kl_divergence(guess, Normal(0, 1))

# %%
gap = kl_divergence(guess, best)
assert torch.allclose(log_likelihood - bound, gap, atol=1e-4)
plotting.bound_gap(spread, bound, log_likelihood.item(), best.stddev.item())

# %% [markdown]
# The ELBO is never above $\log p(x)$, and it touches it where the guess is the true posterior.
# So the ELBO is not the *log-likelihood*: it is the log-likelihood less the error of the guess.
# Training that raises it makes the model better, or the guess, or both.

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
# By Bayes' rule $p(x \mid z) \, p(z) = p(x) \, p(z \mid x)$, and with this under the logarithm
#
# $$
# \mathrm{ELBO} = \mathbb{E}_{z \sim q} \left[ \log p(x) + \log \frac{p(z \mid x)}{q(z \mid x)} \right] = \log p(x) - \mathrm{KL}(q(z \mid x) \,\|\, p(z \mid x)) .
# $$
#
# So the gap is the KL divergence of the guess from the true posterior, as you saw on the toy.
# It has two parts: a Gaussian may be no good likeness of the posterior, and one network may guess a worse Gaussian than a search for each image [(Cremer et al., 2018)](#cremer2018inference).

# %% [markdown]
# ### The KL divergence, without sampling
#
# The dimensions of the encoder's Gaussian are independent of each other, so the KL term is a sum over them of the toy's formula.

# %%
show_source(vae.gaussian_kl)

# %% [markdown]
# The encoder gives the *log-variance*, $\log \sigma^2$, since that may be any number, and $\sigma$ is the exponential of half of it.
# A common mistake is to take it for $\log \sigma$.
# Check both against the definition, with a million samples.

# %%
mean, log_variance = torch.tensor(0.8), torch.tensor(-1.5)
exact = vae.gaussian_kl(mean, log_variance)
noise = torch.randn(1_000_000, generator=rng)


def sampled_kl(std):
    q, z = Normal(mean, std), mean + std * noise
    return (q.log_prob(z) - Normal(0, 1).log_prob(z)).mean()


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
# The first term of the ELBO is a mean over samples $z \sim q$, and $q$ depends on the encoder's numbers $\mu$ and $\sigma$.
# How does the gradient with respect to these get through a random draw?
#
# One way always works.
# Since $\nabla q = q \, \nabla \log q$, the gradient of a mean is a mean itself, $\nabla \, \mathbb{E}_q [f(z)] = \mathbb{E}_q [f(z) \, \nabla \log q(z)]$: the *score-function estimator*.
# The other way takes the randomness off the gradient's path.
# Draw noise $\varepsilon$ first, and set $z = \mu + \sigma \varepsilon$: now $z$ is a plain function of $\mu$ and $\sigma$, and autograd does the rest.
# This is the *reparameterisation* (trick).

# %%
show_source(vae.reparameterize)

# %% [markdown]
# Both are right on average.
# On the toy, take a guess $q$ and the gradient of $\mathbb{E}_q [\log p(x \mid z)]$ with respect to its mean, with one sample each time.

# %%
guess = Normal(0.3, 0.45)
z = guess.mean + guess.stddev * torch.randn(20_000, generator=rng)
log_p = Normal(z, s).log_prob(x)
score = (z - guess.mean) / guess.stddev**2

# %%
estimates = {
    "score function": log_p * score, "reparameterised": (x - z) / s**2,
}  # fmt: skip
exact = ((x - guess.mean) / s**2).item()
plotting.gradient_spread(estimates, exact)

# %%
best_constant = (log_p * score**2).mean() / (score**2).mean()
estimates["with a baseline"] = (log_p - best_constant) * score
variance = {name: values.var().item() for name, values in estimates.items()}
for name, values in estimates.items():
    print(f"{name:16} {variance[name]:5.1f}")
    error = (variance[name] / len(values)) ** 0.5
    assert abs(values.mean().item() - exact) < 4 * error + 0.05

# %%
assert variance["score function"] > 5 * variance["reparameterised"]
assert variance["with a baseline"] > 3 * variance["reparameterised"]

# %% [markdown]
# The score function only learns how good this $z$ was; with the best constant subtracted, a *baseline*, its variance is smaller, and here still several times that of the other.
# The reparameterised gradient learns in which direction a better $z$ lies.
# Nor is the noise optional: without it there is no cloud and no bound.

# %% [markdown]
# ### Which likelihood?
#
# The decoder gives each pixel a probability $p$ of being ink, and the reconstruction term is the *cross-entropy* of the pixel $t$ with it, $-t \log p - (1 - t) \log (1 - p)$.
# For pixels that are 0 or 1 this is a true negative log-likelihood, of one coin for each pixel.
# For a grey pixel it is the expected one, if the pixel becomes 1 with the chance $t$ and else 0.
# So the grey ELBO is, on average, a valid bound for images made binary so; a loose one, since the encoder does not see which pixels became 1.
# It is not a density of grey values.
#
# The whole training loss of one image, with the latents numbered by $j$ and the pixels by $i$, is
#
# $$
# -\mathrm{ELBO} = \sum_i \left[ -t_i \log p_i - (1 - t_i) \log (1 - p_i) \right] + \sum_j \frac12 \left( \mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2 \right) ,
# $$
#
# where the $p_i$ are what the decoder makes of one code drawn from the cloud.

# %%
show_source(vae.reconstruction_loss)

# %% [markdown]
# Suppose you average over the 784 pixels instead, as most losses in PyTorch do.
# Then the KL divergence weighs 784 times as much beside it.
# (Only the balance counts, since Adam ignores the scale of the whole loss, so the code multiplies the KL term.)

# %%
averaged = dataclasses.replace(vae.SPRINT, epochs=0.25, beta=784.0)
collapsed, run = vae.train_course(averaged, mnist.train_images, seed=0)
kl = run["kl"][-1]
print(f"KL divergence at the end: {kl:.4f} nats for each image")
assert kl < 0.05

# %%
with torch.no_grad():
    redrawn = collapsed(test_images[:10])[0].sigmoid()
assert redrawn.std(0).mean() < test_images[:10].std(0).mean() / 20
plotting.image_rows(
    {"input": test_images[:10], "averaged loss": redrawn},
    title="Averaged, not summed: every image becomes the same blur",
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
redrawn, mu, logvar = article(signed)
message = "nothing was raised"

# %%
try:
    vae.article_losses(redrawn, signed, mu, logvar)
except RuntimeError as error:
    message = str(error)
print(message)
assert "between 0 and 1" in message

# %% [markdown]
# PyTorch is right to refuse; older versions trained on without a word.
# Write the cross-entropy of a pixel of paper by hand, which is now $t = -1$:

# %%
chances, paper = torch.tensor([0.5, 0.1, 0.01]), -1.0
by_hand = -(paper * chances.log() + (1 - paper) * (1 - chances).log())
print("with p = 0.5, 0.1 and 0.01:", by_hand)
assert by_hand.diff().max() < 0
assert by_hand.min() < -4

# %% [markdown]
# It is $\log p - 2 \log (1 - p)$ and falls far below zero as $p$ falls (PyTorch cuts its logarithms off at -100), which no negative log-likelihood of a coin does.
# So blank paper alone gave a splendid loss.
# Fix it: leave the pixels between 0 and 1.
#
# The article trains for ten epochs, measured below; one shows what it does.

# %%
article, article_run = vae.train_article(
    mnist.train_images, seed=0, num_steps=938
)
bce, kl = vae.article_nats(article, mnist.test_images)
print(f"test: reconstruction {bce:.1f} + KL {kl:.1f} nats")

# %%
lines = {"reconstruction": "reconstruction", "KL divergence": "kl"}
for name, part in lines.items():
    steps, nats = article_run.curve(part, 20)
    lines[name] = steps[50:], nats[50:]
assert nats[-1] > 1.5 * min(nats[50:])

# %%
plotting.curves(
    lines, x_label="step (batches of 64 images), from the 50th on",
    y_label="nats", title="The KL divergence rises, and that is good",
)  # fmt: skip

# %% [markdown]
# The model spends nats on the codes, as long as a further nat of code saves more than a nat of reconstruction.

# %%
torch.manual_seed(1)
with torch.no_grad():
    redrawn = article(test_images[:10])[0].view(-1, 1, 28, 28)
    dreamed = article.decode(torch.randn(10, 20)).view(-1, 1, 28, 28)

# %%
rows = {"input": test_images[:10], "reconstruction": redrawn}
plotting.image_rows(
    {**rows, "from the prior": dreamed},
    title="Reconstructions are digits; samples from the prior are often none",
    alt="Digits; soft copies of most of them; samples, many of them blots.",
)  # fmt: skip

# %% [markdown]
# A reconstruction starts from a code that the encoder chose; a sample starts anywhere.

# %% [markdown]
# ## The course's VAE
#
# Compared with the article's it changes, each chosen on 10,000 training images held back:
#
# - Two hidden layers of 512 in place of one of 400, with *SiLU*, a smooth one, in place of ReLU.
# - The encoder reads the difference from the mean image, and the decoder starts with the mean image.
# - The layer between the two hidden ones is *residual*: its output is added to its input.
# - Patches of 4 by 4 pixels look at their neighbours through one small convolution on either end.
# - Larger batches, a peak learning rate of 0.005 in place of 0.001 that falls to zero, and Adam's second average forgets faster.
# - Images lie in memory, as in chapter 1.

# %%
show_source(vae.VAE, vae.dense_layers, vae.Residual)

# %%
show_source(vae.vae_step)

# %% [markdown]
# (`PixelUnshuffle` lays the 16 pixels of each patch in 16 channels; `PixelShuffle` lays them back.)
#
# What did the first four bring?
# In `python -m benchmarks vae-ablation` each row adds one change to the row above; all have one schedule and three seeds, whose spread is the ±.

# %%
ablation = evaluation.load_results("vae_ablation")
print(f"nats on test images after {ablation['epochs']:.0f} epochs")
for row in ablation["rows"]:
    nats = torch.tensor(row["nats"])
    print(f"{row['name']:26} {nats.mean():6.2f} ± {nats.std():.2f}")

# %%
rungs = [sum(row["nats"]) / len(row["nats"]) for row in ablation["rows"]]
assert rungs[1] > rungs[0] > rungs[3] > rungs[5]
assert rungs[2] < rungs[1] - 5
assert rungs[3] < rungs[2] - 5
assert abs(rungs[4] - rungs[3]) < 1

# %% [markdown]
# With these settings, tuned for the last row, two wider layers of ReLU do worse than one.
# SiLU and the mean image bring most, patches something, the residual layer next to nothing.
#
# `python -m benchmarks vae` runs the article's listing once, ten epochs, and the course's sprint with three seeds.

# %%
stored = evaluation.load_results("vae")
for name in ("listing", "course"):
    nats, seconds = stored[f"{name}_nats"], stored[f"{name}_seconds"]
    print(f"{name:7} {nats:6.1f} nats in {seconds:4.1f} s")
print(f"sprint: {stored['speedup']:.0f} times as fast, {stored['machine']}")
sprints = [run["nats"] for run in stored["runs"]["course"]]
print("its seeds:", [round(nats, 1) for nats in sprints])
assert max(sprints) <= stored["listing_nats"]

# %% [markdown]
# The sprint, `vae.SPRINT`, gets below the loss that the listing reaches after ten epochs.
# (The listing unpacks its images each epoch.)
#
# Now train the larger recipe with the same 20 latent dimensions.

# %%
longer = dataclasses.replace(vae.MINUTE, epochs=4.0)
model, run = vae.train_course(longer, mnist.train_images, seed=0)
others = data.to_float(mnist.train_images[:20_000])
seen = evaluation.elbo(model, others[:10_000], rng).nats

# %%
parts = evaluation.elbo(model, test_images, rng)
each = parts.reconstruction + parts.kl.sum(1)
nats_error = (each.std() / len(each) ** 0.5).item()
print(f"test: reconstruction {parts.reconstruction.mean():.1f}", end=" ")
print(f"+ KL {parts.kl.sum(1).mean():.1f} nats")
print(f"together {parts.nats:.1f} ± {nats_error:.1f}")
print(f"training images {seen:.1f}")

# %%
assert parts.nats < stored["listing_nats"] - 5
assert abs(parts.nats - seen) < 2

# %% [markdown]
# The ± is the *standard error* of the mean over the images.
# Training images cost nearly as much: no overfitting.

# %% [markdown]
# ### Which latent dimensions are used?
#
# The KL divergence has one term for each latent dimension.
# One with more than 0.01 nats counts as used, an *active unit*; Burda and others ask whether its mean varies [(Burda et al., 2016)](#burda2016importance).

# %%
with torch.no_grad():
    article_kl = vae.gaussian_kl(*article.encode(test_images)).mean(0)
    means, log_variances = model.encode(test_images)
costs = {"article's VAE": article_kl, "course's VAE": parts.kl.mean(0)}
used = int((costs["course's VAE"] > 0.01).sum())
moving = evaluation.active_units(means).sum()
print(f"dimensions whose mean varies: {moving}")
plotting.kl_per_dimension(costs)

# %% [markdown]
# An unused dimension costs nothing, and the decoder ignores it.

# %% [markdown]
# ## The prior does not fit the codes
#
# Why are samples from the prior worse than reconstructions?
# The decoder may be bad at noisy codes, or the prior draw codes that it has never seen.
# Take the two apart: decode *posterior draws*, codes drawn from the clouds of real images.
#
# The judge of chapter 2 compares each set of 10,000 images with the test images, by 64 features, and other real images are the *floor*.
# Codes are those of training images; a reconstruction decodes the mean of a cloud.

# %%
with torch.no_grad():
    centres, widths = model.encode(others)
draws = vae.reparameterize(centres, widths, rng)

# %%
sources = {
    "reconstructions": centres[:10_000],
    "posterior draws": draws[:10_000],
    "prior samples": torch.randn(10_000, model.latent_dim, generator=rng),
}
sets = {name: vae.sample(model, z) for name, z in sources.items()}
sets["real images"] = mnist.train_images[:10_000]

# %%
real = evaluation.judge_images(mnist.test_images)
distances = {}


def score(name):
    judged = evaluation.judge_images(sets[name])
    found = evaluation.score_samples(judged, real)
    error = evaluation.frechet_error(judged.features, real.features, rng)
    distances[name] = found.frechet, error
    shares = found.precision, found.recall, found.coverage
    print(f"{name:16} {found.frechet:7.2f} ± {error:.2f}", end=" ")
    print(*(f"{share:8.2f}" for share in shares))


# %%
print("                 Fréchet  precision   recall coverage")
for name in sets:
    score(name)
assert distances["posterior draws"][0] < distances["prior samples"][0] / 3
assert evaluation.share_error(0.5, 10_000) <= 0.005

# %%
plotting.decoded_codes(
    {name: images[:12] for name, images in sets.items()}, distances
)

# %% [markdown]
# The ± is a standard error by the *bootstrap*: both sets are drawn again from themselves, with repetition, twenty times; for the shares it is 0.005 at most.
# (Precision can exceed that of real images, as it asks for no variety; and recall flatters odd samples, far apart and so with wide neighbourhoods [(Naeem et al., 2020)](#naeem2020reliable).)
#
# Posterior draws, noise and all, decode to good digits.
# So neither decoder nor noise is to blame: the prior draws other codes than the encoder.
# Over all images the clouds together form the *aggregate posterior* $q(z)$, and it is not the prior.
#
# ### The rate holds the misfit
#
# The same in nats: split the mean KL divergence, the *rate*, by putting $q(z)$ in the middle:
#
# $$
# \mathbb{E}_x \left[ \mathrm{KL}(q(z \mid x) \,\|\, p(z)) \right] = \mathbb{E}_x \left[ \mathrm{KL}(q(z \mid x) \,\|\, q(z)) \right] + \mathrm{KL}(q(z) \,\|\, p(z)) .
# $$
#
# The first part is the *mutual information* of image and code, what the codes say about the images.
# The second, the misfit, says nothing about any image: so the rate is only an upper bound on what the codes carry [(Alemi et al., 2018)](#alemi2018fixing).
# A prior equal to $q(z)$ would save these nats, with the same encoder and decoder.
# Look at it in a plane first.

# %% [markdown]
# ## A plane of digits
#
# With two latent dimensions reconstructions get worse, but the whole map can be drawn.

# %%
flat = dataclasses.replace(vae.PLANE, epochs=4.0)
plane, _ = vae.train_course(flat, mnist.train_images, seed=0)

# %%
with torch.no_grad():
    plane_means, plane_widths = plane.encode(test_images)
plane_codes = vae.reparameterize(plane_means, plane_widths, rng)
plane_nats = evaluation.elbo(plane, test_images, rng).nats
print(f"two latent dimensions: {plane_nats:.1f} nats")

# %% tags=["live-vae"]
reach, size = 2.5, 15
side = reach * (2 * torch.arange(size) + 1 - size) / size
z = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1)
drawn = vae.sample(plane, z.flatten(0, 1)).view(size, size, 28, 28)
plotting.latent_map(plane_means, mnist.test_labels, drawn, reach)

# %% [markdown]
# Some kinds of digits have a country of their own, others two, or share one, without any labels.
#
# Explore it yourself: drag the cross, or use the arrow keys, and your browser decodes the image.

# %%
among_zeros = plane_means[mnist.test_labels == 0].quantile(0.7, dim=0)
start = tuple(among_zeros.tolist())
plotting.explorer(
    vae.plain_decoder(plane), codes=plane_means, labels=mnist.test_labels,
    activation="silu", reach=reach, start=start,
    caption="The latent plane. Every point of it becomes an image.",
)  # fmt: skip

# %% [markdown]
# ### Noise and KL term, apart
#
# What do noise and KL term do to codes? Switch each off.
# Without both you have a plain *autoencoder*: it squeezes and restores.

# %%
arms = {
    "KL alone": {"noise": False},
    "noise alone": {"beta": 0.0},
    "neither": {"noise": False, "beta": 0.0},
}
clouds = {"noise and KL": plane_codes}

# %%
for name, change in arms.items():
    recipe = dataclasses.replace(flat, **change)
    other, _ = vae.train_course(recipe, mnist.train_images, seed=0)
    with torch.no_grad():
        codes, widths = other.encode(test_images)
    if recipe.noise:
        codes = vae.reparameterize(codes, widths, rng)
    clouds[name] = codes

# %%
away = {name: z.norm(dim=1).median().item() for name, z in clouds.items()}
print("median distance from 0:", {n: f"{d:.2g}" for n, d in away.items()})
assert away["KL alone"] < away["noise and KL"] < away["noise alone"]
assert (plane_codes.norm(dim=1) < 2.45).float().mean() < 0.92  # prior: 95 %

# %%
plotting.aggregate_posterior(clouds)

# %% [markdown]
# - The KL term without noise shrinks the codes: exact codes can be told apart however near they are, and nearer to zero is cheaper.
# - Without the KL term nothing holds them near zero, and the noise's width shrinks to almost nothing.
# - Together they give the codes the prior's scale. Still gaps remain, and too many codes lie far out.

# %% [markdown]
# ### A prior that fits
#
# If the prior does not fit the codes, fit one that does, with the networks as they are.
# A *mixture of Gaussians* is a sum of bells, each with its own place, shape and weight.
# *Expectation-maximisation* fits it in rounds of two steps: ask in which shares each code belongs to the bells, then give each bell the mean and covariance of its codes [(Dempster et al., 1977)](#dempster1977maximum).

# %%
show_source(vae.fit_mixture)

# %%
with torch.no_grad():
    fitted = vae.reparameterize(*plane.encode(others), rng)
priors = {
    "prior": vae.Mixture(torch.ones(1), torch.zeros(1, 2), torch.eye(2)[None]),
    "mixture": vae.fit_mixture(fitted, 20, rng),
}
nats = {
    name: found.log_prob(plane_codes).mean().item()
    for name, found in priors.items()
}

# %%
side = torch.linspace(-3.5, 3.5, 141)
z = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1)
densities = {
    name: found.log_prob(z.flatten(0, 1)).exp().view(141, 141)
    for name, found in priors.items()
}
assert nats["mixture"] > nats["prior"]
plotting.prior_maps(plane_codes, densities, nats, reach=3.5)

# %% [markdown]
# The test images' codes are more probable under the mixture, and by as many nats their ELBO rises if it takes the prior's place.
# On average such a saving is at most the misfit $\mathrm{KL}(q(z) \,\|\, p(z))$.
#
# Now in twenty dimensions.
# How many bells?
# Fit them to one half of the draws, in five rounds, and see how many nats the other half saves.

# %%
half, held = draws.split(10_000)
gains = {}
for size in (1, 5, 50, 100):
    fit = vae.fit_mixture(half, size, torch.Generator().manual_seed(0), 5)
    own, found = (
        fit.log_prob(z) - Normal(0, 1).log_prob(z).sum(1) for z in (half, held)
    )
    gains[size] = found.mean().item()
    error = (found.std() / len(found) ** 0.5).item()
    print(f"bells {size:3}: saved {own.mean():.2f} nats,", end=" ")
    print(f"held {gains[size]:.2f} ± {error:.2f}")
assert max(gains, key=gains.get) == 50
assert own.mean() > gains[50]

# %% [markdown]
# Of a hundred bells each has few codes, and fits those alone; take fifty.

# %%
mixture = vae.fit_mixture(draws, 50, rng)
codes = vae.reparameterize(means, log_variances, rng)
standard = Normal(0, 1).log_prob(codes).sum(1)
saved = mixture.log_prob(codes) - standard
off = (saved.std() / len(saved) ** 0.5).item()
print(f"saved on test images: {saved.mean():.2f} ± {off:.2f} nats an image")
assert saved.mean() > 10 * off

# %%
sets["mixture samples"] = vae.sample(model, mixture.sample(10_000, rng))
score("mixture samples")
assert distances["mixture samples"][0] < distances["prior samples"][0] / 2

# %%
shown = ("posterior draws", "mixture samples", "prior samples")
plotting.decoded_codes(
    {name: sets[name][12:24] for name in shown},
    {name: distances[name] for name in shown},
)

# %% [markdown]
# No network has changed, and the samples are far better.
# A prior may also be trained along [(Tomczak and Welling, 2018)](#tomczak2018vae); `vae_step` then estimates the KL term by the drawn code.
# `python -m benchmarks vae-long` gives each row a minute, and then fits a hundred bells to all 60,000 codes; here are its negative ELBOs on test images:

# %%
long_runs = evaluation.load_results("vae_long")
labels = {"fitted": "standard prior", "along": "mixture trained along"}
labels["minute"] = "and no patches in the encoder"
minutes = {}
for name, label in labels.items():
    found = minutes[name] = [r["nats"] for r in long_runs["runs"][name]]
    print(f"{label:30} {min(found):.1f} to {max(found):.1f} nats")
print(f"{len(long_runs['seeds'])} seeds, {long_runs['machine']}")
assert max(minutes["along"]) < min(minutes["fitted"])
assert all(c < b for _, b, c in zip(*minutes.values(), strict=True))

# %% [markdown]
# In equal time both changes pay.
# A better model of the codes may be a second VAE [(Dai and Wipf, 2019)](#dai2019diagnosing), or a diffusion model.
#
# Is the VAE needed, if the prior is fitted afterwards?
# `python -m benchmarks vae-codes` trains all four arms in twenty dimensions, with three seeds, and fits one Gaussian and a mixture to each.

# %%
table = evaluation.load_results("vae_codes")
names = ("prior", "Gaussian", "mixture", "reconstructions")
trained = {
    row["name"]: {name: row[f"{name}: frechet"] for name in names}
    for row in table["rows"]
}
plotting.fitted_priors(trained, floor=table["floor"]["frechet"])

# %%
for arm, runs in trained.items():
    means_of = {name: sum(runs[name]) / len(runs[name]) for name in names}
    print(f"{arm:13}", *(f"{n} {value:.1f};" for n, value in means_of.items()))
    assert max(runs["mixture"]) < min(runs["prior"]) / 2
    assert max(runs["mixture"]) < min(runs["Gaussian"]) / 2

# %%
sizes = {row["name"]: row["code_size"] for row in table["rows"]}
assert max(sizes["KL alone"]) < 0.5 < 0.9 < min(sizes["noise and KL"])
assert (
    max(sizes["noise and KL"])
    < 1.1
    < min(sizes["noise alone"] + sizes["neither"])
)
rows = {row["name"]: row for row in table["rows"]}
assert max(rows["noise alone"]["noise_size"]) < 0.01
both, none = trained.pop("noise and KL"), trained["neither"]
for runs in trained.values():
    assert max(both["prior"]) < min(runs["prior"])
for source in ("mixture", "reconstructions"):
    assert max(none[source]) < min(both[source])

# %% [markdown]
# The codes' sizes are ordered as in the plane.
# Drawn from the prior, the VAE's samples are the best of the four.
# One Gaussian of the right scale brings the others far nearer and the VAE hardly: its misfit lies in the shape.
# Drawn from a mixture, all four are far better, and the plain autoencoder's samples are better than the VAE's, as its reconstructions are.
# So a plain autoencoder can draw too, if its codes' distribution is learned [(Ghosh et al., 2020)](#ghosh2020variational).
# That is latent diffusion's plan.

# %% [markdown]
# ## Interpolation
#
# Encode two real digits and decode the points between their codes.
# Chapter 2's `interpolate` does it, along an arc, since these codes lie near a shell too.

# %%
lengths = means.norm(dim=1)
assert lengths.std() < lengths.mean() / 5
pairs = [(0, 1), (2, 3), (4, 7), (9, 8)]
ways = {}
for a, b in pairs:
    name = f"{mnist.test_labels[a]} to {mnist.test_labels[b]}"
    ways[name] = vae.sample(model, vae.interpolate(means[a], means[b], 12))

# %%
plotting.image_rows(
    ways, title="From one real digit to another",
    alt="In each row one digit turns in small steps into another.",
)  # fmt: skip

# %%
stops = [0, 2, 4, 18, 1, 8, 11, 9, 3, 61, 0]
legs = [
    vae.interpolate(means[a], means[b], 9)[:-1]
    for a, b in itertools.pairwise(stops)
]

# %%
trip = vae.sample(model, torch.cat(legs))
shifted = [trip.roll(-8 * shift, 0) for shift in range(5)]
plotting.film(
    torch.stack(shifted, 1), columns=5, seconds=12, hold=0, still=0,
    caption="A round trip through the codes of real digits.",
    alt="Digits in a row turn, each into the next one of a round trip.",
)  # fmt: skip

# %% [markdown]
# ## Rate and distortion
#
# Give the KL term a weight $\beta$ [(Higgins et al., 2017)](#higgins2017beta).
# The rate is what the codes cost; the reconstruction loss is the *distortion*, what they fail to carry [(Alemi et al., 2018)](#alemi2018fixing).
# `python -m benchmarks vae-beta` trains a longer sprint with five weights and three seeds.

# %%
swept = evaluation.load_results("vae_beta")
betas = [float(row["name"]) for row in swept["rows"]]
rates = [row["rate"] for row in swept["rows"]]
distortions = [row["distortion"] for row in swept["rows"]]
plotting.rate_distortion(betas, rates, distortions)

# %%
for little, more in itertools.pairwise(range(len(betas))):
    assert min(rates[little]) > max(rates[more])
    assert max(distortions[little]) < min(distortions[more])

# %% [markdown]
# Only $\beta = 1$ trains on the ELBO itself, the negative sum of both.
# The dashed line joins all pairs with the sum that it reaches: there, a nat of rate buys a nat of distortion.
#
# ### Do latents sort themselves?
#
# Does one dimension mean slant and another thickness?
# Turn the latent space by any rotation $Q$, and let the decoder turn it back first: the prior looks the same in every direction, so $p(x)$ does not change.
# So *disentangled* latents, one for each property, are not guaranteed without labels or further assumptions [(Locatello et al., 2019)](#locatello2019challenging); an exercise lets you turn them.

# %% [markdown]
# ## Posterior collapse
#
# Take six layers on either side, as a plain stack.
# `python -m benchmarks vae-depth` trains it beside rows that differ from it in one thing each, with three seeds.

# %%
deep = evaluation.load_results("vae_depth")
print(f"{deep['epochs']} epochs: nats, reconstruction, dimensions used")
for row in deep["rows"]:
    nats = torch.tensor(row["nats"])
    rest = torch.tensor(row["reconstruction"]).mean()
    print(f"{row['name']:20} {nats.mean():5.1f} ± {nats.std():4.1f}", end=" ")
    print(f"{rest:6.0f}", row["used"])

# %%
depths = {row["name"]: row for row in deep["rows"]}
stack, shallow = depths["plain stack"], depths["no further layers"]
free, residual = depths["no KL term"], depths["residual layers"]
assert max(stack["used"]) < 6
assert min(depths["a fifth of the rate"]["nats"]) > max(stack["nats"])
assert max(free["reconstruction"]) < min(stack["reconstruction"])
assert min(free["reconstruction"]) > max(shallow["reconstruction"]) + 20
assert min(depths["KL warm-up"]["nats"]) > max(shallow["nats"]) + 20
assert max(residual["nats"]) < min(shallow["nats"]) - 3

# %% [markdown]
# The plain stack hardly uses its codes.
# Does the KL term silence them before the decoder has learned to listen?
# In part: without it the reconstruction is better.
# Yet it stays far worse than without further layers, where codes have their price; so most of the trouble is that so deep a plain stack trains badly.
# A fifth of the learning rate makes it worse.
# *KL warm-up*, which raises $\beta$ slowly from zero [(Bowman et al., 2016)](#bowman2016generating), [(Sønderby et al., 2016)](#sonderby2016ladder), wins little here.
# Residual layers pass the codes on from the first step, and with them depth helps.
#
# Another cure is not to charge for the first nats of a dimension, *free bits* [(Kingma et al., 2016)](#kingma2016improving).
# The classical cause of collapse is a decoder so strong that it models images without any code, as one that predicts pixel after pixel [(Chen et al., 2017)](#chen2017variational).

# %% [markdown]
# ## Measure it in nats
#
# How probable are test images under the model?
# That question needs a likelihood, so make pixels zeros and ones: each becomes 1 with its grey value as probability, drawn anew each time (*dynamic binarisation*).
# The grey ELBO above bounds the same quantity loosely, but it belongs to another encoder and training: compare only bounds of one kind.

# %%
small = dataclasses.replace(vae.SPRINT, epochs=1.0, hidden=(256, 256))
recipe = dataclasses.replace(small, binary=True)
binary_model, _ = vae.train_course(recipe, mnist.train_images, seed=0)
binary = data.binarize(test_images[:200], rng)

# %% [markdown]
# Draw $k$ codes from the guess and average the weights $p(x, z) / q(z \mid x)$, whose mean is $p(x)$.
# The logarithm of the average is the *importance-weighted bound* [(Burda et al., 2016)](#burda2016importance):
#
# $$
# \log p(x) \ge \mathbb{E} \left[ \log \frac1k \sum_{i=1}^{k} \frac{p(x, z_i)}{q(z_i \mid x)} \right] .
# $$

# %%
show_source(evaluation.importance_bound)

# %%
ks = [1, 5, 50, 500]
found = {
    k: evaluation.importance_bound(binary_model, binary, k, rng) for k in ks
}
bounds = [found[k].mean().item() for k in ks]
errors = [found[k].std().item() / len(binary) ** 0.5 for k in ks]
print(f"from k = 1 to 500: {bounds[0] - bounds[-1]:.1f} nats tighter")

# %%
assert bounds == sorted(bounds, reverse=True)
plotting.importance_bound(
    ks, {"after one epoch": bounds}, {"after one epoch": errors}
)

# %% [markdown]
# With one sample the bound is, on average, the ELBO; more samples bring its negative closer to $-\log p(x)$.
# The bars are standard errors over the images, which all $k$ share.
#
# So the ELBO understates a model.
# In five minutes `vae-long` trains another model so, with 32 latents, on binary pixels.
# The bound is on 1,000 test images, made binary once, with $k = 5000$ and the fitted mixture as prior.

# %%
runs = [run["nats"] for run in long_runs["runs"]["likelihood"]]
print("-log p(x), bounds with three seeds:", [f"{n:.1f}" for n in runs])
error = found[500].std().item() / long_runs["iw_images"] ** 0.5
print(f"standard error by the choice of the images: about {error:.1f}")
assert max(runs) < 84.8
assert error > 0.3

# %% [markdown]
# As a yardstick: with one layer of latents, Burda and others report 86.8 nats for a VAE, and 84.8 after training on this bound with $k = 50$, with the standard prior.
#
# ### Grey pixels have no Bernoulli likelihood
#
# For a probability the total over all possible values must be one.
# Over the values 0 and 1 it is: $p + (1 - p)$.
# Over all grey values the total is less:

# %%
p = torch.tensor([0.01, 0.1, 0.3, 0.45])
t = torch.linspace(0, 1, 2001)[:, None]
totals = torch.trapezoid(p**t * (1 - p) ** (1 - t), t, dim=0)
print("totals:", totals)
assert totals.max() < 1

# %% [markdown]
# So the cross-entropy on grey pixels is not a density of grey values; the *continuous Bernoulli* distribution, which divides by this total, is one [(Loaiza-Ganem and Cunningham, 2019)](#loaiza2019continuous).
# For photographs most use a Gaussian, $x \mid z \sim \mathcal{N}(\text{decoded}, s^2)$: its negative logarithm is the squared error over $2 s^2$, so the chosen $s$ does what $\beta$ does.

# %% [markdown]
# ## What goes wrong, and why
#
# ### Whose fault is the blur?
#
# All samples in this chapter show the decoder's mean, the chance of ink at each pixel.
# A draw from $p(x \mid z)$ tosses a coin for each pixel by itself.
# Measure blur as the share of pixels that are neither dark nor bright.


# %%
def greyness(images):
    return 100 * ((images > 0.2) & (images < 0.8)).float().mean().item()


# %%
with torch.no_grad():
    redrawn = model.decode(means).sigmoid()
tossed = data.binarize(redrawn, rng)
shares = {
    "image": greyness(test_images), "decoder's mean": greyness(redrawn),
    "draw": greyness(tossed),
}  # fmt: skip
assert shares["draw"] == 0

# %%
plotting.means_and_draws(test_images[:12], redrawn[:12], tossed[:12], shares)

# %% [markdown]
# A draw is speckled, since the coins know nothing of each other.
# The mean is grey where the code leaves open whether there is ink: it averages all images with that code.
# How much does the KL term have to do with it?

# %%
grey = {row["name"]: row["grey"] for row in (*swept["rows"], *table["rows"])}
grey["real images"] = [swept["real_grey"]]
print("grey pixels in percent, by beta or arm, three seeds")
for name, percent in grey.items():
    print(f"{name:13}", [f"{share:.1f}" for share in percent])

# %%
for little, more in itertools.pairwise(map(str, betas)):
    assert max(grey[little]) < min(grey[more])
assert max(max(grey[arm]) for arm in arms) < min(grey["noise and KL"])
assert min(grey["neither"]) > grey["real images"][0]

# %% [markdown]
# It has a part: with a larger weight more pixels stay grey, and without noise, KL term or both fewer.
# But even the plain autoencoder's images are greyer than real ones: what its codes leave open, whatever the reason, the decoder draws as a mean.

# %% [markdown]
# ## From here to latent diffusion
#
# You have built latent diffusion in miniature.
# Today's systems are larger, and make three other choices [(Rombach et al., 2022)](#rombach2022high).
# Their codes keep a place in the image, as a small picture with a few channels.
# Their KL weight is tiny, about a millionth, so their autoencoder is nearly the plain one of the arm "neither", and its decoder is sharpened by a critic such as chapter 2's.
# And in place of fifty bells a *diffusion model* learns to draw the codes.
#
# To ask for a 7, give encoder and decoder the label too: a *conditional VAE* [(Kingma et al., 2014)](#kingma2014semi).
#
# Codes may also be *tokens*, drawn by a *language model* such as chapter 4's [(van den Oord et al., 2017)](#oord2017neural).
# Or latents may stand behind latents, in many layers: with an encoder that only adds noise, such a VAE is a diffusion model [(Ho et al., 2020)](#ho2020denoising).

# %% [markdown]
# ## The numbers of this run
#
# The book's tables are made of these.

# %%
evaluation.record(
    nats=(
        "negative ELBO on test images",
        f"{parts.nats:.2f} ± {nats_error:.2f} nats an image",
    ),
    listing=(
        "negative ELBO, article's VAE, ten epochs (stored)",
        f"{stored['listing_nats']:.2f} nats",
    ),
    active=("latent dimensions in use, of 20", f"{used}"),
    saved=(
        "saved by the fitted prior",
        f"{saved.mean():.2f} ± {off:.2f} nats an image",
    ),
    seconds=("training time", f"{run.seconds:.0f} s"),
    **{
        name.split()[0]: (f"Fréchet distance, {name}", f"{d:.2f} ± {error:.2f}")
        for name, (d, error) in distances.items()
    },
)

# %% [markdown]
# ## Summary
#
# - The ELBO bounds the log-likelihood from below, and the gap is the KL divergence of the guess from the true posterior.
# - Reparameterised samples let gradients pass, with less variance here than the score function.
# - Sum the reconstruction over the pixels; averaging is a KL weight of 784, and the posterior collapses.
# - Cross-entropy needs pixels between 0 and 1; for grey ones it bounds the likelihood of binary images, and is no density of grey values.
# - Posterior draws decode well and prior samples badly: the prior does not fit the codes, and the rate counts this misfit too.
# - Noise and KL term together give the codes the prior's scale; a mixture fitted to them saves nats and makes better samples.
# - Likelihoods are measured with the importance-weighted bound, on binary pixels, with the number of samples stated.
#
# The next chapter leaves images for text, where likelihoods are exact.

# %% [markdown]
# ## Exercises
#
# More of them, which check themselves, have a page of their own in the book, under "Exercises 3"; there you also write and train a VAE from an empty cell.
#
# ### Exercise: The price of a code
#
# A latent dimension has the posterior $\mathcal{N}(0, 0.1^2)$, whatever the image is.
# How many nats does it cost, and what is it worth?
#
# <details><summary>Solution</summary>
#
# The closed form of `vae.gaussian_kl`, with mean 0 and variance 0.01, gives $\frac12 (0.01 - 1 - \log 0.01) = 1.81$ nats.
# It is worth nothing, since it is the same for every image: training widens it to the prior, and the cost goes to zero.
#
# </details>

# %% [markdown]
# ## References
#
# The VAE comes from Kingma and Welling [(Kingma and Welling, 2014)](#kingma2014auto) and, at the same time, from Rezende, Mohamed and Wierstra [(Rezende et al., 2014)](#rezende2014stochastic).
# The chapter's other sources, with full titles, stand under References in the book, and in `book/references.bib`.
