"""Who imports what in the course's package, read from its sources: nothing is run.

Many a package there is a shelf: its `__init__` only hands on names of its modules. Who takes
`plotting.curves` needs the module of `curves` alone, not the shelf, and that is what is said here.
What can't be told from the source, such as a name that is computed, counts as everything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

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


@dataclass(frozen=True)
class Module:
    """A module's text, and for a shelf what it hands on: the module and the name there."""

    tree: ast.Module
    package: str  # where its relative imports begin
    handed_on: Mapping[str, tuple[str, str]] | None = None  # None for what is no shelf


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
            tree = ast.parse(path.read_text(encoding="utf-8"))
            is_package = path.stem == "__init__"
            home = name if is_package else name.rpartition(".")[0]
            handed_on = self._handed_on(tree, home) if is_package else None
            self._read[name] = Module(tree, home, handed_on)
        return self._read[name]

    def is_shelf(self, name: str) -> bool:
        """Whether a module is a package that only hands on names."""
        return self.module(name).handed_on is not None

    def uses(self, name: str) -> Uses:
        """Returns what a module needs itself; of a shelf, what is more than handing on."""
        if name not in self._needs:
            module = self.module(name)
            tree = module.tree
            if module.handed_on is not None:
                tree = ast.Module(_remains(tree), [])
            self._needs[name] = self._uses(tree, module.package)
        return self._needs[name]

    def remains(self, shelf: str) -> str:
        """Returns what a shelf does besides handing on names, as text; mostly nothing."""
        return "\n".join(map(ast.unparse, _remains(self.module(shelf).tree)))

    def closure(self, text: str, dynamic: Mapping[str, set[str]] = NOTHING) -> Uses:
        """Returns all that a notebook's text needs, and what that needs, and so on.

        Args:
            text: Python, in which lines may be magics.
            dynamic: which modules a module's computed imports give, where that is known.
        """
        try:
            tree = ast.parse(MAGIC.sub(r"\1__import__", PIP.sub(r"\1pass", text)))
        except SyntaxError:
            return Uses(everything=True)
        found = self._uses(tree, "")
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

    def _handed_on(self, tree: ast.Module, package: str) -> dict[str, tuple[str, str]] | None:
        """Returns the names that a package's `__init__` hands on; None if it uses them itself."""
        found: dict[str, tuple[str, str]] = {}
        for node in tree.body:
            if _hands_on(node):
                assert isinstance(node, ast.ImportFrom)
                base = self._base(node, package)
                for alias in node.names:
                    if alias.name == "*" or not base:
                        return None
                    found[alias.asname or alias.name] = base, alias.name
        used = {n.id for s in _remains(tree) for n in ast.walk(s) if isinstance(n, ast.Name)}
        return None if used & found.keys() else found

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

    def _uses(self, tree: ast.Module, package: str) -> Uses:
        found = Uses()
        bound: dict[str, str] = {}  # local names of modules
        nodes = list(ast.walk(tree))
        for node in nodes:
            if isinstance(node, ast.Import):
                self._import(node, found, bound)
            elif isinstance(node, ast.ImportFrom):
                self._import_from(node, package, found, bound)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.words.add(node.value)
            elif _is_dynamic(node):
                found.everything = True
        for chain in _chains(nodes):
            if chain[0] in bound:
                self._take(bound[chain[0]], chain[1:], found)
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
        handed_on = self.module(module).handed_on or {}
        if name in handed_on and handed_on[name][0] in self.files:
            return self._resolve(*handed_on[name])
        inner = f"{module}.{name}"
        return (inner, "") if inner in self.files else (module, name)

    def _take(self, module: str, names: list[str], found: Uses) -> None:
        """Notes that a text takes from a module what follows its name, as in `plotting.curves`."""
        if module not in self.files:
            found.everything = True
            return
        found.modules.add(module)
        if not self.is_shelf(module):
            if names and f"{module}.{names[0]}" in self.files:
                self._take(f"{module}.{names[0]}", names[1:], found)
            return
        if not names:  # the shelf itself is passed on: all of it may be used
            found.modules.update(n for n in self.files if n.startswith(f"{module}."))
            return
        home, name = self._resolve(module, names[0])
        if name and home == module:
            found.everything |= not name.startswith("__")  # a name that the shelf does not have
        elif name:
            self._take(home, [name], found)
        else:
            self._take(home, names[1:], found)


def _hands_on(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.level > 0


def _remains(tree: ast.Module) -> list[ast.stmt]:
    """Returns an `__init__`'s statements without docstring, `__all__` and names handed on."""
    return [node for node in tree.body if not (_hands_on(node) or _says_nothing(node))]


def _says_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "__future__"
    if isinstance(node, ast.Assign):
        return [ast.unparse(target) for target in node.targets] == ["__all__"]
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_dynamic(node: ast.AST) -> bool:
    """Whether this runs or imports what the text does not hold; `model.eval()` does not."""
    if isinstance(node, ast.Attribute):
        return node.attr in DYNAMIC - {"exec", "eval"}
    return isinstance(node, ast.Name) and node.id in DYNAMIC


def _chains(nodes: list[ast.AST]) -> Iterator[list[str]]:
    """Yields each name with the attributes that are taken of it: `a.b.c` as a, b, c."""
    inner: set[int] = set()
    for node in nodes:  # from the outside in
        if id(node) in inner or not isinstance(node, ast.Attribute | ast.Name):
            continue
        names: list[str] = []
        below: ast.expr = node
        while isinstance(below, ast.Attribute):
            names.append(below.attr)
            below = below.value
            inner.add(id(below))
        if isinstance(below, ast.Name):
            yield [below.id, *reversed(names)]
