"""The exercises of chapter 3, in the order of its notebook."""

from __future__ import annotations

from ..chapter import Chapter
from . import bound, open_tasks, pictures, terms, training
from .open_tasks import prior_gain
from .training import broken_objective, covered_prior

__all__ = ["CHAPTER", "broken_objective", "covered_prior", "prior_gain"]

CHAPTER = Chapter(
    "03_vae",
    terms.floor,
    terms.kl,
    terms.draw_codes,
    pictures.blur,
    training.mended_objective,
    bound.iw_bound,
    pictures.turned,
    open_tasks.learned_prior,
    open_tasks.own_vae,
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
