"""What the tests of a reader's own files share: files that no reader can take, images alike."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor
from torch.nn import functional as F

from aigc_utils.data import DataError

#: Each gives a path that is no file to be read, and what is said of it.
NO_FILES: list[tuple[Callable[[Path], Any], str]] = [
    (lambda folder: folder / "none", "There is no file"),
    (lambda folder: folder, "is a folder"),
    (lambda folder: str(folder), "is a folder"),
    (lambda folder: folder / "a\0b", "can't be read"),
    (lambda folder: folder / ("a" * 3000), "can't be read"),
    (lambda folder: Path("/dev/null"), "is no file but a device"),
]


def read_or_refused(read: Callable[[Any], Any], path: Any) -> Any:
    """Returns what a reader gives, or None where it refuses the file in one sentence."""
    try:
        return read(path)
    except DataError as error:
        told = str(error)
    assert re.fullmatch(r"[^\n]+\.", told), told
    return None


def refused(read: Callable[..., Any], path: Any, *said: str, **options: Any) -> str:
    """Returns the one sentence by which a reader refuses a file."""
    with pytest.raises(DataError) as error:
        read(path, **options)
    message = str(error.value)
    assert re.fullmatch(r"[^\n]+\.", message), message
    assert ". " not in message, message
    for part in said:
        assert part in message, message
    return message


def alike(a: Tensor, b: Tensor) -> float:
    """Returns the correlation of two images; each may be off by the one pixel of rounding."""
    first = a.float().flatten()
    places = itertools.product((-1, 0, 1), repeat=2)
    moved = [b.view(28, 28).roll(by, dims=(0, 1)).float().flatten() for by in places]
    return max(F.cosine_similarity(first, other, dim=0).item() for other in moved)
