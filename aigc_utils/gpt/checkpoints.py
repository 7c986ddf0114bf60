"""Chapter 4: other libraries' weights under the course's names, in the course's GPT."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
        ValueError: the model has a part that the course's GPT lacks, or lacks one itself.
    """
    config = theirs.config
    _expect_settings(config, "gpt2", "n_positions", "n_embd", "n_inner", "layer_norm_epsilon")
    _expect(config, activation_function="gelu_new", add_cross_attention=False)
    _expect(config, scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False)
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
    weights = gpt2_weights(theirs.state_dict(), shape)
    _expect_kind(config.model_type, "gpt2")
    return with_weights(shape, weights)


def from_llama(theirs: Any) -> GPT:
    """Returns the course's GPT with the weights of transformers' `LlamaForCausalLM`, float32.

    A Mistral whose window is no shorter than its context is a Llama.

    Raises:
        ValueError: the model has a part that the course's GPT lacks, or lacks one itself.
    """
    config = theirs.config
    _expect_settings(config, "llama", "num_key_value_heads", "rms_norm_eps", "rope_parameters")
    _expect(config, hidden_act="silu", attention_bias=False, mlp_bias=False)
    _expect(config, head_dim=config.hidden_size // config.num_attention_heads)
    context, window = config.max_position_embeddings, getattr(config, "sliding_window", None)
    if window is not None and window < context:
        raise ValueError(_refusal("sliding_window = None", window))
    shape = replace(
        SMOLLM2,
        vocab_size=config.vocab_size,
        context=context,
        num_layers=config.num_hidden_layers,
        num_heads=config.num_attention_heads,
        width=config.hidden_size,
        kv_heads=config.num_key_value_heads,
        hidden=config.intermediate_size,
        norm_eps=config.rms_norm_eps,
        rotary_base=_rotary_base(config),
        tied=config.tie_word_embeddings,
    )
    weights = llama_weights(theirs.state_dict(), shape)
    _expect_kind(config.model_type, "llama", "mistral")
    return with_weights(shape, weights)


def gpt2_weights(theirs: Mapping[str, Tensor], config: GPTConfig) -> dict[str, Tensor]:
    """Returns a GPT-2 checkpoint's weights under the course's names.

    Its matrices stand the other way round: (in, out), where `nn.Linear` has (out, in). The masks
    that old versions kept among the weights are left out.

    Args:
        theirs: with Hugging Face's names, "transformer." before them or not.
        config: the model's shape.

    Raises:
        ValueError: a weight is missing, or one has no place in the course's GPT.
    """
    weights = {name.removeprefix("transformer."): value for name, value in theirs.items()}
    parts = {
        "attention_norm": "ln_1",
        "attention.qkv": "attn.c_attn",
        "attention.project": "attn.c_proj",
        "mlp_norm": "ln_2",
        "mlp.expand": "mlp.c_fc",
        "mlp.project": "mlp.c_proj",
    }
    names = {"norm": "ln_f"}
    for layer in range(config.num_layers):
        names |= {f"blocks.{layer}.{our}": f"h.{layer}.{their}" for our, their in parts.items()}
    groups = {
        f"{our}.{kind}": [f"{their}.{kind}"]
        for our, their in names.items()
        for kind in ("weight", "bias")
    }
    groups |= {"embedding.tokens.weight": ["wte.weight"]}
    groups |= {"embedding.positions.weight": ["wpe.weight"]}
    ours = _collect(weights, groups, config, r"h\.\d+\.attn\.(masked_)?bias")
    turned = (".qkv.weight", ".project.weight", ".expand.weight")
    return {name: value.T if name.endswith(turned) else value for name, value in ours.items()}


def llama_weights(theirs: Mapping[str, Tensor], config: GPTConfig) -> dict[str, Tensor]:
    """Returns a Llama checkpoint's weights under the course's names.

    Where it has three matrices for queries, keys and values, and two for the gated MLP, the
    course has one, with the rows one below the other. The speeds of rotary positions that old
    versions kept among the weights are left out.

    Args:
        theirs: with Hugging Face's names.
        config: the model's shape.

    Raises:
        ValueError: a weight is missing, or one has no place in the course's GPT.
    """
    parts = {
        "attention_norm": ("input_layernorm",),
        "attention.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        "attention.project": ("self_attn.o_proj",),
        "mlp_norm": ("post_attention_layernorm",),
        "mlp.expand": ("mlp.gate_proj", "mlp.up_proj"),
        "mlp.project": ("mlp.down_proj",),
    }
    groups = {
        "embedding.tokens.weight": ["model.embed_tokens.weight"],
        "norm.weight": ["model.norm.weight"],
    }
    for layer in range(config.num_layers):
        groups |= {
            f"blocks.{layer}.{our}.weight": [
                f"model.layers.{layer}.{name}.weight" for name in names
            ]
            for our, names in parts.items()
        }
    return _collect(theirs, groups, config, r".*rotary_emb\.inv_freq")


def with_weights(config: GPTConfig, weights: Mapping[str, Tensor]) -> GPT:
    """Returns a GPT of this shape with these weights as float32: no gradients, evaluation mode.

    Its matrices are stored so that `numpy_decoding` reads them fastest.

    Raises:
        ValueError: a weight is missing, is of another shape, or has no place in the model.
    """
    # No memory and no random numbers for weights that come anyway.
    with torch.device("meta"), NoInit():
        model = GPT(config)
    if config.tied and "embedding.tokens.weight" in weights:
        embedding = weights["embedding.tokens.weight"]
        head = weights.get("head.weight", embedding)
        if head is not embedding and not torch.equal(head, embedding):
            raise ValueError("The weights don't fit: head.weight is not the embedding's, as tied.")
        weights = {**weights, "head.weight": embedding}
    _check_shapes(weights, {name: value.shape for name, value in model.state_dict().items()})
    model.load_state_dict({name: value.float() for name, value in weights.items()}, assign=True)
    store_for_decoding([layer for layer in model.modules() if isinstance(layer, nn.Linear)])
    if config.tied:
        model.embedding.tokens.weight = model.head.weight
    return model.eval().requires_grad_(False)


def _collect(
    theirs: Mapping[str, Tensor],
    groups: Mapping[str, list[str]],
    config: GPTConfig,
    ignored: str,
) -> dict[str, Tensor]:
    """Returns for each name in `groups` its weights, one below the other, and the head's.

    Names that match `ignored` are left out; whatever else is too much or missing raises.
    """
    if not config.tied or "lm_head.weight" in theirs:
        groups = {**groups, "head.weight": ["lm_head.weight"]}
    check_names(theirs, [name for names in groups.values() for name in names], ignored)
    return {
        our: theirs[names[0]] if len(names) == 1 else torch.cat([theirs[name] for name in names])
        for our, names in groups.items()
    }


def check_names(found: Iterable[str], wanted: Iterable[str], ignored: str = "-") -> None:
    """Checks the names of weights, but for those that match `ignored`.

    Raises:
        ValueError: one that is wanted is missing, or one that was found is not wanted.
    """
    here, needed = set(found), set(wanted)
    more = sorted(name for name in here - needed if not re.fullmatch(ignored, name))
    for names, problem in ((sorted(needed - here), "missing"), (more, "no part of it")):
        if names:
            others = f" and {len(names) - 1} more are" if len(names) > 1 else " is"
            name = f"{names[0]}{others} {problem}"
            raise ValueError(f"The weights don't fit the course's GPT: {name}.")


def _check_shapes(weights: Mapping[str, Tensor], shapes: Mapping[str, torch.Size]) -> None:
    check_names(weights, shapes)
    for name, shape in shapes.items():
        if weights[name].shape != shape:
            raise ValueError(
                f"The weights don't fit the configuration: {name} must have shape {tuple(shape)}, "
                f"not {tuple(weights[name].shape)}."
            )


def _rotary_base(config: Any) -> float:
    """Returns what turns the slowest pair of dimensions, if nothing but that turns them."""
    rope = config.rope_parameters or {}
    part, kind = rope.get("partial_rotary_factor") or 1, rope.get("rope_type", "default")
    if kind != "default" or part != 1 or "rope_theta" not in rope:
        raise ValueError(
            f"The course's GPT has plain rotary positions only, not {rope}: take another model."
        )
    return float(rope["rope_theta"])


def _expect(config: Any, **parts: object) -> None:
    for name, value in parts.items():
        if getattr(config, name, value) != value:
            raise ValueError(_refusal(f"{name} = {value}", getattr(config, name)))


def _expect_settings(config: Any, kind: str, *names: str) -> None:
    if not all(hasattr(config, name) for name in names):
        _expect_kind(getattr(config, "model_type", type(config).__name__), kind)


def _expect_kind(found: str, *kinds: str) -> None:
    """Refuses another model, also one whose settings and weights have the same names."""
    if found not in kinds:
        raise ValueError(_refusal(f"model_type = {kinds[0]}", found))


def _refusal(wanted: str, found: object) -> str:
    return f"The course's GPT needs {wanted}, not {found}: take another model."
