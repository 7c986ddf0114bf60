"""The training loop: numbers, limits, interrupts, and what is kept when a run ends early."""

from __future__ import annotations

import itertools
import math
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from sentences import assert_one_sentence
from torch import nn

from aigc_utils import gan, interrupts, training
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


@pytest.mark.usefixtures("ticking")
def test_time_budget_ends_the_run_and_drives_the_schedule() -> None:
    seen: list[float] = []
    history = fit(halving, endless(), max_seconds=0.295, schedule=seen.append)
    assert history.num_steps == len(seen) == 15
    assert seen[0] < 0.05
    assert seen == sorted(seen)
    assert all(0 <= s < 1 for s in seen)


def test_evaluation_at_intervals_and_at_the_end_without_counting_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]

    def evaluate() -> dict[str, float]:
        now[0] += 100
        return {"accuracy": 50.0}

    monkeypatch.setattr(training.time, "perf_counter", lambda: now[0])
    history = fit(halving, endless(), num_steps=25, evaluate=evaluate, evaluate_every=10)
    assert history.evaluated_at == [10, 20, 25]
    assert history["accuracy"] == [50.0] * 3
    assert history.seconds == 0
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
    message = capsys.readouterr().out
    assert "after step 7" in message
    assert "history=history and resume=True" in message
    assert signal.getsignal(signal.SIGINT) is before

    fit(step, source, num_steps=3, history=history)
    assert not history.interrupted
    assert history["loss"] == [float(b) for b in range(1, 11)]


def test_a_run_stopped_before_its_first_evaluation_says_so() -> None:
    def step(batch: int) -> dict[str, float]:
        if batch == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return {"loss": 1.0}

    def evaluate() -> dict[str, float]:
        return {"accuracy": 90.0}

    source = endless()
    history = fit(step, source, num_steps=10, evaluate=evaluate, evaluate_every=5)
    with pytest.raises(KeyError, match="stopped before its first evaluation"):
        history["accuracy"]
    fit(step, source, num_steps=10, evaluate=evaluate, history=history, resume=True)
    assert history["accuracy"] == [90.0]
    with pytest.raises(KeyError) as error:
        history["accurracy"]
    assert "stopped" not in str(error.value)


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
    [
        {},
        {"num_steps": 0},
        {"num_steps": 2.5},
        {"num_steps": 2.0},
        {"num_steps": True},
        {"num_steps": "3"},
        {"max_seconds": -1.0},
        {"max_seconds": math.nan},
        {"max_seconds": math.inf},
        {"max_seconds": True},
        {"num_steps": 1, "evaluate_every": 0},
        {"num_steps": 1, "evaluate_every": 1.5},
    ],
)
def test_limits_must_make_sense(limits: dict[str, Any]) -> None:
    with pytest.raises(
        ValueError, match=r"must be a (whole|finite) number|fit needs an end"
    ) as error:
        fit(halving, endless(), **limits)
    assert_one_sentence(error)


def test_limits_may_be_numpys() -> None:
    history = fit(halving, endless(), num_steps=np.int64(3), max_seconds=np.float32(60))
    assert history.num_steps == 3


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"step": None}, "step"),
        ({"step": [1]}, "step"),
        ({"schedule": 0.1}, "schedule"),
        ({"evaluate": {"accuracy": 1.0}}, "evaluate"),
        ({"history": {}}, "history"),
        ({"history": True}, "history"),
        ({"resume": True}, "history"),
        ({"resume": History()}, "history"),
        ({"batches": 3}, "batches"),
        ({"batches": lambda: 3}, "batches"),
    ],
)
def test_what_is_handed_over_must_be_of_its_kind(wrong: dict[str, Any], named: str) -> None:
    given = {"step": halving, "batches": endless(), "num_steps": 1, **wrong}
    with pytest.raises(ValueError, match=f"^{named} must be") as error:
        fit(**given)
    assert_one_sentence(error)


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
    monkeypatch.delenv("AIGC_DEVICE", raising=False)  # the workflow Test sets it
    assert training.device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert training.device().type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert training.device().type == "mps"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert training.device().type == "cpu"


@pytest.mark.parametrize("name", ["cud", "cuda:x", "gpu", "cpu:cpu", "cuda", "cuda:3", "mps"])
@pytest.mark.parametrize("source", ["call", "environment"])
def test_a_device_that_is_not_here_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, source: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    if source == "environment":
        monkeypatch.setenv("AIGC_DEVICE", name)
    with pytest.raises(ValueError, match=f"no device '{name}' here.*AIGC_DEVICE") as error:
        training.device(name if source == "call" else None)
    assert_one_sentence(error)


def test_a_device_by_name_is_taken_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert training.device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ValueError, match="no device 'cuda:2'"):
        training.device("cuda:2")
    monkeypatch.setenv("AIGC_DEVICE", "cpu")
    assert training.device() == torch.device("cpu")


@pytest.mark.parametrize("seed", [-1, 2**32, 2**33, 1.0, True, None, "1"])
def test_a_seed_that_not_all_generators_take_changes_none(seed: Any) -> None:
    training.seed_everything(5)
    before = torch.get_rng_state()
    with pytest.raises(
        ValueError, match="seed must be a whole number from 0 to 4294967295"
    ) as error:
        training.seed_everything(seed)
    assert_one_sentence(error)
    assert torch.equal(torch.get_rng_state(), before)
    assert random.random() == random.Random(5).random()


def test_the_largest_seed_is_taken() -> None:
    assert training.seed_everything(2**32 - 1).initial_seed() == 2**32 - 1
    assert training.seed_everything(np.int64(3)).initial_seed() == 3


def test_evaluation_mode_gives_each_part_its_mode_back() -> None:
    model = nn.Sequential(nn.Dropout(), nn.BatchNorm2d(3), nn.Sequential(nn.Dropout()))
    model[1].eval()
    before = [module.training for module in model.modules()]
    assert before == [True, True, False, True, True]
    with training.evaluation_mode(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == before
    with pytest.raises(KeyError), training.evaluation_mode(model):
        raise KeyError
    assert [module.training for module in model.modules()] == before
    model.eval()
    with training.evaluation_mode(model):
        pass
    assert not any(module.training for module in model.modules())


# --- what a step and an evaluation give -------------------------------------------------------


def test_a_tensor_that_is_filled_anew_is_recorded_as_it_was() -> None:
    loss, kept = torch.zeros(()), np.zeros(())

    def step(batch: int) -> dict[str, Any]:
        kept[()] = 2 * batch
        return {"loss": loss.fill_(batch), "array": kept}

    history = fit(step, endless(), num_steps=45)
    assert history["loss"] == [float(i) for i in range(1, 46)]
    assert history["array"] == [2.0 * i for i in range(1, 46)]


def test_what_was_taken_from_a_history_stays() -> None:
    history = fit(halving, endless(), num_steps=2, evaluate=lambda: {"a": 1.0})
    losses, metrics = history["loss"], history["a"]
    steps, values = history.curve("a")
    fit(halving, endless(), num_steps=2, evaluate=lambda: {"a": 1.0}, history=history)
    assert (losses, metrics, steps, values) == ([0.5, 0.25], [1.0], [2], [1.0])
    history["loss"].clear()
    history.curve("a")[0].clear()
    assert history["loss"] == [0.5, 0.25, 0.5, 0.25]
    assert history.evaluated_at == [2, 4]


BAD = {
    "nothing": (None, "not nothing"),
    "a bare tensor": (torch.tensor(1.0), "not a Tensor"),
    "a bare number": (0.5, "not a float"),
    "a tuple": ((1.0, 2.0), "not a tuple"),
    "a row": ({"loss": torch.ones(2)}, "one real number as 'loss'"),
    "a complex number": ({"loss": torch.tensor(1j)}, "one real number as 'loss'"),
    "a word": ({"loss": "0.5"}, "one real number as 'loss'"),
    "no number": ({"loss": None}, "one real number as 'loss'"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_step_that_gives_no_losses_is_named(kind: str) -> None:
    given, said = BAD[kind]
    history = History()
    with pytest.raises(ValueError, match=f"^A step must return .*{said}") as error:
        fit(lambda b: given if b == 3 else {"loss": 1.0}, endless(), num_steps=5, history=history)  # type: ignore[arg-type, return-value]
    assert_one_sentence(error)
    assert (history.num_steps, history["loss"]) == (2, [1.0, 1.0])


@pytest.mark.parametrize("kind", BAD)
def test_an_evaluation_that_gives_no_metrics_leaves_the_history_in_line(kind: str) -> None:
    given, said = BAD[kind]
    history, calls = History(), itertools.count()

    def evaluate() -> Any:
        return given if next(calls) else {"loss": 2.0}

    with pytest.raises(ValueError, match=f"^An evaluation must return .*{said}") as error:
        fit(halving, endless(), num_steps=4, evaluate=evaluate, evaluate_every=2, history=history)
    assert_one_sentence(error)
    assert history.num_steps == 4
    assert (history.evaluated_at, len(history.seconds_at)) == ([2], 1)
    assert history.metrics == {"loss": [2.0]}


def test_an_evaluation_that_raises_leaves_the_history_in_line() -> None:
    history = History()

    def evaluate() -> dict[str, float]:
        if history.num_steps == 4:
            raise KeyError("own mistake")
        return {"a": 1.0}

    with pytest.raises(KeyError, match="own mistake"):
        fit(halving, endless(), num_steps=9, evaluate=evaluate, evaluate_every=2, history=history)
    assert (history.num_steps, history.evaluated_at, history["a"]) == (4, [2], [1.0])
    assert len(history.seconds_at) == 1
    assert len(history["loss"]) == len(history["other"]) == 4


@pytest.mark.parametrize("names", [("a",), ("a", "b", "c"), ("b", "c"), ()])
def test_losses_keep_their_names(names: tuple[str, ...]) -> None:
    def step(batch: int) -> dict[str, float]:
        return dict.fromkeys(names if batch == 3 else ("a", "b"), 1.0)

    history = History()
    with pytest.raises(
        ValueError, match=r"step's losses must stay the same, \['a', 'b'\]"
    ) as error:
        fit(step, endless(), num_steps=9, history=history)
    assert_one_sentence(error)
    assert history.losses == {"a": [1.0, 1.0], "b": [1.0, 1.0]}
    with pytest.raises(ValueError, match="must stay the same"):
        fit(lambda _: {"other": 1.0}, endless(), num_steps=1, history=history)
    assert history.num_steps == 2


def test_metrics_keep_their_names() -> None:
    names = iter([("a", "b"), ("a",)])
    history = History()
    with pytest.raises(ValueError, match=r"metrics must stay the same, \['a', 'b'\]") as error:
        fit(
            halving, endless(), num_steps=4, evaluate_every=2, history=history,
            evaluate=lambda: dict.fromkeys(next(names), 1.0),
        )  # fmt: skip
    assert_one_sentence(error)
    assert history.metrics == {"a": [1.0], "b": [1.0]}
    assert history.evaluated_at == [2]


def test_a_loss_that_is_not_finite_leaves_the_lists_in_line() -> None:
    with pytest.raises(TrainingError, match="a is nan at step 3") as caught:
        fit(lambda b: {"a": math.nan if b == 3 else 1.0, "b": 1.0}, endless(), num_steps=9)
    history = caught.value.history
    assert history.num_steps == len(history["a"]) == len(history["b"]) == 3


def test_a_name_of_both_a_loss_and_a_metric_is_not_guessed() -> None:
    history = fit(halving, endless(), num_steps=2, evaluate=lambda: {"loss": 9.0})
    with pytest.raises(KeyError, match="both a loss and a metric"):
        history["loss"]
    with pytest.raises(KeyError, match="both a loss and a metric"):
        history.curve("loss")
    assert history.metrics["loss"] == [9.0]


# --- smooth -----------------------------------------------------------------------------------


def test_smooth_lets_no_loss_spoil_others() -> None:
    history = History(losses={"loss": [1.0, math.nan, 3.0, 5.0, math.inf, 7.0, 9.0]})
    means = history.smooth("loss", 2)
    assert [means[i] for i in (0, 3, 6)] == [1.0, 4.0, 8.0]
    assert math.isnan(means[1])
    assert math.isnan(means[2])
    assert means[4:6] == [math.inf, math.inf]
    history = History(losses={"loss": [1e16, 1.0, 3.0, 5.0]})
    assert history.smooth("loss", 2)[2:] == [2.0, 4.0]


@pytest.mark.parametrize("window", [0, -1, 1.5, 2.0, True, None, "2"])
def test_smooth_takes_a_whole_window(window: Any) -> None:
    history = History(losses={"loss": [1.0, 2.0]})
    for ask in (history.smooth, history.curve):
        with pytest.raises(
            ValueError, match="window must be a whole number of at least 1"
        ) as error:
            ask("loss", window)
        assert_one_sentence(error)
    assert History(losses={"loss": []}).smooth("loss") == []


# --- interrupts -------------------------------------------------------------------------------


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_in_the_last_evaluation_waits_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def evaluate() -> dict[str, float]:
        press()
        return {"a": 1.0}

    history = fit(halving, endless(), num_steps=3, evaluate=evaluate)
    assert (history.interrupted, history.num_steps, history["a"]) == (True, 3, [1.0])
    message = capsys.readouterr().out
    assert "after step 3" in message
    assert "All steps are done." in message


def test_an_interrupt_in_the_last_evaluation_loses_no_model() -> None:
    images = torch.zeros(16, 1, 28, 28, dtype=torch.uint8)
    recipe = gan.GANRecipe(2, batch_size=8, latent_dim=3, width=4, widths=(2, 3, 4))

    def evaluate(network: nn.Module) -> dict[str, float]:
        press()
        return {"a": 1.0}

    game, history = gan.train_course(recipe, images, seed=0, evaluate=evaluate)
    assert game.steps == history.num_steps == 2
    assert history.interrupted


def test_a_second_interrupt_in_the_last_evaluation_stops_at_once() -> None:
    history = History()

    def evaluate() -> dict[str, float]:
        press()
        press()
        return {"a": 1.0}

    with pytest.raises(KeyboardInterrupt):
        fit(halving, endless(), num_steps=3, evaluate=evaluate, history=history)
    assert (history.num_steps, history.evaluated_at) == (3, [])


def test_an_interrupt_in_the_last_step_leaves_the_evaluation_to_the_next_call() -> None:
    def step(batch: int) -> dict[str, float]:
        if batch == 3:
            press()
        return {"loss": 1.0}

    source, history = endless(), History()
    for times in (0, 1, 1):
        fit(step, source, num_steps=3, evaluate=lambda: {"a": 1.0}, history=history, resume=True)
        assert (history.num_steps, history.evaluated_at) == (3, [3] * times)


def test_a_handler_that_python_did_not_install_gives_way_to_pythons_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed: list[Any] = []
    monkeypatch.setattr(signal, "signal", lambda _, handler: installed.append(handler))
    with interrupts.Interrupt():
        pass
    assert installed[-1] is signal.default_int_handler


# --- going on ---------------------------------------------------------------------------------


def stopping(at: int, step: Callable[[int], dict[str, float]] = halving) -> Any:
    def stopped(batch: int) -> dict[str, float]:
        if batch == at:
            press()
        return step(batch)

    return stopped


@pytest.mark.parametrize("source", [endless, lambda: range(1, 100), lambda: list(range(1, 100))])
@pytest.mark.parametrize("at", [1, 4, 6, 9])
def test_a_run_goes_on_as_if_it_had_not_stopped(source: Callable[[], Any], at: int) -> None:
    def run(step: Any, batches: Any, seen: list[float], history: History) -> History:
        return fit(
            step, batches, num_steps=10, schedule=seen.append, history=history, resume=True,
            evaluate=lambda: {"a": float(history.num_steps)}, evaluate_every=3,
        )  # fmt: skip

    whole_shares: list[float] = []
    unbroken = run(halving, source(), whole_shares, History())
    shares: list[float] = []
    history, batches = History(), source()
    assert run(stopping(at), batches, shares, history).num_steps == at
    run(halving, batches, shares, history)
    assert history.losses == unbroken.losses
    assert history.metrics == unbroken.metrics == {"a": [3.0, 6.0, 9.0, 10.0]}
    assert history.evaluated_at == unbroken.evaluated_at
    assert shares == whole_shares


def test_an_evaluation_that_was_cut_off_is_made_up_for() -> None:
    def evaluate() -> dict[str, float]:
        if not history.evaluated_at and not history.interrupted:
            history.interrupted = True
            raise KeyboardInterrupt
        return {"a": float(history.num_steps)}

    history, batches = History(), endless()
    with pytest.raises(KeyboardInterrupt):
        fit(halving, batches, num_steps=6, evaluate=evaluate, evaluate_every=2, history=history)
    history.interrupted = True
    calls = itertools.count()

    def again() -> dict[str, float]:
        next(calls)
        return {"a": float(history.num_steps)}

    fit(
        halving, batches, num_steps=6, evaluate=again, evaluate_every=2, history=history,
        resume=True,
    )  # fmt: skip
    assert history.evaluated_at == [2, 4, 6]
    assert history["loss"] == [2.0**-i for i in range(1, 7)]


def test_a_time_budget_counts_what_was_used() -> None:
    history = History(seconds=5.0)
    fit(halving, endless(), num_steps=100, max_seconds=5.0, history=history, resume=True)
    assert history.num_steps == 0
    shares: list[float] = []
    fit(
        halving, endless(), num_steps=100, max_seconds=10.0, history=history, resume=True,
        schedule=shares.append,
    )  # fmt: skip
    assert shares[0] == pytest.approx(0.5)


def test_a_run_that_is_longer_than_asked_for_is_named() -> None:
    history = fit(halving, endless(), num_steps=5)
    with pytest.raises(ValueError, match=r"has 5 steps.*more than 3") as error:
        fit(halving, endless(), num_steps=3, history=history, resume=True)
    assert_one_sentence(error)
    assert fit(halving, endless(), num_steps=5, history=history, resume=True).num_steps == 5


# --- schedules --------------------------------------------------------------------------------


def sgd(lr: Any = 1.0) -> torch.optim.SGD:
    return torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=lr)


def rate(optimizer: torch.optim.Optimizer) -> float:
    return float(optimizer.param_groups[0]["lr"])


@pytest.mark.parametrize("make", [one_cycle, hold_then_fall])
def test_a_schedule_that_is_made_anew_keeps_the_peak(make: Any) -> None:
    optimizer = sgd()
    history = fit(stopping(1), endless(), num_steps=50, schedule=make(optimizer))
    assert history.num_steps == 1
    assert rate(optimizer) == pytest.approx(0.001)
    seen: list[float] = []

    def step(batch: int) -> dict[str, float]:
        seen.append(rate(optimizer))
        return halving(batch)

    fit(step, endless(), num_steps=100, schedule=make(optimizer), history=history)
    assert max(seen) == 1.0


def test_a_rate_that_is_changed_by_hand_is_the_new_peak() -> None:
    optimizer = sgd()
    one_cycle(optimizer)(0.1)
    optimizer.param_groups[0]["lr"] = 0.25
    one_cycle(optimizer)(0.2)
    assert rate(optimizer) == 0.25


def test_the_peak_travels_with_the_optimizers_state() -> None:
    first, second, third = sgd(), sgd(7.0), sgd(7.0)
    one_cycle(first)(0.01)
    before = one_cycle(third)  # made before the state comes, as a fresh script may do
    for optimizer in (second, third):
        optimizer.load_state_dict(first.state_dict())
    for schedule, optimizer in ((one_cycle(second), second), (before, third)):
        schedule(0.2)
        assert rate(optimizer) == 1.0


def test_a_rate_that_is_a_tensor_changes_in_place() -> None:
    lr = torch.tensor(0.5)
    optimizer = sgd(lr)
    schedule = one_cycle(optimizer, warmup=0.0)
    schedule(0.5)
    assert optimizer.param_groups[0]["lr"] is lr
    assert lr.item() == 0.25
    one_cycle(optimizer, warmup=0.0)(0.0)
    assert lr.item() == 0.5


@pytest.mark.parametrize("make", [one_cycle, hold_then_fall])
@pytest.mark.parametrize(
    "optimizers", [(), ([sgd()],), (0.1,), (sgd(), "sgd"), (nn.Linear(1, 1).parameters(),)]
)
def test_a_schedule_needs_optimizers(make: Any, optimizers: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"A schedule (needs|takes) .*optimizer") as error:
        make(*optimizers)
    assert_one_sentence(error)


@pytest.mark.parametrize("make", [one_cycle, hold_then_fall])
@pytest.mark.parametrize("wrong", [math.nan, -0.1, 1.01, math.inf])
def test_a_schedule_takes_a_share_of_the_run(make: Any, wrong: float) -> None:
    optimizer = sgd()
    with pytest.raises(ValueError, match="share of the run from 0 to 1") as error:
        make(optimizer)(wrong)
    assert_one_sentence(error)
    assert rate(optimizer) == 1.0
    for option in ("warmup", "fall"):
        if option == "warmup" or make is hold_then_fall:
            with pytest.raises(ValueError, match="of the run") as error:
                make(optimizer, **{option: wrong})
            assert_one_sentence(error)


def test_a_peak_is_a_finite_rate() -> None:
    optimizer = sgd()
    for wrong in (math.nan, math.inf, -1.0):
        optimizer.param_groups[0]["lr"] = wrong
        with pytest.raises(ValueError, match="learning rate must be finite") as error:
            one_cycle(optimizer)
        assert_one_sentence(error)
