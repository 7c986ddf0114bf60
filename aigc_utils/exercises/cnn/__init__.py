"""The exercises of chapter 1, in the order of its notebook."""

from __future__ import annotations

from ..chapter import Chapter
from . import (
    confidence,
    layers,
    learned_filter,
    mending,
    normalising,
    pooling,
    whole_networks,
)
from .mending import broken_pick

__all__ = ["CHAPTER", "broken_pick"]

CHAPTER = Chapter(
    "01_cnn",
    layers.sizes,
    layers.correlate,
    layers.cross_entropy,
    mending.pick_recipe,
    normalising.batch_norm,
    learned_filter.learn_filter,
    pooling.shifts,
    confidence.calibration_error,
    whole_networks.train_cnn,
    whole_networks.beat_rung,
    misconceptions=(
        "filters are designed by hand",
        "pooling gives full invariance",
        "softmax output = confidence",
        "softmax before CrossEntropyLoss",
        "forgetting eval()",
        "tuning on the test set",
    ),
)
