"""The training loop: numbers, limits, interrupts, and what is kept when a run ends early."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from aigc_utils import training
from aigc_utils.history import History, TrainingError
from aigc_utils.schedules import hold_then_fall, one_cycle
from aigc_utils.training import fit


def endless() -> Iterator[int]:
    return itertools.count(1)


def halving(batch: int) -> dict[str, float]:
    return {"loss": 2.0**-batch, "other": float(batch)}


def test_history_has_one_loss_per_step() -> None:
    history = fit(halving, endless(), num_steps=45)
    assert history.num_steps == 45
    assert history["loss"] == [2.0**-i for i in range(1, 46)]
    assert history["other"][-1] == 45


def test_batches_may_run_out_first() -> None:
    assert fit(halving, range(1, 8), num_steps=100).num_steps == 7


def test_tensors_are_detached_and_read() -> None:
    weight = torch.ones((), requires_grad=True)
    history = fit(lambda b: {"loss": weight * b}, endless(), num_steps=3)
    assert history["loss"] == [1.0, 2.0, 3.0]


def test_time_budget_ends_the_run_and_drives_the_schedule() -> None:
    seen: list[float] = []
    event = threading.Event()

    def slow(batch: int) -> dict[str, float]:
        event.wait(0.02)
        return {"loss": 1.0}

    history = fit(slow, endless(), max_seconds=0.3, schedule=seen.append)
    assert 2 <= history.num_steps <= 16
    assert seen[0] < 0.05
    assert seen == sorted(seen)
    assert all(0 <= s < 1 for s in seen)


def test_evaluation_at_intervals_and_at_the_end_without_counting_its_time() -> None:
    event = threading.Event()

    def evaluate() -> dict[str, float]:
        event.wait(0.1)
        return {"accuracy": 50.0}

    history = fit(halving, endless(), num_steps=25, evaluate=evaluate, evaluate_every=10)
    assert history.evaluated_at == [10, 20, 25]
    assert history["accuracy"] == [50.0] * 3
    assert history.seconds < 0.1
    assert history.seconds_at == sorted(history.seconds_at)


def test_last_step_is_evaluated_once() -> None:
    history = fit(halving, endless(), num_steps=20, evaluate=lambda: {"a": 1}, evaluate_every=10)
    assert history.evaluated_at == [10, 20]


def test_interrupt_waits_for_the_step_and_keeps_everything(
    capsys: pytest.CaptureFixture[str],
) -> None:
    finished: list[int] = []

    def step(batch: int) -> dict[str, float]:
        if batch == 7:
            os.kill(os.getpid(), signal.SIGINT)
        finished.append(batch)
        return {"loss": float(batch)}

    before = signal.getsignal(signal.SIGINT)
    source = endless()
    history = fit(step, source, num_steps=100)
    assert history.interrupted
    assert finished == list(range(1, 8))
    assert history["loss"] == [float(b) for b in range(1, 8)]
    assert "after step 7" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is before

    fit(step, source, num_steps=3, history=history)
    assert not history.interrupted
    assert history["loss"] == [float(b) for b in range(1, 11)]


def test_second_interrupt_stops_at_once() -> None:
    history = History()

    def step(batch: int) -> dict[str, float]:
        if batch == 5:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        return {"loss": float(batch)}

    with pytest.raises(KeyboardInterrupt):
        fit(step, endless(), num_steps=100, history=history)
    assert history["loss"] == [1.0, 2.0, 3.0, 4.0]


def test_a_step_that_raises_loses_no_history() -> None:
    history = History()

    def step(batch: int) -> dict[str, float]:
        if batch == 4:
            raise RuntimeError("shapes do not match")
        return {"loss": 1.0}

    with pytest.raises(RuntimeError, match="shapes do not match"):
        fit(step, endless(), num_steps=100, history=history)
    assert history.num_steps == 3


def test_loss_that_is_not_finite_is_named() -> None:
    def step(batch: int) -> dict[str, float]:
        return {"d_loss": float("nan") if batch == 3 else 1.0}

    with pytest.raises(TrainingError, match=r"d_loss is nan at step 3.*learning rate") as caught:
        fit(step, endless(), num_steps=100)
    assert caught.value.history["d_loss"][:2] == [1.0, 1.0]


def test_works_outside_the_main_thread() -> None:
    histories: list[History] = []
    thread = threading.Thread(target=lambda: histories.append(fit(halving, endless(), num_steps=5)))
    thread.start()
    thread.join()
    assert histories[0].num_steps == 5


@pytest.mark.parametrize(
    "limits",
    [{}, {"num_steps": 0}, {"max_seconds": -1.0}, {"num_steps": 1, "evaluate_every": 0}],
)
def test_limits_must_make_sense(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"must be positive|fit needs an end"):
        fit(halving, endless(), **limits)  # type: ignore[arg-type]


def test_smooth_is_the_mean_of_a_trailing_window() -> None:
    history = History(losses={"loss": [4.0, 2.0, 0.0, 6.0]})
    assert history.smooth("loss", 2) == [4.0, 3.0, 1.0, 3.0]
    with pytest.raises(KeyError, match="loss"):
        history["accuracy"]


def test_one_cycle_rises_to_the_peak_and_falls() -> None:
    first = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=2.0)
    second = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    schedule = one_cycle(first, second, warmup=0.25)
    rates = []
    for progress in (0.0, 0.125, 0.25, 0.625, 1.0):
        schedule(progress)
        rates.append(first.param_groups[0]["lr"])
    assert rates == pytest.approx([0.002, 1.0, 2.0, 1.0, 0.002])
    schedule(0.25)
    assert second.param_groups[0]["lr"] == pytest.approx(0.1)
    with pytest.raises(ValueError, match="warmup"):
        one_cycle(first, warmup=1.0)


def test_hold_then_fall_rises_holds_and_falls_to_a_twentieth() -> None:
    first = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=2.0)
    second = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    schedule = hold_then_fall(first, second, warmup=0.25, fall=0.5)
    rates = []
    for progress in (0.0, 0.125, 0.25, 0.4, 0.5, 0.75, 0.98, 1.0):
        schedule(progress)
        rates.append(first.param_groups[0]["lr"])
    assert rates == pytest.approx([0.002, 1.0, 2.0, 2.0, 2.0, 1.0, 0.1, 0.1])
    schedule(0.4)
    assert second.param_groups[0]["lr"] == pytest.approx(0.1)


def test_hold_then_fall_without_a_warmup() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=2.0)
    schedule = hold_then_fall(optimizer, warmup=0.0, fall=1.0)
    for progress, expected in ((0.0, 2.0), (0.5, 1.0), (1.0, 0.1)):
        schedule(progress)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("warmup", "fall"), [(-0.1, 0.3), (0.1, 0.0), (0.1, -0.3), (0.6, 0.5), (float("nan"), 0.3)]
)
def test_hold_then_fall_takes_shares_of_the_run(warmup: float, fall: float) -> None:
    with pytest.raises(ValueError, match=f"shares of the run, not {warmup} and {fall}"):
        hold_then_fall(warmup=warmup, fall=fall)


def test_seed_everything_repeats_all_generators() -> None:
    import random

    import numpy as np

    def draw() -> tuple[float, ...]:
        generator = training.seed_everything(3)
        return (
            random.random(),
            float(np.random.rand()),  # noqa: NPY002
            float(torch.rand(())),
            float(torch.rand((), generator=generator)),
        )

    assert draw() == draw()


def test_device_follows_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert training.device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert training.device().type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert training.device().type == "mps"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert training.device().type == "cpu"
