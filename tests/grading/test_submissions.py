"""What lies in a folder or a ZIP file: found, read where it is needed, named where it can't be."""

from __future__ import annotations

import os
import shutil
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from submission_cases import as_bytes, write

from grading import submissions
from grading.files import is_notebook
from grading.names import encoding_of, printable
from grading.notebooks import SubmissionError, parse
from grading.submissions import collect


def students(place: Path) -> list[str]:
    return [found.student for found in collect(place)]


def zipped(path: Path, members: dict[str, bytes], encoding: str = "") -> Path:
    """Writes a ZIP file; with an encoding, as programs do that do not know of UTF-8."""
    raw = {name: name.encode(encoding or "utf-8") for name in members}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, content) in enumerate(members.items()):
            # Python marks what is not ASCII as UTF-8, so the name is put in afterwards.
            stand_in = f"{number:_>{len(raw[name])}}" if encoding else name
            archive.writestr(zipfile.ZipInfo(stand_in, (2024, 3, 1, 10, 22, 34)), content)
    if encoding:
        packed = path.read_bytes()
        for number, name_in_bytes in enumerate(raw.values()):
            stand_in = f"{number:_>{len(name_in_bytes)}}"
            packed = packed.replace(stand_in.encode(), name_in_bytes)
        path.write_bytes(packed)
    return path


# --- folders and ZIP files --------------------------------------------------------------------


def test_submissions_are_found_flat_in_folders_and_in_a_zip(solved: Any, tmp_path: Path) -> None:
    place = tmp_path / "in"
    write(place / "ann.ipynb", solved)
    write(place / "bob" / "ps1" / "a.ipynb", solved)
    write(place / "bob" / ".ipynb_checkpoints" / "a.ipynb", solved)
    write(place / "Łucja Ż_123_assign" / "a.ipynb", solved)
    (place / "zoe").mkdir()
    (place / ".DS_Store").write_text("x")
    names = ["ann", "bob", "zoe", "Łucja Ż_123_assign"]
    assert students(place) == names
    assert all(len(found.attempts) == (found.student != "zoe") for found in collect(place))
    packed = Path(shutil.make_archive(str(tmp_path / "all"), "zip", place))
    assert students(packed) == names
    assert students(packed.rename(tmp_path / "CLASS.ZIP")) == names
    assert students(packed.rename(tmp_path / "no ending") if packed.exists() else
                    (tmp_path / "CLASS.ZIP").rename(tmp_path / "no ending")) == names  # fmt: skip


def test_one_notebook_is_a_class_of_one(solved: Any, tmp_path: Path) -> None:
    write(tmp_path / "ann.ipynb", solved)
    assert students(tmp_path / "ann.ipynb") == ["ann"]


def test_a_zip_alone_in_a_folder_is_the_class_or_a_students_own(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    zipped(tmp_path / "in" / "all.zip", {"hw/ann/a.ipynb": b"{}", "hw/bob/a.ipynb": b"{}"})
    assert students(tmp_path / "in") == ["ann", "bob"]
    zipped(tmp_path / "in" / "all.zip", {"hw/a.ipynb": b"{}", "hw/data.csv": b""})
    assert students(tmp_path / "in") == ["all"]
    zipped(tmp_path / "in" / "bob.zip", {"hw/a.ipynb": b"{}"})
    assert students(tmp_path / "in") == ["all", "bob"]
    (tmp_path / "in" / "bob.zip").unlink()
    (tmp_path / "in" / "all.zip").write_bytes(b"PK")
    with pytest.raises(SubmissionError, match="damaged"):
        collect(tmp_path / "in")


def test_all_of_a_place_can_be_one_students(solved: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name / "x.ipynb", solved)
    (found,) = collect(tmp_path, student="ann")
    assert (found.student, len(found.attempts)) == ("ann", 2)


def test_a_missing_empty_or_damaged_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.zip").write_bytes(b"PK no")
    (tmp_path / "class.7z").write_bytes(b"7z")
    for name, says in [
        ("none", "There is no folder"),
        ("empty", "There is no submission in empty"),
        ("bad.zip", "The ZIP file"),
        ("none.zip", "The ZIP file"),
        ("class.7z", "neither a folder nor a ZIP file: unpack it first"),
    ]:
        with pytest.raises(SubmissionError, match=says):
            collect(tmp_path / name)


def test_a_path_in_a_zip_leads_nowhere(solved: Any, tmp_path: Path) -> None:
    zipped(tmp_path / "x.zip", {"/../../eve.ipynb": as_bytes(solved)})
    with pytest.raises(SubmissionError, match=r"^There is no submission in x\.zip"):
        collect(tmp_path / "x.zip")
    assert [p.name for p in tmp_path.iterdir()] == ["x.zip"]


def test_one_damaged_member_stops_no_other(solved: Any, tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {f"{n}/a.ipynb": as_bytes(solved) for n in ("ann", "bob")})
    content = bytearray(path.read_bytes())
    content[100:160] = bytes(60)  # within Ann's
    path.write_bytes(content)
    ann, bob = collect(path)
    with pytest.raises(SubmissionError, match=r"^The file is damaged in the ZIP file\.$"):
        ann.attempts[0].file.read()
    assert parse(bob.attempts[0].file.read()).cells


def test_encrypted_and_linked_members_are_named(solved: Any, tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"ann/a.ipynb": as_bytes(solved)})
    content = path.read_bytes()
    at = content.index(b"PK\x01\x02")
    locked = content[:6] + b"\x01" + content[7 : at + 8] + b"\x01" + content[at + 9 :]
    path.write_bytes(locked)
    with pytest.raises(SubmissionError, match="damaged"):
        collect(path)[0].attempts[0].file.read()
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("ann/a.ipynb")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(SubmissionError, match="link"):
        collect(path)[0].attempts[0].file.read()


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("gbk", "李明_作业"), ("gbk", "陳喆"), ("utf-8", "Zoë Łucja"), ("cp437", "Zoë")],
)
def test_names_without_a_mark_of_their_encoding(encoding: str, name: str, tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {f"{name}/a.ipynb": b"{}", "bob/a.ipynb": b"{}"}, encoding)
    assert sorted(students(path)) == sorted([name, "bob"])


def test_an_encoding_can_be_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"Анна/a.ipynb": b"{}"}, "cp866")
    assert [found.student for found in collect(path, "cp866")] == ["Анна"]


def test_slashes_of_windows_are_slashes(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"ann\\a.ipynb": b"{}", "bob\\b\\a.ipynb": b"{}"})
    assert students(path) == ["ann", "bob"]


def test_names_are_guessed_together_and_shown_whole() -> None:
    assert encoding_of(["李明".encode("gbk"), b"plain"], "cp437") == "gb2312"
    assert encoding_of(["Zoë_1".encode("cp437")], "cp437") == "cp437"
    assert printable("a\nb\u202ec\ud800d\u3000e\u200df") == "a\\x0ab\\x202ec\\xd800d e\u200df"
    assert printable("Zoe\u0308") == "Zoë"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names of any bytes")
def test_names_in_raw_bytes_are_shown(tmp_path: Path) -> None:
    for name in ("李明".encode("gbk"), b"\xff\xfe"):
        os.mkdir(os.fsencode(tmp_path) + b"/" + name)  # noqa: PTH102 - no text can name it
    assert students(tmp_path) == ["\\xff\\xfe", "李明"]


def test_nothing_but_notebooks_is_read(solved: Any, tmp_path: Path) -> None:
    for number in range(50):
        write(tmp_path / f"student{number}" / "a.ipynb", solved)
        with (tmp_path / f"student{number}" / "model.bin").open("wb") as file:
            file.truncate(20_000_000)
    tracemalloc.start()
    for found in collect(tmp_path):
        parse(found.attempts[0].file.read())
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10_000_000


def test_a_bomb_of_a_zip_within_a_zip_is_named(tmp_path: Path, monkeypatch: Any) -> None:
    inner = zipped(tmp_path / "i.zip", {f"{n}.ipynb": b"{}" for n in range(200)}).read_bytes()
    path = zipped(tmp_path / "x.zip", {"ann/hw.zip": inner})
    for name, says in [("ZIP_BYTES", "is larger than"), ("DIRECTORY_BYTES", "too many files")]:
        with monkeypatch.context() as patch:
            patch.setattr(f"grading.files.{name}", 100)
            (ann,) = collect(path)
            ann.look_into_zips()
            ann.look_into_zips()
            assert len(ann.notes) == 1
            assert says in ann.notes[0]
            assert not ann.attempts
    (ann,) = collect(path)
    ann.look_into_zips()
    assert len(ann.attempts) == submissions.MOST


# --- which of several notebooks ---------------------------------------------------------------


def paths(place: Path) -> list[str]:
    (found,) = collect(place, student="ann")
    return [attempt.path for attempt in found.attempts]


def test_the_newest_of_copies_is_the_one_with_the_highest_number(tmp_path: Path) -> None:
    names = ["a (2).ipynb", "a (10).ipynb", "a.ipynb", "a-Copy1.ipynb", "a (1).ipynb.txt"]
    for name in names:
        (tmp_path / name).write_text("{}")
    assert paths(tmp_path)[:2] == ["a (10).ipynb", "a (2).ipynb"]
    assert paths(tmp_path)[-1] == "a.ipynb"


def test_a_file_that_was_changed_long_after_is_newer(tmp_path: Path) -> None:
    for name, seconds in [("a (1).ipynb", 1_700_000_000), ("a.ipynb", 1_700_009_000)]:
        (tmp_path / name).write_text("{}")
        os.utime(tmp_path / name, (seconds, seconds))
    assert paths(tmp_path) == ["a.ipynb", "a (1).ipynb"]
    os.utime(tmp_path / "a.ipynb", (1_700_000_001, 1_700_000_001))
    assert paths(tmp_path) == ["a (1).ipynb", "a.ipynb"]


def test_of_too_many_notebooks_the_newest_are_looked_at(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"a ({number}).ipynb").write_text("{}")
    (found,) = collect(tmp_path, student="ann")
    assert [attempt.path for attempt in found.attempts][:1] == ["a (29).ipynb"]
    assert len(found.attempts) == submissions.MOST
    assert found.notes == ["There are 30 notebooks; the newest 20 are looked at."]


@pytest.mark.parametrize("name", ["a.ipynb", "A.IPYNB", "a.ipynb.txt", "a.ipynb.json"])
def test_a_notebook_is_known_by_its_ending(name: str) -> None:
    assert is_notebook(name)
    assert not is_notebook(name.replace("i", "x").replace("I", "X"))


# --- reading a notebook -----------------------------------------------------------------------


def test_a_notebook_keeps_its_texts_and_marks_alone(solved: Any) -> None:
    solved.cells[0]["attachments"] = {"a.png": {"image/png": "x"}}
    solved.cells[3]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x"}]
    found = parse(as_bytes(solved))
    nbformat.validate(found)
    assert [cell.source for cell in found.cells] == [cell.source for cell in solved.cells]
    marks = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in solved.cells]
    assert [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in found.cells] == marks
    assert all(set(cell.metadata) <= {"nbgrader"} and not cell.get("outputs")
               and "attachments" not in cell for cell in found.cells)  # fmt: skip
