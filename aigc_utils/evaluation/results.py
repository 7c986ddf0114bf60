"""Stored numbers of benchmarks that are too long for a chapter."""

from __future__ import annotations

import json
from typing import Any

from ..data import ASSETS, DataError


def load_results(name: str) -> dict[str, Any]:
    """Returns the stored numbers of a benchmark too long for a chapter, with their machine.

    For "ladder", `python -m benchmarks ladder --json aigc_utils/assets/results/ladder.json` made
    them, and likewise for the others.

    Raises:
        DataError: there are no such results, or their file is damaged.
    """
    path = ASSETS / "results" / f"{name}.json"
    try:
        results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"The results {path} can't be read: restore them with "
            "`git checkout -- aigc_utils/assets`, or install the course again."
        ) from error
    return results
