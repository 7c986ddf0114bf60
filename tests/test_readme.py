"""What the README says of Python, PyTorch and make is what they are here."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from course.tasks import TASKS, TWO

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_it_names_the_pythons_that_are_tested() -> None:
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    tested = re.findall(r'python(?:-version)?: "(3\.\d+)"', workflow)
    least, most = (choose(tested, key=lambda name: int(name[2:])) for choose in (min, max))
    assert f"Python {least} or later ({least} to {most} are tested)" in README
    assert PROJECT["requires-python"] == f">={least}"


def test_it_names_the_oldest_torch() -> None:
    (bound,) = (line[7:] for line in PROJECT["dependencies"] if line.startswith("torch>="))
    assert f"the course needs {bound}." in README


def test_it_names_only_tasks_that_there_are() -> None:
    named = re.findall(r"\bmake (?!\.\.\.|PYTHON|TORCH)(\w+)", README)
    named += re.findall(r"-m course (?:--torch cpu |--here )*([a-z]+)", README)
    assert len(named) > 15
    assert {*named} <= TASKS.keys()


def test_one_line_opens_the_chapters_on_each_system() -> None:
    for line in ("`python3 -m course lab`", "`python3.12 -m course lab`", "`py -m course lab`"):
        assert README.count(line) == 1


def needed_by(name: str) -> set[str]:
    """Returns the tasks that a task does first, and those that these do."""
    first = {need for need in TASKS[name].needs if need in TASKS and need != name}
    return first.union(*map(needed_by, first))


def test_make_test_leaves_out_what_it_says() -> None:
    assert {"lint", "unit"} <= needed_by("test")
    *made, last = TASKS["test"].commands
    for name in ("pages", "notebooks"):
        *before, looked_at = TASKS[name].commands
        assert {*map(str, before)} <= {*map(str, made)}, name
        assert {*looked_at} - {*TWO} <= {*last}, f"what {name} looks at"
    assert "colab" not in needed_by("test")
    assert "`make test` leaves out `make colab`" in README


def test_no_job_of_the_workflows_has_a_graphics_card_or_its_libraries() -> None:
    folder = ROOT / ".github" / "workflows"
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.yml"))
    assert not re.search(r"gpu|cuda", text, re.IGNORECASE)
    installs = [line for line in text.splitlines() if re.search(r"uv pip install .*-e ", line)]
    assert len(installs) == 2
    assert all("--torch-backend cpu" in line for line in installs)
    assert all("TORCH=cpu" in line for line in re.findall(r"run: make .*", text))
