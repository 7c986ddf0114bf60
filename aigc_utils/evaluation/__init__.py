"""Measures: of classifiers, of generated images against real ones, and of likelihoods."""

from .classifiers import Calibration, accuracy, calibration, confusion_matrix, margin, predict
from .judge import Judge, Judgement, judge_images, load_judge
from .likelihood import ELBO, LatentModel, Prior, active_units, elbo, importance_bound
from .records import Record, record
from .results import load_results
from .samples import (
    SampleScores,
    class_kl,
    density_coverage,
    frechet_distance,
    nearest_neighbours,
    precision_recall,
    score_samples,
)
from .spreads import frechet_error, share_error

__all__ = [
    "ELBO",
    "Calibration",
    "Judge",
    "Judgement",
    "LatentModel",
    "Prior",
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
    "frechet_error",
    "importance_bound",
    "judge_images",
    "load_judge",
    "load_results",
    "margin",
    "nearest_neighbours",
    "precision_recall",
    "predict",
    "record",
    "score_samples",
    "share_error",
]
