"""Answers to `heun`, `perfect` and `mended_drawing`, exercises of chapter 5."""

from __future__ import annotations

import itertools

import torch

from .. import Cases

CASES = Cases("05_flow")


# --- heun -----------------------------------------------------------------------------------


@CASES.right("heun")
def by_the_mean(g):
    def solve(velocity, x, num_steps):
        h = 1 / num_steps
        for i in range(num_steps):
            v = velocity(x, i * h)
            w = velocity(x + h * v, (i + 1) * h)
            x = x + h * (v + w) / 2
        return x

    return solve


@CASES.right("heun")
def by_correction(g):
    def solve(velocity, x, num_steps):
        times = torch.linspace(0, 1, num_steps + 1)
        for now, then in itertools.pairwise(times):
            first = velocity(x, now)
            ahead = x + (then - now) * first
            x = ahead + (then - now) * (velocity(ahead, then) - first) / 2
        return x

    return solve


@CASES.wrong("heun", says="This is Euler's method")
def euler(g):
    def solve(velocity, x, num_steps):
        for i in range(num_steps):
            x = x + velocity(x, i / num_steps) / num_steps
        return x

    return solve


@CASES.wrong("heun", says="midpoint method")
def midpoint(g):
    def solve(velocity, x, num_steps):
        h = 1 / num_steps
        for i in range(num_steps):
            half = x + h / 2 * velocity(x, i * h)
            x = x + h * velocity(half, (i + 0.5) * h)
        return x

    return solve


@CASES.wrong("heun", says="must be that at time 1")
def asked_at_the_beginning(g):
    def solve(velocity, x, num_steps):
        h = 1 / num_steps
        for i in range(num_steps):
            v = velocity(x, i * h)
            w = velocity(x + h * v, i * h)
            x = x + h * (v + w) / 2
        return x

    return solve


@CASES.wrong("heun", says="ask [0-9]+ times, twice a step")
def twice_as_many_steps(g):
    return lambda velocity, x, num_steps: by_the_mean(g)(velocity, x, 2 * num_steps)


@CASES.wrong("heun", says="after time 1")
def one_step_late(g):
    def solve(velocity, x, num_steps):
        h = 1 / num_steps
        for i in range(1, num_steps + 1):
            v = velocity(x, i * h)
            w = velocity(x + h * v, (i + 1) * h)
            x = x + h * (v + w) / 2
        return x

    return solve


@CASES.wrong("heun", says="have not moved")
def unmoved(g):
    return lambda velocity, x, num_steps: x


# --- perfect --------------------------------------------------------------------------------


def flow_with(logits, after=None):
    def velocity(x, t, data):
        clean = logits(x, t, data).softmax(1) @ data
        return (clean - x) / (1 - t[:, None]) if after is None else after(clean, x)

    return velocity


def squares(x, t, data):
    return (x[:, None] - t[:, None, None] * data).square().sum(2)


@CASES.right("perfect")
def by_softmax(g):
    return flow_with(lambda x, t, data: -squares(x, t, data) / (2 * (1 - t[:, None]) ** 2))


@CASES.right("perfect")
def by_noises(g):
    def velocity(x, t, data):
        noise = (x[:, None] - t[:, None, None] * data) / (1 - t[:, None, None])
        chance = (-noise.square().sum(2) / 2).softmax(1)
        return (chance[..., None] * (data - noise)).sum(1)

    return velocity


@CASES.wrong("perfect", says="t times their place")
def unmoved_data(g):
    return flow_with(
        lambda x, t, data: -(x[:, None] - data).square().sum(2) / (2 * (1 - t[:, None]) ** 2)
    )


@CASES.wrong("perfect", says="deviation 1 - t")
def noise_of_one_size(g):
    return flow_with(lambda x, t, data: -squares(x, t, data) / 2)


@CASES.wrong("perfect", says="All data points count alike")
def plain_mean(g):
    return flow_with(lambda x, t, data: torch.zeros(len(x), len(data)))


@CASES.wrong("perfect", says="in the time that is left")
def mean_itself(g):
    return flow_with(
        lambda x, t, data: -squares(x, t, data) / (2 * (1 - t[:, None]) ** 2),
        lambda clean, x: clean,
    )


@CASES.wrong("perfect", says="no normal density")
def without_two(g):
    return flow_with(lambda x, t, data: -squares(x, t, data) / (1 - t[:, None]) ** 2)


# --- mended_drawing -------------------------------------------------------------------------


@CASES.right("mended_drawing")
def scaled_back(g):
    def draw(follow, decode, codes, noise):
        return decode(follow(noise) * codes.std(0) + codes.mean(0))

    return draw


@CASES.right("mended_drawing")
def by_std_mean(g):
    def draw(follow, decode, codes, noise):
        deviation, mean = torch.std_mean(codes, dim=0)
        return decode(torch.addcmul(mean, follow(noise), deviation))

    return draw


@CASES.wrong("mended_drawing", says="Nothing follows the flow")
def prior_samples(g):
    return lambda follow, decode, codes, noise: decode(noise)


@CASES.wrong("mended_drawing", says="begins at plain noise")
def scaled_before(g):
    def draw(follow, decode, codes, noise):
        return decode(follow(noise * codes.std(0) + codes.mean(0)))

    return draw


@CASES.wrong("mended_drawing", says="that lowers the quality, not the latent space")
def not_scaled_back(g):
    return lambda follow, decode, codes, noise: decode(follow(noise))


@CASES.wrong("mended_drawing", says="each number has its own")
def one_scale(g):
    return lambda follow, decode, codes, noise: decode(follow(noise) * codes.std() + codes.mean())


@CASES.wrong("mended_drawing", says="Back means times the deviation")
def scaled_twice(g):
    return lambda follow, decode, codes, noise: decode(follow(noise) / codes.std(0) + codes.mean(0))
