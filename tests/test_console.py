"""What the course prints, on consoles and pipes that lack a sign of it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aigc_utils import console
from aigc_utils.exercises.checking import Outcome
from grading.__main__ import tell
from grading.marks import Result

ROOT = Path(__file__).resolve().parents[1]
# All kinds of what is printed: an outcome, a hint, a figure's text, a source, a poem, a student.
PRINTED = """
import aigc_utils, sys
from aigc_utils.exercises import open_exercises
from aigc_utils.exercises.checking import Outcome
from aigc_utils.exercises.chapter import Hint
from aigc_utils import data, plotting
from aigc_utils.evaluation import frechet_distance
from aigc_utils.source import show_source
from grading.__main__ import tell
from grading.marks import Result
import torch
print(Outcome("Zoë → 床", "correct", "✓"))
print(Hint("Hint 1 of 3: the Fréchet distance → 0"))
print(plotting.curves({"“z₁” − 1": ([1, 2], [1, 2])}, x_label="β", y_label="✓"))
show_source(frechet_distance)
print(data.load_poems()[:40], "ǅ", chr(0xD800))
tell(Result("Zoë Łucja 李明 ǅ", notes=["the file Zoë → ✓ can't be read"]))
print("✓", file=sys.stderr)
print("the end")
"""


def printed(code: str, encoding: str) -> str:
    """Returns what a program prints to a pipe of an encoding, and that it ends well."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)},
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr.decode(encoding, "replace")
    return run.stdout.decode(encoding)


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("gbk", r"\u2713 Zo\xeb → 李明 \ud800"),
        ("cp1252", r"\u2713 Zoë \u2192 \u674e\u660e \ud800"),
        ("ascii", r"\u2713 Zo\xeb \u2192 \u674e\u660e \ud800"),
        ("utf-8", r"✓ Zoë → 李明 \ud800"),
    ],
)
def test_a_sign_that_a_pipe_lacks_is_written_out(encoding: str, shown: str) -> None:
    code = "import aigc_utils; print('✓ Zoë → 李明', chr(0xD800))"
    assert printed(code, encoding).strip() == shown


def test_nothing_that_the_course_prints_stops_on_a_pipe() -> None:
    shown = printed(PRINTED, "ascii")
    assert shown.rstrip().endswith("the end")
    assert r"\u2713 Correct: Zo\xeb \u2192 \u5e8a." in shown
    assert r"Zo\xeb \u0141ucja \u674e\u660e \u01c5: not graded" in shown


def test_a_command_says_what_is_wrong_on_any_console(tmp_path: Path) -> None:
    missing = tmp_path / "Zoë → 李明"
    command = [sys.executable, "-m", "grading", "grade", str(missing), "--exercises", "02_gan"]
    run = subprocess.run(
        command, env={**os.environ, "PYTHONIOENCODING": "ascii"},
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert rb"\u674e\u660e" in run.stderr
    assert b"Traceback" not in run.stderr


def put_in_place(monkeypatch: pytest.MonkeyPatch, **options: str) -> io.TextIOWrapper:
    """Returns a standard output, in GBK, that is put in its place after the package's import."""
    made = io.TextIOWrapper(io.BytesIO(), **{"encoding": "gbk", **options})
    monkeypatch.setattr(sys, "stdout", made)
    return made


def test_outcomes_and_grades_are_fit_for_the_console_of_the_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = put_in_place(monkeypatch)
    print(Outcome("Zoë", "correct", "Well done."))
    tell(Result("Zoë ǅ", notes=["✓"]))
    stream.flush()
    shown = stream.buffer.getvalue().decode("gbk")  # type: ignore[attr-defined]
    assert shown.startswith(r"\u2713 Correct: Zo\xeb. Well done.")
    assert r"Zo\xeb \u01c5: not graded" in shown


@pytest.mark.parametrize(
    ("options", "errors"),
    [
        ({}, "backslashreplace"),
        ({"encoding": "utf-8"}, "backslashreplace"),
        ({"errors": "replace"}, "replace"),
        ({"encoding": "ascii", "errors": "surrogateescape"}, "backslashreplace"),
        ({"encoding": "utf-8", "errors": "surrogateescape"}, "surrogateescape"),
    ],
)
def test_what_the_reader_has_chosen_stays(
    options: dict[str, str], errors: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = put_in_place(monkeypatch, **options)
    console.tolerate()
    assert stream.errors == errors


def test_other_streams_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.TextIOWrapper(io.BytesIO(), "gbk")
    closed.close()
    for odd in (None, io.StringIO(), closed):
        monkeypatch.setattr(sys, "stdout", odd)
        console.tolerate()
        assert console.for_console("a") == "a"


def test_no_command_is_written_that_windows_takes_for_a_redirection() -> None:
    """In `cmd` single quotes quote nothing, so `'torch>=2'` would write to a file called `=2'`."""
    quoted = re.compile(r"(?<!\")'[\w\[\],.-]+(?:[<>=~!]=|[<>])[\w.,<>=]*'")
    assert quoted.search("pip install 'transformers>=5.8'")
    assert not quoted.search('pip install "transformers>=5.8"')
    found = []
    for pattern in ("*.md", "aigc_utils/**/*.py", "notebooks/*.py", "exercises/*.py", "book/*.md",
                    "grading/**/*.py", "bookmaking/**/*.py", "benchmarks/**/*.py"):  # fmt: skip
        for file in ROOT.glob(pattern):
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                if "install" in line and quoted.search(line):
                    found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()}")
    assert found == []
