"""Reads a student's code without running it: names, added lines, imports that can't be had."""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec

DEFINED = re.compile(r"^(?:def|class)\s+(\w+)|^(\w+)\s*(?::[^=\n]*)?=(?!=)", re.MULTILINE)
#: What IPython understands and Python does not.
MAGIC = re.compile(r"^[ \t]*[%!?].*$|^[ \t]*[\w.]+\?{1,2}[ \t]*$", re.MULTILINE)
#: Longer cells are not parsed: the parser takes some hundred times their size.
LONGEST = 200_000
#: What opens the checks; a change of it in a released cell counts for nothing.
PROTECTED = {"check", "hint", "given", "open_exercises", "VARIANT"}
# What an answer has no reason to name: with these it could reach the checks themselves.
REACHING = re.compile(
    r"aigc_utils\.exercises|\bopen_exercises\b|\bsys\.modules\b|\bgc\.get_|\bsetattr\(torch"
    r"|\b(?:os|subprocess|socket|ctypes|importlib|builtins)\b|__import__|__builtins__"
    r"|\bget_ipython\b|(?<!\.)\b(?:exec|eval)\("
)
CALLED = re.compile(r"\bcheck\(\s*[rf]?[\"'](\w+)[\"']")
#: One thread parses at a time: Python counts the depth of all its trees in one place, and some
#: versions stop with SystemError where two threads build theirs (cpython's issue 106905).
PARSING = threading.Lock()
#: Definitions, and what else has a scope of its own.
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
CLOSED = (*SCOPES, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def squeezed(source: str) -> str:
    """Returns a cell's text without what an editor may change: spaces at the ends, empty lines."""
    return "\n".join(line.rstrip() for line in source.splitlines() if line.strip())


def parsed(source: str) -> list[ast.stmt] | None:
    """Returns a cell's statements; None if it can't be parsed."""
    if len(source) > LONGEST:
        return None
    try:
        with PARSING:
            return ast.parse(MAGIC.sub("", source)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def defined(source: str) -> set[str]:
    """Returns the names that a cell defines at its top level, also if it has a syntax error.

    A name of which only a part is changed, as in `name["key"] = 1`, is not defined by that.
    """
    body = parsed(source)
    if body is None:
        return {name for match in DEFINED.finditer(source) for name in match.groups() if name}
    return bound(body)


def completed(source: str) -> set[str]:
    """Returns the names that a cell defines without leaving `...` where an answer belongs."""
    body = parsed(source)
    if body is None:
        return defined(source)
    found: set[str] = set()
    for node in body:
        names = bound([node])
        parts = () if isinstance(node, SCOPES) else ast.walk(node)
        dots = any(isinstance(part, ast.Constant) and part.value is ... for part in parts)
        found = found - names if dots else found | names
    return found


def bound(body: list[ast.stmt]) -> set[str]:
    """Returns the names that statements bind in their own scope; imports are left out."""
    found = set()
    for node in _in_scope(body):
        if isinstance(node, SCOPES):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def _in_scope(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yields the nodes of statements, without what lies in functions, classes and loops of one."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, CLOSED):
            waiting.extend(ast.iter_child_nodes(node))


def added(source: str, released: str) -> str:
    """Returns the statements that a student added to a released cell, as text.

    What the released cell defines stays as it is: a statement that binds one of its names, or one
    of those that open the checks, is left out.
    """
    body, old = parsed(source), parsed(released)
    if body is None or old is None:
        return ""
    known = {ast.dump(node) for node in old}
    kept = PROTECTED | bound(old)
    texts = []
    for node in body:
        text = ast.unparse(node)
        opens = isinstance(node, ast.ImportFrom | ast.Import) and "aigc_utils.exercises" in text
        if not (ast.dump(node) in known or bound([node]) & kept or opens):
            texts.append(text)
    return "\n".join(texts)


@cache
def importable(module: str) -> bool:
    """Whether a module can be found here, where the submissions run."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def without_missing(source: str) -> tuple[str, list[str]]:
    """Returns a cell without top-level imports of what is not installed, and the modules' names.

    Otherwise a line such as `import pandas` would take the whole answer with it.
    """
    missing = []
    lines = source.encode().split(b"\n")
    for node in reversed(parsed(source) or []):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module.split(".")[0]]
        else:
            continue
        lost = [name for name in names if not importable(name)]
        if not lost:
            continue
        missing += lost
        kept = [alias for alias in node.names if isinstance(node, ast.Import)
                and importable(alias.name.split(".")[0])]  # fmt: skip
        text = ast.unparse(ast.Import(kept)) if kept else "pass"
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        end = lines[last][node.end_col_offset :]
        lines[first] = lines[first][: node.col_offset] + text.encode() + end
        lines[first + 1 : last + 1] = [b""] * (last - first)
    return b"\n".join(lines).decode(), sorted(set(missing))
