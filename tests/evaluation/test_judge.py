"""The judge: what it sees, what it refuses, and that its weights are the ones meant."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, load_file, save
from torch import Tensor

from aigc_utils.data import ASSETS, MNIST, DataError, load_mnist, standardize
from aigc_utils.evaluation import accuracy, judge
from benchmarks import make_judge

WEIGHTS = ASSETS / "judge.safetensors"


@pytest.fixture(scope="module")
def mnist() -> MNIST:
    return load_mnist()


# --- the network ----------------------------------------------------------------------------


def test_the_judge_is_frozen() -> None:
    net = judge.load_judge()
    assert not any(module.training for module in net.modules())
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_logits_are_the_classifiers_of_64_features(mnist: MNIST) -> None:
    net = judge.load_judge()
    x = standardize(mnist.test_images[:20])
    features = net.features(x)
    assert features.shape == (20, 64)
    assert features.min() == 0
    assert net(x).shape == (20, 10)
    assert torch.equal(net(x), net.classifier(features))


def test_dropout_is_between_features_and_classifier() -> None:
    torch.manual_seed(0)
    net = judge.Judge(dropout=0.5)
    x = torch.randn(50, 1, 28, 28)
    assert not torch.equal(net(x), net(x))
    assert torch.equal(net.features(x), net.features(x))


# --- images ---------------------------------------------------------------------------------


def test_accuracy_on_the_test_images(mnist: MNIST) -> None:
    features, logits = judge.judge_images(mnist.test_images)
    assert features.shape == (10_000, 64)
    assert logits.shape == (10_000, 10)
    assert features.dtype == logits.dtype == torch.float32
    assert accuracy(logits, mnist.test_labels) >= 99.6
    assert (features.amax(0) > 0).all(), "Every feature says something."


def test_chunks_and_memory_order_do_not_matter(
    mnist: MNIST, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = mnist.test_images[:40]
    before = images.clone()
    features, logits = judge.judge_images(images)
    assert torch.equal(images, before)
    assert not features.requires_grad
    strided = images.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    assert not strided.is_contiguous()
    assert torch.equal(judge.judge_images(strided).features, features)
    monkeypatch.setattr(judge, "CHUNK", 7)
    again = judge.judge_images(images)
    torch.testing.assert_close(again.features, features, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(again.logits, logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(2, 1, 28, 28),
        torch.zeros(2, 1, 28, 28, dtype=torch.long),
        torch.zeros(2, 28, 28, dtype=torch.uint8),
        torch.zeros(2, 3, 28, 28, dtype=torch.uint8),
        torch.zeros(2, 1, 32, 32, dtype=torch.uint8),
        torch.zeros(0, 1, 28, 28, dtype=torch.uint8),
        torch.tensor(0, dtype=torch.uint8),
    ],
)
def test_wrong_images_are_named(images: Tensor) -> None:
    with pytest.raises(ValueError, match=r"^images must be uint8 of shape") as error:
        judge.judge_images(images)
    assert str(error.value).endswith(f"not {images.dtype} of shape {tuple(images.shape)}.")


# --- the file of weights --------------------------------------------------------------------


def test_weights_are_what_the_checksum_says() -> None:
    content = WEIGHTS.read_bytes()
    assert len(content) == judge.WEIGHTS_SIZE < 500_000
    assert hashlib.sha256(content).hexdigest() == judge.WEIGHTS_SHA256
    notice = (ASSETS / "NOTICE.md").read_text(encoding="utf-8")
    row = f"| `{WEIGHTS.name}` | {judge.WEIGHTS_SIZE} | `{judge.WEIGHTS_SHA256}` |"
    assert row in notice.splitlines()
    loaded = judge.load_judge().state_dict()
    stored = load_file(WEIGHTS)
    assert loaded.keys() == stored.keys()
    for name, value in loaded.items():
        assert torch.equal(value, stored[name].to(value.dtype)), name


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns a copy of the weights that a test may damage."""
    monkeypatch.setattr(judge, "ASSETS", tmp_path)
    return Path(shutil.copy(WEIGHTS, tmp_path))


def assert_refused(path: Path, problem: str) -> None:
    with pytest.raises(DataError) as error:
        judge.load_judge()
    message = str(error.value)
    assert f"{path} {problem}" in message
    assert message.endswith(
        ": restore it with `git checkout -- aigc_utils/assets`, or install the course again."
    )
    assert "\n" not in message
    assert ". " not in message


def test_missing_weights(weights: Path) -> None:
    judge.load_judge()
    weights.unlink()
    assert_refused(weights, "can't be read (")


@pytest.mark.parametrize("size", [0, 7, 1000, judge.WEIGHTS_SIZE - 1])
def test_weights_cut_short(weights: Path, size: int) -> None:
    weights.write_bytes(weights.read_bytes()[:size])
    assert_refused(weights, f"is cut short at {size} of {judge.WEIGHTS_SIZE} bytes")


@pytest.mark.parametrize("place", [0, 5000, -1])
def test_one_wrong_byte(weights: Path, place: int) -> None:
    content = bytearray(weights.read_bytes())
    content[place] ^= 1
    weights.write_bytes(content)
    assert_refused(weights, "is damaged")


def test_one_byte_too_many(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes() + b"\0")
    assert_refused(weights, "is damaged")


# --- how the weights are made ---------------------------------------------------------------


def test_training_takes_the_training_images_alone(
    mnist: MNIST, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make_judge, "EPOCHS", 1)
    nothing = torch.zeros(0)
    few = MNIST(mnist.train_images[:130], mnist.train_labels[:130], nothing, nothing)
    trained, again = make_judge.train(few), make_judge.train(few)
    fresh = judge.Judge()
    for name, value in trained.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert not torch.equal(trained.hidden.weight, fresh.hidden.weight)


def test_halved_weights_pass_through_a_file() -> None:
    net = judge.Judge()
    halves = load(save(make_judge.halve(net.state_dict())))
    for name, value in net.state_dict().items():
        assert halves[name].dtype == (torch.half if value.is_floating_point() else torch.long)
        torch.testing.assert_close(halves[name].to(value.dtype), value, rtol=1e-3, atol=1e-6)
