"""Networks of chapter 5, their training, and what is drawn with them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from sentences import assert_one_sentence
from torch import Tensor, nn

from aigc_utils.flow import (
    DIFFUSION,
    STRAIGHT,
    DiT,
    FlowRecipe,
    ImageFlow,
    PointFlow,
    Scale,
    bend,
    fill_in,
    flow_loss,
    guide,
    load_model,
    mix,
    ring_of_islands,
    sample,
    save_model,
    say,
    train_flow,
    velocity_of,
    velocity_target,
)
from aigc_utils.gpt import Block, GPTConfig

SMALL = FlowRecipe(num_steps=5, batch_size=16)
BLOCK = GPTConfig(vocab_size=2, context=49, width=32, num_layers=1, num_heads=2)


def networks() -> list[nn.Module]:
    torch.manual_seed(0)
    return [
        PointFlow(6, width=16, layers=2, classes=10),
        ImageFlow(8, 16),
        DiT(lambda: Block(BLOCK), width=32, layers=2),
    ]


def batch_for(model: nn.Module, count: int = 16) -> tuple[Tensor, Tensor]:
    shape = tuple(model.shape)  # type: ignore[arg-type]
    return torch.randn(count, *shape), torch.arange(count) % 10


NETWORKS = pytest.mark.parametrize("which", range(3), ids=["points", "images", "dit"])


@NETWORKS
def test_a_new_network_knows_nothing_and_learns(which: int) -> None:
    model = networks()[which]
    x, labels = batch_for(model)
    t = torch.linspace(0.1, 0.9, len(x))
    moved = model(x, t, labels)
    if x.ndim == 4:  # an image: the first guess is grey, the mean of black and white
        moved = moved * (1 - t).view(-1, 1, 1, 1) + x
        assert moved.mean().abs() < 0.3
    else:
        assert moved.abs().max() == 0
    assert model(x, t).shape == x.shape
    mean, history = train_flow(SMALL, model, x, labels, seed=0)
    assert len(history.losses["loss"]) == 5
    drawn = sample(mean, torch.randn_like(x), labels, num_steps=2)
    assert drawn.shape == x.shape
    assert drawn.isfinite().all()


@NETWORKS
def test_time_and_class_matter_once_trained(which: int) -> None:
    model = networks()[which]
    x, labels = batch_for(model)
    train_flow(FlowRecipe(num_steps=20, batch_size=16), model, x, labels, seed=0)
    t = torch.full((len(x),), 0.5)
    out = model(x, t, labels)
    assert not torch.allclose(out, model(x, t / 2, labels))
    assert not torch.allclose(out, model(x, t, labels.flip(0)))
    none_said = torch.full_like(labels, 10)
    torch.testing.assert_close(model(x, t), model(x, t, none_said))


def test_the_dits_patches_see_all_the_others() -> None:
    model = networks()[2]
    x, labels = batch_for(model)
    train_flow(FlowRecipe(num_steps=20, batch_size=16), model, x, labels, seed=0)
    model.eval()
    x = torch.randn(1, 1, 28, 28, requires_grad=True)
    out = model(x, torch.tensor([0.5]))
    (gradient,) = torch.autograd.grad(out[0, 0, 0, 0], x)
    assert gradient[0, 0, -4:, -4:].abs().max() > 0  # the last patch changes the first


@pytest.mark.parametrize("predicts", ["velocity", "noise", "clean"])
@pytest.mark.parametrize("path", [STRAIGHT, DIFFUSION], ids=["straight", "diffusion"])
def test_the_loss_is_the_error_of_what_is_predicted(predicts: str, path: object) -> None:
    rng = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 64, 3, generator=rng, dtype=torch.float64)
    t = torch.rand(64, generator=rng, dtype=torch.float64) * 0.9 + 0.05
    x = mix(path, clean, noise, t)  # type: ignore[arg-type]
    truth = say(path, x, t, clean=clean)  # type: ignore[arg-type]

    def perfect(_x: Tensor, _t: Tensor, _labels: Tensor | None) -> Tensor:
        found: Tensor = getattr(truth, predicts)
        return found

    def off(*given: Tensor | None) -> Tensor:
        return perfect(*given) + 0.5  # type: ignore[arg-type]

    for counted_as in ("velocity", "noise", "clean"):
        kinds = {"path": path, "predicts": predicts, "counted_as": counted_as}
        assert flow_loss(perfect, clean, noise, t, **kinds).item() < 1e-12  # type: ignore[arg-type]
        if counted_as == predicts:
            loss = flow_loss(off, clean, noise, t, **kinds)  # type: ignore[arg-type]
            assert loss.item() == pytest.approx(0.25)
    velocity = velocity_of(perfect, path, predicts)(x, t, None)  # type: ignore[arg-type]
    torch.testing.assert_close(velocity, velocity_target(path, clean, noise, t))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="predicts"):
        flow_loss(perfect, clean, noise, t, predicts="speed")  # type: ignore[arg-type]


def test_a_flow_finds_the_islands_and_one_round_straightens_it() -> None:
    plane, rng = ring_of_islands(4, 2.0, 0.3), torch.Generator().manual_seed(0)
    recipe = FlowRecipe(num_steps=180, batch_size=256, lr=1e-2, spread=None, ema_decay=0.99)
    torch.manual_seed(0)
    first, _ = train_flow(
        recipe, PointFlow(2, 64, 2, told_width=16), plane.sample(20_000, rng), seed=0
    )
    noise = torch.randn(4000, 2, generator=rng)
    drawn = sample(first, noise, num_steps=8)
    distance, which = torch.cdist(drawn, plane.means).min(1)
    assert (distance < 1.0).float().mean() > 0.9
    assert which.bincount(minlength=4).min() > 600
    torch.manual_seed(0)
    paired = dataclasses.replace(recipe, paired=True)
    second, _ = train_flow(paired, PointFlow(2, 64, 2, told_width=16), drawn, noise, seed=0)
    bends = [bend(model, noise[:1000]) for model in (first, second)]
    assert bends[1] < bends[0] / 3


def test_a_guess_is_where_its_velocity_leads() -> None:
    torch.manual_seed(0)
    model, x, t = ImageFlow(8, 16), torch.randn(4, 1, 28, 28), torch.tensor([0.0, 0.3, 0.9, 0.98])
    guess = x + (1 - t).clamp(min=0.05).view(-1, 1, 1, 1) * model(x, t)
    assert guess.abs().max() <= 1 + 1e-4
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, 0.1)
    raw = ImageFlow(8, 16, guesses=False)
    raw.load_state_dict(model.state_dict())
    guess = x + (1 - t).clamp(min=0.05).view(-1, 1, 1, 1) * model(x, t)
    torch.testing.assert_close(raw(x, t).tanh(), guess, atol=1e-4, rtol=0)
    again = ImageFlow(**raw.configuration)
    assert not again.guesses
    assert len(ImageFlow(8, 0).middle) == len(raw.middle) - 1


def test_guidance_goes_beyond_the_label() -> None:
    def model(x: Tensor, t: Tensor, labels: Tensor | None) -> Tensor:
        return torch.zeros_like(x) if labels is None else torch.ones_like(x)

    x, t = torch.zeros(3, 2), torch.full((3,), 0.5)
    labels = torch.zeros(3, dtype=torch.int64)
    for strength in (0.0, 1.0, 2.5):
        assert guide(model, labels, strength)(x, t).eq(strength).all()
    late = guide(model, labels, 3.0, interval=(0.6, 1.0))
    assert late(x, t).eq(1).all()
    assert late(x, t + 0.2).eq(3).all()
    mixed = torch.tensor([0.5, 0.6, 0.9])
    assert late(x, mixed)[:, 0].tolist() == [1, 3, 3], "each point has its own time"
    with pytest.raises(ValueError, match="strength"):
        guide(model, labels, -1.0)
    for wrong in ((0.6, 0.2), (-0.1, 0.5), (0.5, 1.5)):
        with pytest.raises(ValueError, match="interval") as caught:
            guide(model, labels, 2.0, interval=wrong)
        assert_one_sentence(caught)


def test_what_is_given_stays_and_the_rest_fits() -> None:
    """A Gaussian whose two numbers agree: given one of them, the other follows."""
    rng = torch.Generator().manual_seed(0)
    spread = torch.tensor([[1.0, 0.95], [0.95, 1.0]], dtype=torch.float64)

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        time = t[0]
        noisy = time**2 * spread + (1 - time) ** 2 * torch.eye(2, dtype=torch.float64)
        clean = x @ torch.linalg.solve(noisy, time * spread)
        return say(STRAIGHT, x, t, clean=clean).velocity

    known = torch.full((4000, 2), 1.5, dtype=torch.float64)
    mask = torch.tensor([True, False]).repeat(4000, 1)
    filled = fill_in(velocity, known, mask, 50, rng, rounds=8)
    assert filled[:, 0].eq(1.5).all()
    assert filled[:, 1].mean().item() == pytest.approx(0.95 * 1.5, abs=0.15)
    assert filled[:, 1].std().item() == pytest.approx((1 - 0.95**2) ** 0.5, abs=0.12)
    with pytest.raises(ValueError, match="mask"):
        fill_in(velocity, known, mask.float(), 5, rng)


def test_scaled_codes_have_mean_0_and_deviation_1() -> None:
    codes = torch.randn(500, 4) * torch.tensor([1.0, 5.0, 0.1, 2.0]) + 3
    scale = Scale.of(codes)
    scaled = scale(codes)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(scaled.std(0), torch.ones(4))
    torch.testing.assert_close(scale.back(scaled), codes)
    with pytest.raises(ValueError, match="codes"):
        Scale.of(codes[0])


def test_whitened_codes_are_uncorrelated_and_come_back() -> None:
    codes = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
    codes = codes @ torch.tensor([[1.0, 2, 0, 0], [0, 1, 0, 3], [0, 0, 1, 0], [4, 0, 0, 1]]) + 3
    scale = Scale.of(codes, whiten=True)
    torch.testing.assert_close(scale(codes).T.cov(), torch.eye(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(scale.back(scale(codes)), codes, atol=1e-4, rtol=0)
    assert Scale.of(codes)(codes).T.cov()[0, 1].abs() > 0.1, "plain scales leave correlations"


@pytest.mark.parametrize("which", range(2), ids=["points", "images"])
def test_networks_come_back_from_files(which: int, tmp_path: Path) -> None:
    model = networks()[which]
    x, labels = batch_for(model)
    trained, _ = train_flow(SMALL, model, x, labels, seed=0)
    again: nn.Module = load_model(save_model(trained, tmp_path / "flow.safetensors"))
    t = torch.full((len(x),), 0.5)
    torch.testing.assert_close(again(x, t, labels), trained(x, t, labels), rtol=0, atol=0)


def test_wrong_inputs_are_refused_in_one_sentence() -> None:
    points, images, _ = networks()
    x, labels = batch_for(points)
    with pytest.raises(ValueError, match="noise must have shape"):
        sample(points, torch.zeros(3, 5))
    with pytest.raises(ValueError, match="labels"):
        sample(points, x, labels + 1)
    with pytest.raises(ValueError, match="points must have shape"):
        points(torch.zeros(3, 5), torch.zeros(3))
    with pytest.raises(ValueError, match="images must have shape"):
        images(torch.zeros(3, 1, 27, 28), torch.zeros(3))
    with pytest.raises(ValueError, match="width"):
        ImageFlow(12)
    with pytest.raises(ValueError, match="hidden"):
        ImageFlow(8, -1)
    with pytest.raises(ValueError, match="patch"):
        DiT(lambda: Block(BLOCK), width=32, patch=5)
    with pytest.raises(ValueError, match="num_steps"):
        FlowRecipe(num_steps=0)
    with pytest.raises(ValueError, match="finite"):
        train_flow(SMALL, points, torch.full((20, 6), torch.nan), seed=0)
    with pytest.raises(ValueError, match="then their noise"):
        train_flow(dataclasses.replace(SMALL, paired=True), points, x, seed=0)
    leap = dataclasses.replace(SMALL, paired=True, leap=True)
    with pytest.raises(ValueError, match="straight way"):
        train_flow(leap, points, x, x, seed=0, path=DIFFUSION)
    with pytest.raises(ValueError, match="predicted and clean"):
        flow_loss(lambda x, t, labels: x[:, :1], x, x, torch.full((len(x),), 0.5))
