"""The exercises of chapter 3, in the order of its notebook."""

from __future__ import annotations

from ..chapter import Chapter
from . import bound, pictures, terms, training
from .training import broken_objective, covered_prior

__all__ = ["CHAPTER", "broken_objective", "covered_prior"]

CHAPTER = Chapter(
    "03_vae",
    terms.floor,
    terms.kl,
    terms.draw_codes,
    training.collapse,
    training.mended_objective,
    pictures.blur,
    pictures.turned,
    bound.iw_bound,
    misconceptions=(
        "the noise is a trick",
        "the KL term is optional",
        "blur comes from KL alone",
        "latents disentangle by themselves",
        "ELBO = log-likelihood",
        "log-variance against sigma",
        "BCE on grey pixels is a Bernoulli likelihood",
    ),
)
