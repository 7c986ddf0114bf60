"""Chapter 4's reader of GGUF files: what it makes of a small one, and what it refuses by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch

from aigc_utils.gpt import SMOLLM2, checkpoints, gguf_file

SMALL = dataclasses.replace(
    SMOLLM2, vocab_size=6, context=32, num_layers=2, num_heads=4, kv_heads=2, width=16, hidden=24
)
TOKENS = ["<end>", "a", "b", "ab", "Ġ", "Ġa"]


def tensors() -> dict[str, np.ndarray]:
    """Returns random weights under a GGUF file's names."""
    shapes = {
        "attn_norm": (16,), "attn_q": (16, 16), "attn_k": (8, 16), "attn_v": (8, 16),
        "attn_output": (16, 16), "ffn_norm": (16,), "ffn_gate": (24, 16), "ffn_up": (24, 16),
        "ffn_down": (16, 24),
    }  # fmt: skip
    rng = np.random.default_rng(0)
    names = {"token_embd.weight": (6, 16), "output_norm.weight": (16,)}
    for layer in range(2):
        names |= {f"blk.{layer}.{name}.weight": shape for name, shape in shapes.items()}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in names.items()}


def written(
    folder: Path, changed: dict[str, Any], arch: str = "llama", weights: Any = None
) -> Path:
    """Returns a GGUF file of a small Llama, with some settings changed, or left out for None."""
    path = folder / "small.gguf"
    writer = gguf.GGUFWriter(path, arch)
    settings: dict[str, Any] = {
        "llama.context_length": 32,
        "llama.block_count": 2,
        "llama.embedding_length": 16,
        "llama.feed_forward_length": 24,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.freq_base": 100_000.0,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": TOKENS,
        "tokenizer.ggml.token_type": [3, 1, 1, 1, 1, 1],
        "tokenizer.ggml.merges": ["a b", "Ġ a"],
        "tokenizer.ggml.eos_token_id": 0,
    }
    for name, value in (settings | changed).items():
        if isinstance(value, str):
            writer.add_string(name, value)
        elif isinstance(value, list):
            writer.add_array(name, value)
        elif isinstance(value, bool):
            writer.add_bool(name, value)
        elif isinstance(value, float):
            writer.add_float32(name, value)
        elif value is not None:
            writer.add_uint32(name, value)
    for name, array in (tensors() if weights is None else weights).items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_small_file_becomes_a_model_and_its_tokenizer(tmp_path: Path) -> None:
    weights, tokenizer = gguf_file.read_gguf(written(tmp_path, {}), SMALL)
    model = checkpoints.with_weights(SMALL, weights)
    assert model(torch.arange(6)[None]).shape == (1, 6, 6)
    assert tokenizer("ab a").input_ids == [3, 5]
    assert tokenizer.eos_token == "<end>"


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"llama.rope.scaling.type": "linear"}, "llama.rope.scaling.type = linear, not none"),
        ({"llama.rope.scale_linear": 2.0}, "llama.rope.scale_linear = 2.0"),
        ({"llama.rope.freq_base": 10_000.0}, "llama.rope.freq_base = 10000.0, not 100000.0"),
        ({"llama.rope.freq_base": None}, "llama.rope.freq_base = None"),
        ({"llama.rope.dimension_count": 2}, "llama.rope.dimension_count = 2, not 4"),
        ({"llama.attention.key_length": 8}, "llama.attention.key_length = 8, not 4"),
        ({"llama.attention.layer_norm_rms_epsilon": 1e-6}, "layer_norm_rms_epsilon = "),
        ({"llama.attention.head_count_kv": 4}, "llama.attention.head_count_kv = 4, not 2"),
        ({"llama.block_count": 3}, "llama.block_count = 3, not 2"),
        ({"llama.expert_count": 4}, "llama.expert_count = 4, not 0"),
        ({"llama.context_length": 64}, "llama.context_length = 64, not 32"),
        ({"tokenizer.ggml.model": "llama"}, "tokenizer.ggml.model = llama, not gpt2"),
        ({"tokenizer.ggml.pre": "llama-bpe"}, "tokenizer.ggml.pre = llama-bpe"),
        ({"tokenizer.ggml.tokens": [*TOKENS, "c"]}, "vocab_size = 7, not 6"),
        ({"tokenizer.ggml.add_bos_token": True}, "tokenizer.ggml.add_bos_token = True"),
        ({"tokenizer.ggml.merges": None}, "tokenizer.ggml.merges"),
        ({"tokenizer.ggml.token_type": None}, "tokenizer.ggml.token_type"),
    ],
    ids=str,
)
def test_another_models_file_is_refused_by_name(
    tmp_path: Path, changed: dict[str, Any], part: str
) -> None:
    with pytest.raises(ValueError, match=r"^The GGUF file [^\n]+\.$") as error:
        gguf_file.read_gguf(written(tmp_path, changed), SMALL)
    assert part in str(error.value)


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"general\.architecture = qwen2, not llama"):
        gguf_file.read_gguf(written(tmp_path, {}, arch="qwen2"), SMALL)


@pytest.mark.parametrize(
    "name", ["blk.0.attn_q.bias", "output.weight", "rope_freqs.weight", "blk.2.attn_q.weight"]
)
def test_a_tensor_that_has_no_place_is_refused_by_name(tmp_path: Path, name: str) -> None:
    more = {**tensors(), name: np.ones((16,), np.float32)}
    with pytest.raises(ValueError, match=rf"{name} is no part of it\.$"):
        gguf_file.read_gguf(written(tmp_path, {}, weights=more), SMALL)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    fewer = tensors()
    del fewer["blk.1.ffn_up.weight"]
    with pytest.raises(ValueError, match=r"blk\.1\.ffn_up\.weight is missing\.$"):
        gguf_file.read_gguf(written(tmp_path, {}, weights=fewer), SMALL)
