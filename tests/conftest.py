"""Imports the package before any test imports torch, so that its threads sleep while they wait.

Two workers take a file at a time: those that take longest go first, so that neither waits at the
end for the other (with `--no-loadscope-reorder`, else xdist sorts by the number of tests).
What stands there after the collection stays to the end, so the collector of garbage leaves it out.
It also says how far the property tests look: the same few cases in each run, or, with
`pytest tests/properties --hypothesis-profile long`, two thousand new ones.
"""

import gc
import itertools

import pytest
from hypothesis import HealthCheck, settings
from longest import place

from aigc_utils import training


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first, and leaves the others as they are."""
    items.sort(key=lambda item: place(item.path))


def pytest_collection_finish() -> None:
    """Takes all that was loaded and collected out of the sight of the garbage collector."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock for trainings that goes on a hundredth of a second each time it is read.

    A step is two of them: one while a batch is drawn, and one while it is used; reading losses is
    one more. So a time budget ends a run after the same steps on a busy machine.
    """
    hundredths = itertools.count()
    monkeypatch.setattr(training.time, "perf_counter", lambda: next(hundredths) / 100)


# No time limit for one case: the first one of each property also loads what it needs.
settings.register_profile(
    "short",
    max_examples=25,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "long", settings.get_profile("short"), max_examples=2000, derandomize=False, print_blob=True
)
settings.load_profile("short")
