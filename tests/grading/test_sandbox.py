"""The walls: what a submission can't reach and can't use up, and what is said without them."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from grading import editions, sandbox, servers
from grading.grade import Grader
from grading.inside.outputs import TEXT, Budget, Kept

ROOT = Path(__file__).resolve().parents[2]
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
SHORT = sandbox.Limits(cell_seconds=2, seconds=60, memory_gib=2)


def cell(source: str, *, own: bool = True, check: str = "", again: bool = False) -> dict[str, Any]:
    return {"source": source, "own": own, "check": check, "again": again}


def printed(found: servers.Found, number: int = 0) -> str:
    return "".join(output.get("text", "") for output in found.outputs[number])


@pytest.fixture(scope="module")
def server() -> Any:
    """A server that runs one submission after the other."""
    found = servers.Server(SHORT, preload="import torch")
    yield found
    found.close()


PRYING = """
import glob, os, socket
found = {}
try:
    socket.create_connection(("192.0.2.1", 80), timeout=2)
    found["network"] = "open"
except OSError as error:
    found["network"] = type(error).__name__
found["secret"] = os.path.exists(SECRET)
found["others"] = glob.glob(OTHERS + "/*")
found["home"] = os.path.expanduser("~")
try:
    open(PACKAGE + "/written", "w")
    found["package"] = "writable"
except OSError:
    found["package"] = "read-only"
try:
    open("/written", "w")
    found["root"] = "writable"
except OSError:
    found["root"] = "read-only"
try:
    block = bytearray(3 << 30)
    found["memory"] = "unlimited"
except MemoryError:
    found["memory"] = "limited"
found["environment"] = sorted(k for k in os.environ if k.startswith("AIGC_"))
print(found)
"""


@on_linux
def test_the_sandbox_hides_network_files_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_SECRET", "key")
    secret, others = tmp_path / "secret", tmp_path / "others"
    secret.write_text("grades")
    others.mkdir()
    (others / "ann.ipynb").write_text("{}")
    names = f"SECRET, OTHERS = {str(secret)!r}, {str(others)!r}\n"
    names += f"PACKAGE = {str(ROOT / 'aigc_utils')!r}\n"
    found = eval(printed(servers.run([cell(names + PRYING)], SHORT)))
    assert found.pop("network") in ("OSError", "ConnectionRefusedError", "PermissionError")
    assert found == {
        "secret": False, "others": [], "home": "/scratch", "package": "read-only",
        "root": "read-only", "memory": "limited", "environment": [],
    }  # fmt: skip


BEHIND = """
import ctypes, glob, os
found = {"files": sorted(os.listdir("/scratch")), "shared": os.listdir("/dev/shm")}
open("/scratch/left", "w").write("answers")
open("/dev/shm/left", "w").write("answers")
found["rights"] = open("/proc/self/status").read().split("CapEff:")[1].split()[0]
found["processes"] = os.getpid() < 20
readable = []
for place in glob.glob("/proc/[0-9]*/environ"):
    if place.split("/")[2] not in ("self", str(os.getpid())) :
        try:
            open(place).read()
            readable.append(place)
        except OSError:
            pass
mine = open("/proc/self/stat").read().split()[0]
found["readable"] = [p for p in readable if p.split("/")[2] != mine]
for number in (1, os.getppid()):
    os.kill(number, 9)  # the first process behind inner walls can't be ended from inside
import torch
torch.answers = found["torch"] = getattr(torch, "answers", "")
torch.answers += "left"
found["mount"] = ctypes.CDLL(None).mount(b"none", b"/scratch", b"tmpfs", 0, b"")
print(found)
"""


@on_linux
def test_a_submission_finds_nothing_of_the_one_before(server: servers.Server) -> None:
    clean = {"shared": [], "rights": "0" * 16, "processes": True, "readable": [], "torch": "",
             "mount": -1}  # fmt: skip
    for _ in range(2):
        found = eval(printed(server.run([cell(BEHIND)])))
        assert "left" not in found.pop("files")
        assert found == clean
    assert server.run([cell("import os\nos.fork()\nos.fork()\nprint(1)")]).statuses == ["ok"]
    left = server.run([cell("import os; print(sum(n.isdigit() for n in os.listdir('/proc')))")])
    assert int(printed(left)) < 10


@on_linux
def test_a_cell_is_interrupted_and_the_rest_goes_on(server: servers.Server) -> None:
    cells = [cell("x = 1"), cell("while True: pass"), cell("print(x)")]
    found = server.run(cells)
    assert found.statuses == ["ok", "late", "ok"]
    assert found.reasons == {1: "The cell was still running after 2 s."}
    assert printed(found, 2) == "1\n"


@on_linux
def test_what_ends_the_kernel_is_left_out(server: servers.Server) -> None:
    end = "import os\nos._exit(0)"
    found = server.run([cell("x = 1"), cell(end), cell(end), cell("print(x)")])
    assert found.statuses == ["ok", "", "", "ok"]
    assert set(found.reasons) == {1, 2}
    later = (
        "import os, threading, time\ndef wait():\n    while 'y' not in globals(): time.sleep(0)\n"
    )
    later += "    os._exit(1)\nthreading.Thread(target=wait).start()"
    found = server.run([cell(later), cell("y = 1", own=False), cell("z = 1"), cell("print(z)")])
    assert found.statuses == ["", "ok", "ok", "ok"]
    assert found.reasons == {0: "The cell ended the kernel after it had run."}


FILLING = "import torch\nblocks = []\nwhile True:\n    blocks.append({})"


@on_linux
def test_a_cell_that_leaves_the_memory_full_is_left_out() -> None:
    """Else the other answers fail, or run for ever, as it happens."""
    limits = sandbox.Limits(cell_seconds=30, seconds=200, memory_gib=2)
    grown = [FILLING.format(block) for block in ("bytearray(1 << 24)", "torch.ones(1 << 22)")]
    for source in grown:
        found = servers.run([cell("x = 1"), cell(source), cell("print(x)")], limits)
        assert found.statuses == ["ok", "", "ok"]
        assert found.reasons == {1: "The cell left the memory of 2 GiB full."}
        assert printed(found, 2) == "1\n"


@on_linux
def test_a_cell_whose_memory_is_free_again_counts() -> None:
    limits = sandbox.Limits(cell_seconds=30, seconds=200, memory_gib=2)
    within = "def f():\n    " + FILLING.format("bytearray(1 << 24)").replace("\n", "\n    ")
    cells = [cell("x = 1"), cell(f"{within}\nf()"), cell("bytes(1 << 60)"), cell("print(x)")]
    cells += [cell(FILLING.format("bytearray(1 << 24)"), own=False, check="a"), cell("y = 1")]
    found = servers.run(cells, limits)
    assert found.statuses[:5] == ["ok", "error", "error", "ok", "error"]
    assert not {1, 2, 3, 4} & set(found.reasons), "a check is no student's"


@on_linux
def test_a_check_is_repeated_until_it_is_correct(server: servers.Server) -> None:
    check = [cell("assert x == 2", own=False, check="a", again=n > 0) for n in range(4)]
    cells = [cell("x = 1"), check[0], cell("x = 2"), check[1], check[2], cell("x = 3"), check[3]]
    assert server.run(cells).statuses == ["ok", "error", "ok", "ok", "", "ok", ""]


@on_linux
def test_a_run_that_outlasts_its_time_is_named() -> None:
    cells = [cell("import time\ntime.sleep(0.6)")] * 4
    with pytest.raises(
        servers.RunError, match=r"^The submission was still running after 1 s; give"
    ):
        servers.run(cells, sandbox.Limits(cell_seconds=1, seconds=1))


@on_linux
def test_a_server_that_has_ended_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "INSIDE", Path("/nowhere"))
    with pytest.raises(servers.RunError, match=r"^The run ended without a result: .*/nowhere"):
        servers.run([cell("1")], SHORT)


@on_linux
@pytest.mark.parametrize("walls", [True, False])
def test_without_inner_walls_each_submission_has_a_server_of_its_own(
    walls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = sandbox.command  # a folder that is not there can't be put behind inner walls
    monkeypatch.setattr(sandbox, "command", lambda *a: [*command(*a), *["/none"] * walls])
    several = servers.Servers(SHORT, walls)
    try:
        for _ in range(2):
            found = several.run([cell("import os; os._exit(0)"), cell("print(6 * 7)")])
            assert printed(found, 1) == "42\n"
            assert found.reasons == {0: "The cell ended the kernel."}
    finally:
        several.close()


# --- without walls ----------------------------------------------------------------------------


def test_without_walls_nothing_is_graded(
    monkeypatch: pytest.MonkeyPatch, made: editions.Editions
) -> None:
    monkeypatch.setattr(sandbox, "walls_stand", lambda: False)
    monkeypatch.setattr(sandbox, "_refusal", lambda: None)
    with pytest.raises(sandbox.SandboxError, match=r"^Submissions run only behind walls: install"):
        Grader(made.instructor)


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell's")
def test_where_walls_are_forbidden_bubblewraps_words_and_the_cures_are_shown(
    monkeypatch: pytest.MonkeyPatch, made: editions.Editions, tmp_path: Path
) -> None:
    stand_in = tmp_path / "bwrap"
    words = "bwrap: setting up uid map: Permission denied"
    stand_in.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    sandbox._refusal.cache_clear()
    try:
        with pytest.raises(sandbox.SandboxError) as told:
            Grader(made.instructor)
    finally:
        sandbox._refusal.cache_clear()
    for part in (
        words, f"profile bwrap {stand_in} flags=(unconfined)", "userns,",
        "sudo apparmor_parser -r /etc/apparmor.d/bwrap",
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ):  # fmt: skip
        assert part in str(told.value)
    assert "install bubblewrap" not in str(told.value)


# --- what is kept of the outputs --------------------------------------------------------------


def message(kind: str, **content: Any) -> dict[str, Any]:
    return {"header": {"msg_type": kind}, "content": content}


def test_outputs_are_kept_up_to_a_limit() -> None:
    kept = Kept(Budget(1_000_000))
    for _ in range(1_000):
        kept.take(message("stream", name="stdout", text="x" * 1000))
        kept.take(message("display_data", data={"text/plain": "y" * 100_000}))
    found = kept.all()
    assert sum(len(str(output)) for output in found) < 1_100_000
    assert "left out" in found[-1]["text"]
    assert len(found[0]["text"]) <= TEXT


def test_an_error_is_always_kept() -> None:
    kept = Kept(Budget(0))
    kept.take(message("error", ename="E", evalue="v" * 10**6, traceback=["t" * 10**6] * 99))
    assert kept.all()[0]["ename"] == "E"
    assert len(str(kept.all())) < 200_000
