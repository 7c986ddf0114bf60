"""Measures of generated images against real ones.

They compare the judge's 64 features (`judge.py`). Compare only scores of sets of one size against
one reference, as they change with the number of images. They compute in float64 where recipes
train, a graphics card that has it or the CPU, on tensors of any device.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..data import check_labels, check_logits, check_tensor
from ..devices import device, exact
from ..limits import whole
from .judge import Judgement, judge_images
from .reach import Reached, relative_squares, within_reach

#: Training images that are compared at a time.
CHUNK = 250

#: Of features for the Fréchet distance: sums of their squares stay finite in float64.
LARGEST = 1e140

#: The neighbours of precision and recall, as in their paper's experiments.
PRECISION_K = 3
#: The neighbours of density and coverage, as in theirs.
COVERAGE_K = 5


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Returns the squared Fréchet distance between Gaussians fitted to two sets of features.

    That is |mean_a - mean_b|^2 + trace(cov_a + cov_b - 2 (cov_a cov_b)^(1/2)), in squared units
    of the features. Two samples of one distribution are apart too, the less the larger they are.

    The sets have shapes (N, D) and (M, D), N and M at least 2, of any number type and device.

    Raises:
        ValueError: too few examples, differing widths, a number that isn't finite, or one whose
            square isn't.

    Source: Dowson and Landau 1982, The Fréchet distance between multivariate normal
    distributions; Heusel et al. 2017, GANs trained by a two time-scale update rule, equation 6.
    """
    a, b = _features(a, b)
    if max(a.abs().max(), b.abs().max()) > LARGEST:
        raise ValueError(f"Features must be at most {LARGEST:g}, so that their squares are finite.")
    root_a, root_b = _covariance_root(a), _covariance_root(b)
    # The trace of the product's root is the sum of these singular values: symmetric in a and b,
    # and exact to rounding also where a covariance has no inverse.
    overlap = torch.linalg.svdvals(root_a.T @ root_b).sum()
    spread = root_a.square().sum() + root_b.square().sum() - 2 * overlap
    shift = (a.mean(0) - b.mean(0)).square().sum()
    return max(float(shift + spread), 0.0)


def precision_recall(real: Tensor, fake: Tensor, k: int = PRECISION_K) -> tuple[float, float]:
    """Returns precision and recall, each in [0, 1].

    Precision is the share of fakes within reach of a real example, recall the share of real
    examples within reach of a fake. An example reaches all that is nearer to it than its k-th
    nearest neighbour in its own set. The features have shapes (N, D) and (M, D), N and M above k,
    of any number type and device. What is as near as that neighbour is out of reach, to the bit.

    Raises:
        ValueError: `k` below 1, too few examples, differing widths, or a number that isn't finite.

    Source: Kynkäänniemi et al. 2019, Improved precision and recall metric for assessing
    generative models, equations 1 and 2.
    """
    real, fake = _features(real, fake, k)
    return _precision_recall(within_reach(real, fake, k)[0], within_reach(fake, real, k)[0])


def density_coverage(real: Tensor, fake: Tensor, k: int = COVERAGE_K) -> tuple[float, float]:
    """Returns density, 0 or more, and coverage, in [0, 1].

    Density is the mean number of real examples within whose reach a fake lies, divided by k: 1 is
    expected of a perfect model, and more of one that stays where real examples are dense.
    Coverage is the share of real examples with a fake within their reach.

    Shapes and reach are those of `precision_recall`.

    Raises:
        ValueError: `k` below 1, too few examples, differing widths, or a number that isn't finite.

    Source: Naeem et al. 2020, Reliable fidelity and diversity metrics for generative models.
    """
    return _density_coverage(within_reach(*_features(real, fake, k), k)[0], k)


def class_kl(labels: Tensor, classes: int = 10) -> float:
    """Returns the KL divergence of the labels' histogram from equal shares, in nats.

    It is 0 for equal shares and log(classes) where all labels, int64, shape (N,), are the same.

    Raises:
        ValueError: the labels are of another type or shape, or not from 0 to `classes` - 1.
    """
    whole("classes", classes)
    check_labels(labels, classes=classes)
    shares = torch.bincount(labels, minlength=classes).cpu().double() / len(labels)
    return torch.xlogy(shares, shares * classes).sum().item()


@dataclass(frozen=True)
class SampleScores:
    """What `score_samples` measured, by the functions of the same names.

    `frechet_floor` is the Fréchet distance of other real images, or None without any;
    `class_kl` is of the classes that the judge sees in the samples.
    """

    frechet: float
    frechet_floor: float | None
    precision: float
    recall: float
    density: float
    coverage: float
    class_kl: float


def score_samples(
    samples: Tensor | Judgement,
    reference: Tensor | Judgement,
    floor: Tensor | Judgement | None = None,
) -> SampleScores:
    """Returns how near a set of samples is to a reference of real images, by the judge's features.

    Args:
        samples: generated images, or real ones for the scores of a perfect model: uint8, shape
            (N, 1, 28, 28), or what `judge_images` made of them, which saves judging them again.
        reference: real images, at best none that the model was trained on.
        floor: other real images, as many as samples, for `frechet_floor`.

    Raises:
        ValueError: wrong types or shapes, 5 images or fewer, or a floor of another size.
        DataError: the judge's weights can't be read.
    """
    fake, real = _judged(samples), _judged(reference)
    other = None if floor is None else _judged(floor)
    if other is not None and len(other.features) != len(fake.features):
        count = len(fake.features)
        raise ValueError(f"floor must hold {count} images, as samples, not {len(other.features)}.")
    a, b = _features(real.features, fake.features, max(PRECISION_K, COVERAGE_K))
    # One pass over the distances serves both pairs of measures: two passes in place of three.
    near, wide = within_reach(a, b, PRECISION_K, COVERAGE_K)
    (back,) = within_reach(b, a, PRECISION_K)
    precision, recall = _precision_recall(near, back)
    density, coverage = _density_coverage(wide, COVERAGE_K)
    return SampleScores(
        frechet=frechet_distance(fake.features, real.features),
        frechet_floor=None if other is None else frechet_distance(other.features, real.features),
        precision=precision,
        recall=recall,
        density=density,
        coverage=coverage,
        class_kl=class_kl(fake.logits.argmax(1)),
    )


def nearest_neighbours(samples: Tensor, training: Tensor) -> tuple[Tensor, Tensor]:
    """Returns each sample's distance to the nearest training image, and that image's index.

    Distances are Euclidean, over pixels of 0 to 1: float64, shape (N,), and 0 for a copy. Indices
    are int64, shape (N,), the first of equals. Images are uint8, (N, ...) and (M, ...). Both lie
    where the samples lie, though distances not on MPS, which has no float64.

    Raises:
        ValueError: other types, differing shapes, or no images.
    """
    check_tensor("samples", samples)
    check_tensor("training", training)
    if not samples.dtype == training.dtype == torch.uint8:
        raise ValueError(f"Images must be uint8, not {samples.dtype} and {training.dtype}.")
    alike = samples.ndim > 1 and samples.shape[1:] == training.shape[1:]
    if not alike or 0 in (*samples.shape, len(training)):
        raise ValueError(
            "samples and training must hold images of one shape, at least one each, not "
            f"{tuple(samples.shape)} and {tuple(training.shape)}."
        )
    # In float64 the whole numbers up to 784 * 255^2 are exact, and so are copies and equals.
    rows = samples.to(exact(device())).flatten(1).double()
    parts = [
        relative_squares(rows, part.to(rows.device).flatten(1).double()).min(1)
        for part in training.split(CHUNK)
    ]
    squares, chunk = torch.stack([part.values for part in parts]).min(0)
    squares += rows.square().sum(1)
    index = torch.stack([part.indices for part in parts]).gather(0, chunk[None])[0]
    distances, indices = squares.sqrt() / 255, chunk * CHUNK + index
    return distances.to(exact(samples.device)), indices.to(samples.device)


def _features(a: Tensor, b: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
    """Returns two sets of features in float64, on one device; raises ValueError for unfit ones."""
    for name, features in (("Real features", a), ("Generated features", b)):
        check_tensor(name, features)
    if a.ndim != 2 or b.ndim != 2 or a.size(1) != b.size(1) or a.size(1) == 0:
        raise ValueError(
            "Features must have shapes (N, D) and (M, D), with one D, "
            f"not {tuple(a.shape)} and {tuple(b.shape)}."
        )
    whole("k", k)
    if min(len(a), len(b)) <= k:
        raise ValueError(f"Each set must hold more than {k} examples, not {len(a)} and {len(b)}.")
    if a.is_complex() or b.is_complex():
        raise ValueError("Features must be real numbers, not complex ones.")
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ValueError("Features must be finite, but some are NaN or infinite.")
    place = exact(device())
    return a.detach().to(place).double(), b.detach().to(place).double()


def _covariance_root(features: Tensor) -> Tensor:
    """Returns a matrix R in float64, shape (D, D), with R R^T the features' covariance."""
    covariance = torch.cov(features.T).view(features.size(1), -1)  # (D, D)
    values, vectors = torch.linalg.eigh(covariance)
    root: Tensor = vectors * values.clamp(min=0).sqrt()
    return root


def _precision_recall(by_real: Reached, by_fake: Reached) -> tuple[float, float]:
    return _mean(by_real.counts > 0), _mean(by_fake.counts > 0)


def _density_coverage(by_real: Reached, k: int) -> tuple[float, float]:
    return _mean(by_real.counts) / k, _mean(by_real.centres)


def _mean(values: Tensor) -> float:
    return values.double().mean().item()


def _judged(images: Tensor | Judgement) -> Judgement:
    judged = images if isinstance(images, Judgement) else judge_images(images)
    check_logits(judged.logits)
    if len(judged.features) != len(judged.logits):
        raise ValueError("A judgement must hold features and logits of the same images.")
    return judged
