"""Answers to the exercises of chapter 4."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from aigc_utils import gpt, plotting
from aigc_utils.exercises.gpt import broken_next_token_loss
from aigc_utils.exercises.gpt.bits import statements

from . import Cases

CASES = Cases("04_gpt")


# --- counts -----------------------------------------------------------------------------------


@CASES.right("counts")
def by_tokeniser(g):
    english, chinese = map(gpt.BPETokenizer, (g.english_merges, g.chinese_merges))
    return {
        "words": len(g.english.split()),
        "characters": len(g.english),
        "tokens": len(english.encode(g.english)),
        "chinese": len(chinese.encode(g.chinese)),
    }


@CASES.right("counts")
def by_subtraction(g):
    tokens = [bytes([b]) for b in g.english.replace(" ", "| ").encode()]
    for pair in g.english_merges:
        tokens = gpt.tokenizers.merge(tokens, pair)
    return {
        "words": 1 + g.english.count(" "),
        "characters": sum(map(len, g.english.split(" "))) + g.english.count(" "),
        "tokens": len(tokens) - tokens.count(b"|"),
        "chinese": torch.tensor(3 * len(g.chinese) - len(g.chinese_merges)),
    }


@CASES.wrong("counts", says="tokens are not words")
def a_token_a_word(g):
    return by_tokeniser(g) | {"tokens": len(g.english.split())}


@CASES.wrong("counts", says="now apply the merges")
def no_merge(g):
    return by_tokeniser(g) | {"tokens": len(g.english)}


@CASES.wrong("counts", says="space is a character")
def no_spaces(g):
    return by_tokeniser(g) | {"characters": len(g.english.replace(" ", ""))}


@CASES.wrong("counts", says="don't leave [0-9]+ tokens")
def last_merge_forgotten(g):
    used = [count for count in range(8) if _tokens(g, count) != _tokens(g, 8)]
    return by_tokeniser(g) | {"tokens": _tokens(g, used[-1])}


def _tokens(g, merges):
    return len(gpt.BPETokenizer(g.english_merges[:merges]).encode(g.english))


@CASES.wrong("counts", says="Chinese character is three bytes")
def a_token_a_character(g):
    return by_tokeniser(g) | {"chinese": len(g.chinese)}


@CASES.wrong("counts", says="These are the bytes")
def all_bytes(g):
    return by_tokeniser(g) | {"chinese": len(g.chinese.encode())}


@CASES.wrong("counts", says="does not have [0-9]+ tokens")
def one_less_a_character(g):
    return by_tokeniser(g) | {"chinese": 3 * len(g.chinese) - len(g.chinese_merges) // 2}


@CASES.wrong("counts", says="another number of words")
def gaps_counted(g):
    return by_tokeniser(g) | {"words": g.english.count(" ")}


# --- heads ------------------------------------------------------------------------------------


@CASES.right("heads")
def by_matrices(g):
    shared = g.kv_heads * g.width // g.more_heads
    return {
        "few": 4 * g.width**2,
        "many": 4 * g.width**2,
        "grouped": 2 * g.width * (g.width + shared),
        "cache": 2 * shared * g.tokens,
    }


@CASES.right("heads")
def by_building_layers(g):
    def size(heads, kv_heads=0):
        config = gpt.GPTConfig(99, 2000, 1, heads, g.width, kv_heads)
        return config, sum(p.numel() for p in gpt.Attention(config).parameters())

    config, grouped = size(g.more_heads, g.kv_heads)
    whole = gpt.GPT(config)
    cache = gpt.Cache(config, 1, 2000)
    with torch.no_grad():
        gpt.read(whole, torch.zeros(1, g.tokens, dtype=torch.int64), cache)
    kept = cache.memories[0].keys[:, :, : cache.length].numel()
    return {
        "few": size(g.heads)[1],
        "many": size(g.more_heads)[1],
        "grouped": grouped,
        "cache": 2 * kept,
    }


@CASES.wrong("heads", says="More heads are not more parameters")
def as_many_times_as_heads(g):
    return by_matrices(g) | {"many": 4 * g.width**2 * g.more_heads // g.heads}


@CASES.wrong("heads", says="More heads are not more parameters")
def a_full_layer_a_head(g):
    return by_matrices(g) | {
        "few": g.heads * 4 * g.width**2,
        "many": g.more_heads * 4 * g.width**2,
    }


@CASES.wrong("heads", says="fourth matrix")
def three_matrices(g):
    return by_matrices(g) | {"few": 3 * g.width**2, "many": 3 * g.width**2}


@CASES.wrong("heads", says="does not have [0-9.e+]+ weights")
def with_biases(g):
    size = 4 * g.width**2 + 4 * g.width
    return by_matrices(g) | {"few": size, "many": size}


@CASES.wrong("heads", says="have fewer rows")
def groups_change_nothing(g):
    return by_matrices(g) | {"grouped": 4 * g.width**2}


@CASES.wrong("heads", says="Only keys and values are shared")
def all_is_shared(g):
    return by_matrices(g) | {"grouped": 4 * g.width**2 * g.kv_heads // g.more_heads}


@CASES.wrong("heads", says="keys and values, so both count")
def keys_only(g):
    right = by_matrices(g)
    return right | {"cache": right["cache"] // 2}


@CASES.wrong("heads", says="cache without groups")
def all_heads_cached(g):
    return by_matrices(g) | {"cache": 2 * g.width * g.tokens}


# --- sight ------------------------------------------------------------------------------------


def _ones(*shape):
    return torch.ones(shape, dtype=torch.bool)


def _masks(source, target):
    return {
        "encoder": _ones(source, source),
        "decoder": _ones(target, target).tril(),
        "cross": _ones(target, source),
        "gpt": _ones(source + target, source + target).tril(),
        "cached": _ones(1, source + target),
    }


def _but(name, make):
    """Returns an answer with one mask that is made in another way."""
    return lambda source, target: _masks(source, target) | {name: make(source, target)}


@CASES.right("sight")
def with_tril(g):
    return _masks


@CASES.right("sight")
def with_the_package(g):
    def sight(source, target):
        return {
            "cached": gpt.causal_mask(1, source + target),
            "gpt": gpt.causal_mask(source + target),
            "cross": torch.full((target, source), True),
            "decoder": ~torch.ones(target, target).triu(1).bool(),
            "encoder": torch.full((source, source), True),
        }

    return sight


def _prompt_from_both_sides(source, target):
    mask = _ones(source + target, source + target).tril()
    mask[:source, :source] = True
    return mask


@CASES.wrong("sight", says="GPT has no encoder")
def gpt_with_an_encoder(g):
    return _but("gpt", _prompt_from_both_sides)


@CASES.wrong("sight", says="'gpt' tokens see the ones that they are to write")
def gpt_sees_all(g):
    return _but("gpt", lambda s, t: _ones(s + t, s + t))


@CASES.wrong("sight", says="'decoder' tokens see the ones")
def decoder_sees_all(g):
    return _but("decoder", lambda s, t: _ones(t, t))


@CASES.wrong("sight", says="may see itself too")
def not_oneself(g):
    return _but("decoder", lambda s, t: _ones(t, t).tril(-1))


@CASES.wrong("sight", says="True means: may see")
def turned_round(g):
    return _but("gpt", lambda s, t: ~_ones(s + t, s + t).tril())


@CASES.wrong("sight", says="see those after them")
def upper_triangle(g):
    return _but("decoder", lambda s, t: _ones(t, t).triu())


@CASES.wrong("sight", says="nothing is hidden")
def causal_cross(g):
    return _but("cross", lambda s, t: _ones(t, s).tril())


@CASES.wrong("sight", says="lies on its side")
def cross_on_its_side(g):
    return _but("cross", lambda s, t: _ones(s, t))


@CASES.wrong("sight", says="not the first")
def first_row(g):
    return _but("cached", lambda s, t: _ones(1, s + t).tril())


@CASES.wrong("sight", says="must be of dtype bool")
def additive(g):
    return _but(
        "gpt", lambda s, t: torch.zeros(s + t, s + t).masked_fill(~_ones(s + t, s + t).tril(), -1e9)
    )


@CASES.wrong("sight", says="Return a dict with")
def no_masks(g):
    return lambda s, t: {"encoder": _ones(s, s)}


# --- next_token_loss --------------------------------------------------------------------------


def _loss(see=torch.tril, cut=slice(None, -1), targets=slice(1, None), **settings):
    def loss(model, tokens):
        mask = see(_ones(tokens.size(1), tokens.size(1)))
        logits = model(tokens, mask)[:, cut]
        return F.cross_entropy(logits.flatten(0, 1), tokens[:, targets].flatten(), **settings)

    return loss


@CASES.right("next_token_loss")
def logits_cut(g):
    return _loss()


@CASES.right("next_token_loss")
def inputs_cut(g):
    def loss(model, tokens):
        mask = gpt.causal_mask(tokens.size(1) - 1)
        log_p = model(tokens[:, :-1], mask).log_softmax(-1)
        return -log_p.gather(-1, tokens[:, 1:, None]).mean()

    return loss


@CASES.wrong("next_token_loss", says="asked for the token that it reads")
def left_broken(g):
    return broken_next_token_loss


@CASES.wrong("next_token_loss", says="matters in training above all")
def shifted_only(g):
    def loss(model, tokens):
        return _loss(see=(lambda m: m) if model.training else torch.tril)(model, tokens)

    return loss


@CASES.wrong("next_token_loss", says="matters in training above all")
def inputs_cut_and_no_mask_in_training(g):
    def loss(model, tokens):
        mask = _ones(tokens.size(1) - 1, tokens.size(1) - 1)
        logits = model(tokens[:, :-1], mask if model.training else mask.tril())
        return F.cross_entropy(logits.mT, tokens[:, 1:])

    return loss


@CASES.wrong("next_token_loss", says="the one that follows")
def masked_only(g):
    return _loss(cut=slice(None), targets=slice(None))


@CASES.wrong("next_token_loss", says="token before it")
def shifted_backwards(g):
    return _loss(cut=slice(1, None), targets=slice(None, -1))


@CASES.wrong("next_token_loss", says="leave it out")
def rolled(g):
    def loss(model, tokens):
        mask = gpt.causal_mask(tokens.size(1))
        return F.cross_entropy(model(tokens, mask).mT, tokens.roll(-1, 1))

    return loss


@CASES.wrong("next_token_loss", says="the mean is asked for")
def summed(g):
    return _loss(reduction="sum")


@CASES.wrong("next_token_loss", says="Leave the model in the mode")
def switched_to_eval(g):
    def loss(model, tokens):
        return _loss()(model.eval(), tokens)

    return loss


@CASES.wrong("next_token_loss", says=r"is there a `return`")
def no_loss_returned(g):
    return lambda model, tokens: None


@CASES.wrong("next_token_loss", says="has no gradient")
def detached(g):
    return lambda model, tokens: _loss()(model, tokens).detach()


# --- temperature ------------------------------------------------------------------------------


def _place(g):
    return 1 + sum(value > g.logits[g.truth] for value in g.logits.values())


def _places(g, **changed):
    return {"cold": _place(g), "hot": _place(g)} | changed


def _choices(logits, temperature, p, cut=lambda q, p: q.cumsum(0) - q < p):
    q, order = (logits / temperature).softmax(0).sort(descending=True)
    keep = cut(q, p)
    q = q[keep] / q[keep].sum()
    return order[keep].tolist(), -(q * q.log2()).sum()


@CASES.right("temperature")
def sorted_and_summed(g):
    return _choices, _places(g)


@CASES.right("temperature")
def in_a_loop(g):
    def choices(logits, temperature, p):
        shares = (logits / temperature).softmax(0).tolist()
        left = sorted(range(len(shares)), key=lambda i: -shares[i])
        kept = []
        while left and (p == 1 or math.fsum(shares[i] for i in kept) < p):
            kept.append(left.pop(0))
        total = math.fsum(shares[i] for i in kept)
        entropy = -sum(shares[i] / total * math.log2(shares[i] / total) for i in kept)
        return torch.tensor(kept), entropy

    return choices, _places(g)


@CASES.wrong("temperature", says="stays too")
def without_the_last(g):
    return lambda z, t, p: _choices(z, t, p, lambda q, p: q.cumsum(0) <= p), _places(g)


@CASES.wrong("temperature", says="Temperature comes first")
def cut_first(g):
    def choices(logits, temperature, p):
        kept, _ = _choices(logits, 1, p)
        return kept, _choices(logits[kept], temperature, 1.0)[1]

    return choices, _places(g)


@CASES.wrong("temperature", says="don't multiply")
def multiplied(g):
    return lambda z, t, p: _choices(z, 1 / t, p), _places(g)


@CASES.wrong("temperature", says="likeliest comes first")
def in_the_vocabularys_order(g):
    def choices(logits, temperature, p):
        kept, bits = _choices(logits, temperature, p)
        return sorted(kept), bits

    return choices, _places(g)


@CASES.wrong("temperature", says="divide them by their sum")
def not_divided_by_the_sum(g):
    def choices(logits, temperature, p):
        kept, _ = _choices(logits, temperature, p)
        q = (logits / temperature).softmax(0)[kept]
        return kept, -(q * q.log2()).sum().item()

    return choices, _places(g)


@CASES.wrong("temperature", says="before the cut")
def entropy_of_all(g):
    return lambda z, t, p: (_choices(z, t, p)[0], _choices(z, t, 1.0)[1]), _places(g)


@CASES.wrong("temperature", says="entropy is in nats")
def in_nats(g):
    def choices(logits, temperature, p):
        kept, bits = _choices(logits, temperature, p)
        return kept, bits * math.log(2)

    return choices, _places(g)


@CASES.wrong("temperature", says="sign is wrong")
def minus_forgotten(g):
    def choices(logits, temperature, p):
        kept, bits = _choices(logits, temperature, p)
        return kept, -bits

    return choices, _places(g)


@CASES.wrong("temperature", says="Return two things")
def tokens_only(g):
    return lambda z, t, p: _choices(z, t, p)[0][:1], _places(g)


@CASES.wrong("temperature", says="temperature adds no knowledge")
def hot_finds_the_truth(g):
    return _choices, _places(g, hot=1)


@CASES.wrong("temperature", says="Temperature adds no knowledge")
def cold_is_surer_hot_is_wilder(g):
    return _choices, {"cold": 1, "hot": 6}


@CASES.wrong("temperature", says="Count places from 1")
def counted_from_zero(g):
    return _choices, {"cold": _place(g) - 1, "hot": _place(g) - 1}


@CASES.wrong("temperature", says="does not stand at place")
def always_first_or_last(g):
    return _choices, {"cold": 6, "hot": 6}


# --- seen -------------------------------------------------------------------------------------


def _runs(text, n):
    return [text[i : i + n] for i in range(len(text) - n + 1)]


def _seen(text, corpus, n, runs=_runs):
    found = [run in corpus for run in runs(text, n)]
    return sum(found) / len(found) if found else 0.0


def _longest(g):
    return max(n for n in range(1, 50) if _seen(g.written, g.corpus, n))


@CASES.right("seen")
def counted(g):
    return _seen, _longest(g)


@CASES.right("seen")
def with_a_set_of_the_corpus(g):
    def seen(text, corpus, n):
        known = set(_runs(corpus, n))
        hits = torch.tensor([run in known for run in _runs(text, n)])
        return hits.float().mean() if len(hits) else 0

    best, w = 0, g.written
    for i in range(len(w)):
        while i + best < len(w) and w[i : i + best + 1] in g.corpus:
            best += 1
    return seen, best


@CASES.wrong("seen", says="These are words")
def words(g):
    return lambda t, c, n: _seen(t, c, n, lambda t, n: t.split()), _longest(g)


@CASES.wrong("seen", says="don't make a set")
def each_run_once(g):
    return lambda t, c, n: _seen(t, c, n, lambda t, n: set(_runs(t, n))), _longest(g)


@CASES.wrong("seen", says="runs overlap")
def side_by_side(g):
    return lambda t, c, n: _seen(t, c, n, lambda t, n: _runs(t, n)[::n]), _longest(g)


@CASES.wrong("seen", says="last run is missing")
def off_by_one(g):
    return lambda t, c, n: _seen(t, c, n, lambda t, n: _runs(t, n)[:-1]), _longest(g)


@CASES.wrong("seen", says="as a whole")
def whole_text(g):
    return lambda t, c, n: float(t in c), _longest(g)


@CASES.wrong("seen", says="number of runs; the share")
def number_of_runs(g):
    return lambda t, c, n: sum(run in c for run in _runs(t, n)), _longest(g)


@CASES.wrong("seen", says="must be a number, not bool")
def yes_or_no(g):
    return lambda t, c, n: all(run in c for run in _runs(t, n)), _longest(g)


@CASES.wrong("seen", says="has no run")
def short_is_seen(g):
    return lambda t, c, n: _seen(t, c, n) if len(t) >= n else 1.0, _longest(g)


@CASES.wrong("seen", says="looks no text up")
def all_of_it_looked_up(g):
    return _seen, len(g.written)


@CASES.wrong("seen", says="not [0-9]+ long")
def one_too_long(g):
    return _seen, _longest(g) + 1


# --- bits -------------------------------------------------------------------------------------


def _drawn(g, height, y_label="loss (bits a character)", title="One scale", lengths=None):
    return plotting.curves(
        {name: (lengths or g.lengths, height(run)) for name, run in g.runs.items()},
        x_label="training text (characters)",
        y_label=y_label,
        title=title,
        alt="Three lines that fall with the length of the text.",
    )


def _per_character(g):
    return lambda run: [n * run.tokens / g.characters / math.log(2) for n in run.nats]


def _true_ones(g):
    truth = {said: true for group in statements(g) for said, true in group.items()}
    return {letter for letter, said in g.statements.items() if truth[said]}


def _letter(g, words):
    return next(letter for letter, said in g.statements.items() if words in said)


@CASES.right("bits")
def by_rate(g):
    return _drawn(g, _per_character(g)), _true_ones(g)


@CASES.right("bits")
def by_total_bits(g):
    def height(run):
        return torch.tensor(run.nats).exp().log2() * run.tokens / g.characters

    return _drawn(g, height, y_label="Bits per character"), sorted(_true_ones(g))


@CASES.wrong("bits", says="These are nats a token: tokens of different tokenisers")
def nats_a_token(g):
    return _drawn(g, lambda run: run.nats), _true_ones(g)


@CASES.wrong("bits", says="These are perplexities: tokens of different tokenisers")
def perplexities(g):
    return _drawn(g, lambda run: [math.exp(n) for n in run.nats]), _true_ones(g)


@CASES.wrong("bits", says="bits a token: tokens of different tokenisers")
def bits_a_token(g):
    return _drawn(g, lambda run: [n / math.log(2) for n in run.nats]), _true_ones(g)


@CASES.wrong("bits", says="one bit is log 2 nats")
def nats_a_character(g):
    return _drawn(g, lambda run: [n * run.tokens / g.characters for n in run.nats]), _true_ones(g)


@CASES.wrong("bits", says="Divide by log 2")
def multiplied_by_log_2(g):
    def height(run):
        return [n * run.tokens / g.characters * math.log(2) for n in run.nats]

    return _drawn(g, height), _true_ones(g)


@CASES.wrong("bits", says="upside down")
def upside_down(g):
    def height(run):
        return [n * g.characters / run.tokens / math.log(2) for n in run.nats]

    return _drawn(g, height), _true_ones(g)


@CASES.wrong("bits", says="Name the unit")
def no_unit(g):
    return _drawn(g, _per_character(g), y_label="loss"), _true_ones(g)


@CASES.wrong("bits", says="must stand over")
def over_steps(g):
    return _drawn(g, _per_character(g), lengths=[0, 1, 2, 3]), _true_ones(g)


@CASES.wrong("bits", says="title that says what it shows")
def no_title(g):
    return _drawn(g, _per_character(g), title=""), _true_ones(g)


@CASES.wrong("bits", says="no common scale")
def lowest_perplexity_is_best(g):
    return by_rate(g)[0], _true_ones(g) | {_letter(g, "its perplexity is the lowest")}


@CASES.wrong("bits", says="no common scale")
def same_excerpt_is_enough(g):
    return by_rate(g)[0], _true_ones(g) | {_letter(g, "if the excerpt is the same")}


@CASES.wrong("bits", says="1 of the 6 statements")
def one_forgotten(g):
    return by_rate(g)[0], _true_ones(g) - {_letter(g, "With one tokeniser")}


@CASES.wrong("bits", says="none of the options")
def numbers_for_letters(g):
    return by_rate(g)[0], {1, 2}


@CASES.wrong("bits", says="what `plotting.curves")
def no_figure(g):
    return _per_character(g), _true_ones(g)


# --- look -------------------------------------------------------------------------------------


def _attend(query, keys, values):
    weights = (keys @ query / len(query) ** 0.5).softmax(0)
    return weights, weights @ values


def _leave_out(query, keys, values):
    weights, output = _attend(query, keys, values)
    moved = []
    for i in range(len(keys)):
        keep = torch.arange(len(keys)) != i
        moved.append((_attend(query, keys[keep], values[keep])[1] - output).norm())
    return weights, torch.stack(moved)


def _word(g):
    return g.words[int(_leave_out(g.query, g.keys, g.values)[1].argmax())]


@CASES.right("look")
def each_left_out(g):
    return _leave_out, _word(g)


@CASES.right("look")
def in_closed_form(g):
    def look(query, keys, values):
        weights, output = _attend(query, keys, values)
        return weights, weights / (1 - weights) * torch.cdist(values, output[None])[:, 0]

    return look, _word(g)


@CASES.wrong("look", says="Attention is no explanation")
def weights_as_effects(g):
    def look(query, keys, values):
        weights, _ = _attend(query, keys, values)
        return weights, weights

    return look, _word(g)


@CASES.wrong("look", says="attention is no explanation")
def most_attended(g):
    return _leave_out, g.words[int(_attend(g.query, g.keys, g.values)[0].argmax())]


@CASES.wrong("look", says="a word whose effect is larger")
def least_effect(g):
    effects = _leave_out(g.query, g.keys, g.values)[1]
    return _leave_out, g.words[int(effects[1:].argmin()) + 1]


@CASES.wrong("look", says="leaves a gap")
def not_shared_anew(g):
    def look(query, keys, values):
        weights, _ = _attend(query, keys, values)
        return weights, weights * values.norm(dim=1)

    return look, _word(g)


@CASES.wrong("look", says="not divided by the square root")
def no_root(g):
    return lambda q, k, v: _leave_out(q * len(q) ** 0.5, k, v), _word(g)


@CASES.wrong("look", says="divided by the length")
def length_for_root(g):
    return lambda q, k, v: _leave_out(q / len(q) ** 0.5, k, v), _word(g)


@CASES.wrong("look", says="All weights are 1")
def wrong_dimension(g):
    def look(query, keys, values):
        weights = (query[None] @ keys.T / len(query) ** 0.5).softmax(0)[0]
        return weights, weights

    return look, _word(g)


@CASES.wrong("look", says="softmax is missing")
def no_softmax(g):
    return lambda q, k, v: (k @ q / len(q) ** 0.5, _leave_out(q, k, v)[1]), _word(g)


@CASES.wrong("look", says="squared distance")
def squared(g):
    def look(query, keys, values):
        weights, moved = _leave_out(query, keys, values)
        return weights, moved**2

    return look, _word(g)


@CASES.wrong("look", says="Return two things")
def weights_only(g):
    return lambda q, k, v: _attend(q, k, v)[0][:1], _word(g)
