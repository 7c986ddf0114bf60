"""What runs the checks: whatever an answer does, one outcome comes of it, and nothing else."""

from __future__ import annotations

import io
import random
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from aigc_utils.exercises import checking, open_exercises
from aigc_utils.exercises.chapter import Desk, Draw

ROOT = Path(__file__).resolve().parents[2]


def run(answer: Any, limit_s: float = 0.3) -> checking.Outcome:
    return checking.run_check("Title", 0, answer, limit_s)


def test_a_check_that_ends_is_correct_and_one_that_objects_is_not_yet() -> None:
    assert run(lambda: None).status == "correct"
    found = run(lambda: checking.expect(False, "The sum, not the mean."))
    assert (found.status, found.message) == ("not yet", "The sum, not the mean.")
    assert str(found) == "○ Not yet: Title. The sum, not the mean."


def test_a_stub_is_not_attempted_and_a_missing_method_is_an_error() -> None:
    def stub() -> None:
        raise NotImplementedError

    assert run(stub).status == "not attempted"
    assert run(lambda: torch.nn.Module()(1)).status == "error"


def test_an_error_tells_its_kind_and_the_line_of_the_cell() -> None:
    space: dict[str, Any] = {}
    exec(compile("def f():\n    x = 1\n    return x / 0", "<cell>", "exec"), space)
    found = run(space["f"])
    assert found.status == "error"
    assert found.message.startswith("Your answer stopped with ZeroDivisionError: division by zero")
    assert found.message.endswith("(line 3 of your cell)")


def test_a_loop_is_stopped_and_gone() -> None:
    before = threading.active_count()

    def loop() -> None:
        while True:
            pass

    start = time.process_time()
    found = run(loop)
    assert time.process_time() - start < 2
    assert found.status == "error"
    assert found.message.startswith("Your answer was still running after 0.3 seconds")
    assert "restart" not in found.message
    assert threading.active_count() == before


def test_a_loop_that_catches_everything_is_named_and_the_notebook_goes_on() -> None:
    stop = threading.Event()

    def stubborn() -> None:
        while not stop.is_set():
            with suppress(BaseException):
                time.sleep(0.001)

    found = run(stubborn, limit_s=0.1)
    stop.set()
    assert found.status == "error"
    assert found.message.endswith("It can't be stopped from here: restart the kernel.")


def test_a_sleeper_is_stopped_too() -> None:
    start = time.monotonic()
    assert run(lambda: time.sleep(8), limit_s=0.1).status == "error"
    assert time.monotonic() - start < 6


def test_the_readers_random_numbers_stay_as_they_were() -> None:
    def draw() -> tuple[float, float, float]:
        return torch.rand(1).item(), random.random(), np.random.rand()  # noqa: NPY002

    def seed() -> None:
        torch.manual_seed(7)
        random.seed(7)
        np.random.seed(7)  # noqa: NPY002

    seed()
    wanted = draw()
    seed()
    run(lambda: draw() and None)
    assert draw() == wanted


def test_an_answer_that_holds_dots_anywhere_is_not_attempted() -> None:
    for answer in [..., {"side": ...}, [1, ...], {"a": (1, ...)}]:
        assert not checking.attempted(answer)
    for answer in [0, None, "", {"side": 0}, [1], torch.zeros(2)]:
        assert checking.attempted(answer)


def test_require_raises_unless_correct() -> None:
    run(lambda: None).require()
    with pytest.raises(AssertionError, match="Not yet"):
        run(lambda: checking.expect(False, "No.")).require()


@pytest.mark.parametrize("status", ["correct", "not yet", "error", "not attempted"])
def test_an_outcome_prints_on_a_console_that_knows_few_characters(
    status: checking.Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="gbk"))
    print(checking.Outcome("Fréchet's ☃", status, "Zoë"), flush=True)
    assert "\\u2603" in written.getvalue().decode("gbk")


def test_an_outcome_shows_itself_without_any_code_of_the_answers() -> None:
    shown = checking.Outcome("A < B", "not yet", "x < y & z")._repr_mimebundle_()
    assert "A &lt; B" in shown["text/html"]
    assert "x &lt; y &amp; z" in shown["text/html"]
    assert "**Not yet: A < B.**" in shown["text/markdown"]


def test_draws_are_the_same_everywhere_and_differ_by_name() -> None:
    first, again, other = Draw("01_cnn/sizes/0"), Draw("01_cnn/sizes/0"), Draw("01_cnn/sizes/1")
    values = [d.integer(0, 10**9) for d in (first, again, other)]
    assert values[0] == values[1] != values[2]
    torch.testing.assert_close(first.normal(3), again.normal(3))
    images, labels = first.digits(5)
    assert (images.shape, images.dtype, labels.shape) == ((5, 1, 28, 28), torch.uint8, (5,))


def test_hints_climb_and_stay_at_the_last() -> None:
    _, hint, _ = open_exercises("01_cnn")
    hints = [hint("sizes") for _ in range(4)]
    assert [h[:11] for h in hints] == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "Hint 3 of 3"]
    assert len(set(hints)) == 3


def test_unknown_names_are_told_with_those_there_are() -> None:
    with pytest.raises(KeyError, match="There are no exercises '09_x'; there are: 01_cnn, 02_gan"):
        open_exercises("09_x")
    with pytest.raises(KeyError, match="has no exercise 'nothing'; it has: sizes"):
        Desk("01_cnn").check("nothing", 1)


def test_a_notebook_goes_on_after_every_kind_of_answer() -> None:
    """In a real kernel, as in JupyterLab and Colab."""
    head = "from aigc_utils.exercises import open_exercises\n"
    head += 'check, hint, given = open_exercises("01_cnn")'
    tries = [
        "def f(z, y):\n    raise SystemExit",
        "def f(z, y):\n    while True:\n        pass",
        "def f(z, y):\n    return z.sum() / 0",
        "def f(z, y):\n    raise NotImplementedError()",
        "def f(z, y):\n    return -z.log_softmax(1)[range(len(y)), y].mean()",
    ]
    cells = [new_code_cell(head)]
    cells += [new_code_cell(f'{text}\n\ncheck("cross_entropy", f, limit_s=0.4)') for text in tries]
    notebook = new_notebook(cells=cells)
    where = {"metadata": {"path": str(ROOT / "exercises")}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where).execute()
    shown = [cell.outputs[-1].data["text/plain"] for cell in notebook.cells[1:]]
    words = ["Error", "Error", "Not yet", "Not attempted", "Correct"]
    assert [text[2:].split(": ")[0] for text in shown] == words


def test_a_check_may_say_what_it_measured() -> None:
    told = run(lambda: "93.1 % are right.")
    assert (told.status, told.message) == ("correct", "Well done. 93.1 % are right.")
    assert run(lambda: None).message == "Well done."
