"""Chapter 4's converters: equal to transformers where they accept, and a name where they refuse."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
import transformers
from test_pretrained import (
    SMALL,
    SMALL_GPT2,
    assert_same_logits,
    random_gpt2,
    randomized,
)

from aigc_utils.gpt import GPT, checkpoints

TINY = {
    "vocab_size": 61,
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
LINEAR = {"rope_type": "linear", "factor": 2.0, "rope_theta": 10_000.0}


def tiny(kind: str, **changes: Any) -> Any:
    """Returns a random model of a kind that transformers knows, as small as `TINY`."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**(TINY | changes))
    return randomized(getattr(transformers, f"{kind}ForCausalLM")(config))


def refusal(convert: Any, theirs: Any) -> str:
    """Returns the one sentence by which a model is refused."""
    with pytest.raises(ValueError, match=r"^[^\n]+\.$") as error:
        convert(theirs)
    message = str(error.value)
    assert ". " not in message
    return message


# --- transformers' models ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("Llama", {}),
        ("Llama", {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}}),
        ("Llama", {"tie_word_embeddings": True, "rms_norm_eps": 1e-3}),
        ("Llama", {"pretraining_tp": 2, "attention_dropout": 0.5}),
        ("Mistral", {"sliding_window": None}),
        ("Mistral", {"sliding_window": 64}),
    ],
    ids=str,
)
def test_models_that_are_llamas_have_transformers_logits(
    kind: str, changes: dict[str, Any]
) -> None:
    theirs = tiny(kind, **changes)
    assert_same_logits(checkpoints.from_llama(theirs), theirs, torch.randint(61, (2, 64)))


@pytest.mark.parametrize(
    ("kind", "changes", "part"),
    [
        ("Qwen2", {}, "self_attn.k_proj.bias"),
        ("Qwen3", {"head_dim": 8}, "self_attn.k_norm.weight"),
        ("Qwen3", {"head_dim": 16}, "head_dim = 8, not 16"),
        ("Mistral", {"sliding_window": 8}, "sliding_window = None, not 8"),
        ("Gemma", {"head_dim": 8}, "hidden_act = silu, not gelu"),
        ("Gemma", {"head_dim": 8, "hidden_act": "silu"}, "model_type = llama, not gemma"),
        ("Granite", {"logits_scaling": 2.0}, "model_type = llama, not granite"),
        ("Olmo", {}, "model_type = llama, not olmo"),
        ("Phi3", {}, "mlp.gate_proj.weight"),
        ("Llama", {"attention_bias": True}, "attention_bias = False, not True"),
        ("Llama", {"mlp_bias": True}, "mlp_bias = False, not True"),
        ("Llama", {"hidden_act": "gelu"}, "hidden_act = silu, not gelu"),
        ("Llama", {"head_dim": 16}, "head_dim = 8, not 16"),
        ("Llama", {"rope_parameters": LINEAR}, "plain rotary positions only, not"),
        (
            "Llama",
            {"rope_parameters": LINEAR | {"rope_type": "dynamic"}},
            "plain rotary positions only, not",
        ),
    ],
    ids=str,
)
def test_models_that_are_no_llamas_are_refused_by_name(
    kind: str, changes: dict[str, Any], part: str
) -> None:
    assert part in refusal(checkpoints.from_llama, tiny(kind, **changes))


@pytest.mark.parametrize(
    "changes",
    [{"reorder_and_upcast_attn": True}, {"resid_pdrop": 0.5, "summary_type": "last"}],
    ids=str,
)
def test_settings_of_gpt2_that_change_nothing_are_accepted(changes: dict[str, Any]) -> None:
    theirs = random_gpt2(**SMALL_GPT2[0], **changes)
    assert_same_logits(checkpoints.from_gpt2(theirs), theirs, torch.randint(97, (2, 40)))


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"scale_attn_weights": False}, "scale_attn_weights = True, not False"),
        (
            {"scale_attn_by_inverse_layer_idx": True},
            "scale_attn_by_inverse_layer_idx = False, not True",
        ),
        ({"add_cross_attention": True}, "add_cross_attention = False, not True"),
        *(
            ({"activation_function": name}, f"activation_function = gelu_new, not {name}")
            for name in ("relu", "gelu", "silu", "quick_gelu")
        ),
    ],
    ids=str,
)
def test_models_that_are_no_gpt2_are_refused_by_name(changes: dict[str, Any], part: str) -> None:
    assert part in refusal(checkpoints.from_gpt2, random_gpt2(**SMALL_GPT2[0], **changes))


def test_one_converter_refuses_the_others_model() -> None:
    assert "model_type = gpt2, not llama" in refusal(checkpoints.from_gpt2, tiny("Llama"))
    assert "model_type = gpt2, not GPTConfig" in refusal(checkpoints.from_gpt2, GPT(SMALL))
    gpt2 = random_gpt2(**SMALL_GPT2[1])
    assert "model_type = llama, not gpt2" in refusal(checkpoints.from_llama, gpt2)


def test_a_part_that_was_added_or_taken_away_is_named() -> None:
    llama, gpt2 = tiny("Llama"), random_gpt2(**SMALL_GPT2[0])
    llama.model.layers[1].self_attn.o_proj.bias = torch.nn.Parameter(torch.ones(32))
    assert "model.layers.1.self_attn.o_proj.bias is no part of it" in refusal(
        checkpoints.from_llama, llama
    )
    gpt2.transformer.h[2].ln_3 = torch.nn.LayerNorm(48)
    message = refusal(checkpoints.from_gpt2, gpt2)
    assert "h.2.ln_3.bias and 1 more are no part of it" in message
    gpt2.config.n_layer = 4
    assert "h.3.attn.c_attn.bias and 11 more are missing" in refusal(checkpoints.from_gpt2, gpt2)
    gpt2.config.n_layer = 2
    assert "more are no part of it" in refusal(checkpoints.from_gpt2, gpt2)


# --- dictionaries of weights ------------------------------------------------------------------


def test_each_missing_or_unknown_name_of_theirs_is_named() -> None:
    for theirs, rename, convert in (
        (random_gpt2(**SMALL_GPT2[2]), checkpoints.gpt2_weights, checkpoints.from_gpt2),
        (tiny("Llama"), checkpoints.llama_weights, checkpoints.from_llama),
    ):
        shape, weights = convert(theirs).config, theirs.state_dict()
        assert set(rename(weights, shape)) == set(GPT(shape).state_dict())
        for name in weights:
            fewer = {other: value for other, value in weights.items() if other != name}
            with pytest.raises(ValueError, match=r"is missing\.$") as error:
                rename(fewer, shape)
            assert name.removeprefix("transformer.") in str(error.value)
            with pytest.raises(ValueError, match=r"2 is no part of it\.$") as error:
                rename({**weights, f"{name}2": weights[name]}, shape)
            assert name.removeprefix("transformer.") in str(error.value)


def test_what_old_versions_kept_is_left_out() -> None:
    theirs = tiny("Llama")
    ours = checkpoints.from_llama(theirs)
    weights = theirs.state_dict()
    weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)
    weights["model.rotary_emb.inv_freq"] = torch.ones(4)
    assert set(checkpoints.llama_weights(weights, ours.config)) == set(ours.state_dict())


def test_weights_that_do_not_fit_are_refused_by_name() -> None:
    weights = GPT(SMALL).state_dict()
    checkpoints.with_weights(SMALL, weights)
    short = {name: value for name, value in weights.items() if name != "norm.weight"}
    wide = weights | {"norm.weight": torch.ones(9)}
    more = weights | {"more.weight": torch.ones(8)}
    for wrong, part in (
        (short, "norm.weight is missing"),
        (wide, r"norm.weight must have shape \(8,\), not \(9,\)"),
        (more, "more.weight is no part of it"),
        ({}, "and 8 more are missing"),
        ({"embedding.tokens.weight": weights["head.weight"]}, "and 6 more are missing"),
    ):
        with pytest.raises(ValueError, match=rf"^The weights don't fit [^\n]*{part}\.$"):
            checkpoints.with_weights(SMALL, wrong)


def test_a_tied_head_must_be_the_embedding() -> None:
    weights = GPT(SMALL).state_dict()
    other = weights | {"head.weight": weights["head.weight"] + 1}
    with pytest.raises(ValueError, match=r"head.weight is not the embedding's"):
        checkpoints.with_weights(SMALL, other)
    same = weights | {"head.weight": weights["head.weight"].clone()}
    model = checkpoints.with_weights(SMALL, same)
    assert model.head.weight is model.embedding.tokens.weight
    untied = dataclasses.replace(SMALL, tied=False)
    model = checkpoints.with_weights(untied, other)
    assert not torch.equal(model.head.weight, model.embedding.tokens.weight)
    theirs = tiny("Llama", tie_word_embeddings=True)
    theirs.lm_head.weight = torch.nn.Parameter(theirs.lm_head.weight * math.pi)
    with pytest.raises(ValueError, match=r"head.weight is not the embedding's"):
        checkpoints.from_llama(theirs)
