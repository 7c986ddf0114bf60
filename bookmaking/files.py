"""Writing files of the book, and telling whether any has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path


def write_if_new(path: Path, new: str | bytes) -> None:
    """Writes a file only when it differs, so that unchanged pages are not built again."""
    new = new.encode() if isinstance(new, str) else new
    if not path.exists() or path.read_bytes() != new:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(new)


def digest(files: Iterable[Path], *texts: str) -> str:
    """Returns a hash of files, their names among it, and of texts."""
    found = hashlib.sha256("\0".join(texts).encode())
    for path in sorted(files):
        found.update(f"\0{path}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def remembered(path: Path, key: str, make: Callable[[], str]) -> str:
    """Returns what `make` returns, from the file `path` if it was made under the same key."""
    if path.exists():
        known, _, text = path.read_text(encoding="utf-8").partition("\n")
        if known == key:
            return text
    text = make()
    write_if_new(path, f"{key}\n{text}")
    return text
