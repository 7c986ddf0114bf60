"""Which cell is left out where a kernel ends late, now here and now there."""

from __future__ import annotations

from typing import Any, cast

import pytest

from grading.inside.cells import Cells, Limits

LATE = "The cell ended the kernel after it had run."
AT_ONCE = "The cell ended the kernel."


class Watch:
    """A machine with memory to spare."""

    def told(self) -> str:
        return ""

    def alone(self) -> bool:
        return True

    def full(self) -> bool:
        return False


class Session:
    """A kernel that ends in a cell, another one each time it has started, once `killer` has run."""

    def __init__(self, killer: str, ends: list[str], always: str = "") -> None:
        self.killer, self.ends, self.always = killer, ends, always
        self.lives, self.armed = 0, False

    def start(self) -> None:
        self.lives, self.armed = self.lives + 1, False

    def run(self, source: str, *_: Any) -> str:
        self.armed |= source == self.killer
        end = self.ends[min(self.lives, len(self.ends) - 1)]
        return "dead" if (self.armed and source == end) or source == self.always else "ok"


def left_out(session: Session) -> dict[str, str]:
    """Returns why cells were left out of a submission of five cells, by their sources."""
    rows = [
        {"source": source, "own": own, "check": check, "again": False}
        for source, own, check in (
            ("first", True, ""), ("given", False, ""), ("answer", True, ""),
            ("check", False, "exercise"), ("last", True, ""),
        )
    ]  # fmt: skip
    watch, kernel = cast(Any, Watch()), cast(Any, session)
    found = Cells(rows, Limits(cell=3.0, total=60.0), watch, kernel).run()
    return {rows[number]["source"]: why for number, why in found.reasons.items()}


@pytest.mark.parametrize("ends", [
    ["given"], ["answer", "check"], ["answer", "given"], ["last", "given"],
    ["answer", "last", "given"],
], ids=" then ".join)  # fmt: skip
def test_the_cell_with_the_late_effect_alone_is_left_out(ends: list[str]) -> None:
    assert left_out(Session("first", ends)) == {"first": LATE}


def test_a_cell_that_ends_the_kernel_at_once_is_left_out() -> None:
    found = left_out(Session("none", ["none"], always="last"))
    assert found == {"last": AT_ONCE}
