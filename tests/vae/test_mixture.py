"""Chapter 3's mixtures of Gaussians: fitted by expectation-maximisation, or trained along."""

from __future__ import annotations

import math

import pytest
import torch
from sentences import assert_one_sentence
from torch import Tensor
from torch.distributions import Normal

from aigc_utils import vae
from aigc_utils.vae import mixture as fitting


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def islands(count: int = 4000) -> Tensor:
    """Returns points of two bells, a third of them around (4, 0) and the others around (-2, 1)."""
    points = torch.randn(count, 2, generator=seeded(1)) * torch.tensor([0.5, 1.0])
    points[: count // 3] += torch.tensor([4.0, 0.0])
    points[count // 3 :] += torch.tensor([-2.0, 1.0])
    return points


def standard(dimensions: int) -> vae.Mixture:
    zeros, eye = torch.zeros(1, dimensions), torch.eye(dimensions)[None]
    return vae.Mixture(torch.ones(1), zeros, eye)


def test_one_bell_is_the_normal_distribution() -> None:
    z = torch.randn(50, 5, generator=seeded())
    torch.testing.assert_close(standard(5).log_prob(z), Normal(0, 1).log_prob(z).sum(1))


def test_a_mixtures_density_is_the_weighted_sum_and_has_the_total_one() -> None:
    weights = torch.tensor([0.25, 0.75])
    means, covariances = torch.tensor([[-1.0], [2.0]]), torch.tensor([[[0.25]], [[4.0]]])
    mixture = vae.Mixture(weights, means, covariances)
    z = torch.linspace(-12, 14, 5201)
    by_hand = 0.25 * Normal(-1, 0.5).log_prob(z).exp() + 0.75 * Normal(2, 2).log_prob(z).exp()
    density = mixture.log_prob(z[:, None]).exp()
    torch.testing.assert_close(density, by_hand)
    assert torch.trapezoid(density, z) == pytest.approx(1, abs=1e-4)


def test_fitting_finds_the_bells() -> None:
    mixture = vae.fit_mixture(islands(), 2, seeded())
    left, right = mixture.means[:, 0].argsort()
    torch.testing.assert_close(mixture.weights[right].item(), 1 / 3, atol=0.01, rtol=0)
    torch.testing.assert_close(mixture.means[right], torch.tensor([4.0, 0.0]), atol=0.1, rtol=0)
    torch.testing.assert_close(mixture.means[left], torch.tensor([-2.0, 1.0]), atol=0.1, rtol=0)
    covariance = mixture.roots[left] @ mixture.roots[left].T
    torch.testing.assert_close(
        covariance, torch.tensor([[0.25, 0.0], [0.0, 1.0]]), atol=0.08, rtol=0
    )


def test_each_round_makes_the_codes_more_probable() -> None:
    codes = islands()
    heights = [
        vae.fit_mixture(codes, 5, seeded(), rounds=rounds).log_prob(codes).mean().item()
        for rounds in (1, 2, 4, 8)
    ]
    assert heights == sorted(heights)


def test_one_bell_has_the_codes_mean_and_covariance() -> None:
    codes = islands()
    one = vae.fit_mixture(codes, 1, seeded(), rounds=1)
    torch.testing.assert_close(one.means[0], codes.mean(0))
    torch.testing.assert_close(one.roots[0] @ one.roots[0].T, torch.cov(codes.T), rtol=5e-3, atol=0)


def test_samples_have_the_mixtures_mean_and_repeat() -> None:
    mixture = vae.fit_mixture(islands(), 2, seeded())
    drawn = mixture.sample(20_000, seeded(3))
    assert drawn.shape == (20_000, 2)
    assert torch.equal(drawn, mixture.sample(20_000, seeded(3)))
    torch.testing.assert_close(drawn.mean(0), islands().mean(0), atol=0.1, rtol=0)
    assert ((drawn[:, 0] > 1.5).float().mean() - 1 / 3).abs() < 0.02


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_scale_of_the_codes_does_not_matter(scale: float) -> None:
    codes = islands(600)
    plain, scaled = (vae.fit_mixture(c, 3, seeded()) for c in (codes, scale * codes))
    torch.testing.assert_close(scale * plain.means, scaled.means, rtol=1e-3, atol=1e-3 * scale)


def test_all_shares_come_from_one_product_of_matrices() -> None:
    fit = vae.fit_mixture(islands(), 3, seeded())
    product = fitting._products(islands()) @ fitting._factors(fit).T
    torch.testing.assert_close(product, fit.log_parts(islands()), rtol=1e-4, atol=1e-3)


def test_codes_in_many_parts_give_the_same_mixture(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = vae.fit_mixture(islands(), 3, seeded())
    monkeypatch.setattr(fitting, "TOGETHER", 700 * 7)
    parts = vae.fit_mixture(islands(), 3, seeded())
    torch.testing.assert_close(parts.means, whole.means)
    torch.testing.assert_close(parts.roots, whole.roots)


def test_one_code_far_away_and_dimensions_that_are_nearly_one_are_fitted() -> None:
    """Both are differences of large numbers."""
    codes = torch.randn(60_000, 3, generator=seeded(2))
    codes[0] = 1e4
    far = vae.fit_mixture(codes, 2, seeded(1), rounds=5)
    assert far.log_prob(codes).isfinite().all()
    line = torch.randn(4000, 1, generator=seeded(3))
    codes = torch.cat([line, line + 1e-4 * torch.randn(4000, 1, generator=seeded(4))], 1)
    both = vae.fit_mixture(codes, 2, seeded(), rounds=3).means
    torch.testing.assert_close(both[:, 0], both[:, 1], atol=1e-3, rtol=0)


def test_where_the_codes_lie_and_how_narrow_a_bell_is_does_not_matter() -> None:
    """A covariance is a difference of large numbers, which must not eat it up."""
    away = torch.tensor([300.0, -200.0])
    codes = torch.cat([islands(900), 0.05 * torch.randn(900, 2, generator=seeded(5)) + 6])
    near, far = (vae.fit_mixture(c, 3, seeded(1)) for c in (codes, codes + away))
    torch.testing.assert_close(far.means - away, near.means, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(far.roots, near.roots, atol=1e-3, rtol=1e-2)
    narrow = near.roots[(near.means - 6).norm(dim=1).argmin()]
    wide = torch.cov(codes.T) * fitting.LEAST  # what `fit_mixture` adds
    expected = 0.05**2 * torch.eye(2) + wide
    torch.testing.assert_close(narrow @ narrow.T, expected, rtol=0.15, atol=3e-4)


def test_a_dead_dimension_and_an_idle_bell_leave_the_fit_whole() -> None:
    codes = torch.cat([islands(300), torch.zeros(300, 1)], 1)
    found = vae.fit_mixture(codes, 40, seeded()).log_prob(codes)
    assert found.isfinite().all()


def learned(size: int, dimensions: int) -> vae.LearnedMixture:
    """Returns a mixture whose numbers have left their beginnings."""
    mixture = vae.LearnedMixture(size, dimensions, seeded())
    torch.manual_seed(1)
    with torch.no_grad():
        for part in mixture.parameters():
            part.add_(0.5 * torch.randn_like(part))
    return mixture


def test_a_learned_mixture_is_one_of_bells_along_the_axes() -> None:
    found = learned(4, 3)
    weights, widths = found.logits.softmax(0), found.log_widths.exp()
    z = 2 * torch.randn(50, 3, generator=seeded(2))
    bells = Normal(found.means, widths).log_prob(z[:, None]).sum(2)  # (50, 4)
    by_hand = (weights * bells.exp()).sum(1).log()
    torch.testing.assert_close(found.log_prob(z), by_hand)
    same = found.as_mixture()
    torch.testing.assert_close(same.log_prob(z), by_hand)
    with torch.no_grad():
        found.means.add_(1.0)
    torch.testing.assert_close(same.log_prob(z), by_hand, msg="it no longer learns")


def test_a_learned_mixture_is_right_for_narrow_bells_far_from_zero() -> None:
    found = vae.LearnedMixture(10, 20, seeded())
    with torch.no_grad():
        found.means.copy_(torch.randn(10, 20, generator=seeded(3)).clamp(-2.5, 2.5) * 2)
        found.log_widths.fill_(math.log(0.1))
        z = found.means + 0.1 * torch.randn(10, 20, generator=seeded(4))
        exact = vae.LearnedMixture(10, 20, seeded()).double()
        exact.load_state_dict(found.state_dict())
        torch.testing.assert_close(
            found.log_prob(z).double(), exact.log_prob(z.double()), atol=0.01, rtol=0
        )


def test_a_learned_mixture_begins_as_wide_as_the_standard_normal() -> None:
    found = vae.LearnedMixture(20_000, 2, seeded())
    with torch.no_grad():
        variance = found.means.var(0) + (2 * found.log_widths).exp().mean(0)
    torch.testing.assert_close(variance, torch.ones(2), rtol=0.02, atol=0)
    again, other = (vae.LearnedMixture(3, 2, seeded(seed)) for seed in (0, 1))
    assert torch.equal(again.means, vae.LearnedMixture(3, 2, seeded()).means)
    assert not torch.equal(again.means, other.means)


@pytest.mark.parametrize("shape", [(5,), (5, 2), (5, 4), (2, 5, 3)])
def test_codes_of_another_width_than_a_learned_mixtures_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"codes must have shape \(N, 3\)") as caught:
        learned(4, 3).log_prob(torch.zeros(shape))
    assert_one_sentence(caught)


@pytest.mark.parametrize(
    ("sizes", "name"), [((0, 3), "size"), ((4, 0), "latent_dim"), ((-1, 3), "size")]
)
def test_a_learned_mixture_of_nothing_is_refused(sizes: tuple[int, int], name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} ") as caught:
        vae.LearnedMixture(*sizes, seeded())
    assert_one_sentence(caught)


def test_a_prior_that_fits_saves_what_the_misfit_costs() -> None:
    codes = islands()
    plain = standard(2).log_prob(codes)
    saved = (vae.fit_mixture(codes, 2, seeded()).log_prob(codes) - plain).mean()
    true = torch.stack(
        [
            math.log(w) + Normal(m, torch.tensor([0.5, 1.0])).log_prob(codes).sum(1)
            for w, m in ((1 / 3, torch.tensor([4.0, 0.0])), (2 / 3, torch.tensor([-2.0, 1.0])))
        ]
    ).logsumexp(0)
    misfit = (true - plain).mean()
    assert saved == pytest.approx(misfit.item(), abs=0.02)


@pytest.mark.parametrize(
    ("codes", "size", "rounds", "message"),
    [
        (torch.zeros(10, 2), 0, 1, "^size must be a whole number from 1 to 10"),
        (torch.zeros(10, 2), 11, 1, "^size must be a whole number from 1 to 10"),
        (torch.zeros(10, 2), 1, 0, "^rounds must be a whole number of at least 1"),
        (torch.zeros(10), 1, 1, r"^codes must have shape \(N, D\)"),
        (torch.zeros(1, 2), 1, 1, "N at least 2"),
        (torch.full((10, 2), math.nan), 1, 1, "^codes must be finite"),
        ([[0.0, 1.0]], 1, 1, "^codes must be a tensor"),
    ],
)
def test_what_no_mixture_fits_is_refused(
    codes: Tensor, size: int, rounds: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        vae.fit_mixture(codes, size, seeded(), rounds)


def _parts(**changed: Tensor) -> dict[str, Tensor]:
    right = {"weights": torch.tensor([0.25, 0.75]), "means": torch.zeros(2, 2)}
    return {**right, "covariances": torch.eye(2).repeat(2, 1, 1), **changed}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"weights": torch.tensor([1.0, 2.0])}, "add up to 1, not to 3"),
        ({"weights": torch.tensor([-0.5, 1.5])}, "0 or more"),
        ({"weights": torch.tensor([math.nan, 1.0])}, "weights must be finite"),
        ({"means": torch.zeros(2, 3)}, "covariances"),
        ({"means": torch.zeros(1, 2)}, "covariances"),
        ({"covariances": -torch.eye(2).repeat(2, 1, 1)}, "positive definite"),
        ({"covariances": torch.tensor([[1.0, 0.5], [0.0, 1.0]]).repeat(2, 1, 1)}, "symmetric"),
    ],
)
def test_what_is_no_mixture_is_refused(changed: dict[str, Tensor], says: str) -> None:
    vae.Mixture(**_parts())
    with pytest.raises(ValueError, match=says) as caught:
        vae.Mixture(**_parts(**changed))
    assert_one_sentence(caught)


@pytest.mark.parametrize(
    ("z", "says"),
    [
        (torch.zeros(3, 1), "shape"),  # would silently be repeated
        (torch.zeros(2), "shape"),
        (torch.tensor([[math.nan, 0.0]]), "finite"),
    ],
)
def test_codes_that_a_mixture_does_not_know_are_refused(z: Tensor, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        standard(2).log_prob(z)
    assert_one_sentence(caught)
    with pytest.raises(ValueError, match="count"):
        standard(2).sample(0, seeded())


@pytest.mark.parametrize(
    ("codes", "says"),
    [(torch.zeros(50, 2), "must differ"), (torch.ones(50, 2, dtype=torch.int64), "floats")],
)
def test_codes_that_no_bell_fits_are_refused(codes: Tensor, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        vae.fit_mixture(codes, 2, seeded())
    assert_one_sentence(caught)
