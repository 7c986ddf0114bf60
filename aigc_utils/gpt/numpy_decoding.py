"""Chapter 4: one token through a trained GPT on a CPU, as fast as its weights can be read.

One token needs each weight once, so the memory's speed is the limit, and all cores must read.
PyTorch's product of a matrix and one vector comes from MKL, which on AMD's processors works with
one core at 13 to 20 GB/s; NumPy's, from OpenBLAS, uses all, at 26 to 34 GB/s: how many depends on
the order in which a matrix is stored (`store_for_decoding`).
Between two products everything small is slow, as the weights have pushed it out of the caches:
so NumPy does the small work too, and each of model.py's modules but `NGrams` has its function of
one vector here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from .cache import Cache, Memory
from .model import GPT, MLP, Attention, Block, Embedding, NGrams

_Vector: TypeAlias = "np.ndarray[Any, np.dtype[np.float32]]"
_Step: TypeAlias = Callable[[_Vector], _Vector]


def numpy_has_threads() -> bool:
    """Returns whether NumPy multiplies by an OpenBLAS, whose threads are not PyTorch's own."""
    parts = np.show_config(mode="dicts") or {}
    return "openblas" in parts.get("Build Dependencies", {}).get("blas", {}).get("name", "")


#: Whether `numpy_decoder` is used at all; asked once, when this module is imported.
NUMPY_HAS_THREADS = numpy_has_threads()
#: The kinds of layers that this module computes; one derived from them may do something else.
KNOWN: set[type] = {
    GPT, Embedding, Block, Attention, MLP, NGrams,
    nn.ModuleList, nn.Embedding, nn.Linear, nn.LayerNorm, nn.RMSNorm,
}  # fmt: skip


def store_for_decoding(layers: Sequence[nn.Linear]) -> None:
    """Moves the layers' matrices, (out, in) each, to where one vector is multiplied fastest.

    OpenBLAS reads a tall matrix (out > in) column by column at 34 GB/s and row by row at 27,
    and a wide one row by row at 34 and column by column at 26; MKL has the same order.
    All stand in one array: for large ones NumPy asks Linux for pages of 2 MB, not of 4 kB, and
    a token then takes 3 to 8 % less time.
    """
    room = np.empty(sum(layer.weight.numel() for layer in layers), np.float32)
    for layer in layers:
        weight, tall = _array(layer.weight), layer.out_features > layer.in_features
        place, room = room[: weight.size], room[weight.size :]
        stored = place.reshape(weight.shape, order="F" if tall else "C")
        stored[:] = weight
        layer.weight.data = torch.from_numpy(stored)


def numpy_decoder(model: GPT, cache: Cache) -> Callable[[Tensor], Tensor] | None:
    """Returns a function from the next token, (1, 1), to its logits, (1, vocab_size).

    It reads the token into the cache as the model would. None stands for a model or a cache that
    is left to PyTorch: weights still in training, on a GPU or of lower precision, several texts,
    or a module that is not the course's own. The weights' arrays are looked up here, once: for
    every token anew, that was 3 of the 8 ms between GPT-2's products.
    """
    finished = not model.training and all(
        weight.is_cpu and weight.dtype == torch.float32 and not weight.requires_grad
        for weight in model.parameters()
    )
    known = all(type(module) in KNOWN for module in model.modules())
    single = cache.padding is None and len(cache.memories[0].keys) == 1
    if not (NUMPY_HAS_THREADS and finished and known and single):
        return None
    blocks = [_block(*each) for each in zip(model.blocks, cache.memories, strict=True)]
    embed = _embedding(model.embedding, cache)
    last_norm, head = _norm(model.norm), _linear(model.head)

    def read(token: Tensor) -> Tensor:
        cache.store(token)
        x, angles = embed(token)
        for each in blocks:
            x = each(x, angles)
        return torch.from_numpy(head(last_norm(x)))[None]

    return read


@contextmanager
def numpy_threads(wanted: bool) -> Iterator[None]:
    """Leaves the cores to NumPy where wanted: PyTorch's threads wait 4 ms for work in a loop."""
    threads = torch.get_num_threads()
    if wanted:
        torch.set_num_threads(1)  # and back: less than a microsecond
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _embedding(
    layer: Embedding, cache: Cache
) -> Callable[[Tensor], tuple[_Vector, _Vector | None]]:
    """Returns `Embedding` of the next token: its vector, (width,), and angles, (2, 1, head_dim)."""
    vectors, ngrams = _array(layer.tokens.weight), layer.ngrams
    positions = None if layer.positions is None else _array(layer.positions.weight)
    angles = None if layer.angles is None else _array(layer.angles)

    def apply(token: Tensor) -> tuple[_Vector, _Vector | None]:
        place, x = cache.length, vectors[int(token)]
        if ngrams is not None:
            x = x + _array(ngrams(token, cache.before(len(ngrams.rows)))[0, 0])
        if positions is not None:
            x = x + positions[place]
        return x, None if angles is None else angles[:, place : place + 1]

    return apply


def _block(layer: nn.Module, memory: Memory) -> Callable[[_Vector, _Vector | None], _Vector]:
    """Returns `Block` with its memory, as a function of a vector, (width,), and its angles."""
    assert isinstance(layer, Block)
    attention_norm, gather = _norm(layer.attention_norm), _attention(layer.attention, memory)
    mlp_norm, work = _norm(layer.mlp_norm), _mlp(layer.mlp)

    def apply(x: _Vector, angles: _Vector | None) -> _Vector:
        x = x + gather(attention_norm(x), angles)
        return x + work(mlp_norm(x))

    return apply


def _attention(layer: Attention, memory: Memory) -> Callable[[_Vector, _Vector | None], _Vector]:
    """Returns `Attention` of the newest token, which may see all that the memory holds."""
    qkv, project = _linear(layer.qkv), _linear(layer.project)
    heads, kv_heads, head_dim = layer.heads, layer.kv_heads, layer.head_dim
    half, scale = head_dim // 2, head_dim**-0.5
    qk_norm, eps = layer.qk_norm, torch.finfo(torch.float32).eps
    keys, values = _array(memory.keys[0]), _array(memory.values[0])  # (kv_heads, size, head_dim)

    def apply(x: _Vector, angles: _Vector | None) -> _Vector:
        vectors = qkv(x).reshape(-1, head_dim)  # (heads + 2 * kv_heads, head_dim)
        qk, v = vectors[: heads + kv_heads], vectors[heads + kv_heads :]
        if qk_norm:
            qk = qk / np.sqrt(np.square(qk).mean(-1, keepdims=True) + eps)
        if angles is not None:
            rolled = np.concatenate((qk[:, half:], qk[:, :half]), axis=1)
            qk = qk * angles[0] + rolled * angles[1]
        place, end = memory.length, memory.length + 1
        keys[:, place], values[:, place], memory.length = qk[heads:], v, end
        q = (qk[:heads] * scale).reshape(kv_heads, -1, head_dim)
        scores = q @ keys[:, :end].transpose(0, 2, 1)  # (kv_heads, group, end)
        shares = np.exp(scores - np.maximum.reduce(scores, -1, keepdims=True))
        seen = shares @ values[:, :end] / np.add.reduce(shares, -1, keepdims=True)
        return project(seen.reshape(-1))

    return apply


def _mlp(layer: MLP) -> _Step:
    """Returns `MLP` as a function of a vector, (width,)."""
    expand, project, kind = _linear(layer.expand), _linear(layer.project), layer.kind

    def apply(x: _Vector) -> _Vector:
        x = expand(x)
        if kind == "gated":
            gate, x = x[: len(x) // 2], x[len(x) // 2 :]
            x = gate / 2 * (1 + np.tanh(gate / 2)) * x  # silu, which with exp could overflow
        elif kind == "gelu":
            x = x / 2 * (1 + np.tanh((2 / np.pi) ** 0.5 * x * (1 + 0.044715 * x * x)))
        else:
            x = np.square(np.maximum(x, 0))
        return project(x)

    return apply


def _norm(layer: nn.Module) -> _Step:
    """Returns `nn.LayerNorm` or `nn.RMSNorm` as a function of a vector, (width,)."""
    assert isinstance(layer, nn.LayerNorm | nn.RMSNorm)
    assert layer.eps is not None
    weight, eps, width = _array(layer.weight), layer.eps, len(layer.weight)
    bias = _array(layer.bias) if isinstance(layer, nn.LayerNorm) else None

    def apply(x: _Vector) -> _Vector:
        if bias is not None:
            x = x - np.add.reduce(x) / width
        x = x * ((float(np.dot(x, x)) / width + eps) ** -0.5) * weight
        return x if bias is None else x + bias

    return apply


def _linear(layer: nn.Linear) -> _Step:
    """Returns `nn.Linear` as a function of a vector, (in,)."""
    weight, bias = _array(layer.weight), None if layer.bias is None else _array(layer.bias)

    def apply(x: _Vector) -> _Vector:
        x = np.dot(weight, x)
        return x if bias is None else x + bias

    return apply


def _array(x: Tensor) -> _Vector:
    """Returns a tensor's numbers as an array, in the same memory."""
    numbers: _Vector = x.detach().numpy()
    return numbers
