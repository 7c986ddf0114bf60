"""The exercises of chapter 2 about the mathematics of the game."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..answers import a_tensor, close, numbers
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close

# --- best_guess -----------------------------------------------------------------------------


def _shares(draw: Draw) -> dict[str, int]:
    cuts = [0, *sorted(draw.sample(range(1, 20), 4)), 20]
    return {"abcde"[i]: 5 * (cuts[i + 1] - cuts[i]) for i in range(5)}


def _two_densities(draw: Draw) -> SimpleNamespace:
    while True:
        real, made = _shares(draw), _shares(draw)
        # The usual mistakes must give another number.
        usable = [
            i
            for i, p in real.items()
            if p != made[i] and p + made[i] != 100 and 100 * made[i] != p * (p + made[i])
        ]
        if usable:
            return SimpleNamespace(real=real, made=made, image=draw.choice(usable))


@exercise(
    "The best guess",
    kind="predict",
    objective="minimax game and the optimal discriminator",
    misconceptions=("the discriminator should win",),
    points=2,
    hints=(
        "Think of 100 real and 100 generated images, and count those that look alike.",
        'The best discriminator answers p / (p + q), and says "real" where p is larger. It is '
        "wrong about the rarer of the two.",
        "The accuracy is half the sum of `max(real[i], made[i])` over the images. For equal "
        "shares that sum is 100.",
    ),
    given=_two_densities,
)
def best_guess(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer` holds a probability and two accuracies in percent."""
    answer = numbers(answer, "best_guess", ("probability", "accuracy", "accuracy_at_the_end"))
    p, q = given.real[given.image], given.made[given.image]
    mistakes = {
        "This is the probability of a generated image.": q / (p + q),
        "This is how often the data show the image. How often does the generator make it?": (
            p / 100
        ),
    }
    otherwise = (
        f"Of 100 real and 100 generated images, how many are {given.image!r}? How many of these "
        "are real?"
    )
    expect_close(answer["probability"], p / (p + q), mistakes, otherwise, 1e-3)
    _accuracy_of_the_best(answer["accuracy"], given)
    end = answer["accuracy_at_the_end"]
    expect(
        end <= 50,
        "At the end the discriminator should not win: where real and generated images are equally "
        "frequent, even the best one can only guess.",
    )
    expect(end == 50, "At the end every answer is right half of the time. Give it in percent.")


def _accuracy_of_the_best(accuracy: float, given: SimpleNamespace) -> None:
    pairs = [(given.real[i], given.made[i]) for i in given.real]
    total = sum(max(pair) for pair in pairs)
    expect(not 0 < accuracy <= 1, "Give the accuracy in percent, such as 62.5.")
    mistakes = {
        "That the discriminator should win is a misconception: the same image comes from both "
        "sides, so even the best one errs.": 100,
        "Only half of the images are real: each share counts half.": total,
        "This is the share of wrong answers.": 100 - total / 2,
        'The best discriminator draws no lots: it says "real" always where D is above one half.': (
            sum(50 * (p * p + q * q) / (p + q) / 100 for p, q in pairs)
        ),
    }
    otherwise = "For each image, which answer is more often right?"
    expect_close(accuracy, total / 2, mistakes, otherwise, 1e-3)


# --- generator_loss -------------------------------------------------------------------------


@exercise(
    "Two losses for one wish",
    kind="write",
    objective="non-saturating loss",
    points=2,
    hints=(
        "The discriminator's probability is `D = logits.sigmoid()`. Write both losses with it "
        "first.",
        "`F.softplus(-logits)` is -log D and `F.softplus(logits)` is -log(1 - D), and neither "
        "overflows.",
        "`-F.softplus(logits).mean() if saturating else F.softplus(-logits).mean()`",
    ),
)
def generator_loss(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(logits, saturating)` is the mean loss of the logits of generated images, (N,)."""
    small = 0.05 + 0.9 * draw.uniform(24)
    loss = a_tensor(answer(small.clone(), False), "The loss", ())
    expect(
        not close(loss, -small.log().mean()),
        "These are logits, not probabilities: a sigmoid turns them into D.",
    )
    logits = 3 * draw.normal(draw.integer(20, 40)) - 1
    plain = a_tensor(answer(logits.clone(), False), "The loss", ())
    _expect_minus_log(plain, logits)
    flat = a_tensor(answer(logits.clone(), True), "The saturating loss", ())
    expect(not close(flat, plain), "The loss is the same for both values of `saturating`.")
    wanted = F.logsigmoid(-logits).mean()
    mistakes = {
        "The sign of the saturating loss is wrong: a generator that fools the discriminator has "
        "the lower loss.": -wanted
    }
    otherwise = "With saturating=True, the mean of log(1 - D) is asked for."
    expect_close(flat, wanted, mistakes, otherwise)
    _pull_of(answer, False, -1.0, -200.0)
    _pull_of(answer, True, -1.0, 200.0)
    _pull_of(answer, True, 0.0, -200.0)


def _expect_minus_log(loss: Tensor, logits: Tensor) -> None:
    """Raises NotYet unless the loss is the mean of -log D."""
    wanted, on_made = F.softplus(-logits).mean(), F.softplus(logits).mean()
    mistakes = {
        "This is the sum; the mean is asked for.": wanted * len(logits),
        "The sign is wrong: it must fall as D believes more.": -wanted,
        "This is the discriminator's loss on generated images; the generator wants the opposite.": (
            on_made
        ),
        "This is the saturating loss; with saturating=False, -log D is asked for.": -on_made,
        "This is a sigmoid too many: the function takes logits and applies it itself.": (
            F.softplus(-logits.sigmoid()).mean()
        ),
    }
    expect_close(loss, wanted, mistakes, "With saturating=False, -log D is asked for.")


def _pull_of(answer: Any, saturating: bool, slope: float, at: float) -> None:
    """Expects a finite loss with this slope for each of two steep logits."""
    logits = torch.full((2,), at, requires_grad=True)
    loss = a_tensor(answer(logits, saturating), f"The loss of logits of {at:g}", ())
    expect(loss.requires_grad, "No gradient comes back through the loss: is there a `detach`?")
    (found,) = torch.autograd.grad(loss, logits)
    kind = "saturating" if saturating else "non-saturating"
    expect(
        close(found, torch.full((2,), slope / 2)),
        f"At a logit of {at:g} the gradient of the mean {kind} loss of two images must be "
        f"{slope / 2:g} for each.",
    )
