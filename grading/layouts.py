"""Tells whose a file is, by the names that learning systems give to what they hand out.

`tests/grading/test_layouts.py` names the source of each form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dateutil import parser as dates  # type: ignore[import-untyped]

from .files import is_notebook


@dataclass(frozen=True)
class Owner:
    """Whose a file is, and what its name says besides.

    Attributes:
        name: the student's, or the folder's or file's where no system's form is recognised.
        id: the system's own for the student.
        handed_in: when, as "2024-03-01 10:22:33"; empty where the name does not tell.
        late: "yes" or "no"; empty where the name does not tell.
        number: rises from one attempt to the next; 0 where the name does not tell.
        system: whose form it is; empty where none is recognised.
    """

    name: str
    id: str = ""
    handed_in: str = ""
    late: str = ""
    number: int = 0
    system: str = ""


#: The forms of a folder's or a file's name; a folder's ends in a slash.
FORMS = {
    "Moodle": r"(?P<name>.+?)(?:_(?P<id>\d+))?_assignsubmission_[a-z]+(?:_.*)?/?",
    "Blackboard": r"(?P<name>.+)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:[_.].*)?/?",
    "nbgrader": r"(?P<name>.+)\+[^+]+\+(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^+]*)(?:\+.*)?/",
    "Brightspace": r"(?P<id>\d+)-\d+ ?- ?(?P<name>.+?) ?- "
                   r"(?P<time>(?:\d|[^\W\d_]{3,}\.? \d).*?\d{1,2}[:.h ]?\d\d(?: ?[AP]M)?)"
                   r"(?: - .*)?/?",
    "Canvas": r"(?:(?P<name>[^/]+?)_)??(?P<late>LATE_)?(?P<id>\d+|anon_[^_/]+)_"
              r"(?:(?P<number>\d{3,})_.+|text\.html|link\.html)",
    "ILIAS": r"(?P<last>[^_/]+)_(?P<first>[^_/]+)_(?P<id>[^/]+)_\d{2,}/",
    "Gradescope": r"submission_(?P<id>\d+)/",
    "Google Classroom": r"(?P<name>.+?) - .+\.ipynb",
}  # fmt: skip
PATTERNS = {system: re.compile(form, re.IGNORECASE) for system, form in FORMS.items()}
#: No system's name is longer, and to look at longer ones takes long.
LONGEST = 300
#: What lies beside the submissions and is nobody's: Brightspace's list, ILIAS's peer reviews.
NOBODYS = re.compile(r"index\.html$|Feedback_files/|[^/]+\.(csv|xlsx?|db)$|nbgrader_config\.py")
#: ILIAS writes it in front of a late file, in the system's language.
LATE = re.compile(r"(late submission|versp(ä|ae|a)tete abgabe) - ", re.IGNORECASE)
STAMP = re.compile(r"(\d{14})_")
#: A name that the course gave, or Jupyter: it says nothing about whose it is.
OURS = re.compile(r"(copy of )?(\d\d_[a-z]+|exercises?|untitled)\b", re.IGNORECASE)
COPY = re.compile(r"( ?\(\d+\)|-\d{1,3}|[-_ ]?copy ?\d*)$", re.IGNORECASE)


def owners(paths: Sequence[str], folders: Sequence[str] = ()) -> dict[str, Owner]:
    """Returns whose each path is, of a class's files and of its folders; without what is nobody's.

    A student is a folder, or a file that lies in no folder. One folder around all of them is
    nobody's.
    """
    entries = [*paths, *(f"{folder}/" for folder in folders)]
    around = wrapper(entries)
    inside = [entry for entry in entries if entry.startswith(around) and entry != around]
    firsts = {entry: first(entry[len(around) :]) for entry in inside}
    found = _recognised(sorted(set(firsts.values())))
    systems = {owner.system for owner in found.values()} - {""}
    known: dict[str, Owner] = {}
    for entry, top in firsts.items():
        loose = not top.endswith("/") and not is_notebook(top)
        if systems and (NOBODYS.match(top) or (loose and not found[top].system)):
            continue
        known[entry] = _with_file(found[top], entry)
    return known


def first(path: str) -> str:
    """Returns a path's first part; a folder's ends in a slash."""
    head, slash, _ = path.partition("/")
    return head + slash


def _recognised(tops: list[str]) -> dict[str, Owner]:
    """Returns whose the folders and files of a class are."""
    found = {}
    unlikely = _unlikely(tops)
    for top in tops:
        for system, pattern in PATTERNS.items():
            short = len(top) < LONGEST and system not in unlikely
            if short and (match := pattern.fullmatch(top)):
                found[top] = _owner(system, match)
                break
        else:
            found[top] = Owner(top.rstrip("/") if top.endswith("/") else _stem(top))
    return _with_title_first(_without_assignment(found))


def _unlikely(tops: list[str]) -> set[str]:
    """Returns the systems whose form some names have only by chance."""
    found = set()
    folders = [top for top in tops if top.endswith("/") and not NOBODYS.match(top)]
    if not all(map(PATTERNS["ILIAS"].fullmatch, folders)):
        found.add("ILIAS")
    canvas = [match["number"] for top in tops if (match := PATTERNS["Canvas"].fullmatch(top))]
    numbers = [number for number in canvas if number]
    if len(set(numbers)) < len(numbers):  # Canvas gives each file its own
        found.add("Canvas")
    return found


def _owner(system: str, match: re.Match[str]) -> Owner:
    part = {name: text or "" for name, text in match.groupdict().items()}
    name = part.get("name") or " ".join(filter(None, (part.get("first"), part.get("last"))))
    late = {"": "no"}.get(part["late"], "yes") if "late" in part else ""
    return Owner(
        name.strip() or part["id"], part.get("id", ""), moment(part.get("time", "")), late,
        int(part.get("number") or 0), system,
    )  # fmt: skip


def _without_assignment(found: dict[str, Owner]) -> dict[str, Owner]:
    """Takes the assignment out of Blackboard's names, which is what all of them begin with."""
    ours = {top: owner for top, owner in found.items() if owner.system == "Blackboard"}
    words = {owner.name: owner.name.split("_") for owner in ours.values()}
    columns = [len(set(column)) > 1 for column in zip(*words.values(), strict=False)]
    same = [*columns, True].index(True) if len(words) > 1 else 99
    same = min([same, *(len(name) - 1 for name in words.values())])
    for top, owner in ours.items():
        found[top] = Owner(
            "_".join(words[owner.name][same:]), "", owner.handed_in, "", 0, owner.system
        )
    return found


def _with_title_first(found: dict[str, Owner]) -> dict[str, Owner]:
    """Turns `TITLE - NAME` round, which looks like Google Classroom's `NAME - TITLE`."""
    ours = {top: owner for top, owner in found.items() if owner.system == "Google Classroom"}
    names = {owner.name for owner in ours.values()}
    rest = {top: COPY.sub("", _stem(top)[len(owner.name) + 3 :]) for top, owner in ours.items()}
    same = len(names) == 1 and len(set(rest.values())) > 1
    for top, owner in ours.items():
        if same or (OURS.match(owner.name) and not OURS.match(rest[top])):
            found[top] = Owner(rest[top])
    return found


def _with_file(owner: Owner, path: str) -> Owner:
    """Adds what the name of an ILIAS user's file says of it."""
    if owner.system != "ILIAS":
        return owner
    name = path.rsplit("/", 1)[-1]
    late, name = bool(LATE.match(name)), LATE.sub("", name)
    stamp = STAMP.match(name)
    told = moment(stamp[1]) if stamp else ""
    return Owner(owner.name, owner.id, told, "yes" if late else "no", 0, owner.system)


def moment(text: str) -> str:
    """Returns a time as "2024-03-01 10:22:33", or as it is written where it can't be read."""
    if not text:
        return ""
    zone = " UTC" if text.endswith("UTC") else ""
    numbers = re.fullmatch(r"(\d{4})-?(\d\d)-?(\d\d)-?(\d\d)-?(\d\d)-?(\d\d)", text)
    if numbers:
        text = "{}-{}-{} {}:{}:{}".format(*numbers.groups())
    else:
        text = re.sub(r"(\d{1,2})[.h ]?(\d\d)( ?[AP]M)?$", r"\1:\2\3", text, flags=re.IGNORECASE)
    try:
        read = dates.parse(text.removesuffix("UTC").strip(), default=datetime(1, 1, 1))
        return f"{read:%Y-%m-%d %H:%M:%S}{zone}"
    except (ValueError, OverflowError):
        return text


def copy_number(path: str) -> int:
    """Returns the number that a browser or Jupyter gave to a copy, as in `01_cnn (2).ipynb`."""
    copy = COPY.search(_stem(path))
    return int(re.sub(r"\D", "", copy[0]) or 1) if copy else 0


def _stem(path: str) -> str:
    return re.sub(r"(?i)\.ipynb(\.txt|\.json)?$|\.[^.]*$", "", path.rsplit("/", 1)[-1])


# --- a folder around all ---------------------------------------------------------------------


def wrapper(entries: Sequence[str]) -> str:
    """Returns the folder around all submissions, with a slash at its end, or an empty text."""
    around = ""
    while True:
        inside = [entry[len(around) :] for entry in entries if entry.startswith(around)]
        tops = {first(entry) for entry in inside if entry}
        if "submitted/" in tops:  # a course of nbgrader's
            return around + "submitted/"
        tops = {top for top in tops if top.endswith("/") or is_notebook(top)}
        if len(tops) != 1 or not (top := tops.pop()).endswith("/"):
            return around
        below = [entry[len(top) :] for entry in inside if entry.startswith(top)]
        if any(pattern.fullmatch(top) for pattern in PATTERNS.values()) or not _is_class(below):
            return around
        around += top


def _is_class(entries: list[str]) -> bool:
    """Whether several students' work lies in a folder, and not one student's."""
    tops = {first(entry) for entry in entries if entry} - {".ipynb_checkpoints/"}
    if any(pattern.fullmatch(top) for pattern in PATTERNS.values() for top in tops):
        return True
    loose = {top for top in tops if is_notebook(top)}
    kept = {top for top in tops if top.endswith("/")}
    kept = {top for top in kept if any(e.startswith(top) and is_notebook(e) for e in entries)}
    if len(kept) == 1 and not loose:  # another folder around them
        (only,) = kept
        return _is_class([entry[len(only) :] for entry in entries if entry.startswith(only)])
    people = {COPY.sub("", _stem(top)) for top in loose if not OURS.match(top)}
    if len(people) > 1 or (people and kept):
        return True
    return len(kept) > 1 and not _are_assignments(kept, entries)


def _are_assignments(folders: set[str], entries: list[str]) -> bool:
    """Whether folders are one student's, one for each assignment, as nbgrader collects them."""
    if all(OURS.match(folder) for folder in folders):
        return True
    if any(f"{folder}timestamp.txt" in entries for folder in folders):
        return True
    notebooks = [entry for entry in entries if is_notebook(entry)]
    names = [{COPY.sub("", _stem(one)) for one in notebooks if one.startswith(folder)}
             for folder in folders]  # fmt: skip
    ours = all(OURS.match(name) for of_folder in names for name in of_folder)
    return ours and len(set().union(*names)) == sum(map(len, names))
