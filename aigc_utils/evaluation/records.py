"""The numbers of a chapter's run, as a table in the notebook and for the book's pages."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from ..devices import device, device_name


@dataclass(frozen=True)
class Record:
    """The numbers that a chapter's run gave, by short name: what each is, and its value as text.

    As a cell's last line it shows a table, and below it where the run computed. In the notebook
    they stand a second time, as the output's metadata, from where the book's tables and its front
    page take them.

    Raises:
        ValueError: no number, a name that Python does not allow, or a value without a digit.
    """

    numbers: dict[str, tuple[str, str]]

    def __post_init__(self) -> None:
        if not self.numbers:
            raise ValueError("record needs at least one number, as in record(accuracy=(...)).")
        for name, number in self.numbers.items():
            if not name.isidentifier() or not any(map(str.isdigit, number[1])):
                raise ValueError(f"{name}={number}: give a short name, what it is and its value.")

    def __repr__(self) -> str:
        width = max(len(what) for what, _ in self.numbers.values())
        rows = [f"{what:{width}}  {value}" for what, value in self.numbers.values()]
        return "\n".join([*rows, where_computed()])

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        # A list, since a notebook's file sorts what has names.
        numbers = [[name, what, value] for name, (what, value) in self.numbers.items()]
        shown = {"text/plain": repr(self), "text/html": self.html()}
        return shown, {"aigc": {"numbers": numbers}}

    def html(self) -> str:
        """Returns the table as HTML: on a narrow screen its words go on in a second line."""
        head = '<th scope="col">what</th><th scope="col">measured</th>'
        rows = "".join(
            f"<tr><td>{escape(what)}</td><td>{escape(value)}</td></tr>"
            for what, value in self.numbers.values()
        )
        table = f'<table class="table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        return f"{table}<p>{escape(where_computed())}</p>"


def where_computed() -> str:
    """Returns one sentence: where this session's recipes train, and whose times the text states."""
    return f"The recipes trained on {device_name(device())}; the times in the text are a CPU's."


def record(**numbers: tuple[str, str]) -> Record:
    """Returns the numbers of a chapter's run, to stand as the last line of a cell.

    Args:
        numbers: under a short name each, what it is and its value with its unit, as in
            `accuracy=("accuracy on test images", "99.03 %")`.

    Raises:
        ValueError: no number, or a value without a digit.
    """
    return Record(numbers)
