"""Runs one submission where it can do no harm: no network, nobody else's files, limited in all.

The walls are bubblewrap's (Linux). It sees the Python that runs the grader and the course's
package, both read-only, and a folder of its own with this one notebook.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNNER = Path(__file__).with_name("runner.py")
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/fonts")
SCRATCH = "/scratch"  # in memory, and gone with the run
ADVICE = (
    "Submissions run only behind walls: install bubblewrap (Debian and Ubuntu: `apt-get install "
    "bubblewrap`), or run the grader in a container with `--sandbox none`, as the book's chapter "
    "for instructors says."
)


class SandboxError(RuntimeError):
    """There are no walls to be had; the message says what to do."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use: seconds for a cell and for all, and GiB of memory."""

    cell_seconds: int = 30
    seconds: int = 300
    memory_gib: float = 6


@cache
def walls_stand() -> bool:
    """Whether bubblewrap is installed and allowed to build a sandbox here."""
    if not shutil.which("bwrap"):
        return False
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _visible() -> list[Path]:
    """Returns what the sandbox shows besides the system: Python's folders and the package."""
    python = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent]
    return list(dict.fromkeys([*python, ROOT / "aigc_utils", RUNNER]))


def command(folder: Path, limits: Limits, walls: bool) -> list[str]:
    """Returns the command that runs `folder/notebook.ipynb`, with walls or without."""
    inside = Path("/submission") if walls else folder
    run = [
        sys.executable, str(RUNNER), str(inside / "notebook.ipynb"),
        "--cell-seconds", str(limits.cell_seconds), "--seconds", str(limits.seconds),
        "--memory-gib", str(limits.memory_gib),
    ]  # fmt: skip
    if not walls:
        return run
    wrap = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session"]
    wrap += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", SCRATCH]
    for place in SYSTEM:
        wrap += ["--ro-bind-try", place, place]
    for path in _visible():
        wrap += ["--ro-bind", str(path), str(path)]
    wrap += ["--bind", str(folder), "/submission", "--chdir", "/submission"]
    return [*wrap, "--", *run]


def environment(folder: Path, walls: bool) -> dict[str, str]:
    """Returns the environment of a run: nothing of the instructor's own."""
    home = SCRATCH if walls else str(folder)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    openblas = {n: v for n, v in os.environ.items() if n.startswith("OPENBLAS_")}
    return {
        **kept, **openblas, "HOME": home, "TMPDIR": home, "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1",
        "IPYTHONDIR": f"{home}/.ipython", "MPLCONFIGDIR": f"{home}/.matplotlib",
        "JUPYTER_RUNTIME_DIR": f"{home}/.runtime",
    }  # fmt: skip


def run(folder: Path, limits: Limits, walls: bool = True) -> str:
    """Runs `folder/notebook.ipynb`; returns why there is no result, an empty text if there is one.

    Raises:
        SandboxError: walls are asked for and there are none.
    """
    if walls and not walls_stand():
        raise SandboxError(ADVICE)
    process = subprocess.Popen(
        command(folder, limits, walls),
        env=environment(folder, walls),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        # A cell may take its time once more after the last look at the clock.
        _, told = process.communicate(timeout=limits.seconds + limits.cell_seconds + 30)
    except subprocess.TimeoutExpired:
        _kill(process)
        return f"The submission was still running after {limits.seconds} s."
    if (folder / "executed.ipynb").exists() and process.returncode == 0:
        return ""
    last = (told.decode(errors="replace").strip().splitlines() or ["no message"])[-1][:200]
    return f"The run ended without a result: {last}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and all that it started; a sandbox ends with its first process."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, 9)
    else:
        process.kill()
    process.communicate()
