"""Chapter 4: a Llama's weights and tokenizer from a GGUF file, the form of small computers.

A GGUF file holds a model's settings, its tokenizer and its weights in one; most weights take four
bits. `gguf` reads it and unpacks the weights, `tokenizers` makes the tokenizer. transformers could
do both, but reads the file's head four times and needs 23 s and three patches of its inside to do
so in 13; this takes 10.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .checkpoints import check_names
from .config import GPTConfig

#: The course's name of each part of a block, and what the file's parts are called.
PARTS = {
    "attention_norm": ("attn_norm",),
    "attention.qkv": ("attn_q", "attn_k", "attn_v"),
    "attention.project": ("attn_output",),
    "mlp_norm": ("ffn_norm",),
    "mlp.expand": ("ffn_gate", "ffn_up"),
    "mlp.project": ("ffn_down",),
}
#: The kind of a token that stands for no text, such as the end of one.
CONTROL = 3
#: How the tokenizers that `_tokenizer` makes cut a text into words.
WORDS = ("gpt-2", "smollm")


class Contents(NamedTuple):
    """What a GGUF file holds: weights under the course's names, float32, and the tokenizer."""

    weights: dict[str, Tensor]
    tokenizer: Any  # transformers' tokenizer


def read_gguf(path: Path, config: GPTConfig) -> Contents:
    """Returns the weights and the tokenizer of a Llama in a GGUF file; its head is tied.

    Args:
        path: the file.
        config: the model's shape.

    Raises:
        ImportError: `gguf`, `tokenizers` or `transformers` is missing.
        ValueError: the file lacks a part, has one that the course's GPT lacks, or is of another
            shape or kind.
    """
    import gguf
    import transformers  # noqa: F401 - asked for before the file is read, which takes seconds

    reader = gguf.GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    _check_settings(fields, config)
    _check_tensors({tensor.name for tensor in reader.tensors}, config)
    arrays = {t.name: gguf.dequantize(t.data, t.tensor_type) for t in reader.tensors}
    theirs = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    return Contents(_weights(theirs, config), _tokenizer(fields))


def _check_settings(fields: dict[str, Any], config: GPTConfig) -> None:
    """Compares what the file says of itself with what is made of it."""
    for name in ("tokens", "token_type", "merges"):
        if f"tokenizer.ggml.{name}" not in fields:
            raise ValueError(f"The GGUF file has no tokenizer.ggml.{name}: take another one.")
    optional = {name: value for name, value in _optional(config).items() if name in fields}
    found = {**fields, "vocab_size": len(fields["tokenizer.ggml.tokens"])}
    for name, wanted in (_settings(config) | optional).items():
        if not _alike(found.get(name), wanted):
            raise ValueError(
                f"The GGUF file has {name} = {found.get(name)}, not {wanted}: take another one."
            )


def _settings(config: GPTConfig) -> dict[str, object]:
    """Returns what a file must say."""
    return {
        "general.architecture": "llama",
        "llama.context_length": config.context,
        "llama.block_count": config.num_layers,
        "llama.embedding_length": config.width,
        "llama.feed_forward_length": config.hidden or 4 * config.width,
        "llama.attention.head_count": config.num_heads,
        "llama.attention.head_count_kv": config.num_kv_heads,
        "llama.attention.layer_norm_rms_epsilon": config.norm_eps,
        "llama.rope.freq_base": config.rotary_base,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": WORDS,
        "vocab_size": config.vocab_size,
    }


def _optional(config: GPTConfig) -> dict[str, object]:
    """Returns what a file may say; one that does not means the same."""
    return {
        "llama.attention.key_length": config.head_dim,
        "llama.attention.value_length": config.head_dim,
        "llama.rope.dimension_count": config.head_dim,
        "llama.rope.scaling.type": "none",
        "llama.rope.scale_linear": 1.0,
        "llama.expert_count": 0,
        "tokenizer.ggml.add_bos_token": False,
    }


def _alike(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, float):  # the file's have four bytes
        return isinstance(found, float) and math.isclose(found, wanted, rel_tol=1e-6)
    return found in wanted if isinstance(wanted, tuple) else bool(found == wanted)


def _check_tensors(names: set[str], config: GPTConfig) -> None:
    layers = (f"blk.{layer}" for layer in range(config.num_layers))
    parts = [part for names in PARTS.values() for part in names]
    blocks = [f"{layer}.{part}.weight" for layer in layers for part in parts]
    check_names(names, ["token_embd.weight", "output_norm.weight", *blocks])


def _weights(theirs: dict[str, Tensor], config: GPTConfig) -> dict[str, Tensor]:
    """Returns the file's weights under the course's names."""
    ours = {
        "embedding.tokens.weight": theirs["token_embd.weight"],
        "norm.weight": theirs["output_norm.weight"],
    }
    heads = {"attn_q": config.num_heads, "attn_k": config.num_kv_heads}
    for layer in range(config.num_layers):
        for our, names in PARTS.items():
            parts = [theirs[f"blk.{layer}.{name}.weight"] for name in names]
            parts = [
                _halves(part, heads[name]) if name in heads else part
                for name, part in zip(names, parts, strict=True)
            ]
            ours[f"blocks.{layer}.{our}.weight"] = torch.cat(parts)
    return ours


def _halves(matrix: Tensor, heads: int) -> Tensor:
    """Returns queries' or keys' rows with a pair's two halves apart, as `rotate` takes them.

    The file has the two numbers that turn together side by side, (head_dim / 2, 2) in each head.
    """
    pairs = matrix.view(heads, -1, 2, matrix.size(1))  # (heads, head_dim / 2, 2, width)
    return pairs.transpose(1, 2).reshape(matrix.shape)


def _tokenizer(fields: dict[str, Any]) -> Any:
    """Returns transformers' tokenizer of the file's tokens and merges: byte-pair encoding."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tool = Tokenizer(models.BPE(vocabulary, merges, fuse_unk=False))
    tool.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tool.decoder = decoders.ByteLevel()
    kinds = fields["tokenizer.ggml.token_type"]
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == CONTROL]
    tool.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    ends = {
        f"{name}_token": tokens[fields[f"tokenizer.ggml.{where}_token_id"]]
        for name, where in {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}.items()
        if f"tokenizer.ggml.{where}_token_id" in fields
    }
    whole = PreTrainedTokenizerFast(tokenizer_object=tool, **ends)
    whole.chat_template = fields.get("tokenizer.chat_template")
    return whole
