# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 2. GAN: two networks play a game
#
# A *generative adversarial network* makes images that nobody ever drew.
# Two networks learn together: one makes images, the other tells them from real ones, and each gets better because the other does.
# By the end of this chapter you can say what game they play, why it goes wrong, how to keep it on course, and how to measure what comes out.
#
# You first watch the game in a plane, and learn its mathematics.
# Then you train the GAN of the article and measure what it makes, and at last one that makes far better digits in a few minutes.

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
import tempfile

import torch
from torch import nn
from torch.nn import functional as F

from aigc_utils import data, evaluation, gan, plotting, schedules, training
from aigc_utils.optimizers import gradient_step
from aigc_utils.source import show_source

mnist = data.load_mnist()

# %% [markdown]
# ## Why it matters
#
# A *classifier* answers a question about an image that exists.
# A *generative model* makes a new one.
# For years GANs made the sharpest pictures of all, faces above all [(Karras et al., 2020)](#karras2020analyzing).
# Their central idea lives on: a learned *critic* still sharpens the image decoders of today's picture generators [(Rombach et al., 2022)](#rombach2022high).
#
# Why a critic, and not a plain loss on pixels?
# When you ask for "a seven", no single image is the right answer.
# A loss that compares pixels is best served by the average of all sevens, and that is a blur.
# A GAN learns its loss from examples, as it learns everything else.

# %%
sevens = mnist.train_images[mnist.train_labels == 7].float()
average = sevens.mean(0, keepdim=True)
images, titles = torch.cat([sevens[:9], average]), ["seven"] * 9 + ["average"]

# %%
plotting.image_grid(
    images, titles=titles, alt="Sharp sevens, and their average, a grey blur."
)

# %% [markdown]
# ## The idea in a picture
#
# The *generator* $G$ turns random *noise* $z$ into an image.
# The *discriminator* $D$ looks at one image and says how probable it is that the image is real.
# It sees real images and made ones, and learns to tell them apart.
# The generator learns to be taken for real.

# %%
z = torch.randn(1, 100, generator=torch.Generator().manual_seed(0))
fake = gan.sample(gan.ArticleGenerator(), z)[0, 0] / 255
digit = mnist.train_images[0, 0] / 255
plotting.gan_drawing(z[0], fake, digit)

# %% [markdown]
# Follow the way back: the generator never sees a real image.
# All it gets is the gradient that comes through the discriminator: "make this pixel darker, and I would believe you more".
# So it has nothing to copy from but its critic's advice, and what it learns is only as good as that; whether it copies all the same, you will measure.

# %% [markdown]
# ## Eight islands: watch the game
#
# Images have too many dimensions to watch.
# So play the game in a plane first.
# The data are eight small clouds on a circle, the *modes*.
# The generator turns two random numbers into a point, and a discriminator judges points.

# %%
MODES, SPREAD = 8, 0.05
angles = torch.arange(MODES) * 2 * math.pi / MODES
centres = 2 * torch.stack([angles.cos(), angles.sin()], 1)

# %% [markdown]
# A batch of data takes an island for each point, and a little noise around its centre.


# %%
def islands(number, rng):
    chosen = torch.randint(MODES, (number,), generator=rng)
    return centres[chosen] + SPREAD * torch.randn(number, 2, generator=rng)


# %% [markdown]
# A mode counts as covered if at least 2 % of the made points lie within three standard deviations of its centre.


# %%
def covered(points):
    distance, nearest = torch.cdist(points, centres).min(1)
    hits = torch.bincount(nearest[distance < 3 * SPREAD], minlength=MODES)
    return int((hits >= 0.02 * len(points)).sum())


# %% [markdown]
# Each step first trains the discriminator to tell real from made, and then the generator to fool it.
# Here the network `D` gives a logit, as your classifier did in chapter 1, and $D$ is its sigmoid, the probability.
# `F.softplus(-logit)` is $-\log D$ and `F.softplus(logit)` is $-\log(1 - D)$.
#
# One term can be added: the *R1 penalty* asks the discriminator to be flat where the data are [(Mescheder et al., 2018)](#mescheder2018which).


# %%
def discriminator_loss(D, real, fake, r1):
    real.requires_grad_()
    real_logit = D(real)
    loss = F.softplus(-real_logit).mean() + F.softplus(D(fake)).mean()
    (slope,) = torch.autograd.grad(real_logit.sum(), real, create_graph=True)
    return loss + r1 / 2 * slope.square().sum(1).mean()


# %% [markdown]
# A step updates each player once; `gradient_step` moves an optimizer's weights one step down the gradient of a loss.
# `detach` keeps the discriminator's loss from reaching the generator: that gradient would teach it to help its opponent, or be computed for nothing.

# %%
show_source(gradient_step)


# %%
def make_step(G, D, G_optimizer, D_optimizer, r1):
    def step(batch):
        real, noise = batch
        fake = G(noise)
        d_loss = discriminator_loss(D, real, fake.detach(), r1)
        gradient_step(d_loss, D_optimizer)
        g_loss = F.softplus(-D(fake)).mean()
        gradient_step(g_loss, G_optimizer)
        return {"discriminator": d_loss, "generator": g_loss}

    return step


# %% [markdown]
# Every so often, look at the game: where the made points lie, and what the discriminator says of each place.

# %%
ticks = torch.linspace(-3, 3, 61)
plane = torch.stack(torch.meshgrid(ticks, ticks, indexing="xy"), -1)


# %%
@torch.no_grad()
def look(G, D, step, rng):
    real, fake = islands(200, rng), G(torch.randn(1000, 2, generator=rng))
    answer = D(plane).sigmoid()[..., 0]
    return plotting.GameState(step, real, fake[:200], answer, covered(fake))


# %% [markdown]
# Both players are small networks.
# The discriminator gets twenty times the generator's learning rate, so that it wins early, as it soon will on digits.


# %%
def small_network(outputs):
    return nn.Sequential(
        nn.Linear(2, 48), nn.ReLU(),
        nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, outputs),
    )  # fmt: skip


# %%
def new_players():
    G, D = small_network(2), small_network(1)
    G_optimizer = torch.optim.Adam(G.parameters(), 0.0015, betas=(0.5, 0.9))
    D_optimizer = torch.optim.Adam(D.parameters(), 0.03, betas=(0.5, 0.9))
    return G, D, G_optimizer, D_optimizer


# %% [markdown]
# One game is 1,500 steps, with a look after every fiftieth.


# %%
def play(r1, label):
    rng = training.seed_everything(0)
    G, D, *optimizers = new_players()
    states = []

    def batch():
        noise = torch.randn(128, 2, generator=rng)
        return islands(128, rng), noise

    def evaluate():
        states.append(look(G, D, 50 * (len(states) + 1), rng))
        return {"modes": states[-1].modes}

    training.fit(
        make_step(G, D, *optimizers, r1), iter(batch, None), num_steps=1500,
        schedule=schedules.one_cycle(*optimizers, warmup=0.0),
        evaluate=evaluate, evaluate_every=50, label=label,
    )  # fmt: skip
    return states


# %%
games = {
    "no penalty": play(r1=0.0, label="no penalty"),
    "with R1": play(r1=0.2, label="with R1"),
}

# %%
moments = (1, 5, 11, 19, 29)
shown = {name: [states[i] for i in moments] for name, states in games.items()}
plotting.game_maps(shown)

# %%
final = {name: states[-1].modes for name, states in games.items()}
print("modes covered at the end:", final)
assert final["no penalty"] <= 5 < final["with R1"] == MODES

# %% [markdown]
# Without the penalty the generator ends on a few islands, or on none: this is *mode collapse*.
# Everywhere else the discriminator is sure, and what slope is left leads all points to the same place.
# With R1 the map has gentle slopes, and all islands pull; some points still lie between them.
#
# Collapse is not memorising.
# In this game every batch is drawn anew, so no point is ever seen twice and there is nothing to learn by heart.
# The generator collapses all the same.

# %% [markdown]
# ## The mathematics of the game
#
# ### One value, two players
#
# Let the discriminator give a probability $D(x)$.
# Both players look at the same number [(Goodfellow et al., 2014)](#goodfellow2014generative):
#
# $$
# \begin{aligned}
# V(D, G) = {} & \mathbb{E}_{x \sim \text{data}} [\log D(x)] \\
# & {} + \mathbb{E}_{z} [\log (1 - D(G(z)))] .
# \end{aligned}
# $$
#
# The discriminator makes it large, the generator makes it small: a *minimax game*.
# The first term rewards a discriminator that believes real images, the second one that doubts made images.
#
# ### The best discriminator
#
# Suppose that at a place $x$ the data have the density $p(x)$ and the generator has $q(x)$.
# There the discriminator's part of the game is $p \log D + q \log(1 - D)$.
# Set the derivative $p / D - q / (1 - D)$ to zero, and the best answer is
#
# $$
# D^*(x) = \frac{p(x)}{p(x) + q(x)} .
# $$
#
# Where both densities are equal it is one half: even the best discriminator can only guess there.
# On a line you can see it.

# %%
x = torch.linspace(-5, 5, 1001)
real_line = torch.distributions.Normal(-1.0, 0.7)
generators = {
    "far apart": torch.distributions.Normal(1.5, 0.5),
    "close": torch.distributions.Normal(-0.6, 0.8),
}
p_data = real_line.log_prob(x).exp()
p_generator = {name: q.log_prob(x).exp() for name, q in generators.items()}

# %% [markdown]
# A small network that gets *samples*, and never the densities, finds the same curve.
# Where hardly a sample falls, far on the left and on the right, it only guesses; the error below weighs each place by its samples.


# %%
def train_discriminator(fake_line):
    rng = training.seed_everything(0)
    net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)

    def step(noise):
        real, fake = real_line.icdf(noise[0]), fake_line.icdf(noise[1])
        loss = F.softplus(-net(real)).mean() + F.softplus(net(fake)).mean()
        gradient_step(loss, optimizer)
        return {"loss": loss}

    def noise():
        return torch.rand(2, 512, 1, generator=rng).clamp(1e-6)

    training.fit(
        step, iter(noise, None), num_steps=400,
        schedule=schedules.one_cycle(optimizer), label="on a line",
    )  # fmt: skip
    return net(x[:, None])[:, 0].sigmoid().detach()


# %%
trained = {name: train_discriminator(q) for name, q in generators.items()}
plotting.optimal_discriminator(x, p_data, p_generator, trained)

# %%
for name, q in p_generator.items():
    weight = (p_data + q) / (p_data + q).sum()
    error = (weight * (trained[name] - p_data / (p_data + q)).abs()).sum()
    print(f"{name:10} mean error of the trained one: {error:.3f}")
    assert error < 0.03

# %% [markdown]
# ### What the generator minimises
#
# Put the best discriminator into the game.
# Its value becomes $2 \, \mathrm{JSD}(p, q) - \log 4$, with the *Jensen-Shannon divergence*: the mean *KL divergence* of $p$ and of $q$ from their mixture.
# It is 0 for equal densities and $\log 2$ for densities that never meet.
# Check it with numbers: a mean over a density is an integral.


# %%
def mean_log(p, ratio):
    return torch.trapezoid(torch.xlogy(p, ratio), x)


# %%
for name, q in p_generator.items():
    both = p_data + q
    value = mean_log(p_data, p_data / both) + mean_log(q, q / both)
    mixture = both / 2
    jsd = (mean_log(p_data, p_data / mixture) + mean_log(q, q / mixture)) / 2
    assert torch.isclose(value, 2 * jsd - math.log(4), atol=1e-4)
    print(f"{name:10} value {value:.4f}   JSD {jsd:.4f}   log 2 = 0.6931")

# %% [markdown]
# Far apart, the divergence comes near $\log 2$, and it stays there as long as the two do not meet.
# A flat value has no gradient.
# This is why a discriminator that is perfect too early teaches nothing.

# %% [markdown]
# ### A loss that does not fall asleep
#
# Early in the game every made image is recognised: $D(G(z)) \approx 0$.
# The generator's term $\log(1 - D)$ is flat there.
# The *non-saturating loss* $-\log D(G(z))$ also asks to be taken for real, and it is steep there.
# Ask autograd how hard each one pulls at the discriminator's logit.

# %%
logit = torch.linspace(-8, 8, 161, requires_grad=True)
(slope,) = torch.autograd.grad(F.logsigmoid(-logit).sum(), logit)
(other_slope,) = torch.autograd.grad(-F.logsigmoid(logit).sum(), logit)
early = logit < -5
assert slope[early].abs().max() < 0.01 < 0.99 < other_slope[early].abs().min()

# %%
at = logit.tolist()
pulls = {
    "minimise log(1 - D): saturates": (at, slope.abs().tolist()),
    "minimise -log D: does not": (at, other_slope.abs().tolist()),
}

# %%
plotting.curves(
    pulls, x_label="logit of a made image", y_label="size of the gradient",
    title="A generator that loses needs a gradient, and only one loss has it",
)  # fmt: skip

# %% [markdown]
# ### What `detach` does
#
# The discriminator's loss reads the made images, and they come from the generator.
# Without `detach` its gradient would flow on into the generator and ask it to be recognised more easily.
# The next cell measures that unwanted gradient.

# %%
torch.manual_seed(0)
G, D = gan.ArticleGenerator(), gan.ArticleDiscriminator()
fake = G(torch.randn(8, 100))
for name, images in {"without": fake, "with": fake.detach()}.items():
    G.zero_grad()
    F.binary_cross_entropy(D(images), torch.zeros(8, 1)).backward()
    size = sum(p.grad.norm() for p in G.parameters() if p.grad is not None)
    print(f"{name:7} detach: gradient of size {size:.4f} in the generator")

# %% [markdown]
# ## The article's GAN
#
# Both players are stacks of fully connected layers.
# The generator ends in a *tanh*, which keeps pixels between -1 and 1; the discriminator ends in a *sigmoid*, which makes a probability of a logit.

# %%
show_source(gan.ArticleGenerator, gan.ArticleDiscriminator)

# %% [markdown]
# The training alternates, one step for each player.

# %%
show_source(gan.article_step)

# %% [markdown]
# ### Train it for a short while
#
# The article asks for 50 epochs, which are 46,900 steps.
# You run the first 600 of them here; `python -m benchmarks gan` gives it as long as the course's GAN, and it stays far behind.
# To watch it, keep the same noise from beginning to end, and see what the generator makes of it as it learns.
# A small network that reads digits measures how far its images are from real ones; how, you will see below.

# %%
real = evaluation.judge_images(mnist.test_images)


def watch(z, *labels):
    """Returns a function for `evaluate` and the list of images that it fills."""
    frames = []

    def evaluate(generator):
        images = gan.sample(generator, z, *labels)
        frames.append(images[:20])
        seen = evaluation.judge_images(images).features
        return {"frechet": evaluation.frechet_distance(seen, real.features)}

    return evaluate, frames


# %%
z = torch.randn(1000, 100, generator=torch.Generator().manual_seed(1))
evaluate, frames = watch(z)
article_generator, article_discriminator, article_run = gan.train_article(
    mnist.train_images, seed=0, num_steps=600, evaluate=evaluate, evaluate_every=100
)  # fmt: skip
print(f"{article_run.num_steps} steps took {article_run.seconds:.1f} s")

# %%
stages = zip(article_run.evaluated_at, frames, strict=True)
rows = {f"step {step}": images[:12] for step, images in stages}

# %%
plotting.image_rows(
    rows, title="The same noise through the article's training",
    alt="Grey noise, later dark specks in the middle, nearly alike in a row.",
)  # fmt: skip

# %%
players = "discriminator", "generator"
losses = {name: article_run.curve(name, 10) for name in players}
plotting.curves(
    losses, x_label="step", y_label="loss (nats)", log_y=True,
    title="The discriminator wins: its loss is small and the generator's large",
)  # fmt: skip

# %% [markdown]
# Where the discriminator only guesses, its loss is $\log 4$ nats, and the generator's is $\log 2$.

# %%
won, lost = (article_run.smooth(name, 100)[-1] for name in players)
assert won < 0.9 * math.log(4)
assert lost > 3 * math.log(2)
print(f"the last 100 steps: discriminator {won:.2f} nats, generator {lost:.2f}")

# %% [markdown]
# If you took the discriminator's falling loss for success, you would be pleased.
# It is the opposite: a discriminator that is sure of itself, as on the eight islands, teaches little.

# %% [markdown]
# ## Measure it
#
# How good are the samples?
# Looking is not enough: you see a few dozen images, you like the good ones, and you cannot see what is missing.
#
# ### A judge that does not play
#
# The *judge* is a small classifier that was trained once on the training images and then frozen.
# Its last hidden layer describes an image by 64 *features*.
# You compare the features of made images with those of the test images, which were in no training.
#
# The *Fréchet distance* fits a *Gaussian* to each of the two sets, with mean $\mu$ and covariance $\Sigma$, and compares them [(Dowson and Landau, 1982)](#dowson1982frechet) [(Heusel et al., 2017)](#heusel2017gans):
#
# $$
# d^2 = \lVert \mu_1 - \mu_2 \rVert^2 + \operatorname{tr} \left( \Sigma_1 + \Sigma_2 - 2 (\Sigma_1 \Sigma_2)^{1/2} \right) .
# $$
#
# With the features of an Inception network this number is the well-known *FID*.
# It means nothing without its feature network and without its *floor*: what real images score against other real images.

# %%
rng = torch.Generator().manual_seed(0)
chosen = torch.randperm(len(mnist.train_images), generator=rng)[:10_000]
other_real = evaluation.judge_images(mnist.train_images[chosen])
noise = torch.randn(10_000, 100, generator=rng)
article_samples = gan.sample(article_generator, noise)
article_judged = evaluation.judge_images(article_samples)

# %%
floor = evaluation.frechet_distance(other_real.features, real.features)
distance = evaluation.frechet_distance(article_judged.features, real.features)
assert distance > 50 * floor
print(f"real against real: {floor:.2f}   article's GAN: {distance:.1f}")

# %% [markdown]
# ### The number of samples matters
#
# Two samples of one *distribution* are never quite the same, and the fewer images, the further apart they look.
# So compare only distances from equally many images.
# Even that is not quite fair, as this *bias* depends on the model too: the cure is to extrapolate to infinitely many images [(Chong and Forsyth, 2020)](#chong2020effectively).

# %%
judged = {"real images": other_real, "article's GAN": article_judged}
sizes = [250, 500, 1000, 2000, 5000, 10_000]
shuffled = torch.randperm(10_000, generator=rng)


def distance_of(features, size):
    part = features[shuffled[:size]]
    return evaluation.frechet_distance(part, real.features)


# %%
bias = {
    name: [distance_of(images.features, size) for size in sizes]
    for name, images in judged.items()
}
assert bias["real images"][0] > 2 * bias["real images"][-1]
plotting.sample_size_bias(sizes, bias)

# %% [markdown]
# ### Faithful, and varied?
#
# One number cannot say whether images are poor or merely all alike.
# Two pairs of numbers look at neighbourhoods among the features.
#
# - *Precision* is the share of made images that lie among real ones, and *recall* the share of real images that lie among made ones [(Kynkäänniemi et al., 2019)](#kynkaanniemi2019improved).
# - *Density* and *coverage* ask the same in a way that single outliers cannot spoil [(Naeem et al., 2020)](#naeem2020reliable). Coverage is the share of real images that have a made one close by.
#
# The last number is about classes: the KL divergence of the digits' shares from one tenth each.

# %%
scores = {
    name: evaluation.score_samples(images, real)
    for name, images in judged.items()
}


# %%
def show_scores():
    names = ["frechet", "precision", "recall", "density", "coverage"]
    print(" " * 14, *(f"{name:>9}" for name in names), " class KL")
    for name, score in scores.items():
        values = [f"{getattr(score, field):9.2f}" for field in names]
        print(f"{name:14}", *values, f"{score.class_kl:9.4f}")


# %%
show_scores()

# %% [markdown]
# Behind the class KL stand the shares of the ten digits.


# %%
def shares(judged):
    predicted = judged.logits.argmax(1)
    return torch.bincount(predicted, minlength=10) / len(predicted)


# %%
plotting.class_bars({name: shares(judged[name]) for name in judged})

# %%
missing = [d for d, share in enumerate(shares(article_judged)) if share < 0.02]
print("digits with less than 2 % of the samples:", missing)
assert missing

# %% [markdown]
# The bars show the collapse: whole classes are missing, and a milder collapse you would not see from a dozen samples.
# A high precision alone would be no comfort: an image counts as good when it lies in the neighbourhood of any real one, and an odd real image has a wide neighbourhood.
# Coverage is harder to fool, as one of the runs below shows.
# The judge must name a digit even for a blot, so read the shares of a poor generator with care.

# %% [markdown]
# ## The course's GAN
#
# You know what is wrong: the discriminator wins, and the generator collapses.
# Five changes are made to it, and each one is measured below.
#
# ### Players that see
#
# As in chapter 1, convolutions suit images better than fully connected layers.
# The discriminator halves the image three times with strides.
# The generator goes the other way: from noise it makes 7 by 7 cells, lets convolutions work on them, and at last turns the sixteen numbers of each cell into 4 by 4 pixels.
# This *pixel shuffle* keeps all the work on the small grid [(Shi et al., 2016)](#shi2016real).

# %%
show_source(gan.Generator, gan.Discriminator)

# %% [markdown]
# ### Labels for both
#
# MNIST comes with labels, and the article throws them away.
# Here both players are told which digit it is to be: a *conditional GAN* [(Mirza and Osindero, 2014)](#mirza2014conditional) [(Miyato and Koyama, 2018)](#miyato2018cgans).
# The discriminator then asks not only "is this real?" but "is this a real seven?", so a generator that leaves a class out is easily caught.
# This is extra information that the article's GAN did not have; the *ablation* below also shows the result without it.
#
# ### A discriminator that stays gentle
#
# The R1 penalty of the eight islands serves here too.
# Computing it is dear, so it is taken on every sixteenth step, with sixteen times the weight [(Karras et al., 2020)](#karras2020analyzing).

# %%
show_source(gan.gradient_penalty)

# %% [markdown]
# ### Optimizers without momentum
#
# Momentum makes a player run on in the direction of old gradients, while its opponent has long moved.
# So Adam's first coefficient is 0 here, in place of the usual 0.9.
# The filters that read hidden features learn with Muon, the optimizer of chapter 1, here without momentum too.
#
# ### The mean of many generators
#
# The two players circle around each other, and no single moment is the best one.
# The *averaged weights* of the generator are a running mean of its recent states, and steadier than any of them [(Polyak and Juditsky, 1992)](#polyak1992acceleration) [(Yazıcı et al., 2019)](#yazici2019unusual).

# %%
show_source(gan.EMA)

# %% [markdown]
# ### The step
#
# With these parts the step reads like that of the eight islands.

# %%
show_source(gan.CourseGAN.step, gan.CourseGAN.discriminator_loss)

# %% [markdown]
# ### Train it
#
# The recipe takes wider networks than the classes above do by themselves: 64 channels in the generator, and 24, 64 and 128 in the discriminator.
# This run takes one to two minutes on two cores, with 1,920 steps; the benchmark takes 3,400.
# Again use the same noise at each evaluation, now with labels, and begin with what an untrained generator makes of it.

# %%
recipe = dataclasses.replace(gan.COURSE, num_steps=1920)
rng = torch.Generator().manual_seed(1)
z = torch.randn(1000, recipe.latent_dim, generator=rng)
digits = torch.arange(10).repeat(100)

# %%
untrained = gan.Generator(recipe.latent_dim, recipe.width)
evaluate, frames = watch(z, digits)
frames.append(gan.sample(untrained, z[:20], digits[:20]))

# %%
game, run = gan.train_course(
    recipe, mnist.train_images, mnist.train_labels, seed=0,
    evaluate=evaluate, evaluate_every=80,
)  # fmt: skip
generator = game.ema.network
print(f"{run.num_steps} steps took {run.seconds:.0f} s")

# %%
counts, shown = [0, *run.evaluated_at], [0, 1, 2, 4, 8, 12, 24]
rows = {f"step {counts[i]}": frames[i][:10] for i in shown}
titles = [f"a {digit}" for digit in range(10)]

# %% tags=["live-gan"]
plotting.image_rows(
    rows, titles=titles, title="The same noise through the course's training",
    alt="Noise first, then rough digits, and mostly clean handwriting last.",
)  # fmt: skip

# %% [markdown]
# Here is the same as a film, with two drawings of each digit.

# %%
ends = "start", f"step {run.num_steps}"
plotting.film(
    torch.stack(frames), columns=10, ends=ends,
    alt="The digits grow from noise into handwriting, side by side.",
)  # fmt: skip

# %% [markdown]
# ### Is the discriminator still awake?
#
# Compare what the two discriminators say of real and of made images.


# %%
@torch.no_grad()
def opinions_of(D, made, *labels):
    real_images = data.to_signed(mnist.test_images[: len(made)])
    return D(real_images, *labels), D(data.to_signed(made), *labels)


# %% [markdown]
# The article's discriminator gives probabilities, the course's gives logits and wants to know the digit.

# %%
labels = mnist.test_labels[:2000]
z = torch.randn(2000, recipe.latent_dim, generator=rng)
made = gan.sample(game.generator, z, labels)
logits = opinions_of(game.discriminator, made, labels)
answers = opinions_of(article_discriminator, article_samples[:2000])
opinions = {
    "article's GAN": [answer[:, 0] for answer in answers],
    "course's GAN": [logit.sigmoid() for logit in logits],
}

# %%
plotting.discriminator_histograms(opinions)

# %%
overlap = {name: (a - b).mean().item() for name, (a, b) in opinions.items()}
assert overlap["course's GAN"] < overlap["article's GAN"]
for name, gap in overlap.items():
    print(f"{name}: mean answer, real minus made: {gap:.2f}")

# %% [markdown]
# The article's discriminator is sure of itself.
# The course's is in doubt: it finds small hints in both directions, and that is where a generator can learn.

# %% [markdown]
# ### Measure it
#
# Draw 10,000 digits and score them like the others.

# %%
labels = torch.arange(10).repeat(1000)
noise = torch.randn(10_000, recipe.latent_dim, generator=rng)
samples = gan.sample(generator, noise, labels)
judged["course's GAN"] = evaluation.judge_images(samples)
scores["course's GAN"] = evaluation.score_samples(judged["course's GAN"], real)
show_scores()

# %%
course, article = scores["course's GAN"], scores["article's GAN"]
assert course.frechet < article.frechet / 5
assert course.coverage > 0.6 > article.coverage
assert course.class_kl < 0.01 < article.class_kl

# %%
plotting.class_bars({name: shares(judged[name]) for name in judged})

# %% [markdown]
# ## What each change brought
#
# This table comes from `python -m benchmarks gan-ablation`, which trains every row for the same number of steps, fewer than yours, with three seeds.
# It took a quarter of an hour, so its result is stored with the course.
# Each row adds one change to the row above, with what belongs to it: with the convolutions come 64 random numbers in place of 100, another second coefficient of Adam, and a learning rate that falls at the end; with the optimizers come their own learning rates, and Muon for the filters.
# In the figure each dot is one seed, and the bar, with its number, is the median.

# %%
stored = evaluation.load_results("gan_ablation")
seeds, num_steps = stored["seeds"], stored["num_steps"]


# %%
def middle(values, digits):
    values = torch.tensor(values)
    return f"{values.median():.{digits}f} ± {values.std():.{digits}f}"


def show_rows(rows):
    for row in rows:
        distance, share = middle(row["frechet"], 1), middle(row["coverage"], 2)
        print(f"{row['name']:30} {distance:>13}   {share:>11}")


# %%
print(f"{num_steps} steps, {seeds} seeds, median ± standard deviation")
print(f"{'':30} {'Fréchet':>13}   {'coverage':>11}")
show_rows(stored["rows"])

# %%
plotting.ablation(stored["rows"])

# %%
distances = [torch.tensor(row["frechet"]).median() for row in stored["rows"]]
_, plain, calm, with_penalty, averaged, labelled = distances
assert calm < plain / 3
assert labelled < 0.7 * averaged
assert abs(averaged - calm) < 0.2 * calm

# %% [markdown]
# One of the runs with convolutions alone shows what precision misses, and density too.

# %%
measures = "precision", "density", "coverage"
collapsed = {name: stored["rows"][1][name][1] for name in measures}
print({name: round(value, 3) for name, value in collapsed.items()})
assert min(collapsed["precision"], collapsed["density"]) > 0.8
assert collapsed["coverage"] < 0.01

# %% [markdown]
# As a factor, two changes bring most: the optimizers without momentum, with Muon among them, and labels.
# Convolutions alone do not save a generator that loses the game.
# The penalty and the averaging hardly show in so short a run.
# The penalty works against a slow disease: a discriminator that gets a little too strong, step after step; one of the exercises lets you see it.
# And since the learning rate falls to a twentieth at the end, the last generators are nearly alike, with little left to average.

# %% [markdown]
# ### Other ways to steady the discriminator
#
# *Spectral norm* divides each layer's weights by their largest *singular value*, so that no layer can be steep [(Miyato et al., 2018)](#miyato2018spectral).
# The *relativistic loss* asks whether a real image looks more real than a made one, and with penalties on both it is the choice of R3GAN [(Huang et al., 2024)](#huang2024gan).
# Both were tried, all else equal: the one in place of R1, the other with penalties on both kinds of images.
# Neither does better here than the last row of the table above.

# %%
show_rows(stored["dropped"])

# %% [markdown]
# ## A walk through latent space
#
# Every noise vector is a point of *latent space*, and every point is an image.
# What lies between two of them?
#
# The straight way $(1 - t) \, a + t \, b$ looks natural, and there is a catch.
# In 64 dimensions almost all noise lies on a thin shell of radius $\sqrt{64} = 8$.
# The straight way cuts through the inside, where the generator has never been.
# The *spherical interpolation* follows the shell [(White, 2016)](#white2016sampling).

# %%
show_source(gan.interpolate)

# %%
rng = torch.Generator().manual_seed(3)
ends = torch.randn(2, recipe.latent_dim, generator=rng)
straight = gan.interpolate(*ends, num=12, spherical=False)
arc = gan.interpolate(*ends, num=12)

# %%
plotting.latent_norms(noise, straight, arc)

# %%
digit = torch.full((12,), 7)
ways = {
    "straight": gan.sample(generator, straight, digit),
    "spherical": gan.sample(generator, arc, digit),
}

# %%
plotting.image_rows(
    ways, alt="Each row leads from one handwriting of the digit to another."
)

# %% [markdown]
# Both ways lead through readable digits, and the norms show that the straight way leaves the shell.
# Each image between is a digit that nobody wrote.
# This is the sign that the generator has learned a space of handwriting, not a list of images.
#
# ### From digit to digit
#
# A label is one number for each of ten classes, so you can also go from one label to another, while the noise goes round.


# %%
def round_trip(stops):
    ways = itertools.pairwise([*stops, stops[0]])
    return torch.cat([gan.interpolate(a, b, 9)[:-1] for a, b in ways])


# %%
rng = torch.Generator().manual_seed(5)
stops = torch.randn(10, 8, recipe.latent_dim, generator=rng)
path = torch.stack([round_trip(walk) for walk in stops], 1)  # (64, 10, 64)

# %% [markdown]
# At each moment a drawing has a share of one digit's label, and the rest of the next digit's.

# %%
turn = torch.linspace(0, 10, len(path) + 1)[:-1, None] + torch.arange(10)
share = (turn % 1)[..., None]
before, after = (F.one_hot((turn.long() + i) % 10, 10) for i in (0, 1))
mixed = before * (1 - share) + after * share

# %%
drawn = gan.sample(generator, path.flatten(0, 1), mixed.flatten(0, 1))
walks = drawn.unflatten(0, (len(path), 10))

# %% [markdown]
# The film shows ten walks through latent space, each through all ten digits.

# %%
plotting.film(
    walks, columns=10, seconds=16, hold=0, still=0,
    alt="Each digit flows into the next, and its handwriting changes too.",
)  # fmt: skip

# %% [markdown]
# ## Does it copy?
#
# A generator that repeats its training images would score perfectly.
# So look for the nearest training image of each sample, and compare the distance with that of real test images.
# It is the root of the sum of all squared differences between the pixels, which are 0 to 1: 0 for a copy.

# %%
compared = torch.cat([samples[:300], mnist.test_images[:300]])
apart, index = evaluation.nearest_neighbours(compared, mnist.train_images)
many, unseen = apart.split(300)

# %%
rows = {"made": samples[:12], "nearest": mnist.train_images[index[:12]]}
distances = {"nearest": [f"{distance:.1f}" for distance in many[:12]]}
plotting.image_rows(
    rows, captions=distances, title="Made digits and their nearest neighbours",
    alt="Below each made digit a similar real one, and never the same image.",
)  # fmt: skip

# %%
assert many.min() > 0.5
assert many.median() > unseen.median()
print("median distance to the nearest training image:")
print(f"made {many.median():.2f}, real test images {unseen.median():.2f}")
print(f"the smallest of the made ones: {many.min():.2f}")

# %% [markdown]
# The made digits are no nearer to the training images than real digits that were in no training.

# %% [markdown]
# ## What goes wrong, and why
#
# ### The generator's loss says little
#
# In chapter 1, overfitting apart, a falling loss meant a better network.
# Here both losses measure one player against the other.
# Put the generator's loss beside the Fréchet distance of its images.
# The first two evaluations are left out, because the game has hardly begun.

# %%
smooth = run.smooth("generator", 100)
loss_at = [smooth[step - 1] for step in run.evaluated_at]
pairs = torch.tensor([loss_at[2:], run["frechet"][2:]])
together = torch.corrcoef(pairs)[0, 1].item()
print(f"correlation of the generator's loss and the distance: {together:.2f}")
assert together < 0.5

# %%
assert run["frechet"][-1] < run["frechet"][0] / 10
assert max(loss_at[2:]) < 1.2 * min(loss_at[2:])

# %%
lines = {
    "Fréchet distance": run.curve("frechet"),
    "generator's loss, in nats": run.curve("generator", 100),
    "discriminator's loss, in nats": run.curve("discriminator", 100),
}
plotting.curves(
    lines, x_label="step", y_label="value (logarithmic)", log_y=True,
    title="The images get better while the losses stand still",
)  # fmt: skip

# %% [markdown]
# A loss that told how good the images are would fall with the distance, and its correlation with it would be near 1.
#
# ### 50 % proves nothing
#
# At the end of an ideal game the discriminator is right half of the time.
# Does a discriminator that is right half of the time then mean that the game is over?
# Take a generator that has learned a circle and no islands, and a discriminator that can only draw a straight line.

# %%
rng = training.seed_everything(0)
island_points = islands(4000, rng)
turn = 2 * math.pi * torch.rand(4000, generator=rng)
circle = 2 * torch.stack([turn.cos(), turn.sin()], 1)
circle = circle + SPREAD * torch.randn(4000, 2, generator=rng)

# %%
on_island = torch.cdist(circle, centres).min(1).values < 3 * SPREAD
print(f"made points on an island: {on_island.float().mean():.0%}")


# %%
def judged_right(net):
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    points = torch.cat([island_points, circle])
    is_real = torch.arange(8000) < 4000
    train, test = torch.randperm(8000, generator=rng).view(2, -1)
    for _ in range(300):
        logits, target = net(points[train])[:, 0], is_real[train].float()
        loss = F.binary_cross_entropy_with_logits(logits, target)
        gradient_step(loss, optimizer)
    right = (net(points[test])[:, 0] > 0) == is_real[test]
    return 100 * right.float().mean().item()


# %%
weak, strong = judged_right(nn.Linear(2, 1)), judged_right(small_network(1))
print(f"a straight line: {weak:.0f} % right, a network: {strong:.0f} % right")
assert abs(weak - 50) < 3
assert strong > 75

# %% [markdown]
# Trained with cross-entropy, a straight line finds only a difference of the means, and circle and islands have none.
# The discriminator's accuracy speaks of both players at once.
# To judge a generator you need a judge that does not play.

# %% [markdown]
# ## Draw a chosen digit
#
# Your generator takes a label, so you can ask for what you want.
# Does it obey? Ask for each digit a hundred times, and let the judge read them.

# %%
asked = torch.arange(10).repeat_interleave(100)
z = torch.randn(len(asked), recipe.latent_dim, generator=rng)
drawn = gan.sample(generator, z, asked)

# %%
obeyed = evaluation.accuracy(evaluation.judge_images(drawn).logits, asked)
ceiling = evaluation.accuracy(real.logits, mnist.test_labels)
assert obeyed > 85
print(f"read as the digit that was asked for: {obeyed:.1f} %")
print(f"real test digits, read as what they are: {ceiling:.1f} %")

# %% [markdown]
# It obeys mostly: some digits are unreadable, or another one, as some in the rows and the film above are.

# %%
number = "20261123"
digits = torch.tensor([int(character) for character in number])
z = torch.randn(1, recipe.latent_dim, generator=rng).expand(len(number), -1)
drawn = gan.sample(generator, z, digits)

# %%
plotting.image_grid(
    drawn, titles=number, title="A number in one handwriting",
    alt="Its digits are alike in slant and stroke, and not all are clear.",
)  # fmt: skip

# %% [markdown]
# One noise vector for all digits gives one handwriting: the label says what, the noise says how.

# %% [markdown]
# ### Keep it
#
# A few minutes are short, and still you do not want to wait again.
# The file holds the weights alone, as *safetensors*; loading it can run no code.

# %%
with tempfile.TemporaryDirectory() as folder:
    path = gan.save_generator(generator, Path(folder) / "generator.safetensors")
    print(f"{path.stat().st_size / 1000:.0f} kB")
    again = gan.load_generator(path)
assert torch.equal(gan.sample(again, noise[:100], labels[:100]), samples[:100])

# %% [markdown]
# ## The numbers of this run
#
# What the run above measured, in one place; the book's table of measurements is made of these.

# %%
evaluation.record(
    frechet=("Fréchet distance of the samples", f"{course.frechet:.2f}"),
    floor=("Fréchet distance of real images, the floor", f"{floor:.2f}"),
    article=("Fréchet distance, article's GAN", f"{article.frechet:.1f}"),
    precision=("precision of the samples", f"{course.precision:.2f}"),
    recall=("recall of the samples", f"{course.recall:.2f}"),
    coverage=("coverage of the samples", f"{course.coverage:.2f}"),
    obeyed=("samples that show the digit asked for", f"{obeyed:.1f} %"),
    seconds=("time of training", f"{run.seconds:.0f} s"),
)

# %% [markdown]
# ## Summary
#
# - Generator and discriminator play one game; the generator learns only through the discriminator's gradient.
# - The best discriminator is $p / (p + q)$, and against it the generator of the minimax game minimises the Jensen-Shannon divergence.
# - A discriminator that wins teaches little: use the non-saturating loss, and keep its map gentle with a penalty.
# - Losses and accuracies of the players don't say how good the images are; a frozen judge does.
# - Fréchet distance, precision, recall, density and coverage need equally many samples, one feature network, and real images as the floor.
# - Labels, convolutions, a penalty, optimizers without momentum and averaged weights make the course's GAN; the optimizers and the labels bring most, and in so short a run the penalty and the averages hardly anything.
# - Collapse is not memorising, and nearest neighbours found no copies here.
#
# In the next chapter a network learns to describe each image by a few numbers, and the game becomes a plain loss again.

# %% [markdown]
# ## Exercises
#
# More of them, which check themselves, have a page of their own in the book, under "Exercises 2".
#
# ### Exercise: The value of a tie
#
# Suppose that the generator is perfect: $q = p$.
# What does the best discriminator answer, and what are the two losses of `discriminator_loss` (without the penalty) and of the generator?
#
# <details><summary>Solution</summary>
#
# $D^* = 1/2$ everywhere, a logit of 0.
# The discriminator's loss is $2 \log 2 = 1.386$ *nats*, the generator's $\log 2 = 0.693$.
# A GAN at these values may be perfect, or its discriminator may be blind: the losses cannot tell.
#
# </details>

# %% [markdown]
# ### Exercise: Turn the pull around
#
# For a discriminator with $D = \sigma(s)$, derive both gradients of the figure above with respect to the logit $s$.
# Where are they of equal size?
#
# <details><summary>Solution</summary>
#
# The derivative of $\log(1 - \sigma(s))$ is $-\sigma(s)$, and that of $-\log \sigma(s)$ is $\sigma(s) - 1$.
# Their sizes $D$ and $1 - D$ are equal at $D = 1/2$, a logit of 0.
#
# </details>

# %% [markdown]
# ### Exercise: The slow disease
#
# Train the course's GAN without labels and without the penalty, and watch the Fréchet distance and the discriminator's loss over 6,000 steps, five to ten minutes.
# Then add the penalty again.
#
# <details><summary>Solution</summary>
#
# ```python
# import dataclasses
# for penalty in (0.0, 0.3):
#     long = dataclasses.replace(gan.COURSE, num_steps=6000, penalty=penalty)
#     evaluate, _ = watch(torch.randn(1000, long.latent_dim))
#     _, history = gan.train_course(
#         long, mnist.train_images, seed=0, evaluate=evaluate, evaluate_every=1000
#     )
#     print(penalty, history["frechet"])
#     print(history.smooth("discriminator", 100)[999::1000])
# ```
#
# Both runs improve at first.
# Without the penalty the distance stops falling half-way and the discriminator's loss keeps sinking: it is winning.
# With the penalty the images go on getting better.
#
# </details>

# %% [markdown]
# ### Exercise: Half a judge
#
# Score 10,000 real training images of the digits 0 to 4 alone against the test images.
# Which of the measures notice that half of the classes are missing, and which do not?
#
# <details><summary>Solution</summary>
#
# ```python
# half = mnist.train_images[mnist.train_labels < 5][:10_000]
# print(evaluation.score_samples(half, real))
# ```
#
# Precision and density stay high, since every image is real.
# Recall and coverage fall to about a half, the class KL rises to about $\log 2$, and the Fréchet distance is large.
#
# </details>

# %% [markdown]
# ## References
#
# The game comes from Goodfellow and others [(Goodfellow et al., 2014)](#goodfellow2014generative), and convolutional players from DCGAN [(Radford et al., 2016)](#radford2016unsupervised).
# That a well-chosen loss with penalties and modern networks is all it takes is the message of R3GAN [(Huang et al., 2024)](#huang2024gan).
# The chapter's other sources, with full titles, stand under References in the book, and in `book/references.bib`.
