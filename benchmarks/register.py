"""The list of benchmarks, read from the modules' sources: each says in BENCHMARKS which it has."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Benchmark:
    """A benchmark: where it stands, and what it compares."""

    module: str
    function: str
    compares: str  # in one clause

    def load(self) -> Callable[..., dict[str, Any]]:
        """Returns the function; only now its module is imported, and torch with it."""
        found: Callable[..., dict[str, Any]] = getattr(
            import_module(f"{__package__}.{self.module}"), self.function
        )
        return found

    def takes(self) -> set[str]:
        """Returns the names of the options that the function takes."""
        return {*inspect.signature(self.load()).parameters}


def benchmarks(folder: Path = Path(__file__).parent) -> dict[str, Benchmark]:
    """Returns all benchmarks by name, module by module.

    Raises:
        ValueError: two have one name.
    """
    found: dict[str, Benchmark] = {}
    for path in sorted(folder.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "BENCHMARKS":
                for name, (function, compares) in ast.literal_eval(node.value).items():
                    if name in found:
                        raise ValueError(f"Two benchmarks are called {name}: rename one.")
                    found[name] = Benchmark(path.stem, function, compares)
    return found
