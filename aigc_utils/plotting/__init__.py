"""Every figure of the course: one style, a palette for all eyes, a text for each picture."""

from .cnn_journey import exciting_patches, feature_maps, journey
from .cnn_own_digit import own_digit
from .cnn_results import confusion, reliability, shift_curves
from .cnn_runs import generalisation, ladder, seed_curves
from .cnn_workings import channel_sum, convolution_steps, descent_paths
from .common import curves, image_grid, image_rows
from .digits_results import side_by_side
from .explorer import Explorer, explorer
from .film import Film, film, tiles
from .flow_workings import (
    density_with_ways,
    error_over_steps,
    four_ways,
    guidance_curve,
    velocity_field,
    ways_in_the_plane,
)
from .gan_game import GameState, game_maps, number_game, one_way
from .gan_results import (
    ablation,
    class_bars,
    discriminator_histograms,
    sample_size_bias,
)
from .gan_workings import (
    conditional_drawing,
    gan_drawing,
    latent_norms,
    neighbourhoods,
    optimal_discriminator,
)
from .gpt_attention import (
    attention_maps,
    attention_steps,
    cross_attention,
)
from .gpt_ladder import bits_ladder, overtaking, recipe_controls
from .gpt_results import (
    next_token_bars,
    token_lengths,
    token_strip,
)
from .gpt_scaling import scaling_law
from .gpt_steps import attention_effect, embedding_rows, rotary_hands
from .gpt_workings import (
    block_drawing,
    score_spread,
    transformer_drawing,
)
from .picture import COLORS, Picture
from .vae_codes import (
    bayes_bells,
    decoded_codes,
    fitted_priors,
    means_and_draws,
    prior_maps,
    rate_distortion,
)
from .vae_results import (
    aggregate_posterior,
    kl_per_dimension,
    latent_map,
)
from .vae_workings import (
    bound_gap,
    gradient_spread,
    importance_bound,
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
    "attention_effect",
    "attention_maps",
    "attention_steps",
    "bayes_bells",
    "bits_ladder",
    "block_drawing",
    "bound_gap",
    "channel_sum",
    "class_bars",
    "conditional_drawing",
    "confusion",
    "convolution_steps",
    "cross_attention",
    "curves",
    "decoded_codes",
    "density_with_ways",
    "descent_paths",
    "discriminator_histograms",
    "embedding_rows",
    "error_over_steps",
    "exciting_patches",
    "explorer",
    "feature_maps",
    "film",
    "fitted_priors",
    "four_ways",
    "game_maps",
    "gan_drawing",
    "generalisation",
    "gradient_spread",
    "guidance_curve",
    "image_grid",
    "image_rows",
    "importance_bound",
    "journey",
    "kl_per_dimension",
    "ladder",
    "latent_map",
    "latent_norms",
    "means_and_draws",
    "neighbourhoods",
    "next_token_bars",
    "number_game",
    "one_way",
    "optimal_discriminator",
    "overtaking",
    "own_digit",
    "prior_maps",
    "rate_distortion",
    "recipe_controls",
    "reliability",
    "rotary_hands",
    "sample_size_bias",
    "scaling_law",
    "score_spread",
    "seed_curves",
    "shift_curves",
    "side_by_side",
    "tiles",
    "token_lengths",
    "token_strip",
    "transformer_drawing",
    "vae_drawing",
    "velocity_field",
    "ways_in_the_plane",
]
