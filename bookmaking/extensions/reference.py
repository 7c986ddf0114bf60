"""Turns the package's docstrings into the book's API pages, with autodoc.

The docstrings are plain text with Markdown's marks, as a reader of the source wants them. Autodoc
expects reStructuredText, where a single backtick, a bar or a trailing underscore means something
else. So this extension, before Google's sections are read,

- links `name` to its entry where there is one, and shows it as code elsewhere;
- protects every other character that reStructuredText would take for a mark;
- takes the comment beside a field as its description, and says what sets a constant.
It also writes signatures as the source has them, where autodoc has a way of its own.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import re
import sys
import textwrap
import tokenize
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import ModuleType
from typing import Any, ParamSpec, TypeVar, get_origin

from sphinx.pycode import ModuleAnalyzer

from .. import ROOT
from ..sources import api
from ..sources.api import PACKAGE

BESIDE = re.compile(r"  #(?:: .*| fmt: skip)$", re.MULTILINE)
LONGEST_VALUE = 12  # lines; a longer constant is a table of checksums or of styles

CODE = re.compile(r"`([^`]+)`")
EMPHASIS = re.compile(r"(?<![*\w])\*\w[^*\n]*\w\*(?![*\w])")
SPECIAL = re.compile(r"[\\|*_]")
SOURCE_LINE = re.compile(r"^(Source:) (?=\S)")
PARAMETERS = re.compile(r"Callable\[\[~?(\.\.\.|[A-Z])\], ")  # any, or those of a ParamSpec
TORCH = re.compile(r"~torch\.(?:_C\.)?(Generator|device|dtype)\b")  # the first two are ours too


@cache
def modules() -> tuple[str, ...]:
    """Returns the names of the modules that the pages describe."""
    return tuple(api.modules(ROOT))


def is_type_alias(value: object) -> bool:
    """Returns whether a module's value only names a type for annotations."""
    return get_origin(value) is not None or isinstance(value, TypeVar | ParamSpec)


def is_ours(value: Any) -> bool:
    """Returns whether a class or function comes from the package."""
    return str(value.__module__).split(".")[0] == PACKAGE


def is_public(module: ModuleType, name: str) -> bool:
    """Returns whether a name of a module is documented there: its own, and no type's alias."""
    value = getattr(module, name)
    if name.startswith("_") or isinstance(value, ModuleType) or is_type_alias(value):
        return False
    if inspect.isclass(value) or inspect.isroutine(value):
        return value.__module__ == module.__name__
    return name in constants(module.__name__)


@cache
def constants(module: str) -> dict[str, tuple[list[str], str]]:
    """Returns each described constant of a module: its comment after `#:`, and what sets it."""
    analyzer = ModuleAnalyzer.for_module(module)
    analyzer.analyze()
    lines, found = analyzer.code.splitlines(), {}
    for node in ast.parse(analyzer.code).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            text = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            for name in (n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)):
                comment = analyzer.attr_docs.get(("", name), ())
                if comment and name.isupper() and not name.startswith("_"):
                    found[name] = [*comment], BESIDE.sub("", text)
    return found


@cache
def entries() -> frozenset[str]:
    """Returns the full names of all that the API pages describe, methods included."""
    found = set(modules())
    for name in modules():
        module = importlib.import_module(name)
        for member in filter(lambda n: is_public(module, n), vars(module)):
            found.add(f"{name}.{member}")
            value = getattr(module, member)
            if inspect.isclass(value):
                found.update(
                    f"{name}.{member}.{method}"
                    for method, part in vars(value).items()
                    if not method.startswith("_") and getattr(part, "__doc__", None)
                    and (inspect.isroutine(part) or isinstance(part, property))
                )  # fmt: skip
    return frozenset(found)


def target(word: str, place: str, own: frozenset[str]) -> str | None:
    """Returns the entry that a word in a docstring names, or None.

    Args:
        word: what stands between backticks.
        place: the full name of what the docstring describes.
        own: names of its parameters and fields, which come before all others.
    """
    name = word.removesuffix("()")
    if name in own or not re.fullmatch(r"[A-Za-z_][\w.]*", name):
        return None
    parts = place.split(".")
    scopes = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    module = max((m for m in modules() if place == m or place.startswith(f"{m}.")), key=len)
    imported = vars(importlib.import_module(module)).get(name)
    if inspect.isclass(imported) or inspect.isroutine(imported):
        scopes.insert(0, imported.__module__)
    found = next((f"{s}.{name}" for s in scopes if f"{s}.{name}" in entries()), None)
    return None if found in (place, place.rpartition(".")[0]) else found


def to_rst(line: str, place: str, own: frozenset[str]) -> str:
    """Returns a line of a docstring with its Markdown as reStructuredText."""
    kept: list[str] = []

    def keep(text: str) -> str:
        kept.append(text)
        return f"\x00{len(kept) - 1}\x00"

    def code(match: re.Match[str]) -> str:
        found = target(match.group(1), place, own)
        word = match.group(1).replace("\\", "\\\\")
        return keep(f":py:obj:`{word} <{found}>`" if found else f":code:`{word}`")

    line = CODE.sub(code, line)
    line = EMPHASIS.sub(lambda m: keep(m.group()), line)
    line = SPECIAL.sub(lambda m: f"\\{m.group()}", line)
    line = SOURCE_LINE.sub(r"*\1* ", line)
    return re.sub("\x00(\\d+)\x00", lambda m: kept[int(m.group(1))], line)


def own_names(thing: Any) -> frozenset[str]:
    """Returns the names of a function's parameters, or of a class's fields and parameters."""
    names = set(getattr(thing, "__annotations__", ()))
    with suppress(TypeError, ValueError):  # some classes have no signature that Python can tell
        names.update(inspect.signature(thing).parameters)
    return frozenset(names)


def field_comments(cls: type) -> dict[str, str]:
    """Returns what the comments beside a class's fields say."""
    source = textwrap.dedent(inspect.getsource(cls))
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.ClassDef)
    return {
        node.target.id: comments[node.lineno]
        for node in definition.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        and node.lineno in comments
    }  # fmt: skip


def base_line(cls: type) -> Iterator[str]:
    """Yields what a class is made from, unless that goes without saying."""
    bases = [base for base in getattr(cls, "__orig_bases__", cls.__bases__) if base is not object]
    names = []
    for base in (get_origin(base) or base for base in bases):
        parts = base.__module__.split(".")
        places = [".".join(parts[: n + 1]) for n in range(len(parts))]
        # The place to import it from: the shortest that has it.
        home = next(p for p in places if getattr(sys.modules[p], base.__name__, None) is base)
        plain = home in ("builtins", "typing")
        full = base.__name__ if plain else f"{home}.{base.__name__}"
        names.append(f":py:obj:`{full}`" if full in entries() else f":code:`{full}`")
    if names:
        yield f"*Base:* {', '.join(names)}."


def handed_on(module: ModuleType) -> Iterator[str]:
    """Yields the full names of what a module's `__all__` takes from other modules."""
    for name in getattr(module, "__all__", ()):
        home = getattr(getattr(module, name), "__module__", module.__name__)
        if home != module.__name__ and f"{home}.{name}" in entries():
            yield f"{home}.{name}"


def describe(app: Any, what: str, place: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Rewrites one docstring in place; autodoc calls it before Google's sections are read."""
    own = own_names(thing)
    lines[:] = [to_rst(line, place, own) for line in lines]
    if what in ("class", "exception"):
        lines += ["", *base_line(thing)]
        fields = field_comments(thing)
        lines += ["", *(f":param {n}: {to_rst(t, place, own)}" for n, t in fields.items()), ""]
    if what == "module" and (names := list(handed_on(thing))):
        links = ", ".join(f":py:obj:`~{name}`" for name in names)
        lines += [f"It also re-exports {links}.", ""]


def describe_constant(
    app: Any, what: str, place: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Writes a constant's description, and what sets it."""
    module, _, name = place.rpartition(".")
    if what != "data":
        return
    comment, text = constants(module)[name]
    lines[:] = [to_rst(row, place, frozenset()) for row in comment]
    first = next(n for n, (_, other) in constants(module).items() if other == text)
    rows = text.splitlines()
    if first != name:  # one line sets several
        lines += ["", f"Set beside :py:obj:`{first} <{module}.{first}>`."]
    elif len(rows) <= LONGEST_VALUE:
        lines += ["", ".. code-block:: python", "", *(f"   {row}" for row in rows), ""]


def write_signature(
    app: Any, what: str, place: str, thing: Any, options: Any, signature: str, returned: str
) -> tuple[str, str]:
    """Returns a signature as the source has it.

    - A protocol has none: nobody calls it.
    - A field's default that is made anew is `list()`; no parser of signatures reads `<factory>`.
    - Any parameters are `Callable[..., X]`, and those that `P` stands for `Callable[P, X]`.
    - torch's types are `torch.Generator`, `torch.device` and `torch.dtype`.
    """
    if getattr(thing, "_is_protocol", False):
        return "", ""
    for field in fields(thing) if what == "class" and is_dataclass(thing) else ():
        if field.default_factory is not MISSING:
            call = f"{getattr(field.default_factory, '__name__', '...')}()"
            signature = signature.replace("<factory>", call, 1)
    return as_written(signature or ""), as_written(returned or "")


def as_written(types: str) -> str:
    """Returns autodoc's text for types as the source has it."""
    return PARAMETERS.sub(r"Callable[\1, ", TORCH.sub(r"torch.\1", types))


def list_modules_once(app: Any, doctree: Any) -> None:
    """Leaves a module in the index under its name, and not a second time under "module"."""
    entries = app.env.get_domain("index").entries[app.env.docname]
    for number, (kind, text, *rest) in enumerate(entries):
        if kind == "pair" and text.startswith("module; "):
            entries[number] = ("single", f"{text.removeprefix('module; ')} (module)", *rest)


def skip(app: Any, what: str, name: str, thing: Any, skipped: bool, options: Any) -> bool | None:
    """Returns True for what the pages leave out: types' aliases, and fields of a class."""
    if what in ("class", "exception"):
        return None if inspect.isroutine(thing) or isinstance(thing, property) else True
    if is_type_alias(thing):
        return True
    return None


def resolve(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Returns a link, or plain text, for a type that autodoc knows by its bare name only.

    It does so where a module names a type from a circle of imports, and then for the other types
    of that signature. What is no name of the module's stays unresolved, and so an error.
    """
    module, word = node.get("py:module"), node["reftarget"].rpartition(".")[2]
    if node.get("refdomain") != "py" or module not in modules():
        return None
    value = vars(importlib.import_module(module)).get(word)
    if is_type_alias(value) or (inspect.isclass(value) and not is_ours(value)):
        return contnode
    found = [name for name in entries() if name.rpartition(".")[2] == word]
    if len(found) != 1 or "." in node["reftarget"]:
        return None
    place = (env, node["refdoc"], app.builder)
    return env.get_domain("py").resolve_xref(*place, "obj", found[0], node, contnode)


def setup(app: Any) -> dict[str, Any]:
    """Hooks into autodoc, before napoleon, which reads Google's sections."""
    app.connect("autodoc-process-docstring", describe, priority=400)
    # After napoleon, which would take a comment such as "Rows: in pixels" for a type.
    app.connect("autodoc-process-docstring", describe_constant, priority=600)
    app.connect("autodoc-process-signature", write_signature)
    app.connect("doctree-read", list_modules_once)
    app.connect("autodoc-skip-member", skip)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True}
