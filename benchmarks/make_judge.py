"""Makes the judge's weights, `aigc_utils/assets/judge.safetensors`, from the training images.

Run once, by hand; nothing else calls it:

    python benchmarks/make_judge.py

It prints the size and the SHA-256 that stand in `aigc_utils/evaluation/judge.py` and in
`assets/NOTICE.md`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from aigc_utils.cnn import classifier_step, random_shift
from aigc_utils.data import MNIST, batches, load_mnist
from aigc_utils.evaluation import Judge, accuracy, predict
from aigc_utils.schedules import one_cycle
from aigc_utils.training import fit, seed_everything

TARGET = Path(__file__).parents[1] / "aigc_utils" / "assets" / "judge.safetensors"

SEED = 0
EPOCHS = 10
BATCH_SIZE = 128


def train(mnist: MNIST) -> Judge:
    """Returns a judge trained on the 60,000 training images, each shifted by up to one pixel."""
    rng = seed_everything(SEED)
    judge = Judge(dropout=0.3)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=2e-3, weight_decay=0.5)
    step = classifier_step(judge, optimizer, augment=lambda images: random_shift(images, 1, rng))
    train_set = (mnist.train_images, mnist.train_labels)
    fit(
        step,
        batches(train_set, BATCH_SIZE, rng=rng),
        num_steps=EPOCHS * len(mnist.train_labels) // BATCH_SIZE,
        schedule=one_cycle(optimizer),
        label="judge",
    )
    return judge


def halve(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns the weights in half precision, as safetensors wants them: in the usual order.

    The batch norms' counters stay whole numbers.
    """
    return {k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in weights.items()}


def main() -> None:
    """Trains the judge, writes its weights and prints test accuracy (%), size and SHA-256."""
    mnist = load_mnist()
    judge = train(mnist)
    full = predict(judge, mnist.test_images)
    weights = halve(judge.state_dict())
    judge.load_state_dict(weights)
    stored = predict(judge, mnist.test_images)
    changed = int((full.argmax(1) != stored.argmax(1)).sum())
    print(f"test accuracy {accuracy(stored, mnist.test_labels):.2f} %")
    print(f"classes changed by half precision: {changed} of {len(stored)}")
    packed = save(weights)
    TARGET.write_bytes(packed)
    print(TARGET.name, len(packed), hashlib.sha256(packed).hexdigest())


if __name__ == "__main__":
    main()
