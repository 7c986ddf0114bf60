"""The questions of chapter 3, in the order in which it teaches."""

from __future__ import annotations

from ..bank import Chapter
from . import bound, clouds, codes, fitting, nats, packing, training

CHAPTER = Chapter(
    "03_vae",
    objectives=(
        "latent-variable likelihood",
        "ELBO derived",
        "closed-form KL",
        "reparameterisation",
        "choice of likelihood and sum against mean",
        "beta",
        "posterior collapse, active units",
        "autoencoder against VAE",
        "prior samples against reconstructions",
        "importance-weighted bound",
        "link to latent diffusion",
    ),
    kinds=(
        packing.what_it_adds,
        clouds.one_wish,
        clouds.where_codes_fall,
        bound.three_causes,
        bound.gap_of_the_bound,
        bound.higher_bound,
        bound.price_of_a_code,
        codes.draw_a_code,
        codes.no_noise,
        training.grey_pixel,
        nats.signed_pixel,
        nats.sum_of_parts,
        training.averaged_pixels,
        training.two_images_one_code,
        training.no_price,
        training.heavier_price,
        codes.busy_dimensions,
        nats.free_bits,
        nats.parts_of_the_rate,
        clouds.middle_of_the_way,
        clouds.halfway,
        codes.turned_space,
        codes.gaps,
        bound.three_weights,
        fitting.empty_places,
        fitting.silent_codes,
        nats.speckles,
        packing.packed_images,
        packing.part_not_needed,
        packing.tiny_weight,
    ),
)
