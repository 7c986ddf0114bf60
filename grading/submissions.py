"""Finds the submissions in a folder or a ZIP file, whatever learning system packed them."""

from __future__ import annotations

import functools
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from . import gradescope, layouts
from .files import File, Listing, is_notebook, is_zip, list_inner, list_place, the_only_zip
from .notebooks import SubmissionError

#: Files changed within so many seconds may have been unpacked in any order.
SAME_SECONDS = 60
#: The most notebooks of one student that are looked at, the newest ones.
MOST = 20


@dataclass
class Attempt:
    """A notebook that a student handed in."""

    file: File
    handed_in: str = ""
    late: str = ""
    number: int = 0

    @property
    def path(self) -> str:
        """Its path, from the folder of all submissions on."""
        return self.file.path


@dataclass
class Submission:
    """What one student handed in.

    Attributes:
        student: the name, unlike all others of the class.
        id: the learning system's own for the student, if the names tell it.
        attempts: the notebooks, the newest first.
        others: files that are no notebooks.
        notes: what the instructor should know, one sentence each.
        looked: whether the student's own ZIP files were looked into.
    """

    student: str
    id: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    others: list[File] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    looked: bool = False

    def look_into_zips(self) -> None:
        """Takes the notebooks out of a student's own ZIP files, where there are no others."""
        if self.attempts or self.looked:
            return
        for file in filter(lambda one: is_zip(one.path), self.others):
            try:
                inner = [one for one in list_inner(file) if is_notebook(one.path)]
                self.attempts += [Attempt(one) for one in inner]
            except SubmissionError as error:
                self.notes.append(str(error))
        self.attempts = newest_first(self.attempts)[:MOST]
        self.looked = True

    def told_of_others(self) -> str:
        """Returns what there is in place of a notebook, in one sentence."""
        names = sorted(file.path for file in self.others)
        return f"There is no notebook, only {', '.join(names[:3]) or 'an empty folder'}."


def collect(place: Path, encoding: str | None = None, student: str = "") -> list[Submission]:
    """Returns the submissions of a folder or a ZIP file, sorted by student; none is read yet.

    Args:
        place: the folder or the ZIP file.
        encoding: of the names in the ZIP file; it is guessed if there is none.
        student: whose all of it is, where it is one student's.

    Raises:
        SubmissionError: there is no such folder, nothing in it, or the ZIP file is damaged.
    """
    listing = list_place(place, encoding)
    if student:
        owners = {file.path: layouts.Owner(student) for file in listing.files}
    else:
        owners = _owners(listing)
        inner = the_only_zip(listing, encoding)
        if inner and len({(one.name, one.id) for one in _owners(inner).values()}) > 1:
            listing, owners = inner, _owners(inner)  # a class's ZIP file, in a folder of its own
    groups: dict[tuple[str, str], list[File]] = {}
    for owner in owners.values():  # a folder without files is a row too
        groups[owner.name, owner.id] = []
    for file in listing.files:
        if whose := owners.get(file.path):
            groups[whose.name, whose.id].append(file)
    if not groups:
        raise SubmissionError(f"There is no submission in {place.name}: it holds no file at all.")
    return _named(groups, owners)


def _owners(listing: Listing) -> dict[str, layouts.Owner]:
    owners = layouts.owners([file.path for file in listing.files], listing.folders)
    return gradescope.with_names(owners, listing.files)


def _named(
    groups: dict[tuple[str, str], list[File]], owners: dict[str, layouts.Owner]
) -> list[Submission]:
    """Returns one submission for each group, each under a name of its own."""
    count = Counter(name for name, _ in groups)
    found: dict[str, Submission] = {}
    for (name, id_), files in sorted(groups.items()):
        student = f"{name} ({id_})" if count[name] > 1 and id_ else name
        while student in found:
            student += "'"
        found[student] = _submission(Submission(student, id_), files, owners)
    return list(found.values())


def _submission(
    found: Submission, files: list[File], owners: dict[str, layouts.Owner]
) -> Submission:
    stamps = {file.path.rsplit("/", 1)[0]: file for file in files
              if file.path.endswith("/timestamp.txt")}  # fmt: skip
    for file in files:
        owner = owners[file.path]
        if not is_notebook(file.path):
            found.others += [] if file in stamps.values() else [file]
            continue
        told = owner.handed_in or _stamp(stamps.get(file.path.rsplit("/", 1)[0]))
        found.attempts.append(Attempt(file, told, owner.late, owner.number))
    checkpoint = re.compile(r"(^|/)\.ipynb_checkpoints/")
    fresh = [one for one in found.attempts if not checkpoint.search(one.path)]
    found.attempts = newest_first(fresh or found.attempts)
    if len(found.attempts) > MOST:
        found.notes.append(
            f"There are {len(found.attempts)} notebooks; the newest {MOST} are looked at."
        )
        del found.attempts[MOST:]
    return found


def _stamp(file: File | None) -> str:
    """Returns the time in nbgrader's `timestamp.txt`."""
    try:
        return layouts.moment(file.read()[:100].decode().strip()) if file else ""
    except (SubmissionError, ValueError):
        return ""


def newest_first(attempts: list[Attempt]) -> list[Attempt]:
    """Sorts attempts by what their names tell, else by the files' times, else by their numbers."""
    return sorted(attempts, key=functools.cmp_to_key(_newer), reverse=True)


def _newer(first: Attempt, second: Attempt) -> int:
    for one, other in ((first.handed_in, second.handed_in), (first.number, second.number)):
        if one and other and one != other:
            return 1 if one > other else -1  # type: ignore[operator]
    apart = first.file.modified - second.file.modified
    if first.file.modified and second.file.modified and abs(apart) > SAME_SECONDS:
        return 1 if apart > 0 else -1
    numbers = layouts.copy_number(first.path), layouts.copy_number(second.path)
    if numbers[0] != numbers[1]:
        return numbers[0] - numbers[1]
    keys = _natural(first.path), _natural(second.path)
    return (keys[0] > keys[1]) - (keys[0] < keys[1])


def _natural(path: str) -> list[tuple[int, str]]:
    """Returns a key by which "2" comes before "10"."""
    return [(int(part) if part.isdecimal() else -1, part) for part in re.split(r"(\d+)", path)]
