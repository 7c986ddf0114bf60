"""Many processes that train one model: their numbers are those of one, whatever happens to them.

They are forked from one that has loaded torch, as an import takes longer than a run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from sentences import assert_one_sentence
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks

from aigc_utils import gpt, processes, training
from aigc_utils.data import batches
from aigc_utils.history import History
from aigc_utils.optimizers import Muon, gradient_step
from aigc_utils.training import fit
from scaling import train_gpt
from scaling.local import finish, start

SMALL = ("--width", "32", "--batch", "8", "--held", "256")
SHORT = (*SMALL, "--steps", "6", "--every", "3")
LONG = (*SMALL, "--steps", "60", "--every", "5")
PATIENCE = 300.0  # seconds for one run: no more than a guard, as all import a lot
ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL and no fork")


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


def tiny() -> gpt.GPT:
    torch.manual_seed(0)
    return gpt.GPT(gpt.GPTConfig(5, 8, num_layers=1, num_heads=2, width=8))


def ids(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(rows, 8, dtype=torch.int64), torch.ones(rows, 8, dtype=torch.int64)


def exchanging(target: str) -> None:
    """Counts the exchanges of a step in one part and of one in four."""
    together, counts = processes.accelerator(), []
    for parts in (1, 4):
        replica, seen = processes.Replica(tiny(), together), []

        def counted(number, bucket):  # DDP takes no words for the types
            number.append(1)
            return default_hooks.allreduce_hook(None, bucket)

        replica._copies.register_comm_hook(seen, counted)
        step = gpt.gpt_step(replica, torch.optim.SGD(replica.parameters(), 0.1), parts=parts)
        step(ids(4))
        counts.append(len(seen))
    if together.is_main_process:
        Path(target).write_text(json.dumps(counts), encoding="utf-8")
    together.end_training()


def test_gradients_are_exchanged_once_a_step_and_not_once_a_part(tmp_path: Path) -> None:
    finish(start(2, exchanging, str(tmp_path / "counts")), PATIENCE)
    once, parts = json.loads((tmp_path / "counts").read_text(encoding="utf-8"))
    assert once == parts > 0


class Kept:
    """A tensor that a backward pass waits for; it counts the bytes of those that there are."""

    now = most = 0

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor
        Kept.now += tensor.nbytes
        Kept.most = max(Kept.most, Kept.now)

    def __del__(self) -> None:
        Kept.now -= self.tensor.nbytes


def test_a_part_keeps_no_more_than_a_part_for_the_backward_pass() -> None:
    most = []
    for parts in (1, 4):
        model = tiny()
        step = gpt.gpt_step(model, torch.optim.SGD(model.parameters(), 0.1), parts=parts)
        Kept.most = Kept.now
        with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.tensor):
            step(ids(64))
        most.append(Kept.most - Kept.now)
    assert 0.2 < most[1] / most[0] < 0.4


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


def as_on_the_page(target: str) -> None:
    """Runs the page's snippets in this process; writes the losses of the replica and of the pieces.

    What they name and don't make is made here.
    """
    text = (ROOT / "book" / "scaling.md").read_text(encoding="utf-8")
    replicas, pieces = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    names = {"gpt": gpt, "processes": processes, "training": training, "torch": torch}
    names |= {
        "model": tiny(),
        "recipe": gpt.GPTRecipe(200, 4, ngrams=()),
        "batches": [ids(4)] * 200,
    }
    exec(replicas, names)
    together, losses = names["together"], [names["history"]["loss"]]
    names["model"] = tiny()
    exec(pieces, names)
    few = fit(names["step"], [ids(4)] * 3, num_steps=3, accelerator=together)
    losses.append(few["loss"])
    if together.is_main_process:
        Path(target).write_text(json.dumps(losses), encoding="utf-8")
    together.end_training()


def test_the_pages_snippets_train(tmp_path: Path) -> None:
    finish(start(2, as_on_the_page, str(tmp_path / "losses")), PATIENCE)
    replica, pieces = json.loads((tmp_path / "losses").read_text(encoding="utf-8"))
    assert (len(replica), len(pieces)) == (200, 3)
    assert replica[-1] < 0.1 * replica[0]
    assert pieces[-1] < pieces[0]


# --- a process that dies ----------------------------------------------------------------------


def dying(at: int, arguments: Sequence[str]) -> None:
    """Trains as the program does; the second process is killed when it has taken `at` steps."""
    make = gpt.gpt_step

    def mortal(*given: Any, **options: Any) -> Any:
        step, taken = make(*given, **options), 0

        def counted(batch: Any) -> Any:
            nonlocal taken
            if taken == at and os.environ["RANK"] == "1":
                os.kill(os.getpid(), signal.SIGKILL)
            taken += 1
            return step(batch)

        return counted

    gpt.gpt_step = mortal
    train_gpt.main(arguments)


def test_a_killed_run_loses_no_more_than_the_steps_since_its_last_checkpoint(folder: Path) -> None:
    file, again = folder / "killed.safetensors", folder / "again.safetensors"
    members = start(2, dying, 43, [*LONG, "--keep", str(file)])
    members[1].join(PATIENCE)
    assert members[1].exitcode == -signal.SIGKILL
    members[0].terminate()  # as torchrun does: alone it would wait
    members[0].join(PATIENCE)
    shutil.copy(file, again)
    whole = run(folder, 2, *LONG)
    for number, kept in ((2, file), (1, again)):
        rest = run(folder, number, *LONG, "--keep", str(kept))
        assert rest["began"] == 40
        assert len(rest["losses"]) == 60
        assert rest["losses"] == pytest.approx(whole["losses"], abs=1e-5)


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


# --- the commands of the page -----------------------------------------------------------------


def shown(beginning: str) -> list[str]:
    """Returns the words of the page's command that begins so; a line may go on after "\\"."""
    page = (ROOT / "book" / "scaling.md").read_text(encoding="utf-8").replace("\\\n", "")
    (line,) = re.findall(rf"^{beginning}.*$", page, re.MULTILINE)
    return line.split()


def handed_over(target: str, words: Sequence[str]) -> None:
    """Writes what Accelerate's command has torchrun start, and how often."""
    from accelerate.commands import launch
    from torch.distributed import run as torchrun

    torchrun.run = lambda told: Path(target).write_text(
        json.dumps([int(told.nproc_per_node), told.training_script]), encoding="utf-8"
    )
    launch.launch_command(launch.launch_command_parser().parse_args(words))


def test_both_commands_start_the_program_twice(tmp_path: Path) -> None:
    from torch.distributed import run as torchrun

    accelerate, launch, *words = shown("accelerate launch")
    assert (accelerate, launch) == ("accelerate", "launch")
    finish(start(1, handed_over, str(tmp_path / "told"), words), PATIENCE)
    told = torchrun.get_args_parser().parse_args(shown("torchrun")[1:])
    assert json.loads((tmp_path / "told").read_text(encoding="utf-8")) == [2, told.training_script]
    assert told.nproc_per_node == "2"
    assert (ROOT / told.training_script).is_file()


def test_torchrun_starts_a_killed_process_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, target = folder / "torchrun.safetensors", folder / "torchrun.losses"
    setting, torchrun, *words = shown("TORCH")
    for name, value in (setting.split("="), ("OMP_NUM_THREADS", "1"), ("PYTHONPATH", str(ROOT))):
        monkeypatch.setenv(name, value)
    words = [str(ROOT / each) if each.endswith(".py") else each for each in words]
    words[words.index("--keep") + 1] = str(file)
    words += [*LONG, "--json", str(target)]
    program = str(Path(sys.executable).with_name(torchrun))
    with subprocess.Popen([program, *words], stdout=subprocess.PIPE, text=True) as started:
        end = time.monotonic() + PATIENCE
        while not file.exists():
            assert started.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        psutil.Process(started.pid).children()[-1].send_signal(signal.SIGKILL)
        printed = started.communicate(timeout=PATIENCE)[0]
    assert started.returncode == 0, printed
    (after,) = re.findall(r"goes on after step (\d+)", printed)
    assert 5 <= int(after) < 60
    assert int(after) % 5 == 0
    losses = json.loads(target.read_text(encoding="utf-8"))["losses"]
    assert losses == pytest.approx(run(folder, 2, *LONG)["losses"], abs=1e-5)


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
    model = tiny()
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
    with pytest.raises(ImportError, match="extra `scale`") as error:
        processes.accelerator()
    assert_one_sentence(error)


def test_what_is_no_accelerator_is_refused() -> None:
    with pytest.raises(ValueError, match="not a str") as error:
        fit(lambda batch: {"loss": 1.0}, [1], num_steps=1, accelerator="cpu")
    assert_one_sentence(error)


def test_unequal_parts_are_refused() -> None:
    model = tiny()
    step = gpt.gpt_step(model, torch.optim.SGD(model.parameters(), 0.1), parts=2)
    with pytest.raises(ValueError, match="A batch of 3 can't be cut into 2 equal parts") as error:
        step(ids(3))
    assert_one_sentence(error)


def test_a_history_without_many_processes_is_as_it_was() -> None:
    history = fit(lambda batch: {"loss": float(batch)}, [3, 2, 1], num_steps=3, history=History())
    assert history["loss"] == [3.0, 2.0, 1.0]
