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
from .common import curves, image_grid, image_rows
from .film import Film, film, tiles
from .gan_results import (
    ablation,
    class_bars,
    discriminator_histograms,
    sample_size_bias,
)
from .gan_workings import (
    GameState,
    game_maps,
    gan_drawing,
    latent_norms,
    optimal_discriminator,
)
from .picture import COLORS, Picture

__all__ = [
    "COLORS",
    "Film",
    "GameState",
    "Picture",
    "ablation",
    "augmentation_gap",
    "class_bars",
    "confusion",
    "convolution_steps",
    "curves",
    "descent_paths",
    "discriminator_histograms",
    "feature_maps",
    "film",
    "game_maps",
    "gan_drawing",
    "image_grid",
    "image_rows",
    "ladder",
    "latent_norms",
    "layers_drawing",
    "optimal_discriminator",
    "receptive_fields",
    "reliability",
    "sample_size_bias",
    "seed_curves",
    "shift_curves",
    "tiles",
]
