"""Bounds on likelihoods against models small enough for the truth to be summed up on a grid."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F

from aigc_utils import vae
from aigc_utils.data import binarize, load_mnist, to_float
from aigc_utils.evaluation import ELBO, active_units, elbo, importance_bound, likelihood

Measure = Callable[..., Tensor]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@dataclass
class Toy:
    """A model of 2 by 2 pixels: logits and posterior means are linear, variances are given.

    The posterior is a guess, near the true one but never equal to it.
    """

    to_pixels: Tensor
    to_latent: Tensor
    log_variance: float = -0.5
    bias: float = -0.3

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean = (images.flatten(1) - 0.5) @ self.to_latent
        return mean, torch.full_like(mean, self.log_variance)

    def decode(self, z: Tensor) -> Tensor:
        logits = z @ self.to_pixels + self.bias
        return logits.view(-1, 1, 2, 2)

    def log_likelihood(self, images: Tensor, bell: Normal | None = None) -> Tensor:
        """Returns log p(x), (N,), by adding p(x, z) up over a fine grid of latents."""
        line = torch.linspace(-8, 8, 161, dtype=torch.float64)
        z = torch.cartesian_prod(*[line] * len(self.to_pixels)).view(-1, len(self.to_pixels))
        bell = bell or Normal(0.0, 1.0)
        prior = bell.log_prob(z).sum(1) + len(self.to_pixels) * math.log(0.1)
        pixels = Bernoulli(logits=z @ self.to_pixels.double() + self.bias, validate_args=False)
        joint: Tensor = pixels.log_prob(images.flatten(1).double()[:, None]).sum(2) + prior
        return joint.logsumexp(1)


ONE = Toy(torch.tensor([[2.0, -1.5, 1.0, 0.5]]), torch.tensor([[0.8], [-0.6], [0.4], [0.2]]), 0.2)
TWO = Toy(
    torch.tensor([[2.0, -1.5, 1.0, 0.5], [-0.5, 1.0, 2.5, -1.0]]),
    torch.tensor([[0.6, -0.2], [-0.4, 0.3], [0.2, 0.7], [0.1, -0.3]]),
)
TOYS = pytest.mark.parametrize("toy", [ONE, TWO], ids=["one latent", "two latents"])
# All sixteen images of four pixels there are.
EVERY_IMAGE = torch.tensor(list(itertools.product([0.0, 1.0], repeat=4))).view(16, 1, 2, 2)


def repeated(images: Tensor, count: int) -> Tensor:
    return images.repeat_interleave(count, 0)


def same_noise(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets all noise come from one fixed row, however many numbers are asked for at a time.

    Returns a function that goes back to the row's beginning.
    """
    row = torch.randn(100_000, generator=seeded())
    taken = 0

    def rewind() -> None:
        nonlocal taken
        taken = 0

    def take(shape: tuple[int, ...], *, generator: torch.Generator, **_: object) -> Tensor:
        nonlocal taken
        taken += math.prod(shape)
        return row[taken - math.prod(shape) : taken].view(shape)

    monkeypatch.setattr(torch, "randn", take)
    return rewind


# --- the importance-weighted bound ----------------------------------------------------------


def test_the_grid_knows_the_truth() -> None:
    for toy in (ONE, TWO):
        assert toy.log_likelihood(EVERY_IMAGE).exp().sum().item() == pytest.approx(1, abs=1e-9)


@TOYS
def test_importance_bound_with_many_samples_is_the_truth(toy: Toy) -> None:
    bound = importance_bound(toy, EVERY_IMAGE, 20_000, seeded())
    assert bound.shape == (16,)
    assert bound.dtype == torch.float32
    torch.testing.assert_close(bound.double(), -toy.log_likelihood(EVERY_IMAGE), atol=0.03, rtol=0)


@TOYS
def test_another_prior_has_another_truth(toy: Toy) -> None:
    size = len(toy.to_pixels)
    means, covariance = torch.full((1, size), 0.5), 0.7**2 * torch.eye(size)[None]
    prior = vae.Mixture(torch.ones(1), means, covariance)
    bound = importance_bound(toy, EVERY_IMAGE, 20_000, seeded(), prior)
    truth = toy.log_likelihood(EVERY_IMAGE, Normal(0.5, 0.7))
    torch.testing.assert_close(bound.double(), -truth, atol=0.03, rtol=0)
    assert (truth - toy.log_likelihood(EVERY_IMAGE)).abs().max() > 0.1


def test_the_standard_prior_said_as_a_mixture_changes_nothing() -> None:
    standard = vae.Mixture(torch.ones(1), torch.zeros(1, 2), torch.eye(2)[None])
    plain, said = (
        importance_bound(TWO, EVERY_IMAGE, 5, seeded(), prior) for prior in (None, standard)
    )
    torch.testing.assert_close(plain, said)


@TOYS
@pytest.mark.parametrize("k", [1, 3])
def test_mean_weight_is_the_likelihood_whatever_k(toy: Toy, k: int) -> None:
    # exp(-bound) estimates p(x) without bias, and over all images there are p(x) adds up to 1.
    bounds = importance_bound(toy, repeated(EVERY_IMAGE, 4000), k, seeded()).view(16, 4000)
    weights = (-bounds.double()).exp()
    error = weights.std(1) / 4000**0.5
    truth = toy.log_likelihood(EVERY_IMAGE).exp()
    assert ((weights.mean(1) - truth).abs() < 5 * error).all()
    assert weights.mean(1).sum().item() == pytest.approx(1, abs=5 * error.norm().item())


@TOYS
def test_importance_bound_of_one_sample_is_the_negative_elbo(toy: Toy) -> None:
    images = repeated(EVERY_IMAGE, 4000)
    # The same noise, so only the KL divergence differs: sampled here, in closed form there.
    sampled = importance_bound(toy, images, 1, seeded()).view(16, 4000)
    closed = elbo(toy, images, seeded())
    difference = sampled - (closed.reconstruction + closed.kl.sum(1)).view(16, 4000)
    error = difference.std(1) / 4000**0.5
    assert (difference.mean(1).abs() < 5 * error).all()
    assert (error < 0.03).all()


@TOYS
def test_importance_bound_falls_with_k_to_the_truth(toy: Toy) -> None:
    images = repeated(EVERY_IMAGE[[0, 5, 15]], 3000)
    means = torch.stack(
        [importance_bound(toy, images, k, seeded(k)).view(3, -1).mean(1) for k in (1, 2, 8, 64)]
    )
    gaps = means.double() + toy.log_likelihood(EVERY_IMAGE[[0, 5, 15]])
    assert (gaps[:-1] > gaps[1:]).all()
    assert (gaps[-1] > -0.005).all()
    assert (gaps[-1] < 0.02).all()
    assert (gaps[0] > 0.04).all()


@pytest.mark.parametrize("k", [1, 2, 50, 2001])
def test_exact_posterior_gives_the_truth_with_every_k(k: int) -> None:
    # A decoder that ignores z leaves the posterior at the prior, and every weight at p(x).
    toy = Toy(torch.zeros(2, 4), torch.zeros(4, 2), log_variance=0.0)
    truth = vae.reconstruction_loss(torch.full((16, 1, 2, 2), -0.3), EVERY_IMAGE)
    torch.testing.assert_close(importance_bound(toy, EVERY_IMAGE, k, seeded()), truth)
    torch.testing.assert_close(-toy.log_likelihood(EVERY_IMAGE).float(), truth)


@pytest.mark.parametrize(("shift", "log_variance"), [(1.0, 0.0), (0.0, 0.7), (-0.6, -0.4)])
def test_a_wrong_posterior_is_paid_for_and_then_forgiven(shift: float, log_variance: float) -> None:
    toy = Toy(torch.zeros(1, 4), torch.full((4, 1), shift / 2), log_variance=log_variance)
    white = torch.ones(20_000, 1, 2, 2)  # so that the mean is the shift
    truth = vae.reconstruction_loss(torch.full((1, 1, 2, 2), -0.3), white[:1]).item()
    gap = Normal(shift, math.exp(log_variance / 2))
    paid = importance_bound(toy, white, 1, seeded()).mean().item() - truth
    assert paid == pytest.approx(kl_divergence(gap, Normal(0.0, 1.0)).item(), abs=0.05)
    forgiven = importance_bound(toy, white[:1], 50_000, seeded()).item()
    assert forgiven == pytest.approx(truth, abs=0.03)


@pytest.mark.parametrize("at_once", [1, 4, 7, 30, 299])
@pytest.mark.parametrize("k", [1, 10])
def test_importance_bound_does_not_depend_on_chunks(
    monkeypatch: pytest.MonkeyPatch, at_once: int, k: int
) -> None:
    rewind = same_noise(monkeypatch)
    expected = importance_bound(TWO, EVERY_IMAGE, k, seeded())
    rewind()
    monkeypatch.setattr(likelihood, "DECODED_AT_ONCE", at_once)
    torch.testing.assert_close(importance_bound(TWO, EVERY_IMAGE, k, seeded()), expected)


def test_only_so_many_images_are_decoded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    decode = Toy.decode

    def spy(self: Toy, z: Tensor) -> Tensor:
        sizes.append(len(z))
        return decode(self, z)

    monkeypatch.setattr(Toy, "decode", spy)
    monkeypatch.setattr(likelihood, "DECODED_AT_ONCE", 20)
    for measure, decoded in (
        (lambda: importance_bound(TWO, EVERY_IMAGE, 3, seeded()), 48),
        (lambda: importance_bound(TWO, EVERY_IMAGE[:2], 50, seeded()), 100),
        (lambda: elbo(TWO, repeated(EVERY_IMAGE, 2), seeded()), 32),
    ):
        sizes.clear()
        measure()
        assert sum(sizes) == decoded
        assert max(sizes) <= 20


def reconstructions(images: Tensor, seed: int = 0) -> Tensor:
    return elbo(TWO, images, seeded(seed)).reconstruction


def bounds(images: Tensor, seed: int = 0) -> Tensor:
    return importance_bound(TWO, images, 5, seeded(seed))


MEASURES = pytest.mark.parametrize("measure", [reconstructions, bounds])


@MEASURES
def test_noise_comes_from_the_generator_alone(measure: Measure) -> None:
    before = torch.get_rng_state()
    assert torch.equal(measure(EVERY_IMAGE, 1), measure(EVERY_IMAGE, 1))
    assert not torch.equal(measure(EVERY_IMAGE, 1), measure(EVERY_IMAGE, 2))
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_of_hundreds_of_nats_neither_overflow_nor_vanish() -> None:
    class Sure:
        """A decoder whose pixels are certain but for one latent that may turn them over."""

        def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
            return torch.zeros(len(images), 1), torch.zeros(len(images), 1)

        def decode(self, z: Tensor) -> Tensor:
            return 30 * z.sign()[:, :, None, None].expand(-1, 1, 28, 28)

    images = torch.stack([torch.ones(1, 28, 28), torch.zeros(1, 28, 28)])
    bound = importance_bound(Sure(), images, 5000, seeded())
    # Half of the weights are 1 and the other half exp(-784 * 30).
    torch.testing.assert_close(bound, torch.full((2,), math.log(2)), atol=0.05, rtol=0)
    images[:, :, :14] = 1 - images[:, :, :14]
    half = importance_bound(Sure(), images, 5000, seeded())
    torch.testing.assert_close(half, torch.full((2,), 392 * 30.0))


# --- the ELBO -------------------------------------------------------------------------------


@TOYS
def test_elbo_bounds_the_likelihood_by_the_posteriors_error(toy: Toy) -> None:
    result = elbo(toy, repeated(EVERY_IMAGE, 4000), seeded())
    assert result.reconstruction.shape == (64_000,)
    assert result.kl.shape == (64_000, len(toy.to_pixels))
    found = (result.reconstruction + result.kl.sum(1)).view(16, 4000)
    error = found.std(1) / 4000**0.5
    gaps = found.mean(1) + toy.log_likelihood(EVERY_IMAGE)
    assert (gaps > -4 * error).all()
    assert result.nats == pytest.approx(found.mean().item(), rel=1e-5)


def test_elbos_parts_are_the_losses_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = vae.VAE(5, (16, 16))
    images = to_float(load_mnist().test_images[:40])
    rewind = same_noise(monkeypatch)
    result = elbo(model, images, seeded())
    rewind()
    with torch.no_grad():
        mean, log_variance = model.encode(images)
        noise = torch.randn((40, 5), generator=seeded())
        logits = model.decode(mean + (log_variance / 2).exp() * noise)
    torch.testing.assert_close(result.kl, vae.gaussian_kl(mean, log_variance))
    torch.testing.assert_close(result.reconstruction, vae.reconstruction_loss(logits, images))
    whole = (result.reconstruction.mean() + result.kl.mean(0).sum()).item()
    assert result.nats == pytest.approx(whole, rel=1e-6)
    assert not result.reconstruction.requires_grad
    assert not result.kl.requires_grad


@pytest.mark.parametrize("at_once", [1, 7, 16])
def test_elbo_does_not_depend_on_chunks(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    rewind = same_noise(monkeypatch)
    expected = elbo(TWO, EVERY_IMAGE, seeded())
    rewind()
    monkeypatch.setattr(likelihood, "DECODED_AT_ONCE", at_once)
    result = elbo(TWO, EVERY_IMAGE, seeded())
    torch.testing.assert_close(result.reconstruction, expected.reconstruction)
    torch.testing.assert_close(result.kl, expected.kl)


def test_a_real_model_keeps_the_order_of_its_bounds() -> None:
    mnist = load_mnist()
    recipe = vae.VAERecipe(
        2.0, latent_dim=4, hidden=(32,), batch_size=32, patches=False, binary=True
    )
    model, _ = vae.train_course(recipe, mnist.train_images[:1024], seed=0)
    images = binarize(to_float(mnist.test_images[:100]), seeded())
    nats = [importance_bound(model, images, k, seeded()).mean().item() for k in (1, 10, 100)]
    assert nats[0] == pytest.approx(elbo(model, images, seeded()).nats, abs=1)
    assert nats[0] > nats[1] > nats[2] > 50


# --- what is measured -----------------------------------------------------------------------


def test_grey_images_have_an_elbo_and_no_likelihood() -> None:
    grey = torch.rand((5, 1, 2, 2), generator=seeded())
    result = elbo(TWO, grey, seeded())
    assert math.isfinite(result.nats)
    with pytest.raises(ValueError, match=r"^images must hold zeros and ones: use data.binarize"):
        importance_bound(TWO, grey, 5, seeded())
    nearly = EVERY_IMAGE.clone()
    nearly[7, 0, 1, 1] = 1 / 255
    with pytest.raises(ValueError, match="zeros and ones"):
        importance_bound(TWO, nearly, 5, seeded())


@pytest.mark.parametrize("k", [0, -1])
def test_no_samples_give_no_bound(k: int) -> None:
    with pytest.raises(ValueError, match=rf"^k must be a whole number of at least 1, not {k}\.$"):
        importance_bound(TWO, EVERY_IMAGE, k, seeded())


@pytest.mark.parametrize(
    ("images", "problem"),
    [
        (EVERY_IMAGE.to(torch.uint8), "not torch.uint8 of shape"),
        (EVERY_IMAGE.double(), "not torch.float64 of shape"),
        (EVERY_IMAGE.flatten(1), r"of shape \(16, 4\)"),
        (EVERY_IMAGE[:, 0], r"of shape \(16, 2, 2\)"),
        (EVERY_IMAGE[:0], r"of shape \(0, 1, 2, 2\)"),
        (2 * EVERY_IMAGE - 1, r"lie in \[0, 1\]"),
        (255 * EVERY_IMAGE, r"lie in \[0, 1\]"),
        (EVERY_IMAGE / EVERY_IMAGE.sum((1, 2, 3), keepdim=True), r"lie in \[0, 1\]"),
    ],
    ids=["uint8", "double", "rows", "no channel", "empty", "signed", "of 255", "NaN"],
)
@MEASURES
def test_other_images_are_refused(images: Tensor, problem: str, measure: Measure) -> None:
    with pytest.raises(ValueError, match=problem) as error:
        measure(images)
    assert str(error.value).startswith("images must ")
    assert str(error.value).endswith(".")
    assert "data.to_float" in str(error.value)


# --- units in use ---------------------------------------------------------------------------


def test_active_units_are_those_whose_means_vary() -> None:
    noise = torch.randn((1000, 4), generator=seeded())
    means = noise * torch.tensor([1.0, 0.09, 0.15, 0.0]) + torch.tensor([0.0, 5.0, -3.0, 9.0])
    active = active_units(means)
    assert active.dtype == torch.bool
    assert active.tolist() == [True, False, True, False]
    assert active_units(means, threshold=0.5).tolist() == [True, False, False, False]
    assert active_units(means, threshold=0.001).tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("means", "message"),
    [
        (torch.zeros(1, 3), "with N at least 2"),
        (torch.zeros(3), r"of shape \(3,\)"),
        (torch.zeros(4, 3).long(), "must be floats"),
        (torch.full((4, 3), math.nan), "must be finite"),
    ],
)
def test_means_that_cannot_vary_are_refused(means: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        active_units(means)


@pytest.mark.parametrize("threshold", [-0.01, math.nan, math.inf])
def test_a_threshold_is_no_less_than_zero(threshold: float) -> None:
    with pytest.raises(ValueError, match=r"^threshold must be 0 or more"):
        active_units(torch.zeros(4, 3), threshold)


def test_an_encoder_of_two_shapes_is_refused() -> None:
    class Odd(Toy):
        def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
            mean, log_variance = super().encode(images)
            return mean, log_variance[:1]

    odd = Odd(TWO.to_pixels, TWO.to_latent)
    for measure in (lambda: elbo(odd, EVERY_IMAGE, seeded()), lambda: bounds_of(odd)):
        with pytest.raises(ValueError, match="mean and log_variance must have one shape"):
            measure()


def bounds_of(toy: Toy) -> Tensor:
    return importance_bound(toy, EVERY_IMAGE, 2, seeded())


def test_the_parts_of_an_elbo_belong_together() -> None:
    for reconstruction, kl in ((3, (1, 2)), (3, (3,)), (1, (3, 2))):
        with pytest.raises(ValueError, match="must have shapes"):
            ELBO(torch.zeros(reconstruction), torch.zeros(kl))


def test_a_collapsed_latent_is_not_in_use() -> None:
    model = Toy(TWO.to_pixels, F.pad(TWO.to_latent[:, :1], (0, 1)))
    assert active_units(model.encode(EVERY_IMAGE)[0]).tolist() == [True, False]
