"""JupyterLab as a student has it, in a browser: what was run is kept, and exercises answer."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import book_pages
import nbformat
import pytest
from playwright.sync_api import Browser, Page

from course import ROOT, desk
from grading import editions

browser = book_pages.browser  # a fixture
CHAPTER = """# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 1. A chapter

# %%
x = 20

# %%
y = x + 1

# %%
2 * y
"""
SIZES = """sizes = {
    "side": (layer.size + 2 * layer.padding - layer.kernel_size) // layer.stride + 1,
    "parameters": (layer.in_channels * layer.kernel_size**2 + 1) * layer.out_channels,
    "field": layer.kernel_size + 2 * layer.stride,
}"""
WAIT_S = 240
# Runs a command of JupyterLab's, and waits until it is done.
COMMAND = "([name, given]) => jupyterapp.commands.execute(name, given).then(() => null)"
# Puts a text into a notebook's cell, and makes it the active one, when the kernel is there.
ANSWER = """async ([number, text]) => {
  await jupyterapp.shell.currentWidget.sessionContext.ready;
  const notebook = jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = number;
  if (text !== null) notebook.activeCell.model.sharedModel.setSource(text);
}"""
OUTPUTS = """number =>
  jupyterapp.shell.currentWidget.content.model.cells.get(number).outputs.toJSON()"""


class Lab:
    """A running JupyterLab: where it answers, and the folder that it shows."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address, self.folder = address, folder


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/api/status", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on a small course: one chapter, and the exercises of chapter 1."""
    root = tmp_path_factory.mktemp("course")
    (root / "notebooks").mkdir()
    (root / "notebooks" / "01_tiny.py").write_text(CHAPTER)
    shutil.copy(ROOT / "notebooks" / "jupytext.toml", root / "notebooks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(editions, "names", lambda: ["01_cnn"])
        assert desk.Desk(root).lay() == []
    own = {f"JUPYTER{name}_DIR": str(root / name) for name in ("_CONFIG", "_RUNTIME", "_DATA")}
    own |= {f"JUPYTERLAB_{name}_DIR": str(root / name) for name in ("WORKSPACES", "SETTINGS")}
    port = free_port()
    more = (
        "--no-browser", "--allow-root", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        "--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True",
    )  # fmt: skip
    command = desk.lab_command(root / "notebooks", *more)
    log = (root / "log").open("w")
    server = subprocess.Popen(command, env=desk.lab_environment() | own, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(address) or server.poll() is not None)
        assert server.poll() is None, (root / "log").read_text()
        yield Lab(address, root / "notebooks")
    finally:
        server.terminate()
        server.wait(WAIT_S)
        log.close()


def until(holds: Any) -> None:
    """Waits until something holds."""
    end = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def page(browser: Browser, lab: Lab) -> Iterator[Page]:
    """A browser's page on the Lab, which may ask nobody else."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(1000 * WAIT_S)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.route(
        lambda url: not url.startswith((lab.address, "ws", "data:", "blob:")),
        lambda route: route.abort(),
    )
    yield page
    outside = [url for url in asked if url.startswith("http") and not url.startswith(lab.address)]
    context.close()
    assert outside == []


def call(page: Page, name: str, **given: Any) -> None:
    page.evaluate(COMMAND, [name, given])


def show(page: Page, lab: Lab) -> None:
    """Opens JupyterLab's first page, without the notebooks of the last time."""
    page.goto(f"{lab.address}/lab?reset")
    page.wait_for_function("() => window.jupyterapp")
    page.evaluate("() => jupyterapp.restored.then(() => null)")


def open_notebook(page: Page, path: str) -> None:
    call(page, "docmanager:open", path=path)
    page.wait_for_function(
        """path => { const shown = jupyterapp.shell.currentWidget;
        return shown?.context?.path === path && shown.context.isReady && shown.content.model; }""",
        arg=path,
    )
    page.evaluate("() => jupyterapp.shell.currentWidget.revealed.then(() => null)")


def run_cell(page: Page, number: int, text: str | None = None) -> list[Any]:
    """Returns the outputs of a cell, counted from 0, run after a text was put into it."""
    page.evaluate(ANSWER, [number, text])
    call(page, "notebook:run-cell")
    outputs: list[Any] = page.evaluate(OUTPUTS, number)
    return outputs


def words(outputs: list[Any]) -> str:
    return " ".join(str(o.get("data", {}).get("text/plain", o.get("evalue", ""))) for o in outputs)


def test_it_shows_chapters_and_exercises_and_no_sources(page: Page, lab: Lab) -> None:
    show(page, lab)
    items = page.locator(".jp-DirListing-itemText")
    items.get_by_text("01_tiny.ipynb").wait_for()
    assert items.all_inner_texts() == ["exercises", "01_tiny.ipynb"]


def test_it_has_no_graders_menus(page: Page, lab: Lab) -> None:
    names = page.evaluate("() => jupyterapp.commands.listCommands()")
    assert len(names) > 100
    assert [name for name in names if "nbgrader" in name or "assignment" in name] == []
    assert page.get_by_text("Nbgrader").count() == 0


def test_what_was_run_is_there_after_closing_and_reopening(page: Page, lab: Lab) -> None:
    items = page.locator(".jp-DirListing-itemText")
    items.get_by_text("01_tiny.ipynb").dblclick()
    page.locator(".jp-Notebook .jp-CodeCell").first.locator(".cm-content").click()
    page.wait_for_function("() => jupyterapp.shell.currentWidget.sessionContext.session?.kernel")
    for key in ("Shift+Enter", "Shift+Enter", "Control+Enter"):  # Shift would add a cell at the end
        page.keyboard.press(key)
    shown = page.locator(".jp-OutputArea-executeResult")
    shown.get_by_text("42").wait_for()
    page.keyboard.press("Control+s")
    page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
    call(page, "application:close")
    show(page, lab)
    assert page.locator(".jp-Notebook").count() == 0
    items.get_by_text("01_tiny.ipynb").dblclick()
    shown.get_by_text("42").wait_for()
    saved = nbformat.read(lab.folder / "01_tiny.ipynb", as_version=4)
    assert words(saved.cells[3].outputs) == "42"
    assert (lab.folder / "01_tiny.py").read_text() == CHAPTER, "only outputs are new"


def test_what_a_reader_writes_stands_in_the_source_too(page: Page, lab: Lab) -> None:
    assert words(run_cell(page, 3, "3 * y")) == "63"
    call(page, "docmanager:save")
    assert (lab.folder / "01_tiny.py").read_text() == CHAPTER.replace("2 * y", "3 * y")
    call(page, "application:close")


def test_where_both_changed_it_refuses_to_open(lab: Lab) -> None:
    path = lab.folder / "01_tiny.ipynb"
    notebook, before = nbformat.read(path, as_version=4), path.stat()
    source = lab.folder / "01_tiny.py"
    source.write_text(source.read_text().replace("x = 20", "x = 30"))
    notebook.cells[1].source = "x = 40"
    nbformat.write(notebook, path)
    os.utime(path, (time.time() + 60,) * 2)
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(f"{lab.address}/api/contents/01_tiny.ipynb?content=1")
    assert "is more recent than" in refused.value.read().decode()
    assert "x = 30" in source.read_text()
    assert "x = 40" in path.read_text()
    os.utime(path, (before.st_atime, before.st_mtime))


def test_an_exercise_is_answered_checked_and_hinted(page: Page, lab: Lab) -> None:
    open_notebook(page, "exercises/01_cnn.ipynb")
    assert page.get_by_text("Validate").count() == 0
    student = nbformat.read(lab.folder / "exercises" / "01_cnn.ipynb", as_version=4)
    marks = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in student.cells]
    assert words(run_cell(page, marks.index("setup"))) == ""
    run_cell(page, marks.index("sizes-given"))
    run_cell(page, marks.index("sizes"))
    asked = marks.index("sizes-check")
    assert "Not attempted" in words(run_cell(page, asked))
    run_cell(page, marks.index("sizes"), SIZES.replace("+ 1)", "+ 0)"))
    assert "Not yet" in words(run_cell(page, asked))
    run_cell(page, marks.index("sizes"), SIZES)
    assert "Correct" in words(run_cell(page, asked))
    call(page, "notebook:insert-cell-below")
    assert "Hint 1 of 3" in words(run_cell(page, asked + 1, 'hint("sizes")'))
    call(page, "docmanager:save")
    saved = nbformat.read(lab.folder / "exercises" / "01_cnn.ipynb", as_version=4)
    assert "Correct" in words(saved.cells[asked].outputs)
    assert not list(lab.folder.glob("exercises/*.py"))
