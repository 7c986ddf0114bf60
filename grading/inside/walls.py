"""Inner walls: each submission's processes, scratch folders and rights, apart from the next one's.

The outer walls, bubblewrap's, stand around a server that has PyTorch loaded. It forks for each
submission, so that PyTorch need not be loaded again; what is forked goes behind walls of its own.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

NEWNS, NEWIPC, NEWUSER, NEWPID = 0x20000, 0x8000000, 0x10000000, 0x20000000
MS_NOSUID, MS_NODEV = 2, 4
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
CAPABILITY_VERSION = 0x20080522
#: What each folder in memory may hold.
SIZE = b"size=1g"


def _call(name: str, *arguments: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments):
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def hide(hidden: bool = True) -> None:
    """Lets no other process look into this one's memory and files, or lets them again."""
    if sys.platform == "linux":
        _call("prctl", PR_SET_DUMPABLE, int(not hidden), 0, 0, 0)


def enter(folders: Sequence[str]) -> None:
    """Puts what this process forks behind walls; it must have one thread.

    Args:
        folders: those in memory that may be written to; each becomes empty.

    Raises:
        OSError: this system does not allow it.
    """
    user, group = os.getuid(), os.getgid()
    hide(False)  # or its own settings below belong to root
    _call("unshare", NEWUSER | NEWNS | NEWPID | NEWIPC)
    for name, text in [
        ("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1"),
    ]:  # fmt: skip
        Path("/proc/self", name).write_text(text)
    hide()
    for folder in folders:
        _call("mount", b"tmpfs", folder.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, SIZE)
    os.chdir(folders[0])


def can_enter(folders: Sequence[str]) -> bool:
    """Whether this system allows inner walls."""

    def try_it() -> int:
        enter(folders)
        return 0

    child = forked(try_it)
    return os.waitpid(child, 0)[1] == 0


def give_up_rights() -> None:
    """Gives up every right over the inner walls, for good."""
    for capability in range(64):
        try:
            _call("prctl", PR_CAPBSET_DROP, capability, 0, 0, 0)
        except OSError:  # this kernel has fewer
            break
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    _call("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))


def forked(work: Callable[[], int]) -> int:
    """Returns the process in which a function runs; its result is the exit status."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        status = work()
    except BaseException as error:  # nothing of the parent's may run on
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(status)


def die_with_parent() -> None:
    """Ends this process as soon as the one that forked it ends."""
    if sys.platform == "linux":
        _call("prctl", PR_SET_PDEATHSIG, 9, 0, 0, 0)
