"""What chapter 5's figures say is computed from what they draw."""

from __future__ import annotations

import pytest
import torch

from aigc_utils import plotting
from aigc_utils.plotting.flow_workings import order_of

PLACES = torch.linspace(-3, 3, 61)
TIMES = torch.linspace(0, 1, 20)


def title(picture: plotting.Picture) -> str:
    own = [axes.get_title() for axes in picture.figure.axes]
    return picture.figure.get_suptitle() or next(filter(None, own))


@pytest.mark.parametrize(("ends", "crossed"), [([2.0, -2.0], True), ([-2.0, 2.0], False)])
def test_ways_cross_or_not(ends: list[float], crossed: bool) -> None:
    hills = torch.exp(-((PLACES[None] - 2) ** 2)) + torch.exp(-((PLACES[None] + 2) ** 2))
    ways = torch.lerp(torch.tensor([-1.0, 1.0]), torch.tensor(ends), TIMES[:, None])
    picture = plotting.density_with_ways(hills.expand(20, -1), PLACES, ways)
    assert (title(picture) == "Ways cross") is crossed
    assert "to 2 at time 1" in picture.alt
    with pytest.raises(ValueError, match="density"):
        plotting.density_with_ways(hills[0], PLACES, ways)


def test_errors_are_told_with_their_orders() -> None:
    steps = [5, 10, 20, 40]
    errors = {"euler": [1 / n for n in steps], "heun": [1 / n**2 for n in steps]}
    assert order_of(steps, errors["heun"]) == pytest.approx(2)
    picture = plotting.error_over_steps(steps, errors, {"euler": 1, "heun": 2})
    assert title(picture) == "heun's error falls faster"
    assert "order 1.0" in picture.alt
    assert "order 2.0" in picture.alt
    with pytest.raises(ValueError, match="at least two"):
        order_of([1], [1.0])


def test_a_plane_tells_how_bent_its_ways_are_and_where_arrows_point() -> None:
    centres = torch.tensor([[2.0, 0.0], [-2.0, 0.0]])
    ways = torch.lerp(torch.zeros(5, 2), torch.ones(5, 2), TIMES[:, None, None])
    picture = plotting.ways_in_the_plane({"first": (ways, 0.31), "second": (ways, 0.02)}, centres)
    assert "first, 0.31; second, 0.02" in picture.alt
    outward = plotting.velocity_field(centres, {"t = 0.9": centres, "t = 0.1": -centres}, centres)
    assert "point outward: 100 % at t = 0.9, 0 % at t = 0.1" in outward.alt
    assert title(outward) == "Arrows that point outward: 100 % at t = 0.9, 0 % at t = 0.1"


def test_four_ways_tell_how_the_clean_image_clears() -> None:
    rows = {"point": torch.zeros(2, 28, 28), "clean": torch.zeros(2, 28, 28)}
    rows["clean"][1] = 0.5
    picture = plotting.four_ways([0.1, 0.9], rows)
    assert "clears: its mean size is 0.00 at first and 0.50 at the end" in picture.alt
    rows["clean"] = rows["clean"].flip(0)
    assert "does not clear" in plotting.four_ways([0.1, 0.9], rows).alt
    with pytest.raises(ValueError, match="2 images"):
        plotting.four_ways([0.1, 0.9], {"point": torch.zeros(3, 28, 28)})


@pytest.mark.parametrize(
    ("recall", "says"),
    [([0.8, 0.5], "Guidance buys precision with recall"), ([0.5, 0.8], "Precision over recall")],
)
def test_guidance_tells_what_it_costs(recall: list[float], says: str) -> None:
    picture = plotting.guidance_curve([1.0, 2.0], [0.7, 0.9], recall, chosen=2.0)
    assert title(picture) == says
    assert f"1: 0.70 and {recall[0]:.2f}" in picture.alt
    with pytest.raises(ValueError, match="chosen"):
        plotting.guidance_curve([1.0], [0.7], [0.8], chosen=2.0)
