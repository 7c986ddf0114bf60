"""Every figure of the course: one style, a palette for all eyes, a text for each picture."""

from .cnn_own_digit import own_digit
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
from .digits_results import side_by_side
from .explorer import Explorer, explorer
from .film import Film, film, tiles
from .gan_game import GameState, game_maps, number_game, one_way
from .gan_results import (
    ablation,
    discriminator_histograms,
    neighbourhoods,
    sample_size_bias,
)
from .gan_workings import (
    conditional_drawing,
    gan_drawing,
    latent_norms,
    optimal_discriminator,
)
from .gpt_attention import (
    attention_maps,
    attention_steps,
    cross_attention,
)
from .gpt_results import (
    next_token_bars,
    token_lengths,
    token_strip,
)
from .gpt_workings import (
    block_drawing,
    score_spread,
    transformer_drawing,
)
from .picture import COLORS, Picture
from .vae_results import (
    aggregate_posterior,
    autoencoder_holes,
    kl_per_dimension,
    latent_map,
)
from .vae_workings import (
    bound_gap,
    gradient_spread,
    importance_bound,
    rate_distortion,
    vae_drawing,
)

__all__ = [
    "COLORS",
    "Explorer",
    "Film",
    "GameState",
    "Picture",
    "ablation",
    "aggregate_posterior",
    "attention_maps",
    "attention_steps",
    "augmentation_gap",
    "autoencoder_holes",
    "block_drawing",
    "bound_gap",
    "conditional_drawing",
    "confusion",
    "convolution_steps",
    "cross_attention",
    "curves",
    "descent_paths",
    "discriminator_histograms",
    "explorer",
    "feature_maps",
    "film",
    "game_maps",
    "gan_drawing",
    "gradient_spread",
    "image_grid",
    "image_rows",
    "importance_bound",
    "kl_per_dimension",
    "ladder",
    "latent_map",
    "latent_norms",
    "layers_drawing",
    "neighbourhoods",
    "next_token_bars",
    "number_game",
    "one_way",
    "optimal_discriminator",
    "own_digit",
    "rate_distortion",
    "receptive_fields",
    "reliability",
    "sample_size_bias",
    "score_spread",
    "seed_curves",
    "shift_curves",
    "side_by_side",
    "tiles",
    "token_lengths",
    "token_strip",
    "transformer_drawing",
    "vae_drawing",
]
