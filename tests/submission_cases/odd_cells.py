"""Odd notebooks: what students do to cells, by mistake and on purpose."""

from __future__ import annotations

from typing import Any

from . import FUNCTION, VALUE, Cases, answer, at, insert, register

CASES: Cases = {}
odd = register(CASES)
HALF = f"def {FUNCTION}(logits, saturating):\n    return logits"


def take(notebook: Any, name: str) -> str:
    """Takes an answer cell out and returns its text."""
    return str(notebook.cells.pop(at(notebook, name)).source)


# --- answers that fall short ------------------------------------------------------------------


@odd(lost=FUNCTION, state="graded")
def half_right(notebook: Any) -> None:
    answer(notebook, FUNCTION, HALF)


@odd(lost=VALUE, state="graded")
def syntax_error(notebook: Any) -> None:
    answer(notebook, VALUE, f"{VALUE} = {{")


@odd(lost=VALUE, state="look", says=f"The answer cell of {VALUE} is missing.")
def answer_deleted(notebook: Any) -> None:
    take(notebook, VALUE)


@odd(lost=VALUE, state="look", says=f"The answer cell of {VALUE} is missing.")
def answer_emptied(notebook: Any) -> None:
    answer(notebook, VALUE, "  \n")


@odd(lost=VALUE, state="graded")
def answer_of_another_kind(notebook: Any) -> None:
    answer(notebook, VALUE, f"class Odd:\n    __eq__ = lambda *a: True\n{VALUE} = Odd()")


@odd(lost=FUNCTION, state="graded")
def endless_recursion(notebook: Any) -> None:
    answer(notebook, FUNCTION, f"def {FUNCTION}(logits, saturating):\n"
           f"    return {FUNCTION}(logits, saturating)")  # fmt: skip


@odd(lost=FUNCTION, state="graded")
def function_that_leaves_python(notebook: Any) -> None:
    answer(notebook, FUNCTION, f"def {FUNCTION}(logits, saturating):\n    raise SystemExit")


@odd(state="graded")
def warnings_on_the_error_stream(notebook: Any) -> None:
    cell = notebook.cells[at(notebook, FUNCTION)]
    first, *rest = cell.source.splitlines()
    told = "    import warnings, sys; print('hm', file=sys.stderr); warnings.warn('old')"
    cell.source = "\n".join([first, told, *rest])


# --- imports ------------------------------------------------------------------------------------


@odd(state="graded")
def needless_import_of_what_is_missing(notebook: Any) -> None:
    source = notebook.cells[at(notebook, VALUE)].source
    answer(notebook, VALUE, f"import pandaz as pd, math\n{source}")


@odd(lost=VALUE, state="look", says="No module named 'pandaz'")
def needed_import_of_what_is_missing(notebook: Any) -> None:
    answer(notebook, VALUE, f"from pandaz import DataFrame\n{VALUE} = DataFrame()")


@odd(lost=VALUE, state="look", says="ImportError: cannot import name")
def import_of_a_name_that_is_not_there(notebook: Any) -> None:
    source = notebook.cells[at(notebook, VALUE)].source
    answer(notebook, VALUE, f"from torch import nothing_of_that_name\n{source}")


@odd(lost=VALUE, state="look", says="ModuleNotFoundError: No module named 'pandaz'")
def import_within_a_condition(notebook: Any) -> None:
    source = notebook.cells[at(notebook, VALUE)].source
    answer(notebook, VALUE, f"if True:\n    import pandaz\n{source}")


# --- tricks -------------------------------------------------------------------------------------


@odd(lost=VALUE, state="look", says=f"Look at {VALUE}: it names 'aigc_utils.exercises'")
def checks_overwritten_from_the_answer(notebook: Any) -> None:
    answer(notebook, VALUE, "from aigc_utils.exercises import checking\n"
           f"{VALUE} = {{'probability': 0, 'accuracy': 0, 'accuracy_at_the_end': 0}}\n"
           "checking.expect = lambda *a: None\nchecking.Outcome.require = lambda self: None\n"
           "check = lambda *a, **k: None")  # fmt: skip


@odd(lost=VALUE, state="look", says="it names 'open_exercises'")
def check_overwritten_between_answer_and_check(notebook: Any) -> None:
    answer(notebook, VALUE, f"{VALUE} = {{'probability': 0, 'accuracy': 0}}")
    fine = "class Fine:\n    correct = True\n    def require(self): pass"
    names = "check = lambda *a, **k: Fine()\nopen_exercises = lambda *a, **k: [check] * 3"
    insert(notebook, at(notebook, f"{VALUE}-check"), fine, names)


@odd(lost=VALUE, state="graded")
def check_cell_that_prints_correct(notebook: Any) -> None:
    answer(notebook, VALUE, f"{VALUE} = {{'probability': 0}}")
    notebook.cells[at(notebook, f"{VALUE}-check")].source = "print('✓ Correct: Well done.')"


@odd(lost=VALUE, state="look")
def released_modules_replaced(notebook: Any) -> None:
    answer(notebook, VALUE, f"{VALUE} = 1\nimport sys, types\n"
           "fake = types.ModuleType('aigc_utils.exercises')\n"
           "fake.open_exercises = lambda *a, **k: [lambda *a, **k: None] * 3\n"
           "sys.modules['aigc_utils.exercises'] = fake")  # fmt: skip


# --- cells that do harm -----------------------------------------------------------------------


@odd(lost=VALUE, state="look", says=f"{VALUE}: The cell was still running after 3 s.")
def endless_loop(notebook: Any) -> None:
    answer(notebook, VALUE, "while True:\n    pass")


@odd(lost=VALUE, state="look", says=f"{VALUE}: The cell was still running after 3 s.")
def endless_loop_that_can_t_be_interrupted(notebook: Any) -> None:
    answer(notebook, VALUE, "while True:\n    try:\n        while True: pass\n"
           "    except BaseException:\n        pass")  # fmt: skip


@odd(lost=VALUE, state="look", says=f"{VALUE}: The cell ended the kernel.")
def kernel_killed(notebook: Any) -> None:
    answer(notebook, VALUE, "import os\nos._exit(1)")


@odd(lost=FUNCTION, state="look", says=f"{FUNCTION}: The cell ended the kernel.")
def kernel_killed_within_the_check(notebook: Any) -> None:
    answer(notebook, FUNCTION, f"def {FUNCTION}(logits, saturating):\n"
           "    import os; os.kill(os.getpid(), 9)")  # fmt: skip


@odd(state="look", says="The cell ended the kernel after it had run.")
def kernel_killed_a_moment_later(notebook: Any) -> None:
    later = "import os, threading, time\ndef wait():\n    while 'shares' not in globals():\n"
    later += "        time.sleep(0.001)\n    os._exit(1)\nthreading.Thread(target=wait).start()"
    insert(notebook, at(notebook, f"{VALUE}-given"), later)


@odd(state="graded")
def exit_called(notebook: Any) -> None:
    insert(notebook, at(notebook, VALUE), "exit()", "quit()", "import sys\nsys.exit(3)")


@odd(state="look", says="The cell was still running after 3 s.")
def gigabytes_printed(notebook: Any) -> None:
    insert(notebook, at(notebook, VALUE), "while True:\n    print('no end ' * 1000)")


@odd(state="graded")
def one_huge_line_printed(notebook: Any) -> None:
    insert(notebook, at(notebook, VALUE), "print('x' * 70_000_000)")


@odd(state="graded")
def a_thousand_outputs(notebook: Any) -> None:
    insert(notebook, at(notebook, VALUE), "for n in range(1_000):\n    display(n)")


@odd(state="look", says="a cell of the student's own: The cell ")
def fork_bomb(notebook: Any) -> None:
    insert(notebook, at(notebook, VALUE), "import os\nwhile True:\n    os.fork()")


@odd(state="look", says="GiB of memory")
def memory_eaten_by_many_processes(notebook: Any) -> None:
    insert(notebook, at(notebook, VALUE), "import os, time\nfor n in range(4):\n"
           "    if not os.fork():\n        block = bytearray(b'x' * (1 << 29))\n"
           "        time.sleep(60)\ntime.sleep(60)")  # fmt: skip


@odd(state="graded")
def more_memory_than_there_is(notebook: Any) -> None:
    insert(notebook, at(notebook, VALUE), "block = bytearray(1 << 40)")


@odd(state="graded")
def reads_from_the_keyboard(notebook: Any) -> None:
    insert(notebook, at(notebook, VALUE), "name = input('Your name? ')")


@odd(state="look")
def installs_packages(notebook: Any) -> None:
    insert(notebook, at(notebook, VALUE), "import subprocess, sys\n"
           "subprocess.run([sys.executable, '-m', 'pip', 'install', 'pandaz'])")  # fmt: skip


@odd(state="look", says="The cell ended the kernel after it had run.")
def streams_taken_away(notebook: Any) -> None:
    insert(notebook, at(notebook, VALUE), "import sys\nsys.stdout = None\nsys.stderr = None")


@odd(state="graded")
def streams_closed(notebook: Any) -> None:
    insert(notebook, at(notebook, VALUE), "import sys\nsys.stdout.close()")


@odd(state="graded")
def disk_filled(notebook: Any) -> None:
    insert(notebook, at(notebook, VALUE), "block = bytes(150_000_000)\nfor n in range(8):\n"
           "    with open(f'big{n}', 'wb') as f: f.write(block)")  # fmt: skip


# --- notebooks that are hard to show ----------------------------------------------------------


@odd(state="look", says="Not all of the notebook can be shown on the page")
def markdown_output_with_an_attachment(notebook: Any) -> None:
    insert(notebook, at(notebook, VALUE), "from IPython.display import Markdown\n"
           "Markdown('![a](attachment:a.png)')")  # fmt: skip


@odd(state="graded")
def html_output_with_a_script(notebook: Any) -> None:
    source = "from IPython.display import HTML, SVG\ndisplay(HTML('<script>alert(1)</script>"
    source += "<b onclick=alert(2)>b</b>' + '<div>' * 2000))\ndisplay(SVG('<svg xmlns=\"http://"
    source += "www.w3.org/2000/svg\"><script>1</script></svg>'))"
    insert(notebook, at(notebook, VALUE), source)


@odd(state="look", says="it names 'get_ipython'")
def outputs_that_are_no_outputs(notebook: Any) -> None:
    insert(notebook, at(notebook, VALUE), "publish = get_ipython().display_pub.publish\n"
           "publish({'image/png': 'no image', 'text/html': 7, 'text/plain': None, '': ''})\n"
           "display({'text/plain': '\\ud800'}, raw=True)")  # fmt: skip
