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
# # 1. CNN: how a network learns to see
#
# A *convolutional neural network* looks at an image through small *filters* that slide over it.
# Nobody designs the filters: the network learns them from examples.
# By the end of this chapter you can say what each *layer* does, count its *weights*, train it in seconds, and judge it honestly.
#
# The chapter starts from a short listing in an article on AI-generated content.
# You run that listing, measure it, and then improve it step by step until it is dozens of times faster.

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
import itertools
import math
import tempfile
import time

import torch
from torch import nn
from torch.nn import functional as F

from aigc_utils import cnn, data, evaluation, plotting, schedules, training
from aigc_utils.source import show_source

# %% [markdown]
# ## Why it matters
#
# Much of what generates content stands on networks that recognise it.
# A *GAN* trains a recogniser to tell real images from made ones.
# A *VAE* compresses an image before it makes new ones.
# Many systems that paint from a sentence do their work inside convolutional networks, others inside the networks of chapter 4.
# So you begin with recognition: which digit is this?
#
# The digits come from *MNIST*, 70,000 handwritten digits of 28 by 28 pixels [(LeCun et al., 1998)](#lecun1998gradient).
# They travel inside the course's package [(LeCun et al., 2010)](#lecun2010mnist), so you need no internet connection.

# %%
mnist = data.load_mnist()
print("training:", tuple(mnist.train_images.shape), mnist.train_images.dtype)
print("test:    ", tuple(mnist.test_images.shape), mnist.test_images.dtype)

# %%
plotting.image_grid(
    mnist.train_images[:20],
    title="The first training images",
    alt="Handwritten digits; the same one is slanted, thin or bold by turns.",
)

# %% [markdown]
# The *labels* say which digit each image shows.
# The *training set* has 60,000 images to learn from.
# The *test set* has 10,000 that the network never trains on.
# A third part, the *validation set*, is cut from the training set.
# You compare ideas on the validation set, and you open the test set once, at the end.

# %%
train_images, train_labels, held_images, held_labels = data.split(
    mnist.train_images, mnist.train_labels, validation=5000, seed=0
)
print(f"{len(train_images):,} images to train on")
print(f"{len(held_images):,} held back to choose by")

# %% [markdown]
# ## The idea in a picture
#
# *Deep learning* stacks *layers*.
# The *input layer* takes the raw data, here 784 pixels.
# Each *hidden layer* turns what it gets into *features*: edges first, then strokes, then parts of digits.
# The *output layer* gives the result, here one number for each of ten classes.
#
# Here is the first training image, with the probabilities that a perfect network would give.

# %%
digit = mnist.train_images[0, 0] / 255
plotting.layers_drawing(digit, F.one_hot(mnist.train_labels[0], 10).float())

# %% [markdown]
# In a *fully connected layer* each *neuron* has a weight for every input.
# That is a poor fit for images: a stroke in the upper left and the same stroke in the lower right share nothing.
# A *convolution* shares: one small filter looks at every place.

# %% [markdown]
# ## A convolution by hand
#
# Take a *kernel* of 3 by 3 weights.
# Lay it on the image, multiply each weight with the pixel under it, and add up the nine products.
# Then move it by one pixel and do the same again.


# %%
def cross_correlate(image, kernel):
    size = len(kernel)
    result = torch.zeros(image.shape[0] - size + 1, image.shape[1] - size + 1)
    for row in range(result.shape[0]):
        for column in range(result.shape[1]):
            patch = image[row : row + size, column : column + size]
            result[row, column] = (patch * kernel).sum()
    return result


# %% [markdown]
# This kernel asks "is there more ink above than below?".
# It gives a large positive number at the lower edge of a stroke and a negative one at the upper edge.

# %%
kernel = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -1.0, -1.0]])
edges = cross_correlate(digit, kernel)
plotting.convolution_steps(digit, kernel, edges, at=(8, 11))

# %% [markdown]
# The nine products add up to one pixel of the result.
# PyTorch does the same, only faster.

# %%
by_torch = F.conv2d(digit[None, None], kernel[None, None])[0, 0]
assert torch.allclose(edges, by_torch, atol=1e-6)
print("largest difference:", f"{(edges - by_torch).abs().max():.1e}")

# %% [markdown]
# Mathematicians call this *cross-correlation*.
# Their convolution turns the kernel by 180 degrees first.
# For a learned kernel the difference does not matter, since the network would simply learn the turned one.
#
# ### Padding and stride
#
# The result is smaller than the image: a kernel of size $k$ fits $n - k + 1$ times into $n$ pixels.
# *Padding* adds $p$ rows of zeros around the image, and a *stride* of $s$ moves the kernel by $s$ pixels at a time.
# Together they give
#
# $$
# n_{\text{out}} = \left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1 .
# $$


# %%
def output_size(size, kernel_size, padding=0, stride=1):
    return (size + 2 * padding - kernel_size) // stride + 1


# %% [markdown]
# PyTorch's layer gives the same sizes.

# %%
for k, p, s in [(3, 0, 1), (3, 1, 1), (5, 0, 1), (5, 2, 2), (2, 0, 2)]:
    layer = nn.Conv2d(1, 1, kernel_size=k, padding=p, stride=s)
    measured = layer(digit[None, None]).shape[-1]
    assert measured == output_size(28, k, p, s)
    print(f"kernel {k}, padding {p}, stride {s}:  28 -> {measured}")

# %% [markdown]
# ### Channels
#
# One kernel finds one pattern, so a layer has many.
# Each kernel makes one *feature map*, and the maps together are the *channels* of the layer's output.
# A kernel of the next layer reads all of them at once: its weights have the shape (channels in, height, width).
#
# A layer with $c_{\text{in}}$ channels in and $c_{\text{out}}$ channels out has
# $(c_{\text{in}} \, k^2 + 1) \, c_{\text{out}}$ *parameters*; the one is the *bias*.

# %%
layer = nn.Conv2d(in_channels=32, out_channels=64, kernel_size=3, padding=1)
counted = sum(p.numel() for p in layer.parameters())
assert counted == (32 * 3 * 3 + 1) * 64
print(f"{counted:,} parameters, whatever the size of the image")

# %% [markdown]
# ### Between two layers
#
# Two convolutions in a row are only one larger convolution: sums of sums are sums.
# So something that is not a sum stands between them, an *activation* function.
# The plainest is the *ReLU* [(Nair and Hinton, 2010)](#nair2010rectified): it sets negative values to zero and lets the others pass.

# %% [markdown]
# ### Pooling
#
# *Pooling* makes the maps smaller: of every 2 by 2 pixels it keeps the largest.
# People often say that pooling makes a network blind to small shifts.
# Measure it: move the digit by one pixel and compare the edge maps before and after pooling.


# %%
def changed(a, b):
    return ((a - b).abs().sum() / a.abs().sum()).item()


# %%
still = F.conv2d(digit[None, None], kernel[None, None])
moved = F.conv2d(digit.roll(1, dims=1)[None, None], kernel[None, None])
before = changed(still, moved)
after = changed(F.max_pool2d(still, 2), F.max_pool2d(moved, 2))

# %%
assert 0.1 < after < before
print(f"a shift of one pixel changes {100 * before:.0f} % before pooling,")
print(f"and {100 * after:.0f} % after it")

# %% [markdown]
# Pooling softens the change, and much of it remains [(Zhang, 2019)](#zhang2019making).
# Keep that in mind for the experiment with shifted digits below.
#
# ### Receptive field
#
# A neuron deep in the network sees more of the image than the size of its own kernel.
# Its *receptive field* is the square of pixels that can move its value.
# A layer with kernel $k$ adds $(k - 1)$ steps to it, and each step is as wide as the product of all the strides before it.

# %%
kernels_and_strides = {
    "first convolution": (5, 2),
    "second convolution": (3, 1),
    "pooling": (2, 2),
    "third convolution": (3, 1),
}

# %% [markdown]
# These are the layers of the network that you train below.

# %%
sizes, field, step_width = {}, 1, 1
for name, (k, s) in kernels_and_strides.items():
    field += (k - 1) * step_width
    step_width *= s
    sizes[name] = field
    print(f"{name:18} sees {field:2} by {field:2} pixels")

# %% [markdown]
# Three small kernels, one stride and one pooling are enough to see a square of 19 by 19 pixels, almost a whole digit.

# %% [markdown]
# ## The mathematics of learning
#
# ### From scores to a loss
#
# The output layer gives ten scores $z_0, \dots, z_9$, the *logits*.
# The *softmax* turns them into positive numbers that add up to one:
#
# $$
# p_i = \frac{e^{z_i}}{\sum_j e^{z_j}} .
# $$
#
# The *loss* says how bad the answer is.
# For the true class $y$ the *cross-entropy* is $-\log p_y$: zero for a certain right answer, large for a certain wrong one.
# It is measured in *nats*, the unit of the natural logarithm.

# %%
logits = torch.tensor([[2.0, 1.0, -1.0]])
label = torch.tensor([0])
probabilities = logits.exp() / logits.exp().sum()
by_hand = -probabilities[0, 0].log()
assert torch.isclose(by_hand, F.cross_entropy(logits, label))

# %%
print("probabilities:", [f"{p:.3f}" for p in probabilities[0]])
print(f"loss: {by_hand:.4f} nats")

# %% [markdown]
# `F.cross_entropy` takes logits and applies the softmax itself.
# If your network ends in a softmax too, it is applied twice.
# Nothing fails, and that is the trap: even a perfect network then cannot bring the loss near zero.

# %%
perfect = F.one_hot(label, 10).float()
floor = F.cross_entropy(perfect, label).item()
print(f"smallest loss of ten classes with a softmax too many: {floor:.4f} nats")

# %% [markdown]
# ### Gradient descent
#
# The *gradient* of the loss says for each weight in which direction the loss grows.
# *Gradient descent* takes a step the other way, of a length set by the *learning rate* $\eta$:
#
# $$
# w \leftarrow w - \eta \, \nabla_w L .
# $$
#
# In practice each step looks at a small random *batch* of images, not at all of them.
# *Backpropagation* computes all gradients in one sweep from the loss back to the first layer [(Rumelhart et al., 1986)](#rumelhart1986learning).
#
# Losses often look like a long narrow valley: steep across, flat along.
# *Momentum* keeps some of the last step's direction.
# *Adam* divides each weight's step by the usual size of its gradient [(Kingma and Ba, 2015)](#kingma2015adam).

# %%
curvature = torch.tensor([0.5, 12.0])


def walk(make_optimizer, steps=30):
    weights = nn.Parameter(torch.tensor([-2.0, 0.9]))
    optimizer = make_optimizer([weights])
    path = [weights.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        (curvature * weights**2 / 2).sum().backward()
        optimizer.step()
        path.append(weights.detach().clone())
    return torch.stack(path)


# %%
paths = {
    "gradient descent": walk(lambda w: torch.optim.SGD(w, lr=0.15)),
    "with momentum": walk(lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.6)),
    "Adam": walk(lambda w: torch.optim.Adam(w, lr=0.15, betas=(0.8, 0.95))),
}
plotting.descent_paths(paths, tuple(curvature.tolist()))

# %% [markdown]
# Plain descent bounces between the walls and creeps along the floor.
# A learning rate above $2 / 12$, two over the larger curvature, would throw it out of the valley.

# %% [markdown]
# ## The article's network
#
# Now you have all the parts.
# This is the network of the article: two convolutions, each with pooling, then two fully connected layers.

# %%
show_source(cnn.ArticleCNN)

# %%
article = cnn.ArticleCNN()
for name, module in article.named_children():
    count = sum(p.numel() for p in module.parameters())
    if count:
        print(f"{name:6} {count:8,}")

# %%
total = sum(p.numel() for p in article.parameters())
assert total == 421_642
print(f"total  {total:8,}")

# %% [markdown]
# More than nine tenths of the weights sit in one fully connected layer.
# The two convolutions, which do the seeing, have less than five in a hundred.

# %% [markdown]
# ### The article's listing, one epoch of five
#
# The listing reads images through torchvision's `MNIST` and a `DataLoader`.
# The lines below are the article's, with two changes.
# `mnist_root` puts the package's files where torchvision looks, so that nothing is downloaded.
# And the last line but one keeps the images that are held back out of the training.
# One *epoch* is one pass over the training set.
# You run one epoch here and see the loss fall.
# All five are timed in the ladder near the end of the chapter.

# %%
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

torch.manual_seed(0)
transform = transforms.Compose(
    [transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]
)

# %%
train_dataset = datasets.MNIST(
    root=data.mnist_root(), train=True, transform=transform, download=True
)
train_dataset.data, train_dataset.targets = train_images[:, 0], train_labels
train_loader = DataLoader(dataset=train_dataset, batch_size=64, shuffle=True)

# %% [markdown]
# Here is the training loop with nothing hidden.
# Five lines do the work: forget the old gradients, compute the loss, compute its gradients, and take a step, for each batch.

# %%
model = cnn.ArticleCNN()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

# %%
article_losses = []
start = time.perf_counter()
for index, (images, labels) in enumerate(train_loader):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
    article_losses.append(loss.item())
    if index % 100 == 0:
        progress = f"Step [{index + 1}/{len(train_loader)}]"
        print(f"Epoch [1/5], {progress}, Loss: {loss.item():.4f}")
article_epoch = time.perf_counter() - start
print(f"one epoch took {article_epoch:.1f} s")

# %% [markdown]
# A network that guesses has a loss of $\log 10$, with ten classes.
# Most of the way down from there is done in the first hundred steps.

# %%
guessing = math.log(10)
at_100 = sum(article_losses[80:120]) / 40
at_the_end = sum(article_losses[-40:]) / 40
assert guessing - at_100 > 4 * (at_100 - at_the_end)

# %%
lines = {"training loss": (range(1, len(article_losses) + 1), article_losses)}
finding = "The article's listing learns most in its first hundred steps"
axes = {"x_label": "step", "y_label": "loss (nats)"}
plotting.curves(lines, marks={"guessing": guessing}, title=finding, **axes)

# %% [markdown]
# The article stops here.
# It never asks how the network does on images that it has not seen.
# Ask, with the held-back images.


# %%
@torch.no_grad()
def article_accuracy(images, labels):
    scaled = (images / 255 - 0.5) / 0.5  # as in the listing
    scores = torch.cat([model(part) for part in scaled.split(1000)])
    return evaluation.accuracy(scores, labels)


# %%
article_held = article_accuracy(held_images, held_labels)
assert article_held > 96
print(f"{article_held:.2f} % of the held-back digits are read right")

# %% [markdown]
# ## The course's network
#
# You can do better, and much faster.
# The first step costs nothing: the `DataLoader` picks, converts and normalises each image on its own, in every epoch again.
# The images lie in memory as one *tensor*, so the course cuts whole batches out of it.


# %%
def seconds_for(batches, count=200):
    start = time.perf_counter()
    for _ in itertools.islice(batches, count):
        pass
    return time.perf_counter() - start


# %%
rng = torch.Generator().manual_seed(0)
cut = data.batches((train_images, train_labels), 64, rng=rng)
from_memory = seconds_for(data.standardize(images) for images, _ in cut)
from_loader = seconds_for(train_loader)

# %%
print(f"200 batches by loader:   {from_loader:.2f} s")
print(f"200 batches from memory: {from_memory:.2f} s")
assert from_loader > 5 * from_memory

# %% [markdown]
# The second step is a better network.
# Read it from top to bottom.

# %%
show_source(cnn.CourseCNN)

# %%
course = cnn.CourseCNN(cnn.SPRINT.widths)
course_total = sum(p.numel() for p in course.parameters())
assert course_total < total / 10
print(f"{course_total:,} parameters,", end=" ")
print(f"a {total / course_total:.0f}th of the article's")

# %% [markdown]
# Five things are new.
#
# - *Batch normalisation* gives each channel mean zero and variance one over the batch, and then a scale and a shift that it learns, so that every layer gets inputs of a steady scale [(Ioffe and Szegedy, 2015)](#ioffe2015batch).
# - *GELU* is a smooth relative of the ReLU [(Hendrycks and Gimpel, 2016)](#hendrycks2016gelu).
# - A first convolution with stride 2 makes a quarter of the pixels, so all that follows has a quarter of the work.
# - Pooling comes early, before the norm and the activation, for the same reason.
# - There is no large fully connected layer: the last convolution leaves 3 by 3 places, and one small layer reads them.
#
# The third step is the way of training.
# The learning rate rises and then falls to zero, a *one-cycle schedule* [(Smith and Topin, 2019)](#smith2019super).
# The filters are trained by *Muon*, which brings each update near an orthogonal matrix, so that every direction learns at the same pace [(Jordan et al., 2024)](#jordan2024muon).
# The code below sets it up; the optimizer itself is short, in `aigc_utils/optimizers.py`.

# %%
show_source(cnn.classifier_step, cnn.course_optimizers, cnn.train_course)

# %% [markdown]
# `train_course` uses the course's training loop, `training.fit`.
# It does what your five lines did and adds a progress bar, a history, evaluation at intervals and a clean stop.
# All chapters use it.
# Press the stop button while it runs: model and history stay whole.

# %% [markdown]
# ## Train, with five seeds
#
# A *seed* decides the first weights and the order of the images.
# One run could be luck, so you make five.

# %%
networks, histories = [], []
held = (held_images, held_labels)
for seed in range(5):
    network, history = cnn.train_course(
        cnn.SPRINT, train_images, train_labels,
        seed=seed, test=held, evaluate_every=40,
    )  # fmt: skip
    networks.append(network)
    histories.append(history)

# %%
for seed, history in enumerate(histories):
    accuracy, seconds = history["accuracy"][-1], history.seconds
    print(f"seed {seed}: {accuracy:.2f} % after {seconds:.1f} s")

# %%
plotting.seed_curves(histories)

# %% [markdown]
# The curves lie close together.
# The *accuracy* rises to the very end.
# That is the falling learning rate at work: while it is high, the weights jump around the minimum; as it falls, they settle.
# The loss does not fall to zero, and it should not: *label smoothing* asks for 91 % certainty, not for 100 % [(Szegedy et al., 2016)](#szegedy2016rethinking).

# %%
final = sorted(history["accuracy"][-1] for history in histories)
seconds = sorted(history.seconds for history in histories)
assert final[2] > 98.5

# %%
print(f"median accuracy: {final[2]:.2f} %")
print(f"the listing's after one epoch of five: {article_held:.2f} %")
print(f"median time: {seconds[2]:.1f} s,", end=" ")
print(f"the listing's one epoch {article_epoch:.1f} s")

# %% [markdown]
# ## Look at what it learned
#
# The first layer's filters began as random numbers.
# Nobody told them what to look for, and what they find can be made visible [(Zeiler and Fergus, 2014)](#zeiler2014visualizing).
# Some have become edge detectors; others are harder to name.

# %%
model = networks[0].eval()
filters = model.features[0].weight.detach()[:8, 0]
sample = held_images[3:4]
with torch.no_grad():
    # The first block: its convolution, its norm and its activation.
    answers = model.features[:3](data.standardize(sample))[0, :8]

# %% tags=["live-cnn"]
plotting.feature_maps(filters, sample[0, 0], answers.clamp(min=0))

# %% [markdown]
# You computed the receptive field of the third convolution above.
# Now measure it: which pixels move the values at its middle place, and how much?

# %%
pixels = data.standardize(held_images[:500]).requires_grad_()
model.features(pixels)[:, :, 1, 1].sum().backward()
influence = pixels.grad[:, 0].abs().mean(0)

# %%
reached = (influence > 0).nonzero()
side = (reached.max(0).values - reached.min(0).values + 1).tolist()
assert side == [sizes["third convolution"]] * 2
print(f"measured receptive field: {side[0]} × {side[1]} pixels")

# %%
shown = {name: sizes[name] for name in sizes if "convolution" in name}
plotting.receptive_fields(held_images[3, 0] / 255, shown, influence)

# %% [markdown]
# The field is a square, and the middle counts most.
# The part that really matters is smaller than the theory says [(Luo et al., 2016)](#luo2016understanding).

# %% [markdown]
# ## Measure it
#
# All choices are made, so open the test set, once.

# %%
test_logits = evaluation.predict(model, mnist.test_images)
test_accuracy = evaluation.accuracy(test_logits, mnist.test_labels)
assert test_accuracy > 98.5
print(f"test accuracy: {test_accuracy:.2f} %")

# %%
matrix = evaluation.confusion_matrix(test_logits, mnist.test_labels)
confidence, predicted = test_logits.softmax(1).max(1)
wrong = (predicted != mnist.test_labels).nonzero()[:, 0]
worst = wrong[confidence[wrong].argsort(descending=True)][:9]

# %%
captions = [
    f"{mnist.test_labels[i]} read as {predicted[i]}\n"
    f"{100 * confidence[i]:.0f} % sure"
    for i in worst
]
plotting.confusion(matrix, mnist.test_images[worst, 0], captions)

# %% [markdown]
# Look at the images: some would puzzle you too.
#
# ### Is 99 % confidence 99 % right?
#
# The softmax output looks like a probability.
# It is one only if the network is right as often as it says.
# *Calibration* compares the two [(Guo et al., 2017)](#guo2017calibration).
# To see what label smoothing does to it, train one network without.

# %%
plain_recipe = dataclasses.replace(cnn.SPRINT, label_smoothing=0.0)
plain, _ = cnn.train_course(plain_recipe, train_images, train_labels, seed=0)

# %%
cases = {
    "no label smoothing": (plain, held_images),
    "label smoothing": (model, held_images),
    "digits moved by 6 pixels": (plain, held_images.roll(6, dims=3)),
}

# %%
measured = {}
for name, (network, images) in cases.items():
    logits = evaluation.predict(network, images)
    measured[name] = evaluation.calibration(logits, held_labels)

# %%
plotting.reliability(measured)

# %% [markdown]
# On digits like those it trained on, the plain network is well calibrated.
# Label smoothing makes the network too modest, by design.
# On digits moved to the side the plain network is far too sure of itself.
# Softmax only compares the network's own scores; it does not know when the world has changed.

# %%
upside_down = held_images.flip(2, 3)
scores = evaluation.predict(plain, upside_down)
sure = 100 * scores.softmax(1).max(1).values.mean().item()
right = evaluation.accuracy(scores, held_labels)
assert sure > right + 10
print(f"upside down: {right:.0f} % right, and on average {sure:.0f} % sure")

# %% [markdown]
# ## What goes wrong, and why
#
# ### Shifted digits
#
# A convolution slides, so a moved digit gives moved feature maps.
# Does the whole network then not care where a digit stands?
# Compare three networks on digits moved sideways: fully connected layers alone, the course's network, and the course's network trained with *augmentation*.
# Here it moves each training image by a random offset of up to three pixels, anew each time [(Simard et al., 2003)](#simard2003best).

# %%
show_source(cnn.random_shift)

# %%
rng = training.seed_everything(0)
mlp = cnn.MLP()
step = cnn.classifier_step(mlp, torch.optim.Adam(mlp.parameters(), lr=0.001))
train = data.batches((train_images, train_labels), 128, rng=rng)
learning = training.fit(step, train, num_steps=800, label="fully connected")

# %%
augmented, _ = cnn.train_course(
    dataclasses.replace(cnn.SPRINT, max_shift=3),
    train_images, train_labels, seed=0,
)  # fmt: skip


# %%
def accuracy_when_moved(network, shift):
    moved = held_images[:2000].roll(shift, dims=3)
    return evaluation.accuracy(
        evaluation.predict(network, moved), held_labels[:2000]
    )


# %%
shifts = range(-8, 9)
accuracies = {
    "fully connected": [accuracy_when_moved(mlp, s) for s in shifts],
    "CNN": [accuracy_when_moved(model, s) for s in shifts],
    "CNN with augmentation": [
        accuracy_when_moved(augmented, s) for s in shifts
    ],
}

# %%
two = shifts.index(2)
assert accuracies["fully connected"][two] < 90 < accuracies["CNN"][two]
assert accuracies["CNN"][-1] < 50

# %%
plotting.shift_curves(shifts, accuracies, trained=3)

# %% [markdown]
# Two pixels are enough to trouble the fully connected network; the convolutional one holds out much longer.
# It falls too, once the digit leaves the middle: its last layer has weights of its own for each of the 3 by 3 places, and what leaves the image on one side comes back on the other.
# What a network should not care about, it has to be shown.

# %% [markdown]
# ### A softmax too many
#
# Here is the trap from above, measured: the same network and the same 150 steps, once with logits and once with a softmax before the loss.


# %%
def train_with_ending(*layers):
    rng = training.seed_everything(0)
    net = nn.Sequential(cnn.CourseCNN(), *layers)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    step = cnn.classifier_step(net, optimizer)
    train = data.batches((train_images, train_labels), 128, rng=rng)
    history = training.fit(step, train, num_steps=150, label="softmax")
    right = evaluation.accuracy(
        evaluation.predict(net, held_images), held_labels
    )
    print(f"{right:.1f} % of the held-back images read right")
    return history


# %%
once = train_with_ending()
twice = train_with_ending(nn.Softmax(dim=1))
assert min(twice["loss"]) > floor

# %%
lines = {
    "logits (right)": once.curve("loss", 10),
    "softmax before the loss": twice.curve("loss", 10),
}
finding = f"With a softmax too many the loss cannot fall below {floor:.2f}"
plotting.curves(lines, marks={"floor": floor}, title=finding, **axes)

# %% [markdown]
# The gradient shrinks as the first softmax saturates, so what is still wrong is mended slowly.
# The accuracy suffers little here, and so the mistake can stay hidden: look at the loss.
# A loss that stalls near 1.46 with ten classes is the fingerprint of this mistake.

# %% [markdown]
# ### Forgetting `eval()`
#
# In training, batch normalisation takes mean and variance from the batch at hand.
# In evaluation it uses running averages, so that an image's result does not depend on its neighbours.
# `model.eval()` makes the switch.
# Forget it, and the answer depends on the company that an image keeps.


# %%
@torch.no_grad()
def accuracy_in_training_mode(images, labels, batch_size):
    # A copy: even looking changes the running averages.
    net = copy.deepcopy(model).train()
    parts = [net(data.standardize(part)) for part in images.split(batch_size)]
    return evaluation.accuracy(torch.cat(parts), labels)


# %%
right = evaluation.accuracy(evaluation.predict(model, held_images), held_labels)
mixed = accuracy_in_training_mode(held_images, held_labels, 100)
pairs = accuracy_in_training_mode(held_images, held_labels, 2)

# %% [markdown]
# The worst company is one's own kind: sort the images, so that a batch holds one class.

# %%
order = held_labels.argsort()
by_class = accuracy_in_training_mode(
    held_images[order], held_labels[order], 100
)
assert by_class < mixed - 5

# %%
print(f"eval mode:                             {right:.2f} %")
print(f"training mode, batches of 100, mixed:  {mixed:.2f} %")
print(f"training mode, batches of 2:           {pairs:.2f} %")
print(f"training mode, one class to a batch:   {by_class:.2f} %")

# %% [markdown]
# With large mixed batches the mistake hardly shows, which is why it survives so long.
#
# ### Overfitting
#
# With few images a network can learn them by heart.
# Train on 500, with and without augmentation, and watch both accuracies.

# %%
few_images, few_labels = train_images[:500], train_labels[:500]


def seen_and_new(net):
    seen = evaluation.predict(net, few_images)
    new = evaluation.predict(net, held_images)
    return {
        "train": evaluation.accuracy(seen, few_labels),
        "held": evaluation.accuracy(new, held_labels),
    }


# %%
def train_on_few(max_shift):
    rng = training.seed_everything(0)
    net = cnn.CourseCNN()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.003)
    step = cnn.classifier_step(
        net, optimizer, augment=lambda x: cnn.random_shift(x, max_shift, rng)
    )
    few = data.batches((few_images, few_labels), 50, rng=rng)
    return training.fit(
        step, few, num_steps=400, schedule=schedules.one_cycle(optimizer),
        evaluate=lambda: seen_and_new(net), evaluate_every=40,
        label=f"500 images, shift {max_shift}",
    )  # fmt: skip


# %%
runs = {"no augmentation": train_on_few(0), "random shifts": train_on_few(2)}
gaps = [run["train"][-1] - run["held"][-1] for run in runs.values()]
assert gaps[0] > gaps[1] + 1

# %%
plotting.augmentation_gap(runs, images=len(few_images))

# %% [markdown]
# Without augmentation the network reads all 500 training images right, and many new ones wrong.
# This gap is *overfitting*.
# Shifts make new images out of old ones, and the gap shrinks.

# %% [markdown]
# ### Tuning on the test set
#
# Suppose that you try 200 *recipes* that are all equally good: each reads any image right with a chance of 99 %.
# You keep the one that scores best on the 10,000 test images.

# %%
rng = torch.Generator().manual_seed(0)
right = torch.rand(200, 10_000, generator=rng) < 0.99
scores = 100 * right.double().mean(1)
right_again = torch.rand(10_000, generator=rng) < 0.99
again = 100 * right_again.double().mean()

# %%
print(f"best of 200: {scores.max():.2f} %")
print(f"the same on new images: {again:.2f} %")
assert scores.max() > again

# %% [markdown]
# The best score is luck, and luck does not repeat.
# Every recipe of this course is chosen on held-back training images; the test set only reports.

# %% [markdown]
# ## Your own digit
#
# The network reads 99 of 100 test images.
# Does it then read your handwriting?
# That number says nothing about a photo.
# It is about images that were made as the training images were: white ink on pure black, 20 pixels high or wide, and in the middle.
#
# Here is a digit as a phone would see it: dark ink on paper, far from the middle, in light from one side.
# A few strokes and a shade stand in for paper and camera.

# %%
from PIL import Image, ImageDraw, ImageFilter

paper = Image.linear_gradient("L").resize((400, 400))
paper = paper.point(lambda value: 235 - value // 2)

# %%
pen = ImageDraw.Draw(paper)
for stroke in [(60, 70), (165, 60), (105, 220)], [(80, 145), (150, 138)]:
    pen.line(stroke, fill=50, width=10, joint="curve")
photo = paper.filter(ImageFilter.GaussianBlur(1.5))

# %% [markdown]
# `data.read_image` reads such a picture from a file.
# It takes a smooth surface for the light on the paper, and what differs from it for ink.
# Then it brings the ink into MNIST's form, in the steps by which MNIST was made [(LeCun et al., 1998)](#lecun1998gradient).

# %%
show_source(data.fit_to_mnist)

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "my_digit.png"
    photo.save(path)
    steps = data.image_steps(path)

# %% [markdown]
# `image_steps` keeps what comes between.
# Ask the network without label smoothing, since its confidence meant something on digits like those it trained on.

# %%
scores = evaluation.predict(plain, steps.digit)
assert scores.argmax() == 7
plotting.own_digit(steps, scores.softmax(1)[0])

# %% [markdown]
# How much of that is the preparation?
# Give the network the same photo with less of it: only made smaller, then also inverted, then with the paper removed, and at last scaled and centred.
# The images are drawn as the network gets them, with zero as white.

# %%
stages = torch.stack([steps.photo, 1 - steps.photo, steps.ink])[:, None]
small = F.interpolate(stages, (28, 28), mode="area").clamp(0, 1)
tried = torch.cat([data.to_uint8(small), steps.digit])
confidence, read = evaluation.predict(plain, tried).softmax(1).max(1)

# %%
names = ["the photo", "inverted", "paper removed", "fitted"]
captions = [
    f"{name}\nread as {digit}\n{100 * sure:.0f} % sure"
    for name, digit, sure in zip(names, read, confidence, strict=True)
]

# %%
plotting.image_grid(
    tried, titles=captions, cell=1.3,
    alt="The same digit, with zero drawn as white: small and pale on a dark "
    "ground, then dark on grey, dark on white, and at last large and central.",
)  # fmt: skip

# %% [markdown]
# One photo proves little.
# So spoil held-back digits, whose labels are known, in the ways of a photo, one at a time.

# %%
some = held_images[:2000]
half = F.avg_pool2d(data.to_float(some), 2)
spoiled = {
    "as in MNIST": some,
    "half as large": data.to_uint8(F.pad(half, [7] * 4)),
    "moved by 5 pixels": some.roll(5, dims=3),
    "dark on bright": 255 - some,
}

# %%
rights, sures = [], []
for images in spoiled.values():
    scores = evaluation.predict(plain, images)
    rights.append(evaluation.accuracy(scores, held_labels[:2000]))
    sures.append(100 * scores.softmax(1).max(1).values.mean().item())

# %%
for name, right, sure in zip(spoiled, rights, sures, strict=True):
    print(f"{name:17} {right:3.0f} % right, {sure:3.0f} % sure")
assert rights[0] > 97
assert max(rights[1:]) < 80
assert all(s > r + 5 for r, s in zip(rights[1:], sures[1:], strict=True))

# %% [markdown]
# A person reads all four alike.
# The network knows only the form in which it met its digits, and in any other it is surer than it is right.
# The preparation is as much a part of the reader as the network, and nothing in the test accuracy shows it.
#
# So try your own: photograph one digit, written with a thick pen on plain paper, and cut the picture to the sheet.
# Then `data.read_image("my_digit.jpg")` gives what `evaluation.predict` takes.
# Some of your digits will be misread: the writers of MNIST were American clerks and students, and other schools teach another one, four or seven.
# The network has no answer "none of these", either: a letter, a line of the paper or the shadow of your hand becomes a digit too.

# %% [markdown]
# ## The ladder: from the article's minutes to seconds
#
# How much did each step bring?
# This table comes from `python -m benchmarks ladder`, which runs every rung on one machine, each with three seeds, and shows the median.
# It takes a quarter of an hour, so its result is stored with the course; `python -m benchmarks ladder` repeats it on your machine.
# Compare its times with each other, and not with those above: they come from another machine.
# The accuracy is that on the test images.

# %%
stored = evaluation.load_results("ladder")
first, last = stored["rungs"][0], stored["rungs"][-1]
assert last["seconds"] < first["seconds"] / 40
print(f"measured on {stored['machine']}, torch {stored['torch']}")

# %%
for rung in stored["rungs"]:
    faster = first["seconds"] / rung["seconds"]
    print(f"{rung['name']:34} {rung['seconds']:6.1f} s", end=" ")
    print(f"{rung['accuracy']:.2f} %  {faster:5.1f} x")

# %%
plotting.ladder(stored["rungs"])

# %% [markdown]
# One idea did not earn its place, and that is a result too.

# %%
ideas = [*stored["dropped"], {**last, "name": "the last rung"}]
for idea in ideas:
    print(f"{idea['name']:24} {idea['seconds']:5.2f} s", end=" ")
    print(f"{idea['accuracy']:.2f} %")

# %% [markdown]
# On this processor *bfloat16* saves memory traffic, but its convolutions run slower than those in full precision.
# On a processor with matrix units for it, the result can be the opposite: measure on yours.
#
# Read the last two rungs together: smoothed labels and half an epoch save time and cost accuracy, and Muon wins it back.
# Read the whole ladder as a lesson in where time goes.
# No single trick does it: the data path, the memory layout, the schedule and the network each bring their part, and the parts multiply; the *optimizer* buys accuracy with a little time.
# A rung also has the settings that suit it: a fused Adam with the images in memory, batches of 128 from the schedule on, and a higher learning rate with the schedule and again with the course's network.

# %% [markdown]
# ## The numbers of this run
#
# What the run above measured, in one place; the book's table of measurements is made of these.

# %%
evaluation.record(
    accuracy=("accuracy on test images, seed 0", f"{test_accuracy:.2f} %"),
    held=("accuracy on held-back images, median of five", f"{final[2]:.2f} %"),
    seconds=("time of training, median of five", f"{seconds[2]:.1f} s"),
    listing=(
        "the article's network after one epoch of five, held-back images",
        f"{article_held:.2f} %",
    ),
    listing_seconds=(
        "the article's network, time of an epoch",
        f"{article_epoch:.1f} s",
    ),
)

# %% [markdown]
# ## Summary
#
# - A network is a stack of layers; it learns its features, nobody designs them.
# - A convolution is a small dot product that slides; it shares its weights over all places.
# - Sizes follow one formula, weights another, and you can count both before you run anything.
# - The loss takes logits. A softmax before it does harm in silence.
# - Training is five lines; everything else is comfort.
# - Choose on held-back images, report on the test set, and run more than one seed.
# - An accuracy holds for data made like the test's: a photo has to be brought into their form first.
# - *Confidence* is not accuracy, pooling is not *invariance*, and `eval()` is not optional.
#
# In the next chapter a network like this one becomes a judge, and a second network learns to fool it.

# %% [markdown]
# ## Exercises
#
# More of them, which check themselves, have a page of their own in the book, under "Exercises 1".
#
# ### Exercise: Count before you run
#
# A layer takes 3 channels of 32 by 32 pixels and gives 16 channels, with a 5 by 5 kernel, padding 2 and stride 2.
# How large are its maps, and how many parameters has it?
#
# <details><summary>Solution</summary>
#
# The maps have $\lfloor (32 + 4 - 5) / 2 \rfloor + 1 = 16$ pixels a side.
# The layer has $(3 \cdot 5^2 + 1) \cdot 16 = 1216$ parameters.
# Check it with `nn.Conv2d(3, 16, 5, padding=2, stride=2)`.
#
# </details>

# %% [markdown]
# ### Exercise: See further
#
# How many 3 by 3 convolutions with stride 1, and no pooling, does it take to see all 28 pixels of a row?
# What does a stride buy?
#
# <details><summary>Solution</summary>
#
# Each adds 2 pixels to a field that starts at 1, so $n$ layers see $1 + 2n$ pixels: it takes 14 of them.
# With one stride of 2 and one pooling the course's network sees 19 pixels after three convolutions.
# Each of the two makes all later steps twice as wide.
#
# </details>

# %% [markdown]
# ### Exercise: The price of a seed
#
# Two recipes end at 99.10 % and 99.20 %, with one seed each.
# Use the spread of your five seeds to say whether the second is better.
#
# <details><summary>Solution</summary>
#
# Compute the standard deviation of the five accuracies, for example with `torch.tensor(final).std()`.
# A difference of 0.1 points between two single runs says little when the spread is as large.
# Run several seeds of each, and compare the difference of the means with the spread.
#
# </details>

# %% [markdown]
# ## References
#
# The network of this chapter descends from LeNet [(LeCun et al., 1998)](#lecun1998gradient).
# The whole story of deep learning is told at book length by Goodfellow, Bengio and Courville [(Goodfellow et al., 2016)](#goodfellow2016deep).
# The chapter's other sources, with full titles, stand under References in the book, and in `book/references.bib`.
