"""Imports the package before any test imports torch, so that its threads sleep while they wait.

It also says how far the property tests look: the same few cases in each run, or, with
`pytest tests/properties --hypothesis-profile long`, two thousand new ones.
"""

from hypothesis import HealthCheck, settings

import aigc_utils  # noqa: F401

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
