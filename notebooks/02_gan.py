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
# # 2. GAN: two networks play a game
#
# A *generative adversarial network* makes images that nobody ever drew.
# Two networks learn together: one makes images, the other tells them from real ones, and each gets better because the other does.
# By the end of this chapter you can say what game they play, why it goes wrong, how to keep it on course, and how to measure what comes out.
#
# You first play the game with two numbers and in a plane, and learn its mathematics.
# Then you train the GAN of the article from which this course grew, and measure what it makes.
# Finally you train one that makes far better digits in two minutes.

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
# For years GANs made the sharpest pictures, above all of faces [(Karras et al., 2020)](#karras2020analyzing).
# Their central idea lives on: a learned *critic* still sharpens the image decoders of today's picture generators [(Rombach et al., 2022)](#rombach2022high).
#
# Why a critic, and not a plain loss on pixels?
# When you ask for "a seven", no single image is the right answer.
# A loss of squared differences between pixels is smallest for the average of all sevens, and that is a blur.
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
# It sees real images and *generated* ones, and learns to tell them apart.
# The generator learns to be taken for real.

# %%
z = torch.randn(1, 100, generator=torch.Generator().manual_seed(0))
fake = gan.sample(gan.ArticleGenerator(), z)[0, 0] / 255
digit = mnist.train_images[0, 0] / 255
plotting.gan_drawing(z[0], fake, digit)

# %% [markdown]
# Follow the way back: the generator never sees a real image.
# All it gets is the gradient that comes through the discriminator: "make this pixel darker, and I would believe you more".
# This gradient is one by the pixels of an image, and not by a network's weights as in chapter 1.
# So the generator has nothing to copy from but its critic's advice, and what it learns is only as good as that.
# You will measure whether it copies anyway.

# %% [markdown]
# ## A game with two numbers
#
# Before networks play, let two numbers play, and nothing is hidden.
# All the data lie at 0.
# The generator is one number, the *point* $\theta$ at which it puts everything it makes.
# The discriminator is one number too, a *slope* $\psi$: its *logit* of a place $x$ is $s = \psi x$.
# The *sigmoid* makes a probability of a logit, $D = \sigma(s) = 1 / (1 + e^{-s})$: above one half for a positive logit, below for a negative one [(Mescheder et al., 2018)](#mescheder2018which).
#
# The discriminator wants the data believed and the point doubted, so it makes $\log D(0) + \log (1 - D(\theta))$ large; the generator makes it small.
# The first term is $\log \sigma(0)$, whatever the slope is.
# The derivatives of the second are $-\theta \, \sigma(\psi \theta)$ by the slope and $-\psi \, \sigma(\psi \theta)$ by the point.
# The discriminator climbs and the generator descends, each in steps of a learning rate $\eta$:
#
# $$
# \psi \leftarrow \psi - \eta \, \theta \, \sigma(\psi \theta),
# \qquad
# \theta \leftarrow \theta + \eta \, \psi \, \sigma(\psi \theta) .
# $$
#
# Together they step at a right angle to where they are: $\theta \cdot \psi \sigma + \psi \cdot (- \theta \sigma) = 0$.
# So they circle around $(0, 0)$, where the game would be over, and never come nearer.
#
# Two things can be changed.
# *Momentum* goes on in the direction of earlier steps.
# The *R1 penalty* asks the discriminator for a small slope at the data, $\frac{\gamma}{2} \psi^2$, whose derivative is $\gamma \psi$.


# %%
def sigmoid(s):
    return 1 / (1 + math.exp(-s))


# %%
def play_numbers(momentum=0.0, r1=0.0, rate=0.2, steps=150):
    point, slope, positions = 1.0, 0.0, []
    up = down = 0.0  # the players' velocities
    for _ in range(steps):
        positions.append((point, slope))
        gradient = point * sigmoid(slope * point) + r1 * slope
        up = momentum * up - (1 - momentum) * gradient
        slope += rate * up
        gradient = -slope * sigmoid(slope * point)
        down = momentum * down - (1 - momentum) * gradient
        point += rate * down
    return torch.tensor(positions)


# %% [markdown]
# The factor $1 - $ momentum keeps the strides as long as without momentum, so that nothing else changes.
# For the last path the game is the plain one again, and what is drawn is the mean of all positions so far.

# %%
plain = play_numbers()
positions_so_far = torch.arange(1, len(plain) + 1)[:, None]
paths = {
    "plain": plain,
    "momentum 0.5": play_numbers(momentum=0.5),
    "R1 penalty": play_numbers(r1=0.2),
    "mean of the plain path": plain.cumsum(0) / positions_so_far,
}

# %%
plotting.number_game(paths)

# %%
circle, momentum, penalized, averaged = (p.norm(dim=1) for p in paths.values())
assert 0.9 < circle.min() and circle.max() < 1.1
assert momentum[-1] > 1.5
assert max(penalized[-1], averaged[-1]) < 0.15

# %% [markdown]
# Four things to take along, as the same four return with every network below.
# Plain players circle each other, even when nothing is random and each step is right.
# Momentum makes it worse: it points where the opponent was [(Gidel et al., 2019)](#gidel2019negative).
# A discriminator that is kept flat at the data lets the game come to rest.
# And where the players circle, the mean of their positions lies near the centre, although none of the positions does.

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
# A point lies *on* an island if it is within three standard deviations of its centre; of real points 99 % do.
# A mode counts as covered if at least 6 % of all generated points, half of its share, lie on it.
# A generator that spreads its points over the whole circle has about 2 % on each, and covers none.


# %%
def on_islands(points):
    distance, nearest = torch.cdist(points, centres).min(1)
    on = nearest[distance < 3 * SPREAD]
    return torch.bincount(on, minlength=MODES) / len(points)


# %%
def covered(points):
    return int((on_islands(points) >= 0.06).sum())


# %% [markdown]
# Each step first trains the discriminator to tell real from made, and then the generator to fool it.
# Here the network `D` gives the logit $s$, and the probability is $\sigma(s)$, as with two numbers.
# In code, $\operatorname{softplus}(s) = \log(1 + e^s)$: so `F.softplus(-s)` is $-\log \sigma(s)$, and `F.softplus(s)` is $-\log (1 - \sigma(s))$.
#
# The R1 penalty is the slope at the data once more, now the length of the logit's gradient by the point:
#
# $$
# \frac{\gamma}{2} \, \mathbb{E}_{x \sim \text{data}} \lVert \nabla_x s(x) \rVert^2 .
# $$
#
# `autograd.grad` gives this gradient, and `create_graph` lets the loss be differentiated through it.


# %%
def discriminator_loss(D, real, fake, r1):
    real.requires_grad_()
    real_logit = D(real)
    loss = F.softplus(-real_logit).mean() + F.softplus(D(fake)).mean()
    (slope,) = torch.autograd.grad(real_logit.sum(), real, create_graph=True)
    return loss + r1 / 2 * slope.square().sum(1).mean()


# %% [markdown]
# A step updates each player once; `gradient_step` moves an optimizer's weights one step down the gradient of a loss.
# `detach` keeps the discriminator's loss from reaching the generator.
# Without it the first update would free what the second one needs, and PyTorch would stop with an error.

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
# Every so often, look at the game: where the generated points lie, and what the discriminator says of each place.

# %%
ticks = torch.linspace(-3, 3, 61)
plane = torch.stack(torch.meshgrid(ticks, ticks, indexing="xy"), -1)


# %%
@torch.no_grad()
def look(G, D, step, rng):
    real, fake = islands(200, rng), G(torch.randn(1000, 2, generator=rng))
    answer = D(plane).sigmoid()[..., 0]
    modes = covered(fake)
    return plotting.GameState(step, real, fake[:200], answer, modes)


# %% [markdown]
# Both players are small networks.
# The eight islands are the usual test of a GAN in the plane [(Metz et al., 2017)](#metz2017unrolled).
# Here the discriminator gets twenty times the generator's learning rate, so that it wins early.


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
# Without the penalty the generator covers few islands or none: where it puts nearly all its points in a few places, this is *mode collapse*.
# The discriminator is sure nearly everywhere, and the little slope that is left drives all points to one place.
# With R1 the map has gentle slopes, and all islands pull.
# The points between the islands are the cost of a small network: it cannot tear the plane apart.
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
# The first term rewards a discriminator that believes real images, the second one that doubts generated images.
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
# With the mixture $m = (p + q) / 2$ its first term is an integral of $p \log \frac{p}{p + q} = p \log \frac{p}{m} - p \log 2$.
# The integral of $p \log \frac{p}{m}$ is the *KL divergence* of $p$ from $m$, how many nats one loses by taking $m$ for $p$.
# The second term is the same with $q$, so the value is
#
# $$
# \mathrm{KL}(p \, \Vert \, m) + \mathrm{KL}(q \, \Vert \, m) - 2 \log 2 = 2 \, \mathrm{JSD}(p, q) - \log 4 .
# $$
#
# The *Jensen-Shannon divergence* is the mean of the two: 0 for equal densities, and $\log 2$ for densities that never meet.
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
# A flat value has no gradient: a generator that minimises it learns nothing from a discriminator that is perfect too early.

# %% [markdown]
# ### Two factors of one gradient
#
# What reaches a generated image is a product, by the chain rule: the slope of the loss by the logit, times the slope of the logit by the image.
# With two numbers you saw both: $\sigma(\psi \theta)$ and $\psi$.
#
# The first factor is a matter of the loss.
# When the discriminator is ahead, it recognises every generated image: $D(G(z)) \approx 0$.
# The generator's term $\log(1 - D)$ is flat there.
# The *non-saturating loss* $-\log D(G(z))$ also asks to be taken for real, and it is steep there [(Goodfellow et al., 2014)](#goodfellow2014generative).
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
    pulls, x_label="logit of a generated image", y_label="size of the gradient",
    title="A generator that loses needs a gradient, and only one loss has it",
)  # fmt: skip

# %% [markdown]
# The islands and the article both use $-\log D$, and yet the discriminator can win there too.
# The second factor is left: between two groups that it tells apart with ease, the logit is a steep cliff with plains around it, and on a plain its slope is zero.
# The R1 penalty mends this factor.
# Note also that with $-\log D$ the generator no longer minimises the Jensen-Shannon divergence: the derivation above holds for the minimax loss alone [(Arjovsky and Bottou, 2017)](#arjovsky2017towards).

# %% [markdown]
# ### What `detach` does
#
# The discriminator's loss reads the generated images, and they come from the generator.
# Without `detach` its gradient would flow on into the generator, and would ask it to be recognised more easily.
# In the article's step below, that gradient would be wiped out before the generator's own: only time is lost.
# A step that adds both losses before it goes back would train the generator to lose.
# The next cell measures the unwanted gradient.

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
# The generator ends in a *tanh*, which keeps pixels between -1 and 1; the discriminator ends in a sigmoid, so it gives the probability itself.

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
# It is the opposite: the discriminator is sure of itself, as on the eight islands, and the images are grey specks.

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
# You compare the features of generated images with those of the test images, which were in no training.
#
# The *Fréchet distance* fits a *Gaussian* to each of the two sets, with mean $\mu$ and covariance $\Sigma$, and compares them [(Dowson and Landau, 1982)](#dowson1982frechet) [(Heusel et al., 2017)](#heusel2017gans):
#
# $$
# d^2 = \lVert \mu_1 - \mu_2 \rVert^2 + \operatorname{tr} \left( \Sigma_1 + \Sigma_2 - 2 (\Sigma_1 \Sigma_2)^{1/2} \right) .
# $$
#
# With a single feature this is $(\mu_1 - \mu_2)^2 + (\sigma_1 - \sigma_2)^2$: how far the means are apart, and how far the spreads.
# The *trace* tr, the sum of the diagonal, adds up the spreads of all features.
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
# ### Faithful, and varied?
#
# One number cannot say whether images are poor or merely all alike.
# Two pairs of numbers look at neighbourhoods among the features.
# An image's *neighbourhood* is the ball around its features that reaches to its $k$-th nearest neighbour in its own set.
#
# - *Precision* is the share of generated images in the neighbourhood of any real one, and *recall* the share of real images in the neighbourhood of any generated one, with $k = 3$ [(Kynkäänniemi et al., 2019)](#kynkaanniemi2019improved).
# - *Density* counts in how many real neighbourhoods a generated image lies, divided by $k = 5$: about 1 for a perfect model, and more for one that stays where real images are dense. *Coverage* is the share of real images whose neighbourhood holds a generated one [(Naeem et al., 2020)](#naeem2020reliable).
#
# The last number is about classes: the KL divergence of the digits' shares from one tenth each.

# %%
judged = {"real images": other_real, "article's GAN": article_judged}
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
# The judge must name a digit even for a blot, so the bars of a poor generator say only what its blots look like to the judge.
# The collapse stands in recall and coverage: no real image has a generated one near it.
# A high precision alone is no comfort: an odd real image has a wide neighbourhood, and one such is enough.
# Nor is density, as one of the runs below shows; coverage alone is not fooled there.

# %% [markdown]
# ## The course's GAN
#
# In its first epoch the article's discriminator wins, and the generator collapses.
# The course's GAN changes the players, their optimizers and what they are told, and each change is measured by itself below.
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
# The R1 penalty of the two numbers and the eight islands serves here too.
# It is costly, so it is computed only on every sixteenth step, with sixteen times the weight [(Karras et al., 2020)](#karras2020analyzing).

# %%
show_source(gan.gradient_penalty)

# %% [markdown]
# ### Optimizers without momentum
#
# With two numbers, momentum led away from the centre.
# So Adam's first coefficient, the share of its momentum, is 0 here in place of the usual 0.9.
# The filters that read hidden features learn with Muon, the optimizer of chapter 1, here without momentum too: its steps go equally far in each direction of a layer's filters, so that no few directions grow alone.
#
# ### The mean of many generators
#
# Where two players circle, the mean of their positions is nearer to the centre than each of them.
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
# This run has 1,920 steps, so that it takes about a minute on two cores; the benchmark's has 3,400.
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
# Compare what the two discriminators say of real and of generated images.


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
    print(f"{name}: mean answer, real minus generated: {gap:.2f}")

# %% [markdown]
# The article's discriminator is sure of itself.
# The course's is in doubt: its answers overlap, so the generator still gets a useful gradient.

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

# %% [markdown]
# Its class KL means nothing here: you asked for equally many of each digit.
# The rest is to be held against the first row, which is what real images score.

# %%
times = course.frechet / floor
print(f"{times:.0f} floors above real images")
print(f"coverage {course.coverage:.2f}, of real images {scores['real images'].coverage:.2f}")
assert times > 10

# %% [markdown]
# So the digits are good, and by this measure still far from real ones.
#
# ### The number of samples matters
#
# Two samples of one *distribution* are never quite the same, and the fewer images, the further apart they look.
# So never compare distances from different numbers of images.
# Equal numbers are needed, and yet not enough: how much a distance is raised depends on the model too [(Chong and Forsyth, 2020)](#chong2020effectively).
# It falls about as $1 / N$, so draw the distance over $1 / N$: a straight line leads to infinitely many images.

# %%
sizes = [500, 1000, 2000, 5000, 10_000]
shuffled = torch.randperm(10_000, generator=rng)


def distance_of(features, size):
    part = features[shuffled[:size]]
    return evaluation.frechet_distance(part, real.features)


# %%
bias = {
    name: [distance_of(judged[name].features, size) for size in sizes]
    for name in ("real images", "course's GAN")
}
plotting.sample_size_bias(sizes, bias)

# %%
few, many = (torch.tensor([v[i] for v in bias.values()]) for i in (0, -1))
assert (few > many).all()

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
# *Spectral normalization* divides each layer's weights by their *spectral norm*, their largest *singular value*, so that no layer can be steep [(Miyato et al., 2018)](#miyato2018spectral).
# The *relativistic loss* asks whether a real image looks more real than a generated one [(Jolicoeur-Martineau, 2019)](#jolicoeur2019relativistic), and with penalties on both it is the choice of R3GAN [(Huang et al., 2024)](#huang2024gan).
# Both were tried, all else equal: the one in place of R1, the other with penalties on both kinds of images.
# Neither does better here than the last row of the table above.

# %%
show_rows(stored["dropped"])

# %% [markdown]
# ## A walk through latent space
#
# Every noise vector is a point of *latent space*, and every point is an image.
# In 64 dimensions almost all noise lies on a thin shell of radius $\sqrt{64} = 8$, so the straight way between two noise vectors cuts through the inside.
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

# %% [markdown]
# What is inside the shell?
# Shrink all noise by one factor, the *truncation*, and score the digits that come out.

# %%
factors = [0.4, 0.6, 0.8, 1.0, 1.2]
asked = torch.arange(10).repeat(200)
drawn = [gan.sample(generator, f * noise[:2000], asked) for f in factors]
marks = [evaluation.score_samples(images, real) for images in drawn]

# %%
trade = {
    "precision": (factors, [mark.precision for mark in marks]),
    "recall": (factors, [mark.recall for mark in marks]),
}
plotting.curves(
    trade, x_label="length of the noise, as a share of the shell's radius",
    y_label="share", title="Shorter noise: better digits, and less variety",
)  # fmt: skip

# %%
assert marks[0].precision > marks[3].precision + 0.05
assert marks[0].recall < marks[3].recall - 0.2

# %% [markdown]
# Inside, the digits become more typical: precision rises, and recall falls.
# So what lies half-way on the straight line often looks better than what lies on the arc, and all of its kind look alike.
# Systems that draw faces or pictures use this bargain, quality for variety [(Brock et al., 2019)](#brock2019large); you will meet it again as *guidance*.
#
# ### From digit to digit
#
# Inside the network a label is a share for each of ten digits, so you can also go from one label to another while the noise goes round.


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
# A generator that repeats its training images would score as well as real ones.
# So look for the nearest training image of each sample, and compare the distance with that of real test images.
# It is the root of the sum of all squared differences between the pixels, which are 0 to 1: 0 for a copy.

# %%
compared = torch.cat([samples[:300], mnist.test_images[:300]])
apart, index = evaluation.nearest_neighbours(compared, mnist.train_images)
many, unseen = apart.split(300)

# %%
rows = {"generated": samples[:12], "nearest": mnist.train_images[index[:12]]}
distances = {"nearest": [f"{distance:.1f}" for distance in many[:12]]}
plotting.image_rows(
    rows, captions=distances, title="Generated digits and their nearest neighbours",
    alt="Below each generated digit stands a similar real one, never the same.",
)  # fmt: skip

# %%
assert many.min() > 0.5
assert many.median() > unseen.median()
print("median distance to the nearest training image:")
print(f"generated {many.median():.2f}, real test images {unseen.median():.2f}")
print(f"smallest: generated {many.min():.2f}, real test {unseen.min():.2f}")

# %% [markdown]
# The generated digits are no nearer to the training images than real digits that were in no training.
# Take this for what it is: the distance also grows with each broken stroke, and a copy moved by one pixel would pass.

# %% [markdown]
# ## What goes wrong, and why
#
# ### The generator's loss says little
#
# In chapter 1, overfitting apart, a falling loss meant a better network.
# Here both losses measure one player against the other.
# Put the losses beside the Fréchet distance of the images.

# %%
smooth = run.smooth("generator", 100)
loss_at = [smooth[step - 1] for step in run.evaluated_at]

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
# A loss that told how good the images are would fall with the distance.
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
print(f"generated points on an island: {on_island.float().mean():.0%}")


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
# Trained with cross-entropy, a linear classifier can use only a difference of the means, and circle and islands have the same mean.
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
# It obeys mostly: some digits are unreadable, or look like another one.
#
# The label says what, and the noise says how: give each row one noise vector, and each column one label.

# %%
z = torch.randn(4, 1, recipe.latent_dim, generator=rng)
digits = torch.arange(10).repeat(4)
drawn = gan.sample(generator, z.expand(4, 10, -1).flatten(0, 1), digits)

# %%
plotting.image_grid(
    drawn, titles=[f"a {digit}" for digit in range(10)] + [""] * 30,
    title="A row has one noise, a column one label",
    alt="Slant and stroke are alike within a row, the digit within a column.",
)  # fmt: skip

# %%
read = evaluation.judge_images(drawn).logits.argmax(1)
print(f"{(read == digits).sum()} of {len(digits)} read as asked")
assert (read == digits).float().mean() > 0.75

# %% [markdown]
# ### Keep it
#
# Save the generator, so that you need not train it again.
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
# ## GANs today, and deepfakes
#
# Alone, GANs no longer make the best pictures; flow matching and diffusion, the subject of a later chapter, do.
# As a part they are everywhere:
#
# - The decoder of a *latent diffusion* model turns a small code into a large picture, and a critic keeps it sharp [(Rombach et al., 2022)](#rombach2022high).
# - A model that draws in fifty steps is taught to draw in one to four, with a discriminator as a teacher [(Sauer et al., 2024)](#sauer2024adversarial).
# - *Super-resolution* adds detail that no small image has [(Ledig et al., 2017)](#ledig2017photo), and *image-to-image* networks turn a sketch into a photograph [(Isola et al., 2017)](#isola2017image).
#
# The critic also has another form: a *Wasserstein GAN* gives no probability, but a score whose slope is limited everywhere, so that its difference measures how far the generated images have to be moved [(Arjovsky et al., 2017)](#arjovsky2017wasserstein).
#
# The same networks put a person's face or voice where that person never was: a *deepfake*.
# Detectors find the fakes of the methods that they were trained on [(Rössler et al., 2019)](#rossler2019faceforensics), and fewer of those made by others [(Wang et al., 2020)](#wang2020cnn).
# A detector is a discriminator, and here you saw what happens to one that a generator trains against.
# So it is safer to prove where a real picture comes from than to hope that a false one is found.
# Whoever publishes generated images of people needs their consent, and says that they are generated.

# %% [markdown]
# ## Summary
#
# - Generator and discriminator play one game; the generator learns only through the discriminator's gradient.
# - The best discriminator is $p / (p + q)$, and against it the generator of the minimax game minimises the Jensen-Shannon divergence.
# - What reaches the generator is the slope of the loss times the slope of the discriminator: the non-saturating loss mends the first, a penalty the second.
# - Two players circle even in the simplest game: momentum leads them out, the penalty in, and the mean of their positions lies near the centre.
# - Losses and accuracies of the players don't say how good the images are; a frozen judge does.
# - Fréchet distance, precision, recall, density and coverage need equally many samples, one feature network, and real images as the floor; even then a distance keeps a bias that depends on the model.
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
