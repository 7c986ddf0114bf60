"""Writing files of the book."""

from __future__ import annotations

from pathlib import Path


def write_if_new(path: Path, new: str | bytes) -> None:
    """Writes a file only when it differs, so that unchanged pages are not built again."""
    new = new.encode() if isinstance(new, str) else new
    if not path.exists() or path.read_bytes() != new:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(new)
