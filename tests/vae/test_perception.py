"""What another network sees of a reconstruction, and a VAE that is trained by it."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from sentences import assert_one_sentence
from torch import Tensor

from aigc_utils import vae
from aigc_utils.data import load_mnist, standardize, to_float

RECIPE = vae.VAERecipe(1.0, latent_dim=4, hidden=(32, 32), batch_size=32)


def halves(x: Tensor) -> Tensor:
    """Two features of an image: the sums of its upper and of its lower half."""
    return torch.stack([x[:, :, :14].sum((1, 2, 3)), x[:, :, 14:].sum((1, 2, 3))], 1)


def test_the_distance_is_that_of_the_features() -> None:
    images = to_float(load_mnist().train_images[:5])
    logits = torch.zeros_like(images).requires_grad_()
    loss = vae.perceptual_loss(halves, logits, images)
    grey = torch.full_like(images, 0.5)
    wanted = (halves(standardize(grey)) - halves(standardize(images))).square().sum(1)
    torch.testing.assert_close(loss, wanted)
    loss.sum().backward()
    assert logits.grad is not None
    assert logits.grad.abs().sum() > 0
    exact = vae.perceptual_loss(halves, images.clamp(1e-6, 1 - 1e-6).logit(), images)
    assert exact.max() < 1e-3
    with pytest.raises(ValueError, match="one shape"):
        vae.perceptual_loss(halves, logits[:3], images)


def test_the_weight_decides_how_much_the_features_count() -> None:
    images = load_mnist().train_images[:320]
    recipes = [dataclasses.replace(RECIPE, epochs=4, perception=w) for w in (0.0, 0.3)]
    runs = [vae.train_course(r, images, seed=0, features=halves) for r in recipes]
    (_, plain), (model, seeing) = runs
    assert "perception" not in plain.losses
    assert seeing["perception"][-1] < seeing["perception"][0] / 2
    x = to_float(images)
    with torch.no_grad():
        off = [vae.perceptual_loss(halves, m.decode(m.encode(x)[0]), x).mean() for m, _ in runs]
    assert off[1] < off[0] / 2
    assert not model.training


def test_only_so_many_images_of_a_batch_are_looked_at() -> None:
    seen = []

    def counted(x: Tensor) -> Tensor:
        seen.append(len(x))
        return x.flatten(1)

    recipe = dataclasses.replace(RECIPE, perception=1e-3, perceived=7)
    vae.train_course(recipe, load_mnist().train_images[:64], seed=0, features=counted)
    assert seen
    assert {*seen} == {7}


def test_perception_without_features_is_refused() -> None:
    recipe = dataclasses.replace(RECIPE, perception=1.0)
    with pytest.raises(ValueError, match="features") as caught:
        vae.train_course(recipe, load_mnist().train_images[:64], seed=0)
    assert_one_sentence(caught)
