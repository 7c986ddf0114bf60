"""Answers to `own_gan` and `beat_rung`, exercises of chapter 2: generators written by hand."""

from __future__ import annotations

import math

import torch

from .. import Cases

CASES = Cases("02_gan")


# --- own_gan --------------------------------------------------------------------------------


def band(g, width=0.15, bend=1.0):
    """Returns a generator that knows how the band is made."""
    cos, sin = math.cos(g.turn), math.sin(g.turn)
    turned = torch.tensor([[cos, sin], [-sin, cos]])

    def generator(z):
        along, across = z.T
        points = torch.stack([along, bend * g.bend * (along**2 - 1) + width * across], 1)
        return points @ turned

    return generator


@CASES.right("own_gan")
def the_band_itself(g):
    return band(g)


@CASES.right("own_gan")
def a_slightly_wider_band(g):
    return band(g, width=0.2)


@CASES.wrong("own_gan", says="many points lie beside the band")
def a_much_wider_band(g):
    return band(g, width=0.75)


@CASES.wrong("own_gan", says="parts of the band have no generated point")
def half_of_the_band(g):
    whole = band(g)
    return lambda z: whole(torch.stack([z[:, 0].abs(), z[:, 1]], 1))


@CASES.wrong("own_gan", says="this is mode collapse")
def one_spot(g):
    return lambda z: g.points.mean(0) + 1e-3 * z


@CASES.wrong("own_gan", says="the training points again")
def training_points(g):
    return lambda z: g.points[: len(z)] + 1e-4 * z


@CASES.wrong("own_gan", says="same noise must give the same points")
def other_noise(g):
    whole = band(g)
    return lambda z: whole(torch.randn_like(z))


@CASES.wrong("own_gan", says=r"must have the shape \(1000, 2\)")
def one_number_for_each(g):
    return lambda z: z[:, 0]


@CASES.wrong("own_gan", says=r"is there a `return`")
def nothing_from_the_band(g):
    return lambda z: None


@CASES.wrong("own_gan", says="Hand in the generator itself")
def points_in_place_of_a_generator(g):
    return band(g)(torch.randn(1000, 2))


# --- beat_rung ------------------------------------------------------------------------------


def on_islands(g, modes=8, spread=0.6, between=0.0):
    """Returns a generator that puts points on so many islands, and a share of them elsewhere."""

    def generator(z):
        share = torch.special.ndtr(z[:, 0])  # uniform
        sharp = (modes * share).long().clamp(max=modes - 1)
        points = g.centres[sharp] + spread * g.spread * z[:, 1:]
        away = (share * 997) % 1 < between
        return torch.where(away[:, None], torch.zeros_like(points), points)

    return generator


@CASES.right("beat_rung")
def all_islands(g):
    return on_islands(g)


@CASES.right("beat_rung")
def with_a_few_points_between(g):
    return on_islands(g, between=0.1)


@CASES.wrong("beat_rung", says=r"7 of 8 modes are covered, and .* All modes are asked for")
def one_island_left_out(g):
    return on_islands(g, modes=7)


@CASES.wrong("beat_rung", says=r"lie on islands\. The rung is")
def many_points_between(g):
    return on_islands(g, between=0.3)


@CASES.wrong("beat_rung", says="0 of 8 modes are covered")
def untouched_noise(g):
    return lambda z: 0.1 * z


@CASES.wrong("beat_rung", says="same noise must give the same points")
def drawn_anew(g):
    return lambda z: on_islands(g)(torch.randn_like(z))


@CASES.wrong("beat_rung", says=r"must have the shape \(4000, 2\)")
def half_the_points(g):
    return lambda z: on_islands(g)(z)[::2]
