"""Which notebooks the proof runs once more: what a change may have altered, and one in turn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bookmaking import ROOT, proof

FILES = {
    "notebooks/01_x.py": "# %%\nfrom aigc_utils.one import a\n",
    "notebooks/02_y.py": "# %%\nfrom aigc_utils.two import b\n",
    "notebooks/03_z.py": "# %%\nimport matplotlib\nprint(1)\n",
    "exercises/01_x.py": "# %%\nprint(2)\n",
    "exercises/02_y.py": "# %%\nfrom aigc_utils.three import c\n",
    "exercises/03_z.py": "# %%\nprint(3)\n",
    "aigc_utils/__init__.py": "",
    "aigc_utils/one.py": "a = 1\n",
    "aigc_utils/two.py": "from .one import a as b\n",
    "aigc_utils/three.py": "c = 3\n",
    "pyproject.toml": '[tool.course]\nrepository = ""\nbranch = "main"\n',
    "book/page.md": "text\n",
    "constraints.txt": "matplotlib==1.0\nnumpy==1.0\nsphinx==1.0\nxdist==1.0 ; os_name == 'nt'\n",
}


def commit(root: Path) -> None:
    for command in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "change"),
    ):
        subprocess.run(["git", "-C", str(root), *command], check=True, capture_output=True)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    commit(tmp_path)
    (tmp_path / "book" / "page.md").write_text("other\n")
    commit(tmp_path)  # two commits: the turn is the third chapter's
    return tmp_path


def repeated(root: Path, since: str = "HEAD~1") -> list[str]:
    return [f"{path.parent.name[0]}{path.stem[:2]}" for path in proof.to_repeat(root, since)]


def test_one_chapter_and_its_exercises_in_turn_are_repeated(house: Path) -> None:
    assert repeated(house) == ["n03", "e03"]
    (house / "book" / "page.md").write_text("third\n")
    commit(house)
    assert repeated(house) == ["n01", "e01"]


@pytest.mark.parametrize(
    ("changed", "chapters"),
    [
        ("notebooks/01_x.py", ["n01", "n03"]),
        ("aigc_utils/two.py", ["n02", "n03"]),
        ("aigc_utils/one.py", ["n01", "n02", "n03"]),  # the second imports it by way of two.py
        ("aigc_utils/three.py", ["n03", "e02"]),
        ("exercises/01_x.py", ["n03", "e01"]),
        ("aigc_utils/four.py", ["n03"]),
        ("book/page.md", ["n03"]),
        ("constraints.txt", ["n01", "n02", "n03"]),
    ],
)
def test_what_a_change_touches_is_repeated(house: Path, changed: str, chapters: list[str]) -> None:
    (house / changed).write_text("# %%\nc = 2\n")
    everything = ["n01", "n02", "n03", "e01", "e02", "e03"]
    wanted = {*(everything if changed == "constraints.txt" else chapters), "e03"}
    assert repeated(house) == [name for name in everything if name in wanted]  # not committed yet
    commit(house)
    since_then = repeated(house)
    assert {*chapters} - {"n03"} <= {*since_then}


@pytest.mark.parametrize(
    ("pin", "chapters"),
    [
        ("matplotlib", ["n03"]),
        ("numpy", ["n03"]),  # which matplotlib requires
        ("sphinx", []),
        ("xdist", []),
    ],
)
def test_another_version_repeats_the_chapters_that_use_it(
    house: Path, pin: str, chapters: list[str]
) -> None:
    (house / "book" / "page.md").write_text("third\n")
    commit(house)  # the turn is the first chapter's
    pins = house / "constraints.txt"
    pins.write_text(pins.read_text().replace(f"{pin}==1.0", f"{pin}==2.0") + "new==1.0\n")
    commit(house)  # the turn is the second chapter's
    assert repeated(house) == [*sorted(["n02", *chapters]), "e02"]


def test_all_is_repeated_where_git_cannot_tell(house: Path, tmp_path: Path) -> None:
    everything = ["n01", "n02", "n03", "e01", "e02", "e03"]
    assert repeated(house, since="0" * 40) == everything
    bare = tmp_path.parent / "bare"
    (house / ".git").rename(tmp_path / "gone")
    house.rename(bare)
    assert repeated(bare) == everything


def test_the_command_names_the_executed_notebooks() -> None:
    command = [sys.executable, "-m", "bookmaking.proof", "--all"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = printed.split()
    assert "build/executed/01_cnn.ipynb" in names
    assert "build/executed/exercises/01_cnn.ipynb" in names
    assert len(names) == len({*names}) >= 9
