"""The figures of chapter 4's ladder and steps say what they draw, and refuse what doesn't fit."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from aigc_utils import plotting

COUNTING = [{"name": "order 1", "bits": 4.8}, {"name": "order 5", "bits": 2.4}]
PACKED = [{"name": "lzma", "bits": 2.5}]


def a_rung(bits: float) -> list[dict[str, Any]]:
    """Returns rows of two rungs, the last one at so many bits."""
    return [
        {"name": "last character", "bits": [3.6, 3.7]},
        {"name": "tables", "bits": [bits - 0.1, bits + 0.1]},
    ]


@pytest.mark.parametrize(
    ("bits", "title", "side"),
    [(2.6, "0.20 bits behind", "its right"), (2.1, "0.30 bits ahead of", "its left")],
)
def test_the_ladder_says_who_is_ahead(bits: float, title: str, side: str) -> None:
    picture = plotting.bits_ladder(COUNTING, PACKED, a_rung(bits), 10.0)
    (axes,) = picture.figure.axes
    assert axes.get_title() == f"After 10 s the full network is {title} counting"
    assert f"tables {bits:.2f}" in picture.alt
    assert "order 5 with 2.40" in picture.alt
    assert side in picture.alt
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [
        "counting, order 1", "counting, order 5", "compressor, lzma", "last character", "+ tables"
    ]  # fmt: skip


def test_a_ladder_without_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="needs rows"):
        plotting.bits_ladder(COUNTING, [], a_rung(2.0), 10.0)


@pytest.mark.parametrize(
    ("level", "title"),
    [(2.4, "is past counting at 30 s"), (2.0, "never passes counting"), (2.9, "at 10 s")],
)
def test_overtaking_says_when(level: float, title: str) -> None:
    rows = [{"seconds": s, "bits": [b]} for s, b in ((10, 2.6), (30, 2.3), (90, 2.1))]
    picture = plotting.overtaking(rows, {"counting": level, "lzma": 2.5})
    assert picture.figure.axes[0].get_title().endswith(title)
    assert "2.30 at 30 seconds" in picture.alt
    with pytest.raises(ValueError, match="at least one"):
        plotting.overtaking(rows, {})


def test_controls_are_told_from_the_costliest_down() -> None:
    rows = [
        {"name": "full recipe", "bits": [2.5, 2.6]},
        {"name": "cheap", "bits": [2.52, 2.62]},
        {"name": "dear", "bits": [2.9, 3.0]},
    ]
    picture = plotting.recipe_controls(rows)
    assert picture.figure.axes[0].get_title() == "What costs most: dear"
    assert "dear +0.40, cheap +0.02" in picture.alt
    with pytest.raises(ValueError, match="same number of seeds"):
        plotting.recipe_controls([rows[0], {"name": "x", "bits": [1.0]}])


def test_embedding_rows_tell_which_repeat() -> None:
    vectors = torch.randn(4, 8)
    picture = plotting.embedding_rows(list("abca"), [1, 2, 3, 1], vectors)
    assert "1 row repeat" in picture.alt
    assert picture.figure.axes[0].get_title() == "4 tokens become a table of 4 by 8"
    with pytest.raises(ValueError, match="a number and a row"):
        plotting.embedding_rows(list("ab"), [1], vectors)


def test_clocks_that_are_equally_far_apart_have_equal_angles() -> None:
    picture = plotting.rotary_hands([(9, 5), (94, 90), (9, 4)], (0.3, 0.0))
    titles = [axes.get_title() for axes in picture.figure.axes]
    angle = 360 - math.degrees(4.3)
    assert titles[0] == titles[1] == f"4 apart: {angle:.0f}° between"
    assert titles[2] != titles[0]
    with pytest.raises(ValueError, match="1 to 4 clocks"):
        plotting.rotary_hands([], (0.0, 0.0))


def test_measured_points_are_marked_where_one_asks() -> None:
    for points, mark in ((True, "o"), (False, "")):
        line = {"a": ([1, 2, 4], [3.0, 2.0, 1.0])}
        picture = plotting.curves(line, x_label="x", y_label="y", points=points)
        assert picture.figure.axes[0].lines[0].get_marker() in (mark, mark or "None")


@pytest.mark.parametrize(
    ("right", "left", "place"),
    [
        ([], [], ("right", "top")),
        ([1.45], [], ("right", "bottom")),
        ([1.45, 1.55], [], ("left", "top")),
        ([1.45, 1.55], [1.45], ("left", "bottom")),
        ([1.45, 1.55], [1.45, 1.55], ("right", "top")),  # nowhere is room
    ],
)
def test_the_name_of_a_line_across_touches_no_curve(
    right: list[float], left: list[float], place: tuple[str, str]
) -> None:
    lines = {f"right {y}": ([4.0, 6.0], [y, y]) for y in right}
    lines |= {f"left {y}": ([1.0, 3.0], [y, y]) for y in left}
    lines["frame"] = ([1.0, 3.5, 3.5, 6.0], [2.0, 2.0, 1.0, 1.0])
    picture = plotting.curves(lines, x_label="x", y_label="y", marks={"floor": 1.5})
    (name,) = [text for text in picture.figure.axes[0].texts if text.get_text() == "floor"]
    assert (name.get_ha(), name.get_va()) == place


def test_names_of_lines_across_stand_apart() -> None:
    line = {"a": ([1.0, 2.0], [1.0, 2.0])}
    picture = plotting.curves(line, x_label="x", y_label="y", marks={"b": 1.5, "c": 1.52})
    one, other = (text.get_window_extent() for text in picture.figure.axes[0].texts)
    assert not one.overlaps(other)


def test_cross_attention_is_the_mean_of_its_heads() -> None:
    heads = torch.stack([torch.eye(2), torch.tensor([[1.0, 0.0], [0.5, 0.5]])])
    picture = plotting.cross_attention("ab", "AB", heads)
    assert picture.figure.axes[0].get_title() == "One token gets 75 to 100 % of each look"
    assert "mean of 2 heads" in picture.alt
    assert "for “A” 100 percent to “a”, for “B” 75 percent to “b”" in picture.alt
    assert "heads" not in plotting.cross_attention("ab", "AB", torch.eye(2)).alt


SEEDS = [{"name": "a", "bits": [2.0, 2.1]}, {"name": "b", "bits": [2.3, 2.2]}]
TIMES = [{"seconds": 10, "bits": [2.5]}, {"seconds": 30, "bits": [2.2]}]
NOTHING = {"name": "c", "bits": [2.0, math.nan]}


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plotting.bits_ladder(COUNTING, PACKED, SEEDS, math.nan), "seconds must be"),
        (lambda: plotting.bits_ladder(COUNTING, PACKED, [NOTHING], 10.0), "finite bits"),
        (lambda: plotting.bits_ladder(COUNTING, PACKED, [{"name": "a"}], 10.0), "finite bits"),
        (lambda: plotting.bits_ladder(COUNTING, PACKED, SEEDS + SEEDS, 10.0), "name of its own"),
        (lambda: plotting.bits_ladder(COUNTING, [{"bits": 2.0}], SEEDS, 10.0), "name of its own"),
        (lambda: plotting.overtaking(TIMES, {"counting": math.nan}), "a finite number"),
        (lambda: plotting.overtaking(TIMES[::-1], {"counting": 2.4}), "seconds must rise"),
        (lambda: plotting.overtaking([{"bits": [2.0]}], {"counting": 2.4}), "seconds must be"),
        (lambda: plotting.overtaking([{"seconds": 1, "bits": []}], {"x": 2.4}), "finite bits"),
        (lambda: plotting.recipe_controls([*SEEDS, NOTHING]), "finite bits"),
        (lambda: plotting.recipe_controls([SEEDS[0], SEEDS[0]]), "name of its own"),
        (lambda: plotting.embedding_rows("ab", [1, 2], torch.zeros(2)), r"of shape \(T, width\)"),
        (lambda: plotting.embedding_rows("a", [1], torch.tensor([[math.nan]])), "must be finite"),
        (lambda: plotting.rotary_hands([(1, -2)], (0.0, 0.0)), "A position must be"),
        (lambda: plotting.rotary_hands([(1, 2)], (math.inf, 0.0)), "must be finite"),
        (lambda: plotting.attention_effect(["a"], [1.2], [1.0]), "from 0 to 1"),
        (lambda: plotting.attention_effect(["a"], [math.nan], [1.0]), "from 0 to 1"),
        (lambda: plotting.attention_effect(["a"], [1.0], [-1.0]), "at least 0"),
        (lambda: plotting.cross_attention("ab", "ab", torch.eye(2) * math.nan), "must"),
    ],
)
def test_what_would_be_drawn_wrongly_is_refused(draw: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        draw()
    assert ". " not in str(error.value)


def test_attention_and_effect_name_their_largest() -> None:
    picture = plotting.attention_effect(["The", " France", " is"], [0.7, 0.1, 0.2], [0.5, 3.0, 1.0])
    title = picture.figure._suptitle.get_text()
    assert title == "Most looked at: The. Moves most: ␣France"
    assert "“ France”, 10 percent and 3.00 nats" in picture.alt
    with pytest.raises(ValueError, match="a share and an effect"):
        plotting.attention_effect(["a"], [1.0], [])
