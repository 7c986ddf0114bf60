"""The tasks: the same for `make` and without it, in their order, each once."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest

from course import ROOT, CourseError, __main__, environment, programs, tasks
from course.environment import AUTHOR, STUDENT, Environment, settled
from course.tasks import OF_THE_BOOK, OF_THE_RUNS, TASKS, AtOnce, Runner, Task

#: What checks the course, and serves no reader.
CHECKERS = {"mypy", "ruff", "pytest", "playwright", "hypothesis", "nbval", "jupyter-book"}


class Recorded(Environment):
    """An environment that installs nothing and notes what was asked for."""

    def __init__(self) -> None:
        super().__init__(ROOT)
        self.levels: list[str] = []

    def install(self, level: str) -> None:
        self.levels.append(level)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that tasks call, without their first word."""
    found: list[list[str]] = []

    def call(*words: object, cwd: Path = ROOT, **more: str) -> None:
        found.append([str(word) for word in words[1:]])

    monkeypatch.setattr(tasks, "call", call)
    monkeypatch.setattr(Runner, "repeated", lambda self: ["build/executed/01_cnn.ipynb"])
    for name in programs.PROGRAMS:
        monkeypatch.setitem(programs.PROGRAMS, name, lambda environment: None)
    return found


def test_what_the_tasks_run_exists() -> None:
    scripts = {"python", "ruff"}
    for name, task in TASKS.items():
        assert task.help
        assert {*task.needs} <= TASKS.keys() | programs.PROGRAMS.keys(), name
        for program, *words in task.every():
            assert program in scripts
            if words[:1] == ["-m"] and words[1].startswith(("bookmaking", "course", "grading")):
                path = ROOT / words[1].replace(".", "/")
                assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
            for word in words:
                assert not word.startswith("tests/") or (ROOT / word).exists(), word


GIVEN = ("CLASS=a b", "EXERCISES=01_cnn", "CHAPTER=03", "SCHEDULER=tcp://x:1", "TO=canvas")


@pytest.mark.skipif(not shutil.which("make"), reason="There is no make.")
def test_make_does_what_python_does() -> None:
    command = ["make", "-n", "--no-print-directory", "TORCH=cpu", *GIVEN, *TASKS]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = run.stdout.splitlines()
    assert [re.split(r" +", line)[5] for line in lines] == list(TASKS)
    assert all(line.startswith("python3 -m course --torch cpu ") for line in lines)
    assert 'grade "a b" --exercises "01_cnn" --variant "0"' in run.stdout
    assert 'questions --chapter "03" --seed 0 --format exam' in run.stdout


@pytest.mark.skipif(not shutil.which("make"), reason="There is no make.")
@pytest.mark.parametrize(
    ("target", "says"), [("grade", "make grade CLASS="), ("questions", "make questions CHAPTER=")]
)
def test_make_says_what_a_task_lacks(target: str, says: str) -> None:
    run = subprocess.run(["make", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode
    assert says in run.stderr


def test_a_test_runs_all_checks_in_their_order_and_builds_once(
    calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIDE_BY_SIDE", "")  # so that what the task sets goes with this test
    del os.environ["SIDE_BY_SIDE"]
    place = Recorded()
    Runner(place).run("test")
    assert {*place.levels} == {AUTHOR}
    text = [" ".join(words) for words in calls]
    order = [next(n for n, line in enumerate(text) if part in line) for part in (
        "bookmaking.check --uncited", "check .", "format --check", "mypy", "--ignore tests/pages",
        "-m bookmaking.build", "bookmaking.pdf", "tests/pages", "--only-run", "test_notebooks.py",
        "--nbval",
    )]  # fmt: skip
    assert order[:4] == [0, 1, 2, 3]
    assert order[-1] == len(text) - 1
    assert "build/executed/01_cnn.ipynb -n 2" in text[-1]
    assert {*OF_THE_BOOK} <= {*calls[-1]}
    assert sum(OF_THE_RUNS in words for words in calls) == 1
    assert sum("--nbval" in words for words in calls) == 1
    assert sum("bookmaking.pdf" in words for words in calls) == 1
    assert os.environ["SIDE_BY_SIDE"] == "2"


def test_what_looks_at_the_book_begins_when_it_is_printed(calls: list[list[str]]) -> None:
    Runner(Recorded()).run("pages")
    assert calls[0] == ["-m", "bookmaking.build", "--only-run"]
    built, printed = ["-m", "bookmaking.build"], ["-m", "bookmaking.pdf"]
    assert calls.index(built) < calls.index(printed)
    (without,) = [words for words in calls if "tests/pages" in words]
    assert {f"--ignore={path}" for path in OF_THE_BOOK} | {OF_THE_RUNS} <= {*without}
    assert {*OF_THE_BOOK} <= {*calls[-1]}
    assert len(calls) == 6


@pytest.mark.parametrize("failing", [(), ("a",), ("c",), ("b", "c")])
def test_rows_run_at_the_same_time_and_each_to_its_end(
    monkeypatch: pytest.MonkeyPatch, failing: tuple[str, ...]
) -> None:
    both, ran = threading.Barrier(2), []

    def call(*words: object, cwd: Path = ROOT, **more: str) -> None:
        name = str(words[-1])
        if name in ("a", "c"):
            both.wait(timeout=60)  # for the other row
        ran.append(name)
        if name in failing:
            raise subprocess.CalledProcessError(3, name)

    monkeypatch.setattr(tasks, "call", call)
    rows = AtOnce(((("python", "a"), ("python", "b")), (("python", "c"), ("python", "d"))))
    monkeypatch.setitem(TASKS, "both", Task("a test", (rows, ("python", "e"))))
    if failing:
        with pytest.raises(subprocess.CalledProcessError) as error:
            Runner(Recorded()).run("both")
        assert error.value.cmd in failing
    else:
        Runner(Recorded()).run("both")
    after = {"a": "b", "c": "d"}
    kept = {"a", "b", "c", "d"} - {after[name] for name in failing if name in after}
    assert {*ran} == (kept if failing else kept | {"e"})
    assert [name for name in ran if name in "ab"] == [name for name in "ab" if name in kept]


def test_prove_repeats_all(calls: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPEAT", "")
    monkeypatch.setenv("SIDE_BY_SIDE", "1")
    Runner(Recorded()).run("prove")
    assert os.environ["REPEAT"] == "--all"
    assert "--nbval" in calls[-1]
    assert "-n" not in calls[-1]


def test_words_go_to_a_tasks_last_command(calls: list[list[str]]) -> None:
    place = Recorded()
    Runner(place).run("lab", ["--no-browser"])
    Runner(place).run("kit", ["--try"])
    assert place.levels[0] == STUDENT
    assert calls[0] == ["-m", "course.desk", "--no-browser"]
    assert calls[1] == ["-m", "bookmaking.build"]
    assert calls[2] == ["-m", "course.kit", "--try"]


def test_a_students_set_up_has_no_checkers() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]

    def names(extra: str) -> set[str]:
        found = set()
        for line in extras[extra]:
            inner = re.fullmatch(r"foundations-of-aigc\[(.+)\]", line)
            more = map(names, inner[1].split(",")) if inner else [{re.split(r"[<>= ]", line)[0]}]
            found |= set().union(*more)
        return found

    assert names(AUTHOR) >= CHECKERS
    assert not names(STUDENT) & CHECKERS
    assert {"jupyterlab", "jupytext", "transformers", "gguf"} <= names(STUDENT)


# --- the command ----------------------------------------------------------------------------


def test_it_lists_the_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main([]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in TASKS)
    assert __main__.main(["--names"]) == 0
    assert capsys.readouterr().out.split() == list(TASKS)


def test_an_old_python_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(__main__, "OLDEST", (99, 1))
    assert __main__.main(["lab"]) == 1
    assert capsys.readouterr().err == (
        "The course needs Python 99.1 or later; name one, as in: python3.12 -m course lab\n"
    )


@pytest.mark.parametrize(
    ("problem", "status"),
    [(subprocess.CalledProcessError(7, "x"), 7), (subprocess.CalledProcessError(-2, "x"), 1),
     (CourseError("It lacks air."), 1)],
)  # fmt: skip
def test_what_stops_a_task_is_its_status(
    problem: Exception, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: Any) -> None:
        raise problem

    monkeypatch.setattr(Runner, "run", run)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    assert __main__.main(["book"]) == status


# --- what the commands run in ---------------------------------------------------------------


def test_a_mirror_serves_pip_and_uv() -> None:
    mirror = "https://mirror.example/simple"
    for given, other in (
        ("UV_DEFAULT_INDEX", "PIP_INDEX_URL"),
        ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
    ):
        assert settled({given: mirror})[other] == mirror
        assert given not in settled({given: mirror})
    assert not {"UV_DEFAULT_INDEX", "PIP_INDEX_URL"} & settled({}).keys()


def test_a_mirror_in_pips_settings_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\nindex-url = https://mirror.example/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    assert environment.pips_index(Path(sys.executable)) == "https://mirror.example/simple"
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert environment.pips_index(Path(sys.executable)) == ""


def test_nothing_is_installed_twice_nor_with_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []
    monkeypatch.setattr(environment, "call", lambda *words, **_: found.append(str(words)))
    monkeypatch.setattr(Environment, "_make", lambda self: self.folder.mkdir(exist_ok=True))
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("a")
    (tmp_path / "aigc_utils/gpt").mkdir(parents=True)
    (tmp_path / "aigc_utils/gpt/pretrained.py").write_text('WHEEL = "weights==1"\n')
    monkeypatch.setattr(environment, "pips_index", lambda python: "")
    Environment(tmp_path, here=True).install(AUTHOR)
    assert not found
    Environment(tmp_path).install(AUTHOR)
    assert any("--torch-backend" in words for words in found) is False
    done = len(found)
    Environment(tmp_path).install(STUDENT)  # an author's has all that a student's has
    assert len(found) == done
    Environment(tmp_path, torch="cpu").install(STUDENT)
    assert "'--torch-backend', 'cpu'" in found[done + 1]
    assert "'-e', '.[student]'" in found[done + 1]
    assert "'--no-deps', 'weights==1'" in found[done + 2]
    (tmp_path / "constraints.txt").write_text("b")
    done = len(found)
    Environment(tmp_path, torch="cpu").install(STUDENT)
    assert len(found) > done


def test_a_python_that_makes_no_environments_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr(subprocess, "run", lambda *words, **_: failed)
    with pytest.raises(CourseError, match="apt-get install python3-venv"):
        Environment(tmp_path)._make()


def test_a_module_without_its_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "aigc_utils/gpt").mkdir(parents=True)
    (tmp_path / "aigc_utils/gpt/pretrained.py").write_text("")
    with pytest.raises(CourseError, match="put it back"):
        environment.weights_wheel(tmp_path)


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"none is missing: the tasks install it"):
        environment.call(tmp_path / "none")


def test_ctrl_c_is_left_to_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    class Process:
        answers = iter([KeyboardInterrupt(), 3])

        def wait(self) -> int:
            answer = next(self.answers)
            if isinstance(answer, BaseException):
                raise answer
            return answer

    monkeypatch.setattr(subprocess, "Popen", lambda *words, **_: Process())
    assert environment.ended("x") == 3


def test_clean_keeps_what_readers_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "ROOT", tmp_path)
    for name in (".venv/a", "build/a", "book/_build/a", "x.egg-info/a", "notebooks/01_x.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    tasks.clean()
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["01_x.ipynb"]


# --- Codespaces -----------------------------------------------------------------------------


def test_the_container_runs_a_task_with_a_python_that_is_tested() -> None:
    settings = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    arguments = __main__.parser().parse_args(settings["postCreateCommand"].split()[3:])
    assert settings["postCreateCommand"].startswith("python -m course ")
    assert arguments.task == "setup"
    assert settings["image"] == "python:3.12"
    python = settings["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert python == ".venv/bin/python"
    assert settings.keys() == {
        "name", "image", "hostRequirements", "postCreateCommand", "customizations",
    }  # fmt: skip
