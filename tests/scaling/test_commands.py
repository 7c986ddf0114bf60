"""The commands of the page about many processes, as a reader types them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from scaling import train_gpt
from scaling.local import finish, start

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = str(ROOT / "scaling" / "train_gpt.py")
SMALL = ("--width", "32", "--batch", "8", "--held", "256")
SHORT = (*SMALL, "--steps", "6", "--every", "3")
LONG = (*SMALL, "--steps", "60", "--every", "5")
PATIENCE = 120.0  # seconds for one run


def run(folder: Path, number: int, *options: str) -> dict[str, Any]:
    """Returns what the program says of a run in so many processes."""
    target = folder / "reference.json"
    finish(start(number, train_gpt.main, [*options, "--json", str(target)]), PATIENCE)
    found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return found


def command(*words: str) -> list[str]:
    return [str(Path(sys.executable).with_name(words[0])), *words[1:]]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def test_torchrun_starts_a_killed_process_anew(environment: None, tmp_path: Path) -> None:
    file, target = tmp_path / "run.safetensors", tmp_path / "run.json"
    words = command("torchrun", "--standalone", "--nproc-per-node", "2", "--max-restarts", "1")
    words += [PROGRAM, *LONG, "--run", str(file), "--json", str(target)]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as started:
        end = time.monotonic() + PATIENCE
        while not file.exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        psutil.Process(started.pid).children()[-1].send_signal(signal.SIGKILL)
        printed = started.communicate(timeout=PATIENCE)[0]
    assert started.returncode == 0, printed
    (after,) = re.findall(r"goes on after step (\d+)", printed)
    assert 5 <= int(after) < 60
    assert int(after) % 5 == 0
    losses = json.loads(target.read_text(encoding="utf-8"))["losses"]
    assert losses == pytest.approx(run(tmp_path, 2, *LONG)["losses"], abs=1e-5)


def test_accelerate_launch_gives_the_same_numbers(environment: None, tmp_path: Path) -> None:
    page = (ROOT / "book" / "scaling.md").read_text(encoding="utf-8")
    assert "accelerate launch --multi_gpu --num_processes 2 scaling/train_gpt.py" in page
    words = command("accelerate", "launch", "--multi_gpu", "--num_processes", "2")
    words += ["--main_process_port", "0", PROGRAM, *SHORT, "--json", str(tmp_path / "run.json")]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert found["processes"] == 2
    assert found["losses"] == pytest.approx(run(tmp_path, 1, *SHORT)["losses"], abs=1e-5)
