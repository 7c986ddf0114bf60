"""What holds of latents, likelihoods, optimizers and codebooks, whatever they are given."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from aigc_utils.digits import Codebook, learn_codebook
from aigc_utils.ema import EMA
from aigc_utils.evaluation import elbo, importance_bound
from aigc_utils.latent import gaussian_kl, interpolate, reparameterize
from aigc_utils.losses import reconstruction_loss
from aigc_utils.optimizers import Muon, orthogonalize

SEEDS = st.integers(0, 2**31)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=seeded(seed))


# --- latents and likelihoods -----------------------------------------------------------------


@given(st.integers(1, 5), st.integers(1, 5), st.floats(0, 30), SEEDS)
def test_a_kl_divergence_is_no_less_than_zero(rows: int, dim: int, scale: float, seed: int) -> None:
    mean, log_variance = (scale * normal(rows, dim, seed=seed + i).double() for i in (0, 1))
    kl = gaussian_kl(mean, log_variance)
    assert kl.shape == (rows, dim)
    assert (kl >= -1e-12).all()
    assert gaussian_kl(0 * mean, 0 * mean).eq(0).all()
    z = reparameterize(mean, torch.full_like(mean, -200.0), seeded(seed))
    torch.testing.assert_close(z, mean)


@given(st.integers(1, 5), st.integers(1, 9), st.floats(0, 20), SEEDS)
def test_a_reconstruction_costs_no_less_than_its_entropy(
    count: int, side: int, scale: float, seed: int
) -> None:
    images = torch.rand((count, 1, side, side), generator=seeded(seed)).double()
    logits = scale * normal(count, 1, side, side, seed=seed + 1).double()
    entropy = reconstruction_loss(images.logit(), images)
    assert (reconstruction_loss(logits, images) >= entropy - 1e-9).all()
    assert torch.equal(reconstruction_loss(logits, images.round()) >= 0, torch.ones(count).bool())


class Apart:
    """A model whose decoder does not listen: the likelihood is known, and every bound reaches it.

    The posterior is the prior, so that all weights are equal.
    """

    def __init__(self, logits: Tensor, dim: int) -> None:
        self.logits, self.dim = logits, dim

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        zeros = torch.zeros(len(images), self.dim)
        return zeros, zeros

    def decode(self, z: Tensor) -> Tensor:
        return self.logits.expand(len(z), *self.logits.shape)


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 50), SEEDS)
def test_bounds_reach_a_likelihood_that_is_known(count: int, dim: int, k: int, seed: int) -> None:
    logits = 3 * normal(1, 4, 4, seed=seed)
    images = (normal(count, 1, 4, 4, seed=seed + 1) > 0).float()
    truth = reconstruction_loss(logits.expand_as(images), images)
    model = Apart(logits, dim)
    torch.testing.assert_close(importance_bound(model, images, k, seeded(seed)), truth)
    parts = elbo(model, images, seeded(seed))
    torch.testing.assert_close(parts.reconstruction, truth)
    assert parts.nats == pytest.approx(truth.mean().item(), rel=1e-5)


@given(st.integers(1, 6), st.integers(1, 12), st.booleans(), SEEDS)
def test_a_way_leads_from_end_to_end(dim: int, num: int, spherical: bool, seed: int) -> None:
    start, end = (normal(dim, seed=seed + i).double() for i in (0, 1))
    way = interpolate(start, end, num, spherical=spherical)
    assert way.shape == (num, dim)
    assert way.isfinite().all()
    torch.testing.assert_close(way[0], start)
    if num > 1:
        torch.testing.assert_close(way[-1], end)
        back = interpolate(end, start, num, spherical=spherical)
        torch.testing.assert_close(back.flip(0), way, rtol=1e-6, atol=1e-6)


# --- optimizers and averages -----------------------------------------------------------------


@given(st.integers(1, 6), st.integers(1, 6), st.integers(-37, 37), SEEDS)
def test_orthogonal_matrices_have_values_near_one(
    rows: int, columns: int, power: int, seed: int
) -> None:
    matrix = normal(rows, columns, seed=seed)
    plain, scaled = orthogonalize(matrix), orthogonalize(matrix * 10.0**power)
    assert scaled.isfinite().all()
    assert torch.linalg.matrix_norm(scaled, 2) < 1.4
    # Beside the smallest norms that are left as they are, 1e-7 is 3 percent.
    torch.testing.assert_close(scaled, plain, rtol=0.15, atol=0.15)


@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from([0.0, 1e-38, 1.0, 1e30]), SEEDS)
def test_muon_leaves_finite_weights_finite(
    rows: int, columns: int, scale: float, seed: int
) -> None:
    weights = [nn.Parameter(x * normal(rows, columns, seed=seed)) for x in (scale, 1.0, 0.0)]
    optimizer = Muon(weights)
    for i in range(3):
        for j, weight in enumerate(weights):
            weight.grad = (0.0, scale, 1.0)[(i + j) % 3] * normal(rows, columns, seed=seed + i)
        optimizer.step()
        assert all(weight.isfinite().all() for weight in weights)


@given(st.floats(0, 1), st.lists(st.floats(-10, 10), min_size=1, max_size=12))
def test_a_mean_of_weights_lies_among_them(decay: float, values: list[float]) -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, values[0])
    ema = EMA(network, decay)
    for value in values[1:]:
        nn.init.constant_(network.weight, value)
        ema.update(network)
    mean = ema.network.weight.item()
    assert min(values) - 1e-4 <= mean <= max(values) + 1e-4


# --- the codebook ----------------------------------------------------------------------------


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(1, 12), SEEDS)
def test_tokens_name_the_nearest_code(
    count: int, side: int, rows: int, num_codes: int, seed: int
) -> None:
    codes = torch.rand((num_codes, side * side), generator=seeded(seed))
    codebook = Codebook(codes)
    shape = (count, 1, rows * side, rows * side)
    images = torch.randint(256, shape, dtype=torch.uint8, generator=seeded(seed + 1))
    tokens = codebook.encode(images)
    assert tokens.shape == (count, rows * rows)
    patches = images.float().div(255).unfold(2, side, side).unfold(3, side, side)
    patches = patches.reshape(count, rows * rows, 1, side * side).double()
    apart = (patches - codes.double()).square().sum(-1)
    chosen = apart.gather(2, tokens[..., None])[..., 0]
    torch.testing.assert_close(chosen, apart.amin(2), rtol=0, atol=1e-12)
    back = codebook.decode(tokens)
    assert back.shape == images.shape
    # What is decoded is a code, but for its rounding to bytes.
    error = (back.float() / 255).unfold(2, side, side).unfold(3, side, side)
    error = error.reshape(count, rows * rows, -1) - codes[tokens]
    assert error.abs().max() <= 0.5 / 255 + 1e-6


@given(st.integers(1, 3), st.integers(1, 2), st.integers(0, 4), SEEDS)
def test_as_many_codes_as_patches_lose_nothing(
    count: int, side: int, rounds: int, seed: int
) -> None:
    images = torch.randint(256, (count, 1, 4, 4), dtype=torch.uint8, generator=seeded(seed))
    patches = images.unfold(2, side, side).unfold(3, side, side).reshape(-1, side * side)
    num_codes = len(patches.unique(dim=0))
    codebook = learn_codebook(images, num_codes, seeded(seed), side=side, rounds=rounds)
    assert torch.equal(codebook.decode(codebook.encode(images)), images)
    assert math.isqrt(codebook.codes.size(1)) == side
