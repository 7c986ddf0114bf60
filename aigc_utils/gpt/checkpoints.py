"""Chapter 4: other libraries' weights under the course's names, in the course's GPT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..model_files import NoInit
from .config import GPT2, SMOLLM2, GPTConfig
from .model import GPT
from .numpy_decoding import store_for_decoding


def from_gpt2(theirs: Any) -> GPT:
    """Returns the course's GPT with the weights of transformers' `GPT2LMHeadModel`, float32.

    Raises:
        ValueError: the model has a part that the course's GPT lacks.
    """
    config = theirs.config
    _expect(config, activation_function="gelu_new", scale_attn_by_inverse_layer_idx=False)
    shape = replace(
        GPT2,
        vocab_size=config.vocab_size,
        context=config.n_positions,
        num_layers=config.n_layer,
        num_heads=config.n_head,
        width=config.n_embd,
        hidden=config.n_inner or 0,
        norm_eps=config.layer_norm_epsilon,
        tied=config.tie_word_embeddings,
    )
    return with_weights(shape, gpt2_weights(theirs.state_dict(), shape))


def from_llama(theirs: Any) -> GPT:
    """Returns the course's GPT with the weights of transformers' `LlamaForCausalLM`, float32.

    Raises:
        ValueError: the model has a part that the course's GPT lacks.
    """
    config = theirs.config
    _expect(config, hidden_act="silu", attention_bias=False, mlp_bias=False)
    _expect(config, head_dim=config.hidden_size // config.num_attention_heads)
    if config.rope_parameters["rope_type"] != "default":
        raise ValueError("The course's GPT has plain rotary positions only: take another model.")
    shape = replace(
        SMOLLM2,
        vocab_size=config.vocab_size,
        context=config.max_position_embeddings,
        num_layers=config.num_hidden_layers,
        num_heads=config.num_attention_heads,
        width=config.hidden_size,
        kv_heads=config.num_key_value_heads,
        hidden=config.intermediate_size,
        norm_eps=config.rms_norm_eps,
        rotary_base=config.rope_parameters["rope_theta"],
        tied=config.tie_word_embeddings,
    )
    return with_weights(shape, llama_weights(theirs.state_dict(), shape))


def gpt2_weights(theirs: Mapping[str, Tensor], config: GPTConfig) -> dict[str, Tensor]:
    """Returns a GPT-2 checkpoint's weights under the course's names.

    Its matrices stand the other way round: (in, out), where `nn.Linear` has (out, in).

    Args:
        theirs: with Hugging Face's names, "transformer." before them or not.
        config: the model's shape.
    """
    weights = {name.removeprefix("transformer."): value for name, value in theirs.items()}
    names = {
        "wte": "embedding.tokens",
        "wpe": "embedding.positions",
        "ln_f": "norm",
        "lm_head": "head",
    }
    parts = {
        "ln_1": "attention_norm",
        "attn.c_attn": "attention.qkv",
        "attn.c_proj": "attention.project",
        "ln_2": "mlp_norm",
        "mlp.c_fc": "mlp.expand",
        "mlp.c_proj": "mlp.project",
    }
    for layer in range(config.num_layers):
        names |= {f"h.{layer}.{their}": f"blocks.{layer}.{our}" for their, our in parts.items()}
    ours = {}
    for their, our in names.items():
        for kind in ("weight", "bias"):
            if f"{their}.{kind}" in weights:
                value = weights[f"{their}.{kind}"]
                ours[f"{our}.{kind}"] = value.T if ".c_" in their and kind == "weight" else value
    return ours


def llama_weights(theirs: Mapping[str, Tensor], config: GPTConfig) -> dict[str, Tensor]:
    """Returns a Llama checkpoint's weights under the course's names.

    Where it has three matrices for queries, keys and values, and two for the gated MLP, the
    course has one, with the rows one below the other.

    Args:
        theirs: with Hugging Face's names.
        config: the model's shape.

    """
    names = {"model.embed_tokens": "embedding.tokens", "model.norm": "norm", "lm_head": "head"}
    groups = {our: [their] for their, our in names.items()}
    parts = {
        "attention_norm": ("input_layernorm",),
        "attention.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        "attention.project": ("self_attn.o_proj",),
        "mlp_norm": ("post_attention_layernorm",),
        "mlp.expand": ("mlp.gate_proj", "mlp.up_proj"),
        "mlp.project": ("mlp.down_proj",),
    }
    for layer in range(config.num_layers):
        for our, their in parts.items():
            groups[f"blocks.{layer}.{our}"] = [f"model.layers.{layer}.{name}" for name in their]
    return {
        f"{our}.weight": torch.cat([theirs[f"{name}.weight"] for name in their])
        for our, their in groups.items()
        if all(f"{name}.weight" in theirs for name in their)
    }


def with_weights(config: GPTConfig, weights: Mapping[str, Tensor]) -> GPT:
    """Returns a GPT of this shape with these weights as float32: no gradients, evaluation mode.

    Its matrices are stored so that `numpy_decoding` reads them fastest.

    Raises:
        ValueError: a weight is missing, is of another shape, or has no place in the model.
    """
    # No memory and no random numbers for weights that come anyway.
    with torch.device("meta"), NoInit():
        model = GPT(config)
    if config.tied:
        weights = {**weights, "head.weight": weights.get("embedding.tokens.weight", torch.empty(0))}
    try:
        model.load_state_dict({name: value.float() for name, value in weights.items()}, assign=True)
    except RuntimeError as error:
        raise ValueError(
            "The weights don't fit the configuration: give the model's own."
        ) from error
    store_for_decoding([layer for layer in model.modules() if isinstance(layer, nn.Linear)])
    if config.tied:
        model.embedding.tokens.weight = model.head.weight
    return model.eval().requires_grad_(False)


def _expect(config: Any, **parts: object) -> None:
    for name, value in parts.items():
        if getattr(config, name, value) != value:
            raise ValueError(
                f"The course's GPT needs {name} = {value}, not {getattr(config, name)}: "
                "take another model."
            )
