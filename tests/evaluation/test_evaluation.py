"""Every measure against cases worked out by hand, closed forms or another library."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from prdc import compute_prdc
from torch import Tensor

from aigc_utils import cnn, evaluation
from aigc_utils.data import load_mnist
from aigc_utils.evaluation import Judgement, judge_images


def test_accuracy_counts_in_percent() -> None:
    logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0], [1.0, 0.0]])
    assert evaluation.accuracy(logits, torch.tensor([0, 1, 1, 0])) == 75.0


@pytest.mark.parametrize("shape", [(3,), (0,), (4, 1)])
def test_wrong_shapes_are_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="logits must have shape"):
        evaluation.accuracy(torch.zeros(4, 2), torch.zeros(shape, dtype=torch.long))


def test_the_margin_of_an_accuracy_is_the_binomials() -> None:
    torch.manual_seed(0)
    hits = torch.distributions.Binomial(5000, torch.tensor(0.98)).sample((4000,))
    spread = (100 * hits / 5000).std().item()
    assert evaluation.margin(98.0, 5000) == pytest.approx(1.96 * spread, rel=0.05)
    assert evaluation.margin(98.0, 20_000) == pytest.approx(evaluation.margin(98.0, 5000) / 2)
    for accuracy_, count in ((101.0, 10), (-1.0, 10), (50.0, 0)):
        with pytest.raises(ValueError, match="is no accuracy"):
            evaluation.margin(accuracy_, count)


def test_confusion_matrix_rows_are_labels() -> None:
    logits = torch.eye(3)[torch.tensor([0, 1, 1, 2, 0])]
    labels = torch.tensor([0, 1, 2, 2, 2])
    expected = torch.tensor([[1, 0, 0], [0, 1, 0], [1, 1, 1]])
    assert torch.equal(evaluation.confusion_matrix(logits, labels), expected)


def test_calibration_error_by_hand() -> None:
    # Two answers 90 % sure, one of them right; two 60 % sure, both right.
    p = torch.tensor([0.9, 0.9, 0.6, 0.6])
    logits = torch.stack([p, 1 - p], 1).log()
    result = evaluation.calibration(logits, torch.tensor([0, 1, 0, 0]), bins=10)
    assert result.error == pytest.approx((2 * 0.4 + 2 * 0.4) / 4, abs=1e-6)
    assert result.count.tolist() == [2, 2]
    assert result.accuracy.tolist() == [1.0, 0.5]


def test_calibration_of_labels_drawn_from_the_softmax_is_near_zero() -> None:
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(50_000, 10, generator=rng) * 2
    labels = torch.multinomial(logits.softmax(1), 1, generator=rng)[:, 0]
    assert evaluation.calibration(logits, labels).error < 0.01
    assert evaluation.calibration(logits * 3, labels).error > 0.1


def nan_logits() -> Tensor:
    logits = torch.zeros(3, 4)
    logits[1, 2] = math.nan
    return logits


MEASURES = [evaluation.accuracy, evaluation.confusion_matrix, evaluation.calibration]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (nan_logits(), torch.zeros(3).long(), "^logits must be numbers, but some are NaN"),
        (torch.zeros(3, 4), torch.tensor([0, 1, 4]), "^labels must be from 0 to 3"),
        (torch.zeros(3, 4), torch.tensor([0, -1, 3]), "^labels must be from 0 to 3"),
        (torch.zeros(3, 4), torch.zeros(3), "^labels must be int64"),
        (torch.zeros(300, 300), torch.zeros(300).to(torch.uint8), "^labels must be int64"),
        (torch.zeros(3, 0), torch.zeros(3).long(), "^logits must have shape"),
    ],
    ids=["NaN", "too high", "too low", "float", "uint8", "no class"],
)
def test_logits_and_labels_that_are_none(
    measure: Any, logits: Tensor, labels: Tensor, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as error:
        measure(logits, labels)
    assert ". " not in str(error.value)


@pytest.mark.parametrize("bins", [0, -3, 2.5])
def test_calibration_needs_bins(bins: Any) -> None:
    with pytest.raises(ValueError, match=r"^bins must be"):
        evaluation.calibration(torch.zeros(3, 4), torch.zeros(3).long(), bins=bins)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_calibration_of_a_row_without_a_softmax(value: float) -> None:
    logits = torch.zeros(2, 4)
    logits[1] = value
    with pytest.raises(ValueError, match="must have a softmax"):
        evaluation.calibration(logits, torch.zeros(2).long())
    logits[1, 0] = 0
    if value < 0:  # what a mask hides is no trouble
        assert evaluation.calibration(logits, torch.zeros(2).long()).count.sum() == 2


def test_predict_refuses_other_images() -> None:
    images, model = load_mnist().test_images[:3], cnn.MLP(8)
    wrong = [images.float(), images / 255, images[:, 0], images[..., 1:], images[:0], images.long()]
    for other in wrong:
        with pytest.raises(ValueError, match=r"^images must be uint8"):
            evaluation.predict(model, other)
    for size in (0, -1):
        with pytest.raises(ValueError, match=r"^batch_size must be a whole number of at least 1"):
            evaluation.predict(model, images, batch_size=size)


def test_predict_of_a_model_without_parameters() -> None:
    images = load_mnist().test_images[:3]
    assert evaluation.predict(torch.nn.Flatten(), images).shape == (3, 784)


def test_predict_uses_evaluation_mode_and_gives_the_mode_back() -> None:
    images = load_mnist().test_images[:50]
    model = cnn.CourseCNN(dropout=0.5).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    first = evaluation.predict(model, images)
    assert torch.equal(first, evaluation.predict(model, images))
    assert torch.allclose(first, evaluation.predict(model, images, batch_size=7), atol=1e-5)
    assert model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


# --- the Fréchet distance -------------------------------------------------------------------


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def with_moments(mean: Tensor, covariance: Tensor, count: int, seed: int) -> Tensor:
    """Returns a sample whose own mean and covariance are the given ones: whitened, recoloured."""
    x = normal(count, len(mean), seed=seed)
    x -= x.mean(0)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(x.T.cov()), x.T, upper=False).T
    return white @ torch.linalg.cholesky(covariance).T + mean


def random_covariance(width: int, seed: int) -> Tensor:
    root = normal(width, 2 * width, seed=seed)
    return root @ root.T / width


@pytest.mark.parametrize("shape", [(300, 20), (15, 64), (50, 1)])
def test_frechet_distance_of_a_set_and_itself_shuffled_is_zero(shape: tuple[int, int]) -> None:
    a = 30 * normal(*shape).relu() + 100
    assert evaluation.frechet_distance(a, a) == pytest.approx(0, abs=1e-7)
    assert evaluation.frechet_distance(a, a.flip(0)) == pytest.approx(0, abs=1e-7)
    assert evaluation.frechet_distance(a, a) >= 0


def test_frechet_distance_of_shifted_sets_is_the_squared_shift() -> None:
    a = normal(200, 8)
    shift = torch.arange(8.0)
    assert evaluation.frechet_distance(a, a + shift) == pytest.approx(140, rel=1e-9)


def test_frechet_distance_of_commuting_covariances() -> None:
    variances_a, variances_b = torch.tensor([1.0, 4, 9]), torch.tensor([16.0, 4, 1])
    a = with_moments(torch.zeros(3).double(), variances_a.diag().double(), 50, seed=1)
    b = with_moments(torch.ones(3).double(), variances_b.diag().double(), 80, seed=2)
    # |mean|^2 = 3, and the standard deviations are 1, 2, 3 against 4, 2, 1.
    assert evaluation.frechet_distance(a, b) == pytest.approx(3 + 9 + 0 + 4, rel=1e-9)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_frechet_distance_agrees_with_scipy(scale: float) -> None:
    means = normal(2, 12, seed=3)
    one, two = random_covariance(12, seed=4), random_covariance(12, seed=5)
    a = scale * with_moments(means[0], one, 100, seed=6)
    b = scale * with_moments(means[1], two, 70, seed=7)
    root = scipy.linalg.sqrtm((one @ two).numpy()).real
    expected = (means[0] - means[1]).square().sum() + torch.trace(one + two) - 2 * np.trace(root)
    result = evaluation.frechet_distance(a, b)
    assert result == pytest.approx(scale**2 * expected.item(), rel=1e-9)
    assert evaluation.frechet_distance(b, a) == pytest.approx(result, rel=1e-12)
    assert evaluation.frechet_distance(a[torch.randperm(100)], b) == pytest.approx(result, rel=1e-9)
    assert evaluation.frechet_distance(a.float(), b.float()) == pytest.approx(result, rel=1e-5)


@pytest.mark.parametrize("offset", [0.0, 1e4, 1e6])
def test_frechet_distance_does_not_depend_on_where_the_sets_lie(offset: float) -> None:
    a, b = normal(200, 6), 2 * normal(150, 6, seed=1) + 1
    expected = evaluation.frechet_distance(a, b)
    moved = evaluation.frechet_distance(a + offset, b + offset)
    assert moved == pytest.approx(expected, rel=1e-7)


def test_frechet_distance_takes_any_number_type() -> None:
    a, b = ((8 * normal(50, 3, seed=s)).round() for s in (1, 2))
    expected = evaluation.frechet_distance(a, b)
    for dtype in (torch.int64, torch.int8, torch.float16, torch.bfloat16):
        assert evaluation.frechet_distance(a.to(dtype), b) == pytest.approx(expected, rel=1e-12)


def test_features_whose_squares_overflow_are_refused() -> None:
    with pytest.raises(ValueError, match="Features must be at most"):
        evaluation.frechet_distance(1e200 * normal(9, 3), normal(9, 3))


# --- precision, recall, density, coverage ---------------------------------------------------


def test_precision_recall_density_coverage_by_hand() -> None:
    real = torch.tensor([[0.0], [1.0], [3.0], [7.0]])  # reach 1, 1, 2 and 4 with k = 1
    fake = torch.tensor([[0.5], [0.7], [20.0]])  # reach 0.2, 0.2 and 19.3
    # The stray fake at 20 reaches 1, 3 and 7, and makes the recall look good.
    assert evaluation.precision_recall(real, fake, k=1) == (2 / 3, 3 / 4)
    # 0.5 and 0.7 are each within the reach of 0 and 1; 20 is in nobody's.
    assert evaluation.density_coverage(real, fake, k=1) == pytest.approx((4 / 3, 2 / 4))
    # With k = 2 the reaches are 3, 2, 3 and 6, and 0.5 and 0.7 within those of 0, 1 and 3.
    assert evaluation.density_coverage(real, fake, k=2) == pytest.approx((6 / 3 / 2, 3 / 4))


@pytest.mark.parametrize(
    ("reals", "fakes", "width", "k"), [(400, 300, 64, 3), (300, 700, 5, 5), (260, 90, 2, 1)]
)
def test_precision_recall_density_coverage_agree_with_prdc(
    reals: int, fakes: int, width: int, k: int
) -> None:
    real = normal(reals, width, seed=1).relu().float()
    fake = (0.8 * normal(fakes, width, seed=2) + 0.2).relu().float()
    expected = compute_prdc(real.double().numpy(), fake.double().numpy(), nearest_k=k)
    precision, recall = evaluation.precision_recall(real, fake, k)
    density, coverage = evaluation.density_coverage(real, fake, k)
    found = {"precision": precision, "recall": recall, "density": density, "coverage": coverage}
    assert found == pytest.approx(expected)
    assert 0.05 < recall < 1
    assert 0.05 < coverage < 1


def test_identical_sets_have_everything_in_common() -> None:
    a = normal(600, 16).float()
    assert evaluation.precision_recall(a, a.clone()) == (1, 1)
    # Within each reach are the example itself and k - 1 others, so the density is 1.
    assert evaluation.density_coverage(a, a.clone()) == (1, 1)


def measured(real: Tensor, fake: Tensor, k: int) -> dict[str, float]:
    precision, recall = evaluation.precision_recall(real, fake, k)
    density, coverage = evaluation.density_coverage(real, fake, k)
    return {"precision": precision, "recall": recall, "density": density, "coverage": coverage}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tight_clusters_far_from_their_middle(dtype: torch.dtype) -> None:
    r = torch.tensor([[-1.0], [-1.0002], [-1.0004], [1.0], [1.0002], [1.0004]], dtype=dtype)
    assert evaluation.precision_recall(r, r, 1) == (1, 1)
    assert evaluation.density_coverage(r, r, 1)[1] == 1


@pytest.mark.parametrize("spread", [0.2, 0.002])
def test_a_ring_of_narrow_gaussians_agrees_with_prdc(spread: float) -> None:
    def ring(count: int, seed: int) -> Tensor:
        angle = torch.arange(count) % 8 * math.pi / 4
        middle = torch.stack([angle.cos(), angle.sin()], 1)
        return (middle + spread * normal(count, 2, seed=seed)).float()

    real, fake = ring(1000, 1), ring(1000, 2)
    for k in (1, 5):
        expected = compute_prdc(real.double().numpy(), fake.double().numpy(), nearest_k=k)
        assert measured(real, fake, k) == pytest.approx(expected, abs=1e-12)


def test_what_is_as_near_as_the_nearest_neighbour_is_out_of_reach() -> None:
    real = torch.tensor([[3.0], [2.0], [1.0], [4.0], [3.0]])
    fake = torch.tensor([[4.0], [2.0], [0.0]])
    expected = {"precision": 2 / 3, "recall": 1.0, "density": 2 / 3, "coverage": 2 / 5}
    assert measured(real, fake, 1) == pytest.approx(expected)
    found = compute_prdc(real.double().numpy(), fake.double().numpy(), nearest_k=1)
    assert found == pytest.approx(expected)
    # Whole numbers in any type, and wherever the zero lies.
    assert measured(real.long(), fake.to(torch.int8), 1) == pytest.approx(expected)
    assert measured(real + 2**20, fake + 2**20, 1) == pytest.approx(expected)


@pytest.mark.parametrize(("width", "offset"), [(1, 0.0), (3, 1e3), (64, 0.0), (64, 1e3), (67, 1e3)])
def test_equal_distances_are_equal_to_the_bit_in_any_place(width: int, offset: float) -> None:
    # An example reaches its own copy and those of its k - 1 nearest, and never that of the k-th.
    real = (normal(601, width) + offset).float()
    order = torch.randperm(601, generator=torch.Generator().manual_seed(1))
    for k in (1, 2, 7):
        assert evaluation.density_coverage(real, real[order], k) == (1, 1)
        few = evaluation.density_coverage(real, real[order[:50]], k)[0]
        others = evaluation.density_coverage(real, real[order[50:]], k)[0]
        assert 50 * few + 551 * others == pytest.approx(601, abs=1e-9)


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_reach_does_not_depend_on_the_scale(scale: float) -> None:
    real, fake = normal(40, 3), normal(30, 3, seed=1)
    assert measured(scale * real, scale * fake, 2) == measured(real, fake, 2)


def test_distant_sets_have_nothing_in_common() -> None:
    a = normal(60, 16).float()
    assert evaluation.precision_recall(a, a + 100) == (0, 0)
    assert evaluation.density_coverage(a, a + 100) == (0, 0)


def test_order_chunks_and_place_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = normal(500, 8, seed=1), normal(400, 8, seed=2)
    expected = measured(real, fake, 3)
    assert measured(real.flip(0), fake.flip(0), 3) == expected
    assert measured(real.T.contiguous().T, fake.T.contiguous().T, 3) == expected
    assert measured(real + 1e5, fake + 1e5, 3) == expected
    monkeypatch.setattr(evaluation.reach, "CHUNK", 7)
    assert measured(real, fake, 3) == expected


@pytest.mark.parametrize(
    ("measure", "needed"),
    [
        (evaluation.frechet_distance, 2),
        (evaluation.precision_recall, 4),
        (evaluation.density_coverage, 6),
    ],
)
def test_features_that_cannot_be_compared(measure: Any, needed: int) -> None:
    enough = normal(needed, 3)
    measure(enough, enough)
    with pytest.raises(ValueError, match=rf"more than {needed - 1} examples, not \d and \d\.$"):
        measure(enough, enough[1:])
    with pytest.raises(ValueError, match="more than"):
        measure(enough[1:], enough)
    with pytest.raises(ValueError, match=r"with one D, not \(\d, 3\) and \(\d, 2\)\.$"):
        measure(enough, enough[:, :2])
    with pytest.raises(ValueError, match="with one D"):
        measure(enough[:, 0], enough[:, 0])
    for value in (math.nan, math.inf):
        broken = enough.clone()
        broken[0, 0] = value
        with pytest.raises(ValueError, match=r"must be finite"):
            measure(broken, enough)
        with pytest.raises(ValueError, match=r"must be finite"):
            measure(enough, broken)


def test_a_reach_needs_a_neighbour() -> None:
    for measure in (evaluation.precision_recall, evaluation.density_coverage):
        with pytest.raises(ValueError, match="k must be a whole number of at least 1, not 0"):
            measure(normal(5, 2), normal(5, 2), k=0)
        with pytest.raises(ValueError, match="k must be a whole number"):
            measure(normal(5, 2), normal(5, 2), k=1.5)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="real numbers"):
            measure(normal(9, 2) + 1j, normal(9, 2))
        with pytest.raises(ValueError, match="with one D"):
            measure(normal(9, 0), normal(9, 0))


# --- the balance of classes -----------------------------------------------------------------


def test_class_kl_by_hand() -> None:
    assert evaluation.class_kl(torch.arange(10).repeat(7)) == pytest.approx(0, abs=1e-12)
    assert evaluation.class_kl(torch.full((9,), 3)) == pytest.approx(math.log(10))
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert evaluation.class_kl(torch.tensor([0, 1, 0, 0]), classes=2) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.zeros(3), r"int64 of shape \(N,\), .* not torch.float32 of shape \(3,\)\.$"),
        (torch.zeros(3, 1, dtype=torch.long), r"not torch.int64 of shape \(3, 1\)\.$"),
        (torch.zeros(0, dtype=torch.long), "N at least 1"),
        (torch.tensor([0, 10]), "from 0 to 9"),
        (torch.tensor([0, -1]), "from 0 to 9"),
    ],
)
def test_class_kl_refuses(labels: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluation.class_kl(labels)


# --- the scores of a set of samples ---------------------------------------------------------


@pytest.fixture(scope="module")
def judged() -> tuple[Judgement, Tensor]:
    """Returns what the judge makes of 8,000 test images, drawn at random, and their labels."""
    mnist = load_mnist()
    # MNIST's test images lie in two parts of different difficulty, so no slice is a fair sample.
    order = torch.randperm(10_000, generator=torch.Generator().manual_seed(0))[:8000]
    return judge_images(mnist.test_images[order]), mnist.test_labels[order]


def some(judgement: Judgement, which: Tensor) -> Judgement:
    return Judgement(*(part[which] for part in judgement))


def test_a_missing_digit_shows(judged: tuple[Judgement, Tensor]) -> None:
    judgement, labels = judged
    numbers = torch.arange(8000)
    reference = some(judgement, numbers < 3000)
    others = numbers[numbers >= 3000]
    every = some(judgement, others[:3000])
    without = some(judgement, others[labels[others] != 7][:3000])
    floor = some(judgement, others[-3000:])
    good = evaluation.score_samples(every, reference, floor)
    bad = evaluation.score_samples(without, reference, floor)
    assert good.frechet_floor == bad.frechet_floor
    assert good.frechet_floor == pytest.approx(good.frechet, abs=0.3)
    assert bad.frechet > 5 * good.frechet
    assert bad.recall < good.recall - 0.05
    assert bad.coverage < good.coverage - 0.05
    assert bad.precision == pytest.approx(good.precision, abs=0.03)
    assert bad.density > good.density - 0.05
    assert good.class_kl < 0.005
    assert bad.class_kl == pytest.approx(math.log(10 / 9), abs=0.01)


def test_score_samples_takes_images_or_judgements() -> None:
    images = load_mnist().test_images[:60]
    samples, reference = images[:20], images[20:]
    from_images = evaluation.score_samples(samples, reference, floor=samples)
    assert from_images.frechet_floor == from_images.frechet
    without_floor = dataclasses.replace(from_images, frechet_floor=None)
    assert evaluation.score_samples(samples, reference) == without_floor
    judgements = judge_images(samples), judge_images(reference)
    assert evaluation.score_samples(*judgements) == without_floor
    assert evaluation.score_samples(samples, judgements[1]) == without_floor
    itself = evaluation.score_samples(samples, samples)
    assert itself.frechet == pytest.approx(0, abs=1e-6)
    assert (itself.precision, itself.recall, itself.coverage) == (1, 1, 1)


def test_score_samples_counts_the_classes_that_the_judge_sees() -> None:
    mnist = load_mnist()
    ones = mnist.test_images[mnist.test_labels == 1][:30]
    assert evaluation.score_samples(ones, mnist.test_images[:30]).class_kl == math.log(10)


def test_score_samples_refuses() -> None:
    images = load_mnist().test_images[:20]
    with pytest.raises(ValueError, match=r"floor must hold 10 images, as samples, not 9\.$"):
        evaluation.score_samples(images[:10], images[10:], floor=images[:9])
    with pytest.raises(ValueError, match="more than 5 examples"):
        evaluation.score_samples(images[:5], images)
    with pytest.raises(ValueError, match="must be uint8"):
        evaluation.score_samples(images.float(), images)
    features, logits = judge_images(images)
    with pytest.raises(ValueError, match="logits must be numbers"):
        evaluation.score_samples(Judgement(features, logits * math.nan), images)
    with pytest.raises(ValueError, match="of the same images"):
        evaluation.score_samples(Judgement(features, logits[:9]), images)


# --- nearest neighbours in pixels -----------------------------------------------------------


def test_nearest_neighbours_finds_copies_and_the_first_of_equals() -> None:
    training = load_mnist().train_images[:1000].clone()
    training[600] = training[70]
    places = torch.tensor([3, 999, 250, 600, 249])
    distances, indices = evaluation.nearest_neighbours(training[places], training)
    assert indices.tolist() == [3, 999, 250, 70, 249]
    assert distances.tolist() == [0] * 5


def test_nearest_neighbours_against_every_distance() -> None:
    mnist = load_mnist()
    samples, training = mnist.test_images[:30], mnist.train_images[:700]
    pixels = [(images / 255).flatten(1).double() for images in (samples, training)]
    every = torch.cdist(*pixels, compute_mode="donot_use_mm_for_euclid_dist")
    distances, indices = evaluation.nearest_neighbours(samples, training)
    assert torch.equal(indices, every.argmin(1))
    torch.testing.assert_close(distances, every.min(1).values, rtol=1e-6, atol=0)
    strided = samples.transpose(2, 3).contiguous().transpose(2, 3)
    again = evaluation.nearest_neighbours(strided, training.transpose(0, 1).transpose(0, 1))
    assert torch.equal(again[0], distances)
    assert torch.equal(again[1], indices)


def test_nearest_neighbours_refuses() -> None:
    images = load_mnist().test_images[:4]
    with pytest.raises(ValueError, match=r"must be uint8, not torch.float32 and torch.uint8\.$"):
        evaluation.nearest_neighbours(images / 255, images)
    with pytest.raises(ValueError, match="must be uint8"):
        evaluation.nearest_neighbours(images, images.long())
    for other in (images[:, :, :14], images[:0], images[:, :, :, :0]):
        with pytest.raises(ValueError, match="images of one shape, at least one each"):
            evaluation.nearest_neighbours(images, other)
