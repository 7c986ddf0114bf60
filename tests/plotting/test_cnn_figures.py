"""What the figures of chapter 1 say is computed from what they draw."""

from __future__ import annotations

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
    picture = plotting.shift_curves(SHIFTS, {"net": accuracies}, trained=1)
    assert title(picture) == f"90 % right: net {told}"
    assert f"net, at least 90 percent {told}, {accuracies[0]:.0f} percent at -2" in picture.alt


def test_the_title_of_shifts_names_the_worst_and_the_best() -> None:
    perfect, moderate, poor = [99.0] * 5, [50.0, 95.0, 99.0, 95.0, 50.0], [10.0] * 5
    nets = {"a": moderate, "b": perfect, "c": poor}
    picture = plotting.shift_curves(SHIFTS, nets, trained=1)
    assert title(picture) == "90 % right: c at no shift,\nb up to 2 pixels"


def test_all_of_the_most_frequent_errors_are_told() -> None:
    matrix = torch.diag(torch.full((10,), 90))
    matrix[4, 9] = 7
    once = plotting.confusion(matrix, torch.rand(1, 28, 28), ["4 read as 9"])
    assert "the most frequent, with 7: 4 read as 9. Beside it" in once.alt
    matrix[6, 0] = 7
    tie = plotting.confusion(matrix, torch.rand(1, 28, 28), ["4 read as 9"])
    assert "the most frequent, with 7: 4 read as 9, 6 read as 0. Beside it" in tie.alt
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
    picture = plotting.reliability({"net": bins})
    assert f"net, mean gap 9.0 percentage points, on the whole {told}confident" in picture.alt
    assert "mean gap 9.0 points" in picture.figure.axes[0].get_title()


def history(loss: float, accuracy: float, held: float = 80.0) -> History:
    """Returns a run of three steps that ends as it is told."""
    metrics = {"accuracy": [50.0, accuracy], "train": [60.0, accuracy], "held": [60.0, held]}
    return History(losses={"loss": [loss] * 3}, metrics=metrics, evaluated_at=[1, 3])


def test_the_curves_of_seeds_say_where_they_end() -> None:
    picture = plotting.seed_curves([history(0.61, 98.7), history(0.65, 98.9), history(0.6, 98.8)])
    assert title(picture) == "3 seeds end at 98.70 to 98.90 %"
    assert "3 seeds fall to 0.60 to 0.65 nats" in picture.alt
    assert "end at 97.00 to 97.00 percent" in plotting.seed_curves([history(0.6, 97.0)]).alt
    with pytest.raises(KeyError, match="accuracy"):
        plotting.seed_curves([History(losses={"loss": [1.0]})])


def test_the_gap_between_seen_and_new_images_is_told() -> None:
    runs = {"plain": history(0.1, 100.0, 92.5), "shifted": history(0.1, 99.0, 96.0)}
    picture = plotting.augmentation_gap(runs, images=300)
    assert [axes.get_title() for axes in picture.figure.axes] == [
        "plain: gap 7.5 points",
        "shifted: gap 3.0 points",
    ]
    assert "on 300 training images" in picture.alt
    assert "plain, 100.0 against 92.5 percent; shifted, 99.0 against 96.0 percent" in picture.alt


@pytest.mark.parametrize(("last", "times"), [(2.0, 50), (10.0, 10)])
def test_the_ladder_says_how_much_faster_its_last_rung_is(last: float, times: int) -> None:
    rungs = [
        {"name": name, "seconds": seconds, "accuracy": 99.0}
        for name, seconds in (("listing", 100.0), ("short", 1.5), ("course", last))
    ]
    picture = plotting.ladder(rungs)
    assert title(picture) == f"The last rung is {times} times as fast as the first"
    assert f"the last rung is {times} times as fast as the first" in picture.alt


def test_feature_maps_are_told_by_where_they_answer() -> None:
    image = torch.zeros(12, 12)
    image[4:8, 4:8] = 1
    around = torch.zeros(12, 12)
    around[3:9, 3:9] = 1
    filters = torch.rand(3, 5, 5)
    picture = plotting.feature_maps(filters, image, torch.stack([around, 1 - around, around]))
    assert "2 of 3 answer more strongly around the digit's ink" in picture.alt
    assert "1 answer on the empty paper too" in picture.alt
    everywhere = plotting.feature_maps(filters, image, around.expand(3, 12, 12) + 0.2)
    assert "3 of 3 answer" in everywhere.alt
    assert "3 answer on the empty paper too" in everywhere.alt


def test_the_share_of_the_middle_of_a_field_is_measured() -> None:
    influence = torch.zeros(28, 28)
    influence[4:12, 6:14] = 1  # a field of 8 by 8, its middle 4 by 4
    even = plotting.receptive_fields(torch.rand(28, 28), {"first": 8}, influence)
    assert "the middle 4 by 4 of 8 by 8 pixels have 25 percent of it" in even.alt
    influence[6:10, 8:12] = 9
    peaked = plotting.receptive_fields(torch.rand(28, 28), {"first": 8}, influence)
    assert "4 by 4 of 8 by 8 pixels have 75 percent of it" in peaked.alt
    assert "4 × 4 pixels have 75 %" in peaked.figure.axes[-1].get_title()


def test_the_ends_of_descent_paths_stand_over_them() -> None:
    paths = {"far": torch.tensor([[-2.0, 1.0], [0.3, 0.4]]), "near": torch.zeros(2, 2)}
    picture = plotting.descent_paths(paths, (1.0, 9.0))
    assert [axes.texts[0].get_text() for axes in picture.figure.axes] == [
        "ends 0.50 from the minimum",
        "ends 0.00 from the minimum",
    ]


def test_the_drawing_of_layers_counts_pixels_and_classes() -> None:
    drawing = plotting.layers_drawing(torch.rand(8, 8), torch.tensor([0.1, 0.7, 0.2]))
    titles = [axes.get_title() for axes in drawing.figure.axes]
    assert titles[0] == "input layer\n64 pixels"
    assert titles[-1] == "output layer\n3 classes"
    assert "the bar of digit 1 is the longest, with probability 0.70" in drawing.alt
