"""Measures of classifiers: accuracy, confusions, and how far confidence can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..data import check_images, check_labels, check_logits, standardize
from ..devices import place_of
from ..limits import whole
from ..training import evaluation_mode


@torch.no_grad()
def predict(model: nn.Module, images: Tensor, batch_size: int = 1000) -> Tensor:
    """Returns the logits of `images` in evaluation mode, shape (N, classes), on the CPU.

    The model is left in the mode that it came in.

    Args:
        model: maps standardized images to logits.
        images: uint8, shape (N, 1, 28, 28).
        batch_size: images at a time; it does not change the result.

    Raises:
        ValueError: the images are of another type or shape, or `batch_size` is below 1.
    """
    check_images(images)
    whole("batch_size", batch_size)
    here = images.to(place_of(model, images.device))
    with evaluation_mode(model):
        parts = [model(standardize(part)) for part in here.split(batch_size)]
    return torch.cat(parts).cpu()


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Returns the share of rows whose largest logit is at the label, in percent.

    Args:
        logits: shape (N, classes).
        labels: int64, shape (N,), below the number of classes.

    Raises:
        ValueError: the types, shapes or labels differ from these, a logit is NaN, or N is 0.
    """
    logits, labels = _pairs(logits, labels)
    return 100.0 * (logits.argmax(1) == labels).double().mean().item()


def margin(accuracy: float, count: int) -> float:
    """Returns how far an accuracy on `count` images may lie from that on new ones, in points.

    It is 1.96 standard errors of a share: in 95 of 100 such measurements the accuracy on new images
    of the same kind is no farther away. It holds where at least about ten images are right and ten
    are wrong.

    Args:
        accuracy: in percent.
        count: images that it was measured on.

    Raises:
        ValueError: the accuracy is no percentage, or there is no image.
    """
    if not 0 <= accuracy <= 100 or count < 1:
        raise ValueError(f"{accuracy} % of {count} images is no accuracy.")
    return 1.96 * math.sqrt(accuracy * (100 - accuracy) / count)


def confusion_matrix(logits: Tensor, labels: Tensor) -> Tensor:
    """Returns int64 counts, shape (classes, classes): rows are labels, columns predictions.

    Args:
        logits: shape (N, classes).
        labels: int64, shape (N,), below the number of classes.

    Raises:
        ValueError: the types, shapes or labels differ from these, a logit is NaN, or N is 0.
    """
    logits, labels = _pairs(logits, labels)
    classes = logits.size(1)
    return torch.bincount(labels * classes + logits.argmax(1), minlength=classes**2).view(
        classes, classes
    )


@dataclass(frozen=True)
class Calibration:
    """Confidence against accuracy in bins of equal width; empty bins are left out.

    `confidence` and `accuracy` are means over each bin, in [0, 1]; `count` is its number of
    images; `error` is the expected calibration error, the mean gap weighted by count.
    """

    confidence: Tensor
    accuracy: Tensor
    count: Tensor
    error: float


def calibration(logits: Tensor, labels: Tensor, bins: int = 15) -> Calibration:
    """Returns how far a classifier's largest softmax output is from its accuracy.

    Args:
        logits: shape (N, classes).
        labels: int64, shape (N,), below the number of classes.
        bins: number of bins over [0, 1], at least 1.

    Raises:
        ValueError: the types, shapes or labels differ from these, a logit is NaN, a row has no
            softmax, N is 0, or `bins` is below 1.

    Source: Guo et al., On Calibration of Modern Neural Networks, 2017, equation 3.
    """
    logits, labels = _pairs(logits, labels)
    whole("bins", bins)
    confidence, predicted = logits.double().softmax(1).max(1)
    if confidence.isnan().any():
        raise ValueError("logits must have a softmax: no row may be infinite.")
    correct = (predicted == labels).double()
    index = (confidence * bins).long().clamp(max=bins - 1)
    count = torch.bincount(index, minlength=bins)
    kept = count > 0
    mean_confidence = torch.bincount(index, confidence, bins)[kept] / count[kept]
    mean_accuracy = torch.bincount(index, correct, bins)[kept] / count[kept]
    gap = (mean_confidence - mean_accuracy).abs()
    error = (gap * count[kept]).sum().item() / len(labels)
    return Calibration(mean_confidence, mean_accuracy, count[kept], error)


def _pairs(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Returns logits and their labels on the CPU; raises ValueError where they are no pairs."""
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or len(labels) == 0:
        raise ValueError(
            "logits must have shape (N, classes) and labels (N,), with N at least 1, "
            f"not {tuple(logits.shape)} and {tuple(labels.shape)}."
        )
    check_logits(logits)
    check_labels(labels, classes=logits.size(1))
    return logits.cpu(), labels.cpu()
