"""Histories: means as a plain loop has them, and lists that stay in line whatever a step gives."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aigc_utils.data import decode_nested, encode_nested
from aigc_utils.history import History, TrainingError
from aigc_utils.training import fit

FINITE = st.floats(-1e6, 1e6)
LOSSES = st.one_of(FINITE, st.just(math.nan), st.just(math.inf), st.just(-math.inf))


def plain(values: list[float], window: int) -> list[float]:
    """Returns the mean of each value and of up to `window - 1` before it, one by one."""
    parts = [values[max(0, i + 1 - window) : i + 1] for i in range(len(values))]
    return [sum(part) / len(part) for part in parts]


@given(st.lists(LOSSES, max_size=40), st.integers(1, 50))
def test_smooth_is_the_plain_mean(values: list[float], window: int) -> None:
    found = History(losses={"loss": values}).smooth("loss", window)
    assert len(found) == len(values)
    for mean, expected in zip(found, plain(values, window), strict=True):
        same = math.isclose(mean, expected, rel_tol=1e-9, abs_tol=1e-9)
        assert same or (math.isnan(mean) and math.isnan(expected))


NAMES = st.sampled_from(["a", "b", "c"])
GIVEN = st.one_of(
    st.dictionaries(NAMES, st.one_of(FINITE, st.just(math.nan), st.none()), max_size=3),
    st.none(),
    FINITE,
)


@given(st.lists(GIVEN, min_size=1, max_size=30), st.lists(GIVEN, min_size=1, max_size=8))
def test_a_history_stays_in_line(steps: list[Any], evaluations: list[Any]) -> None:
    history, metrics = History(), iter(evaluations)
    with contextlib.suppress(ValueError, TrainingError, StopIteration):
        fit(
            lambda given: given, steps, num_steps=len(steps), history=history,
            evaluate=lambda: next(metrics), evaluate_every=3,
        )  # fmt: skip
    assert all(len(each) == history.num_steps for each in history.losses.values())
    assert all(len(each) == len(history.evaluated_at) for each in history.metrics.values())
    assert len(history.seconds_at) == len(history.evaluated_at)
    assert history.num_steps <= len(steps)
    text = json.dumps(encode_nested(history.state_dict(), {}, "history"))
    again = History()
    again.load_state_dict(decode_nested(json.loads(text), {}))
    assert repr(again) == repr(history)
