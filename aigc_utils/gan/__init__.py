"""Chapter 2: generative adversarial networks, the article's and the course's.

Read it in this order: article, networks, game, samples.
"""

from ..ema import EMA
from ..latent import interpolate
from ..model_files import load_model, save_model
from .article import ArticleDiscriminator, ArticleGenerator, article_step, train_article
from .game import (
    COURSE,
    CourseGAN,
    GANRecipe,
    course_optimizers,
    gradient_penalty,
    train_course,
)
from .networks import Discriminator, Generator
from .samples import load_generator, sample, save_generator

__all__ = [
    "COURSE",
    "EMA",
    "ArticleDiscriminator",
    "ArticleGenerator",
    "CourseGAN",
    "Discriminator",
    "GANRecipe",
    "Generator",
    "article_step",
    "course_optimizers",
    "gradient_penalty",
    "interpolate",
    "load_generator",
    "load_model",
    "sample",
    "save_generator",
    "save_model",
    "train_article",
    "train_course",
]
