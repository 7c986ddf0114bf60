"""Every figure of the course: one style, a palette for all eyes, a text for each picture."""

from .cnn_results import (
    augmentation_gap,
    confusion,
    ladder,
    reliability,
    seed_curves,
    shift_curves,
)
from .cnn_workings import (
    convolution_steps,
    descent_paths,
    feature_maps,
    layers_drawing,
    receptive_fields,
)
from .common import curves, image_grid
from .picture import COLORS, Picture

__all__ = [
    "COLORS",
    "Picture",
    "augmentation_gap",
    "confusion",
    "convolution_steps",
    "curves",
    "descent_paths",
    "feature_maps",
    "image_grid",
    "ladder",
    "layers_drawing",
    "receptive_fields",
    "reliability",
    "seed_curves",
    "shift_curves",
]
