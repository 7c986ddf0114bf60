# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 5. Diffusion and flow matching: noise to digits
#
# A GAN turns noise into an image in one leap, and learns to leap in a game.
# A *flow* goes there in small steps, and each step is learned by plain regression.
# By the end of this chapter you can say why regression is enough, how diffusion and *flow matching* are one model, what *guidance* buys and what it costs, and draw digits better than those of chapters 2 and 3.
#
# You begin on a line, where the right answer is a formula, and end with *latent diffusion*, complete.

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
import copy
import dataclasses
import tempfile

import torch

from aigc_utils import data, evaluation, flow, plotting, training, vae
from aigc_utils.source import show_source

# %%
mnist = data.load_mnist()
images, labels = mnist.train_images, mnist.train_labels

# %% [markdown]
# ## Why it matters
#
# Many systems that paint pictures or make videos today are of this family, whether they are called diffusion models, flow matching, or rectified flow.
# One reason that is often given is simple: nobody has to win a game [(Dhariwal and Nichol, 2021)](#dhariwal2021diffusion).
# There is one network and one loss, and training is plain regression.
#
# The price is paid when drawing.
# A GAN asks its network once for an image, a flow asks it again at each step.
# How few are enough is a question that this chapter measures.
#
# ## The idea in a picture
#
# Take an image $x_1$ and an image of pure noise $x_0$, and mix them:
#
# $$
# x_t = (1 - t) \, x_0 + t \, x_1 .
# $$
#
# The **time** $t$ goes from 0, all noise, to 1, all data.

# %%
rng = torch.Generator().manual_seed(0)
digit = data.to_signed(images[:1])
noise = torch.randn(digit.shape, generator=rng)
times = torch.linspace(0, 1, 9)
mixed = flow.mix(
    flow.STRAIGHT,
    digit.expand(9, -1, -1, -1),
    noise.expand(9, -1, -1, -1),
    times,
)

# %%
plotting.image_grid(
    data.from_signed(mixed), columns=9,
    titles=[f"t = {t:.2f}" for t in times], title="From noise to a digit, along a straight line",
    alt="Noise at the left, in which a digit grows clearer from image to image.",
)  # fmt: skip

# %% [markdown]
# Along this line each pixel moves at a constant speed, and the **velocity** is $x_1 - x_0$.
# Whoever knew it could start at the noise and walk to the digit.
# But only someone who knows the digit already knows it.
# So a network is trained to guess it: it sees a point $x_t$ and the time, and says where such points move on average.
# Then it walks by its own guesses, from fresh noise, to an image.

# %% [markdown]
# ## On a line, where everything is known
#
# Let the data be numbers from two Gaussians, one of them with twice the weight of the other.

# %%
line = flow.Mixture(torch.tensor([[-1.5], [1.0]]), 0.3, weights=[1, 2])
clean = line.sample(20_000, rng)
noise = torch.randn(20_000, 1, generator=rng)

# %% [markdown]
# Over time the noise's one hill becomes the data's two.
# Compute the density of $x_t$ at each time; the next pictures show it.

# %%
grid_t = torch.linspace(0, 1, 100)
places = torch.linspace(-3, 3, 200)


def density_at(t):
    x = places[:, None]
    return line.log_density(flow.STRAIGHT, x, t.expand(len(x))).exp()


density = torch.stack([density_at(t) for t in grid_t])

# %% [markdown]
# ### Many ways lead through one point
#
# Draw pairs of a noise number and a data number, thrown together by chance, and connect each pair by its straight way.

# %%
along = grid_t.view(-1, 1)
straight = torch.lerp(noise[:25, 0], clean[:25, 0], along)
plotting.density_with_ways(density, places, straight)

# %% [markdown]
# The ways cross.
# At a crossing two velocities are right, one for each pair, and a network that sees only the place and the time can't know which pair it has before it.
# Under a squared error its best answer is the mean of all velocities that occur there.
# Write $v = x_1 - x_0$ for the *conditional velocity* of one pair. The mean over all pairs through a point is the *marginal velocity*:
#
# $$
# u_t(x) = \mathbb{E} \left[ x_1 - x_0 \mid x_t = x \right] .
# $$
#
# ### Why the mean is right
#
# Does it help to follow a mean, which may be no pair's own velocity?
# Look at a short piece of the line.
# What flows into it in a moment is the number of points at its left end times their mean velocity there, and what flows out likewise at the right end.
# Only means enter.
# So points that all move with the mean velocity change the density as the pairs do, at each time, and at $t = 1$ they are distributed like the data.
# In one line, the *continuity equation* for the density $p_t$:
#
# $$
# \frac{\partial p_t}{\partial t} = - \frac{\partial}{\partial x} \left( p_t(x) \, u_t(x) \right) .
# $$
#
# For Gaussians the mean has a formula, `line.say`, so walk with it: in each small step a point moves by $u_t(x) \, dt$.


# %%
def by_formula(x, t):
    # At the very ends the formula has nothing to say: keep off them.
    t = t.clamp(flow.EDGE, 1 - flow.EDGE)
    return line.say(flow.STRAIGHT, x, t).velocity


# %%
walked = flow.solve(
    by_formula, noise[:25], num_steps=99, method="euler", keep=True
)
plotting.density_with_ways(density, places, walked[..., 0])

# %% [markdown]
# Now nothing crosses: at one place and time there is one velocity.
# The points end where the data are, and in the right proportion.

# %%
ends = flow.solve(by_formula, noise, num_steps=50)
share = (ends > 0).float().mean().item()
print(f"on the right hill: {share:.3f}, of the data {2 / 3:.3f}")
assert abs(share - 2 / 3) < 0.015

# %% [markdown]
# ### Regression finds it
#
# Train a small network on pairs alone.
# Each of its layers adds to what came before, as a Transformer's blocks do, and each is told the time, in `told_width` numbers.
# Its *loss* is the squared difference from the velocity of a single pair, at a random time; without a `spread` all times are equally likely:
#
# $$
# L = \mathbb{E}_{t, \, x_0, \, x_1} \left[ \lVert u_\theta(x_t, t) - (x_1 - x_0) \rVert^2 \right] ,
# $$
#
# where $u_\theta$ is the network.
# What `train_flow` gives back has the average of the last weights, as in chapter 2.

# %%
show_source(flow.PointFlow.forward)

# %%
show_source(flow.flow_loss)

# %%
recipe = flow.FlowRecipe(600, batch_size=256, lr=5e-3, spread=None)
training.seed_everything(0)
learned, run = flow.train_flow(
    recipe, flow.PointFlow(1, 64, 2, told_width=32), clean, seed=0
)

# %% [markdown]
# How near does it come to the formula?
# Compare both on points of the ways at three times, and compare the error with the loss.

# %%
with torch.no_grad():
    for t in (0.2, 0.5, 0.8):
        time = torch.full((len(clean),), t)
        x = flow.mix(flow.STRAIGHT, clean, noise, time)
        off = (learned(x, time) - by_formula(x, time)).square().mean().item()
        spread = (clean - noise - by_formula(x, time)).square().mean().item()
        print(f"t = {t}: {off:.4f} from the formula, pairs {spread:.2f}")
        assert off < spread / 20

# %% [markdown]
# The loss cannot go to zero: it stays at the spread of the pairs around their mean, the last number of each line.
# So a loss of a flow that stands still is no sign that nothing is learned.
#
# ### Steps cost, and errors fall
#
# To draw, one solves an equation step by step.
# *Euler's method* goes on with the velocity at the beginning of each step, and in a time $h$ comes to $x^*$.
# *Heun's method* looks at the end of that step too, and takes the mean of both:
#
# $$
# \begin{aligned}
# x^* &= x_t + h \, u_t(x_t) , \\
# x_{t + h} &= x_t + \frac{h}{2} \left( u_t(x_t) + u_{t + h}(x^*) \right) .
# \end{aligned}
# $$

# %%
show_source(flow.solve)

# %%
start = noise[:2000].double()
line64 = flow.Mixture(line.means.double(), 0.3, weights=[1, 2])


def exact64(x, t):
    t = t.clamp(flow.EDGE, 1 - flow.EDGE)
    return line64.say(flow.STRAIGHT, x, t).velocity


# %%
true_ends = flow.solve(exact64, start, 2000)
steps = [5, 10, 20, 40, 80]
errors = {
    method: [
        (flow.solve(exact64, start, n, method) - true_ends).abs().mean().item()
        for n in steps
    ]
    for method in ("euler", "heun")
}

# %%
told = {"euler": "Euler", "heun": "Heun"}
by_name = {told[method]: values for method, values in errors.items()}
plotting.error_over_steps(steps, by_name, asks={"Euler": 1, "Heun": 2})

# %%
for method, order in {"euler": 1, "heun": 2}.items():
    *_, before, last = errors[method]
    assert abs(before / last - 2**order) < 0.2 * 2**order
for with_heun, as_many_questions in zip(
    errors["heun"], errors["euler"][1:], strict=False
):
    assert with_heun < as_many_questions

# %% [markdown]
# With twice the steps Euler's error is about half as large, Heun's about a quarter: methods of order one and two.
# Heun asks the network twice a step, and is still nearer after as many questions.
# A thousand steps are a choice of the first papers, not a need.

# %% [markdown]
# ## One model, said in four ways
#
# A point $x_t$ is a mixture, so whoever guesses one of its ends has guessed the other too.
# There are four common things to predict, and each can be turned into the others (a prime marks a prediction; papers write a hat):
#
# - the **velocity** $u$, flow matching,
# - the **noise** $x_0'$, often called $\varepsilon$, as the diffusion model *DDPM* does [(Ho et al., 2020)](#ho2020denoising),
# - the **clean** data $x_1'$, a denoiser,
# - the **score** $\nabla_x \log p_t(x)$, the direction in which the density grows, which is $-x_0' / (1 - t)$ on the straight path.
#
# On any path $x_t = \alpha_t x_1 + \sigma_t x_0$ these are two linear equations with two unknowns.

# %%
show_source(flow.say)

# %% [markdown]
# Is the score really the gradient of the logarithm of the density?
# On the line both can be computed.

# %%
x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None].requires_grad_()
time = torch.full((9,), 0.6, dtype=torch.float64)
log_density = line64.log_density(flow.STRAIGHT, x, time)
(gradient,) = torch.autograd.grad(log_density.sum(), x)

# %%
said = line64.say(flow.STRAIGHT, x, time)
assert torch.allclose(said.score, gradient, atol=1e-5)
for name, value in said._asdict().items():
    again = flow.say(flow.STRAIGHT, x, time, **{name: value})
    for one, other in zip(again, said, strict=True):
        assert torch.allclose(one, other, atol=1e-5)

# %% [markdown]
# ### Diffusion is another path
#
# DDPM mixes with other shares: $\alpha_t^2 + \sigma_t^2 = 1$, and they come from a *noise schedule* that adds noise slowly near the data and fast near the noise.
# The squared ratio $\alpha_t^2 / \sigma_t^2$ is the *signal-to-noise ratio*.
# Both paths go through the same ratios, from next to no signal up to no noise; only at other times.
# And where the ratio is the same, a point of one path is a point of the other, made longer or shorter: who knows one velocity knows the other.

# %%
t = torch.linspace(0.02, 0.98, 97)
paths = {"straight": flow.STRAIGHT, "DDPM": flow.DIFFUSION}
lines = {
    name: (t, 10 * flow.signal_to_noise(path, t).log10())
    for name, path in paths.items()
}
plotting.curves(
    lines, x_label="time t", y_label="signal-to-noise ratio (dB)",
    title="Two paths through the same noise levels",
)  # fmt: skip

# %% [markdown]
# DDPM's loss is the squared error of the noise.
# On the straight path a velocity that is wrong by some amount says a noise that is wrong by $t$ times as much: the same regression, in which times near the noise count less.
# So the loss of one is the loss of the other with another **weighting** of the times.

# %%
weight = flow.noise_weight(flow.STRAIGHT, t)
assert torch.allclose(weight, t**2)

# %% [markdown]
# ## Eight islands, and straighter ways
#
# In the plane of chapter 2 the data are eight islands on a ring.
# Train a flow on them, and look at its velocities and its ways.

# %%
plane = flow.ring_of_islands()
points = plane.sample(20_000, rng)
recipe = flow.FlowRecipe(1200, batch_size=256, lr=5e-3, spread=None)
training.seed_everything(0)
first, _ = flow.train_flow(
    recipe, flow.PointFlow(2, 64, 3, told_width=32), points, seed=0
)

# %%
side = torch.linspace(-2.6, 2.6, 14)
grid = torch.cartesian_prod(side, side)


def field(t):
    with torch.no_grad():
        return first(grid, torch.full((len(grid),), t))


# %%
arrows = {f"t = {t}": field(t) for t in (0.1, 0.5, 0.9)}
plotting.velocity_field(grid, arrows, plane.means)

# %%
near = grid.norm(dim=1) < 1
halfway, late = arrows["t = 0.5"], arrows["t = 0.9"]
assert ((halfway * grid).sum(1) > 0)[near].all()
length = late.norm(dim=1)
at_islands = torch.cdist(grid, plane.means).min(1).values < 0.5
assert length[near].mean() > 1.5 * length[~near].mean()
assert length[near].mean() > 1.5 * length[at_islands].mean()

# %% [markdown]
# Near the noise the arrows say little more than "to the middle": nothing is decided.
# Half-way those in the middle have turned outward.
# At the end they are longest in the middle, where hardly a point is left, and short near the islands, where the points are.
#
# ### Straighten it
#
# The ways of the flow bend, though the ways of all pairs were straight, since each mean is a compromise between pairs that cross.
# A bent way needs many steps.
# But a trained flow gives new pairs: noise, and where the flow leads it.
# The ways of these pairs cross less, so a second flow, trained on them, has straighter ways.
# This is *reflow*, and the result a *rectified flow* [(Liu et al., 2023)](#liu2023flow).

# %%
with torch.no_grad():
    noise = torch.randn(20_000, 2, generator=rng)
    ends = flow.sample(first, noise, num_steps=20)

# %%
paired = dataclasses.replace(recipe, paired=True)
training.seed_everything(0)
second, _ = flow.train_flow(
    paired, flow.PointFlow(2, 64, 3, told_width=32), ends, noise, seed=0
)

# %% [markdown]
# How bent is a way?
# Take the velocity on the way less that of the way as a whole: its mean square, as a share of the latter's, is 0 where the way from $x_0$ to its end $x_1$ is straight:
#
# $$
# \frac{\mathbb{E} \left[ \lVert u_t(x_t) - (x_1 - x_0) \rVert^2 \right]}{\mathbb{E} \left[ \lVert x_1 - x_0 \rVert^2 \right]} .
# $$

# %%
panels = {}
for name, model in {"first flow": first, "after reflow": second}.items():
    with torch.no_grad():
        ways = flow.solve(model, noise[:150], 40, "euler", keep=True)
        panels[name] = ways, flow.bend(model, noise[:2000])
plotting.ways_in_the_plane(panels, plane.means)

# %%
bent, straightened = (bend for _, bend in panels.values())
assert straightened < bent / 4

# %% [markdown]
# Now count how many points land on an island when the steps get few.


# %%
@torch.no_grad()
def landed(model, num_steps):
    drawn = flow.solve(model, noise[:4000], num_steps, "euler")
    near = torch.cdist(drawn, plane.means).min(1).values < 0.4
    return 100 * near.float().mean().item()


# %%
print("steps     first flow   after reflow")
for num_steps in (1, 2, 4, 20):
    found = [landed(model, num_steps) for model in (first, second)]
    print(f"{num_steps:5} {found[0]:13.1f} % {found[1]:11.1f} %")
assert landed(second, 1) > landed(first, 2) > landed(first, 1)
assert landed(second, 1) > landed(second, 20) / 2

# %% [markdown]
# With one step the first flow jumps to the middle of everything, which is the mean of all data.
# The straightened one does more with one step than the first with two.
# Where does it miss?
# Look at where the missing points began: 0 is the direction of an island, and 0.5 half-way between two of them.

# %%
with torch.no_grad():
    leaped = flow.solve(second, noise[:4000], 1, "euler")
missing = torch.cdist(leaped, plane.means).min(1).values > 0.4
turn = torch.atan2(noise[:4000, 1], noise[:4000, 0]) / (torch.pi / 4)
off = (turn - turn.round()).abs()

# %%
print(f"missing {off[missing].mean():.2f}, landed {off[~missing].mean():.2f}")
assert off[missing].mean() > off[~missing].mean()

# %% [markdown]
# Between two islands a little difference in the noise decides where a way ends, and there the leap misses.
# A network that changes slowly from place to place can't follow such an edge; whether a larger one would is not tested here.

# %% [markdown]
# ## Digits, pixel by pixel
#
# Now the points are images: 784 numbers in place of two.
# The loss stays, and so does the sampler, but for its last step.
#
# The network must look at all pixels at once, and answer with as many.
# A *U-Net* [(Ronneberger et al., 2015)](#ronneberger2015u) first makes the image smaller and its channels more, looks at the whole, here with fully connected layers, and goes back, with a short way across for the fine lines.
#
# It does not say the velocity itself, but guesses the clean image $x_1'$, and its velocity leads there: $(x_1' - x_t) / (1 - t)$.
# The loss stays that of the velocity.
# A digit is simpler to say than a velocity, which holds noise in each of the 784 pixels [(Li and He, 2025)](#li2025back); below, a network that says velocities is the control.

# %%
show_source(flow.ImageFlow)

# %% [markdown]
# Time enters as sines of many frequencies, the digit's *label* as a vector of its own, and each block adds both to what it reads.
# The times of training are *logit-normal*: the middle of the way is seen more often than its ends [(Esser et al., 2024)](#esser2024scaling).
# For one example in ten the label is left out, so that the network also learns to draw any digit; you need both below.

# %%
show_source(flow.FlowTraining.step)

# %%
pixels = data.to_signed(images)
rng = torch.Generator().manual_seed(0)
training.seed_everything(0)
short = dataclasses.replace(flow.PIXELS, num_steps=1000)
unet, run = flow.train_flow(short, flow.ImageFlow(), pixels, labels, seed=0)
print(f"{run.num_steps} steps took {run.seconds:.0f} s")

# %% [markdown]
# Follow one digit's way.
# `flow.guide` asks for a seven, with some emphasis, of which more below.
# The upper row is the point itself; below it stands what the network says of it, in all four ways.

# %%
noise = torch.randn(1, 1, 28, 28, generator=rng)
seven = torch.tensor([7])
with torch.no_grad():
    guided = flow.guide(unet, seven, 2.0)
    way = flow.solve(guided, noise, 20, final="euler", keep=True)[:, 0]

# %%
shown = torch.tensor([1, 4, 8, 12, 16, 19])
t = shown / 20
with torch.no_grad():
    x = way[shown]
    said = flow.say(
        flow.STRAIGHT, x, t, velocity=unet(x, t, seven.expand(len(x)))
    )
rows = {"point": x, **said._asdict()}
plotting.four_ways(
    t.tolist(), {name: part[:, 0] for name, part in rows.items()}
)

# %%
assert said.clean[0].std() < said.clean[-1].std()
assert said.score[-1].std() > 5 * said.score[0].std()

# %% [markdown]
# The predicted clean image is not yet a finished one.
# At first it is a blur, the mean of all that the noise could still become by what this network knows, and it sharpens as the time goes on.
# The score is the noise divided by $-(1 - t)$: on one scale it shows only at the end.
# (At the very end nothing is left of the noise, and a guess says no velocity: there the last step, one of Euler's, goes straight to the guess.)
#
# Here are many digits on their way.

# %%
asked = torch.arange(10).repeat(2)
noise = torch.randn(20, 1, 28, 28, generator=rng)
with torch.no_grad():
    guided = flow.guide(unet, asked, 2.0)
    ways = flow.solve(guided, noise, 20, final="euler", keep=True)
frames = data.from_signed(ways)
plotting.film(
    frames, columns=10, ends=("noise", "digits"),
    alt="Noise clears, first into blurred shapes and then into digits.",
)  # fmt: skip

# %%
read = evaluation.judge_images(frames[-1]).logits.argmax(1)
print(f"{(read == asked).sum()} of {len(asked)} are read as asked")

# %% [markdown]
# The digits from 0 to 9 were asked for, twice, and the judge of chapter 2 read them.
# The network had as many seconds as its training printed.
# `python -m benchmarks flow` gives such a network two minutes and measures it, as you see further below.
#
# ### Two networks for the same task
#
# A Transformer can take the U-Net's place.
# Cut the image into patches, let each patch be a token, and let all see all: no mask hides what comes after.
# A *diffusion Transformer*, or DiT, is made of chapter 4's own blocks; time and class scale and shift what each of them reads, and scale what it adds [(Peebles and Xie, 2023)](#peebles2023scalable).
# These signals begin at zero, so that a new block adds nothing.

# %%
show_source(flow.DiT.forward)

# %%
show_source(flow.steered)

# %% [markdown]
# `python -m benchmarks flow-seconds` trains both for as many seconds, two U-Nets in which one thing is changed, and a kind of flow that comes next: on codes.
# One of the two has convolutions alone in its middle, and no layer that sees the whole; the other says velocities.
# All on pixels learn and draw as the U-Net does, but for the learning rate: each has the best of three, found on images held back from the training set (for the one that says velocities the highest of them, so a higher one may do better).
# The DiT's patches are of 7 by 7 pixels, 16 tokens. The U-Net's shape was searched for longer than the DiT's.
# Each point is of 2,000 digits, compared with 10,000 test images, so compare within this picture.

# %%
raced = evaluation.load_results("flow_seconds")
middle = {}
for name, runs in raced["curves"].items():
    ends = sorted(runs, key=lambda curve: curve[-1][1])
    middle[name] = tuple(zip(*ends[len(ends) // 2], strict=True))

# %%
plotting.curves(
    middle, x_label="seconds of training", y_label="Fréchet distance (logarithmic)",
    log_y=True, points=True, title="Codes are cheaper than pixels",
    marks={f"{raced['count']:,} real images": raced["floor"]},
)  # fmt: skip

# %%
last = {name: curve[1][-1] for name, curve in middle.items()}
for name, runs in raced["curves"].items():
    ends = sorted(curve[-1][1] for curve in runs)
    print(f"{name:28} {ends[0]:6.1f} to {ends[-1]:6.1f}")
for name, value in last.items():
    assert name == "U-Net" or name == "codes" or value > last["U-Net"]
assert last["codes"] < last["U-Net"]

# %% [markdown]
# The curves are those of the seed in the middle, the numbers those of the best and the worst; where two ranges overlap, the seeds leave the order open.
# By the seeds in the middle, in such a time and by this recipe, a guess in place of a velocity helps, and so do the layers that see the whole.
# These hold most of the parameters too; what the parameters alone would do is not tested.
# That the Transformer is behind says nothing of longer trainings or larger images, for which it is used.
# The curve on codes begins late, as its autoencoder is trained first and counted in; the second or two in which the images are encoded are not.
# Only a curve's last point is what one gets in its time: before it, the learning rate has not fallen.

# %% [markdown]
# ## Latent diffusion, complete
#
# Chapter 3 ended with a gap: the codes of real digits don't fill the prior, so the decoder is asked for codes that it has never seen.
# A flow can draw the codes as they are.
# That is *latent diffusion*, the technique behind many systems that paint from a sentence [(Rombach et al., 2022)](#rombach2022high).
#
# ### An autoencoder that hides little
#
# The prior no longer has to fit, so the KL term may weigh little, and the codes may have more numbers.
# Chapter 3's had 20 numbers and a weight of 1; this one has 32 and 0.05.

# %%
coding = dataclasses.replace(vae.CODER, epochs=3)
assert (coding.latent_dim, coding.beta) == (32, 0.05)
coder, coded = vae.train_course(coding, images, seed=0)
print(f"the autoencoder: {coded.seconds:.0f} s")

# %% [markdown]
# What a decoder loses is fine edges.
# It learns the mean of each pixel, and where an edge may lie here or there, the mean is grey.
# The grey can be taken back in part: multiply the logits before the sigmoid by a *sharpness*, and grey moves to black or white.
# Where the edge lies, that does not say; what it brings is measured below.


# %%
def painted(codes):
    return flow.decode(coder, codes, flow.SHARPNESS)


# %%
show_source(flow.decode)

# %% [markdown]
# ### A flow on the codes
#
# Codes are a handful of numbers, with no neighbours among them, so fully connected layers are enough.
# First each number is brought to mean 0 and deviation 1, the size of the noise.
# `flow.DRAW_CODES` says in how many steps the course draws, and with which strength of guidance.

# %%
show_source(flow.train_latent)

# %%
recipe = dataclasses.replace(flow.CODES, num_steps=1000)
latent, scale, run = flow.train_latent(recipe, coder, images, labels, seed=0)
print(f"{run.num_steps} steps took {run.seconds:.0f} s")

# %%
count = 2000
asked = torch.arange(count) % 10
rng = torch.Generator().manual_seed(0)
start = torch.randn(count, coder.latent_dim, generator=rng)
print(dict(flow.DRAW_CODES))
drawn = flow.sample(latent, start, asked, **flow.DRAW_CODES)

# %% [markdown]
# Look at the codes along the two directions in which real ones vary most, beside the prior of chapter 3.

# %%
codes = flow.encode_images(coder, images[:count], rng)
_, _, directions = torch.linalg.svd(codes - codes.mean(0), full_matrices=False)
clouds = {
    "codes of images": codes,
    "the prior": start,
    "the flow": scale.back(drawn),
}

# %%
flat = {name: z @ directions[:2].T for name, z in clouds.items()}
plotting.aggregate_posterior(
    flat, title="The flow spreads as the codes do, the prior does not"
)

# %% [markdown]
# ### Measure it
#
# The judge of chapter 2 compares 2,000 drawn digits with as many test images.
# The *floor* is what 2,000 other real images score.
# Between drawn digits and the floor stand real codes, decoded: the score of a perfect flow that takes the label as it is.
# A flow that is guided towards its label, as below, draws other codes than the real ones, and may pass it.
# The control is chapter 3's mixture of fifty bells, fitted to the codes of 20,000 images: another prior for the same decoder.
# It knows no labels and is not guided.

# %%
bells = vae.fit_mixture(
    flow.encode_images(coder, images[:20_000], rng), 50, rng
)

# %%
real = evaluation.judge_images(mnist.test_images[:count])
sets = {
    "real images": images[:count],
    "decoded codes": painted(codes),
    "the flow": painted(scale.back(drawn)),
    "fifty bells": painted(bells.sample(count, rng)),
    "the prior": painted(start),
}

# %%
scores = {n: evaluation.score_samples(x, real) for n, x in sets.items()}
print("                     Fréchet  precision  recall  coverage")
for name, s in scores.items():
    print(f"{name:20} {s.frechet:7.2f} {s.precision:10.2f}", end=" ")
    print(f"{s.recall:7.2f} {s.coverage:9.2f}")

# %%
found = {name: s.frechet for name, s in scores.items()}
assert found["real images"] < found["decoded codes"]
assert found["the flow"] < found["the prior"] / 3

# %% tags=["live-flow"]
plotting.image_rows(
    {name: shown[:12] for name, shown in sets.items()},
    title="The same decoder, asked for other codes",
    alt="Digits in rows: real, decoded and the flow's are clear, the prior's and the bells' less.",
)  # fmt: skip

# %% [markdown]
# Nothing about the decoder changed between the last three rows.
# Latent does not mean worse: what the decoder loses can be measured, and in the same minute the flow on codes comes nearer than any on pixels, as the curves over the seconds above show.
#
# ### A decoder that loses less
#
# `python -m benchmarks flow-codes` changes one thing of the autoencoder at a time, with three seeds, and trains the same flow on the codes of each.
# Here 10,000 digits are scored; above it were 2,000, and fewer give a larger distance.

# %%
limits = evaluation.load_results("flow_codes")
rows = {row["name"]: row for row in limits["rows"]}
print(f"{limits['epochs']:g} passes, {limits['num_steps']} steps of each flow")
print("                          decoded codes           drawn")
for name, row in rows.items():
    print(f"{name:22}", end="")
    for key in ("decoded", "drawn"):
        print(f"{min(row[key]):9.2f} to {max(row[key]):.2f}", end="")
    print()

# %%
ours = rows["the course's"]
for name in ("KL weight 1", "half as many latents"):
    assert max(ours["decoded"]) < min(rows[name]["decoded"])
assert max(ours["drawn"]) < min(rows["KL weight 1"]["drawn"])
assert max(rows["half as many latents"]["drawn"]) < min(ours["drawn"])
assert max(ours["drawn"]) < min(rows["twice as many latents"]["drawn"])

# %% [markdown]
# With a KL weight of 1, or with half as many numbers, the codes carry less: their decoded images are worse before any flow has drawn.
# And yet, after so few steps, the flow draws better from half as many numbers, and worse from twice as many; whether more steps change that is not measured here.
# Read the other rows in the same way, first the left column and then the right one.
# More numbers in a code leave the decoder less to guess, and may leave the flow more to learn, so the best number is found by measuring the last column, not the first.
# **A classifier's eyes** add the distance between image and reconstruction in the features of chapter 1's network, a *perceptual loss* [(Johnson et al., 2016)](#johnson2016perceptual).
# The judge is such a classifier too, so it may see more in this row than you would.
# **Whitened codes** come *whitened*: turned and scaled so that no two of their numbers are correlated, as in the noise at which the flow begins.
# **Not sharpened** shows each pixel's mean as it is.
# All rows have as many passes over the images, and not as many seconds: a pass in which another network looks on takes longer, and that network has to be trained before.

# %% [markdown]
# ## How many steps?
#
# Ask the network as often with each of three samplers: Euler's, Heun's, and that of DDPM.
# From each point the network says both ends of its way, and DDPM's next point is a mixture of the same ends, nearer to the data, in which a part of the noise is drawn anew, $\varepsilon$.
# From the time $t$ to a later time $s$ it goes to
#
# $$
# \begin{aligned}
# x_s &= \alpha_s x_1' + \sigma_s \left( k \, x_0' + \sqrt{1 - k^2} \, \varepsilon \right) , \\
# k &= \frac{\alpha_t \sigma_s}{\alpha_s \sigma_t} .
# \end{aligned}
# $$


# %%
def drawn_with(sampler, questions, model, noise, final=None):
    wished = asked[: len(noise)]
    if sampler == "ddpm":
        rng = torch.Generator().manual_seed(1)
        with torch.no_grad():
            guided = flow.guide(model, wished, 1.0)
            return flow.ancestral(guided, noise, questions, rng)
    how = {
        "num_steps": questions if sampler == "euler" else questions // 2,
        "method": sampler,
        "final": final,
    }
    return flow.sample(model, noise, wished, **how)


def score(points):
    return evaluation.score_samples(painted(scale.back(points)), real)


# %%
questions = [2, 8, 20, 50]
by_sampler = {
    sampler: [score(drawn_with(sampler, q, latent, start)) for q in questions]
    for sampler in ("euler", "heun", "ddpm")
}

# %%
by_heun = [s.frechet for s in by_sampler["heun"]]
enough = next(
    q for q, d in zip(questions, by_heun, strict=True) if d < 1.2 * by_heun[-1]
)

# %%
lines = {
    f"{told.get(name, 'DDPM')}'s": (questions, [s.frechet for s in row])
    for name, row in by_sampler.items()
}
plotting.curves(
    lines,
    x_label="questions to the network for each digit", y_label="Fréchet distance (logarithmic)",
    log_y=True, points=True,
    title=f"With Heun's, {enough} questions come within a fifth of {questions[-1]}",
    marks={"real codes, decoded": found["decoded codes"]},
)  # fmt: skip

# %%
walked, drifted = by_sampler["heun"][-1], by_sampler["ddpm"][-1]
print(f"recall: Heun's {walked.recall:.2f}, DDPM's {drifted.recall:.2f}")
assert walked.frechet < by_sampler["heun"][0].frechet / 2
assert by_heun[-2] < 1.2 * by_heun[-1]
assert walked.recall > drifted.recall - 0.05

# %% [markdown]
# A thousand steps are not needed: from 20 questions to 50 Heun's distance hardly changes.
# But nearer to the exact way need not be nearer to the data: Euler's coarse steps may score better than its fine ones, and than Heun's.
# The way is that of the network's velocity, which is not perfect; what coarse steps change in it was not tested.
#
# Heun's method draws nothing on its way, and reaches about as much of the data as DDPM's: all its variety comes from where it begins.
#
# Is it so on pixels too?
# Ask the U-Net for 1,000 digits; its last step is Euler's, so Heun's way asks once less.

# %%
grain = torch.randn(1000, 1, 28, 28, generator=rng)
on_pixels = {sampler: [] for sampler in by_sampler}
few = (4, 8, 16)
for sampler, row in on_pixels.items():
    for q in few:
        x = drawn_with(sampler, q, unet, grain, "euler")
        image = data.from_signed(x)
        row.append(evaluation.score_samples(image, real).frechet)

# %%
best = told.get(min(on_pixels, key=lambda name: on_pixels[name][-1]), "DDPM")
lines = {
    f"{told.get(name, 'DDPM')}'s": (few, row) for name, row in on_pixels.items()
}
plotting.curves(
    lines, x_label="questions to the network for each digit", y_label="Fréchet distance",
    points=True, title=f"On pixels, {best}'s sampler comes nearest with {few[-1]} questions",
)  # fmt: skip

# %%
for first_few, more, most in on_pixels.values():
    assert more - most < first_few - more

# %% [markdown]
# There, too, the second doubling brings less than the first.
# As the two figures show, which sampler comes nearest may depend on how often it asks.
#
# ### A DDPM is the same network on another path, under another weighting
#
# Train the same network as DDPM does: on its path, to predict the noise, with times drawn evenly.
# Only the arguments change.

# %%
as_ddpm = dataclasses.replace(recipe, predicts="noise", spread=None)
codes_all = scale(flow.encode_images(coder, images, rng))
training.seed_everything(0)
network = flow.PointFlow(coder.latent_dim, classes=10)

# %%
ddpm, _ = flow.train_flow(
    as_ddpm, network, codes_all, labels, seed=0, path=flow.DIFFUSION
)
velocity = flow.velocity_of(ddpm, flow.DIFFUSION, "noise")

# %%
with torch.no_grad():
    guided = flow.guide(velocity, asked, 1.0)
    fresh_rng = torch.Generator().manual_seed(1)
    points = flow.ancestral(guided, start, 50, fresh_rng, path=flow.DIFFUSION)
    calm = flow.solve(guided, start, 25)
diffused, solved = score(points), score(calm)

# %%
print("50 questions       Heun's  DDPM's sampler")
print(f"trained as a flow {walked.frechet:7.2f} {drifted.frechet:15.2f}")
print(f"trained as a DDPM {solved.frechet:7.2f} {diffused.frechet:15.2f}")
assert max(solved.frechet, diffused.frechet) < found["the prior"]

# %% [markdown]
# Read across for the sampler.
# Down a column path, prediction, weighting and the noise of each step all change, and the learning rate was chosen for the flow alone: the table says neither which of these counts nor which training is better.

# %%
both = {"flow": drawn_with("heun", 50, latent, start), "DDPM": points}
plotting.image_rows(
    {n: painted(scale.back(x[:12])) for n, x in both.items()},
    title="Two trainings of one network, each with its own sampler",
    alt="In each row the same digits were asked for, in the same order.",
)  # fmt: skip

# %% [markdown]
# Two names, one model: a path, a prediction, a weighting of times, and a sampler, each of which you can exchange.
#
# In chapter 3's terms the noisy points are the latents, and the encoder is fixed: it only adds noise.
# The model's negative ELBO is, but for a term at each end, an integral over time of the squared error of the noise, weighted with half the speed at which $\lambda$ grows, the logarithm of the signal-to-noise ratio [(Kingma et al., 2021)](#kingma2021variational):
#
# $$
# \begin{aligned}
# & \frac12 \int_0^1 \lambda'(t) \, \mathbb{E} \left[ \lVert x_0 - x_0' \rVert^2 \right] dt , \\
# & \lambda(t) = \log \frac{\alpha_t^2}{\sigma_t^2} .
# \end{aligned}
# $$
#
# DDPM leaves that weight out; its authors found that samples look better so [(Ho et al., 2020)](#ho2020denoising).

# %% [markdown]
# ## Guidance, and what it costs
#
# The network knows two velocities at each point: that of a label, and that of any digit, which it learned where labels were left out.
# *Classifier-free guidance* goes from the second to the first, and beyond [(Ho and Salimans, 2022)](#ho2022classifier):
#
# $$
# u^{(w)}_t(x) = u_t(x) + w \, \left( u_t(x \mid y) - u_t(x) \right) .
# $$
#
# With $w = 1$ it takes the label as it is. More than 1 pushes away from all that could be another digit. (The paper's $w$ is one less.)

# %%
show_source(flow.guide)

# %%
strengths = [1.0, 1.2, 1.5, 2.0, 3.0]
pushed = {
    w: flow.sample(latent, start, asked, **{**flow.DRAW_CODES, "strength": w})
    for w in strengths
}
guided = {w: score(points) for w, points in pushed.items()}
precision = [guided[w].precision for w in strengths]
recall = [guided[w].recall for w in strengths]
best = min(strengths, key=lambda w: guided[w].frechet)

# %%
for w, s in guided.items():
    print(f"strength {w}: Fréchet distance {s.frechet:.2f}")
print(f"real codes, decoded: {found['decoded codes']:.2f}")

# %%
plotting.guidance_curve(strengths, precision, recall, chosen=best)

# %%
shown = {f"w = {w:g}": painted(scale.back(pushed[w][:12])) for w in (1.0, 3.0)}
plotting.image_rows(
    shown, title="The same noise, without a push and with a strong one",
    alt="The same digits in each row; with the push, strokes are bolder and plainer.",
)  # fmt: skip

# %%
unsure = evaluation.share_error(precision[0], count)
assert max(precision) > precision[0] + 2 * unsure
assert recall[-1] < recall[0]
assert guided[strengths[-1]].frechet > guided[best].frechet

# %% [markdown]
# A push raises precision, and a strong one costs recall: digits become clearer and more alike.
# So guidance does not simply make images better, and no point of this curve is the best by itself.
# The marked one has the smallest Fréchet distance of these five, which weighs both.
# The strength that the course draws with had the smallest distance on a curve of its own, of images held back from the training set and by a second classifier; the numbers stand beside it in `aigc_utils/flow/recipes.py`.
#
# ## Few steps, and one
#
# A GAN asks once.
# Can a flow?
# A perfect flow goes, in one of Euler's steps, to the mean of all that the noise could become.
# This one seldom saw times near 0, and ends between that mean and a code.
# But a trained flow gives pairs of noise and code, and a second network can learn to leap: from the noise straight to the code, by regression at $t = 0$ alone.
# That is *distillation* [(Luhman and Luhman, 2021)](#luhman2021knowledge): what the teacher does in many steps, guidance included, the student does in one.

# %%
pairs = flow.draw_pairs(latent, 10_000, rng, **flow.DRAW_CODES)
student = copy.deepcopy(latent).requires_grad_(True)
learn = dataclasses.replace(flow.DISTILLED, num_steps=300)
leaping, _ = flow.train_flow(learn, student, *pairs, seed=0)

# %%
once = {
    name: score(flow.sample(model, start, asked, **flow.DRAW_AT_ONCE))
    for name, model in {"the flow": latent, "the student": leaping}.items()
}
for name, s in once.items():
    print(f"{name} in one step: {s.frechet:.2f}, recall {s.recall:.2f}")
assert once["the student"].frechet < once["the flow"].frechet / 2

# %% [markdown]
# Why may the student leap where the flow may not?
# For the flow's own regression many data are possible at one $x_0$, and its best answer is their mean.
# For the student there is one: the teacher's sampler draws nothing on its way, so with the label $y$ its end is a function of the noise, $x_1 = \Phi(x_0, y)$, and
#
# $$
# \mathbb{E} \left[ x_1 - x_0 \mid x_0, y \right] = \Phi(x_0, y) - x_0 .
# $$
#
# A mean lies nearer to the middle than what it is the mean of, so the spread of one digit's codes tells a mean from a leap.


# %%
def spread_within(codes):
    variances = [codes[asked == digit].var(0) for digit in range(10)]
    return torch.stack(variances).mean().sqrt().item()


# %%
spread = {
    name: spread_within(flow.sample(model, start, asked, **flow.DRAW_AT_ONCE))
    for name, model in {"the flow": latent, "the student": leaping}.items()
}
for name, size in spread.items():
    print(f"{name} in one step: codes spread by {size:.2f}")
print(f"the teacher in many steps: {spread_within(drawn):.2f}")
assert 0.1 < spread["the flow"] < 0.9 * spread["the student"]

# %% [markdown]
# What the student's network can't tell apart, it too replaces by a mean; whatever its codes lack of the teacher's spread may come from that.
#
# Other ways to few steps train without a teacher, on the mean velocity over a stretch of time [(Geng et al., 2025)](#geng2025mean), or ask for the same answer all along a way [(Song et al., 2023)](#song2023consistency).
#
# Here is what `python -m benchmarks flow` measured: two minutes of training for each flow, its autoencoder counted in, the student's own time on top of its teacher's, and chapter 2's GAN with its own recipe.
# Only the second or two in which the images are encoded are not counted.
# It ran at another time than the race over the seconds above, at another pace of the machine, so compare no seconds of the two.
# Here, too, 10,000 digits are scored.

# %%
measured = evaluation.load_results("flow")
names = {
    "flow_pixel": "flow on pixels",
    "flow_latent": "flow on codes",
    "flow_one_step": "the same, in one step",
    "gan_course": "chapter 2's GAN",
}
floor_of_all = measured["flow_latent"]["frechet_floor"]
print(f"10,000 real images: Fréchet distance {floor_of_all:.2f}")
print("                       trained    drawn  Fréchet coverage  recall")
for key, name in names.items():
    m = measured[key]
    print(f"{name:22} {m['train_seconds']:5.0f} s", end="")
    print(f"{m['draw_seconds']:7.1f} s {m['frechet']:8.2f}", end="")
    print(f"{m['coverage']:9.2f} {m['recall']:7.2f}")

# %%
best_runs, gan_runs = (
    [run["frechet"] for run in measured["runs"][key]]
    for key in ("flow_latent", "gan_course")
)
assert max(best_runs) < min(gan_runs)

# %% [markdown]
# Chapter 3 went one step on this road: it fitted a mixture to its codes.
# Its decoder was not sharpened, so compare with the row "not sharpened" of the autoencoders.
# Its codes were another autoencoder's, and it knew no labels, so not all of the difference is the flow's; for the same codes compare the fifty bells with the flow at strength 1, which is not guided but still knows labels.

# %%
mixtures = evaluation.load_results("vae_codes")["rows"]
nearest = min(min(row["mixture: frechet"]) for row in mixtures)
print(f"chapter 3's best mixture: {nearest:.2f}")
unsharpened = max(rows["not sharpened"]["drawn"])
print(f"a flow, not sharpened, at worst: {unsharpened:.2f}")
assert unsharpened < nearest
assert max(best_runs) < nearest

# %% [markdown]
# ## Filling in
#
# Give the upper half of a digit, and let the pixel flow draw the rest.
# Nothing new is trained: in each step the given half is set to what it would be at that time, the image with as much noise, and the rest is drawn as DDPM draws.
# Each step is taken several times, with its noise put back in between, so that the halves come to agree; the method is called RePaint [(Lugmayr et al., 2022)](#lugmayr2022repaint).

# %%
known = data.to_signed(mnist.test_images[:8])
mask = torch.zeros(known.shape, dtype=torch.bool)
mask[:, :, :14] = True
with torch.no_grad():
    filled = [
        flow.fill_in(lambda x, t: unet(x, t), known, mask, 20, rng)
        for _ in range(3)
    ]

# %%
half = torch.where(mask, known, -1.0)
rows = {"given": half, "1st": filled[0], "2nd": filled[1], "3rd": filled[2]}
plotting.image_rows(
    {n: data.from_signed(x) for n, x in rows.items()},
    title="One half given, several answers",
    alt="Upper halves of digits, and below them completions of each, most of them digits.",
)  # fmt: skip

# %% [markdown]
# Where the three rows agree, the half probably leaves this network one answer; where they differ, it leaves several.
# Is the whole the digit that the half was cut from?
# Let the judge read two hundred, filled in and as halves.

# %%
answers = mnist.test_labels[:200]
known = data.to_signed(mnist.test_images[:200])
mask = torch.zeros(known.shape, dtype=torch.bool)
mask[:, :, :14] = True
with torch.no_grad():
    whole = flow.fill_in(lambda x, t: unet(x, t), known, mask, 20, rng)

# %%
halves, as_cut = torch.where(mask, known, -1.0), {}
for name, x in {"halves": halves, "filled in": whole}.items():
    digits = data.from_signed(x)
    read = evaluation.judge_images(digits).logits.argmax(1)
    as_cut[name] = 100 * (read == answers).float().mean().item()
    print(f"{name:10} {as_cut[name]:.0f} % as cut")
assert as_cut["filled in"] > as_cut["halves"] + 10

# %% [markdown]
# Filled in, more digits are read as what they were cut from; where a half fits several digits, no filling can be right each time.
#
# A GPT as in chapter 4 fills in only what comes after; a flow fills in any part.

# %% [markdown]
# ## Does it copy?
#
# There is no game, and the loss is plain regression: is copying out of the question?
# No: the perfect answer to this regression on a finite training set leads each noise to one of the training images.
# What stands between a flow and this answer is a network that is too small, or trained too short, for it; large models have been caught [(Carlini et al., 2023)](#carlini2023extracting).
# So look, as in chapter 2: the distance to the nearest training image, beside that of test images.

# %%
unseen = mnist.test_images[:300]
passed = painted(flow.encode_images(coder, unseen, rng))
compared = torch.cat([sets["the flow"][:300], unseen, passed])
apart, index = evaluation.nearest_neighbours(compared, images)
many, of_unseen, of_passed = apart.split(300)

# %%
plotting.image_rows(
    {"drawn": compared[:12], "nearest": images[index[:12]]},
    captions={"nearest": [f"{distance:.1f}" for distance in many[:12]]},
    title="Drawn digits and their nearest neighbours",
    alt="Below each drawn digit a similar real one, and never the same image.",
)  # fmt: skip

# %%
plain = painted(scale.back(pushed[1.0][:300]))
points = drawn_with("heun", 16, unet, grain[:300], "euler")
on_grid, _ = evaluation.nearest_neighbours(data.from_signed(points), images)
for name, each in {
    "drawn digits": many,
    "drawn without guidance": evaluation.nearest_neighbours(plain, images)[0],
    "drawn on pixels": on_grid,
    "test images": of_unseen,
    "test images through the codes": of_passed,
}.items():
    print(f"{name:30} median {each.median():.2f}, smallest {each.min():.2f}")
assert min(many.min(), on_grid.min()) > 0.5

# %% [markdown]
# Whatever passes through the codes comes back changed, so the fair comparison is with the last line: test images that took the same way, and that no network has seen.
# Guidance draws what is typical, and that may have nearer neighbours: compare the first two lines.
# What is drawn on pixels took no such way, so compare it with the test images as they are.
# A median far below would be a reason to look; a distance near 0 would be a copy, and there is none among these.
# A copy moved by a pixel would pass, as in chapter 2.

# %% [markdown]
# ## What goes wrong, and why
#
# - **Too few steps** leave the solver's error: see Heun's with two questions. But a smaller error of the solver need not be a smaller Fréchet distance.
# - **Too much guidance** makes digits alike, and the distance grows again.
# - **A loss that stands still** is no sign of failure: most of it is the spread of the pairs, which no network can remove.
# - **What the decoder loses** no training of the flow can repair: decode real codes, and measure that first.
#
# ### Keep it
#
# Latent diffusion is three files: the autoencoder, the scale of its codes, and the flow.

# %%
parts = {"coder": coder, "scale": scale, "flow": latent}
with tempfile.TemporaryDirectory() as folder:
    files = [
        flow.save_model(part, Path(folder) / f"{name}.safetensors")
        for name, part in parts.items()
    ]
    coder2, scale2, latent2 = (flow.load_model(path) for path in files)

# %%
some = start[:100], asked[:100]
before = flow.sample(latent, *some, **flow.DRAW_CODES)
again = flow.sample(latent2, *some, **flow.DRAW_CODES)
digits = flow.decode(coder2, scale2.back(again))
assert torch.equal(digits, flow.decode(coder, scale.back(before)))

# %% [markdown]
# ## The numbers of this run
#
# The book's tables are made of these.

# %%
evaluation.record(
    frechet=("flow on codes, Fréchet distance", f"{found['the flow']:.2f}"),
    decoded=("real codes, decoded", f"{found['decoded codes']:.2f}"),
    floor=("real images, the floor", f"{found['real images']:.2f}"),
    prior=("the prior's codes, decoded", f"{found['the prior']:.1f}"),
    coverage=("coverage of the flow", f"{scores['the flow'].coverage:.2f}"),
    one_step=(
        "drawn in one step by the student",
        f"{once['the student'].frechet:.2f}",
    ),
    seconds=("training time, codes", f"{coded.seconds + run.seconds:.0f} s"),
)

# %% [markdown]
# ## Summary
#
# - A flow mixes noise and data along a path, learns the mean velocity by regression, and draws by solving an equation.
# - Velocity, noise, score and clean image are one prediction; diffusion and flow matching are one model with different paths, weights and samplers.
# - The noise at the start is variety enough, and a few questions to the network go nearly as far as many.
# - Guidance trades recall for precision; choose its strength by a curve.
# - On an autoencoder's codes the same seconds go much further; what the decoder loses is measured apart.
# - Straightened or distilled, a flow draws in one step.
# - Regression can copy too: look for copies before you say that there are none.
#
# The next chapter sets all five techniques on one task.

# %% [markdown]
# ## Exercises
#
# More of them, which check themselves, have a page of their own in the book, under "Exercises 5".
#
# ### Exercise: Where do all ways begin?
#
# At $t = 0$ a point is nothing but noise and says nothing about the data. What is the marginal velocity there?
#
# <details><summary>Solution</summary>
#
# The mean of $x_1 - x_0$ given $x_0$ is $\mathbb{E}[x_1] - x_0$: towards the mean of all data, from wherever one stands.
# So a single step of Euler's lands on that mean, for every noise.
#
# </details>

# %% [markdown]
# ### Exercise: No guidance, no label
#
# What does $w = 0$ draw, and what a negative $w$?
#
# <details><summary>Solution</summary>
#
# With $w = 0$ the label has no effect: any digit comes, about as often as in the training set.
# Below 0 the label says what to avoid; `flow.guide` refuses it.
#
# </details>

# %% [markdown]
# ## References
#
# Diffusion began with [(Sohl-Dickstein et al., 2015)](#sohl2015deep) and became practical with DDPM [(Ho et al., 2020)](#ho2020denoising); the view by scores and differential equations is that of [(Song et al., 2021)](#song2021score), and the sampler without noise DDIM's [(Song et al., 2021)](#song2021denoising).
# Flow matching is by [(Lipman et al., 2023)](#lipman2023flow), rectified flow by [(Liu et al., 2023)](#liu2023flow), and the logit-normal times by [(Esser et al., 2024)](#esser2024scaling).
# Guidance in an interval of times alone is that of [(Kynkäänniemi et al., 2024)](#kynkaanniemi2024applying).
# The chapter's other sources, with full titles, stand under References in the book, and in `book/references.bib`.
