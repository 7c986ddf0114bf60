"""Each sentence that promises has the test that holds it: `promises.toml` names both.

Some kinds of sentences have been untrue before: that a thing is used, proved or not needed, that
nothing else is, that all runs offline. Where the README or a page of the book says so, a row of the
table names the sentence and its tests, or the fact for which no test of ours can stand.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bookmaking.build import COLAB

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "book").glob("*.md"))]
TABLE = tomllib.loads((ROOT / "tests" / "promises.toml").read_text(encoding="utf-8"))["promise"]

KIND = re.compile(
    r"\bthe (?:chapters|course|exercises|grader|tests) uses?\b|\bproves?\b|\bneeds?\b"
    r"|\boffline\b|\bnothing else\b|\b(?:no|without a) network\b",
    re.IGNORECASE,
)
FENCE = re.compile(r"^(`{3,})(?!.*\{).*?^\1$", re.MULTILINE | re.DOTALL)
END = re.compile(r"(?<=[.!?:])\s+(?=[A-Z`*\[])|\s\|(?:\s|$)|^\| ", re.MULTILINE)


def sentences(text: str) -> Iterator[str]:
    """Yields a page's sentences, cells of tables too, without code and headings."""
    for line in FENCE.sub("", text).splitlines():
        if not line.startswith("#"):
            yield from (part.strip() for part in END.split(line) if part.strip())


def promises(text: str) -> list[str]:
    """Returns the sentences of a page that are of one of the kinds; a command is no promise."""
    return [part for part in sentences(text) if KIND.search(re.sub(r"`[^`]*`", "", part))]


def faults(pages: dict[str, str], table: list[dict[str, Any]]) -> list[str]:
    """Returns what is wrong: promises without a row, rows without a promise, and unheld ones."""
    found = []
    rows = {(row["page"], row["sentence"]): row for row in table}
    for page, text in pages.items():
        for sentence in promises(text):
            held = [key for key in rows if key[0] == page and sentence.startswith(key[1])]
            if not held:
                found.append(f"{page}: name the test that holds this in promises.toml: {sentence}")
            for key in held:
                found += unheld(rows.pop(key))
    found += [f"{page}: no such promise stands there: {sentence}" for page, sentence in rows]
    return found


def unheld(row: dict[str, Any]) -> list[str]:
    """Returns what a row's tests lack."""
    if row.get("tests") or row.get("fact"):
        return [f"there is no {test}" for test in row.get("tests", ()) if not exists(test)]
    return [f"neither tests nor a fact: {row['sentence']}"]


@cache
def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def exists(test: str) -> bool:
    """Whether a test is there, named as pytest names it: "tests/test_network.py::test_..."."""
    path, _, name = test.partition("::")
    return name.startswith("test_") and name in functions(ROOT / path)


def texts() -> dict[str, str]:
    """Returns each page's text by its path, and what the build itself says about Colab."""
    pages = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}
    return {**pages, "bookmaking/build.py": "\n".join(COLAB)}


def test_every_promise_has_the_test_that_holds_it() -> None:
    assert faults(texts(), TABLE) == []


HELD = "tests/test_promises.py::test_every_promise_has_the_test_that_holds_it"
ROW = {"page": "a.md", "sentence": "It needs no network", "tests": [HELD]}


@pytest.mark.parametrize(
    ("text", "row", "fault"),
    [
        ("# It needs air\n\nIt needs no network.\n\n```\nneeds\n```\n`needs` it.", ROW, None),
        ("It needs no network. It proves that.", ROW, "name the test that holds this"),
        ("| a | All runs offline |\n", {**ROW, "sentence": "All runs"}, None),
        ("It is quick.", ROW, "no such promise stands there"),
        ("It needs no network.", {**ROW, "tests": [f"{HELD}_too"]}, "there is no tests/"),
        ("It needs no network.", {**ROW, "tests": []}, "neither tests nor a fact"),
        ("It needs no network.", {**ROW, "tests": [], "fact": "by nature"}, None),
    ],
)
def test_a_promise_without_its_test_is_found(text: str, row: Any, fault: str | None) -> None:
    found = faults({"a.md": text}, [row])
    assert len(found) == (fault is not None)
    assert all(fault is not None and fault in line for line in found)
