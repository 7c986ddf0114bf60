"""Questions of chapter 5 about ways from noise to data, and what a model says on them."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind


def _signed(draw: Draw, low: float, high: float) -> float:
    return draw.choice((-1, 1)) * draw.number(low, high, 1)


@kind(
    "A point on its way",
    objective="noise to image as a path",
)
def point_on_a_way(draw: Draw) -> Question:
    """Computes the mixture of noise and data at a time."""
    noise, clean, t = _signed(draw, 0.5, 1.9), _signed(draw, 2.1, 4.0), draw.choice((0.2, 0.3, 0.7))
    text = (
        f"A pair has the noise {noise} and the data {clean}. On the straight path, with all noise "
        f"at time 0, where does it stand at time {t}?"
    )
    because = "The point is 1 - t times the noise plus t times the data."
    mistakes = {
        "This runs the time the other way: all noise stands at time 0.": (
            t * noise + (1 - t) * clean
        ),
        "This is how far the pair has come, without where it began.": t * (clean - noise),
        "This is the velocity of the pair, which does not depend on the time.": clean - noise,
        "The noise has lost a part of its share too.": noise + t * clean,
        "This goes on from the data in place of the noise.": clean + t * (clean - noise),
    }
    return compute(draw, text, (1 - t) * noise + t * clean, because, mistakes, decimals(2))


@kind(
    "Where ways cross",
    objective="the conditional velocity, and why regression on it finds the marginal velocity",
)
def crossing_ways(draw: Draw) -> Question:
    """Computes the velocity that regression finds at a crossing."""
    share = draw.choice((0.2, 0.3, 0.4))
    first, second = draw.number(1.0, 3.0, 1), -draw.number(1.2, 4.0, 1)
    text = (
        f"Through one point, at one time, lead two kinds of pairs: a share of {share} of them with "
        f"the velocity {first}, and all others with {second}. A network is trained on pairs by "
        "squared error for long enough. Which velocity does it give there?"
    )
    because = (
        "It can't know which pair it has before it, and the best answer under a squared error is "
        "the mean of what occurs, each with its share."
    )
    mistakes = {
        "This is the velocity of the more frequent pairs; a squared error finds the mean.": second,
        "This is a velocity of some of the pairs only.": first,
        "Both kinds count as often here; each has a share of its own.": (first + second) / 2,
        "The shares are exchanged.": (1 - share) * first + share * second,
        "Velocities of opposite pairs weaken each other: mind the signs.": (
            share * first - (1 - share) * second
        ),
    }
    right = share * first + (1 - share) * second
    return compute(draw, text, right, because, mistakes, decimals(2))


@kind(
    "A loss that stands still",
    objective="the conditional velocity, and why regression on it finds the marginal velocity",
    public=True,
)
def standing_loss(draw: Draw) -> Question:
    """Asks what a loss says that no longer falls."""
    loss = draw.number(0.3, 1.4)
    text = (
        f"The loss of a flow, a mean squared error of velocities, falls at first and then stands "
        f"at {loss} for many steps, while the samples still get better. What explains it best?"
    )
    right = "Most of it is the spread of the pairs around their mean, which stays."
    because = (
        "The loss is the error of the mean velocity plus that spread. The first part is small "
        "beside the second, so it may go on falling unseen."
    )
    wrong = {
        "The network has learned the training set by heart, so that its loss can fall no more.": (
            "Then the loss would go on falling, far below the spread of the pairs."
        ),
        "The learning rate is too low to move the loss.": (
            "Samples that get better show that the weights still move where it counts."
        ),
        "The judge must be mistaken, as samples cannot improve without the loss.": (
            "They can: the part of the loss that says so is small beside the rest."
        ),
        "The path is not straight enough, and a network needs straight ways to lower its loss.": (
            "The ways of pairs are straight already; it is their crossing that costs."
        ),
        "Noise and data are paired wrongly: each image has one noise that belongs to it.": (
            "Pairs are thrown together by chance, and that is enough."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "The end of a way",
    objective="the same model said four ways",
    misconceptions=("the network predicts the finished image",),
)
def end_of_a_way(draw: Draw) -> Question:
    """Computes the clean prediction from a velocity."""
    x, velocity = _signed(draw, 0.2, 1.5), _signed(draw, 0.6, 2.4)
    t = draw.choice((0.2, 0.4, 0.6, 0.7))
    text = (
        f"At time {t} of the straight path a point stands at {x}, and the network says the "
        f"velocity {velocity}. Which clean data does it thereby predict?"
    )
    because = "With this velocity the point goes on for the time that is left, 1 - t."
    mistakes = {
        "This goes on for a whole unit of time; 1 - t of it is left.": x + velocity,
        "This goes on for the time that is over.": x + t * velocity,
        "This is the other end, the noise.": x - t * velocity,
        "A velocity is no image yet: go on with it from the point.": velocity,
        "This divides by the time that is left; a way is speed times time.": x + velocity / (1 - t),
    }
    return compute(draw, text, x + (1 - t) * velocity, because, mistakes, decimals(2))


@kind(
    "The score of a point",
    objective="the same model said four ways",
)
def score_of_a_point(draw: Draw) -> Question:
    """Computes a score from the predicted noise."""
    noise, share = _signed(draw, 0.4, 1.8), draw.choice((0.2, 0.4, 0.5, 0.8))
    text = (
        f"At some time the noise has the share {share} in each point. For one of the points a "
        f"perfect network predicts the noise {noise}. What is the score there?"
    )
    because = "The score is minus the predicted noise, divided by the share of the noise."
    mistakes = {
        "The density grows away from the noise: mind the sign.": noise / share,
        "This multiplies by the share; the less noise, the steeper the density.": -noise * share,
        "The share of the noise is left out.": -noise,
        "This divides by the square of the share.": -noise / share**2,
        "This multiplies by the share and turns the sign.": noise * share,
    }
    return compute(draw, text, -noise / share, because, mistakes, decimals(2))


@kind(
    "The ratio of two shares",
    objective="the diffusion view",
)
def ratio_of_shares(draw: Draw) -> Question:
    """Computes a signal-to-noise ratio on DDPM's path."""
    share = draw.choice((0.3, 0.4, 0.6, 0.7, 0.9))
    text = (
        f"On DDPM's path the squares of both shares sum to one. At some time the data have the "
        f"share {share}. How large is the signal-to-noise ratio, the squared ratio of the shares?"
    )
    because = "The square of the noise's share is one minus that of the data's."
    square = share**2
    mistakes = {
        "This takes 1 minus the share for the noise, as on the straight path.": (
            (share / (1 - share)) ** 2
        ),
        "This is the ratio of the shares; the ratio of their squares is asked for.": (
            (square / (1 - square)) ** 0.5
        ),
        "This is the ratio of noise to signal.": (1 - square) / square,
        "This is the square of the data's share alone.": square,
        "This divides the shares of a straight path, without squares.": share / (1 - share),
    }
    return compute(draw, text, square / (1 - square), because, mistakes, decimals(2))


@kind(
    "Two names",
    objective="the diffusion view",
    misconceptions=("diffusion and flow are two kinds of model",),
    public=True,
)
def two_names(draw: Draw) -> Question:
    """Asks how a model of noise can draw as a flow."""
    steps = draw.integer(5, 30)
    text = (
        "A network was trained to predict the noise, on DDPM's path. Someone wants to draw with "
        f"{steps} of Heun's steps and no fresh noise. What has to be done?"
    )
    right = "Turn its prediction into a velocity on its own path, and follow that."
    because = (
        "Noise, velocity, score and clean image say the same on one path, by two linear equations, "
        "and a sampler is free to choose."
    )
    wrong = {
        "Train it anew as a flow: a diffusion model has no velocity.": (
            "It has one at every point: its prediction and the path say it."
        ),
        "Nothing: take its predicted noise for the velocity, as both lead to the data.": (
            "The noise is one end of the way, and no velocity."
        ),
        "Follow the straight path with it, on which all models take steps of one kind.": (
            "At one time the two paths hold other shares of noise: it would be asked wrongly."
        ),
        "Add fresh noise after all, as a diffusion model draws nothing without it.": (
            "Its deterministic sampler draws the same distribution."
        ),
        f"Train a second network with {steps} outputs, one for each of the steps.": (
            "One network answers for all times."
        ),
    }
    return choose(draw, text, right, because, wrong)
