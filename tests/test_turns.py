"""Which cases a run leaves to the next commits' runs: none that the last change may alter."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import pytest
import turns

CASES = [*range(10)]


def commit(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    said = ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "change")
    for command in (("init", "-q"), ("add", "."), said):
        subprocess.run(["git", "-C", str(root), *command], check=True, capture_output=True)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a history of three commits, the last of which touches a page alone."""
    monkeypatch.setattr(turns, "PROVE", False)
    for name in ("package/sub/one.py", "package_two.py", "page.md"):
        commit(tmp_path, name, "first")
    return tmp_path


def taken(root: Path, parts: int = 3, since: str = "HEAD~1") -> list[int]:
    return turns.in_turn(CASES, parts, ("package", "tests/one.py"), root, since)


@pytest.mark.parametrize("parts", [1, 3, 4, 12])
def test_as_many_runs_as_there_are_parts_take_each_case_once(house: Path, parts: int) -> None:
    found: Counter[int] = Counter()
    for number in range(parts):
        commit(house, "page.md", str(number))
        part = taken(house, parts)
        assert len(part) <= -(-len(CASES) // parts)
        found.update(part)
    assert found == Counter(CASES)


@pytest.mark.parametrize(
    ("name", "every"),
    [
        ("package/sub/one.py", True), ("package/new.py", True), ("tests/one.py", True),
        ("constraints.txt", True), ("package_two.py", False), ("tests/one.pyi", False),
        ("other/package/one.py", False),
    ],
)  # fmt: skip
def test_a_change_of_what_is_tried_takes_all(house: Path, name: str, every: bool) -> None:
    path = house / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("second")
    assert (taken(house) == CASES) is every, "not committed yet"
    commit(house, name, "third")
    assert (taken(house) == CASES) is every


def test_all_are_taken_where_git_cannot_tell_and_before_a_release(
    house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert taken(house) != CASES
    assert taken(house, since="0" * 40) == CASES
    monkeypatch.setattr(turns, "PROVE", True)
    assert taken(house) == CASES
    monkeypatch.setattr(turns, "PROVE", False)
    (house / ".git").rename(tmp_path / "gone")
    assert taken(house) == CASES
