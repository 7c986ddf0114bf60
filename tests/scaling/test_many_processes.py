"""Many processes that train one model: their numbers are those of one, whatever happens to them.

They are forked from one that has loaded torch, as an import takes longer than a run.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from sentences import assert_one_sentence

from aigc_utils import gpt, processes
from aigc_utils.data import batches
from aigc_utils.history import History
from aigc_utils.optimizers import Muon, gradient_step
from aigc_utils.training import fit
from scaling import train_gpt
from scaling.local import finish, start

SMALL = ("--width", "32", "--batch", "8", "--held", "256")
SHORT = (*SMALL, "--steps", "6", "--every", "3")
LONG = (*SMALL, "--steps", "60", "--every", "5")
PATIENCE = 60.0  # seconds for one run


@cache
def run(folder: Path, number: int, *options: str) -> dict[str, Any]:
    """Returns what the program says of a run in so many processes."""
    target = folder / f"{len([*folder.iterdir()])}.json"
    finish(start(number, train_gpt.main, [*options, "--json", str(target)]), PATIENCE)
    found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    assert found["processes"] == number
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


# --- the same numbers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "options"),
    [(2, ()), (1, ("--parts", "4")), (2, ("--parts", "2"))],
    ids=["two processes", "four parts", "two processes, two parts"],
)
def test_shares_and_parts_take_the_steps_of_a_whole_batch(
    folder: Path, number: int, options: tuple[str, ...]
) -> None:
    whole = run(folder, 1, *SHORT)
    shared = run(folder, number, *SHORT, *options)
    assert whole["losses"][-1] < whole["losses"][0] - 0.1, "nothing was learned"
    assert shared["losses"] == pytest.approx(whole["losses"], abs=1e-5)
    assert shared["nats"] == pytest.approx(whole["nats"], abs=1e-5)


def test_a_sharded_model_takes_the_steps_of_a_whole_one(folder: Path) -> None:
    whole, sharded = (run(folder, number, *SHORT, "--shard") for number in (1, 2))
    assert whole["losses"] != pytest.approx(run(folder, 1, *SHORT)["losses"], abs=1e-2)
    assert sharded["losses"] == pytest.approx(whole["losses"], abs=1e-5)
    assert sharded["nats"] == pytest.approx(whole["nats"], abs=1e-5)


def test_a_sharded_model_takes_less_memory_of_each_process(folder: Path) -> None:
    wide = ("--shard", "--width", "128", "--batch", "4", "--held", "65", "--steps", "1")
    runs = [run(folder, number, *wide) for number in (1, 2, 4)]
    whole = 16 * runs[0]["weights"] / 1e6  # MB of weights, gradients and two moments each
    assert runs[0]["memory"] == pytest.approx(whole, rel=0.1)
    assert runs[1]["memory"] == pytest.approx(whole / 2, rel=0.2)
    assert runs[2]["memory"] == pytest.approx(whole / 4, rel=0.4)


# --- a process that dies ----------------------------------------------------------------------


def killed(members: Sequence[Any], file: Path) -> None:
    """Kills the last member after the second checkpoint, then the rest."""
    seen: set[int] = set()
    end = time.monotonic() + PATIENCE
    while len(seen) < 2:
        assert time.monotonic() < end
        seen |= {file.stat().st_mtime_ns} if file.exists() else set()
        time.sleep(0.002)
    os.kill(members[-1].pid, signal.SIGKILL)
    for each in reversed(members):
        each.terminate()
        each.join(PATIENCE)
    assert members[-1].exitcode == -signal.SIGKILL


def test_a_killed_run_goes_on_from_its_last_checkpoint(folder: Path) -> None:
    file = folder / "killed.safetensors"
    killed(start(2, train_gpt.main, [*LONG, "--run", str(file)]), file)
    rest = run(folder, 2, *LONG, "--run", str(file))
    assert 10 <= rest["began"] < 60
    assert rest["began"] % 5 == 0
    assert len(rest["losses"]) == 60
    assert rest["losses"] == pytest.approx(run(folder, 2, *LONG)["losses"], abs=1e-5)


def stopping(target: str) -> None:
    """Trains for long; the second process is asked to stop in its third step."""
    together = processes.accelerator()
    weight = torch.nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD([weight], 0.1)
    steps = 0

    def step(batch: tuple[torch.Tensor]) -> dict[str, torch.Tensor]:
        nonlocal steps
        steps += 1
        if steps == 3 and not together.is_main_process:
            os.kill(os.getpid(), signal.SIGINT)
        loss = (weight - batch[0]).square().mean()
        gradient_step(loss, optimizer)
        return {"loss": loss}

    endless = batches((torch.arange(8.0),), 4, rng=torch.Generator().manual_seed(0))
    history = fit(step, endless, num_steps=1000, accelerator=together)
    Path(f"{target}{together.process_index}").write_text(
        json.dumps([history.num_steps, history.interrupted]), encoding="utf-8"
    )
    together.end_training()


def test_all_stop_at_one_step_when_one_is_asked_to(tmp_path: Path) -> None:
    finish(start(2, stopping, str(tmp_path / "told")), PATIENCE)
    told = [json.loads((tmp_path / f"told{rank}").read_text()) for rank in range(2)]
    assert told == [[processes.AGREE_EVERY, True]] * 2


# --- what is refused --------------------------------------------------------------------------


def refusals(target: str) -> None:
    """Writes what two processes are told of what they can't do."""
    together = processes.accelerator()
    said: list[str] = []

    def ask(call: Callable[[], object]) -> None:
        try:
            call()
        except ValueError as error:
            said.append(str(error))
        else:
            said.append("")

    def step(batch: tuple[torch.Tensor]) -> dict[str, float]:
        return {"loss": 1.0}

    rows = [(torch.zeros(3),)]
    ask(lambda: fit(step, rows, max_seconds=1.0, accelerator=together))
    ask(lambda: fit(step, rows, num_steps=1, accelerator=together))
    model = gpt.GPT(gpt.GPTConfig(5, 8, num_layers=1, num_heads=2, width=8))
    processes.shard(model, together, model.blocks)
    ask(lambda: Muon([p for p in model.blocks.parameters() if p.ndim == 2]))
    if together.is_main_process:
        Path(target).write_text(json.dumps(said), encoding="utf-8")
    together.end_training()


def test_many_processes_say_what_they_can_not_do(tmp_path: Path) -> None:
    finish(start(2, refusals, str(tmp_path / "said")), PATIENCE)
    clock, rows, muon = json.loads((tmp_path / "said").read_text(encoding="utf-8"))
    for text in (clock, rows, muon):
        assert text.endswith(".")
        assert ". " not in text
    assert "give num_steps in place of max_seconds" in clock
    assert "A batch of 3 can't be shared evenly by 2 processes" in rows
    assert "Muon needs whole matrices" in muon


# --- one process ------------------------------------------------------------------------------


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ImportError, match=r"foundations-of-aigc\[scale\]") as error:
        processes.accelerator()
    assert_one_sentence(error)


def test_what_is_no_accelerator_is_refused() -> None:
    with pytest.raises(ValueError, match="not a str") as error:
        fit(lambda batch: {"loss": 1.0}, [1], num_steps=1, accelerator="cpu")
    assert_one_sentence(error)


def test_unequal_parts_are_refused() -> None:
    model = gpt.GPT(gpt.GPTConfig(5, 8, num_layers=1, num_heads=2, width=8))
    step = gpt.gpt_step(model, torch.optim.SGD(model.parameters(), 0.1), parts=2)
    with pytest.raises(ValueError, match="A batch of 3 can't be cut into 2 equal parts") as error:
        step((torch.zeros(3, 4, dtype=torch.int64), torch.zeros(3, 4, dtype=torch.int64)))
    assert_one_sentence(error)


def test_a_history_without_many_processes_is_as_it_was() -> None:
    history = fit(lambda batch: {"loss": float(batch)}, [3, 2, 1], num_steps=3, history=History())
    assert history["loss"] == [3.0, 2.0, 1.0]
