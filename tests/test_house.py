"""The rules that hold the house up: what only a document asks for slips."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from longest import LONG, place
from offenders import only_shrink

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "aigc_utils"
CODE = ("aigc_utils", "benchmarks", "bookmaking", "course", "grading", "scaling")

# From the ground up: a module imports from the floors below its own, and on its own floor only
# within its own package. What stands in none of these is a chapter.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("limits", "interrupts", "threads", "console", "devices"),
    ("data", "source"),
    ("history", "schedules", "optimizers", "latent", "losses", "ema", "model_files", "runs"),
    ("seeds", "processes"),
    ("training",),
    ("evaluation",),
    ("plotting",),
    (),  # the chapters
    ("digits",),
    ("exercises",),
)
CHAPTERS = FLOORS.index(())

# Today's offenders, which may only become fewer and shorter.
MOST_LINES = 300
LONG_MODULES: dict[str, int] = {}
MOST_FUNCTION_LINES = 30
LONG_FUNCTIONS: dict[str, int] = {}


def modules(root: Path = PACKAGE) -> dict[str, ast.Module]:
    """Returns the modules below a package by dotted name without the package's own."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def is_package(name: str, names: dict[str, ast.Module]) -> bool:
    return any(other.startswith(f"{name}.") for other in names)


def imports(name: str, names: dict[str, ast.Module]) -> set[str]:
    """Returns which modules of the package a module imports, also within its functions."""
    found = set()
    for node in ast.walk(names[name]):
        if not isinstance(node, ast.ImportFrom):
            continue
        base = name.split(".")
        keep = len(base) + is_package(name, names) - node.level if node.level else 0
        start = [*base[:keep], *(node.module or "").split(".")]
        for alias in node.names:
            whole = ".".join(part for part in (*start, alias.name) if part)
            parent = whole.rpartition(".")[0]
            found.add(whole if whole in names else parent)
    return {other for other in found if other in names and other != name}


def floor(name: str) -> int:
    """Returns a module's floor, from 0; what stands in no list is a chapter's."""
    top = name.split(".")[0]
    return next((i for i, on in enumerate(FLOORS) if top in on), CHAPTERS)


def upward(names: dict[str, ast.Module]) -> list[str]:
    """Returns the imports that lead upward, or from one room of a floor to another."""
    found = []
    for name in names:
        for other in sorted(imports(name, names)):
            own, top = name.split(".")[0], other.split(".")[0]
            if own != top and floor(other) >= floor(name):
                found.append(f"{name} imports {other}")
    return found


def circles(names: dict[str, ast.Module]) -> list[str]:
    """Returns the modules that lead back to themselves, packages' lists of names left out."""
    graph = {
        name: {other for other in imports(name, names) if not is_package(other, names)}
        for name in names
        if not is_package(name, names)
    }
    found = []
    for name in graph:
        seen: set[str] = set()
        waiting = list(graph[name])
        while waiting:
            other = waiting.pop()
            if other not in seen and other in graph:
                seen.add(other)
                waiting.extend(graph[other])
        if name in seen:
            found.append(name)
    return found


def test_imports_lead_downward_and_in_no_circle() -> None:
    names = modules()
    assert len(names) > 50
    assert upward(names) == []
    assert circles(names) == []


def test_an_upward_import_and_a_circle_are_found() -> None:
    names = {
        "data": ast.parse("from .gan import sample"),
        "gan": ast.parse("from . import vae"),
        "vae": ast.parse("def f():\n    from .gan import sample"),
        "gan2.a": ast.parse("from .b import x"),
        "gan2.b": ast.parse("from .a import y"),
        "gan2": ast.parse("from .a import y"),
    }
    found = upward(names)
    assert found == ["data imports gan", "gan imports vae", "vae imports gan"]
    assert circles(names) == ["gan", "vae", "gan2.a", "gan2.b"]


def test_the_map_names_every_room() -> None:
    text = ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")))
    rooms = {name for name in modules() if "." not in name}
    assert {room for room in rooms if f"- `{room}`:" not in (text or "")} <= {"exercises"}


@cache
def sources() -> list[tuple[str, str, ast.Module]]:
    """Returns the path, text and tree of each module of the course's own code."""
    paths = [path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py"))]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    return [
        (path.relative_to(ROOT).as_posix(), text, ast.parse(text))
        for path, text in zip(paths, texts, strict=True)
    ]


def functions(tree: ast.AST) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yields each function and method, nested ones too, with its dotted name."""
    waiting: list[tuple[str, ast.AST]] = [("", tree)]
    while waiting:
        above, node = waiting.pop()
        for child in ast.iter_child_nodes(node):
            name = getattr(child, "name", None)
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                dotted = f"{above}.{name}".lstrip(".")
                if isinstance(child, ast.FunctionDef):
                    yield dotted, child
                waiting.append((dotted, child))
            else:
                waiting.append((above, child))


def code_lines(function: ast.FunctionDef) -> int:
    """Returns how many lines a function's code has, from its first statement after the docstring.

    Functions within count too, as a reader has to read them to read this one.
    """
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_modules_have_one_subject_each() -> None:
    found = {path: text.count("\n") for path, text, _ in sources()}
    assert only_shrink({k: v for k, v in found.items() if v > MOST_LINES}, LONG_MODULES) == []


def test_functions_are_short() -> None:
    found = {
        f"{path}:{name}": code_lines(node)
        for path, _, tree in sources()
        for name, node in functions(tree)
        if code_lines(node) > MOST_FUNCTION_LINES
    }
    assert only_shrink(found, LONG_FUNCTIONS) == []


def test_a_list_of_offenders_may_only_shrink() -> None:
    assert only_shrink({"a": 40}, {"a": 40}) == []
    assert only_shrink({"a": 41}, {"a": 40}) == ["a has grown to 41"]
    assert only_shrink({"b": 31}, {}) == ["b is new, with 31"]
    assert only_shrink({}, {"a": 40}) == ["a is mended: take it from the list"]


def arguments(node: ast.FunctionDef) -> list[ast.arg]:
    given = node.args
    return [*given.posonlyargs, *given.args, *given.kwonlyargs]


def misnamed(tree: ast.AST) -> list[str]:
    """Returns the arguments that are a `torch.Generator` and have another name than `rng`."""
    return [
        f"{name}({each.arg})"
        for name, node in functions(tree)
        for each in arguments(node)
        if each.annotation and "torch.Generator" in ast.unparse(each.annotation)
        if each.arg != "rng"
    ]


#: A new generator of random numbers; the first kind's may be seeded at once.
NEW_GENERATOR = re.compile(
    r"torch\.Generator\(.*|(?:random\.Random|np\.random\.default_rng)\([^()]*\)"
)


def misnamed_variables(tree: ast.AST) -> list[str]:
    """Returns the variables that get a new generator and whose name does not end in rng."""
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for node in ast.walk(tree):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs += zip(target.elts, node.value.elts, strict=False)
            else:
                pairs.append((target, node.value))
    return [
        ast.unparse(target)
        for target, value in pairs
        if NEW_GENERATOR.fullmatch(ast.unparse(value))
        if not ast.unparse(target).endswith("rng")
    ]


def test_the_longest_files_of_tests_are_there() -> None:
    names = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert set(LONG) <= names, "longest.py names a file that is gone"


def test_what_takes_longest_begins_first() -> None:
    chapter, exercises = (Path(f"executed/{name}.ipynb") for name in ("02_gan", "exercises/02_gan"))
    long, longer, short = (Path(f"tests/{name}") for name in (*LONG[1::-1], "test_ema.py"))
    files = [exercises, short, long, chapter, longer]
    assert sorted(files, key=place) == [chapter, longer, long, short, exercises]


def test_random_generators_are_called_rng() -> None:
    assert [f"{path}: {name}" for path, _, tree in sources() for name in misnamed(tree)] == []
    assert misnamed(ast.parse("def f(generator: torch.Generator | None): ...")) == ["f(generator)"]


def test_a_new_generator_is_called_rng() -> None:
    places = (*CODE, "notebooks", "exercises", "tests")
    paths = [path for name in places for path in sorted((ROOT / name).rglob("[!.]*.py"))]
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    found = [
        (path.name, name)
        for path, text in texts.items()
        if any(kind in text for kind in ("Generator(", "Random(", "default_rng("))
        for name in misnamed_variables(ast.parse(text))
    ]
    assert found == []
    assert misnamed_variables(ast.parse("a, b = torch.Generator(), 1")) == ["a"]
    assert misnamed_variables(ast.parse("a = random.Random(0); my_rng = random.Random(1)")) == ["a"]


class Anonymous(ast.NodeTransformer):
    """Drops names, annotations and docstrings, so that a copy under other names shows."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self.names.setdefault(node.id, f"n{len(self.names)}"), ast.Load())

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(self.names.setdefault(node.arg, f"n{len(self.names)}"))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns, node.decorator_list = None, []
        if ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
        self.names.setdefault(node.name, f"n{len(self.names)}")
        node.name = "f"
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return node
        return self.visit(ast.Assign([node.target], node.value, lineno=node.lineno))


def shape(statements: list[ast.stmt]) -> str:
    """Returns statements as one text in which names play no part."""
    copy = ast.parse(ast.unparse(ast.Module(statements, [])))
    return ast.dump(Anonymous().visit(copy))


def bodies(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """Yields each run of statements, docstrings left out."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                first = block[0]
                docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
                yield block[1:] if docstring else block


def repeated(trees: dict[str, ast.AST], statements: int = 3, size: int = 25) -> list[str]:
    """Returns runs of statements that stand in two places, names apart.

    Runs with few nodes of the syntax tree are left out: two assignments are no logic.
    """
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path, tree in trees.items():
        for body in bodies(tree):
            for start in range(len(body) - statements + 1):
                run = body[start : start + statements]
                if any(
                    isinstance(each, ast.Import | ast.ImportFrom | ast.ClassDef) for each in run
                ):
                    continue
                if sum(1 for each in run for _ in ast.walk(each)) >= size:
                    places[shape(run)].append(f"{path}:{run[0].lineno}")
    return [" = ".join(where) for where in places.values() if len(where) > 1]


# The article's listings are quoted as they stand there, each step written out.
QUOTED = ("aigc_utils/gan/article.py", "aigc_utils/vae/article.py")


def test_the_package_says_everything_once() -> None:
    trees = {
        path: tree
        for path, _, tree in sources()
        if path.startswith("aigc_utils/") and "/exercises/" not in path and path not in QUOTED
    }
    assert repeated(dict(trees)) == []


def test_a_repetition_is_found_whatever_its_names() -> None:
    first = "def f(o, l):\n    o.zero_grad()\n    l.backward(retain_graph=True)\n    o.step()\n"
    second = first.replace("def f(o, l):", "def g(a, b):\n    x = 1")
    second = second.replace("o.", "a.").replace("l.b", "b.b")
    trees = {"a": ast.parse(first), "b": ast.parse(second)}
    assert repeated(trees, size=10) == ["a:2 = b:3"]
    trees["b"] = ast.parse(second.replace("a.step", "b.step"))
    assert repeated(trees, size=10) == []


# What stands once on the ground floor, and what of it may appear nowhere else. Importance sampling
# needs the noise by itself, so it draws its codes itself.
ONCE = {
    ".zero_grad(": ("aigc_utils/optimizers.py",),
    "was_training": ("aigc_utils/training.py",),
    "255).round()": ("aigc_utils/data/pixels.py",),
    "log_variance.exp() - 1": ("aigc_utils/latent.py",),
    "(log_variance / 2).exp()": ("aigc_utils/latent.py", "aigc_utils/evaluation/likelihood.py"),
    "F.binary_cross_entropy_with_logits(": ("aigc_utils/losses.py",),
    ".lerp_(": ("aigc_utils/ema.py",),
    "Callable[[Batch], dict[str, Tensor]]": ("aigc_utils/training.py",),
}


@pytest.mark.parametrize("text", ONCE)
def test_ground_floor_stands_once(text: str) -> None:
    found = [
        path
        for path, source, _ in sources()
        if path.startswith("aigc_utils/") and "/exercises/" not in path and path not in QUOTED
        if text in source
    ]
    assert found == sorted(ONCE[text])


def aliases(tree: ast.Module) -> dict[str, str]:
    """Returns what each type alias of a module stands for, by its name."""
    return {
        node.targets[0].id: ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        if isinstance(node.value, ast.Subscript | ast.BinOp)
        if node.targets[0].id[:1].isupper() and not node.targets[0].id.isupper()
    }


def test_a_type_has_one_alias() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path, _, tree in sources():
        if path.startswith("aigc_utils/") and "/exercises/" not in path:
            for name, meaning in aliases(tree).items():
                places[meaning].append(f"{path}:{name}")
    assert [where for where in places.values() if len(where) > 1] == []
    assert aliases(ast.parse("Ab = list[int]\nBc = 3\nCd = De = 1")) == {"Ab": "list[int]"}


def test_no_circle_leads_through_the_other_packages() -> None:
    names = {f"{top}.{n}": tree for top in CODE for n, tree in modules(ROOT / top).items()}
    assert circles(names) == []
