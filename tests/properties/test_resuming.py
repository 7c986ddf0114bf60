"""Runs cut anywhere, as often as one likes: their numbers are those of a run that was never cut."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from aigc_utils import data, gpt
from aigc_utils.history import History
from aigc_utils.optimizers import Muon, gradient_step
from aigc_utils.runs import restore, state_of
from aigc_utils.schedules import one_cycle
from aigc_utils.training import fit

STEPS = 12
CUTS = st.lists(st.integers(1, STEPS), max_size=4).map(sorted)


class Run:
    """A small run with all that a state has: moments, a schedule, dropout, noise, epochs."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.rng = torch.Generator().manual_seed(seed)
        self.model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.2))
        weight, bias = self.model.parameters()
        self.optimizers = Muon([weight], 0.1), torch.optim.Adam([bias], 0.1)
        self.batches = data.batches((torch.arange(33.0).view(11, 3),), 4, rng=self.rng)
        self.history = History()

    def step(self, batch: tuple[Tensor]) -> dict[str, Tensor]:
        noise = torch.randn(batch[0].shape, generator=self.rng)
        loss = self.model(batch[0] / 10 + noise).square().mean()
        gradient_step(loss, *self.optimizers)
        return {"loss": loss}

    def until(self, end: int) -> None:
        def batches() -> Iterator[tuple[Tensor, ...]]:
            while self.history.num_steps + count < end:
                yield next(self.batches)

        count = 0

        def step(batch: tuple[Tensor]) -> dict[str, Tensor]:
            nonlocal count
            count += 1
            return self.step(batch)

        fit(
            step, batches(), num_steps=STEPS, schedule=one_cycle(*self.optimizers),
            history=self.history, resume=True,
        )  # fmt: skip

    def parts(self) -> list[Any]:
        return [self.model, self.optimizers, self.batches, self.history]


@given(CUTS)
def test_a_run_may_be_cut_anywhere(cuts: list[int]) -> None:
    unbroken, run = Run(0), Run(0)
    start = torch.get_rng_state()
    unbroken.until(STEPS)
    torch.set_rng_state(start)
    for seed, cut in enumerate([*cuts, STEPS], start=1):
        run.until(cut)
        kept, torchs = copy.deepcopy(state_of(run.parts())), torch.get_rng_state()
        run = Run(seed)
        restore(run.parts(), kept)
        torch.set_rng_state(torchs)
    assert run.history["loss"] == unbroken.history["loss"]
    assert len(run.history["loss"]) == STEPS
    for a, b in zip(run.model.parameters(), unbroken.model.parameters(), strict=True):
        assert torch.equal(a, b)


@given(st.integers(1, 20), st.integers(1, 8), st.integers(0, 30), st.booleans())
def test_batches_go_on_anywhere(size: int, batch_size: int, at: int, tokens: bool) -> None:
    def make(seed: int) -> Any:
        rng = torch.Generator().manual_seed(seed)
        if tokens:
            return gpt.token_batches(torch.arange(size + 3), 3, batch_size, rng)
        return data.batches((torch.arange(size),), min(size, batch_size), rng=rng)

    one, other = make(0), make(1)
    for _ in range(at):
        next(one)
    other.load_state_dict(one.state_dict())
    for _ in range(25):
        for a, b in zip(next(one), next(other), strict=True):
            assert torch.equal(a, b)


def before(tokens: Tensor, context: int, batch_size: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Yields the first ids of each batch's rows, as a generator function has drawn them."""
    windows = tokens.unfold(0, context + 1, 1)
    waiting = torch.empty(0, dtype=torch.int64)
    while True:
        first = torch.randint(min(context, len(windows)), (), generator=rng)
        places = torch.arange(int(first), len(windows), context)
        order = places[torch.randperm(len(places), generator=rng)]
        *full, waiting = torch.cat((waiting, order)).split(batch_size)
        for some in full:
            yield windows[some][:, 0]


@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 8))
def test_token_batches_draw_what_they_drew(size: int, context: int, batch_size: int) -> None:
    """Also the generator stands where it stood after each batch."""
    ids = torch.arange(size + context)
    first, second = (torch.Generator().manual_seed(size) for _ in range(2))
    old = before(ids, context, batch_size, first)
    new = gpt.token_batches(ids, context, batch_size, second)
    for _ in range(30):
        assert torch.equal(next(old), next(new)[0][:, 0])
        assert torch.equal(first.get_state(), second.get_state())
