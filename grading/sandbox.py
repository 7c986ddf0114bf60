"""The walls: no network, nobody else's files, limits for everything.

They are bubblewrap's (Linux). Behind them one sees the Python that runs the grader and the course's
package, both read-only, and nothing else: the cells come in through one pipe, and what was found
goes out through another.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INSIDE = Path(__file__).resolve().parent / "inside"
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/fonts")
USER = "1000"
SCRATCH = "/scratch"  # in memory, and gone with the run
#: What each folder in memory may hold.
FOLDER_BYTES = 1 << 30
#: The most processes that one submission may have at a time.
PROCESSES = 24
ADVICE = (
    "Submissions run only behind walls: install bubblewrap (Debian and Ubuntu: `apt-get install "
    "bubblewrap`), or run the grader in a container with `--sandbox none`, as the book's chapter "
    "for instructors says."
)
# Canonical's own words on it: https://ubuntu.com/blog/
# ubuntu-23-10-restricted-unprivileged-user-namespaces; bubblewrap's: its issues 505 and 632.
FORBIDDEN = """\
Submissions run only behind walls: bubblewrap is installed and may not build them here. It says:
  {words}
Ubuntu 24.04 and later forbid it by AppArmor. There are two cures; the first allows it to bubblewrap
alone, the second to every program and until the next start:
  1. sudo tee /etc/apparmor.d/bwrap <<'END'
     abi <abi/4.0>,
     include <tunables/global>
     profile bwrap {bwrap} flags=(unconfined) {{
       userns,
     }}
     END
     sudo apparmor_parser -r /etc/apparmor.d/bwrap
  2. sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0
Or run the grader in a container with `--sandbox none`, as the book's page for instructors says."""


class SandboxError(RuntimeError):
    """There are no walls to be had; the message says what to do."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use: seconds for a cell and for all, and GiB of memory."""

    cell_seconds: float = 30
    seconds: float = 300
    memory_gib: float = 6


@cache
def _refusal() -> str | None:
    """Returns what bubblewrap says where it can't build walls; None where it can or is missing."""
    if not shutil.which("bwrap"):
        return None
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    run = subprocess.run(command, check=False, capture_output=True)
    words = run.stderr.decode(errors="replace").strip() or f"nothing, with status {run.returncode}"
    return words if run.returncode else None


def walls_stand() -> bool:
    """Whether bubblewrap is installed and allowed to build a sandbox here."""
    return shutil.which("bwrap") is not None and _refusal() is None


def advice() -> str:
    """Returns what to do where there are no walls."""
    words = _refusal()
    if words is None:
        return ADVICE
    return FORBIDDEN.format(words=words.replace("\n", "\n  "), bwrap=shutil.which("bwrap"))


@cache
def _knows_size() -> bool:
    """Whether this bubblewrap can limit a folder in memory; it learnt that in version 0.7."""
    told = subprocess.run(["bwrap", "--help"], check=False, capture_output=True)
    return b"--size" in told.stdout + told.stderr


def _in_memory(place: str) -> list[str]:
    size = ["--size", str(FOLDER_BYTES)] if _knows_size() else []
    return [*size, "--tmpfs", place]


def _visible() -> list[Path]:
    """Returns what the sandbox shows besides the system: Python's folders and the package."""
    python = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent]
    ours = [ROOT / "aigc_utils", INSIDE, INSIDE.with_name("__init__.py")]
    return list(dict.fromkeys([*python, *ours]))


def _processes_of_mine() -> int:
    """Returns how many processes and threads this user has; 0 where that can't be told."""
    if not hasattr(os, "getuid") or os.getuid() == 0:  # no limit holds for root
        return 0
    found = 0
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if place.stat().st_uid == os.getuid():
                found += sum(1 for _ in (place / "task").iterdir())
        except OSError:
            continue
    return found


def command(limits: Limits, walls: bool, preload: str) -> list[str]:
    """Returns the command that starts a server, with walls or without."""
    run = [
        sys.executable, "-m", "grading.inside", "--cell-seconds", str(limits.cell_seconds),
        "--seconds", str(limits.seconds), "--memory-gib", str(limits.memory_gib),
        "--processes", str(PROCESSES), "--preload", preload,
    ]  # fmt: skip
    if not walls:
        return run
    if mine := _processes_of_mine():
        run += ["--user-processes", str(mine + 400)]
    wrap = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    # Nobody is root behind the walls; without that, root's rights would be missing for the inner.
    wrap += ["--unshare-user", "--uid", USER, "--gid", USER, "--proc", "/proc", "--dev", "/dev"]
    folders = [SCRATCH, "/dev/shm"]
    temporary = tempfile.gettempdir()
    # Where the course itself lies there, that folder stays as it is, and cannot be written to.
    if not any(path.is_relative_to(temporary) for path in _visible()):
        folders.append(temporary)
    for place in folders:
        wrap += _in_memory(place)
    for place in SYSTEM:
        wrap += ["--ro-bind-try", place, place]
    for path in _visible():
        wrap += ["--ro-bind", str(path), str(path)]
    wrap += ["--remount-ro", "/", "--chdir", SCRATCH]
    return [*wrap, "--", *run, "--walls", "--folders", *folders]


def environment(home: str) -> dict[str, str]:
    """Returns the environment of a run: nothing of the instructor's own."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    openblas = {n: v for n, v in os.environ.items() if n.startswith("OPENBLAS_")}
    return {
        "OPENBLAS_NUM_THREADS": "1", **kept, **openblas, "HOME": home, "TMPDIR": home,
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "IPYTHONDIR": f"{home}/.ipython", "MPLCONFIGDIR": f"{home}/.matplotlib",
        "JUPYTER_RUNTIME_DIR": f"{home}/.runtime",
        # An answer that installs something has no network to wait for.
        "PIP_RETRIES": "0", "PIP_TIMEOUT": "1", "PIP_NO_INPUT": "1",
    }  # fmt: skip
