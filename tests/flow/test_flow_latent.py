"""Latent diffusion: codes, their scale, the flow on them, and the leap that is learned from it."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import pytest
import torch
from sentences import assert_one_sentence
from torch import Tensor

from aigc_utils import flow, vae
from aigc_utils.data import load_mnist, to_float

TINY = flow.FlowRecipe(num_steps=5, batch_size=16)


@pytest.fixture(scope="module")
def coder() -> vae.VAE:
    torch.manual_seed(0)
    return vae.VAE(6, (16, 16)).eval()


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    mnist = load_mnist()
    return mnist.train_images[:64], mnist.train_labels[:64]


def test_codes_are_drawn_around_their_means(coder: vae.VAE, digits: tuple[Tensor, Tensor]) -> None:
    images, _ = digits
    with torch.no_grad():
        mean, log_variance = coder.encode(to_float(images))
    rng = torch.Generator().manual_seed(0)
    drawn = torch.stack([flow.encode_images(coder, images, rng) for _ in range(500)])
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.25, rtol=0)
    deviations = (log_variance / 2).exp()
    torch.testing.assert_close(drawn.std(0).mean(), deviations.mean(), rtol=0.02, atol=0)
    with pytest.raises(ValueError, match="images"):
        flow.encode_images(coder, to_float(images), rng)


def test_codes_decode_as_chapter_3_decodes_them(coder: vae.VAE) -> None:
    codes = torch.randn(1500, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(flow.decode(coder, codes), vae.sample(coder, codes))
    with pytest.raises(ValueError, match="finite"):
        flow.decode(coder, torch.full((2, 6), torch.inf))


def test_sharpness_moves_grey_away_and_leaves_its_side(coder: vae.VAE) -> None:
    codes = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    soft, sharp, grey = (flow.decode(coder, codes, s).float() for s in (1.0, 2.0, 0.0))
    assert ((sharp > 127.5) == (soft > 127.5)).all()
    assert ((sharp - 127.5).abs() >= (soft - 127.5).abs()).all()
    assert (sharp - soft).abs().mean() > 5
    assert grey.unique().numel() == 1
    with pytest.raises(ValueError, match="sharpness") as caught:
        flow.decode(coder, codes, -1.0)
    assert_one_sentence(caught)


def test_a_scale_comes_back_from_its_file(tmp_path: Path) -> None:
    codes = 3 * torch.randn(50, 4) + 1
    scale = flow.Scale.of(codes)
    again = flow.load_model(flow.save_model(scale, tmp_path / "scale.safetensors"), flow.Scale)
    assert torch.equal(again(codes), scale(codes))
    assert torch.equal(flow.Scale(4)(codes), codes), "a new scale leaves codes as they are"


def test_a_flow_on_codes_repeats_and_leaves_its_coder(
    coder: vae.VAE, digits: tuple[Tensor, Tensor]
) -> None:
    before = copy.deepcopy(coder.state_dict())
    runs = [flow.train_latent(TINY, coder, *digits, seed=3) for _ in range(2)]
    for (model, scale, history), (other, same, _) in [(runs[0], runs[1])]:
        assert history.num_steps == 5
        assert torch.equal(scale.mean, same.mean)
        for a, b in zip(model.parameters(), other.parameters(), strict=True):
            assert torch.equal(a, b)
        noise = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
        points = flow.sample(model, noise, torch.arange(8), num_steps=2)
        assert flow.decode(coder, scale.back(points)).shape == (8, 1, 28, 28)
    assert all(torch.equal(before[name], value) for name, value in coder.state_dict().items())
    images, labels = digits
    with pytest.raises(ValueError, match="labels"):
        flow.train_latent(TINY, coder, images, labels[1:], seed=0)


def test_pairs_go_round_the_classes_and_are_what_the_flow_draws() -> None:
    torch.manual_seed(0)
    model = flow.PointFlow(3, width=16, layers=1, classes=4)
    flow.train_flow(TINY, model, torch.randn(32, 3), torch.arange(32) % 4, seed=0)
    rng = torch.Generator().manual_seed(0)
    ends, noise, labels = flow.draw_pairs(model, 10, rng, num_steps=3, strength=1.5)
    assert labels.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    again = flow.sample(model, noise, labels, num_steps=3, strength=1.5)
    assert torch.equal(ends, again)
    with pytest.raises(ValueError, match="count"):
        flow.draw_pairs(model, 0, rng)
    with pytest.raises(ValueError, match="classes") as caught:
        flow.draw_pairs(flow.PointFlow(3, 16, 1), 4, rng)
    assert_one_sentence(caught)


def test_a_leap_lands_where_its_pairs_end() -> None:
    """Pairs whose ends are a bent function of the noise: one step of the student finds them."""
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(4000, 2, generator=rng)
    ends = torch.stack([noise[:, 0].abs(), noise[:, 1].sin()], 1) + 2
    recipe = dataclasses.replace(flow.DISTILLED, num_steps=300, batch_size=256, lr=5e-3)
    torch.manual_seed(0)
    model, _ = flow.train_flow(recipe, flow.PointFlow(2, 32, 2, told_width=16), ends, noise, seed=0)
    new = torch.randn(500, 2, generator=rng)
    wanted = torch.stack([new[:, 0].abs(), new[:, 1].sin()], 1) + 2
    landed = flow.sample(model, new, **flow.DRAW_AT_ONCE)
    assert (landed - wanted).square().mean() < 0.02
    with pytest.raises(ValueError, match="paired=True") as caught:
        flow.FlowRecipe(num_steps=1, leap=True)
    assert_one_sentence(caught)


def test_the_recipes_train_what_they_are_for(coder: vae.VAE, digits: tuple[Tensor, Tensor]) -> None:
    """Two steps of each recipe, drawn from as the chapter draws."""
    images, labels = digits
    short = dataclasses.replace(flow.CODES, num_steps=2, batch_size=32)
    model, _, _ = flow.train_latent(short, coder, images, labels, seed=0)
    rng = torch.Generator().manual_seed(0)
    pairs = flow.draw_pairs(model, 40, rng, **flow.DRAW_CODES)
    leap = dataclasses.replace(flow.DISTILLED, num_steps=2, batch_size=32)
    student, _ = flow.train_flow(leap, copy.deepcopy(model).requires_grad_(True), *pairs, seed=0)
    assert flow.sample(student, pairs[1], pairs[2], **flow.DRAW_AT_ONCE).isfinite().all()
    pixels = dataclasses.replace(flow.PIXELS, num_steps=2, batch_size=8)
    unet, _ = flow.train_flow(pixels, flow.ImageFlow(), to_float(images), labels, seed=0)
    noise = torch.randn(2, 1, 28, 28, generator=rng)
    assert flow.sample(unet, noise, labels[:2], **flow.DRAW_PIXELS).isfinite().all()


@pytest.mark.parametrize("predicts", ["noise", "clean"])
def test_what_predicts_something_else_draws_as_the_velocity_it_says(predicts: str) -> None:
    """A network that always says "0" of noise or data, on both paths."""
    zero = flow.PointFlow(2, width=8, layers=1)
    noise = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    drawn = flow.sample(zero, noise, num_steps=400, predicts=predicts)  # type: ignore[arg-type]
    if predicts == "clean":
        assert drawn.abs().max() < 0.02  # all noise is taken away, and nothing is left
    else:
        assert drawn.abs().max() > 50  # x / t grows from the edge of the path on
