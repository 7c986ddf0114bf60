"""Accuracy, confusion and calibration against cases worked out by hand."""

from __future__ import annotations

import pytest
import torch

from aigc_utils import cnn, evaluation
from aigc_utils.data import load_mnist


def test_accuracy_counts_in_percent() -> None:
    logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0], [1.0, 0.0]])
    assert evaluation.accuracy(logits, torch.tensor([0, 1, 1, 0])) == 75.0


@pytest.mark.parametrize("shape", [(3,), (0,), (4, 1)])
def test_wrong_shapes_are_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="logits must have shape"):
        evaluation.accuracy(torch.zeros(4, 2), torch.zeros(shape, dtype=torch.long))


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
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(50_000, 10, generator=generator) * 2
    labels = torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]
    assert evaluation.calibration(logits, labels).error < 0.01
    assert evaluation.calibration(logits * 3, labels).error > 0.1


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
