"""Lists what lies in a folder or a ZIP file of submissions, and reads single files of it.

Nothing is unpacked and nothing is read before it is asked for, so a class with large files beside
its notebooks takes no memory. A name is shown as its writer saw it, in whatever encoding it is.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from .names import decoded, encoding_of, printable
from .notebooks import LIMIT_BYTES, SubmissionError

#: The largest ZIP file within a submission, and the largest list of names in it.
ZIP_BYTES, DIRECTORY_BYTES = 200_000_000, 10_000_000
#: How deep folders are looked into.
DEPTH = 30
#: What lies between the files that a student handed in, left by a system or by Jupyter.
LEFTOVER = re.compile(
    r"(^|/)(\.\.?(/|$)|\.(?!ipynb_checkpoints/)\w|__MACOSX/|Thumbs\.db$|desktop\.ini$|~\$)"
)


@dataclass
class File:
    """A file of a submission.

    Attributes:
        path: with slashes, from the folder of all submissions on.
        read: returns its bytes, at most one more than a notebook may have.
        modified: when it was last changed, in seconds; 0 where that is not known.
        opened: opens it, to look for files within it.
    """

    path: str
    read: Callable[[], bytes]
    modified: float = 0
    opened: Callable[[], Any] | None = None


@dataclass
class Listing:
    """The files of all submissions, and the folders, also those that are empty."""

    files: list[File] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)


def is_notebook(path: str) -> bool:
    """Whether a file may be a notebook, also where a browser has added an ending."""
    return re.search(r"\.ipynb(\.txt|\.json)?$", path, re.IGNORECASE) is not None


def is_zip(path: str) -> bool:
    """Whether a file is a ZIP file by its name."""
    return path.lower().endswith(".zip")


def list_place(place: Path, encoding: str | None = None) -> Listing:
    """Returns what lies in a folder or a ZIP file, or a single notebook.

    Args:
        place: the folder or the file.
        encoding: of the names in the ZIP file; it is guessed if there is none.

    Raises:
        SubmissionError: there is no such folder, or the ZIP file is damaged.
    """
    if place.is_dir():
        return _list_folder(place)
    if is_zip(place.name) or (place.is_file() and zipfile.is_zipfile(place)):
        return _list_zip(lambda: place.open("rb"), place.name, encoding)
    if place.is_file() and is_notebook(place.name):
        return Listing([File(printable(place.name), lambda: _read(place))])
    if place.is_file():
        raise SubmissionError(f"{place} is neither a folder nor a ZIP file: unpack it first.")
    raise SubmissionError(f"There is no folder {place}: name the folder of submissions.")


def the_only_zip(listing: Listing, encoding: str | None = None) -> Listing | None:
    """Returns what lies in a ZIP file, where nothing else lies in the folder."""
    if listing.folders or len(listing.files) != 1:
        return None
    (file,) = listing.files
    if not is_zip(file.path) or "/" in file.path:
        return None
    return _list_zip(file.opened, file.path, encoding) if file.opened else None


def list_inner(file: File, encoding: str | None = None) -> list[File]:
    """Returns the files of a ZIP file that a student handed in.

    Raises:
        SubmissionError: it is damaged or too large.
    """
    opened = file.opened
    if opened is None:
        raise SubmissionError("The file is a link or can't be read.")
    listing = _list_zip(opened, file.path, encoding)
    return [File(f"{file.path}/{one.path}", one.read, one.modified) for one in listing.files]


# --- folders -----------------------------------------------------------------------------------


def _list_folder(place: Path) -> Listing:
    found = Listing()
    waiting: list[tuple[bytes, str, int]] = [(os.fsencode(place), "", 0)]
    while waiting:
        folder, shown, depth = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:  # it may not be read, or its path is too long
            found.files.append(_unreadable(f"{shown}a folder that can't be read"))
            continue
        for entry in entries:
            path = shown + decoded(entry.name)
            is_folder = _is_folder(entry)
            if LEFTOVER.search(f"{path}/" if is_folder else path):
                continue
            if not is_folder:
                found.files.append(_file_on_disk(entry, path))
            elif depth < DEPTH:
                found.folders.append(path)
                waiting.append((entry.path, f"{path}/", depth + 1))
            else:
                found.files.append(_unreadable(f"{path}: folders too deep"))
    return found


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _file_on_disk(entry: os.DirEntry[bytes], path: str) -> File:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return _unreadable(path)
    if not stat.S_ISREG(status.st_mode):  # a link may lead to another's work; a pipe never ends
        return _unreadable(path)
    place = Path(os.fsdecode(entry.path))
    return File(path, lambda: _read(place), status.st_mtime, lambda: place.open("rb"))


def _unreadable(path: str) -> File:
    def read() -> bytes:
        raise SubmissionError("The file is a link or can't be read.")

    return File(path, read)


def _read(place: Path) -> bytes:
    try:
        with place.open("rb") as file:
            # Python would take room for all that it may read.
            return file.read(min(os.fstat(file.fileno()).st_size, LIMIT_BYTES) + 1)
    except OSError as error:
        raise SubmissionError("The file is a link or can't be read.") from error


# --- ZIP files ---------------------------------------------------------------------------------


@contextmanager
def _archive(opened: Callable[[], Any], name: str) -> Iterator[zipfile.ZipFile]:
    """Opens a ZIP file; a ZIP file within another one is copied out first.

    Raises:
        SubmissionError: it is missing, damaged or too large.
    """
    try:
        with opened() as packed, _seekable(packed, name) as file, zipfile.ZipFile(file) as archive:
            yield archive
    except SubmissionError:
        raise
    except Exception as error:  # zipfile, zlib, lzma and struct all raise their own
        raise SubmissionError(f"The ZIP file {name} is missing or damaged.") from error


@contextmanager
def _seekable(packed: Any, name: str) -> Iterator[IO[bytes]]:
    if not isinstance(packed, zipfile.ZipExtFile):
        yield packed
        return
    with tempfile.TemporaryFile() as copy:
        while chunk := packed.read(1 << 20):
            copy.write(chunk)
            if copy.tell() > ZIP_BYTES:
                raise SubmissionError(f"The ZIP file {name} is larger than {ZIP_BYTES >> 20} MB.")
        _look_at_directory(copy, name)
        yield copy


def _look_at_directory(file: IO[bytes], name: str) -> None:
    """Raises SubmissionError where a ZIP file's list of names is too long to be read."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - (1 << 16) - 22))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at >= 0 and int.from_bytes(tail[at + 12 : at + 16], "little") > DIRECTORY_BYTES:
        raise SubmissionError(f"The ZIP file {name} holds too many files.")
    file.seek(0)


def _list_zip(opened: Callable[[], Any], name: str, encoding: str | None) -> Listing:
    found = Listing()
    with _archive(opened, name) as archive:
        members = archive.infolist()
        names = _names(members, encoding)
    for member, path in zip(members, names, strict=True):
        if path.endswith("/"):
            if not LEFTOVER.search(path):
                found.folders.append(path.rstrip("/"))
        elif path and not LEFTOVER.search(path):
            found.files.append(_file_in_zip(member, path, opened, name))
    return found


def _names(members: list[zipfile.ZipInfo], encoding: str | None) -> list[str]:
    """Returns the members' names: those without the mark of UTF-8 are in an encoding to guess."""
    raw = {member: _unmarked(member) for member in members}
    encoding = encoding or encoding_of([name for name in raw.values() if name is not None], "")
    found = []
    for member, bytes_ in raw.items():
        name = member.filename
        if bytes_ is not None:
            name = bytes_.decode(encoding or encoding_of([bytes_], "cp437"), "replace")
        parts = [printable(part) for part in re.split(r"[/\\]", name) if part not in ("", ".")]
        found.append("/".join(parts) + "/" * name.endswith(("/", "\\")))
    return found


def _unmarked(member: zipfile.ZipInfo) -> bytes | None:
    """Returns a member's name as it stands in the file, where no mark says that it is UTF-8."""
    try:
        return None if member.flag_bits & 0x800 else member.filename.encode("cp437")
    except UnicodeEncodeError:  # Python found its name in Unicode elsewhere
        return None


def _file_in_zip(member: zipfile.ZipInfo, path: str, opened: Callable[[], Any], name: str) -> File:
    if stat.S_ISLNK(member.external_attr >> 16):
        return _unreadable(path)

    def read() -> bytes:
        try:
            with _archive(opened, name) as archive, archive.open(member) as file:
                return file.read(LIMIT_BYTES + 1)
        except SubmissionError as error:
            raise SubmissionError("The file is damaged in the ZIP file.") from error

    @contextmanager
    def inner() -> Iterator[Any]:
        with _archive(opened, name) as archive, archive.open(member) as file:
            yield file

    return File(path, read, _seconds(member), inner)


def _seconds(member: zipfile.ZipInfo) -> float:
    try:
        return datetime(*member.date_time).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0
