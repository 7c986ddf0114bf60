"""Chapter 3: variational autoencoders, the article's and the course's.

Read it in this order: article, model, perception, mixture, training, samples.
"""

from ..latent import gaussian_kl, interpolate, reparameterize
from ..losses import reconstruction_loss
from ..model_files import load_model, save_model
from .article import ArticleVAE, article_losses, article_nats, article_step, train_article
from .mixture import LearnedMixture, Mixture, fit_mixture
from .model import VAE, Residual, dense_layers, plain_decoder
from .perception import perceptual_loss
from .samples import sample
from .training import (
    CODER,
    LEAN,
    LIKELIHOOD,
    MINUTE,
    PLANE,
    SPRINT,
    VAERecipe,
    train_course,
    vae_step,
)

__all__ = [
    "CODER",
    "LEAN",
    "LIKELIHOOD",
    "MINUTE",
    "PLANE",
    "SPRINT",
    "VAE",
    "ArticleVAE",
    "LearnedMixture",
    "Mixture",
    "Residual",
    "VAERecipe",
    "article_losses",
    "article_nats",
    "article_step",
    "dense_layers",
    "fit_mixture",
    "gaussian_kl",
    "interpolate",
    "load_model",
    "perceptual_loss",
    "plain_decoder",
    "reconstruction_loss",
    "reparameterize",
    "sample",
    "save_model",
    "train_article",
    "train_course",
    "vae_step",
]
