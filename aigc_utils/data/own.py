"""A reader's own file: found and read, or refused in one sentence that says what to do."""

from __future__ import annotations

from pathlib import Path

from .files import DataError

#: The most bytes that a file of one's own may have, packed or not: all of it has to fit in memory.
LARGEST = 1 << 30


def own_file(path: str | Path) -> Path:
    """Returns the path of a reader's file that is there and holds something; "~" is their home.

    Raises:
        DataError: there is no such file, it is a folder, empty or larger than `LARGEST`, or its
            folder can't be looked into.
        ValueError: this is no path but something else, such as an open file or an array.
    """
    if not isinstance(path, str | Path):
        raise ValueError(
            f"A file is named by a string or a pathlib.Path, not {type(path).__name__}."
        )
    try:
        found = Path(path).expanduser()
        size = found.stat().st_size
    except FileNotFoundError:
        here = "" if found.is_absolute() else f" in {Path.cwd()}"
        raise DataError(f"There is no file {found}{here}: check its name and folder.") from None
    except (OSError, ValueError, RuntimeError) as error:
        raise unreadable(Path(path), error) from error
    if found.is_dir():
        raise DataError(f"{found} is a folder: name a file in it.")
    if not found.is_file():
        raise DataError(f"{found} is no file but a device or a pipe: name a file.")
    if size == 0:
        raise DataError(f"The file {found} is empty: save or download it again.")
    if size > LARGEST:
        raise DataError(
            f"The file {found} has {size:,} bytes, more than the {LARGEST:,} that are read: "
            "take a part of it."
        )
    return found


def read_own(path: str | Path) -> tuple[Path, bytes]:
    """Returns the path of a reader's file, with "~" resolved, and all its bytes, at least one.

    Raises:
        DataError: as `own_file`, or the file can't be read.
    """
    found = own_file(path)
    try:
        return found, found.read_bytes()
    except OSError as error:
        raise unreadable(found, error) from error


def unreadable(path: Path, error: Exception) -> DataError:
    """Returns the error that names a file and says in the system's words why it can't be read."""
    reason = getattr(error, "strerror", None) or str(error).rstrip(".")
    return DataError(f"The file {path} can't be read ({reason}): check its name and rights.")
