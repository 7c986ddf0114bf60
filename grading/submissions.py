"""Finds the submissions in a folder or a ZIP file, whatever learning system packed them."""

from __future__ import annotations

import json
import re
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat

LIMIT_BYTES = 20_000_000
LIMIT_FILES = 5_000


class SubmissionError(ValueError):
    """A submission that can't be read; the message is one sentence that says why."""


@dataclass
class Submission:
    """What one student handed in.

    Attributes:
        student: the folder's name, or else the file's.
        notebook: the notebook; None if it can't be read.
        notes: what the instructor should know, one sentence each.
    """

    student: str
    notebook: Any | None = None
    notes: list[str] = field(default_factory=list)


def parse(content: bytes) -> Any:
    """Returns a notebook of format 4 out of a file's bytes.

    Raises:
        SubmissionError: it is empty, too large, or no notebook.
    """
    if not content.strip():
        raise SubmissionError("The file is empty.")
    if len(content) > LIMIT_BYTES:
        raise SubmissionError(f"The file is larger than {LIMIT_BYTES // 10**6} MB.")
    try:
        text = content.decode("utf-8-sig")
        written = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SubmissionError("The file is cut short or no notebook at all.") from error
    if not isinstance(written, dict) or not isinstance(written.get("cells"), list):
        raise SubmissionError("The file is no Jupyter notebook: it has no list of cells.")
    try:
        notebook = nbformat.reads(text, as_version=4)
        for cell in notebook.cells:  # what the rest of the grader relies on
            if not isinstance(cell.source, str) or not isinstance(cell.cell_type, str):
                raise TypeError("a cell has no text")
    except Exception as error:  # nbformat raises many kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise SubmissionError(f"The file is no Jupyter notebook: {reason}.") from error
    return notebook


def collect(place: Path) -> list[Submission]:
    """Returns the submissions of a folder or a ZIP file, sorted by student.

    A student is a folder with a notebook somewhere in it, or a notebook that lies in no folder.

    Raises:
        SubmissionError: there is no such folder, no notebook in it, or a ZIP file is damaged.
    """
    files = _from_zip(place) if place.suffix == ".zip" else _from_folder(place)
    by_student: dict[str, dict[str, bytes | None]] = defaultdict(dict)
    for path, content in files.items():
        parts = PurePosixPath(path).parts
        by_student[parts[0] if len(parts) > 1 else PurePosixPath(path).stem][path] = content
    if not by_student:
        raise SubmissionError(f"There is no submission in {place.name}: it holds no file at all.")
    return [_submission(student, by_student[student]) for student in sorted(by_student)]


def _submission(student: str, files: dict[str, bytes | None]) -> Submission:
    notebooks = sorted(path for path in files if path.endswith(".ipynb"))
    found = Submission(student)
    if not notebooks:
        found.notes.append(f"There is no notebook, only {', '.join(sorted(files)[:3])}.")
        return found
    if len(notebooks) > 1:
        found.notes.append(
            f"There are {len(notebooks)} notebooks; {notebooks[-1]} is graded, the last by name."
        )
    content = files[notebooks[-1]]
    try:
        if content is None:
            raise SubmissionError("The file is a link or can't be read.")
        found.notebook = parse(content)
    except SubmissionError as error:
        found.notes.append(str(error))
    return found


def _ours(path: str) -> bool:
    """Whether a path may be a submission, and no leftover of an operating system or of Jupyter."""
    return not re.search(r"(^|/)(\.|__MACOSX/|Thumbs\.db$|desktop\.ini$)", path)


def _from_folder(place: Path) -> dict[str, bytes | None]:
    if not place.is_dir():
        raise SubmissionError(f"There is no folder {place}: name the folder of submissions.")
    found: dict[str, bytes | None] = {}
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if not _ours(name) or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink() or not path.is_file():  # it may lead to another's work
            found[name] = None
            continue
        try:
            with path.open("rb") as file:
                found[name] = file.read(LIMIT_BYTES + 1)
        except OSError:
            found[name] = None
    return found


def _from_zip(place: Path) -> dict[str, bytes | None]:
    try:
        with zipfile.ZipFile(place) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and _ours(m.filename)]
            if len(members) > LIMIT_FILES:
                raise SubmissionError(f"{place.name} holds more than {LIMIT_FILES} files.")
            found: dict[str, bytes | None] = {}
            for member in members:  # read, never unpacked: a path in it can lead nowhere
                name = member.filename.lstrip("/")
                with archive.open(member) as file:
                    found[name] = file.read(LIMIT_BYTES + 1)
            return found
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise SubmissionError(f"The ZIP file {place} is missing or damaged.") from error
