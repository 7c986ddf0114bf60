"""How long threads wait: set before PyTorch is loaded, and never against the reader's wish."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aigc_utils.threads import SPIN_COUNT
from course.environment import settled

ROOT = Path(__file__).resolve().parents[1]


def spins(code: str, **environment: str) -> str:
    """Returns GOMP_SPINCOUNT after some code, in a process without it but for `environment`."""
    kept = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    printed = "import os; print(os.environ.get('GOMP_SPINCOUNT', 'unset'))"
    result = subprocess.run(
        [sys.executable, "-c", f"{code}; {printed}"],
        env=kept | environment, cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return result.stdout.strip()


@pytest.mark.parametrize(
    ("code", "environment", "expected"),
    [
        ("import aigc_utils", {}, str(SPIN_COUNT)),
        ("import sys; sys.modules['torch'] = sys; import aigc_utils", {}, "unset"),
        ("import aigc_utils", {"GOMP_SPINCOUNT": "7"}, "7"),
        ("import aigc_utils", {"OMP_WAIT_POLICY": "ACTIVE"}, "unset"),
    ],
)
def test_it_is_set_before_torch_alone(
    code: str, environment: dict[str, str], expected: str
) -> None:
    assert spins(code, **environment) == expected


def test_a_task_gives_the_same_number_to_all_that_it_starts() -> None:
    assert settled({})["GOMP_SPINCOUNT"] == str(SPIN_COUNT)
    assert "GOMP_SPINCOUNT" not in settled({"GOMP_SPINCOUNT": "7"})
    assert "GOMP_SPINCOUNT" not in settled({"OMP_WAIT_POLICY": "PASSIVE"})
