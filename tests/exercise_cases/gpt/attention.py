"""Answers to `heads`, `sight` and `look`, exercises of chapter 4."""

from __future__ import annotations

import torch

from aigc_utils import gpt

from .. import Cases

CASES = Cases("04_gpt")


# --- heads ----------------------------------------------------------------------------------


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
        gpt.cached_features(whole, torch.zeros(1, g.tokens, dtype=torch.int64), cache)
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


# --- sight ----------------------------------------------------------------------------------


def ones(*shape):
    return torch.ones(shape, dtype=torch.bool)


def _masks(source, target):
    return {
        "encoder": ones(source, source),
        "decoder": ones(target, target).tril(),
        "cross": ones(target, source),
        "gpt": ones(source + target, source + target).tril(),
        "cached": ones(1, source + target),
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
    mask = ones(source + target, source + target).tril()
    mask[:source, :source] = True
    return mask


@CASES.wrong("sight", says="GPT has no encoder")
def gpt_with_an_encoder(g):
    return _but("gpt", _prompt_from_both_sides)


@CASES.wrong("sight", says="'gpt' tokens see the ones that they are to write")
def gpt_sees_all(g):
    return _but("gpt", lambda s, t: ones(s + t, s + t))


@CASES.wrong("sight", says="'decoder' tokens see the ones")
def decoder_sees_all(g):
    return _but("decoder", lambda s, t: ones(t, t))


@CASES.wrong("sight", says="may see itself too")
def not_oneself(g):
    return _but("decoder", lambda s, t: ones(t, t).tril(-1))


@CASES.wrong("sight", says="True means: may see")
def turned_round(g):
    return _but("gpt", lambda s, t: ~ones(s + t, s + t).tril())


@CASES.wrong("sight", says="see those after them")
def upper_triangle(g):
    return _but("decoder", lambda s, t: ones(t, t).triu())


@CASES.wrong("sight", says="nothing is hidden")
def causal_cross(g):
    return _but("cross", lambda s, t: ones(t, s).tril())


@CASES.wrong("sight", says="lies on its side")
def cross_on_its_side(g):
    return _but("cross", lambda s, t: ones(s, t))


@CASES.wrong("sight", says="not the first")
def first_row(g):
    return _but("cached", lambda s, t: ones(1, s + t).tril())


@CASES.wrong("sight", says="must be of dtype bool")
def additive(g):
    return _but(
        "gpt", lambda s, t: torch.zeros(s + t, s + t).masked_fill(~ones(s + t, s + t).tril(), -1e9)
    )


@CASES.wrong("sight", says="Return a dict with")
def no_masks(g):
    return lambda s, t: {"encoder": ones(s, s)}


# --- look -----------------------------------------------------------------------------------


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
