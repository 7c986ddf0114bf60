"""Chapter 4's model: the mathematics of attention, positions, masks, the loss and the shapes."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_utils.gpt import GPT, GPTConfig, attention, config
from aigc_utils.gpt import model as gpt_model

VOCAB = 31
KINDS: dict[str, dict[str, Any]] = {
    "course": {},
    "gpt2": {
        "positions": "learned",
        "norm": "layer",
        "mlp": "gelu",
        "qk_norm": False,
        "bias": True,
        "tied": True,
        "zero_init": False,
    },
    "ngrams": {"norm": "layer", "ngrams": (37, 53)},
    "smollm2": {"mlp": "gated", "kv_heads": 2, "qk_norm": False, "tied": True, "zero_init": False},
}
kinds = pytest.mark.parametrize("kind", KINDS)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def some_tokens(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(VOCAB, shape, generator=torch.Generator().manual_seed(seed))


def config_of(kind: str, **changes: Any) -> GPTConfig:
    sizes = {"context": 24, "num_layers": 2, "num_heads": 4, "width": 32}
    return GPTConfig(VOCAB, **(sizes | KINDS[kind] | changes))


def new_model(kind: str, **changes: Any) -> GPT:
    """Returns a small model with weights so large that every part of it has a say."""
    torch.manual_seed(0)
    model = GPT(config_of(kind, **changes)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * (0.2 if weight.ndim == 2 else 0.1))
    return model


# --- n-grams --------------------------------------------------------------------------------


def test_ngrams_are_the_last_tokens_in_their_order() -> None:
    tables = gpt_model.NGrams(config_of("course", ngrams=((VOCAB + 1) ** 2, 10_007)))
    pairs, triples = (table.weight for table in tables.tables)
    none, base = VOCAB, VOCAB + 1
    vectors = tables(torch.tensor([[3, 7, 5]]))[0]
    rows = [(3, none, none), (7, 3, none), (5, 7, 3)]
    for vector, (last, one, two) in zip(vectors, rows, strict=True):
        pair = last * base + one
        torch.testing.assert_close(vector, pairs[pair] + triples[(pair * base + two) % 10_007])


# --- attention ------------------------------------------------------------------------------


@pytest.mark.parametrize("masked", [False, True])
def test_attend_equals_scaled_dot_product_attention(masked: bool) -> None:
    q, k, v = normal(2, 3, 5, 8), normal(2, 3, 9, 8, seed=1), normal(2, 3, 9, 8, seed=2)
    mask = attention.causal_mask(5, 9) if masked else None
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(attention.attend(q, k, v, mask), expected)


def test_attention_weights_are_shares_of_what_may_be_seen() -> None:
    weights = attention.attention_weights(
        normal(2, 5, 8), normal(2, 5, 8, seed=1), attention.causal_mask(5)
    )
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 5))
    assert (weights.triu(1) == 0).all()
    assert (weights[:, 0, 0] == 1).all()


def test_equal_keys_get_equal_shares() -> None:
    v = normal(4, 6)
    mean = attention.attend(normal(3, 8), torch.ones(4, 8), v)
    torch.testing.assert_close(mean, v.mean(0).expand(3, 6))


def test_scores_of_random_vectors_keep_their_spread() -> None:
    for size in (4, 64, 1024):
        q, k = normal(300, size), normal(300, size, seed=1)
        scores = attention.attention_weights(q, k).log()
        spread = (scores - scores.mean(-1, keepdim=True)).std()
        assert abs(float(spread) - 1) < 0.1


def test_a_query_that_may_see_nothing_gathers_nothing() -> None:
    q, k, v = (normal(2, 4, 8, seed=seed).requires_grad_() for seed in range(3))
    mask = attention.causal_mask(4)
    mask[2] = False
    weights = attention.attention_weights(q, k, mask)
    assert (weights[:, 2] == 0).all()
    torch.testing.assert_close(weights.sum(-1)[:, [0, 1, 3]], torch.ones(2, 3))
    gathered = attention.attend(q, k, v, mask)
    torch.testing.assert_close(gathered, F.scaled_dot_product_attention(q, k, v, attn_mask=mask))
    gathered.square().sum().backward()
    for x in (q, k, v):
        assert x.grad is not None
        assert x.grad.isfinite().all()
    assert q.grad is not None
    assert (q.grad[:, 2] == 0).all()
    assert (attention.attend(q, k, v, torch.tensor(False)) == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.uint8])
def test_masks_are_bool(dtype: torch.dtype) -> None:
    x, mask = normal(1, 4, 32), attention.causal_mask(4).to(dtype)
    for look in (
        lambda: attention.attention_weights(x, x, mask),
        lambda: attention.attend(x, x, x, mask),
        lambda: new_model("course").blocks[0](x, mask=mask),
    ):
        with pytest.raises(ValueError, match=r"^A mask must be bool, True where a key may be seen"):
            look()


@pytest.mark.parametrize(("queries", "keys"), [(0, None), (3, 2), (1, 0), (0, 0), (-1, 2)])
def test_masks_of_no_size_are_refused(queries: int, keys: int | None) -> None:
    with pytest.raises(ValueError, match=r"^A causal mask needs 1 to "):
        attention.causal_mask(queries, keys)


@pytest.mark.parametrize(
    ("sizes", "problem"),
    [
        ((4, 7), "Rotary positions need an even head_dim, not 7."),
        ((0, 8), "context must be a whole number of at least 1, not 0."),
        ((4, 0), "head_dim must be a whole number of at least 2, not 0."),
        ((4, 8.0), "head_dim must be a whole number of at least 2, not 8.0."),
        ((4, 8, 0.0), "base must be a finite number above 0, not 0.0."),
        ((4, 8, -1.0), "base must be a finite number above 0, not -1.0."),
        ((4, 8, math.nan), "base must be a finite number above 0, not nan."),
    ],
)
def test_angles_of_no_size_are_refused(sizes: tuple[Any, ...], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        attention.rotary_angles(*sizes)


def test_angles_of_other_vectors_are_refused() -> None:
    angles = attention.rotary_angles(5, 8)
    for x, wrong in (
        (normal(5, 6), angles),
        (normal(5, 7), torch.ones(2, 5, 7)),
        (normal(5, 8), angles[..., :1]),
        (normal(5, 8), angles[0]),
        (torch.ones(5, 8, dtype=torch.int64), angles),
    ):
        with pytest.raises(
            ValueError, match=r"^Angles of shape \([\d, ]+\) can't turn torch\.\w+ vectors of"
        ):
            attention.rotate(x, wrong)


def test_causal_mask() -> None:
    assert attention.causal_mask(3).int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert attention.causal_mask(2, 4).int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert attention.causal_mask(1, 3).all()


@kinds
def test_the_fast_path_is_attend(kind: str) -> None:
    model = new_model(kind)
    layer, x = model.blocks[0].attention, normal(2, 7, 32)
    angles = None if model.embedding.angles is None else model.embedding.angles[:, :7]
    q, k, v = layer.heads_of(x, angles)
    k, v = layer.repeat_kv(k), layer.repeat_kv(v)
    gathered = attention.attend(q, k, v, attention.causal_mask(7))  # (2, 4, 7, 8)
    expected = layer.project(torch.cat(list(gathered.unbind(1)), dim=-1))
    torch.testing.assert_close(layer(x, angles), expected)
    weights = layer.weights(x, angles)
    torch.testing.assert_close(weights @ v, gathered)


def test_queries_and_keys_are_normalised() -> None:
    attention = new_model("course").blocks[0].attention
    q, k, v = attention.heads_of(normal(2, 7, 32), None)
    for x in (q, k):
        torch.testing.assert_close(x.square().mean(-1), torch.ones(2, 4, 7), atol=1e-4, rtol=0)
    assert v.square().mean(-1).std() > 0.01


def test_grouped_queries_equal_repeated_heads() -> None:
    grouped, full = new_model("smollm2", kv_heads=2), new_model("smollm2", kv_heads=4)
    state = grouped.state_dict()
    for layer in range(2):
        name = f"blocks.{layer}.attention.qkv.weight"
        q, k, v = state[name].split((32, 16, 16))
        twice = [x.view(2, 1, 8, 32).expand(2, 2, 8, 32).reshape(32, 32) for x in (k, v)]
        state[name] = torch.cat((q, *twice))
    full.load_state_dict(state)
    tokens = some_tokens(2, 9)
    torch.testing.assert_close(grouped(tokens), full(tokens))


# --- positions ------------------------------------------------------------------------------


def test_rotation_keeps_lengths_and_the_first_position() -> None:
    x, angles = normal(3, 12, 8), attention.rotary_angles(12, 8)
    turned = attention.rotate(x, angles)
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    assert torch.equal(turned[:, 0], x[:, 0])
    assert not torch.allclose(turned[:, 1], x[:, 1])


def test_rotation_turns_each_pair_by_its_angle() -> None:
    x = normal(5, 4)
    turned = attention.rotate(x, attention.rotary_angles(5, 4, base=100.0))
    for place in range(5):
        for pair, speed in ((0, 1.0), (1, 0.1)):
            number = complex(x[place, pair], x[place, pair + 2])
            number *= complex(math.cos(place * speed), math.sin(place * speed))
            assert abs(turned[place, pair] - number.real) < 1e-5
            assert abs(turned[place, pair + 2] - number.imag) < 1e-5


def test_rotary_scores_depend_on_distance_alone() -> None:
    angles = attention.rotary_angles(64, 8)
    q, k = normal(8).expand(64, 8), normal(8, seed=1).expand(64, 8)
    scores = attention.rotate(q, angles) @ attention.rotate(k, angles).T  # (64, 64)
    for distance in (0, 1, 5, 20):
        diagonal = scores.diagonal(-distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert scores[:, 0].std() > 0.1


@kinds
def test_order_matters(kind: str) -> None:
    # In one block without positions the last token would see the others in no order.
    model, tokens = new_model(kind, num_layers=1), some_tokens(1, 8)
    swapped = tokens[:, [1, 0, *range(2, 8)]]
    assert not torch.equal(tokens, swapped)
    assert (model(tokens)[:, -1] - model(swapped)[:, -1]).abs().max() > 1e-3


# --- the model ------------------------------------------------------------------------------


def test_each_kind_of_mlp() -> None:
    x = normal(2, 5, 32)
    for kind, activate in {
        "course": lambda h: h.clamp(min=0) ** 2,
        "gpt2": lambda h: 0.5 * h * (1 + (0.7978846 * (h + 0.044715 * h**3)).tanh()),
        "smollm2": lambda h: h[..., :128] * h[..., :128].sigmoid() * h[..., 128:],
    }.items():
        mlp = new_model(kind).blocks[0].mlp
        torch.testing.assert_close(mlp(x), mlp.project(activate(mlp.expand(x))))


@kinds
def test_a_changed_future_leaves_past_logits_unchanged(kind: str) -> None:
    model, tokens = new_model(kind), some_tokens(2, 12)
    before = model(tokens)
    for place in (1, 7, 11):
        changed = tokens.clone()
        changed[:, place] = (changed[:, place] + 1) % VOCAB
        after = model(changed)
        assert torch.equal(after[:, :place], before[:, :place])
        assert ((after[:, place:] - before[:, place:]).abs().amax(-1) > 1e-4).all()


@kinds
def test_rows_of_a_batch_do_not_meet(kind: str) -> None:
    model, tokens = new_model(kind), some_tokens(3, 12)
    for row in range(3):
        torch.testing.assert_close(model(tokens)[row], model(tokens[row : row + 1])[0])


@kinds
def test_loss_is_the_mean_surprise(kind: str) -> None:
    model, text = new_model(kind), some_tokens(2, 10)
    logits = model(text[:, :-1])
    surprise = -logits.log_softmax(-1).gather(-1, text[:, 1:, None])
    torch.testing.assert_close(model.loss(text[:, :-1], text[:, 1:]), surprise.mean())
    targets = text[:, 1:].clone()
    targets[:, 4:] = -100
    torch.testing.assert_close(model.loss(text[:, :-1], targets), surprise[:, :4].mean())


@kinds
def test_loss_at_initialisation_is_near_that_of_guessing(kind: str) -> None:
    torch.manual_seed(0)
    model = GPT(config_of(kind, width=128))
    text = some_tokens(16, 25)
    loss = float(model.loss(text[:, :-1], text[:, 1:]).detach())
    assert abs(loss - math.log(VOCAB)) < 0.1


def test_zero_init_makes_each_block_the_identity() -> None:
    torch.manual_seed(0)
    model, x = GPT(config_of("course")), normal(2, 5, 32)
    for block in model.blocks:
        assert torch.equal(block(x), x)


@kinds
def test_one_batch_is_overfitted(kind: str) -> None:
    torch.manual_seed(0)
    model, text = GPT(config_of(kind)), some_tokens(4, 17)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(120):
        optimizer.zero_grad()
        loss = model.loss(text[:, :-1], text[:, 1:])
        loss.backward()
        assert all(p.grad is not None for p in model.parameters())
        optimizer.step()
    # Where rows begin with the same token, only luck tells what follows it.
    assert float(loss.detach()) < 0.1


@kinds
def test_bfloat16_training_is_near_float32(kind: str) -> None:
    model, text = new_model(kind), some_tokens(2, 17)
    whole = model.loss(text[:, :-1], text[:, 1:]).detach()
    with torch.autocast("cpu", torch.bfloat16):
        half = model.loss(text[:, :-1], text[:, 1:])
    half.backward()
    assert half.dtype == torch.float32
    assert abs(float(half.detach() - whole)) < 0.05
    all_half = model.bfloat16().loss(text[:, :-1], text[:, 1:]).detach()
    assert abs(float(all_half - whole)) < 0.1


@kinds
def test_attention_maps(kind: str) -> None:
    model, tokens = new_model(kind), some_tokens(2, 9)
    maps = gpt_model.attention_maps(model, tokens)
    assert maps.shape == (2, 2, 4, 9, 9)
    torch.testing.assert_close(maps.sum(-1), torch.ones(2, 2, 4, 9))
    assert (maps.triu(1) == 0).all()
    # The second block's map belongs to what the first block gave it.
    seen: list[Tensor] = []
    norm = model.blocks[1].attention_norm
    handle = norm.register_forward_hook(lambda module, inputs, output: seen.append(output))
    model(tokens)
    handle.remove()
    angles = None if model.embedding.angles is None else model.embedding.angles[:, :9]
    torch.testing.assert_close(maps[1], model.blocks[1].attention.weights(seen[0], angles))


@pytest.mark.parametrize(
    ("config", "millions"),
    [(config.GPT2, 124_439_808), (config.SMOLLM2, 134_515_008)],
    ids=["GPT-2", "SmolLM2"],
)
def test_the_known_models_have_their_known_sizes(config: GPTConfig, millions: int) -> None:
    with torch.device("meta"):
        model = GPT(config)
    assert sum(p.numel() for p in model.parameters()) == millions


def test_tied_models_have_one_matrix_for_both_ends() -> None:
    tied, untied = new_model("gpt2"), new_model("gpt2", tied=False)
    assert tied.head.weight is tied.embedding.tokens.weight
    assert untied.head.weight is not untied.embedding.tokens.weight


@pytest.mark.parametrize(
    ("setting", "choices"),
    [
        ({"mlp": "relu"}, "mlp must be one of squared_relu, gelu, gated, not 'relu'."),
        ({"norm": "LayerNorm"}, "norm must be one of rms, layer, not 'LayerNorm'."),
        ({"positions": ""}, "positions must be one of rotary, learned, not ''."),
    ],
)
def test_a_setting_that_is_no_choice_is_refused_with_the_choices(
    setting: dict[str, Any], choices: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(choices)}$"):
        config_of("course", **setting)


def test_config_refuses_sizes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"^width 32 must be a multiple of num_heads 5, [^.]+\.$"):
        config_of("course", num_heads=5)
    with pytest.raises(ValueError, match=r"^width 32 [^.]+ of kv_heads 3\.$"):
        config_of("course", kv_heads=3)
    with pytest.raises(ValueError, match=r"^Rotary positions need an even head_dim, not 1\.$"):
        config_of("course", num_heads=32)
    dataclasses.replace(config_of("gpt2"), num_heads=32)  # learned positions don't mind


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        *(
            ({name: wrong}, f"{name} must be a whole number of at least 1, not {wrong}.")
            for name in ("num_layers", "num_heads", "width")
            for wrong in (0, -1, 2.0, True)
        ),
        ({"kv_heads": -2}, "kv_heads must be a whole number of at least 0, not -2."),
        ({"hidden": -1}, "hidden must be a whole number of at least 0, not -1."),
        ({"hidden": 2.5}, "hidden must be a whole number of at least 0, not 2.5."),
        ({"norm_eps": 0.0}, "norm_eps must be a finite number above 0, not 0.0."),
        ({"norm_eps": math.nan}, "norm_eps must be a finite number above 0, not nan."),
        ({"rotary_base": -1.0}, "rotary_base must be a finite number above 0, not -1.0."),
        ({"rotary_base": "10"}, "rotary_base must be a finite number above 0, not '10'."),
        ({"ngrams": (7, 0)}, "A table of ngrams must be a whole number of at least 1, not 0."),
        ({"ngrams": (7.5,)}, "A table of ngrams must be a whole number of at least 1, not 7.5."),
        ({"ngrams": 7}, "ngrams must be a tuple of numbers of rows, not 7."),
        ({"ngram_dropout": 1.0}, "ngram_dropout is a share from 0 up to but not 1, not 1.0."),
        ({"ngram_dropout": -0.1}, "ngram_dropout is a share from 0 up to but not 1, not -0.1."),
        ({"ngram_dropout": math.nan}, "ngram_dropout is a share from 0 up to but not 1, not nan."),
        ({"ngram_dropout": "a"}, "ngram_dropout is a share from 0 up to but not 1, not a."),
        ({"bias": "no"}, "bias must be True or False, not 'no'."),
        ({"tied": 1}, "tied must be True or False, not 1."),
        ({"positions": None}, "positions must be one of rotary, learned, not None."),
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(setting: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        config_of("course", **setting)


@pytest.mark.parametrize("wrong", [0, -3, 2.5, True])
def test_a_vocabulary_and_a_context_are_positive(wrong: Any) -> None:
    for sizes, name in (((wrong, 8), "vocab_size"), ((8, wrong), "context")):
        with pytest.raises(ValueError, match=rf"^{name} must be a whole number of at least 1"):
            GPTConfig(*sizes)


def test_tables_of_ngrams_may_come_from_a_file_of_settings() -> None:
    assert config_of("ngrams", ngrams=[37, 53]) == config_of("ngrams")


@kinds
@pytest.mark.parametrize("wrong", [VOCAB, -1, -100])
def test_tokens_and_targets_outside_the_vocabulary_are_refused(kind: str, wrong: int) -> None:
    model, tokens = new_model(kind), some_tokens(2, 5)
    bad = tokens.clone()
    bad[1, 2] = wrong
    for look in (model, model.features, lambda bad: gpt_model.attention_maps(model, bad)):
        with pytest.raises(ValueError, match=r"^Tokens must be ids from 0 to 30\.$"):
            look(bad)
    if wrong == -100:
        assert model.loss(tokens, bad).isfinite()
        return
    with pytest.raises(ValueError, match=r"^Targets, but for those of -100, must be ids from 0 to"):
        model.loss(tokens, bad)


def test_tokens_and_targets_of_another_shape_are_refused() -> None:
    model, tokens = new_model("course"), some_tokens(2, 6)
    for wrong in (tokens[0], tokens[None], tokens.float(), tokens.int(), tokens[:, :0], [[1]]):
        with pytest.raises(ValueError, match=r"^Tokens must be int64 ids of shape \(B, T\), not "):
            model(wrong)
    for wrong in (tokens.view(3, 4), tokens.flatten(), tokens.float(), tokens[:, :5]):
        with pytest.raises(ValueError, match=r"^Targets must be int64 and of tokens' shape"):
            model.loss(tokens, wrong)


def test_attention_maps_are_those_in_use() -> None:
    model, tokens = new_model("ngrams", ngram_dropout=0.5), some_tokens(2, 9)
    expected = gpt_model.attention_maps(model, tokens)
    maps = gpt_model.attention_maps(model.train(), tokens)
    torch.testing.assert_close(maps, expected)
    assert model.training


@kinds
def test_too_many_tokens_are_refused(kind: str) -> None:
    model = new_model(kind)
    assert model(some_tokens(1, 24)).shape == (1, 24, VOCAB)
    with pytest.raises(ValueError, match=r"^There is room for 24 tokens, not 25: [^.]+\.$"):
        model(some_tokens(1, 25))


# --- what training alone does -----------------------------------------------------------------


@kinds
def test_attention_is_the_same_in_training_and_in_use(kind: str) -> None:
    model, tokens = new_model(kind), some_tokens(3, 24)
    with torch.no_grad():
        used = model(tokens)
        torch.testing.assert_close(model.train()(tokens), used, rtol=1e-4, atol=1e-4)


def test_training_hides_all_ngrams_of_a_token_or_none() -> None:
    torch.manual_seed(0)
    ngrams = gpt_model.NGrams(config_of("course", ngrams=(31, 37), ngram_dropout=0.4))
    tokens = some_tokens(200, 24)
    with torch.no_grad():
        hidden, full = ngrams(tokens), ngrams.eval()(tokens)
    shown = (hidden != 0).any(-1)  # (B, T)
    assert shown.float().mean() == pytest.approx(0.6, abs=0.03)
    torch.testing.assert_close(hidden[shown], full[shown] / 0.6)
    assert (full != 0).all(-1).all()
