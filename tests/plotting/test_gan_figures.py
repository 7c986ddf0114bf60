"""Chapter 2's figures: titles and texts say what is drawn, whatever it is."""

from __future__ import annotations

import pytest
import torch

from aigc_utils import evaluation, plotting
from aigc_utils.plotting import GameState, Picture

EVEN = torch.full((10,), 0.1)
X = torch.linspace(-3, 3, 61)
BELL = (-(X**2) / 2).exp()


def title(picture: Picture, axes: int = 0) -> str:
    """Returns the title of one of a picture's panels."""
    return picture.figure.axes[axes].get_title()


def test_class_bars_name_the_images_that_lack_most_digits() -> None:
    one = torch.zeros(10)
    one[8] = 1.0
    collapsed = plotting.class_bars({"real": EVEN, "article's GAN": one})
    assert title(collapsed) == "Article's GAN: 9 of 10 digits have less than 2 % of the images"
    assert "article's GAN, from 0.0 percent for digit 0 to 100.0 for digit 8" in collapsed.alt
    skewed = torch.tensor([0.145, 0.055] + [0.1] * 8)
    complete = plotting.class_bars({"real": EVEN, "course's GAN": skewed})
    assert title(complete) == "No digit is missing: each has at least 5.5 % of the images"
    assert "course's GAN, from 5.5 percent for digit 1 to 14.5 for digit 0" in complete.alt


def test_the_lines_over_the_sizes_end_at_what_infinitely_many_images_would_score() -> None:
    sizes = [500, 1000, 10_000]
    rising = {"course's GAN": [7 + 1000 / n for n in sizes], "real": [2000 / n for n in sizes]}
    picture = plotting.sample_size_bias(sizes, rising)
    assert title(picture) == "The lines end at 7.0 (course's GAN) and 0.0 (real)"
    assert "real: 4.0 from 500 images, 0.2 from 10,000 images; the line ends at 0.0." in picture.alt
    # 10,000 would stand in the way of infinity, and nothing ends at "-0.0".
    (axes,) = picture.figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["∞", "1,000", "500"]
    below = plotting.sample_size_bias(sizes, {"real": [2000 / n - 0.04 for n in sizes]})
    assert title(below) == "The lines end at 0.0 (real)"


@pytest.mark.parametrize(
    ("stretch", "found"), [(1.0, "circles"), (0.5, "leads in"), (2.0, "leads out")]
)
def test_a_game_of_numbers_says_where_it_leads(stretch: float, found: str) -> None:
    turn = torch.linspace(0, 6, 50)
    circle = torch.stack([turn.cos(), turn.sin()], 1)
    picture = plotting.number_game({"plain": circle * torch.linspace(1, stretch, 50)[:, None]})
    assert title(picture) == f"plain:\n{found}"
    assert f"plain, it {found}, from 1.00 to {stretch:.2f}." in picture.alt


@pytest.mark.parametrize(
    ("shrink", "found"),
    [
        (0.5, "The straight way cuts inside"),
        (1.0, "The straight way stays outside"),
    ],
)
def test_the_title_of_latent_norms_follows_the_straight_way(shrink: float, found: str) -> None:
    random = torch.randn(2000, 9, generator=torch.Generator().manual_seed(0))
    arc = torch.eye(9)[:5] * 3
    picture = plotting.latent_norms(random, arc * shrink, arc)
    assert title(picture) == found
    assert title(picture, 1) == "random, 9 dimensions"
    assert f"the shortest is {3 * shrink:.1f} long" in picture.alt
    assert "between 3.0 and 3.0" in picture.alt


def test_the_text_of_the_best_discriminator_says_how_near_the_trained_one_is() -> None:
    other = BELL.roll(8)
    best = BELL / (BELL + other)
    exact = plotting.optimal_discriminator(X, BELL, {"close": other}, {"close": best})
    assert "a trained one is 0.000 from it on average" in exact.alt
    off = plotting.optimal_discriminator(X, BELL, {"close": other}, {"close": best + 0.25})
    assert "a trained one is 0.250 from it on average" in off.alt
    assert (
        off.figure.get_suptitle()
        == "Trained discriminators lie at most 0.250 from the best on average"
    )


def test_the_text_of_the_maps_says_where_the_discriminator_is_sure() -> None:
    points, half = torch.zeros(4, 2), torch.full((4, 4), 0.5)
    steep = half.clone()
    steep[:1], steep[1:3] = 0.97, 0.02
    runs = {
        "plain": [GameState(50, points, points, steep, 1, 0.125, torch.ones(4, 2))],
        "gentle": [GameState(50, points, points, half, 8, 0.5, torch.eye(2).repeat(2, 1))],
    }
    alt = plotting.game_maps(runs).alt
    assert "covered: plain, 1 at step 50; gentle, 8 at step 50." in alt
    assert "plain, 12 percent of the points on clusters" in alt
    assert "above 0.9 on 75 percent of the map, and directions of the pulls with a mean of" in alt
    assert "of length 1.00; gentle, 50 percent of the points" in alt
    assert alt.endswith(
        "above 0.9 on 0 percent of the map, and directions of the pulls with a mean of length 0.71."
    )


def test_pulls_in_all_directions_cancel() -> None:
    ways = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0], [0.0, -4.0]])
    assert plotting.one_way(ways) == pytest.approx(0)
    assert plotting.one_way(ways.abs().sum(1, keepdim=True) * ways[:1]) == pytest.approx(1)


def test_neighbourhoods_count_as_the_measures_do() -> None:
    rng = torch.Generator().manual_seed(0)
    real, fake = torch.randn(30, 2, generator=rng), 0.4 * torch.randn(20, 2, generator=rng)
    picture = plotting.neighbourhoods(real, fake, k=3)
    precision, recall = evaluation.precision_recall(real, fake, k=3)
    assert f"precision: {round(20 * precision)} of 20 generated points lie in real" in picture.alt
    assert f"recall: {round(30 * recall)} of 30 real points lie in generated" in picture.alt
    assert title(picture, 1).startswith(f"recall: {round(30 * recall)} of 30 real points")


def test_the_title_of_an_ablation_names_the_largest_step() -> None:
    rows = [
        {"name": name, "frechet": [distance] * 3, "coverage": [0.5] * 3}
        for name, distance in (
            ("first", 80.0),
            ("+ much", 20.0),
            ("+ little", 16.0),
            ("other", 1.0),
        )
    ]
    shown = plotting.ablation(rows).figure.get_suptitle()
    assert shown == "“+ much” brings most: the distance falls to 1 / 4.0"
    assert plotting.ablation(rows[:1]).figure.get_suptitle() == ""
