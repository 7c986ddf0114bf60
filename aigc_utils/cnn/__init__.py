"""Chapter 1: convolutional networks, the article's and the course's.

Read it in this order: networks, training.
"""

from ..model_files import load_model, save_model
from .networks import MLP, ArticleCNN, CourseCNN, block, exciting_patches
from .training import (
    MINUTE,
    SPRINT,
    CNNRecipe,
    classifier_step,
    course_optimizers,
    random_shift,
    train_course,
)

__all__ = [
    "MINUTE",
    "MLP",
    "SPRINT",
    "ArticleCNN",
    "CNNRecipe",
    "CourseCNN",
    "block",
    "classifier_step",
    "course_optimizers",
    "exciting_patches",
    "load_model",
    "random_shift",
    "save_model",
    "train_course",
]
