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
# In a *generative adversarial network* two networks learn together: one makes images, the other tells them from real ones, and each learns from what the other does.
# By the end of this chapter you can say what game they play, why it goes wrong, how to keep it on course, and how to measure what comes out.
# You play it with two numbers and in a plane, train the GAN of the article from which this course grew, and then one that learns far faster.

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
import math

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
# A *classifier* answers a question about an image that exists; a *generative model* makes a new one.
# For years GANs made the sharpest pictures, above all of faces [(Karras et al., 2020)](#karras2020analyzing).
# Their central idea lives on: a *critic*, a network that learns to judge images, still sharpens the image decoders of today's picture generators [(Rombach et al., 2022)](#rombach2022high).
#
# Why a critic, and not a plain loss on pixels?
# When you ask for a seven, many images are right, and a loss of squared differences is smallest for the average of them all: a blur.
# A GAN learns its loss from examples, as it learns everything else.

# %%
sevens = mnist.train_images[mnist.train_labels == 7].float()
average = sevens.mean(0, keepdim=True)
images, titles = torch.cat([sevens[:9], average]), ["seven"] * 9 + ["average"]

# %%
plotting.image_grid(
    images, titles=titles, title="The average of sevens is a blur",
    alt="Sharp sevens, and their average, a grey blur.",
)  # fmt: skip

# %% [markdown]
# ## The idea in a picture
#
# The *generator* $G$ turns random *noise* $z$ into an image.
# The *discriminator* $D$ looks at one image and says how probable it is that the image is real.
# It sees real images and **generated** ones, and learns to tell them apart.
# The generator learns to be taken for real.

# %%
z = torch.randn(1, 100, generator=torch.Generator().manual_seed(0))
fake = gan.sample(gan.ArticleGenerator(), z)[0, 0] / 255
digit = mnist.train_images[0, 0] / 255
plotting.gan_drawing(z[0], fake, digit)

# %% [markdown]
# Follow the way back: the generator never sees a real image.
# All it gets is the gradient that comes through the discriminator: "make this pixel darker, and I would believe you more".
# In chapter 1 a gradient told how to change a network's weights; this one tells how to change the pixels of an image.
# You will measure whether it copies anyway.

# %% [markdown]
# ## A game with two numbers
#
# Before networks play, let two numbers play: nothing is hidden.
# All the data lie at 0.
# The generator is one number, the **point** $\theta$ at which it puts everything it makes.
# The discriminator is one number too, a **slope** $\psi$: its *logit* of a place $x$ is $s = \psi x$.
# The *sigmoid* makes a probability of a logit, $D = \sigma(s) = 1 / (1 + e^{-s})$: above one half for a positive logit, below for a negative one [(Mescheder et al., 2018)](#mescheder2018which).
#
# The discriminator wants the data believed and the point doubted, so it makes $\log D(0) + \log (1 - D(\theta))$ large; the generator makes it small.
# The first term is $\log \sigma(0)$, whatever the slope is.
# The derivatives of the second are $-\theta \, \sigma(\psi \theta)$ by the slope and $-\psi \, \sigma(\psi \theta)$ by the point.
# The discriminator climbs and the generator descends, in turn, in steps of a learning rate $\eta$:
#
# $$
# \psi \leftarrow \psi - \eta \, \theta \, \sigma(\psi \theta),
# \qquad
# \theta \leftarrow \theta + \eta \, \psi \, \sigma(\psi \theta) .
# $$
#
# Together they move at a right angle to where they are: $\theta \cdot \psi \sigma + \psi \cdot (- \theta \sigma) = 0$.
# So they circle around $(0, 0)$, where the game would be over, and come no nearer.
#
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
# The factor $1 - $ momentum keeps the strides as long as without it.
# The last path is that of the mean of all plain positions so far.

# %%
plain = play_numbers()
positions_so_far = torch.arange(1, len(plain) + 1)[:, None]
paths = {
    "plain": plain,
    "momentum 0.5": play_numbers(momentum=0.5),
    "R1 penalty": play_numbers(r1=0.2),
    "mean so far": plain.cumsum(0) / positions_so_far,
}

# %%
plotting.number_game(paths)

# %%
circle, momentum, penalized, averaged = (p.norm(dim=1) for p in paths.values())
assert circle.min() > 0.9
assert circle.max() < 1.1
assert momentum[-1] > 1.5
assert max(penalized[-1], averaged[-1]) < 0.15

# %% [markdown]
# Four things to take along; the last three are tried on networks below.
# Plain players circle each other, though nothing is random and each step is right.
# Momentum leads outward: it points where the opponent was [(Gidel et al., 2019)](#gidel2019negative).
# A discriminator that is kept flat at the data lets the game come to rest.
# And the mean of the positions lies near the centre, although none of them does.

# %% [markdown]
# ## Eight islands: watch the game
#
# Images have too many dimensions to watch, so play in a plane first.
# The data are eight small clouds on a circle, the *modes*, a usual test of a GAN [(Metz et al., 2017)](#metz2017unrolled).

# %%
MODES, SPREAD = 8, 0.05
angles = torch.arange(MODES) * 2 * math.pi / MODES
centres = 2 * torch.stack([angles.cos(), angles.sin()], 1)


# %%
def islands(number, rng):
    chosen = torch.randint(MODES, (number,), generator=rng)
    return centres[chosen] + SPREAD * torch.randn(number, 2, generator=rng)


# %% [markdown]
# A point lies **on** an island if it is within three standard deviations of its centre; of real points 99 % do.
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
# Each step first trains the discriminator to tell real from generated, and then the generator to fool it.
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
# In the step, `detach` keeps the discriminator's loss from reaching the generator, where it would ask for points that are easier to recognise.
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
# Now and then, look at the game: where the generated points lie, how the loss pulls at each, and what the discriminator says of each place.

# %%
ticks = torch.linspace(-3, 3, 61)
plane = torch.stack(torch.meshgrid(ticks, ticks, indexing="xy"), -1)


# %%
def look(G, D, step, rng):
    real, z = islands(200, rng), torch.randn(1000, 2, generator=rng)
    fake = G(z).detach().requires_grad_()
    (pull,) = torch.autograd.grad(F.logsigmoid(D(fake)).sum(), fake)
    fake, answer = fake.detach(), D(plane).detach().sigmoid()[..., 0]
    modes, share = covered(fake), on_islands(fake).sum().item()
    return plotting.GameState(
        step, real, fake[:200], answer, modes, share, pull[:200]
    )  # fmt: skip


# %% [markdown]
# Both players are small networks, and the discriminator learns ten times as fast as the generator, so that it wins early.
# Adam's first coefficient, the share of its momentum, is 0: momentum led outward.


# %%
def small_network(outputs):
    return nn.Sequential(
        nn.Linear(2, 48), nn.ReLU(),
        nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, outputs),
    )  # fmt: skip


# %%
def new_players(D_rate):
    G, D = small_network(2), small_network(1)
    G_optimizer = torch.optim.Adam(G.parameters(), 0.003, betas=(0.0, 0.9))
    D_optimizer = torch.optim.Adam(D.parameters(), D_rate, betas=(0.0, 0.9))
    return G, D, G_optimizer, D_optimizer


# %% [markdown]
# One game is 1,500 steps, with a look after every fiftieth; `iter(batch, None)` calls `batch` again and again.


# %%
def play(label, r1=0.0, D_rate=0.03, seed=0):
    rng = training.seed_everything(seed)
    G, D, *optimizers = new_players(D_rate)
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
games = {"no penalty": play("no penalty"), "R1": play("R1", 0.2)}

# %%
moments = (1, 5, 11, 19, 29)
shown = {name: [states[i] for i in moments] for name, states in games.items()}
plotting.game_maps(shown)

# %%
final = {name: states[-1].modes for name, states in games.items()}
assert final["no penalty"] <= 5 < final["R1"]

# %% [markdown]
# Without the penalty the generator leaves islands out: this is *mode collapse*.
# With R1 the map has gentle slopes, and more islands are covered.
# Some points stay between the islands: a network is a continuous function, so it cannot tear the plane of noise apart.
#
# One run may be luck, so `python -m benchmarks gan-islands` plays each game with three seeds, and with equal rates too.

# %%
rows = evaluation.load_results("gan_islands")["rows"]
for row in rows:
    shares = ", ".join(f"{share:.0%}" for share in row["share"])
    print(f"{row['name']:30} modes {row['modes']}, points on them {shares}")

# %%
fast, equal, *gentle = (row["modes"] for row in rows)
assert max(fast) <= 5
assert min(equal) < MODES
assert gentle == [[MODES] * 3] * 2

# %% [markdown]
# With R1 every game covers all eight islands, at both rates.
# Without it a fast discriminator leaves some out in each game, and at equal rates a game covers all of them or goes wrong.
#
# Collapse is not memorising: every batch is drawn anew, with nothing to learn by heart.

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
# Suppose that at a place $x$ the data have the *density* $p(x)$, a probability for each unit of length, and the generator has $q(x)$.
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
# A small network that gets *samples*, and never the densities, finds the same curve where samples fall; elsewhere it only guesses.
# (`icdf` turns uniform random numbers into samples of a density.)


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
# For where the two never meet, $p \log \frac{p}{m}$ is $p \log 2$, however far apart they are.
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
# By the logit, its slope has the size $1 - D$, that of $\log(1 - D)$ has the size $D$.

# %%
logit = torch.linspace(-8, 8, 161)
pulls = {
    "minimise log(1 - D): saturates": (logit, logit.sigmoid()),
    "minimise -log D: does not": (logit, 1 - logit.sigmoid()),
}
plotting.curves(
    pulls, x_label="logit of a generated image", y_label="size of the gradient",
    title="A generator that loses needs a gradient, and only one loss has it",
)  # fmt: skip

# %% [markdown]
# The islands and the article both use $-\log D$, and yet the discriminator can win there too.
# The second factor is left: where the discriminator tells two groups apart with ease, its slope need not lead to the data; the R1 penalty mends this factor.
# With $-\log D$ the generator no longer minimises the Jensen-Shannon divergence: that holds for the minimax loss alone [(Arjovsky and Bottou, 2017)](#arjovsky2017towards).

# %% [markdown]
# ## The article's GAN
#
# Both players are stacks of fully connected layers.
# The generator ends in a *tanh*, which keeps pixels between -1 and 1; the discriminator ends in a sigmoid, so it gives the probability itself.

# %%
show_source(gan.ArticleGenerator, gan.ArticleDiscriminator)

# %% [markdown]
# The training alternates, one step for each player.
# The generator draws new noise for its own step, and `zero_grad` wipes out whatever reached it before; so here `detach` only saves time.

# %%
show_source(gan.article_step)

# %% [markdown]
# ### Train it for a short while
#
# The article asks for 50 epochs, which are 46,900 steps; here are the first 600, and you will see the rest.
# Keep the same noise, and see what the generator makes of it as it learns.
# A small network measures how far 1,000 of its images are from real ones; how, you will see below.

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
    rows, title="Whatever the noise, the article's generator draws the same specks",
    alt="Grey noise, later dark specks in the middle, nearly alike in a row.",
)  # fmt: skip

# %%
players = "discriminator", "generator"
losses = {name: article_run.curve(name, 10) for name in players}
plotting.curves(
    losses, x_label="step", y_label="loss (nats)", log_y=True,
    title="The discriminator mostly wins: its loss is low, the generator's high",
)  # fmt: skip

# %% [markdown]
# Where the discriminator only guesses, its loss is $\log 4$ nats, and the generator's is $\log 2$.
# A low loss is no success here: the discriminator is sure, but for a few upsets, and the images are grey specks.

# %%
won, lost = (article_run.smooth(name, 100)[-1] for name in players)
assert won < 0.9 * math.log(4)
assert sorted(losses["discriminator"][1])[450] < math.log(4)
assert lost > 3 * math.log(2)

# %% [markdown]
# ## Measure it
#
# Looking at samples is not enough: you see a few dozen, like the good ones, and cannot see what is missing.
#
# ### A judge that does not play
#
# The *judge* is a small classifier that was trained once on the training images and then frozen.
# Its last hidden layer describes an image by 64 *features*.
# You compare the features of generated images with those of the test images, which were in no training; the recipe below was chosen on others.
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
# The code returns this square; with the features of an Inception network it is the well-known *FID*.
# It means nothing without its feature network and without its *floor*: what real images score against other real images.

# %%
rng = torch.Generator().manual_seed(0)
chosen = torch.randperm(len(mnist.train_images), generator=rng)[:10_000]
noise = torch.randn(10_000, 100, generator=rng)
article_samples = gan.sample(article_generator, noise)

# %%
judged = {
    "real images": evaluation.judge_images(mnist.train_images[chosen]),
    "article, 600 steps": evaluation.judge_images(article_samples),
}

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
# Here is a model in the plane that makes too little variety.

# %%
rng = torch.Generator().manual_seed(4)
some_real = torch.randn(14, 2, generator=rng)
some_made = 0.3 * torch.randn(9, 2, generator=rng) + 0.5
plotting.neighbourhoods(some_real, some_made, k=3)


# %%
def score(name):
    scores[name] = evaluation.score_samples(judged[name], real)
    features = judged[name].features
    errors[name] = evaluation.frechet_error(features, real.features, rng)


# %%
FIELDS = "precision", "recall", "density", "coverage"


def show_scores():
    print(" " * 21 + "Fréchet distance  " + "%-10s" * 4 % FIELDS)
    for name, of in scores.items():
        distance = f"{of.frechet:7.2f} ± {errors[name]:.2f}"
        values = [f"{getattr(of, field):<9.2f}" for field in FIELDS]
        print(f"{name:20} {distance:17}", *values)


# %%
scores, errors = {}, {}
for name in judged:
    score(name)
show_scores()

# %% [markdown]
# The ± is a standard error by the *bootstrap*: both sets are drawn again from themselves, with repetition, and the distance computed anew, twenty times.
# That of precision, recall and coverage, shares of 10,000 images, is 0.005 at most.
#
# Recall and coverage are near 0: hardly any real image has a generated one near it.
# The collapse itself shows in the rows above.
# A high precision alone would be no comfort: an odd real image has a wide neighbourhood, and one such is enough.

# %%
floor, article = scores["real images"].frechet, scores["article, 600 steps"]
assert article.frechet > 50 * floor
assert max(article.recall, article.coverage) < 0.01

# %% [markdown]
# ### Give it time
#
# Is the article's GAN bad, or young?
# `python -m benchmarks gan-article` trained it for all its 50 epochs, with three seeds; here are medians, and the seeds' standard deviation as ±.


# %%
def middle(values, digits):
    values = torch.tensor(values)
    median = values.quantile(0.5)
    return f"{median:.{digits}f} ± {values.std():.{digits}f}"


def show_row(name, runs):
    distance = middle([run["frechet"] for run in runs], 1)
    coverage = middle([run["coverage"] for run in runs], 2)
    print(f"{name:20} {distance:>13}   {coverage}")


# %%
stored = evaluation.load_results("gan_article")
print(f"Fréchet distance and coverage, seeds {stored['seeds']}")
ages = list(zip(*(run["moments"] for run in stored["runs"]), strict=True))
for moments in ages:
    show_row(f"epoch {moments[0]['epoch']}", moments)

# %%
kept = [moments[stored["middle"]] for moments in ages]
pixels = [list(bytes.fromhex(moment["images"])) for moment in kept]
images = torch.tensor(pixels, dtype=torch.uint8).view(len(kept), -1, 28, 28)

# %%
rows = {f"epoch {m['epoch']}": row for m, row in zip(kept, images, strict=True)}
plotting.image_rows(
    rows, title="The article's GAN learns digits when it is given time",
    alt="Specks first; digits appear over the epochs, and grow clearer.",
)  # fmt: skip

# %%
for first, last in zip(ages[0], ages[-1], strict=True):
    assert last["frechet"] < 0.5 * first["frechet"]
    assert last["coverage"] > first["coverage"]

# %% [markdown]
# It was young: the mark to beat is epoch 50.
#
# ## The course's GAN
#
# The course's GAN changes the players, their optimizers and what they are told, and each change is measured by itself below.
#
# ### Players that see
#
# Both players are convolutional.
# The discriminator halves the image three times with strides, as in chapter 1.
# The generator makes 7 by 7 cells of noise, lets convolutions work on them, and lays out the sixteen numbers of each cell as 4 by 4 pixels.
# This *pixel shuffle* keeps all the work on the small grid [(Shi et al., 2016)](#shi2016real).
#
# MNIST comes with labels, and the article throws them away.
# Here both players are told which digit it is to be: a *conditional GAN* [(Mirza and Osindero, 2014)](#mirza2014conditional).
# An *embedding* gives each label learned numbers: the generator adds them to its input, and the discriminator compares them with its features by an inner product, the sum of all products [(Miyato and Koyama, 2018)](#miyato2018cgans).
# (The drawing's seven is a real one: no generator is trained yet.)

# %%
plotting.conditional_drawing(z[0, :64], sevens[0, 0] / 255, digit=7)

# %% [markdown]
# So the discriminator asks "is this a real seven?", and a generator that leaves sevens out is found out whenever it is asked for one.
#
# (`channels_last` and `permute` only order numbers in memory, for speed.)

# %%
show_source(gan.Generator, gan.Discriminator)

# %% [markdown]
# ### What the two numbers teach
#
# The *R1 penalty* is costly, so it is computed only on every sixteenth step, with sixteen times the weight [(Karras et al., 2020)](#karras2020analyzing).

# %%
show_source(gan.gradient_penalty)

# %% [markdown]
# As on the islands, Adam's first coefficient is 0 in place of the usual 0.9.
# The filters that read hidden features learn with Muon, the optimizer of chapter 1, without momentum too; why its steps of equal size in each direction help a game is not settled.
#
# The *averaged weights* of the generator are a running mean of its recent states: where the players circle, that mean is nearer to the centre [(Yazıcı et al., 2019)](#yazici2019unusual).

# %%
show_source(gan.EMA)

# %% [markdown]
# With these parts the step reads like that of the eight islands.

# %%
show_source(gan.CourseGAN.step, gan.CourseGAN.discriminator_loss)

# %% [markdown]
# ### Train it
#
# The recipe makes the networks wider than they are by default: 64 channels in the generator, and 24, 64 and 128 in the discriminator.
# This run has 1,700 of the recipe's 3,400 steps.

# %%
recipe = dataclasses.replace(gan.COURSE, num_steps=1700)
rng = torch.Generator().manual_seed(1)
z = torch.randn(1000, recipe.latent_dim, generator=rng)
digits = torch.arange(10).repeat(100)

# %%
evaluate, frames = watch(z, digits)
game, run = gan.train_course(
    recipe, mnist.train_images, mnist.train_labels, seed=0,
    evaluate=evaluate, evaluate_every=80,
)  # fmt: skip
generator = game.ema.network
print(f"{run.num_steps} steps took {run.seconds:.0f} s")

# %%
shown = [0, 1, 3, 7, 11, 21]
rows = {f"step {run.evaluated_at[i]}": frames[i][:10] for i in shown}
titles = [f"a {digit}" for digit in range(10)]

# %% tags=["live-gan"]
plotting.image_rows(
    rows, titles=titles, title="Blots become digits, most of them clean in the end",
    alt="Blots at first, rough digits below them, mostly clean ones last.",
)  # fmt: skip

# %% [markdown]
# ### Is the game still open?
#
# What do the two discriminators say at the end of their runs, of test images and of generated ones?
# The article's gives probabilities; the course's gives logits and wants to know the digit.


# %%
@torch.no_grad()
def answers(D, made, *labels):
    pair = mnist.test_images[: len(made)], made
    return [D(data.to_signed(images), *labels).flatten() for images in pair]


# %%
labels = mnist.test_labels[:2000]
z = torch.randn(2000, recipe.latent_dim, generator=rng)
made = gan.sample(game.generator, z, labels)
logits = answers(game.discriminator, made, labels)

# %%
opinions = {
    "article, 600 steps": answers(
        article_discriminator, article_samples[:2000]
    ),
    f"course, {run.num_steps:,} steps": [logit.sigmoid() for logit in logits],
}
plotting.discriminator_histograms(opinions)

# %%
sure, doubting = ((a - b).mean() for a, b in opinions.values())
assert doubting < sure

# %% [markdown]
# The article's discriminator tells most images apart; the answers of the course's overlap, so its game is still open.
#
# ### Measure it
#
# Draw 10,000 digits and score them like the others.

# %%
labels = torch.arange(10).repeat(1000)
noise = torch.randn(10_000, recipe.latent_dim, generator=rng)
samples = gan.sample(generator, noise, labels)

# %%
judged["course, this run"] = evaluation.judge_images(samples)
score("course, this run")
show_scores()

# %%
course = scores["course, this run"]
print(f"{course.frechet:.1f}, with a floor of {floor:.1f}")
assert course.frechet > 10 * floor
assert course.coverage > 0.6

# %% [markdown]
# So most digits are good, and by this measure still far from real ones.
#
# And the article's GAN, with equal time and after its 50 epochs?
# By the time of its steps above, ten of its epochs take longer than the course's run.
# The benchmark of the next section has the course's GAN with three seeds, and fewer steps.

# %%
ten = 10 * 938 * article_run.seconds / article_run.num_steps
print(f"ten epochs: {ten:.0f} s; the course's run: {run.seconds:.0f} s")
ablated = evaluation.load_results("gan_ablation")
final = ablated["rows"][-1]
pairs = zip(final["frechet"], final["coverage"], strict=True)
shorter = [{"frechet": d, "coverage": c} for d, c in pairs]

# %%
show_row("article, 10 epochs", ages[2])
show_row("article, 50 epochs", ages[-1])
show_row(f"course, {ablated['num_steps']:,} steps", shorter)

# %%
assert run.seconds < ten
young, old = (min(each["frechet"] for each in ages[i]) for i in (2, -1))
assert max(final["frechet"]) < young
assert course.frechet + 2 * errors["course, this run"] < old
assert course.precision < min(each["precision"] for each in ages[-1])

# %% [markdown]
# By distance the course's worst run beats the article's best after 10 epochs, and yours its best after 50; in precision that one leads.
#
# ### The number of samples matters
#
# Two samples of one *distribution* are never the same, and the fewer images, the further apart they look.
# So never compare distances from different numbers of images; and equal numbers are not enough, as the rise depends on the model too [(Chong and Forsyth, 2020)](#chong2020effectively).
# It falls about as $1 / N$, so draw the distance over $1 / N$: a straight line leads to infinitely many images.

# %%
sizes = [500, 1000, 2000, 5000, 10_000]
shuffled = torch.randperm(10_000, generator=rng)


def distance_of(features, size):
    parts = features[shuffled].split(size)
    found = [evaluation.frechet_distance(p, real.features) for p in parts]
    return sum(found) / len(found)


# %%
bias = {
    name: [distance_of(judged[name].features, size) for size in sizes]
    for name in ("real images", "course, this run")
}
plotting.sample_size_bias(sizes, bias)

# %%
few, many = (torch.tensor([v[i] for v in bias.values()]) for i in (0, -1))
assert (few > many).all()

# %% [markdown]
# ## What each change brought
#
# An *ablation* takes a recipe apart: in `python -m benchmarks gan-ablation` each row adds one change to the row above, with equally many steps, fewer than yours.
# Only the first change is several: in the course's loop the article's players get 64 random numbers in place of 100, another second coefficient of Adam, and a learning rate that falls at the end.
#
# The last two rows exchange a part of the course's recipe.
# *Spectral normalization*, in place of R1, divides each layer's weights by their *spectral norm*, the most that they stretch a vector, so that no layer can be steep [(Miyato et al., 2018)](#miyato2018spectral).
# The *relativistic loss* asks whether a real image looks more real than a generated one [(Jolicoeur-Martineau, 2019)](#jolicoeur2019relativistic); with penalties on both kinds of images it is the choice of R3GAN [(Huang et al., 2024)](#huang2024gan).

# %%
rows, others = ablated["rows"], ablated["dropped"]
print(f"{ablated['num_steps']} steps, seeds {ablated['seeds']}")

# %%
plotting.ablation([*rows, *others])

# %% [markdown]
# A dot is a seed, and the bar, with its number, the median.
# A change counts where the dots of a row leave those of the row above; another order of the rows might share the credit otherwise.
#
# Three changes bring most: convolutions, Adam without momentum, and labels, which are new information.
# In so short a run variety comes only without momentum (coverage rises from below 2 % to above 20 %), and penalty and averages bring hardly anything.
# Neither alternative is better; their settings were those that suit the course's recipe.

# %%
names = [row["name"] for row in rows]
medians = torch.tensor([row["frechet"] for row in rows]).median(1).values
gains = (medians[:-1] / medians[1:]).tolist()
gain = dict(zip(names[1:], gains, strict=True))

# %%
turn = names.index("+ Adam without momentum")
most = {"+ convolutional players", names[turn], names[-1]}
assert {*sorted(gain, key=gain.get)[-3:]} == most
assert 0.8 < gain["+ R1 penalty"] * gain["+ averaged weights"] < 1.25

# %%
assert max(max(row["coverage"]) for row in rows[:turn]) < 0.02
assert min(min(row["coverage"]) for row in rows[turn:]) > 0.2
assert min(min(row["frechet"]) for row in others) > max(rows[-1]["frechet"])

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
# Shrink all noise by one factor, a simple form of *truncation*, and score 2,000 digits (standard errors: 0.011 at most).

# %%
factors = [0.4, 0.6, 0.8, 1.0, 1.2]
asked = torch.arange(10).repeat(200)
drawn = [gan.sample(generator, f * noise[:2000], asked) for f in factors]
some = evaluation.Judgement(*(part[:2000] for part in real))
marks = [evaluation.score_samples(images, some) for images in drawn]

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
# Systems that draw faces or pictures use this bargain, quality for variety [(Brock et al., 2019)](#brock2019large); you will meet it again as *guidance*.
#
# Now walk along arcs, from one noise to another and back; each column keeps its digit.

# %%
pairs = torch.randn(10, 2, recipe.latent_dim, generator=rng)
path = torch.stack([gan.interpolate(*pair, num=32) for pair in pairs], 1)
path = torch.cat([path, path.flip(0)])  # (64, 10, 64)
asked = torch.arange(10).repeat(len(path))
walks = gan.sample(generator, path.flatten(0, 1), asked)

# %%
plotting.film(
    walks.unflatten(0, (-1, 10)), columns=10, seconds=16, hold=0, still=0,
    alt="Digits side by side, whose handwriting changes without a jump.",
)  # fmt: skip

# %% [markdown]
# ## Does it copy?
#
# A generator that repeats its training images would score as well as real ones do.
# So compare each sample's distance to its nearest training image with that of real test images.
# It is the root of the sum of all squared differences between the pixels, which are 0 to 1: 0 for a copy.

# %%
moved = F.pad(mnist.train_images[:300], (1, -1))
compared = torch.cat([samples[:300], mnist.test_images[:300], moved])
apart, index = evaluation.nearest_neighbours(compared, mnist.train_images)
kinds = "generated", "real test", "moved copies"
near = dict(zip(kinds, apart.split(300), strict=True))

# %%
rows = {"generated": samples[:12], "nearest": mnist.train_images[index[:12]]}
distances = {"nearest": [f"{distance:.1f}" for distance in apart[:12]]}
plotting.image_rows(
    rows, captions=distances, title="Generated digits and their nearest neighbours",
    alt="Below each generated digit stands a similar real one, never the same.",
)  # fmt: skip

# %%
for name, values in near.items():
    error = values.std() / len(values) ** 0.5
    print(
        f"{name}: {values.mean():.2f} ± {error:.2f}, least {values.min():.2f}"
    )
assert near["generated"].min() > 0.5
assert near["generated"].mean() > near["real test"].mean()
assert near["moved copies"].min() > 0.5

# %% [markdown]
# On average these 300 are no nearer to the training images than real digits that were in no training, and none is a copy.
# But the distance also grows with each broken stroke, and copies moved by one pixel pass.

# %% [markdown]
# ## What goes wrong, and why
#
# ### The generator's loss says little
#
# In chapter 1, overfitting apart, a falling loss meant a better network; here both losses measure one player against the other.
# Put them beside the Fréchet distance, each as a share of its first value.

# %%
steps = run.evaluated_at
values = {"Fréchet distance of 1,000 images": run["frechet"]}
for name in players:
    smooth = run.smooth(name, 80)
    values[f"{name}'s loss"] = [smooth[step - 1] for step in steps]
lines = {name: (steps, [v / y[0] for v in y]) for name, y in values.items()}
floors = {"floor": bias["real images"][1] / run["frechet"][0]}

# %%
plotting.curves(
    lines, x_label="step", y_label="share of the first value", log_y=True,
    marks=floors, title="The images get better while the losses stand still",
)  # fmt: skip

# %%
distance, *both = (torch.tensor(y) for _, y in lines.values())
assert distance[-1] < 0.1
for loss in both:
    assert loss[2:].max() < 1.2 * loss[2:].min()

# %% [markdown]
# ### 50 % proves nothing
#
# At the end of an ideal game the discriminator is right half of the time, but not only there.
# Take a generator that has learned a circle and no islands, and a discriminator that can only draw a straight line through the middle.
# Half of the circle and half of the islands lie on either side, so it is right half of the time, and the generator is bad.
# An accuracy speaks of both players at once; to judge a generator you need a judge that does not play.

# %% [markdown]
# ## Draw a chosen digit
#
# Does your generator obey its label?
# Ask for each digit a hundred times, and let the judge read.

# %%
asked = torch.arange(10).repeat_interleave(100)
z = torch.randn(len(asked), recipe.latent_dim, generator=rng)
drawn = gan.sample(generator, z, asked)

# %%
obeyed = evaluation.accuracy(evaluation.judge_images(drawn).logits, asked)
ceiling = evaluation.accuracy(real.logits, mnist.test_labels)
error = 100 * evaluation.share_error(obeyed / 100, len(asked))
print(f"read as asked: {obeyed:.1f} ± {error:.1f} %")
off = 100 * evaluation.share_error(ceiling / 100, len(mnist.test_labels))
print(f"real digits read as labelled: {ceiling:.1f} ± {off:.1f} %")
assert obeyed > 85

# %% [markdown]
# It obeys mostly, and some digits are read as another one.
#
# The label says what, and the noise says how: give each row one noise vector, and each column one label.

# %%
z = torch.randn(4, 1, recipe.latent_dim, generator=rng)
digits = torch.arange(10).repeat(4)
drawn = gan.sample(generator, z.expand(4, 10, -1).flatten(0, 1), digits)

# %%
read = evaluation.judge_images(drawn).logits.argmax(1)
right = int((read == digits).sum())
plotting.image_grid(
    drawn, titles=[f"a {digit}" for digit in range(10)] + [""] * 30,
    title=f"A row has one noise, a column one label: {right} of 40 read as asked",
    alt="Thick and thin strokes go by rows, the digits by columns.",
)  # fmt: skip

# %%
assert right >= 30

# %% [markdown]
# ## The numbers of this run
#
# The book's tables are made of these.

# %%
evaluation.record(
    **{
        short: (f"Fréchet distance, {of}", f"{d:.2f} ± {errors[of]:.2f}")
        for short, of, d in (
            ("frechet", "course, this run", course.frechet),
            ("floor", "real images", floor),
            ("article", "article, 600 steps", article.frechet),
        )
    },
    precision=("precision", f"{course.precision:.2f}"),
    recall=("recall", f"{course.recall:.2f}"),
    coverage=("coverage", f"{course.coverage:.2f}"),
    obeyed=("samples read as asked", f"{obeyed:.1f} ± {error:.1f} %"),
    seconds=("training time", f"{run.seconds:.0f} s"),
)

# %% [markdown]
# ## GANs today, and deepfakes
#
# Alone, GANs no longer make the best pictures [(Dhariwal and Nichol, 2021)](#dhariwal2021diffusion); *diffusion models* and *flow matching*, the subject of a later chapter, do.
# As a part they are everywhere:
#
# - The decoder of a *latent diffusion* model turns a small code into a large picture, and a critic keeps it sharp [(Rombach et al., 2022)](#rombach2022high).
# - A model that draws in fifty steps is taught to draw in one to four, with a discriminator as a teacher [(Sauer et al., 2024)](#sauer2024adversarial).
# - *Super-resolution* adds detail that no small image has [(Ledig et al., 2017)](#ledig2017photo), and *image-to-image* networks turn a sketch into a photograph [(Isola et al., 2017)](#isola2017image).
#
# The critic also has another form: a *Wasserstein GAN* gives no probability, but a score whose slope is limited everywhere, so that its difference measures how far the generated images have to be moved [(Arjovsky et al., 2017)](#arjovsky2017wasserstein).
#
# The same networks put a person's face or voice where that person never was: a *deepfake*.
# Detectors find the fakes of the methods that they were trained on [(Rössler et al., 2019)](#rossler2019faceforensics), and with care many of other networks of their time [(Wang et al., 2020)](#wang2020cnn); nobody can promise it for the next method.
# So it is safer to prove where a real picture comes from than to hope that a false one is found.
# Whoever publishes generated images of people should have their consent, and say that they are generated.

# %% [markdown]
# ## Summary
#
# - Generator and discriminator play one game; the generator learns only through the discriminator's gradient.
# - The best discriminator is $p / (p + q)$, and against it the generator of the minimax game minimises the Jensen-Shannon divergence.
# - What reaches the generator is the slope of the loss times the slope of the discriminator: the non-saturating loss mends the first, a penalty the second.
# - Two players circle even in the simplest game: momentum leads out, the penalty in, and the mean of the positions lies near the centre.
# - The players' losses and accuracies don't say how good the images are; a frozen judge does.
# - A Fréchet distance needs its feature network, its floor and equally many samples, and even then keeps a bias that depends on the model.
# - In the short ablation convolutions, Adam without momentum and the labels bring most, penalty and averages hardly anything.
# - Collapse is not memorising, and nearest neighbours found no copies here.
#
# Next, a network describes each image by a few numbers, and the game becomes a plain loss again.

# %% [markdown]
# ## Exercises
#
# More of them, which check themselves, have a page of their own in the book, under "Exercises 2"; there you also write and train a GAN from an empty cell.
#
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
# Recall and coverage fall to about a half, and the Fréchet distance is large.
# `class_kl`, the KL divergence of the digits' shares from one tenth each, rises to about $\log 2$.
#
# </details>

# %% [markdown]
# ## References
#
# The game comes from Goodfellow and others [(Goodfellow et al., 2014)](#goodfellow2014generative), and convolutional players from DCGAN [(Radford et al., 2016)](#radford2016unsupervised).
# The chapter's other sources, with full titles, stand under References in the book, and in `book/references.bib`.
