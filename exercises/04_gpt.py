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
# # Exercises 4: Transformer and GPT
#
# These exercises belong to chapter 4.
# Put your answer where the code says so, run the cell, and then run the check below it.
# A check answers at once: correct, not yet, error, or not attempted.
# When you are stuck, run `hint("counts")` with the exercise's name in a cell of your own; each has three hints.

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

from aigc_utils import gpt, plotting
from aigc_utils.exercises import open_exercises
from aigc_utils.exercises.gpt import broken_next_token_loss
from aigc_utils.source import show_source

VARIANT = 0
check, hint, given = open_exercises("04_gpt", variant=VARIANT)

# %% [markdown]
# ## Words, characters, tokens
#
# **Predict**, 2 points. Its name is `counts`.
#
# `given("counts")` has a line of English and one of Chinese, each with the merges of a tokeniser of *byte-pair encoding*.
# The text begins as single bytes.
# Merge after merge, in the order of the list: wherever this pair stands side by side, it becomes one token.
# A space belongs to the word after it, and no merge reaches from one word into the next.
# A letter or a space is one byte, and a Chinese character or comma is three; `"春".encode()` shows them.
#
# How many words and characters does the English line have, spaces counted, and how many tokens?
# How many tokens does the Chinese line have with its own merges?
# Work it out before you run a tokeniser.

# %% nbgrader={"grade": false, "grade_id": "counts-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
lines = given("counts")
print(lines.english, lines.english_merges)
print(lines.chinese, lines.chinese_merges)

# %% nbgrader={"grade": false, "grade_id": "counts", "locked": false, "schema_version": 3, "solution": true, "task": false}
counts = {"words": ..., "characters": ..., "tokens": ..., "chinese": ...}
### BEGIN SOLUTION


def left(tokens, merges):
    for first, second in merges:
        i = 0
        while i + 1 < len(tokens):
            if (tokens[i], tokens[i + 1]) == (first, second):
                tokens[i : i + 2] = [first + second]
            i += 1
    return tokens


def single_bytes(word):
    return [bytes([byte]) for byte in word.encode()]


words = lines.english.split(" ")
pieces = [words[0]] + [" " + word for word in words[1:]]
cut = [left(single_bytes(piece), lines.english_merges) for piece in pieces]
counts = {
    "words": len(words),
    "characters": len(lines.english),
    "tokens": sum(map(len, cut)),
    "chinese": len(left(single_bytes(lines.chinese), lines.chinese_merges)),
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "counts-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("counts", counts, rounds=4).require()
### END HIDDEN TESTS
check("counts", counts)

# %% [markdown]
# ## More heads
#
# **Predict**, 2 points. Its name is `heads`.
#
# `gpt.Attention` of chapter 4 has matrices without biases.
# `given("heads")` says how wide the layer is, and two numbers of heads into which it may be cut.
# How many weights does it have with `heads` heads (`few`), and with `more_heads` (`many`)?
# With *grouped-query attention* there are still `more_heads` heads of queries, and only `kv_heads` heads of keys and values: how many weights does it have then (`grouped`)?
# How many numbers does the *KV cache* of the grouped layer hold after a text of `tokens` tokens (`cache`)?

# %% nbgrader={"grade": false, "grade_id": "heads-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
show_source(gpt.Attention)
layer = given("heads")
layer

# %% nbgrader={"grade": false, "grade_id": "heads", "locked": false, "schema_version": 3, "solution": true, "task": false}
heads = {"few": ..., "many": ..., "grouped": ..., "cache": ...}
### BEGIN SOLUTION
shared = layer.kv_heads * layer.width // layer.more_heads
heads = {
    "few": 4 * layer.width**2,
    "many": 4 * layer.width**2,
    "grouped": 2 * layer.width**2 + 2 * layer.width * shared,
    "cache": 2 * shared * layer.tokens,
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "heads-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("heads", heads, rounds=4).require()
### END HIDDEN TESTS
check("heads", heads)

# %% [markdown]
# ## Who may see whom
#
# **Complete**, 3 points. Its name is `sight`.
#
# A Transformer for translation reads a source of `source` tokens and writes a target of `target` tokens.
# A GPT does the same task with one text: the source's tokens, and after them the target's.
# Complete the function that returns the masks of both, each of dtype bool.
# A row stands for a token that looks, a column for one that is looked at, and True means that it may see it.
#
# - `encoder`: the source looks at itself; it is given.
# - `decoder`: the target looks at itself.
# - `cross`: the target looks at the source.
# - `gpt`: GPT's whole text looks at itself.
# - `cached`: all of GPT's text but its last token is in the *KV cache*, and the last token looks; the mask has one row.


# %% nbgrader={"grade": false, "grade_id": "sight", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sight(source, target):
    masks = {"encoder": torch.ones(source, source, dtype=torch.bool)}

    ### BEGIN SOLUTION
    def before(length):
        places = torch.arange(length)
        return places[None] <= places[:, None]

    masks["decoder"] = before(target)
    masks["cross"] = torch.ones(target, source, dtype=torch.bool)
    masks["gpt"] = before(source + target)
    masks["cached"] = masks["gpt"][-1:]
    ### END SOLUTION
    return masks


# %% nbgrader={"grade": true, "grade_id": "sight-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("sight", sight, rounds=4).require()
### END HIDDEN TESTS
check("sight", sight)

# %% [markdown]
# **What to take from it.**
# The formula is the same in all three kinds of attention: they differ in the mask, and in whose keys and values are read.
# GPT has no part that reads its prompt from both sides; a prompt is only the beginning of the text.

# %% [markdown]
# ## A loss that is too good
#
# **Mend**, 3 points. Its name is `next_token_loss`.
#
# `broken_next_token_loss` should return the mean loss in nats of predicting each token from those before it.
# A model trained with it soon has a wonderful loss, and what it writes afterwards is useless.
# The cell below shows that even for an untrained model the loss differs between training and use.
# It has two faults.
# Write the mended function; `model` takes tokens, (B, T), and a mask, bool, (T, T), and gives logits, (B, T, vocabulary).
# It must be right in both modes of the model, and leave the mode as it is.

# %% nbgrader={"grade": false, "grade_id": "next_token_loss-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
show_source(broken_next_token_loss)
tiny = given("next_token_loss")
for mode in (True, False):
    tiny.model.train(mode)
    loss = broken_next_token_loss(tiny.model, tiny.tokens)
    print("in training" if mode else "in use", round(loss.item(), 2))


# %% nbgrader={"grade": false, "grade_id": "next_token_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def next_token_loss(model, tokens):
    ### BEGIN SOLUTION
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    length = inputs.size(1)
    mask = torch.ones(length, length, dtype=torch.bool).tril()
    return F.cross_entropy(model(inputs, mask).mT, targets)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "next_token_loss-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("next_token_loss", next_token_loss, rounds=4).require()
### END HIDDEN TESTS
check("next_token_loss", next_token_loss)

# %% [markdown]
# ## Does it look things up?
#
# **Write**, 3 points. Its name is `seen`.
#
# A small GPT was trained on the sonnets, and `sample.written` is what it wrote afterwards; `sample.corpus` is all that it was trained on.
# Where did it get these lines?
#
# Write `seen(text, corpus, n)`, the share of the text's runs of `n` characters that stand in the corpus, between 0 and 1.
# Runs overlap: one begins at each character that has enough others after it.
# A run that occurs twice counts twice.
# A text without any run has the share 0.0.
#
# Then say how long the longest piece of `sample.written` is that stands in `sample.corpus`, in characters, as `longest`.

# %% nbgrader={"grade": false, "grade_id": "seen-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
sample = given("seen")
print(sample.written)


# %% nbgrader={"grade": false, "grade_id": "seen", "locked": false, "schema_version": 3, "solution": true, "task": false}
def seen(text, corpus, n):
    ### BEGIN SOLUTION
    runs = [text[i : i + n] for i in range(len(text) - n + 1)]
    return sum(run in corpus for run in runs) / max(1, len(runs))
    ### END SOLUTION


longest = ...
### BEGIN SOLUTION
longest = 0
while seen(sample.written, sample.corpus, longest + 1) > 0:
    longest += 1
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "seen-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("seen", seen, longest, rounds=4).require()
### END HIDDEN TESTS
check("seen", seen, longest)

# %% [markdown]
# **What to take from it.**
# Draw `seen(sample.written, sample.corpus, n)` over n from 1 to 20: short runs stand in the corpus, and beyond `longest` none does.
# The model has learned how such text goes on; it has nothing in which it could look a line up.
# A model that is far larger, or reads a text many times, does learn passages by heart; if the test was among them, which is *contamination*, it only remembers.

# %% [markdown]
# ## Attention against effect
#
# **Write**, 4 points. Its name is `look`.
#
# Write `look(query, keys, values)` for one *query*, (d,), *keys*, (T, d), and *values*, (T, D).
# It returns two tensors with a number for each of the T tokens:
#
# - the weights with which the query looks at the tokens, scaled dot-product attention as in chapter 4;
# - the effects: how far the output moves, as the Euclidean length of the difference, when one token is left out and the query looks at the others alone.
#
# Then take the five words of `given("look")`, which come with a query, keys and values.
# Which word's absence moves the output most? Put it into `word`.

# %% nbgrader={"grade": false, "grade_id": "look-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
scene = given("look")
print(scene.words)


# %% nbgrader={"grade": false, "grade_id": "look", "locked": false, "schema_version": 3, "solution": true, "task": false}
def look(query, keys, values):
    ### BEGIN SOLUTION
    scores = keys @ query / len(query) ** 0.5
    weights = scores.softmax(0)
    output = weights @ values
    without = scores.repeat(len(keys), 1)
    without.fill_diagonal_(float("-inf"))
    moved = without.softmax(1) @ values - output
    return weights, moved.norm(dim=1)
    ### END SOLUTION


word = ...
### BEGIN SOLUTION
weights, effects = look(scene.query, scene.keys, scene.values)
word = scene.words[effects.argmax()]
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "look-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("look", look, word, rounds=4).require()
### END HIDDEN TESTS
check("look", look, word)

# %% [markdown]
# **What to take from it.**
# "the" has most of the attention and hardly any effect: it hands over what the others hand over anyway.
# A weight says where a head looks. It doesn't say what would be different without it [(Serrano and Smith, 2019)](#serrano2019attention); when a weight may still explain is argued about [(Wiegreffe and Pinter, 2019)](#wiegreffe2019attention).

# %% [markdown]
# ## Temperature and top-p
#
# **Write**, 4 points. Its name is `temperature`.
#
# First write `choices(logits, temperature, p)`, which says what can be drawn as the next token.
# The logits, (vocabulary,), are divided by the *temperature*; then *top-p* keeps the fewest of the likeliest tokens that together have at least the probability `p`.
# Return two things: the indices of these tokens as a list, the likeliest first, and the entropy of the distribution that is drawn from, in bits.
# The entropy is $-\sum_i q_i \log_2 q_i$ over the tokens that remain; their probabilities $q_i$ sum to one.
#
# Then look at a model that is asked a question and does not know the answer well.
# At which place does the true answer stand at the temperature `question.cold`, and at which at `question.hot`?
# Place 1 is the likeliest of the six.

# %% nbgrader={"grade": false, "grade_id": "temperature-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
question = given("temperature")
question


# %% nbgrader={"grade": false, "grade_id": "temperature", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choices(logits, temperature, p):
    ### BEGIN SOLUTION
    q, order = (logits / temperature).softmax(0).sort(descending=True)
    keep = q.cumsum(0) - q < p
    q = q[keep] / q[keep].sum()
    return order[keep].tolist(), -(q * q.log2()).sum().item()
    ### END SOLUTION


places = {"cold": ..., "hot": ...}
### BEGIN SOLUTION
ranked = sorted(question.logits, key=question.logits.get, reverse=True)
place = ranked.index(question.truth) + 1
places = {"cold": place, "hot": place}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "temperature-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("temperature", choices, places, rounds=4).require()
### END HIDDEN TESTS
check("temperature", choices, places)

# %% [markdown]
# ## Three tokenisers, one scale
#
# **Explain**, 4 points. Its name is `bits`.
#
# `given("bits")` holds measurements of *bigram* models, which predict each token from the one before it alone.
# They were trained on 2,000 to 80,000 characters of the sonnets, `measured.lengths`, and measured on one excerpt that they had not seen.
# The excerpt has `measured.characters` characters.
# There are three tokenisers: one token for each character, and byte-pair encoding with a small and with a larger vocabulary, their merges learned on the first 8,000 characters of the training text.
# For each, `measured.runs` says how many `tokens` the excerpt is, and gives the mean losses `nats` in nats a token, one for each length.
#
# Make a figure with `plotting.curves`: over the length of the training text, one line for each tokeniser, with its name in `measured.runs`.
# Its height is a loss that can be compared between them, in *bits per character*.
# Label the axes with their units, and give the figure a title and an alternative text.
# Then put the letters of all true statements into the set `true_ones`.

# %% nbgrader={"grade": false, "grade_id": "bits-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
measured = given("bits")
for name, run in measured.runs.items():
    print(name, run.tokens, [round(nats, 2) for nats in run.nats])
for letter, statement in measured.statements.items():
    print(letter, statement)

# %% nbgrader={"grade": false, "grade_id": "bits", "locked": false, "schema_version": 3, "solution": true, "task": false}
figure, true_ones = ..., ...
### BEGIN SOLUTION
letters = measured.characters
rates = {
    name: torch.tensor(run.nats) / math.log(2) * run.tokens / letters
    for name, run in measured.runs.items()
}
lengths = measured.lengths
figure = plotting.curves(
    {name: (lengths, rate.tolist()) for name, rate in rates.items()},
    x_label="length of the training text (characters)",
    y_label="loss on the excerpt (bits a character)",
    title="Larger pieces win once there is enough text to learn them from",
    alt="Falling lines over the length of the training text. They start close "
    "together; with much text the larger vocabulary is lowest and the "
    "characters are highest.",
)
best = min(rates, key=lambda name: rates[name][-1])
most = "With 80,000 characters of training text,"
starts = (
    f"{most} {best}",
    f"{most} one of the",
    f"More training text helps {best}",
    "With one tokeniser",
)
said = measured.statements.items()
true_ones = {letter for letter, words in said if words.startswith(starts)}
### END SOLUTION
figure

# %% nbgrader={"grade": true, "grade_id": "bits-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("bits", figure, true_ones, rounds=4).require()
### END HIDDEN TESTS
check("bits", figure, true_ones)

# %% [markdown]
# ## A Transformer from an empty cell
#
# **Write**, 5 points. Its name is `echo`.
#
# `given("echo")` has rows of random tokens in which each row says `length` tokens and then the same ones again.
# Nobody can predict the first half; the second half is certain, for a model that looks back.
#
# Write a model from nothing, with PyTorch alone, and train it on `task.rows`: `echo_model(tokens)` takes tokens, int64, (B, T), and gives logits of each next token, (B, T, vocabulary).
# One layer of attention is enough.
# The check gives it new rows, and asks for less than 0.3 nats a token in their second halves.
# A guess costs the logarithm of the vocabulary's size.

# %% nbgrader={"grade": false, "grade_id": "echo-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
task = given("echo")
print(task.vocab_size, "tokens; said twice:", task.length)
print(task.rows[:2])

# %% nbgrader={"grade": false, "grade_id": "echo", "locked": false, "schema_version": 3, "solution": true, "task": false}
echo_model = ...
### BEGIN SOLUTION


class Echo(nn.Module):
    def __init__(self, vocab_size, places, width=32):
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, width)
        self.places = nn.Embedding(places, width)
        self.query, self.key, self.value = (
            nn.Linear(width, width, bias=False) for _ in range(3)
        )
        self.head = nn.Linear(width, vocab_size)

    def forward(self, tokens):
        length = tokens.size(1)
        x = self.tokens(tokens) + self.places.weight[:length]
        scores = self.query(x) @ self.key(x).mT / x.size(-1) ** 0.5
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        shares = scores.masked_fill(later, float("-inf")).softmax(-1)
        return self.head(x + shares @ self.value(x))


torch.manual_seed(0)
echo_model = Echo(task.vocab_size, 2 * task.length)
optimizer = torch.optim.Adam(echo_model.parameters(), 0.01)
for step in range(400):
    rows = task.rows[128 * (step % 15) :][:128]
    loss = F.cross_entropy(echo_model(rows[:, :-1]).mT, rows[:, 1:])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "echo-check", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("echo", echo_model, rounds=4).require()
### END HIDDEN TESTS
check("echo", echo_model)

# %% [markdown]
# ## Beat this rung
#
# **Write**, 5 points. Its name is `beat`.
#
# An open task: the rung is the bigram, and any model may climb higher.
# `given("beat")` has sonnets as ids of characters: `race.train` to learn from and `race.watch` to measure on.
# `race.rung` is what a character of the latter costs the bigram, in bits.
#
# Hand in `my_model(tokens)`, a function or a module: it takes ids, int64, (B, T), and gives logits of each next one, (B, T, vocabulary).
# The check measures it on sonnets that you were not given, in rows of 64 characters, and asks for 0.2 bits a character less than the rung has there.
# A table will do, and so will a network; how far do you get?

# %% nbgrader={"grade": false, "grade_id": "beat-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
race = given("beat")
print(f"{len(race.train):,} characters, {race.vocab_size} different ones")
print(f"the rung: {race.rung:.2f} bits a character")

# %% nbgrader={"grade": false, "grade_id": "beat", "locked": false, "schema_version": 3, "solution": true, "task": false}
my_model = ...
### BEGIN SOLUTION
size = race.vocab_size
a, b, c = race.train[:-2], race.train[1:-1], race.train[2:]
two, three = torch.zeros(size, size), torch.zeros(size, size, size)
two.index_put_((b, c), torch.ones(len(b)), accumulate=True)
three.index_put_((a, b, c), torch.ones(len(a)), accumulate=True)
shares = (race.train.bincount(minlength=size) + 1) / (len(race.train) + size)
for table in (two, three):
    kinds = (table > 0).sum(-1, keepdim=True).clamp_min(1)
    total = table.sum(-1, keepdim=True)
    shares = (table + kinds * shares) / (total + kinds)


def with_pairs(tokens):
    before = torch.cat((tokens[:, :1], tokens[:, :-1]), dim=1)
    return shares[before, tokens].log()


my_model = with_pairs
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "beat-check", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
check("beat", my_model, rounds=4).require()
### END HIDDEN TESTS
check("beat", my_model)

# %% [markdown]
# **What to take from it.**
# Each step of memory pays until the text is too short for it.
# A network and a table may know different things: is the mean of their probabilities better than both?
