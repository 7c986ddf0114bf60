"""The exercise of chapter 5 about solving the equation of a flow."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ..answers import a_tensor, close
from ..chapter import Draw, exercise
from ..checking import expect


def _grown(turn: Tensor, x: Tensor) -> Tensor:
    """Returns where points x' = (1 + 2 t) x turn arrive at time 1, exactly."""
    return x @ torch.matrix_exp(2 * turn)


@exercise(
    "Look before you step",
    kind="write",
    objective="sampling as solving an ODE, Euler against Heun, error against steps",
    misconceptions=("it needs a thousand steps",),
    points=3,
    hints=(
        "Take Euler's step to see where it leads, and ask for the velocity there too, at the time "
        "when the step ends.",
        "Then go from the old point with the mean of both velocities. A step lasts 1 / num_steps.",
        "`v = velocity(x, t)`, `w = velocity(x + h * v, t + h)`, `x = x + h * (v + w) / 2`, with "
        "`h = 1 / num_steps`.",
    ),
)
def heun(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(velocity, x, num_steps)` is where points arrive at time 1; `t` is a number."""
    turn = torch.tensor([[0.3, 1.0], [-1.0, 0.1]]) * draw.number(0.6, 1.0)
    x, num_steps = draw.normal(draw.integer(3, 5), 2), draw.integer(4, 8)
    asked: list[float] = []

    def velocity(points: Tensor, t: Any) -> Tensor:
        a_tensor(points, "What you ask the velocity for", x.shape)
        asked.append(float(torch.as_tensor(t).reshape(-1)[0]))
        return (1 + 2 * float(torch.as_tensor(t).reshape(-1)[0])) * points @ turn

    found = a_tensor(answer(velocity, x.clone(), num_steps), "The points", x.shape)
    wanted, euler, middle = (_solved(velocity, x, num_steps, kind) for kind in range(3))
    asked = asked[: len(asked) - 5 * num_steps]
    far = (found - _grown(turn, x)).norm().item()
    near = (wanted - _grown(turn, x)).norm().item()
    expect(
        not close(found, euler),
        f"This is Euler's method: its error is {far / near:.0f} times that of Heun's, which asks "
        "twice as often. A thousand steps are no need where a step looks ahead.",
    )
    expect(not close(found, x), "The points have not moved.")
    expect(
        not close(found, middle),
        "This is the midpoint method, which is as good; Heun's takes the mean of the velocities "
        "at both ends of the step.",
    )
    _check_questions(asked, num_steps)
    expect(close(found, wanted, 1e-3), "The points do not arrive where Heun's method leads them.")


def _check_questions(asked: list[float], num_steps: int) -> None:
    """Expects that the velocity was asked for twice a step, and last at time 1."""
    expect(
        max(asked) <= 1 + 1e-6, "You ask for velocities after time 1, where the data are reached."
    )
    expect(
        len(asked) == 2 * num_steps,
        f"With {num_steps} steps ask {2 * num_steps} times, twice a step; you asked {len(asked)}.",
    )
    late = sum(abs(t - 1) < 1e-4 for t in asked)
    expect(late == 1, "The last velocity that you ask for must be that at time 1.")


def _solved(velocity: Any, x: Tensor, num_steps: int, kind: int) -> Tensor:
    """Returns where Heun's, Euler's or the midpoint method leads: 0, 1 or 2."""
    step = 1 / num_steps
    for i in range(num_steps):
        t = i * step
        v = velocity(x, t)
        if kind == 0:
            v = (v + velocity(x + step * v, t + step)) / 2
        elif kind == 2:
            v = velocity(x + step / 2 * v, t + step / 2)
        x = x + step * v
    return x
