"""Chapter 3's figures of codes and priors: their titles and texts say what is drawn."""

from __future__ import annotations

import pytest
import torch

from aigc_utils import plotting

Z = torch.linspace(-4, 4, 161)
PLANE = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
DIGITS = torch.arange(400) % 4


def bell(mean: float, std: float) -> torch.Tensor:
    return torch.distributions.Normal(mean, std).log_prob(Z).exp()


def title(picture: plotting.Picture) -> str:
    own = [axes.get_title() for axes in picture.figure.axes]
    return picture.figure.get_suptitle() or next(filter(None, own))


def test_bayes_bells_say_where_each_is_highest() -> None:
    picture = plotting.bayes_bells(Z, bell(0, 1), bell(2, 1), bell(1, 0.7))
    assert title(picture) == "The posterior lies between prior and likelihood"
    assert "the posterior p(z | x) is highest at 1.00" in picture.alt
    beside = plotting.bayes_bells(Z, bell(0, 1), bell(2, 1), bell(3, 0.7))
    assert title(beside) == "Bayes' rule at one x"


def test_decoded_codes_are_ordered_and_compared() -> None:
    images = {name: torch.zeros(3, 1, 28, 28) for name in ("prior", "draws", "real")}
    distances = {"prior": (30.0, 0.5), "draws": (3.0, 0.1), "real": (0.2, 0.01)}
    picture = plotting.decoded_codes(images, distances)
    assert title(picture) == "prior: 10 times as far from real images as draws"
    assert "real, 0.2; draws, 3.0; prior, 30.0" in picture.alt


def test_prior_maps_say_what_the_better_prior_saves() -> None:
    flat = torch.ones(9, 9).cumsum(0)
    picture = plotting.prior_maps(
        PLANE, {"prior": flat, "mixture": flat}, {"prior": -2.9, "mixture": -2.4}, reach=3.0
    )
    assert title(picture) == "The mixture fits the codes better by 0.50 nats"


@pytest.mark.parametrize(
    ("mixture", "says"),
    [
        (2.0, "The prior's samples are 4.5 to 45 times as far as the mixture's"),
        (50.0, "The mixture is nearer than the prior for 1 of 2 models"),
    ],
)
def test_fitted_priors_say_for_how_many_models_a_fit_helps(mixture: float, says: str) -> None:
    arms = {
        name: {"prior": [prior] * 3, "mixture": [mixture] * 3, "reconstructions": [1.0] * 3}
        for name, prior in (("noise and KL", 9.0), ("neither", 90.0))
    }
    picture = plotting.fitted_priors(arms, floor=0.14)
    assert title(picture) == says
    assert "noise and KL: prior 9, " in picture.alt


def test_rate_distortion_names_the_least_sum() -> None:
    picture = plotting.rate_distortion(
        [0.5, 1, 2], [[30.0, 31.0], [24.0], [18.0]], [[70.0, 71.0], [76.0], [85.0]]
    )
    assert title(picture) == "The sum of rate and distortion is least at β = 1"
    assert "beta 0.5, 30.5 and 70.5, in all 101.0" in picture.alt
    with pytest.raises(ValueError, match="betas must contain 1"):
        plotting.rate_distortion([2.0], [[1.0]], [[1.0]])


def test_means_and_draws_name_the_greyest() -> None:
    grey = {"image": 4.0, "decoder's mean": 8.2, "draw": 0.0}
    picture = plotting.means_and_draws(*torch.zeros(3, 4, 1, 28, 28), grey)
    assert title(picture) == "The most grey stands in the decoder's mean"
    assert "decoder's mean 8.2 percent" in picture.alt


def test_the_map_tells_who_keeps_to_himself() -> None:
    codes = PLANE / 9 + torch.tensor([[2.0, 0], [-2.0, 0], [0, 2.0], [0, 2.0]])[DIGITS]
    picture = plotting.latent_map(codes, DIGITS, torch.rand(3, 3, 28, 28), reach=3.0)
    assert "0 100, 1 100, " in picture.alt


def test_costs_out_of_view_are_drawn_apart() -> None:
    picture = plotting.kl_per_dimension({"VAE": torch.tensor([3.0, 0.5, 0.002, 1e-7])})
    assert "3.5 nats in all, 1 of 4 dimensions above one nat and 2 above the line" in picture.alt
    marks = [line.get_marker() for line in picture.figure.axes[0].lines if len(line.get_xdata())]
    assert marks.count("v") == 1


def test_the_arm_nearest_to_the_prior_is_named() -> None:
    codes = {"both": PLANE, "neither": 9 * PLANE}
    assert title(plotting.aggregate_posterior(codes)) == "Nearest to the prior: both"
    assert title(plotting.aggregate_posterior(codes, "Two arms")) == "Two arms"


def test_sources_that_could_not_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="1 to 4 sources beside the first"):
        plotting.fitted_priors({"VAE": {name: [1.0] for name in "abcdef"}}, floor=0.1)
    with pytest.raises(ValueError, match="at least two sources of images"):
        plotting.decoded_codes({"prior": torch.zeros(3, 1, 28, 28)}, {"prior": (30.0, 0.5)})
    with pytest.raises(ValueError, match="each with its distance"):
        plotting.decoded_codes(
            dict.fromkeys(("prior", "draws"), torch.zeros(3, 1, 28, 28)), {"prior": (30.0, 0.5)}
        )
