"""Answers to `own_flow` and `few_steps`, exercises of chapter 5."""

from __future__ import annotations

import torch

from aigc_utils import flow

from .. import Cases

CASES = Cases("05_flow")


def exact(g):
    """Returns the perfect velocity: a trained one takes too long for each of the variants."""
    mixture = flow.Mixture(g.centres, g.deviation)

    def velocity(x, t):
        return mixture.say(flow.STRAIGHT, x, t.clamp(1e-3, 1 - 1e-3)).velocity

    return velocity


def straightened(g):
    """Returns a velocity with straight ways: from each place of noise to where the flow ends."""
    centres = g.centres

    def velocity(x, t):
        # On a straight way to its island a point at time t is t of the island and 1 - t of noise.
        which = (x @ centres.T).argmax(1)
        return (centres[which] - x) / (1 - t[:, None]).clamp(min=0.02)

    return velocity


def trained(g):
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(),
        torch.nn.Linear(64, 2),
    )  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for step in range(1500):
        x1 = g.points[torch.randint(len(g.points), (256,))]
        x0, t = torch.randn_like(x1), torch.rand(256)
        x = torch.lerp(x0, x1, t[:, None])
        loss = (net(torch.cat([x, t[:, None]], 1)) - (x1 - x0)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step == 1000:
            optimizer.param_groups[0]["lr"] = 5e-4
    return lambda x, t: net(torch.cat([x, t[:, None]], 1))


@CASES.right("own_flow")
def by_the_formula(g):
    return exact(g)


@CASES.right("own_flow")
def by_a_network(g):
    return trained(g)


@CASES.wrong("own_flow", says="leads away from the data")
def turned(g):
    velocity = exact(g)
    return lambda x, t: -velocity(x, t)


@CASES.wrong("own_flow", says="85 % are asked for")
def blind(g):
    return lambda x, t: torch.zeros_like(x)


@CASES.wrong("own_flow", says="reaches [0-9]+ of [0-9]+ islands")
def one_island(g):
    return lambda x, t: (g.centres[0] - x) / (1 - t[:, None]).clamp(min=0.02)


@CASES.wrong("own_flow", says="must have the shape")
def one_number(g):
    return lambda x, t: x[:, :1]


@CASES.right("few_steps")
def to_the_nearest(g):
    return straightened(g)


@CASES.right("few_steps")
def to_the_nearest_by_angle(g):
    def velocity(x, t):
        which = torch.cdist(x, g.centres).argmin(1)
        return (g.centres[which] - x) / (1 - t[:, None]).clamp(min=0.02)

    return velocity


@CASES.wrong("few_steps", says="your ways are bent")
def not_straightened(g):
    return exact(g)


@CASES.wrong("few_steps", says="80 % are asked for")
def standing(g):
    return lambda x, t: torch.zeros_like(x)


@CASES.wrong("few_steps", says="reaches 1 of")
def always_the_first(g):
    return lambda x, t: (g.centres[0] - x) / (1 - t[:, None]).clamp(min=0.02)


@CASES.wrong("few_steps", says="must have the shape")
def flat(g):
    return lambda x, t: x.flatten()
