"""Imports the package before any test imports torch, so that its threads sleep while they wait."""

import aigc_utils  # noqa: F401
