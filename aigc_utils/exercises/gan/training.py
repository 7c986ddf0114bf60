"""The exercises of chapter 2 about training: the averaged weights, and a step to mend."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..answers import close, numbers
from ..chapter import Draw, exercise
from ..checking import expect

# --- update_average -------------------------------------------------------------------------


def _a_generator(draw: Draw) -> nn.Module:
    """Returns a small network with random parameters and buffers, in training mode."""
    width = draw.integer(3, 6)
    network = nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width), nn.Linear(width, 2))
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    for _ in range(draw.integer(1, 4)):
        network(3 * draw.normal(16, 2) + 1)
    return network


def _copied(tensors: Any) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in tensors]


def _all_close(found: Any, wanted: list[Tensor]) -> bool:
    return all(close(a, b) for a, b in zip(found, wanted, strict=True))


@exercise(
    "The mean of many generators",
    kind="complete",
    objective="averaged generator weights",
    points=3,
    hints=(
        "`mean` and `new` are tensors. Assigning a new tensor to the name `mean` changes nothing "
        "in the network: use a method that changes it in place.",
        "A network's `buffers()` hold what is kept but not learned, such as BatchNorm's running "
        "statistics. They are taken over as they are, with `copy_`.",
        "`mean.lerp_(new, 1 - keep)` for the parameters; then a second loop over both networks' "
        "`buffers()` with `mean.copy_(new)`.",
    ),
)
def update_average(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(average, network, keep)` moves the average in place."""
    keep = draw.number(0.6, 0.95)
    network = _a_generator(draw)
    average = copy.deepcopy(network)
    for parameter in average.parameters():
        nn.init.normal_(parameter)
    network(draw.normal(16, 2) - 2)  # its buffers move away from the average's
    old, old_buffers = _copied(average.parameters()), _copied(average.buffers())
    new, new_buffers = _copied(network.parameters()), _copied(network.buffers())
    answer(average, network, keep)
    found = list(average.parameters())
    expect(_all_close(network.parameters(), new), "`network` has changed; only the average moves.")
    expect(not _all_close(found, old), "The average has not moved: change its tensors in place.")
    swapped = [(1 - keep) * a + keep * b for a, b in zip(old, new, strict=True)]
    expect(not _all_close(found, swapped), "`keep` is the part of the old mean that stays.")
    expect(not _all_close(found, new), "This is a copy of the new weights, not a mean.")
    wanted = [keep * a + (1 - keep) * b for a, b in zip(old, new, strict=True)]
    expect(_all_close(found, wanted), "The parameters must be keep * mean + (1 - keep) * new.")
    _taken_over(average, network, old_buffers, new_buffers)


def _taken_over(
    average: nn.Module, network: nn.Module, old: list[Tensor], new: list[Tensor]
) -> None:
    """Expects the buffers to be new, and no memory shared between the networks."""
    expect(
        not _all_close(average.buffers(), old),
        "The buffers are still the old ones: BatchNorm's running statistics are no parameters.",
    )
    expect(_all_close(average.buffers(), new), "The buffers are taken over whole, not averaged.")
    tensors = zip(average.state_dict().values(), network.state_dict().values(), strict=True)
    expect(
        all(a.data_ptr() != b.data_ptr() for a, b in tensors),
        "Average and network now share their numbers, so the mean moves when the network learns.",
    )


# --- mended_step ----------------------------------------------------------------------------

Losses = dict[str, Tensor]


def broken_step(
    G: nn.Module,
    D: nn.Module,
    G_optimizer: torch.optim.Optimizer,
    D_optimizer: torch.optim.Optimizer,
    real: Tensor,
    z: Tensor,
) -> Losses:
    """Returns both losses of one step of each player; three things in it are wrong."""
    G_optimizer.zero_grad()
    D_optimizer.zero_grad()
    fake = G(z)
    d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake)).mean()
    d_loss.backward(retain_graph=True)
    D_optimizer.step()
    g_loss = F.softplus(-D(fake)).mean() + F.mse_loss(fake, real)
    g_loss.backward()
    D_optimizer.step()
    return {"discriminator": d_loss, "generator": g_loss}


class Descent:
    """An optimizer that follows the gradient and nothing else, at a fixed rate.

    The first optimizer of `torch.optim` loads code for over a second, which is no part of an
    answer's time.
    """

    def __init__(self, network: nn.Module, rate: float) -> None:
        self.parameters, self.rate = list(network.parameters()), rate

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients."""
        for parameter in self.parameters:
            parameter.grad = None if set_to_none else torch.zeros_like(parameter)

    @torch.no_grad()
    def step(self) -> None:
        """Moves each parameter that has a gradient."""
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.add_(parameter.grad, alpha=-self.rate)


class _Game:
    """Two players on points of the plane, and one step of theirs tried at chosen rates."""

    def __init__(self, draw: Draw) -> None:
        self.G = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2))
        self.D = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
        for parameter in (*self.G.parameters(), *self.D.parameters()):
            parameter.data = 0.7 * draw.normal(*parameter.shape)
        count = draw.integer(5, 12)
        self.real, self.z = draw.normal(count, 2) + 1, draw.normal(count, 3)

    def losses(self) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the discriminator's loss on real points, on made ones, and the generator's."""
        on_fake = self.D(self.G(self.z))
        on_real = F.softplus(-self.D(self.real)).mean()
        return on_real, F.softplus(on_fake).mean(), F.softplus(-on_fake).mean()

    def moves(
        self, step: Any, rates: tuple[float, float], real: Tensor | None = None, old: float = 0.0
    ) -> tuple[list[Tensor], list[Tensor], Any]:
        """Returns how far G's and D's parameters move, per unit of the rate, and the losses.

        Args:
            step: the answer.
            rates: of G's and of D's optimizer; a rate of 0 holds a player.
            real: other real points.
            old: gradient that an earlier step left in each parameter.
        """
        players = copy.deepcopy(self.G), copy.deepcopy(self.D)
        optimizers = []
        for player, rate in zip(players, rates, strict=True):
            optimizers.append(Descent(player, rate))
            for parameter in player.parameters():
                parameter.grad = torch.full_like(parameter, old)
        points = self.real if real is None else real
        losses = step(*players, *optimizers, points.clone(), self.z.clone())
        pairs = zip((self.G, self.D), players, rates, strict=True)
        moved = [
            [(b.detach() - a.detach()) / -(rate or 1) for a, b in zip(*each, strict=True)]
            for *each, rate in ((x.parameters(), y.parameters(), r) for x, y, r in pairs)
        ]
        return moved[0], moved[1], losses

    def gradients(self, loss: Tensor, player: nn.Module) -> list[Tensor]:
        """Returns the gradients of a loss for a player's parameters."""
        return list(torch.autograd.grad(loss, list(player.parameters()), retain_graph=True))


HOLD_D, HOLD_G = (0.1, 0.0), (0.0, 0.1)


@exercise(
    "A step that does not learn",
    kind="mend",
    objective="alternating updates and `detach`",
    misconceptions=("the generator sees real data",),
    points=4,
    hints=(
        "Ask of each loss: through which networks does it flow, and whose optimizer follows it?",
        "The discriminator's loss must end at the generated points. The generator's loss must hold "
        "no real points, and each player has its own optimizer.",
        "`D(fake.detach())` in `d_loss`; `g_loss = F.softplus(-D(fake)).mean()`; "
        "`G_optimizer.step()` in the last line, and `zero_grad` before each `backward`.",
    ),
)
def mended_step(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer` takes what `broken_step` takes."""
    game = _Game(draw)
    moved, _, losses = game.moves(answer, HOLD_D)
    losses = numbers(losses, "losses", ("discriminator", "generator"))
    expect(
        any(map(torch.any, moved)),
        "The generator stands still: does its loss reach it, and does its optimizer step?",
    )
    others, _, _ = game.moves(answer, HOLD_D, real=game.real + draw.normal(*game.real.shape))
    expect(
        _all_close(moved, others),
        "The generator sees real data here: with the same discriminator and other real points "
        "it moves otherwise.",
    )
    _each_player_follows_its_own(game, answer)
    on_real, on_fake, generator = game.losses()
    expect(
        close(losses["discriminator"], on_real + on_fake),
        "The discriminator's loss is not the one of `broken_step`; it was right.",
    )
    expect(close(losses["generator"], generator), "The generator's loss is the mean of -log D.")


def _each_player_follows_its_own(game: _Game, step: Callable[..., Any]) -> None:
    """Expects each player to move along its own loss alone."""
    on_real, on_fake, generator = game.losses()
    along = game.gradients(generator, game.G)
    leaked = game.gradients(generator + on_fake, game.G)
    moved, _, _ = game.moves(step, HOLD_D)
    expect(
        not _all_close(moved, leaked),
        "The discriminator's loss reaches the generator and asks it to be recognised: `detach` "
        "the generated points there.",
    )
    expect(_all_close(moved, along), "The generator does not follow the gradient of -log D.")
    wanted = game.gradients(on_real + on_fake, game.D)
    _, moved, _ = game.moves(step, HOLD_G)
    expect(any(map(torch.any, moved)), "The discriminator stands still.")
    expect(
        _all_close(moved, wanted),
        "The discriminator must take one step, along its own loss: which optimizer steps where?",
    )
    again, _, _ = game.moves(step, HOLD_D, old=1.0)
    _, more, _ = game.moves(step, HOLD_G, old=1.0)
    expect(
        _all_close(again, along) and _all_close(more, wanted),
        "Gradients of the step before are still there: where is `zero_grad`?",
    )
