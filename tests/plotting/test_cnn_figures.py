"""What the figures of chapter 1 say is computed from what they draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from aigc_utils import data, plotting
from aigc_utils.evaluation import Calibration
from aigc_utils.history import History
from aigc_utils.plotting import Picture

SHIFTS = [-2, -1, 0, 1, 2]


def title(picture: Picture) -> str:
    """Returns the title over the whole figure, or over its first axes."""
    return picture.figure.get_suptitle() or picture.figure.axes[0].get_title()


@pytest.mark.parametrize(
    ("accuracies", "told"),
    [
        ([91.0, 95.0, 99.0, 95.0, 90.0], "up to 2 pixels"),
        ([91.0, 95.0, 99.0, 80.0, 95.0], "up to 0 pixels"),
        ([20.0, 95.0, 99.0, 90.0, 91.0], "up to 1 pixel"),
        ([95.0, 95.0, 89.0, 95.0, 95.0], "at no shift"),
    ],
)
def test_the_shift_that_a_network_masters_is_the_same_to_both_sides(
    accuracies: list[float], told: str
) -> None:
    picture = plotting.shift_curves(SHIFTS, {"net": [accuracies]}, trained=1)
    assert title(picture) == f"90 % right: net {told}"
    assert f"net, at least 90 percent {told}, {accuracies[0]:.0f} percent at -2" in picture.alt


def test_names_of_curves_that_end_together_stand_apart() -> None:
    ends = {"a": 97.0, "b": 30.0, "c": 98.0, "d": 97.0}
    nets = {name: [[90.0, 95.0, 99.0, 95.0, end]] for name, end in ends.items()}
    axes = plotting.shift_curves(SHIFTS, nets, trained=1).figure.axes[0]
    heights = [text.get_position()[1] for text in axes.texts if text.get_text() in nets]
    assert len(heights) == 4
    pairs = [(a, b) for i, a in enumerate(heights) for b in heights[:i]]
    assert all(abs(a - b) >= 6 for a, b in pairs)
    assert all(abs(a - b) <= 12 for a, b in zip(heights, ends.values(), strict=True))


def test_the_title_of_shifts_names_the_worst_and_the_best() -> None:
    perfect, moderate, poor = [99.0] * 5, [50.0, 95.0, 99.0, 95.0, 50.0], [10.0] * 5
    nets = {"a": [moderate], "b": [perfect, perfect], "c": [poor]}
    picture = plotting.shift_curves(SHIFTS, nets, trained=1)
    assert title(picture) == "90 % right: c at no shift,\nb up to 2 pixels"


def test_all_of_the_most_frequent_errors_are_told() -> None:
    matrix = torch.diag(torch.full((10,), 90))
    matrix[4, 9] = 7
    once = plotting.confusion(matrix, torch.rand(1, 28, 28), ["4 taken for 9"])
    assert "the most frequent, with 7: 4 taken for 9. Beside it" in once.alt
    matrix[6, 0] = 7
    tie = plotting.confusion(matrix, torch.rand(1, 28, 28), ["4 taken for 9"])
    assert "the most frequent, with 7: 4 taken for 9, 6 taken for 0. Beside it" in tie.alt
    assert tie.alt.startswith("A ten by ten table of errors, 14 in all")


def test_an_own_digit_is_told_with_its_light_its_size_and_its_reading() -> None:
    photo = torch.full((80, 64), 0.9)
    photo[-20:, :20] = 0.4
    digit = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    digit[0, 0, 4:24, 9:21] = 200
    ink = torch.zeros(80, 64)
    ink[:8] = 0.5
    probabilities = torch.tensor([0.02, 0.0, 0.0, 0.08, 0.0, 0.0, 0.0, 0.9, 0.0, 0.0])
    picture = plotting.own_digit(data.ImageSteps(photo, ink, digit), probabilities)
    assert title(picture) == "Read as 7, with probability 0.90"
    assert [axes.get_title().split("\n")[-1] for axes in picture.figure.axes[:3]] == [
        "80 × 64 pixels",
        "10 % of the pixels",
        "28 × 28 pixels",
    ]
    assert "with corners of 40 to 90 percent of white" in picture.alt
    assert "in 28 × 28 pixels, where it fills 20 × 12" in picture.alt
    assert "the longest that of 7, with probability 0.90" in picture.alt
    for wrong in (10 * probabilities, probabilities[None], probabilities * float("nan")):
        with pytest.raises(ValueError, match="expects the probabilities"):
            plotting.own_digit(data.ImageSteps(photo, ink, digit), wrong)


@pytest.mark.parametrize(("confidence", "told"), [(0.95, "over"), (0.75, "under")])
def test_calibration_is_told_with_its_direction(confidence: float, told: str) -> None:
    bins = Calibration(
        torch.tensor([0.3, confidence]), torch.tensor([0.3, 0.85]), torch.tensor([1, 9]), 0.09
    )
    picture = plotting.reliability({"net": [bins]})
    assert f"net, mean gap 9.0 percentage points, on the whole {told}confident" in picture.alt
    assert "mean gap 9.0 points" in picture.figure.axes[0].get_title()


def test_the_calibration_of_several_seeds_is_told_with_its_span() -> None:
    values = torch.tensor([0.3, 0.9]), torch.tensor([0.3, 0.8]), torch.tensor([1, 90])
    runs = [Calibration(*values, error) for error in (0.05, 0.12, 0.08)]
    picture = plotting.reliability({"net": runs})
    assert picture.figure.axes[0].get_title() == "net\nmean gap 5.0 to 12.0 points"
    assert "pale where they hold fewer than 20" in picture.alt


def history(loss: float, accuracy: float, held: Sequence[float] = (0.5, 0.3)) -> History:
    """Returns a run of three steps that ends as it is told."""
    metrics = {"accuracy": [50.0, accuracy], "train": [0.5, 0.01], "held": [*held]}
    return History(losses={"loss": [loss] * 3}, metrics=metrics, evaluated_at=[1, 3])


def test_the_curves_of_seeds_say_where_they_end() -> None:
    runs = {"falling": [history(0.61, 98.7), history(0.6, 98.9)], "constant": [history(0.7, 97.0)]}
    picture = plotting.seed_curves(runs, floor=0.5)
    assert title(picture) == (
        "falling, 2 seeds: 98.70 to 98.90 % at the end\n"
        "constant, 1 seed: 97.00 to 97.00 % at the end"
    )
    assert "above a dotted line at 0.50 nats" in picture.alt
    assert "falling, 2 seeds: 98.70 to 98.90 percent at the end" in picture.alt
    with pytest.raises(KeyError, match="accuracy"):
        plotting.seed_curves({"a": [History(losses={"loss": [1.0]})]}, floor=0.5)


def test_a_held_back_loss_that_rises_is_told() -> None:
    runs = {
        "plain": [history(0.1, 99.0, (0.2, 0.6)), history(0.1, 99.0, (0.4, 0.8))],
        "shifted": [history(0.1, 99.0, (0.5, 0.25))],
    }
    picture = plotting.generalisation(runs, images=300)
    assert [axes.get_title() for axes in picture.figure.axes] == [
        "plain:\n0.70 held back at the end",
        "shifted:\n0.25 held back at the end",
    ]
    assert "on 300 training images" in picture.alt
    assert "plain, held back 0.30 at the lowest and 0.70 at the end, training 0.010" in picture.alt


@pytest.mark.parametrize(("last", "times"), [(2.0, 50), (10.0, 10)])
def test_the_ladder_says_how_much_faster_its_last_rung_is(last: float, times: int) -> None:
    rungs = [
        {"name": name, "seconds": seconds, "runs": [{"accuracy": a} for a in (98.0, accuracy)]}
        for name, seconds, accuracy in (("listing", 100.0, 99.0), ("course", last, 98.2))
    ]
    picture = plotting.ladder(rungs, margin=0.3)
    fast = f"{times} times as fast as the first"
    assert title(picture) == f"The last rung is {fast};\nmean accuracies are 98.10 to 98.50 %"
    assert f"The last rung is {fast}." in picture.alt
    assert f"course {last:.3g} s, 98.10." in picture.alt


def test_feature_maps_are_told_by_where_they_answer() -> None:
    image = torch.zeros(12, 12)
    image[4:8, 4:8] = 1
    around = torch.zeros(12, 12)
    around[3:9, 3:9] = 1
    filters = torch.rand(3, 5, 5)
    maps = torch.stack([around, 1 - around, around - 0.2])
    picture = plotting.feature_maps(filters, filters, image, maps)
    assert "2 of 3 answer more strongly around the digit's ink" in picture.alt
    assert "1 answer on the empty paper too" in picture.alt
    everywhere = plotting.feature_maps(filters, filters, image, around.expand(3, 12, 12) + 0.2)
    assert "3 of 3 answer" in everywhere.alt
    assert "3 answer on the empty paper too" in everywhere.alt


def test_how_far_training_turned_the_filters_is_told() -> None:
    before = torch.zeros(3, 2, 2)
    before[:, 0, 0] = 1
    after = torch.tensor([[1.0, 1.0, 0, 0], [0, 3.0, 0, 0], [-2.0, 0, 0, 0]]).view(3, 2, 2)
    picture = plotting.feature_maps(before, after, torch.rand(8, 8), torch.rand(3, 4, 4))
    assert title(picture) == "Training has turned these filters by 45° to 180°"
    assert "training has turned them by 45 to 180 degrees" in picture.alt


def test_a_digits_way_is_told_by_its_shapes() -> None:
    half = torch.tensor([1.0, -1.0]).view(2, 1, 1).expand(2, 4, 4)
    probabilities = torch.tensor([0.1, 0.7, 0.2])
    picture = plotting.journey(torch.rand(8, 6), {"first": half}, probabilities)
    assert title(picture) == "One image becomes 2 maps, and the answer 1: 70 % sure"
    assert "a digit of 8 by 6 pixels" in picture.alt
    assert "first, 2 maps of 4 by 4, 50 percent above zero" in picture.alt
    assert "the longest that of 1, at 0.70" in picture.alt
    titles = [axes.get_title() for axes in picture.figure.axes]
    assert titles == ["1 image\n8 × 6", "2 maps\n4 × 4", "3 scores\nas probabilities"]


def test_a_mosaic_holds_each_tile_once() -> None:
    picture = plotting.journey(
        torch.rand(8, 8), {"a": torch.arange(1.0, 6.0).view(5, 1, 1)}, torch.ones(3) / 3
    )
    (drawn,) = picture.figure.axes[1].images
    values = np.ma.compressed(drawn.get_array())
    assert sorted(values[np.isfinite(values)].tolist()) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_patches_are_told_by_how_much_of_a_row_is_one_digit() -> None:
    patches = torch.rand(2, 4, 5, 5)
    digits = torch.tensor([[7, 7, 7, 7], [1, 2, 1, 3]])
    picture = plotting.exciting_patches({"block 1": patches}, {"block 1": digits}, channels=9)
    assert title(picture) == "Of a channel's strongest patches one digit gives 75 %"
    assert "block 1, 5 by 5 pixels, 75 percent" in picture.alt


def test_a_kernels_parts_are_summed_over_all_channels() -> None:
    maps, kernel = torch.rand(3, 6, 6), torch.randn(3, 2, 2)
    parts = torch.randn(3, 5, 5)
    picture = plotting.channel_sum(maps, kernel, parts, shown=2)
    assert title(picture) == "One kernel has 3 slices, and one map comes out"
    assert picture.figure.axes[-1].get_xlabel() == "sum of all 3"
    drawn = picture.figure.axes[-1].images[0].get_array()
    assert np.allclose(drawn, parts.sum(0))
    assert "The first 2 of 3 channels" in picture.alt
    assert "its slice of 2 by 2 weights" in picture.alt


def test_the_ends_of_descent_paths_stand_over_them() -> None:
    paths = {"far": torch.tensor([[-2.0, 1.0], [0.3, 0.4]]), "near": torch.zeros(2, 2)}
    picture = plotting.descent_paths(paths, (1.0, 9.0))
    assert [axes.texts[0].get_text() for axes in picture.figure.axes] == [
        "ends 0.50 from the minimum",
        "ends 0.00 from the minimum",
    ]
    assert title(picture) == "Far ends farthest from the minimum"
