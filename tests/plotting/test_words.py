"""The words that say what a curve does: computed, so that they hold whatever is drawn."""

from __future__ import annotations

import math

import pytest

from aigc_utils import plotting
from aigc_utils.history import History
from aigc_utils.plotting.words import course, number


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
