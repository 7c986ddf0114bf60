"""Keeps what a cell puts out, up to a limit, in the form that notebooks have."""

from __future__ import annotations

import json
from typing import Any

# The most that is kept: characters of a cell's text, a cell's outputs, and bytes of one output.
TEXT, COUNT, BYTES = 20_000, 50, 2_000_000
# The most of all cells together, in bytes.
TOTAL = 8_000_000
# Rich texts are slow to clean for the page, so only small ones are kept.
RICH = {"text/html": 100_000, "text/markdown": 100_000, "text/latex": 20_000,
        "image/svg+xml": 100_000, "image/png": BYTES, "image/jpeg": BYTES}  # fmt: skip


class Budget:
    """How many bytes of outputs may still be kept, over all cells."""

    def __init__(self, left: int = TOTAL) -> None:
        self.left = left

    def spend(self, amount: int) -> bool:
        """Whether so many bytes may be kept; if so, they are spent."""
        if amount > self.left:
            return False
        self.left -= amount
        return True


def shortened(text: str, most: int = TEXT) -> str:
    """Returns a text of at most `most` characters, which says what is left out."""
    if len(text) <= most:
        return text
    return f"{text[:most]}\n... ({len(text) - most:,} more characters are left out)\n"


def rich(data: dict[str, Any]) -> dict[str, Any]:
    """Returns those forms of a displayed object that a page can show and that are small enough."""
    found: dict[str, Any] = {"text/plain": shortened(str(data.get("text/plain", "")))}
    for kind, most in RICH.items():
        text = data.get(kind)
        if isinstance(text, str) and len(text) <= most:
            found[kind] = text
    return found


class Kept:
    """The outputs of one cell."""

    def __init__(self, budget: Budget | None = None) -> None:
        self.outputs: list[dict[str, Any]] = []
        self._budget = budget or Budget()
        self._left_out = False
        self._text = TEXT

    def take(self, message: dict[str, Any]) -> bool:
        """Adds what a message of the kernel's shows; returns whether it says that all is done."""
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "status":
            return bool(content["execution_state"] == "idle")
        if kind == "stream":
            self._stream(str(content["name"]), str(content["text"]))
        elif kind in ("display_data", "execute_result"):
            shown = {"output_type": kind, "data": rich(dict(content["data"])), "metadata": {}}
            if kind == "execute_result":
                shown["execution_count"] = None
            self._add(shown)
        elif kind == "error":
            lines = [shortened(str(line), 4_000) for line in content["traceback"][-20:]]
            self._add({"output_type": "error", "ename": str(content["ename"])[:200],
                       "evalue": shortened(str(content["evalue"]), 2_000),
                       "traceback": lines}, always=True)  # fmt: skip
        return False

    def _stream(self, name: str, text: str) -> None:
        last = self.outputs[-1] if self.outputs else {}
        kept = text[: self._text]
        self._text -= len(kept)
        self._left_out |= len(text) > len(kept)
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"] += kept
        elif kept:
            self._add({"output_type": "stream", "name": name, "text": kept})

    def _add(self, output: dict[str, Any], *, always: bool = False) -> None:
        size = len(json.dumps(output))
        if always or (len(self.outputs) < COUNT and size <= BYTES and self._budget.spend(size)):
            self.outputs.append(output)
        else:
            self._left_out = True

    def lost(self) -> None:
        """Notes that an output was too long to be read."""
        self._left_out = True

    def all(self) -> list[dict[str, Any]]:
        """Returns the outputs, with a line about what was left out."""
        if not self._left_out:
            return self.outputs
        note = "... (the rest of the output is left out: it is too long)\n"
        return [*self.outputs, {"output_type": "stream", "name": "stdout", "text": note}]
