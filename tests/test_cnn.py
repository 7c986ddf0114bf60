"""Chapter 1's networks, recipes and optimizer."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from sentences import assert_one_sentence
from torch import nn
from torch.nn import functional as F

from aigc_utils import cnn
from aigc_utils.data import load_mnist, to_signed
from aigc_utils.evaluation import accuracy, predict
from aigc_utils.optimizers import Muon, orthogonalize

MODELS = [cnn.ArticleCNN, cnn.MLP, cnn.CourseCNN, lambda: cnn.CourseCNN((8, 12, 16, 20))]


@pytest.mark.parametrize("make", MODELS)
def test_images_to_logits(make: type[nn.Module]) -> None:
    assert make()(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


def test_article_cnn_has_the_articles_parameters() -> None:
    assert sum(p.numel() for p in cnn.ArticleCNN().parameters()) == 421_642


def test_random_shift_moves_ink_and_brings_in_black() -> None:
    images = torch.zeros(64, 1, 28, 28, dtype=torch.uint8)
    images[:, :, 14, 14] = 200
    moved = cnn.random_shift(images, 3, torch.Generator().manual_seed(0))
    assert moved.shape == images.shape
    assert moved.dtype == torch.uint8
    assert (moved.flatten(1).sum(1) == 200).all()
    places = moved[:, 0].nonzero()[:, 1:]
    assert places.min() == 11
    assert places.max() == 17
    assert len({tuple(p.tolist()) for p in places}) > 20
    again = cnn.random_shift(images, 3, torch.Generator().manual_seed(0))
    assert torch.equal(moved, again)


def test_random_shift_of_zero_changes_nothing() -> None:
    images = load_mnist().test_images[:10]
    assert torch.equal(cnn.random_shift(images, 0, torch.Generator()), images)


def test_random_shift_cuts_at_the_rim_and_does_not_wrap() -> None:
    images = torch.zeros(200, 1, 28, 28)
    images[:, :, 0, :] = 1
    moved = cnn.random_shift(images, 2, torch.Generator().manual_seed(1))
    assert moved[:, :, 25:].sum() == 0
    assert (moved.flatten(1).sum(1) == 0).any()


def test_orthogonalize_agrees_with_the_singular_value_decomposition() -> None:
    torch.manual_seed(0)
    for shape in [(8, 20), (20, 8), (16, 16)]:
        matrix = torch.randn(shape, dtype=torch.float64)
        u, _, v = torch.linalg.svd(matrix, full_matrices=False)
        result = orthogonalize(matrix, rounds=5)
        values = torch.linalg.svdvals(result)
        assert values.min() > 0.3
        assert values.max() < 1.3
        cosine = F.cosine_similarity(result.flatten(), (u @ v).flatten(), dim=0)
        assert cosine > 0.97


@pytest.mark.parametrize(
    ("images", "max_shift", "message"),
    [
        (torch.zeros(2, 3, 28, 28), 1, r"^images must have shape \(B, 1, H, W\)"),
        (torch.zeros(2, 28, 28), 1, r"^images must have shape \(B, 1, H, W\)"),
        (torch.zeros(2, 1, 28, 28), -1, "^max_shift must be a whole number of at least 0"),
        (torch.zeros(2, 1, 28, 28), 1.5, "^max_shift must be a whole number"),
    ],
)
def test_random_shift_refuses(images: torch.Tensor, max_shift: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cnn.random_shift(images, max_shift, torch.Generator())


@pytest.mark.parametrize("side", [27, 29, 30, 32])
def test_the_courses_network_takes_digits_alone(side: int) -> None:
    with pytest.raises(ValueError, match=r"^images must have shape \(B, 1, 28, 28\)"):
        cnn.CourseCNN()(torch.zeros(2, 1, side, side))


def test_the_courses_network_has_three_convolutions_or_more() -> None:
    with pytest.raises(ValueError, match=r"^widths must be of three convolutions or more"):
        cnn.CourseCNN((16, 32))


def digits(count: int = 256) -> tuple[torch.Tensor, torch.Tensor]:
    mnist = load_mnist()
    return mnist.train_images[:count], mnist.train_labels[:count]


@pytest.mark.parametrize("how", ["floats of 255", "floats of 1", "squares of 29", "no channel"])
def test_training_refuses_images_of_another_kind(how: str) -> None:
    images, labels = digits()
    wrong = {
        "floats of 255": images.float(),
        "floats of 1": images / 255,
        "squares of 29": F.pad(images, (0, 1, 0, 1)),
        "no channel": images[:, 0],
    }[how]
    with pytest.raises(ValueError, match=r"^images must be uint8 of shape"):
        cnn.train_course(cnn.SPRINT, wrong, labels, seed=0)
    with pytest.raises(ValueError, match=r"^images must be uint8 of shape"):
        cnn.train_course(cnn.SPRINT, images, labels, seed=0, test=(wrong, labels))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y + 1, "^labels must be from 0 to 9"),
        (lambda y: y - 1, "^labels must be from 0 to 9"),
        (lambda y: torch.full_like(y, -100), "^labels must be from 0 to 9"),
        (lambda y: y[1:], "one for each image"),
        (lambda y: y.float(), "^labels must be int64"),
        (lambda y: y.int(), "^labels must be int64"),
        (lambda y: F.one_hot(y, 10), "^labels must be int64"),
    ],
)
def test_training_refuses_labels_that_are_none(change: Any, message: str) -> None:
    images, labels = digits()
    model = cnn.MLP(8)
    step = cnn.classifier_step(model, torch.optim.Adam(model.parameters()))
    with pytest.raises(ValueError, match=message):
        cnn.train_course(cnn.SPRINT, images, change(labels), seed=0)
    with pytest.raises(ValueError, match=message):
        cnn.train_course(cnn.SPRINT, images, labels, seed=0, test=(images, change(labels)))
    with pytest.raises(ValueError, match=message):
        step((images, change(labels)))


def test_a_step_on_floats_of_255_is_refused() -> None:
    images, labels = digits()
    model = cnn.MLP(8)
    step = cnn.classifier_step(model, torch.optim.Adam(model.parameters()))
    with pytest.raises(ValueError, match=r"^standardize expects uint8"):
        step((images.float(), labels))
    for smoothing in (-0.1, 1.1):
        with pytest.raises(ValueError, match=r"^label_smoothing must be from 0 to 1"):
            cnn.classifier_step(model, label_smoothing=smoothing)


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 0}, {"adam_lr": -0.1}, {"muon_lr": float("nan")}, {"max_shift": -1},
        {"label_smoothing": 1.5}, {"dropout": -0.1}, {"warmup": 2.0}, {"muon_momentum": -1.0},
    ],
)  # fmt: skip
def test_a_recipe_out_of_range_is_refused(changes: dict[str, Any]) -> None:
    (name,) = changes
    with pytest.raises(ValueError, match=f"^{name} must be "):
        dataclasses.replace(cnn.SPRINT, **changes)


def test_muon_keeps_the_norm_and_lowers_a_loss() -> None:
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(6, 2, 3, 3))
    target = torch.randn(6, 2, 3, 3)
    optimizer = Muon([weight], lr=0.02)

    def loss() -> torch.Tensor:
        return -F.cosine_similarity(weight.flatten(), target.flatten(), dim=0)

    before = loss().item()
    for _ in range(50):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    assert loss().item() < before - 0.3
    assert weight.norm().item() == pytest.approx(6**0.5, rel=0.1)


def test_muon_normalizes_only_if_asked() -> None:
    torch.manual_seed(0)
    start, grad = 10 * torch.randn(6, 2, 3, 3), torch.randn(6, 2, 3, 3)
    step = 0.02 * orthogonalize(grad.view(6, -1)).view(6, 2, 3, 3)
    for normalize, scale in ((False, 1.0), (True, 6**0.5 / start.norm())):
        weight = nn.Parameter(start.clone())
        weight.grad = grad.clone()
        Muon([weight], lr=0.02, momentum=0.0, normalize=normalize).step()
        torch.testing.assert_close(weight.detach(), scale * start - step)


def test_muon_refuses_biases() -> None:
    with pytest.raises(ValueError, match="biases"):
        Muon([nn.Parameter(torch.ones(3))])


def test_orthogonalize_treats_each_matrix_of_a_stack_alone() -> None:
    torch.manual_seed(0)
    for shape in [(3, 8, 20), (3, 20, 8)]:
        stack = torch.randn(shape) * torch.tensor([0.1, 1.0, 10.0]).view(3, 1, 1)
        alone = torch.stack([orthogonalize(matrix) for matrix in stack])
        torch.testing.assert_close(orthogonalize(stack), alone)


def test_muon_updates_matrices_of_one_shape_as_if_each_were_alone() -> None:
    torch.manual_seed(0)
    shapes = [(8, 20), (20, 8), (8, 20), (20, 8), (8, 8), (4, 5, 2, 2)]
    alone = [nn.Parameter(torch.randn(shape)) for shape in shapes]
    together = [nn.Parameter(p.detach().clone()) for p in alone]
    together.append(nn.Parameter(torch.ones(8, 20)))  # without a gradient, so it stays
    options = {"lr": 0.1, "momentum": 0.9}
    optimizers = [Muon([p], **options) for p in alone]
    shared = Muon(together, **options)
    for _ in range(3):
        for one, other in zip(alone, together[:-1], strict=True):
            one.grad = torch.randn_like(one)
            other.grad = one.grad.clone()
        for optimizer in (*optimizers, shared):
            optimizer.step()
    for one, other in zip(alone, together[:-1], strict=True):
        torch.testing.assert_close(one.detach(), other.detach())
    assert torch.equal(together[-1].detach(), torch.ones(8, 20))


def test_muon_in_bfloat16_is_near_float32_and_keeps_the_weights_type() -> None:
    torch.manual_seed(0)
    start, grads = torch.randn(2, 8, 20), torch.randn(2, 8, 20)
    steps = []
    for dtype in (None, torch.bfloat16):
        both = [nn.Parameter(matrix.clone()) for matrix in start]
        for p, grad in zip(both, grads, strict=True):
            p.grad = grad.clone()
        Muon(both, lr=1.0, momentum=0.0, normalize=False, dtype=dtype).step()
        assert all(p.dtype == torch.float32 for p in both)
        steps.append(torch.stack([p.detach() for p in both]) - start)
    assert not torch.equal(*steps)
    assert (steps[0] - steps[1]).norm() < 0.03 * steps[0].norm()


def test_every_parameter_has_exactly_one_optimizer() -> None:
    model = cnn.CourseCNN()
    optimizers = cnn.course_optimizers(model, cnn.SPRINT)
    held = [id(p) for o in optimizers for g in o.param_groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters())


def test_classifier_step_trains_and_names_its_loss() -> None:
    torch.manual_seed(0)
    model = cnn.MLP(32)
    step = cnn.classifier_step(model, torch.optim.Adam(model.parameters(), lr=0.01))
    mnist = load_mnist()
    batch = (mnist.train_images[:64], mnist.train_labels[:64])
    losses = [step(batch)["loss"].item() for _ in range(30)]
    assert losses[0] == pytest.approx(2.3, abs=0.4)
    assert losses[-1] < 0.2


def test_train_course_learns_and_repeats_to_the_last_bit() -> None:
    mnist = load_mnist()
    images, labels = mnist.train_images[:4000], mnist.train_labels[:4000]
    recipe = dataclasses.replace(cnn.SPRINT, epochs=1.0, max_shift=1, dropout=0.1)

    def run(seed: int) -> tuple[cnn.CourseCNN, list[float]]:
        model, history = cnn.train_course(recipe, images, labels, seed=seed)
        return model, history["loss"]

    model, losses = run(0)
    again, same = run(0)
    _, other = run(1)
    assert losses == same
    assert losses != other
    for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    held = mnist.test_images[:1000], mnist.test_labels[:1000]
    assert accuracy(predict(model, held[0]), held[1]) > 90


def test_the_mean_over_places_takes_a_tenth_of_the_last_weights() -> None:
    model = cnn.CourseCNN(average=True)
    assert model(torch.zeros(3, 1, 28, 28)).shape == (3, 10)
    assert model.classifier.weight.shape == (10, 96)


def test_constant_rates_stay_and_the_cycle_falls() -> None:
    mnist = load_mnist()
    images, labels = mnist.train_images[:1280], mnist.train_labels[:1280]
    recipe = dataclasses.replace(cnn.SPRINT, epochs=1.0)
    runs = {
        cycle: cnn.train_course(dataclasses.replace(recipe, cycle=cycle), images, labels, seed=0)[
            1
        ]["loss"]
        for cycle in (True, False)
    }
    assert runs[True] != runs[False]


def test_a_network_trains_in_units_of_its_own() -> None:
    seen = []
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    step = cnn.classifier_step(model, torch.optim.SGD(model.parameters(), 0.1), scale=to_signed)
    step((torch.full((2, 1, 28, 28), 255, dtype=torch.uint8), torch.tensor([0, 1])))
    assert (seen[0] == 1).all()


def test_exciting_patches_are_cut_where_a_channel_is_strongest() -> None:
    images = torch.zeros(4, 1, 8, 8)
    places = [(0, 0), (2, 4), (4, 2)]
    for number, (row, column) in enumerate(places):
        images[number, 0, row : row + 3, column : column + 3] = number + 1.0
    maps = F.conv2d(images, torch.ones(1, 1, 3, 3), stride=2)
    patches, which = cnn.exciting_patches(maps, images, size=3, step=2, count=3)
    assert patches.shape == (1, 3, 3, 3)
    assert which.tolist() == [[2, 1, 0]]
    assert patches[0].amax((1, 2)).tolist() == [3.0, 2.0, 1.0]
    assert patches[0].amin((1, 2)).tolist() == [3.0, 2.0, 1.0]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"maps": torch.zeros(4, 2, 3, 3)}, "one N"),
        ({"images": torch.zeros(5, 9, 9)}, "shape"),
        ({"maps": torch.full((5, 2, 4, 4), torch.nan)}, "maps must be finite"),
        ({"step": 1}, "makes maps of 7 by 7"),
        ({"size": 5}, "makes maps of 3 by 3"),
        ({"count": 6}, "from 1 to 5"),
        ({"count": 0}, "from 1 to 5"),
    ],
)
def test_maps_that_are_not_of_these_images_are_refused(changed: dict[str, Any], says: str) -> None:
    right = {"maps": torch.rand(5, 2, 4, 4), "images": torch.rand(5, 1, 9, 9)}
    settings = {**right, "size": 3, "step": 2, "count": 3}
    cnn.exciting_patches(**settings)
    with pytest.raises(ValueError, match=says) as caught:
        cnn.exciting_patches(**{**settings, **changed})
    assert_one_sentence(caught)
