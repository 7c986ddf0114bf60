"""The exercises of chapter 5 about single points: their velocity, the loss, and DDPM's noise."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ...flow import STRAIGHT, Mixture
from ..answers import a_tensor, close, numbers
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close

# --- between --------------------------------------------------------------------------------


def _two_points(draw: Draw) -> SimpleNamespace:
    return SimpleNamespace(
        a=-draw.number(1.0, 2.0),
        b=draw.number(1.0, 2.0),
        chance_of_b=draw.choice((0.25, 0.4, 0.6, 0.75)),
        t=draw.choice((0.4, 0.5, 0.6)),
        x=draw.number(-0.3, 0.3),
    )


@exercise(
    "Between two images",
    kind="predict",
    objective="the conditional velocity, and why regression on it finds the marginal velocity",
    misconceptions=("the network predicts the finished image",),
    points=3,
    hints=(
        "A pair that ends at `b` passes x at time t if its noise is (x - t b) / (1 - t). How "
        "probable is that noise, and how probable the one that leads to `a`?",
        "The chance of each end is its probability times the normal density of the noise that it "
        "needs, divided by the sum of both. The clean prediction is the mean of the ends.",
        "`odds = chance_of_b / (1 - chance_of_b) * exp((na**2 - nb**2) / 2)` with the two noises "
        "`na` and `nb`; `b = odds / (1 + odds)`; the velocity is `(clean - x) / (1 - t)`.",
    ),
    given=_two_points,
)
def between(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer` holds the chance of `b`, the clean prediction and the velocity at a point."""
    answer = numbers(answer, "between", ("b", "clean", "velocity"))
    g = given
    to_a, to_b = ((g.x - g.t * end) / (1 - g.t) for end in (g.a, g.b))
    odds = g.chance_of_b / (1 - g.chance_of_b) * math.exp((to_a**2 - to_b**2) / 2)
    share = odds / (1 + odds)
    even = odds * (1 - g.chance_of_b) / g.chance_of_b
    mistakes: dict[str, Any] = {
        "The point itself says more than the probability before one saw it: which noise would "
        "each end need?": g.chance_of_b,
        "The two ends are not equally probable to begin with.": even / (1 + even),
        "This is the chance of `a`.": 1 - share,
    }
    otherwise = "`b` is not the chance that a pair through this point ends at `b`."
    expect_close(answer["b"], share, mistakes, otherwise, 2e-3)
    clean = share * g.b + (1 - share) * g.a
    mistakes = {
        "A network does not predict the finished image: under a squared error its best answer is "
        "the mean of both ends, which is neither of them.": [g.a, g.b],
        "This mean leaves out what the point says: weigh the ends with their chances here.": (
            g.chance_of_b * g.b + (1 - g.chance_of_b) * g.a
        ),
    }
    otherwise = "`clean` is not the mean of the two ends, each weighted with its chance."
    expect_close(answer["clean"], clean, mistakes, otherwise, 2e-3)
    _check_velocity(answer["velocity"], clean - g.x, g.t)


def _check_velocity(found: Any, way: float, t: float) -> None:
    """Expects the speed at which a way is gone in the time that is left."""
    velocity = way / (1 - t)
    mistakes = {
        "This is the way that is left, not the speed: time 1 - t is left for it.": way,
        "A velocity is data minus noise; this is the other way round.": -velocity,
        "Only 1 - t of the time is left, not t.": way / t,
    }
    otherwise = "`velocity` is not what brings the point to the clean prediction at time 1."
    expect_close(found, velocity, mistakes, otherwise, 2e-3)


# --- flow_error -----------------------------------------------------------------------------


@exercise(
    "The whole loss",
    kind="complete",
    objective="noise to image as a path",
    misconceptions=("the network predicts the finished image",),
    points=3,
    hints=(
        "`t` has one number an image: give it the shape (B, 1, 1, 1) before you multiply.",
        "The network sees the mixture at time t, and is asked for the velocity of the pair, which "
        "does not depend on t.",
        "`t_ = t.view(-1, 1, 1, 1)`, `x = (1 - t_) * noise + t_ * clean`, and "
        "`F.mse_loss(model(x, t), clean - noise)`.",
    ),
)
def flow_error(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(model, clean, noise, t)` is the mean squared error of a batch's velocities."""
    count = draw.integer(4, 7)
    clean, noise = draw.normal(count, 1, 3, 3), draw.normal(count, 1, 3, 3)
    t = 0.1 + 0.8 * draw.uniform(count)
    seen: list[tuple[Tensor, Tensor]] = []
    scale = draw.number(0.3, 0.8)

    def model(x: Tensor, time: Tensor) -> Tensor:
        seen.append((a_tensor(x, "What the model sees", clean.shape), time))
        return scale * x

    loss = a_tensor(answer(model, clean.clone(), noise.clone(), t.clone()), "The loss", ())
    expect(len(seen) == 1, "Ask the model once, for the whole batch.")
    mixed = _check_seen(*seen[0], clean, noise, t)
    _check_loss(loss, scale * mixed, mixed, clean, noise)


def _check_seen(x: Tensor, time: Any, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """Returns the mixtures at their times; expects that the model saw these."""
    part = t.view(-1, 1, 1, 1)
    mixed = (1 - part) * noise + part * clean
    expect(
        not close(x, part * noise + (1 - part) * clean),
        "At t = 0 all is noise, and at t = 1 all is data: your mixture is the other way round.",
    )
    expect(not close(x, clean), "The model sees the clean images: there is nothing to learn.")
    expect(close(x, mixed), "The model does not see the mixture (1 - t) noise + t clean.")
    expect(
        close(torch.as_tensor(time).reshape(-1), t),
        "Tell the model the time, one number an image: the same point moves otherwise later.",
    )
    return mixed


def _check_loss(loss: Tensor, guess: Tensor, mixed: Tensor, clean: Tensor, noise: Tensor) -> None:
    """Expects the mean squared error of a guess as the velocity."""
    mistakes = {
        "The target is the clean image: a network that is asked for the finished image gives the "
        "mean of all that it could become. Ask for the velocity.": (guess - clean).square().mean(),
        "The target is the noise: that is DDPM's loss. Ask for the velocity.": (
            (guess - noise).square().mean()
        ),
        "The velocity leads from noise to data: data minus noise.": (
            (guess - noise + clean).square().mean()
        ),
        "The target is the way that is left from x; the pair's velocity is its whole way.": (
            (guess - clean + mixed).square().mean()
        ),
        "This is the sum over the pixels or the batch; the mean is asked for.": [
            (guess - clean + noise).square().sum(),
            (guess - clean + noise).square().sum() / len(clean),
        ],
    }
    wanted = (guess - clean + noise).square().mean()
    expect_close(loss, wanted, mistakes, "It is not the mean squared error of the velocity.")


# --- translated -----------------------------------------------------------------------------


def _noise_of(mixture: Mixture) -> Any:
    """Returns a perfect DDPM of a mixture on a line: noise of points with this share of data."""

    def predict(x: Tensor, share: Tensor) -> Tensor:
        share = torch.as_tensor(share, dtype=x.dtype).reshape(-1)
        share = share.expand(len(x)) if len(share) == 1 else share
        left = (1 - share.square()).clamp(min=1e-12).sqrt()
        size = share + left  # a point of DDPM's path is one of the straight path, stretched
        t = share / size
        return mixture.say(STRAIGHT, x / size[:, None], t).noise

    return predict


@exercise(
    "A diffusion model that flows",
    kind="write",
    objective="the same model said four ways",
    misconceptions=("diffusion and flow are two kinds of model",),
    points=4,
    hints=(
        "A point of the straight path is t data + (1 - t) noise. DDPM knows points whose shares' "
        "squares sum to one. A point can be stretched.",
        "Divide x by the root of t² + (1 - t)²: now it is a point of DDPM's, and its share of "
        "data is t divided by that root. The noise in it is the same noise.",
        "`size = (t**2 + (1 - t)**2).sqrt()`, `eps = ddpm(x / size[:, None], t / size)`, and the "
        "velocity is `(x - eps) / t[:, None]`.",
    ),
)
def translated(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(ddpm, x, t)` is the straight path's velocity, (B, 1), from a model of the noise."""
    count = draw.integer(5, 9)
    mixture = Mixture(2 * draw.normal(3, 1), 0.4)
    x, t = draw.normal(count, 1), 0.15 + 0.7 * draw.uniform(count)
    ddpm = _noise_of(mixture)
    found = a_tensor(answer(ddpm, x.clone(), t.clone()), "The velocity", (count, 1))
    time = t[:, None]
    size = (time.square() + (1 - time).square()).sqrt()
    share = (time / size)[:, 0]
    noise, unstretched = ddpm(x / size, share), ddpm(x, share)
    mistakes = {
        "The point must be stretched before DDPM sees it: its shares' squares do not sum to one "
        "on the straight path.": (x - unstretched) / time,
        "DDPM is told t, and wants the share of data in the point that it sees.": [
            (x - ddpm(x / size, t)) / time,
            (x - ddpm(x, t)) / time,
        ],
        "This is the clean data; the velocity is the clean data minus the noise.": (
            (x - (1 - time) * noise) / time
        ),
        "The stretched point is DDPM's. The velocity starts from x itself.": (
            (x / size - noise) / time
        ),
        "The sign is wrong: data minus noise.": (noise - x) / time,
        "This is the noise that DDPM predicts. It says the velocity too, with one more line.": (
            noise
        ),
    }
    otherwise = "It is not the velocity that this model of the noise says."
    expect_close(found, (x - noise) / time, mistakes, otherwise, 1e-3)
