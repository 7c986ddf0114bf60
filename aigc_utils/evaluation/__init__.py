"""Measures: of classifiers, of generated images against real ones, and of likelihoods."""

from .classifiers import Calibration, accuracy, calibration, confusion_matrix, predict
from .likelihood import ELBO, LatentModel, active_units, elbo, importance_bound
from .results import Record, load_results, record
from .samples import (
    SampleScores,
    class_kl,
    density_coverage,
    frechet_distance,
    nearest_neighbours,
    precision_recall,
    score_samples,
)

__all__ = [
    "ELBO",
    "Calibration",
    "LatentModel",
    "Record",
    "SampleScores",
    "accuracy",
    "active_units",
    "calibration",
    "class_kl",
    "confusion_matrix",
    "density_coverage",
    "elbo",
    "frechet_distance",
    "importance_bound",
    "load_results",
    "nearest_neighbours",
    "precision_recall",
    "predict",
    "record",
    "score_samples",
]
