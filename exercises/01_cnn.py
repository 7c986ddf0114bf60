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
# # Exercises 1: CNN
#
# These exercises belong to chapter 1.
# Put your answer where the code says so, run the cell, and then run the check below it.
# A check answers at once: correct, not yet, error, or not attempted.
# When you are stuck, run `hint("sizes")` with the exercise's name in a cell of your own; each has three hints.

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

from aigc_utils import cnn, plotting, training
from aigc_utils.data import batches, standardize
from aigc_utils.evaluation import predict
from aigc_utils.exercises import open_exercises
from aigc_utils.exercises.cnn import broken_pick
from aigc_utils.schedules import one_cycle
from aigc_utils.source import show_source

VARIANT = 0
check, hint, given = open_exercises("01_cnn", variant=VARIANT)

# %% [markdown]
# ## Count before you run
#
# **Predict**, 2 points. Its name is `sizes`.
#
# `given("sizes")` describes a convolution and the image that it reads.
# How many pixels does a side of its maps have, and how many parameters does the layer have?
# Behind it stands a second convolution, of 3 by 3 weights and stride 1: how many pixels of the image does a side of its *receptive field* have?
# Work it out before you build the layers.

# %% nbgrader={"grade": false, "grade_id": "sizes-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
layer = given("sizes")
layer

# %% nbgrader={"grade": false, "grade_id": "sizes", "locked": false, "schema_version": 3, "solution": true, "task": false}
sizes = {"side": ..., "parameters": ..., "field": ...}
### BEGIN SOLUTION
padded = layer.size + 2 * layer.padding
weights = layer.in_channels * layer.kernel_size**2
sizes = {
    "side": (padded - layer.kernel_size) // layer.stride + 1,
    "parameters": (weights + 1) * layer.out_channels,
    "field": layer.kernel_size + 2 * layer.stride,
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "sizes-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("sizes", sizes, rounds=4).require()
### END HIDDEN TESTS
check("sizes", sizes)

# %% [markdown]
# ## A filter slides, with padding and stride
#
# **Complete**, 3 points. Its name is `correlate`.
#
# The chapter's `cross_correlate` knows one channel, no padding and stride 1.
# Complete a function that knows all of it.
# `image` has the shape (C, H, W), `kernel` is one filter with the shape (C, $k$, $k$).
# The result is one map with the shape ($H_{\text{out}}$, $W_{\text{out}}$), as `F.conv2d` gives it without a bias.
#
# The first gap makes `padded`, the image with `padding` rows and columns of zeros on each of its four sides, and the map's `height` and `width`.
# The second gap puts one number into `result[row, column]`.
# An image need not be square.


# %% nbgrader={"grade": false, "grade_id": "correlate", "locked": false, "schema_version": 3, "solution": true, "task": false}
def correlate(image, kernel, padding, stride):
    size = kernel.shape[-1]
    ### BEGIN SOLUTION
    padded = F.pad(image, (padding,) * 4)
    height, width = ((n - size) // stride + 1 for n in padded.shape[1:])
    ### END SOLUTION
    result = torch.zeros(height, width)
    for row in range(height):
        for column in range(width):
            ### BEGIN SOLUTION
            y, x = row * stride, column * stride
            window = padded[:, y : y + size, x : x + size]
            result[row, column] = (window * kernel).sum()
            ### END SOLUTION
    return result


# %% nbgrader={"grade": true, "grade_id": "correlate-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("correlate", correlate, rounds=4).require()
### END HIDDEN TESTS
check("correlate", correlate)

# %% [markdown]
# ## Cross-entropy from logits
#
# **Write**, 3 points. Its name is `cross_entropy`.
#
# Write the mean cross-entropy of logits with the shape (N, classes) and labels with the shape (N,), in nats and without `F.cross_entropy`.
# It must hold for logits in the hundreds too, where $e^z$ is too large for a 32-bit number.
# What may you add to all logits of a row without changing their softmax?


# %% nbgrader={"grade": false, "grade_id": "cross_entropy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cross_entropy(logits, labels):
    ### BEGIN SOLUTION
    shifted = logits - logits.max(1, keepdim=True).values
    log_p = shifted - shifted.exp().sum(1, keepdim=True).log()
    return -log_p[torch.arange(len(labels)), labels].mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "cross_entropy-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("cross_entropy", cross_entropy, rounds=4).require()
### END HIDDEN TESTS
check("cross_entropy", cross_entropy)

# %% [markdown]
# **What to take from it.**
# Subtract the largest logit of a row, and the largest term is $e^0$: nothing overflows, and the probabilities stay what they are.
# PyTorch's loss does the same, and that is one more reason why it takes logits.

# %% [markdown]
# ## A sealed envelope
#
# **Mend**, 3 points. Its name is `pick_recipe`.
#
# Twenty *recipes* are tried, and the best is to be reported with its accuracy.
# `validate(recipe, seed)` trains a network by a recipe with a *seed* and returns its accuracy on the *validation set*; `test(recipe)` returns one on the *test set*, both in percent.
# The function below is broken, and you see what it claims.
# Here nothing is trained: the scores are drawn at random around the true accuracy of each recipe, as for 1000 images, so that we know what is true of new images.

# %% nbgrader={"grade": false, "grade_id": "pick_recipe-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
show_source(broken_pick)
lab = given("pick_recipe")
best, claimed = broken_pick(lab.recipes, lab.seeds, lab.validate, lab.test)
print(f"{best}: {claimed:.1f} % claimed")
right = lab.on_new_images(best)
print(f"of new images it classifies {right:.1f} % correctly")

# %% [markdown]
# Write `pick_recipe`, which takes the same.
# It returns two things: the recipe with the highest mean validation accuracy over all `seeds`, and the test accuracy of this recipe.
# Nothing that it chooses may depend on the test set: `test` may be called once.


# %% nbgrader={"grade": false, "grade_id": "pick_recipe", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pick_recipe(recipes, seeds, validate, test):
    ### BEGIN SOLUTION
    def mean(recipe):
        return sum(validate(recipe, seed) for seed in seeds) / len(seeds)

    best = max(recipes, key=mean)
    return best, test(best)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pick_recipe-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("pick_recipe", pick_recipe, rounds=4).require()
### END HIDDEN TESTS
check("pick_recipe", pick_recipe)

# %%
best, found = pick_recipe(lab.recipes, lab.seeds, lab.validate, lab.test)
print(f"{best}: {found:.1f} % on the test set")
right = lab.on_new_images(best)
print(f"of new images it classifies {right:.1f} % correctly")

# %% [markdown]
# **What to take from it.**
# The best of many scores is too high, on the validation set as well: luck helped it to win.
# A test set that is opened once, for one recipe, has not helped anybody to win, and so its score is honest.
# A thousand images still leave it uncertain by half a percentage point.

# %% [markdown]
# ## Batch norm by hand
#
# **Write**, 3 points. Its name is `batch_norm`.
#
# Write what *batch normalisation* does to maps `x` with the shape (N, C, H, W):
#
# $$
# \text{result} = \text{scale} \cdot \frac{x - \mu}{\sqrt{\sigma^2 + 10^{-5}}} + \text{shift} .
# $$
#
# Each channel has a mean $\mu$ and a variance $\sigma^2$ of its own.
# While `training` is true, they are those of the batch at hand, over all its images and all places; else they are the running averages `mean` and `variance`, which you need not update.
# `scale`, `shift`, `mean` and `variance` have the shape (C,).
#
# `given("batch_norm")` has all five as they stand in the course's judge, a trained network, with `x` from 16 digits.

# %% nbgrader={"grade": false, "grade_id": "batch_norm-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
inside = given("batch_norm")
inside.x.shape, inside.mean.shape


# %% nbgrader={"grade": false, "grade_id": "batch_norm", "locked": false, "schema_version": 3, "solution": true, "task": false}
def batch_norm(x, scale, shift, mean, variance, training):
    ### BEGIN SOLUTION
    if training:
        variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
    deviation = (variance[:, None, None] + 1e-5).sqrt()
    normal = (x - mean[:, None, None]) / deviation
    return scale[:, None, None] * normal + shift[:, None, None]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "batch_norm-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("batch_norm", batch_norm, rounds=4).require()
### END HIDDEN TESTS
check("batch_norm", batch_norm)

# %%
learned = inside.scale, inside.shift, inside.mean, inside.variance
for mode, training_mode in (("training", True), ("evaluation", False)):
    of_all = batch_norm(inside.x, *learned, training_mode)[:2]
    alone = batch_norm(inside.x[:2], *learned, training_mode)
    change = (of_all - alone).abs().max().item()
    print(f"{mode}: alone, two of the digits change by up to {change:.2f}")

# %% [markdown]
# **What to take from it.**
# In training what an image becomes depends on the company that it keeps; in evaluation it does not.
# That is why a forgotten `eval()` changes results, and why nobody sees it while the batches are large and mixed.

# %% [markdown]
# ## Nobody designs this filter
#
# **Write**, 4 points. Its name is `learn_filter`.
#
# `given("learn_filter")` has `images` with the shape (N, 1, H, W), and `maps`, which one unknown *filter* of 3 by 3 weights made of them, without padding and without a bias.
# The pixels are independent random numbers with mean 0 and variance 1, so that none tells anything about its neighbours.
#
# Write a function that learns the filter from such examples by *gradient descent* on the mean of the squared differences.
# This once, compute the gradient yourself: `backward` is switched off in the check.
# The weight in row $i$ and column $j$ of the kernel multiplies the pixel $i$ rows below and $j$ columns right of each place, so its gradient is
#
# $$
# \frac{\partial L}{\partial w_{ij}} = \text{mean of } 2 \, (\text{your map} - \text{map}) \cdot \text{pixel}
# $$
#
# over all images and places.
# The function returns the kernel as a tensor with the shape (3, 3), each weight right to within 0.02, for any filter, in less than half a second.

# %% nbgrader={"grade": false, "grade_id": "learn_filter-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
examples = given("learn_filter")
examples.images.shape, examples.maps.shape


# %% nbgrader={"grade": false, "grade_id": "learn_filter", "locked": false, "schema_version": 3, "solution": true, "task": false}
def learn_filter(images, maps):
    ### BEGIN SOLUTION
    kernel = torch.zeros(1, 1, 3, 3)
    columns = images.transpose(0, 1)  # the images as channels of one
    for _ in range(30):
        off = F.conv2d(images, kernel) - maps
        slope = F.conv2d(columns, off.transpose(0, 1)) * 2 / maps.numel()
        kernel -= 0.2 * slope
    return kernel[0, 0]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "learn_filter-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("learn_filter", learn_filter, rounds=4).require()
### END HIDDEN TESTS
check("learn_filter", learn_filter)

# %%
learn_filter(examples.images, examples.maps)

# %% [markdown]
# **What to take from it.**
# The weights come out as multiples of 0.1, as the unknown filter has them, and nothing in your code says what it looks for.
# The gradient of a convolution is a convolution again, of the images with what is still wrong.
# A network learns thousands of filters in the same way; it only sees their effect on one loss, behind all later layers.

# %% [markdown]
# ## Does pooling forget where a digit stands?
#
# **Explain**, 4 points. Its name is `shifts`.
#
# Some say that *pooling* makes a network blind to small shifts.
# Measure it, draw it, and say what is true.
#
# `given("shifts")` has eight digits as `images`, with a wide empty rim, one `kernel`, a list of `shifts` in pixels, and six `statements`.
# A digit's maps are its cross-correlation with the kernel: `F.conv2d(images, kernel, padding=1)`.
# Move all images to the right by $s$ pixels, make their maps $b$, and compare with the maps $a$ of the images as they stand:
#
# $$
# \text{change}(s) = \frac{\sum |a - b|}{\sum |a|} ,
# $$
#
# with both sums over all eight images and all places, as a share and not in percent.
# It is 0 if nothing changes, and 2 where no place is above or below zero in both $a$ and $b$.
#
# Draw three curves of this change over the shifts with `plotting.curves`, and name them `before pooling`, `pooled by 2` and `pooled by 4`.
# For the last two, $a$ and $b$ are pooled first, by the largest of each 2 by 2 or 4 by 4 pixels (`F.max_pool2d`).
# Label both axes with what they show and in which unit, and give a title and a text `alt` that says what is to be seen.
#
# Then put the letters of the true statements into the set `true`, such as `{"A", "B"}`.
# The picture decides most of them; one needs a line of code more.

# %% nbgrader={"grade": false, "grade_id": "shifts-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
moving = given("shifts")
for letter, statement in moving.statements.items():
    print(f"{letter}: {statement}")

# %% nbgrader={"grade": false, "grade_id": "shifts", "locked": false, "schema_version": 3, "solution": true, "task": false}
picture = ...
true = ...
### BEGIN SOLUTION


def maps(shift, window):
    moved = moving.images.roll(shift, dims=3)
    return F.max_pool2d(F.conv2d(moved, moving.kernel, padding=1), window)


def change(shift, window):
    a, b = maps(0, window), maps(shift, window)
    return ((a - b).abs().sum() / a.abs().sum()).item()


windows = {"before pooling": 1, "pooled by 2": 2, "pooled by 4": 4}
heights = {n: [change(s, windows[n]) for s in moving.shifts] for n in windows}
picture = plotting.curves(
    {name: (moving.shifts, y) for name, y in heights.items()},
    x_label="shift to the right (pixels)",
    y_label="change of the maps (share)",
    title="Pooling softens a shift; it does not remove it",
    alt="The curves rise from zero with the shift; the wider the window of "
    "the pooling, the lower the curve.",
)
assert 0.2 < heights["pooled by 2"][1] < heights["before pooling"][1]
assert torch.equal(maps(2, 2), maps(0, 2).roll(1, dims=3))
# Each variant has other letters, so the true statements are found by words.
words = ("less than the maps", "more than a fifth", "does nothing else")
texts = moving.statements
true = {key for key in texts if any(word in texts[key] for word in words)}
### END SOLUTION
picture

# %% nbgrader={"grade": true, "grade_id": "shifts-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("shifts", picture, true, rounds=4).require()
### END HIDDEN TESTS
check("shifts", picture, true)

# %% [markdown]
# **What to take from it.**
# A convolution moves its maps with the digit, and pooling lets a part of each move go unnoticed.
# Neither makes the network blind to where a digit stands; if position should not matter, show it digits in many positions.

# %% [markdown]
# ## Is it as good as it is sure?
#
# **Write**, 4 points. Its name is `calibration_error`.
#
# A *softmax* gives probabilities, and the largest of a row is the network's *confidence* in its answer, the class with that probability.
# Is a network that is 90 % sure right nine times in ten?
#
# Write a function that says how far it is from that.
# Sort the images by confidence, and cut them into `groups` groups with equally many images each.
# In each group take the gap between the mean confidence and the *accuracy*, without its sign.
# Return the mean of the gaps as one number, a share between 0 and 1:
#
# $$
# \text{error} = \frac{1}{G} \sum_{g=1}^{G} \big| \text{confidence}_g - \text{accuracy}_g \big| .
# $$
#
# `probabilities` has the shape (N, classes) and `labels` the shape (N,); N is a multiple of `groups`.
# The chapter's *calibration* cuts the scale into equally wide bins instead, some of which hold hardly an image.
#
# `given("calibration_error")` has what the course's judge, a trained network, makes of 200 threes, fours and sevens of the test set: `upright` as they are, and `upside_down` when they stand on their heads and are no digits any more, both probabilities, and `labels`.

# %% nbgrader={"grade": false, "grade_id": "calibration_error-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
seen = given("calibration_error")
seen.upright.shape, seen.upside_down.shape, seen.labels.shape


# %% nbgrader={"grade": false, "grade_id": "calibration_error", "locked": false, "schema_version": 3, "solution": true, "task": false}
def calibration_error(probabilities, labels, groups):
    ### BEGIN SOLUTION
    confidence, guess = probabilities.max(1)
    gap = confidence - (guess == labels).float()
    by_group = gap[confidence.argsort()].view(groups, -1).mean(1)
    return by_group.abs().mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "calibration_error-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("calibration_error", calibration_error, rounds=4).require()
### END HIDDEN TESTS
check("calibration_error", calibration_error)

# %%
for name in ("upright", "upside_down"):
    error = calibration_error(getattr(seen, name), seen.labels, groups=5)
    sure = getattr(seen, name).max(1).values.mean()
    print(f"{name:12} {100 * sure:.0f} % sure on average, error {error:.2f}")

# %% [markdown]
# **What to take from it.**
# Softmax compares a network's own scores, and knows nothing of the world.
# Turn the digits upside down, and how sure it is no longer tells how often it is right.

# %% [markdown]
# ## The whole network, from an empty cell
#
# **Write**, 5 points. Its name is `train_cnn`.
#
# Now write all of it yourself, with `torch.nn` and a loop of your own: the layers, the optimizer, the passes over the images.
# `given("train_cnn")` has 2,000 training digits: `images`, uint8 with the shape (N, 1, 28, 28), and `labels`.
# `standardize(images)` brings them into the network's units.
#
# The network is the chapter's, three blocks and one layer.
# A block is a convolution without padding, pooling where the table says so, batch norm, and GELU.
#
# | block | channels | kernel | stride | pooling |
# |---|---|---|---|---|
# | 1 | 1 to 16 | 5 | 2 | |
# | 2 | 16 to 32 | 3 | 1 | 2 by 2 |
# | 3 | 32 to 96 | 3 | 1 | |
#
# A fully connected layer makes ten logits of all that the third block leaves.
# Hand in `network` as it is to be used on new digits: standardized images in, logits out.
# It must classify at least 90 % of new digits correctly.

# %% nbgrader={"grade": false, "grade_id": "train_cnn-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
lesson = given("train_cnn")
lesson.images.shape, lesson.labels.shape

# %% nbgrader={"grade": false, "grade_id": "train_cnn", "locked": false, "schema_version": 3, "solution": true, "task": false}
network = ...
### BEGIN SOLUTION
torch.manual_seed(0)
network = nn.Sequential(
    nn.Conv2d(1, 16, 5, stride=2), nn.BatchNorm2d(16), nn.GELU(),
    nn.Conv2d(16, 32, 3), nn.MaxPool2d(2), nn.BatchNorm2d(32), nn.GELU(),
    nn.Conv2d(32, 96, 3), nn.BatchNorm2d(96), nn.GELU(),
    nn.Flatten(), nn.Linear(96 * 3 * 3, 10),
)  # fmt: skip
optimizer = torch.optim.Adam(network.parameters(), lr=0.005)
for _ in range(3):
    for part in torch.randperm(2000).split(50):
        optimizer.zero_grad()
        logits = network(standardize(lesson.images[part]))
        F.cross_entropy(logits, lesson.labels[part]).backward()
        optimizer.step()
network.eval()
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "train_cnn-check", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("train_cnn", network, rounds=4).require()
### END HIDDEN TESTS
check("train_cnn", network)

# %% [markdown]
# ## Beat this rung
#
# **Write**, 5 points. Its name is `beat_rung`.
#
# This task is open: nobody tells you how.
# `given("beat_rung")` has 300 `images` with their `labels`, and `rung`: so many percent of new digits the chapter's network classifies correctly when it is trained on 300 like these, without augmentation.
# Beat it, with these images and no others.
#
# Hand in a function `classify(images)`, which takes uint8 images with the shape (N, 1, 28, 28) and returns the digits that they show, with the shape (N,).
# The check measures it on 2,000 new digits and tells you the result with its margin; you have beaten the rung if you lie above it by more than the margin.
# It opens the test set, so do not choose by it: hold some of your 300 back, and open it at the end.

# %% nbgrader={"grade": false, "grade_id": "beat_rung-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
few = given("beat_rung")
few.images.shape, few.rung

# %% nbgrader={"grade": false, "grade_id": "beat_rung", "locked": false, "schema_version": 3, "solution": true, "task": false}
classify = ...
### BEGIN SOLUTION
rng = training.seed_everything(0)
better = cnn.CourseCNN()
optimizer = torch.optim.Adam(better.parameters(), lr=0.01)
training.fit(
    cnn.classifier_step(
        better, optimizer, augment=lambda x: cnn.random_shift(x, 2, rng)
    ),
    batches((few.images, few.labels), 50, rng=rng),
    num_steps=200,
    schedule=one_cycle(optimizer),
)


def by_network(images):
    return predict(better, images).argmax(1)


classify = by_network
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "beat_rung-check", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("beat_rung", classify, rounds=4).require()
### END HIDDEN TESTS
check("beat_rung", classify)
