"""The words that say what a figure shows: computed, so that they hold whatever is drawn."""

from __future__ import annotations

import math

import pytest
import torch

from aigc_utils import plotting
from aigc_utils.history import History
from aigc_utils.plotting.words import counted, course, labels, number, quoted


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ([3, 2, 1], "falls from 3 to 1"),
        ([1.0, 1.5, 2.25], "rises from 1 to 2.25"),
        ([2, 1, 0, 1, 2], "falls from 2 to 0 at 2, then rises to 2"),
        ([0, 5, 1], "rises from 0 to 5 at 1, then falls to 1"),
        ([1.0, 1.001, 1.002], "stays near 1"),
        ([0.25], "stays near 0.25"),
        ([3.0, 0.95, 1.0], "falls from 3 to 1"),  # too small a turn for a word
    ],
)
def test_a_course_is_said_with_its_values(y: list[float], said: str) -> None:
    assert course(range(len(y)), y, span=3.0) == said


def test_times_are_said_without_values() -> None:
    assert course(range(3), [3, 2, 1], 2.0, values=False) == "falls"
    assert course(range(3), [3, 1, 2], 2.0, values=False) == "falls and then rises"
    assert course(range(3), [1, 1, 1], 2.0, values=False) == "stays level"


def test_what_a_busy_machine_bends_is_not_said_of_times() -> None:
    flat, steep = [40.0, 47.0, 44.0], [40.0, 33.0, 80.0]
    assert course(range(3), flat, 40.0, values=False) == "stays level"
    assert course(range(3), flat, 40.0) == "rises from 40 to 47 at 1, then falls to 44"
    assert course(range(3), steep, 47.0, values=False) == "rises"
    assert course(range(3), [40, 80, 50], 40.0, values=False) == "rises and then falls"


def test_a_logarithmic_axis_shows_small_turns() -> None:
    y = [1.0, 0.01, 0.1]
    assert course(range(3), y, math.log(100), log=True).endswith("then rises to 0.1")
    assert course(range(3), y, 0.99) == "falls from 1 to 0.1"


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (2.3456, "2.35"), (0.00123, "0.00123"), (1e-5, "1e-05")]
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_unequal_numbers_of_x_and_y_are_refused() -> None:
    with pytest.raises(ValueError, match="3 and 2 differ"):
        course([0, 1, 2], [1, 2], 1.0)
    with pytest.raises(ValueError, match="at least one"):
        plotting.curves({}, x_label="x", y_label="y")


def test_the_text_of_curves_follows_what_is_drawn() -> None:
    run = History(
        losses={"loss": [4.0, 2.0, 1.0]}, metrics={"held": [3.0, 1.5]}, evaluated_at=[1, 3]
    )
    lines = {"training": run.curve("loss"), "validation": run.curve("held")}
    assert lines["training"] == ([1, 2, 3], [4.0, 2.0, 1.0])
    assert lines["validation"] == ([1, 3], [3.0, 1.5])
    marks = {"uniform": 4.2}
    picture = plotting.curves(lines, x_label="step", y_label="loss (nats)", marks=marks)
    assert picture.alt == (
        "loss (nats), over step. training: falls from 4 to 1; validation: falls from 3 to 1.5; "
        "a line across, uniform, at 4.2."
    )
    timed = plotting.curves(lines, x_label="step", y_label="seconds", marks=marks, timed=True)
    assert not any(map(str.isdigit, timed.alt))
    with pytest.raises(KeyError, match="'none'"):
        run.curve("none")


def test_counts_and_lists_are_said_in_words() -> None:
    assert [counted(n, "row") for n in (0, 1, 2, 1500)] == [
        "0 rows",
        "1 row",
        "2 rows",
        "1,500 rows",
    ]
    assert quoted(["a"]) == "“a”"
    assert quoted(["a,\nb", "c"]) == "“a, b” and “c”"
    assert quoted("abc") == "“a”, “b” and “c”"
    assert labels(["7", "7", "mean\nof all", "7"]) == "7 (2 times); mean of all; 7"


SEEN = "Squares of one and the same grey."


def test_the_text_of_a_grid_follows_its_images() -> None:
    grid = plotting.image_grid(torch.ones(7, 8, 8), columns=4, alt=SEEN)
    assert grid.alt == f"7 images in 2 rows. {SEEN}"
    titles = ["seven", "seven", "mean"]
    row = plotting.image_grid(torch.ones(3, 1, 8, 8), titles=titles, alt=SEEN)
    assert row.alt == f"3 images in 1 row; above them stands: seven (2 times); mean. {SEEN}"


def test_the_text_of_rows_follows_names_titles_and_captions() -> None:
    one = plotting.image_rows({"input": torch.ones(5, 8, 8)}, alt=SEEN)
    assert one.alt == f"1 row of 5 images, “input”. {SEEN}"
    rows = {"made": torch.ones(2, 8, 8), "nearest\nreal": torch.ones(2, 1, 8, 8)}
    two = plotting.image_rows(
        rows, titles=["a 0", "a 1"], captions={"nearest\nreal": ["4.5", "6.1"]}, alt=SEEN
    )
    assert two.alt == (
        "2 rows of 2 images, “made” and “nearest real”. Above the columns stands: a 0; a 1. "
        f"Below “nearest real” stands: 4.5; 6.1. {SEEN}"
    )


def test_a_picture_of_images_needs_a_text_in_your_own_words() -> None:
    for draw in (plotting.image_grid, lambda x, alt: plotting.image_rows({"a": x}, alt=alt)):
        with pytest.raises(ValueError, match="alternative text"):
            draw(torch.ones(7, 8, 8), alt="Seven squares")
