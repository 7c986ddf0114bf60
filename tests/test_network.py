"""No network is needed: what could ask one stands in one module, and is asked for by the reader."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ASKING = {"aiohttp", "ftplib", "http", "httpx", "huggingface_hub", "requests", "socket", "urllib"}
# GPT-2 from the hub, measured and announced before; `pretrained` only forbids the hub to ask.
ALLOWED = {"aigc_utils/gpt/hub.py", "aigc_utils/gpt/pretrained.py"}
SOURCES = [
    path
    for folder in ("aigc_utils", "notebooks", "exercises")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


def requests(tree: ast.AST) -> Iterator[str]:
    """Yields what of a module may ask a network: imports, and calls that download."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        yield from (name for name in names if name.partition(".")[0] in ASKING)
        if isinstance(node, ast.Call):
            yield from downloads(node)


def downloads(call: ast.Call) -> Iterator[str]:
    """Yields a call that fetches models or data, unless it says that they are here."""
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if ast.unparse(call.func).endswith(".from_pretrained"):
        if given.get("local_files_only") != "True":
            yield ast.unparse(call.func)
    elif given.get("download") == "True" and given.get("root") != "data.mnist_root()":
        yield ast.unparse(call.func)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_only_the_hubs_module_asks_a_network(path: Path) -> None:
    found = [*requests(ast.parse(path.read_text(encoding="utf-8")))]
    assert path.relative_to(ROOT).as_posix() in ALLOWED or found == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import urllib.request", ["urllib.request"]),
        ("def f():\n    from huggingface_hub import HfApi", ["huggingface_hub"]),
        ("AutoModel.from_pretrained('gpt2')", ["AutoModel.from_pretrained"]),
        ("AutoModel.from_pretrained('gpt2', local_files_only=True)", []),
        ("datasets.MNIST(root='x', download=True)", ["datasets.MNIST"]),
        ("datasets.MNIST(root=data.mnist_root(), download=True)", []),
        ("from .http import f\nimport httpd", []),
    ],
)
def test_what_asks_a_network_is_found(source: str, found: list[str]) -> None:
    assert [*requests(ast.parse(source))] == found


def hub_calls(source: str) -> list[str]:
    """Returns the calls of a notebook's cells that would take a model from the hub."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [name for name in (ast.unparse(call.func) for call in calls) if "load_gpt2" in name]


@pytest.mark.parametrize("name", ["notebooks/04_gpt.py", "exercises/04_gpt.py"])
def test_no_number_is_another_models_where_the_hub_answers(name: str) -> None:
    assert hub_calls((ROOT / name).read_text(encoding="utf-8")) == []


def test_a_call_of_the_hubs_model_is_found() -> None:
    assert hub_calls("real = gpt.load_gpt2_or_standin(9)\n# gpt.load_gpt2()") == [
        "gpt.load_gpt2_or_standin"
    ]
