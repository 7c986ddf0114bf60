# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 5. Side by side: four techniques on the same digits
#
# Each chapter had its own question and its own measures.
# Now all four techniques get the same digits, a short training, and the three that draw the same judge.
# By the end of this chapter you can say what each of them models, what it is good at, what it costs, and what it cannot do at all.

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
import time

import torch
from torch.nn import functional as F

from aigc_utils import (
    cnn,
    data,
    digits,
    evaluation,
    gan,
    gpt,
    plotting,
    schedules,
    training,
    vae,
)
from aigc_utils.source import show_source

# %% [markdown]
# ## One task for all
#
# The task: learn from 60,000 digits, then draw 5,000 new ones, 500 of each digit where one can ask for a digit.
# The judge of chapter 2 compares them with the test images.
# First the *floor*: what other real images score.

# %%
mnist = data.load_mnist()
labels = torch.arange(10).repeat(500)
real = evaluation.judge_images(mnist.test_images)
rng = torch.Generator().manual_seed(0)
chosen = torch.randperm(len(mnist.train_images), generator=rng)[:5000]
others = evaluation.judge_images(mnist.train_images[chosen])
floor = evaluation.score_samples(others, real)

# %%
print(f"floor: Fréchet distance {floor.frechet:.2f}")
print(f"precision {floor.precision:.2f}, recall {floor.recall:.2f}")

# %% [markdown]
# For each technique that draws, keep what it drew, what that scored, and the seconds of training and of drawing 1,000 digits.

# %%
drawn, scores, trained, drawing = {}, {}, {}, {}


# %%
def draw(name, history, images_of):
    start = time.perf_counter()
    drawn[name] = images_of()
    drawing[name] = (time.perf_counter() - start) / 5
    trained[name] = history.seconds
    judged = evaluation.judge_images(drawn[name])
    scores[name] = evaluation.score_samples(judged, real)
    print(f"{name}: trained in {trained[name]:.0f} s,", end=" ")
    print(f"1,000 digits drawn in {drawing[name]:.2f} s")


# %% [markdown]
# ## CNN: it reads
#
# The CNN models $p(y \mid x)$: given an image, which digit is it?
# Training takes seconds.

# %%
reader, reading = cnn.train_course(
    cnn.SPRINT, mnist.train_images, mnist.train_labels, seed=0
)

# %%
logits = evaluation.predict(reader, mnist.test_images)
accuracy = evaluation.accuracy(logits, mnist.test_labels)
print(f"{accuracy:.2f} % right after {reading.seconds:.1f} s")
assert accuracy > 98

# %% [markdown]
# Can it draw, if one runs it backwards?
# Begin with grey noise, and change the pixels, not the weights, sixty times, and see how sure the network becomes.

# %%
reader.eval().requires_grad_(False)
classes = torch.arange(10)
pixels = torch.full((10, 1, 28, 28), 0.5)
pixels = pixels + 0.1 * torch.randn(pixels.shape, generator=rng)
pixels.requires_grad_()

# %%
for _ in range(60):
    logits = reader(data.standardize(pixels.clamp(0, 1)))
    loss = F.cross_entropy(logits, classes)
    (gradient,) = torch.autograd.grad(loss, pixels)
    pixels.data -= 0.05 * gradient.sign()

# %%
dreams = data.to_uint8(pixels.detach().clamp(0, 1))
sure = evaluation.predict(reader, dreams).softmax(1)[classes, classes]
assert sure.min() > 0.9

# %%
captions = [f"a {d}:\n{100 * p:.0f} %" for d, p in enumerate(sure)]
plotting.image_rows(
    {"image": dreams},
    captions={"image": captions},
    title="The CNN is sure of each of these",
    alt="Mazes of black and white strokes; hardly a digit is to be seen.",
)

# %% [markdown]
# To be recognised is not the same as to look right.
# The CNN never had to know what a whole image looks like, only what tells a three from an eight.
# So the others need something that judges the whole.

# %% [markdown]
# ## GAN: it plays
#
# The GAN models nothing that you could write down; its generator just makes images, and a discriminator judges them whole.
# Here is chapter 2's, with fewer steps.

# %%
recipe = dataclasses.replace(gan.COURSE, num_steps=700)
game, playing = gan.train_course(
    recipe, mnist.train_images, mnist.train_labels, seed=0
)
noise = torch.randn(5000, recipe.latent_dim, generator=rng)
draw("GAN", playing, lambda: gan.sample(game.ema.network, noise, labels))

# %% [markdown]
# ## VAE: it maps
#
# The VAE models $p(x)$ through latents, and bounds it from below.
# Here is chapter 3's, with fewer epochs; it knows no labels, so its digits come as they come.

# %%
mapper, mapping = vae.train_course(
    dataclasses.replace(vae.MINUTE, epochs=4.0), mnist.train_images, seed=0
)
prior = torch.randn(5000, mapper.latent_dim, generator=rng)
draw("VAE", mapping, lambda: vae.sample(mapper, prior))

# %% [markdown]
# ## GPT: it writes
#
# A GPT writes one token after another, so an image must become a text first.
# Cut it into patches of 4 by 4 pixels, 49 of them, and give each the number of the most similar of 256 patches: a *codebook* [(van den Oord et al., 2017)](#oord2017neural).
# It is made by *k-means*: each code moves to the mean of the patches that are nearest to it, again and again.

# %%
show_source(digits.learn_codebook)

# %%
codebook = digits.learn_codebook(mnist.train_images[:5000], 256, rng)
tokens = codebook.encode(mnist.train_images)
assert tokens.shape == (60_000, 49)

# %%
print("a seven as a text:")
for row in tokens[15].view(7, 7).tolist():
    print(" ".join(f"{token:3}" for token in row))

# %% [markdown]
# What is lost on the way there and back?
# Look at ten digits, and let the CNN read all test images again.

# %%
rebuilt = codebook.decode(codebook.encode(mnist.test_images))
logits = evaluation.predict(reader, rebuilt)
reread = evaluation.accuracy(logits, mnist.test_labels)
print(f"read from 49 tokens each: {reread:.2f} % right")
assert reread > accuracy - 1

# %%
plotting.image_rows(
    {"image": mnist.test_images[:10], "from 49 tokens": rebuilt[:10]},
    title="Little is lost when an image becomes 49 tokens",
    alt="Every digit can be read in both rows; the rebuilt have rougher edges.",
)

# %% [markdown]
# The first word of each text is the digit's name, so that you can ask for one.
# Step and optimizers are those of chapter 4, and the model is a smaller one of its kind; its positions are learned ones, as each stands for a place in the image.

# %%
texts = torch.cat([256 + mnist.train_labels[:, None], tokens], dim=1)
small = gpt.GPTRecipe(num_steps=480, batch_size=48, context=49, num_layers=2)

# %%
rng = training.seed_everything(0)
config = dataclasses.replace(small.config(256 + 10), positions="learned")
writer = gpt.GPT(config)

# %%
optimizers = gpt.course_optimizers(writer, small)
step = gpt.gpt_step(writer, *optimizers, bfloat16=gpt.has_bfloat16())
schedule = schedules.hold_then_fall(*optimizers, warmup=0.02, fall=small.fall)
pairs = (texts[:, :-1], texts[:, 1:])
batches = data.batches(pairs, small.batch_size, rng=rng)

# %%
writing = training.fit(
    step, batches, num_steps=small.num_steps, schedule=schedule, label="GPT"
)


# %% [markdown]
# To draw, give each text its first word, and let the model write the other 49.


# %%
def written():
    pages = []
    for names in labels.split(1000):
        prompts = [[256 + name] for name in names.tolist()]
        new = gpt.generate(writer.eval(), prompts, 49, gpt.Sampling(), rng)
        pages.append(codebook.decode(torch.tensor(new).clamp(max=255)))
    return torch.cat(pages)


# %%
draw("GPT", writing, written)

# %% [markdown]
# ## Look, then measure

# %%
wished = [f"a {digit}" for digit in labels[:12]]
rows = {"real": mnist.test_images, **drawn}
rows = {name: images[:12] for name, images in rows.items()}
seen = """The GAN's have sharp strokes and many broken shapes, the VAE's are
soft and some unreadable, the GPT's are mostly readable, though not all show
the digit asked for, and rough at the edges."""

# %%
plotting.image_rows(rows, captions={"GAN": wished, "GPT": wished}, alt=seen)

# %%
for name, score in scores.items():
    print(
        f"{name:5} Fréchet {score.frechet:6.2f}  precision {score.precision:.2f}"
        f"  recall {score.recall:.2f}  coverage {score.coverage:.2f}"
    )

# %%
assert scores["GPT"].frechet < scores["GAN"].frechet / 1.5
assert scores["GPT"].frechet < scores["VAE"].frechet

# %%
plotting.side_by_side(scores, floor)

# %% [markdown]
# After so short a training the writer draws best: every one of its 49 tokens is a lesson with a right answer.
# The players must first find their balance, and the VAE draws the mean of what a code may stand for, which is soft.
# Read the numbers with the budget in mind: the seconds of training that each technique printed above, one seed, one size of network, and a GPT that computes with 16 bits where the processor can.
# They say how far each gets on two cores in such a time, not which idea is the best.
# With more than three times as many steps as here, chapter 2's GAN overtakes this GPT, as the book's table of measurements shows; its score there is of 10,000 images, which alone changes it little.
#
# ## What each can answer
#
# How good the images are is only one question.
# Another: how probable is this image?
#
# - The GAN cannot say.
# - The VAE gives a bound.
# - The GPT gives the exact number, for the image as 49 tokens: with the digit named it is $p(x \mid y)$, and the mean over ten equally likely names is $p(x)$.
# - The CNN answers another question: how probable is this digit, given the image?
#
# *Bayes' rule* turns the GPT's answer into the CNN's.
# If all digits are equally likely, $p(y \mid x)$ is proportional to $p(x \mid y)$: tell the model each of the ten names, and see with which one the image surprises it least.


# %%
@torch.no_grad()
def nats_by_name(images):
    rows = codebook.encode(images).repeat_interleave(10, dim=0)
    names = 256 + classes.repeat(len(images))[:, None]
    given = torch.cat([names, rows[:, :-1]], dim=1)
    logits = writer(given).transpose(1, 2)
    nats = F.cross_entropy(logits, rows, reduction="none")
    return nats.sum(1).view(-1, 10)


# %%
asked, answers = mnist.test_images[:500], mnist.test_labels[:500]
nats = torch.cat([nats_by_name(part) for part in asked.split(100)])
read_by_gpt = evaluation.accuracy(-nats, answers)
read_by_cnn = evaluation.accuracy(evaluation.predict(reader, asked), answers)
assert 90 < read_by_gpt < read_by_cnn

# %%
own = nats.gather(1, answers[:, None]).mean()
print(f"{own:.0f} nats an image of 49 tokens, its name given")
print(f"read by the GPT: {read_by_gpt:.1f} % of 500 test images,", end=" ")
print(f"by the CNN: {read_by_cnn:.1f} %")

# %% [markdown]
# Here are digits that the GPT misreads; under each stand its label and what the two read.

# %%
by_gpt = nats.argmin(1)
by_cnn = evaluation.predict(reader, asked).argmax(1)
wrong = (by_gpt != answers).nonzero()[:8, 0]

# %%
captions = [f"{answers[i]}: GPT {by_gpt[i]}\nCNN {by_cnn[i]}" for i in wrong]
plotting.image_rows(
    {"image": asked[wrong]},
    captions={"image": captions},
    alt="Test digits, most of them oddly written.",
)

# %% [markdown]
# A model that was only ever trained to draw can read.
# The CNN reads better, in a fraction of the time: who needs only the answer should model only the answer.

# %% [markdown]
# ## The four in one table
#
# | | CNN | GAN | VAE | GPT |
# |---|---|---|---|---|
# | models | $p(y \mid x)$ | samples only | $p(x)$, from below | $p(x)$, exactly, piece by piece |
# | is trained by | cross-entropy with labels | a game of two losses | reconstruction and KL | cross-entropy with the next piece |
# | draws | not at all | in one pass | in one pass | one pass for each piece |
# | is judged by | accuracy | judge and floor | nats, judge and floor | nats or bits, judge and floor |
# | typical failure | sure of nonsense | collapse | blur, unused latents | repetition, slow drawing |
# | is used now for | recognition, judging, parts of the others | sharpening, speech, quick drawing | compressing for latent diffusion | text, code, chat, and images as tokens |

# %%
for name in drawn:
    print(
        f"{name}: {trained[name]:.0f} s of training,"
        f" {drawing[name]:.2f} s for 1,000 digits"
    )
assert drawing["GPT"] > 2 * drawing["VAE"]

# %% [markdown]
# ## The numbers of this run
#
# What the run above measured, in one place; the book's table of measurements is made of these.

# %%
numbers = {"accuracy": ("the CNN's accuracy", f"{accuracy:.2f} %")}
for name, score in scores.items():
    measured = {
        "frechet": ("Fréchet distance", f"{score.frechet:.2f}"),
        "coverage": ("coverage", f"{score.coverage:.2f}"),
        "seconds": ("training", f"{trained[name]:.0f} s"),
        "drawing": ("drawing 1,000 digits", f"{drawing[name]:.2f} s"),
    }
    for short, (what, value) in measured.items():
        numbers[f"{name.lower()}_{short}"] = (f"{name}, {what}", value)

# %%
evaluation.record(
    floor=("real images, Fréchet distance", f"{floor.frechet:.2f}"),
    reads=("500 digits read by the GPT", f"{read_by_gpt:.1f} %"),
    **numbers,
)

# %% [markdown]
# ## Summary
#
# - A model of the answer, $p(y \mid x)$, is small and quick, and cannot draw.
# - A game gives sharp samples in one pass and no probabilities.
# - A map gives codes, interpolation and a bound, and blurs what the codes leave out.
# - A writer gives exact probabilities of whatever can be cut into tokens, and pays with one pass for each.
# - No number means anything without its budget, its judge and its floor.
#
# You have now built all four techniques and measured them side by side.
# The book's last chapter says where to go next.

# %% [markdown]
# ## Exercises
#
# ### Exercise: Who would you ask?
#
# For each of these, name the technique that you would try first, and why: finding cracks in photographs of bridges; making a thousand new icons a second; filling in a missing word; finding unusual readings of a sensor.
#
# <details><summary>Solution</summary>
#
# A CNN for the cracks, as only an answer is asked for.
# A GAN for the icons, as it draws sharp images in one pass.
# A Transformer for the word: it reads everything before it, and with an encoder everything after it too.
# A VAE for the sensor: readings that its codes cannot describe have a poor bound, so they often stand out.
# Try it on readings that you know to be unusual: such models have found other data more probable than their own [(Nalisnick et al., 2019)](#nalisnick2019do).
#
# </details>

# %% [markdown]
# ### Exercise: A colder writer
#
# In `written`, give `gpt.Sampling` a `temperature=0.8`, and compare precision and recall with the numbers above.
# What do you expect?
#
# <details><summary>Solution</summary>
#
# A lower temperature prefers likely digits.
# Precision rises, since odd patches become rare, and recall falls, since rare handwriting does too.
#
# </details>

# %% [markdown]
# ## References
#
# The papers of each technique stand in its chapter.
# Images as codes of patches come from [(van den Oord et al., 2017)](#oord2017neural), who learn the codebook with an encoder; a well-known GPT on pixels is that of [(Chen et al., 2020)](#chen2020generative).
