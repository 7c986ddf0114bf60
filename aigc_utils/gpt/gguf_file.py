"""Chapter 4: a Llama's weights and tokenizer from a GGUF file, the form of small computers.

A GGUF file holds a model's settings, its tokenizer and its weights in one; most weights take four
bits. `gguf` reads it and unpacks the weights, `tokenizers` makes the tokenizer. transformers could
do both, but reads the file's head four times and needs 23 s and three patches of its inside to do
so in 13; this takes 10.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

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
        KeyError: the file lacks a part.
    """
    import gguf
    import transformers  # noqa: F401 - asked for before the file is read, which takes seconds

    reader = gguf.GGUFReader(path)
    arrays = {t.name: gguf.dequantize(t.data, t.tensor_type) for t in reader.tensors}
    theirs = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    fields = {name: field.contents for name, field in reader.fields.items()}
    return Contents(_weights(theirs, config), _tokenizer(fields))


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

    tokens = fields["tokenizer.ggml.tokens"]()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]()]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tool = Tokenizer(models.BPE(vocabulary, merges, fuse_unk=False))
    tool.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tool.decoder = decoders.ByteLevel()
    kinds = fields["tokenizer.ggml.token_type"]()
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == CONTROL]
    tool.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    ends = {
        f"{name}_token": tokens[fields[f"tokenizer.ggml.{where}_token_id"]()]
        for name, where in {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}.items()
    }
    whole = PreTrainedTokenizerFast(tokenizer_object=tool, **ends)
    whole.chat_template = fields["tokenizer.chat_template"]()
    return whole
