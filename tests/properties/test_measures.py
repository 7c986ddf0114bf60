"""What holds of every measure, whatever is measured: against exact arithmetic, prdc and itself."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from prdc import compute_prdc
from torch import Tensor

from aigc_utils import evaluation

Numbers = st.SearchStrategy[float]
Sets = tuple[Tensor, Tensor, int]

#: Few whole numbers, so that many distances are equal; and any that float32 has.
WHOLE: Numbers = st.integers(-4, 4).map(float)
TENTHS: Numbers = st.integers(-20, 20).map(lambda n: float(np.float32(n / 10)))
ANY: Numbers = st.floats(-1000, 1000, width=32, allow_subnormal=False)


@st.composite
def sets(draw: st.DrawFn, numbers: Numbers, most: int = 9) -> Sets:
    """Draws real and generated features, and a number of neighbours that both have."""
    width = draw(st.integers(1, 3))
    row = st.lists(numbers, min_size=width, max_size=width)
    real, fake = (draw(st.lists(row, min_size=2, max_size=most)) for _ in range(2))
    k = draw(st.integers(1, min(len(real), len(fake)) - 1))
    return torch.tensor(real).double(), torch.tensor(fake).double(), k


def measured(real: Tensor, fake: Tensor, k: int) -> tuple[float, ...]:
    return (
        *evaluation.precision_recall(real, fake, k),
        *evaluation.density_coverage(real, fake, k),
    )


def exact(real: Tensor, fake: Tensor, k: int) -> tuple[float, ...]:
    """Returns precision, recall, density and coverage by their definitions, in whole fractions."""
    points = [[[Fraction(x) for x in row] for row in part.tolist()] for part in (real, fake)]

    def apart(a: list[Fraction], b: list[Fraction]) -> Fraction:
        return sum(((x - y) ** 2 for x, y in zip(a, b, strict=True)), Fraction(0))

    def reach(own: list[list[Fraction]]) -> list[Fraction]:
        rows = ((apart(a, b) for j, b in enumerate(own) if j != i) for i, a in enumerate(own))
        return [sorted(row)[k - 1] for row in rows]

    of_real, of_fake = map(reach, points)
    distances = [[apart(r, f) for f in points[1]] for r in points[0]]
    inside = [[d < of_real[i] for d in row] for i, row in enumerate(distances)]
    recalled = [any(d < of_fake[j] for j, d in enumerate(row)) for row in distances]
    reals, fakes = len(real), len(fake)
    return (
        sum(map(any, zip(*inside, strict=True))) / fakes,
        sum(recalled) / reals,
        sum(map(sum, inside)) / (k * fakes),
        sum(map(any, inside)) / reals,
    )


@given(st.one_of(sets(WHOLE), sets(TENTHS), sets(ANY)))
def test_reach_is_that_of_exact_arithmetic(drawn: Sets) -> None:
    assert measured(*drawn) == pytest.approx(exact(*drawn), abs=1e-12)


@given(sets(WHOLE, most=20))
def test_reach_agrees_with_prdc(drawn: Sets) -> None:
    real, fake, k = drawn
    assume(k + 1 < min(len(real), len(fake)))  # it looks at one neighbour more than it needs
    found = compute_prdc(real.numpy(), fake.numpy(), nearest_k=k)
    assert measured(*drawn) == pytest.approx(tuple(found.values()), abs=1e-12)


@given(sets(WHOLE), st.integers(-(2**40), 2**40), st.integers(-300, 300))
def test_reach_does_not_depend_on_order_place_or_scale(
    drawn: Sets, offset: int, power: int
) -> None:
    real, fake, k = drawn
    expected = pytest.approx(measured(real, fake, k), abs=1e-12)
    assert measured(real.flip(0), fake.flip(0).flip(1).flip(1), k) == expected
    assert measured(real.flip(1), fake.flip(1), k) == expected
    assert measured(real + offset, fake + offset, k) == expected
    assert measured(real * 2.0**power, fake * 2.0**power, k) == expected
    assert measured(-3 * real, -3 * fake, k) == expected
    narrow = real.float(), fake.float()
    assert measured(*narrow, k) == expected


@given(sets(ANY), st.booleans())
def test_a_set_against_itself_has_all_in_common(drawn: Sets, narrow: bool) -> None:
    real, _, k = drawn
    assume(len(real.unique(dim=0)) == len(real) > k)
    real = real.float() if narrow else real
    precision, recall, _, coverage = measured(real, real, k)
    assert (precision, recall, coverage) == (1, 1, 1)


@given(sets(ANY))
def test_frechet_distance_is_a_distance(drawn: Sets) -> None:
    real, fake, _ = drawn
    distance = evaluation.frechet_distance(real, fake)
    scale = 1 + real.square().sum().item() + fake.square().sum().item()
    close = pytest.approx(distance, abs=1e-7 * scale)
    assert distance >= 0
    assert evaluation.frechet_distance(fake, real) == close
    assert evaluation.frechet_distance(real.flip(0), fake.flip(1).flip(1)) == close
    assert evaluation.frechet_distance(real.flip(1), fake.flip(1)) == close
    assert evaluation.frechet_distance(real, real) == pytest.approx(0, abs=1e-7 * scale)
    shift = (real.mean(0) - fake.mean(0)).square().sum().item()
    assert distance >= shift - 1e-7 * scale


def bytes_of(count: int, seed: int) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, 1, 3, 4), dtype=torch.uint8, generator=rng)


@given(st.integers(1, 20), st.integers(1, 300), st.integers(0, 10_000))
def test_nearest_neighbours_are_the_nearest(samples: int, training: int, seed: int) -> None:
    a, b = bytes_of(samples, seed), bytes_of(training, seed + 1)
    distances, indices = evaluation.nearest_neighbours(a, b)
    squares = (a.long()[:, None] - b.long()[None]).square().flatten(2).sum(2)
    assert torch.equal(indices, squares.argmin(1))
    assert torch.equal(distances, squares.amin(1).double().sqrt() / 255)
    assert evaluation.nearest_neighbours(b, b)[0].eq(0).all()


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(5, 9))
def test_class_kl_lies_between_equal_shares_and_one_class(labels: list[int], classes: int) -> None:
    kl = evaluation.class_kl(torch.tensor(labels), classes)
    assert -1e-12 <= kl <= math.log(classes) + 1e-12
    assert evaluation.class_kl(torch.tensor(labels * 3), classes) == pytest.approx(kl, abs=1e-12)
    counts = [labels.count(label) for label in set(labels)]
    shares = [count / len(labels) for count in counts]
    expected = math.log(classes) + sum(share * math.log(share) for share in shares)
    assert kl == pytest.approx(expected, abs=1e-9)


@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 20), st.integers(0, 10_000))
def test_measures_of_a_classifier_agree(count: int, classes: int, bins: int, seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, classes, generator=rng) * 3
    labels = torch.randint(classes, (count,), generator=rng)
    matrix = evaluation.confusion_matrix(logits, labels)
    assert matrix.sum() == count
    assert torch.equal(matrix.sum(1), labels.bincount(minlength=classes))
    accuracy = evaluation.accuracy(logits, labels)
    assert accuracy == pytest.approx(100 * matrix.diag().sum().item() / count)
    measured = evaluation.calibration(logits, labels, bins)
    assert measured.count.sum() == count
    assert 0 <= measured.error <= 1
    mean = (measured.accuracy * measured.count).sum().item() / count
    assert 100 * mean == pytest.approx(accuracy, abs=1e-9)
    assert ((measured.confidence >= 1 / classes - 1e-12) & (measured.confidence <= 1)).all()
