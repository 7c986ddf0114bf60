"""Chapter 4: one token through a trained GPT on a CPU, as fast as its weights can be read.

One token needs each weight once, so the memory's speed is the limit, and all cores must read.
PyTorch's product of a matrix and one vector comes from MKL, which on AMD's processors works with
one core at 13 to 20 GB/s; NumPy's, from OpenBLAS, uses all at the 30 GB/s that there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def numpy_has_threads() -> bool:
    """Returns whether NumPy multiplies by an OpenBLAS, whose threads are not PyTorch's own."""
    parts = np.show_config(mode="dicts") or {}
    return "openblas" in parts.get("Build Dependencies", {}).get("blas", {}).get("name", "")


NUMPY_HAS_THREADS = numpy_has_threads()


class OneTokenLinear(nn.Linear):
    """`nn.Linear` for finished weights, (out, in), in which NumPy multiplies a single vector.

    It does so in a `numpy_threads` block only, and where neither weight nor input has a gradient.
    """

    def __init__(self, linear: nn.Linear) -> None:
        """Takes over the weights of another layer, stored along the matrix's longer side.

        OpenBLAS reads a tall matrix (out > in) column by column at 34 GB/s and row by row at 27,
        and a wide one row by row at 34 and column by column at 26; MKL has the same order.
        """
        bias = linear.bias is not None
        super().__init__(linear.in_features, linear.out_features, bias=bias, device="meta")
        weight = linear.weight.detach()
        tall = self.out_features > self.in_features
        self.weight = nn.Parameter(weight.T.contiguous().T if tall else weight.contiguous())
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """Returns x @ weight.T + bias, (..., out), of x, (..., in)."""
        weight, bias = self.weight, self.bias  # nn.Module needs 0.7 µs to find one
        if not _by_numpy(x, weight):
            return F.linear(x, weight, bias)
        y = np.dot(weight.numpy(), x.numpy().reshape(-1))
        if bias is not None:
            y += bias.numpy()
        return torch.from_numpy(y).view(*x.shape[:-1], -1)


@contextmanager
def numpy_threads(layer: nn.Module, tokens: Tensor) -> Iterator[None]:
    """Leaves the cores to NumPy while one token goes through a model, and else does nothing.

    Args:
        layer: one of the model's; only a `OneTokenLinear` on a CPU has use for it.
        tokens: what the model is about to read.
    """
    threads = torch.get_num_threads()
    if isinstance(layer, OneTokenLinear) and NUMPY_HAS_THREADS and tokens.numel() == 1:
        torch.set_num_threads(1)  # and back: a quarter of a microsecond
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _by_numpy(x: Tensor, weight: Tensor) -> bool:
    """Returns whether NumPy is the faster one for this product, and nothing needs PyTorch's own."""
    return (
        x.numel() == weight.size(1)
        and NUMPY_HAS_THREADS
        # PyTorch's threads wait for work in a loop: 4 ms for which OpenBLAS's get no core.
        and torch.get_num_threads() == 1
        and x.is_cpu
        and weight.is_cpu
        and x.dtype == weight.dtype == torch.float32
        and not (x.requires_grad or weight.requires_grad)
    )
