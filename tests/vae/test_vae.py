"""Chapter 3's two VAEs: the terms of their losses, their layers, their training, their samples."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
from sentences import assert_one_sentence
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F

from aigc_utils import vae
from aigc_utils.data import MNIST, load_mnist, to_float
from aigc_utils.schedules import one_cycle


@pytest.fixture(scope="module")
def mnist() -> MNIST:
    return load_mnist()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=seeded(seed))


def grey(*shape: int, seed: int = 0) -> Tensor:
    """Returns images of every grey, with pure black and pure white among them."""
    return (1.4 * torch.rand(shape, generator=seeded(seed)) - 0.2).clamp(0, 1)


def small(epochs: float = 1.0, **changes: Any) -> vae.VAERecipe:
    """Returns a recipe for a model small enough to train in no time."""
    recipe = vae.VAERecipe(epochs, latent_dim=4, hidden=(32, 32), batch_size=32)
    return dataclasses.replace(recipe, **changes)


def new_vae(*sizes: Any, seed: int = 0, **changes: Any) -> vae.VAE:
    torch.manual_seed(seed)
    return vae.VAE(*sizes, **changes)


def assert_same(a: nn.Module, b: nn.Module) -> None:
    for (name, one), two in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        assert torch.equal(one, two), name


# --- the KL divergence ----------------------------------------------------------------------


def test_gaussian_kl_of_the_standard_normal_is_zero() -> None:
    assert torch.equal(vae.gaussian_kl(torch.zeros(3, 2), torch.zeros(3, 2)), torch.zeros(3, 2))


def test_gaussian_kl_by_hand() -> None:
    # One nat of variance at the mean 2, and a hundredth of it at 0, from the closed form.
    kl = vae.gaussian_kl(torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, math.log(0.01)]]))
    expected = [[(4 + math.e - 2) / 2, (0.01 - 1 - math.log(0.01)) / 2]]
    torch.testing.assert_close(kl, torch.tensor(expected))


def test_gaussian_kl_agrees_with_torch_and_is_never_negative() -> None:
    mean, log_variance = 3 * normal(200, 7).double(), 4 * normal(200, 7, seed=1).double()
    kl = vae.gaussian_kl(mean, log_variance)
    assert kl.shape == (200, 7)
    q = Normal(mean, (log_variance / 2).exp())
    p = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    torch.testing.assert_close(kl, kl_divergence(q, p))
    near = torch.linspace(-0.1, 0.1, 41, dtype=torch.float64)
    everywhere = vae.gaussian_kl(*torch.meshgrid(near, near, indexing="ij"))
    assert everywhere.min() > -1e-15
    assert everywhere.argmin() == 41 * 20 + 20


def test_gaussian_kl_pulls_to_the_standard_normal() -> None:
    mean, log_variance = normal(5, 3).requires_grad_(), normal(5, 3, seed=1).requires_grad_()
    vae.gaussian_kl(mean, log_variance).sum().backward()
    torch.testing.assert_close(mean.grad, mean.detach())
    torch.testing.assert_close(log_variance.grad, (log_variance.detach().exp() - 1) / 2)


# --- reparameterization ---------------------------------------------------------------------


def test_reparameterized_samples_have_their_mean_and_variance() -> None:
    mean, log_variance = torch.tensor([1.0, -2.0, 0.0]), torch.tensor([0.0, 2.0, -3.0])
    count = 100_000
    z = vae.reparameterize(mean.expand(count, 3), log_variance.expand(count, 3), seeded())
    error = (log_variance / 2).exp() / count**0.5
    assert ((z.mean(0) - mean).abs() < 5 * error).all()
    ratio = z.var(0) / log_variance.exp()
    assert ((ratio - 1).abs() < 5 * (2 / count) ** 0.5).all()
    assert (z.T.corrcoef() - torch.eye(3)).abs().max() < 0.02, "the dimensions share noise"


def test_reparameterization_lets_gradients_through() -> None:
    mean, log_variance = normal(6, 2).requires_grad_(), normal(6, 2, seed=1).requires_grad_()
    z = vae.reparameterize(mean, log_variance, seeded())
    (3 * z).sum().backward()
    torch.testing.assert_close(mean.grad, torch.full((6, 2), 3.0))
    # z moves with its standard deviation, and that by half of itself.
    torch.testing.assert_close(log_variance.grad, 3 * (z - mean).detach() / 2)
    assert log_variance.grad is not None
    assert log_variance.grad.abs().min() > 0


def test_reparameterization_draws_from_its_generator() -> None:
    mean, log_variance = normal(4, 2), normal(4, 2, seed=1)
    z = vae.reparameterize(mean, log_variance, seeded(3))
    before = torch.get_rng_state()
    assert torch.equal(vae.reparameterize(mean, log_variance, seeded(3)), z)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(vae.reparameterize(mean, log_variance, seeded(4)), z)
    torch.manual_seed(3)
    torch.testing.assert_close(vae.reparameterize(mean, log_variance), z)


# --- the reconstruction ---------------------------------------------------------------------


@pytest.mark.parametrize("binary", [True, False])
def test_reconstruction_loss_is_the_bernoullis_sum(binary: bool) -> None:
    logits, images = 5 * normal(6, 1, 28, 28), grey(6, 1, 28, 28)
    images = images.round() if binary else images
    loss = vae.reconstruction_loss(logits, images)
    pixels = Bernoulli(logits=logits.double(), validate_args=False).log_prob(images.double())
    torch.testing.assert_close(loss.double(), -pixels.sum((1, 2, 3)), rtol=1e-5, atol=0)


def test_reconstruction_loss_by_hand() -> None:
    loss = vae.reconstruction_loss(torch.zeros(3, 1, 28, 28), grey(3, 1, 28, 28))
    torch.testing.assert_close(loss, torch.full((3,), 784 * math.log(2)))


def test_reconstruction_loss_adds_pixels_and_never_averages_them() -> None:
    logits, images = normal(2, 1, 4, 4), grey(2, 1, 4, 4)
    once = vae.reconstruction_loss(logits, images)
    twice = vae.reconstruction_loss(logits.repeat(1, 1, 2, 1), images.repeat(1, 1, 2, 1))
    torch.testing.assert_close(twice, 2 * once)
    alone = torch.cat(
        [vae.reconstruction_loss(logits[i : i + 1], images[i : i + 1]) for i in (0, 1)]
    )
    torch.testing.assert_close(alone, once)


def test_reconstruction_loss_stays_finite_where_the_decoder_is_sure() -> None:
    images = torch.tensor([[[[0.0, 1.0]]], [[[1.0, 0.0]]]])
    logits = torch.tensor([[[[-1000.0, 1000.0]]]]).expand(2, 1, 1, 2)
    assert vae.reconstruction_loss(logits, images).tolist() == [0, 2000]


def test_reconstruction_loss_pulls_each_pixels_probability_to_its_grey_value() -> None:
    logits, images = normal(2, 1, 5, 5).requires_grad_(), grey(2, 1, 5, 5)
    vae.reconstruction_loss(logits, images).sum().backward()
    torch.testing.assert_close(logits.grad, logits.detach().sigmoid() - images)


@pytest.mark.parametrize("value", [-0.01, 1.01, 255.0, math.nan, math.inf])
def test_one_pixel_out_of_range_is_refused(value: float) -> None:
    images = torch.full((2, 1, 28, 28), 0.5)
    images[1, 0, 3, 4] = value
    with pytest.raises(ValueError, match=r"^pixels must lie in \[0, 1\].*to_float\.$"):
        vae.reconstruction_loss(torch.zeros(2, 1, 28, 28), images)


@pytest.mark.parametrize("shape", [(2, 784), (1, 1, 28, 28), (2, 28, 28), (3, 1, 28, 28)])
def test_reconstruction_loss_refuses_to_broadcast(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^logits and images .* not \(2, 1, 28, 28\) and \("):
        vae.reconstruction_loss(torch.zeros(2, 1, 28, 28), torch.zeros(shape))


@pytest.mark.parametrize("shape", [(2, 784), (2, 28, 28), (784,)])
def test_reconstruction_loss_never_adds_images_up(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^images must have shape \(B, 1, 28, 28\), not \("):
        vae.reconstruction_loss(torch.zeros(shape), torch.zeros(shape))


# --- the article's --------------------------------------------------------------------------


def test_article_has_the_articles_parameters_and_shapes() -> None:
    torch.manual_seed(0)
    model = vae.ArticleVAE()
    assert sum(p.numel() for p in model.parameters()) == 652_824
    images = grey(5, 1, 28, 28)
    reconstruction, mean, log_variance = model(images)
    assert mean.shape == log_variance.shape == (5, model.latent_dim) == (5, 20)
    assert reconstruction.shape == (5, 784)
    assert ((reconstruction > 0) & (reconstruction < 1)).all()
    for part, expected in zip(model.encode(images), (mean, log_variance), strict=True):
        assert torch.equal(part, expected)


def test_article_samples_around_its_means() -> None:
    torch.manual_seed(0)
    mean, log_variance = torch.tensor([3.0, -1.0]), torch.tensor([-2.0, 1.0])
    z = vae.ArticleVAE().reparameterize(mean.expand(50_000, 2), log_variance.expand(50_000, 2))
    torch.testing.assert_close(z.mean(0), mean, atol=0.05, rtol=0)
    torch.testing.assert_close(z.var(0), log_variance.exp(), rtol=0.04, atol=0)


def test_article_losses_agree_with_torch() -> None:
    images, mean, log_variance = grey(6, 1, 28, 28), normal(6, 20), normal(6, 20, seed=1)
    pixels = normal(6, 784).sigmoid()
    bce, kl = vae.article_losses(pixels, images, mean, log_variance)
    likelihood = Bernoulli(pixels.double(), validate_args=False)
    torch.testing.assert_close(
        bce.double(), -likelihood.log_prob(images.flatten(1).double()).sum(), rtol=1e-5, atol=0
    )
    q, p = Normal(mean, (log_variance / 2).exp()), Normal(torch.zeros(()), torch.ones(()))
    torch.testing.assert_close(kl, kl_divergence(q, p).sum())


def test_both_chapters_losses_are_the_same_two_terms() -> None:
    logits, images = normal(6, 1, 28, 28), grey(6, 1, 28, 28)
    mean, log_variance = normal(6, 20, seed=1), normal(6, 20, seed=2)
    bce, kl = vae.article_losses(logits.sigmoid().flatten(1), images, mean, log_variance)
    torch.testing.assert_close(bce, vae.reconstruction_loss(logits, images).sum())
    torch.testing.assert_close(kl, vae.gaussian_kl(mean, log_variance).sum())


def test_the_articles_own_pixels_stop_its_listing() -> None:
    images = 2 * grey(4, 1, 28, 28) - 1
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        vae.article_losses(normal(4, 784).sigmoid(), images, normal(4, 20), normal(4, 20))


def test_article_step_is_one_step_of_adam_on_the_sum(mnist: MNIST) -> None:
    torch.manual_seed(0)
    model, twin = vae.ArticleVAE(), vae.ArticleVAE()
    twin.load_state_dict(model.state_dict())
    images = mnist.train_images[:64]
    torch.manual_seed(1)
    losses = vae.article_step(model, torch.optim.Adam(model.parameters(), lr=1e-3))((images,))
    torch.manual_seed(1)
    x = to_float(images)
    reconstruction, mean, log_variance = twin(x)
    bce, kl = vae.article_losses(reconstruction, x, mean, log_variance)
    optimizer = torch.optim.Adam(twin.parameters(), lr=1e-3)
    (bce + kl).backward()
    optimizer.step()
    assert set(losses) == {"reconstruction", "kl"}
    torch.testing.assert_close(losses["reconstruction"], bce / 64)
    torch.testing.assert_close(losses["kl"], kl / 64)
    assert_same(model, twin)


def test_train_article_learns_and_repeats_to_the_last_bit(mnist: MNIST) -> None:
    seen: list[nn.Module] = []

    def evaluate(model: nn.Module) -> dict[str, float]:
        seen.append(model)
        return {"nats": 1.0}

    def run(seed: int) -> tuple[vae.ArticleVAE, list[float]]:
        model, history = vae.train_article(
            mnist.train_images[:256], seed=seed, num_steps=24, evaluate=evaluate, evaluate_every=16
        )
        assert history.evaluated_at == [16, 24]
        assert len(history["kl"]) == 24
        assert all(each is model for each in seen[-2:])
        return model, history["reconstruction"]

    model, losses = run(0)
    again, same = run(0)
    assert losses == same
    assert_same(model, again)
    assert run(1)[1] != losses
    assert losses[0] == pytest.approx(784 * math.log(2), abs=10)
    assert losses[-1] < 300


def test_article_nats_are_means_over_the_images(mnist: MNIST) -> None:
    torch.manual_seed(0)
    model = vae.ArticleVAE()
    with torch.no_grad():  # so little noise that chunks can't differ by it
        model.fc2_logvar.weight.zero_()
        model.fc2_logvar.bias.fill_(-40.0)
    images = mnist.test_images[:2300]
    found = vae.article_nats(model, images)
    x = to_float(images)
    with torch.no_grad():
        mean, log_variance = model.encode(x)
        pixels = Bernoulli(model.decode(mean).double(), validate_args=False)
        bce = -pixels.log_prob(x.flatten(1).double()).sum(1).mean()
        kl = vae.gaussian_kl(mean, log_variance).sum(1).mean()
    assert found == pytest.approx((bce.item(), kl.item()), rel=1e-5)
    parts = [vae.article_nats(model, part) for part in images.split(700)]
    sizes = [700, 700, 700, 200]
    for i in (0, 1):
        mean_of_parts = sum(n * part[i] for n, part in zip(sizes, parts, strict=True)) / 2300
        assert mean_of_parts == pytest.approx(found[i], rel=1e-5)


def test_article_nats_leave_no_trace(mnist: MNIST) -> None:
    torch.manual_seed(0)
    model, twin = vae.ArticleVAE(), vae.ArticleVAE()
    twin.load_state_dict(model.state_dict())
    vae.article_nats(model, mnist.test_images[:10])
    assert_same(model, twin)
    assert all(p.grad is None for p in model.parameters())


# --- the course's layers --------------------------------------------------------------------

SIZES = [(20, (512, 512), True), (2, (64, 256), False), (3, (24,), True), (5, (), False)]


@pytest.mark.parametrize(("latent_dim", "hidden", "patches"), SIZES)
def test_vae_shapes(latent_dim: int, hidden: tuple[int, ...], patches: bool) -> None:
    model = new_vae(latent_dim, hidden, patches)
    images = grey(3, 1, 28, 28)
    mean, log_variance = model.encode(images)
    assert mean.shape == log_variance.shape == (3, latent_dim)
    assert model.decode(mean).shape == (3, 1, 28, 28)
    logits, *parameters = model(images)
    assert logits.shape == (3, 1, 28, 28)
    assert torch.equal(torch.stack(parameters), torch.stack([mean, log_variance]))
    loss = vae.reconstruction_loss(logits, images).sum() + vae.gaussian_kl(*parameters).sum()
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad != 0).any(), name


def test_forward_decodes_a_sample_of_what_it_encoded() -> None:
    model, images = new_vae(6, (32,)), grey(3, 1, 28, 28)
    torch.manual_seed(5)
    logits, mean, log_variance = model(images)
    torch.manual_seed(5)
    z = vae.reparameterize(mean, log_variance)
    assert torch.equal(logits, model.decode(z))
    assert not torch.equal(logits, model(images)[0])


@pytest.mark.parametrize("patches", [True, False])
def test_images_do_not_look_at_each_other(patches: bool) -> None:
    model, images = new_vae(6, (32, 32), patches), grey(5, 1, 28, 28)
    mean, log_variance = model.encode(images)
    for i in range(5):
        alone = model.encode(images[i : i + 1])
        torch.testing.assert_close(alone, (mean[i : i + 1], log_variance[i : i + 1]))
        torch.testing.assert_close(model.decode(mean[i : i + 1]), model.decode(mean)[i : i + 1])


@pytest.mark.parametrize("patches", [True, False])
def test_a_decoder_of_zeros_gives_the_mean_image(patches: bool) -> None:
    mean_image = grey(1, 28, 28)
    model = new_vae(4, (16, 16), patches, mean_image)
    for parameter in model.decoder.parameters():
        nn.init.zeros_(parameter)
    pixels = model.decode(normal(2, 4)).sigmoid()
    for image in pixels:
        torch.testing.assert_close(image, mean_image, atol=1.01e-3, rtol=0)
    assert model.pixel_bias.isfinite().all(), "black and white have no finite logits"
    assert (image - mean_image)[(mean_image > 0.01) & (mean_image < 0.99)].abs().max() < 1e-6


def test_without_a_mean_image_the_decoder_begins_with_grey() -> None:
    model = new_vae(4, (16,))
    for parameter in model.decoder.parameters():
        nn.init.zeros_(parameter)
    assert (model.decode(normal(2, 4)).sigmoid() == 0.5).all()


def test_encoder_reads_the_difference_from_the_mean_image() -> None:
    mean_image, images = grey(1, 28, 28), grey(3, 1, 28, 28, seed=1)
    with_mean, without = (new_vae(4, (16,), mean_image=mean) for mean in (mean_image, None))
    torch.testing.assert_close(with_mean.encode(images), without.encode(images - mean_image))
    assert torch.equal(without.encode(images)[0], without.encoder(images)[:, :4])
    state = with_mean.state_dict()
    assert torch.equal(state["mean"], mean_image), "a saved model must keep its mean image"
    assert "mean" not in dict(with_mean.named_parameters())


def test_layers_are_residual_where_the_width_stays() -> None:
    model = new_vae(3, (32, 32, 8, 8), patches=False)

    def kinds(layers: nn.Sequential) -> list[str]:
        return [type(layer).__name__ for layer in layers]

    assert kinds(model.encoder) == [
        "Flatten", "Linear", "Residual", "SiLU", "Linear", "Residual", "SiLU", "Linear",
    ]  # fmt: skip
    assert kinds(model.decoder) == [
        "Linear", "Residual", "SiLU", "Linear", "Residual", "SiLU", "Linear", "Unflatten",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent_dim": 0}, "^latent_dim must be a whole number of at least 1"),
        ({"mean_image": torch.zeros(28, 28)}, r"^mean_image must have shape \(1, 28, 28\)"),
        ({"mean_image": torch.full((1, 28, 28), 255.0)}, r"pixels in \[0, 1\]"),
        ({"mean_image": torch.full((1, 28, 28), math.nan)}, r"pixels in \[0, 1\]"),
    ],
)
def test_a_vae_of_no_size_or_mean_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        vae.VAE(**changes)


@pytest.mark.parametrize("shape", [(1, 28, 28), (2, 784), (2, 1, 32, 32), (2, 3, 28, 28)])
def test_a_vae_encodes_digits_alone(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^images must have shape \(B, 1, 28, 28\), not \("):
        new_vae(4, (16,)).encode(torch.zeros(shape))


def test_residual_adds_its_input() -> None:
    layer, x = nn.Linear(5, 5), normal(3, 5)
    torch.testing.assert_close(vae.Residual(nn.SiLU(), layer)(x), x + layer(F.silu(x)))
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(vae.Residual(nn.SiLU(), layer)(x), x)


def touched(difference: Tensor) -> set[tuple[int, int]]:
    """Returns the rows and columns of a map of 7 by 7 patches, (16, 7, 7), that are not zero."""
    return {(int(i), int(j)) for i, j in (difference != 0).any(0).nonzero()}


AROUND = {(row, column) for row in (1, 2, 3) for column in (4, 5, 6)}


def test_one_pixel_reaches_its_patch_and_the_neighbours_features() -> None:
    first = new_vae(4, (16,)).encoder[:2]
    images = grey(1, 1, 28, 28)
    changed = images.clone()
    changed[0, 0, 4 * 2 + 3, 4 * 5 + 1] += 0.5
    assert touched((first(changed) - first(images))[0]) == AROUND


def test_without_the_encoders_patches_the_decoder_keeps_its_own() -> None:
    lean, whole = (new_vae(4, (16,), encoder_patches=each) for each in (False, True))
    assert not any(isinstance(layer, nn.Conv2d) for layer in lean.encoder.modules())
    assert repr(lean.decoder) == repr(whole.decoder)
    assert lean.encode(grey(3, 1, 28, 28))[0].shape == (3, 4)
    assert lean.configuration == {**whole.configuration, "encoder_patches": False}
    for (name, one), other in zip(
        lean.decoder.named_parameters(), whole.decoder.parameters(), strict=True
    ):
        assert torch.equal(one, other), f"one seed gives all layers the same weights, {name} too"
    recipe = small(encoder_patches=False)
    trained, _ = vae.train_course(recipe, load_mnist().train_images[:32], seed=0)
    assert trained.configuration["encoder_patches"] is False


def test_one_feature_reaches_its_patch_and_the_neighbours_pixels() -> None:
    last = new_vae(4, (16,)).decoder[-3:]
    row = normal(1, 784)
    changed = row.clone()
    changed.view(1, 16, 7, 7)[0, 9, 2, 5] += 1.0
    difference = (last(changed) - last(row))[0]
    assert difference.shape == (1, 28, 28)
    assert touched(F.pixel_unshuffle(difference, 4)) == AROUND
    # The patch's own pixel is moved by the feature itself: channel 9 is row 2, column 1.
    assert difference[0].abs().argmax() == (4 * 2 + 2) * 28 + 4 * 5 + 1


# --- the decoder as plain weights -----------------------------------------------------------


@pytest.mark.parametrize("hidden", [(64, 256), (256, 64), (12,), ()])
def test_plain_decoder_is_the_decoder(hidden: tuple[int, ...]) -> None:
    model = new_vae(2, hidden, patches=False, mean_image=grey(1, 28, 28))
    nn.init.normal_(model.pixel_bias)
    pairs = vae.plain_decoder(model)
    widths = [2, *reversed(hidden), 784]
    assert [tuple(weight.shape) for weight, _ in pairs] == list(
        zip(widths[1:], widths, strict=False)
    )
    z = normal(6, 2)
    row = z
    for weight, bias in pairs:
        assert not weight.requires_grad
        assert not bias.requires_grad
        row = F.linear(row if row is z else F.silu(row), weight, bias)
    torch.testing.assert_close(row.view(6, 1, 28, 28), model.decode(z))


def test_plain_decoder_leaves_the_model_as_it_is() -> None:
    model = new_vae(2, (8, 16), patches=False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    vae.plain_decoder(model)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(
    ("hidden", "patches"), [((64, 256), True), ((32, 32), False), ((784, 8), False)]
)
def test_plain_decoder_refuses_residual_layers(hidden: tuple[int, ...], patches: bool) -> None:
    with pytest.raises(ValueError, match="residual layers: train one with patches=False"):
        vae.plain_decoder(new_vae(2, hidden, patches))


# --- samples --------------------------------------------------------------------------------


def test_sample_gives_each_pixels_mean() -> None:
    model = new_vae(6, (32, 32), mean_image=grey(1, 28, 28))
    z = 2 * normal(25, 6)
    images = vae.sample(model, z)
    assert images.shape == (25, 1, 28, 28)
    assert images.dtype == torch.uint8
    assert not images.requires_grad
    exact = model.decode(z).detach().sigmoid().double() * 255
    assert (images - exact).abs().max() < 0.5 + 1e-3, "grey values are rounded, not cut off"
    assert torch.equal(vae.sample(model, z), images)


def test_sample_reaches_black_and_white() -> None:
    model = new_vae(2, ())
    nn.init.constant_(model.pixel_bias, 50.0)
    model.pixel_bias.data[:, :14] = -50.0
    image = vae.sample(model, torch.zeros(1, 2))[0, 0]
    assert (image[:14] == 0).all()
    assert (image[14:] == 255).all()


@pytest.mark.parametrize("batch_size", [1, 7, 24, 25, 1000])
def test_sample_batches_change_nothing(batch_size: int) -> None:
    model, z = new_vae(6, (32, 32)), normal(25, 6)
    images = vae.sample(model, z).int()
    # The last bit of a sum depends on its batch, and may turn a rounding over.
    assert (vae.sample(model, z, batch_size).int() - images).abs().max() <= 1


@pytest.mark.parametrize("shape", [(6,), (0, 6), (3, 5), (3, 7), (2, 3, 6)])
def test_sample_refuses_other_latents(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^latents must have shape \(N, 6\), not \([^.]*\.$"):
        vae.sample(new_vae(6, (8,)), torch.zeros(shape))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_sample_refuses_latents_that_are_none(value: float) -> None:
    z = torch.zeros(3, 6)
    z[1, 2] = value
    with pytest.raises(ValueError, match=r"^latents must be finite"):
        vae.sample(new_vae(6, (8,)), z)


@pytest.mark.parametrize("size", [0, -1, 2.5])
def test_sample_refuses_no_batch(size: Any) -> None:
    with pytest.raises(ValueError, match=r"^batch_size must be"):
        vae.sample(new_vae(6, (8,)), torch.zeros(3, 6), size)


# --- the course's step ----------------------------------------------------------------------


@pytest.mark.parametrize(("beta", "noise"), [(1.0, True), (4.0, True), (0.0, False)])
def test_vae_step_moves_by_the_negative_elbo(mnist: MNIST, beta: float, noise: bool) -> None:
    images = mnist.train_images[:16]
    model, twin = new_vae(4, (16, 16)), new_vae(4, (16, 16))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    losses = vae.vae_step(model, optimizer, seeded(), beta=beta, noise=noise)((images,))
    x = to_float(images)
    mean, log_variance = twin.encode(x)
    spread = (log_variance / 2).exp() * normal(16, 4) if noise else 0
    likelihood = Bernoulli(logits=twin.decode(mean + spread), validate_args=False)
    reconstruction = -likelihood.log_prob(x).sum() / 16
    q, p = Normal(mean, (log_variance / 2).exp()), Normal(torch.zeros(()), torch.ones(()))
    kl = kl_divergence(q, p).sum() / 16
    assert set(losses) == {"reconstruction", "kl"}
    torch.testing.assert_close(losses["reconstruction"], reconstruction)
    torch.testing.assert_close(losses["kl"], kl)
    (reconstruction + beta * kl).backward()
    for (name, moved), start in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert start.grad is not None
        torch.testing.assert_close(moved, start - 1e-3 * start.grad, rtol=1e-4, atol=1e-6, msg=name)


def test_vae_step_takes_a_priors_density_and_trains_it(mnist: MNIST) -> None:
    images = mnist.train_images[:16]
    model, twin = new_vae(4, (16, 16)), new_vae(4, (16, 16))
    prior, start = (vae.LearnedMixture(3, 4, seeded(5)) for _ in range(2))
    optimizer = torch.optim.SGD([*model.parameters(), *prior.parameters()], lr=1e-3)
    losses = vae.vae_step(model, optimizer, seeded(), prior=prior)((images,))
    mean, log_variance = twin.encode(to_float(images))
    q = Normal(mean, (log_variance / 2).exp())
    z = mean + q.stddev * normal(16, 4)
    kl = (-q.entropy().sum(1) - start.log_prob(z)).mean()
    torch.testing.assert_close(losses["kl"], kl)
    (vae.reconstruction_loss(twin.decode(z), to_float(images)).mean() + kl).backward()
    for one, other in ((model, twin), (prior, start)):
        for moved, before in zip(one.parameters(), other.parameters(), strict=True):
            assert before.grad is not None
            assert before.grad.abs().max() > 0
            expected = before - 1e-3 * before.grad
            torch.testing.assert_close(moved, expected, rtol=1e-4, atol=1e-6)


def test_a_prior_trained_along_fits_the_codes(mnist: MNIST) -> None:
    images = mnist.train_images[:512]
    prior, start, slow = (vae.LearnedMixture(5, 4, seeded()) for _ in range(3))
    model, _ = vae.train_course(small(20.0), images, seed=0, prior=prior)
    vae.train_course(small(20.0, prior_lr=0.0), images, seed=0, prior=slow)
    assert torch.equal(slow.means, start.means), "its rate is the recipe's `prior_lr`"
    with torch.no_grad():
        codes = vae.reparameterize(*model.encode(to_float(images)), seeded(1))
        height = prior.log_prob(codes).mean()
        assert height > start.log_prob(codes).mean() + 0.3
        assert height > Normal(0, 1).log_prob(codes).sum(1).mean() + 0.3


def test_a_prior_that_cannot_be_trained_along_is_refused(mnist: MNIST) -> None:
    images = mnist.train_images[:64]
    with pytest.raises(ValueError, match=r"codes must have shape \(N, 5\), not \(32, 4\)"):
        vae.train_course(small(), images, seed=0, prior=vae.LearnedMixture(3, 5, seeded()))
    prior = vae.LearnedMixture(3, 4, seeded())
    with pytest.raises(ValueError, match="a prior needs noise=True") as caught:
        vae.train_course(small(noise=False), images, seed=0, prior=prior)
    assert_one_sentence(caught)


def encoded(step_changes: dict[str, Any], mnist: MNIST, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Returns what the encoder was given and gave, and what the decoder was given, step by step."""
    model = new_vae(4, (16,))
    encode, decode = model.encode, model.decode
    given: list[Tensor] = []
    means: list[Tensor] = []
    latents: list[Tensor] = []

    def spy_encode(images: Tensor) -> tuple[Tensor, Tensor]:
        given.append(images)
        means.append(encode(images)[0])
        return encode(images)

    def spy_decode(z: Tensor) -> Tensor:
        latents.append(z)
        return decode(z)

    monkeypatch.setattr(model, "encode", spy_encode)
    monkeypatch.setattr(model, "decode", spy_decode)
    optimizer = torch.optim.Adam(model.parameters())
    step = vae.vae_step(model, optimizer, seeded(), **step_changes)
    for _ in range(2):
        step((mnist.train_images[:64],))
    return given, means, latents


def test_vae_step_with_noise_decodes_samples(mnist: MNIST, monkeypatch: pytest.MonkeyPatch) -> None:
    given, means, latents = encoded({}, mnist, monkeypatch)
    assert all(torch.equal(images, to_float(mnist.train_images[:64])) for images in given)
    noise = [z - mean for z, mean in zip(latents, means, strict=True)]
    assert all((each != 0).all() for each in noise)
    assert (noise[0] - noise[1]).abs().mean() > 0.1, "each step draws anew"


def test_vae_step_without_noise_decodes_the_means(
    mnist: MNIST, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, means, latents = encoded({"noise": False}, mnist, monkeypatch)
    for z, mean in zip(latents, means, strict=True):
        assert torch.equal(z, mean)


def test_vae_step_on_binary_pixels_draws_them_anew(
    mnist: MNIST, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, second), *_ = encoded({"binary": True}, mnist, monkeypatch)
    images = to_float(mnist.train_images[:64])
    for drawn in (first, second):
        assert drawn.unique().tolist() == [0, 1]
        assert drawn.mean() == pytest.approx(images.mean().item(), rel=0.02)
    assert not torch.equal(first, second)
    certain = (images == 0) | (images == 1)
    assert torch.equal(first[certain], images[certain])


def test_binary_pixels_are_also_what_is_reconstructed(mnist: MNIST) -> None:
    # A decoder sure of the rounded image pays for grey pixels; one sure of zeros for the ones.
    model = new_vae(2, ())
    for parameter in model.decoder.parameters():
        nn.init.zeros_(parameter)
    nn.init.constant_(model.pixel_bias, -50.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    loss = vae.vae_step(model, optimizer, seeded(), binary=True)((mnist.train_images[:8],))
    ones = loss["reconstruction"].item() * 8 / 50
    assert ones == pytest.approx(round(ones), abs=1e-2)


# --- the course's training ------------------------------------------------------------------


def test_train_course_learns_and_repeats_to_the_last_bit(mnist: MNIST) -> None:
    images = mnist.train_images[:512]
    before = images.clone()

    def run(seed: int) -> tuple[vae.VAE, list[float]]:
        model, history = vae.train_course(small(8.0), images, seed=seed)
        assert set(history.losses) == {"reconstruction", "kl"}
        assert history.num_steps == 128
        assert not any(module.training for module in model.modules())
        total = zip(history["reconstruction"], history["kl"], strict=True)
        return model, [reconstruction + kl for reconstruction, kl in total]

    model, losses = run(0)
    again, same = run(0)
    assert losses == same
    assert_same(model, again)
    assert run(1)[1] != losses
    assert torch.equal(images, before)
    torch.testing.assert_close(model.mean, to_float(images).mean(0))
    # The mean image alone costs some 206 nats, where even chances would cost 543.
    assert losses[0] < 260
    assert sum(losses[-16:]) / 16 < min(losses[0], 206) - 15


def test_train_course_has_nothing_to_do_with_the_state_around_it(mnist: MNIST) -> None:
    images = mnist.train_images[:64]

    def evaluate(model: vae.VAE) -> dict[str, float]:
        torch.randn(7)  # an evaluation may draw what it likes
        return {"nats": model.encode(to_float(images))[0].sum().item()}

    torch.manual_seed(123)
    threads = torch.get_num_threads()
    model, _ = vae.train_course(small(4.0), images, seed=0)
    again, history = vae.train_course(
        small(4.0), images, seed=0, evaluate=evaluate, evaluate_every=3
    )
    assert history.evaluated_at == [3, 6, 8]
    assert_same(model, again)
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32


def test_evaluation_sees_the_model_in_training(mnist: MNIST) -> None:
    seen: list[tuple[vae.VAE, Tensor]] = []

    def evaluate(model: vae.VAE) -> dict[str, float]:
        seen.append((model, model.pixel_bias.detach().clone()))
        return {"nats": 1.0}

    model, history = vae.train_course(
        small(2.0), mnist.train_images[:64], seed=0, evaluate=evaluate
    )
    assert history["nats"] == [1.0]
    assert seen[0][0] is model
    assert torch.equal(seen[0][1], model.pixel_bias)


def test_recipe_decides_the_model_and_the_steps(
    mnist: MNIST, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    def spy(optimizer: torch.optim.Optimizer, *, warmup: float) -> Any:
        made.extend([optimizer.param_groups[0]["lr"], warmup])
        return one_cycle(optimizer, warmup=warmup)

    monkeypatch.setattr("aigc_utils.vae.training.one_cycle", spy)
    recipe = small(2.5, latent_dim=5, hidden=(8, 6), patches=False, batch_size=20, lr=7e-4)
    images = mnist.train_images[:80]
    model, history = vae.train_course(dataclasses.replace(recipe, warmup=0.3), images, seed=0)
    assert made == [7e-4, 0.3]
    assert history.num_steps == 10
    assert model.latent_dim == 5
    linear = [layer.out_features for layer in model.encoder if isinstance(layer, nn.Linear)]
    assert linear == [8, 6, 10]
    assert not any(isinstance(module, nn.Conv2d) for module in model.modules())


def test_beta_trades_the_kl_divergence_for_the_reconstruction(mnist: MNIST) -> None:
    def last(beta: float) -> tuple[float, float]:
        _, history = vae.train_course(small(4.0, beta=beta), mnist.train_images[:512], seed=0)
        return history.smooth("reconstruction", 8)[-1], history.smooth("kl", 8)[-1]

    (low_reconstruction, high_kl), (reconstruction, kl), collapsed = map(last, (0.1, 1.0, 100.0))
    assert high_kl > kl > collapsed[1]
    assert low_reconstruction < reconstruction < collapsed[0]
    assert collapsed[1] < 0.5


def test_kl_warmup_raises_the_weight_from_zero(
    mnist: MNIST, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    vae_step = vae.vae_step

    def spy(*arguments: Any, **options: Any) -> Any:
        step = vae_step(*arguments, **options)

        def watched(batch: Any) -> Any:
            seen.append(float(options["beta"]))
            return step(batch)

        return watched

    monkeypatch.setattr("aigc_utils.vae.training.vae_step", spy)
    recipe = small(4.0, kl_warmup=0.5, beta=2.0)
    vae.train_course(recipe, mnist.train_images[:64], seed=0)
    assert seen == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0, 2.0, 2.0]


def test_recipe_passes_noise_and_binary_on(mnist: MNIST, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[dict[str, Any]] = []
    vae_step = vae.vae_step

    def spy(*arguments: Any, **options: Any) -> Any:
        steps.append(options)
        return vae_step(*arguments, **options)

    monkeypatch.setattr("aigc_utils.vae.training.vae_step", spy)
    recipe = small(1.0, noise=False, binary=True, beta=0.0)
    vae.train_course(recipe, mnist.train_images[:32], seed=0)
    vae.train_course(small(1.0), mnist.train_images[:32], seed=0)
    assert steps == [
        {"beta": 0.0, "noise": False, "binary": True, "perceive": None, "prior": None},
        {"beta": 1.0, "noise": True, "binary": False, "perceive": None, "prior": None},
    ]


@pytest.mark.usefixtures("ticking")
def test_a_time_budget_ends_the_run(mnist: MNIST) -> None:
    recipe = small(1e6)
    model, history = vae.train_course(recipe, mnist.train_images[:64], seed=0, max_seconds=0.095)
    assert history.num_steps == 5
    assert history.seconds == pytest.approx(0.1, abs=0.015)
    assert not model.training


def test_the_chapters_recipes_train(mnist: MNIST) -> None:
    for recipe in (vae.SPRINT, vae.MINUTE, vae.LEAN, vae.PLANE, vae.LIKELIHOOD):
        assert recipe.beta == 1, "it trains on the ELBO itself"
        assert recipe.binary == (recipe is vae.LIKELIHOOD)
        tiny = dataclasses.replace(recipe, epochs=2.0, batch_size=32)
        model, history = vae.train_course(tiny, mnist.train_images[:64], seed=0)
        assert history.num_steps == 4
        assert vae.sample(model, normal(2, recipe.latent_dim)).shape == (2, 1, 28, 28)
    assert vae.SPRINT.latent_dim == vae.MINUTE.latent_dim == vae.ArticleVAE.latent_dim
    vae.plain_decoder(new_vae(vae.PLANE.latent_dim, vae.PLANE.hidden, vae.PLANE.patches))


def test_training_refuses_images_that_were_scaled_before(mnist: MNIST) -> None:
    images = to_float(mnist.train_images[:64])
    message = r"^images must be uint8 of shape .* 0 to 255 .*, not torch.float32 of shape [^.]*\.$"
    with pytest.raises(ValueError, match=message):
        vae.train_course(small(), images, seed=0)
    with pytest.raises(ValueError, match=message):
        vae.train_article(images, seed=0, num_steps=1)


@pytest.mark.parametrize("how", ["floats of 255", "signed", "squares of 32", "no channel", "long"])
def test_training_refuses_images_of_another_kind(mnist: MNIST, how: str) -> None:
    images = {
        "floats of 255": mnist.train_images[:64].float(),
        "signed": to_float(mnist.train_images[:64]) * 2 - 1,
        "squares of 32": F.pad(mnist.train_images[:64], (2, 2, 2, 2)),
        "no channel": mnist.train_images[:64, 0],
        "long": mnist.train_images[:64].long(),
    }[how]
    model = new_vae(4, (8,))
    step = vae.vae_step(model, torch.optim.Adam(model.parameters()), seeded())
    article = vae.ArticleVAE()
    listing = vae.article_step(article, torch.optim.Adam(article.parameters()))
    for train in (
        lambda: vae.train_course(small(), images, seed=0),
        lambda: vae.train_article(images, seed=0, num_steps=1),
        lambda: step((images,)),
        lambda: listing((images,)),
        lambda: vae.article_nats(article, images),
    ):
        with pytest.raises(ValueError, match=r"^images must be uint8 of shape"):
            train()


@pytest.mark.parametrize(
    "changes",
    [
        {"latent_dim": 0}, {"hidden": (8, 0)}, {"batch_size": 0}, {"lr": -1e-3}, {"beta": -1.0},
        {"beta": math.nan}, {"warmup": 1.5}, {"epochs": -1.0}, {"batch_size": 2.5},
        {"kl_warmup": -0.1}, {"kl_warmup": 1.5},
    ],
)  # fmt: skip
def test_a_recipe_out_of_range_is_refused(changes: dict[str, Any]) -> None:
    (name,) = changes
    with pytest.raises(ValueError, match=f"^{name} must be "):
        dataclasses.replace(small(), **changes)


def test_a_negative_beta_is_refused() -> None:
    model = new_vae(4, (8,))
    with pytest.raises(ValueError, match=r"^beta must be 0 or more"):
        vae.vae_step(model, torch.optim.Adam(model.parameters()), seeded(), beta=-1.0)


def test_training_refuses_no_images_and_too_few(mnist: MNIST) -> None:
    for count, message in ((0, "with N at least 1"), (31, "from 1 to 31, not 32")):
        with pytest.raises(ValueError, match=message):
            vae.train_course(small(), mnist.train_images[:count], seed=0)
