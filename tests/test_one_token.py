"""One token through a trained model: NumPy's product where it is faster, PyTorch's elsewhere."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from aigc_utils import one_token
from aigc_utils.one_token import OneTokenLinear, numpy_threads


def layers(rows: int, columns: int, bias: bool) -> tuple[nn.Linear, OneTokenLinear]:
    torch.manual_seed(0)
    linear = nn.Linear(columns, rows, bias=bias).requires_grad_(False)
    return linear, OneTokenLinear(copy.deepcopy(linear)).requires_grad_(False)


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Returns the shapes of the matrices that NumPy multiplies, in a machine with its threads."""
    shapes: list[tuple[int, ...]] = []
    dot = np.dot

    def noted(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
        shapes.append(matrix.shape)
        result: np.ndarray = dot(matrix, vector)
        return result

    monkeypatch.setattr(one_token, "NUMPY_HAS_THREADS", True)
    monkeypatch.setattr(np, "dot", noted)
    return shapes


@pytest.mark.parametrize(("rows", "columns"), [(24, 8), (8, 24), (8, 8)])
@pytest.mark.parametrize("bias", [False, True])
def test_one_token_has_pytorchs_result(
    rows: int, columns: int, bias: bool, products: list[tuple[int, ...]]
) -> None:
    linear, ours = layers(rows, columns, bias)
    x = torch.randn(1, 1, columns)
    with numpy_threads(ours, torch.zeros(1, 1)):
        torch.testing.assert_close(ours(x), linear(x))
    assert products == [(rows, columns)]
    assert ours.weight.T.is_contiguous() if rows > columns else ours.weight.is_contiguous()
    torch.testing.assert_close(ours.state_dict(), linear.state_dict())


def test_pytorch_multiplies_everything_else(products: list[tuple[int, ...]]) -> None:
    linear, ours = layers(24, 8, bias=True)
    token, tokens = torch.zeros(1, 1), torch.zeros(2, 3)
    x, many = torch.randn(1, 1, 8), torch.randn(2, 3, 8)
    if torch.get_num_threads() > 1:
        torch.testing.assert_close(ours(x), linear(x))  # outside of a block
    with numpy_threads(ours, tokens):
        torch.testing.assert_close(ours(many), linear(many))
    with numpy_threads(ours, token):
        assert ours(x.clone().requires_grad_()).requires_grad
        assert ours.double()(x.double()).dtype == torch.float64
    assert products == []


def test_threads_are_given_back(products: list[tuple[int, ...]]) -> None:
    _, ours = layers(24, 8, bias=False)
    before = torch.get_num_threads()
    with numpy_threads(ours, torch.zeros(1, 1)):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
    with pytest.raises(RuntimeError), numpy_threads(ours, torch.zeros(1, 1)):
        ours(torch.zeros(1, 1, 7))
    assert torch.get_num_threads() == before
    for layer, tokens in ((ours, torch.zeros(1, 2)), (nn.Linear(8, 24), torch.zeros(1, 1))):
        with numpy_threads(layer, tokens):
            assert torch.get_num_threads() == before


def test_without_openblas_pytorch_multiplies_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "show_config", lambda mode: None)
    assert not one_token.numpy_has_threads()
    monkeypatch.setattr(
        np, "show_config",
        lambda mode: {"Build Dependencies": {"blas": {"name": "scipy-openblas"}}},
    )  # fmt: skip
    assert one_token.numpy_has_threads()
