"""Files read and written safely: what comes with the course, and what the course writes.

Every read of a bundled file compares a SHA-256, so a damaged file gives one sentence that says
what to do, and never a wrong digit. Every write is whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

#: The folder of all files that come with the course.
ASSETS = Path(__file__).parent.parent / "assets"


class DataError(RuntimeError):
    """Data that can't be read or written; the message is one sentence that says what to do."""


class Checksum(NamedTuple):
    """What a bundled file must be: bytes and SHA-256 as stored, bytes and MD5 once unpacked."""

    size: int
    sha256: str
    unpacked_size: int
    unpacked_md5: str


def write_whole(path: Path, data: bytes) -> None:
    """Writes all of a file or nothing: to a file of its own beside it, then renamed.

    Raises:
        OSError: the folder can't be written.
    """
    part = path.with_name(f".{uuid4().hex}.part")  # short, as a long name has no room for more
    try:
        part.write_bytes(data)
        with part.open("r+b") as file:
            os.fsync(file.fileno())  # or else a loss of power could leave the new name empty
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_file(path: str | Path, data: bytes) -> Path:
    """Writes a reader's file, all of it or nothing, and returns its path; "~" is their home.

    The folder is made if there is none.

    Raises:
        DataError: the file can't be written; one that was there before stays whole.
    """
    try:
        found = Path(path).expanduser()
        found.parent.mkdir(parents=True, exist_ok=True)
        write_whole(found, data)
    except (OSError, RuntimeError, ValueError) as error:  # "~" without a home, a name with a NUL
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise DataError(
            f"{path} can't be written ({reason}): make room or name another path."
        ) from error
    return found


def read_asset(path: Path, size: int, sha256: str) -> bytes:
    """Returns the bytes of a file that comes with the course, after they are checked.

    Args:
        path: the file, under `ASSETS`.
        size: how many bytes it has.
        sha256: their SHA-256, in hexadecimal digits.

    Raises:
        DataError: the file is missing, cut short or damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise asset_error(path, f"can't be read ({error.strerror})") from error
    if len(content) < size:
        raise asset_error(path, f"is cut short at {len(content)} of {size} bytes")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise asset_error(path, "is damaged")
    return content


def asset_error(path: Path, problem: str) -> DataError:
    """Returns the error that names a bundled file, its problem, and how to restore it."""
    return DataError(
        f"The data file {path} {problem}: restore it with `git checkout -- aigc_utils/assets`, "
        "or install the course again."
    )


def cache_folder() -> Path:
    """Returns the folder for what the course keeps between runs, which may not exist yet."""
    base = Path(os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path("~/.cache")) / "aigc_utils"
