"""Muon on what is no ordinary matrix: zeros, very small and very large ones, and odd settings."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from aigc_utils.optimizers import Muon, gradient_step, orthogonalize


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- orthogonalize --------------------------------------------------------------------------


def test_a_matrix_of_zeros_stays_one() -> None:
    for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16):
        assert torch.equal(
            orthogonalize(torch.zeros(3, 5, dtype=dtype)), torch.zeros(3, 5).to(dtype)
        )
    stack = torch.stack([torch.zeros(3, 5), normal(3, 5)])
    assert torch.equal(orthogonalize(stack)[0], torch.zeros(3, 5))
    torch.testing.assert_close(orthogonalize(stack)[1], orthogonalize(normal(3, 5)))


@pytest.mark.parametrize("scale", [1e-38, 1e-30, 1e-20, 1e-8, 1e-5, 1e8, 1e18, 1e30, 1e37])
def test_the_size_of_a_matrix_does_not_matter(scale: float) -> None:
    matrix = normal(6, 9)
    for x in (matrix, matrix.T):
        torch.testing.assert_close(orthogonalize(scale * x), orthogonalize(x), rtol=0.02, atol=1e-2)
    stack = torch.stack([scale * matrix, matrix])
    assert torch.equal(orthogonalize(stack)[1], orthogonalize(stack[1:])[0])


@pytest.mark.parametrize(
    "matrix", [torch.ones(3), torch.ones(()), torch.ones(2, 2).long(), torch.ones(0, 3)]
)
def test_what_is_no_matrix_is_refused(matrix: Tensor) -> None:
    with pytest.raises(ValueError, match=r"^matrix must be floats of shape \(.*rows, columns\)"):
        orthogonalize(matrix)


@pytest.mark.parametrize("rounds", [0, -1, 2.5])
def test_rounds_are_counted(rounds: Any) -> None:
    with pytest.raises(ValueError, match=r"^rounds must be"):
        orthogonalize(normal(2, 2), rounds)


# --- Muon -----------------------------------------------------------------------------------


def stepped(start: Tensor, grad: Tensor, **settings: Any) -> Tensor:
    weight = nn.Parameter(start.clone())
    weight.grad = grad.clone()
    Muon([weight], **settings).step()
    return weight.detach()


@pytest.mark.parametrize("normalize", [True, False])
def test_weights_and_gradients_of_zeros_are_no_trouble(normalize: bool) -> None:
    zeros = torch.zeros(4, 6)
    assert torch.equal(stepped(zeros, zeros, normalize=normalize), zeros)
    moved = stepped(zeros, normal(4, 6), lr=0.1, momentum=0.0, normalize=normalize)
    torch.testing.assert_close(moved, -0.1 * orthogonalize(normal(4, 6)))
    still = stepped(normal(4, 6), zeros, normalize=False)
    assert torch.equal(still, normal(4, 6))


@pytest.mark.parametrize("scale", [1e-38, 1e-25, 1.0, 1e25, 1e36])
def test_normalize_sets_the_norm_of_weights_of_any_size(scale: float) -> None:
    weight = stepped(scale * normal(4, 6), torch.zeros(4, 6), normalize=True)
    torch.testing.assert_close(weight, 2 * normal(4, 6) / normal(4, 6).norm(), rtol=1e-4, atol=1e-5)


def test_the_courses_own_model_is_no_trouble() -> None:
    from aigc_utils.gpt import GPT, GPTConfig

    torch.manual_seed(0)
    model = GPT(GPTConfig(11, 8, num_layers=1, num_heads=1, width=8))
    optimizer = Muon([p for p in model.blocks.parameters() if p.ndim == 2])
    tokens = torch.arange(8)[None]
    for _ in range(2):
        gradient_step(model(tokens).square().mean(), optimizer)
        assert all(p.isfinite().all() for p in model.parameters())


def test_groups_have_settings_of_their_own() -> None:
    weights = [nn.Parameter(normal(3, 4, seed=s)) for s in range(3)]
    optimizer = Muon([{"params": weights[:1], "lr": 0.3}, {"params": weights[1]}], lr=0.1)
    optimizer.add_param_group({"params": weights[2], "momentum": 0.0})
    assert [group["lr"] for group in optimizer.param_groups] == [0.3, 0.1, 0.1]
    assert [group["momentum"] for group in optimizer.param_groups] == [0.6, 0.6, 0.0]
    for group, weight in zip(optimizer.param_groups, weights, strict=True):
        weight.grad = normal(3, 4, seed=9)
        alone = stepped(weight.detach(), weight.grad, lr=group["lr"], momentum=group["momentum"])
        group["expected"] = alone
    optimizer.step()
    for group, weight in zip(optimizer.param_groups, weights, strict=True):
        torch.testing.assert_close(weight.detach(), group["expected"])


@pytest.mark.parametrize("groups", [True, False])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": -1}, "^lr must be 0 or more, not -1"),
        ({"lr": math.nan}, "^lr must be 0 or more, not nan"),
        ({"momentum": -0.1}, "^momentum must be 0 or more"),
        ({"momentum": 1.0}, "^momentum must be below 1, not 1"),
        ({"momentum": 1.5}, "^momentum must be below 1"),
    ],
)
def test_settings_out_of_range_are_refused(
    settings: dict[str, Any], message: str, groups: bool
) -> None:
    weight = nn.Parameter(normal(2, 2))
    with pytest.raises(ValueError, match=message):
        Muon([{"params": [weight], **settings}]) if groups else Muon([weight], **settings)


def test_a_refused_group_is_left_out() -> None:
    optimizer = Muon([nn.Parameter(normal(2, 2))])
    for group in (
        {"params": nn.Parameter(normal(2))},
        {"params": nn.Parameter(normal(2, 2)), "lr": -1},
    ):
        with pytest.raises(ValueError, match=r"biases|lr"):
            optimizer.add_param_group(group)
        assert len(optimizer.param_groups) == 1
    with pytest.raises(ValueError, match="give biases and gains to Adam"):
        Muon([{"params": [nn.Parameter(normal(2))]}])


def test_a_closure_is_called_and_its_loss_returned() -> None:
    weight = nn.Parameter(normal(3, 4))
    optimizer = Muon([weight])

    def closure() -> float:
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss.item()

    assert optimizer.step(closure) == pytest.approx(normal(3, 4).square().sum().item())
    assert not torch.equal(weight.detach(), normal(3, 4))
    assert optimizer.step() is None


# --- one step -------------------------------------------------------------------------------


def test_a_step_without_an_optimizer_or_with_a_negative_clip_is_refused() -> None:
    weight = nn.Parameter(normal(3))
    with pytest.raises(ValueError, match="needs an optimizer"):
        gradient_step(weight.sum())
    optimizer = torch.optim.SGD([weight], lr=1.0)
    for clip in (-1.0, math.nan):
        with pytest.raises(ValueError, match=r"^clip must be 0 or more"):
            gradient_step(weight.sum(), optimizer, clip=clip)
    assert torch.equal(weight.detach(), normal(3))
