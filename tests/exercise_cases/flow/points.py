"""Answers to `between`, `flow_error` and `translated`, exercises of chapter 5."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from .. import Cases

CASES = Cases("05_flow")


# --- between --------------------------------------------------------------------------------


@CASES.right("between")
def by_odds(g):
    to_a, to_b = ((g.x - g.t * end) / (1 - g.t) for end in (g.a, g.b))
    odds = g.chance_of_b / (1 - g.chance_of_b) * math.exp((to_a**2 - to_b**2) / 2)
    b = odds / (1 + odds)
    clean = b * g.b + (1 - b) * g.a
    return {"b": b, "clean": clean, "velocity": (clean - g.x) / (1 - g.t)}


@CASES.right("between")
def by_the_mean_of_velocities(g):
    ends = torch.tensor([g.a, g.b], dtype=torch.float64)
    noise = (g.x - g.t * ends) / (1 - g.t)
    weight = torch.tensor([1 - g.chance_of_b, g.chance_of_b]) * (-(noise**2) / 2).exp()
    weight = weight / weight.sum()
    found = {"b": weight[1], "clean": weight @ ends, "velocity": weight @ (ends - noise)}
    return {name: round(value.item(), 4) for name, value in found.items()}


@CASES.wrong("between", says="which noise would each end need")
def prior_alone(g):
    return by_odds(g) | {"b": g.chance_of_b}


@CASES.wrong("between", says="not equally probable")
def equal_ends(g):
    right = by_odds(g)["b"]
    odds = right / (1 - right) * (1 - g.chance_of_b) / g.chance_of_b
    return by_odds(g) | {"b": odds / (1 + odds)}


@CASES.wrong("between", says="does not predict the finished image")
def the_finished_one(g):
    right = by_odds(g)
    return right | {"clean": g.b if right["b"] > 0.5 else g.a}


@CASES.wrong("between", says="weigh the ends with their chances here")
def mean_of_the_data(g):
    return by_odds(g) | {"clean": g.chance_of_b * g.b + (1 - g.chance_of_b) * g.a}


@CASES.wrong("between", says="not the speed")
def the_way_left(g):
    right = by_odds(g)
    return right | {"velocity": right["clean"] - g.x}


@CASES.wrong("between", says="other way round")
def backwards(g):
    right = by_odds(g)
    return right | {"velocity": -right["velocity"]}


@CASES.wrong("between", says="chance of `a`")
def the_other_chance(g):
    right = by_odds(g)
    return right | {"b": 1 - right["b"]}


# --- flow_error -----------------------------------------------------------------------------


def loss_of(mix=None, target=None, reduction="mean", time=None):
    def loss(model, clean, noise, t):
        part = t.view(-1, 1, 1, 1)
        x = (1 - part) * noise + part * clean if mix is None else mix(clean, noise, part)
        wanted = clean - noise if target is None else target(clean, noise, x)
        return F.mse_loss(model(x, t if time is None else time(t)), wanted, reduction=reduction)

    return loss


@CASES.right("flow_error")
def by_broadcasting(g):
    return loss_of()


@CASES.right("flow_error")
def by_lerp(g):
    def loss(model, clean, noise, t):
        x = torch.lerp(noise, clean, t[:, None, None, None])
        return (model(x, t) - clean + noise).pow(2).mean()

    return loss


@CASES.wrong("flow_error", says="your mixture is the other way round")
def mixed_backwards(g):
    return loss_of(mix=lambda clean, noise, t: t * noise + (1 - t) * clean)


@CASES.wrong("flow_error", says="nothing to learn")
def no_noise(g):
    return loss_of(mix=lambda clean, noise, t: clean)


@CASES.wrong("flow_error", says="target is the clean image")
def clean_target(g):
    return loss_of(target=lambda clean, noise, x: clean)


@CASES.wrong("flow_error", says="DDPM's loss")
def noise_target(g):
    return loss_of(target=lambda clean, noise, x: noise)


@CASES.wrong("flow_error", says="data minus noise")
def turned_target(g):
    return loss_of(target=lambda clean, noise, x: noise - clean)


@CASES.wrong("flow_error", says="the pair's velocity is its whole way")
def way_left(g):
    return loss_of(target=lambda clean, noise, x: clean - x)


@CASES.wrong("flow_error", says="the mean is asked for")
def summed(g):
    return loss_of(reduction="sum")


@CASES.wrong("flow_error", says="Tell the model the time")
def no_time(g):
    return loss_of(time=torch.zeros_like)


# --- translated -----------------------------------------------------------------------------


def said(x, t, noise):
    return (x - noise) / t[:, None]


@CASES.right("translated")
def stretched(g):
    def velocity(ddpm, x, t):
        size = (t**2 + (1 - t) ** 2).sqrt()
        return said(x, t, ddpm(x / size[:, None], t / size))

    return velocity


@CASES.right("translated")
def by_the_clean_data(g):
    def velocity(ddpm, x, t):
        t = t[:, None]
        size = torch.hypot(t, 1 - t)
        noise = ddpm(x / size, (t / size)[:, 0])
        clean = (x - (1 - t) * noise) / t
        return clean - noise

    return velocity


@CASES.wrong("translated", says="stretched before DDPM sees it")
def not_stretched(g):
    def velocity(ddpm, x, t):
        return said(x, t, ddpm(x, t / (t**2 + (1 - t) ** 2).sqrt()))

    return velocity


@CASES.wrong("translated", says="wants the share of data")
def told_the_time(g):
    def velocity(ddpm, x, t):
        size = (t**2 + (1 - t) ** 2).sqrt()
        return said(x, t, ddpm(x / size[:, None], t))

    return velocity


@CASES.wrong("translated", says="This is the clean data")
def the_clean_data(g):
    def velocity(ddpm, x, t):
        size = (t**2 + (1 - t) ** 2).sqrt()
        noise = ddpm(x / size[:, None], t / size)
        return (x - (1 - t[:, None]) * noise) / t[:, None]

    return velocity


@CASES.wrong("translated", says="sign is wrong")
def towards_the_noise(g):
    return lambda ddpm, x, t: -stretched(g)(ddpm, x, t)


@CASES.wrong("translated", says="one more line")
def the_noise(g):
    def velocity(ddpm, x, t):
        size = (t**2 + (1 - t) ** 2).sqrt()
        return ddpm(x / size[:, None], t / size)

    return velocity


@CASES.wrong("translated", says="starts from x itself")
def from_the_stretched_point(g):
    def velocity(ddpm, x, t):
        size = (t**2 + (1 - t) ** 2).sqrt()
        return said(x / size[:, None], t, ddpm(x / size[:, None], t / size))

    return velocity
