"""The exercises of chapter 4 about attention: its heads, its masks, and what it explains."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ... import gpt
from ..answers import a_pair, a_tensor, close, numbers
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close, expect_count

# --- heads ----------------------------------------------------------------------------------


def _attention_layer(draw: Draw) -> SimpleNamespace:
    """Returns the sizes of an attention layer, cut into few heads and into many."""
    heads, shared = draw.choice(((2, (1, 4)), (3, (2, 4, 6)), (4, (2, 8))))
    return SimpleNamespace(
        width=heads * 4 * draw.choice((4, 6, 8, 10, 12, 14, 16)),
        heads=heads,
        more_heads=4 * heads,
        kv_heads=draw.choice(shared),
        tokens=draw.integer(50, 999),
    )


@exercise(
    "More heads",
    kind="predict",
    objective="heads; grouped queries; KV cache",
    misconceptions=("more heads = more parameters",),
    points=2,
    hints=(
        "Look at the rows of the two matrices in `gpt.Attention`: what does each count?",
        "The matrices for queries and for the result have width rows each; those for keys and for "
        "values have `kv_heads * head_dim` rows. All have width columns.",
        "With as many keys as queries it is `4 * width**2`; grouped, `2 * width**2 + 2 * width * "
        "kv_heads * head_dim`. The cache holds `2 * kv_heads * head_dim` numbers a token.",
    ),
    given=_attention_layer,
)
def heads(layer: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer` holds the weights with few and many heads and in groups, and the cache's numbers."""
    answer = numbers(answer, "heads", ("few", "many", "grouped", "cache"))

    def weights(heads: int, kv_heads: int = 0) -> int:
        config = gpt.GPTConfig(9, 9, num_heads=heads, width=layer.width, kv_heads=kv_heads)
        return sum(p.numel() for p in gpt.Attention(config).parameters())

    expect(
        answer["many"] == answer["few"],
        "More heads are not more parameters, nor fewer: the same matrices are cut into more parts.",
    )
    many = weights(layer.more_heads)
    mistakes = {"There is a fourth matrix: it mixes what the heads have gathered.": many * 3 // 4}
    otherwise = (
        f"The layer does not have {answer['few']:g} weights. No head has a matrix of full width."
    )
    expect_count(answer["few"], weights(layer.heads), mistakes, otherwise)
    mistakes = {
        "Where queries share keys and values, the matrices of keys and values have fewer rows.": (
            many
        ),
        "Only keys and values are shared: queries and the result keep their full matrices.": (
            many * layer.kv_heads // layer.more_heads
        ),
    }
    otherwise = f"The layer with groups does not have {answer['grouped']:g} weights."
    grouped = weights(layer.more_heads, layer.kv_heads)
    expect_count(answer["grouped"], grouped, mistakes, otherwise)
    _expect_cache(answer["cache"], layer)


def _expect_cache(found: float, layer: SimpleNamespace) -> None:
    """Raises NotYet unless this is how many numbers the cache of keys and values holds."""
    kept = 2 * layer.kv_heads * layer.width // layer.more_heads * layer.tokens
    mistakes = {
        "The cache holds keys and values, so both count.": kept // 2,
        "This is the cache without groups; only the heads of keys and values are kept.": (
            2 * layer.width * layer.tokens
        ),
    }
    expect_count(found, kept, mistakes, f"The cache does not hold {found:g} numbers.")


# --- sight ----------------------------------------------------------------------------------


@exercise(
    "Who may see whom",
    kind="complete",
    objective="causal mask; encoder-decoder against decoder-only (what each is for); KV cache",
    misconceptions=("GPT has an encoder",),
    points=3,
    hints=(
        "Ask for each row: which tokens are known when this one is read? Those it may see.",
        "A mask has a row for each token that looks and a column for each that is looked at. For "
        "GPT, question and answer are one text, and nothing is read from both sides.",
        "`ones(T, T).tril()`, `ones(T, S)`, `ones(S + T, S + T).tril()` and `ones(1, S + T)`, all "
        "of dtype bool.",
    ),
)
def sight(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(source, target)` is a dictionary of five masks."""
    source = draw.integer(3, 6)
    for sizes in ((source, source + draw.integer(2, 4)), (source + 2, source), (1, 1), (4, 1)):
        _expect_masks(answer(*sizes), *sizes)


def _visible(source: int, target: int) -> dict[str, Tensor]:
    """Returns the five masks that `sight` asks for."""
    both = source + target
    return {
        "encoder": torch.ones(source, source, dtype=torch.bool),
        "decoder": gpt.causal_mask(target),
        "cross": torch.ones(target, source, dtype=torch.bool),
        "gpt": gpt.causal_mask(both),
        "cached": gpt.causal_mask(1, both),
    }


def _expect_masks(masks: Any, source: int, target: int) -> None:
    """Raises NotYet unless the five masks are right."""
    wanted = _visible(source, target)
    names = ", ".join(wanted)
    expect(isinstance(masks, dict) and set(masks) == set(wanted), f"Return a dict with {names}.")
    for name, mask in masks.items():
        _expect_form(mask, wanted[name], f"The mask {name!r} for {source} and {target} tokens")
    own = masks["gpt"]
    expect(
        source == 1 or own.all() or not own[:source, :source].all(),
        "This GPT reads its prompt from both sides, but GPT has no encoder: question and answer "
        "are one text, and each token sees only those before it.",
    )
    for name in ("decoder", "gpt"):
        _expect_causal(masks[name], wanted[name], name)
    expect(
        masks["cross"].all(),
        "In cross-attention nothing is hidden: the whole source is there before writing begins.",
    )
    expect(
        masks["cached"].all(),
        "With a cache, the last token's row is the last row of GPT's mask, not the first.",
    )
    expect(masks["encoder"].all(), "The encoder's mask was given; it hides nothing.")


def _expect_form(mask: Any, wanted: Tensor, where: str) -> None:
    if isinstance(mask, Tensor):
        expect(mask.dtype == torch.bool, f"{where} must be of dtype bool, not {mask.dtype}.")
        expect(
            wanted.shape == wanted.T.shape or mask.shape != wanted.T.shape,
            f"{where} lies on its side: rows look, columns are looked at.",
        )
    a_tensor(mask, where, wanted.shape)


def _expect_causal(mask: Tensor, wanted: Tensor, name: str) -> None:
    alone = len(wanted) == 1
    expect(alone or not torch.equal(mask, ~wanted), f"In {name!r}, True means: may see.")
    expect(
        alone or not torch.equal(mask, wanted.T),
        f"In {name!r} tokens see those after them, and they should see those before.",
    )
    expect(not torch.equal(mask, wanted.tril(-1)), f"In {name!r} a token may see itself too.")
    expect(alone or not mask.all(), f"In {name!r} tokens see the ones that they are to write.")
    expect(torch.equal(mask, wanted), f"The mask {name!r} is not right.")


# --- look -----------------------------------------------------------------------------------


def _scene(draw: Draw) -> SimpleNamespace:
    """Returns five words of which the most looked at hands over what the others do anyway."""
    words = ["the", "cat", "chased", "its", draw.choice(("tail", "shadow", "ball"))]
    query, keys, values = draw.normal(8), 0.3 * draw.normal(5, 8), draw.normal(5, 4)
    keys[0] += 2.5 * query / query.square().mean() / 8**0.5
    values[draw.integer(1, 4)] *= 6
    values[0] = gpt.attend(query[None], keys[1:], values[1:])[0]
    return SimpleNamespace(words=words, query=query, keys=keys, values=values)


@exercise(
    "Attention against effect",
    kind="write",
    objective="query, key, value and the square root",
    misconceptions=("attention = explanation",),
    points=4,
    hints=(
        "Without a token, softmax shares everything among the others: compute the output anew.",
        "Scores are `keys @ query`, divided by the root of the query's length. The output is the "
        "weighted sum of the values; its move is the norm of a difference.",
        "For each `i`: `keep = torch.arange(len(keys)) != i`, and then "
        "`(output(keys[keep], values[keep]) - output(keys, values)).norm()`.",
    ),
    given=_scene,
)
def look(given: SimpleNamespace, draw: Draw, answer: Any, word: Any) -> None:
    """`answer(query, keys, values)` is weights and effects, each (T,); `word` is one of five."""
    for length, dim in ((draw.integer(4, 7), draw.choice((8, 16))), (2, 4)):
        query, keys, values = draw.normal(dim), draw.normal(length, dim), draw.normal(length, 3)
        found = answer(query.clone(), keys.clone(), values.clone())
        weights, effects = a_pair(found, "the weights and the effects")
        _expect_weights(a_tensor(weights, "The weights", (length,)), query, keys)
        _expect_effects(a_tensor(effects, "The effects", (length,)), query, keys, values)
    weights, _, effects = _moves_without(given.query, given.keys, given.values)
    expect(word in given.words, f"`word` must be one of {', '.join(given.words)}.")
    expect(
        word != given.words[int(weights.argmax())],
        "This word has the most attention, but attention is no explanation: without it the "
        "output hardly moves.",
    )
    expect(word == given.words[int(effects.argmax())], "There is a word whose effect is larger.")


def _moves_without(query: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns weights, the output, and how far it moves without each token."""
    weights = gpt.attention_weights(query[None], keys)[0]
    output = weights @ values
    alone = [
        gpt.attend(query[None], keys[kept], values[kept])[0]
        for kept in ~torch.eye(len(keys), dtype=torch.bool)
    ]
    return weights, output, (torch.stack(alone) - output).norm(dim=1)


def _expect_weights(weights: Tensor, query: Tensor, keys: Tensor) -> None:
    """Raises NotYet unless these are the weights of attention."""
    scores = keys @ query
    root = len(query) ** 0.5
    mistakes = {
        "The scores are not divided by the square root.": scores.softmax(0),
        "The scores are divided by the length; its square root is asked for.": (
            (scores / len(query)).softmax(0)
        ),
        "All weights are 1: softmax goes over the wrong dimension, and not over the keys.": (
            torch.ones(len(keys))
        ),
        "These are the scores; softmax is missing.": scores / root,
    }
    summed = close(weights.sum(), 1.0)
    otherwise = "The weights are not right." if summed else "The weights must sum to one."
    expect_close(weights, (scores / root).softmax(0), mistakes, otherwise)


def _expect_effects(effects: Tensor, query: Tensor, keys: Tensor, values: Tensor) -> None:
    """Raises NotYet unless these say how far the output moves without each token."""
    weights, output, wanted = _moves_without(query, keys, values)
    moves = (weights / (1 - weights))[:, None] * (output - values)
    mistakes = {
        "Attention is no explanation: a weight does not say how far the output moves without the "
        "token.": weights,
        "This takes a token's share away and leaves a gap. Without the token, softmax gives its "
        "share to the others.": weights * values.norm(dim=1),
        "This is the squared distance; take its root.": wanted.square(),
        "This is the sum of sizes; take the norm instead.": moves.abs().sum(1),
    }
    expect_close(effects, wanted, mistakes, "The effects are not right.", 1e-3)
