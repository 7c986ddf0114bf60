"""Chapter 5: diffusion and flow matching.

Read it in this order: paths, gaussians, sampling, networks, transformer, training, samples, latent,
recipes.
"""

from ..model_files import load_model, save_model
from .gaussians import Mixture, ring_of_islands
from .latent import Coder, Scale, decode, encode_images, train_latent
from .networks import ImageFlow, PointFlow
from .paths import (
    DIFFUSION,
    EDGE,
    STRAIGHT,
    Diffusion,
    Path,
    Said,
    Straight,
    draw_times,
    mix,
    noise_weight,
    say,
    signal_to_noise,
    velocity_target,
)
from .recipes import (
    CODES,
    DISTILLED,
    DRAW_AT_ONCE,
    DRAW_CODES,
    DRAW_PIXELS,
    NUM_PAIRS,
    PIXELS,
    SHARPNESS,
)
from .samples import bend, draw_pairs, sample
from .sampling import ancestral, fill_in, guide, solve
from .training import (
    FlowRecipe,
    FlowTraining,
    flow_loss,
    flow_optimizer,
    train_flow,
    velocity_of,
)
from .transformer import DiT, steered

__all__ = [
    "CODES",
    "DIFFUSION",
    "DISTILLED",
    "DRAW_AT_ONCE",
    "DRAW_CODES",
    "DRAW_PIXELS",
    "EDGE",
    "NUM_PAIRS",
    "PIXELS",
    "SHARPNESS",
    "STRAIGHT",
    "Coder",
    "DiT",
    "Diffusion",
    "FlowRecipe",
    "FlowTraining",
    "ImageFlow",
    "Mixture",
    "Path",
    "PointFlow",
    "Said",
    "Scale",
    "Straight",
    "ancestral",
    "bend",
    "decode",
    "draw_pairs",
    "draw_times",
    "encode_images",
    "fill_in",
    "flow_loss",
    "flow_optimizer",
    "guide",
    "load_model",
    "mix",
    "noise_weight",
    "ring_of_islands",
    "sample",
    "save_model",
    "say",
    "signal_to_noise",
    "solve",
    "steered",
    "train_flow",
    "train_latent",
    "velocity_of",
    "velocity_target",
]
