"""What a notebook needs of the package, told from the sources alone, and never too little."""

from __future__ import annotations

from pathlib import Path

import pytest

from bookmaking.sources.imports import Imports

FILES = {
    "__init__.py": '"""A package."""\nimport os\n\nos.environ.setdefault("A", "1")\n',
    "plain.py": "from .deep.one import first\nimport torch.nn\nNAME = 'word'\n",
    "alone.py": "x = 1\n",
    "late.py": "def f():\n    from . import alone\n    return alone\n",
    "shelf/__init__.py": '"""A shelf."""\nfrom .left import a, b as c\nfrom .right import d\n'
    '__all__ = ["a", "c", "d"]\n',
    "shelf/left.py": "from .base import common\na = b = common\n",
    "shelf/right.py": "from .. import plain\nd = plain.NAME\n",
    "shelf/base.py": "common = 1\n",
    "deep/__init__.py": "from . import one, two\n\nlist_of_all = [one.first]\n",
    "deep/one.py": "first = 1\n",
    "deep/two.py": "second = 2\n",
    "asked/__init__.py": "def __getattr__(name):\n    return load(name)\n",
    "star/__init__.py": "from ..shelf import *\n",
    "find/__init__.py": "",
    "find/dynamic.py": "from importlib import import_module\n"
    "def find(name):\n    return import_module(f'.{name}', __package__)\n",
    "find/hidden.py": "from ..shelf import d\n",
}
SHELF = {"pack", "pack.shelf"}
RIGHT = {*SHELF, "pack.shelf.right", "pack.plain", "pack.deep", "pack.deep.one"}
LEFT = {*SHELF, "pack.shelf.left", "pack.shelf.base"}


@pytest.fixture
def imports(tmp_path: Path) -> Imports:
    for name, text in FILES.items():
        path = tmp_path / "pack" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Imports(tmp_path / "pack")


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ("import torch", set()),
        ("from pack import alone", {"pack", "pack.alone"}),
        ("import pack.alone", {"pack", "pack.alone"}),
        ("import pack.alone as other\nother.x", {"pack", "pack.alone"}),
        # Of a shelf, only what is taken from it.
        ("from pack import shelf", SHELF),
        ("from pack import shelf\nshelf.a(1).d", LEFT),
        ("from pack.shelf import c", LEFT),
        ("from pack import shelf as s\ns.c", LEFT),
        ("import pack.shelf\npack.shelf.a", LEFT),
        ("import pack\npack.shelf.d.e", RIGHT),
        ("from pack.shelf import d as e", RIGHT),
        ("from pack import shelf\nshelf.base.common", {*SHELF, "pack.shelf.base"}),
        # The shelf itself, or all names of it: all that stands on it.
        ("from pack import shelf\nprint(shelf)", LEFT | RIGHT),
        ("from pack import shelf\ngetattr(shelf, name)", LEFT | RIGHT),
        ("from pack.shelf import *", LEFT | RIGHT),
        # An `__init__` may use itself what it hands on, and an import may stand anywhere.
        ("from pack import deep", {"pack", "pack.deep", "pack.deep.one"}),
        ("from pack.deep import list_of_all", {"pack", "pack.deep", "pack.deep.one"}),
        ("from pack.deep import two", {"pack", "pack.deep", "pack.deep.one", "pack.deep.two"}),
        ("from pack import deep\ndeep.two.x",
         {"pack", "pack.deep", "pack.deep.one", "pack.deep.two"}),
        ("from pack import late", {"pack", "pack.late", "pack.alone"}),
        ("if x:\n    # %pip install {source}\n    pass\nfrom pack import alone",
         {"pack", "pack.alone"}),
    ],
)  # fmt: skip
def test_a_text_needs_what_it_names(imports: Imports, text: str, modules: set[str]) -> None:
    found = imports.closure(text)
    assert found.modules == modules
    assert not found.everything


@pytest.mark.parametrize(
    "text",
    [
        "from pack.find import dynamic",
        "import importlib\nimportlib.import_module(name)",
        "import importlib as lib\nlib.import_module(name)",
        "from importlib import import_module as load\nload(name)",
        "__import__(name)",
        "exec(text)",
        "# %run other.py",
        "!python other.py",
        "files = !ls",
        "%%bash\nls",
        "from pack import nothing",
        "from pack.gone import x",
        "import pack.gone",
        "from pack import shelf\nshelf.nothing",
        "from pack.shelf import nothing",
        "from pack.deep import nothing",
        "from pack import asked\nasked.thing",
        "from pack.star import a",
        "from pack import alone\ndef broken(:",
    ],
)
def test_what_cannot_be_told_counts_as_everything(imports: Imports, text: str) -> None:
    assert imports.closure(text).everything


def test_the_methods_eval_and_exec_are_no_dynamic_import(imports: Imports) -> None:
    assert not imports.closure("model.eval()\ncursor.exec(text)").everything


def test_a_computed_import_may_be_told(imports: Imports) -> None:
    known = {"pack.find.dynamic": {"pack.find.hidden"}}
    found = imports.closure("from pack.find import dynamic", known)
    assert not found.everything
    assert found.modules == {"pack.find", "pack.find.dynamic", "pack.find.hidden"} | RIGHT


def test_libraries_and_words_come_along(imports: Imports) -> None:
    found = imports.closure("from numpy import array\nfrom pack import shelf\nshelf.d('own')")
    assert found.libraries == {"numpy", "torch", "os"}
    assert {"own", "word"} <= found.words


def test_what_a_package_does_besides_is_known(imports: Imports) -> None:
    assert imports.remains("pack") == "import os\nos.environ.setdefault('A', '1')"
    assert imports.remains("pack.shelf") == ""
    assert imports.remains("pack.deep") == "list_of_all = [one.first]"


def test_modules_come_after_what_they_build_on(imports: Imports) -> None:
    names = ["pack.shelf.base", "pack.shelf.left", "pack.plain", "pack.alone", "pack.shelf.right"]
    assert imports.in_order(names) == [
        "pack.alone", "pack.plain", "pack.shelf.base", "pack.shelf.left", "pack.shelf.right",
    ]  # fmt: skip
    (imports.files["pack.alone"]).write_text("from . import plain\n")
    (imports.files["pack.plain"]).write_text("from . import alone\n")
    again = Imports(imports.files["pack"].parent)
    assert again.in_order(["pack.plain", "pack.alone"]) == ["pack.alone", "pack.plain"]
