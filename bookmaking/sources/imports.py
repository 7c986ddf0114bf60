"""Who imports what in the course's package, read from its sources: nothing is run.

A package's `__init__` there hands on names of its modules. Who takes `plotting.curves` needs the
module of `curves` alone, not the whole shelf, and that is what is said here.
What can't be told from the source, such as a name that is computed, counts as everything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

NO_NAMES: Mapping[str, str] = {}
NOTHING: Mapping[str, set[str]] = {}
# Who uses these imports what its text does not name, or runs what it does not hold.
DYNAMIC = {
    "__import__", "import_module", "exec_module", "load_module", "run_path", "run_module", "exec",
    "eval",
}  # fmt: skip
# A line for the notebook's shell, which jupytext writes as a comment; `%pip` imports nothing.
MAGIC = re.compile(r"^(\s*)(?:# )?[%!](?!pip\b).*$", re.MULTILINE)
PIP = re.compile(r"^(\s*)(?:# )?[%!]pip\b.*$", re.MULTILINE)


@dataclass
class Uses:
    """What a text needs: modules of the package by name, other libraries, and its words.

    `everything` is true when the text imports what it does not name.
    """

    modules: set[str] = field(default_factory=set)
    libraries: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    everything: bool = False


@dataclass
class Text:
    """What stands in a text, wherever: imports, names with their attributes, and its words."""

    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    chains: set[tuple[str, ...]] = field(default_factory=set)  # ("a", "b", "c") for `a.b.c`
    words: set[str] = field(default_factory=set)
    sets: set[str] = field(default_factory=set)  # names that it defines
    dynamic: bool = False


@dataclass(frozen=True)
class Module:
    """A module's text; of a package's `__init__`, what it does besides handing on names.

    What it hands on is known by the name: from which module, and how it is called there.
    """

    text: Text
    package: str  # where its relative imports begin
    remains: str = ""
    own: frozenset[str] = frozenset()  # names that a package's `__init__` sets itself
    handed_on: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class Imports:
    """The modules of the package in `folder`: `files` has their paths by full name."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.files: dict[str, Path] = {}
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder.parent).with_suffix("").parts
            self.files[".".join(p for p in parts if p != "__init__")] = path
        self._read: dict[str, Module] = {}
        self._needs: dict[str, Uses] = {}

    def module(self, name: str) -> Module:
        """Returns a module of the package, by its full name."""
        if name not in self._read:
            path = self.files[name]
            text = path.read_text(encoding="utf-8")
            if path.stem != "__init__":
                self._read[name] = Module(_read(text), name.rpartition(".")[0])
            else:
                self._read[name] = self._package(name, ast.parse(text))
        return self._read[name]

    def is_package(self, name: str) -> bool:
        """Whether a module is a package's `__init__`."""
        return self.files[name].stem == "__init__"

    def uses(self, name: str) -> Uses:
        """Returns what a module needs itself; of a package, what is more than handing on."""
        if name not in self._needs:
            module = self.module(name)
            bound = dict.fromkeys(module.handed_on, name)
            self._needs[name] = self._uses(module.text, module.package, bound)
        return self._needs[name]

    def remains(self, package: str) -> str:
        """Returns what a package does besides handing on names, as text; mostly nothing."""
        return self.module(package).remains

    def closure(self, text: str, dynamic: Mapping[str, set[str]] = NOTHING) -> Uses:
        """Returns all that a notebook's text needs, and what that needs, and so on.

        Args:
            text: Python, in which lines may be magics.
            dynamic: which modules a module's computed imports give, where that is known.
        """
        try:
            found = self._uses(_read(MAGIC.sub(r"\1__import__", PIP.sub(r"\1pass", text))), "")
        except SyntaxError:
            return Uses(everything=True)
        waiting = sorted(found.modules)
        while waiting:
            name = waiting.pop()
            more = self.uses(name)
            known = name in dynamic
            modules = more.modules | (self._with_parents(dynamic[name]) if known else set())
            waiting += sorted(modules - found.modules)
            found.modules |= modules
            found.libraries |= more.libraries
            found.words |= more.words
            found.everything |= more.everything and not known
        return found

    def in_order(self, names: list[str]) -> list[str]:
        """Returns modules in the order in which they build on each other, else by name."""
        left, order = sorted(names), list[str]()
        needs = {name: self.uses(name).modules & {*names} - {name} for name in names}
        while left:
            ready = [name for name in left if needs[name] <= {*order}]
            order.append(ready[0] if ready else left[0])  # where they stand in a circle, any
            left.remove(order[-1])
        return order

    def _package(self, name: str, tree: ast.Module) -> Module:
        """Returns the module of a package's `__init__`."""
        found: dict[str, tuple[str, str]] = {}
        for node in filter(_hands_on, tree.body):
            assert isinstance(node, ast.ImportFrom)
            base = self._base(node, name)
            found |= {alias.asname or alias.name: (base, alias.name) for alias in node.names}
        remains = ast.Module([n for n in tree.body if not _hands_on(n) and not _is_idle(n)], [])
        text = _read_tree(remains)
        text.dynamic |= "*" in found or "__getattr__" in text.sets
        return Module(text, name, ast.unparse(remains), frozenset(text.sets), found)

    def _base(self, node: ast.ImportFrom, package: str) -> str:
        """Returns the full name of the module that an import takes names from."""
        if not node.level:
            return node.module or ""
        parts = package.split(".")
        parts = parts[: len(parts) - node.level + 1]
        return ".".join([*parts, *([node.module] if node.module else [])])

    def _is_ours(self, name: str) -> bool:
        return name.partition(".")[0] == self.name

    def _with_parents(self, names: set[str]) -> set[str]:
        """Returns modules with the packages above them, whose `__init__` runs first."""
        parts = [name.split(".") for name in names]
        return {".".join(p[:n]) for p in parts for n in range(1, len(p) + 1)} & self.files.keys()

    def _uses(self, text: Text, package: str, own: Mapping[str, str] = NO_NAMES) -> Uses:
        """Returns what a text needs; `own` are the names that its package hands on."""
        found = Uses(words=set(text.words), everything=text.dynamic)
        bound: dict[str, str] = {}  # local names of modules
        for node in text.imports:
            if isinstance(node, ast.Import):
                self._import(node, found, bound)
            else:
                self._import_from(node, package, found, bound)
        for name, *attributes in text.chains:
            if name in bound:
                self._take(bound[name], attributes, found)
            elif name in own:
                self._take(own[name], [name, *attributes], found)
        found.modules = self._with_parents(found.modules)
        return found

    def _import(self, node: ast.Import, found: Uses, bound: dict[str, str]) -> None:
        for alias in node.names:
            if not self._is_ours(alias.name):
                found.libraries.add(alias.name.partition(".")[0])
            elif alias.name not in self.files:
                found.everything = True
            else:
                bound[alias.asname or self.name] = alias.name if alias.asname else self.name
                found.modules.add(alias.name)

    def _import_from(
        self, node: ast.ImportFrom, package: str, found: Uses, bound: dict[str, str]
    ) -> None:
        base = self._base(node, package)
        if not self._is_ours(base):
            found.libraries.add(base.partition(".")[0])
            found.everything |= any(alias.name in DYNAMIC for alias in node.names)
            return
        for alias in node.names:
            if alias.name == "*" or base not in self.files:
                self._take(base, [], found)
                continue
            home, name = self._resolve(base, alias.name)
            if not name:
                bound[alias.asname or alias.name] = home
                found.modules.add(home)
            else:
                self._take(home, [name], found)

    def _resolve(self, module: str, name: str) -> tuple[str, str]:
        """Returns where a module's name comes from; the name is empty if it is a module itself."""
        home = self.module(module).handed_on.get(name, (module, name))
        if home != (module, name) and home[0] in self.files:
            return self._resolve(*home)
        inner = f"{module}.{name}"
        return (inner, "") if inner in self.files else (module, name)

    def _take(self, module: str, names: list[str], found: Uses) -> None:
        """Notes that a text takes from a module what follows its name, as in `plotting.curves`."""
        if module not in self.files:
            found.everything = True
            return
        found.modules.add(module)
        if not self.is_package(module):
            if names and f"{module}.{names[0]}" in self.files:
                self._take(f"{module}.{names[0]}", names[1:], found)
            return
        if not names:  # the package itself is passed on: all of it may be used
            found.modules.update(n for n in self.files if n.startswith(f"{module}."))
            return
        home, name = self._resolve(module, names[0])
        if name and home == module:  # its own, or a name that it does not have
            found.everything |= name not in self.module(module).own | {"__name__", "__path__"}
        elif name:
            self._take(home, [name], found)
        else:
            self._take(home, names[1:], found)


def _hands_on(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.level > 0


def _is_idle(node: ast.stmt) -> bool:
    """Whether a statement does nothing: a docstring, `__all__`, an import from the future."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "__future__"
    if isinstance(node, ast.Assign):
        return [ast.unparse(target) for target in node.targets] == ["__all__"]
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@lru_cache(maxsize=500)
def _read(text: str) -> Text:
    """Returns what stands in a module.

    Raises:
        SyntaxError: the text is no Python.
    """
    return _read_tree(ast.parse(text))


def _read_tree(tree: ast.Module) -> Text:
    found, inner = Text(), set[int]()
    for node in ast.walk(tree):  # from the outside in
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.imports.append(node)
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                found.words.add(node.value)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.sets.add(node.name)
        elif isinstance(node, ast.Attribute | ast.Name):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.sets.add(node.id)
            found.dynamic |= _is_dynamic(node)
            if id(node) not in inner:
                names: list[str] = []
                below: ast.expr = node
                while isinstance(below, ast.Attribute):
                    names.append(below.attr)
                    below = below.value
                    inner.add(id(below))
                if isinstance(below, ast.Name):
                    found.chains.add((below.id, *reversed(names)))
    return found


def _is_dynamic(node: ast.AST) -> bool:
    """Whether this runs or imports what the text does not hold; `model.eval()` does not."""
    if isinstance(node, ast.Attribute):
        return node.attr in DYNAMIC - {"exec", "eval"}
    return isinstance(node, ast.Name) and node.id in DYNAMIC
